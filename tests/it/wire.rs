//! The line between a program and its clouds, and the paper that its ledger is written on: both count, lose and cut.
//! The line also watches that nothing is sent of which the ledger does not know.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use bytes::Bytes;
use percent_encoding::percent_decode_str;
use tenure::ledger::MemoryStore;
use tenure::ledger::entry::Started;
use tenure::ledger::memory::Fault;
use tenure::model::Request;
use tenure::seam::{Store, StoreError, Transport, TransportError};
use tokio::sync::{Notify, watch};

const WRITES: [&str; 9] = [
    "ProvisionProduct",
    "UpdateProvisionedProduct",
    "TerminateProvisionedProduct",
    "UpdateProvisionedProductProperties",
    "LaunchProduct",
    "CreateProvisionedProductPlan",
    "ExecuteProvisionedProductPlan",
    "CancelProvisionedProductPlan",
    "DeleteProvisionedProductPlan",
];

/// What is to go wrong on the way, counted from the next call or append (the first is 1).
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Trouble {
    /// The process dies instead of sending its nth request.
    DieBeforeCall(u64),
    /// The process dies when the nth request has been carried out, before its answer is heard.
    DieAfterCall(u64),
    /// The process dies at its nth append: nothing, a part or all of it is written.
    DieAtAppend(u64, Torn),
    /// The ledger cannot be written at the nth append.
    FullDisk(u64),
    /// A person presses Ctrl-C while the nth request is under way.
    Interrupt(u64),
    /// The nth request is lost, or its reply is.
    Lose(u64, bool),
}

/// An answer that something between the program and the service makes up.
#[derive(Debug, Clone, Copy)]
pub struct Lie {
    pub status: u16,
    pub body: &'static str,
    /// Whether the request is passed on to the service.
    pub forwarded: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Torn {
    Nothing,
    Part,
    Everything,
}

/// One write as it left the program.
#[derive(Debug, Clone, Default)]
pub struct Sent {
    pub operation: String,
    /// The provisioned product that is written to.
    pub product: Option<String>,
    /// Its name, where it is made by this.
    pub name: Option<String>,
    /// The cloud's id of what was handed in, where this is about that.
    preparation: Option<String>,
    /// What stands for the step: its token, or a name that holds it.
    token: Option<String>,
}

impl Sent {
    /// What a request asks for, in either dialect.
    fn read(request: &http::Request<Bytes>) -> Sent {
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let form = || fields(&format!("{}&{}", request.uri().query().unwrap_or_default(), text(request)));
        if let Some(operation) = header("x-acs-action") {
            let fields = form();
            let get = |name: &str| fields.get(name).cloned();
            return Sent {
                operation,
                product: get("ProvisionedProductId"),
                name: get("ProvisionedProductName"),
                preparation: get("PlanId"),
                token: get("PlanName"),
            };
        }
        let Some(operation) = header("x-amz-target") else {
            let operation = form().remove("Action").unwrap_or_else(|| "?".to_owned());
            return Sent { operation, ..Sent::default() };
        };
        let body: serde_json::Value = serde_json::from_slice(request.body()).unwrap_or_default();
        let get = |name: &str| body[name].as_str().map(str::to_owned);
        Sent {
            operation: operation.rsplit('.').next().unwrap_or_default().to_owned(),
            product: get("ProvisionedProductId"),
            name: get("ProvisionedProductName"),
            preparation: None,
            token: ["ProvisionToken", "UpdateToken", "TerminateToken", "IdempotencyToken"].into_iter().find_map(get),
        }
    }

