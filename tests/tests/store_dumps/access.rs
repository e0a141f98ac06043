//! Tokens, sessions and sign-in links stop working when they should.

use sqlx::PgConnection;
use store::Sha256;
use store::enrolment::{self, Enrolment};
use store::tokens::{self, Grant, NewToken, Secret};
use store::{audit, sessions};
use tests::database;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

const NOW: OffsetDateTime = datetime!(2026-11-22 12:00 UTC);

fn wish(expires_at: Option<OffsetDateTime>) -> NewToken {
    NewToken {
        name: "enrolment".to_owned(),
        scopes: vec!["upload".to_owned()],
        machine: None,
        expires_at,
    }
}

/// What a token's secret lets somebody do at `now`.
async fn granted(conn: &mut PgConnection, secret: Sha256, now: OffsetDateTime) -> Option<Grant> {
    tokens::authenticate(conn, secret, now).await.unwrap()
}

/// What a session's secret does.
async fn signed_in(conn: &mut PgConnection, secret: Sha256, now: OffsetDateTime) -> Option<Grant> {
    sessions::authenticate(conn, secret, now).await.unwrap()
}

#[tokio::test]
async fn a_token_works_until_it_expires() {
    let pool = database().await.pool;
    let mut conn = pool.acquire().await.unwrap();
    let (id, secret) = tokens::create(&mut conn, &wish(Some(NOW + Duration::DAY)), NOW)
        .await
        .unwrap();
    let grant = granted(&mut conn, secret.hash(), NOW).await.unwrap();
    assert_eq!((grant.token, grant.scopes), (Some(id), vec!["upload".to_owned()]));
    let later = NOW + Duration::DAY;
    assert!(granted(&mut conn, secret.hash(), later).await.is_none());
    assert!(granted(&mut conn, Sha256::of(b"guess"), NOW).await.is_none());
}

/// However many ask at once, and whoever is told first: one token of a machine works, and none once it is put out.
#[tokio::test(flavor = "multi_thread")]
async fn of_enrolments_at_once_one_token_is_left_and_a_revocation_among_them_holds() {
    let pool = database().await.pool;
    let mut conn = pool.acquire().await.unwrap();
    let (key, _) = tokens::create(&mut conn, &wish(None), NOW).await.unwrap();
    let enrol = async || {
        let mut conn = pool.acquire().await.unwrap();
        enrolment::enrol(&mut conn, "m1", key, "0.1.0", NOW)
            .await
            .unwrap()
    };
    let enrolments = tokio::join!(enrol(), enrol(), enrol(), enrol());
    let mut good = 0;
    for enrolled in [enrolments.0, enrolments.1, enrolments.2, enrolments.3] {
        let Enrolment::Enrolled(_, secret) = enrolled else {
            panic!("{enrolled:?}");
        };
        let grant = granted(&mut conn, secret.hash(), NOW).await;
        good += i32::from(grant.is_some());
    }
    assert_eq!(good, 1);

    let put_out = async {
        let mut conn = pool.acquire().await.unwrap();
        enrolment::revoke_machine(&mut conn, "m1", NOW)
            .await
            .unwrap()
            .unwrap();
    };
    tokio::join!(enrol(), enrol(), put_out, enrol(), enrol());

    assert_eq!(enrol().await, Enrolment::MachineRevoked);
    let working = tokens::list(&mut conn).await.unwrap().into_iter();
    let working = working.filter(|token| token.machine.is_some() && token.revoked_at.is_none());
    assert_eq!(working.count(), 0);
}

#[tokio::test]
async fn a_revoked_token_and_its_sessions_stop_working() {
    let pool = database().await.pool;
    let mut conn = pool.acquire().await.unwrap();
    let (id, secret) = tokens::create(&mut conn, &wish(None), NOW).await.unwrap();
    let grant = granted(&mut conn, secret.hash(), NOW).await.unwrap();
    let cookie = sessions::open(&mut conn, &grant, NOW, Duration::DAY)
        .await
        .unwrap();
    assert!(signed_in(&mut conn, cookie.hash(), NOW).await.is_some());
    tokens::revoke(&mut conn, id, NOW).await.unwrap().unwrap();
    assert!(granted(&mut conn, secret.hash(), NOW).await.is_none());
    assert!(signed_in(&mut conn, cookie.hash(), NOW).await.is_none());
}

