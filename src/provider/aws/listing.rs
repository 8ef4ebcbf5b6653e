//! Provisioned products: the list, single ones, and their launch roles.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;

use super::Aws;
use super::call::Role;
use super::errors::CallError;
use super::observe::{LARGE_PAGE, Readable, SMALL_PAGE};
use super::page::Pages;
use super::wire::{
    AccessLevelFilter, DescribeProvisionedProductOutput, Page, ProvisionedProductAttribute, ProvisionedProductDetail,
    ScanOutput, Search, SearchOutput, Which, timestamp,
};
use crate::model::{Access, Observation, ProvisionedProduct, Status, Subject};
use crate::provider::ProviderError;
use crate::provider::gather::gather;

const SEARCH: &str = "SearchProvisionedProducts";
const SCAN: &str = "ScanProvisionedProducts";
const DESCRIBE: &str = "DescribeProvisionedProduct";

/// The key prefix of tags that AWS sets itself.
pub(super) const SYSTEM_TAGS: &str = "aws:";
/// The value is the ARN of the portfolio that the product was launched from.
const PORTFOLIO_TAG: &str = "aws:servicecatalog:portfolioArn";

/// What looking for one id found.
enum Look {
    There(Box<ProvisionedProduct>),
    Gone,
    Unreadable(String),
}

impl Aws {
    /// Everything the caller may see. Page tokens of Search are offsets, so a product that comes or goes meanwhile can
    /// shift others past a page's edge; when the distinct ids are not as many as the service counts, the list is read
    /// once more and both are taken together.
    pub(super) async fn list(&self) -> Result<Observation, ProviderError> {
        let (mut products, counted) = self.list_once(None).await?;
        if counted.is_some_and(|counted| counted != products.len() as u64) {
            products.extend(self.list_once(None).await?.0);
        }
        self.listed.store(products.len(), Ordering::Relaxed);
        Ok(Observation { products, ..Observation::default() })
    }

    /// All pages of `SearchProvisionedProducts`, sorted (unsorted ones come "in a random order", which repeats and
    /// misses products), and the number of results that the last page counts.
    async fn list_once(
        &self,
        search: Option<&str>,
    ) -> Result<(BTreeMap<String, ProvisionedProduct>, Option<u64>), ProviderError> {
        let mut pages = Pages::default();
        let mut products = BTreeMap::new();
        loop {
            let input = Search {
                access_level_filter: AccessLevelFilter::new(self.target.access),
                filters: search.map(|query| BTreeMap::from([("SearchQuery", vec![query.to_owned()])])),
                sort_by: "id",
                sort_order: "ASCENDING",
                page_size: LARGE_PAGE,
                page_token: pages.token(),
            };
            let page: SearchOutput = match self.client.read(SEARCH, input).await {
                Ok(page) => page,
                Err(error) => return Err(self.client.refused(Role::Reader, SEARCH, error).await),
            };
            products.extend(page.provisioned_products.into_iter().filter_map(product));
            if !pages.more(SEARCH, page.next_page_token)? {
                return Ok((products, page.total_results_count));
            }
        }
    }

    /// Looks for single ids that a list did not show.
    pub(super) async fn confirm(&self, ids: &BTreeSet<String>) -> Result<Observation, ProviderError> {
        let looks = gather(self.parallelism, ids.iter().map(|id| self.look_for(id))).await?;
        let mut observation = Observation::default();
        for (id, look) in ids.iter().zip(looks) {
            match look {
                Look::There(product) => _ = observation.products.insert(id.clone(), *product),
                Look::Gone => _ = observation.gone.insert(id.clone()),
                Look::Unreadable(why) => _ = observation.unreadable.insert(Subject::Product(id.clone()), why),
            }
        }
        Ok(observation)
    }

    /// Gone is only what two different operations do not find at account level. `SearchQuery` is not documented to
    /// match exactly, and how several values combine is not documented at all: one call for each id, and an own
    /// comparison.
    async fn look_for(&self, id: &str) -> Result<Look, ProviderError> {
        let (mut found, _) = self.list_once(Some(&format!("id:{id}"))).await?;
        if let Some(product) = found.remove(id) {
            return Ok(Look::There(Box::new(product)));
        }
        Ok(match self.describe(id).await {
            Ok(_) => Look::Unreadable("it exists, but a search for its id does not show it (yet)".to_owned()),
            Err(CallError::Refused(refusal)) if refusal.is_not_found() && self.target.access == Access::Account => {
                Look::Gone
            }
            Err(CallError::Refused(refusal)) if refusal.is_not_found() => Look::Unreadable(format!(
                "it is not visible to this caller; with `access = \"{}\"` that does not mean that it is gone",
                match self.target.access {
                    Access::Account => "account",
                    Access::Role => "role",
                    Access::User => "user",
                }
            )),
            Err(CallError::Refused(refusal)) => Look::Unreadable(format!("it cannot be read: {}", refusal.text())),
            Err(CallError::Failed(error)) => return Err(error),
        })
    }

