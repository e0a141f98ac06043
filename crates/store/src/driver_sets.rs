//! Combinations of driver versions, stored once by their hash.
//!
//! A million machines with 200 drivers each are never stored as rows: a machine, an inventory, a crash and a day of
//! presence point at a set. A set is packed into bytes, four big-endian bytes an id, ascending; its hash is the
//! SHA-256 of these bytes. Set 0 is empty and means that the drivers are not known.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};
use sqlx::PgConnection;

use crate::Error;

/// The id of the empty set, which means: not known.
pub const UNKNOWN: i64 = 0;

/// The hash of a driver set, in hex what agents send in place of an unchanged inventory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DriverSetHash(pub [u8; 32]);

impl fmt::Display for DriverSetHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex::encode(self.0))
    }
}

/// The text is not a hash: 64 hex digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected 64 hex digits")]
pub struct NotAHash;

impl FromStr for DriverSetHash {
    type Err = NotAHash;

    fn from_str(text: &str) -> Result<Self, NotAHash> {
        let mut hash = [0; 32];
        hex::decode_to_slice(text, &mut hash).map_err(|_| NotAHash)?;
        Ok(DriverSetHash(hash))
    }
}

/// A stored set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DriverSet {
    /// Its id.
    pub id: i64,
    /// Its hash.
    pub hash: DriverSetHash,
}

/// Stores a set, unless it is there already. The ids may come in any order and more than once.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.driver_sets.intern", skip_all)]
pub async fn intern(conn: &mut PgConnection, driver_version_ids: &[i32]) -> Result<DriverSet, Error> {
    let packed = Packed::of(driver_version_ids);
    let known = intern_many(conn, std::slice::from_ref(&packed)).await?;
    known
        .first()
        .copied()
        .ok_or(Error::Database(sqlx::Error::RowNotFound))
}

/// The set with this hash, or `None`.
///
/// # Errors
///
/// [`Error::Database`].
pub async fn find_by_hash(conn: &mut PgConnection, hash: DriverSetHash) -> Result<Option<DriverSet>, Error> {
    let id = sqlx::query_scalar!("SELECT id FROM driver_set WHERE hash = $1", &hash.0[..])
        .fetch_optional(conn)
        .await?;
    Ok(id.map(|id| DriverSet { id, hash }))
}

/// The driver versions of a set, merged placeholders resolved, ascending; `None` if there is no such set.
///
/// # Errors
///
/// [`Error::Database`].
pub async fn members(conn: &mut PgConnection, id: i64) -> Result<Option<Vec<i32>>, Error> {
    let found = members_of(conn, &[id]).await?.remove(&id);
    Ok(found)
}

/// The driver versions of several sets, as [`members`] gives them.
pub(crate) async fn members_of(
    conn: &mut PgConnection,
    ids: &[i64],
) -> Result<HashMap<i64, Vec<i32>>, Error> {
    let rows = sqlx::query!(
        "SELECT id, driver_version_ids FROM driver_set WHERE id = ANY($1)",
        ids
    )
    .fetch_all(&mut *conn)
    .await?;
    let merges = Merges::load(conn).await?;
    let resolved = rows.into_iter().map(|row| {
        let mut members = Vec::new();
        merges.resolve(&row.driver_version_ids, &mut members);
        (row.id, members)
    });
    Ok(resolved.collect())
}

/// The hash of a stored set.
pub(crate) async fn hash_of(conn: &mut PgConnection, id: i64) -> Result<Option<DriverSetHash>, Error> {
    let hash = sqlx::query_scalar!("SELECT hash FROM driver_set WHERE id = $1", id)
        .fetch_optional(conn)
        .await?;
    Ok(hash.and_then(|hash| hash.try_into().ok()).map(DriverSetHash))
}

/// A set as it is stored, with its hash.
#[derive(Debug, Clone)]
pub(crate) struct Packed {
    bytes: Vec<u8>,
    hash: DriverSetHash,
}

impl Packed {
    /// Packs ids in any order, each once.
    pub(crate) fn of(driver_version_ids: &[i32]) -> Self {
        let mut ids = driver_version_ids.to_vec();
        ids.sort_unstable();
        ids.dedup();
        let bytes: Vec<u8> = ids.iter().flat_map(|id| id.to_be_bytes()).collect();
        let hash = DriverSetHash(Sha256::digest(&bytes).into());
        Packed { bytes, hash }
    }
}

