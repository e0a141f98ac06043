//! Zip archives of dumps, held in memory.
//!
//! A member that cannot be taken (encrypted, damaged, no dump) is refused by itself and the others are kept; only
//! what concerns the archive as a whole (damage, too many members, more bytes than the limit) refuses all.

use std::io::{Cursor, Read};

use bytes::{Bytes, BytesMut};
use sha2::{Digest, Sha256};
use wire::dump::DumpFormat;
use zip::ZipArchive;
use zip::result::ZipError;

use super::budget::Lease;
use super::describe::describe;
use super::format::{looks_like_dump, looks_like_zip, recognise};
use super::hold::Held;
use super::{BodyError, name};

/// Most members an archive may have; a folder of minidumps has at most 50.
const MAX_MEMBERS: usize = 1000;

/// One member of an archive.
#[derive(Debug)]
pub(super) struct Member {
    /// Its base name.
    pub(super) file_name: Option<String>,
    /// The dump, or why it is refused.
    pub(super) dump: Result<(Held, DumpFormat), String>,
}

/// The members of the zip archive in `bytes`, at most `limit_bytes` of them inflated. Blocks; paid from `lease`.
pub(super) fn members(bytes: Bytes, limit_bytes: u64, lease: &mut Lease) -> Result<Vec<Member>, BodyError> {
    let mut archive = ZipArchive::new(Cursor::new(bytes))
        .map_err(|error| BodyError::corrupt(format!("the zip archive is damaged or cut short: {error}")))?;
    if archive.len() > MAX_MEMBERS {
        let count = archive.len();
        return Err(BodyError::corrupt(format!(
            "the zip archive has {count} members; at most {MAX_MEMBERS} are taken"
        )));
    }
    if archive.has_duplicate_names() {
        // The reader would show only one of them.
        return Err(BodyError::corrupt(
            "two members of the zip archive have the same name",
        ));
    }
    let mut left = limit_bytes;
    let mut members = Vec::new();
    for index in 0..archive.len() {
        if let Some(member) = member(&mut archive, index, &mut left, limit_bytes, lease)? {
            members.push(member);
        }
    }
    Ok(members)
}

/// The member at `index`, or `None` for a folder and what macOS adds by itself.
fn member(
    archive: &mut ZipArchive<Cursor<Bytes>>,
    index: usize,
    left: &mut u64,
    limit_bytes: u64,
    lease: &mut Lease,
) -> Result<Option<Member>, BodyError> {
    let (path, is_folder, is_encrypted) = match archive.by_index_raw(index) {
        Ok(file) => {
            let path = String::from_utf8_lossy(file.name_raw()).into_owned();
            (path, file.is_dir(), file.encrypted())
        }
        Err(error) => return Ok(Some(refused(None, reason(&error)))),
    };
    if is_folder || path.starts_with("__MACOSX/") || path.ends_with(".DS_Store") {
        return Ok(None);
    }
    let file_name = name::file_name(&path);
    if is_encrypted {
        return Ok(Some(refused(file_name, "it is encrypted".to_owned())));
    }
    let dump = match archive.by_index(index) {
        Ok(file) => inflate(file, left, limit_bytes, lease)?,
        Err(error) => Err(reason(&error)),
    };
    Ok(Some(Member { file_name, dump }))
}

fn refused(file_name: Option<String>, reason: String) -> Member {
    Member {
        file_name,
        dump: Err(reason),
    }
}

