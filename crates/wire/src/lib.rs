//! The JSON that crosses a boundary: between agents, fleets and the API, and between analysis and the tables.
//!
//! Shapes only. Nothing in here computes, reads a file, or knows of HTTP or SQL. Names are those of the HTTP
//! contract: `snake_case`, times in RFC 3339 UTC, 64-bit values as lower-case hex strings, stop codes as `"0x76"`.
//!
//! | Module | What it has |
//! |---|---|
//! | [`report`] | what a dump says: the crash report |
//! | [`crash`] | crashes as lists show them |
//! | [`dump`] | an uploaded dump and where it stands |
//! | [`inventory`] | what a machine is and which drivers it has; the days it was on |
//! | [`import`] | lines of imported history |
//! | [`stop_code`] | stop codes seen in the fleet, and what they mean |
//! | [`suspects`] | the ranking of driver versions for one stop code |
//! | [`driver`] | drivers and their versions across the fleet |
//! | [`fleet`] | the fleet as a whole, week by week |
//! | [`experiment`] | locked pages tracked on a few machines, and what came of it |
//! | [`model`] | hardware models and how they fare |
//! | [`observed`] | machine-days, crashes, and the rate between them |
//! | [`machine`] | machines and what happened to them |
//! | [`policy`] | how an agent joins, what it tells daily, what it is asked to do |
//! | [`symbols`] | symbol files: keys, what the server has, what it misses |
//! | [`token`] | access tokens |
//! | [`audit`] | what was done that needs an answer later |
//! | [`webhook`] | who is told of alerts, and what is told |
//! | [`page`] | one page of a list |
//! | [`problem`] | what an error looks like (RFC 9457) |

#![forbid(unsafe_code)]

pub mod audit;
pub mod crash;
mod day;
pub mod driver;
pub mod dump;
pub mod experiment;
pub mod fleet;
mod hex;
pub mod import;
pub mod inventory;
pub mod machine;
pub mod model;
pub mod observed;
pub mod page;
pub mod policy;
pub mod problem;
pub mod report;
pub mod stop_code;
pub mod suspects;
pub mod symbols;
pub mod token;
pub mod webhook;

pub use hex::Hex;
pub use stop_code::StopCodeNumber;
