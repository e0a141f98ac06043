//! Alerts: what is news, and that every receiver gets it.

use std::time::Duration;

use serde_json::json;
use sqlx::PgConnection;
use store::alerts::{
    self, AlertKind, Failed, NewWebhook, Reached, ReachedWord, WebhookId, claim, create_webhook, cusum,
    daily, delivered, failed, verdict_reached,
};
use store::import::Line;
use store::{presence, verdicts};
use time::macros::{date, datetime};

use super::exposure::{WINDOW, fleet};
use super::{NOW, connection, crash_line, machine_line};

const LEASE: Duration = Duration::from_mins(1);

async fn webhook(conn: &mut PgConnection, kinds: &[AlertKind]) -> WebhookId {
    let webhook = NewWebhook {
        url: "http://127.0.0.1:9/".to_owned(),
        secret: "key".to_owned(),
        kinds: kinds.to_vec(),
    };
    create_webhook(conn, &webhook, NOW).await.unwrap()
}

fn reached(word: ReachedWord, subjects: &[i32]) -> Reached {
    Reached {
        stop_code: 0x76,
        word,
        subjects: subjects.to_vec(),
        body: json!({ "word": "x" }),
    }
}

async fn is_news(conn: &mut PgConnection, word: ReachedWord, subjects: &[i32], days_later: i64) -> bool {
    let now = NOW + time::Duration::days(days_later);
    let alert = verdict_reached(conn, &reached(word, subjects), now)
        .await
        .unwrap();
    alert.is_some()
}

#[tokio::test]
async fn a_verdict_that_comes_and_goes_is_told_once() {
    let mut conn = connection().await;
    let conn = &mut *conn;
    assert!(is_news(conn, ReachedWord::SuspectSet, &[1, 2], 0).await);
    // The same again, and with its suspects in part.
    assert!(!is_news(conn, ReachedWord::SuspectSet, &[1, 2], 1).await);
    assert!(!is_news(conn, ReachedWord::SuspectSet, &[2, 3], 2).await);
    // Stronger, then weaker again.
    assert!(is_news(conn, ReachedWord::LikelyCause, &[2], 3).await);
    assert!(!is_news(conn, ReachedWord::SuspectSet, &[2], 4).await);
    assert!(!is_news(conn, ReachedWord::LikelyCause, &[2], 5).await);
    // Somebody else, and the same after a quarter.
    assert!(is_news(conn, ReachedWord::SuspectSet, &[7], 6).await);
    assert!(is_news(conn, ReachedWord::LikelyCause, &[2], 100).await);
}

#[tokio::test]
async fn an_alert_goes_to_the_webhooks_that_want_it_until_they_take_it() {
    let mut conn = connection().await;
    let conn = &mut *conn;
    let wants = webhook(conn, &[AlertKind::Verdict]).await;
    webhook(conn, &[AlertKind::RateJump]).await;
    let switched_off = webhook(conn, &[AlertKind::Verdict]).await;
    alerts::disable_webhook(conn, switched_off, NOW)
        .await
        .unwrap()
        .unwrap();
    assert!(is_news(conn, ReachedWord::SuspectSet, &[1], 0).await);

    let first = claim(conn, 10, LEASE).await.unwrap();
    assert_eq!(
        first
            .iter()
            .map(|delivery| delivery.fence.webhook)
            .collect::<Vec<_>>(),
        [wants.0]
    );
    assert_eq!(first[0].alert.body, json!({ "word": "x" }));
    assert_eq!(claim(conn, 10, LEASE).await.unwrap(), []);
    let outcome = failed(conn, first[0].fence, "refused", Duration::ZERO)
        .await
        .unwrap();
    assert_eq!(outcome, Failed::Retried);

    let second = claim(conn, 10, LEASE).await.unwrap();
    assert!(
        !delivered(conn, first[0].fence).await.unwrap(),
        "the first claim is void"
    );
    assert!(delivered(conn, second[0].fence).await.unwrap());
    assert_eq!(claim(conn, 10, LEASE).await.unwrap(), []);
    let told = alerts::list(conn, None, 10).await.unwrap().items;
    assert_eq!((told[0].delivered, told[0].waiting, told[0].failed), (1, 0, 0));
}

