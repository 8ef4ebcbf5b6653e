//! Catalog products, their versions and launch paths, and the parameters of a version.

use std::collections::{BTreeMap, BTreeSet};

use tokio::sync::OnceCell;

use super::Aws;
use super::call::Role;
use super::errors::{CallError, Refusal};
use super::observe::{LARGE_PAGE, Readable, SMALL_PAGE};
use super::page::Pages;
use super::wire::{
    Artifact, ArtifactParameter, DescribeParameters, DescribeParametersOutput, DescribeProductAsAdminOutput,
    DescribeProductOutput, ListArtifactsOutput, ListPathsOutput, OfProduct, PathSummary, ProductViewSummary,
    SearchProducts, SearchProductsOutput, Which,
};
use crate::model::{
    CatalogProduct, LaunchPath, Lookup, Observation, ParameterSpec, Query, Subject, TagUpdates, Template, TemplateKey,
    Version,
};
use crate::provider::ProviderError;
use crate::provider::gather::gather;

const DESCRIBE: &str = "DescribeProduct";
const DESCRIBE_AS_ADMIN: &str = "DescribeProductAsAdmin";
const LIST_PATHS: &str = "ListLaunchPaths";
const LIST_VERSIONS: &str = "ListProvisioningArtifacts";
const SEARCH: &str = "SearchProducts";
const PARAMETERS: &str = "DescribeProvisioningParameters";

/// More names than this help nobody to find the right one.
const MOST_NAMES: usize = 50;
/// The model's limit of `ProvisioningArtifactOutputKeys`; a list of this length may have been cut.
const MOST_OUTPUTS: usize = 60;

/// What the caller's own search shows; read at most once for one query, and only when a name is not found.
type Visible = OnceCell<Vec<ProductViewSummary>>;

impl Aws {
    pub(super) async fn catalog(&self, query: &Query) -> Result<Observation, ProviderError> {
        let visible = Visible::new();
        let (lookups, templates) = tokio::try_join!(
            gather(self.parallelism, query.products.iter().map(|wanted| self.product(wanted, &visible))),
            gather(self.parallelism, query.templates.iter().map(|key| self.template(key))),
        )?;
        let mut observation = Observation::default();
        observation.catalog.products = query.products.iter().cloned().zip(lookups).collect();
        for (key, template) in query.templates.iter().zip(templates) {
            match template {
                Ok(template) => _ = observation.catalog.templates.insert(key.clone(), template),
                Err(why) => _ = observation.unreadable.insert(Subject::Template(key.clone()), why),
            }
        }
        Ok(observation)
    }

    /// As an end user first: `DescribeProduct` alone shows launch paths, and fails for a caller who only administers the
    /// product.
    async fn product(&self, wanted: &str, visible: &Visible) -> Result<Lookup, ProviderError> {
        let which = if wanted.starts_with("prod-") { Which::Id(wanted) } else { Which::Name(wanted) };
        let as_user = match self.as_user(&which).await? {
            Ok(product) => return Ok(Lookup::Found(product)),
            Err(refusal) => refusal,
        };
        let as_admin = match self.as_admin(&which).await? {
            Ok(product) => return Ok(Lookup::Found(product)),
            Err(refusal) => refusal,
        };
        let all = visible.get_or_try_init(|| self.visible_products()).await?;
        let candidates: BTreeMap<&str, &str> = all
            .iter()
            .filter(|product| product.name.as_deref() == Some(wanted))
            .filter_map(|product| Some((product.product_id.as_deref()?, product.name.as_deref()?)))
            .collect();
        if candidates.len() > 1 {
            let candidates = candidates.iter().map(|(id, name)| format!("{name} ({id})")).collect();
            return Ok(Lookup::Ambiguous { candidates });
        }
        if let Some(id) = candidates.into_keys().next()
            && let Ok(product) = self.as_user(&Which::Id(id)).await?
        {
            return Ok(Lookup::Found(product));
        }
        if all.is_empty() && as_user.is_denied() && as_admin.is_denied() {
            return Err(self.client.refused(Role::Reader, DESCRIBE, CallError::Refused(as_user)).await);
        }
        let mut names: Vec<String> = all.iter().filter_map(|product| product.name.clone()).collect();
        names.sort();
        names.dedup();
        names.truncate(MOST_NAMES);
        Ok(Lookup::Missing { visible: names })
    }

