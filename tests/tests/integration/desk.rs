//! `stopcode analyze`: one desk, no server, no database.

use std::process::Output;

use serde_json::Value;
use tests::program;
use tokio::process::Command;

async fn analyze(arguments: &[&str]) -> Output {
    Command::new(program())
        .arg("analyze")
        .args(arguments)
        .env_remove("DATABASE_URL")
        .output()
        .await
        .unwrap()
}

#[tokio::test]
async fn one_dump_becomes_one_json_object_as_the_api_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.dmp");
    std::fs::write(&file, tests::dump(1)).unwrap();

    let output = analyze(&[file.to_str().unwrap(), "--json"]).await;

    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let crash: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(crash["stop_code"]["code"], "0xd1");
    assert_eq!(crash["probable_driver"]["confidence"], "high");
}

#[tokio::test]
async fn a_folder_ends_in_a_summary_and_one_bad_file_does_not_stop_it() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..3 {
        let dump = tests::dump(number);
        std::fs::write(folder.path().join(format!("{number}.dmp")), dump).unwrap();
    }
    std::fs::write(folder.path().join("bad.dmp"), b"PAGEDU64 and no more").unwrap();

    let output = analyze(&[folder.path().to_str().unwrap()]).await;

    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "one file could not be read");
    assert_eq!(
        text.matches("DRIVER_IRQL_NOT_LESS_OR_EQUAL").count().min(3),
        3,
        "{text}"
    );
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        text.contains("bad.dmp") || errors.contains("bad.dmp"),
        "{text}{errors}"
    );
}

#[tokio::test]
async fn a_real_dump_names_its_driver_at_a_desk() {
    let Some(corpus) = tests::corpus() else { return };
    let file = corpus.join("dumps/kernel/triage_x64.dmp");

    let output = analyze(&[file.to_str().unwrap()]).await;

    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success());
    assert!(text.contains("SYSTEM_THREAD_EXCEPTION_NOT_HANDLED"), "{text}");
    assert!(text.contains("amdppm.sys"), "{text}");
}
