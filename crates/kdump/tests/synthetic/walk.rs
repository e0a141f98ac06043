//! Reads everything a dump offers and checks what must hold for any bytes at all.
//!
//! The fuzz target uses this file as well.

use kdump::{Address, Dump, Memory};

/// How much a walk met; each number is bounded whatever the file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Met {
    pub(crate) drivers: usize,
    pub(crate) unloaded: usize,
    pub(crate) regions: usize,
    pub(crate) blobs: usize,
    pub(crate) warnings: usize,
}

/// Walks `bytes`; `None` if they are refused.
///
/// # Panics
///
/// If the parser gives bytes that are not the file's, or more of anything than it promises.
pub(crate) fn walk(bytes: &[u8]) -> Option<Met> {
    if let Err(error) = kdump::recognise(bytes) {
        assert!(
            Dump::parse(bytes).is_err(),
            "parsed what is not recognised: {error}"
        );
        return None;
    }
    let dump = Dump::parse(bytes).ok()?;
    for warning in dump.warnings() {
        assert!(!warning.to_string().is_empty());
    }
    walk_header(&dump);
    let met = Met {
        drivers: walk_drivers(&dump),
        unloaded: dump.unloaded_drivers().count(),
        regions: walk_memory(&dump, bytes),
        blobs: walk_blobs(&dump, bytes),
        warnings: dump.warnings().len(),
    };
    assert!(met.drivers <= 4096, "{met:?}");
    assert!(met.unloaded <= 64, "{met:?}");
    assert!(met.regions <= 65_536 + 4, "{met:?}");
    assert!(met.regions <= bytes.len() / 12 + 4, "{met:?}");
    assert!(met.blobs <= 4096, "{met:?}");
    assert!(met.warnings <= 24, "{met:?}");
    Some(met)
}

fn walk_header(dump: &Dump<'_>) {
    let header = dump.header();
    let _ = (header.boot_time(), header.bug_check.grouped_code());
    let _ = header
        .system_time
        .map(|time| (time.unix_seconds(), time.unix_nanos()));
    assert!(dump.exception().parameters().len() <= 15);
    if let Some(context) = dump.context() {
        assert!(!context.registers().is_empty());
        let _ = dump.memory().read(context.sp(), 64);
    }
    for parameter in header.bug_check.parameters.map(Address) {
        let _ = (dump.context_at(parameter), dump.exception_record_at(parameter));
    }
    let _ = (
        dump.physical_memory(),
        dump.writer(),
        dump.memory_manager(),
        dump.debugger_data(),
    );
    if let Some(process) = dump.process() {
        assert!((1..=14).contains(&process.image_file_name.len()));
    }
    assert!(dump.build_lab().is_none_or(|lab| lab.len() < 128));
    let _ = dump.smbios();
}

fn walk_drivers(dump: &Dump<'_>) -> usize {
    dump.drivers()
        .inspect(|driver| {
            let length = driver.name.map_or(0, |name| name.decode().chars().count());
            assert!(length <= 1024);
            assert!(driver.end() >= driver.base);
            assert!(!driver.contains(driver.end()) || driver.end().0 == u64::MAX);
        })
        .count()
}

fn walk_memory(dump: &Dump<'_>, file: &[u8]) -> usize {
    let memory = dump.memory();
    let mut end = Address(0);
    for region in memory.regions() {
        assert!(end <= region.address, "regions overlap");
        end = region.end();
        let bytes = memory.available(region.address).unwrap();
        assert_inside(bytes, file);
        read_around(memory, region.address, region.size_bytes);
    }
    if let Some(stack) = dump.stack() {
        assert_inside(stack.bytes, file);
        assert_eq!(memory.read(stack.base, 1).unwrap().len(), 1);
        assert!(stack.words().count() <= file.len());
    }
    memory.regions().len()
}

/// Reads across the borders of a region; what succeeds has the length that was asked for.
fn read_around(memory: &Memory<'_>, address: Address, size: u64) {
    let starts = [
        address.0.saturating_sub(4),
        address.0,
        address.0.saturating_add(size),
    ];
    for start in starts.map(Address) {
        for length in [1, 8, 512] {
            if let Ok(bytes) = memory.read(start, length) {
                assert_eq!(bytes.len() as u64, length);
            }
        }
        let _ = (
            memory.read_u16(start),
            memory.read_u32(start),
            memory.read_pointer(start),
        );
    }
    assert!(memory.read(address, u64::MAX).is_err());
}

fn walk_blobs(dump: &Dump<'_>, file: &[u8]) -> usize {
    dump.blobs()
        .inspect(|blob| {
            assert_inside(blob.data, file);
            assert!(blob.data.len() as u64 <= u64::from(blob.stored_size));
            assert_eq!(blob.tag.to_string().len(), 36);
        })
        .count()
}

/// An empty slice lies nowhere; any other must be a part of the file.
fn assert_inside(part: &[u8], file: &[u8]) {
    let (part, file) = (part.as_ptr_range(), file.as_ptr_range());
    assert!(
        part.is_empty() || (file.start <= part.start && part.end <= file.end),
        "bytes that are not the file's"
    );
}
