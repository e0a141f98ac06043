//! What groups crashes with one cause.
//!
//! ```text
//! SYSTEM_THREAD_EXCEPTION_NOT_HANDLED_c0000005 | amdppm.sys+0x334c               without names
//! SYSTEM_THREAD_EXCEPTION_NOT_HANDLED_c0000005 | amdppm.sys!WriteIoMemRawEx      with names
//! DRIVER_IRQL_NOT_LESS_OR_EQUAL | acme.sys!memmove | acme.sys!acme::Ring<T>::Push
//! PROCESS_HAS_LOCKED_PAGES_P1_0 | process chrome.exe
//! EXCEPTION_ACCESS_VIOLATION_WRITE | test_app.exe!`anonymous namespace'::CrashFunction
//! ```
//!
//! First what happened, then where. Nothing in it changes with the addresses of one boot, with the number of drivers
//! that are loaded, or with what happens to lie on the stack: only places that the registers, unwind information or a
//! parameter name are used, never a frame that was found by scanning or one behind it. Where there is no such place,
//! the signature says less, and says so in a warning.
//!
//! | module | in it |
//! |---|---|
//! | `parts` | what a dump alone says: what happened, and the place if it is no matter of the stack |
//! | `stack` | the place on the stack, by the rules |
//! | `rules` | what is passed over, which an administrator can add to |
//! | `functions` | names without what differs between builds |

mod functions;
mod parts;
mod rules;
mod stack;

pub(crate) use parts::{BugCheck, Place, is_scanned, of_bug_check, of_process};
pub use rules::{BadRules, Patterns, Rules};
pub use stack::of_report;
pub(crate) use stack::{Source, choose};
