//! Tags: ours, everybody else's, and what the service can and cannot do with them.

use std::collections::BTreeMap;

use super::types::REVERTS;
use super::{Action, Field, FieldName, Shown};
use crate::ledger::Managed;
use crate::model::Located;

/// The difference in tags and the whole set to send.
#[derive(Default)]
pub struct Difference {
    pub fields: Vec<Field>,
    /// The whole user-tag set to send; `None` when nothing changes.
    pub send: Option<BTreeMap<String, String>>,
    /// Tags that would have to be removed while no other is added or changed: the service ignores such a request
    /// (a removal takes effect only beside another change of tags), so it is held back.
    pub held_back: Vec<String>,
}

/// Compares the files' tags with what runs. A tag that we set before and that is gone from the files is removed;
/// everybody else's stay and are sent along, because the service overwrites the whole set.
pub fn compare(
    declared: Option<&BTreeMap<String, Located<String>>>,
    managed: Option<&Managed>,
    live: &BTreeMap<String, String>,
) -> Difference {
    let ours = managed.map(|managed| &managed.applied.tags);
    let set_before = |key: &String| managed.is_some_and(|managed| managed.declaration.tags.contains(key));
    let mut whole = live.clone();
    let mut fields = Vec::new();
    for (key, value) in declared.into_iter().flatten() {
        let before = whole.insert(key.clone(), value.value.clone());
        if before.as_ref() != Some(&value.value) {
            fields.push(Field {
                action: Action::Update,
                name: FieldName::Tag(key.clone()),
                before: before.map_or(Shown::Absent, Shown::Text),
                after: Shown::Text(value.value.clone()),
                note: (ours.and_then(|tags| tags.get(key)) == Some(&value.value)).then(|| REVERTS.to_owned()),
            });
        }
    }
    let changed = !fields.is_empty();
    let removed: Vec<(&String, &String)> =
        live.iter().filter(|(key, _)| set_before(key) && !declared.is_some_and(|d| d.contains_key(*key))).collect();
    if !changed {
        let held_back = removed.into_iter().map(|(key, _)| key.clone()).collect();
        return Difference { held_back, ..Difference::default() };
    }
    for (key, value) in removed {
        whole.remove(key);
        fields.push(Field {
            action: Action::Update,
            name: FieldName::Tag(key.clone()),
            before: Shown::Text(value.clone()),
            after: Shown::Absent,
            note: None,
        });
    }
    fields.sort_by(|a, b| a.name.cmp(&b.name));
    Difference { fields, send: Some(whole), held_back: Vec::new() }
}
