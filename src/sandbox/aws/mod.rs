//! The AWS dialect: Service Catalog (JSON 1.1), CloudFormation and STS (Query), told apart by the service that a
//! request is signed for.

mod catalog;
mod cloudformation;
mod input;
mod products;
pub mod sigv4;
mod sts;
mod wire;
mod xml;

use bytes::Bytes;
use http::{Request, Response, StatusCode};

use super::codec::form;
use super::dialect::Surroundings;
use super::ids;
use super::session::redeem;
use super::world::model::{Cloud, Millis, Place, Principal, ServiceError};
use super::world::{Caller, World, access};
use sigv4::{Authorization, Refusal};

const TARGET_PREFIX: &str = "AWS242ServiceCatalogService.";

/// The services, by the name that requests are signed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Service {
    Catalog,
    CloudFormation,
    Sts,
}

/// A request whose service and operation are known and whose sender is not yet.
#[derive(Debug)]
pub struct Call<'a> {
    service: Service,
    /// What is asked for, as the client calls it.
    pub operation: String,
    authorization: Authorization,
    parameters: Vec<(String, String)>,
    request: &'a Request<Bytes>,
}

impl<'a> Call<'a> {
    /// Finds out what a request is for; an answer to it if that cannot be found out.
    pub fn read(request: &'a Request<Bytes>) -> Result<Call<'a>, Box<Response<Bytes>>> {
        let authorization =
            sigv4::authorization(request).map_err(|refusal| Box::new(refused(guess(request), &refusal)))?;
        let service = match authorization.service.as_str() {
            "servicecatalog" => Service::Catalog,
            "cloudformation" => Service::CloudFormation,
            "sts" => Service::Sts,
            other => {
                let error = ServiceError::new("UnknownOperationException", format!("no service {other} here"));
                return Err(Box::new(json_error(StatusCode::NOT_FOUND, &error)));
            }
        };
        let mut parameters = Vec::new();
        let operation = if service == Service::Catalog {
            let target = request.headers().get("x-amz-target").and_then(|value| value.to_str().ok());
            target.and_then(|target| target.strip_prefix(TARGET_PREFIX)).unwrap_or_default().to_owned()
        } else {
            let query = request.uri().query().unwrap_or_default().as_bytes();
            parameters = form(query);
            parameters.extend(form(request.body()));
            parameters.iter().find(|(key, _)| key == "Action").map(|(_, value)| value.clone()).unwrap_or_default()
        };
        Ok(Call { service, operation, authorization, parameters, request })
    }

    /// Whether the operation may change the world.
    pub fn is_write(&self) -> bool {
        self.service == Service::Catalog && access::WRITES.contains(&self.operation.as_str())
    }

    /// The answer of an overloaded service.
    pub fn throttled(&self) -> Response<Bytes> {
        let code = if self.service == Service::Catalog { "ThrottlingException" } else { "Throttling" };
        self.error(StatusCode::BAD_REQUEST, &ServiceError::new(code, "Rate exceeded"))
    }

    /// The answer of a service that is out of order.
    pub fn broken(&self) -> Response<Bytes> {
        let error = ServiceError::new("InternalFailure", "An internal error has occurred");
        self.error(StatusCode::INTERNAL_SERVER_ERROR, &error)
    }

    /// Verifies who asks and answers.
    pub fn answer(&self, world: &mut World, surroundings: &Surroundings<'_>) -> Response<Bytes> {
        let who = match identify(world, self.request, &self.authorization, &surroundings.clocks) {
            Ok(who) => who,
            Err(refusal) => return self.not_identified(&refusal),
        };
        if self.service == Service::Sts {
            return self.query(sts::answer(world, &who, &self.operation, &self.parameters, &surroundings.clocks));
        }
        let place = Place { account: who.principal.account.clone(), region: self.authorization.region.clone() };
        let accounts = &world.catalog().accounts;
        if !accounts.get(&place.account).is_some_and(|account| account.regions.contains(&place.region)) {
            return self.not_identified(&NotIdentified::Unknown);
        }
        let mut caller = Caller::new(&who.principal, &who.session_name, place);
        caller.session = who.session;
        if self.service == Service::CloudFormation {
            return self.query(cloudformation::answer(world, &caller, &self.operation, &self.parameters));
        }
        match catalog::answer(world, &caller, &self.operation, self.request.body(), surroundings.shuffle) {
            Ok(body) => response(StatusCode::OK, "application/x-amz-json-1.1", body),
            Err(error) => self.error(status_of(&error), &error),
        }
    }

    fn query(&self, answer: Result<String, ServiceError>) -> Response<Bytes> {
        match answer {
            Ok(body) => response(StatusCode::OK, "text/xml", body),
            Err(error) => self.error(status_of(&error), &error),
        }
    }

    fn error(&self, status: StatusCode, error: &ServiceError) -> Response<Bytes> {
        match self.service {
            Service::Catalog => json_error(status, error),
            Service::CloudFormation | Service::Sts => xml_error(status, error),
        }
    }

    fn not_identified(&self, why: &NotIdentified) -> Response<Bytes> {
        let json = self.service == Service::Catalog;
        let error = match why {
            NotIdentified::Refused(refusal) => return refused(json, refusal),
            NotIdentified::Unknown => ServiceError::new(
                if json { "UnrecognizedClientException" } else { "InvalidClientTokenId" },
                "The security token included in the request is invalid.",
            ),
            NotIdentified::ExpiredToken => ServiceError::new(
                if json { "ExpiredTokenException" } else { "ExpiredToken" },
                "The security token included in the request is expired",
            ),
        };
        self.error(StatusCode::FORBIDDEN, &error)
    }
}

fn status_of(error: &ServiceError) -> StatusCode {
    match error.code.as_ref() {
        "InternalFailure" => StatusCode::INTERNAL_SERVER_ERROR,
        "AccessDenied" => StatusCode::FORBIDDEN,
        _ => StatusCode::BAD_REQUEST,
    }
}

/// Whether a request that is not even signed looks like one for the catalog.
fn guess(request: &Request<Bytes>) -> bool {
    request.headers().contains_key("x-amz-target")
}

/// Who a request is from.
pub(in crate::sandbox) struct Who {
    pub principal: Principal,
    pub session_name: String,
    /// What STS calls it.
    pub session: String,
}

enum NotIdentified {
    Refused(Refusal),
    Unknown,
    ExpiredToken,
}

fn identify(
    world: &World,
    request: &Request<Bytes>,
    authorization: &Authorization,
    clocks: &[Millis],
) -> Result<Who, NotIdentified> {
    let token = request.headers().get("x-amz-security-token").and_then(|value| value.to_str().ok());
    let key = &authorization.access_key_id;
    let (principal, session_name, secret, expired) = match world.principal_by_key(key) {
        Some(principal) => {
            let secret = principal.secret_access_key.clone();
            (principal, principal.name.clone(), secret, principal.expired)
        }
        None => {
            let session = token.and_then(|token| redeem(world, token)).ok_or(NotIdentified::Unknown)?;
            if session.access_key_id != *key {
                return Err(NotIdentified::Unknown);
            }
            let expired = clocks.iter().all(|now| *now > session.expires) || session.principal.expired;
            (session.principal, session.name, session.secret_access_key, expired)
        }
    };
    // A key of the other cloud is none here.
    if Cloud::of_account(&principal.account) != Cloud::Aws {
        return Err(NotIdentified::Unknown);
    }
    sigv4::verify(request, authorization, &secret, clocks).map_err(NotIdentified::Refused)?;
    if expired {
        return Err(NotIdentified::ExpiredToken);
    }
    let session = access::session_arn(&principal.arn, &session_name);
    Ok(Who { principal: principal.clone(), session_name, session })
}

fn refused(json: bool, refusal: &Refusal) -> Response<Bytes> {
    let mismatch = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.";
    let wrong = if json { "InvalidSignatureException" } else { "SignatureDoesNotMatch" };
    let error = match refusal {
        Refusal::Missing if json => {
            ServiceError::new("MissingAuthenticationTokenException", "Missing Authentication Token")
        }
        Refusal::Missing => ServiceError::new("MissingAuthenticationToken", "Missing Authentication Token"),
        Refusal::Incomplete(message) if json => ServiceError::new("IncompleteSignatureException", message),
        Refusal::Incomplete(message) => ServiceError::new("IncompleteSignature", message),
        Refusal::Expired(message) => ServiceError::new(wrong, message),
        Refusal::Wrong => ServiceError::new(wrong, mismatch),
    };
    if json { json_error(StatusCode::FORBIDDEN, &error) } else { xml_error(StatusCode::FORBIDDEN, &error) }
}

fn json_error(status: StatusCode, error: &ServiceError) -> Response<Bytes> {
    let body = serde_json::json!({ "__type": error.code, "Message": error.message });
    response(status, "application/x-amz-json-1.1", body.to_string())
}

fn xml_error(status: StatusCode, error: &ServiceError) -> Response<Bytes> {
    let kind = if status.is_server_error() { "Receiver" } else { "Sender" };
    let mut body = xml::Xml::open("ErrorResponse");
    body.element("Error", |e| {
        e.text("Type", kind);
        e.text("Code", &error.code);
        e.text("Message", &error.message);
    });
    response(status, "text/xml", body.close())
}

fn response(status: StatusCode, content_type: &'static str, body: String) -> Response<Bytes> {
    let request_id = ids::uuid(0, &body);
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static(content_type));
    if let Ok(value) = http::HeaderValue::from_str(&request_id) {
        headers.insert("x-amzn-requestid", value);
    }
    response
}
