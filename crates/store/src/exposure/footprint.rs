//! What one driver, or one hardware model, leaves in the counts: its machine-days and the crashes on them.
//!
//! For showing, not for judging: nobody is censored, and every crash that counts is there, not only the first of its
//! machine. Machine-days come from the cells that are rolled up; only open weeks are counted from presence.

use std::collections::{HashMap, HashSet};

use sqlx::{Connection, PgConnection};
use time::Date;
use uuid::Uuid;

use super::cases::{self, CountedCrash, ExposedDay};
use super::cells::{self, Weeks};
use super::packed::unpack;
use super::{Observed, weights};
use crate::driver_sets::Merges;
use crate::{Error, MachineId, Window};

/// One crash that counts, on a day with presence and known drivers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Crashed {
    pub(crate) id: Uuid,
    pub(crate) machine: MachineId,
    pub(crate) stop_code: u32,
    pub(crate) week: Date,
    /// `None` for machines that told none.
    pub(crate) model_id: Option<i32>,
    pub(crate) os_build: Option<i32>,
}

/// Some driver versions in a window.
#[derive(Debug, Default)]
pub(crate) struct Footprint {
    /// Machine-days by version, model and week.
    pub(crate) machine_days: Vec<(i32, Option<i32>, Date, u64)>,
    /// Crashes with the version that the machine had; with each, if it had several.
    pub(crate) crashes: Vec<(i32, Crashed)>,
}

/// Crashes counted once each, machines too.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counter {
    crashes: HashSet<Uuid>,
    machines: HashSet<MachineId>,
}

impl Counter {
    pub(crate) fn add(&mut self, crash: &Crashed) {
        self.crashes.insert(crash.id);
        self.machines.insert(crash.machine);
    }

    pub(crate) fn machines(&self) -> u64 {
        u64::try_from(self.machines.len()).unwrap_or(u64::MAX)
    }

    /// Together with the machine-days that they are of.
    pub(crate) fn observed(&self, machine_days: u64) -> Observed {
        Observed {
            machine_days,
            crashes: u64::try_from(self.crashes.len()).unwrap_or(u64::MAX),
            crashing_machines: self.machines(),
        }
    }
}

/// What these versions leave; crashes of one stop code or of all. The connection must not be in a transaction.
pub(crate) async fn footprint(
    conn: &mut PgConnection,
    window: Window,
    versions: &HashSet<i32>,
    stop_code: Option<u32>,
) -> Result<Footprint, Error> {
    let mut transaction = conn
        .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        .await?;
    let merges = Merges::load(&mut transaction).await?;
    let weeks = Weeks::of(&mut transaction, window).await?;
    let cells = cells::of_models(&mut transaction, window, &weeks, &merges).await?;
    let mut machine_days: HashMap<(i32, Option<i32>, Date), u64> = HashMap::new();
    for ((model, week), cell) in &cells {
        for (id, days) in unpack(&cell.versions) {
            let version = merges.canonical(id);
            if versions.contains(&version) {
                *machine_days.entry((version, *model, *week)).or_default() += u64::from(days);
            }
        }
    }
    let counted = cases::crashes(&mut transaction, stop_code, window).await?;
    let mut crashes = Vec::new();
    for_each(&mut transaction, &counted, |crash, had| {
        let had = had.iter().filter(|version| versions.contains(version));
        crashes.extend(had.map(|version| (*version, crash)));
    })
    .await?;
    transaction.commit().await?;
    let flat = machine_days.into_iter();
    Ok(Footprint {
        machine_days: flat
            .map(|((version, model, week), days)| (version, model, week, days))
            .collect(),
        crashes,
    })
}

/// Crashes whose versions are looked up at once: the sets of all would be too much to hold.
const AT_ONCE: usize = 5_000;

/// Calls `each` with every crash that has exposure, and the versions that its machine had.
async fn for_each(
    conn: &mut PgConnection,
    crashes: &[CountedCrash],
    mut each: impl FnMut(Crashed, &[i32]),
) -> Result<(), Error> {
    let exposed = crashes.iter().filter_map(|crash| Some((crash, crash.day?)));
    let exposed: Vec<(&CountedCrash, ExposedDay)> = exposed.collect();
    for some in exposed.chunks(AT_ONCE) {
        let crashes: Vec<&CountedCrash> = some.iter().map(|(crash, _)| *crash).collect();
        let versions = cases::versions(conn, &crashes).await?;
        for ((crash, day), versions) in some.iter().zip(versions) {
            each(Crashed::of(crash, *day), &versions);
        }
    }
    Ok(())
}

