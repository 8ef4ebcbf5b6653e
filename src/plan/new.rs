//! What does not exist yet: a first launch, and the launch of a replacement.

use std::collections::BTreeMap;

use super::draft::{Draft, guards};
use super::facts::{sent_path, unique_name};
use super::planner::{Matched, Planner};
use super::{Action, Field, FieldName, Shown, approval, resolve};
use crate::model::{ProvisionedProduct, Request, Status};
use crate::problem::Problem;

impl<'a> Planner<'a> {
    /// A new product: launched, then its launch role and owner set. Both are always planned when they are declared,
    /// because what the launch leaves depends on who runs it.
    pub fn provision(&mut self, m: Matched<'a>) -> Option<Draft> {
        let (version, path) = (self.version(&m, None), self.path(&m, None));
        let (version, path) = (version?, path?);
        if version.deprecated || !version.active {
            self.problems.push(
                Problem::input(format!(
                    "version `{}` of product `{}` is {}: nothing new can be launched from it",
                    version.name,
                    m.catalog.name,
                    if version.active { "deprecated" } else { "not active" }
                ))
                .at(&m.spec.version.place)
                .hint(resolve::other_versions(m.catalog)),
            );
            return None;
        }
        self.has_a_way(&m)?;
        let (template, holder) = (self.template(&m, &version, path), self.holder(&m));
        let (template, ()) = (template?, holder?);
        let mut draft = self.start(&m);
        let (difference, usable) = self.parameters(&m, &version, template, None, Action::Provision);
        if !usable {
            return None;
        }
        draft.field(Action::Provision, FieldName::Version, Shown::Absent, Shown::Text(version.name.clone()));
        if let Some(path) = path {
            draft.field(Action::Provision, FieldName::Path, Shown::Absent, Shown::Text(path.name.clone()));
        }
        draft.guards = guards(&difference.arguments, template);
        draft.fields.extend(difference.fields);
        draft.outputs.clone_from(&template.outputs);
        draft.path = unique_name(m.catalog, path);
        draft.approvals = approval::needed(m.catalog, path);
        let tags: BTreeMap<String, String> =
            m.spec.tags.iter().flatten().map(|(key, value)| (key.clone(), value.value.clone())).collect();
        for (key, value) in &tags {
            draft.field(Action::Provision, FieldName::Tag(key.clone()), Shown::Absent, Shown::Text(value.clone()));
        }
        draft.provision = Some(Request::Provision {
            name: m.name.clone(),
            product_id: m.catalog.id.clone(),
            version_id: version.id.clone(),
            path_id: sent_path(m.spec, m.catalog, path),
            stack_region: m.spec.stack_region.as_ref().map(|region| region.value.clone()),
            parameters: difference.arguments,
            tags,
        });
        if let Some(role) = &m.spec.launch_role {
            draft.field(Action::SetLaunchRole, FieldName::LaunchRole, Shown::Absent, Shown::Text(role.value.clone()));
            draft.launch_role =
                Some(Request::SetLaunchRole { id: String::new(), role: role.value.clone(), again: false });
        }
        if let Some(region) = &m.spec.stack_region {
            let after = Shown::Text(region.value.clone());
            draft.field(Action::Provision, FieldName::StackRegion, Shown::Absent, after);
        }
        if let Some(owner) = m.spec.owner.as_ref().filter(|_| m.target.cloud.traits().changes_owner) {
            draft.field(Action::SetOwner, FieldName::Owner, Shown::Absent, Shown::Text(owner.value.clone()));
            draft.owner = Some(Request::SetOwner { id: String::new(), owner: owner.value.clone(), again: false });
        }
        if let Some(owner) = m.spec.owner.as_ref().filter(|_| draft.owner.is_none()) {
            draft.notes.push(format!(
                "whoever launches it owns it, and the service cannot change that; the files name {}",
                owner.value
            ));
        }
        self.declare_launch(&mut draft, &m);
        Some(draft)
    }

    /// Whether the product can be launched at all by whoever plans.
    fn has_a_way(&mut self, m: &Matched<'a>) -> Option<()> {
        if m.catalog.default_path || !m.catalog.paths.is_empty() {
            return Some(());
        }
        self.problems.push(
            Problem::input(format!(
                "this identity sees no {} to product `{}`",
                m.target.cloud.traits().path_word,
                m.catalog.name
            ))
            .at(&m.spec.product.place)
            .hint("associate the identity with a portfolio that holds the product"),
        );
        None
    }

    /// A written, different name: the new one first, the old one terminated when everything has moved over.
    pub fn replace(&mut self, m: Matched<'a>, old: &'a ProvisionedProduct) -> Option<Draft> {
        let (spec, managed) = (m.spec, m.managed);
        if let Some(taken) = self.knowledge.named(&m.target.name, &spec.name.value).first() {
            self.problems.push(
                Problem::input(format!(
                    "`{}` cannot be replaced by a product named `{}`: {} has that name already",
                    spec.address, spec.name.value, taken.id
                ))
                .at(&spec.name.place)
                .hint("give the replacement a name that is free"),
            );
            return None;
        }
        if matches!(old.status, Status::UnderChange | Status::PlanInProgress) && !self.usable(&spec.address, old) {
            return None;
        }
        let mut draft = self.provision(m)?;
        draft.protect = spec.protect || managed.is_some_and(|managed| managed.declaration.protect);
        draft.id = Some(old.id.clone());
        for field in draft.fields.iter_mut().filter(|field| field.action == Action::Provision) {
            field.action = Action::Replace;
        }
        let (before, after) = (Shown::Text(old.name.clone()), Shown::Text(spec.name.value.clone()));
        let field = Field::new(Action::Replace, FieldName::Name, before, after);
        draft.fields.push(Field { note: Some("a name cannot be changed after launch".to_owned()), ..field });
        draft.terminate.push(Request::Terminate { id: old.id.clone() });
        draft.approvals.extend(self.termination_approvals(&spec.address, old)?);
        self.base.insert(spec.address.clone(), old.clone());
        self.leftovers(&spec.address, managed, &mut draft)?;
        if let Some(managed) = managed {
            self.declare_replaced(&mut draft, &managed.declaration);
        }
        Some(draft)
    }
}
