//! Tags: ours, everybody else's, and what the service can and cannot do with them.

use std::collections::BTreeMap;

use super::{Action, Field, FieldName, Shown};
use crate::ledger::Managed;
use crate::model::{Located, Traits};

/// The difference in tags and the whole set that makes it go away.
#[derive(Default)]
pub struct Difference {
    pub fields: Vec<Field>,
    /// Every user tag as it shall be: the service overwrites the whole set.
    pub whole: BTreeMap<String, String>,
    /// Tags that would have to be removed and cannot be now.
    pub held_back: Vec<String>,
    /// The tags that are as the files say.
    pub verified: BTreeMap<String, String>,
}

impl Difference {
    pub fn differs(&self) -> bool {
        !self.fields.is_empty()
    }
}

/// Compares the files' tags with what runs. A tag that we set before and that is gone from the files is removed;
/// everybody else's stay and are sent along.
pub fn compare(
    declared: Option<&BTreeMap<String, Located<String>>>,
    managed: Option<&Managed>,
    live: &BTreeMap<String, String>,
    traits: Traits,
) -> Difference {
    let ours = managed.map(|managed| &managed.applied.tags);
    let set_before = |key: &String| managed.is_some_and(|managed| managed.declaration.tags.contains(key));
    let mut whole = live.clone();
    let mut fields = Vec::new();
    let mut verified = BTreeMap::new();
    for (key, value) in declared.into_iter().flatten() {
        let before = whole.insert(key.clone(), value.value.clone());
        if before.as_ref() != Some(&value.value) {
            let before = before.map_or(Shown::Absent, Shown::Text);
            let after = Shown::Text(value.value.clone());
            let base = ours.and_then(|tags| tags.get(key)).cloned().map(Shown::Text);
            let field = Field::new(Action::Update, FieldName::Tag(key.clone()), before, after);
            fields.push(field.drifted_from(base.as_ref()));
        } else {
            verified.insert(key.clone(), value.value.clone());
        }
    }
    let removed: Vec<(&String, &String)> =
        live.iter().filter(|(key, _)| set_before(key) && !declared.is_some_and(|d| d.contains_key(*key))).collect();
    if held_back(&fields, &removed, &whole, traits) {
        let held_back = removed.into_iter().map(|(key, _)| key.clone()).collect();
        return Difference { fields, whole, held_back, verified };
    }
    for (key, value) in removed {
        whole.remove(key);
        let before = Shown::Text(value.clone());
        let base = ours.and_then(|tags| tags.get(key)).cloned().map(Shown::Text);
        let field = Field::new(Action::Update, FieldName::Tag(key.clone()), before, Shown::Absent);
        fields.push(field.drifted_from(base.as_ref()));
    }
    fields.sort_by(|a, b| a.name.cmp(&b.name));
    Difference { fields, whole, held_back: Vec::new(), verified }
}

/// Where tags may change alone, a removal takes effect only beside another change of tags; where they may not, the last
/// tag stays, because a set without any cannot be sent.
fn held_back(
    fields: &[Field],
    removed: &[(&String, &String)],
    whole: &BTreeMap<String, String>,
    traits: Traits,
) -> bool {
    if traits.removes_all_tags { fields.is_empty() } else { !removed.is_empty() && removed.len() == whole.len() }
}
