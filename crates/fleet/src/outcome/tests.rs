//! The table that people read.

use wire::suspects::Suspects;

use super::{Outcome, Planted, ranking_table};

/// Two suspects: the first with everything, the second with a name that does not fit and without a ratio.
fn suspects() -> Suspects {
    let direct = serde_json::json!({"named_by_0xcb": 0, "on_trusted_stack": 0, "unloaded_at_crash": 0});
    let suspect = |rank: u32, name: &str, ratio: Option<f64>| {
        serde_json::json!({
            "rank": rank,
            "drivers": [{"name": name, "version": "4.2.1.0", "company": "Acme Imaging Works", "class": null, "code_ids": []}],
            "probability": null, "in_credible_set": null, "ic025": 1.52, "expected_machines": 10.3,
            "rate_ratio": ratio, "rate_ratio_low": ratio.map(|ratio| ratio / 2.0), "rate_ratio_high": ratio.map(|ratio| ratio * 2.0),
            "crashing_machines": 38, "exposed_machines": 611, "machine_days": 40111,
            "crashes_per_1000_machine_days": 0.95, "previous_version": null, "direct_evidence": direct,
        })
    };
    serde_json::from_value(serde_json::json!({
        "stop_code": "0x76", "window": {"from": "2026-08-24", "to": "2026-11-22"}, "computed_at": "2026-11-22T12:00:00Z",
        "stale": false, "crashing_machines": 42, "crashes": 57, "machine_days": 412_345, "crashes_without_exposure": 0,
        "verdict": "associated", "none_probability": null,
        "suspects": [suspect(1, "acmecap.sys", Some(9.8)), suspect(2, "a_driver_with_a_very_long_name.sys", None)],
    }))
    .unwrap()
}

fn outcome(driver: &str) -> Outcome {
    let planted = Planted {
        driver: driver.to_owned(),
        version: "4.2.1.0".to_owned(),
    };
    let suspects = suspects();
    Outcome {
        culprit_rank: planted.rank_in(&suspects),
        planted,
        suspects,
        uploaded: 300,
        failed: 0,
    }
}

#[test]
fn the_table_marks_the_planted_version_and_says_that_it_was_found() {
    let outcome = outcome("acmecap.sys");
    let table = ranking_table(&outcome);
    assert!(outcome.found());
    let row = table.lines().find(|line| line.ends_with("<- planted")).unwrap();
    assert!(row.starts_with(" 1  acmecap.sys 4.2.1.0"), "{row}");
    assert!(row.contains("9.8 (4.9 to 19.6)"), "{row}");
    assert!(
        table.contains("acmecap.sys 4.2.1.0, is first: found (300 dumps uploaded)."),
        "{table}"
    );
}

#[test]
fn a_long_name_is_cut_so_that_the_columns_stay() {
    let table = ranking_table(&outcome("acmecap.sys"));
    let rows: Vec<&str> = table.lines().filter(|line| line.contains("38/611")).collect();
    assert_eq!(rows.len(), 2);
    let column = |row: &str| row.split("38/611").next().unwrap().chars().count();
    assert_eq!(column(rows[0]), column(rows[1]));
}

#[test]
fn a_planted_version_that_the_server_does_not_name_is_not_found() {
    let outcome = outcome("other.sys");
    assert!(!outcome.found());
    assert_eq!(outcome.culprit_rank, None);
    assert!(ranking_table(&outcome).contains("is not among the suspects"));
}
