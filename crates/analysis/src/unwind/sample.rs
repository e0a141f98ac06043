//! Images for tests, written by hand: code, unwind information, a function list, the name of a PDB.

use std::sync::Arc;

use super::pe::Pe;

/// Where the code of a sample begins.
pub(crate) const CODE: u32 = 0x1000;
/// Where its function list is.
pub(crate) const LIST: u32 = 0x3000;
/// Where its unwind information begins.
pub(crate) const UNWIND: u32 = 0x4000;
const DEBUG: u32 = 0x5000;
const SIZE: u32 = 0x9000;
/// The bytes of each section, in memory and in the file.
const SECTION: usize = 0x800;

/// An image in the making. Offsets of code count from [`CODE`].
pub(crate) struct Image {
    machine: u16,
    code: Vec<u8>,
    functions: Vec<u8>,
    unwind: Vec<u8>,
    debug: Vec<u8>,
}

impl Image {
    pub(crate) fn x64() -> Image {
        Image::of(0x8664)
    }

    pub(crate) fn arm64() -> Image {
        Image::of(0xaa64)
    }

    fn of(machine: u16) -> Image {
        Image {
            machine,
            code: vec![0x90; SECTION],
            functions: Vec::new(),
            unwind: Vec::new(),
            debug: Vec::new(),
        }
    }

    /// Puts instructions at an offset.
    pub(crate) fn code(mut self, offset: usize, bytes: &[u8]) -> Image {
        self.code[offset..offset + bytes.len()].copy_from_slice(bytes);
        self
    }

    /// Where the next unwind information will be.
    pub(crate) fn next_unwind(&self) -> u32 {
        UNWIND + u32::try_from(self.unwind.len()).unwrap()
    }

    /// Unwind information that no function of the list names.
    pub(crate) fn unwind(mut self, bytes: &[u8]) -> Image {
        self.unwind.extend(bytes);
        self.unwind.resize(self.unwind.len().next_multiple_of(4), 0);
        self
    }

    /// A function of x64 with unwind information of its own.
    pub(crate) fn function(self, begin: u32, end: u32, unwind: &[u8]) -> Image {
        let at = self.next_unwind();
        self.unwind(unwind).entry(&[CODE + begin, CODE + end, at])
    }

    /// An entry of the function list, as the numbers it is made of.
    pub(crate) fn entry(mut self, numbers: &[u32]) -> Image {
        self.functions
            .extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        self
    }

    /// The path of its PDB, with a fixed GUID and the age 2.
    pub(crate) fn pdb(mut self, path: &str) -> Image {
        let mut record = b"RSDS\x33\x22\x11\x00\x55\x44\x77\x66\x88\x99\xaa\xbb\xcc\xdd\xee\xff".to_vec();
        record.extend(2_u32.to_le_bytes());
        record.extend(path.as_bytes());
        record.push(0);
        self.debug = record;
        self
    }

    pub(crate) fn open(self) -> Pe {
        Pe::open(Arc::new(self.build())).expect("an image")
    }

    pub(crate) fn build(&self) -> Vec<u8> {
        let sections: [(u32, Vec<u8>, u32); 4] = [
            (CODE, self.code.clone(), 0x6000_0020),
            (LIST, self.functions.clone(), 0x4000_0040),
            (UNWIND, self.unwind.clone(), 0x4000_0040),
            (DEBUG, self.debug_section(), 0x4000_0040),
        ];
        let mut file = self.headers(&sections);
        for (_, bytes, _) in &sections {
            file.extend(bytes);
            file.resize(file.len().next_multiple_of(SECTION), 0);
            if bytes.is_empty() {
                file.resize(file.len() + SECTION, 0);
            }
        }
        file
    }

    fn debug_section(&self) -> Vec<u8> {
        let mut section = vec![0; 28];
        section[12..16].copy_from_slice(&2_u32.to_le_bytes());
        section[16..20].copy_from_slice(&u32::try_from(self.debug.len()).unwrap().to_le_bytes());
        let at = SECTION * 4 + 28;
        section[24..28].copy_from_slice(&u32::try_from(at).unwrap().to_le_bytes());
        section.extend(&self.debug);
        section
    }

    fn headers(&self, sections: &[(u32, Vec<u8>, u32)]) -> Vec<u8> {
        let mut file = vec![0; SECTION];
        let mut put = |at: usize, bytes: &[u8]| file[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, b"MZ");
        put(0x3c, &0x80_u32.to_le_bytes());
        put(0x80, b"PE\0\0");
        put(0x84, &self.machine.to_le_bytes());
        put(0x86, &u16::try_from(sections.len()).unwrap().to_le_bytes());
        put(0x88, &0x6543_2100_u32.to_le_bytes());
        put(0x94, &240_u16.to_le_bytes());
        let optional = 0x98;
        put(optional, &0x20b_u16.to_le_bytes());
        put(optional + 56, &SIZE.to_le_bytes());
        put(optional + 60, &0x400_u32.to_le_bytes());
        let list_bytes = u32::try_from(self.functions.len()).unwrap();
        let debug_bytes = if self.debug.is_empty() { 0_u32 } else { 28 };
        for (index, rva, size) in [(3, LIST, list_bytes), (6, DEBUG, debug_bytes)] {
            put(optional + 112 + 8 * index, &rva.to_le_bytes());
            put(optional + 116 + 8 * index, &size.to_le_bytes());
        }
        for (index, (rva, _, flags)) in sections.iter().enumerate() {
            let at = optional + 240 + 40 * index;
            let size = u32::try_from(SECTION).unwrap();
            let file_offset = u32::try_from(SECTION * (index + 1)).unwrap();
            for (field, number) in [(8, size), (12, *rva), (16, size), (20, file_offset), (36, *flags)] {
                put(at + field, &number.to_le_bytes());
            }
        }
        file
    }
}
