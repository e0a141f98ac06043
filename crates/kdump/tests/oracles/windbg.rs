//! What WinDbg prints of a dump that the kernel wrote itself, crashed on purpose with `notmyfault`.

use std::collections::BTreeSet;

use kdump::{Address, Dump};

use crate::corpus::{self, hex};

const DUMP: &str = "083125-14875-01.dmp";

/// A line of `lm t n`: start, end, image name, time stamp.
type Module = (u64, u64, String, u64);

/// WinDbg shows the kernel under the name it was built with.
const KERNEL: (&str, &str) = ("ntkrnlmp.exe", "ntoskrnl.exe");

fn loaded_modules(text: &str) -> BTreeSet<Module> {
    let (loaded, _) = text.split_once("Unloaded modules:").unwrap();
    let lines = loaded.lines().skip(1).filter(|line| !line.trim().is_empty());
    lines.map(module).collect()
}

/// The time stamp is the eight digits that stand alone or in brackets, according to what WinDbg makes of it.
fn module(line: &str) -> Module {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [start, end, _module_name, image, rest @ ..] = &words[..] else {
        panic!("{line:?} is no module");
    };
    let is_stamp = |word: &&str| word.len() == 8 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut words = rest.iter().map(|word| word.trim_matches(['(', ')']));
    let stamp = words
        .find(is_stamp)
        .unwrap_or_else(|| panic!("{line:?} has no time stamp"));
    let image = if *image == KERNEL.0 { KERNEL.1 } else { image };
    (hex(start), hex(end), image.to_owned(), hex(stamp))
}

#[test]
fn the_156_modules_are_those_of_lm() {
    let Some(bytes) = corpus::dump(DUMP) else { return };
    let expected = loaded_modules(&corpus::expected("eolaruhagen/lm_t_n.txt").unwrap());
    assert_eq!(expected.len(), 156);
    let dump = Dump::parse(&bytes).unwrap();
    let found: BTreeSet<Module> = dump
        .drivers()
        .map(|driver| {
            let name = driver.base_name().unwrap().decode();
            let stamp = u64::from(driver.time_date_stamp);
            (driver.base.0, driver.end().0, name, stamp)
        })
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn the_9_unloaded_modules_are_those_of_lm() {
    let Some(bytes) = corpus::dump(DUMP) else { return };
    let text = corpus::expected("eolaruhagen/lm_t_n.txt").unwrap();
    let (_, unloaded) = text.split_once("Unloaded modules:").unwrap();
    let lines: Vec<&str> = unloaded.lines().filter(|line| !line.trim().is_empty()).collect();
    let expected: Vec<(u64, u64, String, u64)> = lines
        .chunks(4)
        .map(|lines| {
            let words: Vec<&str> = lines[0].split_whitespace().collect();
            let size = lines[3].strip_prefix("ImageSize:").unwrap();
            (hex(words[0]), hex(words[1]), words[2].to_owned(), hex(size))
        })
        .collect();
    assert_eq!(expected.len(), 9);
    let dump = Dump::parse(&bytes).unwrap();
    let found: Vec<(u64, u64, String, u64)> = dump
        .unloaded_drivers()
        .map(|driver| {
            let size = driver.end.offset_from(driver.start).unwrap();
            (driver.start.0, driver.end.0, driver.name, size)
        })
        .collect();
    assert_eq!(found, expected);
}

/// The value behind `key` on a line of its own.
fn value<'a>(text: &'a str, key: &str) -> &'a str {
    let line = text.lines().find(|line| line.starts_with(key));
    line.unwrap_or_else(|| panic!("no line {key:?}"))[key.len()..].trim()
}

#[test]
fn analyze_names_the_same_code_parameters_attributes_and_process() {
    let Some(bytes) = corpus::dump(DUMP) else { return };
    let text = corpus::expected("eolaruhagen/analyze_v.txt").unwrap();
    let dump = Dump::parse(&bytes).unwrap();
    let header = dump.header();
    assert_eq!(
        u64::from(header.bug_check.code),
        hex(value(&text, "BUGCHECK_CODE:"))
    );
    for (index, parameter) in header.bug_check.parameters.into_iter().enumerate() {
        assert_eq!(parameter, hex(value(&text, &format!("BUGCHECK_P{}:", index + 1))));
    }
    let attributes = header.attributes.unwrap();
    assert_eq!(
        u64::from(attributes.0),
        hex(value(&text, "DUMP_FILE_ATTRIBUTES:"))
    );
    assert!(attributes.is_kernel_generated_triage());
    let process = dump.process().unwrap();
    assert_eq!(process.image_file_name, value(&text, "PROCESS_NAME:"));
    let smbios = dump.smbios().unwrap();
    assert_eq!(
        smbios.product_name.as_deref(),
        Some(value(&text, "VIRTUAL_MACHINE:"))
    );
}

#[test]
fn thread_names_the_same_process_and_addresses() {
    let Some(bytes) = corpus::dump(DUMP) else { return };
    let text = corpus::expected("eolaruhagen/thread.txt").unwrap();
    let dump = Dump::parse(&bytes).unwrap();
    let process = dump.process().unwrap();
    let words: Vec<&str> = value(&text, "Owning Process").split_whitespace().collect();
    assert_eq!(process.address, Some(Address(hex(words[0]))));
    assert_eq!(process.image_file_name, words[2]);
    // "THREAD <address>  Cid <process>.<thread>  Teb: <address>"
    let words: Vec<&str> = value(&text, "THREAD").split_whitespace().collect();
    let (pid, _) = words[2].split_once('.').unwrap();
    assert_eq!(process.pid.map(u64::from), Some(hex(pid)));
    let thread = Address(hex(words[0]));
    let data = dump.debugger_data().unwrap();
    let teb = Address(thread.0 + u64::from(data.kthread_teb));
    assert_eq!(dump.memory().read_u64(teb).unwrap(), hex(words[4]));
    // "Base <address> Limit <address>": the saved stack ends at the base, rounded up to its page
    let words: Vec<&str> = value(&text, "Base").split_whitespace().collect();
    assert_eq!(dump.stack().unwrap().end(), Address(hex(words[0])));
}

#[test]
fn the_stack_holds_the_return_addresses_and_arguments_of_the_frames() {
    let Some(bytes) = corpus::dump(DUMP) else { return };
    let text = corpus::expected("eolaruhagen/kv.txt").unwrap();
    let dump = Dump::parse(&bytes).unwrap();
    let frames: Vec<Vec<&str>> = text
        .lines()
        .map(|line| line.split_whitespace().collect())
        .filter(|words: &Vec<&str>| words.first().is_some_and(|word| word.parse::<u32>().is_ok()))
        .collect();
    assert_eq!(frames.len(), 4);
    // A frame's return address lies just below the stack pointer of its caller.
    for pair in frames[..3].windows(2) {
        let slot = Address(hex(pair[1][1]) - 8);
        assert_eq!(dump.memory().read_u64(slot).unwrap(), hex(pair[0][2]));
    }
    assert_eq!(dump.context().unwrap().sp(), Address(hex(frames[0][1])));
}
