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
    by_members: HashMap<Arc<[VersionId]>, SetId>,
}

impl DriverSets {
    /// The id of the set with these members, which are sorted first.
    pub(super) fn intern(&mut self, mut members: Vec<VersionId>) -> SetId {
        members.sort_unstable();
        if let Some(id) = self.by_members.get(members.as_slice()) {
            return *id;
        }
        let id = SetId(low_half(self.members.len() as u64));
        let members: Arc<[VersionId]> = members.into();
        self.members.push(Arc::clone(&members));
        self.by_members.insert(members, id);
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
