//! The program `stopcode-agent` itself.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};

use synth::scenarios::{self, Scene};

fn program(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stopcode-agent"));
    command
        .env_clear()
        .env("STOPCODE_ROOT", folder.join("root"))
        .env("STOPCODE_STATE_DIR", folder.join("state"))
        .env("STOPCODE_TOKEN", "sct_verysecret");
    command
}

fn tree() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let minidump = folder.path().join("root/Windows/Minidump");
    fs::create_dir_all(&minidump).unwrap();
    fs::create_dir_all(folder.path().join("root/Windows/System32/drivers")).unwrap();
    fs::write(folder.path().join("root/Windows/System32/drivers/acme.sys"), "MZ").unwrap();
    for seed in 0..3 {
        let bytes = scenarios::locked_pages_at_exit(&Scene::sample(seed)).to_bytes();
        let path = minidump.join(format!("{seed}.dmp"));
        fs::write(&path, bytes).unwrap();
        let file = fs::File::options().write(true).open(path).unwrap();
        let hour_ago = file.metadata().unwrap().modified().unwrap() - std::time::Duration::from_hours(1);
        file.set_modified(hour_ago).unwrap();
    }
    folder
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// A server that answers everything with one status and JSON, until the process ends.
fn server(status: &'static str, body: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            let length = body.len();
            let head = "connection: close\r\ncontent-type: application/problem+json";
            let _ = write!(
                stream,
                "HTTP/1.1 {status}\r\n{head}\r\ncontent-length: {length}\r\n\r\n{body}"
            );
        }
    });
    address
}

#[test]
fn the_inventory_is_printed_as_json_without_a_server() {
    let folder = tree();
    let output = program(folder.path())
        .args(["inventory", "--print"])
        .output()
        .unwrap();
    let inventory: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(inventory["drivers"][0]["name"], "acme.sys");
    assert!(!folder.path().join("state").exists(), "nothing is written");
}

#[test]
fn without_a_server_the_exit_status_tells_and_the_dumps_are_put_by() {
    let folder = tree();
    let revoked =
        r#"{"type":"machine-revoked","title":"t","status":403,"detail":"by the owner","request_id":"r"}"#;
    let output = program(folder.path())
        .env("STOPCODE_SERVER", server("403 Forbidden", revoked))
        .arg("once")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output);
    assert!(said.contains("0 dumps sent, 3 pending"), "{said}");
    assert!(said.contains("revoked"), "{said}");
    assert_eq!(
        fs::read_dir(folder.path().join("state/spool")).unwrap().count(),
        3
    );
    let status = text(&program(folder.path()).arg("status").output().unwrap());
    assert!(status.contains("dumps pending   3"), "{status}");
    assert!(status.contains("revoked"), "{status}");
}

#[test]
fn the_token_is_in_nothing_that_is_printed_or_written() {
    let folder = tree();
    let refused = r#"{"type":"unauthorized","title":"t","status":401,"detail":"no","request_id":"r"}"#;
    let address = server("401 Unauthorized", refused);
    let config = folder.path().join("agent.toml");
    fs::write(&config, "attempts = 1\n").unwrap();
    let output = program(folder.path())
        .args(["-vv", "--config"])
        .arg(config)
        .env("STOPCODE_SERVER", address)
        .arg("once")
        .output()
        .unwrap();
    assert!(!text(&output).contains("verysecret"), "{}", text(&output));
    for entry in fs::read_dir(folder.path().join("state"))
        .unwrap()
        .flatten()
        .filter(|entry| entry.path().is_file())
    {
        let bytes = fs::read(entry.path()).unwrap();
        assert!(
            !String::from_utf8_lossy(&bytes).contains("verysecret"),
            "{:?}",
            entry.path()
        );
    }
    let help = text(&program(folder.path()).arg("--help").output().unwrap());
    assert!(help.contains("STOPCODE_TOKEN") && !help.contains("verysecret"));
}

#[test]
fn a_configuration_that_cannot_be_meant_is_told_in_a_sentence() {
    let folder = tree();
    let output = program(folder.path())
        .args(["once", "--server", "stopcode.corp"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output).contains("must begin with https://"),
        "{}",
        text(&output)
    );
    let output = program(folder.path()).arg("once").output().unwrap();
    assert!(text(&output).contains("STOPCODE_SERVER"), "{}", text(&output));
}

#[test]
fn a_service_that_would_not_find_its_server_is_not_installed() {
    let folder = tree();
    let config = folder.path().join("agent.toml");
    fs::write(&config, "site = 'here'\n").unwrap();
    let mut command = program(folder.path());
    let command = command
        .env("STOPCODE_SERVER", "http://127.0.0.1:1")
        .arg("--config")
        .arg(&config);
    let output = command.arg("install").output().unwrap();
    assert!(text(&output).contains("does not see"), "{}", text(&output));
}

#[cfg(not(windows))]
#[test]
fn a_service_is_not_installed_where_there_is_no_windows() {
    let folder = tree();
    let config = folder.path().join("agent.toml");
    fs::write(&config, "server = 'http://127.0.0.1:1'\ntoken = 't'\n").unwrap();
    let output = program(folder.path())
        .arg("--config")
        .arg(&config)
        .arg("install")
        .output()
        .unwrap();
    assert!(
        text(&output).contains("only be installed on Windows"),
        "{}",
        text(&output)
    );
}
