//! Whose requests these are: `aws-config` over our own [`Transport`](crate::seam::Transport), and the account guard.
//!
//! `aws-config` knows what people have in their profiles (`source_profile`, `sso_session`, `credential_process`, …) and
//! its requests go through the same door as all others, with the same clock.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_smithy_async::rt::sleep::{AsyncSleep, Sleep};
use aws_smithy_async::time::TimeSource;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_types::os_shim_internal::{Env, Fs};
use bytes::Bytes;
use http::{HeaderValue, Uri, header};

use super::FixedCredentials;
use super::call::{Link, Role, identity};
use super::endpoint::{self, Service};
use super::errors::{self, Answer, Asked, Refusal, sign_in_again};
use crate::model::{Endpoint, Target};
use crate::problem::{Problem, nearest};
use crate::provider::ProviderError;
use crate::provider::meter::Sent;
use crate::seam::TransportError;

/// Credentials are renewed this long before they end, so that no request is sent with dying ones.
const RENEW_BEFORE: Duration = Duration::from_secs(5 * 60);
/// How often a credential service is asked before it counts as down.
const TRIES: u32 = 5;
const SESSION_NAME: &str = "tenure";
/// How many profiles a problem lists before it says how many more there are.
const PROFILES_SHOWN_MAX: usize = 12;

/// Where profiles are read from.
#[expect(deprecated, reason = "the name that is recommended instead is of a crate that we do not depend on")]
pub(super) type Files = aws_config::profile::profile_file::ProfileFiles;

/// Credentials whose account has been checked.
pub(super) struct Session {
    pub(super) credentials: Credentials,
    /// The ARN that STS names.
    pub(super) arn: String,
    /// Where they are from, for problems: "role `arn:…`".
    pub(super) with: String,
}

/// The credentials of one target: at most two, for writing and for reading.
#[derive(Default)]
pub(super) struct Wallet {
    fixed: Option<Credentials>,
    /// Instead of the files in the home folder.
    files: Option<Files>,
    writer: Slot,
    reader: Slot,
}

/// Held while the credentials are fetched: whoever needs the same ones waits instead of fetching them again.
type Slot = tokio::sync::Mutex<Option<Arc<Session>>>;

impl Wallet {
    pub(super) fn new(fixed: Option<FixedCredentials>, files: Option<Files>) -> Self {
        let fixed = fixed.map(|fixed| {
            let FixedCredentials { access_key_id, secret_access_key, session_token } = fixed;
            Credentials::new(access_key_id, secret_access_key, session_token, None, "tenure")
        });
        Wallet { fixed, files, writer: Slot::default(), reader: Slot::default() }
    }

    /// Credentials that will do for the next minutes.
    pub(super) async fn session(&self, link: &Link, role: Role) -> Result<Arc<Session>, ProviderError> {
        let (slot, assume) = self.slot(link, role);
        let mut held = slot.lock().await;
        if let Some(session) = &*held
            && session.credentials.expiry().is_none_or(|end| link.now() + RENEW_BEFORE < end)
        {
            return Ok(Arc::clone(session));
        }
        *held = None;
        let with = self.describe(link, assume);
        let credentials = self.fetch(link, assume, &with).await?;
        let (account, arn) = identity(link, &credentials, &with).await?;
        let session = Arc::new(guarded(link, credentials, &account, arn, with)?);
        *held = Some(Arc::clone(&session));
        Ok(session)
    }

    /// Account and ARN of the target's own credentials, whatever account the target names.
    pub(super) async fn whoami(&self, link: &Link) -> Result<(String, String), ProviderError> {
        let with = self.describe(link, None);
        let credentials = self.fetch(link, None, &with).await?;
        identity(link, &credentials, &with).await
    }

    /// Drops credentials that AWS calls expired; `false` when there is no way to have others.
    pub(super) async fn forget(&self, expired: &Arc<Session>) -> bool {
        for slot in [&self.writer, &self.reader] {
            let mut held = slot.lock().await;
            if held.as_ref().is_some_and(|session| Arc::ptr_eq(session, expired)) {
                *held = None;
            }
        }
        self.fixed.is_none() || expired.credentials.expiry().is_some()
    }

