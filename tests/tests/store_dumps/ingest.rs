//! Taking dumps: durable before answered, the same bytes once, never a row without a blob.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use store::blobs::Blobs;
use store::dumps::{self, DumpState};
use store::ingest::{Ingest, NewDump, Receipt};
use store::wakeup::Notifier;
use store::{Clock, Sha256, jobs};
use tests::{Database, database};

struct Place {
    database: Database,
    folder: tempfile::TempDir,
    ingest: Ingest,
}

async fn place() -> Place {
    let database = database().await;
    let folder = tempfile::tempdir().unwrap();
    let ingest = replica(&database, &folder).await;
    Place {
        database,
        folder,
        ingest,
    }
}

/// Another server on the same database and blobs.
async fn replica(database: &Database, folder: &tempfile::TempDir) -> Ingest {
    let blobs = Blobs::open(folder.path(), Clock::System).await.unwrap();
    let notifier = Notifier::start(database.pool.clone());
    Ingest::start(database.pool.clone(), blobs, Clock::System, notifier)
}

impl Place {
    async fn blobs(&self) -> Blobs {
        Blobs::open(self.folder.path(), Clock::System).await.unwrap()
    }

    fn blob(&self, bytes: &[u8]) -> PathBuf {
        let name = Sha256::of(bytes).to_string();
        self.folder.path().join(&name[..2]).join(name)
    }

    /// Rows of dumps and jobs that wait for a worker.
    async fn rows(&self) -> (i64, i64) {
        let dumps = sqlx::query_scalar("SELECT count(*) FROM dump");
        let jobs = sqlx::query_scalar("SELECT count(*) FROM job WHERE kind = 'analyze' AND state = 0");
        (
            dumps.fetch_one(&self.database.pool).await.unwrap(),
            jobs.fetch_one(&self.database.pool).await.unwrap(),
        )
    }
}

fn dump(bytes: &[u8]) -> NewDump {
    NewDump {
        sha256: Sha256::of(bytes),
        bytes: bytes.to_vec().into(),
        format: "kernel-triage",
        machine: None,
        file_name: Some("112226-1234-01.dmp".to_owned()),
        annotations: None,
    }
}

