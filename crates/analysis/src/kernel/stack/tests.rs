use super::*;
use crate::corpus::{CorpusSymbols, corpus};
use crate::kernel::{addresses, fault};
use crate::walk::Code;
use std::time::{Duration, Instant};

const X64: &str = "dumps/kernel/triage_x64.dmp";

/// Addresses and stack pointers as rizin prints them: `8  0xfffff8048b58334c sp: 0xffff850429892120 …`.
fn rizin_frames() -> Option<Vec<(u64, u64)>> {
    let text = corpus("expected/rizin-dmp-tests.txt")?;
    let text = String::from_utf8_lossy(&text).into_owned();
    let section = text
        .split("NAME=: ")
        .find(|section| section.starts_with("Triage Dump Debug x64"))?
        .to_owned();
    let number = |text: &str| u64::from_str_radix(text.strip_prefix("0x")?, 16).ok();
    let frames = section.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        words.next()?.parse::<u32>().ok()?;
        let address = number(words.next()?)?;
        (words.next()? == "sp:").then_some((address, number(words.next()?)?))
    });
    Some(frames.collect())
}

fn steps_of(dump: &[u8], source: &mut CorpusSymbols) -> (Vec<Step>, Vec<String>) {
    let dump = Dump::parse(dump).unwrap();
    let modules = Modules::of(&dump);
    let (code, parameters) = (dump.header().bug_check.code, dump.header().bug_check.parameters);
    let code = code & !(1 << 28);
    let fault = fault::find(&dump, code, addresses::instruction(code, parameters)).unwrap();
    let mut symbols = Symbols::of(&dump, &modules, &fault, source);
    let steps = steps(&dump, &modules, &fault, &mut symbols);
    (steps, symbols.into_warnings())
}

#[test]
fn two_real_drivers_are_unwound_through_as_rizin_does() {
    let (Some(dump), Some(rizin)) = (corpus(X64), rizin_frames()) else {
        return;
    };
    let (steps, warnings) = steps_of(&dump, &mut CorpusSymbols::default());
    // Frames 0 to 7 are the kernel's own handling of the fault, which the parameters lead past.
    let walked: Vec<_> = steps
        .iter()
        .map(|step| (step.address, step.stack_pointer))
        .take(17)
        .collect();
    assert_eq!(walked, rizin[8..25]);
    assert_eq!(steps[0].trust, Trust::Context);
    assert!(steps[1..17].iter().all(|step| step.trust == Trust::Cfi));
    assert_eq!(steps[17].trust, Trust::Scan, "the kernel's file is not there");
    assert_eq!(warnings, Vec::<String>::new());
}

#[test]
fn the_trap_frame_leads_through_the_same_drivers_as_the_context() {
    let (Some(mut dump), Some(rizin)) = (corpus(X64), rizin_frames()) else {
        return;
    };
    // 0x139 with the trap frame that begins the frame of the fault handler.
    dump[0x38..0x3c].copy_from_slice(&0x139_u32.to_le_bytes());
    for (at, value) in [(0x40, 3), (0x48, 0xffff_8504_2989_1f90), (0x50, 0), (0x58, 0_u64)] {
        dump[at..at + 8].copy_from_slice(&value.to_le_bytes());
    }
    let (steps, _) = steps_of(&dump, &mut CorpusSymbols::default());
    let walked: Vec<_> = steps
        .iter()
        .map(|step| (step.address, step.stack_pointer))
        .take(17)
        .collect();
    assert_eq!(walked, rizin[8..25]);
}

#[test]
fn a_real_return_address_is_one_by_the_file_of_its_image() {
    let (Some(dump), Some(rizin)) = (corpus(X64), rizin_frames()) else {
        return;
    };
    let dump = Dump::parse(&dump).unwrap();
    let modules = Modules::of(&dump);
    let fault = fault::find(&dump, 0x7e, None).unwrap();
    let symbols = Symbols::of(&dump, &modules, &fault, &mut CorpusSymbols::default());
    let scanner = Scanner {
        dump: &dump,
        modules: &modules,
        files: &symbols.files,
    };
    for (address, _) in &rizin[9..36] {
        assert!(scanner.may_return_to(*address), "{address:#x}");
    }
    let base = modules.at(rizin[8].0).unwrap().image.base;
    let junk = (base..base + 0x3_b000).filter(|address| scanner.may_return_to(*address));
    assert!(junk.count() < 0x3_b000 / 20, "most addresses are none");
}

#[test]
fn a_dump_with_its_files_at_hand_is_walked_in_no_time() {
    let Some(dump) = corpus(X64) else { return };
    let mut source = CorpusSymbols::default();
    let started = Instant::now();
    let _ = steps_of(&dump, &mut source);
    assert!(started.elapsed() < Duration::from_secs(2));
    assert_eq!(source.asked.len(), 1);
}
