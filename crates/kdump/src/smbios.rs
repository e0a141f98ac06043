//! Manufacturer and model of the machine, out of the SMBIOS tables in the secondary data.
//!
//! The blob begins with eight bytes (calling method, version 2.5 as `02 05`, revision, length of the tables as u32).
//! Each structure is a formatted area (type, length, handle, fields) and then NUL-terminated strings that the fields
//! number from 1, ended by one more NUL. Serial numbers, the UUID and asset tags are left unread on purpose.

use crate::bytes::Bytes;

const HEADER_SIZE: u64 = 8;
/// More structures than firmware lists.
const MAX_STRUCTURES: usize = 1024;
/// Structure types that are read.
const BIOS: u8 = 0;
const SYSTEM: u8 = 1;
const BASEBOARD: u8 = 2;
const END: u8 = 127;

/// What the firmware says about the machine. Serial numbers are not read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SmbiosSystem {
    /// Who made the machine.
    pub manufacturer: Option<String>,
    /// The model.
    pub product_name: Option<String>,
    /// The product family.
    pub family: Option<String>,
    /// Who made the board.
    pub baseboard_manufacturer: Option<String>,
    /// The board's model.
    pub baseboard_product: Option<String>,
    /// Who made the firmware.
    pub bios_vendor: Option<String>,
    /// The firmware's version.
    pub bios_version: Option<String>,
    /// The firmware's date as it writes it, often `MM/DD/YYYY`.
    pub bios_release_date: Option<String>,
}

impl SmbiosSystem {
    /// Reads the blob's data; `None` if it tells neither manufacturer nor model nor firmware.
    pub(crate) fn read(data: &[u8]) -> Option<SmbiosSystem> {
        let data = Bytes::new(data);
        let length = u64::from(data.u32(4)?);
        let tables = data.slice_clipped(HEADER_SIZE, length);
        let mut system = SmbiosSystem::default();
        for structure in structures(tables).take(MAX_STRUCTURES) {
            match structure.kind() {
                BIOS => system.read_bios(structure),
                SYSTEM => system.read_system(structure),
                BASEBOARD => system.read_baseboard(structure),
                END => break,
                _ => {}
            }
        }
        (system != SmbiosSystem::default()).then_some(system)
    }

    fn read_bios(&mut self, structure: Structure<'_>) {
        set(&mut self.bios_vendor, structure.text(0x04));
        set(&mut self.bios_version, structure.text(0x05));
        set(&mut self.bios_release_date, structure.text(0x08));
    }

    fn read_system(&mut self, structure: Structure<'_>) {
        set(&mut self.manufacturer, structure.text(0x04));
        set(&mut self.product_name, structure.text(0x05));
        set(&mut self.family, structure.text(0x1A));
    }

    fn read_baseboard(&mut self, structure: Structure<'_>) {
        set(&mut self.baseboard_manufacturer, structure.text(0x04));
        set(&mut self.baseboard_product, structure.text(0x05));
    }
}

/// Keeps the first value that is found.
fn set(field: &mut Option<String>, value: Option<String>) {
    if field.is_none() {
        *field = value;
    }
}

/// One structure: its formatted area and its strings.
#[derive(Debug, Clone, Copy)]
struct Structure<'a> {
    area: &'a [u8],
    strings: &'a [u8],
}

impl Structure<'_> {
    fn kind(self) -> u8 {
        self.area.first().copied().unwrap_or(END)
    }

    /// The string whose number is at `offset` of the formatted area, without spaces around it.
    fn text(self, offset: usize) -> Option<String> {
        let number = self.area.get(offset).copied()?.checked_sub(1)?;
        let text = self.strings.split(|&byte| byte == 0).nth(usize::from(number))?;
        let text = String::from_utf8_lossy(text).trim().to_owned();
        (!text.is_empty()).then_some(text)
    }
}

/// The structures one after the other, until one is not whole.
fn structures(tables: &[u8]) -> impl Iterator<Item = Structure<'_>> {
    let mut rest = tables;
    std::iter::from_fn(move || {
        let length = usize::from(*rest.get(1)?).max(4);
        let (area, behind) = rest.split_at_checked(length)?;
        let strings_end = behind.windows(2).position(|pair| pair == [0, 0])?;
        let (strings, after) = behind.split_at_checked(strings_end)?;
        rest = after.get(2..)?;
        Some(Structure { area, strings })
    })
}

#[cfg(test)]
mod tests {
    use super::SmbiosSystem;

    fn blob(structures: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0, 2, 5, 0];
        bytes.extend(u32::try_from(structures.len()).unwrap().to_le_bytes());
        bytes.extend(structures);
        bytes
    }

    fn system(strings: &[u8]) -> Vec<u8> {
        let mut area = vec![0; 0x1B];
        area[..8].copy_from_slice(&[1, 0x1B, 1, 0, 1, 2, 3, 4]);
        area[0x1A] = 5;
        area.extend(strings);
        area
    }

    #[test]
    fn manufacturer_model_and_family_are_read_and_the_serial_number_is_not() {
        let structure = system(b"Acme\0Box \x003.1\0SERIAL-123\0Boxes\0\0");
        let found = SmbiosSystem::read(&blob(&structure)).unwrap();
        assert_eq!(found.manufacturer.as_deref(), Some("Acme"));
        assert_eq!(found.product_name.as_deref(), Some("Box"));
        assert_eq!(found.family.as_deref(), Some("Boxes"));
        assert!(!format!("{found:?}").contains("SERIAL"));
    }

    #[test]
    fn a_structure_without_strings_is_passed_over() {
        let mut structures = vec![126, 4, 0, 0, 0, 0];
        structures.extend(system(b"Acme\0Box\0\0"));
        let found = SmbiosSystem::read(&blob(&structures)).unwrap();
        assert_eq!(found.product_name.as_deref(), Some("Box"));
    }

    #[test]
    fn tables_without_end_do_not_loop() {
        assert_eq!(SmbiosSystem::read(&blob(&[1, 0, 0, 0])), None);
        assert_eq!(SmbiosSystem::read(&blob(&[0; 4096])), None);
        assert_eq!(SmbiosSystem::read(&[0; 3]), None);
        assert_eq!(SmbiosSystem::read(&[0xFF; 64]), None);
    }
}
