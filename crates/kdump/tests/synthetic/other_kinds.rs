//! Kernel dumps that are not small ones: recognised, with header and stop code, and the rest said to be unread.

use kdump::{Dump, Error, FormatKind, Warning};
use synth::dump::{Attributes, Cpu, DumpDescription, DumpKind, Writer};
use synth::scenarios::{self, Scene};

use crate::small;

fn of_kind(kind: DumpKind) -> DumpDescription {
    DumpDescription {
        kind,
        attributes: 0,
        ..small(Cpu::X64, Writer::KernelWritten)
    }
}

#[test]
fn larger_dumps_are_known_by_their_type_and_give_header_and_registers() {
    let kinds = [
        (DumpKind::Full, FormatKind::Full),
        (DumpKind::Summary, FormatKind::Summary),
        (DumpKind::BitmapFull, FormatKind::Bitmap),
        (DumpKind::BitmapKernel, FormatKind::Bitmap),
        (DumpKind::DebuggerKernel, FormatKind::Debugger),
    ];
    for (described, kind) in kinds {
        let bytes = of_kind(described).to_bytes();
        let dump = Dump::parse(&bytes).unwrap();
        assert_eq!(dump.format().kind, kind);
        assert_eq!(dump.header().bug_check.code, 0x76);
        assert!(dump.context().is_some());
        assert!(dump.warnings().contains(&Warning::NotRead { kind }), "{kind}");
        assert!(dump.triage().is_none());
        assert_eq!(dump.drivers().count(), 0);
    }
}

#[test]
fn a_live_small_dump_is_live_and_read_in_full() {
    let mut description = small(Cpu::X64, Writer::KernelWritten);
    description.attributes |= Attributes::LIVE;
    let bytes = description.to_bytes();
    let dump = Dump::parse(&bytes).unwrap();
    assert_eq!(dump.format().kind, FormatKind::Live);
    assert_eq!(dump.drivers().count(), description.drivers.len());
    assert_eq!(dump.warnings(), []);
}

#[test]
fn an_encrypted_dump_is_recognised_but_not_parsed() {
    let bytes = scenarios::encrypted(&Scene::sample(1)).to_bytes();
    assert_eq!(kdump::recognise(&bytes).unwrap().kind, FormatKind::Triage);
    let error = Dump::parse(&bytes).unwrap_err();
    assert_eq!(
        error,
        Error::Encrypted {
            attributes: 0x108,
            offset: 0x1050
        }
    );
}

#[test]
fn a_memory_image_is_no_crash() {
    let bytes = scenarios::memory_imager(&Scene::sample(1)).to_bytes();
    let dump = Dump::parse(&bytes).unwrap();
    assert!(dump.warnings().contains(&Warning::MemoryImage));
    assert_eq!(dump.format().kind, FormatKind::Full);
}
