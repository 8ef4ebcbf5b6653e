//! `-v`: every request on stderr, by operation, with its answer and the time it took.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use bytes::Bytes;

use super::Outside;
use crate::seam::{Transport, TransportError};

struct Verbose(Arc<dyn Transport>);

/// The same doors, each request named on stderr.
pub fn wrap(outside: Outside) -> Outside {
    Outside { transport: transport(Arc::clone(&outside.transport)), ..outside }
}

pub fn transport(inner: Arc<dyn Transport>) -> Arc<dyn Transport> {
    Arc::new(Verbose(inner))
}

#[async_trait]
impl Transport for Verbose {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, TransportError> {
        let operation = operation(&request);
        let host = request.uri().host().unwrap_or_default().to_owned();
        let began = Instant::now();
        let answer = self.0.send(request).await;
        let outcome = match &answer {
            Ok(response) => response.status().as_u16().to_string(),
            Err(error) => error.to_string(),
        };
        eprintln!("{operation} {host} → {outcome} in {} ms", began.elapsed().as_millis());
        answer
    }
}

/// The operation of a request; bodies are not shown, because they hold parameters.
fn operation(request: &http::Request<Bytes>) -> String {
    if let Some(target) = request.headers().get("x-amz-target").and_then(|value| value.to_str().ok()) {
        return target.rsplit('.').next().unwrap_or(target).to_owned();
    }
    if let Some(action) = request.headers().get("x-acs-action").and_then(|value| value.to_str().ok()) {
        return action.to_owned();
    }
    let body = std::str::from_utf8(request.body()).unwrap_or_default();
    let action = body.split('&').find_map(|pair| pair.strip_prefix("Action="));
    action.map_or_else(|| request.method().to_string(), str::to_owned)
}
