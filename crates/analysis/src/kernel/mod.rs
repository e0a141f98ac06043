//! Kernel dumps.
use crate::Error;
use wire::report::Report;
pub(crate) fn analyze(_bytes: &[u8]) -> Result<Report, Error> {
    todo!()
}
