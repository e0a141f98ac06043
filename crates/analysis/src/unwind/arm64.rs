//! Unwinding on Arm64.

use super::bytes::u32_at;
use super::pe::Pe;

/// How many bytes of code an entry of the function list stands for.
pub(super) fn length(image: &Pe, unwind: u32) -> Option<u32> {
    let words = match unwind & 3 {
        0 => u32_at(image.at(unwind)?, 0)? & 0x3_ffff,
        1 | 2 => (unwind >> 2) & 0x7ff,
        _ => return None,
    };
    words.checked_mul(4)
}
