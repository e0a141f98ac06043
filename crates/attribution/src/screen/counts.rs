//! What is counted.

/// Exposure and cases of one stop code in one window.
///
/// Indices that point outside `strata` are ignored.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Counts {
    /// Hardware model × week, in which crash rates are compared.
    pub strata: Vec<Stratum>,
    /// Driver versions that some machine had.
    pub candidates: Vec<Candidate>,
    /// Machines that crashed, one entry each.
    pub cases: Vec<Case>,
}

/// One hardware model in one week.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stratum {
    /// Days on which machines were seen, summed over the machines.
    pub machine_days: f64,
}

/// One driver version.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Whatever the caller knows it by.
    pub id: i32,
    /// Index into [`Counts::strata`] and machine-days with the version there, ascending; strata without any left out.
    pub machine_days: Vec<(u32, f64)>,
}

/// A machine that crashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// Index into [`Counts::strata`].
    pub stratum: u32,
    /// The versions it had, by [`Candidate::id`], ascending.
    pub candidates: Vec<i32>,
}
