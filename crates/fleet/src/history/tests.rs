//! The lines of an import, read back as a server reads them.

use std::collections::{BTreeSet, HashMap};

use synth::fleet::{Day, Fleet, FleetConfig};
use wire::import::{DriverReference, ImportLine};

use super::{chunks, driver_id, lines, set_id};

fn fleet() -> Fleet {
    Fleet::invent(&FleetConfig::demo(60, 9, 13, Day(20_778)))
}

/// Sets by id, put together from their lines in order.
fn sets(lines: &[ImportLine]) -> HashMap<String, BTreeSet<String>> {
    let mut sets: HashMap<String, BTreeSet<String>> = HashMap::new();
    for line in lines {
        let ImportLine::DriverSet(set) = line else {
            continue;
        };
        let ids = |references: &[DriverReference]| -> BTreeSet<String> {
            references
                .iter()
                .map(|reference| match reference {
                    DriverReference::Id(id) => id.clone(),
                    DriverReference::Whole(driver) => panic!("{} is sent whole", driver.name),
                })
                .collect()
        };
        let mut members = match (&set.drivers, &set.base) {
            (Some(drivers), None) => ids(drivers),
            (None, Some(base)) => sets[base].clone(),
            _ => panic!("a set has either drivers or a base"),
        };
        members.extend(ids(&set.add));
        for id in &set.remove {
            assert!(members.remove(id), "{id} was not in the base");
        }
        sets.insert(set.id.clone(), members);
    }
    sets
}

#[test]
fn sets_built_from_their_differences_are_the_fleets_sets() {
    let fleet = fleet();
    let sets = sets(&lines(&fleet, 0..60));
    for change in fleet.machines.iter().flat_map(|machine| &machine.inventories) {
        let expected: BTreeSet<String> = fleet.set(change.set).iter().map(|id| driver_id(*id)).collect();
        assert_eq!(sets[&set_id(change.set)], expected);
    }
}

#[test]
fn a_line_only_uses_ids_of_lines_before_it() {
    let fleet = fleet();
    let mut known = BTreeSet::new();
    for line in lines(&fleet, 10..40) {
        match line {
            ImportLine::Driver(driver) => assert!(known.insert(driver.id)),
            ImportLine::DriverSet(set) => {
                let references = set.drivers.iter().flatten().chain(&set.add);
                for reference in references {
                    let DriverReference::Id(id) = reference else {
                        panic!("whole")
                    };
                    assert!(known.contains(id));
                }
                assert!(known.insert(set.id));
            }
            ImportLine::Inventory(inventory) => assert!(known.contains(&inventory.driver_set.unwrap())),
            ImportLine::Machine(_) | ImportLine::Presence(_) | ImportLine::Crash(_) => {}
        }
    }
}

#[test]
fn the_body_is_one_json_object_a_line() {
    let fleet = fleet();
    let body = chunks(&fleet, 0..60).concat();
    let text = String::from_utf8(body).unwrap();
    let read: Vec<ImportLine> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(read, lines(&fleet, 0..60));
    assert!(text.ends_with('\n'));
}
