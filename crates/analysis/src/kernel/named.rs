//! Drivers that Windows itself names: by an address it recorded, by a text, or by a stamp.
//!
//! 0xCB has three forms, told apart by their parameters:
//!
//! ```text
//! Windows 2000     P1 in the driver   P2 its caller    P3 MDL   P4 → name of the driver
//! until 2022       P1 in the driver   P2 its caller    P3 MDL   P4 number of locked pages
//! since 2022       P1 → lock tracker  P2 = 0           P3 MDL   P4 number of locked pages
//!                       +0x48: return addresses: tracker, lock routines, the driver, its callers
//! ```

use kdump::{Address, Dump, Width};

use super::modules::Modules;
use crate::images::{Role, role};
use crate::names;

/// Where the lock tracker keeps its return addresses on 64-bit Windows.
const TRACKER_CALLS: u64 = 0x48;
/// How many it keeps at most.
const TRACKER_DEPTH: u64 = 9;
/// Longest driver name that is read from memory, in bytes.
const MAX_NAME_BYTES: u16 = 512;

/// A driver that Windows named, and the layers it was reached through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    /// Base name.
    pub(super) driver: String,
    /// The address in it, where there is one.
    pub(super) offset: Option<u64>,
    /// What names it, in words.
    pub(super) detail: String,
    /// A layer that stands between, as in the report.
    pub(super) via: Option<String>,
    /// Whether the name may be cut short or stand for another name.
    pub(super) is_guess: bool,
}

/// The driver that Windows named for this code, if it did and the dump still holds it.
pub(super) fn find(dump: &Dump<'_>, modules: &Modules, code: u32, parameters: [u64; 4]) -> Option<Named> {
    let [first, _, third, fourth] = parameters;
    match code {
        0xcb => left_locked_pages(dump, modules, parameters),
        0xd8 => by_text(dump, modules, first, "parameter 1"),
        0xea => by_text(dump, modules, third, "parameter 3"),
        0x1d5 => by_service(modules, first),
        0x1d1 => by_stamp(modules, third, fourth),
        _ => None,
    }
    .filter(|named| role(&named.driver) != Role::Os)
}

fn left_locked_pages(
    dump: &Dump<'_>,
    modules: &Modules,
    [first, second, _, fourth]: [u64; 4],
) -> Option<Named> {
    if modules.at(first).is_some() {
        let named = by_addresses(
            modules,
            &[first, second],
            "locked the pages (parameter 1 is its address)",
        );
        return by_text(dump, modules, fourth, "parameter 4")
            .map(|text| Named {
                offset: named
                    .as_ref()
                    .filter(|named| named.driver == text.driver)
                    .and_then(|named| named.offset),
                ..text
            })
            .or(named);
    }
    let calls: Vec<u64> = (0..TRACKER_DEPTH)
        .map_while(|index| {
            let at = Address(first)
                .checked_add(TRACKER_CALLS)?
                .checked_add(index.checked_mul(8)?)?;
            dump.memory().read_u64(at).ok().filter(|address| *address != 0)
        })
        .collect();
    by_addresses(
        modules,
        &calls,
        "locked the pages, by the return addresses that Windows recorded when it did",
    )
}

/// The first driver among addresses from the inside out, past the kernel and past layers.
fn by_addresses(modules: &Modules, addresses: &[u64], what: &str) -> Option<Named> {
    let hits = addresses.iter().filter_map(|address| modules.at(*address));
    let hits: Vec<_> = hits.filter(|hit| hit.image.role != Role::Os).collect();
    let layer = hits.first().filter(|hit| hit.image.role == Role::Layer);
    let driver = hits.iter().find(|hit| hit.image.role == Role::Driver).or(layer)?;
    let name = driver.image.name.clone();
    Some(Named {
        detail: format!("{name} {what}."),
        via: layer
            .map(|layer| layer.image.name.clone())
            .filter(|layer| *layer != name),
        is_guess: driver.image.role == Role::Layer,
        offset: Some(driver.offset),
        driver: name,
    })
}

