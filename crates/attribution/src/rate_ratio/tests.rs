use super::{Cell, mantel_haenszel};

fn cell(exposed_cases: f64, exposed_days: f64, unexposed_cases: f64, unexposed_days: f64) -> Cell {
    Cell {
        exposed_cases,
        unexposed_cases,
        exposed_days,
        unexposed_days,
    }
}

/// Deaths and person-years of smokers and others among British doctors (Doll and Hill 1966), five age groups. The
/// published figures are those of Stata's manual, `ir deaths smokes pyears, by(age)`, line "M-H combined".
#[test]
fn british_doctors_come_out_as_published() {
    let cells = [
        cell(32.0, 52_407.0, 2.0, 18_790.0),
        cell(104.0, 43_248.0, 12.0, 10_673.0),
        cell(206.0, 28_612.0, 28.0, 5_710.0),
        cell(186.0, 12_663.0, 28.0, 2_585.0),
        cell(102.0, 5_317.0, 31.0, 1_462.0),
    ];
    let ours = mantel_haenszel(&cells).unwrap();
    assert!((ours.ratio - 1.424_682).abs() < 1e-6, "{ours:?}");
    assert!((ours.low.unwrap() - 1.154_703).abs() < 1e-6, "{ours:?}");
    assert!((ours.high.unwrap() - 1.757_784).abs() < 1e-6, "{ours:?}");
}

#[test]
fn a_confounder_that_fills_whole_strata_leaves_the_ratio_at_one() {
    // A model that crashes ten times as often and has the version ten times as often.
    let cells = [cell(90.0, 900.0, 10.0, 100.0), cell(1.0, 100.0, 9.0, 900.0)];
    let ours = mantel_haenszel(&cells).unwrap();
    assert!((ours.ratio - 1.0).abs() < 1e-12, "{ours:?}");
}

#[test]
fn without_a_case_to_compare_with_there_is_no_ratio() {
    assert_eq!(mantel_haenszel(&[]), None);
    assert_eq!(mantel_haenszel(&[cell(5.0, 100.0, 0.0, 100.0)]), None);
    assert_eq!(
        mantel_haenszel(&[cell(5.0, 100.0, 0.0, 0.0), cell(0.0, 0.0, 5.0, 100.0)]),
        None
    );
}

#[test]
fn without_an_exposed_case_the_ratio_is_zero_and_has_no_interval() {
    let ours = mantel_haenszel(&[cell(0.0, 100.0, 5.0, 100.0)]).unwrap();
    assert!(ours.ratio == 0.0 && ours.low.is_none() && ours.high.is_none());
}