/// Stores sets that are not there yet; answers all of them in order.
pub(crate) async fn intern_many(conn: &mut PgConnection, sets: &[Packed]) -> Result<Vec<DriverSet>, Error> {
    let mut known = HashMap::new();
    find_ids(conn, sets, &mut known).await?;
    let missing: BTreeMap<DriverSetHash, &[u8]> = sets
        .iter()
        .filter(|set| !known.contains_key(&set.hash))
        .map(|set| (set.hash, set.bytes.as_slice()))
        .collect();
    if !missing.is_empty() {
        insert(conn, &missing).await?;
        find_ids(conn, sets, &mut known).await?;
    }
    let found = sets.iter().map(|set| {
        let id = known.get(&set.hash).copied();
        id.map(|id| DriverSet { id, hash: set.hash })
    });
    found
        .collect::<Option<Vec<_>>>()
        .ok_or(Error::Database(sqlx::Error::RowNotFound))
}

async fn find_ids(
    conn: &mut PgConnection,
    sets: &[Packed],
    known: &mut HashMap<DriverSetHash, i64>,
) -> Result<(), Error> {
    let unknown = sets.iter().filter(|set| !known.contains_key(&set.hash));
    let hashes: Vec<&[u8]> = unknown.map(|set| &set.hash.0[..]).collect();
    let rows = sqlx::query!(
        "SELECT id, hash FROM driver_set WHERE hash = ANY($1)",
        &hashes as &[&[u8]],
    )
    .fetch_all(conn)
    .await?;
    for row in rows {
        if let Ok(hash) = row.hash.try_into() {
            known.insert(DriverSetHash(hash), row.id);
        }
    }
    Ok(())
}

/// Inserts in the order of the hashes, so that two writers never wait for each other in a circle.
async fn insert(conn: &mut PgConnection, sets: &BTreeMap<DriverSetHash, &[u8]>) -> Result<(), Error> {
    let hashes: Vec<&[u8]> = sets.keys().map(|hash| &hash.0[..]).collect();
    let packed: Vec<&[u8]> = sets.values().copied().collect();
    sqlx::query!(
        r#"
        INSERT INTO driver_set (hash, driver_version_ids)
        SELECT * FROM unnest($1::bytea[], $2::bytea[])
        ON CONFLICT (hash) DO NOTHING
        "#,
        &hashes as &[&[u8]],
        &packed as &[&[u8]],
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The ids packed in a stored set.
pub(crate) fn unpack(packed: &[u8]) -> impl Iterator<Item = i32> {
    let (ids, _) = packed.as_chunks::<4>();
    ids.iter().map(|id| i32::from_be_bytes(*id))
}

/// Which placeholders were merged into which versions.
#[derive(Debug, Default)]
pub(crate) struct Merges(HashMap<i32, i32>);

impl Merges {
    /// All of them: few, because only images that crashed before their inventory came ever were placeholders.
    pub(crate) async fn load(conn: &mut PgConnection) -> Result<Self, Error> {
        let rows = sqlx::query!(
            r#"SELECT id, merged_into AS "merged_into!" FROM driver_version WHERE merged_into IS NOT NULL"#
        )
        .fetch_all(conn)
        .await?;
        Ok(Merges(
            rows.into_iter().map(|row| (row.id, row.merged_into)).collect(),
        ))
    }

    /// What `id` stands for now.
    pub(crate) fn canonical(&self, id: i32) -> i32 {
        self.0.get(&id).copied().unwrap_or(id)
    }

    /// Unpacks a stored set into `members`, ascending and each version once.
    pub(crate) fn resolve(&self, packed: &[u8], members: &mut Vec<i32>) {
        members.clear();
        if self.0.is_empty() {
            members.extend(unpack(packed));
            return;
        }
        members.extend(unpack(packed).map(|id| self.canonical(id)));
        if !members.is_sorted_by(|one, next| one < next) {
            members.sort_unstable();
            members.dedup();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::{Merges, Packed};

    #[test]
    fn a_set_is_the_same_in_any_order() {
        let one = Packed::of(&[7, 300, 7]);
        assert_eq!(one.bytes, [0, 0, 0, 7, 0, 0, 1, 44]);
        assert_eq!(one.hash, Packed::of(&[300, 7]).hash);
    }

    #[test]
    fn a_merged_placeholder_counts_once_beside_its_version() {
        let merges = Merges(HashMap::from([(9, 3)]));
        let mut members = Vec::new();
        merges.resolve(&Packed::of(&[9, 3, 5]).bytes, &mut members);
        assert_eq!(members, [3, 5]);
    }
}
