//! Whether a verdict is worth telling, and what is told of it.

use serde_json::Value;
use store::alerts::{Reached, ReachedWord};
use store::exposure::{Counts, Feature};
use wire::suspects::{Suspect, SuspectScope, Suspects, VerdictWord};
use wire::webhook::{AccusedSuspect, News};

/// Suspects that an alert names.
const MOST_NAMED: usize = 5;

/// What the outbox needs to know of a verdict; `None` for words that nobody is woken for.
///
/// Whether it is news is decided by the outbox, which knows what was told before.
pub(crate) fn of_verdict(
    suspects: &Suspects,
    counts: &Counts,
    judged: &attribution::verdict::Verdict,
) -> Result<Option<Reached>, serde_json::Error> {
    let word = match suspects.verdict {
        VerdictWord::SuspectSet => ReachedWord::SuspectSet,
        VerdictWord::LikelyCause => ReachedWord::LikelyCause,
        VerdictWord::Confirmed => ReachedWord::Confirmed,
        VerdictWord::TooLittleData | VerdictWord::NoDriverExplainsThis | VerdictWord::Associated => {
            return Ok(None);
        }
    };
    Ok(Some(Reached {
        stop_code: suspects.stop_code.get(),
        word,
        subjects: subjects(counts, judged),
        body: body(suspects)?,
    }))
}

/// The members of the first credible set: versions by id, builds as negative numbers.
fn subjects(counts: &Counts, judged: &attribution::verdict::Verdict) -> Vec<i32> {
    let set = judged
        .effects
        .first()
        .map(|effect| effect.credible_set.as_slice());
    let suspects = set
        .unwrap_or_default()
        .iter()
        .filter_map(|place| judged.suspects.get(*place));
    let members = suspects.flat_map(|suspect| &suspect.members);
    let features = members.filter_map(|member| {
        let candidate = counts.candidates.get(usize::try_from(*member).ok()?)?;
        Some(match candidate.feature {
            Feature::Driver { version, .. } => version,
            Feature::OsBuild(build) => build.saturating_neg(),
        })
    });
    let mut subjects: Vec<i32> = features.collect();
    subjects.sort_unstable();
    subjects.dedup();
    subjects
}

fn body(suspects: &Suspects) -> Result<Value, serde_json::Error> {
    let in_set = suspects
        .suspects
        .iter()
        .filter(|one| one.in_credible_set == Some(true) && one.culprit == Some(1));
    serde_json::to_value(News::Verdict {
        stop_code: suspects.stop_code,
        verdict: suspects.verdict,
        text: text(suspects),
        none_probability: suspects.none_probability,
        suspects: in_set.take(MOST_NAMED).map(accused).collect(),
        crashing_machines: suspects.crashing_machines,
        path: format!("/stop-codes/{}", suspects.stop_code),
    })
}

fn accused(suspect: &Suspect) -> AccusedSuspect {
    AccusedSuspect {
        drivers: suspect.drivers.clone(),
        os_build: suspect.os_build,
        probability: suspect.probability,
    }
}

/// One sentence, for a chat or a mail.
fn text(suspects: &Suspects) -> String {
    let code = suspects.stop_code;
    let Some(first) = suspects.suspects.first() else {
        return format!("The verdict on {code} changed.");
    };
    let name = name(first);
    match suspects.verdict {
        VerdictWord::Confirmed => format!("Confirmed: {name} causes {code}."),
        VerdictWord::LikelyCause => {
            let probability = first.probability.unwrap_or_default() * 100.0;
            format!("{name} is the likely cause of {code} ({probability:.1} %).")
        }
        _ => format!("A driver version is probably behind {code}; first suspect: {name}."),
    }
}

/// Whom a verdict accuses, in words.
pub(crate) fn name(suspect: &Suspect) -> String {
    let Some(first) = suspect.drivers.first() else {
        let build = suspect
            .os_build
            .map_or_else(|| "?".to_owned(), |build| build.to_string());
        return format!("Windows build {build}");
    };
    let name = format!(
        "{} {}",
        first.name,
        first.version.as_deref().unwrap_or("(version unknown)")
    );
    match (suspect.scope, suspect.drivers.len()) {
        (SuspectScope::VersionOrLater, _) => format!("{name} or later"),
        (_, 0 | 1) => name,
        (_, several) => format!(
            "{name} (or one of {} others that cannot be told apart)",
            several - 1
        ),
    }
}
