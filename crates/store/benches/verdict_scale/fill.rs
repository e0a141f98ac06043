//! Filling a database with a fleet, by SQL.
//!
//! 200 models, the first of them with most machines. Each has 50 images of 200 drivers (of 800; 120 are on every
//! model), and each image changes one to three drivers every other week, on a Monday or a Wednesday by ring: 100,000
//! sets, of which some 70,000 are in use. 300 sites. Machines are on Monday to Friday but for some days.

use std::error::Error;
use std::time::Instant;

use sqlx::{AssertSqlSafe, PgConnection, PgPool};

const MODELS: u32 = 200;
const IMAGES: u32 = 50;
const STEPS: u32 = 10;
const DRIVERS: u32 = 800;
const VERSIONS: u32 = 5;
/// Drivers of every model, and of one set.
const COMMON: u32 = 120;
const OF_SET: u32 = 200;
const CRASHES: u32 = 5_000;

/// Chance from a seed: the numbers need no quality, only to be the same every time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        u32::try_from((self.0 >> 33) % u64::from(limit)).unwrap_or(0)
    }
}

pub(super) async fn fill(pool: &PgPool, machines: u32) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let mut conn = pool.acquire().await?;
    run(&mut conn, "SET statement_timeout = 0").await?;
    run(&mut conn, "SET maintenance_work_mem = '1GB'").await?;
    store::crashes::ensure_partitions(
        &mut conn,
        time::macros::date!(2026 - 08 - 01),
        time::macros::date!(2026 - 12 - 01),
    )
    .await?;
    dictionaries(&mut conn).await?;
    sets(&mut conn).await?;
    fleet(&mut conn, machines).await?;
    crashes(&mut conn, machines).await?;
    run(&mut conn, "VACUUM ANALYZE").await?;
    let presence: i64 = sqlx::query_scalar("SELECT count(*) FROM presence")
        .fetch_one(&mut *conn)
        .await?;
    let sets: i64 = sqlx::query_scalar("SELECT count(DISTINCT driver_set_id) FROM presence")
        .fetch_one(&mut *conn)
        .await?;
    let size: i64 = sqlx::query_scalar("SELECT pg_database_size(current_database())")
        .fetch_one(&mut *conn)
        .await?;
    println!(
        "{machines} machines of {MODELS} models at 300 sites, 13 weeks: {presence} rows of presence, {sets} driver sets of {OF_SET} of {} versions in use, {} MB, filled in {} s",
        DRIVERS * VERSIONS,
        size >> 20,
        start.elapsed().as_secs(),
    );
    conn.close().await?;
    Ok(())
}

async fn run(conn: &mut PgConnection, sql: &str) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(conn).await?;
    Ok(())
}

async fn dictionaries(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    let sql = format!(
        "INSERT INTO hardware_model (manufacturer, model)
         SELECT 'Acme', 'Model ' || n FROM generate_series(1, {MODELS}) AS n;
         INSERT INTO driver (name, company)
         SELECT 'driver' || n || '.sys', CASE WHEN n % 3 = 0 THEN 'Microsoft Corporation' ELSE 'Acme' END
         FROM generate_series(1, {DRIVERS}) AS n;
         INSERT INTO driver_version (driver_id, version, first_seen_on)
         SELECT driver, '1.' || version, date '2026-06-01' + 40 * version
         FROM generate_series(1, {DRIVERS}) AS driver, generate_series(0, {VERSIONS} - 1) AS version
         ORDER BY driver, version"
    );
    run(conn, &sql).await
}