    fn slot<'a>(&'a self, link: &'a Link, role: Role) -> (&'a Slot, Option<&'a str>) {
        match (&link.target.read_role_arn, role) {
            (Some(arn), Role::Reader) => (&self.reader, Some(arn)),
            _ => (&self.writer, link.target.role_arn.as_deref()),
        }
    }

    fn describe(&self, link: &Link, assume: Option<&str>) -> String {
        match (assume, &link.target.profile, &self.fixed) {
            (Some(role), _, _) => format!("role `{role}`"),
            (None, _, Some(_)) => "the given access key".to_owned(),
            (None, Some(profile), None) => format!("profile `{profile}`"),
            (None, None, None) => "the default credentials".to_owned(),
        }
    }

    async fn fetch(&self, link: &Link, assume: Option<&str>, with: &str) -> Result<Credentials, ProviderError> {
        if let (Some(profile), None) = (&link.target.profile, &self.fixed) {
            self.find(&link.target, profile).await?;
        }
        let connector = Connector { link: link.clone(), heard: Arc::default() };
        let base = self.base(link, &connector).await;
        let provider = match assume {
            Some(role) => assumed(link, &connector, role, base).await,
            None => base,
        };
        let mut attempt = 0;
        loop {
            attempt += 1;
            connector.heard.clear();
            let error = match provider.provide_credentials().await {
                Ok(credentials) => return Ok(credentials),
                Err(error) => error,
            };
            let heard = connector.heard.take();
            if attempt < TRIES && heard.as_ref().is_some_and(Heard::may_pass) {
                link.meter.retried();
                link.clock.sleep(link.backoff(attempt)).await;
                continue;
            }
            return Err(failure(link, with, assume, heard, &error));
        }
    }

    /// A profile that is nowhere in the files is a slip of the keyboard, and the SDK calls it missing credentials. Files
    /// that cannot be read are left to the SDK.
    async fn find(&self, target: &Target, profile: &str) -> Result<(), ProviderError> {
        let files = self.files.clone().unwrap_or_default();
        let Ok(known) = aws_config::profile::load(&Fs::real(), &Env::real(), &files, None).await else { return Ok(()) };
        if known.get_profile(profile).is_some() {
            return Ok(());
        }
        let mut names: Vec<&str> = known.profiles().collect();
        names.sort_unstable();
        let hint = match nearest(profile, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if names.is_empty() => "there are no profiles at all: `aws configure` writes one".to_owned(),
            None if names.len() > PROFILES_SHOWN_MAX => {
                format!(
                    "there are {} and {} more",
                    names[..PROFILES_SHOWN_MAX].join(", "),
                    names.len() - PROFILES_SHOWN_MAX
                )
            }
            None => format!("there are {}", names.join(", ")),
        };
        let problem = Problem::access(format!("target `{}`: the AWS files have no profile `{profile}`", target.name));
        Err(ProviderError::Rejected(problem.hint(hint).at(&target.place)))
    }

    /// What the target's own credentials are before any role is assumed.
    async fn base(&self, link: &Link, connector: &Connector) -> SharedCredentialsProvider {
        if let Some(fixed) = &self.fixed {
            return SharedCredentialsProvider::new(fixed.clone());
        }
        let target = &link.target;
        let config = ProviderConfig::without_region()
            .with_region(Some(Region::new(target.region.clone())))
            .with_http_client(connector.client())
            .with_sleep_impl(Time(link.clone()))
            .with_time_source(Time(link.clone()))
            .with_retry_config(RetryConfig::disabled())
            .with_timeout_config(TimeoutConfig::disabled())
            .with_use_fips(Some(target.use_fips))
            .with_use_dual_stack(Some(target.use_dualstack))
            .with_behavior_version(Some(BehaviorVersion::latest()));
        match &target.profile {
            // A profile that the file names is used alone: in the default chain AWS_ACCESS_KEY_ID would win over it.
            Some(profile) => {
                let mut builder =
                    ProfileFileCredentialsProvider::builder().configure(&config).profile_name(profile.clone());
                if let Some(files) = &self.files {
                    builder = builder.profile_files(files.clone());
                }
                SharedCredentialsProvider::new(builder.build())
            }
            None => {
                let region = Region::new(target.region.clone());
                let chain = DefaultCredentialsChain::builder().configure(config).region(region).build().await;
                SharedCredentialsProvider::new(chain)
            }
        }
    }
}

