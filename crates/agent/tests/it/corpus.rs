//! Real dumps, which nobody here wrote, are found, told apart and waiting to be sent.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use agent::{Agent, Settings, Stop, SystemClock, TreeMachine, status};

/// The folder of real dumps, or `None` where there is none.
///
/// `STOPCODE_CORPUS` says where it is, by default `shared` beside the checkout. With `STOPCODE_REQUIRE_CORPUS=1` its
/// absence is a failure.
fn corpus() -> Option<PathBuf> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let folder = std::env::var_os("STOPCODE_CORPUS")
        .map_or(beside, PathBuf::from)
        .join("dumps");
    if folder.is_dir() {
        return Some(folder);
    }
    let is_required = std::env::var_os("STOPCODE_REQUIRE_CORPUS").is_some_and(|value| value == "1");
    assert!(!is_required, "STOPCODE_REQUIRE_CORPUS=1 but there are no dumps");
    // Whoever reads the test's output must see that nothing was tested.
    let _ = writeln!(std::io::stdout(), "skipped: there are no real dumps");
    None
}

#[test]
fn real_dumps_wait_for_the_server_and_what_is_none_stays() {
    let Some(corpus) = corpus() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let minidump = folder.path().join("Windows/Minidump");
    fs::create_dir_all(&minidump).unwrap();
    let mut expected = Vec::new();
    for path in [
        "kernel/triage_x64.dmp",
        "kernel/triage_arm64.dmp",
        "kernel/083125-14875-01.dmp",
        "user/minidump2.dmp",
    ] {
        let to = minidump.join(path.replace('/', "-"));
        fs::copy(corpus.join(path), &to).unwrap();
        expected.push(to.display().to_string());
    }
    fs::copy(
        corpus.join("hostile/microdump-x86.dmp"),
        minidump.join("text.dmp"),
    )
    .unwrap();
    let settings = Settings {
        server: Some("http://127.0.0.1:1".to_owned()),
        token: Some("t".to_owned().into()),
        state_dir: Some(folder.path().join("state")),
        steady_seconds: Some(0),
        attempts: Some(1),
        ..Settings::default()
    };
    let config = settings.complete().unwrap();
    let machine = TreeMachine::open(folder.path()).unwrap();
    let clock = Arc::new(SystemClock::new(Stop::default()));
    let outcome = Agent::new(config.clone(), Box::new(machine), clock)
        .unwrap()
        .once();
    let mut status = status(&config).unwrap();
    assert_eq!(outcome.dumps_pending, 4, "{status:?}");
    status.dumps_pending.sort();
    expected.sort();
    assert_eq!(status.dumps_pending, expected);
    assert_eq!(status.dumps_refused.len(), 1, "{status:?}");
}
