//! The days machines were on: the denominator of every rate.
//!
//! One row per machine, ISO week and driver set, with a bit per day (bit 0 is Monday). A day belongs to the set that
//! the machine had at its end: with inventories `S1` on Monday and `S2` on Thursday noon, a full week is `0b000_0111`
//! under `S1` and `0b111_1000` under `S2`. When an inventory comes later than the days it speaks of, they are filed
//! again. Whatever the number of machines, weeks and sets, a call is five statements.

use std::collections::{BTreeMap, HashMap};

use sqlx::PgConnection;
use time::{Date, Duration, OffsetDateTime, UtcOffset};
use uuid::Uuid;

use crate::window::{Window, day_bit, monday};
use crate::{Error, MachineId, driver_sets, inventories, machines};

/// Days by machine and week, a bit per day.
pub(crate) type Days = BTreeMap<(MachineId, Date), i16>;

/// Presence rows by machine, week and driver set.
type Filed = BTreeMap<(MachineId, Date, i64), i16>;

/// Notes the days a machine was on. Saying a day twice changes nothing.
///
/// A day belongs to the driver set that the machine had at the end of that day. Wants a transaction.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.presence.add", skip_all, fields(days = days.len()))]
pub async fn add(
    conn: &mut PgConnection,
    machine: &str,
    days: &[Date],
    now: OffsetDateTime,
) -> Result<(), Error> {
    let id = machines::touch(conn, machine, now).await?;
    let mut said = Days::new();
    for day in days {
        *said.entry((id, monday(*day))).or_default() |= day_bit(*day);
    }
    place(conn, &said, now).await
}

/// Adds the days from `from` to `to`, both included.
pub(crate) fn say(said: &mut Days, machine: MachineId, from: Date, to: Date) {
    let window = Window { from, to };
    let mut week = window.first_week();
    while week <= to {
        *said.entry((machine, week)).or_default() |= window.mask(week);
        let Some(next) = week.checked_add(Duration::WEEK) else {
            return;
        };
        week = next;
    }
}

/// Files the days of these machines again from the given ones on, because their inventories changed.
pub(crate) async fn file_again(
    conn: &mut PgConnection,
    since: &BTreeMap<MachineId, Date>,
    now: OffsetDateTime,
) -> Result<(), Error> {
    let machines: Vec<Uuid> = since.keys().map(|machine| machine.0).collect();
    let weeks: Vec<Date> = since.values().map(|day| monday(*day)).collect();
    let rows = sqlx::query!(
        r#"
        SELECT presence.machine_id, presence.week, bit_or(presence.days) AS "days!"
        FROM unnest($1::uuid[], $2::date[]) AS since (machine_id, week)
        JOIN presence ON presence.machine_id = since.machine_id AND presence.week >= since.week
        GROUP BY presence.machine_id, presence.week
        "#,
        &machines,
        &weeks,
    )
    .fetch_all(&mut *conn)
    .await?;
    let said: Days = rows
        .into_iter()
        .map(|row| ((MachineId(row.machine_id), row.week), row.days))
        .collect();
    place(conn, &said, now).await
}

/// Files days under the sets that held at their ends, and takes them from where they were filed before.
///
/// The machines must have rows. Other days of the same weeks stay as they are.
pub(crate) async fn place(conn: &mut PgConnection, said: &Days, now: OffsetDateTime) -> Result<(), Error> {
    if said.is_empty() {
        return Ok(());
    }
    lock_machines(conn, said).await?;
    let right = right_sets(conn, said).await?;
    let filed = filed_now(conn, said).await?;
    let mut changed = right.clone();
    for (key, days) in &filed {
        let others = days & !said.get(&(key.0, key.1)).copied().unwrap_or(0);
        *changed.entry(*key).or_default() |= others;
    }
    changed.retain(|key, days| filed.get(key) != Some(days));
    write(conn, &changed, now).await
}