#[tokio::test]
async fn an_answered_upload_has_its_blob_its_row_and_its_job() {
    let place = place().await;
    let mut new = dump(b"one");
    new.machine = Some("m1".to_owned());
    let receipt = place.ingest.submit(new).await.unwrap();
    assert_eq!((receipt.state, receipt.duplicate), (DumpState::Queued, false));
    assert_eq!(fs::read(place.blob(b"one")).unwrap(), b"one");
    assert_eq!(place.rows().await, (1, 1));
    let mut conn = place.database.pool.acquire().await.unwrap();
    let row = dumps::find(&mut conn, receipt.id).await.unwrap().unwrap();
    assert_eq!((row.size_bytes, row.sha256), (3, Sha256::of(b"one")));
    assert_eq!(row.machine.as_deref(), Some("m1"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn equal_uploads_at_the_same_moment_to_two_replicas_are_one_dump() {
    let place = place().await;
    let other = replica(&place.database, &place.folder).await;
    let uploads = (0..40).map(|index| {
        let ingest = if index % 2 == 0 { &place.ingest } else { &other };
        let ingest = ingest.clone();
        tokio::spawn(async move { ingest.submit(dump(b"same")).await.unwrap() })
    });
    let mut receipts: Vec<Receipt> = Vec::new();
    for upload in uploads.collect::<Vec<_>>() {
        receipts.push(upload.await.unwrap());
    }
    assert!(receipts.iter().all(|receipt| receipt.id == receipts[0].id));
    assert_eq!(receipts.iter().filter(|receipt| !receipt.duplicate).count(), 1);
    assert_eq!(place.rows().await, (1, 1));
}

#[tokio::test]
async fn a_blob_that_cannot_be_written_leaves_no_row() {
    let place = place().await;
    // A file where the folder of the blob would be.
    let in_the_way = place.blob(b"one").parent().unwrap().to_owned();
    fs::remove_dir(&in_the_way).unwrap();
    fs::write(&in_the_way, b"").unwrap();
    assert!(place.ingest.submit(dump(b"one")).await.is_err());
    assert_eq!(place.rows().await, (0, 0));
    fs::remove_file(&in_the_way).unwrap();
    fs::create_dir(in_the_way).unwrap();
    assert!(!place.ingest.submit(dump(b"one")).await.unwrap().duplicate);
}

#[tokio::test]
async fn sending_a_dump_again_mends_its_lost_blob() {
    let place = place().await;
    let first = place.ingest.submit(dump(b"one")).await.unwrap();
    fs::remove_file(place.blob(b"one")).unwrap();
    let again = place.ingest.submit(dump(b"one")).await.unwrap();
    assert_eq!((again.id, again.duplicate), (first.id, true));
    assert_eq!(fs::read(place.blob(b"one")).unwrap(), b"one");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_the_database_refuses_does_not_take_its_group_down() {
    let place = place().await;
    let uploads = (0..20_u8).map(|index| {
        let mut new = dump(&[index]);
        if index == 7 {
            // No text in Postgres holds a NUL.
            new.format = "\0";
        }
        let ingest = place.ingest.clone();
        tokio::spawn(async move { ingest.submit(new).await.is_ok() })
    });
    let mut taken = Vec::new();
    for upload in uploads.collect::<Vec<_>>() {
        taken.push(upload.await.unwrap());
    }
    let refused: Vec<usize> = (0..20).filter(|index| !taken[*index]).collect();
    assert_eq!(refused, [7]);
    assert_eq!(place.rows().await, (19, 19));
}

/// As when Postgres is killed again and again in the middle: whoever got an answer finds blob and row.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn losing_connections_loses_nothing_that_was_acknowledged() {
    let place = place().await;
    let killer = {
        let pool = store::connect(&place.database.url, 1).await.unwrap();
        tokio::spawn(async move {
            for _ in 0..20 {
                sqlx::query(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                     WHERE datname = current_database() AND pid <> pg_backend_pid()",
                )
                .execute(&pool)
                .await
                .unwrap();
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
    };
    let mut acknowledged = Vec::new();
    for index in 0..200_u8 {
        if let Ok(receipt) = place.ingest.submit(dump(&[index])).await {
            acknowledged.push((index, receipt));
        }
    }
    killer.await.unwrap();
    let pool = store::connect(&place.database.url, 1).await.unwrap();
    let mut conn = pool.acquire().await.unwrap();
    assert!(!acknowledged.is_empty());
    for (index, receipt) in acknowledged {
        assert!(place.blob(&[index]).exists());
        assert!(dumps::find(&mut conn, receipt.id).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn an_upload_whose_caller_went_away_is_whole_or_not_there() {
    let place = place().await;
    for index in 0..30_u8 {
        let submitting = place.ingest.submit(dump(&[index]));
        let _ = tokio::time::timeout(Duration::from_micros(u64::from(index) * 200), submitting).await;
    }
    // The last group is through when an upload that came after it is.
    place.ingest.submit(dump(b"last")).await.unwrap();
    let mut conn = place.database.pool.acquire().await.unwrap();
    for index in 0..30_u8 {
        let row = dumps::find_by_sha256(&mut conn, Sha256::of(&[index]))
            .await
            .unwrap();
        assert!(row.is_none() || place.blob(&[index]).exists(), "{index}");
    }
    drop(conn);
    let (dumps, jobs) = place.rows().await;
    assert_eq!(dumps, jobs);
}

#[tokio::test]
async fn only_old_blobs_without_a_row_are_swept() {
    let place = place().await;
    let blobs = place.blobs().await;
    place.ingest.submit(dump(b"kept")).await.unwrap();
    for orphan in [b"old orphan".as_slice(), b"new orphan"] {
        blobs
            .put(Sha256::of(orphan), orphan.to_vec().into())
            .await
            .unwrap();
    }
    let two_days_ago = SystemTime::UNIX_EPOCH + Duration::from_hours(24 * 365);
    // What a killed writer left beside the place of its blob, and what one writes now.
    let unfinished = place.blob(b"kept").with_file_name("old.part");
    let under_way = place.blob(b"kept").with_file_name("new.part");
    for file in [&unfinished, &under_way] {
        fs::write(file, b"half of it").unwrap();
    }
    for old in [place.blob(b"kept"), place.blob(b"old orphan"), unfinished.clone()] {
        let file = fs::File::options().append(true).open(old).unwrap();
        file.set_modified(two_days_ago).unwrap();
    }
    assert_eq!(blobs.sweep_orphans(&place.database.pool).await.unwrap(), 2);
    assert!(!unfinished.exists() && under_way.exists());
    assert!(place.blob(b"kept").exists());
    assert!(place.blob(b"new orphan").exists());
    assert!(!place.blob(b"old orphan").exists());
}

#[tokio::test]
async fn reprocessing_queues_a_settled_dump_once() {
    let place = place().await;
    let id = place.ingest.submit(dump(b"one")).await.unwrap().id;
    let mut conn = place.database.pool.acquire().await.unwrap();
    let job = jobs::claim(&mut conn, "w", jobs::JobKind::Analyze, 1, Duration::from_mins(1))
        .await
        .unwrap()
        .remove(0);
    assert_eq!(
        dumps::find(&mut conn, id).await.unwrap().unwrap().state,
        DumpState::Processing
    );
    jobs::finish(&mut conn, "w", &[job.fence]).await.unwrap();
    dumps::mark_failed(&mut conn, id, job.fence, "unreadable")
        .await
        .unwrap();
    let failed = dumps::find(&mut conn, id).await.unwrap().unwrap();
    assert_eq!((failed.state, failed.attempts), (DumpState::Failed, 1));
    for _ in 0..2 {
        dumps::reprocess(&mut conn, id).await.unwrap().unwrap();
    }
    drop(conn);
    assert_eq!(place.rows().await, (1, 1));
}
