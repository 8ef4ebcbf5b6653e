//! SearchProvisionedProducts and ScanProvisionedProducts.

use super::model::{Access, Answer, Provisioned, ServiceError};
use super::{Caller, World};
use crate::sandbox::ids;

/// What Search sorts by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    Id,
    Name,
    Arn,
    LastRecord,
}

#[derive(Debug, Clone)]
pub struct SearchRequest {
    pub level: Access,
    /// `field:value` terms, all of which must hold.
    pub terms: Vec<String>,
    /// Absent: in random order, another one for every page.
    pub order: Option<Order>,
    pub descending: bool,
    pub offset: usize,
    pub size: usize,
    /// What the random order of this page follows from.
    pub shuffle: u64,
}

const FIELDS: [&str; 18] = [
    "arn",
    "createdTime",
    "id",
    "lastRecordId",
    "idempotencyToken",
    "name",
    "physicalId",
    "productId",
    "provisioningArtifactId",
    "type",
    "status",
    "tags",
    "userArn",
    "userArnSession",
    "lastProvisioningRecordId",
    "lastSuccessfulProvisioningRecordId",
    "productName",
    "provisioningArtifactName",
];

struct Term {
    field: &'static str,
    value: String,
}

impl World {
    /// One page and the number of all results. Page tokens are offsets, as they are in the service.
    pub fn search(&self, caller: &Caller, request: &SearchRequest) -> Answer<(Vec<&Provisioned>, usize)> {
        let terms = request.terms.iter().map(|t| parse(t)).collect::<Answer<Vec<Term>>>()?;
        let live = self.indexes.live.get(&caller.place).map_or(&[][..], Vec::as_slice);
        let everything = request.level == Access::Account && terms.is_empty();
        let by_id = terms.iter().find(|t| t.field == "id").map(|t| t.value.clone());
        if everything && !matches!(request.order, Some(Order::Arn | Order::LastRecord)) {
            return Ok((self.page_of_all(caller, live, request), live.len()));
        }
        let candidates: Vec<&Provisioned> = match &by_id {
            Some(id) => self
                .state
                .provisioned
                .get(id)
                .filter(|p| p.place == caller.place && !p.terminated)
                .into_iter()
                .collect(),
            None => live.iter().filter_map(|id| self.state.provisioned.get(id)).collect(),
        };
        let mut found: Vec<&Provisioned> = candidates
            .into_iter()
            .filter(|p| caller.sees(request.level, &p.owner))
            .filter(|p| terms.iter().all(|t| self.matches(p, t)))
            .collect();
        match request.order {
            None => found.sort_by_cached_key(|p| ids::number(request.shuffle, "page", &p.id)),
            Some(Order::Id) => {}
            Some(Order::Name) => found.sort_by(|a, b| a.name.cmp(&b.name)),
            Some(Order::Arn) => found.sort_by_cached_key(|p| p.arn()),
            Some(Order::LastRecord) => found.sort_by(|a, b| a.last_record.cmp(&b.last_record)),
        }
        if request.descending && request.order.is_some() {
            found.reverse();
        }
        let total = found.len();
        Ok((found.into_iter().skip(request.offset).take(request.size).collect(), total))
    }

    /// A page of everything, at the cost of the page.
    fn page_of_all(&self, caller: &Caller, live: &[String], request: &SearchRequest) -> Vec<&Provisioned> {
        let count = live.len();
        let positions = (request.offset..count.min(request.offset.saturating_add(request.size))).map(|at| {
            match (request.order, request.descending) {
                (None, _) => shuffled(at, count, request.shuffle),
                (Some(_), true) => count - 1 - at,
                (Some(_), false) => at,
            }
        });
        if request.order == Some(Order::Name) {
            let Some(names) = self.indexes.names.get(&caller.place) else { return Vec::new() };
            let (skip, take) = (request.offset, request.size);
            let ids: Vec<&String> = if request.descending {
                names.values().rev().skip(skip).take(take).collect()
            } else {
                names.values().skip(skip).take(take).collect()
            };
            return ids.into_iter().filter_map(|id| self.state.provisioned.get(id)).collect();
        }
        positions.filter_map(|at| live.get(at)).filter_map(|id| self.state.provisioned.get(id)).collect()
    }

