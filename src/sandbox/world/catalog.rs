//! The catalog: products, versions and launch paths, as a caller sees them.

use super::model::{Answer, Cloud, Constraint, ConstraintKind, Place, Portfolio, Product, ServiceError, Version};
use super::{Caller, World};

/// A product, by id or by name.
#[derive(Debug, Clone, Default)]
pub struct ProductRef {
    pub id: Option<String>,
    pub name: Option<String>,
}

/// A version or a launch path, by id or by name.
#[derive(Debug, Clone, Default)]
pub struct VersionRef {
    pub id: Option<String>,
    pub name: Option<String>,
}

/// What a launch is made of, looked up.
#[derive(Debug, Clone)]
pub struct Chosen {
    pub product: Product,
    pub version: Version,
    /// The portfolio that the launch path leads through.
    pub portfolio: Portfolio,
}

impl World {
    /// The launch path id of a product in a portfolio; Alibaba Cloud names the portfolio itself.
    pub fn path_id(&self, product: &str, portfolio: &str) -> String {
        if self.catalog.portfolios.get(portfolio).is_some_and(|p| p.place.cloud() == Cloud::Alibaba) {
            return portfolio.to_owned();
        }
        super::super::ids::id(self.catalog.seed, "lpv2", &format!("{product}/{portfolio}"))
    }

    /// Constraints that the portfolio puts on the product.
    pub fn constraints<'a>(portfolio: &'a Portfolio, product: &'a str) -> impl Iterator<Item = &'a Constraint> {
        portfolio.constraints.iter().filter(move |c| c.product == product)
    }

    /// Whether the tags of a product that was launched by way of `path` may be changed.
    pub(super) fn allows_tag_updates(&self, product: &str, portfolio: &Portfolio) -> bool {
        Self::constraints(portfolio, product).any(|c| c.kind == ConstraintKind::ResourceUpdate)
    }

    /// Portfolios by way of which the caller can launch the product, in the order of the seed.
    pub fn paths(&self, caller: &Caller, product: &Product) -> Vec<&Portfolio> {
        let portfolios = product.portfolios.iter().filter_map(|id| self.catalog.portfolios.get(id));
        portfolios.filter(|p| p.principals.contains(&caller.principal.name)).collect()
    }

    /// Products of a place that the caller can launch, or all of them for an administrator's eyes.
    pub fn products(&self, caller: &Caller, as_admin: bool) -> Vec<&Product> {
        let names = self.indexes.product_names.get(&caller.place);
        let ids = names.into_iter().flat_map(|names| names.values().flatten());
        let products = ids.filter_map(|id| self.catalog.products.get(id));
        products.filter(|p| as_admin || !self.paths(caller, p).is_empty()).collect()
    }

    fn product_of_place(&self, place: &Place, wanted: &ProductRef) -> Answer<&Product> {
        match (&wanted.id, &wanted.name) {
            (Some(_), Some(_)) => {
                Err(ServiceError::invalid("Specify either the product id or the product name, not both."))
            }
            (None, None) => Err(ServiceError::invalid("Either the product id or the product name must be specified.")),
            (Some(id), None) => self
                .catalog
                .products
                .get(id)
                .filter(|p| p.place == *place)
                .ok_or_else(|| ServiceError::missing(format!("Product {id} not found."))),
            (None, Some(name)) => {
                let ids = self.indexes.product_names.get(place).and_then(|names| names.get(name));
                match ids.map(Vec::as_slice) {
                    Some([id]) => Ok(&self.catalog.products[id]),
                    Some([_, ..]) => {
                        Err(ServiceError::invalid(format!("Multiple products with name {name} were found.")))
                    }
                    _ => Err(ServiceError::missing(format!("Product with name {name} not found."))),
                }
            }
        }
    }

    /// A product as an administrator sees it.
    pub fn product_as_admin(&self, caller: &Caller, wanted: &ProductRef) -> Answer<&Product> {
        self.product_of_place(&caller.place, wanted)
    }

    /// A product that the caller can launch.
    pub fn product(&self, caller: &Caller, wanted: &ProductRef) -> Answer<&Product> {
        let product = self.product_of_place(&caller.place, wanted)?;
        if self.paths(caller, product).is_empty() {
            return Err(ServiceError::missing(format!("No launch paths found for resource: {}", product.id)));
        }
        Ok(product)
    }

    /// A version of a product. Names are not unique; an id always is.
    pub fn version<'a>(&self, product: &'a Product, wanted: &VersionRef) -> Answer<&'a Version> {
        match (&wanted.id, &wanted.name) {
            (Some(_), Some(_)) => {
                Err(ServiceError::invalid("Specify either the provisioning artifact id or its name, not both."))
            }
            (None, None) => {
                Err(ServiceError::invalid("Either the provisioning artifact id or its name must be specified."))
            }
            (Some(id), None) => product
                .versions
                .iter()
                .find(|v| v.id == *id)
                .ok_or_else(|| ServiceError::missing(format!("Provisioning artifact {id} not found."))),
            (None, Some(name)) => {
                let mut named = product.versions.iter().filter(|v| v.name == *name);
                match (named.next(), named.next()) {
                    (Some(version), None) => Ok(version),
                    (Some(_), Some(_)) => Err(ServiceError::invalid(format!(
                        "Multiple Provisioning Artifact with name {name} were found."
                    ))),
                    _ => Err(ServiceError::missing(format!("Provisioning artifact with name {name} not found."))),
                }
            }
        }
    }

    /// The portfolio of a launch path: the named one, or the only one.
    pub fn path(&self, caller: &Caller, product: &Product, wanted: &VersionRef) -> Answer<&Portfolio> {
        let paths = self.paths(caller, product);
        match (&wanted.id, &wanted.name) {
            (Some(_), Some(_)) => Err(ServiceError::invalid("Specify either the path id or the path name, not both.")),
            (Some(id), None) => paths
                .into_iter()
                .find(|p| self.path_id(&product.id, &p.id) == *id)
                .ok_or_else(|| ServiceError::invalid(format!("Invalid PathId: {id}"))),
            (None, Some(name)) => {
                let named: Vec<_> = paths.into_iter().filter(|p| p.name == *name).collect();
                match named.as_slice() {
                    [one] => Ok(one),
                    [] => Err(ServiceError::invalid(format!("Invalid PathName: {name}"))),
                    _ => Err(ServiceError::invalid(
                        "More than one launch path ids exist. Please specify the launch path id.",
                    )),
                }
            }
            (None, None) => match paths.as_slice() {
                [one] => Ok(one),
                [] => Err(ServiceError::missing(format!("No launch paths found for resource: {}", product.id))),
                _ => Err(ServiceError::invalid(
                    "More than one launch path ids exist. Please specify the launch path id.",
                )),
            },
        }
    }

    /// Product, version and path of a launch.
    pub(super) fn choose(
        &self,
        caller: &Caller,
        product: &ProductRef,
        version: &VersionRef,
        path: &VersionRef,
    ) -> Answer<Chosen> {
        let product = self.product(caller, product)?;
        let portfolio = self.path(caller, product, path)?.clone();
        let version = self.version(product, version)?.clone();
        if !version.active {
            return Err(ServiceError::invalid(format!("Provisioning artifact {} is not active.", version.id)));
        }
        Ok(Chosen { product: product.clone(), version, portfolio })
    }

    /// Any version of any product, by id: what a provisioned product may still refer to.
    pub fn version_by_id(&self, product: &str, version: &str) -> Option<(&Product, &Version)> {
        let product = self.catalog.products.get(product)?;
        Some((product, product.versions.iter().find(|v| v.id == version)?))
    }
}