#[tokio::test]
async fn an_administrator_sees_open_sessions_and_can_end_one() {
    let pool = database().await.pool;
    let mut conn = pool.acquire().await.unwrap();
    let (id, secret) = tokens::create(&mut conn, &wish(None), NOW).await.unwrap();
    let by_token = granted(&mut conn, secret.hash(), NOW).await.unwrap();
    let by_name = Grant {
        token: None,
        scopes: vec!["read".to_owned()],
        machine: None,
        actor: Some("ada@example.com (1)".to_owned()),
    };
    let cookies = [
        sessions::open(&mut conn, &by_token, NOW, Duration::DAY)
            .await
            .unwrap(),
        sessions::open(&mut conn, &by_name, NOW + Duration::SECOND, Duration::DAY)
            .await
            .unwrap(),
        sessions::open(&mut conn, &by_name, NOW - Duration::DAY, Duration::HOUR)
            .await
            .unwrap(),
    ];
    let later = NOW + Duration::MINUTE;
    let open = sessions::open_now(&mut conn, later, 10).await.unwrap();
    let who: Vec<_> = open
        .iter()
        .map(|one| (one.token_name.as_deref(), one.actor.as_deref()))
        .collect();
    assert_eq!(
        who,
        [(None, Some("ada@example.com (1)")), (Some("enrolment"), None)]
    );
    assert_eq!(open[0].hash, cookies[1].hash());

    let ended = sessions::close(&mut conn, cookies[1].hash()).await.unwrap();
    assert_eq!(ended.as_deref(), Some("ada@example.com (1)"));
    assert_eq!(sessions::close(&mut conn, cookies[1].hash()).await.unwrap(), None);
    assert_eq!(signed_in(&mut conn, cookies[1].hash(), later).await, None);
    tokens::revoke(&mut conn, id, NOW).await.unwrap().unwrap();
    assert_eq!(sessions::open_now(&mut conn, later, 10).await.unwrap(), []);
}

#[tokio::test]
async fn the_record_forgets_what_is_older_than_it_is_kept() {
    let pool = database().await.pool;
    let mut conn = pool.acquire().await.unwrap();
    for days in [1, 2, 3] {
        let entry = audit::Entry {
            at: NOW - Duration::days(days),
            token: None,
            actor: None,
            action: "dump.download".to_owned(),
            subject: days.to_string(),
        };
        audit::record(&mut conn, &entry).await.unwrap();
    }
    assert_eq!(audit::prune(&mut conn, NOW - Duration::days(2)).await.unwrap(), 1);
    let left = audit::list(&mut conn, &audit::Filter::default(), None, 10)
        .await
        .unwrap();
    let left: Vec<_> = left.items.iter().map(|entry| entry.subject.as_str()).collect();
    assert_eq!(left, ["1", "2"]);
}

#[tokio::test]
async fn a_sign_in_link_opens_one_session() {
    let pool = database().await.pool;
    let mut conn = pool.acquire().await.unwrap();
    let scopes = ["admin".to_owned()];
    let link = sessions::create_link(&mut conn, &scopes, NOW, Duration::HOUR)
        .await
        .unwrap();
    let grant = sessions::use_link(&mut conn, link.hash(), NOW)
        .await
        .unwrap()
        .unwrap();
    assert!(
        sessions::use_link(&mut conn, link.hash(), NOW)
            .await
            .unwrap()
            .is_none()
    );
    let cookie = sessions::open(&mut conn, &grant, NOW, Duration::DAY)
        .await
        .unwrap();
    let session = signed_in(&mut conn, cookie.hash(), NOW).await;
    assert_eq!(session, Some(grant));
    let over = NOW + Duration::DAY;
    assert!(signed_in(&mut conn, cookie.hash(), over).await.is_none());
    assert_eq!(sessions::sweep(&mut conn, over).await.unwrap(), 1);
}

#[tokio::test]
async fn only_the_first_start_prints_an_admin_token() {
    let pool = database().await.pool;
    let mut conn = pool.acquire().await.unwrap();
    let printed = tokens::ensure_admin(&mut conn, None, NOW).await.unwrap().unwrap();
    assert!(
        tokens::ensure_admin(&mut conn, None, NOW)
            .await
            .unwrap()
            .is_none()
    );
    assert!(granted(&mut conn, printed.hash(), NOW).await.is_some());
}

#[tokio::test]
async fn a_new_text_in_the_environment_replaces_the_old_one() {
    let pool = database().await.pool;
    let mut conn = pool.acquire().await.unwrap();
    for text in ["first", "first", "second"] {
        let printed: Option<Secret> = tokens::ensure_admin(&mut conn, Some(text), NOW).await.unwrap();
        assert!(printed.is_none());
    }
    let first = granted(&mut conn, Sha256::of(b"first"), NOW).await;
    let second = granted(&mut conn, Sha256::of(b"second"), NOW).await;
    assert!(first.is_none());
    assert_eq!(second.unwrap().scopes, ["admin"]);
}
