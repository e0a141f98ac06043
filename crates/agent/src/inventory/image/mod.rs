//! What a driver's file says of itself: identity from the headers, version from the resources, signer.
//!
//! Only headers, the resource section and the certificate are read, never the whole file. Files are hostile input:
//! every offset is checked, every part is bounded, and what is not understood is left out. The version resource is
//! decoded by `pelite`; the headers are few enough to be read here.
//!
//! ```text
//! 0x3C  offset of "PE\0\0", then the file header (20 bytes): +6 sections, +8 TimeDateStamp, +20 size of what follows
//! +24   the optional header: magic 0x10B or 0x20B, +56 SizeOfImage, +64 CheckSum, directories at +96 or +112
//!       directory 2 resources (address), directory 4 certificates (offset in the file)
//! ```

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use pelite::image::{IMAGE_DATA_DIRECTORY, VS_FIXEDFILEINFO};
use pelite::resources::Resources;
use pelite::resources::version_info::VersionInfo;
use wire::Hex;
use wire::inventory::Driver;

use super::signer;

/// Headers that are longer than this are not genuine.
const HEAD_MOST: u64 = 16 << 10;

/// The most that is read of the resources; drivers with a larger section keep their version near its start or go
/// without.
const RESOURCES_MOST: u32 = 2 << 20;

/// The most that is read of the certificates.
const CERTIFICATES_MOST: u32 = 256 << 10;

/// The longest text of a resource that is kept, in characters.
const TEXT_MOST: usize = 256;

/// What a file says of itself.
#[expect(clippy::struct_field_names, reason = "`SizeOfImage` is the field's name")]
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Image {
    time_date_stamp: Option<u32>,
    size_of_image: Option<u32>,
    checksum: Option<u32>,
    version: Option<String>,
    company: Option<String>,
    product: Option<String>,
    description: Option<String>,
    signer: Option<String>,
}

impl Image {
    /// The driver with what its file says.
    pub(super) fn fill(self, driver: Driver) -> Driver {
        let hex = |number: Option<u32>| number.map(|number| Hex(number.into()));
        Driver {
            time_date_stamp: hex(self.time_date_stamp),
            size_of_image: hex(self.size_of_image),
            checksum: hex(self.checksum),
            version: self.version,
            company: self.company,
            product: self.product,
            description: self.description,
            signer: self.signer,
            ..driver
        }
    }
}

/// Where the parts are that are read after the headers.
#[derive(Debug, Clone, Copy, Default)]
struct Directories {
    resources: Option<Section>,
    certificates: Option<(u32, u32)>,
}

/// The resource directory: its address in memory, its place in the file, and how much of it the file has.
#[derive(Debug, Clone, Copy)]
struct Section {
    address: u32,
    offset: u32,
    size: u32,
}

/// Reads a file.
///
/// # Errors
///
/// A sentence when it is not a PE file or cannot be read.
pub(super) fn read(path: &Path) -> Result<Image, &'static str> {
    let mut file = File::open(path).map_err(|_| "it cannot be opened")?;
    let head = part(&mut file, 0, HEAD_MOST).ok_or("it cannot be read")?;
    let (mut image, directories) = headers(&head).ok_or("it is not a PE file")?;
    if let Some(section) = directories.resources
        && let Some(bytes) = part(
            &mut file,
            section.offset.into(),
            section.size.min(RESOURCES_MOST).into(),
        )
    {
        version(&mut image, section, &bytes);
    }
    if let Some((offset, size)) = directories.certificates
        && let Some(bytes) = part(&mut file, offset.into(), size.min(CERTIFICATES_MOST).into())
    {
        image.signer = signer::of_certificates(&bytes).map(|signer| shortened(&signer));
    }
    Ok(image)
}

fn part(file: &mut File, offset: u64, most: u64) -> Option<Vec<u8>> {
    file.seek(SeekFrom::Start(offset)).ok()?;
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

fn headers(head: &[u8]) -> Option<(Image, Directories)> {
    head.starts_with(b"MZ").then_some(())?;
    let file = usize::try_from(word(head, 0x3C)?).ok()?;
    head.get(file..)?.starts_with(b"PE\0\0").then_some(())?;
    let optional = file.checked_add(24)?;
    let directories = match half(head, optional)? {
        0x10B => optional.checked_add(96)?,
        0x20B => optional.checked_add(112)?,
        _ => return None,
    };
    let sections = optional.checked_add(half(head, file.checked_add(20)?)?.into())?;
    let image = Image {
        time_date_stamp: word(head, file.checked_add(8)?),
        size_of_image: word(head, optional.checked_add(56)?),
        checksum: word(head, optional.checked_add(64)?),
        ..Image::default()
    };
    let count = word(head, directories.checked_sub(4)?)?;
    let directory = |index: u32| {
        let at = directories.checked_add(usize::try_from(index).ok()? * 8)?;
        let place = (word(head, at)?, word(head, at.checked_add(4)?)?);
        (index < count && place.0 != 0 && place.1 != 0).then_some(place)
    };
    let section_count = half(head, file.checked_add(6)?)?;
    let resources = directory(2).and_then(|(address, _)| section(head, sections, section_count, address));
    Some((
        image,
        Directories {
            resources,
            certificates: directory(4),
        },
    ))
}

/// Where in the file an address is, and how much of its section follows it.
fn section(head: &[u8], sections: usize, count: u16, address: u32) -> Option<Section> {
    (0..usize::from(count.min(96))).find_map(|index| {
        let at = sections.checked_add(index * 40)?;
        let (start, size, offset) = (word(head, at + 12)?, word(head, at + 16)?, word(head, at + 20)?);
        let inside = address.checked_sub(start).filter(|inside| *inside < size)?;
        Some(Section {
            address,
            offset: offset.checked_add(inside)?,
            size: size - inside,
        })
    })
}

/// Reads the version resource. `pelite` checks every offset, but expects its bytes at an aligned address.
fn version(image: &mut Image, section: Section, bytes: &[u8]) {
    let mut padded = vec![0; bytes.len() + 16];
    let shift = padded.as_ptr().align_offset(16);
    let Some(aligned) = shift
        .checked_add(bytes.len())
        .and_then(|end| padded.get_mut(shift..end))
    else {
        return;
    };
    aligned.copy_from_slice(bytes);
    let directory = IMAGE_DATA_DIRECTORY {
        VirtualAddress: section.address,
        Size: section.size,
    };
    let Ok(info) = Resources::new(aligned, &directory).version_info() else {
        return;
    };
    image.version = info.fixed().map(fixed_version);
    let text = |name| string(info, name);
    image.company = text("CompanyName");
    image.product = text("ProductName");
    image.description = text("FileDescription");
    image.version = image.version.take().or_else(|| text("FileVersion"));
}

fn fixed_version(fixed: &VS_FIXEDFILEINFO) -> String {
    let version = fixed.dwFileVersion;
    format!(
        "{}.{}.{}.{}",
        version.Major, version.Minor, version.Patch, version.Build
    )
}

/// A text of the version resource, in the first language that has it.
fn string(info: VersionInfo<'_>, name: &str) -> Option<String> {
    let languages = info.translation().iter().take(16);
    let mut texts = languages.filter_map(|language| info.value(*language, name));
    let text = texts.next().map(|text| shortened(&text))?;
    (!text.is_empty()).then_some(text)
}

fn shortened(text: &str) -> String {
    let text: String = text
        .chars()
        .filter(|character| !character.is_control())
        .take(TEXT_MOST)
        .collect();
    text.trim().to_owned()
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests;
