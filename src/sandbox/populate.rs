//! What exists when a world begins: provisioned products with a past, and bare stacks.

use std::collections::{BTreeMap, BTreeSet};

use toml::Spanned;

use super::build::{DAY, Portfolios, Products, place_of};
use super::build_ram;
use super::ids;
use super::seed::{self, ProvisionedSeed, SeedFile, StackSeed};
use super::world::access::{ArnKind, identity};
use super::world::model::{
    Cloud, Failure, LAST, Launch, Owner, Place, Portfolio, Product, Provisioned, Record, RecordKind, Stack, StackKind,
    Status, Values, Version, Work,
};
use super::world::{Given, State, World, catalog_outputs, effective};
use crate::problem::Problem;

/// Everything that exists when the world begins.
pub fn populate(
    file: &SeedFile,
    keys: &BTreeMap<String, String>,
    world: &World,
    portfolios: &Portfolios,
    products: &Products,
) -> Result<State, Problem> {
    let mut state = State { now: world.now(), ..State::default() };
    let (mut names, mut position) = (BTreeSet::new(), 0);
    for (key, seed) in &file.seed.provisioned_product {
        let chosen = choose(file, world, portfolios, products, seed)?;
        let name = seed.name.as_ref().map_or(key, |name| name.get_ref());
        // Alibaba Cloud has no rule that names are unique.
        if !names.insert((chosen.place.clone(), name.clone())) && chosen.place.cloud() == Cloud::Aws {
            return Err(
                file.wrong(&seed.product, format!("two provisioned products are named `{name}` in {}", chosen.place))
            );
        }
        position += 1;
        let entry = Entry { file, world, key, name, seed, chosen, position };
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
            entered: match chosen.place.cloud() {
                Cloud::Aws => BTreeSet::new(),
                Cloud::Alibaba => given.keys().cloned().collect(),
            },
            tags: self.seed.tags.clone(),
            notifications: Vec::new(),
        };
        let mut product = self.product(id, &unique, status, &launch)?;
        let stack =
            (status != Status::Error).then(|| self.world.stack_after(&product, launch.clone(), product.created));
        product.stack = stack.as_ref().map(|s| s.id.clone());
        let prefix = if chosen.place.cloud() == Cloud::Alibaba { "task" } else { "rec" };
        let first_id = ids::id(number, prefix, &unique);
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
        let mut last = self.record(ids::id(number, prefix, &format!("{unique}/last")), &product, &launch);
        last.sequence += 1;
        last.kind = RecordKind::UpdateProvisionedProduct;
        if status == Status::Tainted {
            (last.created, last.ends) = (first.ends, first.ends + chosen.version.duration);
            last.failure = Some(failure(&product));
        } else {
            (last.created, last.ends) = (self.world.now(), (self.world.now() + chosen.version.duration).min(LAST));
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
            stack_region: self.stack_region()?,
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
            entered: launch.asked(),
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
        let alibaba = self.chosen.place.cloud() == Cloud::Alibaba;
        match &self.seed.status {
            None => Ok(Status::Available),
            Some(text) => match text.get_ref().as_str() {
                "Available" if alibaba => Ok(Status::Available),
                "Tainted" if alibaba => Ok(Status::Tainted),
                "Error" if alibaba => Ok(Status::Error),
                "UnderChange" if alibaba => Ok(Status::UnderChange),
                "AVAILABLE" => Ok(Status::Available),
                "TAINTED" => Ok(Status::Tainted),
                "ERROR" => Ok(Status::Error),
                "UNDER_CHANGE" => Ok(Status::UnderChange),
                _ => Err(self.file.wrong(text, "`status` is one of AVAILABLE, TAINTED, ERROR and UNDER_CHANGE")),
            },
        }
    }

    /// Where its resources are: on AWS, always where the catalog is.
    fn stack_region(&self) -> Result<Option<String>, Problem> {
        let place = &self.chosen.place;
        match (&self.seed.stack_region, place.cloud()) {
            (Some(region), Cloud::Aws) => Err(self.file.wrong(region, "`stack_region` is a key of Alibaba Cloud")),
            (None, Cloud::Aws) => Ok(None),
            (region, Cloud::Alibaba) => Ok(Some(region.as_ref().map_or(&place.region, |r| r.get_ref()).clone())),
        }
    }

    fn owner(&self) -> Result<Owner, Problem> {
        let arn = self.seed.owner.get_ref();
        if self.chosen.place.cloud() == Cloud::Alibaba {
            let (numbers, account) = (&self.world.catalog().ram, &self.chosen.place.account);
            let holder = build_ram::owner(self.file, numbers, account, &self.seed.owner)?;
            return Ok(Owner { arn: holder.clone(), session: holder });
        }
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
    if place.cloud() == Cloud::Alibaba {
        return Err(
            file.wrong(&seed.account, "a [stack.KEY] is a CloudFormation stack, and this account is not of AWS")
        );
    }
    let name = seed.name.clone().unwrap_or_else(|| key.to_owned());
    let template = keys.get(seed.template.get_ref()).cloned().unwrap_or_default();
    let parameters = given_values(file, world, &name, &template, &seed.parameters, &seed.template)?;
    let mut stack = world.new_stack(StackKind::CfnStack, place, name, template, parameters, world.now() - 30 * DAY);
    stack.tags.clone_from(&seed.tags);
    Ok(stack)
}
