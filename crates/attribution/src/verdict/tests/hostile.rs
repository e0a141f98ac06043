//! Whatever the counts are, the verdict is one.

use proptest::collection::vec;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_assert, prop_oneof, proptest};

use crate::counts::{Candidate, Case, Counts, Feature, Naming, Origin, Peers, Stratum};
use crate::verdict::verdict;

/// Days that make sense, and others.
fn days() -> impl Strategy<Value = f64> {
    prop_oneof![
        6 => (0.0..2000.0_f64).prop_map(f64::round),
        1 => Just(f64::NAN),
        1 => Just(f64::INFINITY),
        1 => Just(-5.0),
        1 => Just(1e300),
        1 => Just(f64::MIN_POSITIVE),
    ]
}

/// Indices that mostly point somewhere.
fn index() -> impl Strategy<Value = u32> {
    prop_oneof![9 => 0..8_u32, 1 => any::<u32>()]
}

fn stratum() -> impl Strategy<Value = Stratum> {
    (-1..3_i32, any::<i8>(), days()).prop_map(|(model, week, machine_days)| Stratum {
        model,
        week: i32::from(week) % 4,
        machine_days,
    })
}

fn feature() -> impl Strategy<Value = Feature> {
    prop_oneof![
        5 => (any::<i32>(), 0..4_i32, 0..3_u32).prop_map(|(version, driver, order)| Feature::Driver {
            version,
            driver,
            order,
        }),
        1 => (0..3_i32).prop_map(Feature::OsBuild),
    ]
}

fn candidate() -> impl Strategy<Value = Candidate> {
    let origin = prop_oneof![
        Just(Origin::ThirdParty),
        Just(Origin::InBox),
        Just(Origin::Unknown)
    ];
    let exposure = vec((index(), days()), 0..10);
    let naming = (any::<u32>(), any::<u32>());
    (feature(), origin, any::<bool>(), exposure, naming).prop_map(
        |(feature, origin, changed_recently, machine_days, (named, dumps))| Candidate {
            feature,
            origin,
            changed_recently,
            machine_days,
            named_elsewhere: Naming { named, dumps },
        },
    )
}

fn case() -> impl Strategy<Value = Case> {
    let peers = proptest::option::of(index());
    let named = proptest::option::of(vec(index(), 0..4));
    (index(), peers, vec(index(), 0..8), named).prop_map(|(stratum, peers, candidates, named)| Case {
        stratum,
        peers,
        candidates,
        named,
    })
}

fn peers() -> impl Strategy<Value = Peers> {
    (index(), days(), vec((index(), days()), 0..8)).prop_map(|(stratum, machine_days, candidates)| Peers {
        stratum,
        machine_days,
        candidates,
    })
}

fn counts() -> impl Strategy<Value = Counts> {
    let parts = (
        vec(stratum(), 0..9),
        vec(candidate(), 0..9),
        vec(case(), 0..40),
        vec(peers(), 0..9),
    );
    parts.prop_map(|(strata, candidates, cases, peers)| Counts {
        strata,
        candidates,
        cases,
        peers,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn probabilities_are_between_none_and_all_whatever_the_counts(counts in counts()) {
        let verdict = verdict(&counts);
        for effect in &verdict.effects {
            prop_assert!((0.0..=1.0).contains(&effect.none_probability));
            prop_assert!(effect.credible_set.iter().all(|suspect| *suspect < verdict.suspects.len()));
            prop_assert!(effect.credible_set.contains(&effect.lead));
        }
        for suspect in &verdict.suspects {
            prop_assert!((0.0..=1.0).contains(&suspect.probability), "{:?}", suspect);
            prop_assert!(suspect.members.iter().all(|member| (*member as usize) < counts.candidates.len()));
            prop_assert!(suspect.effect.is_none_or(|effect| effect < verdict.effects.len()));
            prop_assert!(suspect.expected.is_finite() && suspect.bayes_factor_log10.is_finite());
        }
        if let [effect] = verdict.effects.as_slice() {
            let sum: f64 = verdict.suspects.iter().map(|suspect| suspect.probability).sum();
            prop_assert!((sum + effect.none_probability - 1.0).abs() < 1e-9);
        }
        prop_assert!(verdict.suspects.is_sorted_by(|one, other| one.probability >= other.probability));
    }
}
