//! The sandbox on a port, for any client of the service.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;

use super::{Pace, Sandbox, real_now};
use crate::problem::Problem;
use crate::seam::{Transport, TransportError};

/// More than any request that the service takes.
const BODY_LIMIT_BYTES: usize = 4 << 20;
/// How long a client may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(30);

/// Serves the world kept in `state`, or a new one from `seed`, until it is cancelled.
///
/// The world's time begins at the real time (or later, if the world is ahead of it) and runs `time_scale` times as fast.
/// `on_ready` is told the address, with the port that was chosen if `listen` has port 0.
pub async fn serve(
    listen: SocketAddr,
    seed: &Path,
    state: &Path,
    time_scale: f64,
    on_ready: impl FnOnce(SocketAddr),
) -> Result<(), Problem> {
    if !time_scale.is_finite() || time_scale <= 0.0 {
        return Err(Problem::input("the time scale must be a number above 0"));
    }
    let sandbox = Sandbox::open(seed, state)?;
    sandbox.start_serving(time_scale)?;
    let cannot = |error: std::io::Error| {
        Problem::failed(format!("cannot listen on {listen}: {error}")).hint("choose another address with --listen")
    };
    let listener = TcpListener::bind(listen).await.map_err(cannot)?;
    on_ready(listener.local_addr().map_err(cannot)?);
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Too many open files, for instance: it passes, and spinning does not help.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let sandbox = sandbox.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(sandbox.clone(), request));
            // A connection that ends badly is the client's business, and often the fault that the seed asked for.
            let _ = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(PATIENCE)
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

impl Sandbox {
    /// Becomes the world's only writer and lets time run.
    fn start_serving(&self, scale: f64) -> Result<(), Problem> {
        let mut inner = self.inner();
        inner.become_writer()?;
        let base = real_now().max(inner.world.now());
        inner.pace = Pace::Real { since: Instant::now(), base, scale };
        Ok(())
    }
}

/// A reply that was lost: the connection is closed without one.
#[derive(Debug, thiserror::Error)]
#[error("the connection is closed on purpose")]
struct Closed;

async fn answer(sandbox: Sandbox, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Closed> {
    let (parts, body) = request.into_parts();
    let collected = tokio::time::timeout(PATIENCE, Limited::new(body, BODY_LIMIT_BYTES).collect()).await;
    let body = match collected {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.downcast_ref::<LengthLimitError>().is_some() => {
            return Ok(plain(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLargeException"));
        }
        Ok(Err(_)) => return Ok(plain(StatusCode::BAD_REQUEST, "SerializationException")),
        Err(_) => return Ok(plain(StatusCode::REQUEST_TIMEOUT, "RequestTimeoutException")),
    };
    match sandbox.send(Request::from_parts(parts, body)).await {
        Ok(response) => Ok(response.map(Full::new)),
        Err(TransportError::Lost(_)) => Err(Closed),
        Err(TransportError::NotSent(_)) => Ok(plain(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailableException")),
    }
}

fn plain(status: StatusCode, code: &str) -> Response<Full<Bytes>> {
    let body = serde_json::json!({ "__type": code, "Message": status.canonical_reason() });
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    let json = http::HeaderValue::from_static("application/x-amz-json-1.1");
    response.headers_mut().insert(http::header::CONTENT_TYPE, json);
    response
}
