//! Zip archives of symbol store trees: `name/id/file`, below any folder.
//!
//! The archive lies on the disk, and so does each member while it is unpacked. A member that cannot be taken is refused
//! by itself; only what concerns the archive as a whole (damage, too many members, too many bytes) ends it, and then
//! what was taken before stays.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use store::blobs::{BlobWriter, Blobs};
use tokio::task::spawn_blocking;
use wire::symbols::{RefusedSymbol, SymbolKey};
use zip::ZipArchive;

use super::symbols::{SymbolFormat, place, recognise};
use super::{BodyError, archive};
use crate::error::ApiError;

/// Most members.
const MAX_MEMBERS: usize = 20_000;

/// Most bytes read to list the members; what they are listed in takes some times that in memory.
const MAX_LISTING_BYTES: u64 = 8 << 20;

/// A member may inflate to so many times its size, and this much more.
const MAX_RATIO: u64 = 200;
const RATIO_EXTRA_BYTES: u64 = 4 << 20;

/// Bytes inflated at once.
const CHUNK_BYTES: usize = 64 << 10;

/// How much an archive may inflate to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TreeLimits {
    /// One member.
    pub(crate) member_bytes: u64,
    /// All of them.
    pub(crate) total_bytes: u64,
}

/// An archive that is being unpacked.
pub(crate) struct Tree {
    archive: ZipArchive<BufReader<Metered>>,
    next: usize,
    limits: TreeLimits,
    left_bytes: u64,
}

/// One member.
#[derive(Debug)]
pub(crate) enum Member {
    /// A symbol file, unpacked.
    File {
        /// Its key.
        key: SymbolKey,
        /// Its own name.
        file_name: String,
        /// What it starts as.
        format: SymbolFormat,
        /// Its bytes.
        bytes: BlobWriter,
    },
    /// Not taken.
    Refused(RefusedSymbol),
}

impl Tree {
    /// Reads the list of members.
    ///
    /// # Errors
    ///
    /// [`ApiError::CorruptBody`] for an archive that is damaged or has too many members.
    pub(crate) async fn open(file: File, limits: TreeLimits) -> Result<Tree, ApiError> {
        let opened = spawn_blocking(move || open(file)).await;
        let archive = opened.map_err(ApiError::internal)??;
        Ok(Tree {
            archive,
            next: 0,
            limits,
            left_bytes: limits.total_bytes,
        })
    }

    /// Unpacks the next member; `None` after the last.
    ///
    /// # Errors
    ///
    /// [`ApiError::TooLarge`] if the members are too large together, or when the disk refuses.
    pub(crate) async fn next(mut self, blobs: &Blobs) -> Result<Option<(Tree, Member)>, ApiError> {
        while self.next < self.archive.len() {
            let index = self.next;
            self.next += 1;
            let writer = blobs.begin().await?;
            let unpacked = spawn_blocking(move || {
                let member = self.unpack(index, writer)?;
                Ok::<_, ApiError>((self, member))
            });
            let (tree, member) = unpacked.await.map_err(ApiError::internal)??;
            if let Some(member) = member {
                return Ok(Some((tree, member)));
            }
            self = tree;
        }
        Ok(None)
    }

    /// The member at `index`; `None` for a folder and what macOS adds by itself.
    fn unpack(&mut self, index: usize, writer: BlobWriter) -> Result<Option<Member>, ApiError> {
        let (path, is_folder, is_encrypted, packed_bytes) = match self.archive.by_index_raw(index) {
            Ok(file) => {
                let path = String::from_utf8_lossy(file.name_raw()).into_owned();
                (path, file.is_dir(), file.encrypted(), file.compressed_size())
            }
            Err(error) => return Ok(Some(refused(&format!("member {index}"), archive::reason(&error)))),
        };
        if is_folder || path.starts_with("__MACOSX/") || path.ends_with(".DS_Store") {
            return Ok(None);
        }
        let (key, file_name) = match place(&path) {
            Ok(placed) => placed,
            Err(reason) => return Ok(Some(refused(&path, reason))),
        };
        if is_encrypted {
            return Ok(Some(refused(&path, "it is encrypted".to_owned())));
        }
        let most = packed_bytes
            .saturating_mul(MAX_RATIO)
            .saturating_add(RATIO_EXTRA_BYTES);
        let limits = self.limits;
        let inflated = match self.archive.by_index(index) {
            Ok(file) => inflate(file, writer, most, limits, &mut self.left_bytes)?,
            Err(error) => Err(archive::reason(&error)),
        };
        Ok(Some(match inflated {
            Ok((format, bytes)) => Member::File {
                key,
                file_name,
                format,
                bytes,
            },
            Err(reason) => refused(&path, reason),
        }))
    }
}

