//! Real dumps, posted to the real server, compared with what debuggers published about them.

use serde_json::Value;
use tests::{Server, corpus_file};

/// What an independent reading of the dump printed.
fn oracle(name: &str) -> Value {
    let bytes =
        corpus_file(&format!("expected/oracle/{name}.json")).expect("the corpus was there a moment ago");
    serde_json::from_slice(&bytes).expect("the oracle is JSON")
}

/// The base name of a driver as a dump spells it.
fn base_name(path: &str) -> &str {
    path.rsplit(['\\', '/']).next().unwrap_or(path)
}

/// The fields that every kernel crash shares with its oracle.
fn assert_agrees(crash: &Value, oracle: &Value) {
    assert_eq!(crash["kind"], "kernel");
    assert_eq!(crash["source"], "dump");
    assert_eq!(crash["stop_code"]["raw_code"], oracle["bugcheck"]);
    let parameters: Vec<_> = crash["stop_code"]["parameters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p["value"].clone())
        .collect();
    assert_eq!(Value::from(parameters), oracle["params"]);
    assert_eq!(crash["os_build"], oracle["build"]);
    assert_eq!(crash["processors"], oracle["cpus"]);
    assert_eq!(crash["uptime_seconds"], oracle["uptime_s"]);
    let time = oracle["system_time_utc"].as_str().unwrap().replace(' ', "T");
    assert!(
        crash["crashed_at"].as_str().unwrap().starts_with(&time),
        "{}",
        crash["crashed_at"]
    );
    assert_eq!(crash["process"], oracle["procstr"][0]);
    assert_drivers_agree(crash, oracle);
}

/// Loaded drivers to the last field, and the names of the unloaded ones.
fn assert_drivers_agree(crash: &Value, oracle: &Value) {
    let drivers = crash["drivers"].as_array().unwrap();
    let expected = oracle["driver_list"].as_array().unwrap();
    assert_eq!(drivers.len(), expected.len());
    for (driver, expected) in drivers.iter().zip(expected) {
        assert_eq!(driver["name"], base_name(expected["name"].as_str().unwrap()));
        assert_eq!(driver["base"], expected["base"]);
        assert_eq!(
            format!("{:#x}", driver["size_of_image"].as_u64().unwrap()),
            expected["size"]
        );
        let stamp = driver["time_date_stamp"].as_str().unwrap();
        let stamp = u32::from_str_radix(stamp.trim_start_matches("0x"), 16).unwrap();
        assert_eq!(format!("{stamp:08X}"), expected["timestamp"]);
    }
    let unloaded: Vec<_> = crash["unloaded_drivers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|driver| driver["name"].clone())
        .collect();
    assert_eq!(Value::from(unloaded), oracle["unloaded"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_driver_that_read_a_bad_address_is_named_with_high_confidence() {
    let Some(dump) = corpus_file("dumps/kernel/triage_x64.dmp") else {
        return;
    };
    let server = Server::start().await;

    let crash = server.admin().crash_of("m1", dump).await;

    assert_agrees(&crash, &oracle("triage_x64.dmp"));
    assert_eq!(crash["machine"], "m1");
    assert_eq!(crash["architecture"], "x86_64");
    assert_eq!(crash["stop_code"]["code"], "0x7e");
    assert_eq!(crash["stop_code"]["name"], "SYSTEM_THREAD_EXCEPTION_NOT_HANDLED");
    assert_eq!(crash["stop_code"]["class"], "driver");
    // rizin's frame 8, the first of the thread that faulted
    assert_eq!(crash["frames"][0]["address"], "0xfffff8048b58334c");
    assert_eq!(crash["frames"][0]["module"], "amdppm.sys");
    assert_eq!(crash["frames"][0]["module_offset"], "0x334c");
    assert_eq!(crash["frames"][0]["trust"], "context");
    assert_eq!(crash["probable_driver"]["name"], "amdppm.sys");
    assert_eq!(crash["probable_driver"]["confidence"], "high");
    assert_eq!(crash["evidence"][0]["driver"], "amdppm.sys");
    assert_eq!(crash["evidence"][0]["kind"], "parameter");
    assert!(
        crash["signature"].as_str().unwrap().contains("amdppm.sys"),
        "{}",
        crash["signature"]
    );
    assert!(!crash["guidance"].as_array().unwrap().is_empty());
    let amdppm = crash["drivers"]
        .as_array()
        .unwrap()
        .iter()
        .find(|d| d["name"] == "amdppm.sys")
        .unwrap();
    // the name of the folder that a symbol server keeps this image in
    assert_eq!(amdppm["code_id"], "amdppm.sys/c9c030003b000");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_switched_off_by_hand_accuses_no_driver() {
    let Some(dump) = corpus_file("dumps/kernel/triage_arm64.dmp") else {
        return;
    };
    let server = Server::start().await;

    let crash = server.admin().crash_of("tablet", dump).await;

    assert_agrees(&crash, &oracle("triage_arm64.dmp"));
    assert_eq!(crash["architecture"], "arm64");
    assert_eq!(crash["stop_code"]["code"], "0x1c8");
    assert_eq!(crash["stop_code"]["class"], "manual");
    assert_eq!(crash["probable_driver"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kernel_written_dump_agrees_with_windbg() {
    let Some(dump) = corpus_file("dumps/kernel/083125-14875-01.dmp") else {
        return;
    };
    let server = Server::start().await;

    let crash = server.admin().crash_of("vm", dump).await;

    assert_agrees(&crash, &oracle("083125-14875-01.dmp"));
    assert_eq!(crash["stop_code"]["code"], "0x4a");
    assert_eq!(crash["stop_code"]["name"], "IRQL_GT_ZERO_AT_SYSTEM_SERVICE");
    // WinDbg blames the kernel; the program that did it is loaded but not on the stack.
    let probable = &crash["probable_driver"];
    assert!(
        probable.is_null() || probable["confidence"] == "low",
        "{probable}"
    );
}

/// There is no public 0x76 dump: this is a real dump with only the code and the parameters overwritten.
#[tokio::test(flavor = "multi_thread")]
async fn a_real_dump_rewritten_as_0x76_is_counted_and_accuses_no_driver() {
    let Some(mut dump) = corpus_file("dumps/kernel/triage_x64.dmp") else {
        return;
    };
    dump[0x38..0x3c].copy_from_slice(&0x76_u32.to_le_bytes());
    for (index, value) in [0_u64, 0xffff_b80a_1234_5080, 0x26, 0].into_iter().enumerate() {
        dump[0x40 + 8 * index..0x48 + 8 * index].copy_from_slice(&value.to_le_bytes());
    }
    let server = Server::start().await;
    let admin = server.admin();

    let crash = admin.crash_of("m1", dump).await;

    assert_eq!(crash["stop_code"]["name"], "PROCESS_HAS_LOCKED_PAGES");
    assert_eq!(crash["probable_driver"], Value::Null);
    let counted = admin
        .json("/api/v1/stop-codes?from=2021-02-01&to=2021-03-01")
        .await;
    assert_eq!(counted["items"][0]["code"], "0x76", "{counted}");
    assert_eq!(counted["items"][0]["crashes"], 1);
    let listed = admin.json("/api/v1/crashes?stop_code=0x76&machine=m1").await;
    assert_eq!(listed["items"][0]["id"], crash["id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_mode_dump_becomes_the_same_kind_of_report() {
    let Some(dump) = corpus_file("dumps/user/minidump2.dmp") else {
        return;
    };
    let server = Server::start().await;

    let crash = server.admin().crash_of("m1", dump).await;

    // what breakpad's stackwalker printed of it
    assert_eq!(crash["kind"], "user");
    assert_eq!(crash["architecture"], "x86");
    assert_eq!(crash["exception"]["code"], "0xc0000005");
    assert_eq!(crash["exception"]["address"], "0x45");
    assert_eq!(crash["frames"][0]["module"], "test_app.exe");
    assert_eq!(crash["frames"][0]["address"], "0x40429e");
    assert_eq!(crash.get("stop_code"), None);
    assert_eq!(crash["probable_driver"], Value::Null);
    assert!(!crash["modules"].as_array().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_real_dump_is_shown_or_refused_in_words() {
    let Some(corpus) = tests::corpus() else { return };
    let server = Server::start().await;
    let admin = server.admin();
    for folder in ["dumps/user", "dumps/kernel"] {
        for entry in std::fs::read_dir(corpus.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let uploaded = admin.upload("m1", std::fs::read(&path).unwrap()).await;
            let dump = admin.finished_dump(uploaded["id"].as_str().unwrap()).await;
            let sentence = dump["error"].as_str().unwrap_or_default();
            assert!(
                dump["state"] == "done" || sentence.contains(' '),
                "{}: {dump}",
                path.display()
            );
            assert!(!sentence.contains("panic"), "{}: {sentence}", path.display());
        }
    }
}
