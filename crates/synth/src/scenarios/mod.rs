//! Ready-made crashes: the stop codes that matter, each on a boot of its own.
//!
//! A [`Scene`] is a machine at a moment: its drivers, its process, its clock, and the seed of its boot. Every function here
//! turns a scene into the [`DumpDescription`] of one kind of crash. Two scenes that differ only
//! in their seed crash in the same way at other addresses, as two boots of one machine do.
//!
//! | Function | Stop code |
//! |---|---|
//! | [`locked_pages_at_exit`] | 0x76, P1 = 0: the stack is the kernel's exit path |
//! | [`unlocked_twice`] | 0x76, P1 = 1: the driver is on the stack |
//! | [`left_locked_pages_2000`], [`left_locked_pages_classic`], [`left_locked_pages_tracker`] | 0xCB in its three forms |
//! | [`irql_in_driver`] | 0xD1 |
//! | [`thread_exception`], [`thread_exception_full_code`] | 0x1000007E, 0x7E |
//! | [`service_exception`], [`unhandled_exception`] | 0x3B, 0x1E |
//! | [`fault_in_unloaded`], [`unloaded_with_pending_work`] | 0x50, 0xCE |
//! | [`hardware_error`], [`power_failure`], [`manual`] | 0x124, 0x9F, 0xE2 |
//! | [`live_video_timeout`], [`live_watchdog`] | 0x141, 0x193 |
//! | [`complete_memory`], [`kernel_memory`], [`debugger_written`], [`encrypted`], [`memory_imager`] | other kinds of file |

mod boot;
mod driver_faults;
mod locked_pages;
mod other_files;
mod scene;
mod stack;
#[cfg(test)]
mod tests;
mod without_driver;

pub use driver_faults::{
    fault_in_unloaded, irql_in_driver, service_exception, thread_exception, thread_exception_full_code,
    unhandled_exception, unloaded_with_pending_work,
};
pub use locked_pages::{
    left_locked_pages_2000, left_locked_pages_classic, left_locked_pages_tracker, locked_pages_at_exit,
    unlocked_twice,
};
pub use other_files::{complete_memory, debugger_written, encrypted, kernel_memory, memory_imager};
pub use scene::{Image, Scene};
pub use without_driver::{hardware_error, live_video_timeout, live_watchdog, manual, power_failure};

use crate::dump::DumpDescription;

/// A scenario by its name.
pub type Named = (&'static str, fn(&Scene) -> DumpDescription);

/// Every scenario, for tests that go through all of them.
pub const ALL: [Named; 22] = [
    ("locked_pages_at_exit", locked_pages_at_exit),
    ("unlocked_twice", unlocked_twice),
    ("left_locked_pages_2000", left_locked_pages_2000),
    ("left_locked_pages_classic", left_locked_pages_classic),
    ("left_locked_pages_tracker", left_locked_pages_tracker),
    ("irql_in_driver", irql_in_driver),
    ("thread_exception", thread_exception),
    ("thread_exception_full_code", thread_exception_full_code),
    ("service_exception", service_exception),
    ("unhandled_exception", unhandled_exception),
    ("fault_in_unloaded", fault_in_unloaded),
    ("unloaded_with_pending_work", unloaded_with_pending_work),
    ("hardware_error", hardware_error),
    ("power_failure", power_failure),
    ("manual", manual),
    ("live_video_timeout", live_video_timeout),
    ("live_watchdog", live_watchdog),
    ("complete_memory", complete_memory),
    ("kernel_memory", kernel_memory),
    ("debugger_written", debugger_written),
    ("encrypted", encrypted),
    ("memory_imager", memory_imager),
];