    async fn as_user(&self, which: &Which<'_>) -> Result<Result<CatalogProduct, Refusal>, ProviderError> {
        let output: DescribeProductOutput = match self.client.read(DESCRIBE, which).await {
            Ok(output) => output,
            Err(error) => return self.not_visible(DESCRIBE, error).await.map(Err),
        };
        let Some((id, name)) = named(output.product_view_summary) else { return Ok(Err(empty())) };
        let listed = self.paths(&id).await?;
        let paths = merged(output.launch_paths, listed);
        Ok(Ok(catalog_product(id, name, versions(output.provisioning_artifacts), paths)))
    }

    async fn as_admin(&self, which: &Which<'_>) -> Result<Result<CatalogProduct, Refusal>, ProviderError> {
        let output: DescribeProductAsAdminOutput = match self.client.read(DESCRIBE_AS_ADMIN, which).await {
            Ok(output) => output,
            Err(error) => return self.not_visible(DESCRIBE_AS_ADMIN, error).await.map(Err),
        };
        let summary = output.product_view_detail.and_then(|detail| detail.product_view_summary);
        let Some((id, name)) = named(summary) else { return Ok(Err(empty())) };
        let (paths, listed) = tokio::try_join!(self.paths(&id), self.versions(&id))?;
        // The summaries tell neither what is deprecated nor what is active.
        let versions = versions(listed.unwrap_or(output.provisioning_artifact_summaries));
        Ok(Ok(catalog_product(id, name, versions, merged(Vec::new(), paths))))
    }

    /// A refusal that means "not for you, or not there"; anything else is an error. A wrong name is reported as
    /// `ResourceNotFoundException` or as `InvalidParametersException`.
    async fn not_visible(&self, operation: &str, error: CallError) -> Result<Refusal, ProviderError> {
        match error {
            CallError::Refused(refusal) if is_not_visible(&refusal) => Ok(refusal),
            error => Err(self.client.refused(Role::Reader, operation, error).await),
        }
    }

    /// The caller's launch paths with their constraints; nothing when it has none ("No launch paths found for
    /// resource") or may not ask.
    async fn paths(&self, product_id: &str) -> Result<Vec<PathSummary>, ProviderError> {
        let mut pages = Pages::default();
        let mut paths = Vec::new();
        loop {
            let input = OfProduct { product_id, page_size: Some(SMALL_PAGE), page_token: pages.token() };
            let page: ListPathsOutput = match self.client.read(LIST_PATHS, input).await {
                Ok(page) => page,
                Err(error) => return self.not_visible(LIST_PATHS, error).await.map(|_| paths),
            };
            paths.extend(page.launch_path_summaries);
            if !pages.more(LIST_PATHS, page.next_page_token)? {
                return Ok(paths);
            }
        }
    }

    /// `ListProvisioningArtifacts` answers in one page: its input has no page token.
    async fn versions(&self, product_id: &str) -> Result<Option<Vec<Artifact>>, ProviderError> {
        let input = OfProduct { product_id, page_size: None, page_token: None };
        match self.client.read::<ListArtifactsOutput>(LIST_VERSIONS, input).await {
            Ok(output) => Ok(Some(output.provisioning_artifact_details).filter(|artifacts| !artifacts.is_empty())),
            Err(error) => self.not_visible(LIST_VERSIONS, error).await.map(|_| None),
        }
    }

    async fn visible_products(&self) -> Result<Vec<ProductViewSummary>, ProviderError> {
        let mut pages = Pages::default();
        let mut products = Vec::new();
        loop {
            let input = SearchProducts {
                sort_by: "Title",
                sort_order: "ASCENDING",
                page_size: LARGE_PAGE,
                page_token: pages.token(),
            };
            let page: SearchProductsOutput = match self.client.read(SEARCH, input).await {
                Ok(page) => page,
                Err(error) => return self.not_visible(SEARCH, error).await.map(|_| products),
            };
            products.extend(page.product_view_summaries);
            if !pages.more(SEARCH, page.next_page_token)? {
                return Ok(products);
            }
        }
    }