    /// Whether this is what a step that was begun sends. Where the cloud takes tokens the token tells; else what it does
    /// to what.
    fn is_of(&self, step: &Started) -> bool {
        let about = |id: &str| self.product.as_deref() == Some(id);
        let token = || self.token.as_ref().is_some_and(|token| token.contains(&step.token));
        match (self.operation.as_str(), &step.request) {
            ("LaunchProduct", Request::Provision { name, .. }) => self.name.as_ref() == Some(name),
            ("CreateProvisionedProductPlan", Request::Prepare { .. }) => token(),
            ("ExecuteProvisionedProductPlan", Request::Execute { preparation, .. }) => {
                self.preparation.as_ref() == Some(preparation)
            }
            (
                "CancelProvisionedProductPlan" | "DeleteProvisionedProductPlan",
                Request::Prepare { supersedes: Some(earlier), .. },
            ) => self.preparation.as_ref() == Some(earlier),
            _ if self.token.is_some() => token(),
            ("UpdateProvisionedProduct", Request::Update { id, .. })
            | ("TerminateProvisionedProduct", Request::Terminate { id }) => about(id),
            _ => false,
        }
    }
}

fn text(request: &http::Request<Bytes>) -> String {
    String::from_utf8_lossy(request.body()).into_owned()
}

fn fields(form: &str) -> BTreeMap<String, String> {
    let decoded = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    form.split('&').filter_map(|pair| pair.split_once('=')).map(|(key, value)| (decoded(key), decoded(value))).collect()
}

#[derive(Default)]
pub struct State {
    pub sent: Vec<Sent>,
    pub calls: u64,
    pub appends: u64,
    pub trouble: Option<Trouble>,
    /// By operation: the nth call from now is lost, before or after it is carried out.
    pub lost: BTreeMap<(String, u64), bool>,
    /// By operation: the answer to the nth call from now is this one, whatever the service said.
    pub lies: BTreeMap<(String, u64), Lie>,
    pub counts: BTreeMap<String, u64>,
    /// What happened that never may.
    pub broken: Vec<String>,
    /// Nothing is looked for in the ledger, which takes longer the longer it is.
    pub careless: bool,
}

/// The line between program and cloud; also what watches that nothing is sent of which the ledger does not know.
pub struct Wire {
    inner: Arc<dyn Transport>,
    ledger: MemoryStore,
    state: Mutex<State>,
    pub death: Notify,
    pub interrupt: watch::Sender<bool>,
}

impl Wire {
    pub fn new(inner: Arc<dyn Transport>, ledger: MemoryStore) -> Wire {
        let (interrupt, _) = watch::channel(false);
        Wire { inner, ledger, state: Mutex::default(), death: Notify::new(), interrupt }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// How the process ends: whoever waits for this call waits for ever, and the run is dropped.
    async fn die<T>(&self) -> T {
        self.death.notify_one();
        std::future::pending().await
    }

    /// Notes a request, and checks that a write's step is in the ledger already.
    fn note(&self, request: &http::Request<Bytes>) -> (u64, Option<bool>, Option<Lie>) {
        let sent = Sent::read(request);
        let mut state = self.state();
        state.calls += 1;
        let count = state.counts.entry(sent.operation.clone()).or_default();
        *count += 1;
        let key = (sent.operation.clone(), *count);
        let lost = state.lost.remove(&key);
        let lie = state.lies.remove(&key);
        if WRITES.contains(&sent.operation.as_str()) {
            if !state.careless && !self.is_known(&sent) {
                state.broken.push(format!("{} was sent before it was in the ledger", sent.operation));
            }
            state.sent.push(sent);
        }
        (state.calls, lost, lie)
    }

    /// Whether the ledger has a step without an end that sends this.
    fn is_known(&self, sent: &Sent) -> bool {
        let bytes = self.ledger.bytes();
        let replay = tenure::ledger::replay(&bytes, "memory").unwrap_or_else(|problem| panic!("{problem}"));
        replay.ledger.unsettled.values().any(|step| sent.is_of(&step.started))
    }
}

#[async_trait]
impl Transport for Wire {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, TransportError> {
        let (call, lost, lie) = self.note(&request);
        let trouble = self.state().trouble;
        match trouble {
            Some(Trouble::DieBeforeCall(nth)) if nth == call => return self.die().await,
            Some(Trouble::DieAfterCall(nth)) if nth == call => {
                let _ = self.inner.send(request).await;
                return self.die().await;
            }
            Some(Trouble::Interrupt(nth)) if nth == call => _ = self.interrupt.send_replace(true),
            _ => {}
        }
        let lost = match trouble {
            Some(Trouble::Lose(nth, reply)) if nth == call => Some(reply),
            _ => lost,
        };
        match lost {
            Some(false) => return Err(TransportError::Lost("lost on the way there".to_owned())),
            Some(true) => {
                let _ = self.inner.send(request).await;
                return Err(TransportError::Lost("lost on the way back".to_owned()));
            }
            None => {}
        }
        let Some(Lie { status, body, forwarded }) = lie else { return self.inner.send(request).await };
        if forwarded {
            let _ = self.inner.send(request).await;
        }
        Ok(http::Response::builder().status(status).body(Bytes::from_static(body.as_bytes())).unwrap())
    }
}

/// A ledger that fails, or dies with its process, at one append.
pub struct Paper {
    pub inner: MemoryStore,
    pub wire: Arc<Wire>,
}

#[async_trait]
impl Store for Paper {
    async fn read(&mut self) -> Result<Vec<u8>, StoreError> {
        self.inner.read().await
    }

    async fn lock(&mut self) -> Result<(), StoreError> {
        self.inner.lock().await
    }

    async fn append(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let (number, trouble) = {
            let mut state = self.wire.state();
            state.appends += 1;
            (state.appends, state.trouble)
        };
        match trouble {
            Some(Trouble::FullDisk(nth)) if nth == number => {
                self.inner.fail(1, Fault::Torn(bytes.len() / 2));
                self.inner.append(bytes).await
            }
            Some(Trouble::DieAtAppend(nth, torn)) if nth == number => {
                let length = match torn {
                    Torn::Nothing => 0,
                    Torn::Part => bytes.len() * 2 / 3,
                    Torn::Everything => bytes.len(),
                };
                self.inner.fail(1, Fault::Torn(length));
                let _ = self.inner.append(bytes).await;
                self.wire.die().await
            }
            _ => self.inner.append(bytes).await,
        }
    }

    async fn set_aside(&mut self, keep_length_bytes: u64) -> Result<(), StoreError> {
        self.inner.set_aside(keep_length_bytes).await
    }

    fn location(&self) -> String {
        self.inner.location()
    }
}

/// The ids that writes were sent to.
pub fn touched(sent: &[Sent]) -> BTreeSet<String> {
    sent.iter().filter_map(|sent| sent.product.clone()).collect()
}
