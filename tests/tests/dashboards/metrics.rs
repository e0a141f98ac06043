//! What `/metrics` tells: a valid exposition, named as Prometheus wants it, as the document says, and true.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;
use std::time::{Duration, Instant};

use tests::{Server, program};
use tokio::process::Command;

use crate::document;
use crate::exposition::{Family, parse};
use crate::planted::Planted;

/// The figures of a server that has counted both rounds.
pub(crate) async fn figures(server: &Server) -> BTreeMap<String, Family> {
    let started = Instant::now();
    loop {
        let answer = server.admin().with_token("none").get("/metrics").await;
        assert!(
            answer.headers()["content-type"]
                .to_str()
                .unwrap()
                .starts_with("text/plain; version=0.0.4")
        );
        let families = parse(&answer.text().await.unwrap());
        let rounds = families
            .get("stopcode_figures_timestamp_seconds")
            .map(|family| family.label("round"));
        if rounds.is_some_and(|rounds| rounds == BTreeSet::from(["fleet", "queue"])) {
            return families;
        }
        assert!(started.elapsed() < Duration::from_secs(30), "{families:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The planted fleet, a dump that was analysed, and a server that was started after all of it, and so has counted it.
async fn counted() -> (Planted, BTreeMap<String, Family>) {
    let mut planted = Planted::start().await;
    planted.suspects().await;
    planted.server = planted.server.restart().await;
    planted.admin = planted.server.admin();
    planted.admin.crash_of("m1", tests::dump(1)).await;
    let families = figures(&planted.server).await;
    (planted, families)
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_named_as_prometheus_wants_them_and_as_the_document_says() {
    let (planted, families) = counted().await;

    for (name, family) in &families {
        check_family(name, family);
    }
    let kinds: BTreeMap<&str, &str> = families
        .iter()
        .map(|(name, family)| (&**name, &*family.kind))
        .collect();
    let table = document::table("## Metrics");
    let told: BTreeMap<&str, &str> = table.iter().map(|row| (&*row[0], &*row[1])).collect();
    assert_eq!(told, kinds);
    for row in &table {
        check_labels(&row[0], &row[2], &families[&row[0]]);
    }
    drop(planted);
}

fn check_family(name: &str, family: &Family) {
    let letters = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
    assert!(
        name.starts_with("stopcode_") && name.chars().all(letters),
        "{name}"
    );
    assert!(
        family.help.ends_with('.') && family.help.len() > 10,
        "{name}: {}",
        family.help
    );
    assert!(!family.samples.is_empty(), "{name} is empty");
    match family.kind.as_str() {
        "counter" => assert!(name.ends_with("_total"), "{name}"),
        "gauge" => assert!(!name.ends_with("_total"), "{name}"),
        "histogram" => {
            assert!(name.ends_with("_seconds"), "{name}");
            check_histogram(name, family);
        }
        kind => panic!("{name} is a {kind}"),
    }
    for unit in ["milliseconds", "_ms", "minutes", "kilobytes", "_mib"] {
        assert!(!name.contains(unit), "{name}: base units only");
    }
}

/// Names and values, in order.
type Labels = Vec<(String, String)>;

/// The same bounds in every series, counts that do not fall, and the whole count at infinity.
fn check_histogram(name: &str, family: &Family) {
    let mut series: BTreeMap<Labels, Vec<(f64, f64)>> = BTreeMap::new();
    for sample in family
        .samples
        .iter()
        .filter(|sample| sample.name == format!("{name}_bucket"))
    {
        let mut labels = sample.labels.clone();
        let bound = labels
            .remove("le")
            .unwrap()
            .replace("+Inf", "inf")
            .parse()
            .unwrap();
        series
            .entry(labels.into_iter().collect())
            .or_default()
            .push((bound, sample.value));
    }
    let bounds = |buckets: &[(f64, f64)]| buckets.iter().map(|bucket| bucket.0).collect::<Vec<_>>();
    let first = bounds(series.values().next().expect("fixed buckets, not a summary"));
    assert!(
        first.len() > 8 && first.is_sorted() && first.last() == Some(&f64::INFINITY),
        "{first:?}"
    );
    for (labels, buckets) in series {
        assert_eq!(bounds(&buckets), first, "{name}");
        assert!(buckets.is_sorted_by_key(|bucket| bucket.1), "{name}: {buckets:?}");
        let parts = family
            .samples
            .iter()
            .filter(|sample| sample.labels.clone().into_iter().eq(labels.clone()));
        let counts: Vec<f64> = parts
            .filter(|part| part.name.ends_with("_count"))
            .map(|part| part.value)
            .collect();
        assert_eq!(counts, [buckets.last().unwrap().1], "{name}");
    }
}

fn check_labels(name: &str, told: &str, family: &Family) {
    let told: BTreeSet<&str> = told
        .split(',')
        .map(str::trim)
        .filter(|label| !label.is_empty())
        .collect();
    for sample in &family.samples {
        let labels = sample.labels.keys().map(String::as_str);
        let labels: BTreeSet<&str> = labels.filter(|label| *label != "le").collect();
        assert_eq!(labels, told, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_tell_what_is_in_the_database() {
    let (planted, families) = counted().await;
    let value = |name: &str, labels: &[(&str, &str)]| families[name].value(labels);

    assert_eq!(value("stopcode_machines", &[]), Some(36.0));
    assert_eq!(
        value("stopcode_machines_telling", &[("what", "presence")]),
        Some(36.0)
    );
    assert_eq!(
        value("stopcode_machines_telling", &[("what", "crash-control")]),
        Some(0.0)
    );
    assert_eq!(value("stopcode_machines_heard", &[("within", "1d")]), Some(36.0));
    // 28 days that end today, of which machines were on until yesterday.
    assert_eq!(value("stopcode_fleet_machine_days", &[]), Some(36.0 * 27.0));
    // The one of a day without presence is in another month.
    assert_eq!(
        value("stopcode_fleet_crashes", &[("stop_code", "0x76")]),
        Some(21.0)
    );
    let rate = value(
        "stopcode_fleet_crashes_per_1000_machine_days",
        &[("stop_code", "0x76")],
    )
    .unwrap();
    assert!((rate - 21_000.0 / (36.0 * 27.0)).abs() < 1e-9, "{rate}");
    assert_eq!(
        value("stopcode_queue_jobs", &[("kind", "analyze"), ("state", "failed")]),
        Some(0.0)
    );
    let verdicts: f64 = families["stopcode_verdicts"]
        .samples
        .iter()
        .map(|sample| sample.value)
        .sum();
    assert!(verdicts >= 1.0, "{verdicts}");
    let upload = [("format", "kernel-triage"), ("outcome", "new")];
    assert_eq!(value("stopcode_upload_dumps_total", &upload), Some(1.0));
    let analysed = [("kind", "analyze"), ("outcome", "done")];
    assert_eq!(value("stopcode_jobs_total", &analysed), Some(1.0));
    drop(planted);
}

/// Whoever may upload could otherwise make a time series a minute.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_code_that_a_machine_made_up_is_no_label() {
    let (planted, families) = counted().await;

    let codes = families["stopcode_fleet_crashes"].label("stop_code");

    assert!(codes.contains("0x76") && codes.contains("other"), "{codes:?}");
    assert!(!codes.contains("0x7abcdef1"), "{codes:?}");
    let others = families["stopcode_fleet_crashes"].value(&[("stop_code", "other")]);
    assert_eq!(others, Some(1.0), "the live dump does not count");
    drop(planted);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_by_itself_tells_its_own_figures_where_it_is_told_to() {
    let database = tests::database().await;
    let folder = tempfile::tempdir().unwrap();
    let address = tests::free_address();
    let worker = Command::new(program())
        .arg("worker")
        .arg("--data-dir")
        .arg(folder.path())
        .env("DATABASE_URL", &database.url)
        .env("STOPCODE_METRICS_LISTEN", &address)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let http = tests::http();
    let started = Instant::now();
    let text = loop {
        match http.get(format!("http://{address}/metrics")).send().await {
            Ok(answer) => break answer.text().await.unwrap(),
            Err(error) => assert!(started.elapsed() < Duration::from_secs(30), "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    drop(worker);

    let families = parse(&text);

    let rows = document::table("## Metrics").into_iter();
    let told = rows
        .filter(|row| row[3].contains("worker"))
        .map(|row| row[0].clone());
    assert_eq!(
        families.keys().cloned().collect::<BTreeSet<_>>(),
        told.collect::<BTreeSet<_>>()
    );
}
