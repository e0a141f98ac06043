use super::{Cases, NO_EFFECT, between, curve, effects, within};
use crate::column::Column;
use crate::counts::{Candidate, Case, Counts, Feature, Naming, Origin, Peers, Stratum};
use crate::numerics::fixture;
use crate::tally::Tally;

/// The small fleet of `fixtures/oracle.py`.
fn fleet() -> Counts {
    let strata = [
        (7, 3, 400.0),
        (7, 4, 500.0),
        (8, 3, 300.0),
        (8, 4, 200.0),
        (9, 3, 100.0),
        (9, 4, 50.0),
    ];
    let stratum = |(model, week, machine_days)| Stratum {
        model,
        week,
        machine_days,
    };
    let peers = |stratum, machine_days, exposed| Peers {
        stratum,
        machine_days,
        candidates: vec![(0, exposed)],
    };
    let case = |stratum, had: bool, peers| Case {
        stratum,
        peers,
        candidates: if had { vec![0] } else { Vec::new() },
        named: None,
    };
    Counts {
        strata: strata.map(stratum).to_vec(),
        candidates: vec![Candidate {
            feature: Feature::OsBuild(1),
            origin: Origin::Unknown,
            changed_recently: false,
            machine_days: vec![(0, 100.0), (1, 300.0), (3, 150.0), (4, 100.0), (5, 10.0)],
            named_elsewhere: Naming::default(),
        }],
        peers: vec![peers(1, 60.0, 20.0), peers(3, 40.0, 40.0)],
        cases: vec![
            case(0, true, None),
            case(0, false, None),
            case(1, true, None),
            case(1, true, Some(0)),
            case(1, false, Some(0)),
            case(2, false, None),
            case(3, true, Some(1)),
            case(3, true, None),
            case(5, true, None),
        ],
    }
}

fn column(tally: &Tally<'_>) -> Column {
    let mut column = Column::empty(tally);
    column.add(tally, 0);
    column
}

/// Figures of scipy 1.17.1, written out from the formulas: `curve` in `fixtures/oracle.py`.
#[test]
fn both_parts_agree_with_scipy() {
    let counts = fleet();
    let tally = Tally::of(&counts);
    let (cases, column) = (Cases::unexplained(&tally), column(&tally));
    let ours = [
        within::log_likelihood(&tally, &cases, &column),
        between::log_likelihood(&tally, &cases, &column),
    ];
    let rows = fixture::<3>(include_str!("../../fixtures/curve.tsv"));
    for ((point, effect), row) in effects().into_iter().enumerate().zip(rows) {
        assert!((effect - row[0]).abs() < 1e-12);
        for (curve, expected) in ours.iter().zip(&row[1..]) {
            let value = curve[point] - curve[NO_EFFECT];
            assert!((value - expected).abs() < 1e-9, "{row:?}: {value}");
        }
    }
}

#[test]
fn without_effect_the_curve_is_zero() {
    let counts = fleet();
    let tally = Tally::of(&counts);
    assert!(effects()[NO_EFFECT].abs() < 1e-12);
    let curve = curve(&tally, &Cases::unexplained(&tally), &column(&tally));
    assert!(curve[NO_EFFECT].abs() < 1e-12);
}

#[test]
fn what_everybody_has_cannot_be_to_blame() {
    let mut counts = fleet();
    let all = (0_u32..).zip(&counts.strata);
    counts.candidates[0].machine_days = all
        .map(|(number, stratum)| (number, stratum.machine_days))
        .collect();
    for case in &mut counts.cases {
        *case = Case {
            candidates: vec![0],
            peers: None,
            ..case.clone()
        };
    }
    let tally = Tally::of(&counts);
    let curve = curve(&tally, &Cases::unexplained(&tally), &column(&tally));
    assert!(curve.iter().all(|value| value.abs() < 1e-9), "{curve:?}");
}

#[test]
fn a_case_of_half_weight_says_half_as_much() {
    let counts = fleet();
    let tally = Tally::of(&counts);
    let column = column(&tally);
    let whole = within::log_likelihood(&tally, &Cases::unexplained(&tally), &column);
    let halves = Cases::weighted(&tally, vec![0.5; counts.cases.len()]);
    let half = within::log_likelihood(&tally, &halves, &column);
    for (whole, half) in whole.iter().zip(half) {
        assert!((0.5 * whole - half).abs() < 1e-12, "{whole} {half}");
    }
}
