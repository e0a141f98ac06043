//! From the store's types to the JSON of the contract, and the columns of its tables.

pub(crate) mod audit;
pub(crate) mod crash;
pub(crate) mod driver;
pub(crate) mod dump;
pub(crate) mod event;
pub(crate) mod experiment;
pub(crate) mod fleet;
pub(crate) mod import;
pub(crate) mod inventory;
pub(crate) mod machine;
pub(crate) mod model;
pub(crate) mod observed;
pub(crate) mod parts;
pub(crate) mod stop_code;
pub(crate) mod suspects;
pub(crate) mod symbols;
pub(crate) mod token;
pub(crate) mod webhook;
