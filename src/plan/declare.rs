//! What the ledger keeps of a product when its block is gone, and when that is written.
//!
//! A declaration follows what has really been done. What is new holds from the start of a run. What the product lets go
//! of (another product that it uses, a tag) is dropped only when every step of its address has succeeded, so that a
//! failed or interrupted update leaves the ledger with everything that the product still has.

use std::collections::BTreeSet;

use super::draft::Draft;
use super::planner::{Matched, Planner};
use super::{Action, Field, FieldName, Inputs, Shown};
use crate::ledger::entry::{Declaration, Entry};
use crate::model::{Address, Spec, Target};

impl Planner<'_> {
    /// Plans the declaration of a product that exists. `held_back` are tags that cannot be removed now.
    pub fn declare(&self, draft: &mut Draft, m: &Matched<'_>, held_back: &[String]) {
        let asked = declaration(self.inputs, m.spec, &m.name, m.target);
        let Some(before) = m.managed.map(|managed| &managed.declaration) else {
            return show(draft, Action::Adopt, &nothing(&asked), &asked);
        };
        let is_there = |key: &&String| draft.live_tags.as_ref().is_none_or(|live| live.contains(*key));
        let (mut first, mut last) = (asked.clone(), asked);
        first.tags.extend(before.tags.iter().filter(is_there).cloned());
        if draft.update.is_some() {
            first.needs.extend(before.needs.iter().cloned());
            last.tags.extend(held_back.iter().cloned());
        } else {
            last.tags.clone_from(&first.tags);
        }
        // A changed timeout, and a key whose tag is gone, are no reason to write.
        let tags = before.tags.iter().filter(|key| first.tags.contains(*key)).cloned().collect();
        let known = Declaration { timeout_seconds: last.timeout_seconds, tags, ..before.clone() };
        if first == known && last == known {
            return;
        }
        show(draft, Action::Declare, &known, &last);
        if first != known {
            draft.records.push(Entry::Declared { address: draft.address.clone(), declaration: first.clone() });
        }
        draft.declared_last = Some(last).filter(|last| *last != first);
    }

    /// Plans the declaration of a product that is launched.
    pub fn declare_launch(&self, draft: &mut Draft, m: &Matched<'_>) {
        let asked = declaration(self.inputs, m.spec, &m.name, m.target);
        let before = m.managed.map_or_else(|| nothing(&asked), |managed| managed.declaration.clone());
        // The name is shown with the launch.
        show(draft, Action::Declare, &Declaration { name: asked.name.clone(), ..before }, &asked);
        draft.records.push(Entry::Declared { address: draft.address.clone(), declaration: asked });
    }

    /// The product that is replaced uses what it has used until it is terminated.
    pub fn declare_replaced(&self, draft: &mut Draft, before: &Declaration) {
        let declared = draft.records.iter_mut().find_map(|entry| match entry {
            Entry::Declared { declaration, .. } => Some(declaration),
            _ => None,
        });
        if let Some(first) = declared
            && !before.needs.is_subset(&first.needs)
        {
            draft.declared_last = Some(first.clone());
            first.needs.extend(before.needs.iter().cloned());
        }
    }
}

/// What the files declare of a product.
pub fn declaration(inputs: &Inputs<'_>, spec: &Spec, name: &str, target: &Target) -> Declaration {
    Declaration {
        name: name.to_owned(),
        cloud: target.cloud,
        account: target.account.clone(),
        region: target.region.clone(),
        protect: spec.protect,
        steward: spec.steward.as_ref().map(|steward| steward.value.clone()),
        needs: inputs.needs(&spec.address).clone(),
        tags: spec.tags.iter().flatten().map(|(key, _)| key.clone()).collect(),
        timeout_seconds: spec.timeout.as_secs(),
    }
}

/// The declaration of the same product by a block that says nothing.
fn nothing(of: &Declaration) -> Declaration {
    Declaration { protect: false, steward: None, needs: BTreeSet::new(), tags: BTreeSet::new(), ..of.clone() }
}

/// Adds the fields in which two declarations differ. Tag keys are left out if each of them stands there as a tag.
fn show(draft: &mut Draft, action: Action, before: &Declaration, after: &Declaration) {
    let is_shown = |key: &String| draft.fields.iter().any(|f| matches!(&f.name, FieldName::Tag(shown) if shown == key));
    let tags_are_shown = before.tags.symmetric_difference(&after.tags).all(is_shown);
    let fields = differences(before, after).filter(|(name, ..)| *name != FieldName::TagKeys || !tags_are_shown);
    draft.fields.extend(fields.map(|(name, before, after)| Field::new(action, name, before, after)));
}

/// A changed timeout is not shown: how long a step may take is no part of what it does.
fn differences(before: &Declaration, after: &Declaration) -> impl Iterator<Item = (FieldName, Shown, Shown)> {
    let text = |value: &Option<String>| value.clone().map_or(Shown::Absent, Shown::Text);
    let list = |all: Vec<String>| if all.is_empty() { Shown::Absent } else { Shown::Text(all.join(", ")) };
    let addresses = |set: &BTreeSet<Address>| list(set.iter().map(ToString::to_string).collect());
    let keys = |set: &BTreeSet<String>| list(set.iter().cloned().collect());
    let all = [
        (FieldName::Name, Shown::Text(before.name.clone()), Shown::Text(after.name.clone())),
        (FieldName::Steward, text(&before.steward), text(&after.steward)),
        (FieldName::Protect, Shown::Text(before.protect.to_string()), Shown::Text(after.protect.to_string())),
        (FieldName::DependsOn, addresses(&before.needs), addresses(&after.needs)),
        (FieldName::TagKeys, keys(&before.tags), keys(&after.tags)),
    ];
    all.into_iter().filter(|(_, before, after)| before != after)
}
