//! From a seed to a world.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use toml::Spanned;

use super::ids;
use super::seed::{self, Guidance, ProductSeed, ProvisionedSeed, SeedFile, StackSeed};
use super::world::access::{ArnKind, identity};
use super::world::model::{
    Account, Constraint, ConstraintKind, Failure, Launch, Millis, Owner, Place, Portfolio, Principal, Product,
    Provisioned, Record, RecordKind, Stack, StackKind, Status, Values, Version, Work,
};
use super::world::{Catalog, Given, State, TemplateSource, World, catalog_outputs, effective};
use crate::problem::Problem;

/// When a world begins unless its seed says otherwise.
const START: &str = "2026-01-05T09:00:00Z";
/// How long an operation takes unless its version says otherwise.
const DURATION: Millis = 60_000;
const DAY: Millis = 86_400_000;

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
        builder.catalog = Catalog { seed: file.seed.seed, origin, templates, ..Catalog::default() };
        builder.accounts()?;
        builder.principals()?;
        let portfolios = builder.portfolios()?;
        let products = builder.products(&portfolios)?;
        builder.constraints(&portfolios, &products)?;
        let Builder { catalog, now, .. } = builder;
        let world = World::new(catalog, State { now, ..State::default() })?;
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
    parse_time(&text).ok_or_else(|| file.wrong(start, "`start` must be a time like \"2026-01-05T09:00:00Z\""))
}

fn parse_time(text: &str) -> Option<Millis> {
    text.parse::<Timestamp>().ok().map(|t| t.as_millisecond())
}

/// Ids of portfolios by the seed's key.
type Portfolios = BTreeMap<String, String>;
/// Ids of products by the seed's key and the place.
type Products = BTreeMap<String, BTreeMap<Place, String>>;

struct Builder<'a> {
    file: &'a SeedFile,
    keys: &'a BTreeMap<String, String>,
    catalog: Catalog,
    now: Millis,
}

