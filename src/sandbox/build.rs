//! From a seed to a world.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use toml::Spanned;

use super::ids;
use super::populate::populate;
use super::seed::{self, Guidance, NoChange, PrincipalSeed, ProductSeed, SeedFile, VersionSeed};
use super::template::Engine;
use super::world::access::{ArnKind, identity};
use super::world::model::{
    Access, Account, Cloud, LAST, Millis, Place, Portfolio, Principal, Product, StackKind, Version,
};
use super::world::{Catalog, State, TemplateSource, World, ram};
use crate::problem::Problem;

/// When a world begins unless its seed says otherwise.
const START: &str = "2026-01-05T09:00:00Z";
/// A world begins no earlier: what it has already lived through needs room.
const EARLIEST: Millis = -62_000_000_000_000;
/// How long an operation takes unless its version says otherwise.
const DURATION: Millis = 60_000;
pub const DAY: Millis = 86_400_000;
/// The longest that an operation may take: longer is a slip of the pen.
const LONGEST: Millis = 366 * DAY;

/// A seed with its templates: what a world is made from.
pub struct Ingredients {
    pub file: SeedFile,
    templates: BTreeMap<String, TemplateSource>,
    /// Template key by the path that the seed names.
    keys: BTreeMap<String, String>,
}

impl Ingredients {
    /// Reads a seed and every template that it names.
    pub fn read(path: &Path) -> Result<Ingredients, Problem> {
        let file = SeedFile::read(path)?;
        let folder = path.parent().map(PathBuf::from).unwrap_or_default();
        let mut templates = BTreeMap::new();
        let mut keys = BTreeMap::new();
        let named = file.seed.product.values().flat_map(|p| p.version.iter().map(|v| &v.template));
        for name in named.chain(file.seed.stack.values().map(|s| &s.template)) {
            if keys.contains_key(name.get_ref()) {
                continue;
            }
            let source = folder.join(name.get_ref());
            let text = std::fs::read_to_string(&source).map_err(|error| {
                file.wrong(name, format!("the template {} cannot be read: {error}", source.display()))
            })?;
            let key = ids::sha256_hex(text.as_bytes());
            keys.insert(name.get_ref().clone(), key.clone());
            templates.insert(key, TemplateSource { name: source.display().to_string(), text });
        }
        Ok(Ingredients { file, templates, keys })
    }

    /// Digest of everything that makes a difference to a world: comments, order of keys and faults do not.
    pub fn origin(&self) -> Result<String, Problem> {
        let seed = serde_json::to_string(&(&self.file.seed, &self.keys))
            .map_err(|error| Problem::input(format!("{}: {error}", self.file.name)))?;
        Ok(ids::sha256_hex(seed.as_bytes()))
    }

    /// Makes the world as it is when it begins.
    pub fn build(self) -> Result<World, Problem> {
        let origin = self.origin()?;
        let Ingredients { file, templates, keys } = self;
        let mut builder = Builder { file: &file, keys: &keys, catalog: Catalog::default(), now: start(&file)? };
        builder.catalog = Catalog {
            seed: file.seed.seed,
            origin,
            templates,
            no_change_taints: file.seed.no_change == NoChange::Taint,
            ..Catalog::default()
        };
        builder.accounts()?;
        builder.principals()?;
        let portfolios = builder.portfolios()?;
        let products = builder.products(&portfolios)?;
        builder.constraints(&portfolios, &products)?;
        let Builder { catalog, now, .. } = builder;
        let world = World::new(catalog, State { now, ..State::default() })?;
        check_engines(&file, &world, &products)?;
        let state = populate(&file, &keys, &world, &portfolios, &products)?;
        World::new(world.catalog().clone(), state)
    }
}

