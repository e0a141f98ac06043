//! What happens around every request.

pub(crate) mod problem;
pub(crate) mod request_id;