/// Set number `1 + (model * IMAGES + image) * STEPS + step`.
async fn sets(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    let mut chance = Chance(7);
    let mut id = 0;
    for _ in 0..MODELS {
        let own: Vec<u32> = (COMMON..DRIVERS)
            .filter(|_| chance.below(DRIVERS - COMMON) < 90)
            .collect();
        let mut ids: Vec<i64> = Vec::new();
        let mut packed: Vec<Vec<u8>> = Vec::new();
        for _ in 0..IMAGES {
            let mut versions: Vec<(u32, u32)> = (0..COMMON)
                .chain(own.iter().copied())
                .take(usize::try_from(OF_SET).unwrap_or(200))
                .map(|driver| (driver, chance.below(2)))
                .collect();
            for _ in 0..STEPS {
                for _ in 0..=chance.below(3) {
                    let place = chance.below(u32::try_from(versions.len()).unwrap_or(1));
                    if let Some((_, version)) = versions.get_mut(usize::try_from(place).unwrap_or(0)) {
                        *version = (*version + 1).min(VERSIONS - 1);
                    }
                }
                id += 1;
                ids.push(id);
                let bytes = versions
                    .iter()
                    .flat_map(|(driver, version)| (1 + driver * VERSIONS + version).to_be_bytes());
                packed.push(bytes.collect());
            }
        }
        // Equal sets of different images are told apart by their number, which is no version.
        sqlx::query(
            "INSERT INTO driver_set (id, hash, driver_version_ids) OVERRIDING SYSTEM VALUE
             SELECT id, sha256(packed || int8send(id)), packed FROM unnest($1::bigint[], $2::bytea[]) AS told (id, packed)",
        )
        .bind(&ids)
        .bind(&packed)
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}

async fn fleet(conn: &mut PgConnection, machines: u32) -> Result<(), sqlx::Error> {
    let sql = format!(
        "CREATE TABLE invented AS
         SELECT n, encode(substr(sha256(('machine-' || n)::bytea), 1, 16), 'hex')::uuid AS machine_id,
             floor({MODELS} * power((hashint4(n) & 65535) / 65536.0, 2))::integer AS model,
             (hashint4(n + 1000000000) & 65535) % {IMAGES} AS image, n % 4 AS ring,
             'Site ' || (hashint4(n + 500000000) & 65535) % 300 AS site
         FROM generate_series(1, {machines}) AS n;
         INSERT INTO machine (machine_id, name, model_id, model, manufacturer, os_build, site, driver_set_id,
             first_seen_at, last_seen_at, first_presence)
         SELECT machine_id, 'machine-' || n, model + 1, 'Model ' || model + 1, 'Acme', 22621 + 10 * ring, site,
             1 + (model * {IMAGES} + image) * {STEPS} + 6, '2026-08-01', '2026-11-22', '2026-08-24'
         FROM invented;
         ALTER TABLE presence DROP CONSTRAINT presence_pkey;
         DROP INDEX presence_by_week;
         INSERT INTO presence (machine_id, week, driver_set_id, days, model_id, os_build)
         SELECT machine_id, date '2026-08-24' + 7 * w, 1 + (model * {IMAGES} + image) * {STEPS} + part.step,
             part.days, model + 1, 22621 + 10 * ring
         FROM generate_series(0, 12) AS w, invented
         CROSS JOIN LATERAL (SELECT 31 & ~(1 << (hashint4(n * 13 + w) & 7)) AS days) AS seen
         CROSS JOIN LATERAL (VALUES
             -- Rings 2 and 3 change on the Wednesday of every other week, the others on its Monday.
             ((w + CASE WHEN ring = 3 THEN 0 ELSE 1 END) / 2, CASE WHEN ring >= 2 AND (w + ring) % 2 = 0 THEN days & 3 ELSE days END),
             ((w + CASE WHEN ring = 3 THEN 0 ELSE 1 END) / 2 + 1, CASE WHEN ring >= 2 AND (w + ring) % 2 = 0 THEN days & 28 ELSE 0 END)
         ) AS part (step, days)
         WHERE part.days <> 0
         -- As it would have come in.
         ORDER BY w;
         ALTER TABLE presence ADD PRIMARY KEY (machine_id, week, driver_set_id);
         CREATE INDEX presence_by_week ON presence (week);
         ALTER TABLE inventory DROP CONSTRAINT inventory_pkey;
         INSERT INTO inventory (machine_id, at, driver_set_id, os_build, model_id)
         SELECT machine_id, (date '2026-08-24' + 14 * step + 2 * (ring / 2))::timestamptz,
             1 + (model * {IMAGES} + image) * {STEPS} + step, 22621 + 10 * ring, model + 1
         FROM invented, generate_series(0, 6) AS step;
         ALTER TABLE inventory ADD PRIMARY KEY (machine_id, at)"
    );
    run(conn, &sql).await
}

/// Crashes of 0x76 without dumps, and four times as many of ten other codes with dumps that name drivers.
async fn crashes(conn: &mut PgConnection, machines: u32) -> Result<(), sqlx::Error> {
    let sql = format!(
        "INSERT INTO crash (machine_id, crashed_at, id, source, kind, counts, stop_code, raw_code, os_build, model_id,
             signature, driver_set_id, received_at, report)
         SELECT machine_id, timestamptz '2026-08-24 10:00Z' + make_interval(days => (hashint4(c) & 65535) % 91),
             gen_random_uuid(), CASE WHEN c > {CRASHES} THEN 'dump' ELSE 'event' END, 'kernel', true,
             CASE WHEN c > {CRASHES} THEN 10 + c % 10 ELSE 118 END, 118, 22621 + 10 * ring, model + 1, 'x',
             CASE WHEN c > {CRASHES} THEN 1 + (model * {IMAGES} + image) * {STEPS} + 3 END, '2026-11-22', '{{}}'
         FROM generate_series(1, 5 * {CRASHES}) AS c
         JOIN invented ON n = 1 + (hashint4(c + 77)::bigint & 1073741823) % {machines};
         INSERT INTO crash_evidence (machine_id, crashed_at, crash_id, driver_version_id, kind, strength)
         SELECT machine_id, crashed_at, crash.id, (driver_set_members(driver_version_ids))[1 + (hashtext(crash.id::text) & 127)],
             'stack', 0.6
         FROM crash JOIN driver_set ON driver_set.id = crash.driver_set_id"
    );
    run(conn, &sql).await
}
