//! Catalog products, their versions and portfolios, and the parameters of a version.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::OnceCell;

use super::call::Action;
use super::errors::{CallError, Refusal};
use super::listing::PAGE;
use super::observe::{Readable, Reads};
use super::wire::{
    Constraint, GetSummary, GetTemplate, Input, LaunchOption, ListOptions, ListSummaries, ListVersions, Summary,
    VersionDetail,
};
use super::{Alibaba, template};
use crate::model::{
    CatalogProduct, LaunchPath, Lookup, Observation, Query, StepKind, Subject, TagUpdates, Template, TemplateKey,
    Version,
};
use crate::provider::ProviderError;
use crate::provider::gather::gather;

const GET: Action = Action::query("GetProductAsEndUser");
const LIST: Action = Action::query("ListProductsAsEndUser");
const OPTIONS: Action = Action::query("ListLaunchOptions");
const VERSIONS: Action = Action::query("ListProductVersions");
const TEMPLATE: Action = Action::query("GetTemplate");

/// More names than this help nobody to find the right one.
const MOST_NAMES: usize = 50;

/// The first products that the caller may see; read at most once for one query, and only when one is not found.
type Visible = OnceCell<Vec<Summary>>;

impl Alibaba {
    pub(super) async fn catalog(&self, query: &Query, reads: &Reads) -> Result<Observation, ProviderError> {
        let visible = Visible::new();
        let (lookups, templates) = tokio::try_join!(
            gather(self.parallelism, query.products.iter().map(|wanted| self.catalog_product(wanted, &visible))),
            gather(self.parallelism, query.templates.iter().map(|key| self.keyed_template(key, reads))),
        )?;
        let mut observation = Observation::default();
        observation.catalog.products = query.products.iter().cloned().zip(lookups).collect();
        for (key, template) in query.templates.iter().zip(templates) {
            match template {
                Ok(template) => _ = observation.catalog.templates.insert(key.clone(), (*template).clone()),
                Err(why) => {
                    observation.unreadable.insert(Subject::Template(key.clone()), why);
                }
            }
        }
        Ok(observation)
    }

    async fn catalog_product(&self, wanted: &str, visible: &Visible) -> Result<Lookup, ProviderError> {
        let (found, near) = if wanted.starts_with("prod-") {
            (self.summary(wanted).await?.into_iter().collect(), Vec::new())
        } else {
            self.summaries_named(wanted).await?
        };
        match found.as_slice() {
            [summary] => self.described(summary).await.map(Lookup::Found),
            [] => {
                let all = visible.get_or_try_init(|| self.summaries(None)).await?;
                let names: BTreeSet<&str> = near.iter().chain(all).map(|summary| &*summary.product_name).collect();
                let names = names.into_iter().filter(|name| !name.is_empty()).take(MOST_NAMES);
                Ok(Lookup::Missing { visible: names.map(str::to_owned).collect() })
            }
            several => {
                let candidate = |s: &Summary| format!("{} ({})", &*s.product_name, &*s.product_id);
                Ok(Lookup::Ambiguous { candidates: several.iter().map(candidate).collect() })
            }
        }
    }

    /// The products of exactly this name, and what else the service takes for it: its filter does not mind case. One that
    /// the list does not show may still be told to whoever has a provisioned product of it.
    async fn summaries_named(&self, name: &str) -> Result<(Vec<Summary>, Vec<Summary>), ProviderError> {
        let (mut found, near): (Vec<_>, Vec<_>) =
            self.summaries(Some(name)).await?.into_iter().partition(|summary| *summary.product_name == *name);
        if found.is_empty() {
            for id in self.sighted_products_of(name) {
                found.extend(self.summary(&id).await?);
            }
        }
        Ok((found, near))
    }

    /// One page: names that are documented as unique to nobody, and the first of everything visible.
    async fn summaries(&self, name: Option<&str>) -> Result<Vec<Summary>, ProviderError> {
        let mut input = Input::new();
        if let Some(name) = name {
            input = input.filter("ProductName", name);
        }
        let input =
            input.with("PageNumber", 1).with("PageSize", PAGE).with("SortBy", "CreateTime").with("SortOrder", "Asc");
        let answer: ListSummaries = self.client.must(LIST, input).await?;
        Ok(answer.product_summaries.into_iter().filter(|summary| !summary.product_id.is_empty()).collect())
    }

    async fn summary(&self, id: &str) -> Result<Option<Summary>, ProviderError> {
        match self.client.call::<GetSummary>(GET, Input::new().with("ProductId", id)).await {
            Ok(answer) => Ok(Some(answer.product_summary.0).filter(|summary| *summary.product_id == *id)),
            Err(error) => self.client.expect(GET, error, Refusal::is_not_found).await.map(|_| None),
        }
    }

    async fn described(&self, summary: &Summary) -> Result<CatalogProduct, ProviderError> {
        let id = &*summary.product_id;
        let (versions, options) = tokio::try_join!(self.versions(id), self.options(id))?;
        Ok(CatalogProduct {
            id: id.to_owned(),
            name: summary.product_name.0.clone(),
            versions: self.launchable(id, versions),
            paths: paths(options),
            default_path: summary.has_default_launch_option.0.unwrap_or_default(),
        })
    }

