//! What may be said of a ranking, in sentences.
//!
//! The word comes from the verdict and is never strengthened here: an association is called an association, and
//! "causes" is said only after a confirmation. Each sentence carries its numbers, so that it can be quoted alone.

use wire::suspects::{
    PreviousVersion, Proof, SafeVersion, Suspect, SuspectDriver, SuspectScope, Suspects, VerdictWord,
};

use super::{machines, show};

mod steps;

/// A verdict ready to be laid out.
#[derive(Debug, Clone)]
pub(crate) struct Verdict {
    /// The word itself.
    pub(crate) word: &'static str,
    /// CSS class of the word: `quiet`, `suspect` or `proven`.
    pub(crate) tone: &'static str,
    /// What is said.
    pub(crate) sentence: String,
    /// What is not said.
    pub(crate) caveat: Option<&'static str>,
    /// Who else it may be, or what else there is: what the data could not tell apart.
    pub(crate) apart: Vec<String>,
    /// What to do about it, the most useful first.
    pub(crate) next_steps: Vec<String>,
    /// Who has the first suspect now, if a single version is accused.
    pub(crate) at_risk: Option<AtRisk>,
}

/// The machines that have a suspect.
#[derive(Debug, Clone)]
pub(crate) struct AtRisk {
    /// Their list.
    pub(crate) href: String,
    /// `acmecap.sys 4.2.1.0`.
    pub(crate) name: String,
}

/// The verdict of `suspects` in words.
pub(crate) fn of(suspects: &Suspects) -> Verdict {
    let first = suspects.suspects.first();
    let (word, tone) = word(suspects.verdict);
    Verdict {
        word,
        tone,
        sentence: sentence(suspects, first),
        caveat: caveat(suspects.verdict),
        apart: apart(suspects),
        next_steps: steps::of(suspects),
        at_risk: first
            .filter(|_| suspects.verdict >= VerdictWord::Associated)
            .and_then(at_risk),
    }
}

fn at_risk(suspect: &Suspect) -> Option<AtRisk> {
    let only = suspect
        .drivers
        .first()
        .filter(|_| suspect.scope == SuspectScope::Version)?;
    let version = only.version.as_deref()?;
    Some(AtRisk {
        href: machines::having(&only.name, Some(version)),
        name: driver(only),
    })
}

/// The word and its tone.
pub(crate) fn word(verdict: VerdictWord) -> (&'static str, &'static str) {
    match verdict {
        VerdictWord::TooLittleData => ("Too little data", "quiet"),
        VerdictWord::NoDriverExplainsThis => ("No driver explains this", "quiet"),
        VerdictWord::Associated => ("Associated", "suspect"),
        VerdictWord::SuspectSet => ("Suspect set", "suspect"),
        VerdictWord::LikelyCause => ("Likely cause", "suspect"),
        VerdictWord::Confirmed => ("Confirmed", "proven"),
    }
}

/// `acmecap.sys 4.2.1.0`, or `acmecap.sys (version unknown)`.
pub(crate) fn driver(driver: &SuspectDriver) -> String {
    match &driver.version {
        Some(version) => format!("{} {version}", driver.name),
        None => format!("{} (version unknown)", driver.name),
    }
}

/// One suspect: one name, a run of versions, a build, or the names that the data cannot tell apart.
pub(crate) fn suspect(suspect: &Suspect) -> String {
    if let Some(name) = run_or_build(suspect) {
        return name;
    }
    match suspect.drivers.as_slice() {
        [] => "an unknown driver".to_owned(),
        [only] => driver(only),
        [first, second] => format!("{} or {}", driver(first), driver(second)),
        [first, others @ ..] => format!("{} or one of {} others", driver(first), others.len()),
    }
}

/// The same where there is little room: `acmecap.sys 4.2.1.0 +4`.
pub(crate) fn short(suspect: &Suspect) -> String {
    if let Some(name) = run_or_build(suspect) {
        return name;
    }
    match suspect.drivers.as_slice() {
        [] => "an unknown driver".to_owned(),
        [only] => driver(only),
        [first, others @ ..] => format!("{} +{}", driver(first), others.len()),
    }
}

