//! The domain and its Postgres tables: all SQL of the program lives in here.
//!
//! Functions take a `&mut PgConnection`, so that the caller owns the transaction, and give back domain types. Not
//! found is `Ok(None)`. Nothing in here knows of HTTP or of the JSON that crosses it.
//!
//! | Module | What it has |
//! |---|---|
//! | [`machines`] | machines, their list, their timeline |
//! | [`drivers`] | drivers, their versions and images; resolving what inventories and dumps name |
//! | [`driver_sets`] | combinations of driver versions, stored once by their hash |
//! | [`inventories`] | which machine had which drivers when |
//! | [`presence`] | the days machines were on: the denominator of every rate |
//! | [`import`] | history in bulk |
//! | [`exposure`] | the counts that verdicts are computed from |
//! | [`verdicts`] | the computed rankings |
//! | [`stop_codes`] | stop codes, what they mean and how they spread |
//! | [`fleet`] | figures for the whole fleet |

#![forbid(unsafe_code)]

pub mod driver_sets;
pub mod drivers;
mod error;
pub mod exposure;
pub mod fleet;
pub mod import;
pub mod inventories;
pub mod machines;
mod page;
pub mod presence;
pub mod stop_codes;
pub mod verdicts;
mod window;

pub use error::Error;
pub use machines::MachineId;
pub use page::Page;
pub use window::Window;
