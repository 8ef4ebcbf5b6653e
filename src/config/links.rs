//! From a draft to a [`Spec`]: what it names in other tables is looked up.

use std::collections::BTreeMap;

use super::arn::{self, Use};
use super::findings::Findings;
use super::interpolation::Part;
use super::product::{Draft, Entry};
use super::resolve::Names;
use super::{section, value};
use crate::model::{Address, Cloud, Located, Piece, Spec, Target, Value};
use crate::problem::{Place, Problem, nearest};

/// The spec, or nothing if it has no valid target, product or version; that has been reported.
pub(super) fn spec(draft: Draft, names: &Names, findings: &Findings) -> Option<Spec> {
    let linker = Linker { draft: &draft, names, findings };
    let target = linker.target();
    let depends_on = linker.depends_on();
    let parameters = linker.parameters();
    let owner = linker.principal(target, Use::Owner, draft.owner.as_ref());
    let may_have_launch_role = target.filter(|target| target.cloud == Cloud::Aws);
    let launch_role = linker.principal(may_have_launch_role, Use::LaunchRole, draft.launch_role.as_ref());
    let address = Address::new(&draft.key.value, &target?.name);
    Some(Spec {
        address,
        name_written: draft.name.is_some(),
        name: draft.name.clone().unwrap_or_else(|| draft.key.clone()),
        product: draft.product.clone()?,
        version: draft.version.clone()?,
        owner,
        launch_role,
        depends_on,
        parameters,
        place: draft.place,
        path: draft.path,
        steward: draft.steward,
        protect: draft.protect,
        stack_region: draft.stack_region,
        tags_with_next_update: draft.tags_with_next_update,
        timeout: draft.timeout,
        tags: draft
            .tags
            .map(|tags| tags.entries.into_iter().filter_map(|(key, entry)| Some((key, entry.value?))).collect()),
    })
}

struct Linker<'a> {
    draft: &'a Draft,
    names: &'a Names,
    findings: &'a Findings,
}

impl<'a> Linker<'a> {
    fn refuse(&self, place: &Place, problem: Problem) {
        self.findings.problem(problem.at(place));
    }

    fn target(&self) -> Option<&'a Target> {
        let written = self.draft.target.as_ref()?;
        if let Some(draft) = self.names.targets.get(&written.value) {
            return draft.target.as_ref();
        }
        if !self.names.incomplete {
            let shown = section::quoted_key(&written.value);
            let problem = Problem::input(format!("there is no `target.{shown}`"));
            let hint = match nearest(&written.value, self.names.targets.keys().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("add a `[target.{shown}]`, or name another target"),
            };
            self.refuse(&written.place, problem.hint(hint));
        }
        None
    }

    fn principal(
        &self,
        target: Option<&Target>,
        usage: Use,
        text: Option<&Located<String>>,
    ) -> Option<Located<String>> {
        let text = text?;
        match arn::complete(usage, &text.value, target?) {
            Ok(arn) => Some(Located { value: arn, place: text.place.clone() }),
            Err(problem) => {
                self.refuse(&text.place, problem);
                None
            }
        }
    }

    fn depends_on(&self) -> BTreeMap<Address, Place> {
        let mut found = BTreeMap::new();
        for text in &self.draft.depends_on {
            let (key, target) = match text.value.split_once('@') {
                Some((key, target)) => (key, Some(target)),
                None => (text.value.as_str(), None),
            };
            if let Some(address) = self.other("`depends_on`", key, target, &text.place) {
                found.entry(address).or_insert_with(|| text.place.clone());
            }
        }
        found
    }

    fn parameters(&self) -> Option<BTreeMap<String, Located<Value>>> {
        let parameters = self.draft.parameters.as_ref()?;
        let link = |(key, entry): (&String, &Entry<value::Draft>)| {
            let draft = entry.value.as_ref()?;
            let label = || format!("`parameters.{}`", section::quoted_key(key));
            let value = match &draft.value {
                value::Draft::Secret(secret) => Value::Secret(secret.clone()),
                value::Draft::Previous => Value::Previous,
                value::Draft::Parts(parts) => self.pieces(&label, parts, &draft.place)?,
            };
            Some((key.clone(), Located { value, place: draft.place.clone() }))
        };
        Some(parameters.entries.iter().filter_map(link).collect())
    }

    fn pieces(&self, label: &dyn Fn() -> String, parts: &[Part], place: &Place) -> Option<Value> {
        let piece = |part: &Part| match part {
            Part::Literal(text) => Some(Piece::Literal(text.clone())),
            Part::Output { key, target, output } => {
                let address = self.other(&label(), key, target.as_deref(), place)?;
                Some(Piece::Output { address, output: output.clone() })
            }
        };
        // All parts are looked at, so that two wrong references in one value are both reported.
        let pieces: Vec<Option<Piece>> = parts.iter().map(piece).collect();
        pieces.into_iter().collect::<Option<Vec<_>>>().map(Value::Text)
    }

    /// Another provisioned product of the same target. `None` is reported, unless what it depends on is itself in doubt.
    fn other(&self, label: &str, key: &str, target: Option<&str>, place: &Place) -> Option<Address> {
        let own = &self.draft.key.value;
        let home = self.draft.target.as_ref().map(|target| target.value.as_str());
        if key == own && target.is_none_or(|target| Some(target) == home) {
            self.refuse(place, Problem::input(format!("{label} refers to `{own}` itself")));
            return None;
        }
        if let (Some(target), Some(home)) = (target, home)
            && target != home
        {
            self.refuse(place, elsewhere(label, key, target, home));
            return None;
        }
        match (self.names.products.get(key), home) {
            (Some(Some(theirs)), Some(home)) if theirs != home => {
                self.refuse(place, elsewhere(label, key, theirs, home));
                None
            }
            (Some(_), home) => Some(Address::new(key, home?)),
            (None, _) => {
                if !self.names.incomplete {
                    self.refuse(place, self.unknown(label, key));
                }
                None
            }
        }
    }

    fn unknown(&self, label: &str, key: &str) -> Problem {
        let shown = section::quoted_key(key);
        let problem =
            Problem::input(format!("{label} refers to `{shown}`, and there is no `provisioned_product.{shown}`"));
        let others = self.names.products.keys().map(String::as_str).filter(|name| *name != self.draft.key.value);
        match nearest(key, others) {
            Some(near) => problem.hint(format!("did you mean `{near}`?")),
            None => problem.hint("it is the key of another provisioned product of the same target"),
        }
    }
}

fn elsewhere(label: &str, key: &str, theirs: &str, home: &str) -> Problem {
    let shown = |word: &str| section::quoted_key(word);
    let message = format!(
        "{label} refers to `{}@{}`, which is not on target `{}`; that is not supported yet",
        shown(key),
        shown(theirs),
        shown(home)
    );
    Problem::input(message).hint("refer to a provisioned product of the same target, or write the value itself")
}
