//! Which version of a suspect's driver to go to.

use super::rate::rate_upper_bound;
use super::{Counts, Feature};

/// A version is safer than the suspect if even the upper bound of its rate is below this part of the suspect's rate.
const SAFER: f64 = 0.5;

/// A version of a suspect's driver that crashes less.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SafeVersion {
    /// The version.
    pub driver_version_id: i32,
    /// Machines that crashed with it.
    pub crashing_machines: u64,
    /// Its machine-days.
    pub machine_days: u64,
    /// 95 % upper bound of its crashes per 1,000 machine-days.
    pub rate_upper_bound: f64,
}

impl Counts {
    /// The machines that crashed with a candidate.
    pub fn cases_of(&self, candidate: usize) -> u64 {
        let Ok(candidate) = u32::try_from(candidate) else {
            return 0;
        };
        let had = |had: &[u32]| had.binary_search(&candidate).is_ok();
        let cases = self.cases.iter().filter(|case| had(&case.candidates));
        u64::try_from(cases.count()).unwrap_or(u64::MAX)
    }

    /// The newest version of the suspect's driver that is surely safer than it; `None` if no version has the days to
    /// show it. `suspects` are not proposed.
    pub fn safe_version(&self, suspect: usize, suspects: &[u32]) -> Option<SafeVersion> {
        let Feature::Driver { driver: of, .. } = self.candidates.get(suspect)?.feature else {
            return None;
        };
        let rate = per_1000(self.cases_of(suspect), self.days_of(suspect))?;
        let siblings = self.candidates.iter().enumerate();
        let safe = siblings.filter_map(|(place, candidate)| match candidate.feature {
            Feature::Driver {
                version,
                driver,
                order: Some(order),
            } if driver == of && !suspects.iter().any(|other| usize::try_from(*other) == Ok(place)) => {
                let (crashing_machines, machine_days) = (self.cases_of(place), self.days_of(place));
                let rate_upper_bound = rate_upper_bound(crashing_machines, machine_days)?;
                let safe = SafeVersion {
                    driver_version_id: version,
                    crashing_machines,
                    machine_days,
                    rate_upper_bound,
                };
                (rate_upper_bound < SAFER * rate).then_some((order, safe))
            }
            _ => None,
        });
        let (_, safe) = safe.max_by_key(|(order, _)| *order)?;
        Some(safe)
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
fn per_1000(cases: u64, machine_days: u64) -> Option<f64> {
    (machine_days > 0).then(|| cases as f64 / machine_days as f64 * 1_000.0)
}

#[cfg(test)]
mod tests {
    use time::macros::{date, datetime};

    use crate::exposure::{Candidate, Case, Counts, Feature, Naming, Origin};
    use crate::{MachineId, Window};

    /// Versions 1 to 3 of one driver with these machine-days; `crashes` are the places of what each case had.
    fn counts(days: [u32; 3], crashes: &[u32]) -> Counts {
        let candidate = |(days, version): (&u32, i32)| Candidate {
            feature: Feature::Driver {
                version,
                driver: 7,
                order: u32::try_from(version).ok(),
            },
            origin: Origin::ThirdParty,
            changed_recently: false,
            machine_days: vec![(0, *days)],
            named_elsewhere: Naming::default(),
        };
        let case = |had: &u32| Case {
            machine: MachineId::of(&had.to_string()),
            crashed_at: datetime!(2026-11-18 00:00 UTC),
            stratum: 0,
            peers: None,
            candidates: vec![*had],
            named: None,
        };
        Counts {
            window: Window::ending(date!(2026 - 11 - 22), 91),
            strata: Vec::new(),
            candidates: days.iter().zip(1..).map(candidate).collect(),
            cases: crashes.iter().map(case).collect(),
            peers: Vec::new(),
            crashes: 0,
            crashes_without_exposure: 0,
            machine_days: 0,
        }
    }

    #[test]
    fn the_newest_version_with_days_enough_is_safe() {
        let crashes = [1; 20];
        let safe = counts([50_000, 10_000, 100], &crashes)
            .safe_version(1, &[1])
            .unwrap();
        // The third has too few days to tell.
        assert_eq!((safe.driver_version_id, safe.crashing_machines), (1, 0));
        let safe = counts([50_000, 10_000, 9_000], &crashes)
            .safe_version(1, &[1])
            .unwrap();
        assert_eq!(safe.driver_version_id, 3);
    }

    #[test]
    fn a_version_that_is_suspected_too_is_not_proposed() {
        let crashes = [1; 20];
        let counts = counts([50_000, 10_000, 9_000], &crashes);
        assert_eq!(counts.safe_version(1, &[0, 1, 2]), None);
    }
}
