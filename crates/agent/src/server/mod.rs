//! The server, as the agent sees it: one request at a time, every answer bounded, every failure in words.
//!
//! What the requests say is with those who send them (`agent`); here are the connection ([`Client`]), what an answer
//! means ([`Trouble`]), the body of an upload ([`upload`]) and the token ([`token`]).

mod answer;
mod client;
mod token;
pub(crate) mod upload;

pub(crate) use self::answer::{Answer, Trouble};
pub(crate) use self::client::{Client, escaped};
pub(crate) use self::token::Credentials;
