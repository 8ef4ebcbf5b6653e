//! What stays true from one run to the next: how a task that succeeded ended, and the parameters of a version.
//!
//! Nothing secret is kept: of a NoEcho parameter only that there is one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::model::{
    Endpoint, LiveParameter, LiveParameters, Operation, OperationState, ParameterSpec, ProvisionedProduct, Target,
    Template,
};
use crate::seam::Cache;

/// Of the file; one of another format is not read.
const FORMAT: u32 = 2;

/// What is kept of one target.
pub(super) struct Memory {
    cache: Arc<dyn Cache>,
    file: String,
    kept: Mutex<Option<Kept>>,
}

#[derive(Default, Serialize, Deserialize)]
struct Kept {
    format: u32,
    /// By task id. A task that has succeeded does not change again (assumed).
    tasks: BTreeMap<String, Done>,
    /// By `product/version`. The template of a version cannot be replaced: `UpdateProductVersion` has no such field.
    templates: BTreeMap<String, Form>,
    /// Whether the file is behind.
    #[serde(skip)]
    changed: bool,
}

/// A task that succeeded.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Done {
    pub(super) provisioned: String,
    /// When the product was created: another product of this id is one of another world.
    pub(super) created: Option<Timestamp>,
    pub(super) kind: String,
    pub(super) version_id: Option<String>,
    pub(super) path_id: Option<String>,
    pub(super) updated: Option<Timestamp>,
    /// What runs, defaults included; nothing for what is masked.
    pub(super) parameters: BTreeMap<String, Option<String>>,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) outputs: BTreeMap<String, String>,
}

impl Done {
    pub(super) fn live(&self) -> LiveParameters {
        let live = |value: &Option<String>| LiveParameter {
            value: value.clone().unwrap_or_default(),
            masked: value.is_none(),
        };
        LiveParameters {
            parameters: self.parameters.iter().map(|(key, value)| (key.clone(), live(value))).collect(),
            tags: self.tags.clone(),
            outputs: self.outputs.clone(),
        }
    }

    pub(super) fn operation(&self, id: &str) -> Operation {
        Operation {
            id: id.to_owned(),
            product_id: self.provisioned.clone(),
            state: OperationState::Succeeded,
            status: "Succeeded".to_owned(),
            kind: self.kind.clone(),
            version_id: self.version_id.clone(),
            path_id: self.path_id.clone(),
            updated: self.updated,
        }
    }
}

/// A template as it stands in the file: whatever a parameter of a template may say, apart from its text.
#[derive(Clone, Serialize, Deserialize)]
struct Form {
    parameters: BTreeMap<String, Spec>,
    outputs: Option<BTreeSet<String>>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(remote = "ParameterSpec")]
struct SpecFields {
    kind: String,
    default: Option<String>,
    nullable: bool,
    no_echo: bool,
    allowed_values: Vec<String>,
    allowed_pattern: Option<String>,
    constraint_description: Option<String>,
    min_length: Option<u64>,
    max_length: Option<u64>,
    min_value: Option<f64>,
    max_value: Option<f64>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
struct Spec(#[serde(with = "SpecFields")] ParameterSpec);

impl Memory {
    /// One file for each account, region and endpoint: what is true of one world is not true of another.
    pub(super) fn new(cache: Arc<dyn Cache>, target: &Target, world: Option<&str>) -> Self {
        let endpoint = match &target.endpoint {
            Endpoint::Cloud => "cloud".to_owned(),
            Endpoint::Url(url) => format!("url {url}"),
            Endpoint::Sandbox { .. } => format!("sandbox {}", world.unwrap_or_default()),
        };
        let identity = hex::encode(Sha256::digest(endpoint));
        // Both become part of a file's name, and come from a file.
        let safe = |text: &str| text.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect::<String>();
        let file = format!("alibaba-{}-{}-{}.json", safe(&target.account), safe(&target.region), &identity[..8]);
        Memory { cache, file, kept: Mutex::default() }
    }

    pub(super) fn task(&self, id: &str) -> Option<Done> {
        self.with(|kept| kept.tasks.get(id).cloned())
    }

    pub(super) fn keep_task(&self, id: &str, done: Done) {
        self.with(|kept| {
            kept.tasks.insert(id.to_owned(), done);
            kept.changed = true;
        });
    }

    pub(super) fn template(&self, product: &str, version: &str) -> Option<Template> {
        let form = self.with(|kept| kept.templates.get(&format!("{product}/{version}")).cloned())?;
        let parameters = form.parameters.into_iter().map(|(key, spec)| (key, spec.0)).collect();
        Some(Template { parameters, outputs: form.outputs })
    }

    pub(super) fn keep_template(&self, product: &str, version: &str, template: &Template) {
        let parameters = template.parameters.iter().map(|(key, spec)| (key.clone(), Spec(spec.clone()))).collect();
        let form = Form { parameters, outputs: template.outputs.clone() };
        self.with(|kept| {
            kept.templates.insert(format!("{product}/{version}"), form);
            kept.changed = true;
        });
    }

    /// Drops the tasks that no product of a full list names any more, and everything if a product was not created when the
    /// one of this id was: somebody has started a sandbox over behind the same URL, and ids mean other things there.
    pub(super) fn forget_all_but(&self, products: &BTreeMap<String, ProvisionedProduct>) {
        let named: BTreeSet<&str> = products
            .values()
            .flat_map(|product| [&product.last_operation, &product.last_provisioning, &product.last_successful])
            .filter_map(|id| id.as_deref())
            .collect();
        self.with(|kept| {
            let is_another =
                |done: &Done| products.get(&done.provisioned).is_some_and(|product| product.created != done.created);
            if kept.tasks.values().any(is_another) {
                *kept = Kept { format: FORMAT, changed: true, ..Kept::default() };
            }
            let before = kept.tasks.len();
            kept.tasks.retain(|id, _| named.contains(id.as_str()));
            kept.changed |= kept.tasks.len() != before;
        });
    }

    /// Writes the file if it is behind.
    pub(super) fn save(&self) {
        let bytes = self.with(|kept| {
            let changed = std::mem::take(&mut kept.changed);
            changed.then(|| serde_json::to_vec(kept).ok()).flatten()
        });
        if let Some(bytes) = bytes {
            self.cache.write(&self.file, &bytes);
        }
    }

    fn with<T>(&self, work: impl FnOnce(&mut Kept) -> T) -> T {
        let mut kept: MutexGuard<'_, Option<Kept>> = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        work(kept.get_or_insert_with(|| self.load()))
    }

    /// A file that is damaged or of another format is as good as none.
    fn load(&self) -> Kept {
        let bytes = self.cache.read(&self.file);
        let kept = bytes.and_then(|bytes| serde_json::from_slice::<Kept>(&bytes).ok());
        kept.filter(|kept| kept.format == FORMAT).unwrap_or(Kept { format: FORMAT, ..Kept::default() })
    }
}

#[cfg(test)]
#[path = "tests/memory.rs"]
mod tests;