impl Crashed {
    fn of(crash: &CountedCrash, day: ExposedDay) -> Self {
        Crashed {
            id: crash.id,
            machine: crash.machine,
            stop_code: crash.stop_code,
            week: day.week,
            model_id: day.model_id,
            os_build: crash.os_build(),
        }
    }
}

/// One hardware model in a window, and how common what it has is elsewhere.
#[derive(Debug, Default)]
pub(crate) struct ModelFootprint {
    /// Machine-days by week.
    pub(crate) weeks: HashMap<Date, u64>,
    /// Machine-days by driver version: on this model, and on all.
    pub(crate) versions: HashMap<i32, (u64, u64)>,
    /// Machine-days by Windows build.
    pub(crate) os_builds: HashMap<i32, u64>,
    /// Its crashes.
    pub(crate) crashes: Vec<Crashed>,
    /// Its crashes by the versions that the machines had.
    pub(crate) crashes_by_version: HashMap<i32, Counter>,
}

/// What a model leaves. The connection must not be in a transaction.
pub(crate) async fn model_footprint(
    conn: &mut PgConnection,
    window: Window,
    model_id: i32,
) -> Result<ModelFootprint, Error> {
    let mut transaction = conn
        .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        .await?;
    let merges = Merges::load(&mut transaction).await?;
    let weeks = Weeks::of(&mut transaction, window).await?;
    let cells = cells::of_models(&mut transaction, window, &weeks, &merges).await?;
    let mut found = ModelFootprint::default();
    for ((model, week), cell) in &cells {
        let is_mine = *model == Some(model_id);
        for (id, days) in unpack(&cell.versions) {
            let (mine, all) = found.versions.entry(merges.canonical(id)).or_default();
            *all += u64::from(days);
            *mine += if is_mine { u64::from(days) } else { 0 };
        }
        if is_mine {
            *found.weeks.entry(*week).or_default() += cell.machine_days;
            for (os_build, days) in unpack(&cell.os_builds) {
                *found.os_builds.entry(os_build).or_default() += u64::from(days);
            }
        }
    }
    found.versions.retain(|_, (mine, _)| *mine > 0);
    let mut counted = cases::crashes(&mut transaction, None, window).await?;
    counted.retain(|crash| crash.day.is_some_and(|day| day.model_id == Some(model_id)));
    for_each(&mut transaction, &counted, |crash, had| {
        for version in had {
            found.crashes_by_version.entry(*version).or_default().add(&crash);
        }
        found.crashes.push(crash);
    })
    .await?;
    transaction.commit().await?;
    Ok(found)
}

/// Machine-days of every model over the window, those of machines that told none under `None`. The connection must not
/// be in a transaction.
pub(crate) async fn machine_days_by_model(
    conn: &mut PgConnection,
    window: Window,
) -> Result<HashMap<Option<i32>, u64>, Error> {
    let mut transaction = conn
        .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        .await?;
    let weeks = Weeks::of(&mut transaction, window).await?;
    let rows = sqlx::query!(
        r#"
        SELECT model_id, sum(machine_days)::bigint AS "machine_days!"
        FROM exposure_model_week
        WHERE week = ANY($1)
        GROUP BY model_id
        "#,
        &weeks.rolled_up,
    )
    .fetch_all(&mut *transaction)
    .await?;
    let known = rows.into_iter().map(|row| {
        let model = (row.model_id != 0).then_some(row.model_id);
        (model, row.machine_days.unsigned_abs())
    });
    let mut machine_days: HashMap<Option<i32>, u64> = known.collect();
    for weight in weights::weights_of(&mut transaction, window, &weeks.open).await? {
        *machine_days.entry(weight.model_id).or_default() += u64::from(weight.machine_days);
    }
    transaction.commit().await?;
    Ok(machine_days)
}