    /// ScanProvisionedProducts: one page after the id `after`.
    pub fn scan(&self, caller: &Caller, level: Access, after: Option<&str>, size: usize) -> (Vec<&Provisioned>, bool) {
        let live = self.indexes.live.get(&caller.place).map_or(&[][..], Vec::as_slice);
        let from = after.map_or(0, |after| live.partition_point(|id| id.as_str() <= after));
        let mut found = live[from..]
            .iter()
            .filter_map(|id| self.state.provisioned.get(id))
            .filter(|p| caller.sees(level, &p.owner));
        let page: Vec<&Provisioned> = found.by_ref().take(size).collect();
        let more = found.next().is_some();
        (page, more)
    }

    fn matches(&self, product: &Provisioned, term: &Term) -> bool {
        let is = |text: &str| matches_value(&term.value, text);
        let is_some = |text: Option<&String>| text.is_some_and(|t| is(t));
        let version = || self.version_by_id(&product.product, &product.version);
        match term.field {
            "arn" => is(&product.arn()),
            "createdTime" => is(&product.created.to_string()),
            "id" => product.id == term.value,
            "lastRecordId" => is_some(product.last_record.as_ref()),
            "idempotencyToken" => is(&product.token),
            // Not exact: the service has been seen to return names that only contain the value.
            "name" => product.name.contains(term.value.trim_end_matches('*')),
            "physicalId" => is_some(product.stack.as_ref()),
            "productId" => is(&product.product),
            "provisioningArtifactId" => is(&product.version),
            "type" => is(product.kind.as_str()),
            "status" => is(product.status.as_str()),
            "tags" => self.shown_tags(product).iter().any(|(k, v)| is(k) || is(v) || is(&format!("{k}:{v}"))),
            "userArn" => is(&product.owner.arn),
            "userArnSession" => is(&product.owner.session),
            "lastProvisioningRecordId" => is_some(product.last_provisioning_record.as_ref()),
            "lastSuccessfulProvisioningRecordId" => is_some(product.last_successful_record.as_ref()),
            "productName" => version().is_some_and(|(p, _)| is(&p.name)),
            "provisioningArtifactName" => version().is_some_and(|(_, v)| is(&v.name)),
            _ => false,
        }
    }
}

/// Exact, or by prefix if the value ends with an asterisk.
fn matches_value(value: &str, text: &str) -> bool {
    match value.strip_suffix('*') {
        Some(prefix) => text.starts_with(prefix),
        None => text == value,
    }
}

fn parse(term: &str) -> Answer<Term> {
    let (field, value) = term
        .split_once(':')
        .ok_or_else(|| ServiceError::invalid(format!("Invalid search query, expected field:value: {term}")))?;
    match FIELDS.iter().find(|known| **known == field) {
        Some(field) => Ok(Term { field, value: value.trim_matches('"').to_owned() }),
        None => Err(ServiceError::invalid(format!("Unknown search field: {field}"))),
    }
}

/// Where position `at` of a random order lies: a permutation that is computed one position at a time.
fn shuffled(at: usize, count: usize, salt: u64) -> usize {
    fn common(a: usize, b: usize) -> usize {
        if b == 0 { a } else { common(b, a % b) }
    }
    let start = usize::try_from(salt % count as u64).unwrap_or(0);
    let mut stride = usize::try_from((salt >> 24) % count as u64).unwrap_or(0).max(1);
    while common(stride, count) != 1 {
        stride += 1;
    }
    let place = (start as u128 + at as u128 * stride as u128) % count as u128;
    usize::try_from(place).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::shuffled;

    #[test]
    fn a_shuffle_is_a_permutation() {
        for count in 1..60 {
            for salt in [0, 1, 77, u64::MAX, 0x1234_5678_9abc_def0] {
                let mut seen: Vec<usize> = (0..count).map(|at| shuffled(at, count, salt)).collect();
                seen.sort_unstable();
                assert_eq!(seen, (0..count).collect::<Vec<_>>());
            }
        }
    }
}