fn open(file: File) -> Result<ZipArchive<BufReader<Metered>>, ApiError> {
    let is_listing = Arc::new(AtomicBool::new(true));
    let metered = Metered {
        file,
        left_bytes: MAX_LISTING_BYTES,
        is_listing: Arc::clone(&is_listing),
    };
    let corrupt = |detail: String| ApiError::from(BodyError::corrupt(detail));
    let archive = ZipArchive::new(BufReader::new(metered))
        .map_err(|error| corrupt(format!("the zip archive is damaged or cut short: {error}")))?;
    if archive.len() > MAX_MEMBERS {
        let count = archive.len();
        return Err(corrupt(format!(
            "the zip archive has {count} members; at most {MAX_MEMBERS} are taken"
        )));
    }
    if archive.has_duplicate_names() {
        // The reader would show only one of them.
        return Err(corrupt(
            "two members of the zip archive have the same name".to_owned(),
        ));
    }
    is_listing.store(false, Ordering::Relaxed);
    Ok(archive)
}

fn refused(path: &str, reason: String) -> Member {
    const MAX_PATH_BYTES: usize = 300;
    let mut path: String = path.chars().filter(|character| !character.is_control()).collect();
    path.truncate(path.floor_char_boundary(MAX_PATH_BYTES));
    Member::Refused(RefusedSymbol { path, reason })
}

/// Unpacks one member; its first bytes decide whether the rest is worth inflating.
fn inflate(
    mut file: impl Read,
    mut writer: BlobWriter,
    most: u64,
    limits: TreeLimits,
    left_bytes: &mut u64,
) -> Result<Result<(SymbolFormat, BlobWriter), String>, ApiError> {
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut format = None;
    loop {
        let count = match fill(&mut file, &mut chunk) {
            Ok(count) => count,
            Err(error) => return Ok(Err(format!("it is damaged: {error}"))),
        };
        let read = chunk.get(..count).unwrap_or_default();
        let found = match format {
            Some(found) => found,
            None => match recognise(read) {
                Ok(found) => found,
                Err(saw) => return Ok(Err(saw)),
            },
        };
        format = Some(found);
        if count == 0 {
            return Ok(Ok((found, writer)));
        }
        *left_bytes = left_bytes.checked_sub(count as u64).ok_or(ApiError::TooLarge {
            what: "the inflated archive",
            limit_bytes: limits.total_bytes,
        })?;
        let written = writer.size_bytes().saturating_add(count as u64);
        if written > limits.member_bytes {
            let limit = limits.member_bytes;
            return Ok(Err(format!("it is larger than the limit of {limit} bytes")));
        }
        if written > most {
            return Ok(Err(format!(
                "it inflates to more than {MAX_RATIO} times its size"
            )));
        }
        writer.write_all(read).map_err(ApiError::internal)?;
    }
}

/// Reads until `chunk` is full or the end is reached.
fn fill(file: &mut impl Read, chunk: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = chunk.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read(rest)? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(filled)
}

/// A file of which only so much may be read while the members are listed.
#[derive(Debug)]
struct Metered {
    file: File,
    left_bytes: u64,
    is_listing: Arc<AtomicBool>,
}

impl Read for Metered {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        if self.is_listing.load(Ordering::Relaxed) {
            self.left_bytes = self
                .left_bytes
                .checked_sub(count as u64)
                .ok_or_else(|| io::Error::other("its list of members is too long"))?;
        }
        Ok(count)
    }
}

impl Seek for Metered {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.file.seek(position)
    }
}

#[cfg(test)]
mod tests {
    use super::{Member, Tree, TreeLimits};
    use crate::error::ApiError;
    use std::io::{Seek, Write};
    use store::Clock;
    use store::blobs::Blobs;
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    const LIMITS: TreeLimits = TreeLimits {
        member_bytes: 8 << 20,
        total_bytes: 9 << 20,
    };

