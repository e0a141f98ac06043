//! Lines of imported history, from JSON to the store's types.

use store::import::{CrashLine, DriverReference, InventorySource, Line, SetContent};
use wire::Hex;
use wire::import::{self, ImportLine};

use super::inventory::{attributes, driver};
use crate::intake::machine_name;

/// One line.
///
/// # Errors
///
/// A sentence about what it lacks or has too much of.
pub(crate) fn line(line: ImportLine) -> Result<Line, String> {
    Ok(match line {
        ImportLine::Driver(line) => Line::Driver {
            id: line.id,
            driver: driver(line.driver)?,
        },
        ImportLine::DriverSet(line) => set(line)?,
        ImportLine::Machine(line) => Line::Machine {
            machine: machine(line.machine)?,
            attributes: attributes(line.attributes),
        },
        ImportLine::Inventory(line) => inventory(line)?,
        ImportLine::Presence(line) => presence(line)?,
        ImportLine::Crash(line) => crash(line)?,
    })
}

fn machine(name: String) -> Result<String, String> {
    match machine_name(&name) {
        Ok(_) => Ok(name),
        Err(error) => Err(error.to_string()),
    }
}

fn references(references: Vec<import::DriverReference>) -> Result<Vec<DriverReference>, String> {
    let reference = |reference| match reference {
        import::DriverReference::Id(id) => Ok(DriverReference::Id(id)),
        import::DriverReference::Whole(whole) => Ok(DriverReference::Whole(Box::new(driver(*whole)?))),
    };
    references.into_iter().map(reference).collect()
}

fn set(line: import::DriverSetLine) -> Result<Line, String> {
    let changes = !line.add.is_empty() || !line.remove.is_empty();
    let content = match (line.drivers, line.base) {
        (Some(drivers), None) if !changes => SetContent::Whole(references(drivers)?),
        (None, Some(base)) => SetContent::Change {
            base,
            add: references(line.add)?,
            remove: line.remove,
        },
        _ => return Err("a driver set has either `drivers`, or `base` with `add` and `remove`".to_owned()),
    };
    Ok(Line::DriverSet { id: line.id, content })
}

fn inventory(line: import::InventoryLine) -> Result<Line, String> {
    let drivers = match (line.driver_set, line.drivers) {
        (Some(set), None) => InventorySource::Set(set),
        (None, Some(drivers)) => InventorySource::Drivers(references(drivers)?),
        _ => return Err("an inventory has either `driver_set` or `drivers`".to_owned()),
    };
    Ok(Line::Inventory {
        machine: machine(line.machine)?,
        at: line.at,
        drivers,
    })
}

fn presence(line: import::PresenceLine) -> Result<Line, String> {
    if line.to < line.from {
        return Err("`to` is before `from`".to_owned());
    }
    Ok(Line::Presence {
        machine: machine(line.machine)?,
        from: line.from,
        to: line.to,
    })
}

fn crash(line: import::CrashLine) -> Result<Line, String> {
    if line.parameters.len() > 4 {
        return Err("a bug check has at most four parameters".to_owned());
    }
    Ok(Line::Crash(CrashLine {
        machine: machine(line.machine)?,
        at: line.at,
        stop_code: line.stop_code.get(),
        parameters: line.parameters.into_iter().map(|Hex(value)| value).collect(),
        process: line.process,
        stack_modules: line.stack_modules,
    }))
}

#[cfg(test)]
mod tests {
    use super::line;
    use store::import::{Line, SetContent};

    fn read(text: &str) -> Result<Line, String> {
        line(serde_json::from_str(text).unwrap())
    }

    #[test]
    fn a_set_is_whole_or_a_change_but_not_both() {
        let whole = read(r#"{"type":"driver_set","id":"s1","drivers":["d1",{"name":"a.sys"}]}"#);
        assert!(
            matches!(whole, Ok(Line::DriverSet { content: SetContent::Whole(drivers), .. }) if drivers.len() == 2)
        );
        let change = read(r#"{"type":"driver_set","id":"s2","base":"s1","add":["d7"],"remove":["d3"]}"#);
        assert!(matches!(
            change,
            Ok(Line::DriverSet {
                content: SetContent::Change { .. },
                ..
            })
        ));
        assert!(read(r#"{"type":"driver_set","id":"s3","base":"s1","drivers":[]}"#).is_err());
        assert!(read(r#"{"type":"driver_set","id":"s3"}"#).is_err());
    }

    #[test]
    fn presence_that_ends_before_it_starts_is_refused() {
        assert!(read(r#"{"type":"presence","machine":"m1","from":"2026-09-06","to":"2026-08-24"}"#).is_err());
    }
}