/// A driver whose name a parameter points at: a `UNICODE_STRING`, whose text may be elsewhere.
fn by_text(dump: &Dump<'_>, modules: &Modules, pointer: u64, where_: &str) -> Option<Named> {
    let text = unicode_string(dump, pointer)?;
    let name = names::base_name(&text);
    let loaded = modules
        .loaded()
        .iter()
        .find(|image| image.name.eq_ignore_ascii_case(&name));
    let name = loaded.map_or(name, |image| image.name.clone());
    Some(Named {
        detail: format!("Windows put the name {name} into {where_}."),
        offset: None,
        via: None,
        is_guess: role(&name) != Role::Driver,
        driver: name,
    })
}

fn unicode_string(dump: &Dump<'_>, pointer: u64) -> Option<String> {
    let at = Address(pointer);
    let memory = dump.memory();
    let length = memory
        .read_u16(at)
        .ok()
        .filter(|length| *length > 0 && *length <= MAX_NAME_BYTES && length % 2 == 0)?;
    let buffer = match dump.format().bits {
        Width::Bits64 => memory.read_u64(at.checked_add(8)?).ok()?,
        Width::Bits32 => u64::from(memory.read_u32(at.checked_add(4)?).ok()?),
    };
    let bytes = memory.read(Address(buffer), u64::from(length)).ok()?;
    let units = bytes.chunks_exact(2).map(|pair| match pair {
        [low, high] => u16::from_le_bytes([*low, *high]),
        _ => 0,
    });
    let text: String = char::decode_utf16(units)
        .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect();
    text.chars()
        .all(|character| character.is_ascii_graphic() || character == ' ')
        .then_some(text)
}

/// 0x1D5: parameter 1 is the first eight characters of a service's name.
fn by_service(modules: &Modules, text: u64) -> Option<Named> {
    let service = service_name(text)?;
    let lower = service.to_lowercase();
    let mut loaded = modules
        .loaded()
        .iter()
        .filter(|image| image.name.to_lowercase().starts_with(&lower));
    let image = loaded.next().filter(|image| image.role == Role::Driver)?;
    Some(Named {
        detail: format!(
            "Parameter 1 is the text \"{service}\": the beginning of the service that did not finish."
        ),
        driver: image.name.clone(),
        offset: None,
        via: None,
        is_guess: true,
    })
}

/// The text of a parameter that is text: up to eight printable characters.
pub(super) fn service_name(text: u64) -> Option<String> {
    let bytes = text.to_le_bytes();
    let length = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let (name, rest) = bytes.split_at_checked(length)?;
    let is_text = name.iter().all(u8::is_ascii_graphic) && rest.iter().all(|byte| *byte == 0);
    (length > 0 && is_text).then(|| name.iter().map(|byte| char::from(*byte)).collect())
}

/// 0x1D1: parameters 3 and 4 are stamp and size of the image.
fn by_stamp(modules: &Modules, stamp: u64, size: u64) -> Option<Named> {
    let is_it = |image: &&super::modules::Image| {
        stamp != 0 && u64::from(image.time_date_stamp) == stamp && u64::from(image.size_bytes) == size
    };
    let image = modules.loaded().iter().find(is_it)?;
    Some(Named {
        detail: format!("Parameters 3 and 4 are the stamp and the size of {}.", image.name),
        driver: image.name.clone(),
        offset: None,
        via: None,
        is_guess: image.role != Role::Driver,
    })
}

#[cfg(test)]
mod tests {
    use super::service_name;

    #[test]
    fn a_parameter_that_is_text_is_read_as_text() {
        let number = u64::from_le_bytes(*b"acmefilt");
        assert_eq!(service_name(number).unwrap(), "acmefilt");
        assert_eq!(
            service_name(u64::from_le_bytes(*b"rt640\0\0\0")).unwrap(),
            "rt640"
        );
        assert_eq!(service_name(0xffff_9d8c_1234_5080), None);
        assert_eq!(service_name(0), None);
    }
}
