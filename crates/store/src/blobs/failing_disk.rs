//! A blob on a disk that loses what it is sent: a real file system in an image whose own disk runs full, as with thinly
//! provisioned storage. Only root can mount one; for others the test says that it did not run.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use bytes::Bytes;
use tempfile::TempDir;

use super::Blobs;
use crate::{Clock, Sha256};

/// A file system that believes it has 64 MiB, on a disk of 24 MiB.
struct ThinDisk {
    /// Where `real`, the disk, and `thin`, the file system on it, are mounted.
    folder: TempDir,
}

impl ThinDisk {
    /// Nothing, if this program may not mount.
    fn mount() -> Option<ThinDisk> {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("real")).unwrap();
        fs::create_dir(folder.path().join("thin")).unwrap();
        let disk = ThinDisk { folder };
        let image = disk.image();
        File::create(&image).unwrap();
        let mounted = run("mount", &["-t", "tmpfs", "-o", "size=24m", "tmpfs"], &disk.real())
            && run("truncate", &["--size=64M"], &image)
            // All that is not data gets its place on the disk now, so that only data finds none.
            && run("mkfs.ext4", &["-q", "-N", "1024", "-O", "^has_journal", "-E", "nodiscard"], &image)
            && disk.mount_thin();
        mounted.then_some(disk)
    }

    fn real(&self) -> PathBuf {
        self.folder.path().join("real")
    }

    fn thin(&self) -> PathBuf {
        self.folder.path().join("thin")
    }

    fn image(&self) -> PathBuf {
        self.real().join("image")
    }

    fn mount_thin(&self) -> bool {
        let image = self.image();
        run("mount", &["-o", "loop", image.to_str().unwrap()], &self.thin())
    }

    /// Takes all the room that is left on the real disk.
    fn fill(&self) {
        assert!(run("sync", &["--file-system"], &self.thin()));
        let mut ballast = File::create(self.real().join("ballast")).unwrap();
        while ballast.write_all(&[1; 4096]).is_ok() {}
    }

    fn free(&self) {
        fs::remove_file(self.real().join("ballast")).unwrap();
    }

    /// Forgets what is in memory alone.
    fn remount(&self) {
        assert!(run("umount", &[], &self.thin()));
        assert!(self.mount_thin());
    }
}

impl Drop for ThinDisk {
    fn drop(&mut self) {
        for mounted in [self.thin(), self.real()] {
            run("umount", &["--lazy", "--quiet"], &mounted);
        }
    }
}

fn run(program: &str, arguments: &[&str], path: &Path) -> bool {
    let done = Command::new(program).args(arguments).arg(path).output();
    done.is_ok_and(|output| output.status.success())
}

#[tokio::test]
async fn a_blob_whose_sync_failed_is_not_believed_when_it_is_sent_again() {
    let Some(disk) = ThinDisk::mount() else {
        eprintln!("not run: this program may not mount a file system");
        return;
    };
    let blobs = Blobs::open(disk.thin().join("blobs"), Clock::System)
        .await
        .unwrap();
    let bytes = Bytes::from((0..=u8::MAX).cycle().take(1 << 20).collect::<Vec<u8>>());
    let sha256 = Sha256::of(&bytes);

    disk.fill();
    blobs.put(sha256, bytes.clone()).await.unwrap_err();
    disk.free();
    blobs.put(sha256, bytes.clone()).await.unwrap();

    disk.remount();
    assert!(blobs.get(sha256).await.unwrap().unwrap() == bytes);
}
