//! Version, path, parameters and tags of what exists: one update for all of them.

use super::draft::{Draft, guards};
use super::existing::Running;
use super::facts::{Reading, sent_path, unique_name};
use super::planner::{Matched, Planner};
use super::{Action, DeferredUpdate, Field, FieldDrift, FieldName, Shown, approval, resolve, tags};
use crate::model::{
    Address, CatalogProduct, LaunchPath, LiveParameters, ProvisionedProduct, Request, Status, TagUpdates, Template,
    Traits, Version,
};
use crate::problem::Problem;

/// What an update would change, apart from parameters.
pub(super) struct Update<'a> {
    pub(super) version: Version,
    version_differs: bool,
    path: Option<&'a LaunchPath>,
    path_before: Option<&'a str>,
    path_differs: bool,
    pub(super) tags: tags::Difference,
    /// `--reapply` of a product whose last update failed: sent even if nothing differs. An update that changes nothing
    /// may taint a healthy product.
    reapply: bool,
    traits: Traits,
}

impl Update<'_> {
    pub(super) fn differs(&self) -> bool {
        self.version_differs || self.path_differs || self.tags.differs()
    }

    /// The tags and the path that differ, in words.
    fn not_alone(&self) -> String {
        let path = self.path_differs.then(|| format!("the {}", self.traits.path_word));
        let all: Vec<String> = self.tags.fields.iter().filter_map(tag_name).chain(path).collect();
        all.join(" and ")
    }

    /// Whether the service takes it, whatever becomes of the parameters.
    fn certain(&self) -> bool {
        self.version_differs || self.reapply || (self.traits.updates_tags_alone && self.differs())
    }
}

impl<'a> Planner<'a> {
    /// Plans the update, if one is needed, and gives the tags that cannot be removed now. `None` when something is not
    /// known yet or not possible.
    pub fn update(
        &mut self,
        m: &Matched<'a>,
        product: &'a ProvisionedProduct,
        running: &Running<'a>,
        draft: &mut Draft,
    ) -> Option<Vec<String>> {
        let spec = m.spec;
        let version = self.version(m, Some((running.version_id, running.version_name)))?;
        let version_differs = version.id != running.version_id;
        let traits = m.target.cloud.traits();
        if self.is_reapplied(&spec.address) && !traits.reapplies {
            self.problems.push(
                Problem::input(format!(
                    "`{}` cannot be reapplied: the service refuses an update that changes nothing",
                    spec.address
                ))
                .at(&spec.place)
                .hint("change a parameter or the version with it"),
            );
            return None;
        }
        let failed = matches!(product.status, Status::Tainted | Status::Error);
        let reapply = self.is_reapplied(&spec.address) && failed && version.active;
        let is_stack = product.kind == traits.stack_kind;
        let managed_tags = spec.tags.is_some() || m.managed.is_some_and(|ours| !ours.declaration.tags.is_empty());
        let tags_of_stack = is_stack && managed_tags && (running.failed || !traits.lists_tags);
        let read = is_stack && (spec.parameters.is_some() || version_differs || reapply || tags_of_stack);
        // Asked for beside whatever else is not known yet.
        let stack = read.then(|| self.stack(m, product));
        // Which path it is matters to what is sent, and to what is compared if the files name one.
        let with_path = read || version_differs || spec.path.is_some() || spec.tags.is_some();
        let path_before = if with_path { self.current_path(m, product, running)? } else { None };
        let path = if with_path { self.path(m, path_before)? } else { None };
        let live_tags = match &stack {
            Some(Reading::Known(stack)) if tags_of_stack || !traits.lists_tags => &stack.tags,
            // Nothing can be said of them yet.
            Some(Reading::Asked | Reading::Blocked)
                if tags_of_stack && !version_differs && spec.parameters.is_none() =>
            {
                return None;
            }
            _ => &product.tags,
        };
        if managed_tags {
            draft.live_tags = Some(live_tags.keys().cloned().collect());
        }
        if !version_differs {
            draft.verified.version_id = Some(version.id.clone());
        }
        let update = Update {
            version,
            version_differs,
            path,
            path_before,
            path_differs: spec.path.is_some() && path_changes(m.catalog, path_before, path),
            tags: tags::compare(spec.tags.as_ref(), m.managed, live_tags, traits),
            reapply,
            traits,
        };
        draft.verified.tags.clone_from(&update.tags.verified);
        if !is_stack {
            self.not_a_stack(m, product, &update);
            return Some(update.tags.held_back);
        }
        if !update.version.active && version_differs {
            self.problems.push(
                Problem::input(format!(
                    "version `{}` of product `{}` is not active: no update can ask for it",
                    update.version.name, m.catalog.name
                ))
                .at(&spec.version.place)
                .hint(resolve::other_versions(m.catalog)),
            );
            return None;
        }
        if !update.version.active {
            return match stack {
                Some(Reading::Asked | Reading::Blocked) => None,
                Some(Reading::Known(stack)) => self.inactive(m, update, Some(stack)),
                None => self.inactive(m, update, None),
            };
        }
        if !update.differs() && !reapply && spec.parameters.is_none() {
            return match stack {
                Some(Reading::Asked | Reading::Blocked) => None,
                Some(Reading::Known(_)) | None => Some(update.tags.held_back),
            };
        }
        if !version_differs && spec.parameters.is_none() && !update.certain() {
            self.cannot_change_alone(m, &update);
            return Some(update.tags.held_back);
        }
        // Both are asked for before either is looked at.
        let template = self.template(m, &update.version, path);
        let stack = stack.unwrap_or_else(|| self.stack(m, product));
        let (Some(template), Reading::Known(stack)) = (template, stack) else { return None };
        self.compose(m, product, running, template, stack, update, draft)
    }

