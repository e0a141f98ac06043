//! Crashes of the latest days by stop code, and the days on which machines were on.

use std::cmp::Reverse;

use sqlx::PgConnection;

use crate::{Error, Window, alerts, stop_codes};

/// So many stop codes are counted apart; the others are one.
pub const MOST_STOP_CODES: usize = 20;

/// Crashes in a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrashFigures {
    /// Days on which machines were on, summed over the machines.
    pub machine_days: u64,
    /// At most [`MOST_STOP_CODES`] stop codes, most crashes first, then all others together.
    pub stop_codes: Vec<StopCodeFigure>,
    /// Crashes, of processes too, that miss some symbol file.
    pub missing_symbols: u64,
}

/// Crashes of one stop code, or of all that are not counted apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StopCodeFigure {
    /// The stop code, one of the dictionary; `None` for all others.
    pub stop_code: Option<u32>,
    /// Crashes that count.
    pub crashes: u64,
    /// Those of them on days on which their machine was on by its presence: the others are in no rate.
    pub crashes_in_rate: u64,
}

impl CrashFigures {
    /// Crashes per 1,000 machine-days; `None` without machine-days.
    pub fn rate(&self, stop_code: &StopCodeFigure) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
        let float = |count: u64| count as f64;
        (self.machine_days > 0).then(|| 1_000.0 * float(stop_code.crashes_in_rate) / float(self.machine_days))
    }
}

/// A count as it is read.
struct Row {
    stop_code: Option<i64>,
    crashes: i64,
    crashes_in_rate: i64,
    missing_symbols: i64,
}

/// Crashes in the window by stop code. Stop codes that are not in the dictionary are never counted apart: a machine can
/// invent them.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.figures.crashes", level = "debug", skip_all)]
pub async fn crashes(conn: &mut PgConnection, window: Window) -> Result<CrashFigures, Error> {
    let rows = sqlx::query_as!(
        Row,
        r#"
        SELECT stop_code.code AS "stop_code?",
            count(*) FILTER (WHERE crash.kind = 'kernel' AND crash.counts AND crash.stop_code IS NOT NULL) AS "crashes!",
            count(*) FILTER (
                WHERE crash.kind = 'kernel' AND crash.counts AND crash.stop_code IS NOT NULL AND EXISTS (
                    SELECT
                    FROM presence
                    WHERE presence.machine_id = crash.machine_id
                      AND presence.week = date_trunc('week', crash.crashed_at AT TIME ZONE 'UTC')::date
                      AND presence.days & (1 << (extract(isodow FROM crash.crashed_at AT TIME ZONE 'UTC')::integer - 1)) <> 0
                )
            ) AS "crashes_in_rate!",
            count(crash.missing_symbols) AS "missing_symbols!"
        FROM crash
        LEFT JOIN stop_code ON stop_code.code = crash.stop_code
        WHERE crash.crashed_at >= $1 AND crash.crashed_at < $2
        GROUP BY stop_code.code
        "#,
        window.start(),
        window.end(),
    )
    .fetch_all(&mut *conn)
    .await?;
    let by_day = alerts::machine_days(conn, window).await?;
    Ok(CrashFigures {
        machine_days: window.iter().filter_map(|day| by_day.get(&day)).sum(),
        missing_symbols: rows.iter().map(|row| row.missing_symbols.unsigned_abs()).sum(),
        stop_codes: most_frequent(&rows),
    })
}

/// The most frequent stop codes, then one figure for all others, which is there even if it is 0.
fn most_frequent(rows: &[Row]) -> Vec<StopCodeFigure> {
    let figures = rows.iter().map(|row| StopCodeFigure {
        stop_code: row.stop_code.map(stop_codes::code_of),
        crashes: row.crashes.unsigned_abs(),
        crashes_in_rate: row.crashes_in_rate.unsigned_abs(),
    });
    let (mut apart, mut others): (Vec<_>, Vec<_>) =
        figures.partition(|figure| figure.stop_code.is_some() && figure.crashes > 0);
    apart.sort_by_key(|figure| (Reverse(figure.crashes), figure.stop_code));
    others.extend(apart.split_off(apart.len().min(MOST_STOP_CODES)));
    apart.push(StopCodeFigure {
        stop_code: None,
        crashes: others.iter().map(|figure| figure.crashes).sum(),
        crashes_in_rate: others.iter().map(|figure| figure.crashes_in_rate).sum(),
    });
    apart
}

#[cfg(test)]
mod tests {
    use super::{MOST_STOP_CODES, Row, most_frequent};

    fn row(stop_code: Option<i64>, crashes: i64) -> Row {
        Row {
            stop_code,
            crashes,
            crashes_in_rate: crashes / 2,
            missing_symbols: 0,
        }
    }

    /// A machine can tell of a new stop code every minute.
    #[test]
    fn however_many_stop_codes_there_are_the_rest_is_one_figure() {
        let mut rows: Vec<Row> = (1..=50).map(|code| row(Some(code), 2 * code)).collect();
        rows.push(row(None, 1_000));

        let figures = most_frequent(&rows);

        assert_eq!(figures.len(), MOST_STOP_CODES + 1);
        assert_eq!((figures[0].stop_code, figures[0].crashes), (Some(50), 100));
        assert_eq!(figures[19].stop_code, Some(31));
        let others = figures[20];
        assert_eq!(others.stop_code, None);
        assert_eq!(others.crashes, 1_000 + (1..=30).map(|code| 2 * code).sum::<u64>());
        assert_eq!(others.crashes_in_rate, others.crashes / 2);
    }

    #[test]
    fn a_fleet_without_crashes_has_the_figure_of_all_others() {
        assert_eq!(most_frequent(&[]).len(), 1);
        assert_eq!(most_frequent(&[row(Some(0x161), 0)]).len(), 1);
    }
}