/// STS `AssumeRole` on top of the base credentials.
async fn assumed(
    link: &Link,
    connector: &Connector,
    role: &str,
    base: SharedCredentialsProvider,
) -> SharedCredentialsProvider {
    let target = &link.target;
    // Repetitions and time limits are ours: in a sandbox time is the world's own, and a time limit that sleeps in
    // it would be over before the answer is there.
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(target.region.clone()))
        .http_client(connector.client())
        .sleep_impl(Time(link.clone()))
        .time_source(Time(link.clone()))
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::disabled())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .use_fips(target.use_fips)
        .use_dual_stack(target.use_dualstack)
        .build();
    let session_name = target.role_session_name.as_deref().unwrap_or(SESSION_NAME);
    let mut builder = AssumeRoleProvider::builder(role).session_name(session_name).configure(&config);
    if let Some(id) = &target.external_id {
        builder = builder.external_id(id);
    }
    SharedCredentialsProvider::new(builder.build_from_provider(base).await)
}

/// Nobody else's account: credentials of another account are refused before anything is read or written with them.
fn guarded(
    link: &Link,
    credentials: Credentials,
    account: &str,
    arn: String,
    with: String,
) -> Result<Session, ProviderError> {
    let target = &link.target;
    if account != target.account {
        let problem = Problem::access(format!(
            "target `{}` is account {}, but these credentials ({with}) are of account {account} ({arn})",
            target.name, target.account
        ))
        .hint("use the `profile` or `role_arn` of the right account, or correct `account`")
        .at(&target.place);
        return Err(ProviderError::Rejected(problem));
    }
    Ok(Session { credentials, arn, with })
}

fn failure(
    link: &Link,
    with: &str,
    assume: Option<&str>,
    heard: Option<Heard>,
    error: &(dyn Error + 'static),
) -> ProviderError {
    let target = &link.target;
    let operation = if assume.is_some() { "AssumeRole" } else { "sign in" };
    let asked = Asked { target, operation, with };
    ProviderError::Rejected(match heard {
        Some(Heard::Refused(refusal)) if refusal.is_denied() && assume.is_some() => asked
            .problem(&refusal)
            .hint("the role's trust policy must name the caller (and `external_id`), the caller needs sts:AssumeRole"),
        Some(Heard::Refused(refusal)) => asked.problem(&refusal),
        Some(Heard::Throttled(after)) => return ProviderError::Throttled(after),
        Some(Heard::Foreign(url, what)) => asked.foreign(&url, &what),
        Some(Heard::Broken(cause)) => asked.broken(&cause),
        Some(Heard::Unreachable(url, cause)) => asked.unreachable(&url, &cause),
        None => Problem::access(format!("target `{}`: no credentials: {with}: {}", target.name, causes(error)))
            .hint(match &target.profile {
                Some(_) => sign_in_again(target),
                None => "set `profile` or `role_arn` of the target, or AWS_PROFILE, or AWS_ACCESS_KEY_ID".to_owned(),
            })
            .at(&target.place),
    })
}

/// An error with its causes, each once. The SDK's texts hold no secrets.
fn causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let line = error.to_string();
        if !text.contains(&line) {
            text = format!("{text}: {line}");
        }
        cause = error.source();
    }
    text
}

/// Why a credential service said no, in its own words: the SDK's error hides the code.
#[derive(Debug)]
enum Heard {
    Refused(Refusal),
    Throttled(Duration),
    Broken(String),
    Foreign(String, String),
    Unreachable(String, String),
}

impl Heard {
    fn may_pass(&self) -> bool {
        matches!(self, Heard::Throttled(_) | Heard::Broken(_) | Heard::Unreachable(..))
    }
}

#[derive(Debug, Default)]
struct Ear(Mutex<Option<Heard>>);

impl Ear {
    fn clear(&self) {
        self.take();
    }

    fn take(&self) -> Option<Heard> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn hear(&self, heard: Heard) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(heard);
    }
}

/// `aws-config`'s way out: our own transport.
#[derive(Clone)]
struct Connector {
    link: Link,
    heard: Arc<Ear>,
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connector")
    }
}

impl Connector {
    fn client(&self) -> SharedHttpClient {
        let connector = SharedHttpConnector::new(self.clone());
        http_client_fn(move |_, _| connector.clone())
    }

