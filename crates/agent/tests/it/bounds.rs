//! What the agent needs of a machine: memory, measured from outside.
//!
//! `STOPCODE_AGENT` names another program to measure, e.g. a release build; `--nocapture` shows the figure.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use synth::scenarios::{self, Scene};

/// The most resident memory, in KiB.
const RESIDENT_MOST: u64 = 20 << 10;

/// A machine with 300 drivers of a quarter of a megabyte, one of 40 MB, twenty small dumps, and a full one of 24 MiB that is
/// wanted.
fn tree(folder: &Path) {
    let drivers = folder.join("root/Windows/System32/drivers");
    let minidump = folder.join("root/Windows/Minidump");
    fs::create_dir_all(&drivers).unwrap();
    fs::create_dir_all(&minidump).unwrap();
    for number in 0..300 {
        fs::write(drivers.join(format!("driver{number}.sys")), vec![b'M'; 256 << 10]).unwrap();
    }
    fs::write(drivers.join("large.sys"), vec![b'M'; 40 << 20]).unwrap();
    for seed in 0..20 {
        let bytes = scenarios::locked_pages_at_exit(&Scene::sample(seed)).to_bytes();
        write_old(&minidump.join(format!("{seed}.dmp")), &bytes);
    }
    let mut full = scenarios::kernel_memory(&Scene::sample(99)).to_bytes();
    full.resize(24 << 20, 0x5A);
    write_old(&folder.join("root/Windows/MEMORY.DMP"), &full);
}

fn write_old(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).unwrap();
    let file = fs::File::options().write(true).open(path).unwrap();
    let hour_ago = file.metadata().unwrap().modified().unwrap() - Duration::from_hours(1);
    file.set_modified(hour_ago).unwrap();
}

/// A server that takes all and keeps nothing. It refuses dumps, so that each is sent once.
fn server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let _ = answer(&stream);
        }
    });
    address
}

fn answer(mut stream: &TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut length = None;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let header = header.to_ascii_lowercase();
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().ok();
        }
        if header.trim().is_empty() {
            break;
        }
    }
    if let Some(length) = length {
        std::io::copy(&mut reader.by_ref().take(length), &mut std::io::sink())?;
    } else {
        let mut end = Vec::new();
        while !end.ends_with(b"0\r\n\r\n") {
            let read = reader.fill_buf()?.to_vec();
            reader.consume(read.len());
            let kept = end.len().saturating_sub(8);
            end.drain(..kept);
            end.extend(read);
        }
    }
    let (status, body) = match line.split(' ').nth(1).unwrap_or_default() {
        path if path.ends_with("enrolment") => ("201 Created", r#"{"machine":"m","token":"t"}"#),
        path if path.ends_with("check-in") => (
            "200 OK",
            r#"{"upload_interval_seconds":900,"wants_full_dumps":true,"track_locked_pages":false,"track_locked_pages_until":null}"#,
        ),
        path if path.ends_with("inventory") => ("200 OK", r#"{"driver_set":"h","changed":true}"#),
        _ => (
            "400 Bad Request",
            r#"{"type":"unsupported-format","title":"t","status":400,"detail":"d","request_id":"r"}"#,
        ),
    };
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

/// The most memory the process has had resident, in KiB, read until it ends.
fn peak(child: &mut Child) -> u64 {
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let told = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        peak = peak.max(told.unwrap_or(0));
        std::thread::sleep(Duration::from_millis(5));
    }
    peak
}

#[test]
fn a_whole_round_stays_within_its_memory() {
    let folder = tempfile::tempdir().unwrap();
    tree(folder.path());
    let built = env!("CARGO_BIN_EXE_stopcode-agent").into();
    let mut child = Command::new(std::env::var_os("STOPCODE_AGENT").unwrap_or(built))
        .arg("once")
        .env("STOPCODE_SERVER", server())
        .env("STOPCODE_TOKEN", "t")
        .env("STOPCODE_ROOT", folder.path().join("root"))
        .env("STOPCODE_STATE_DIR", folder.path().join("state"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let peak = peak(&mut child);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert_eq!(said.matches("a dump is not sent").count(), 21, "{said}");
    let _ = writeln!(std::io::stdout(), "at most {peak} KiB resident");
    assert!((1..=RESIDENT_MOST).contains(&peak), "{peak} KiB");
}
