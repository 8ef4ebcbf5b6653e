//! One address after the other: is it ours, is it there, and which of the ways to plan it follows from that.

use std::collections::{BTreeMap, BTreeSet};

use super::declare::declaration;
use super::draft::Draft;
use super::knowledge::{Knowledge, Presence};
use super::{Action, Drift, Field, FieldName, Finding, Inputs, Shown, resolve};
use crate::ledger::Managed;
use crate::ledger::entry::{Entry, Holdings, Verified};
use crate::model::{Address, CatalogProduct, ProvisionedProduct, Spec, Target};
use crate::problem::Problem;

/// The working state of one planning pass. Whatever is missing ends up in `knowledge`; the pass is then repeated with
/// the answers.
pub struct Planner<'a> {
    pub inputs: &'a Inputs<'a>,
    pub knowledge: Knowledge<'a>,
    pub drafts: BTreeMap<Address, Draft>,
    pub findings: Vec<Finding>,
    pub drift: Vec<Drift>,
    /// What was seen and is news to the ledger.
    pub observed: Vec<Entry>,
    pub problems: Vec<Problem>,
    /// What each planned address looked like, to notice a change between plan and apply.
    pub base: BTreeMap<Address, ProvisionedProduct>,
    /// Addresses of the ledger whose id stands under another address in the files.
    pub moved: BTreeSet<Address>,
}

/// A product of the files, matched with the cloud.
pub struct Matched<'a> {
    pub spec: &'a Spec,
    pub target: &'a Target,
    pub catalog: &'a CatalogProduct,
    /// The name that it has, or will have.
    pub name: String,
    /// What the ledger knows of it, if it is ours.
    pub managed: Option<&'a Managed>,
    pub records: Vec<Entry>,
    pub fields: Vec<Field>,
}

impl<'a> Planner<'a> {
    pub fn new(inputs: &'a Inputs<'a>) -> Self {
        Planner {
            inputs,
            knowledge: Knowledge::new(inputs.live),
            drafts: BTreeMap::new(),
            findings: Vec::new(),
            drift: Vec::new(),
            observed: Vec::new(),
            problems: Vec::new(),
            base: BTreeMap::new(),
            moved: BTreeSet::new(),
        }
    }

    pub fn finding(&mut self, address: &Address, blocks: bool, fails: bool, problem: Problem) {
        self.findings.push(Finding { address: address.clone(), problem, blocks, fails });
    }

    /// Plans one address of the files.
    pub fn declared(&mut self, spec: &'a Spec) {
        if self.is_open(&spec.address, &spec.address) {
            return;
        }
        let draft = self.draft(spec).and_then(|mut draft| self.take_up(&mut draft).map(|()| draft));
        if let Some(draft) = draft {
            self.drafts.insert(spec.address.clone(), draft);
        }
    }

    /// A step of an earlier run that could not be settled: nothing new is begun on top of it.
    pub fn is_open(&mut self, address: &Address, step_of: &Address) -> bool {
        let step = self.inputs.ledger.unsettled.get(step_of);
        // What waits for people is gone on with, or replaced.
        let open = self.inputs.options.settled && step.is_some_and(|step| step.handed_in().is_none());
        if open {
            let problem = Problem::failed(format!("a step of an earlier run on `{step_of}` has not ended yet"))
                .hint("wait until the cloud has finished it, then apply again");
            self.finding(address, true, true, problem);
        }
        open
    }

    fn draft(&mut self, spec: &'a Spec) -> Option<Draft> {
        let target = &self.inputs.project.targets[&spec.address.target];
        // Asked for together, so that one round of reading answers both.
        let listed = self.knowledge.listed(&target.name);
        let lookup = self.knowledge.catalog_product(&target.name, &spec.product.value);
        let (_, lookup) = (listed?, lookup?);
        let catalog = match resolve::product(&spec.product, &target.name, lookup) {
            Ok(product) => product,
            Err(problem) => {
                self.problems.push(problem);
                return None;
            }
        };
        let (managed, from) = self.managed(spec, target);
        if from.is_some_and(|from| self.is_open(&spec.address, from)) {
            return None;
        }
        let name = match managed {
            Some(managed) if !spec.name_written => managed.declaration.name.clone(),
            _ => spec.name.value.clone(),
        };
        let mut m = Matched { spec, target, catalog, name, managed, records: Vec::new(), fields: Vec::new() };
        if let (Some(from), Some(managed)) = (from, managed) {
            let (before, after) = (Shown::Text(from.to_string()), Shown::Text(spec.address.to_string()));
            m.fields.push(Field::new(Action::Move, FieldName::Address, before, after));
            m.records.push(Entry::Moved { from: from.clone(), to: spec.address.clone(), id: managed.id.clone() });
        }
        match managed {
            Some(managed) => self.ours(m, managed),
            None => self.not_ours(m),
        }
    }

