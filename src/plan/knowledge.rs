//! What is known, and what must still be asked.
//!
//! The planner asks for a fact where it needs it. A fact that nobody has looked up yet becomes part of a [`Query`], so
//! that what is read is only ever as deep as the plan at hand needs, and one piece of code decides both.

use std::collections::BTreeMap;

use crate::model::{
    Live, LiveParameters, Lookup, Observation, Operation, ProvisionedProduct, Query, Subject, Template, TemplateKey,
};

/// A fact: known, known to be unreadable (with the reason), or not yet asked for.
pub enum Fact<T> {
    Known(T),
    Unreadable(String),
    Asked,
}

/// Whether one id exists.
pub enum Presence<'a> {
    There(&'a ProvisionedProduct),
    Gone,
    /// It was not found, and the caller may not see everything.
    NotVisible(String),
    Asked,
}

pub struct Knowledge<'a> {
    live: &'a Live,
    wanted: BTreeMap<String, Query>,
    by_name: BTreeMap<(&'a str, &'a str), Vec<&'a ProvisionedProduct>>,
}

impl<'a> Knowledge<'a> {
    pub fn new(live: &'a Live) -> Self {
        let mut by_name: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (target, observation) in live {
            for product in observation.products.values() {
                by_name.entry((target.as_str(), product.name.as_str())).or_default().push(product);
            }
        }
        Knowledge { live, wanted: BTreeMap::new(), by_name }
    }

    /// Everything that was asked for and not known, by target.
    pub fn into_wanted(self) -> BTreeMap<String, Query> {
        self.wanted
    }

    pub fn is_complete(&self) -> bool {
        self.wanted.is_empty()
    }

    fn want(&mut self, target: &str) -> &mut Query {
        if !self.wanted.contains_key(target) {
            self.wanted.insert(target.to_owned(), Query::default());
        }
        self.wanted.get_mut(target).expect("inserted above")
    }

    /// The target's list, which everything else builds on.
    pub fn listed(&mut self, target: &str) -> Option<&'a Observation> {
        let observation = self.live.get(target);
        if observation.is_none() {
            self.want(target).list = true;
        }
        observation
    }

    pub fn catalog_product(&mut self, target: &str, name_or_id: &str) -> Option<&'a Lookup> {
        let known = self.live.get(target).and_then(|o| o.catalog.products.get(name_or_id));
        if known.is_none() {
            self.want(target).products.insert(name_or_id.to_owned());
        }
        known
    }

    /// The provisioned products of one name that the list shows.
    pub fn named(&self, target: &'a str, name: &'a str) -> &[&'a ProvisionedProduct] {
        self.by_name.get(&(target, name)).map_or(&[], Vec::as_slice)
    }

    pub fn presence(&mut self, target: &str, id: &str) -> Presence<'a> {
        let Some(observation) = self.listed(target) else { return Presence::Asked };
        if let Some(product) = observation.products.get(id) {
            return Presence::There(product);
        }
        if observation.gone.contains(id) {
            return Presence::Gone;
        }
        if let Some(reason) = observation.unreadable.get(&Subject::Product(id.to_owned())) {
            return Presence::NotVisible(reason.clone());
        }
        self.want(target).confirm.insert(id.to_owned());
        Presence::Asked
    }

    pub fn launch_role(&mut self, target: &str, id: &str) -> Fact<Option<&'a str>> {
        self.fact(
            target,
            || Subject::LaunchRole(id.to_owned()),
            |observation| observation.launch_roles.get(id).map(Option::as_deref),
            |query| {
                query.launch_roles.insert(id.to_owned());
            },
        )
    }

    pub fn parameters(&mut self, target: &str, product: &ProvisionedProduct) -> Fact<&'a LiveParameters> {
        self.fact(
            target,
            || Subject::Parameters(product.id.clone()),
            |observation| observation.parameters.get(&product.id),
            |query| query.parameters.push(product.clone()),
        )
    }

    pub fn outputs(&mut self, target: &str, id: &str) -> Fact<&'a BTreeMap<String, String>> {
        self.fact(
            target,
            || Subject::Outputs(id.to_owned()),
            |observation| {
                observation.outputs.get(id).or_else(|| observation.parameters.get(id).map(|stack| &stack.outputs))
            },
            |query| {
                query.outputs.insert(id.to_owned());
            },
        )
    }

    /// The parameter whose secret an output repeats, where that output was taken out of the answer.
    pub fn repeated(&self, target: &str, id: &str, output: &str) -> Option<&'a str> {
        let repeated = &self.live.get(target)?.repeated;
        repeated.get(&(id.to_owned(), output.to_owned())).map(String::as_str)
    }

    pub fn operation(&mut self, target: &str, id: &str) -> Fact<&'a Operation> {
        self.fact(
            target,
            || Subject::Operation(id.to_owned()),
            |observation| observation.operations.get(id),
            |query| {
                query.operations.insert(id.to_owned());
            },
        )
    }

    /// The holder that a name stands for, as the cloud tells holders.
    pub fn principal(&mut self, target: &str, name: &str) -> Fact<Option<&'a str>> {
        self.fact(
            target,
            || Subject::Principal(name.to_owned()),
            |observation| observation.principals.get(name).map(Option::as_deref),
            |query| {
                query.principals.insert(name.to_owned());
            },
        )
    }

    pub fn template(&mut self, target: &str, key: &TemplateKey) -> Fact<&'a Template> {
        self.fact(
            target,
            || Subject::Template(key.clone()),
            |observation| observation.catalog.templates.get(key),
            |query| {
                query.templates.insert(key.clone());
            },
        )
    }

    fn fact<T>(
        &mut self,
        target: &str,
        subject: impl FnOnce() -> Subject,
        known: impl FnOnce(&'a Observation) -> Option<T>,
        ask: impl FnOnce(&mut Query),
    ) -> Fact<T> {
        if let Some(observation) = self.live.get(target) {
            if let Some(value) = known(observation) {
                return Fact::Known(value);
            }
            if let Some(reason) = observation.unreadable.get(&subject()) {
                return Fact::Unreadable(reason.clone());
            }
        }
        ask(self.want(target));
        Fact::Asked
    }
}
