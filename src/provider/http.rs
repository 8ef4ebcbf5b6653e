//! [`Transport`] over the network: reqwest with rustls.

use std::error::Error;
use std::sync::OnceLock;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};

use crate::seam::{Transport, TransportError};

/// How long a TCP and TLS connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long one request may take in all. Long-running work is a record that is polled, never a slow reply.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
/// No reply of the services that are spoken to comes near this; it keeps a broken server from filling the memory.
const LARGEST_REPLY_BYTES: usize = 64 * 1024 * 1024;

/// Sends requests over the network. `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` are respected, redirects are not
/// followed (no service sends one, and a signed request must not be carried elsewhere).
///
/// The client is made at the first request, because a machine without CA certificates can still use the sandbox.
#[derive(Debug, Default)]
pub struct Http {
    client: OnceLock<Result<reqwest::Client, String>>,
}

impl Http {
    /// No I/O happens here.
    #[must_use]
    pub fn new() -> Self {
        Http::default()
    }

    fn client(&self) -> Result<&reqwest::Client, TransportError> {
        let made = self.client.get_or_init(|| {
            // An error says that a provider is installed already, which is as good.
            let _ = rustls::crypto::ring::default_provider().install_default();
            reqwest::Client::builder()
                .connect_timeout(CONNECT_TIMEOUT)
                .timeout(REQUEST_TIMEOUT)
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .map_err(|error| chain(&error))
        });
        made.as_ref().map_err(|text| TransportError::NotSent(text.clone()))
    }
}

#[async_trait]
impl Transport for Http {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, TransportError> {
        let client = self.client()?;
        let request = reqwest::Request::try_from(request).map_err(|e| TransportError::NotSent(chain(&e)))?;
        let mut reply = client.execute(request).await.map_err(|error| failure(&error))?;

        let mut response = http::Response::builder().status(reply.status());
        if let Some(headers) = response.headers_mut() {
            *headers = reply.headers().clone();
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = reply.chunk().await.map_err(|error| TransportError::Lost(chain(&error)))? {
            if body.len() + chunk.len() > LARGEST_REPLY_BYTES {
                return Err(TransportError::Lost(format!("the reply is larger than {LARGEST_REPLY_BYTES} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        response.body(body.freeze()).map_err(|error| TransportError::Lost(error.to_string()))
    }
}

/// A request that found no connection (DNS, TCP, TLS, a proxy that refuses) was not sent. For everything later nobody
/// here can tell how far it got.
fn failure(error: &reqwest::Error) -> TransportError {
    if error.is_connect() || error.is_builder() {
        TransportError::NotSent(chain(error))
    } else {
        TransportError::Lost(chain(error))
    }
}

/// An error with its causes: reqwest's own text is only "error sending request".
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let line = error.to_string();
        if !text.contains(&line) {
            text.push_str(": ");
            text.push_str(&line);
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(uri: &str) -> http::Request<Bytes> {
        http::Request::post(uri).body(Bytes::from_static(b"{}")).expect("a valid request")
    }

    fn run<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
    }

    #[test]
    fn a_refused_connection_was_not_sent() {
        run(async {
            let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let address = free.local_addr().expect("an address");
            drop(free);
            let error = Http::new().send(request(&format!("http://{address}/"))).await.expect_err("nobody listens");
            assert!(matches!(error, TransportError::NotSent(_)), "{error:?}");
        });
    }

    #[test]
    fn a_connection_that_is_cut_after_the_request_is_lost() {
        use tokio::io::AsyncReadExt;
        run(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let address = listener.local_addr().expect("an address");
            let server = tokio::spawn(async move {
                let (mut stream, _) = listener.accept().await.expect("a client");
                let mut read = [0_u8; 16];
                let _ = stream.read(&mut read).await;
            });
            let error = Http::new().send(request(&format!("http://{address}/"))).await.expect_err("it hangs up");
            assert!(matches!(error, TransportError::Lost(_)), "{error:?}");
            server.await.expect("the server ends");
        });
    }

    #[test]
    fn a_reply_keeps_status_headers_and_body_and_no_redirect_is_followed() {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        run(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let address = listener.local_addr().expect("an address");
            let server = tokio::spawn(async move {
                let (mut stream, _) = listener.accept().await.expect("a client");
                let mut read = [0_u8; 4096];
                let _ = stream.read(&mut read).await;
                let reply = "HTTP/1.1 302 Found\r\nLocation: http://example.invalid/\r\nContent-Length: 2\r\n\r\nhi";
                stream.write_all(reply.as_bytes()).await.expect("written");
            });
            let reply = Http::new().send(request(&format!("http://{address}/"))).await.expect("a reply");
            assert_eq!(reply.status(), 302);
            assert_eq!(reply.headers()["location"], "http://example.invalid/");
            assert_eq!(reply.body().as_ref(), b"hi");
            server.await.expect("the server ends");
        });
    }
}