    /// The ledger's entry for a product of the files: its own, or one whose address is gone from the files and whose
    /// product carries the name that is wanted here, which is a move. The ledger's name counts as well as the list's:
    /// what a list does not show may still be there.
    fn managed(&mut self, spec: &'a Spec, target: &'a Target) -> (Option<&'a Managed>, Option<&'a Address>) {
        let inputs = self.inputs;
        if let Some(managed) = inputs.ledger.managed.get(&spec.address) {
            return (Some(managed), None);
        }
        let name = spec.name.value.as_str();
        let listed = self.knowledge.named(&target.name, name);
        let from = listed.iter().find_map(|product| inputs.address_of_id(target, &product.id));
        match from.or_else(|| inputs.address_of_name(target, name)) {
            Some(from) if !inputs.project.desired.contains_key(from) && self.moved.insert(from.clone()) => {
                (inputs.ledger.managed.get(from), Some(from))
            }
            _ => (None, None),
        }
    }

    fn ours(&mut self, mut m: Matched<'a>, managed: &'a Managed) -> Option<Draft> {
        let spec = m.spec;
        match self.knowledge.presence(&m.target.name, &managed.id) {
            // The name that counts is the one that it has: the ledger's is that of the files once a run has begun, also
            // if the replacement was never launched.
            Presence::There(product) if spec.name_written && spec.name.value != product.name => {
                self.replace(m, product)
            }
            Presence::There(product) => {
                m.name.clone_from(&product.name);
                self.existing(m, product)
            }
            Presence::Gone => {
                m.records.push(Entry::Forgotten {
                    address: spec.address.clone(),
                    id: managed.id.clone(),
                    reason: "gone from the cloud".to_owned(),
                    gone: true,
                });
                self.drift.push(Drift {
                    address: spec.address.clone(),
                    field: FieldName::Name,
                    before: Shown::Text(managed.declaration.name.clone()),
                    now: Shown::Absent,
                    evidence: Some(format!("{} is gone", managed.id)),
                });
                let mut draft = self.provision(m)?;
                draft.ours = true;
                Some(draft)
            }
            Presence::NotVisible(reason) => {
                self.not_visible(&spec.address, &managed.id, &reason);
                None
            }
            Presence::Asked => None,
        }
    }

    pub fn not_visible(&mut self, address: &Address, id: &str, reason: &str) {
        let problem = Problem::failed(format!("{id} is ours and cannot be seen: {reason}"))
            .hint("look with an identity of account-level access before deciding that it is gone");
        self.finding(address, true, true, problem);
    }

    fn not_ours(&mut self, mut m: Matched<'a>) -> Option<Draft> {
        let spec = m.spec;
        let named = self.knowledge.named(&spec.address.target, &spec.name.value);
        match named {
            [] => self.provision(m),
            [product] => {
                if let Some(other) = self.inputs.address_of_id(m.target, &product.id) {
                    self.problems.push(
                        Problem::input(format!(
                            "`{}` and `{other}` are both {} ({})",
                            spec.address, product.id, product.name
                        ))
                        .at(&spec.name.place)
                        .hint("one provisioned product has one address: delete one of the two blocks"),
                    );
                    return None;
                }
                m.records.push(Entry::Adopted {
                    address: spec.address.clone(),
                    id: product.id.clone(),
                    holdings: Holdings {
                        owner: product.owner.clone(),
                        launch_role: None,
                        operation: product.last_operation.clone(),
                    },
                    declaration: declaration(self.inputs, spec, &m.name, m.target),
                    verified: Verified::default(),
                });
                self.existing(m, product)
            }
            several => {
                let ids: Vec<&str> = several.iter().map(|product| product.id.as_str()).collect();
                self.problems.push(
                    Problem::input(format!("several provisioned products are named `{}`: {}", m.name, ids.join(", ")))
                        .at(&spec.name.place)
                        .hint("terminate or rename all but one: a name is what an existing product is found by"),
                );
                None
            }
        }
    }

    pub fn start(&self, m: &Matched<'a>) -> Draft {
        let mut draft = Draft::new(&m.spec.address, &m.catalog.name);
        draft.fields.clone_from(&m.fields);
        draft.records.clone_from(&m.records);
        draft.needs.clone_from(self.inputs.needs(&m.spec.address));
        draft.timeout_seconds = m.spec.timeout.as_secs();
        draft.protect = m.spec.protect;
        draft.ours = m.managed.is_some();
        draft
    }
}
