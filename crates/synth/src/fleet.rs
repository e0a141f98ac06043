//! Machines, drivers, rollouts, presence and crashes of a whole invented company.
