//! Everything that is known of each candidate group before suspects are compared with each other.
//!
//! Columns are looked at one by one on all processors; those that no count and no dump can tell apart are then merged.

use std::num::NonZero;
use std::thread;

use crate::column::{self, Column, Unit};
use crate::information;
use crate::likelihood::{self, Cases, Curve};
use crate::numerics::as_number;
use crate::prior::Priors;
use crate::rate_ratio::{Cell, RateRatio, mantel_haenszel};
use crate::tally::{Tally, index};
use crate::verdict::Scope;

/// Cells of strata and cases below which one thread is quicker than several.
const WORK_FOR_THREADS: usize = 2_000_000;

/// A column that cannot be told apart from others, with its members.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) scope: Scope,
    /// Candidates that may be the culprit, ascending.
    pub(crate) members: Vec<u32>,
    /// Prior weight of each member.
    pub(crate) weights: Vec<f64>,
    /// The candidates that make the column; for a step, all its versions, otherwise any one member.
    pub(crate) source: Vec<u32>,
    /// Cases that had it, ascending.
    pub(crate) cases: Vec<u32>,
    /// Those of them whose dump names it.
    pub(crate) named: Vec<u32>,
    pub(crate) expected: f64,
    pub(crate) machine_days: f64,
    pub(crate) rate_ratio: Option<RateRatio>,
    fingerprint: u64,
}

impl Group {
    pub(crate) fn ic025(&self) -> f64 {
        information::lower_bound(as_number(self.cases.len()), self.expected)
    }

    /// The sum of its members' prior weights.
    pub(crate) fn weight(&self) -> f64 {
        self.weights.iter().sum()
    }

    /// A group of one member that has prior weight 1 and no cases.
    #[cfg(test)]
    pub(crate) fn of_one(member: u32) -> Self {
        Group {
            scope: Scope::Version,
            members: vec![member],
            weights: vec![1.0],
            source: vec![member],
            cases: Vec::new(),
            named: Vec::new(),
            expected: 0.0,
            machine_days: 1.0,
            rate_ratio: None,
            fingerprint: u64::from(member),
        }
    }
}

/// All groups that some machine had, in an order that does not depend on that of the candidates.
pub(crate) fn groups(tally: &Tally<'_>) -> Vec<Group> {
    let units = column::units(tally);
    let work = units.len() * (tally.days.len() + tally.cells.len());
    let examined = in_parallel(&units, work, |unit| examine_unit(tally, unit));
    let mut groups = merge(examined.into_iter().flatten().collect());
    let priors = Priors::of(tally, &units);
    for group in &mut groups {
        group.weights = priors.of_group(tally, group.scope, &group.members);
    }
    groups
}

/// The curves of groups.
pub(crate) fn curves(tally: &Tally<'_>, cases: &Cases, groups: &[&Group]) -> Vec<Curve> {
    let work = groups.len() * (tally.days.len() + tally.cells.len());
    in_parallel(groups, work, |group| {
        let mut column = Column::empty(tally);
        group
            .source
            .iter()
            .for_each(|candidate| column.add(tally, *candidate));
        likelihood::curve(tally, cases, &column)
    })
}

/// `each` of all items in their order, on all processors if there is much to do.
pub(crate) fn in_parallel<T: Sync, R: Send>(
    items: &[T],
    work: usize,
    each: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let threads = thread::available_parallelism()
        .map_or(1, NonZero::get)
        .min(items.len());
    if work < WORK_FOR_THREADS || threads < 2 {
        return items.iter().map(each).collect();
    }
    // Every thread takes each so many-th item, so that all have about the same to do.
    let each = &each;
    let mut parts: Vec<_> = thread::scope(|scope| {
        let spawn = |first| {
            scope.spawn(move || {
                items
                    .iter()
                    .skip(first)
                    .step_by(threads)
                    .map(each)
                    .collect::<Vec<R>>()
            })
        };
        let handles: Vec<_> = (0..threads).map(spawn).collect();
        let join = |handle: thread::ScopedJoinHandle<'_, Vec<R>>| {
            handle
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
                .into_iter()
        };
        handles.into_iter().map(join).collect()
    });
    (0..items.len())
        .filter_map(|item| parts[item % threads].next())
        .collect()
}

fn examine_unit(tally: &Tally<'_>, unit: &Unit) -> Vec<Group> {
    let mut groups = Vec::new();
    column::for_each_column(tally, unit, |column| {
        let machine_days = column.machine_days();
        let step_of_no_case = matches!(column.scope, Scope::AtLeast { .. }) && column.cases.is_empty();
        if machine_days > 0.0 && !step_of_no_case || !column.cases.is_empty() {
            groups.push(examine(tally, column, machine_days));
        }
    });
    groups
}

fn examine(tally: &Tally<'_>, column: &Column, machine_days: f64) -> Group {
    let names = |case: &&u32| {
        let named = tally.cases[index(**case)].named;
        named.is_some_and(|named| column.members.iter().any(|member| named.contains(member)))
    };
    Group {
        scope: column.scope,
        members: column.members.clone(),
        weights: Vec::new(),
        source: column.members.clone(),
        cases: column.cases.clone(),
        named: column.cases.iter().filter(names).copied().collect(),
        expected: machine_days / tally.machine_days * as_number(tally.cases.len()),
        machine_days,
        rate_ratio: mantel_haenszel(&strata(tally, column)),
        fingerprint: column.fingerprint(),
    }
}

/// Cases and machine-days with and without the candidate, in the strata that have cases.
fn strata(tally: &Tally<'_>, column: &Column) -> Vec<Cell> {
    let mut cells = vec![Cell::default(); tally.days.len()];
    for case in &tally.cases {
        cells[case.stratum].unexposed_cases += 1.0;
    }
    for case in &column.cases {
        let cell = &mut cells[tally.cases[index(*case)].stratum];
        cell.unexposed_cases -= 1.0;
        cell.exposed_cases += 1.0;
    }
    for (cell, (days, exposed)) in cells.iter_mut().zip(tally.days.iter().zip(&column.days)) {
        cell.exposed_days = *exposed;
        cell.unexposed_days = days - exposed;
    }
    cells.retain(|cell| cell.exposed_cases + cell.unexposed_cases > 0.0);
    cells
}

/// Merges what cannot be told apart. Versions and builds are what a group is named after if it has any.
fn merge(mut examined: Vec<Group>) -> Vec<Group> {
    let is_step = |scope: Scope| matches!(scope, Scope::AtLeast { .. });
    examined.sort_by(|one, other| {
        let apart = (one.fingerprint, &one.named).cmp(&(other.fingerprint, &other.named));
        let first = (is_step(one.scope), one.scope).cmp(&(is_step(other.scope), other.scope));
        apart.then(first).then_with(|| one.members.cmp(&other.members))
    });
    let mut groups: Vec<Group> = Vec::new();
    for group in examined {
        match groups.last_mut() {
            Some(last) if last.fingerprint == group.fingerprint && last.named == group.named => {
                if is_step(last.scope) || !is_step(group.scope) {
                    last.members.extend(group.members);
                }
            }
            _ => groups.push(group),
        }
    }
    for group in &mut groups {
        group.members.sort_unstable();
        group.members.dedup();
    }
    groups
}
