//! Which parameters of a bug check are addresses to look up.
//!
//! The table of stop codes names one for most codes. For some it depends on the sub-code, and for faults into memory
//! that is gone the referenced address itself counts: it lies where the driver was. A request that was not finished
//! leads to the driver that holds it.

use kdump::Dump;

use super::irp;
use crate::stop_codes;

/// A parameter that is an address in whatever is to blame, if it lies in an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AddressParameter {
    /// Which one, from 1.
    pub(super) number: u8,
    /// Its value.
    pub(super) address: u64,
    /// How it leads to an image.
    pub(super) leads: Leads,
}

/// How an address parameter leads to an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leads {
    /// It is an address in the image.
    Inside,
    /// It is a data address, which says nothing about a loaded image; but it may be where an unloaded one was.
    IntoUnloaded,
    /// The parameter is a request, and the address is where the driver begins that holds it.
    ThroughRequest,
}

/// The parameters of `code` that are addresses, the most telling first.
pub(super) fn of(code: u32, parameters: [u64; 4]) -> Vec<AddressParameter> {
    let mut numbers: Vec<(u8, Leads)> = by_sub_code(code, parameters)
        .iter()
        .map(|number| (*number, Leads::Inside))
        .collect();
    let of_table = stop_codes::find(code).and_then(|info| info.address_parameter);
    numbers.extend(of_table.map(|number| (number, Leads::Inside)));
    // "Memory referenced": when somebody calls into a driver that is gone, this is the call's target.
    if matches!(code, 0x0a | 0x50 | 0xce | 0xcf | 0xd1 | 0xd4 | 0xfc) {
        numbers.push((1, Leads::IntoUnloaded));
    }
    let addresses = numbers.into_iter().filter_map(|(number, leads)| {
        let address = *parameters.get(usize::from(number).checked_sub(1)?)?;
        Some(AddressParameter {
            number,
            address,
            leads,
        })
    });
    addresses.filter(|parameter| parameter.address != 0).collect()
}

/// The parameter that is a request some driver holds, followed to that driver.
pub(super) fn through_request(dump: &Dump<'_>, code: u32, parameters: [u64; 4]) -> Option<AddressParameter> {
    let (0x9f, [3, _, _, request]) = (code, parameters) else {
        return None;
    };
    Some(AddressParameter {
        number: 4,
        address: irp::driver_start(dump, request)?,
        leads: Leads::ThroughRequest,
    })
}

fn by_sub_code(code: u32, [first, ..]: [u64; 4]) -> &'static [u8] {
    match (code, first) {
        (0xc4, 0xe3 | 0xe4 | 0xe6 | 0xfa..=0xfc | 0x110 | 0x111 | 0x2000..=0x2002) => &[2],
        (0xc4, 0xf6) => &[4],
        (0xc4, 0xda | 0xdd) => &[2, 3],
        (0x10d, 4) | (0xe4, 2) => &[3],
        _ => &[],
    }
}

/// The parameter that names the faulting instruction, for codes that have one.
///
/// It is what a trap frame on the stack is recognised by, so routines and pointers into images do not count.
pub(super) fn instruction(code: u32, parameters: [u64; 4]) -> Option<u64> {
    let number: usize = match code {
        0x1e | 0x3b | 0x7e | 0x8e => 2,
        0x50 | 0xcc..=0xcf | 0xd5 | 0xd6 => 3,
        0x0a | 0xc5 | 0xd0 | 0xd1 | 0xd3 | 0xd4 | 0xdb | 0x149 => 4,
        0x151 => 1,
        _ => return None,
    };
    let value = *parameters.get(number.checked_sub(1)?)?;
    (value != 0).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sub_code_of_the_verifier_decides_which_parameter_is_an_address() {
        let numbers = |parameters| {
            of(0xc4, parameters)
                .iter()
                .map(|parameter| parameter.number)
                .collect::<Vec<_>>()
        };
        assert_eq!(numbers([0xf6, 1, 2, 3]), [4]);
        assert_eq!(numbers([0xe3, 1, 2, 3]), [2]);
        assert!(numbers([0x62, 1, 2, 3]).is_empty());
    }

    #[test]
    fn the_referenced_memory_of_a_fault_counts_for_unloaded_drivers_only() {
        let parameters = of(0xd1, [0x28, 2, 0, 0xffff_f804_8b58_334c]);
        assert_eq!(
            parameters[0],
            AddressParameter {
                number: 4,
                address: 0xffff_f804_8b58_334c,
                leads: Leads::Inside
            }
        );
        assert_eq!(parameters[1].leads, Leads::IntoUnloaded);
    }
}