/// The name of a suspect that is more or less than a version.
fn run_or_build(suspect: &Suspect) -> Option<String> {
    match (suspect.scope, suspect.os_build, suspect.drivers.first()) {
        (SuspectScope::VersionOrLater, _, Some(oldest)) => Some(format!("{} or later", driver(oldest))),
        (SuspectScope::OsBuild, Some(build), _) | (SuspectScope::Version, Some(build), None) => {
            Some(format!("Windows build {build}"))
        }
        _ => None,
    }
}

fn sentence(suspects: &Suspects, first: Option<&Suspect>) -> String {
    let counted = format!(
        "{} in {} machine-days",
        show::counted(suspects.crashing_machines, "crashing machine"),
        show::count(suspects.machine_days)
    );
    let code = suspects.stop_code;
    match (suspects.verdict, first) {
        (VerdictWord::TooLittleData, _) => {
            format!("{counted} are not enough to tell a driver from chance.")
        }
        (VerdictWord::NoDriverExplainsThis, _) | (_, None) => {
            format!("With {counted}, no driver version stands out among the machines that crash with {code}.")
        }
        (VerdictWord::Associated, Some(first)) => {
            format!(
                "{} is associated with {code}. {}",
                suspect(first),
                contrast(first)
            )
        }
        (VerdictWord::SuspectSet, Some(first)) => {
            let set = suspects.suspects.iter();
            let in_set = set
                .filter(|one| {
                    one.in_credible_set == Some(true) && one.culprit.is_none_or(|culprit| culprit == 1)
                })
                .count();
            let probably = suspects
                .none_probability
                .map(|none| {
                    format!(
                        "A driver version is behind {code} with {} probability. ",
                        show::percent(1.0 - none)
                    )
                })
                .unwrap_or_default();
            match in_set {
                0 | 1 => format!("{probably}The suspect is {}. {}", suspect(first), contrast(first)),
                several => format!(
                    "{probably}If so, it is with 95 % probability one of {}. The first is {}. {}",
                    show::counted(several as u64, "suspect"),
                    suspect(first),
                    contrast(first)
                ),
            }
        }
        (VerdictWord::LikelyCause, Some(first)) => {
            let probability = first
                .probability
                .map(|value| format!(", with {} probability", show::percent(value)));
            let probability = probability.unwrap_or_default();
            format!(
                "{} is the likely cause of {code}{probability}. {}",
                suspect(first),
                contrast(first)
            )
        }
        (VerdictWord::Confirmed, Some(first)) => {
            let proof = match suspects.confirmed_by {
                Some(Proof::NamedByWindows) => {
                    "confirmed, because Windows itself caught it with pages locked (0xcb)"
                }
                Some(Proof::Rollback) => {
                    "confirmed, because the crashes stopped where it was taken back and went on where it was kept"
                }
                None => "confirmed",
            };
            format!("{} causes {code}: {proof}. {}", suspect(first), contrast(first))
        }
    }
}

/// The numbers behind a suspect, as a sentence.
fn contrast(suspect: &Suspect) -> String {
    let crashed = format!(
        "{} of the {} that had it crashed",
        show::count(suspect.crashing_machines),
        show::counted(suspect.exposed_machines, "machine")
    );
    match (
        suspect.rate_ratio,
        suspect.rate_ratio_low,
        suspect.rate_ratio_high,
    ) {
        (Some(ratio), Some(low), Some(high)) => format!(
            "{crashed}: {} times the rate of machines of the same model in the same week without it (95 % interval {} to {}).",
            show::ratio(ratio),
            show::ratio(low),
            show::ratio(high)
        ),
        _ => format!(
            "{crashed}; {} would be expected if it played no part.",
            show::ratio(suspect.expected_machines)
        ),
    }
}

fn caveat(verdict: VerdictWord) -> Option<&'static str> {
    match verdict {
        VerdictWord::Associated => Some(
            "An association is not proof: whatever was installed on the same machines at the same time would look the same.",
        ),
        VerdictWord::SuspectSet => {
            Some("Likely would take 20 crashing machines and 95 % for one version alone.")
        }
        VerdictWord::LikelyCause => {
            Some("Likely is not proven: roll it back on some machines and watch their rate.")
        }
        VerdictWord::NoDriverExplainsThis => {
            Some("Look at hardware models, firmware and OS builds below before you look at drivers.")
        }
        VerdictWord::TooLittleData => {
            Some("The ranking below is shown for what it is worth; it will settle as more machines report.")
        }
        VerdictWord::Confirmed => None,
    }
}

