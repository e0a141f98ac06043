//! Crashes: what a dump, an event log or imported history told of one.
//!
//! A crash is stored once. Analysing its dump again replaces it under the same id; a crash that an event or an import
//! told of first is replaced when its dump comes, and the other way round the event adds nothing.

use time::OffsetDateTime;

use crate::drivers::DumpImage;
use crate::{CrashId, DumpId, Error, MachineId, symbols};

mod find;
mod insert;
mod known;
mod list;
mod partitions;
mod record;
mod resolve;

pub use find::find;
pub use list::{Cursor, Filter, list};
pub use partitions::ensure_partitions;
pub use record::{Recorded, plausible_time, record};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident $column:literal { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// The word in the table and in JSON.
            pub fn as_str(self) -> &'static str {
                match self {
                    $($name::$variant => $word,)+
                }
            }

            pub(crate) fn read(word: &str) -> Result<$name, Error> {
                match word {
                    $($word => Ok($name::$variant),)+
                    _ => Err(Error::Row { table: "crash", column: $column }),
                }
            }
        }
    };
}

words! {
    /// How the server learnt of a crash.
    Source "source" {
        /// A dump was uploaded.
        Dump = "dump",
        /// The machine's event log told of a bug check.
        Event = "event",
        /// A line of imported history.
        Import = "import",
    }
}

words! {
    /// Kernel or user.
    Kind "kind" {
        /// A bug check.
        Kernel = "kernel",
        /// A process ended with an exception.
        User = "user",
    }
}

words! {
    /// How sure a dump alone is of its driver.
    Confidence "confidence" {
        /// A hint.
        Low = "low",
        /// Worth acting on when several crashes agree.
        Medium = "medium",
        /// The faulting instruction is the driver's own, or Windows named it.
        High = "high",
    }
}

/// Whether a crash counts in rates and trends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// The machine stopped by a fault.
    Yes,
    /// A live dump, or a stop that somebody caused on purpose: shown, never counted.
    No,
}

/// A bug check, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BugCheck {
    /// The code with bit 28 cleared.
    pub code: u32,
    /// The code as the dump holds it.
    pub raw_code: u32,
    /// Up to four parameters.
    pub parameters: Vec<u64>,
}

/// Something in a dump that points at a driver.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvidence {
    /// Base name of the driver.
    pub driver: String,
    /// What kind of pointer: `parameter`, `stack`, `stack-scan`, `named-by-windows`, `unloaded`.
    pub kind: &'static str,
    /// From 0 (nothing) to 1 (proof).
    pub strength: f64,
}

/// The dump that a crash was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnalysedDump {
    /// The dump.
    pub id: DumpId,
    /// Which attempt to analyse it succeeded, counted from 1.
    pub attempts: i32,
    /// When that attempt's job was claimed, by the database's clock.
    pub claimed_at: OffsetDateTime,
}

/// A crash to be recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct NewCrash {
    /// The machine; [`MachineId::UNKNOWN`] if nobody said.
    pub machine: MachineId,
    /// The dump it was read from.
    pub dump: Option<AnalysedDump>,
    /// How the server learnt of it.
    pub source: Source,
    /// Kernel or user.
    pub kind: Kind,
    /// Whether it counts.
    pub counted: Counted,
    /// When it happened, by the machine's clock; see [`plausible_time`].
    pub crashed_at: Option<OffsetDateTime>,
    /// When the server learnt of it.
    pub received_at: OffsetDateTime,
    /// The bug check, for kernel crashes.
    pub bug_check: Option<BugCheck>,
    /// From boot to crash.
    pub uptime_seconds: Option<u64>,
    /// Image name of the current process.
    pub process: Option<String>,
    /// Windows build.
    pub os_build: Option<u32>,
    /// What groups crashes with one cause.
    pub signature: String,
    /// Version of the rules that made the signature; see [`crate::signatures`].
    pub signature_rules: i32,
    /// Symbol files that would make its stack better.
    pub missing_symbols: Vec<symbols::Key>,
    /// Drivers loaded at the crash; empty when it came without a dump, and for user crashes.
    pub images: Vec<DumpImage>,
    /// Base name of the driver that the dump points at, and how surely.
    pub probable_driver: Option<(String, Confidence)>,
    /// What points at which driver.
    pub evidence: Vec<NewEvidence>,
    /// The whole report as JSON text; stored and shown, never read here.
    pub report: String,
}

/// A crash as lists show it.
#[derive(Debug, Clone, PartialEq)]
pub struct CrashSummary {
    /// Its id.
    pub id: CrashId,
    /// The dump it was read from.
    pub dump: Option<DumpId>,
    /// The machine, as its client names it; `None` if nobody said.
    pub machine: Option<String>,
    /// How the server learnt of it.
    pub source: Source,
    /// Kernel or user.
    pub kind: Kind,
    /// Whether it counts.
    pub counted: Counted,
    /// When it happened.
    pub crashed_at: OffsetDateTime,
    /// When the server learnt of it.
    pub received_at: OffsetDateTime,
    /// The bug check, for kernel crashes.
    pub bug_check: Option<BugCheck>,
    /// From boot to crash.
    pub uptime_seconds: Option<u64>,
    /// Image name of the current process.
    pub process: Option<String>,
    /// Windows build.
    pub os_build: Option<u32>,
    /// Manufacturer and model of the machine when it was recorded.
    pub hardware: Option<(String, String)>,
    /// What groups crashes with one cause.
    pub signature: String,
    /// Lower-case base name of the driver that the dump points at.
    pub probable_driver: Option<String>,
    /// Its version, when an inventory knows it.
    pub probable_driver_version: Option<String>,
    /// How surely the dump points at it.
    pub confidence: Option<Confidence>,
}

/// A crash with its report.
#[derive(Debug, Clone, PartialEq)]
pub struct Crash {
    /// What lists show.
    pub summary: CrashSummary,
    /// The report as it was recorded: without ids, and without versions from inventories.
    pub report: serde_json::Value,
}
