//! Stop codes: what they mean and how they spread over the fleet.

mod detail;
mod dictionary;
mod list;

pub use detail::{Share, StopCodeDetail, detail};
pub use dictionary::{StopCodeEntry, names, upsert_dictionary};
pub use list::{DayCount, StopCodeCount, list};