/// Locks the machines' rows, so that two writers of one machine's days take turns, and notes their first day.
async fn lock_machines(conn: &mut PgConnection, said: &Days) -> Result<(), Error> {
    let mut first: BTreeMap<MachineId, Date> = BTreeMap::new();
    for ((machine, week), days) in said {
        let day = *week + Duration::days(i64::from(days.trailing_zeros()));
        first.entry(*machine).or_insert(day);
    }
    let machines: Vec<Uuid> = first.keys().map(|machine| machine.0).collect();
    let known = sqlx::query!(
        r#"
        SELECT machine_id, first_presence
        FROM machine
        WHERE machine_id = ANY($1)
        ORDER BY machine_id
        FOR NO KEY UPDATE
        "#,
        &machines,
    )
    .fetch_all(&mut *conn)
    .await?;
    let earlier = known.into_iter().filter_map(|row| {
        let day = *first.get(&MachineId(row.machine_id))?;
        let is_news = row.first_presence.is_none_or(|known| day < known);
        is_news.then_some((row.machine_id, day))
    });
    let (machines, days): (Vec<Uuid>, Vec<Date>) = earlier.unzip();
    if machines.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        r#"
        UPDATE machine
        SET first_presence = earlier.day
        FROM unnest($1::uuid[], $2::date[]) AS earlier (machine_id, day)
        WHERE machine.machine_id = earlier.machine_id
        "#,
        &machines,
        &days,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Where the days belong.
async fn right_sets(conn: &mut PgConnection, said: &Days) -> Result<Filed, Error> {
    let mut spans: BTreeMap<MachineId, (Date, Date)> = BTreeMap::new();
    for (machine, week) in said.keys() {
        spans.entry(*machine).or_insert((*week, *week)).1 = *week + Duration::days(6);
    }
    let machines: Vec<Uuid> = spans.keys().map(|machine| machine.0).collect();
    let from: Vec<Date> = spans.values().map(|(from, _)| *from).collect();
    let to: Vec<Date> = spans.values().map(|(_, to)| *to).collect();
    let inventories = inventories::over_days(conn, &machines, &from, &to).await?;
    let mut right = Filed::new();
    for ((machine, week), days) in said {
        let known = inventories.get(machine).map_or(&[][..], Vec::as_slice);
        for (set, mask) in split_week(known, *week) {
            if days & mask != 0 {
                *right.entry((*machine, *week, set)).or_default() |= days & mask;
            }
        }
    }
    Ok(right)
}

/// The days of a week by the set that held at their ends. `inventories` are a machine's, by time.
fn split_week(inventories: &[(Date, i64)], week: Date) -> HashMap<i64, i16> {
    let mut masks = HashMap::new();
    for day in (0..7).map(|day| week + Duration::days(day)) {
        let until = inventories.partition_point(|(from, _)| *from <= day);
        let set = until.checked_sub(1).and_then(|last| inventories.get(last));
        let set = set.map_or(driver_sets::UNKNOWN, |(_, set)| *set);
        *masks.entry(set).or_default() |= day_bit(day);
    }
    masks
}

/// The rows of these machines and weeks.
async fn filed_now(conn: &mut PgConnection, said: &Days) -> Result<Filed, Error> {
    let (machines, weeks): (Vec<Uuid>, Vec<Date>) =
        said.keys().map(|(machine, week)| (machine.0, *week)).unzip();
    let rows = sqlx::query!(
        r#"
        SELECT machine_id AS "machine_id!", week AS "week!", driver_set_id, days
        FROM unnest($1::uuid[], $2::date[]) AS said (machine_id, week)
        JOIN presence USING (machine_id, week)
        "#,
        &machines,
        &weeks,
    )
    .fetch_all(conn)
    .await?;
    let rows = rows
        .into_iter()
        .map(|row| ((MachineId(row.machine_id), row.week, row.driver_set_id), row.days));
    Ok(rows.collect())
}

/// Writes rows as they are to be; one without days goes. Weeks that are over are noted as changed, for the roll-up.
async fn write(conn: &mut PgConnection, rows: &Filed, now: OffsetDateTime) -> Result<(), Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let machines: Vec<Uuid> = rows.keys().map(|key| key.0.0).collect();
    let weeks: Vec<Date> = rows.keys().map(|key| key.1).collect();
    let sets: Vec<i64> = rows.keys().map(|key| key.2).collect();
    let days: Vec<i16> = rows.values().copied().collect();
    sqlx::query!(
        r#"
        -- Rows as they are to be.
        WITH target AS (
            SELECT *
            FROM unnest($1::uuid[], $2::date[], $3::bigint[], $4::smallint[])
                AS target (machine_id, week, driver_set_id, days)
        ),
        -- Rows whose days all went to another set.
        emptied AS (
            DELETE FROM presence
            USING target
            WHERE target.days = 0
              AND presence.machine_id = target.machine_id
              AND presence.week = target.week
              AND presence.driver_set_id = target.driver_set_id
        ),
        -- Notes for the roll-up; what was rolled up of these weeks holds no longer.
        noted AS (
            INSERT INTO exposure_change (week, changed_at)
            SELECT DISTINCT target.week, $5::timestamptz
            FROM target
            WHERE target.week < $6
        ),
        -- Once, and read below, or it is not run.
        news AS MATERIALIZED (SELECT nextval('fleet_news') AS number)
        INSERT INTO presence (machine_id, week, driver_set_id, days, model_id, os_build)
        SELECT target.machine_id, target.week, target.driver_set_id, target.days, machine.model_id, machine.os_build
        FROM target
        JOIN machine USING (machine_id)
        CROSS JOIN news
        WHERE target.days <> 0 AND news.number > 0
        ON CONFLICT (machine_id, week, driver_set_id) DO UPDATE SET days = excluded.days
        "#,
        &machines,
        &weeks,
        &sets,
        &days,
        now,
        monday(now.to_offset(UtcOffset::UTC).date()),
    )
    .execute(conn)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use time::macros::date;

    use super::{Days, say, split_week};
    use crate::{MachineId, driver_sets};

    #[test]
    fn a_day_belongs_to_the_set_at_its_end() {
        let monday = date!(2026 - 11 - 16);
        let inventories = [
            (date!(2026 - 11 - 01), 1),
            (date!(2026 - 11 - 19), 2),
            (date!(2026 - 11 - 19), 3),
        ];
        assert_eq!(
            split_week(&inventories, monday),
            HashMap::from([(1, 0b000_0111), (3, 0b111_1000)])
        );
    }

    #[test]
    fn days_before_the_first_inventory_have_no_known_set() {
        let masks = split_week(&[(date!(2026 - 11 - 22), 5)], date!(2026 - 11 - 16));
        assert_eq!(
            masks,
            HashMap::from([(driver_sets::UNKNOWN, 0b011_1111), (5, 0b100_0000)])
        );
    }

    #[test]
    fn a_span_of_days_is_said_week_by_week() {
        let mut said = Days::new();
        let machine = MachineId::of("m1");
        say(&mut said, machine, date!(2026 - 11 - 13), date!(2026 - 11 - 17));
        let expected = [
            ((machine, date!(2026 - 11 - 09)), 0b111_0000),
            ((machine, date!(2026 - 11 - 16)), 0b000_0011),
        ];
        assert_eq!(said, Days::from(expected));
    }
}
