//! A fleet for tests: two models, two weeks, 5,000 machine-days in each stratum, drivers spread evenly.

use crate::counts::{Candidate, Case, Counts, Feature, Naming, Origin, Stratum};

/// Counts in the making.
pub(super) struct Fleet {
    counts: Counts,
    /// One case in so many has a bystander.
    one_in: u32,
    /// The candidates that only have the cases that are given them.
    planted: Vec<u32>,
}

impl Fleet {
    /// A fleet with 16 drivers of one version each, every one of them on one machine in so many.
    pub(super) fn with_each_on_one_in(one_in: u32, planted: &[u32]) -> Self {
        let share = 1.0 / f64::from(one_in);
        let strata = [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(model, week)| Stratum {
            model,
            week,
            machine_days: 5000.0,
        });
        let candidate = |number: u32| Candidate {
            feature: Feature::Driver {
                version: number.cast_signed(),
                driver: number.cast_signed(),
                order: 0,
            },
            origin: Origin::ThirdParty,
            changed_recently: false,
            // A few days more for each, so that no two columns are the same.
            machine_days: (0..4)
                .map(|stratum| (stratum, 5000.0 * share + f64::from(number)))
                .collect(),
            named_elsewhere: Naming {
                named: 0,
                dumps: 1000,
            },
        };
        Fleet {
            counts: Counts {
                strata: strata.to_vec(),
                candidates: (0..16).map(candidate).collect(),
                ..Counts::default()
            },
            one_in,
            planted: planted.to_vec(),
        }
    }

    /// Adds cases that had these candidates, in all strata in turn; bystanders come as often as they should.
    pub(super) fn cases(mut self, count: u32, candidates: &[u32]) -> Self {
        for _ in 0..count {
            let number = u32::try_from(self.counts.cases.len()).unwrap();
            let by_chance = |bystander: &u32| {
                (number * (2 * bystander + 1) + number / self.one_in).is_multiple_of(self.one_in)
            };
            let bystanders = (0..16)
                .filter(|candidate| !self.planted.contains(candidate))
                .filter(by_chance);
            let mut had: Vec<u32> = bystanders.chain(candidates.iter().copied()).collect();
            had.sort_unstable();
            had.dedup();
            self.counts.cases.push(Case {
                stratum: number % 4,
                candidates: had,
                ..Case::default()
            });
        }
        self
    }

    pub(super) fn counts(self) -> Counts {
        self.counts
    }
}

/// Makes candidates the versions of one driver, oldest first.
pub(super) fn make_one_driver(counts: &mut Counts, candidates: &[usize]) {
    for (order, candidate) in (0_u32..).zip(candidates) {
        counts.candidates[*candidate].feature = Feature::Driver {
            version: order.cast_signed(),
            driver: 77,
            order,
        };
    }
}
