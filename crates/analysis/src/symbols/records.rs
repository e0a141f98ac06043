//! The stack records of a `.sym` file, found by address without being parsed.
//!
//! ```text
//! STACK WIN 4 a1080 fa 9 0 c 0 0 0 1 $T0 .raSearch = ...   one record: type, address, bytes, prologue, epilogue,
//! STACK WIN 0 1cab960 68 0 0 10 0 8 0 0 0                   parameters, saved registers, locals, ...
//! STACK CFI INIT 804c4b0 40 .cfa: $esp 4 + ...              one record together with
//! STACK CFI 804c4b1 .cfa: $esp 8 + ...                      the lines that follow it
//! ```
//!
//! Their programs are evaluated by breakpad-symbols, one record at a time, which parses a file of a MODULE line and
//! that record. Records of real files overlap; here they are made disjoint by the rules that breakpad-symbols applies
//! to a whole file, so that one record alone gives the frame that the whole file would:
//!
//! * a record that begins inside the one before it ends that one there, for good;
//! * one that begins no later than the one before it and reaches into it is dropped, unless their ranges are equal;
//! * then, in order of addresses, what still overlaps the one before is dropped.
//!
//! Beside them stand the parameter bytes of functions: on x86 a callee takes its parameters off its caller's stack,
//! so the frame of the caller depends on them.

/// Longest record that is kept, with all its lines.
const MAX_RECORD_BYTES: usize = 256 * 1024;
/// Most bytes of locals, parameters or saved registers that a frame may have: above it the evaluator's sums could
/// overflow, and no function has a frame of that size.
const MAX_FRAME_BYTES: u32 = 64 << 20;

/// One record: which addresses it is for and where its text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    /// First address, relative to the image.
    pub(super) address: u32,
    /// Bytes of code; never 0.
    pub(super) size: u32,
    /// Where its text begins.
    pub(super) offset: u32,
    /// Bytes of its text.
    pub(super) length: u32,
}

impl Entry {
    fn end(self) -> u64 {
        u64::from(self.address) + u64::from(self.size)
    }
}

/// The records of one file, each kind in order of addresses and disjoint.
#[derive(Debug, Default)]
pub(super) struct Records {
    /// `STACK WIN 4`.
    pub(super) frame_data: Vec<Entry>,
    /// `STACK WIN 0`.
    pub(super) fpo: Vec<Entry>,
    /// `STACK CFI INIT` with what follows it.
    pub(super) cfi: Vec<Entry>,
    /// The first address of a function and its parameter bytes, in order of addresses.
    pub(super) parameters: Vec<(u32, u32)>,
    /// The records' own lines.
    pub(super) text: Vec<u8>,
}

impl Records {
    /// The records of a text; lines that are no records, or absurd ones, are left out.
    pub(super) fn of(text: &[u8]) -> Self {
        let mut reading = Reading::default();
        for line in text.split(|byte| *byte == b'\n') {
            reading.line(line.strip_suffix(b"\r").unwrap_or(line));
        }
        reading.finish()
    }
}

/// Records in the reading.
#[derive(Default)]
struct Reading {
    records: Records,
    functions: Vec<(u32, u32)>,
    publics: Vec<(u32, u32)>,
    /// Whether a following `STACK CFI` line belongs to the last entry of `records.cfi`.
    is_in_cfi: bool,
}

impl Reading {
    fn line(&mut self, line: &[u8]) {
        if let Some(rest) = line.strip_prefix(b"STACK CFI INIT ") {
            self.is_in_cfi = self.cfi(line, rest).is_some();
        } else if line.starts_with(b"STACK CFI ") {
            self.is_in_cfi = self.is_in_cfi && self.cfi_continued(line).is_some();
        } else if let Some(rest) = line.strip_prefix(b"STACK WIN ") {
            self.is_in_cfi = false;
            let _ = self.win(line, rest);
        } else if let Some(rest) = line.strip_prefix(b"FUNC ") {
            self.functions.extend(parameters(rest, 2));
        } else if let Some(rest) = line.strip_prefix(b"PUBLIC ") {
            self.publics.extend(parameters(rest, 1));
        }
    }

