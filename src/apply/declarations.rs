//! Declarations that wait until every step of their address has succeeded. Pure.

use std::collections::BTreeMap;

use crate::ledger::Ledger;
use crate::ledger::entry::{Declaration, Entry};
use crate::model::Address;
use crate::plan::Plan;

pub struct Declarations<'p> {
    /// How many steps of an address have not succeeded yet, and what is declared then.
    waiting: BTreeMap<&'p Address, (usize, Declaration)>,
    /// The entries that can be written now.
    due: Vec<Entry>,
}

impl<'p> Declarations<'p> {
    pub fn new(plan: &'p Plan) -> Self {
        let steps_of = |address: &Address| plan.steps.iter().filter(|step| step.address == *address).count();
        let declared = plan.declared_last.iter();
        let waiting = declared.map(|(address, last)| (address, (steps_of(address), last.clone()))).collect();
        Declarations { waiting, due: Vec::new() }
    }

    /// A step of `address` has succeeded.
    pub fn succeeded(&mut self, address: &Address) {
        let Some((open, declaration)) = self.waiting.get_mut(address) else { return };
        *open = open.saturating_sub(1);
        if *open == 0 {
            let declaration = declaration.clone();
            self.due.push(Entry::Declared { address: address.clone(), declaration });
        }
    }

    /// The update of `address` turned out to be needless and was not sent, so the product has the tags that it had.
    pub fn keep_tags(&mut self, address: &Address, ledger: &Ledger) {
        if let (Some((_, declaration)), Some(managed)) = (self.waiting.get_mut(address), ledger.managed.get(address)) {
            declaration.tags.extend(managed.declaration.tags.iter().cloned());
        }
    }

    /// The entries that have become due since the last call.
    pub fn take_due(&mut self) -> Vec<Entry> {
        std::mem::take(&mut self.due)
    }
}
