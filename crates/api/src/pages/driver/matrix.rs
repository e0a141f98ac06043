//! Versions against hardware models: is it the version, or the model that has it?
//!
//! A row of high rates accuses the version, a column the model. Cells say how often machines crashed; the colour says
//! how that compares with all machines that have the driver. A cell with so few machine-days that no crash was to be
//! expected anyway is pale.

use wire::driver::DriverVersionModel;

use super::{Facts, called, most_telling};
use crate::pages::show;

/// Versions shown by themselves.
const VERSIONS: usize = 12;

/// Models shown by themselves.
const MODELS: usize = 8;

/// The matrix.
pub(super) struct Matrix {
    pub(super) models: Vec<ModelHead>,
    pub(super) rows: Vec<Row>,
}

/// The head of a column.
pub(super) struct ModelHead {
    pub(super) name: String,
    pub(super) href: Option<String>,
}

/// One version.
pub(super) struct Row {
    pub(super) version: String,
    pub(super) cells: Vec<Option<Cell>>,
}

/// A version on a model.
pub(super) struct Cell {
    pub(super) class: &'static str,
    pub(super) rate: String,
    pub(super) crashing: String,
    pub(super) machine_days: String,
    /// All of it in words.
    pub(super) told: String,
}

/// Machine-days and crashing machines. Those of several models add up: a machine is of one model at a time.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    machine_days: u64,
    crashing_machines: u64,
}

impl Sum {
    fn add(&mut self, of: &DriverVersionModel) {
        self.machine_days = self.machine_days.saturating_add(of.seen.machine_days);
        self.crashing_machines = self.crashing_machines.saturating_add(of.seen.crashing_machines);
    }

    fn rate(self) -> f64 {
        if self.machine_days == 0 {
            return 0.0;
        }
        show::float(self.crashing_machines) * 1000.0 / show::float(self.machine_days)
    }
}

type ModelKey = (Option<String>, Option<String>);

/// The matrix; `None` when no machine had the driver in the window.
pub(super) fn of(facts: &Facts) -> Option<Matrix> {
    let exposed = facts.models.iter().filter(|one| one.seen.machine_days > 0);
    let mut models: Vec<ModelKey> = Vec::new();
    for one in exposed {
        let is_last = |(maker, name): &ModelKey| *maker == one.manufacturer && *name == one.model;
        // They come model by model.
        if models.last().is_some_and(is_last) {
            continue;
        }
        let key = (one.manufacturer.clone(), one.model.clone());
        if !models.contains(&key) {
            models.push(key);
        }
    }
    if models.is_empty() {
        return None;
    }
    let other_models = models.split_off(models.len().min(MODELS));
    let mut versions = most_telling(&facts.driver.versions, VERSIONS);
    // The newest first, as in the table above.
    versions.reverse();
    let mut all = Sum::default();
    for one in &facts.models {
        all.add(one);
    }

    let columns = models.len() + usize::from(!other_models.is_empty());
    let mut sums = vec![vec![Sum::default(); columns]; versions.len() + 1];
    for one in &facts.models {
        let version = versions.iter().position(|version| *version == one.version);
        let model = models
            .iter()
            .position(|(maker, name)| *maker == one.manufacturer && *name == one.model);
        let row = sums.get_mut(version.unwrap_or(versions.len()));
        if let Some(sum) = row.and_then(|row| row.get_mut(model.unwrap_or(columns - 1))) {
            sum.add(one);
        }
    }
    let names = versions.iter().map(|version| called(version.as_deref()));
    let names = names.chain(["all other versions".to_owned()]);
    let rows = names.zip(sums).map(|(version, sums)| Row {
        version,
        cells: sums.into_iter().map(|sum| cell(sum, all)).collect(),
    });
    let has_days = |row: &Row| row.cells.iter().any(Option::is_some);
    let mut heads: Vec<ModelHead> = models.iter().map(head).collect();
    if !other_models.is_empty() {
        heads.push(ModelHead {
            name: format!("{} other models", show::count(other_models.len() as u64)),
            href: None,
        });
    }
    Some(Matrix {
        models: heads,
        rows: rows.filter(has_days).collect(),
    })
}

fn head((manufacturer, model): &ModelKey) -> ModelHead {
    let Some(model) = model else {
        return ModelHead {
            name: "model unknown".to_owned(),
            href: None,
        };
    };
    let manufacturer = manufacturer.as_deref().unwrap_or_default();
    ModelHead {
        name: crate::pages::models::name(manufacturer, model),
        href: Some(crate::pages::models::href(manufacturer, model)),
    }
}

/// `None` where no machine had the version.
fn cell(sum: Sum, all: Sum) -> Option<Cell> {
    if sum.machine_days == 0 && sum.crashing_machines == 0 {
        return None;
    }
    Some(Cell {
        class: class(sum, all),
        rate: show::ratio(sum.rate()),
        crashing: show::count(sum.crashing_machines),
        machine_days: show::count(sum.machine_days),
        told: format!(
            "{} crashed in {}; all machines with the driver: {} per 1,000",
            show::counted(sum.crashing_machines, "machine"),
            show::counted(sum.machine_days, "machine-day"),
            show::ratio(all.rate())
        ),
    })
}

/// How a cell's rate compares with that of all machines that have the driver.
fn class(sum: Sum, all: Sum) -> &'static str {
    let expected = all.rate() * show::float(sum.machine_days) / 1000.0;
    let seen = show::float(sum.crashing_machines);
    match sum.crashing_machines {
        0 if expected < 3.0 => "heat thin",
        0 => "heat heat-0",
        // One crash where a fraction of one was expected is no news.
        1 if expected < 1.0 => "heat thin",
        _ if seen < expected => "heat heat-1",
        _ if seen < expected * 2.0 => "heat heat-2",
        _ if seen < expected * 5.0 => "heat heat-3",
        _ => "heat heat-4",
    }
}

#[cfg(test)]
mod tests {
    use super::{Sum, class};

    fn sum(machine_days: u64, crashing_machines: u64) -> Sum {
        Sum {
            machine_days,
            crashing_machines,
        }
    }

    #[test]
    fn the_colour_compares_with_all_machines_that_have_the_driver() {
        let all = sum(100_000, 100);
        assert_eq!(class(sum(10_000, 0), all), "heat heat-0");
        assert_eq!(class(sum(10_000, 9), all), "heat heat-1");
        assert_eq!(class(sum(10_000, 15), all), "heat heat-2");
        assert_eq!(class(sum(10_000, 30), all), "heat heat-3");
        assert_eq!(class(sum(10_000, 70), all), "heat heat-4");
    }

    #[test]
    fn what_little_exposure_tells_is_pale() {
        let all = sum(100_000, 100);
        assert_eq!(class(sum(500, 0), all), "heat thin");
        assert_eq!(class(sum(500, 1), all), "heat thin");
        assert_eq!(class(sum(500, 4), all), "heat heat-4");
    }
}
