//! The Alibaba Cloud dialect: RPC over HTTP with JSON replies. Service Catalog, STS and RAM are told apart by the version
//! of the API that a request names.

pub mod acs3;
mod catalog;
mod identities;
mod input;
mod instances;
mod nonces;
mod plans;
mod products;
mod rpc;
#[cfg(test)]
mod tests;
mod wire;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode};
use serde_json::{Value, json};

use super::codec::form;
use super::dialect::Surroundings;
use super::ids;
use super::session::redeem;
use super::world::World;
use super::world::model::{Answer, Cloud, Millis, Place, Principal, ServiceError};
use super::world::{Caller, ram};
use acs3::{Authorization, parse_time};
use input::{Input, missing};
pub use nonces::Nonces;
use nonces::SKEW;

/// Operations that change something.
const WRITES: [&str; 9] = [
    "LaunchProduct",
    "UpdateProvisionedProduct",
    "TerminateProvisionedProduct",
    "CreateProvisionedProductPlan",
    "UpdateProvisionedProductPlan",
    "ExecuteProvisionedProductPlan",
    "DeleteProvisionedProductPlan",
    "CancelProvisionedProductPlan",
    "ApproveProvisionedProductPlan",
];
/// How long an overloaded gateway asks to wait, in milliseconds.
const RETRY_AFTER: &str = "1000";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Service {
    Catalog,
    Sts,
    Ram,
}

impl Service {
    fn of_version(version: &str) -> Option<Service> {
        match version {
            "2021-09-01" => Some(Service::Catalog),
            "2015-04-01" => Some(Service::Sts),
            "2015-05-01" => Some(Service::Ram),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Service::Catalog => "servicecatalog",
            Service::Sts => "sts",
            Service::Ram => "ram",
        }
    }
}

/// How a request says who it is from.
#[derive(Debug)]
enum Proof {
    V3(Authorization),
    /// The older signature, among the parameters.
    V1,
    Unsigned,
}

/// A request whose service and operation are known and whose sender is not yet.
#[derive(Debug)]
pub struct Call<'a> {
    service: Service,
    /// What is asked for, as the client calls it.
    pub operation: String,
    proof: Proof,
    parameters: Vec<(String, String)>,
    request: &'a Request<Bytes>,
}

/// Who a request is from.
struct Who {
    principal: Principal,
    session_name: String,
}

/// Whether a request is in this dialect: by its headers, or by an API version among unsigned parameters.
pub fn speaks(request: &Request<Bytes>) -> bool {
    let headers = request.headers();
    match headers.get(http::header::AUTHORIZATION) {
        Some(value) => value.as_bytes().starts_with(b"ACS3-"),
        None if headers.contains_key("x-acs-action") || headers.contains_key("x-acs-version") => true,
        None => {
            parameters_of(request).iter().any(|(key, value)| key == "Version" && Service::of_version(value).is_some())
        }
    }
}

/// The gateway takes parameters from the query and from a form alike.
fn parameters_of(request: &Request<Bytes>) -> Vec<(String, String)> {
    let mut parameters = form(request.uri().query().unwrap_or_default().as_bytes());
    let is_form = |value: &HeaderValue| value.as_bytes().starts_with(b"application/x-www-form-urlencoded");
    if request.headers().get(http::header::CONTENT_TYPE).is_some_and(is_form) {
        parameters.extend(form(request.body()));
    }
    parameters
}

