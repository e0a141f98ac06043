//! The API's handlers, a file per subject.

pub(crate) mod agents;
pub(crate) mod audit;
pub(crate) mod breakpad;
pub(crate) mod crashes;
pub(crate) mod drivers;
pub(crate) mod dumps;
pub(crate) mod enrolment;
pub(crate) mod events;
pub(crate) mod experiments;
pub(crate) mod fleet;
pub(crate) mod health;
pub(crate) mod import;
pub(crate) mod inventory;
pub(crate) mod machines;
pub(crate) mod models;
pub(crate) mod parts;
pub(crate) mod stop_codes;
pub(crate) mod suspects;
pub(crate) mod symbols;
pub(crate) mod tokens;
pub(crate) mod uploads;
pub(crate) mod webhooks;
