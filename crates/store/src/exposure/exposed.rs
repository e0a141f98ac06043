//! How many machines had one of some driver versions.
//!
//! Machines cannot be summed over versions, sets and weeks as days can: one machine has several. So every set gets a
//! bit per asked group of versions, and the bits of each machine's sets are put together while its presence is streamed.

use std::collections::HashMap;

use futures_util::TryStreamExt;
use sqlx::PgConnection;
use uuid::Uuid;

use super::weights::for_each_set;
use crate::driver_sets::{self, Merges};
use crate::{Error, Window};

/// Groups that one pass can count.
const PASS: usize = 64;

/// How many machines had any version of each of these groups in the window, in the same order.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.exposure.exposed_machines", skip_all)]
pub async fn exposed_machines(
    conn: &mut PgConnection,
    window: Window,
    groups: &[Vec<i32>],
) -> Result<Vec<u64>, Error> {
    let mut machines = Vec::with_capacity(groups.len());
    for groups in groups.chunks(PASS) {
        machines.extend(count_pass(conn, window, groups).await?);
    }
    Ok(machines)
}

async fn count_pass(conn: &mut PgConnection, window: Window, groups: &[Vec<i32>]) -> Result<Vec<u64>, Error> {
    let bits = set_bits(conn, window, groups).await?;
    let mut counts = vec![0; groups.len()];
    let mut count = |bits: u64| {
        for (place, count) in counts.iter_mut().enumerate() {
            *count += (bits >> place) & 1;
        }
    };
    let (first, last) = (window.first_week(), window.last_week());
    let mut current = (Uuid::nil(), 0);
    let mut rows = sqlx::query!(
        r#"
        SELECT machine_id, driver_set_id
        FROM presence
        WHERE week BETWEEN $1 AND $2
          AND days & CASE week WHEN $1 THEN $3::smallint WHEN $2 THEN $4::smallint ELSE 127::smallint END <> 0
        ORDER BY machine_id
        "#,
        first,
        last,
        window.mask(first),
        window.mask(last),
    )
    .fetch(conn);
    while let Some(row) = rows.try_next().await? {
        if row.machine_id != current.0 {
            count(current.1);
            current = (row.machine_id, 0);
        }
        current.1 |= bits.get(&row.driver_set_id).copied().unwrap_or(0);
    }
    count(current.1);
    Ok(counts)
}

/// Which of the groups each set of the window has a version of, a bit per group; sets without any are left out.
async fn set_bits(
    conn: &mut PgConnection,
    window: Window,
    groups: &[Vec<i32>],
) -> Result<HashMap<i64, u64>, Error> {
    let sets = sqlx::query_scalar!(
        "SELECT DISTINCT driver_set_id FROM presence WHERE week BETWEEN $1 AND $2 AND driver_set_id <> $3",
        window.first_week(),
        window.last_week(),
        driver_sets::UNKNOWN,
    )
    .fetch_all(&mut *conn)
    .await?;
    let merges = Merges::load(conn).await?;
    let mut bits = HashMap::new();
    for_each_set(conn, &sets, &merges, |set, members| {
        let has = |version: &i32| members.binary_search(version).is_ok();
        let mask = groups.iter().enumerate().fold(0, |mask, (place, group)| {
            mask | (u64::from(group.iter().any(has)) << place)
        });
        if mask != 0 {
            bits.insert(set, mask);
        }
    })
    .await?;
    Ok(bits)
}
