//! `/experiments` and `/experiments/{id}`: locked pages tracked on a few machines, and what came of it.

use askama::Template;
use wire::experiment::{
    Experiment, ExperimentDetail, ExperimentMachine, ExperimentMachineState, ExperimentState, NamedDriver,
    ProofScore,
};

use super::layout::{Layout, Section, Viewer};
use super::show::{self, When};

/// What the form holds, as it was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(default)]
pub(crate) struct Form {
    pub(crate) driver: String,
    pub(crate) version: String,
    pub(crate) machines: String,
    pub(crate) days: String,
}

/// What the list is made from.
#[derive(Debug, Clone, Default)]
pub(crate) struct ListFacts {
    pub(crate) experiments: Vec<Experiment>,
    pub(crate) proofs: ProofScore,
    pub(crate) limit: Option<u32>,
    /// The cursor of this page, if it is not the first.
    pub(crate) cursor: Option<String>,
    pub(crate) next_cursor: Option<String>,
    pub(crate) form: Form,
    /// Why the form was not taken.
    pub(crate) problem: Option<String>,
}

/// The list, and the form to start one.
#[derive(Template)]
#[template(path = "experiments.html")]
pub(crate) struct ListPage {
    layout: Layout,
    score: String,
    rows: Vec<Row>,
    next_href: Option<String>,
    csv_href: String,
    form: Form,
    problem: Option<String>,
    may_start: bool,
}

struct Row {
    href: String,
    driver: String,
    code: String,
    code_href: String,
    state: &'static str,
    tone: &'static str,
    machines: String,
    progress: String,
    started: When,
    end: When,
    has_ended: bool,
}

impl ListPage {
    /// Lays the facts out.
    pub(crate) fn new(facts: &ListFacts, viewer: Option<&Viewer>) -> ListPage {
        let limit = facts.limit.map(|limit| limit.to_string()).unwrap_or_default();
        let href = |path: &str, cursor: &str| show::address(path, &[("limit", &limit), ("cursor", cursor)]);
        ListPage {
            layout: Layout::new("Experiments", Section::Experiments, viewer),
            score: score(facts.proofs),
            rows: facts.experiments.iter().map(row).collect(),
            next_href: facts
                .next_cursor
                .as_ref()
                .map(|cursor| href("/experiments", cursor)),
            csv_href: href(
                "/api/v1/experiments.csv",
                facts.cursor.as_deref().unwrap_or_default(),
            ),
            form: facts.form.clone(),
            problem: facts.problem.clone(),
            may_start: viewer.is_some_and(|viewer| viewer.may_admin),
        }
    }
}

fn row(experiment: &Experiment) -> Row {
    let (state, tone) = state(experiment.state);
    let code = experiment.stop_code.to_string();
    Row {
        href: format!("/experiments/{}", experiment.id),
        driver: driver(&experiment.driver),
        code_href: format!("/stop-codes/{code}"),
        code,
        state,
        tone,
        machines: show::count(experiment.counts.asked),
        progress: progress(experiment),
        started: When(experiment.started_at),
        end: When(experiment.ended_at.unwrap_or(experiment.until)),
        has_ended: experiment.ended_at.is_some(),
    }
}

fn progress(experiment: &Experiment) -> String {
    let counts = experiment.counts;
    format!(
        "set on {}, in force on {}, crashed {}",
        show::count(counts.set),
        show::count(counts.in_force),
        show::count(counts.crashed)
    )
}

/// How often the first suspect was right, in sentences.
pub(crate) fn score(proofs: ProofScore) -> String {
    let before = proofs.proofs.saturating_sub(proofs.judged);
    let rest = if before > 0 {
        format!(
            " {} came while the ranking accused nobody.",
            show::counted(before, "proof")
        )
    } else {
        String::new()
    };
    if proofs.judged == 0 {
        return format!(
            "No 0xcb has named a driver yet while the ranking of 0x76 accused one; when one does, it is shown here \
             whether the ranking was right.{rest}"
        );
    }
    format!(
        "When Windows named the driver, the first suspect of 0x76 was right in {} of {}.{rest}",
        show::count(proofs.right),
        show::counted(proofs.judged, "proof")
    )
}

/// A state as a label and its tone.
fn state(state: ExperimentState) -> (&'static str, &'static str) {
    match state {
        ExperimentState::Running => ("Running", "new"),
        ExperimentState::Confirmed => ("Confirmed", "proven"),
        ExperimentState::Refuted => ("Refuted", "warn"),
        ExperimentState::Cancelled => ("Cancelled", "quiet"),
        ExperimentState::Expired => ("Expired", "quiet"),
    }
}

/// `acmecap.sys 4.2.1.0`.
fn driver(driver: &NamedDriver) -> String {
    match &driver.version {
        Some(version) => format!("{} {version}", driver.name),
        None => format!("{} (version unknown)", driver.name),
    }
}

/// One experiment.
#[derive(Template)]
#[template(path = "experiment.html")]
pub(crate) struct DetailPage {
    layout: Layout,
    driver: String,
    driver_href: String,
    code: String,
    code_href: String,
    state: &'static str,
    tone: &'static str,
    sentence: String,
    advice: &'static str,
    crash_href: Option<String>,
    started: When,
    end: When,
    has_ended: bool,
    figures: Vec<(&'static str, String, &'static str)>,
    machines: Vec<MachineRow>,
    cancel_href: Option<String>,
    csv_href: String,
}

struct MachineRow {
    name: String,
    href: String,
    state: &'static str,
    tone: &'static str,
    asked: When,
    set: Option<When>,
    in_force: Option<When>,
    crashed: Option<(When, String)>,
    removed: Option<When>,
    checked_in: Option<When>,
    trouble: Option<String>,
}

