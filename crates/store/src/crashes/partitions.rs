//! Partitions by month: `crash_202611`, `crash_evidence_202611`.
//!
//! They are made ahead. Rows of months without one (a clock that is years off, old history) go to the default
//! partition, and move out of it if their month is made later.

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use time::{Date, Duration};

use crate::Error;

/// Any number that no other lock of this program uses.
const LOCK: i64 = 0x7061_7274;

/// Makes the partitions of all months from that of `from` to that of `to`; the number made.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.crashes.ensure_partitions", skip_all)]
pub async fn ensure_partitions(conn: &mut PgConnection, from: Date, to: Date) -> Result<u32, Error> {
    let mut made = 0;
    let mut month = first_of_month(from);
    while month <= to {
        let next = first_of_month(month + Duration::days(31));
        for table in ["crash", "crash_evidence"] {
            made += u32::from(ensure(conn, table, month, next).await?);
        }
        month = next;
    }
    Ok(made)
}

fn first_of_month(day: Date) -> Date {
    day.replace_day(1).unwrap_or(day)
}

/// Whether the partition had to be made.
async fn ensure(conn: &mut PgConnection, table: &str, from: Date, to: Date) -> Result<bool, Error> {
    let partition = format!("{table}_{:04}{:02}", from.year(), u8::from(from.month()));
    if exists(conn, &partition).await? {
        return Ok(false);
    }
    let mut transaction = conn.begin().await?;
    sqlx::query!("SELECT pg_advisory_xact_lock($1)", LOCK)
        .execute(&mut *transaction)
        .await?;
    if exists(&mut transaction, &partition).await? {
        return Ok(false);
    }
    // Names and dates in it are made of numbers alone.
    let sql = format!(
        r"
        LOCK TABLE {table}_default IN ACCESS EXCLUSIVE MODE;
        CREATE TABLE {partition} (LIKE {table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING COMMENTS INCLUDING COMPRESSION);
        COMMENT ON TABLE {partition} IS 'Rows of {table} from {from} to before {to}.';
        WITH moved AS (
            DELETE FROM {table}_default
            WHERE crashed_at >= '{from} 00:00Z' AND crashed_at < '{to} 00:00Z'
            RETURNING *
        )
        INSERT INTO {partition} SELECT * FROM moved;
        ALTER TABLE {table} ATTACH PARTITION {partition} FOR VALUES FROM ('{from} 00:00Z') TO ('{to} 00:00Z');
        "
    );
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(true)
}

async fn exists(conn: &mut PgConnection, table: &str) -> Result<bool, Error> {
    let found = sqlx::query_scalar!(r#"SELECT to_regclass($1) IS NOT NULL AS "found!""#, table)
        .fetch_one(conn)
        .await?;
    Ok(found)
}
