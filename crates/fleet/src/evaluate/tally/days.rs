//! Machine-days by stratum and column, and those of the sites in which a machine crashed.

use std::collections::{BTreeMap, HashMap};

use attribution::counts::{Peers, Stratum};
use synth::fleet::{Crash, Fleet, Machine, SetId};

use super::{Columns, installed_on};

/// A hardware model in a week.
type Place = (usize, usize);

/// The denominators.
pub(super) struct Days {
    pub(super) strata: Vec<Stratum>,
    pub(super) peers: Vec<Peers>,
    places: BTreeMap<Place, usize>,
    cells: HashMap<(&'static str, Place), usize>,
    /// A row per stratum, an entry per column.
    with: Vec<Vec<u32>>,
    first_seen: Vec<Option<usize>>,
}

impl Days {
    /// Counts every machine's days up to and with its case.
    pub(super) fn count(fleet: &Fleet, columns: &Columns, cases: &BTreeMap<usize, &Crash>) -> Self {
        let mut days = Days {
            strata: Vec::new(),
            peers: Vec::new(),
            places: BTreeMap::new(),
            cells: HashMap::new(),
            with: Vec::new(),
            first_seen: vec![None; columns.len()],
        };
        let mut cells: Vec<Vec<u32>> = Vec::new();
        for crash in cases.values() {
            let next = days.cells.len();
            let cell = days.cells.entry(cell_of(fleet, crash)).or_insert(next);
            if *cell == cells.len() {
                cells.push(vec![0; columns.len()]);
            }
        }
        days.peers = vec![Peers::default(); cells.len()];
        for (number, machine) in fleet.machines.iter().enumerate() {
            let last_day = cases.get(&number).map(|crash| crash.day);
            for ((week, set), spell) in spells(machine, last_day) {
                let columns = columns.of_set(fleet, fleet.set(set), set);
                let place = (machine.model_number, week);
                days.add(place, &columns, &spell);
                if let Some(cell) = days.cells.get(&(machine.site, place)) {
                    days.peers[*cell].machine_days += f64::from(spell.days);
                    add(&mut cells[*cell], &columns, spell.days);
                }
            }
        }
        for ((_, place), cell) in &days.cells {
            days.peers[*cell].stratum = super::number(days.places[place]).unwrap_or(u32::MAX);
        }
        for (peers, counted) in days.peers.iter_mut().zip(&cells) {
            peers.candidates = filled(counted.iter().copied()).collect();
        }
        days.shift_weeks(fleet);
        days
    }

    fn add(&mut self, place: Place, columns: &[usize], spell: &Spell) {
        let next = self.strata.len();
        let stratum = *self.places.entry(place).or_insert(next);
        if stratum == next {
            self.strata.push(Stratum {
                model: super::signed(place.0),
                week: super::signed(place.1),
                machine_days: 0.0,
            });
            self.with.push(vec![0; self.first_seen.len()]);
        }
        self.strata[stratum].machine_days += f64::from(spell.days);
        add(&mut self.with[stratum], columns, spell.days);
        for column in columns {
            let known = self.first_seen[*column].unwrap_or(usize::MAX);
            self.first_seen[*column] = Some(known.min(spell.first));
        }
    }

    /// Numbers weeks as the calendar does, so that they say which week they are.
    fn shift_weeks(&mut self, fleet: &Fleet) {
        let first = fleet.config.first_day();
        let first_week = (first.0 - first.weekday()).div_euclid(7);
        for stratum in &mut self.strata {
            stratum.week += i32::try_from(first_week).unwrap_or(0);
        }
    }

    pub(super) fn stratum_of(&self, fleet: &Fleet, crash: &Crash) -> Option<usize> {
        self.places.get(&cell_of(fleet, crash).1).copied()
    }

    pub(super) fn peers_of(&self, fleet: &Fleet, crash: &Crash) -> Option<usize> {
        self.cells.get(&cell_of(fleet, crash)).copied()
    }

    /// The day on which a column was first seen.
    pub(super) fn first_seen(&self, column: usize) -> Option<usize> {
        self.first_seen[column]
    }

    /// Stratum and machine-days of a column.
    pub(super) fn of_column(&self, column: usize) -> Vec<(u32, f64)> {
        filled(self.with.iter().map(|row| row[column])).collect()
    }
}

fn cell_of(fleet: &Fleet, crash: &Crash) -> (&'static str, Place) {
    let machine = &fleet.machines[crash.machine];
    (machine.site, (machine.model_number, crash.day / 7))
}

/// Days of one machine with one set in one week.
struct Spell {
    first: usize,
    days: u32,
}

/// A machine's days that count, by week and set.
fn spells(machine: &Machine, last_day: Option<usize>) -> Vec<((usize, SetId), Spell)> {
    let mut spells: Vec<((usize, SetId), Spell)> = Vec::new();
    let end = last_day.map_or(machine.on.len(), |day| day + 1);
    for day in 0..end {
        let Some(set) = installed_on(machine, day) else {
            continue;
        };
        let at = (day / 7, set);
        match spells.last_mut() {
            Some((last, spell)) if *last == at => spell.days += 1,
            _ => spells.push((at, Spell { first: day, days: 1 })),
        }
    }
    spells
}

fn add(row: &mut [u32], columns: &[usize], days: u32) {
    for column in columns {
        row[*column] += days;
    }
}

/// Numbers and values of the entries that are not 0.
fn filled(row: impl Iterator<Item = u32>) -> impl Iterator<Item = (u32, f64)> {
    (0..)
        .zip(row)
        .filter(|(_, days)| *days > 0)
        .map(|(index, days)| (index, f64::from(days)))
}