fn start(file: &SeedFile) -> Result<Millis, Problem> {
    let Some(start) = &file.seed.start else { return Ok(parse_time(START).unwrap_or(0)) };
    let text = match start.get_ref() {
        toml::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    parse_time(&text)
        .filter(|at| (EARLIEST..=LAST).contains(at))
        .ok_or_else(|| file.wrong(start, "`start` must be a time like \"2026-01-05T09:00:00Z\""))
}

fn parse_time(text: &str) -> Option<Millis> {
    text.parse::<Timestamp>().ok().map(|t| t.as_millisecond())
}

/// Ids of portfolios by the seed's key.
pub type Portfolios = BTreeMap<String, String>;
/// Ids of products by the seed's key and the place.
pub type Products = BTreeMap<String, BTreeMap<Place, String>>;

/// A template must be one that the product's cloud makes stacks of.
fn check_engines(file: &SeedFile, world: &World, products: &Products) -> Result<(), Problem> {
    for (key, places) in products {
        let Some(seed) = file.seed.product.get(key) else { continue };
        for (place, id) in places {
            let versions = world.catalog().products.get(id).map(|p| p.versions.as_slice()).unwrap_or_default();
            for (version, seed) in versions.iter().zip(&seed.version) {
                let engine = world.template(&version.template).map(|t| t.engine).ok();
                let fits = (place.cloud() == Cloud::Aws) == (engine == Some(Engine::CloudFormation));
                if !fits {
                    let wanted = match place.cloud() {
                        Cloud::Aws => "a CloudFormation template",
                        Cloud::Alibaba => "a ROS template, with ROSTemplateFormatVersion",
                    };
                    let message = format!("a product of account {} needs {wanted}", place.account);
                    return Err(file.wrong(&seed.template, message));
                }
            }
        }
    }
    Ok(())
}

/// Makes the catalog of a seed.
pub struct Builder<'a> {
    pub file: &'a SeedFile,
    keys: &'a BTreeMap<String, String>,
    pub catalog: Catalog,
    now: Millis,
}