    async fn carry(self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let broken = |text: String| ConnectorError::other(text.into(), None);
        let request = request.try_into_http1x().map_err(|error| broken(error.to_string()))?;
        let body = Bytes::copy_from_slice(request.body().bytes().unwrap_or_default());
        let mut request = request.map(|_| body.clone());
        let host = request.uri().host().unwrap_or_default().to_owned();
        let is_sts = host.starts_with("sts.") || host.starts_with("sts-fips.");
        if is_sts {
            redirect(&self.link, &mut request).map_err(&broken)?;
        }
        let url = request.uri().to_string();
        let form = String::from_utf8_lossy(&body);
        let operation = form.split('&').find_map(|pair| pair.strip_prefix("Action=")).unwrap_or("sign in");
        let service = if is_sts { "sts" } else { host.as_str() };
        // Sign-in bodies other than those of STS hold tokens, which a trace must not.
        let traced = if is_sts { form.as_ref() } else { "" };
        let sent = Sent { service, operation, target: None, body: traced };
        // Metadata services are tried on chance; that they are not there is no news.
        let notable = host.contains("amazonaws") || is_sts;
        match self.link.carry(&sent, request).await {
            Ok(response) => {
                if notable {
                    self.listen(&url, response.clone());
                }
                HttpResponse::try_from(response.map(SdkBody::from)).map_err(|error| broken(error.to_string()))
            }
            Err(error) => {
                let text = error.to_string();
                if notable {
                    self.heard.hear(match error {
                        TransportError::NotSent(_) => Heard::Unreachable(url, text.clone()),
                        TransportError::Lost(_) => Heard::Broken(text.clone()),
                    });
                }
                Err(ConnectorError::io(text.into()))
            }
        }
    }

    fn listen(&self, url: &str, response: http::Response<Bytes>) {
        match errors::read(Service::Sts, response) {
            Answer::Accepted(_) => {}
            Answer::Refused(refusal) => self.heard.hear(Heard::Refused(refusal)),
            Answer::Throttled(after) => self.heard.hear(Heard::Throttled(after.unwrap_or(Duration::from_secs(20)))),
            Answer::Broken(cause) => self.heard.hear(Heard::Broken(cause)),
            // SSO answers in JSON, whose refusal the SDK words well enough itself.
            Answer::Foreign(what) if url.contains("//sts") || what.contains("web page") => {
                self.heard.hear(Heard::Foreign(url.to_owned(), what));
            }
            Answer::Foreign(_) => {}
        }
    }
}

/// `endpoint` of a target stands for STS too. The signature covers the host that the SDK meant, so that name stays
/// in `Host`; emulators route by it.
fn redirect(link: &Link, request: &mut http::Request<Bytes>) -> Result<(), String> {
    if !matches!(link.target.endpoint, Endpoint::Url(_)) {
        return Ok(());
    }
    let signed = request.uri().authority().map(|authority| authority.as_str().to_owned()).unwrap_or_default();
    let signed = HeaderValue::from_str(&signed).map_err(|error| error.to_string())?;
    let url = endpoint::url(Service::Sts, &link.target).map_err(|problem| problem.message)?;
    let uri: Uri = format!("{url}/").parse().map_err(|error| format!("{url} is not a URL: {error}"))?;
    *request.uri_mut() = uri;
    request.headers_mut().insert(header::HOST, signed);
    Ok(())
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::new(self.clone().carry(request))
    }
}

/// `aws-config`'s time: our own clock.
#[derive(Clone)]
struct Time(Link);

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Time")
    }
}

impl TimeSource for Time {
    fn now(&self) -> SystemTime {
        self.0.now()
    }
}

impl AsyncSleep for Time {
    fn sleep(&self, duration: Duration) -> Sleep {
        let clock = Arc::clone(&self.0.clock);
        let sleep: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(async move { clock.sleep(duration).await });
        Sleep::new(Waiting(Mutex::new(sleep)))
    }
}

/// `Sleep` wants futures that can be shared, which those of a trait object cannot; nobody ever takes this lock.
struct Waiting(Mutex<Pin<Box<dyn Future<Output = ()> + Send>>>);

impl Future for Waiting {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner).as_mut().poll(context)
    }
}

#[cfg(test)]
#[path = "tests/credentials.rs"]
mod tests;