    fn archive(files: &[(&str, Vec<u8>)]) -> std::fs::File {
        let mut writer = ZipWriter::new(tempfile::tempfile().unwrap());
        for (name, bytes) in files {
            writer.start_file(*name, SimpleFileOptions::default()).unwrap();
            writer.write_all(bytes).unwrap();
        }
        let mut file = writer.finish().unwrap();
        file.rewind().unwrap();
        file
    }

    fn image(size: usize) -> Vec<u8> {
        let mut bytes = b"MZ\x90\0".to_vec();
        bytes.resize(size, 0);
        bytes
    }

    /// What became of each member, in a word or the reason.
    async fn unpack(file: std::fs::File) -> Result<Vec<String>, ApiError> {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(folder.path(), Clock::System).await.unwrap();
        let mut told = Vec::new();
        let mut tree = Tree::open(file, LIMITS).await?;
        while let Some((rest, member)) = tree.next(&blobs).await? {
            tree = rest;
            told.push(match member {
                Member::File { key, bytes, .. } => format!("{key} {}", bytes.size_bytes()),
                Member::Refused(refused) => refused.reason,
            });
        }
        assert_eq!(std::fs::read_dir(folder.path().join("tmp")).unwrap().count(), 0);
        Ok(told)
    }

    #[tokio::test]
    async fn members_of_a_tree_are_taken_and_others_are_refused_by_themselves() {
        let told = unpack(archive(&[
            ("a.sys/1234/a.sys", image(40)),
            ("tree/pingme.txt", b"ping".to_vec()),
            ("../../a.sys/1234/a.sys", image(40)),
            ("b.so/1234/b.so", b"\x7fELF\x02".to_vec()),
            ("tree/b.sys/AB/b.sys", image(100_000)),
        ]))
        .await
        .unwrap();
        assert_eq!(told[0], "a.sys/1234 40");
        assert!(told[1].contains("name/id/file"), "{}", told[1]);
        assert!(told[2].contains("plain"), "{}", told[2]);
        assert!(told[3].contains("ELF"), "{}", told[3]);
        assert_eq!(told[4], "b.sys/AB 100000");
    }

    #[tokio::test]
    async fn a_bomb_is_refused_at_its_ratio_its_size_or_that_of_the_archive() {
        // Four MiB are given to each before the ratio counts.
        let told = unpack(archive(&[("a.sys/1/a.sys", image(7 << 20))]))
            .await
            .unwrap();
        assert!(told[0].contains("200 times"), "{}", told[0]);
        let noise = |size: usize| {
            let mut state = 1_u32;
            let mut bytes = image(4);
            bytes.extend((0..size).map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                state.to_be_bytes()[0]
            }));
            bytes
        };
        let told = unpack(archive(&[("a.sys/1/a.sys", noise(9 << 20))])).await;
        assert!(told.unwrap()[0].contains("larger than the limit"));
        let two = [
            ("a.sys/1/a.sys", noise(5 << 20)),
            ("b.sys/1/b.sys", noise(5 << 20)),
        ];
        assert!(matches!(
            unpack(archive(&two)).await,
            Err(ApiError::TooLarge { .. })
        ));
    }

    #[tokio::test]
    async fn too_many_members_refuse_the_archive_before_any_is_unpacked() {
        let names: Vec<String> = (0..20_001)
            .map(|index| format!("a.sys/{index:x}/a.sys"))
            .collect();
        let files: Vec<(&str, Vec<u8>)> = names.iter().map(|name| (name.as_str(), Vec::new())).collect();
        let error = unpack(archive(&files)).await.unwrap_err();
        assert!(error.to_string().contains("20001 members"), "{error}");
        let long = "x".repeat(60_000);
        let names: Vec<String> = (0..200).map(|index| format!("{long}{index}")).collect();
        let files: Vec<(&str, Vec<u8>)> = names.iter().map(|name| (name.as_str(), Vec::new())).collect();
        let error = unpack(archive(&files)).await.unwrap_err();
        assert!(error.to_string().contains("damaged or cut short"), "{error}");
    }
}
