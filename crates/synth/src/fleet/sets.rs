//! Driver sets, each kept once.

use std::collections::HashMap;
use std::sync::Arc;

use super::VersionId;
use crate::in_box::low_half;

/// Number of a driver set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SetId(pub u32);

/// All driver sets of a fleet.
#[derive(Debug, Clone, Default)]
pub struct DriverSets {
    members: Vec<Arc<[VersionId]>>,
    /// The sets with each hash; nearly always one.
    by_hash: HashMap<u64, Vec<SetId>>,
}

impl DriverSets {
    /// The id of the set with these members, which are sorted first.
    pub(super) fn intern(&mut self, mut members: Vec<VersionId>) -> SetId {
        members.sort_unstable();
        let id = SetId(low_half(self.members.len() as u64));
        let same_hash = self.by_hash.entry(hash(&members)).or_default();
        let known = same_hash
            .iter()
            .find(|id| *self.members[id.0 as usize] == *members);
        if let Some(known) = known {
            return *known;
        }
        same_hash.push(id);
        self.members.push(members.into());
        id
    }

    /// The members, sorted.
    pub fn members(&self, id: SetId) -> &[VersionId] {
        &self.members[id.0 as usize]
    }

    /// Whether `version` is in the set.
    pub fn contains(&self, id: SetId, version: VersionId) -> bool {
        self.members(id).binary_search(&version).is_ok()
    }

    /// How many sets there are.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }
}

/// A hash that is quick on many small numbers: tens of thousands of sets of a hundred and fifty are hashed for a fleet.
fn hash(members: &[VersionId]) -> u64 {
    members.iter().fold(0, |hash: u64, id| {
        (hash.rotate_left(5) ^ u64::from(id.0)).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    })
}
