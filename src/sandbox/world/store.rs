//! Entities, their indexes, and what has changed since the journal was last written.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::approval::RosPlan;
use super::model::{Cloud, Millis, Plan, Provisioned, Record, Stack, Token};
use super::{State, World};

/// Ids of what has changed.
#[derive(Debug, Default)]
pub(super) struct Changed {
    provisioned: BTreeSet<String>,
    records: BTreeSet<String>,
    stacks: BTreeSet<String>,
    plans: BTreeSet<String>,
    tokens: BTreeSet<String>,
    pub(super) ros_plans: BTreeSet<String>,
}

/// The new values of what has changed; `null` for what is gone.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Delta {
    pub now: Millis,
    pub counter: u64,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub provisioned: BTreeMap<String, Option<Provisioned>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub records: BTreeMap<String, Option<Record>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub stacks: BTreeMap<String, Option<Stack>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub plans: BTreeMap<String, Option<Plan>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tokens: BTreeMap<String, Option<Token>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ros_plans: BTreeMap<String, Option<RosPlan>>,
}

fn values<T: Clone>(ids: BTreeSet<String>, table: &BTreeMap<String, T>) -> BTreeMap<String, Option<T>> {
    ids.into_iter()
        .map(|id| {
            let value = table.get(&id).cloned();
            (id, value)
        })
        .collect()
}

impl World {
    /// Whether anything has changed since [`Self::take_changes`] was last called.
    pub fn has_changes(&self) -> bool {
        let changed = &self.changed;
        let Changed { provisioned, records, stacks, plans, tokens, ros_plans } = changed;
        let sets = [provisioned, records, stacks, plans, tokens, ros_plans];
        sets.iter().any(|set| !set.is_empty())
    }

    /// What has changed since this was last asked; nothing if only time has passed.
    pub fn take_changes(&mut self) -> Option<Delta> {
        if !self.has_changes() {
            return None;
        }
        let changed = std::mem::take(&mut self.changed);
        Some(Delta {
            now: self.state.now,
            counter: self.state.counter,
            provisioned: values(changed.provisioned, &self.state.provisioned),
            records: values(changed.records, &self.state.records),
            stacks: values(changed.stacks, &self.state.stacks),
            plans: values(changed.plans, &self.state.plans),
            tokens: values(changed.tokens, &self.state.tokens),
            ros_plans: values(changed.ros_plans, &self.state.ros_plans),
        })
    }

    /// Does to this world what a delta says was done.
    pub fn apply(&mut self, delta: Delta) {
        for (id, value) in delta.provisioned {
            match value {
                Some(value) => self.put_provisioned(value),
                None => self.remove_provisioned(&id),
            }
        }
        for (id, value) in delta.records {
            if let Some(value) = value {
                self.put_record(value);
            } else {
                self.state.records.remove(&id);
            }
        }
        for (id, value) in delta.stacks {
            match value {
                Some(value) => self.put_stack(value),
                None => self.remove_stack(&id),
            }
        }
        for (id, value) in delta.plans {
            match value {
                Some(value) => self.put_plan(value),
                None => self.remove_plan(&id),
            }
        }
        for (key, value) in delta.tokens {
            match value {
                Some(value) => self.put_token(key, value),
                None => self.remove_token(&key),
            }
        }
        for (id, value) in delta.ros_plans {
            match value {
                Some(value) => self.put_ros_plan(value),
                None => self.remove_ros_plan(&id),
            }
        }
        self.state.now = self.state.now.max(delta.now);
        self.state.counter = self.state.counter.max(delta.counter);
        self.changed = Changed::default();
    }

    /// Takes a whole state over, indexes and all.
    pub(super) fn adopt(&mut self, state: State) {
        for value in state.provisioned.into_values() {
            self.put_provisioned(value);
        }
        for value in state.records.into_values() {
            self.put_record(value);
        }
        for list in self.indexes.records_of.values_mut() {
            list.sort_by_key(|id| self.state.records.get(id).map(|r| r.sequence));
        }
        for value in state.stacks.into_values() {
            self.put_stack(value);
        }
        for value in state.plans.into_values() {
            self.put_plan(value);
        }
        for value in state.ros_plans.into_values() {
            self.put_ros_plan(value);
        }
        self.state.tokens = state.tokens;
        self.changed = Changed::default();
    }