    fn cfi(&mut self, line: &[u8], rest: &[u8]) -> Option<()> {
        let mut words = words(rest);
        let (address, size) = (hex(words.next()?)?, hex(words.next()?)?);
        let entry = self.append(line, address, size)?;
        self.records.cfi.push(entry);
        Some(())
    }

    /// Adds a line to the last record, or drops that record when it gets too long.
    fn cfi_continued(&mut self, line: &[u8]) -> Option<()> {
        let entry = self.records.cfi.last_mut()?;
        let added = u32::try_from(line.len().checked_add(1)?).ok()?;
        let length = entry.length.checked_add(added)?;
        if usize::try_from(length).ok()? > MAX_RECORD_BYTES {
            self.records.cfi.pop();
            return None;
        }
        entry.length = length;
        self.records.text.extend_from_slice(line);
        self.records.text.push(b'\n');
        Some(())
    }

    fn win(&mut self, line: &[u8], rest: &[u8]) -> Option<()> {
        let mut words = words(rest);
        let kind = words.next()?;
        let (address, size) = (hex(words.next()?)?, hex(words.next()?)?);
        // Prologue, epilogue, parameters, saved registers, locals, most on the stack.
        for _ in 0..6 {
            if hex(words.next()?)? > MAX_FRAME_BYTES {
                return None;
            }
        }
        let has_program = words.next()? == b"1";
        // What says two things of itself is dropped by the evaluator too.
        if has_program != (kind == b"4") || !matches!(kind, b"0" | b"4") {
            return None;
        }
        let entry = self.append(line, address, size)?;
        let entries = match kind {
            b"4" => &mut self.records.frame_data,
            _ => &mut self.records.fpo,
        };
        insert(entries, entry);
        Some(())
    }

    fn append(&mut self, line: &[u8], address: u32, size: u32) -> Option<Entry> {
        let is_fit = size > 0 && line.len() < MAX_RECORD_BYTES && str::from_utf8(line).is_ok();
        if !is_fit {
            return None;
        }
        let entry = Entry {
            address,
            size,
            offset: u32::try_from(self.records.text.len()).ok()?,
            length: u32::try_from(line.len().checked_add(1)?).ok()?,
        };
        self.records.text.extend_from_slice(line);
        self.records.text.push(b'\n');
        Some(entry)
    }

    fn finish(mut self) -> Records {
        for entries in [
            &mut self.records.frame_data,
            &mut self.records.fpo,
            &mut self.records.cfi,
        ] {
            make_disjoint(entries);
        }
        // A function's own record is better than that of a public name at its first byte.
        self.functions.sort_unstable();
        self.functions.dedup_by_key(|(address, _)| *address);
        let functions = &self.functions;
        self.publics.retain(|(address, _)| {
            functions
                .binary_search_by_key(address, |(address, _)| *address)
                .is_err()
        });
        self.records.parameters = self.functions;
        self.records.parameters.append(&mut self.publics);
        self.records.parameters.retain(|(_, bytes)| *bytes > 0);
        self.records.parameters.sort_unstable();
        self.records.parameters.dedup_by_key(|(address, _)| *address);
        self.records
    }
}

/// Puts a Windows record after the one before it, which ends where this one begins.
fn insert(entries: &mut Vec<Entry>, entry: Entry) {
    if let Some(last) = entries.last_mut() {
        let overlaps = u64::from(entry.address) < last.end() && u64::from(last.address) < entry.end();
        if overlaps && entry.address > last.address {
            last.size = entry.address.saturating_sub(last.address);
        } else if overlaps && (entry.address, entry.size) != (last.address, last.size) {
            return;
        }
    }
    entries.push(entry);
}

fn make_disjoint(entries: &mut Vec<Entry>) {
    entries.sort_by_key(|entry| (entry.address, entry.size));
    let mut end = 0;
    entries.retain(|entry| {
        let is_clear = u64::from(entry.address) >= end;
        if is_clear {
            end = entry.end();
        }
        is_clear
    });
}

