//! What may be said of a ranking, in sentences.
//!
//! The word comes from the verdict and is never strengthened here: an association is called an association, and
//! "causes" is said only after a confirmation. Each sentence carries its numbers, so that it can be quoted alone.

use wire::suspects::{PreviousVersion, Suspect, SuspectDriver, Suspects, VerdictWord};

use super::show;

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
    /// What to do about it.
    pub(crate) next_step: Option<String>,
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
        next_step: first
            .filter(|_| suspects.verdict >= VerdictWord::Associated)
            .and_then(next_step),
    }
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

/// The drivers of one suspect: one name, or the names that the data cannot tell apart.
pub(crate) fn suspect(suspect: &Suspect) -> String {
    match suspect.drivers.as_slice() {
        [] => "an unknown driver".to_owned(),
        [only] => driver(only),
        [first, second] => format!("{} or {}", driver(first), driver(second)),
        [first, others @ ..] => format!("{} or one of {} others", driver(first), others.len()),
    }
}

/// The same where there is little room: `acmecap.sys 4.2.1.0 +4`.
pub(crate) fn short(suspect: &Suspect) -> String {
    match suspect.drivers.as_slice() {
        [] => "an unknown driver".to_owned(),
        [only] => driver(only),
        [first, others @ ..] => format!("{} +{}", driver(first), others.len()),
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
            match set.filter(|one| one.in_credible_set == Some(true)).count() {
                0 | 1 => format!(
                    "With 95 % probability the suspect is {}. {}",
                    suspect(first),
                    contrast(first)
                ),
                several => format!(
                    "With 95 % probability the culprit is among {}. First: {}. {}",
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
            format!("{} causes {code}: confirmed. {}", suspect(first), contrast(first))
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

/// Going back to a version that is known to be quieter is the cheapest test there is.
fn next_step(suspect: &Suspect) -> Option<String> {
    let [only] = suspect.drivers.as_slice() else {
        return Some("Update or roll back one of them on a few machines at a time, so that their effects can be told apart.".to_owned());
    };
    let previous = suspect.previous_version.as_ref()?;
    (previous.rate_upper_bound < suspect.crashes_per_1000_machine_days).then(|| {
        format!(
            "Hold back {} and try {} {} on the machines at risk: {}.",
            driver(only),
            only.name,
            previous.version,
            previous_version(previous)
        )
    })
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
            "{} {} {:?} {:?}",
            said.word, said.sentence, said.caveat, said.next_step
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
