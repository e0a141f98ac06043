//! Machines' own histories with a suspect, which is one driver version or several: who had it, who changed onto it, who
//! left it.
//!
//! Machines cannot be summed over sets and weeks as days can: one machine has several sets. So every set gets a bit per
//! suspect, and presence is streamed week by week through a small state per machine. Machines that crashed are
//! few; their days are kept and looked at one by one, because their crashes end what is counted of them.

mod bits;
mod crashed;
mod quiet;

use std::collections::{BTreeSet, HashMap};

use sqlx::{Connection, PgConnection};
use time::{Date, UtcOffset};
use uuid::Uuid;

use self::bits::SetBits;
use self::crashed::Crashed;
use self::quiet::Quiet;
use super::{cases, weights};
use crate::driver_sets::{self, Merges};
use crate::{Error, Window};

/// Groups of versions that one pass can count machines of.
const PASS: usize = 64;

/// The first so many groups get histories; for the others only machines are counted.
pub const HISTORIES: usize = 16;

/// Machines that crashed and their machine-days.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rate {
    /// Machines that crashed with the stop code.
    pub cases: u64,
    /// Machine-days, of a machine that crashed until it did.
    pub machine_days: u64,
}

/// What machines' own histories tell of a driver version, or of a group of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct History {
    /// Machines that had it.
    pub machines: u64,
    /// Machines that were seen without it first, and with it later.
    pub switchers: Switchers,
    /// Machines that left it for another version of the same driver.
    pub rollback: Rollback,
}

/// Machines that changed onto a version, each its own control.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Switchers {
    /// How many.
    pub machines: u64,
    /// Their days before they had it.
    pub before: Rate,
    /// Their days with it.
    pub after: Rate,
}

/// Machines that left a version for another one of the same driver, and those that kept it meanwhile.
///
/// Machines that crashed with the stop code within two weeks before they left it are not among them: whoever is rolled
/// back because of a crash would crash less afterwards in any case.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rollback {
    /// How many left it.
    pub machines: u64,
    /// Their days with the version.
    pub before: Rate,
    /// Their days with another version of the driver, after they left it.
    pub rolled_back: Rate,
    /// All days with the version from the week on in which the first machine left it.
    pub kept: Rate,
}

/// How many machines had any version of each of these groups in the window, in the same order.
async fn exposed_machines(
    conn: &mut PgConnection,
    window: Window,
    groups: &[Vec<i32>],
) -> Result<Vec<u64>, Error> {
    let mut machines = Vec::with_capacity(groups.len());
    for groups in groups.chunks(PASS) {
        let pass = pass(conn, window, groups, HashMap::new()).await?;
        machines.extend(pass.into_iter().map(|history| history.machines));
    }
    Ok(machines)
}

/// What machines' histories in the window tell of each of these groups of versions, in the same order.
///
/// A machine has a group while it has any version of it. Only the first [`HISTORIES`] get switchers and rollback. The
/// connection must not be in a transaction.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.exposure.histories", skip_all)]
pub async fn histories(
    conn: &mut PgConnection,
    stop_code: u32,
    window: Window,
    groups: &[Vec<i32>],
) -> Result<Vec<History>, Error> {
    let (first, rest) = groups.split_at_checked(PASS).unwrap_or((groups, &[]));
    let mut transaction = conn
        .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        .await?;
    let mut crashes: HashMap<Uuid, BTreeSet<Date>> = HashMap::new();
    for crash in cases::crashes(&mut transaction, Some(stop_code), window).await? {
        if crash.day.is_some() {
            let day = crash.crashed_at.to_offset(UtcOffset::UTC).date();
            crashes.entry(crash.machine.0).or_default().insert(day);
        }
    }
    weights::widen_memory(&mut transaction).await?;
    let mut histories = pass(&mut transaction, window, first, crashes).await?;
    transaction.commit().await?;
    let rest = exposed_machines(conn, window, rest).await?;
    histories.extend(rest.into_iter().map(|machines| History {
        machines,
        ..History::default()
    }));
    Ok(histories)
}

/// Bytes of one machine's days in a block: its id and a bit per day.
const ENTRY: usize = 18;

/// The machines that had a set in a week, [`ENTRY`] bytes each.
///
/// A row a machine would cost more to send and to decode than all the rest together.
struct Block {
    driver_set_id: i64,
    machines: Vec<u8>,
}

/// One pass over presence for at most [`PASS`] groups.
async fn pass(
    conn: &mut PgConnection,
    window: Window,
    groups: &[Vec<i32>],
    crashes: HashMap<Uuid, BTreeSet<Date>>,
) -> Result<Vec<History>, Error> {
    let merges = Merges::load(conn).await?;
    let mut bits = SetBits::of(conn, groups).await?;
    let mut quiet = Quiet::default();
    let mut ended = Crashed::of(crashes);
    for week in window.weeks() {
        let blocks = blocks(conn, window, week).await?;
        let sets = blocks.iter().map(|block| block.driver_set_id);
        bits.learn(conn, &merges, sets).await?;
        // Of one machine's rows the earlier days come first.
        for first_day in 0..7 {
            for block in &blocks {
                let has = bits.of_set(block.driver_set_id);
                for (machine, days) in entries(&block.machines, first_day, window.mask(week)) {
                    if !ended.take(machine, week, days, has) {
                        quiet.take(machine, week, days, has);
                    }
                }
            }
        }
    }
    let counted = |place| {
        let mut history = quiet.history(place);
        ended.add_to(&mut history, place, &quiet);
        history
    };
    Ok((0..groups.len()).map(counted).collect())
}

/// The machines of a block whose first day this is, and their days in the window.
fn entries(block: &[u8], first_day: u32, mask: i16) -> impl Iterator<Item = (Uuid, i16)> {
    let (entries, _) = block.as_chunks::<ENTRY>();
    entries.iter().filter_map(move |entry| {
        let (machine, days) = entry.split_first_chunk::<16>()?;
        let days = i16::from_be_bytes(days.try_into().ok()?) & mask;
        (days.trailing_zeros() == first_day).then(|| (Uuid::from_bytes(*machine), days))
    })
}

/// A week's presence with known drivers.
async fn blocks(conn: &mut PgConnection, window: Window, week: Date) -> Result<Vec<Block>, Error> {
    let blocks = sqlx::query_as!(
        Block,
        r#"
        SELECT driver_set_id, string_agg(uuid_send(machine_id) || int2send(days), '') AS "machines!"
        FROM presence
        WHERE week = $1 AND driver_set_id <> $3 AND days & $2::smallint <> 0
        GROUP BY driver_set_id
        "#,
        week,
        window.mask(week),
        driver_sets::UNKNOWN,
    )
    .fetch_all(conn)
    .await?;
    Ok(blocks)
}