    /// Puts the differences and the request together.
    #[allow(clippy::too_many_arguments)] // All that is known of one product by now, used once.
    fn compose(
        &mut self,
        m: &Matched<'a>,
        product: &'a ProvisionedProduct,
        running: &Running<'a>,
        template: &'a Template,
        stack: &'a LiveParameters,
        update: Update<'a>,
        draft: &mut Draft,
    ) -> Option<Vec<String>> {
        let (difference, usable) = self.parameters(m, &update.version, template, Some(stack), Action::Update);
        let certain =
            update.certain() || difference.fields.iter().any(|field| !matches!(field.after, Shown::KnownAfterApply(_)));
        let wanted = certain || !difference.fields.is_empty();
        let mut fields = version_and_path(m, running, &update);
        fields.extend(difference.fields);
        fields.extend(update.tags.fields.iter().cloned());
        // Who did it is asked only where there is something to tell, and beside outputs that are not known yet.
        let evidenced = self.evidence(m, product, &mut fields);
        if !usable {
            return None;
        }
        draft.verified.parameters = difference.verified;
        draft.notes.extend(difference.notes);
        evidenced?;
        if !wanted {
            if update.differs() {
                self.cannot_change_alone(m, &update);
            }
            return Some(update.tags.held_back);
        }
        let path = update.path.or_else(|| m.catalog.paths.first());
        if update.tags.differs() && path.is_none_or(|path| path.tag_updates != TagUpdates::Allowed) {
            draft.notes.push(
                "tags change: that takes a RESOURCE_UPDATE constraint, which is not known to be there".to_owned(),
            );
        }
        if update.version_differs && update.version.deprecated {
            draft.notes.push(format!("version {} is deprecated", update.version.name));
        }
        if fields.is_empty() {
            draft.notes.push("sent again (--reapply), although nothing differs".to_owned());
        }
        if !certain {
            draft.deferred = Some(DeferredUpdate {
                running: stack.parameters.iter().map(|(key, value)| (key.clone(), value.value.clone())).collect(),
                left_undone: update.differs().then(|| update.not_alone()),
                may_wait: m.spec.tags_with_next_update,
            });
        }
        draft.guards = guards(&difference.arguments, template);
        draft.outputs.clone_from(&template.outputs);
        draft.path = unique_name(m.catalog, update.path);
        draft.approvals.extend(approval::needed(m.catalog, path));
        draft.fields.extend(fields);
        draft.update = Some(Request::Update {
            id: product.id.clone(),
            product_id: m.catalog.id.clone(),
            version_id: update.version.id.clone(),
            path_id: sent_path(m.spec, m.catalog, update.path),
            parameters: difference.arguments,
            // Where an update may not leave them out, everybody's are sent with it.
            tags: (update.tags.differs() || !update.traits.updates_tags_alone).then_some(update.tags.whole),
        });
        Some(update.tags.held_back)
    }

