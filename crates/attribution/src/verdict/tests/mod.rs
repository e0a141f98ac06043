//! Verdicts on small fleets whose counts are written down, not drawn: cases come exactly as often as they should.

mod fleet;
mod hostile;

use fleet::Fleet;

use super::{Proof, Scope, Suspect, Verdict, Word, confirm, verdict};

fn members(suspect: &Suspect) -> &[u32] {
    &suspect.members
}

fn lead(verdict: &Verdict, effect: usize) -> &Suspect {
    &verdict.suspects[verdict.effects[effect].lead]
}

#[test]
fn a_version_on_a_fifth_of_the_machines_and_most_cases_is_the_likely_cause() {
    let fleet = Fleet::with_each_on_one_in(5, &[3]).cases(40, &[3]).cases(10, &[]);
    let verdict = verdict(&fleet.counts());
    assert_eq!(verdict.word, Word::LikelyCause);
    assert_eq!(members(&verdict.suspects[0]), [3]);
    assert!(verdict.suspects[0].probability > 0.95 && verdict.suspects[0].in_credible_set);
    assert_eq!(verdict.effects[0].credible_set, [0]);
    assert!(verdict.none_probability.unwrap() < 0.05);
}

#[test]
fn cases_spread_as_the_versions_are_let_no_driver_explain_them() {
    let fleet = Fleet::with_each_on_one_in(5, &[]).cases(60, &[]);
    let verdict = verdict(&fleet.counts());
    assert_eq!(verdict.word, Word::NoDriverExplainsThis);
    assert!(verdict.none_probability.unwrap() > 0.5);
    assert_eq!(verdict.effects.len(), 1);
}

#[test]
fn four_cases_are_too_little_data() {
    let fleet = Fleet::with_each_on_one_in(5, &[3]).cases(4, &[3]);
    let verdict = verdict(&fleet.counts());
    assert_eq!(verdict.word, Word::TooLittleData);
    assert!(verdict.none_probability.is_none() && verdict.effects.is_empty());
}

#[test]
fn versions_that_always_come_together_are_one_suspect() {
    let mut counts = Fleet::with_each_on_one_in(5, &[3, 4])
        .cases(30, &[3])
        .cases(6, &[])
        .counts();
    counts.candidates[4].machine_days = counts.candidates[3].machine_days.clone();
    for case in &mut counts.cases {
        if case.candidates.contains(&3) {
            case.candidates.push(4);
        }
    }
    let verdict = verdict(&counts);
    assert_eq!(members(&verdict.suspects[0]), [3, 4]);
    assert!(verdict.suspects[0].probability > 0.95);
}

/// A bundle of two is told apart by a dump that names one of them, whom no dump of another stop code names.
#[test]
fn a_dump_tells_inseparable_versions_apart() {
    let mut counts = Fleet::with_each_on_one_in(5, &[3, 4])
        .cases(30, &[3])
        .cases(6, &[])
        .counts();
    counts.candidates[4].machine_days = counts.candidates[3].machine_days.clone();
    for (number, case) in counts.cases.iter_mut().enumerate() {
        if case.candidates.contains(&3) {
            case.candidates.push(4);
            case.named = Some(if number < 4 { vec![4] } else { Vec::new() });
        }
    }
    let verdict = verdict(&counts);
    assert_eq!(members(&verdict.suspects[0]), [4]);
    assert!(verdict.suspects[0].dump_factor_log10 > 1.0);
    assert!(verdict.suspects[0].probability > 0.8, "{:?}", verdict.suspects[0]);
}

#[test]
fn a_name_that_every_dump_has_says_nothing() {
    let mut counts = Fleet::with_each_on_one_in(4, &[]).cases(40, &[]).counts();
    counts.candidates[1].named_elsewhere.named = 950;
    for case in &mut counts.cases {
        case.named = Some(
            case.candidates
                .iter()
                .copied()
                .filter(|candidate| *candidate == 1)
                .collect(),
        );
    }
    let verdict = verdict(&counts);
    let suspect = verdict
        .suspects
        .iter()
        .find(|suspect| members(suspect) == [1])
        .unwrap();
    assert!(suspect.dump_factor_log10 < 0.3, "{suspect:?}");
}

#[test]
fn two_culprits_on_different_machines_are_two_effects() {
    let fleet = Fleet::with_each_on_one_in(7, &[2, 6])
        .cases(40, &[2])
        .cases(30, &[6])
        .cases(5, &[]);
    let verdict = verdict(&fleet.counts());
    assert_eq!(verdict.effects.len(), 2);
    assert_eq!(members(lead(&verdict, 0)), [2]);
    assert_eq!(members(lead(&verdict, 1)), [6]);
    assert_eq!(lead(&verdict, 1).effect, Some(1));
    assert_eq!(verdict.word, Word::LikelyCause);
}

#[test]
fn a_defect_that_no_later_version_mended_is_a_step() {
    let mut counts = Fleet::with_each_on_one_in(7, &[0, 1, 2, 3])
        .cases(20, &[1])
        .cases(18, &[2])
        .cases(22, &[3])
        .cases(4, &[0])
        .cases(12, &[])
        .counts();
    fleet::make_one_driver(&mut counts, &[0, 1, 2, 3]);
    let verdict = verdict(&counts);
    assert_eq!(verdict.suspects[0].scope, Scope::AtLeast { driver: 77, order: 1 });
    assert_eq!(members(&verdict.suspects[0]), [1, 2, 3]);
}

#[test]
fn a_version_that_only_sits_on_a_bad_model_is_not_accused() {
    // All of model 0 has version 3, and nearly all cases are on model 0.
    let mut counts = Fleet::with_each_on_one_in(5, &[3]).cases(4, &[]).counts();
    counts.candidates[3].machine_days = vec![(0, 5000.0), (1, 5000.0)];
    for stratum in [0, 1] {
        counts.cases.extend((0..20).map(|_| crate::counts::Case {
            stratum,
            candidates: vec![3],
            ..crate::counts::Case::default()
        }));
    }
    let verdict = verdict(&counts);
    assert!(verdict.suspects[0].ic025 > 0.0);
    assert_eq!(
        verdict.word,
        Word::NoDriverExplainsThis,
        "{:?}",
        verdict.suspects[0]
    );
}

#[test]
fn the_order_of_candidates_changes_nothing() {
    let counts = Fleet::with_each_on_one_in(5, &[3])
        .cases(30, &[3])
        .cases(12, &[1, 5])
        .counts();
    let last = 15;
    let mut turned = counts.clone();
    turned.candidates.reverse();
    for case in &mut turned.cases {
        case.candidates = case
            .candidates
            .iter()
            .rev()
            .map(|candidate| last - candidate)
            .collect();
    }
    let (one, other) = (verdict(&counts), verdict(&turned));
    assert_eq!(one.suspects.len(), other.suspects.len());
    for suspect in &one.suspects {
        let turned: Vec<u32> = suspect.members.iter().rev().map(|member| last - member).collect();
        let same = other
            .suspects
            .iter()
            .find(|other| other.members == turned)
            .unwrap();
        assert!((same.probability - suspect.probability).abs() < 1e-9);
        assert_eq!(same.in_credible_set, suspect.in_credible_set);
    }
}

#[test]
fn only_proof_confirms() {
    let named = |dumps| Proof::NamedByWindows { dumps };
    assert_eq!(confirm(Word::SuspectSet, &named(1)), Word::Confirmed);
    assert_eq!(confirm(Word::LikelyCause, &named(0)), Word::LikelyCause);
}
