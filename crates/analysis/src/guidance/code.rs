//! Advice for single stop codes, and for single values of their parameters.

use super::locked_pages;

/// What is worth saying about a code beyond its class.
const STEPS: &[(&[u32], &str)] = &[
    (
        &[0x0a, 0xd1],
        "A driver touched memory that may not be touched at its interrupt level: a programming error of that \
             driver, sometimes one that only a newer version has.",
    ),
    (
        &[0x1a],
        "The first parameter decides: 0x41790, 0x41792, 0x403 and 0x31 often come from faulty memory modules; \
             0x1233, 0x1236, 0x1240 and 0x61946 from a driver that misuses locked memory.",
    ),
    (
        &[0x4e],
        "The first parameter decides: 0x7 and 0x9A are a driver that unlocks or frees locked pages wrongly, as in \
             0x76; 0x99, 0x6 and 0x8D lean to faulty memory.",
    ),
    (
        &[0x1e, 0x3b, 0x7e, 0x8e],
        "The first parameter is the exception: c0000005 is an access to a wrong address, c0000006 a failed read \
             from disk, 80000003 a breakpoint that a driver's vendor left in.",
    ),
    (
        &[0x50],
        "A driver used an address that is not valid any more. Security software and anything that was unloaded \
             shortly before are the usual causes; faulty memory comes next.",
    ),
    (
        &[0x7a, 0x77],
        "Windows could not read a page back from disk. The status decides: c000009c and c000016a are bad blocks, \
             c0000185 is cabling or the controller, c000000e a drive that went away.",
    ),
    (
        &[0x7b],
        "Windows could not reach its start drive: a changed storage mode (AHCI, RAID, VMD) in the firmware or a \
             missing storage driver after imaging are the usual causes.",
    ),
    (
        &[0x7f],
        "Trap 8 is a double fault, mostly a kernel stack that was used up: too many file-system or network filters \
             on top of each other, as of two security products.",
    ),
    (
        &[0x9f],
        "First parameter 3: a device held a power request too long; the driver of that device or of the one below \
             it is at fault. Network and storage adapters are the most frequent.",
    ),
    (
        &[0xc2, 0x19],
        "A driver misused or overran pool memory. The driver that noticed is often not the one that did it; Driver \
             Verifier with special pool finds it.",
    ),
    (
        &[0xc4, 0xc9, 0xe6],
        "The first parameter says which rule the driver broke.",
    ),
    (
        &[0xef, 0xf4],
        "A process that Windows cannot live without ended. Failing drives and damaged system files are the usual \
             reasons; after an update, the update.",
    ),
    (
        &[0x101, 0x1ca, 0x1cf, 0x1db],
        "A processor stopped answering: firmware, overclocking or undervolting, a defective processor, or a \
             hypervisor that did not let the machine run.",
    ),
    (
        &[0x109],
        "If it is one machine, test its memory first; if it is many, look for software that patches the kernel.",
    ),
    (
        &[0x116, 0x117, 0x141, 0x119],
        "The graphics adapter did not answer in time and could not be reset.",
    ),
    (
        &[0x124],
        "The first parameter is the source: 0 a machine check of the processor or memory, 4 a PCI Express device, \
             0x10 a driver that reported its own device.",
    ),
    (
        &[0x133],
        "A driver kept a processor busy in an interrupt or a deferred call. Storage drivers, SSD firmware, Wi-Fi \
             and graphics drivers are the most frequent.",
    ),
    (
        &[0x139],
        "A check built into the code found damaged data. The first parameter is the kind: 3 a damaged list, 2 an \
             overrun stack buffer. The module that noticed may be the victim.",
    ),
    (
        &[0x154, 0x1c7],
        "The compressed-memory store met damaged data: test the memory and look at the drive and its firmware.",
    ),
    (
        &[0x1d5],
        "The first parameter is text: the first letters of the service whose driver did not finish.",
    ),
    (
        &[0xc000_021a],
        "Winlogon or the session manager ended: often a damaged update or a security product that blocked a system \
             file.",
    ),
];

/// Steps for a stop code that deserves words of its own; empty for the others.
pub(super) fn steps(code: u32) -> Vec<String> {
    match code {
        0x76 => locked_pages::steps(),
        0xcb => locked_pages::proof_steps(),
        _ => STEPS
            .iter()
            .filter(|(codes, _)| codes.contains(&code))
            .map(|(_, step)| (*step).to_owned())
            .collect(),
    }
}

/// Whether the steps of a code say everything, so that those of its class would only repeat them.
pub(super) fn stands_alone(code: u32) -> bool {
    matches!(code, 0x76 | 0xcb)
}

/// Steps that the parameters of this one crash call for.
pub(super) fn parameter_steps(code: u32, parameters: [u64; 4], process: Option<&str>) -> Vec<String> {
    match (code, parameters) {
        (0x76, [kind, _, pages, _]) => locked_pages::parameter_steps(kind, pages, process),
        (0xcb, [_, _, _, pages]) => locked_pages::proof_parameter_steps(pages),
        (0x1a, [0x1233 | 0x1236 | 0x1240 | 0x6_1946, ..]) | (0x4e, [7 | 0x9a, ..]) => vec![
            "This sub-code is of the same family as 0x76: a driver handles locked memory wrongly. Look at the suspects \
             of 0x76 too."
                .to_owned(),
        ],
        (0x7f, [8, ..]) => vec![
            "This is a double fault: look for several filter drivers (security, encryption, backup) on one machine."
                .to_owned(),
        ],
        _ => Vec::new(),
    }
}
