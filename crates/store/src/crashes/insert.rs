//! Writing the rows of crashes and of their evidence.

use std::borrow::Cow;

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::resolve::LoadedDrivers;
use super::{BugCheck, Counted, NewCrash};
use crate::{CrashId, Error, text};

/// A crash with all that its rows need.
pub(super) struct Row<'a> {
    pub(super) crash: &'a NewCrash,
    pub(super) id: CrashId,
    pub(super) crashed_at: OffsetDateTime,
    pub(super) drivers: LoadedDrivers,
    /// Ids of the symbol files that it missed, sorted; `None` for none.
    pub(super) missed: Option<Vec<i32>>,
}

/// Writes crashes.
pub(super) async fn crashes(conn: &mut PgConnection, rows: &[Row<'_>]) -> Result<(), Error> {
    let stops: Vec<BugCheckColumns> = rows
        .iter()
        .map(|row| BugCheckColumns::of(row.crash.bug_check.as_ref()))
        .collect();
    sqlx::query!(
        r#"
            INSERT INTO crash (
                machine_id, crashed_at, id, dump_id, source, kind, counts, stop_code, raw_code, parameters,
                uptime_seconds, process, os_build, signature, probable_driver, confidence, received_at, report,
                driver_set_id, probable_driver_version_id, missing_symbols, signature_rules, model_id
            )
            SELECT told.machine_id, told.crashed_at, told.id, told.dump_id, told.source, told.kind, told.counts,
                told.stop_code, told.raw_code, told.parameters::bigint[], told.uptime_seconds, told.process,
                told.os_build, told.signature, told.probable_driver, told.confidence, told.received_at,
                told.report::jsonb, told.driver_set_id, told.probable_driver_version_id,
                told.missing_symbols::integer[], told.signature_rules, machine.model_id
            FROM unnest(
                $1::uuid[], $2::timestamptz[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::boolean[],
                $8::bigint[], $9::bigint[], $10::text[], $11::bigint[], $12::text[], $13::integer[], $14::text[],
                $15::text[], $16::text[], $17::timestamptz[], $18::text[], $19::bigint[], $20::integer[], $21::text[],
                $22::integer[]
            ) AS told (
                machine_id, crashed_at, id, dump_id, source, kind, counts, stop_code, raw_code, parameters,
                uptime_seconds, process, os_build, signature, probable_driver, confidence, received_at, report,
                driver_set_id, probable_driver_version_id, missing_symbols, signature_rules
            )
            LEFT JOIN machine USING (machine_id)
        "#,
        &column(rows, |row| row.crash.machine.0),
        &column(rows, |row| row.crashed_at),
        &column(rows, |row| row.id.0),
        &column(rows, |row| row.crash.dump.map(|dump| dump.id.0)) as &[Option<Uuid>],
        &column(rows, |row| row.crash.source.as_str()) as &[&str],
        &column(rows, |row| row.crash.kind.as_str()) as &[&str],
        &column(rows, |row| row.crash.counted == Counted::Yes),
        &column(&stops, |stop| stop.code) as &[Option<i64>],
        &column(&stops, |stop| stop.raw_code) as &[Option<i64>],
        &column(&stops, |stop| array_text(&stop.parameters)),
        &column(rows, |row| row.crash.uptime_seconds.map(as_signed)) as &[Option<i64>],
        &column(rows, |row| row.crash.process.as_deref().map(text::without_nul)) as &[Option<String>],
        &column(rows, |row| row.crash.os_build.map(u32::cast_signed)) as &[Option<i32>],
        &column(rows, |row| text::without_nul(&row.crash.signature)),
        &column(rows, |row| probable_driver(row.crash)) as &[Option<String>],
        &column(rows, |row| confidence(row.crash)) as &[Option<&str>],
        &column(rows, |row| row.crash.received_at),
        &column(rows, |row| text::json_text_without_nul(&row.crash.report)) as &[Cow<'_, str>],
        &column(rows, |row| row.drivers.set) as &[Option<i64>],
        &column(rows, |row| row.drivers.version_of_probable(row.crash)) as &[Option<i32>],
        &column(rows, |row| row.missed.as_deref().map(array_text)) as &[Option<String>],
        &column(rows, |row| row.crash.signature_rules),
    )
    .execute(conn)
    .await?;
    Ok(())
}

fn column<'a, R, T>(rows: &'a [R], value: impl Fn(&'a R) -> T) -> Vec<T> {
    rows.iter().map(value).collect()
}

/// An array as Postgres reads it from text: a column of arrays of several lengths cannot be sent as one.
fn array_text(values: &[impl ToString]) -> String {
    let values: Vec<String> = values.iter().map(ToString::to_string).collect();
    format!("{{{}}}", values.join(","))
}

fn as_signed(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX)
}

/// A bug check in the table's types.
#[derive(Default)]
struct BugCheckColumns {
    code: Option<i64>,
    raw_code: Option<i64>,
    /// Each in the bits of a signed value.
    parameters: Vec<i64>,
}

impl BugCheckColumns {
    fn of(bug_check: Option<&BugCheck>) -> BugCheckColumns {
        bug_check.map_or_else(BugCheckColumns::default, |bug_check| BugCheckColumns {
            code: Some(bug_check.code.into()),
            raw_code: Some(bug_check.raw_code.into()),
            parameters: bug_check
                .parameters
                .iter()
                .copied()
                .map(u64::cast_signed)
                .collect(),
        })
    }
}

fn probable_driver(crash: &NewCrash) -> Option<String> {
    let (name, _) = crash.probable_driver.as_ref()?;
    Some(text::without_nul(&name.to_lowercase()))
}

fn confidence(crash: &NewCrash) -> Option<&'static str> {
    let (_, confidence) = crash.probable_driver.as_ref()?;
    Some(confidence.as_str())
}

/// Writes what in the dumps points at drivers whose versions are known.
pub(super) async fn evidence(conn: &mut PgConnection, rows: &[Row<'_>]) -> Result<(), Error> {
    let known: Vec<_> = rows
        .iter()
        .flat_map(|row| row.crash.evidence.iter().map(move |evidence| (row, evidence)))
        .filter_map(|(row, evidence)| Some((row, evidence, row.drivers.version_of(&evidence.driver)?)))
        .collect();
    if known.is_empty() {
        return Ok(());
    }
    // A dump may hold several pointers of one kind at one driver; the strongest counts.
    sqlx::query!(
        r#"
            INSERT INTO crash_evidence (machine_id, crashed_at, crash_id, driver_version_id, kind, strength)
            SELECT machine_id, crashed_at, crash_id, version, kind, max(strength)
            FROM unnest(
                $1::uuid[], $2::timestamptz[], $3::uuid[], $4::integer[], $5::text[], $6::double precision[]
            ) AS told (machine_id, crashed_at, crash_id, version, kind, strength)
            GROUP BY machine_id, crashed_at, crash_id, version, kind
        "#,
        &column(&known, |(row, ..)| row.crash.machine.0),
        &column(&known, |(row, ..)| row.crashed_at),
        &column(&known, |(row, ..)| row.id.0),
        &column(&known, |(.., version)| *version),
        &column(&known, |(_, evidence, _)| evidence.kind) as &[&str],
        &column(&known, |(_, evidence, _)| evidence.strength),
    )
    .execute(conn)
    .await?;
    Ok(())
}