impl DetailPage {
    /// Lays the facts out.
    pub(crate) fn new(detail: &ExperimentDetail, viewer: Option<&Viewer>) -> DetailPage {
        let experiment = &detail.experiment;
        let (state, tone) = state(experiment.state);
        let code = experiment.stop_code.to_string();
        let driver = driver(&experiment.driver);
        let may_cancel =
            experiment.state == ExperimentState::Running && viewer.is_some_and(|viewer| viewer.may_admin);
        DetailPage {
            layout: Layout::new(format!("Experiment with {driver}"), Section::Experiments, viewer),
            driver_href: format!("/drivers/{}", show::encode(&experiment.driver.name)),
            code_href: format!("/stop-codes/{code}"),
            code,
            state,
            tone,
            sentence: sentence(experiment, &driver),
            advice: advice(experiment.state),
            crash_href: experiment.ended_by_crash.map(|id| format!("/crashes/{id}")),
            started: When(experiment.started_at),
            end: When(experiment.ended_at.unwrap_or(experiment.until)),
            has_ended: experiment.ended_at.is_some(),
            figures: figures(experiment),
            machines: detail.machines.iter().map(machine_row).collect(),
            cancel_href: may_cancel.then(|| format!("/experiments/{}/cancel", experiment.id)),
            csv_href: format!("/api/v1/experiments/{}.csv", experiment.id),
            driver,
        }
    }
}

fn sentence(experiment: &Experiment, suspect: &str) -> String {
    let named = experiment
        .named
        .as_ref()
        .map_or_else(|| "another driver".to_owned(), driver);
    match experiment.state {
        ExperimentState::Running => {
            let counts = experiment.counts;
            match counts.asked.saturating_sub(counts.opted_out) {
                0 => "None of its machines is allowed to track locked pages any more: it waits for nothing."
                    .to_owned(),
                left => format!(
                    "Waiting for one of {} to stop with 0xcb, in which Windows names the driver.",
                    show::counted(left, "machine")
                ),
            }
        }
        ExperimentState::Confirmed => {
            format!("Confirmed: Windows caught {suspect} with pages of a process locked, and named it.")
        }
        ExperimentState::Refuted => format!("Windows named {named}, not {suspect}."),
        ExperimentState::Cancelled => {
            "An administrator cancelled it before Windows named a driver.".to_owned()
        }
        ExperimentState::Expired => "Its date came before Windows named a driver.".to_owned(),
    }
}

fn advice(state: ExperimentState) -> &'static str {
    match state {
        ExperimentState::Running => {
            "The value is read when Windows starts: it is in force after each machine's next restart. A crash then comes \
             earlier than 0x76 would, with the culprit in it."
        }
        ExperimentState::Confirmed => {
            "The ranking takes the proof into account. The setting goes from the machines with their next check-in and \
             restart."
        }
        ExperimentState::Refuted => {
            "A fresh ranking has been asked for. If it still puts the same driver first, there may be two culprits: start \
             another experiment with the driver that Windows named."
        }
        ExperimentState::Cancelled | ExperimentState::Expired => {
            "The setting goes from the machines with their next check-in and restart. That nothing was named clears nobody."
        }
    }
}

fn figures(experiment: &Experiment) -> Vec<(&'static str, String, &'static str)> {
    let counts = experiment.counts;
    vec![
        (
            "Machines",
            format!(
                "{} of {}",
                show::count(counts.asked),
                show::count(u64::from(experiment.machines_wanted))
            ),
            "found, of those wanted",
        ),
        ("Set", show::count(counts.set), "their agents set the value"),
        ("In force", show::count(counts.in_force), "restarted since"),
        ("Crashed", show::count(counts.crashed), "stopped with 0xcb"),
    ]
}

fn machine_row(machine: &ExperimentMachine) -> MachineRow {
    let (state, tone) = match machine.state {
        ExperimentMachineState::Asked => ("asked", "quiet"),
        ExperimentMachineState::Set => ("set, waits for a restart", "new"),
        ExperimentMachineState::InForce => ("in force", "calm"),
        ExperimentMachineState::Crashed => ("crashed", "warn"),
        ExperimentMachineState::Released => ("released", "quiet"),
        ExperimentMachineState::OptedOut => ("no longer allowed", "quiet"),
        ExperimentMachineState::Removed => ("removed again", "quiet"),
    };
    let crash = machine.crashed_at.zip(machine.crash);
    MachineRow {
        name: machine.machine.clone(),
        href: format!("/machines/{}", show::encode(&machine.machine)),
        state,
        tone,
        asked: When(machine.asked_at),
        set: machine.set_at.map(When),
        in_force: machine.in_force_since.map(When),
        crashed: crash.map(|(at, id)| (When(at), format!("/crashes/{id}"))),
        removed: machine.removed_at.map(When),
        checked_in: machine.checked_in_at.map(When),
        trouble: machine.trouble.clone(),
    }
}

#[cfg(test)]
mod tests {
    use wire::experiment::ProofScore;

    #[test]
    fn a_score_is_of_those_proofs_only_that_could_judge_a_ranking() {
        let score = |proofs, judged, right| {
            super::score(ProofScore {
                proofs,
                judged,
                right,
            })
        };
        assert!(score(0, 0, 0).starts_with("No 0xcb has named"));
        assert_eq!(
            score(4, 3, 2),
            "When Windows named the driver, the first suspect of 0x76 was right in 2 of 3 proofs. 1 proof came while \
             the ranking accused nobody."
        );
    }
}
