//! Which of the asked groups of versions each driver set has.

use std::collections::{HashMap, HashSet};

use sqlx::PgConnection;

use super::HISTORIES;
use crate::Error;
use crate::driver_sets::Merges;
use crate::exposure::weights::for_each_set;

/// A bit per asked group.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Bits {
    /// A version of it is in the set.
    pub(super) has: u64,
    /// None is, but another version of its driver is; only for groups that get histories.
    pub(super) other: u64,
}

/// The bits of the sets that were met so far; sets without any are left out.
#[derive(Debug)]
pub(super) struct SetBits {
    places: HashMap<i32, u64>,
    /// Versions of the same drivers, by id: the bits of the groups with a version of their driver.
    families: HashMap<i32, u64>,
    sets: HashMap<i64, Bits>,
    met: HashSet<i64>,
}

/// Bits of the groups that get histories.
pub(super) const WITH_HISTORY: u64 = (1 << HISTORIES) - 1;

impl SetBits {
    pub(super) async fn of(conn: &mut PgConnection, groups: &[Vec<i32>]) -> Result<Self, Error> {
        let mut places: HashMap<i32, u64> = HashMap::new();
        for (group, place) in groups.iter().zip(0_u32..64) {
            for version in group {
                *places.entry(*version).or_default() |= 1 << place;
            }
        }
        let versions: Vec<i32> = places.keys().copied().collect();
        let rows = sqlx::query!(
            r#"
            SELECT sibling.id, asked.id AS asked
            FROM driver_version AS asked
            JOIN driver_version AS sibling ON sibling.driver_id = asked.driver_id
            WHERE asked.id = ANY($1) AND sibling.version IS NOT NULL
            "#,
            &versions,
        )
        .fetch_all(conn)
        .await?;
        let mut families: HashMap<i32, u64> = HashMap::new();
        for row in rows {
            *families.entry(row.id).or_default() |= places.get(&row.asked).copied().unwrap_or(0);
        }
        Ok(SetBits {
            places,
            families,
            sets: HashMap::new(),
            met: HashSet::new(),
        })
    }

    /// Reads the sets that were not met before.
    pub(super) async fn learn(
        &mut self,
        conn: &mut PgConnection,
        merges: &Merges,
        sets: impl Iterator<Item = i64>,
    ) -> Result<(), Error> {
        let new: Vec<i64> = sets.filter(|set| self.met.insert(*set)).collect();
        let SetBits {
            places,
            families,
            sets,
            ..
        } = self;
        for_each_set(conn, &new, merges, |set, members| {
            let sum = |bits: &HashMap<i32, u64>| {
                let known = members.iter().filter_map(|version| bits.get(version));
                known.fold(0, |sum, bits| sum | bits)
            };
            let has = sum(places);
            let other = sum(families) & !has & WITH_HISTORY;
            if has | other != 0 {
                sets.insert(set, Bits { has, other });
            }
        })
        .await
    }

    pub(super) fn of_set(&self, set: i64) -> Bits {
        self.sets.get(&set).copied().unwrap_or_default()
    }
}
