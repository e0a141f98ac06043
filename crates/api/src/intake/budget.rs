//! The bytes of uploads that may be in memory at once.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::BodyError;

/// Bytes a permit stands for. A lease is rounded up to it, so small uploads cost at least this much.
const UNIT_BYTES: u64 = 16 << 10;

/// A budget of bytes that all requests share.
#[derive(Debug, Clone)]
pub(crate) struct ByteBudget {
    permits: Arc<Semaphore>,
}

impl ByteBudget {
    /// A budget of `bytes`, rounded down to whole units.
    pub(crate) fn new(bytes: u64) -> Self {
        let units = usize::try_from(bytes / UNIT_BYTES).unwrap_or(usize::MAX);
        ByteBudget {
            permits: Arc::new(Semaphore::new(units.min(Semaphore::MAX_PERMITS))),
        }
    }

    /// A lease of nothing yet.
    pub(crate) fn lease(&self) -> Lease {
        Lease {
            budget: self.clone(),
            permit: None,
            units: 0,
            bytes: 0,
        }
    }

    /// Bytes that are free.
    pub(crate) fn free_bytes(&self) -> u64 {
        self.permits.available_permits() as u64 * UNIT_BYTES
    }
}

/// Bytes that one request has taken from the budget; given back when dropped.
#[derive(Debug)]
pub(crate) struct Lease {
    budget: ByteBudget,
    permit: Option<OwnedSemaphorePermit>,
    units: u64,
    bytes: u64,
}

impl Lease {
    /// Takes `bytes` more.
    ///
    /// # Errors
    ///
    /// [`BodyError::Busy`] if they are not free now.
    pub(crate) fn add(&mut self, bytes: u64) -> Result<(), BodyError> {
        let bytes = self.bytes.saturating_add(bytes);
        self.reserve(bytes)?;
        self.bytes = bytes;
        Ok(())
    }

    /// Sees to it that `bytes` in total are taken, without using them yet.
    ///
    /// # Errors
    ///
    /// [`BodyError::Busy`] if they are not free now.
    pub(crate) fn reserve(&mut self, bytes: u64) -> Result<(), BodyError> {
        let missing = bytes.div_ceil(UNIT_BYTES).saturating_sub(self.units);
        if missing == 0 {
            return Ok(());
        }
        let count = u32::try_from(missing).map_err(|_| BodyError::Busy)?;
        let more = Arc::clone(&self.budget.permits)
            .try_acquire_many_owned(count)
            .map_err(|_| BodyError::Busy)?;
        match &mut self.permit {
            Some(permit) => permit.merge(more),
            None => self.permit = Some(more),
        }
        self.units += missing;
        Ok(())
    }

    /// Another lease of the same budget, of nothing yet.
    pub(crate) fn sibling(&self) -> Lease {
        self.budget.lease()
    }

    /// Takes over what `other` has taken.
    pub(crate) fn absorb(&mut self, mut other: Lease) {
        match (&mut self.permit, other.permit.take()) {
            (Some(own), Some(more)) => own.merge(more),
            (own @ None, more) => *own = more,
            (Some(_), None) => {}
        }
        self.units += other.units;
        self.bytes += other.bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::{ByteBudget, UNIT_BYTES};
    use crate::intake::BodyError;

    #[test]
    fn a_full_budget_refuses_and_a_dropped_lease_gives_back() {
        let budget = ByteBudget::new(4 * UNIT_BYTES);
        let mut first = budget.lease();
        first.add(3 * UNIT_BYTES + 1).unwrap();
        assert_eq!(budget.lease().add(1), Err(BodyError::Busy));
        drop(first);
        assert_eq!(budget.free_bytes(), 4 * UNIT_BYTES);
        budget.lease().add(4 * UNIT_BYTES).unwrap();
    }

    #[test]
    fn a_reservation_is_used_before_more_is_taken() {
        let budget = ByteBudget::new(4 * UNIT_BYTES);
        let mut lease = budget.lease();
        lease.reserve(2 * UNIT_BYTES).unwrap();
        lease.add(2 * UNIT_BYTES).unwrap();
        assert_eq!(budget.free_bytes(), 2 * UNIT_BYTES);
    }
}
