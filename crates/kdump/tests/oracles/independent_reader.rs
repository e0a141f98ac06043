//! What a second reader, written in another language for the corpus, found in the three small dumps.

use kdump::{Address, Driver, Dump, FormatKind, Width};
use serde_json::Value;

use crate::corpus::{self, hex};

const DUMPS: [&str; 3] = ["triage_x64.dmp", "triage_arm64.dmp", "083125-14875-01.dmp"];

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| hex(value.as_str().unwrap()))
}

fn count(value: &Value) -> usize {
    usize::try_from(value.as_u64().unwrap()).unwrap()
}

/// Calls `check` with each dump and its oracle.
fn for_each_dump(check: impl Fn(&str, &Dump<'_>, &Value)) {
    for name in DUMPS {
        let Some(bytes) = corpus::dump(name) else { return };
        let oracle = corpus::oracle(name).unwrap();
        check(name, &Dump::parse(&bytes).unwrap(), &oracle);
    }
}

/// `ntoskrnl.exe+0x411aa9` for an address inside a driver.
fn symbol(dump: &Dump<'_>, address: Address) -> Option<String> {
    let driver = dump.drivers().find(|driver| driver.contains(address))?;
    let offset = address.offset_from(driver.base)?;
    Some(format!("{}+{offset:#x}", driver.base_name()?))
}

#[test]
fn a_sound_dump_has_no_warnings() {
    for_each_dump(|name, dump, _| {
        assert_eq!(dump.warnings(), [], "{name}");
        assert_eq!(dump.format().kind, FormatKind::Triage, "{name}");
        assert_eq!(dump.format().bits, Width::Bits64, "{name}");
    });
}

#[test]
fn every_driver_has_the_name_base_size_and_time_stamp_of_the_oracle() {
    for_each_dump(|name, dump, oracle| {
        let expected = oracle["driver_list"].as_array().unwrap();
        let drivers: Vec<Driver<'_>> = dump.drivers().collect();
        assert_eq!(drivers.len(), count(&oracle["drivers"]), "{name}");
        assert_eq!(drivers.len(), expected.len(), "{name}");
        for (driver, expected) in drivers.iter().zip(expected) {
            assert_eq!(driver.name.unwrap(), expected["name"].as_str().unwrap());
            assert_eq!(driver.base.0, number(&expected["base"]));
            assert_eq!(u64::from(driver.size_of_image), number(&expected["size"]));
            let stamp = expected["timestamp"].as_str().unwrap();
            assert_eq!(u64::from(driver.time_date_stamp), hex(stamp));
        }
    });
}

#[test]
fn the_header_tells_machine_code_parameters_and_context() {
    for_each_dump(|name, dump, oracle| {
        let header = dump.header();
        let context = dump.context().unwrap();
        let parameters: Vec<u64> = oracle["params"].as_array().unwrap().iter().map(number).collect();
        assert_eq!(
            u64::from(header.minor_version),
            number(&oracle["build"]),
            "{name}"
        );
        assert_eq!(
            u64::from(header.number_processors.unwrap()),
            number(&oracle["cpus"])
        );
        assert_eq!(u64::from(header.bug_check.code), number(&oracle["bugcheck"]));
        assert_eq!(header.bug_check.parameters, *parameters, "{name}");
        assert_eq!(context.pc().0, number(&oracle["header_ctx"]["pc"]), "{name}");
        assert_eq!(context.sp().0, number(&oracle["header_ctx"]["sp"]), "{name}");
        assert_eq!(
            symbol(dump, context.pc()).unwrap(),
            oracle["header_ctx"]["pc_sym"]
        );
        assert_eq!(
            u64::from(dump.exception().code),
            number(&oracle["header_exception"]["code"])
        );
        assert_eq!(
            dump.exception().address.0,
            number(&oracle["header_exception"]["addr"])
        );
    });
}

#[test]
fn the_times_are_those_of_the_oracle() {
    for_each_dump(|name, dump, oracle| {
        let seconds = dump.header().system_time.unwrap().unix_seconds();
        let stated = oracle["system_time_utc"].as_str().unwrap();
        assert_eq!(seconds, unix_seconds(stated), "{name}");
        let uptime = dump.header().system_up_time.unwrap().as_secs();
        assert_eq!(uptime, number(&oracle["uptime_s"]), "{name}");
        let boot = dump.header().boot_time().unwrap().unix_seconds();
        assert!((0..=1).contains(&(seconds - boot - i64::try_from(uptime).unwrap())));
    });
}

/// Seconds since 1970 of `2021-02-21 01:38:22`, counted day by day.
fn unix_seconds(text: &str) -> i64 {
    let parts: Vec<i64> = text
        .split(['-', ' ', ':'])
        .map(|part| part.parse().unwrap())
        .collect();
    let is_leap = |year: i64| (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let year_days = |year| if is_leap(year) { 366 } else { 365 };
    let february = if is_leap(parts[0]) { 29 } else { 28 };
    let months = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let before = usize::try_from(parts[1] - 1).unwrap();
    let days: i64 =
        (1970..parts[0]).map(year_days).sum::<i64>() + months.iter().take(before).sum::<i64>() + parts[2] - 1;
    ((days * 24 + parts[3]) * 60 + parts[4]) * 60 + parts[5]
}

#[test]
fn the_process_is_the_one_whose_name_the_oracle_found() {
    for_each_dump(|name, dump, oracle| {
        let process = dump.process().unwrap();
        assert_eq!(
            process.image_file_name,
            oracle["procstr"][0].as_str().unwrap(),
            "{name}"
        );
        if process.image_file_name == "System" {
            assert_eq!(process.pid, Some(4), "{name}");
        }
    });
}

#[test]
fn unloaded_drivers_and_blocks_are_as_many_as_the_oracle_counts() {
    for_each_dump(|name, dump, oracle| {
        let names: Vec<String> = dump.unloaded_drivers().map(|driver| driver.name).collect();
        let expected: Vec<&str> = oracle["unloaded"]
            .as_array()
            .unwrap()
            .iter()
            .map(|name| name.as_str().unwrap())
            .collect();
        assert_eq!(names, expected, "{name}");
        let triage = dump.triage().unwrap();
        assert_eq!(u64::from(triage.data_blocks_count), number(&oracle["blocks"]));
        assert_eq!(u64::from(triage.size_of_dump), number(&oracle["triage_size"]));
    });
}

#[test]
fn the_stack_lies_where_the_oracle_has_it_and_scans_to_the_same_addresses() {
    for_each_dump(|name, dump, oracle| {
        let stack = dump.stack().unwrap();
        assert_eq!(stack.base.0, number(&oracle["stack_va"]), "{name}");
        assert_eq!(stack.bytes.len(), count(&oracle["stack_bytes"]), "{name}");
        let scan: Vec<(u64, String)> = stack
            .words()
            .filter_map(|(at, word)| Some((at.0, symbol(dump, Address(word))?)))
            .collect();
        assert_eq!(scan.len(), count(&oracle["stack_scan_total"]), "{name}");
        for (found, expected) in scan.iter().zip(oracle["stack_scan"].as_array().unwrap()) {
            assert_eq!(found.0, number(&expected[0]), "{name}");
            assert_eq!(found.1, expected[1], "{name}");
        }
    });
}

#[test]
fn the_real_fault_is_read_through_the_parameters() {
    for_each_dump(|name, dump, oracle| {
        let Some(expected) = oracle.get("fault_context").filter(|value| value.is_object()) else {
            return;
        };
        let [_, _, record, context] = dump.header().bug_check.parameters.map(Address);
        assert_eq!(context.0, number(&expected["at"]), "{name}");
        let context = dump.context_at(context).unwrap();
        assert_eq!(context.pc().0, number(&expected["rip"]));
        assert_eq!(context.sp().0, number(&expected["rsp"]));
        let expected = &oracle["fault_exception"];
        let record = dump.exception_record_at(record).unwrap();
        assert_eq!(u64::from(record.code), number(&expected["code"]));
        assert_eq!(record.address.0, number(&expected["addr"]));
        let values: Vec<u64> = expected["info"].as_array().unwrap().iter().map(number).collect();
        assert_eq!(record.parameters(), values);
    });
}

#[test]
fn the_blobs_are_as_many_and_end_where_the_oracle_says() {
    for_each_dump(|name, dump, oracle| {
        let blobs: Vec<_> = dump.blobs().collect();
        assert_eq!(blobs.len(), count(&oracle["blob_count"]), "{name}");
        let last = blobs.last().unwrap();
        let end = last.file_offset + u64::from(last.stored_size);
        let padding = number(&oracle["blob_end"]) - end;
        assert!(padding < 8, "{name}: {padding} bytes behind the last blob");
    });
}

#[test]
fn the_writer_is_the_one_the_oracle_tells() {
    for_each_dump(|name, dump, oracle| {
        let is_kernel = oracle["flavour"] == "kernel-generated";
        let expected = if is_kernel {
            kdump::Writer::KernelWritten
        } else {
            kdump::Writer::Converted
        };
        assert_eq!(dump.writer(), expected, "{name}");
        let has_build_lab = dump
            .build_lab()
            .is_some_and(|lab| lab.starts_with(&format!("{}.", oracle["build"])));
        assert_eq!(has_build_lab, !is_kernel, "{name}: {:?}", dump.build_lab());
    });
}
