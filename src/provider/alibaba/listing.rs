//! Provisioned products: the list, single ones, and those of a name.

use std::collections::{BTreeMap, BTreeSet};

use super::Alibaba;
use super::call::Action;
use super::errors::{CallError, Refusal};
use super::wire::{Detail, GetProduct, Input, ListProducts, time};
use crate::model::{Access, Observation, ProvisionedProduct, Status, Subject, Traits};
use crate::problem::Problem;
use crate::provider::ProviderError;
use crate::provider::gather::gather;

const LIST: Action = Action::query("ListProvisionedProducts");
pub(super) const GET: Action = Action::query("GetProvisionedProduct");

/// `PageSize`: the most that every list takes.
pub(super) const PAGE: usize = 100;
/// More pages than any list here can have; a service that still has more is broken.
const MOST_PAGES: usize = 1_000;

/// Products by id, and how many the service counts.
type Listed = (BTreeMap<String, ProvisionedProduct>, usize);

impl Alibaba {
    /// Everything the caller may see. Pages are offsets, so a product that goes meanwhile shifts others past a page's
    /// edge: when the distinct ids are fewer than the service counts, the list is read once more.
    pub(super) async fn list(&self) -> Result<Observation, ProviderError> {
        let (mut products, counted) = self.list_once(None).await?;
        if products.len() < counted {
            let (again, counted) = self.list_once(None).await?;
            if again.len() < counted {
                products.extend(again);
            } else {
                products = again;
            }
            if products.len() < counted {
                return Err(self.incomplete(products.len(), counted));
            }
        }
        self.memory.forget_all_but(&products);
        let now = self.client.link.now();
        let mut sightings = self.sightings();
        sightings.listed = products.len();
        sightings.products = products.iter().map(|(id, product)| (id.clone(), (now, product.clone()))).collect();
        Ok(Observation { products, ..Observation::default() })
    }

    fn incomplete(&self, shown: usize, counted: usize) -> ProviderError {
        let target = &self.target;
        let problem = Problem::failed(format!(
            "target `{}`: {} counts {counted} products and shows {shown}, twice",
            target.name, LIST.name
        ));
        let hint = "run it again when nothing is launched or terminated; if this identity may read only its own \
                    products, write `access = \"user\"`";
        ProviderError::Rejected(problem.hint(hint).at(&target.place))
    }

    /// All pages; those after the first at the same time, because the first tells how many there are.
    async fn list_once(&self, name: Option<&str>) -> Result<Listed, ProviderError> {
        let first = self.page(name, 1).await?;
        let counted = first.total_count.0;
        let mut details = first.provisioned_product_details.0;
        let mut last = details.len();
        // Whatever is counted, nothing comes after a page that is not full.
        if let Some(counted) = counted.filter(|_| last >= PAGE) {
            let pages = counted.div_ceil(PAGE).min(MOST_PAGES);
            let rest = gather(self.parallelism, (2..=pages).map(|number| self.page(name, number))).await?;
            details.extend(rest.into_iter().flat_map(|page| page.provisioned_product_details));
        } else {
            let mut number = 1;
            while last >= PAGE && number < MOST_PAGES {
                number += 1;
                let page = self.page(name, number).await?;
                last = page.provisioned_product_details.len();
                details.extend(page.provisioned_product_details);
            }
        }
        let products: BTreeMap<_, _> = details.into_iter().filter_map(product).map(|p| (p.id.clone(), p)).collect();
        Ok((products, counted.unwrap_or_default()))
    }

    /// In the order of their creation, so that what is launched meanwhile comes last and shifts nothing.
    async fn page(&self, name: Option<&str>, number: usize) -> Result<ListProducts, ProviderError> {
        let mut input = Input::new().with("AccessLevelFilter", self.access_level());
        if let Some(name) = name {
            input = input.filter("ProvisionedProductName", name);
        }
        let input = input
            .with("PageNumber", number)
            .with("PageSize", PAGE)
            .with("SortBy", "CreateTime")
            .with("SortOrder", "Asc");
        self.client.must(LIST, input).await
    }