#[tokio::test]
async fn a_delivery_is_given_up_three_days_after_its_alert_and_stays_visible() {
    let mut conn = connection().await;
    let conn = &mut *conn;
    webhook(conn, &[AlertKind::Verdict]).await;
    assert!(is_news(conn, ReachedWord::SuspectSet, &[1], -400).await);
    let claimed = claim(conn, 10, LEASE).await.unwrap();
    let outcome = failed(conn, claimed[0].fence, "refused", Duration::ZERO)
        .await
        .unwrap();
    assert_eq!(outcome, Failed::GivenUp);
    assert_eq!(claim(conn, 10, LEASE).await.unwrap(), []);
    let told = alerts::list(conn, None, 10).await.unwrap().items;
    assert_eq!(
        (told[0].failed, told[0].last_error.as_deref()),
        (1, Some("refused"))
    );
    assert_eq!(alerts::prune(conn, NOW).await.unwrap(), 1);
    assert_eq!(alerts::list(conn, None, 10).await.unwrap().items, []);
}

/// A crash a day of one machine is one; a crash without presence is none.
#[tokio::test]
async fn a_day_counts_machines_that_were_on_and_crash_anew() {
    let mut conn = connection().await;
    let mut crashes: Vec<Line> = (4..=7)
        .map(|day| crash_line("m1", datetime!(2026-11-01 10:00 UTC).replace_day(day).unwrap()))
        .collect();
    crashes.push(crash_line("m2", datetime!(2026-11-05 10:00 UTC)));
    crashes.push(machine_line("m9", "Latitude"));
    crashes.push(crash_line("m9", datetime!(2026-11-05 10:00 UTC)));
    fleet(&mut conn, crashes).await;
    for _ in 0..2 {
        let days = daily(&mut conn, 0x76, WINDOW).await.unwrap();
        assert_eq!(days.len(), 14);
        assert!(days.iter().all(|day| day.machine_days == 3));
        let crashing: Vec<u64> = days.iter().take(5).map(|day| day.crashing_machines).collect();
        assert_eq!(crashing, [0, 0, 1, 1, 0]);
        // And the same from rolled-up weeks.
        let later = NOW + time::Duration::minutes(10);
        store::exposure::roll_up_due(&mut conn, later).await.unwrap();
    }
}

#[tokio::test]
async fn one_jump_is_told_once() {
    let mut conn = connection().await;
    let jump = cusum::Jump {
        since: date!(2026 - 11 - 10),
        until: date!(2026 - 11 - 21),
        crashing_machines: 12,
        machine_days: 1_000,
        rate_before: 1.0,
        rate_after: 12.0,
        score: 9.0,
    };
    let body = json!({});
    for (days, expected) in [(0, true), (1, false), (34, false), (36, true)] {
        let now = NOW + time::Duration::days(days);
        let alert = alerts::rate_jumped(&mut conn, 0x76, &jump, &body, now)
            .await
            .unwrap();
        assert_eq!(alert.is_some(), expected, "{days} days later");
    }
}

#[tokio::test]
async fn news_is_heard_once_and_only_if_it_is_new() {
    let mut conn = connection().await;
    let conn = &mut *conn;
    assert!(!verdicts::heard_news(conn).await.unwrap());
    fleet(conn, vec![]).await;
    assert!(verdicts::heard_news(conn).await.unwrap());
    assert!(!verdicts::heard_news(conn).await.unwrap());
    presence::add(conn, "m1", &[WINDOW.from], NOW).await.unwrap();
    assert!(!verdicts::heard_news(conn).await.unwrap(), "that day was known");
    presence::add(conn, "m1", &[date!(2026 - 11 - 22)], NOW)
        .await
        .unwrap();
    assert!(verdicts::heard_news(conn).await.unwrap());
}
