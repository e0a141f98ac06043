//! What driver versions are called, and which comes before which.

use std::cmp::Ordering;

use sqlx::PgConnection;
use time::Date;

use crate::{Error, text};

/// A driver version with its driver's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionDescription {
    /// Its id.
    pub driver_version_id: i32,
    /// Its driver.
    pub driver_id: i32,
    /// Base name, lower case.
    pub name: String,
    /// File version; `None` for a placeholder.
    pub version: Option<String>,
    /// Company.
    pub company: Option<String>,
    /// Device class.
    pub class: Option<String>,
    /// The images known to be this version.
    pub code_ids: Vec<String>,
    /// The first day it was told of.
    pub first_seen_on: Date,
}

/// What these versions are, by id; ids that do not exist are left out.
///
/// # Errors
///
/// [`Error::Database`].
pub async fn describe(conn: &mut PgConnection, ids: &[i32]) -> Result<Vec<VersionDescription>, Error> {
    let described = sqlx::query_as!(
        VersionDescription,
        r#"
        SELECT driver_version.id AS driver_version_id, driver.id AS driver_id, driver.name, driver_version.version,
            driver.company, driver.class, driver_version.first_seen_on,
            ARRAY(
                SELECT driver_image.code_id
                FROM driver_image
                WHERE driver_image.driver_version_id = driver_version.id
                ORDER BY driver_image.code_id
            ) AS "code_ids!"
        FROM driver_version
        JOIN driver ON driver.id = driver_version.driver_id
        WHERE driver_version.id = ANY($1)
        ORDER BY driver_version.id
        "#,
        ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(described)
}

/// All versions of the drivers that `ids` are versions of, themselves included; merged placeholders are left out.
///
/// # Errors
///
/// [`Error::Database`].
pub async fn siblings(conn: &mut PgConnection, ids: &[i32]) -> Result<Vec<VersionDescription>, Error> {
    let siblings = sqlx::query_scalar!(
        r#"
        SELECT sibling.id
        FROM driver_version AS sibling
        WHERE sibling.merged_into IS NULL
          AND sibling.driver_id IN (SELECT driver_id FROM driver_version WHERE id = ANY($1))
        "#,
        ids,
    )
    .fetch_all(&mut *conn)
    .await?;
    describe(conn, &siblings).await
}

/// The id of a driver's version, or `None` if no inventory ever told of it. `name` is in lower case.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.drivers.find_version", skip_all)]
pub async fn find_version(conn: &mut PgConnection, name: &str, version: &str) -> Result<Option<i32>, Error> {
    let id = sqlx::query_scalar!(
        r#"
        SELECT driver_version.id
        FROM driver
        JOIN driver_version ON driver_version.driver_id = driver.id
        WHERE driver.name = $1 AND driver_version.version = $2
        "#,
        text::without_nul(name),
        text::without_nul(version),
    )
    .fetch_optional(conn)
    .await?;
    Ok(id)
}

/// The ids of a driver's versions, or of one of them, merged placeholders left out. `name` is in lower case.
///
/// # Errors
///
/// [`Error::Database`].
pub(crate) async fn versions_named(
    conn: &mut PgConnection,
    name: &str,
    version: Option<&str>,
) -> Result<Vec<i32>, Error> {
    let ids = sqlx::query_scalar!(
        r#"
        SELECT driver_version.id
        FROM driver
        JOIN driver_version ON driver_version.driver_id = driver.id
        WHERE driver.name = $1
          AND ($2::text IS NULL OR driver_version.version = $2)
          AND driver_version.merged_into IS NULL
        "#,
        text::without_nul(name),
        version.map(text::without_nul),
    )
    .fetch_all(conn)
    .await?;
    Ok(ids)
}

/// Orders file versions as people do: `4.2.1.0` before `4.10`, by the numbers in them, then by the text.
pub fn compare_versions(one: &str, other: &str) -> Ordering {
    numbers(one).cmp(numbers(other)).then_with(|| one.cmp(other))
}

/// The runs of digits in a version, as numbers.
fn numbers(version: &str) -> impl Iterator<Item = u64> {
    version
        .split(|letter: char| !letter.is_ascii_digit())
        .filter(|digits| !digits.is_empty())
        .map(|digits| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use super::compare_versions;

    #[test]
    fn versions_are_ordered_by_their_numbers() {
        assert_eq!(compare_versions("4.2.1.0", "4.10"), Ordering::Less);
        assert_eq!(
            compare_versions("10.0.19041.1", "10.0.19041.1 (WinBuild)"),
            Ordering::Less
        );
        assert_eq!(compare_versions("2.0", "2.0"), Ordering::Equal);
    }
}
