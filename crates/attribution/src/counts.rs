//! What a verdict is computed from: sufficient statistics, so small that their size does not depend on the fleet's.
//!
//! ```text
//! stratum     hardware model × week        machine-days T
//! candidate   driver version or OS build   machine-days in each stratum; its share is P = days / T
//! case        a machine's first crash      stratum, what the machine had, whom its dump names
//! peers       one site in one stratum      as a stratum with its shares, for the sites in which a machine crashed
//! ```
//!
//! Nothing here is trusted: an index that points nowhere, a machine-day that is negative or no number, a share above
//! one are passed over or cut to what is possible.

/// Exposure and cases of one stop code in one window.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Counts {
    /// Hardware model × week, in any order.
    pub strata: Vec<Stratum>,
    /// Driver versions and OS builds that some machine had.
    pub candidates: Vec<Candidate>,
    /// One entry for each machine that crashed: its first crash with exposure in the window.
    pub cases: Vec<Case>,
    /// The site cells that some case is in; empty if sites are not known.
    pub peers: Vec<Peers>,
}

/// One hardware model in one week.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stratum {
    /// Any number that tells models apart; -1 for machines of unknown model.
    pub model: i32,
    /// Weeks that follow each other have numbers that do.
    pub week: i32,
    /// Days on which machines were seen, summed over the machines.
    pub machine_days: f64,
}

/// Something that machines have and that may make them crash.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// What it is.
    pub feature: Feature,
    /// Where it comes from; a part of the prior.
    pub origin: Origin,
    /// Whether the fleet first saw it within the last 30 days of the window; a part of the prior.
    pub changed_recently: bool,
    /// Index into [`Counts::strata`] and machine-days with it there, ascending; strata without any left out.
    pub machine_days: Vec<(u32, f64)>,
    /// How often dumps of other stop codes name it.
    pub named_elsewhere: Naming,
}

/// What a candidate is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Feature {
    /// A version of a driver.
    Driver {
        /// The version, by whatever id the caller knows it.
        version: i32,
        /// The driver that it is a version of.
        driver: i32,
        /// Its rank among the driver's versions; the oldest has 0.
        order: u32,
    },
    /// A build of Windows.
    OsBuild(i32),
}

/// Where a candidate comes from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// A vendor other than Microsoft.
    ThirdParty,
    /// Windows itself.
    InBox,
    /// Not known.
    #[default]
    Unknown,
}

/// How often dumps of all other stop codes name a candidate among their suspects.
///
/// ntoskrnl and the usual bystanders are named everywhere, and this is how it is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Naming {
    /// Dumps that name it.
    pub named: u32,
    /// Dumps of machines that had it.
    pub dumps: u32,
}

/// A machine that crashed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Case {
    /// Index into [`Counts::strata`].
    pub stratum: u32,
    /// Index into [`Counts::peers`]: its own site's machines in that stratum, itself among them.
    pub peers: Option<u32>,
    /// Indices into [`Counts::candidates`] of what it had, loaded or unloaded, ascending.
    pub candidates: Vec<u32>,
    /// Those of them that its dump points at (on the stack, in a parameter; more than merely loaded). `None` if no dump
    /// was read.
    pub named: Option<Vec<u32>>,
}

/// The machines of one site in one stratum.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Peers {
    /// Index into [`Counts::strata`].
    pub stratum: u32,
    /// Days on which they were seen.
    pub machine_days: f64,
    /// Index into [`Counts::candidates`] and machine-days with it, ascending.
    pub candidates: Vec<(u32, f64)>,
}
