//! Signature Version 4, by `aws-sigv4`.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign as sigv4};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use http::{HeaderValue, Request, header};

/// Adds `Host`, `X-Amz-Date`, `Authorization` and, for temporary credentials, `X-Amz-Security-Token`.
///
/// The text of an error names no part of the credentials.
pub(super) fn sign(
    request: &mut Request<Bytes>,
    credentials: &Credentials,
    region: &str,
    service: &str,
    now: SystemTime,
) -> Result<(), String> {
    let host = request.uri().authority().map(|a| a.as_str().to_owned()).ok_or("the endpoint has no host")?;
    let host = HeaderValue::from_str(&host).map_err(|_| "the endpoint's host is not valid")?;
    request.headers_mut().insert(header::HOST, host);

    let identity = credentials.clone().into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service)
        .time(now)
        .settings(SigningSettings::default())
        .build()
        .map_err(|error| error.to_string())?
        .into();
    let uri = request.uri().to_string();
    let headers: Vec<(&str, &str)> = request
        .headers()
        .iter()
        .map(|(name, value)| value.to_str().map(|value| (name.as_str(), value)))
        .collect::<Result<_, _>>()
        .map_err(|error| error.to_string())?;
    let signable = SignableRequest::new("POST", uri, headers.into_iter(), SignableBody::Bytes(request.body()))
        .map_err(|error| error.to_string())?;
    let (instructions, _signature) = sigv4(signable, &params).map_err(|error| error.to_string())?.into_parts();

    // Not `apply_to_request_http1x`: it panics over a session token that is no header value, and tokens come from
    // files that people edit.
    let (added, _query) = instructions.into_parts();
    for header in added {
        let mut value = HeaderValue::from_str(header.value())
            .map_err(|_| format!("`{}` would hold characters that a header cannot", header.name()))?;
        value.set_sensitive(true);
        request.headers_mut().insert(header.name(), value);
    }
    Ok(())
}

#[cfg(test)]
#[path = "tests/sign.rs"]
mod tests;