    async fn versions(&self, product_id: &str) -> Result<Vec<VersionDetail>, ProviderError> {
        let answer: ListVersions = self.client.must(VERSIONS, Input::new().with("ProductId", product_id)).await?;
        Ok(answer.product_version_details.0)
    }

    /// A product that nobody may launch any more has no options.
    async fn options(&self, product_id: &str) -> Result<Vec<LaunchOption>, ProviderError> {
        match self.client.call::<ListOptions>(OPTIONS, Input::new().with("ProductId", product_id)).await {
            Ok(answer) => Ok(answer.launch_option_summaries.0),
            Err(error) => self.client.expect(OPTIONS, error, Refusal::is_not_found).await.map(|_| Vec::new()),
        }
    }

    /// In the order of their names. A version that is not active cannot be launched and is left out, unless something
    /// runs it: then the files may name it, and what is not in the list has its name from there.
    fn launchable(&self, product_id: &str, versions: Vec<VersionDetail>) -> Vec<Version> {
        let running = self.sighted_versions_of(product_id);
        let mut all: BTreeMap<String, Version> = running
            .iter()
            .map(|(id, name)| {
                (id.clone(), Version { id: id.clone(), name: name.clone(), deprecated: false, active: false })
            })
            .collect();
        for detail in versions {
            let Some(id) = detail.product_version_id.written() else { continue };
            let active = detail.active.0 != Some(false);
            if !active && !running.contains_key(&id) {
                continue;
            }
            let deprecated = &*detail.guidance == "Deprecated";
            all.insert(id.clone(), Version { id, name: detail.product_version_name.0, deprecated, active });
        }
        let mut all: Vec<Version> = all.into_values().collect();
        all.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        all
    }

    fn sighted_products_of(&self, name: &str) -> BTreeSet<String> {
        let sightings = self.sightings();
        let products = sightings.products.values().map(|(_, product)| product);
        products.filter(|product| product.product_name == name).map(|product| product.product_id.clone()).collect()
    }

    fn sighted_versions_of(&self, product_id: &str) -> BTreeMap<String, String> {
        let sightings = self.sightings();
        let products = sightings.products.values().map(|(_, product)| product);
        let its = products.filter(|product| product.product_id == product_id && !product.version_id.is_empty());
        its.map(|product| (product.version_id.clone(), product.version_name.clone())).collect()
    }

    /// A template is the same through every portfolio.
    async fn keyed_template(&self, key: &TemplateKey, reads: &Reads) -> Result<Readable<Arc<Template>>, ProviderError> {
        self.template(&key.product_id, &key.version_id, reads).await
    }

    pub(super) async fn template(
        &self,
        product_id: &str,
        version_id: &str,
        reads: &Reads,
    ) -> Result<Readable<Arc<Template>>, ProviderError> {
        let key = (product_id.to_owned(), version_id.to_owned());
        reads.templates.get(key, || self.read_template(product_id, version_id)).await
    }

    async fn read_template(
        &self,
        product_id: &str,
        version_id: &str,
    ) -> Result<Readable<Arc<Template>>, ProviderError> {
        if let Some(template) = self.memory.template(product_id, version_id) {
            return Ok(Ok(Arc::new(template)));
        }
        let input = Input::new().with("ProductId", product_id).with("ProductVersionId", version_id);
        let body = match self.client.call::<GetTemplate>(TEMPLATE, input).await {
            Ok(answer) => answer.template_body.0,
            Err(CallError::Refused(refusal)) => {
                return Ok(Err(format!("its template cannot be read: {}", refusal.text())));
            }
            Err(CallError::Failed(error)) => return Err(error),
        };
        Ok(match template::read(&body) {
            Ok(template) => {
                self.memory.keep_template(product_id, version_id, &template);
                Ok(Arc::new(template))
            }
            Err(why) => Err(format!("its template cannot be understood: {why}")),
        })
    }
}

/// The portfolios that the caller may launch through. Nothing says that tags could not be updated through one.
fn paths(options: Vec<LaunchOption>) -> Vec<LaunchPath> {
    let path = |option: LaunchOption| {
        Some(LaunchPath {
            id: option.portfolio_id.written()?,
            name: option.portfolio_name.0,
            tag_updates: TagUpdates::Allowed,
            approvals: option.constraint_summaries.iter().flat_map(approvals).collect(),
        })
    };
    let mut paths: Vec<LaunchPath> = options.into_iter().filter_map(path).collect();
    paths.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    paths
}

/// What takes approval. The sample of the documentation packs several operations into one text with commas; a constraint
/// that names none is taken to mean all.
fn approvals(constraint: &Constraint) -> Vec<StepKind> {
    if &*constraint.constraint_type != "Approval" {
        return Vec::new();
    }
    let words: Vec<&str> = constraint
        .operation_types
        .iter()
        .flat_map(|text| text.split(','))
        .map(str::trim)
        .filter(|w| !w.is_empty())
        .collect();
    if words.is_empty() || words.contains(&"All") {
        return vec![StepKind::Provision, StepKind::Update, StepKind::Terminate];
    }
    let kind = |word: &str| match word {
        "LaunchProduct" => Some(StepKind::Provision),
        "UpdateProvisionedProduct" => Some(StepKind::Update),
        "TerminateProvisionedProduct" => Some(StepKind::Terminate),
        _ => None,
    };
    words.into_iter().filter_map(kind).collect()
}

#[cfg(test)]
#[path = "tests/catalog.rs"]
mod tests;
