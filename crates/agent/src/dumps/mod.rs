//! Finding dumps: where they lie ([`folders`]), what they are ([`kind`]), whether they are whole ([`Sightings`]), and
//! keeping them while the server is away ([`spool`]).
//!
//! Nothing here sends, and nothing here removes a file that the agent did not make.

pub(crate) mod folders;
pub(crate) mod kind;
mod sightings;
pub(crate) mod spool;

pub(crate) use self::sightings::{Sightings, Waits};