    /// Says by which operation and when, for fields that set something back; `None` while that has to be asked.
    fn evidence(&mut self, m: &Matched<'a>, product: &'a ProvisionedProduct, fields: &mut [Field]) -> Option<()> {
        if fields.iter().any(|field| field.drift.is_some())
            && let Some(evidence) = self.outside(m, product)?
        {
            for drift in fields.iter_mut().filter_map(|field| field.drift.as_mut()) {
                drift.evidence = Some(evidence.clone());
            }
        }
        Some(())
    }

    /// Tags that cannot be removed now. The rest of the product goes on.
    pub fn hold_back(&mut self, address: &Address, tags: &[String]) {
        if tags.is_empty() {
            return;
        }
        let list: Vec<String> = tags.iter().map(|tag| format!("`{tag}`")).collect();
        let (why, way_out) = if self.inputs.traits(address).removes_all_tags {
            (
                "the service ignores a removal while no other tag is added or changed",
                "add or change another tag in the same apply, or put the tag back into the file",
            )
        } else {
            ("the service keeps the last tags of a product", "keep one tag in the file, or put these back")
        };
        let problem = Problem::failed(format!("tag {} cannot be removed: {why}", list.join(", "))).hint(way_out);
        self.finding(address, false, true, problem);
    }

    /// A change of tags or path that the service takes only together with another.
    fn cannot_change_alone(&mut self, m: &Matched<'a>, update: &Update<'_>) {
        let what = update.not_alone();
        let (problem, waits) = if m.spec.tags_with_next_update {
            (Problem::failed(format!("pending: {what} will change with the next update")), true)
        } else {
            let problem = Problem::failed(format!(
                "{what} cannot change alone: the service takes it only together with a parameter or the version"
            ));
            let hint = "change a parameter or the version with it, or let it wait for the next update with `tags_with_next_update = true`";
            (problem.hint(hint), false)
        };
        self.finding(&m.spec.address, !waits, !waits, problem);
    }

    fn not_a_stack(&mut self, m: &Matched<'a>, product: &ProvisionedProduct, update: &Update<'_>) {
        if update.differs() || update.reapply || m.spec.parameters.is_some() {
            let problem = Problem::failed(format!(
                "{} is of the type {}, and only its owner and launch role can be changed so far",
                product.id, product.kind
            ))
            .hint("leave `parameters` and `tags` out and write the version that runs");
            self.finding(&m.spec.address, false, true, problem);
        }
    }
}

fn tag_name(field: &Field) -> Option<String> {
    match &field.name {
        FieldName::Tag(key) => Some(format!("tag `{key}`")),
        _ => None,
    }
}

fn version_and_path(m: &Matched<'_>, running: &Running<'_>, update: &Update<'_>) -> Vec<Field> {
    let mut fields = Vec::new();
    if update.version_differs {
        let before = m.catalog.versions.iter().find(|version| version.id == running.version_id);
        let before = before.map_or(running.version_name, |version| version.name.as_str()).to_owned();
        let after = Shown::Text(update.version.name.clone());
        let field = Field::new(Action::Update, FieldName::Version, Shown::Text(before), after);
        let base = m.managed.and_then(|managed| managed.applied.version_id.as_deref());
        // Names are not unique, so ids tell whether it was changed.
        let drift = base.filter(|id| *id != running.version_id).map(|id| FieldDrift {
            last: Shown::Text(version_name(m, id)),
            reverts: id == update.version.id,
            evidence: None,
        });
        fields.push(Field { drift, ..field });
    }
    if update.path_differs {
        let name = |path: Option<&LaunchPath>| path.map_or(Shown::Absent, |path| Shown::Text(path.name.clone()));
        let before = name(m.catalog.paths.iter().find(|path| Some(path.id.as_str()) == update.path_before));
        fields.push(Field::new(Action::Update, FieldName::Path, before, name(update.path)));
    }
    fields
}

/// A version's name, or its id where the catalog does not show it.
fn version_name(m: &Matched<'_>, id: &str) -> String {
    let listed = m.catalog.versions.iter().find(|version| version.id == id);
    listed.map_or(id, |version| version.name.as_str()).to_owned()
}

/// Paths compare by name: ids depend on who asks and go stale. One that is not listed any more has no name to compare.
fn path_changes(catalog: &CatalogProduct, before: Option<&str>, after: Option<&LaunchPath>) -> bool {
    let before = before.and_then(|id| catalog.paths.iter().find(|path| path.id == id)).map(|path| &path.name);
    matches!((before, after), (Some(before), Some(after)) if *before != after.name)
}
