//! Tasks: what set the parameters, tags and outputs that run, and how operations end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::call::Action;
use super::errors::CallError;
use super::memory::Done;
use super::observe::{Readable, Reads};
use super::wire::{Detail, GetProduct, GetTask, Input, Output, Parameter, Tag, Task, time};
use super::{Alibaba, plans};
use crate::model::{
    LiveParameter, LiveParameters, Observation, Operation, OperationState, ProvisionedProduct, Status, Subject,
    Template,
};
use crate::provider::ProviderError;
use crate::provider::gather::gather;

pub(super) const GET: Action = Action::body("GetTask");
/// In neither the documents nor the SDK: the Terraform provider reads with it (service_alicloud_servicecatalog.go).
const GET_ALL: Action = Action::body("GetProvisionedProductForResourceSpec");

/// How long a look at a product tells which task its outputs are of: the same round of reading, not a later one.
const FRESH: jiff::SignedDuration = jiff::SignedDuration::from_secs(30);

impl Alibaba {
    /// Parameters, tags and outputs of each product; what cannot be read, and why.
    pub(super) async fn parameters(
        &self,
        products: &[ProvisionedProduct],
        reads: &Reads,
    ) -> Result<Observation, ProviderError> {
        let all = gather(self.parallelism, products.iter().map(|product| self.running(product, reads))).await?;
        let mut observation = Observation::default();
        for (product, live) in products.iter().zip(all) {
            match live {
                Ok(live) => _ = observation.parameters.insert(product.id.clone(), live),
                Err(why) => _ = observation.unreadable.insert(Subject::Parameters(product.id.clone()), why),
            }
        }
        Ok(observation)
    }

    /// Outputs; a product that was not seen a moment ago is looked at first, to know which task set them.
    pub(super) async fn outputs(&self, ids: &BTreeSet<String>, reads: &Reads) -> Result<Observation, ProviderError> {
        let all = gather(self.parallelism, ids.iter().map(|id| self.outputs_of(id, reads))).await?;
        let mut observation = Observation::default();
        for (id, outputs) in ids.iter().zip(all) {
            match outputs {
                Ok(outputs) => _ = observation.outputs.insert(id.clone(), outputs),
                Err(why) => _ = observation.unreadable.insert(Subject::Outputs(id.clone()), why),
            }
        }
        Ok(observation)
    }

    pub(super) async fn operations(&self, ids: &BTreeSet<String>, reads: &Reads) -> Result<Observation, ProviderError> {
        let answers = gather(self.parallelism, ids.iter().map(|id| self.operation(id, reads))).await?;
        let mut observation = Observation::default();
        for (id, answer) in ids.iter().zip(answers) {
            match answer {
                Ok(operation) => _ = observation.operations.insert(id.clone(), operation),
                Err(why) => _ = observation.unreadable.insert(Subject::Operation(id.clone()), why),
            }
        }
        Ok(observation)
    }

    async fn operation(&self, id: &str, reads: &Reads) -> Result<Readable<Operation>, ProviderError> {
        if id.starts_with(plans::PREFIX) {
            let plan = self.plan(id).await?;
            return Ok(plan
                .map(|plan| plans::operation(&plan))
                .map_err(|refusal| format!("{id} cannot be read: {}", refusal.text())));
        }
        if let Some(done) = self.memory.task(id) {
            return Ok(Ok(done.operation(id)));
        }
        Ok(self.task(id, reads).await?.map(|task| operation(&task)))
    }

    async fn task(&self, id: &str, reads: &Reads) -> Result<Readable<Arc<Task>>, ProviderError> {
        reads.tasks.get(id.to_owned(), || self.read_task(id)).await
    }

    async fn read_task(&self, id: &str) -> Result<Readable<Arc<Task>>, ProviderError> {
        if id.is_empty() {
            return Ok(Err("the service lists a task without an id".to_owned()));
        }
        match self.client.call::<GetTask>(GET, Input::new().with("TaskId", id)).await {
            Ok(answer) if *answer.task_detail.task_id == *id => Ok(Ok(Arc::new(answer.task_detail.0))),
            Ok(_) => Ok(Err(format!("{} answers with another task than {id}, or with none", GET.name))),
            Err(CallError::Refused(refusal)) => Ok(Err(format!("its task {id} cannot be read: {}", refusal.text()))),
            Err(CallError::Failed(error)) => Err(error),
        }
    }

