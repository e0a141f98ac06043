//! How long history takes to import, and how long the counts of a verdict take on it.
//!
//! `DATABASE_URL=postgres://… cargo bench -p store --bench exposure [machines]` makes a database of its own on that
//! server, imports 13 weeks of a fleet whose machines grow apart (one change of drivers in ten days each, so that
//! nearly every inventory is a set of its own), reads it, and drops it again.

#![expect(clippy::print_stdout, reason = "a benchmark's figures are its output")]

use std::error::Error;
use std::str::FromStr;
use std::time::{Duration as Elapsed, Instant};

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};
use store::Window;
use store::drivers::InventoryDriver;
use store::import::{
    self, BATCH, CrashLine, DriverReference, InventorySource, Line, NumberedLine, Session, SetContent,
};
use store::machines::Attributes;
use time::macros::{date, datetime};
use time::{Date, Duration, OffsetDateTime};

const NOW: OffsetDateTime = datetime!(2026-11-22 12:00 UTC);
const FIRST_MONDAY: Date = date!(2026 - 08 - 24);
const WEEKS: u32 = 13;
/// Drivers of one machine; each has three versions.
const DRIVERS: u32 = 200;
const MODELS: u32 = 25;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let machines = std::env::args()
        .skip(1)
        .find_map(|argument| argument.parse().ok())
        .unwrap_or(5_000);
    let url = std::env::var("DATABASE_URL").map_err(|_| "DATABASE_URL is not set")?;
    let server = PgConnectOptions::from_str(&url)?;
    let mut admin = PgConnection::connect_with(&server).await?;
    let name = format!("bench_exposure_{}", std::process::id());
    sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}")))
        .execute(&mut admin)
        .await?;
    let outcome = run(server.database(&name).to_url_lossy().as_str(), machines).await;
    sqlx::query(AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)")))
        .execute(&mut admin)
        .await?;
    outcome
}

async fn run(url: &str, machines: u32) -> Result<(), Box<dyn Error>> {
    let pool = store::connect(url, 2).await?;
    store::migrate(&pool).await?;
    let mut conn = pool.acquire().await?;
    import_all(&mut conn, machines).await?;
    sqlx::query("VACUUM ANALYZE").execute(&mut *conn).await?;
    let sets: i64 = sqlx::query_scalar("SELECT count(*) FROM driver_set")
        .fetch_one(&mut *conn)
        .await?;
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM presence")
        .fetch_one(&mut *conn)
        .await?;
    println!("{sets} driver sets, {rows} rows of presence");
    let window = Window::ending(NOW.date(), 91);
    for _ in 0..3 {
        let start = Instant::now();
        let counts = store::exposure::counts(&mut conn, 0x76, window).await?;
        let counted = start.elapsed();
        let suspects: Vec<Vec<i32>> = (1..=20).map(|version| vec![version]).collect();
        let start = Instant::now();
        store::exposure::histories(&mut conn, 0x76, window, &suspects).await?;
        println!(
            "exposure: {} strata, {} candidates, {} cases in {} ms; histories of 20 versions in {} ms",
            counts.strata.len(),
            counts.candidates.len(),
            counts.cases.len(),
            counted.as_millis(),
            start.elapsed().as_millis(),
        );
    }
    let start = Instant::now();
    store::drivers::list(&mut conn, None, None, 50).await?;
    println!("drivers::list in {} ms", start.elapsed().as_millis());
    let start = Instant::now();
    store::drivers::detail(&mut conn, "driver0.sys", window, None).await?;
    println!("drivers::detail in {} ms", start.elapsed().as_millis());
    let start = Instant::now();
    store::fleet::overview(&mut conn, window).await?;
    println!("fleet::overview in {} ms", start.elapsed().as_millis());
    Ok(())
}

/// Imports the fleet and tells the rate for each kind of line.
async fn import_all(conn: &mut PgConnection, machines: u32) -> Result<(), Box<dyn Error>> {
    let mut fleet = Fleet { machines, chance: 7 };
    let mut session = Session::default();
    import_lines(conn, &mut session, "drivers", Fleet::drivers()).await?;
    let (sets, inventories) = fleet.inventories();
    import_lines(conn, &mut session, "driver sets", sets).await?;
    import_lines(conn, &mut session, "machines", fleet.machines()).await?;
    import_lines(conn, &mut session, "inventories", inventories).await?;
    import_lines(conn, &mut session, "presence", fleet.presence()).await?;
    import_lines(conn, &mut session, "crashes", fleet.crashes()).await
}

