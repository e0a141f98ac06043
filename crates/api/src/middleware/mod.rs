//! What happens around every request.

pub(crate) mod compression;
pub(crate) mod drain;
pub(crate) mod headers;
pub(crate) mod http_metrics;
pub(crate) mod panic;
pub(crate) mod problem;
pub(crate) mod request_id;
pub(crate) mod trace;
