//! Reads by id, and the lists that have an order of their own.

use std::collections::BTreeMap;

use super::model::{
    Access, Answer, OutputValue, Place, Provisioned, Record, ServiceError, Stack, StackKind, Tags, Values,
};
use super::settle::catalog_outputs;
use super::{Caller, World};

/// What ListRecordHistory is narrowed to.
#[derive(Debug, Clone, Copy)]
pub enum HistoryOf<'a> {
    Everything,
    Product(&'a str),
    Provisioned(&'a str),
}

impl World {
    /// What the catalog shows as tags: the user's, and the service's own.
    pub fn shown_tags(&self, product: &Provisioned) -> Tags {
        let mut tags = product.tags.clone();
        let Place { account, region } = &product.place;
        let catalog =
            |kind: &str, id: &str| format!("arn:{}:catalog:{region}:{account}:{kind}/{id}", product.place.partition());
        tags.insert("aws:servicecatalog:productArn".into(), catalog("product", &product.product));
        tags.insert("aws:servicecatalog:provisioningPrincipalArn".into(), product.provisioner.clone());
        tags.insert("aws:servicecatalog:provisioningArtifactIdentifier".into(), product.version.clone());
        tags.insert("aws:servicecatalog:provisionedProductArn".into(), product.arn());
        if let Some(portfolio) = self.portfolio_of(product) {
            tags.insert("aws:servicecatalog:portfolioArn".into(), catalog("portfolio", &portfolio));
        }
        tags
    }

    fn portfolio_of(&self, product: &Provisioned) -> Option<String> {
        let portfolios = &self.catalog.products.get(&product.product)?.portfolios;
        portfolios.iter().find(|id| self.path_id(&product.product, id) == product.path).cloned()
    }

    /// DescribeRecord: only for who has the product now, whoever had it then.
    pub fn record(&self, caller: &Caller, id: &str) -> Answer<&Record> {
        let record = self.state.records.get(id).filter(|r| r.place == caller.place);
        let visible = record.filter(|r| {
            let owner = self.state.provisioned.get(&r.provisioned).map_or(&r.holder, |p| &p.owner);
            caller.reaches(owner)
        });
        visible.ok_or_else(|| ServiceError::missing(format!("Record not found: {id}")))
    }

    /// ListRecordHistory, newest first: what is the caller's now, and what happened while it was his. `before` is the
    /// sequence number that the last page ended with.
    pub fn history(
        &self,
        caller: &Caller,
        level: Access,
        of: HistoryOf<'_>,
        before: Option<u64>,
        size: usize,
    ) -> (Vec<&Record>, bool) {
        let before = before.unwrap_or(u64::MAX);
        let visible = |r: &&Record| {
            let owner = self.state.provisioned.get(&r.provisioned).map(|p| &p.owner);
            r.place == caller.place
                && r.sequence < before
                && (caller.sees(level, &r.holder) || owner.is_some_and(|owner| caller.sees(level, owner)))
        };
        let records: Box<dyn Iterator<Item = &String>> = match of {
            HistoryOf::Provisioned(id) => Box::new(self.indexes.records_of.get(id).into_iter().flatten().rev()),
            _ => {
                let all = self.indexes.history.get(&caller.place);
                Box::new(all.into_iter().flat_map(move |all| all.range(..before).rev().map(|(_, id)| id)))
            }
        };
        let mut records = records
            .filter_map(|id| self.state.records.get(id))
            .filter(|r| if let HistoryOf::Product(id) = of { r.product == id } else { true })
            .filter(visible);
        let page: Vec<&Record> = records.by_ref().take(size).collect();
        let more = records.next().is_some();
        (page, more)
    }

    /// GetProvisionedProductOutputs.
    pub fn outputs_of(&self, product: &Provisioned, keys: &[String]) -> Answer<Vec<OutputValue>> {
        let all = self.stack_of(product).map(catalog_outputs).unwrap_or_default();
        if let Some(unknown) = keys.iter().find(|key| !all.iter().any(|o| o.key == **key)) {
            return Err(ServiceError::invalid(format!("Output key {unknown} does not exist.")));
        }
        Ok(all.into_iter().filter(|o| keys.is_empty() || keys.contains(&o.key)).collect())
    }

    /// A stack or stack set by id or name.
    pub fn stack(&self, place: &Place, kind: StackKind, wanted: &str) -> Option<&Stack> {
        let by_name = || self.indexes.stack_names.get(place).and_then(|names| names.get(wanted));
        let found = self.state.stacks.get(wanted).or_else(|| by_name().and_then(|id| self.state.stacks.get(id)));
        found.filter(|s| s.place == *place && s.kind == kind)
    }

    /// One page of all stacks of a place, after the one with the id `after`.
    pub fn stacks(&self, place: &Place, after: Option<&str>, size: usize) -> (Vec<&Stack>, bool) {
        use std::ops::Bound;
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let ids = self.indexes.stacks.get(place).into_iter();
        let mut stacks = ids
            .flat_map(|ids| ids.range::<str, _>((from, Bound::Unbounded)))
            .filter_map(|id| self.state.stacks.get(id))
            .filter(|s| s.kind == StackKind::CfnStack);
        let page: Vec<&Stack> = stacks.by_ref().take(size).collect();
        let more = stacks.next().is_some();
        (page, more)
    }

    /// The status that CloudFormation shows: that of the operation that runs on it, if one does.
    pub fn stack_status<'a>(&'a self, stack: &'a Stack) -> &'a str {
        let id = stack.name.rsplit_once("-pp-").map(|(_, tail)| format!("pp-{tail}"));
        let product = id.and_then(|id| self.state.provisioned.get(&id));
        let last = product.and_then(|p| p.last_provisioning_record.as_ref()).and_then(|r| self.state.records.get(r));
        match last.filter(|r| r.work.is_some()) {
            None => &stack.status,
            Some(r) if r.kind == super::model::RecordKind::TerminateProvisionedProduct => "DELETE_IN_PROGRESS",
            Some(r) if r.status(self.state.now) == "IN_PROGRESS_IN_ERROR" => "UPDATE_ROLLBACK_IN_PROGRESS",
            Some(_) => "UPDATE_IN_PROGRESS",
        }
    }

    /// Parameters in the order of the stack's template.
    pub fn in_template_order<'a>(
        &self,
        template: &str,
        values: &'a Values,
    ) -> Vec<(&'a String, &'a super::model::Value)> {
        let order: BTreeMap<&str, usize> = self
            .templates
            .get(template)
            .map(|t| t.parameters.iter().enumerate().map(|(at, p)| (p.name.as_str(), at)).collect())
            .unwrap_or_default();
        let mut list: Vec<_> = values.iter().collect();
        list.sort_by_key(|(key, _)| order.get(key.as_str()).copied().unwrap_or(usize::MAX));
        list
    }
}
