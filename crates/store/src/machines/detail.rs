//! One machine with its drivers and its timeline.

use std::collections::HashMap;

use serde_json::Value;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::changes::{self, Difference, DriverChange, Life};
use super::{MachineId, MachineSummary, list};
use crate::agents::{self, Agent};
use crate::{Error, ExperimentId, driver_sets, drivers, stop_codes};

/// Most crashes, and most inventories, of a timeline.
const TIMELINE: i64 = 200;

/// One machine with everything known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineDetail {
    /// What the list shows.
    pub summary: MachineSummary,
    /// Its agent, as it told at its last check-in.
    pub agent: Option<Agent>,
    /// Whether and how it can write dumps, as its agent found it. Stored and shown, never read here.
    pub crash_control: Option<Value>,
    /// The running experiment that it is in.
    pub experiment: Option<ExperimentId>,
    /// Loaded drivers by its latest inventory, by name.
    pub drivers: Vec<InstalledDriver>,
    /// Crashes and changes of drivers, newest first; the latest 200 of each.
    pub timeline: Vec<TimelineEntry>,
}

/// A driver that a machine has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct InstalledDriver {
    /// Base name, lower case.
    pub name: String,
    /// File version.
    pub version: Option<String>,
    /// Company.
    pub company: Option<String>,
}

/// Something that happened to a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TimelineEntry {
    /// It crashed.
    Crash {
        /// When.
        at: OffsetDateTime,
        /// The crash.
        id: Uuid,
        /// The stop code, for kernel crashes.
        stop_code: Option<u32>,
        /// The signature.
        signature: String,
    },
    /// Its drivers changed.
    DriversChanged {
        /// When the inventory was taken.
        at: OffsetDateTime,
        /// Versions that came.
        added: Vec<InstalledDriver>,
        /// Versions that went.
        removed: Vec<InstalledDriver>,
        /// The same by driver, with what was seen before and after.
        changes: Vec<DriverChange>,
    },
}

/// The machine that its client calls `name`, or `None` if it was never heard of.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.machines.detail", skip_all)]
pub async fn detail(conn: &mut PgConnection, name: &str) -> Result<Option<MachineDetail>, Error> {
    let id = MachineId::of(name);
    let Some(summary) = list::summary(conn, id).await? else {
        return Ok(None);
    };
    let changes = changes_of(conn, id).await?;
    let Current {
        driver_set_id,
        crash_control,
        experiment,
    } = current(conn, id).await?;
    let current = driver_sets::members(conn, driver_set_id)
        .await?
        .unwrap_or_default();
    let told = changes
        .iter()
        .flat_map(|change| change.added.iter().chain(&change.removed));
    let mut versions: Vec<i32> = told.chain(&current).copied().collect();
    versions.sort_unstable();
    versions.dedup();
    let known = installed(conn, &versions).await?;
    let named = |versions: &[i32]| {
        let mut drivers: Vec<InstalledDriver> = versions
            .iter()
            .filter_map(|version| known.get(version).cloned())
            .collect();
        drivers.sort_unstable();
        drivers
    };
    let mut timeline = crashes(conn, id).await?;
    let differences = changes.iter().map(|change| Difference {
        at: change.at,
        added: named(&change.added),
        removed: named(&change.removed),
    });
    let differences: Vec<Difference> = differences.collect();
    let told = changes::told(&differences, &Life::of(conn, id).await?);
    let with_spells = differences.into_iter().zip(told);
    timeline.extend(
        with_spells.map(|(difference, changes)| TimelineEntry::DriversChanged {
            at: difference.at,
            added: difference.added,
            removed: difference.removed,
            changes,
        }),
    );
    timeline.sort_by_key(|entry| std::cmp::Reverse(entry.at()));
    Ok(Some(MachineDetail {
        summary,
        agent: agents::find(conn, id).await?,
        crash_control,
        experiment,
        drivers: named(&current),
        timeline,
    }))
}