/// Reads one member; its first bytes decide whether the rest is worth inflating.
fn inflate(
    mut file: impl Read,
    left: &mut u64,
    limit_bytes: u64,
    lease: &mut Lease,
) -> Result<Result<(Held, DumpFormat), String>, BodyError> {
    let mut chunk = vec![0; 64 << 10];
    let mut bytes = BytesMut::new();
    let mut digest = Sha256::new();
    loop {
        let count = match file.read(&mut chunk) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) => return Ok(Err(format!("it is damaged: {error}"))),
        };
        let read = chunk.get(..count).unwrap_or_default();
        if bytes.is_empty() && !looks_like_dump(read) {
            return Ok(Err(foreign(read)));
        }
        *left = left.checked_sub(count as u64).ok_or(BodyError::TooLarge {
            what: "the inflated archive",
            limit_bytes,
        })?;
        lease.add(count as u64)?;
        digest.update(read);
        bytes.extend_from_slice(read);
    }
    Ok(recognise(&bytes).map(|format| {
        let held = Held {
            bytes: bytes.freeze(),
            sha256: digest.finalize().into(),
        };
        (held, format)
    }))
}

fn foreign(start: &[u8]) -> String {
    if looks_like_zip(start) {
        "this is a zip archive inside the zip archive; only one level is opened".to_owned()
    } else {
        describe(start)
    }
}

pub(super) fn reason(error: &ZipError) -> String {
    match error {
        ZipError::CompressionMethodNotSupported(method) => {
            format!("its compression method {method} is not supported; only stored and deflated are")
        }
        ZipError::UnsupportedArchive(_) => format!("it cannot be unpacked: {error}"),
        error => format!("it is damaged: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Member, members};
    use crate::intake::{BodyError, ByteBudget};
    use bytes::Bytes;
    use std::io::{Cursor, Write};
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    fn minidump(filler: u8, size: usize) -> Vec<u8> {
        let mut bytes = b"MDMP\x93\xa7".to_vec();
        bytes.resize(size, filler);
        bytes
    }

    fn archive(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in files {
            writer.start_file(*name, SimpleFileOptions::default()).unwrap();
            writer.write_all(bytes).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    fn open(bytes: Vec<u8>, limit_bytes: u64) -> Result<Vec<Member>, BodyError> {
        members(
            Bytes::from(bytes),
            limit_bytes,
            &mut ByteBudget::new(1 << 20).lease(),
        )
    }

    #[test]
    fn a_foreign_member_is_refused_and_the_dumps_are_kept() {
        let files = [
            ("Minidump/a.dmp", minidump(1, 40)),
            ("readme.txt", b"hello".to_vec()),
            ("Minidump/b.dmp", minidump(2, 40)),
        ];
        let members = open(archive(&files), 1000).unwrap();
        let taken: Vec<bool> = members.iter().map(|member| member.dump.is_ok()).collect();
        assert_eq!(taken, [true, false, true]);
        assert_eq!(members[2].file_name.as_deref(), Some("b.dmp"));
    }

    #[test]
    fn a_damaged_member_is_refused_by_itself() {
        let mut bytes = archive(&[("a.dmp", minidump(1, 4000)), ("b.dmp", minidump(2, 4000))]);
        // The first member's data starts behind its 30-byte header and five-letter name.
        bytes[40] ^= 0xff;
        let members = open(bytes, 10_000).unwrap();
        assert!(members[0].dump.is_err());
        assert!(members[1].dump.is_ok());
    }

    #[test]
    fn a_zip_inside_the_zip_is_not_opened() {
        let inner = archive(&[("a.dmp", minidump(1, 40))]);
        let members = open(archive(&[("inner.zip", inner)]), 1000).unwrap();
        let reason = members[0].dump.as_ref().unwrap_err();
        assert!(reason.contains("inside the zip"), "{reason}");
    }

    #[test]
    fn members_that_inflate_past_the_limit_refuse_the_archive() {
        let bytes = archive(&[("a.dmp", minidump(0, 600)), ("b.dmp", minidump(0, 600))]);
        let error = open(bytes, 1000).unwrap_err();
        assert!(matches!(
            error,
            BodyError::TooLarge {
                limit_bytes: 1000,
                ..
            }
        ));
    }

    #[test]
    fn a_truncated_archive_says_so() {
        let bytes = archive(&[("a.dmp", minidump(0, 600))]);
        let error = open(bytes[..bytes.len() / 2].to_vec(), 1000).unwrap_err();
        assert!(error.to_string().contains("cut short"), "{error}");
    }
}