impl<'a> Call<'a> {
    /// Finds out what a request is for; an answer to it if that cannot be found out.
    pub fn read(request: &'a Request<Bytes>) -> Result<Call<'a>, Box<Response<Bytes>>> {
        Call::try_read(request).map_err(|error| Box::new(refusal(request, "", &error)))
    }

    fn try_read(request: &'a Request<Bytes>) -> Answer<Call<'a>> {
        let parameters = parameters_of(request);
        let get = |name: &str| parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        let headers = ["x-acs-action", "x-acs-version", "authorization"].map(|name| acs3::header(request, name));
        let [action, version, authorization] = headers;
        let (action, version, proof) = if action.is_some() || version.is_some() || authorization.is_some() {
            (action, version, Proof::V3(acs3::authorization(request)?))
        } else if get("Signature").is_some() {
            (get("Action"), get("Version"), Proof::V1)
        } else {
            (get("Action"), get("Version"), Proof::Unsigned)
        };
        let version = version.ok_or_else(|| missing("Version"))?;
        let service = Service::of_version(&version)
            .ok_or_else(|| ServiceError::new("InvalidVersion", "Specified parameter Version is not valid."))?;
        let call = Call { service, operation: action.ok_or_else(|| missing("Action"))?, proof, parameters, request };
        call.is_at_its_host()?;
        Ok(call)
    }

    fn host(&self) -> String {
        let host = acs3::header(self.request, "host").unwrap_or_default().to_lowercase();
        host.split(':').next().unwrap_or_default().to_owned()
    }

    /// An endpoint of Alibaba Cloud serves one product; any other host, and this one serves all.
    fn is_at_its_host(&self) -> Answer<()> {
        let host = self.host();
        let product = host.split(['.', '-']).next().unwrap_or_default();
        if !host.ends_with(".aliyuncs.com") || product == self.service.name() {
            return Ok(());
        }
        Err(ServiceError::new("InvalidProduct.NotFound", "The specified product cannot be found at this endpoint."))
    }

    /// Whether the operation may change the world.
    pub fn is_write(&self) -> bool {
        self.service == Service::Catalog && WRITES.contains(&self.operation.as_str())
    }

    /// The answer of an overloaded gateway.
    pub fn throttled(&self) -> Response<Bytes> {
        let error = ServiceError::new("Throttling.User", "Request was denied due to user flow control.");
        let mut response = refusal(self.request, &self.operation, &error);
        response.headers_mut().insert("x-acs-retry-after", HeaderValue::from_static(RETRY_AFTER));
        response
    }

    /// The answer of a service that is out of order.
    pub fn broken(&self) -> Response<Bytes> {
        let message = "The request has failed due to a temporary failure of the server.";
        refusal(self.request, &self.operation, &ServiceError::new("ServiceUnavailable", message))
    }

    /// Verifies who asks and answers.
    pub fn answer(&self, world: &mut World, surroundings: &mut Surroundings<'_>) -> Response<Bytes> {
        let call = format!("{}#{}", self.operation, surroundings.shuffle);
        match self.try_answer(world, surroundings) {
            Ok(body) => reply(StatusCode::OK, &request_id(&call), body),
            Err(error) => refusal(self.request, &call, &error),
        }
    }

    fn try_answer(&self, world: &mut World, surroundings: &mut Surroundings<'_>) -> Answer<Value> {
        let input = Input::new(&self.parameters);
        if self.service == Service::Sts && self.operation == "AssumeRoleWithOIDC" {
            return identities::assume_role_with_oidc(world, &input, &surroundings.clocks);
        }
        let who = self.identify(world, surroundings)?;
        if self.service != Service::Catalog && who.principal.deny.contains(&self.operation) {
            return Err(no_permission(self.service.name(), &self.operation));
        }
        match self.service {
            Service::Sts => identities::sts(world, &who, &self.operation, &input, &surroundings.clocks),
            Service::Ram => identities::ram(world, &who, &self.operation, &input),
            Service::Catalog => {
                let place = self.place(world, &who.principal)?;
                let session = ram::holder(world, &who.principal.arn);
                let caller = Caller { principal: who.principal, session, place };
                catalog::answer(world, &caller, &self.operation, &input)
            }
        }
    }

    /// The region stands in the host name; where it does not, the account's only or first region is meant.
    fn place(&self, world: &World, principal: &Principal) -> Answer<Place> {
        let account = principal.account.clone();
        let regions = world.catalog().accounts.get(&account).map(|a| &a.regions);
        let host = self.host();
        let region = match region_of(&host) {
            Some(named) => regions.and_then(|all| all.get(named)),
            None => regions.and_then(|all| all.first()),
        };
        let unknown = || ServiceError::new("InvalidRegionId.NotFound", "The service is not available in this region.");
        Ok(Place { account, region: region.cloned().ok_or_else(unknown)? })
    }

    fn identify(&self, world: &World, surroundings: &mut Surroundings<'_>) -> Answer<Who> {
        let get = |name: &str| self.parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        let header = |name: &str| acs3::header(self.request, name);
        let (key, date, nonce, token) = match &self.proof {
            Proof::V3(proof) => {
                let nonce = header("x-acs-signature-nonce");
                (Some(proof.access_key_id.clone()), header("x-acs-date"), nonce, header("x-acs-security-token"))
            }
            _ => (get("AccessKeyId"), get("Timestamp"), get("SignatureNonce"), get("SecurityToken")),
        };
        let key = key.ok_or_else(|| missing("AccessKeyId"))?;
        let date = date.ok_or_else(|| missing("Timestamp"))?;
        let nonce = nonce.filter(|n| !n.is_empty()).ok_or_else(|| missing("SignatureNonce"))?;
        let signed_at = parse_time(&date).ok_or_else(|| {
            ServiceError::new("InvalidTimeStamp.Format", "Specified time stamp or date value is not well formatted.")
        })?;
        let holder = key_holder(world, &key, token.as_deref())?;
        match &self.proof {
            Proof::V3(proof) => acs3::verify(self.request, proof, &holder.secret)?,
            Proof::V1 => rpc::verify(self.request, &self.parameters, &holder.secret)?,
            Proof::Unsigned => return Err(missing("Signature")),
        }
        let near = |now: &&Millis| now.abs_diff(signed_at) <= SKEW.unsigned_abs();
        let Some(now) = surroundings.clocks.iter().filter(near).max() else {
            let message = "Specified time stamp or date value is expired: it is more than 15 minutes off.";
            return Err(ServiceError::new("InvalidTimeStamp.Expired", message));
        };
        // A session ends by the clock that its holder goes by.
        if holder.who.principal.expired || holder.ends.is_some_and(|ends| *now > ends) {
            return Err(ServiceError::new("InvalidSecurityToken.Expired", "Specified SecurityToken is expired."));
        }
        if !surroundings.nonces.take(&format!("{key}/{nonce}"), signed_at, &surroundings.clocks) {
            return Err(ServiceError::new("SignatureNonceUsed", "Specified signature nonce was used already."));
        }
        Ok(holder.who)
    }
}

struct KeyHolder {
    who: Who,
    secret: String,
    /// When its session does.
    ends: Option<Millis>,
}

fn key_holder(world: &World, key: &str, token: Option<&str>) -> Answer<KeyHolder> {
    let unknown = || ServiceError::new("InvalidAccessKeyId.NotFound", "Specified access key is not found.");
    if let Some(principal) = world.principal_by_key(key) {
        if Cloud::of_account(&principal.account) != Cloud::Alibaba {
            return Err(unknown());
        }
        let who = Who { principal: principal.clone(), session_name: principal.name.clone() };
        return Ok(KeyHolder { who, secret: principal.secret_access_key.clone(), ends: None });
    }
    let token = token.ok_or_else(unknown)?;
    let session = redeem(world, token);
    let session = session
        .ok_or_else(|| ServiceError::new("InvalidSecurityToken.Malformed", "Specified SecurityToken is malformed."))?;
    if session.access_key_id != key || Cloud::of_account(&session.principal.account) != Cloud::Alibaba {
        let message = "Specified SecurityToken is not matched with the access key.";
        return Err(ServiceError::new("InvalidSecurityToken.MismatchWithAccessKey", message));
    }
    let who = Who { principal: session.principal.clone(), session_name: session.name };
    Ok(KeyHolder { who, secret: session.secret_access_key, ends: Some(session.expires) })
}

/// `servicecatalog.REGION.aliyuncs.com`, `servicecatalog-vpc.REGION.…`, `servicecatalog.REGION.localhost`.
fn region_of(host: &str) -> Option<&str> {
    let mut labels = host.split('.');
    let (product, region, rest) = (labels.next()?, labels.next()?, labels.next()?);
    let named = product.starts_with("servicecatalog") && region.contains('-') && !rest.is_empty();
    named.then_some(region)
}

fn no_permission(service: &str, operation: &str) -> ServiceError {
    let message = format!("You are not authorized to perform this operation. Action: {service}:{operation}");
    ServiceError::new("NoPermission", message)
}

fn status_of(code: &str) -> StatusCode {
    match code {
        "ServiceUnavailable" => StatusCode::SERVICE_UNAVAILABLE,
        "InternalFailure" | "InternalError" => StatusCode::INTERNAL_SERVER_ERROR,
        "NoPermission" => StatusCode::FORBIDDEN,
        _ if code.ends_with(".NotFound") || code.starts_with("EntityNotExist") => StatusCode::NOT_FOUND,
        _ => StatusCode::BAD_REQUEST,
    }
}

fn request_id(call: &str) -> String {
    ids::uuid(0, call).to_uppercase()
}

fn refusal(request: &Request<Bytes>, call: &str, error: &ServiceError) -> Response<Bytes> {
    let id = request_id(call);
    let body = json!({
        "HostId": acs3::header(request, "host").unwrap_or_default(),
        "Code": error.code,
        "Message": error.message,
        "Recommend": format!("https://api.aliyun.com/troubleshoot?q={}&requestId={id}", error.code),
    });
    reply(status_of(&error.code), &id, body)
}

fn reply(status: StatusCode, request_id: &str, mut body: Value) -> Response<Bytes> {
    body["RequestId"] = json!(request_id);
    let mut response = Response::new(Bytes::from(body.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json;charset=utf-8"));
    if let Ok(value) = HeaderValue::from_str(request_id) {
        headers.insert("x-acs-request-id", value);
    }
    response
}
