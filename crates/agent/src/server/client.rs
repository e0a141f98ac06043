//! The connection: TLS by rustls and ring, a proxy if there is one, no redirects, and no answer longer than a bound.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use ureq::http::Request;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Proxy, SendBody};

use super::{Answer, Trouble};
use crate::config::{Config, Secret};

/// The most bytes of an answer that are read.
const ANSWER_MOST: u64 = 256 << 10;

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(30);

/// How long the server may think, and how long its answer may take to arrive.
const ANSWER: Duration = Duration::from_mins(2);

/// The largest file of certificates, in bytes.
const CERTIFICATES_MOST: u64 = 4 << 20;

/// Sends requests to one server.
#[derive(Debug)]
pub(crate) struct Client {
    agent: ureq::Agent,
    server: String,
}

impl Client {
    /// A client of the configured server. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// When the proxy or the file of certificates cannot be used.
    pub(crate) fn new(config: &Config) -> Result<Self> {
        let server = config
            .server
            .clone()
            .context("no server is configured: set STOPCODE_SERVER or `server`")?;
        let roots = match &config.ca_file {
            Some(path) => certificates(path)?,
            None => RootCerts::WebPki,
        };
        let mut builder = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("stopcode-agent/", env!("CARGO_PKG_VERSION")))
            .timeout_resolve(Some(CONNECT))
            .timeout_connect(Some(CONNECT))
            .timeout_per_write(Some(ANSWER))
            .timeout_recv_response(Some(ANSWER))
            .timeout_recv_body(Some(ANSWER))
            .max_idle_age(Duration::from_secs(30))
            .tls_config(TlsConfig::builder().root_certs(roots).build());
        if let Some(proxy) = &config.proxy {
            // The address is not repeated: it may hold a password.
            let proxy = Proxy::new(proxy)
                .ok()
                .context("the proxy's address is not understood")?;
            builder = builder.proxy(Some(proxy));
        }
        Ok(Self {
            agent: builder.build().into(),
            server,
        })
    }

    /// Asks whether something is there, without a body.
    pub(crate) fn head(&self, path: &str, token: &Secret) -> Result<Answer, Trouble> {
        self.send("HEAD", path, token, SendBody::none())
    }

    /// Sends JSON.
    pub(crate) fn json(
        &self,
        method: &str,
        path: &str,
        token: &Secret,
        body: &impl Serialize,
    ) -> Result<Answer, Trouble> {
        let bytes = serde_json::to_vec(body).map_err(|error| unreachable(&error))?;
        let mut reader = bytes.as_slice();
        self.send_with(
            method,
            path,
            token,
            &mut Body {
                reader: &mut reader,
                length: Some(bytes.len()),
                headers: &[("content-type", "application/json")],
            },
        )
    }

    /// Sends a gzip stream of unknown length.
    pub(crate) fn stream(
        &self,
        path: &str,
        token: &Secret,
        reader: &mut dyn Read,
    ) -> Result<Answer, Trouble> {
        self.send_with(
            "POST",
            path,
            token,
            &mut Body {
                reader,
                length: None,
                headers: &[
                    ("content-type", "application/octet-stream"),
                    ("content-encoding", "gzip"),
                ],
            },
        )
    }

    fn send_with(
        &self,
        method: &str,
        path: &str,
        token: &Secret,
        body: &mut Body<'_>,
    ) -> Result<Answer, Trouble> {
        let mut request = self.request(method, path, token);
        for (name, value) in body.headers {
            request = request.header(*name, *value);
        }
        if let Some(length) = body.length {
            request = request.header("content-length", length);
        }
        self.run(request.body(SendBody::from_reader(body.reader)))
    }

    fn send(&self, method: &str, path: &str, token: &Secret, body: SendBody<'_>) -> Result<Answer, Trouble> {
        self.run(self.request(method, path, token).body(body))
    }

    fn request(&self, method: &str, path: &str, token: &Secret) -> ureq::http::request::Builder {
        Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.server))
            .header("authorization", format!("Bearer {}", token.reveal()))
            .header("accept", "application/json")
    }

    fn run(&self, request: Result<Request<SendBody<'_>>, ureq::http::Error>) -> Result<Answer, Trouble> {
        let request = request.map_err(|error| unreachable(&error))?;
        let mut response = self.agent.run(request).map_err(|error| unreachable(&error))?;
        let status = response.status().as_u16();
        let retry_after = response.headers().get("retry-after");
        let retry_after = retry_after
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        let mut body = Vec::new();
        // An answer that never ends is cut: what was read of it is then no JSON and is nonsense to the caller.
        let read = response
            .body_mut()
            .as_reader()
            .take(ANSWER_MOST)
            .read_to_end(&mut body);
        read.map_err(|error| unreachable(&error))?;
        Ok(Answer {
            status,
            retry_after,
            body,
        })
    }
}

struct Body<'a> {
    reader: &'a mut dyn Read,
    length: Option<usize>,
    headers: &'a [(&'a str, &'a str)],
}

/// `text` as one segment of a path or one value of a query.
pub(crate) fn escaped(text: &str) -> String {
    use std::fmt::Write;
    text.bytes().fold(String::new(), |mut escaped, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}"); // writing to a String cannot fail
        }
        escaped
    })
}

fn unreachable(error: &dyn std::error::Error) -> Trouble {
    let mut reason = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        reason = format!("{reason}: {error}");
        cause = error.source();
    }
    Trouble::Unreachable { reason }
}

fn certificates(path: &Path) -> Result<RootCerts> {
    let about = || format!("cannot read the certificates of {}", path.display());
    ensure!(
        std::fs::metadata(path).with_context(about)?.len() <= CERTIFICATES_MOST,
        "{}: too large",
        about()
    );
    let pem = std::fs::read(path).with_context(about)?;
    let mut certificates = Vec::new();
    for item in parse_pem(&pem) {
        if let PemItem::Certificate(certificate) = item.with_context(about)? {
            certificates.push(certificate);
        }
    }
    ensure!(!certificates.is_empty(), "{}: there is none in it", about());
    Ok(RootCerts::Specific(Arc::new(certificates)))
}

#[cfg(test)]
mod tests {
    use super::{certificates, escaped};

    #[test]
    fn a_machine_id_cannot_leave_its_place_in_the_path() {
        assert_eq!(escaped("PC-0042.corp"), "PC-0042.corp");
        assert_eq!(escaped("../a?b=ü"), "..%2Fa%3Fb%3D%C3%BC");
    }

    #[test]
    fn a_file_without_certificates_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        std::fs::write(&path, "nothing").unwrap();
        let error = certificates(&path).unwrap_err().to_string();
        assert!(error.contains("there is none"), "{error}");
    }
}