    async fn describe(&self, id: &str) -> Result<ProvisionedProductDetail, CallError> {
        let output: DescribeProvisionedProductOutput = self.client.read(DESCRIBE, Which::Id(id)).await?;
        Ok(output.provisioned_product_detail.unwrap_or_default())
    }

    /// Launch roles are in Scan (20 to a page) and in Describe, and not in Search.
    pub(super) async fn launch_roles(&self, ids: &BTreeSet<String>) -> Result<Observation, ProviderError> {
        let listed = self.listed.load(Ordering::Relaxed);
        let mut observation = Observation::default();
        if listed > 0 && listed.div_ceil(SMALL_PAGE as usize) < ids.len() {
            observation.launch_roles = self.scan_roles(ids, listed).await?;
        }
        let missing: Vec<&String> = ids.iter().filter(|id| !observation.launch_roles.contains_key(*id)).collect();
        let roles = gather(self.parallelism, missing.iter().map(|id| self.describe_role(id))).await?;
        for (id, role) in missing.into_iter().zip(roles) {
            match role {
                Ok(role) => _ = observation.launch_roles.insert(id.clone(), role),
                Err(why) => _ = observation.unreadable.insert(Subject::LaunchRole(id.clone()), why),
            }
        }
        Ok(observation)
    }

    /// Scans until everything that is asked for was seen. A caller who may not scan may still describe.
    async fn scan_roles(
        &self,
        ids: &BTreeSet<String>,
        listed: usize,
    ) -> Result<BTreeMap<String, Option<String>>, ProviderError> {
        let mut pages = Pages::default();
        let mut roles = BTreeMap::new();
        while roles.len() < ids.len() {
            let input = Page {
                access_level_filter: AccessLevelFilter::new(self.target.access),
                page_size: SMALL_PAGE,
                page_token: pages.token(),
            };
            let page: ScanOutput = match self.client.read(SCAN, input).await {
                Ok(page) => page,
                Err(CallError::Refused(refusal)) if refusal.is_denied() => break,
                Err(error) => return Err(self.client.refused(Role::Reader, SCAN, error).await),
            };
            for detail in page.provisioned_products {
                if let Some(id) = detail.id.filter(|id| ids.contains(id)) {
                    roles.insert(id, written(detail.launch_role_arn));
                }
            }
            let more = pages.more(SCAN, page.next_page_token)?;
            // What as many pages as the list has products do not show is asked for by id.
            if !more || pages.read >= listed.div_ceil(SMALL_PAGE as usize) {
                break;
            }
        }
        Ok(roles)
    }

    async fn describe_role(&self, id: &str) -> Result<Readable<Option<String>>, ProviderError> {
        match self.describe(id).await {
            Ok(detail) => Ok(Ok(written(detail.launch_role_arn))),
            Err(CallError::Refused(refusal)) => Ok(Err(format!("its launch role cannot be read: {}", refusal.text()))),
            Err(CallError::Failed(error)) => Err(error),
        }
    }
}

/// Empty text is how some answers say "none".
fn written(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

fn product(attribute: ProvisionedProductAttribute) -> Option<(String, ProvisionedProduct)> {
    let id = written(attribute.id)?;
    let portfolio = attribute.tags.iter().find(|tag| tag.key == PORTFOLIO_TAG);
    let portfolio_id = portfolio.and_then(|tag| tag.value.rsplit_once('/')).map(|(_, id)| id.to_owned());
    let product = ProvisionedProduct {
        id: id.clone(),
        name: attribute.name.unwrap_or_default(),
        kind: attribute.kind.unwrap_or_default(),
        status: status(attribute.status.as_deref().unwrap_or_default()),
        status_message: written(attribute.status_message),
        product_id: attribute.product_id.unwrap_or_default(),
        product_name: attribute.product_name.unwrap_or_default(),
        version_id: attribute.provisioning_artifact_id.unwrap_or_default(),
        version_name: attribute.provisioning_artifact_name.unwrap_or_default(),
        portfolio_id,
        tags: attribute
            .tags
            .into_iter()
            .filter(|tag| !tag.key.starts_with(SYSTEM_TAGS))
            .map(|tag| (tag.key, tag.value))
            .collect(),
        owner: written(attribute.user_arn),
        owner_session: written(attribute.user_arn_session),
        physical_id: written(attribute.physical_id),
        stack_region: None,
        created: attribute.created_time.and_then(timestamp),
        last_operation: written(attribute.last_record_id),
        last_provisioning: written(attribute.last_provisioning_record_id),
        last_successful: written(attribute.last_successful_provisioning_record_id),
    };
    Some((id, product))
}

/// `ProvisionedProductStatus`. A word that is not in the model is taken for `UNDER_CHANGE`: nothing is sent to a product
/// in a state that nobody here knows, and the next run looks again.
fn status(word: &str) -> Status {
    match word {
        "AVAILABLE" => Status::Available,
        "TAINTED" => Status::Tainted,
        "ERROR" => Status::Error,
        "PLAN_IN_PROGRESS" => Status::PlanInProgress,
        _ => Status::UnderChange,
    }
}
