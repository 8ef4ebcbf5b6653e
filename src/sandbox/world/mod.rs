//! An imaginary cloud account as a pure state machine: no clock, no files, no wire format.
//!
//! Operations take a [`Caller`] and typed arguments. What they change goes through `World::put_provisioned` and its
//! siblings, which keep the indexes and remember what has changed, so that a journal can be written at a cost that does
//! not depend on the size of the world. Asynchronous operations are records with an end; [`World::advance_to`] ends
//! those that are due.

pub mod access;
pub mod approval;
mod catalog;
mod launch;
pub mod model;
mod place;
mod plans;
mod properties;
pub mod ram;
mod read;
mod refusal;
pub mod ros;
mod search;
mod settle;
mod store;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use access::Caller;
use approval::RosPlan;
pub use catalog::{Chosen, ProductRef, VersionRef};
pub(in crate::sandbox) use launch::effective;
pub use launch::{Given, ProvisionRequest, Target, UpdateRequest};
use model::{
    Account, Answer, Millis, Place, Plan, Portfolio, Principal, Product, Provisioned, Record, ServiceError, Stack,
    Token,
};
pub use plans::PlanRequest;
pub use read::HistoryOf;
pub use search::{Order, SearchRequest};
pub(in crate::sandbox) use settle::catalog_outputs;
pub use store::Delta;

use super::template::Template;
use crate::problem::Problem;

/// A template as it came from its file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TemplateSource {
    pub name: String,
    pub text: String,
}

/// What never changes after the world has been made.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Catalog {
    pub seed: u64,
    /// Digest of the seed (without its faults) and of the templates that the world was made from.
    pub origin: String,
    pub accounts: BTreeMap<String, Account>,
    pub principals: BTreeMap<String, Principal>,
    pub portfolios: BTreeMap<String, Portfolio>,
    pub products: BTreeMap<String, Product>,
    pub templates: BTreeMap<String, TemplateSource>,
    /// Numbers of Alibaba Cloud's users and roles, by ARN.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ram: BTreeMap<String, String>,
    /// An update that changes nothing fails and taints the product.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_change_taints: bool,
}

/// What does change, in the shape in which snapshots keep it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct State {
    pub now: Millis,
    /// Grows with everything that is made; ids follow from it.
    pub counter: u64,
    pub provisioned: BTreeMap<String, Provisioned>,
    pub records: BTreeMap<String, Record>,
    pub stacks: BTreeMap<String, Stack>,
    pub plans: BTreeMap<String, Plan>,
    pub tokens: BTreeMap<String, Token>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ros_plans: BTreeMap<String, RosPlan>,
}

/// When something was made, and its id: lists are in this order.
pub type Created = (Millis, String);

/// Derived from [`State`] and kept in step with it.
#[derive(Debug, Default)]
struct Indexes {
    /// Ids of what is not terminated, sorted.
    live: BTreeMap<Place, Vec<String>>,
    names: BTreeMap<Place, BTreeMap<String, String>>,
    history: BTreeMap<Place, BTreeMap<u64, String>>,
    records_of: BTreeMap<String, Vec<String>>,
    stacks: BTreeMap<Place, BTreeSet<String>>,
    stack_names: BTreeMap<Place, BTreeMap<String, String>>,
    plans: BTreeMap<Place, BTreeSet<String>>,
    due: BTreeSet<(Millis, String)>,
    access_keys: BTreeMap<String, String>,
    product_names: BTreeMap<Place, BTreeMap<String, Vec<String>>>,
    /// Product by version.
    versions: BTreeMap<String, String>,
    /// Instances by creation: those of a place, and those of each holder in it.
    created: BTreeMap<(Place, Option<String>), Vec<Created>>,
    /// Instances by name in lower case.
    folded: BTreeMap<Place, BTreeMap<String, BTreeSet<String>>>,
    ros_plans: BTreeMap<Place, BTreeSet<Created>>,
}

/// The world. See the module.
pub struct World {
    catalog: Catalog,
    templates: BTreeMap<String, Arc<Template>>,
    state: State,
    indexes: Indexes,
    changed: store::Changed,
    /// Operations that the next write is to fail with, by a seeded fault.
    doomed: bool,
}

impl World {
    /// A world of these parts. Fails if a template cannot be read.
    pub fn new(catalog: Catalog, state: State) -> Result<World, Problem> {
        let mut templates = BTreeMap::new();
        for (key, source) in &catalog.templates {
            templates.insert(key.clone(), Arc::new(Template::parse(&source.name, source.text.as_bytes())?));
        }
        let mut world = World {
            catalog,
            templates,
            state: State { now: state.now, counter: state.counter, ..State::default() },
            indexes: Indexes::default(),
            changed: store::Changed::default(),
            doomed: false,
        };
        world.index_catalog();
        world.adopt(state);
        Ok(world)
    }

    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    pub fn state(&self) -> &State {
        &self.state
    }

    pub fn now(&self) -> Millis {
        self.state.now
    }

    /// The principal that owns an access key.
    pub fn principal_by_key(&self, access_key_id: &str) -> Option<&Principal> {
        self.indexes.access_keys.get(access_key_id).and_then(|name| self.catalog.principals.get(name))
    }

    /// Makes the next operation that starts something end in failure.
    pub fn doom_next(&mut self) {
        self.doomed = true;
    }

    /// Takes back what [`Self::doom_next`] said, once its request is over.
    pub fn spare(&mut self) {
        self.doomed = false;
    }

    pub fn template(&self, key: &str) -> Answer<Arc<Template>> {
        self.templates.get(key).cloned().ok_or_else(|| ServiceError::new("InternalFailure", "the template is gone"))
    }

    /// A number that nothing else in this world has had.
    fn next(&mut self) -> u64 {
        self.state.counter += 1;
        self.state.counter
    }

    fn new_id(&mut self, prefix: &str) -> String {
        let number = self.next();
        super::ids::id(self.catalog.seed, prefix, &format!("#{number}"))
    }
}
