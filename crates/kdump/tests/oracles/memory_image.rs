//! The first 16 KiB of a complete dump that DumpIt made: cut short, and not a crash.

use kdump::{Dump, DumpType, FormatKind, Part, Warning};

use crate::corpus;

#[test]
fn an_image_of_dumpit_is_a_cut_full_dump_and_no_crash() {
    let Some(bytes) = corpus::dump("truncated_full_header.dmp") else {
        return;
    };
    let dump = Dump::parse(&bytes).unwrap();
    assert_eq!(dump.format().kind, FormatKind::Full);
    assert_eq!(dump.header().dump_type, DumpType::Full);
    assert!(dump.header().bug_check.is_memory_image());
    // The format document: five runs of 0x7FE86 pages, the padding between them unset.
    let pages = dump.physical_memory().unwrap();
    assert_eq!((pages.run_count, pages.page_count), (5, 0x7_FE86));
    assert_eq!(
        dump.warnings(),
        [
            Warning::MemoryImage,
            Warning::NotRead {
                kind: FormatKind::Full
            },
            Warning::CutShort {
                what: Part::Pages,
                offset: 0x2000,
                needed: 0x7FE8_6000,
                there: 0x2000
            },
        ]
    );
    assert!(dump.context().is_some());
    assert_eq!(dump.drivers().count(), 0);
    assert_eq!(dump.memory().regions(), []);
}

#[test]
fn hostile_files_and_user_dumps_are_refused_in_words() {
    let Some(folder) = corpus::folder() else { return };
    for part in ["dumps/hostile", "dumps/user"] {
        for file in std::fs::read_dir(folder.join(part)).unwrap() {
            let path = file.unwrap().path();
            let bytes = std::fs::read(&path).unwrap();
            let error = Dump::parse(&bytes).unwrap_err().to_string();
            assert!(error.contains("not a kernel dump"), "{}: {error}", path.display());
        }
    }
}
