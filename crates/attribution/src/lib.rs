//! From counts to what may be said of driver versions: statistics, pure.
//!
//! A fleet is followed for some weeks. For each hardware model and week (a *stratum*) it is known on how many days
//! machines were seen, on how many of these they had a driver version, and which machines crashed (*cases*: one, the
//! first, a machine). [`screen`] asks of each version whether machines that have it crash more than their share:
//!
//! * the shrunk log ratio of observed to expected cases and its lower bound, IC025 ([`information`]): what ranks;
//! * the rate ratio within strata and its 95 % interval ([`rate_ratio`]): what is shown, and what keeps a version from
//!   being named only because it sits on a model or in a week that crashes more.
//!
//! Versions that were on the same machine-days and at the same cases cannot be told apart by any count; they are one
//! candidate with several names.
//!
//! This is the first step of a longer method. Alone it cannot tell a culprit from what is installed beside it, so the
//! strongest word it may say is [`Word::Associated`].

#![forbid(unsafe_code)]

mod calibration;
mod column;
pub mod counts;
mod dumps;
mod evidence;
mod examine;
pub mod information;
mod likelihood;
mod numerics;
mod posterior;
mod prior;
pub mod rate_ratio;
pub mod rates;
mod screen;
mod tally;
pub mod verdict;

pub use rate_ratio::RateRatio;
pub use screen::{
    Candidate, Case, Counts, FEWEST_CASES, FEWEST_MACHINE_DAYS, Screen, Screened, Stratum, Word, screen,
};
