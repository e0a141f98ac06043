//! Hardware models as the API shows them.

use store::models;
use wire::StopCodeNumber;
use wire::model::{
    ModelBios, ModelBuild, ModelDetail, ModelStopCode, ModelSummary, ModelVersion, ModelWeek, StopCodeCrashes,
};
use wire::observed::Observed;
use wire::suspects::Window;

use super::observed;
use crate::list::{Cell, Table};

/// One model in the list.
pub(crate) fn summary(model: models::ModelSummary) -> ModelSummary {
    ModelSummary {
        manufacturer: model.model.manufacturer,
        model: model.model.name,
        machines: model.machines,
        seen: observed::of(model.observed),
        stop_codes: model.stop_codes.into_iter().map(stop_code).collect(),
    }
}

/// One model, of which `window` was counted.
pub(crate) fn detail(model: models::ModelDetail, window: store::Window) -> ModelDetail {
    ModelDetail {
        summary: summary(model.summary),
        window: Window {
            from: window.from,
            to: window.to,
        },
        weeks: model.weeks.into_iter().map(week).collect(),
        versions: model.versions.into_iter().map(version).collect(),
        os_builds: model.os_builds.into_iter().map(build).collect(),
        bios_versions: model.bios_versions.into_iter().map(bios).collect(),
    }
}

fn stop_code(code: models::ModelStopCode) -> ModelStopCode {
    ModelStopCode {
        stop_code: StopCodeNumber::from_raw(code.stop_code),
        stop_code_name: code.stop_code_name,
        crash_count: code.crashes,
        crashing_machines: code.crashing_machines,
    }
}

fn week(week: models::ModelWeek) -> ModelWeek {
    let stop_codes = week.stop_codes.into_iter();
    ModelWeek {
        week: week.week,
        seen: observed::of(week.observed),
        stop_codes: stop_codes
            .map(|(code, crash_count)| StopCodeCrashes {
                stop_code: StopCodeNumber::from_raw(code),
                crash_count,
            })
            .collect(),
    }
}

fn version(version: models::ModelVersion) -> ModelVersion {
    ModelVersion {
        driver: version.version.name,
        version: version.version.version,
        company: version.version.company,
        share: version.share,
        seen: observed::of(version.observed),
    }
}

fn build(build: models::ModelBuild) -> ModelBuild {
    ModelBuild {
        os_build: build.os_build,
        seen: observed::of(build.observed),
    }
}

fn bios(bios: models::ModelBios) -> ModelBios {
    ModelBios {
        bios_version: bios.bios_version,
        machines: bios.machines,
        crashing_machines: bios.crashing_machines,
    }
}

impl Table for ModelSummary {
    const COLUMNS: &'static [&'static str] = &[
        "manufacturer",
        "model",
        "machines",
        "machine_days",
        "crash_count",
        "crashing_machines",
        "crashes_per_1000_machine_days",
        "rate_low",
        "rate_high",
        "stop_codes",
    ];

    fn cells(&self) -> Vec<Cell> {
        let codes = self.stop_codes.iter();
        let codes: Vec<String> = codes
            .map(|code| format!("{} {}", code.stop_code, code.crashing_machines))
            .collect();
        let mut cells = vec![
            Cell::text(&self.manufacturer),
            Cell::text(&self.model),
            Cell::plain(self.machines),
        ];
        cells.extend(observed::cells(&self.seen));
        cells.push(Cell::plain(codes.join("; ")));
        cells
    }
}

/// One line of a model's breakdowns, which are one table as CSV.
pub(crate) struct ModelPart {
    kind: &'static str,
    value: String,
    machines: Option<u64>,
    seen: Observed,
    has_days: bool,
}

/// All breakdowns of a model below each other.
pub(crate) fn parts(model: &ModelDetail) -> Vec<ModelPart> {
    let exposed = |kind, value: String, seen: Observed| ModelPart {
        kind,
        value,
        machines: None,
        seen,
        has_days: true,
    };
    let mut parts: Vec<ModelPart> = Vec::new();
    parts.extend(
        model
            .weeks
            .iter()
            .map(|week| exposed("week", week.week.to_string(), week.seen)),
    );
    parts.extend(model.summary.stop_codes.iter().map(|code| ModelPart {
        kind: "stop-code",
        value: code.stop_code.to_string(),
        machines: None,
        seen: Observed {
            crash_count: code.crash_count,
            crashing_machines: code.crashing_machines,
            ..Observed::default()
        },
        has_days: false,
    }));
    parts.extend(model.versions.iter().map(|version| {
        let text = version.version.as_deref().unwrap_or("?");
        exposed(
            "driver-version",
            format!("{} {text}", version.driver),
            version.seen,
        )
    }));
    let builds = model.os_builds.iter();
    parts.extend(builds.map(|build| exposed("os-build", build.os_build.to_string(), build.seen)));
    parts.extend(model.bios_versions.iter().map(|bios| ModelPart {
        kind: "bios-version",
        value: bios.bios_version.clone().unwrap_or_default(),
        machines: Some(bios.machines),
        seen: Observed {
            crashing_machines: bios.crashing_machines,
            ..Observed::default()
        },
        has_days: false,
    }));
    parts
}

impl Table for ModelPart {
    const COLUMNS: &'static [&'static str] = &[
        "kind",
        "value",
        "machines",
        "machine_days",
        "crash_count",
        "crashing_machines",
        "crashes_per_1000_machine_days",
        "rate_low",
        "rate_high",
    ];

    fn cells(&self) -> Vec<Cell> {
        let mut cells = vec![
            Cell::plain(self.kind),
            Cell::text(&self.value),
            Cell::maybe(self.machines),
        ];
        let mut seen = observed::cells(&self.seen);
        if !self.has_days {
            seen[0] = Cell::Empty;
        }
        if self.machines.is_some() {
            seen[1] = Cell::Empty;
        }
        cells.extend(seen);
        cells
    }
}
