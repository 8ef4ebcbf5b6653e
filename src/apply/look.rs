//! Reads again what is about to be written to, in the fewest calls.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use super::elapsed;
use super::run::Run;
use crate::model::{Address, Argument, Piece, Query, Request, StepId, StepKind};
use crate::problem::Problem;
use crate::provider::ProviderError;

/// How long a look at a product that is ready to be written to stays good: it waits for room, not for news.
const FRESH: Duration = Duration::from_secs(30);
const PRODUCTS_PER_PAGE: usize = 100;

impl Run<'_, '_> {
    /// Looks at the products that a wave writes to, and at the outputs that it needs. What is good for a hundred
    /// products at a time is asked for a hundred. Returns the targets that could not be read.
    pub(super) async fn look(&mut self, wave: &[StepId]) -> BTreeMap<String, Problem> {
        let mut queries: BTreeMap<String, Query> = BTreeMap::new();
        let mut by_target: BTreeMap<&str, Vec<StepId>> = BTreeMap::new();
        for id in wave {
            by_target.entry(self.step(*id).address.target.as_str()).or_default().push(*id);
        }
        for (target, ids) in by_target {
            let stale: Vec<StepId> = ids.iter().copied().filter(|id| !self.is_fresh(*id)).collect();
            let mut query = if stale.is_empty() { Query::default() } else { self.look_at(target, &stale) };
            query.names = self.names_to_look_for(target, &ids);
            queries.insert(target.to_owned(), query);
        }
        for id in wave {
            for address in references(&self.step(*id).request) {
                let Some(product) = self.ids.get(address) else { continue };
                let query = queries.entry(address.target.clone()).or_default();
                query.outputs.insert(product.clone());
                // What its stack shows of a secret must not be taken for an output.
                if self.plan.secrets.contains_key(address)
                    && let Some(base) = self.plan.base.get(address).filter(|base| base.id == *product)
                    && !query.parameters.contains(base)
                {
                    query.parameters.push(base.clone());
                }
            }
        }
        queries.retain(|_, query| !query.is_empty());
        let answers = join_all(queries.iter().map(|(target, query)| {
            let provider = Arc::clone(&self.context.providers[target]);
            async move { provider.observe(query).await }
        }))
        .await;
        let mut unreadable = BTreeMap::new();
        for (target, answer) in queries.into_keys().zip(answers) {
            match answer {
                Ok(observation) => self.seen.entry(target).or_default().merge(observation),
                Err(error) => _ = unreadable.insert(target, ProviderError::into_problem(error)),
            }
        }
        unreadable
    }

    /// Where a launch that is sent twice is done twice, one is sent only if nothing of its name is there: that is looked
    /// for at once before, however fresh the look at anything else is.
    fn names_to_look_for(&self, target: &str, wave: &[StepId]) -> BTreeSet<String> {
        if self.context.providers[target].traits().replays_tokens {
            return BTreeSet::new();
        }
        let steps = wave.iter().map(|id| self.step(*id)).filter(|step| step.kind != StepKind::Execute);
        let names = steps.filter_map(|step| match step.request.change() {
            Request::Provision { name, .. } => Some(name.clone()),
            _ => None,
        });
        names.collect()
    }

    fn is_fresh(&self, id: StepId) -> bool {
        let now = self.context.clock.now();
        self.looked_at.get(&id).is_some_and(|at| elapsed(*at, now) < FRESH)
    }

    /// What to ask of one target about the steps whose last look is too old, and about those that will follow soon.
    fn look_at(&mut self, target: &str, stale: &[StepId]) -> Query {
        let all: Vec<StepId> =
            self.board.ready().filter(|(of, _)| *of == target).flat_map(|(_, ids)| ids).copied().collect();
        let pages = self.plan.listed.get(target).copied().unwrap_or(0).div_ceil(PRODUCTS_PER_PAGE).max(1);
        // A list is made where it has fewer pages than this wave has products: no step ever costs more than one look.
        let (asked, list) = if all.len() <= pages {
            (all, false)
        } else if pages < stale.len() {
            (all, true)
        } else {
            (stale.to_vec(), false)
        };
        let now = self.context.clock.now();
        let mut query = Query { list, ..Query::default() };
        for id in asked {
            self.looked_at.insert(id, now);
            let step = self.step(id);
            let Some(product) = self.known().product_id(step).map(str::to_owned) else { continue };
            // What an earlier look saw is no answer to this one.
            if let Some(seen) = self.seen.get_mut(target) {
                seen.products.remove(&product);
            }
            // The launch that a plan begins with may have given the role already.
            if step.kind == StepKind::SetLaunchRole && step.request.product().is_empty() {
                query.launch_roles.insert(product.clone());
            }
            if !list {
                query.confirm.insert(product);
            }
        }
        // Provisions alone need no list.
        query.list = list && stale.iter().any(|id| self.known().product_id(self.step(*id)).is_some());
        query
    }
}

/// The addresses whose outputs a request needs.
pub fn references(request: &Request) -> impl Iterator<Item = &Address> {
    request.parameters().into_iter().flat_map(BTreeMap::values).flat_map(|argument| {
        let pieces: &[Piece] = if let Argument::Pieces(pieces) = argument { pieces } else { &[] };
        pieces.iter().filter_map(|piece| match piece {
            Piece::Output { address, .. } => Some(address),
            Piece::Literal(_) => None,
        })
    })
}