impl Builder<'_> {
    fn accounts(&mut self) -> Result<(), Problem> {
        for (id, spanned) in &self.file.seed.account {
            let account = spanned.get_ref();
            if account.provider.get_ref() != "aws" {
                return Err(self.file.wrong(
                    &account.provider,
                    format!("this sandbox does not serve provider `{}`, only \"aws\"", account.provider.get_ref()),
                ));
            }
            if id.len() != 12 || !id.bytes().all(|b| b.is_ascii_digit()) {
                return Err(self.file.wrong(spanned, format!("an AWS account id has twelve digits, not `{id}`")));
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
            let who = identity(arn).filter(|who| who.kind != ArnKind::AssumedRole);
            let Some(who) = who else {
                return Err(self.file.wrong(&seed.arn, "a principal needs the ARN of an IAM role or user"));
            };
            if !self.catalog.accounts.contains_key(who.account) {
                let message = format!("the account {} of this principal is not in the seed", who.account);
                return Err(self.file.wrong(&seed.arn, message));
            }
            if !keys.insert(seed.access_key_id.get_ref()) {
                return Err(self.file.wrong(&seed.access_key_id, "two principals have this access key id"));
            }
            let principal = Principal {
                name: name.clone(),
                arn: arn.clone(),
                account: who.account.to_owned(),
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
        Ok(())
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
            let duration = match &version.duration {
                None => DURATION,
                Some(text) => seed::duration(text.get_ref())
                    .ok_or_else(|| self.file.wrong(text, "a duration is written like \"90s\", \"5m\" or \"1m30s\""))?,
            };
            // Names need not be unique, so the second of a name is told apart by its number.
            let same = versions.iter().filter(|v| v.name == version.name).count();
            versions.push(Version {
                id: ids::id(number, "pa", &format!("{unique}/{}/{same}", version.name)),
                name: version.name.clone(),
                description: version.description.clone(),
                kind: version.kind.or(seed.kind).unwrap_or(StackKind::CfnStack),
                active: version.active,
                deprecated: version.guidance == Some(Guidance::Deprecated),
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

    fn constraints(&mut self, portfolios: &Portfolios, products: &Products) -> Result<(), Problem> {
        for (key, seed) in &self.file.seed.portfolio {
            let Some(portfolio) = portfolios.get(key).and_then(|id| self.catalog.portfolios.get_mut(id)) else {
                continue;
            };
            for constraint in &seed.constraints {
                let ids = products.get(constraint.product.get_ref());
                let Some(product) = ids.and_then(|ids| ids.get(&portfolio.place)) else {
                    return Err(self.file.unknown("product", &constraint.product, products.keys().map(String::as_str)));
                };
                if (constraint.kind == ConstraintKind::Launch) != constraint.role.is_some() {
                    let message = "a LAUNCH constraint needs a `role`, and no other constraint has one";
                    return Err(self.file.wrong(&constraint.product, message));
                }
                portfolio.constraints.push(Constraint {
                    product: product.clone(),
                    kind: constraint.kind,
                    role: constraint.role.clone(),
                });
            }
        }
        Ok(())
    }
}

fn place_of(
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

/// Everything that exists when the world begins.
fn populate(
    file: &SeedFile,
    keys: &BTreeMap<String, String>,
    world: &World,
    portfolios: &Portfolios,
    products: &Products,
) -> Result<State, Problem> {
    let mut state = State { now: world.now(), ..State::default() };
    let mut names = BTreeSet::new();
    for (key, seed) in &file.seed.provisioned_product {
        let chosen = choose(file, world, portfolios, products, seed)?;
        let name = seed.name.as_ref().map_or(key, |name| name.get_ref());
        if !names.insert((chosen.place.clone(), name.clone())) {
            return Err(
                file.wrong(&seed.product, format!("two provisioned products are named `{name}` in {}", chosen.place))
            );
        }
        let entry = Entry { file, world, key, name, seed, chosen, position: names.len() as u64 };
        let (product, records, stack) = entry.make()?;
        if let Some(stack) = stack {
            state.stacks.insert(stack.id.clone(), stack);
        }
        for record in records {
            state.counter = state.counter.max(record.sequence);
            state.records.insert(record.id.clone(), record);
        }
        state.provisioned.insert(product.id.clone(), product);
    }
    for (key, seed) in &file.seed.stack {
        let stack = bare_stack(file, keys, world, key, seed)?;
        state.stacks.insert(stack.id.clone(), stack);
    }
    Ok(state)
}

/// What a seeded provisioned product refers to, looked up.
struct Seeded<'a> {
    place: Place,
    product: &'a Product,
    version: &'a Version,
    portfolio: &'a Portfolio,
}

fn choose<'a>(
    file: &SeedFile,
    world: &'a World,
    portfolios: &Portfolios,
    products: &Products,
    seed: &ProvisionedSeed,
) -> Result<Seeded<'a>, Problem> {
    let catalog = world.catalog();
    let Some(places) = products.get(seed.product.get_ref()) else {
        return Err(file.unknown("product", &seed.product, products.keys().map(String::as_str)));
    };
    let fits = |place: &&Place| {
        seed.account.as_ref().is_none_or(|a| *a.get_ref() == place.account)
            && seed.region.as_ref().is_none_or(|r| *r.get_ref() == place.region)
    };
    let fitting: Vec<&Place> = places.keys().filter(fits).collect();
    let [place] = fitting.as_slice() else {
        let message = match fitting.len() {
            0 => "this product is in no portfolio of that account and region",
            _ => "this product is in several accounts or regions: `account` and `region` are needed",
        };
        return Err(file.wrong(&seed.product, message));
    };
    let product = &catalog.products[&places[*place]];
    let version = product.versions.iter().find(|v| v.name == *seed.version.get_ref());
    let Some(version) = version else {
        return Err(file.unknown("version", &seed.version, product.versions.iter().map(|v| v.name.as_str())));
    };
    let own = || product.portfolios.iter().filter_map(|id| catalog.portfolios.get(id));
    let portfolio = match &seed.path {
        None => own().next(),
        Some(path) => own().find(|p| portfolios.get(path.get_ref()) == Some(&p.id) || p.name == *path.get_ref()),
    };
    match (portfolio, &seed.path) {
        (Some(portfolio), _) => Ok(Seeded { place: (*place).clone(), product, version, portfolio }),
        (None, Some(path)) => Err(file.unknown("path", path, own().map(|p| p.name.as_str()))),
        (None, None) => Err(file.wrong(&seed.product, "this product is in no portfolio")),
    }
}

struct Entry<'a> {
    file: &'a SeedFile,
    world: &'a World,
    key: &'a str,
    name: &'a str,
    seed: &'a ProvisionedSeed,
    chosen: Seeded<'a>,
    /// Its number among the provisioned products of the seed.
    position: u64,
}

impl Entry<'_> {
    /// The product, its first record and, if that is not the last, the last one, and the stack.
    fn make(self) -> Result<(Provisioned, Vec<Record>, Option<Stack>), Problem> {
        let (chosen, number) = (&self.chosen, self.world.catalog().seed);
        let unique = format!("{}/{}", chosen.place, self.key);
        let id = ids::id(number, "pp", &unique);
        let status = self.status()?;
        let (template, given) = (&chosen.version.template, &self.seed.parameters);
        let launch = Launch {
            product: chosen.product.id.clone(),
            version: chosen.version.id.clone(),
            path: self.world.path_id(&chosen.product.id, &chosen.portfolio.id),
            parameters: given_values(self.file, self.world, &id, template, given, &self.seed.product)?,
            tags: self.seed.tags.clone(),
            notifications: Vec::new(),
        };
        let mut product = self.product(id, &unique, status, &launch)?;
        let stack =
            (status != Status::Error).then(|| self.world.stack_after(&product, launch.clone(), product.created));
        product.stack = stack.as_ref().map(|s| s.id.clone());
        let first_id = ids::id(number, "rec", &unique);
        let mut first = self.record(first_id.clone(), &product, &launch);
        product.last_record = Some(first_id.clone());
        product.last_provisioning_record.clone_from(&product.last_record);
        if status == Status::Error {
            first.failure = Some(failure(&product));
            return Ok((product, vec![first], stack));
        }
        product.last_successful_record = Some(first_id);
        first.outputs = stack.as_ref().map(catalog_outputs).unwrap_or_default();
        if status == Status::Available {
            return Ok((product, vec![first], stack));
        }
        let mut last = self.record(ids::id(number, "rec", &format!("{unique}/last")), &product, &launch);
        last.sequence += 1;
        last.kind = RecordKind::UpdateProvisionedProduct;
        if status == Status::Tainted {
            (last.created, last.ends) = (first.ends, first.ends + chosen.version.duration);
            last.failure = Some(failure(&product));
        } else {
            (last.created, last.ends) = (self.world.now(), self.world.now() + chosen.version.duration);
            last.work = Some(Work::Launch { launch, plan: None });
        }
        product.last_record = Some(last.id.clone());
        product.last_provisioning_record = Some(last.id.clone());
        Ok((product, vec![first, last], stack))
    }

    fn product(&self, id: String, unique: &str, status: Status, launch: &Launch) -> Result<Provisioned, Problem> {
        let (seed, chosen, number) = (self.seed, &self.chosen, self.world.catalog().seed);
        // Between one and thirty days ago, and the same whatever else the seed has.
        let age = DAY + i64::try_from(ids::number(number, "age", unique) % 29).unwrap_or(0) * DAY;
        let owner = self.owner()?;
        let role = || World::constraints(chosen.portfolio, &chosen.product.id).find_map(|c| c.role.clone());
        let failed = matches!(status, Status::Error | Status::Tainted);
        Ok(Provisioned {
            id,
            name: self.name.to_owned(),
            place: chosen.place.clone(),
            kind: chosen.version.kind,
            product: launch.product.clone(),
            version: launch.version.clone(),
            path: launch.path.clone(),
            status,
            settled: if status == Status::UnderChange { Status::Available } else { status },
            status_message: seed.status_message.clone().or_else(|| failed.then(|| "seeded as failed".to_owned())),
            created: self.world.now() - age,
            token: ids::uuid(number, unique),
            last_record: None,
            last_provisioning_record: None,
            last_successful_record: None,
            tags: seed.tags.clone(),
            provisioner: owner.session.clone(),
            owner,
            launch_role: seed.launch_role.clone().or_else(role),
            stack: None,
            plan: None,
            terminated: false,
        })
    }

    fn record(&self, id: String, product: &Provisioned, launch: &Launch) -> Record {
        Record {
            id,
            // Two for each product, so that the second may or may not be there.
            sequence: 2 * self.position,
            place: product.place.clone(),
            kind: RecordKind::ProvisionProduct,
            provisioned: product.id.clone(),
            name: product.name.clone(),
            stack_kind: product.kind,
            product: launch.product.clone(),
            version: launch.version.clone(),
            path: launch.path.clone(),
            tags: product.tags.clone(),
            launch_role: product.launch_role.clone(),
            holder: product.owner.clone(),
            created: product.created,
            ends: product.created + self.chosen.version.duration,
            failure: None,
            work: None,
            outputs: Vec::new(),
        }
    }

    fn status(&self) -> Result<Status, Problem> {
        match &self.seed.status {
            None => Ok(Status::Available),
            Some(text) => match text.get_ref().as_str() {
                "AVAILABLE" => Ok(Status::Available),
                "TAINTED" => Ok(Status::Tainted),
                "ERROR" => Ok(Status::Error),
                "UNDER_CHANGE" => Ok(Status::UnderChange),
                _ => Err(self.file.wrong(text, "`status` is one of AVAILABLE, TAINTED, ERROR and UNDER_CHANGE")),
            },
        }
    }

    fn owner(&self) -> Result<Owner, Problem> {
        let arn = self.seed.owner.get_ref();
        match identity(arn) {
            None => Err(self.file.wrong(&self.seed.owner, "`owner` is the ARN of a role, a user or an assumed role")),
            Some(who) if who.account != self.chosen.place.account => {
                Err(self.file.wrong(&self.seed.owner, "the owner is of another account"))
            }
            Some(who) if who.kind == ArnKind::AssumedRole => Ok(Owner {
                arn: format!("arn:{}:iam::{}:role/{}", who.partition, who.account, who.name),
                session: arn.clone(),
            }),
            Some(_) => Ok(Owner { arn: arn.clone(), session: arn.clone() }),
        }
    }
}

fn failure(product: &Provisioned) -> Failure {
    Failure { code: "InternalFailure".into(), message: product.status_message.clone().unwrap_or_default() }
}

fn given_values(
    file: &SeedFile,
    world: &World,
    id: &str,
    template: &str,
    parameters: &BTreeMap<String, Spanned<toml::Value>>,
    at: &Spanned<String>,
) -> Result<Values, Problem> {
    let mut given = Vec::new();
    for (key, value) in parameters {
        let Some(text) = seed::parameter_text(value.get_ref()) else {
            return Err(file.wrong(value, format!("the parameter {key} must be a string, number, boolean or array")));
        };
        given.push(Given { key: key.clone(), value: Some(text), previous: false });
    }
    let template = world.template(template).map_err(|error| Problem::failed(error.message))?;
    match effective(id, &template, None, &given) {
        Ok((values, None)) => Ok(values),
        Ok((_, Some(refusal))) => Err(file.wrong(at, refusal)),
        Err(refusal) => Err(file.wrong(at, refusal.message)),
    }
}

fn bare_stack(
    file: &SeedFile,
    keys: &BTreeMap<String, String>,
    world: &World,
    key: &str,
    seed: &StackSeed,
) -> Result<Stack, Problem> {
    let place = place_of(file, world.catalog(), &seed.account, seed.region.as_ref())?;
    let name = seed.name.clone().unwrap_or_else(|| key.to_owned());
    let template = keys.get(seed.template.get_ref()).cloned().unwrap_or_default();
    let parameters = given_values(file, world, &name, &template, &seed.parameters, &seed.template)?;
    let mut stack = world.new_stack(StackKind::CfnStack, place, name, template, parameters, world.now() - 30 * DAY);
    stack.tags.clone_from(&seed.tags);
    Ok(stack)
}
