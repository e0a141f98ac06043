//! The counts that a verdict is computed from: who had what for how long, and who crashed with it.
//!
//! ```text
//! presence ──┬─ weeks that are over: rolled up once ──► cells (model × week), packed ──┐
//!            └─ open weeks: summed per set, sets streamed once, added in memory ───────┤
//! crashes ───── first of each machine: what it had ── its days after that taken off ───┴─► columns by candidate
//! ```
//!
//! Only days with presence and known drivers are counted, on both sides of the fraction: a crash on another day has
//! no denominator and is counted apart. So are crashes from before a machine's first presence, which are history.

mod candidates;
mod cases;
mod cells;
mod censor;
mod columns;
mod evidence;
mod footprint;
mod history;
mod naming;
mod packed;
mod peers;
mod rate;
mod roll_up;
mod safe;
mod shared;
mod snapshot;
mod tally;
mod weights;

use sqlx::{Connection, PgConnection};
use time::{Date, OffsetDateTime};

use crate::{Error, MachineId, Window};
pub(crate) use evidence::SURELY_NAMED;
pub use evidence::{DirectEvidence, direct_evidence};
pub(crate) use footprint::{
    Counter, Crashed, Footprint, ModelFootprint, footprint, machine_days_by_model, model_footprint,
};
pub use history::{HISTORIES, History, Rate, Rollback, Switchers, histories};
pub use naming::Naming;
pub use rate::{Observed, Per1000, rate_upper_bound};
pub use roll_up::roll_up_due;
pub use safe::SafeVersion;
pub use shared::{Facet, FacetKind, shared};
pub(crate) use weights::for_each_set;

/// Exposure and crashes of one stop code in a window.
#[derive(Debug, Clone, PartialEq)]
pub struct Counts {
    /// The days counted.
    pub window: Window,
    /// Hardware model × week, in which crash rates are compared.
    pub strata: Vec<Stratum>,
    /// Driver versions by id, then Windows builds: all that some machine had.
    pub candidates: Vec<Candidate>,
    /// One entry per machine that crashed: its first crash with exposure in the window.
    pub cases: Vec<Case>,
    /// The site cells that some case is in. Empty if machines tell no sites.
    pub peers: Vec<Peers>,
    /// Crashes with this stop code in the window that count, several of one machine included.
    pub crashes: u64,
    /// Those of them on days without presence, or of machines with unknown drivers; never used in a rate.
    pub crashes_without_exposure: u64,
    /// Machine-days over all strata.
    pub machine_days: u64,
}

/// One hardware model in one week.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stratum {
    /// The hardware model; `None` for machines that told none.
    pub model_id: Option<i32>,
    /// Monday of the week.
    pub week: Date,
    /// Machine-days.
    pub machine_days: u64,
}

/// Something that machines have and that may make them crash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// What it is.
    pub feature: Feature,
    /// Where it comes from.
    pub origin: Origin,
    /// Whether it was first seen within the last 30 days of the window.
    pub changed_recently: bool,
    /// Index into [`Counts::strata`] and machine-days there, ascending, none of them 0.
    pub machine_days: Vec<(u32, u32)>,
    /// How often dumps of other stop codes name it.
    pub named_elsewhere: Naming,
}

/// What a candidate is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Feature {
    /// A version of a driver.
    Driver {
        /// The version, never a merged placeholder.
        version: i32,
        /// Its driver.
        driver: i32,
        /// Its rank among the versions of the driver here, the oldest 0; `None` for a placeholder, whose version is
        /// not known.
        order: Option<u32>,
    },
    /// A build of Windows.
    OsBuild(i32),
}

/// Where a driver comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// A vendor other than Microsoft.
    ThirdParty,
    /// Windows itself.
    InBox,
    /// Nobody told.
    Unknown,
}

/// A machine that crashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// The machine.
    pub machine: MachineId,
    /// When it crashed.
    pub crashed_at: OffsetDateTime,
    /// Index into [`Counts::strata`].
    pub stratum: u32,
    /// Index into [`Counts::peers`]; `None` if its site is not known or too small to be kept.
    pub peers: Option<u32>,
    /// Indices into [`Counts::candidates`] of what it had, ascending.
    pub candidates: Vec<u32>,
    /// Those of them that its dump points at; `None` if no dump was read.
    pub named: Option<Vec<u32>>,
}

/// The machines of one site in one stratum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peers {
    /// Index into [`Counts::strata`].
    pub stratum: u32,
    /// Machine-days.
    pub machine_days: u64,
    /// Index into [`Counts::candidates`] and machine-days, ascending.
    pub candidates: Vec<(u32, u32)>,
}

impl Counts {
    /// The place of a driver version among the candidates; `None` if nobody had it.
    pub fn version(&self, driver_version_id: i32) -> Option<usize> {
        let id = |candidate: &Candidate| match candidate.feature {
            Feature::Driver { version, .. } => version,
            Feature::OsBuild(_) => i32::MAX,
        };
        let place = self
            .candidates
            .binary_search_by_key(&driver_version_id, id)
            .ok()?;
        Some(place)
    }

    /// Machine-days of a candidate over all strata.
    pub fn days_of(&self, candidate: usize) -> u64 {
        let column = self.candidates.get(candidate);
        let days = column.into_iter().flat_map(|candidate| &candidate.machine_days);
        days.map(|(_, days)| u64::from(*days)).sum()
    }
}

/// Exposure and crashes of one stop code in a window.
///
/// A machine is counted until its first crash with exposure; its days after that are no exposure. The connection must
/// not be in a transaction: everything is read from one snapshot.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.exposure.counts", skip_all, fields(stop_code))]
pub async fn counts(conn: &mut PgConnection, stop_code: u32, window: Window) -> Result<Counts, Error> {
    let mut transaction = conn
        .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        .await?;
    let counts = snapshot::counts(&mut transaction, stop_code, window).await?;
    transaction.commit().await?;
    Ok(counts)
}