    /// After a failed update the last task that succeeded set what runs, as far as anybody can tell; a launch that
    /// failed is all there is.
    async fn running(
        &self,
        product: &ProvisionedProduct,
        reads: &Reads,
    ) -> Result<Readable<LiveParameters>, ProviderError> {
        if self.target.undocumented_reads {
            return self.everything(&product.id, reads).await;
        }
        match product.last_successful.as_ref().or(product.last_provisioning.as_ref()) {
            Some(id) => self.live(id, Some(product), reads).await,
            None => Ok(Err("it names no task that set its parameters".to_owned())),
        }
    }

    async fn outputs_of(&self, id: &str, reads: &Reads) -> Result<Readable<BTreeMap<String, String>>, ProviderError> {
        if self.target.undocumented_reads {
            return Ok(self.spec(id).await?.map(|detail| outputs(&detail.outputs)));
        }
        let now = self.client.link.now();
        let is_fresh = |at: jiff::Timestamp, product: &ProvisionedProduct| {
            now.duration_since(at) < FRESH && product.status != Status::UnderChange
        };
        let sighted = self.sightings().products.get(id).filter(|(at, product)| is_fresh(*at, product)).cloned();
        let product = match sighted {
            Some((_, product)) => product,
            None => match self.find(id).await? {
                Ok(Some(product)) => product,
                Ok(None) => return Ok(Err("it does not exist any more".to_owned())),
                Err(refusal) => return Ok(Err(format!("it cannot be read: {}", refusal.text()))),
            },
        };
        let Some(task) = &product.last_successful else {
            return Ok(Err("it has no outputs: no launch of it has succeeded".to_owned()));
        };
        // Without its template the task is not kept, because nobody knows what is secret in it.
        Ok(match self.live(task, Some(&product), reads).await? {
            Ok(live) => Ok(live.outputs),
            Err(_) => self.task(task, reads).await?.map(|task| outputs(&task.outputs)),
        })
    }

    /// What a task has set. What the user left out runs with its default (assumed: `Parameters` of a task are "entered
    /// by the user").
    async fn live(
        &self,
        id: &str,
        product: Option<&ProvisionedProduct>,
        reads: &Reads,
    ) -> Result<Readable<LiveParameters>, ProviderError> {
        if let Some(done) = self.memory.task(id) {
            return Ok(Ok(done.live()));
        }
        let task = match self.task(id, reads).await? {
            Ok(task) => task,
            Err(why) => return Ok(Err(why)),
        };
        let either = |own: &str, of: fn(&ProvisionedProduct) -> &String| match own {
            "" => product.map(of).cloned().unwrap_or_default(),
            own => own.to_owned(),
        };
        let product_id = either(&task.product_id, |product| &product.product_id);
        let version_id = either(&task.product_version_id, |product| &product.version_id);
        let template = match self.template(&product_id, &version_id, reads).await? {
            Ok(template) => template,
            Err(why) => return Ok(Err(untold(&version_id, &why))),
        };
        let set = Set::new(&task.parameters, &task.task_tags, &task.outputs, &template);
        if &*task.status == "Succeeded" && !set.repeats_a_secret {
            let created = product.and_then(|product| product.created);
            self.memory.keep_task(id, Done { created, ..set.done(&task) });
        }
        Ok(Ok(set.live))
    }

    /// Parameters, tags and outputs by the undocumented action.
    async fn everything(&self, id: &str, reads: &Reads) -> Result<Readable<LiveParameters>, ProviderError> {
        let detail = match self.spec(id).await? {
            Ok(detail) => detail,
            Err(why) => return Ok(Err(why)),
        };
        let template = self.template(&detail.product_id, &detail.product_version_id, reads).await?;
        Ok(match template {
            Ok(template) => Ok(Set::new(&detail.parameters, &detail.task_tags, &detail.outputs, &template).live),
            Err(why) => Err(untold(&detail.product_version_id, &why)),
        })
    }