async fn import_lines(
    conn: &mut PgConnection,
    session: &mut Session,
    what: &str,
    lines: Vec<Line>,
) -> Result<(), Box<dyn Error>> {
    let count = lines.len();
    let mut numbered = (1..).zip(lines).map(|(number, line)| NumberedLine {
        number,
        line: Ok(line),
    });
    let start = Instant::now();
    loop {
        let batch: Vec<NumberedLine> = numbered.by_ref().take(BATCH).collect();
        if batch.is_empty() {
            break;
        }
        let applied = import::apply(conn, session, batch, NOW).await?;
        if let Some(rejected) = applied.rejected.first() {
            return Err(rejected.reason.clone().into());
        }
    }
    let elapsed = start.elapsed().max(Elapsed::from_micros(1));
    let rate = count as u128 * 1_000_000 / elapsed.as_micros();
    println!(
        "{count:>7} lines of {what}: {} ms, {rate} lines/s",
        elapsed.as_millis()
    );
    Ok(())
}

/// A fleet from a seed; the numbers need no quality, only to be the same every time.
struct Fleet {
    machines: u32,
    chance: u32,
}

impl Fleet {
    fn below(&mut self, limit: u32) -> u32 {
        self.chance = self.chance.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.chance >> 8) % limit
    }

    fn drivers() -> Vec<Line> {
        let versions = (0..DRIVERS).flat_map(|driver| (0..3).map(move |version| (driver, version)));
        let lines = versions.map(|(driver, version)| Line::Driver {
            id: format!("d{driver}.{version}"),
            driver: InventoryDriver {
                name: format!("driver{driver}.sys"),
                version: Some(format!("1.{version}")),
                time_date_stamp: Some(1 + driver * 3 + version),
                size_of_image: Some(0x2000),
                ..InventoryDriver::default()
            },
        });
        lines.collect()
    }

    /// Driver set lines and inventory lines: a first set for each machine, then one update after another.
    fn inventories(&mut self) -> (Vec<Line>, Vec<Line>) {
        let (mut sets, mut inventories) = (Vec::new(), Vec::new());
        for machine in 0..self.machines {
            let mut versions: Vec<u32> = (0..DRIVERS).map(|_| self.below(2)).collect();
            let drivers = versions
                .iter()
                .zip(0..)
                .map(|(version, driver)| reference(driver, *version));
            let content = SetContent::Whole(drivers.collect());
            let mut day = 0;
            let mut change = 0;
            sets.push(Line::DriverSet {
                id: format!("{machine}.{change}"),
                content,
            });
            inventories.push(inventory(machine, change, day));
            while day < 7 * WEEKS - 20 {
                day += 1 + self.below(20);
                let driver = self.below(DRIVERS);
                let Some(version) = versions.get_mut(driver as usize) else {
                    continue;
                };
                let before = *version;
                *version = (*version + 1) % 3;
                let content = SetContent::Change {
                    base: format!("{machine}.{change}"),
                    add: vec![reference(driver, *version)],
                    remove: vec![format!("d{driver}.{before}")],
                };
                change += 1;
                sets.push(Line::DriverSet {
                    id: format!("{machine}.{change}"),
                    content,
                });
                inventories.push(inventory(machine, change, day));
            }
        }
        (sets, inventories)
    }

    fn machines(&self) -> Vec<Line> {
        let lines = (0..self.machines).map(|machine| Line::Machine {
            machine: format!("machine-{machine}"),
            attributes: Attributes {
                model: Some(format!("Model {}", machine % MODELS)),
                os_build: Some(22_631),
                ..Attributes::default()
            },
        });
        lines.collect()
    }

    /// One line per machine and week, each from Monday to Friday.
    fn presence(&self) -> Vec<Line> {
        let weeks = (0..WEEKS).flat_map(|week| (0..self.machines).map(move |machine| (week, machine)));
        let lines = weeks.map(|(week, machine)| {
            let monday = FIRST_MONDAY + Duration::weeks(i64::from(week));
            Line::Presence {
                machine: format!("machine-{machine}"),
                from: monday,
                to: monday + Duration::days(4),
            }
        });
        lines.collect()
    }

    fn crashes(&mut self) -> Vec<Line> {
        let mut lines = Vec::new();
        for _ in 0..self.machines / 50 {
            let machine = self.below(self.machines);
            let day = self.below(7 * WEEKS);
            lines.push(Line::Crash(CrashLine {
                machine: format!("machine-{machine}"),
                at: midnight(day) + Duration::hours(10),
                stop_code: 0x76,
                parameters: vec![0, 0, 0x26, 0],
                process: Some("backup.exe".to_owned()),
                stack_modules: Vec::new(),
            }));
        }
        lines
    }
}

fn midnight(day: u32) -> OffsetDateTime {
    (FIRST_MONDAY + Duration::days(i64::from(day)))
        .midnight()
        .assume_utc()
}

fn reference(driver: u32, version: u32) -> DriverReference {
    DriverReference::Id(format!("d{driver}.{version}"))
}

fn inventory(machine: u32, change: u32, day: u32) -> Line {
    Line::Inventory {
        machine: format!("machine-{machine}"),
        at: midnight(day),
        drivers: InventorySource::Set(format!("{machine}.{change}")),
    }
}
