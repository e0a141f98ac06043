//! What a PDB says of itself: its GUID and its age; and whether its streams can be what they claim.
//!
//! A PDB is a file system of streams, which are lists of pages:
//!
//! ```text
//! 0x00  "Microsoft C/C++ MSF 7.00\r\n" 1a "DS" 00 00 00
//! 0x20  page size   24  free map   28  page count   2c  bytes of the directory   30  -   34  pages of page numbers
//! ....  pages of page numbers ─► pages of the directory ─► stream count, sizes, then the page numbers of each stream
//!
//! stream 1   0x04 signature   08  age that any tool raises   0c  GUID
//! stream 3   0x00 ffffffff    08  age that the linker put into the image
//! ```
//!
//! The key of a PDB is its GUID and the age in stream 3 (DBI): that is what images and dumps name it by. In
//! `kernel32.pdb` of Windows XP one is 2 and the other larger.
//!
//! The parser believes sizes: a stream may list one page a million times and is then copied to 4 GiB. So the
//! directory is checked first: no page beyond the file, and all streams together no larger than it.

use super::error::CompileError;

const MAGIC: &[u8] = b"Microsoft C/C++ MSF 7.00\r\n\x1a\x44\x53\x00\x00\x00";
const OLD_MAGIC: &[u8] = b"Microsoft C/C++ program database 2.00\r\n\x1a\x4a\x47";
/// The size of a stream that is not there.
const ABSENT: u32 = u32::MAX;

/// The identity of a PDB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PdbId {
    /// The GUID as a number whose digits are those of the key.
    pub(super) guid: u128,
    /// The age that images name.
    pub(super) age: u32,
}

/// Whether the bytes begin like a PDB of any age.
pub(super) fn is_pdb(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC) || is_old_pdb(bytes)
}

/// Whether the bytes begin like a PDB that nothing reads any more.
pub(super) fn is_old_pdb(bytes: &[u8]) -> bool {
    bytes.starts_with(OLD_MAGIC)
}

/// The identity of a PDB whose streams can be what they claim.
pub(super) fn id(pdb: &[u8]) -> Result<PdbId, CompileError> {
    let streams = Streams::of(pdb)?;
    let info = streams.beginning(1, 0x1c)?;
    let dbi = streams.beginning(3, 0x0c);
    let guid = info.get(0x0c..).and_then(|bytes| bytes.first_chunk::<16>());
    let guid = guid
        .map(guid_number)
        .ok_or(damaged("its first stream has no GUID"))?;
    let linked = dbi
        .ok()
        .filter(|dbi| u32_at(dbi, 0) == Some(u32::MAX))
        .and_then(|dbi| u32_at(&dbi, 8));
    let age = linked.or_else(|| u32_at(&info, 8)).unwrap_or_default();
    Ok(PdbId { guid, age })
}

/// A GUID as it is in memory, as the number that its usual form reads as.
pub(super) fn guid_number(bytes: &[u8; 16]) -> u128 {
    let mut ordered = *bytes;
    for field in [0..4, 4..6, 6..8] {
        if let Some(field) = ordered.get_mut(field) {
            field.reverse();
        }
    }
    u128::from_be_bytes(ordered)
}

/// The directory of a PDB, checked.
struct Streams<'a> {
    pdb: &'a [u8],
    page_bytes: usize,
    /// Size and page numbers of each stream.
    listed: Vec<(usize, Vec<u32>)>,
}

