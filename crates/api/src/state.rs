//! What all handlers share.

use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;

/// Handles that are cheap to clone, and the settings.
#[derive(Clone)]
pub struct AppState {
    /// Renders `/metrics`; its recorder is installed by the program.
    pub metrics: PrometheusHandle,
    /// What an operator can set.
    pub settings: Settings,
}

/// What an operator can set.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Largest upload, both as sent and inflated. 64 MiB unless set.
    pub max_dump_bytes: u64,
    /// Bytes of uploads held in memory at once, over all requests. 256 MiB unless set.
    pub inflight_bytes: u64,
    /// The address users reach the server at, without a slash at the end, e.g. `https://stopcode.example.com`.
    /// With `https` the session cookie is sent over TLS only.
    pub public_url: Option<String>,
    /// How long a body may stay silent. 30 s unless set.
    pub body_idle: Duration,
    /// How long a body may take as a whole. 10 minutes unless set.
    pub body_deadline: Duration,
    /// How long a request that sends no body may take. 30 s unless set.
    pub request_deadline: Duration,
    /// How long a first request for a verdict waits for it. 10 s unless set.
    pub verdict_wait: Duration,
    /// How often agents should look for something to upload. 15 minutes unless set.
    pub upload_interval: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            max_dump_bytes: 64 << 20,
            inflight_bytes: 256 << 20,
            public_url: None,
            body_idle: Duration::from_secs(30),
            body_deadline: Duration::from_mins(10),
            request_deadline: Duration::from_secs(30),
            verdict_wait: Duration::from_secs(10),
            upload_interval: Duration::from_mins(15),
        }
    }
}

impl Settings {
    /// Whether browsers reach the server over TLS only.
    pub fn is_https(&self) -> bool {
        self.public_url
            .as_deref()
            .is_some_and(|url| url.starts_with("https://"))
    }
}