impl Builder<'_> {
    fn accounts(&mut self) -> Result<(), Problem> {
        for (id, spanned) in &self.file.seed.account {
            let account = spanned.get_ref();
            let (length, rule) = match account.provider.get_ref().as_str() {
                "aws" => (12, "an AWS account id has twelve digits"),
                "alibaba" => (16, "an Alibaba Cloud account id has sixteen digits"),
                other => {
                    let message =
                        format!("this sandbox does not serve provider `{other}`, only \"aws\" and \"alibaba\"");
                    return Err(self.file.wrong(&account.provider, message));
                }
            };
            if id.len() != length || !id.bytes().all(|b| b.is_ascii_digit()) {
                return Err(self.file.wrong(spanned, format!("{rule}, not `{id}`")));
            }
            if account.regions.is_empty() {
                return Err(self.file.wrong(spanned, format!("account {id} needs at least one region")));
            }
            let account = Account {
                regions: account.regions.iter().cloned().collect(),
                broken_roles: account.broken_roles.iter().cloned().collect(),
            };
            self.catalog.accounts.insert(id.clone(), account);
        }
        Ok(())
    }

    fn principals(&mut self) -> Result<(), Problem> {
        let mut keys = BTreeSet::new();
        for (name, seed) in &self.file.seed.principal {
            let arn = seed.arn.get_ref();
            let account = self.account_of_principal(seed)?;
            if !keys.insert(seed.access_key_id.get_ref()) {
                return Err(self.file.wrong(&seed.access_key_id, "two principals have this access key id"));
            }
            let principal = Principal {
                name: name.clone(),
                arn: arn.clone(),
                account,
                access_key_id: seed.access_key_id.get_ref().clone(),
                secret_access_key: seed.secret_access_key.clone(),
                access: seed.access,
                trusted_external_id: seed.trusted_external_id.clone(),
                expired: seed.expired,
                read_only: seed.read_only,
                allow: seed.allow.iter().cloned().collect(),
                deny: seed.deny.iter().cloned().collect(),
            };
            self.catalog.principals.insert(name.clone(), principal);
        }
        for seed in self.file.seed.ram.values() {
            self.register(&seed.arn, seed.id.as_ref())?;
        }
        Ok(())
    }

    fn account_of_principal(&mut self, seed: &PrincipalSeed) -> Result<String, Problem> {
        let arn = seed.arn.get_ref();
        if arn.starts_with("acs:") {
            self.register(&seed.arn, seed.id.as_ref())?;
            if seed.access == Access::Role {
                return Err(self.file.wrong(&seed.arn, "on Alibaba Cloud `access` is \"account\" or \"user\""));
            }
            return Ok(ram::identity(arn).map(|who| who.account.to_owned()).unwrap_or_default());
        }
        let who = identity(arn).filter(|who| who.kind != ArnKind::AssumedRole);
        let Some(who) = who else {
            return Err(self.file.wrong(&seed.arn, "a principal needs the ARN of an IAM role or user"));
        };
        if !self.catalog.accounts.contains_key(who.account) {
            let message = format!("the account {} of this principal is not in the seed", who.account);
            return Err(self.file.wrong(&seed.arn, message));
        }
        match &seed.id {
            Some(id) => Err(self.file.wrong(id, "only principals of Alibaba Cloud have an `id`")),
            None => Ok(who.account.to_owned()),
        }
    }

    fn portfolios(&mut self) -> Result<Portfolios, Problem> {
        let mut known = Portfolios::new();
        for (key, seed) in &self.file.seed.portfolio {
            let place = place_of(self.file, &self.catalog, &seed.account, seed.region.as_ref())?;
            for principal in &seed.principals {
                if !self.catalog.principals.contains_key(principal.get_ref()) {
                    let all = self.catalog.principals.keys().map(String::as_str);
                    return Err(self.file.unknown("principal", principal, all));
                }
            }
            let id = ids::id(self.catalog.seed, "port", &format!("{place}/{key}"));
            known.insert(key.clone(), id.clone());
            let portfolio = Portfolio {
                id: id.clone(),
                place,
                name: seed.name.clone().unwrap_or_else(|| key.clone()),
                principals: seed.principals.iter().map(|p| p.get_ref().clone()).collect(),
                constraints: Vec::new(),
            };
            self.catalog.portfolios.insert(id, portfolio);
        }
        Ok(known)
    }

    fn products(&mut self, portfolios: &Portfolios) -> Result<Products, Problem> {
        let mut known = Products::new();
        for (key, seed) in &self.file.seed.product {
            let mut by_place: BTreeMap<Place, Vec<String>> = BTreeMap::new();
            for portfolio in &seed.portfolios {
                let Some(id) = portfolios.get(portfolio.get_ref()) else {
                    return Err(self.file.unknown("portfolio", portfolio, portfolios.keys().map(String::as_str)));
                };
                let place = self.catalog.portfolios[id].place.clone();
                by_place.entry(place).or_default().push(id.clone());
            }
            for (place, portfolios) in by_place {
                let product = self.product(key, seed, &place, portfolios)?;
                known.entry(key.clone()).or_default().insert(place, product.id.clone());
                self.catalog.products.insert(product.id.clone(), product);
            }
        }
        Ok(known)
    }

    fn product(
        &self,
        key: &str,
        seed: &ProductSeed,
        place: &Place,
        portfolios: Vec<String>,
    ) -> Result<Product, Problem> {
        let number = self.catalog.seed;
        let unique = format!("{place}/{key}");
        let mut versions: Vec<Version> = Vec::new();
        for version in &seed.version {
            let duration = self.duration(version)?;
            // Names need not be unique, so the second of a name is told apart by its number.
            let same = versions.iter().filter(|v| v.name == version.name).count();
            versions.push(Version {
                id: ids::id(
                    number,
                    if place.cloud() == Cloud::Alibaba { "pv" } else { "pa" },
                    &format!("{unique}/{}/{same}", version.name),
                ),
                name: version.name.clone(),
                description: version.description.clone(),
                kind: self.stack_kind(place, seed, version)?,
                active: version.active,
                deprecated: version.guidance == Some(Guidance::Deprecated),
                advice: self.advice(place, version)?,
                template: self.keys.get(version.template.get_ref()).cloned().unwrap_or_default(),
                duration,
                fail: version.fail.clone(),
                created: self.now - 90 * DAY,
            });
        }
        Ok(Product {
            id: ids::id(number, "prod", &unique),
            view_id: ids::id(number, "prodview", &unique),
            place: place.clone(),
            name: seed.name.clone().unwrap_or_else(|| key.to_owned()),
            owner: seed.owner.clone().unwrap_or_else(|| "sandbox".into()),
            description: seed.description.clone(),
            distributor: seed.distributor.clone(),
            portfolios,
            versions,
            created: self.now - 90 * DAY,
        })
    }

    fn duration(&self, version: &VersionSeed) -> Result<Millis, Problem> {
        let Some(text) = &version.duration else { return Ok(DURATION) };
        match seed::duration(text.get_ref()) {
            Some(duration) if duration <= LONGEST => Ok(duration),
            Some(_) => Err(self.file.wrong(text, "a `duration` is at most a year (8784h)")),
            None => Err(self.file.wrong(text, "a duration is written like \"90s\", \"5m\" or \"1m30s\"")),
        }
    }

    fn stack_kind(&self, place: &Place, seed: &ProductSeed, version: &VersionSeed) -> Result<StackKind, Problem> {
        let asked = version.kind.or(seed.kind);
        match (place.cloud(), asked) {
            (Cloud::Aws, None) => Ok(StackKind::CfnStack),
            (Cloud::Aws, Some(kind)) if kind != StackKind::RosStack => Ok(kind),
            (Cloud::Alibaba, None | Some(StackKind::RosStack)) => Ok(StackKind::RosStack),
            (Cloud::Aws, _) => Err(self.file.wrong(&version.template, "`type` is CFN_STACK or CFN_STACKSET on AWS")),
            (Cloud::Alibaba, _) => Err(self.file.wrong(&version.template, "`type` is ROS_STACK on Alibaba Cloud")),
        }
    }

    fn advice(&self, place: &Place, version: &VersionSeed) -> Result<Option<String>, Problem> {
        match version.guidance {
            None | Some(Guidance::Default | Guidance::Deprecated) => Ok(None),
            Some(_) if place.cloud() == Cloud::Aws => {
                Err(self.file.wrong(&version.template, "`guidance` is DEFAULT or DEPRECATED on AWS"))
            }
            Some(Guidance::Recommended) => Ok(Some("Recommended".into())),
            Some(Guidance::Latest) => Ok(Some("Latest".into())),
        }
    }

    fn constraints(&mut self, portfolios: &Portfolios, products: &Products) -> Result<(), Problem> {
        for (key, seed) in &self.file.seed.portfolio {
            let Some(id) = portfolios.get(key) else { continue };
            let place = self.catalog.portfolios[id].place.clone();
            for constraint in &seed.constraints {
                let ids = products.get(constraint.product.get_ref());
                let Some(product) = ids.and_then(|ids| ids.get(&place)) else {
                    return Err(self.file.unknown("product", &constraint.product, products.keys().map(String::as_str)));
                };
                let made = self.constraint(&place, product.clone(), constraint)?;
                if let Some(portfolio) = self.catalog.portfolios.get_mut(id) {
                    portfolio.constraints.push(made);
                }
            }
        }
        Ok(())
    }
}

/// The place that an account and perhaps a region name.
pub fn place_of(
    file: &SeedFile,
    catalog: &Catalog,
    account: &Spanned<String>,
    region: Option<&Spanned<String>>,
) -> Result<Place, Problem> {
    let Some(known) = catalog.accounts.get(account.get_ref()) else {
        return Err(file.unknown("account", account, catalog.accounts.keys().map(String::as_str)));
    };
    let region = match region {
        Some(region) if known.regions.contains(region.get_ref()) => region.get_ref().clone(),
        Some(region) => {
            let what = format!("region of account {} named", account.get_ref());
            return Err(file.unknown(&what, region, known.regions.iter().map(String::as_str)));
        }
        None => match known.regions.first() {
            Some(only) if known.regions.len() == 1 => only.clone(),
            _ => return Err(file.wrong(account, "`region` is needed: the account has several")),
        },
    };
    Ok(Place { account: account.get_ref().clone(), region })
}