/// The address of a `FUNC` or `PUBLIC` line and its parameter bytes, which are word `at`.
fn parameters(rest: &[u8], at: usize) -> Option<(u32, u32)> {
    let rest = rest.strip_prefix(b"m ").unwrap_or(rest);
    let address = hex(words(rest).next()?)?;
    let bytes = hex(words(rest).nth(at)?)?;
    Some((address, if bytes > MAX_FRAME_BYTES { 0 } else { bytes }))
}

fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| *byte == b' ').filter(|word| !word.is_empty())
}

fn hex(word: &[u8]) -> Option<u32> {
    let is_number = word.iter().all(u8::is_ascii_hexdigit);
    let word = str::from_utf8(word).ok().filter(|_| is_number)?;
    u32::from_str_radix(word, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges(entries: &[Entry]) -> Vec<(u32, u32)> {
        entries.iter().map(|entry| (entry.address, entry.size)).collect()
    }

    fn win(address: u32, size: u32) -> String {
        format!("STACK WIN 4 {address:x} {size:x} 0 0 0 0 0 0 1 $T0 .raSearch =\n")
    }

    /// Compilers give each record the length of the rest of the function.
    #[test]
    fn a_record_ends_where_the_next_begins() {
        let text = [win(0x1000, 0x10), win(0x1001, 0xf), win(0x1004, 0xc)].concat();
        let records = Records::of(text.as_bytes());
        assert_eq!(
            ranges(&records.frame_data),
            [(0x1000, 1), (0x1001, 3), (0x1004, 0xc)]
        );
    }

    #[test]
    fn what_still_overlaps_is_dropped() {
        let text = [win(0x1000, 0x10), win(0x2000, 0x10), win(0x0fff, 0x2000)].concat();
        let records = Records::of(text.as_bytes());
        assert_eq!(ranges(&records.frame_data), [(0x1000, 0x10), (0x2000, 0x10)]);
    }

    #[test]
    fn the_lines_after_an_init_are_part_of_its_record() {
        let text = "STACK CFI INIT 10 8 .cfa: $rsp 8 +\r\nSTACK CFI 12 .cfa: $rsp 16 +\nSTACK CFI INIT 20 8 .cfa: $rsp 8 +\n";
        let records = Records::of(text.as_bytes());
        assert_eq!(ranges(&records.cfi), [(0x10, 8), (0x20, 8)]);
        let first = records.cfi[0];
        let record = &records.text[first.offset as usize..(first.offset + first.length) as usize];
        assert_eq!(
            record,
            b"STACK CFI INIT 10 8 .cfa: $rsp 8 +\nSTACK CFI 12 .cfa: $rsp 16 +\n"
        );
    }

    #[test]
    fn a_function_says_its_parameters_before_a_public_name_does() {
        let text = "FUNC 1000 10 0 f\nPUBLIC 1000 8 _f@8\nPUBLIC m 2000 c _g@12\nFUNC m 3000 4 14 h\n";
        assert_eq!(
            Records::of(text.as_bytes()).parameters,
            [(0x2000, 0xc), (0x3000, 0x14)]
        );
    }

    #[test]
    fn absurd_records_are_left_out() {
        let text = "STACK WIN 4 1000 10 0 0 ffffffff 0 0 0 1 $T0\nSTACK WIN 4 1000 10 0 0 0 0 0 0 0 0\n\
                    STACK WIN 0 ffffffff1 10 0 0 0 0 0 0 0 0\nSTACK WIN\nSTACK WIN 0 10\nSTACK CFI INIT 0 0 x\n\
                    STACK CFI 10 x\nFUNC\nPUBLIC zz\nSTACK WIN 9 1000 10 0 0 0 0 0 0 0 0\n";
        let records = Records::of(text.as_bytes());
        assert!(records.frame_data.is_empty() && records.fpo.is_empty() && records.cfi.is_empty());
        assert!(records.text.is_empty());
    }
}