/// What the data could not tell apart, and further culprits, as sentences.
fn apart(suspects: &Suspects) -> Vec<String> {
    let Some(first) = suspects
        .suspects
        .first()
        .filter(|_| suspects.verdict >= VerdictWord::Associated)
    else {
        return Vec::new();
    };
    let mut said = Vec::new();
    if first.scope == SuspectScope::Version && first.drivers.len() > 1 {
        said.push(format!(
            "{} were on the same machines on the same days. No count can tell them apart; only a change to one of them can.",
            show::counted(first.drivers.len() as u64, "driver version")
        ));
    }
    if let (Some(build), false) = (first.os_build, first.drivers.is_empty()) {
        said.push(format!(
            "Windows build {build} came to the same machines on the same days: it may be the cause as well."
        ));
    }
    let in_set = |culprit: u32| {
        let all = suspects.suspects.iter();
        all.filter(move |one| one.culprit == Some(culprit) && one.in_credible_set == Some(true))
    };
    let others: Vec<String> = in_set(1)
        .filter(|one| one.rank != first.rank)
        .map(named_with_probability)
        .collect();
    if let [some @ .., last] = others.as_slice() {
        let list = if some.is_empty() {
            last.clone()
        } else {
            format!("{} and {last}", some.join(", "))
        };
        said.push(format!("Not excluded: {list}."));
    }
    if let Some(second) = in_set(2).next() {
        said.push(format!(
            "It does not explain all of them: further crashes go with {}.",
            named_with_probability(second)
        ));
    }
    said
}

fn named_with_probability(one: &Suspect) -> String {
    match one.probability {
        Some(probability) => format!("{} ({})", short(one), show::percent(probability)),
        None => short(one),
    }
}

/// What is known of the version before: its crashes and the bound on its rate.
pub(crate) fn previous_version(previous: &PreviousVersion) -> String {
    format!(
        "{} in {} machine-days, at most {} per 1,000",
        show::counted(previous.crashing_machines, "crashing machine"),
        show::count(previous.machine_days),
        show::ratio(previous.rate_upper_bound)
    )
}

/// Likewise of a version to go to.
pub(crate) fn quiet_version(safe: &SafeVersion) -> String {
    format!(
        "{} in {} machine-days, at most {} per 1,000",
        show::counted(safe.crashing_machines, "crashing machine"),
        show::count(safe.machine_days),
        show::ratio(safe.rate_upper_bound)
    )
}

#[cfg(test)]
mod tests {
    use wire::suspects::VerdictWord;

    use crate::pages::samples;

    const ALL: [VerdictWord; 6] = [
        VerdictWord::TooLittleData,
        VerdictWord::NoDriverExplainsThis,
        VerdictWord::Associated,
        VerdictWord::SuspectSet,
        VerdictWord::LikelyCause,
        VerdictWord::Confirmed,
    ];

    fn text(verdict: VerdictWord) -> String {
        let said = super::of(&samples::suspects(verdict));
        format!(
            "{} {} {:?} {:?} {:?}",
            said.word, said.sentence, said.caveat, said.apart, said.next_steps
        )
    }

    #[test]
    fn causes_is_never_said_before_a_confirmation() {
        for verdict in ALL {
            let said = text(verdict).contains("causes");
            assert_eq!(said, verdict == VerdictWord::Confirmed, "{verdict:?}");
        }
    }

    #[test]
    fn cause_is_never_said_of_an_association() {
        for verdict in ALL
            .into_iter()
            .filter(|verdict| *verdict < VerdictWord::LikelyCause)
        {
            assert!(!text(verdict).to_lowercase().contains("cause"), "{verdict:?}");
        }
    }

    #[test]
    fn drivers_that_cannot_be_told_apart_are_said_to_be_so() {
        let mut suspects = samples::suspects(VerdictWord::Associated);
        let twin = suspects.suspects[1].drivers[0].clone();
        suspects.suspects[0].drivers.push(twin);
        let said = super::of(&suspects).sentence;
        assert!(said.starts_with("acmecap.sys 4.2.1.0 or "), "{said}");
    }

    #[test]
    fn too_little_data_names_no_driver() {
        assert!(!text(VerdictWord::TooLittleData).contains(".sys"));
    }
}
