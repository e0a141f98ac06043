//! What to do about a verdict, in sentences: hold back, go to a version that is quiet, or find out more.

use wire::suspects::{SafeVersion, Suspect, SuspectScope, Suspects, VerdictWord};

use super::{driver, quiet_version, suspect};

/// The bug check whose culprit Windows names itself once it is told to track locked pages.
const LOCKED_PAGES: u32 = 0x76;

/// The steps, the most useful first.
pub(super) fn of(suspects: &Suspects) -> Vec<String> {
    let mut steps = match (suspects.verdict, suspects.suspects.first()) {
        (VerdictWord::TooLittleData, _) | (_, None) => {
            vec![
                "Let more machines report: inventories say which version is where, presence says on which days."
                    .to_owned(),
            ]
        }
        (VerdictWord::NoDriverExplainsThis, _) => vec![
            "Compare hardware models, firmware and Windows builds: what the crashing machines share is listed below."
                .to_owned(),
        ],
        (_, Some(first)) => for_suspect(suspects.verdict, first),
    };
    if suspects.stop_code.get() == LOCKED_PAGES && suspects.verdict < VerdictWord::Confirmed {
        steps.push(
            "Start an experiment, which switches TrackLockedPages on for a few of the machines at risk: their next crash is a 0xcb, in which Windows names the driver."
                .to_owned(),
        );
    }
    steps
}

fn for_suspect(verdict: VerdictWord, first: &Suspect) -> Vec<String> {
    if first.scope == SuspectScope::OsBuild || first.drivers.is_empty() {
        return vec![format!(
            "Hold {} back on the machines that do not have it yet, and look for a later update.",
            suspect(first)
        )];
    }
    if first.scope == SuspectScope::Version && first.drivers.len() > 1 {
        return vec![
            "Split them: update or roll back one of them on some machines and leave the others, so that their effects can be told apart."
                .to_owned(),
        ];
    }
    let mut steps = vec![format!("Stop rolling out {}.", suspect(first))];
    match (&first.safe_version, first.drivers.first()) {
        (Some(safe), _) => steps.push(go_to(safe)),
        (None, Some(oldest)) => steps.push(format!(
            "No other version of {} is known to be quiet yet. Ask {} for a fix, or take it off the machines that can do without.",
            oldest.name,
            oldest.company.as_deref().unwrap_or("its maker")
        )),
        (None, None) => {}
    }
    if verdict < VerdictWord::Confirmed
        && let Some(only) = first.drivers.first()
    {
        steps.push(format!(
            "Prove it: take {} back on at least 20 machines that did not just crash, keep it on the others, and watch both rates here.",
            driver(only)
        ));
    }
    steps
}

fn go_to(safe: &SafeVersion) -> String {
    format!(
        "Go to {} {} on the machines at risk: {}.",
        safe.name,
        safe.version,
        quiet_version(safe)
    )
}
