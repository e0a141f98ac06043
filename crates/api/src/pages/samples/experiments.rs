//! Samples of experiments.

use uuid::Uuid;
use wire::experiment::{
    Experiment, ExperimentCounts, ExperimentDetail, ExperimentMachine, ExperimentMachineState,
    ExperimentState, NamedDriver, ProofScore,
};

use super::{NOW, code, hostile};
use crate::pages::experiments::{Form, ListFacts};

const ALL: [ExperimentState; 5] = [
    ExperimentState::Running,
    ExperimentState::Confirmed,
    ExperimentState::Refuted,
    ExperimentState::Cancelled,
    ExperimentState::Expired,
];

const ALL_OF_MACHINES: [ExperimentMachineState; 7] = [
    ExperimentMachineState::Asked,
    ExperimentMachineState::Set,
    ExperimentMachineState::InForce,
    ExperimentMachineState::Crashed,
    ExperimentMachineState::Released,
    ExperimentMachineState::OptedOut,
    ExperimentMachineState::Removed,
];

fn driver(name: &str, version: Option<&str>) -> NamedDriver {
    NamedDriver {
        name: name.to_owned(),
        version: version.map(str::to_owned),
    }
}

fn experiment(state: ExperimentState) -> Experiment {
    let is_decided = matches!(state, ExperimentState::Confirmed | ExperimentState::Refuted);
    Experiment {
        id: Uuid::nil(),
        stop_code: code(0x76),
        driver: driver("acmecap.sys", Some("4.2.1.0")),
        state,
        machines_wanted: 5,
        counts: ExperimentCounts {
            asked: 4,
            set: 3,
            in_force: 2,
            crashed: 1,
            opted_out: 1,
            removed: 0,
        },
        started_at: NOW,
        until: NOW,
        ended_at: (state != ExperimentState::Running).then_some(NOW),
        ended_by_crash: is_decided.then(Uuid::nil),
        named: is_decided.then(|| driver("nwtunnel.sys", None)),
    }
}

/// Lists of experiments: usual, empty, hostile.
pub(crate) fn experiment_lists() -> [ListFacts; 3] {
    let text = hostile();
    let usual = ListFacts {
        experiments: ALL.map(experiment).to_vec(),
        proofs: ProofScore {
            proofs: 9,
            judged: 8,
            right: 7,
        },
        limit: Some(20),
        cursor: None,
        next_cursor: Some("b3Blbg==".to_owned()),
        form: Form {
            machines: "5".to_owned(),
            days: "14".to_owned(),
            ..Form::default()
        },
        problem: None,
    };
    let evil = ListFacts {
        experiments: vec![Experiment {
            driver: driver(&text, Some(&text)),
            machines_wanted: u32::MAX,
            counts: ExperimentCounts {
                asked: u64::MAX,
                set: u64::MAX,
                in_force: u64::MAX,
                crashed: u64::MAX,
                opted_out: u64::MAX,
                removed: u64::MAX,
            },
            ..experiment(ExperimentState::Running)
        }],
        proofs: ProofScore {
            proofs: u64::MAX,
            judged: 0,
            right: 0,
        },
        limit: None,
        cursor: Some(text.clone()),
        next_cursor: Some(text.clone()),
        form: Form {
            driver: text.clone(),
            version: text.clone(),
            machines: text.clone(),
            days: text.clone(),
        },
        problem: Some(format!("there is no driver version {text}")),
    };
    [usual, ListFacts::default(), evil]
}

/// Experiments: one of each state, and a hostile one.
pub(crate) fn experiment_details() -> Vec<ExperimentDetail> {
    let machine = |name: &str, state, trouble| ExperimentMachine {
        machine: name.to_owned(),
        state,
        asked_at: NOW,
        set_at: Some(NOW),
        in_force_since: Some(NOW),
        crashed_at: (state == ExperimentMachineState::Crashed).then_some(NOW),
        crash: (state == ExperimentMachineState::Crashed).then(Uuid::nil),
        released_at: None,
        opted_out: false,
        removed_at: None,
        checked_in_at: Some(NOW),
        trouble,
    };
    let usual = |state| ExperimentDetail {
        experiment: experiment(state),
        machines: ALL_OF_MACHINES
            .into_iter()
            .zip(412..)
            .map(|(state, number)| machine(&format!("lt-0{number}"), state, None))
            .collect(),
    };
    let text = hostile();
    let evil = ExperimentDetail {
        experiment: Experiment {
            driver: driver(&text, Some(&text)),
            named: Some(driver(&text, Some(&text))),
            ..experiment(ExperimentState::Refuted)
        },
        machines: vec![machine(
            &text,
            ExperimentMachineState::Crashed,
            Some(text.clone()),
        )],
    };
    ALL.into_iter().map(usual).chain([evil]).collect()
}