impl<'a> Streams<'a> {
    fn of(pdb: &'a [u8]) -> Result<Self, CompileError> {
        let header = |offset| {
            u32_at(pdb, offset).ok_or(CompileError::Truncated {
                what: "PDB",
                offset: 0,
                needed: 0x38,
                there: pdb.len() as u64,
            })
        };
        let page_bytes = usize::try_from(header(0x20)?).unwrap_or_default();
        if !page_bytes.is_power_of_two() || !(0x100..=0x10_0000).contains(&page_bytes) {
            return Err(damaged("its page size is not a power of two from 256 up"));
        }
        let directory_bytes = usize::try_from(header(0x2c)?).unwrap_or(usize::MAX);
        if directory_bytes > pdb.len() {
            return Err(CompileError::Truncated {
                what: "PDB's directory",
                offset: 0,
                needed: directory_bytes as u64,
                there: pdb.len() as u64,
            });
        }
        let mut streams = Streams {
            pdb,
            page_bytes,
            listed: Vec::new(),
        };
        let pages = directory_bytes.div_ceil(page_bytes);
        let lists = pages.saturating_mul(4).div_ceil(page_bytes);
        let lists = numbers(pdb.get(0x34..).unwrap_or_default(), lists)?;
        let numbers_of_pages = streams.content(&lists, pages.saturating_mul(4))?;
        let directory = streams.content(&numbers(&numbers_of_pages, pages)?, directory_bytes)?;
        streams.listed = streams.list(&directory)?;
        Ok(streams)
    }

    /// The streams of a directory.
    fn list(&self, directory: &[u8]) -> Result<Vec<(usize, Vec<u32>)>, CompileError> {
        let count = u32_at(directory, 0).unwrap_or_default();
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let rest = directory.get(4..).unwrap_or_default();
        let sizes = numbers(rest, count)?;
        let mut pages = rest.get(count.saturating_mul(4)..).unwrap_or_default();
        let mut left = self.pdb.len();
        let mut streams = Vec::with_capacity(sizes.len());
        for size in sizes {
            let size = if size == ABSENT { 0 } else { size };
            let size = usize::try_from(size).unwrap_or(usize::MAX);
            left = left
                .checked_sub(size)
                .ok_or(damaged("its streams together are larger than the file"))?;
            let count = size.div_ceil(self.page_bytes);
            let numbers = numbers(pages, count)?;
            pages = pages.get(count.saturating_mul(4)..).unwrap_or_default();
            for number in &numbers {
                self.page(*number)?;
            }
            streams.push((size, numbers));
        }
        Ok(streams)
    }

    fn page(&self, number: u32) -> Result<&'a [u8], CompileError> {
        let start = usize::try_from(number)
            .ok()
            .and_then(|number| number.checked_mul(self.page_bytes));
        // The last page may be cut where its content ends.
        let page = start
            .filter(|start| *start > 0)
            .and_then(|start| self.pdb.get(start..));
        let page = page.filter(|page| !page.is_empty());
        let page = page.ok_or(damaged("it names a page beyond its end"))?;
        Ok(page.get(..self.page_bytes).unwrap_or(page))
    }

    /// The bytes of a list of pages, `size` of them.
    fn content(&self, pages: &[u32], size: usize) -> Result<Vec<u8>, CompileError> {
        let mut content = Vec::new();
        for number in pages {
            content.extend_from_slice(self.page(*number)?);
        }
        if content.len() < size {
            return Err(damaged("a stream ends before its size says"));
        }
        content.truncate(size);
        Ok(content)
    }

    /// The first bytes of a stream, no more than one page of them.
    fn beginning(&self, stream: usize, needed: usize) -> Result<Vec<u8>, CompileError> {
        let stream = self.listed.get(stream);
        let (size, pages) = stream.ok_or(damaged("it has fewer than four streams"))?;
        let first = pages.get(..1).unwrap_or_default();
        if *size < needed {
            return Err(damaged("one of its first streams is too short"));
        }
        self.content(first, needed)
    }
}

/// The first `count` numbers, all of which must be there.
fn numbers(bytes: &[u8], count: usize) -> Result<Vec<u32>, CompileError> {
    let list = count.checked_mul(4).and_then(|length| bytes.get(..length));
    let list = list.ok_or(damaged("its directory is shorter than its counts say"))?;
    let (numbers, _) = list.as_chunks::<4>();
    Ok(numbers.iter().map(|number| u32::from_le_bytes(*number)).collect())
}

fn damaged(problem: &'static str) -> CompileError {
    CompileError::Damaged { what: "PDB", problem }
}

fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    let number = bytes.get(offset..)?.first_chunk::<4>()?;
    Some(u32::from_le_bytes(*number))
}