    pub(super) fn index_catalog(&mut self) {
        for principal in self.catalog.principals.values() {
            self.indexes.access_keys.insert(principal.access_key_id.clone(), principal.name.clone());
        }
        for product in self.catalog.products.values() {
            let names = self.indexes.product_names.entry(product.place.clone()).or_default();
            names.entry(product.name.clone()).or_default().push(product.id.clone());
            for version in &product.versions {
                self.indexes.versions.insert(version.id.clone(), product.id.clone());
            }
        }
    }

    pub(super) fn put_provisioned(&mut self, value: Provisioned) {
        if value.place.cloud() == Cloud::Alibaba {
            self.index_instance(&value);
        }
        let live = self.indexes.live.entry(value.place.clone()).or_default();
        let names = self.indexes.names.entry(value.place.clone()).or_default();
        match (live.binary_search(&value.id), value.terminated) {
            (Err(at), false) => live.insert(at, value.id.clone()),
            (Ok(at), true) => {
                live.remove(at);
            }
            _ => {}
        }
        if !value.terminated {
            names.insert(value.name.clone(), value.id.clone());
        } else if names.get(&value.name) == Some(&value.id) {
            names.remove(&value.name);
        }
        self.changed.provisioned.insert(value.id.clone());
        self.state.provisioned.insert(value.id.clone(), value);
    }

    pub(super) fn remove_provisioned(&mut self, id: &str) {
        let Some(mut value) = self.state.provisioned.get(id).cloned() else { return };
        value.terminated = true;
        self.put_provisioned(value);
        self.state.provisioned.remove(id);
    }

    pub(super) fn put_record(&mut self, value: Record) {
        self.indexes.history.entry(value.place.clone()).or_default().insert(value.sequence, value.id.clone());
        if !self.state.records.contains_key(&value.id) {
            self.indexes.records_of.entry(value.provisioned.clone()).or_default().push(value.id.clone());
        }
        let due = (value.ends, value.id.clone());
        if value.work.is_some() {
            self.indexes.due.insert(due);
        } else {
            self.indexes.due.remove(&due);
        }
        self.changed.records.insert(value.id.clone());
        self.state.records.insert(value.id.clone(), value);
    }

    pub(super) fn put_stack(&mut self, value: Stack) {
        self.indexes.stacks.entry(value.place.clone()).or_default().insert(value.id.clone());
        let names = self.indexes.stack_names.entry(value.place.clone()).or_default();
        names.insert(value.name.clone(), value.id.clone());
        self.changed.stacks.insert(value.id.clone());
        self.state.stacks.insert(value.id.clone(), value);
    }

    pub(super) fn remove_stack(&mut self, id: &str) {
        let Some(value) = self.state.stacks.remove(id) else { return };
        if let Some(ids) = self.indexes.stacks.get_mut(&value.place) {
            ids.remove(id);
        }
        if let Some(names) = self.indexes.stack_names.get_mut(&value.place)
            && names.get(&value.name).is_some_and(|named| named == id)
        {
            names.remove(&value.name);
        }
        self.changed.stacks.insert(id.to_owned());
    }

    pub(super) fn put_plan(&mut self, value: Plan) {
        self.indexes.plans.entry(value.place.clone()).or_default().insert(value.id.clone());
        let due = (value.ends, value.id.clone());
        if value.status == super::model::PlanStatus::CreateInProgress {
            self.indexes.due.insert(due);
        } else {
            self.indexes.due.remove(&due);
        }
        self.changed.plans.insert(value.id.clone());
        self.state.plans.insert(value.id.clone(), value);
    }

    pub(super) fn remove_plan(&mut self, id: &str) {
        let Some(value) = self.state.plans.remove(id) else { return };
        self.indexes.due.remove(&(value.ends, value.id.clone()));
        if let Some(ids) = self.indexes.plans.get_mut(&value.place) {
            ids.remove(id);
        }
        self.changed.plans.insert(id.to_owned());
    }

    pub(super) fn put_token(&mut self, key: String, value: Token) {
        self.changed.tokens.insert(key.clone());
        self.state.tokens.insert(key, value);
    }

    pub(super) fn remove_token(&mut self, key: &str) {
        if self.state.tokens.remove(key).is_some() {
            self.changed.tokens.insert(key.to_owned());
        }
    }
}
