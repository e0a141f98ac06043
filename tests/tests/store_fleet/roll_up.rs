//! Rolling weeks up while others write.

use store::exposure::{counts, roll_up_due};
use store::import::Session;
use store::presence;
use store::{PgPool, Window};
use time::macros::{date, datetime};
use time::{Date, Duration, OffsetDateTime};

use super::{NOW, driver_line, import, inventory_line, machine_line, presence_line, set_line};

/// Two weeks that are over.
const WINDOW: Window = Window {
    from: date!(2026 - 11 - 02),
    to: date!(2026 - 11 - 15),
};

/// `m1` with one driver, on for the first of the two weeks.
async fn one_machine() -> PgPool {
    let pool = tests::database().await.pool;
    let mut conn = pool.acquire().await.unwrap();
    let lines = vec![
        driver_line("a1", "a.sys", 1),
        set_line("s", &["a1"]),
        machine_line("m1", "Latitude"),
        inventory_line("m1", datetime!(2026-11-01 00:00 UTC), "s"),
        presence_line("m1", WINDOW.from, date!(2026 - 11 - 08)),
    ];
    import(&mut conn, &mut Session::default(), lines).await;
    pool
}

fn later(minutes: i64) -> OffsetDateTime {
    NOW + Duration::minutes(minutes)
}

async fn machine_days(pool: &PgPool) -> u64 {
    let mut conn = pool.acquire().await.unwrap();
    counts(&mut conn, 0x76, WINDOW).await.unwrap().machine_days
}

async fn roll_up(pool: &PgPool, now: OffsetDateTime) -> Vec<Date> {
    let mut conn = pool.acquire().await.unwrap();
    roll_up_due(&mut conn, now).await.unwrap()
}

#[tokio::test]
async fn a_week_is_rolled_up_once_it_is_left_alone() {
    let pool = one_machine().await;
    assert_eq!(roll_up(&pool, later(1)).await, Vec::<Date>::new());
    assert_eq!(roll_up(&pool, later(5)).await, [WINDOW.from]);
    assert_eq!(roll_up(&pool, later(90)).await, Vec::<Date>::new());
    assert_eq!(machine_days(&pool).await, 7);
}

#[tokio::test]
async fn the_open_week_is_never_rolled_up() {
    let pool = one_machine().await;
    let mut conn = pool.acquire().await.unwrap();
    presence::add(&mut conn, "m1", &[date!(2026 - 11 - 22)], NOW)
        .await
        .unwrap();
    assert_eq!(roll_up(&pool, later(30)).await, [WINDOW.from]);
    let after_its_end = datetime!(2026-11-23 07:00 UTC);
    assert_eq!(roll_up(&pool, after_its_end).await, [date!(2026 - 11 - 16)]);
}

/// The writer was there first and ends last: its note must outlive the roll-up that did not see it.
#[tokio::test]
async fn a_change_that_is_committed_after_the_roll_up_is_counted() {
    let pool = one_machine().await;
    let mut writer = pool.begin().await.unwrap();
    presence::add(&mut writer, "m2", &[WINDOW.from], NOW)
        .await
        .unwrap();
    presence::add(&mut writer, "m1", &[date!(2026 - 11 - 09)], NOW)
        .await
        .unwrap();
    assert_eq!(roll_up(&pool, later(5)).await, [WINDOW.from]);
    assert_eq!(machine_days(&pool).await, 7);
    writer.commit().await.unwrap();
    assert_eq!(machine_days(&pool).await, 8);
    let changed = [date!(2026 - 11 - 09), WINDOW.from];
    assert_eq!(roll_up(&pool, later(10)).await, changed);
    assert_eq!(machine_days(&pool).await, 8);
}

#[tokio::test]
async fn a_week_that_never_rests_is_rolled_up_every_hour() {
    let pool = one_machine().await;
    roll_up(&pool, later(5)).await;
    let mut conn = pool.acquire().await.unwrap();
    let day = [date!(2026 - 11 - 09)];
    presence::add(&mut conn, "m1", &day, later(63)).await.unwrap();
    let day = [date!(2026 - 11 - 02)];
    presence::add(&mut conn, "m3", &day, later(64)).await.unwrap();
    assert_eq!(roll_up(&pool, later(64)).await, Vec::<Date>::new());
    assert_eq!(roll_up(&pool, later(66)).await, [WINDOW.from]);
}
