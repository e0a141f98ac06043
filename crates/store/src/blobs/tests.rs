use std::io::Write;
use std::time::{Duration, SystemTime};

use super::*;

async fn blobs() -> (tempfile::TempDir, Blobs) {
    let folder = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(folder.path().join("blobs"), Clock::System)
        .await
        .unwrap();
    (folder, blobs)
}

#[tokio::test]
async fn a_blob_is_read_back_from_the_folder_of_its_first_byte() {
    let (folder, blobs) = blobs().await;
    let sha256 = Sha256::of(b"abc");
    blobs.put(sha256, Bytes::from_static(b"abc")).await.unwrap();
    assert_eq!(blobs.get(sha256).await.unwrap().unwrap(), "abc");
    let path = folder.path().join(format!("blobs/ba/{sha256}"));
    assert_eq!(fs::read(path).unwrap(), b"abc");
}

#[tokio::test]
async fn a_missing_blob_is_none() {
    let (_folder, blobs) = blobs().await;
    let sha256 = Sha256::of(b"abc");
    assert!(blobs.get(sha256).await.unwrap().is_none());
    assert!(!blobs.exists(sha256).await.unwrap());
}

#[tokio::test]
async fn the_same_blob_twice_at_once_leaves_one_and_no_temporary_file() {
    let (folder, blobs) = blobs().await;
    let puts = [b"abc", b"abc", b"xyz"].map(|bytes| blobs.put(Sha256::of(bytes), Bytes::from_static(bytes)));
    futures_util::future::try_join_all(puts).await.unwrap();
    assert_eq!(blobs.get(Sha256::of(b"xyz")).await.unwrap().unwrap(), "xyz");
    let shards = fs::read_dir(folder.path().join("blobs")).unwrap().flatten();
    let files = shards.map(|shard| fs::read_dir(shard.path()).unwrap().count());
    assert_eq!(files.sum::<usize>(), 2);
}

#[tokio::test]
async fn a_blob_that_another_writer_has_begun_is_not_waited_for() {
    let (folder, blobs) = blobs().await;
    let sha256 = Sha256::of(b"abc");
    let shard = folder.path().join("blobs/ba");
    let lock = File::open(&shard).unwrap();
    lock.lock_shared().unwrap();
    let mut begun = File::create_new(shard.join(sha256.to_string())).unwrap();
    begun.write_all(b"a").unwrap();
    blobs.put(sha256, Bytes::from_static(b"abc")).await.unwrap();
    begun.write_all(b"bc").unwrap();
    assert_eq!(blobs.get(sha256).await.unwrap().unwrap(), "abc");
}

#[tokio::test]
async fn a_blob_that_was_cut_short_on_disk_is_written_again() {
    let (folder, blobs) = blobs().await;
    let sha256 = Sha256::of(b"abc");
    blobs.put(sha256, Bytes::from_static(b"abc")).await.unwrap();
    fs::write(folder.path().join(format!("blobs/ba/{sha256}")), b"a").unwrap();
    blobs.put(sha256, Bytes::from_static(b"abc")).await.unwrap();
    assert_eq!(blobs.get(sha256).await.unwrap().unwrap(), "abc");
}

#[tokio::test]
async fn a_blob_whose_bytes_a_power_cut_lost_is_written_again() {
    let (folder, blobs) = blobs().await;
    let sha256 = Sha256::of(b"abc");
    fs::write(folder.path().join(format!("blobs/ba/{sha256}")), [0; 3]).unwrap();
    blobs.put(sha256, Bytes::from_static(b"abc")).await.unwrap();
    assert_eq!(blobs.get(sha256).await.unwrap().unwrap(), "abc");
}

#[tokio::test]
async fn a_blob_that_was_sent_again_is_too_new_to_be_swept() {
    let (folder, blobs) = blobs().await;
    let sha256 = Sha256::of(b"abc");
    blobs.put(sha256, Bytes::from_static(b"abc")).await.unwrap();
    let stored = File::open(folder.path().join(format!("blobs/ba/{sha256}"))).unwrap();
    let now = SystemTime::from(Clock::System.now());
    stored.set_modified(now - Duration::from_hours(48)).unwrap();
    blobs.put(sha256, Bytes::from_static(b"abc")).await.unwrap();
    let a_day_ago = now - Duration::from_hours(24);
    assert!(!blobs.folder.delete_if_old(sha256, a_day_ago).unwrap());
    let in_a_day = now + Duration::from_hours(24);
    assert!(blobs.folder.delete_if_old(sha256, in_a_day).unwrap());
    assert!(!blobs.exists(sha256).await.unwrap());
}