    async fn spec(&self, id: &str) -> Result<Readable<Detail>, ProviderError> {
        match self.client.call::<GetProduct>(GET_ALL, Input::new().with("ProvisionedProductId", id)).await {
            Ok(answer) => Ok(Ok(answer.provisioned_product_detail.0)),
            Err(CallError::Refused(refusal)) => Ok(Err(format!("{}: {}", GET_ALL.name, refusal.text()))),
            Err(CallError::Failed(error)) => Err(error),
        }
    }
}

fn untold(version_id: &str, why: &str) -> String {
    format!("which of its parameters are secret is in the template of version {version_id}: {why}")
}

/// What a task has set, secrets left out.
struct Set {
    live: LiveParameters,
    /// An output or a tag shows the value of a NoEcho parameter.
    repeats_a_secret: bool,
}

impl Set {
    fn new(parameters: &[Parameter], tags: &[Tag], outs: &[Output], template: &Template) -> Self {
        let (mut values, mut secrets) = (BTreeMap::new(), Vec::new());
        for Parameter { parameter_key: key, parameter_value: value } in parameters.iter() {
            let no_echo = template.parameters.get(&**key).is_some_and(|spec| spec.no_echo);
            if no_echo {
                secrets.extend(Some(&**value).filter(|value| !value.is_empty()));
            } else {
                values.insert(key.0.clone(), LiveParameter { value: value.0.clone(), masked: false });
            }
        }
        for (key, spec) in &template.parameters {
            if spec.no_echo {
                values.insert(key.clone(), LiveParameter { value: String::new(), masked: true });
            } else if let Some(default) = &spec.default {
                let default = || LiveParameter { value: default.clone(), masked: false };
                values.entry(key.clone()).or_insert_with(default);
            }
        }
        let (tags, outputs) = (user_tags(tags), outputs(outs));
        let shows = |text: &String| secrets.iter().any(|secret| text.contains(*secret));
        let repeats_a_secret = tags.values().any(shows) || outputs.values().any(shows);
        Set { live: LiveParameters { parameters: values, tags, outputs }, repeats_a_secret }
    }

    fn done(&self, task: &Task) -> Done {
        let Operation { product_id, kind, version_id, path_id, updated, .. } = operation(task);
        let plain = |live: &LiveParameter| (!live.masked).then(|| live.value.clone());
        Done {
            provisioned: product_id,
            created: None,
            kind,
            version_id,
            path_id,
            updated,
            parameters: self.live.parameters.iter().map(|(key, live)| (key.clone(), plain(live))).collect(),
            tags: self.live.tags.clone(),
            outputs: self.live.outputs.clone(),
        }
    }
}

/// Without those that the cloud sets itself: no user's key may begin with `acs:` or `aliyun` (LaunchProduct).
fn user_tags(tags: &[Tag]) -> BTreeMap<String, String> {
    tags.iter()
        .filter(|tag| !tag.key.is_empty() && !tag.key.starts_with("acs:") && !tag.key.starts_with("aliyun"))
        .map(|tag| (tag.key.0.clone(), tag.value.0.clone()))
        .collect()
}

fn outputs(outputs: &[Output]) -> BTreeMap<String, String> {
    let pairs = outputs.iter().map(|output| (output.output_key.0.clone(), output.output_value.0.clone()));
    pairs.filter(|(key, _)| !key.is_empty()).collect()
}

/// `InProgress`, `Succeeded`, `Failed`; a word that is not documented is taken for the first, because neither end may
/// be assumed.
pub(super) fn operation(task: &Task) -> Operation {
    let state = match &*task.status {
        "Succeeded" => OperationState::Succeeded,
        "Failed" => OperationState::Failed(match &*task.status_message {
            "" => "the service gives no reason".to_owned(),
            text => text.to_owned(),
        }),
        _ => OperationState::Running,
    };
    Operation {
        id: task.task_id.0.clone(),
        product_id: task.provisioned_product_id.0.clone(),
        state,
        status: task.status.0.clone(),
        kind: task.task_type.0.clone(),
        version_id: task.product_version_id.clone().written(),
        path_id: task.portfolio_id.clone().written(),
        updated: time(&task.update_time),
    }
}

#[cfg(test)]
#[path = "tests/tasks.rs"]
mod tests;
