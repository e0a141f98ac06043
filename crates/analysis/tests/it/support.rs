//! What several test files need: the oracles, and dumps derived from real ones in memory.

use wire::report::Report;

pub(crate) use crate::corpus::corpus;

/// A text of the corpus.
pub(crate) fn oracle(path: &str) -> Option<String> {
    let bytes = corpus(&format!("expected/{path}"))?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// A 64-bit kernel dump with another stop code: only the code and the parameters are overwritten.
pub(crate) fn rewritten(dump: &[u8], code: u32, parameters: [u64; 4]) -> Vec<u8> {
    let mut dump = dump.to_vec();
    dump[0x38..0x3c].copy_from_slice(&code.to_le_bytes());
    for (index, parameter) in parameters.into_iter().enumerate() {
        let at = 0x40 + 8 * index;
        dump[at..at + 8].copy_from_slice(&parameter.to_le_bytes());
    }
    dump
}

/// The report of a dump that must have one.
pub(crate) fn analyse(dump: &[u8]) -> Report {
    analysis::analyze(dump).expect("a report")
}

/// The addresses of the frames.
pub(crate) fn addresses(report: &Report) -> Vec<u64> {
    report.frames.iter().map(|frame| frame.address.0).collect()
}
