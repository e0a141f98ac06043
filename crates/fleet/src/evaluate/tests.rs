//! The short form of the evaluation: a few scenarios, few fleets, loose figures that can fail for real.
//!
//! The fleets are neither those on which the method is worked at nor those of the released table.

use super::summary::Line;
use super::{EvaluateConfig, Evaluation, Evidence, Scenario, Seeds, evaluate};
use crate::Progress;

fn short(names: &[&str], runs: u32, evidence: &[Evidence]) -> Evaluation {
    let scenarios = Scenario::all().into_iter();
    evaluate(&EvaluateConfig {
        scenarios: scenarios
            .filter(|scenario| names.contains(&scenario.name))
            .collect(),
        runs,
        seeds: Seeds::TESTS,
        machines: Some(3_000),
        evidence: evidence.to_vec(),
        threads: 2,
        progress: Progress::Silent,
    })
}

fn line<'a>(evaluation: &'a Evaluation, name: &str) -> &'a Line {
    evaluation
        .lines
        .iter()
        .find(|line| line.scenario == name)
        .unwrap()
}

#[test]
fn culprits_are_first_and_in_the_credible_set() {
    let evaluation = short(&["plain", "stage", "model"], 5, &[Evidence::Counts]);
    let ours: Vec<_> = evaluation.lines.iter().map(|line| &line.verdicts[0]).collect();
    let first: f64 = ours.iter().map(|ours| ours.precision_at_1).sum();
    assert!(first / 3.0 >= 0.8, "{}", evaluation.text());
    let sets: usize = ours.iter().map(|ours| ours.sets).sum();
    let covering: usize = ours.iter().map(|ours| ours.covering).sum();
    assert!(sets >= 12 && covering * 10 >= sets * 9, "{}", evaluation.text());
    assert!(
        ours.iter().all(|ours| ours.accused_wrong == 0),
        "{}",
        evaluation.text()
    );
}

#[test]
fn nobody_is_accused_where_nobody_is_guilty_although_simple_rules_do_accuse() {
    let evaluation = short(&["null-confounded", "null-sites"], 6, &[Evidence::DumpsAndSites]);
    let wrong: usize = evaluation
        .lines
        .iter()
        .map(|line| line.verdicts[0].accused_wrong)
        .sum();
    assert!(wrong <= 1, "{}", evaluation.text());
    let crude = |line: &Line| {
        let crude = line
            .baselines
            .iter()
            .find(|simple| simple.method == "crude IC025");
        crude.unwrap().accuses.unwrap()
    };
    let accused: f64 = evaluation.lines.iter().map(crude).sum();
    assert!(accused > 1.0, "{}", evaluation.text());
}

#[test]
fn the_same_seeds_give_the_same_figures_on_any_number_of_threads() {
    let figures = |threads| {
        let scenarios = Scenario::all().into_iter();
        let evaluation = evaluate(&EvaluateConfig {
            scenarios: scenarios.filter(|scenario| scenario.name == "two").collect(),
            runs: 3,
            seeds: Seeds::TESTS,
            machines: Some(800),
            evidence: vec![Evidence::Dumps],
            threads,
            progress: Progress::Silent,
        });
        let line = line(&evaluation, "two");
        serde_json::to_string(line).unwrap()
    };
    assert_eq!(figures(1), figures(3));
}

#[test]
fn the_text_names_what_it_ran_on_and_every_gate() {
    let evaluation = short(&["plain", "null"], 1, &[Evidence::Counts]);
    let text = evaluation.text();
    assert!(text.contains("test seeds from 50000000"), "{text}");
    assert!(text.contains("cores"), "{text}");
    for gate in evaluation.gates() {
        assert!(text.contains(&gate.figure), "{text}");
    }
}