impl TimelineEntry {
    /// When it happened.
    pub fn at(&self) -> OffsetDateTime {
        match self {
            TimelineEntry::Crash { at, .. } | TimelineEntry::DriversChanged { at, .. } => *at,
        }
    }
}

/// An inventory that differs from the one before it.
struct Change {
    at: OffsetDateTime,
    added: Vec<i32>,
    removed: Vec<i32>,
}

/// The changes of a machine's drivers; its first inventory is none.
async fn changes_of(conn: &mut PgConnection, machine: MachineId) -> Result<Vec<Change>, Error> {
    let inventories = sqlx::query!(
        "SELECT at, driver_set_id FROM inventory WHERE machine_id = $1 ORDER BY at DESC LIMIT $2",
        machine.0,
        TIMELINE + 1,
    )
    .fetch_all(&mut *conn)
    .await?;
    let sets: Vec<i64> = inventories
        .iter()
        .map(|inventory| inventory.driver_set_id)
        .collect();
    let members = driver_sets::members_of(conn, &sets).await?;
    let members_of = |set: i64| members.get(&set).map_or(&[][..], Vec::as_slice);
    let pairs = inventories.iter().zip(inventories.iter().skip(1));
    let changes = pairs.map(|(later, earlier)| {
        let (after, before) = (members_of(later.driver_set_id), members_of(earlier.driver_set_id));
        Change {
            at: later.at,
            added: difference(after, before),
            removed: difference(before, after),
        }
    });
    Ok(changes
        .filter(|change| !change.added.is_empty() || !change.removed.is_empty())
        .collect())
}

/// What is in `these` and not in `others`; both ascend.
fn difference(these: &[i32], others: &[i32]) -> Vec<i32> {
    let missing = these.iter().filter(|id| others.binary_search(id).is_err());
    missing.copied().collect()
}

/// What is true of a machine now.
struct Current {
    driver_set_id: i64,
    crash_control: Option<Value>,
    experiment: Option<ExperimentId>,
}

async fn current(conn: &mut PgConnection, machine: MachineId) -> Result<Current, Error> {
    let current = sqlx::query_as!(
        Current,
        r#"
        SELECT machine.driver_set_id, machine.crash_control, mine.experiment_id AS "experiment?: ExperimentId"
        FROM machine
        LEFT JOIN experiment_machine AS mine
            ON mine.machine_id = machine.machine_id AND mine.released_at IS NULL
        WHERE machine.machine_id = $1
        "#,
        machine.0,
    )
    .fetch_one(conn)
    .await?;
    Ok(current)
}

async fn installed(
    conn: &mut PgConnection,
    versions: &[i32],
) -> Result<HashMap<i32, InstalledDriver>, Error> {
    let described = drivers::describe(conn, versions).await?;
    let installed = described.into_iter().map(|version| {
        let driver = InstalledDriver {
            name: version.name,
            version: version.version,
            company: version.company,
        };
        (version.driver_version_id, driver)
    });
    Ok(installed.collect())
}

async fn crashes(conn: &mut PgConnection, machine: MachineId) -> Result<Vec<TimelineEntry>, Error> {
    let rows = sqlx::query!(
        r#"
        SELECT crashed_at, id, stop_code, signature
        FROM crash
        WHERE machine_id = $1
        ORDER BY crashed_at DESC
        LIMIT $2
        "#,
        machine.0,
        TIMELINE,
    )
    .fetch_all(conn)
    .await?;
    let crashes = rows.into_iter().map(|row| TimelineEntry::Crash {
        at: row.crashed_at,
        id: row.id,
        stop_code: row.stop_code.map(stop_codes::code_of),
        signature: row.signature,
    });
    Ok(crashes.collect())
}

#[cfg(test)]
mod tests {
    use super::difference;

    #[test]
    fn a_changed_version_is_one_that_came_and_one_that_went() {
        assert_eq!(difference(&[1, 3, 4], &[1, 2, 4]), [3]);
        assert_eq!(difference(&[1, 2, 4], &[1, 3, 4]), [2]);
    }
}