    /// A launch path depends on product, portfolio and principal: what one role launches another may not even see, and
    /// then that is what to say.
    async fn template(&self, key: &TemplateKey) -> Result<Readable<Template>, ProviderError> {
        let input = DescribeParameters {
            product_id: &key.product_id,
            provisioning_artifact_id: &key.version_id,
            path_id: key.path_id.as_deref(),
        };
        let output: DescribeParametersOutput = match self.client.read(PARAMETERS, input).await {
            Ok(output) => output,
            Err(error) => {
                let refusal = self.not_visible(PARAMETERS, error).await?;
                let arn = self.client.session(Role::Reader).await?.arn.clone();
                let path = key.path_id.as_deref().map_or("a launch path".to_owned(), |path| format!("path {path}"));
                return Ok(Err(format!("{arn} cannot see this version through {path}: {}", refusal.text())));
            }
        };
        let parameters = output.provisioning_artifact_parameters.into_iter();
        // The model has both lists; the older one is `ProvisioningArtifactOutputs`.
        let mut outputs = output.provisioning_artifact_output_keys;
        outputs.extend(output.provisioning_artifact_outputs);
        // No list and an empty one are the same in many answers, so neither says that there are no outputs.
        let cut = outputs.len() >= MOST_OUTPUTS;
        let outputs: Vec<String> = outputs.into_iter().filter_map(|output| output.key).collect();
        Ok(Ok(Template {
            parameters: parameters.filter_map(parameter).collect(),
            outputs: (!outputs.is_empty() && !cut).then(|| outputs.into_iter().collect()),
        }))
    }
}

fn is_not_visible(refusal: &Refusal) -> bool {
    refusal.is_not_found() || refusal.is_denied() || refusal.code == "InvalidParametersException"
}

/// An answer without the product that was asked for is as good as none.
fn empty() -> Refusal {
    Refusal { code: "EmptyAnswer".to_owned(), message: String::new(), request_id: None }
}

fn named(summary: Option<ProductViewSummary>) -> Option<(String, String)> {
    let summary = summary?;
    Some((summary.product_id.filter(|id| !id.is_empty())?, summary.name.unwrap_or_default()))
}

/// In the order of their names, so that nothing depends on the order of an answer. A version that is known to be
/// inactive cannot be provisioned.
fn versions(artifacts: Vec<Artifact>) -> Vec<Version> {
    let mut versions: Vec<Version> = artifacts
        .into_iter()
        .filter(|artifact| artifact.active != Some(false))
        .filter_map(|artifact| {
            let deprecated = artifact.guidance.as_deref() == Some("DEPRECATED");
            Some(Version { id: artifact.id?, name: artifact.name.unwrap_or_default(), deprecated, active: true })
        })
        .collect();
    versions.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    versions
}

/// The paths of both answers; whether a `RESOURCE_UPDATE` constraint appears among a path's constraints is not
/// documented, so its absence says nothing.
fn catalog_product(id: String, name: String, versions: Vec<Version>, paths: Vec<LaunchPath>) -> CatalogProduct {
    // "If you have more than one path, the path must be given" (ProvisionProduct).
    let default_path = paths.len() < 2;
    CatalogProduct { id, name, versions, paths, default_path }
}

fn merged(described: Vec<PathSummary>, listed: Vec<PathSummary>) -> Vec<LaunchPath> {
    let mut paths: BTreeMap<String, LaunchPath> = BTreeMap::new();
    for path in described.into_iter().chain(listed) {
        let Some(id) = path.id else { continue };
        let constraints = path.constraint_summaries;
        let allowed = constraints.iter().any(|constraint| constraint.kind.as_deref() == Some("RESOURCE_UPDATE"));
        let tag_updates = if allowed { TagUpdates::Allowed } else { TagUpdates::NotKnown };
        let name = path.name.unwrap_or_default();
        paths.insert(id.clone(), LaunchPath { id, name, tag_updates, approvals: BTreeSet::new() });
    }
    let mut paths: Vec<LaunchPath> = paths.into_values().collect();
    paths.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    paths
}

/// Limits that are no numbers are left out: the service checks them again.
fn parameter(parameter: ArtifactParameter) -> Option<(String, ParameterSpec)> {
    let constraints = parameter.parameter_constraints.unwrap_or_default();
    let whole = |text: Option<String>| text.and_then(|text| text.trim().parse::<u64>().ok());
    let number = |text: Option<String>| text.and_then(|text| text.trim().parse::<f64>().ok()).filter(|n| n.is_finite());
    let text = |text: Option<String>| text.filter(|text| !text.is_empty());
    let spec = ParameterSpec {
        nullable: false,
        kind: parameter.parameter_type.unwrap_or_else(|| "String".to_owned()),
        default: parameter.default_value,
        no_echo: parameter.is_no_echo.unwrap_or_default(),
        allowed_values: constraints.allowed_values,
        allowed_pattern: text(constraints.allowed_pattern),
        constraint_description: text(constraints.constraint_description),
        min_length: whole(constraints.min_length),
        max_length: whole(constraints.max_length),
        min_value: number(constraints.min_value),
        max_value: number(constraints.max_value),
    };
    Some((parameter.parameter_key?, spec))
}

#[cfg(test)]
#[path = "tests/catalog.rs"]
mod tests;