    pub(super) fn access_level(&self) -> &'static str {
        match self.target.access {
            Access::Account => "Account",
            // There is no level of roles: "created by the current requester" is the other one.
            Access::Role | Access::User => "User",
        }
    }

    /// Whether the whole list is fewer calls than one for each of so many things.
    pub(super) fn list_is_fewer(&self, things: usize) -> bool {
        let listed = self.sightings().listed;
        listed > 0 && listed.div_ceil(PAGE) < things
    }

    /// Whether anything has one of these names. The service's filter does not mind case, and names do. `listed`: the
    /// list has answered already.
    pub(super) async fn named(&self, names: &BTreeSet<String>, listed: bool) -> Result<Observation, ProviderError> {
        let mut observation = Observation::default();
        if listed {
            return Ok(observation);
        }
        let found = gather(self.parallelism, names.iter().map(|name| self.list_once(Some(name)))).await?;
        for (products, _) in found {
            let named = products.into_iter().filter(|(_, product)| names.contains(&product.name));
            observation.products.extend(named.inspect(|(_, product)| self.sighted(product)));
        }
        Ok(observation)
    }

    /// Looks for single ids that a list did not show.
    pub(super) async fn confirm(&self, ids: &BTreeSet<String>) -> Result<Observation, ProviderError> {
        let looks = gather(self.parallelism, ids.iter().map(|id| self.find(id))).await?;
        let mut observation = Observation::default();
        for (id, look) in ids.iter().zip(looks) {
            match look {
                Ok(Some(product)) => _ = observation.products.insert(id.clone(), product),
                Ok(None) if self.target.access == Access::Account => _ = observation.gone.insert(id.clone()),
                Ok(None) => {
                    let why = "it is not visible: this identity sees its own products only, so that does not mean that \
                               it is gone";
                    observation.unreadable.insert(Subject::Product(id.clone()), why.to_owned());
                }
                Err(refusal) => {
                    observation
                        .unreadable
                        .insert(Subject::Product(id.clone()), format!("it cannot be read: {}", refusal.text()));
                }
            }
        }
        Ok(observation)
    }

    /// One product, nothing when the service says that there is none, or its refusal.
    pub(super) async fn find(&self, id: &str) -> Result<Result<Option<ProvisionedProduct>, Refusal>, ProviderError> {
        let answer = self.client.call::<GetProduct>(GET, Input::new().with("ProvisionedProductId", id)).await;
        match answer {
            Ok(answer) => match product(answer.provisioned_product_detail.0).filter(|product| product.id == id) {
                Some(product) => {
                    self.sighted(&product);
                    Ok(Ok(Some(product)))
                }
                None => Ok(Err(Refusal::empty("product"))),
            },
            Err(CallError::Refused(refusal)) if refusal.is_no_product() => {
                self.unsighted(id);
                Ok(Ok(None))
            }
            Err(CallError::Refused(refusal)) => Ok(Err(refusal)),
            Err(CallError::Failed(error)) => Err(error),
        }
    }

    /// What a list shows now, complete or not.
    pub(super) async fn glance(&self) -> Result<BTreeMap<String, ProvisionedProduct>, ProviderError> {
        let (products, _) = self.list_once(None).await?;
        products.values().for_each(|product| self.sighted(product));
        Ok(products)
    }
}

/// Lists show no tags: the product has none here, and its task tells them.
pub(super) fn product(detail: Detail) -> Option<ProvisionedProduct> {
    Some(ProvisionedProduct {
        owner: owner(&detail.owner_principal_type, &detail.owner_principal_id),
        status: status(&detail.status),
        created: time(&detail.create_time),
        id: detail.provisioned_product_id.written()?,
        name: detail.provisioned_product_name.0,
        // "Fixed to RosStack" (API reference).
        kind: detail.provisioned_product_type.written().unwrap_or_else(|| Traits::ALIBABA.stack_kind.to_owned()),
        status_message: detail.status_message.written(),
        product_id: detail.product_id.0,
        product_name: detail.product_name.0,
        version_id: detail.product_version_id.0,
        version_name: detail.product_version_name.0,
        tags: BTreeMap::new(),
        portfolio_id: detail.portfolio_id.written(),
        owner_session: None,
        physical_id: detail.stack_id.written(),
        stack_region: detail.stack_region_id.written(),
        last_operation: detail.last_task_id.written(),
        last_provisioning: detail.last_provisioning_task_id.written(),
        last_successful: detail.last_successful_provisioning_task_id.written(),
    })
}

/// `RamUser` and `RamRole` are the two that are documented; what an account's own (root) key is called is not.
fn owner(kind: &str, id: &str) -> Option<String> {
    if id.is_empty() || kind.is_empty() {
        return None;
    }
    Some(match kind {
        "RamUser" => format!("user/{id}"),
        "RamRole" => format!("role/{id}"),
        other => format!("{}/{id}", other.to_lowercase()),
    })
}

/// A word that is not documented is taken for `UnderChange`: nothing is sent to a product in a state that nobody here
/// knows, and the next run looks again.
fn status(word: &str) -> Status {
    match word {
        "Available" => Status::Available,
        "Error" => Status::Error,
        _ => Status::UnderChange,
    }
}

#[cfg(test)]
#[path = "tests/listing.rs"]
mod tests;
