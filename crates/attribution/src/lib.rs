//! From counts to what may be said of driver versions: statistics, pure.
//!
//! A fleet is followed for some weeks. For each hardware model and week (a *stratum*) it is known on how many days
//! machines were seen, on how many of these they had a driver version, and which machines crashed (*cases*: one, the
//! first, a machine). [`verdict()`](verdict::verdict) says which version, if any, is behind the crashes, and how sure that is:
//!
//! ```text
//! counts ─► tally      checked, turned by candidate; risk cells
//!        ─► column     each version, "version ≥ Y", OS build: machine-days by stratum and its cases
//!        ─► examine    screen: observed, expected, IC025, rate ratio; merges what no count tells apart
//!        ─► likelihood who crashed among concurrent peers, and which models crash more; a curve over effects
//!        ─► calibration  systematic error, learnt from the candidates, nearly all of which are innocent
//!        ─► evidence   Bayes factor that allows for that error      dumps: likelihood ratio of whom dumps name
//!        ─► posterior  with "no driver explains this" as a hypothesis; credible set; then the next culprit
//!        ─► verdict    suspects in order, with the word that they deserve
//! ```
//!
//! Versions that were on the same machine-days and at the same cases cannot be told apart by any count; they are one
//! suspect with several names. Nothing here proves anything: the strongest word is "likely cause" until
//! [`confirm`](verdict::confirm) is shown a proof. [`rates`] compares two groups of machines, for what is shown beside a
//! verdict and for that proof.
//!
//! Sizes: a fleet of 5,000 machines takes some 50 ms; 4,000 strata, 4,000 candidates and 5,000 cases some seconds.

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
mod tally;
pub mod verdict;

pub use rate_ratio::RateRatio;
