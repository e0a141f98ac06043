//! What happens around every request.

pub(crate) mod compression;
pub(crate) mod cors;
pub(crate) mod drain;
pub(crate) mod headers;
pub(crate) mod http_metrics;
pub(crate) mod panic;
pub(crate) mod parameters;
pub(crate) mod problem;
pub(crate) mod rate_limit;
pub(crate) mod request_id;
pub(crate) mod trace;
pub(crate) mod validators;
