//! The table of stop codes: name, class, what the parameters mean, and which parameter is an address to look up.
//!
//! The facts are in `data/bugchecks.tsv`, one code a line:
//!
//! ```text
//! code        name                          p1                p2    p3                    p4                    address_param  class
//! 0x000000D1  DRIVER_IRQL_NOT_LESS_OR_EQUAL memory referenced IRQL  0 read; 1 write; ...  address of the ...    4              driver
//! ```
//!
//! `address_param` is the parameter that holds an address in the module to blame, when the value is inside one.
//! A cell that only says that there is nothing to say (`reserved`, `none`, `not documented`) becomes `None`.

use std::sync::LazyLock;

use wire::StopCodeNumber;
use wire::report::StopCodeClass;

/// What the name of a stop code is when the table does not have it.
pub const UNKNOWN_NAME: &str = "UNKNOWN_BUGCHECK";

/// What is known about one stop code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StopCodeInfo {
    /// The code as dumps hold it; the small-dump forms (`0x1000007E`) have rows of their own.
    pub code: u32,
    /// Microsoft's name for it.
    pub name: &'static str,
    /// What kind of fault it is.
    pub class: StopCodeClass,
    /// What each parameter means; `None` where nothing is documented.
    pub parameters: [Option<&'static str>; 4],
    /// 1 to 4: the parameter that is an address in the module to blame, when it lies in one.
    pub address_parameter: Option<u8>,
}

static TABLE: LazyLock<Vec<StopCodeInfo>> = LazyLock::new(|| {
    let mut rows: Vec<_> = data_lines().filter_map(parse_row).collect();
    rows.sort_by_key(|row| row.code);
    rows
});

/// All stop codes of the table, by ascending code.
pub fn all() -> &'static [StopCodeInfo] {
    &TABLE
}

/// What is known about a code as a dump holds it; `None` if the table does not have it.
///
/// The small-dump form of a code finds the code itself: `0x1000007E` finds `0x7E`.
///
/// ```
/// use analysis::stop_codes::find;
///
/// assert_eq!(find(0x1000_007e).unwrap().name, "SYSTEM_THREAD_EXCEPTION_NOT_HANDLED");
/// assert_eq!(find(0xd1).unwrap().address_parameter, Some(4));
/// assert!(find(0x0bad_c0de).is_none());
/// ```
pub fn find(raw_code: u32) -> Option<&'static StopCodeInfo> {
    let grouped = StopCodeNumber::from_raw(raw_code).get();
    exactly(grouped).or_else(|| exactly(raw_code))
}

fn exactly(code: u32) -> Option<&'static StopCodeInfo> {
    let row = TABLE.binary_search_by_key(&code, |row| row.code).ok()?;
    TABLE.get(row)
}

fn data_lines() -> impl Iterator<Item = &'static str> {
    include_str!("../data/bugchecks.tsv")
        .lines()
        .skip(1)
        .filter(|line| !line.is_empty())
}

fn parse_row(line: &'static str) -> Option<StopCodeInfo> {
    let mut cells = line.split('\t');
    let code = u32::from_str_radix(cells.next()?.strip_prefix("0x")?, 16).ok()?;
    let name = cells.next().filter(|name| !name.is_empty())?;
    let mut parameters = [None; 4];
    for parameter in &mut parameters {
        *parameter = meaning(cells.next()?);
    }
    let address_parameter = match cells.next()? {
        "" => None,
        number => Some(number.parse().ok().filter(|number| (1..=4).contains(number))?),
    };
    let class = class(cells.next()?)?;
    cells.next().is_none().then_some(StopCodeInfo {
        code,
        name,
        class,
        parameters,
        address_parameter,
    })
}

fn meaning(cell: &'static str) -> Option<&'static str> {
    (!matches!(cell, "" | "0" | "none" | "reserved" | "not documented")).then_some(cell)
}

fn class(word: &str) -> Option<StopCodeClass> {
    Some(match word {
        "driver" => StopCodeClass::Driver,
        "verifier" => StopCodeClass::Verifier,
        "memory" => StopCodeClass::Memory,
        "graphics" => StopCodeClass::Graphics,
        "power" => StopCodeClass::Power,
        "watchdog" => StopCodeClass::Watchdog,
        "storage" => StopCodeClass::Storage,
        "hardware" => StopCodeClass::Hardware,
        "os" => StopCodeClass::Os,
        "security" => StopCodeClass::Security,
        "live" => StopCodeClass::Live,
        "manual" => StopCodeClass::Manual,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_a_row() {
        for line in data_lines() {
            assert!(parse_row(line).is_some(), "not a row: {line}");
        }
        assert_eq!(all().len(), 186);
    }

    #[test]
    fn codes_are_unique_and_names_are_not_empty() {
        for pair in all().windows(2) {
            assert!(pair[0].code < pair[1].code, "{:#x} twice", pair[0].code);
        }
        assert!(all().iter().all(|row| row.name.len() > 3));
    }

    #[test]
    fn the_small_dump_form_of_a_code_has_the_name_and_meanings_of_the_code() {
        for code in [0x7e_u32, 0x7f, 0x8e, 0xea] {
            let row = find(0x1000_0000 | code).unwrap();
            assert_eq!(row.code, code);
            assert!(!row.name.ends_with("_M"));
        }
    }

    #[test]
    fn whole_word_codes_are_found_as_they_are() {
        assert_eq!(find(0xdead_dead).unwrap().class, StopCodeClass::Manual);
        assert_eq!(find(0xc000_021a).unwrap().name, "WINLOGON_FATAL_ERROR");
    }

    #[test]
    fn a_reserved_parameter_has_no_meaning() {
        let locked_pages = find(0x76).unwrap();
        assert!(locked_pages.parameters.iter().all(Option::is_some));
        assert_eq!(find(0x1c8).unwrap().parameters[2], None);
    }
}
