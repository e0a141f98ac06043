//! Writes kernel dumps byte by byte and invents fleets from a seed.
//!
//! Everything in here is test and demonstration data. The dump writer follows the written description of the format and
//! nothing else: it shares no constant, no structure and no code with the `kdump` reader. A wrong offset in one of the two
//! therefore shows as a failing test instead of cancelling out.
//!
//! | Module | What it has |
//! |---|---|
//! | [`dump`] | a description of a crash, and its bytes in the forms that Windows writes |
//! | [`scenarios`] | ready-made crashes: the stop codes that matter, each on a boot of its own |
//! | [`fleet`] | machines, drivers, rollouts, presence and crashes of a whole invented company |
//!
//! The same description or seed always gives the same bytes.
//!
//! ```
//! use synth::scenarios::{self, Scene};
//!
//! let dump = scenarios::locked_pages_at_exit(&Scene::sample(7)).to_bytes();
//! assert_eq!(&dump[..8], b"PAGEDU64");
//! assert_eq!(dump[0x38], 0x76); // BugCheckCode of a 64-bit header
//! ```

#![forbid(unsafe_code)]

pub mod dump;
pub mod fleet;
mod in_box;
pub mod scenarios;
