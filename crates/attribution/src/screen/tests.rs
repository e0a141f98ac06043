use super::*;

/// Two strata of 5,000 machine-days; version 1 on a tenth of each, version 2 on half, 3 and 4 always together.
fn counts(cases: &[(u32, &[i32])]) -> Counts {
    let candidate = |id, days| Candidate {
        id,
        machine_days: vec![(0, days), (1, days)],
    };
    Counts {
        strata: vec![Stratum { machine_days: 5000.0 }; 2],
        candidates: vec![
            candidate(1, 500.0),
            candidate(2, 2500.0),
            candidate(3, 1000.0),
            candidate(4, 1000.0),
        ],
        cases: cases
            .iter()
            .map(|(stratum, candidates)| Case {
                stratum: *stratum,
                candidates: candidates.to_vec(),
            })
            .collect(),
    }
}

fn repeated(cases: &[(usize, (u32, &'static [i32]))]) -> Counts {
    let cases: Vec<_> = cases
        .iter()
        .flat_map(|(times, case)| std::iter::repeat_n(*case, *times))
        .collect();
    counts(&cases)
}

#[test]
fn a_version_on_a_tenth_of_the_days_and_most_cases_is_associated() {
    let counts = repeated(&[
        (15, (0, &[1, 2])),
        (15, (1, &[1])),
        (5, (0, &[2])),
        (5, (1, &[3, 4])),
    ]);
    let screen = screen(&counts);
    assert_eq!(screen.word, Word::Associated);
    let first = &screen.screened[0];
    assert_eq!((first.ids.as_slice(), first.observed), (&[1][..], 30));
    assert!((first.expected - 4.0).abs() < 1e-12);
    // 30 cases on 1,000 days against 10 on 9,000.
    assert!((first.rate_ratio.unwrap().ratio - 27.0).abs() < 1e-9);
}

#[test]
fn versions_that_always_come_together_are_one_suspect_with_two_names() {
    let counts = repeated(&[(30, (0, &[3, 4])), (10, (1, &[2]))]);
    let screen = screen(&counts);
    assert_eq!(screen.screened[0].ids, [3, 4]);
    assert_eq!(screen.screened.len(), 2);
}

#[test]
fn versions_with_equal_days_but_different_cases_are_told_apart() {
    let counts = repeated(&[(30, (0, &[3])), (10, (1, &[4]))]);
    let ids: Vec<_> = screen(&counts).screened.into_iter().map(|one| one.ids).collect();
    assert_eq!(ids, [vec![3], vec![4]]);
}

#[test]
fn four_crashing_machines_are_too_little_data_even_with_one_common_version() {
    let counts = repeated(&[(4, (0, &[1]))]);
    assert_eq!(screen(&counts).word, Word::TooLittleData);
}

#[test]
fn cases_spread_as_the_versions_are_let_no_driver_stand_out() {
    let counts = repeated(&[
        (4, (0, &[1])),
        (10, (0, &[2])),
        (10, (1, &[2])),
        (8, (1, &[3, 4])),
        (8, (0, &[])),
    ]);
    assert_eq!(screen(&counts).word, Word::NoDriverExplainsThis);
}

#[test]
fn a_version_that_only_sits_on_the_crashing_model_is_not_associated() {
    // Version 1 is on all of stratum 0 but a little, and stratum 0 has nearly all cases, with the version or without.
    let mut counts = repeated(&[(45, (0, &[1])), (5, (0, &[])), (1, (1, &[]))]);
    counts.candidates[0].machine_days = vec![(0, 4500.0)];
    let screen = screen(&counts);
    assert!(screen.screened[0].ic025 > 0.0);
    assert_eq!(screen.word, Word::NoDriverExplainsThis);
}

#[test]
fn indices_that_point_nowhere_are_ignored() {
    let mut counts = repeated(&[(6, (9, &[1, 99]))]);
    counts.candidates[0].machine_days.push((77, 5.0));
    assert_eq!(screen(&counts).screened.len(), 1);
}

#[test]
fn no_counts_at_all_are_too_little_data() {
    let screen = screen(&Counts::default());
    assert_eq!((screen.word, screen.screened.len()), (Word::TooLittleData, 0));
}
