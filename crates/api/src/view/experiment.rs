//! Experiments as the API shows them.

use store::experiments;
use store::proofs::Score;
use wire::StopCodeNumber;
use wire::experiment::{
    Experiment, ExperimentCounts, ExperimentDetail, ExperimentMachine, ExperimentMachineState,
    ExperimentState, NamedDriver, ProofScore,
};

use crate::list::{Cell, Table, time};

/// One experiment in the list.
pub(crate) fn experiment(experiment: experiments::Experiment) -> Experiment {
    let counts = experiment.counts;
    Experiment {
        id: experiment.id.0,
        stop_code: StopCodeNumber::from_raw(experiment.stop_code),
        driver: named(experiment.driver),
        state: state(experiment.state),
        machines_wanted: experiment.machines_wanted,
        counts: ExperimentCounts {
            asked: counts.asked,
            set: counts.set,
            in_force: counts.in_force,
            crashed: counts.crashed,
            opted_out: counts.opted_out,
            removed: counts.removed,
        },
        started_at: experiment.started_at,
        until: experiment.until,
        ended_at: experiment.ended_at,
        ended_by_crash: experiment.ended_by_crash,
        named: experiment.named.map(named),
    }
}

/// One experiment with its machines.
pub(crate) fn detail(
    (one, machines): (experiments::Experiment, Vec<experiments::ExperimentMachine>),
) -> ExperimentDetail {
    ExperimentDetail {
        experiment: experiment(one),
        machines: machines.into_iter().map(machine).collect(),
    }
}

/// How often the first suspect was right.
pub(crate) fn score(score: Score) -> ProofScore {
    ProofScore {
        proofs: score.proofs,
        judged: score.judged,
        right: score.right,
    }
}

fn named(driver: experiments::NamedDriver) -> NamedDriver {
    NamedDriver {
        name: driver.name,
        version: driver.version,
    }
}

fn state(state: experiments::ExperimentState) -> ExperimentState {
    match state {
        experiments::ExperimentState::Running => ExperimentState::Running,
        experiments::ExperimentState::Confirmed => ExperimentState::Confirmed,
        experiments::ExperimentState::Refuted => ExperimentState::Refuted,
        experiments::ExperimentState::Cancelled => ExperimentState::Cancelled,
        experiments::ExperimentState::Expired => ExperimentState::Expired,
    }
}

fn machine(machine: experiments::ExperimentMachine) -> ExperimentMachine {
    ExperimentMachine {
        state: machine_state(&machine),
        machine: machine.machine,
        asked_at: machine.asked_at,
        set_at: machine.set_at,
        in_force_since: machine.in_force_since,
        crashed_at: machine.crashed_at,
        crash: machine.crash_id,
        released_at: machine.released_at,
        opted_out: machine.opted_out,
        removed_at: machine.removed_at,
        checked_in_at: machine.checked_in_at,
        trouble: machine.trouble,
    }
}

/// The furthest that a machine has got; what is over comes before what was reached.
fn machine_state(machine: &experiments::ExperimentMachine) -> ExperimentMachineState {
    let never_set = machine.set_at.is_none();
    match machine.released_at {
        _ if machine.removed_at.is_some() => ExperimentMachineState::Removed,
        Some(_) if machine.opted_out => ExperimentMachineState::OptedOut,
        Some(_) => ExperimentMachineState::Released,
        None if machine.crash_id.is_some() => ExperimentMachineState::Crashed,
        None if machine.in_force_since.is_some() => ExperimentMachineState::InForce,
        None if never_set => ExperimentMachineState::Asked,
        None => ExperimentMachineState::Set,
    }
}

impl Table for Experiment {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "stop_code",
        "driver",
        "version",
        "state",
        "machines_wanted",
        "asked",
        "set",
        "in_force",
        "crashed",
        "opted_out",
        "removed",
        "started_at",
        "until",
        "ended_at",
        "ended_by_crash",
        "named_driver",
        "named_version",
    ];

    fn cells(&self) -> Vec<Cell> {
        let named = self.named.as_ref();
        vec![
            Cell::plain(self.id),
            Cell::plain(self.stop_code),
            Cell::text(&self.driver.name),
            Cell::maybe_text(self.driver.version.as_deref()),
            Cell::plain(self.state.as_str()),
            Cell::plain(self.machines_wanted),
            Cell::plain(self.counts.asked),
            Cell::plain(self.counts.set),
            Cell::plain(self.counts.in_force),
            Cell::plain(self.counts.crashed),
            Cell::plain(self.counts.opted_out),
            Cell::plain(self.counts.removed),
            time(self.started_at),
            time(self.until),
            self.ended_at.map_or(Cell::Empty, time),
            Cell::maybe(self.ended_by_crash),
            Cell::maybe_text(named.map(|driver| driver.name.as_str())),
            Cell::maybe_text(named.and_then(|driver| driver.version.as_deref())),
        ]
    }
}

impl Table for ExperimentMachine {
    const COLUMNS: &'static [&'static str] = &[
        "machine",
        "state",
        "asked_at",
        "set_at",
        "in_force_since",
        "crashed_at",
        "crash",
        "released_at",
        "opted_out",
        "removed_at",
        "checked_in_at",
        "trouble",
    ];

    fn cells(&self) -> Vec<Cell> {
        let maybe = |at: Option<::time::OffsetDateTime>| at.map_or(Cell::Empty, time);
        vec![
            Cell::text(&self.machine),
            Cell::plain(self.state.as_str()),
            time(self.asked_at),
            maybe(self.set_at),
            maybe(self.in_force_since),
            maybe(self.crashed_at),
            Cell::maybe(self.crash),
            maybe(self.released_at),
            Cell::plain(self.opted_out),
            maybe(self.removed_at),
            maybe(self.checked_in_at),
            Cell::maybe_text(self.trouble.as_deref()),
        ]
    }
}
