//! Growing the dictionary of images, and merging placeholders into the versions they turn out to be.

use std::collections::{BTreeMap, HashMap};

use sqlx::PgConnection;

use super::dictionary::{Told, VersionIds};
use crate::Error;

/// Notes which image is which version, and merges placeholders whose version is told now.
///
/// Answers the versions of all images told of that are known. An image stays with the version that was told first.
pub(super) async fn describe_images(
    conn: &mut PgConnection,
    told: impl Iterator<Item = &Told>,
    versions: &VersionIds,
) -> Result<HashMap<String, i32>, Error> {
    let mut images: BTreeMap<&str, (Option<i32>, &Told)> = BTreeMap::new();
    for told in told {
        let Some(code_id) = told.code_id.as_deref() else {
            continue;
        };
        let version = told.version.as_ref();
        let id = version.and_then(|version| versions.get(&(told.driver_id, version.clone())).copied());
        let known = images.entry(code_id).or_insert((id, told));
        known.0 = known.0.or(id);
    }
    let code_ids: Vec<&str> = images.keys().copied().collect();
    let known = known_images(conn, &code_ids).await?;
    let new = images
        .iter()
        .filter(|(code_id, _)| !known.contains_key(**code_id))
        .filter_map(|(code_id, (version, told))| Some((*code_id, (*version)?, *told)));
    insert_images(conn, new.collect()).await?;
    let told_now = known.iter().filter(|(_, image)| image.is_placeholder);
    let merged = told_now.filter_map(|(code_id, image)| {
        let (version, _) = images.get(code_id.as_str())?;
        Some((image.driver_version_id, (*version)?))
    });
    merge_placeholders(conn, merged.collect()).await?;
    let known = known_images(conn, &code_ids).await?;
    let ids = known
        .into_iter()
        .map(|(code_id, image)| (code_id, image.driver_version_id));
    Ok(ids.collect())
}

struct ImageRow {
    driver_version_id: i32,
    is_placeholder: bool,
}

async fn known_images(
    conn: &mut PgConnection,
    code_ids: &[&str],
) -> Result<HashMap<String, ImageRow>, Error> {
    if code_ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = sqlx::query!(
        r#"
        SELECT driver_image.code_id, driver_version.id, driver_version.version IS NULL AS "is_placeholder!"
        FROM driver_image
        JOIN driver_version ON driver_version.id = driver_image.driver_version_id
        WHERE driver_image.code_id = ANY($1)
        "#,
        code_ids as &[&str],
    )
    .fetch_all(conn)
    .await?;
    let images = rows.into_iter().map(|row| {
        let image = ImageRow {
            driver_version_id: row.id,
            is_placeholder: row.is_placeholder,
        };
        (row.code_id, image)
    });
    Ok(images.collect())
}

/// Notes the versions of images that are not known yet.
pub(super) async fn insert_images(
    conn: &mut PgConnection,
    images: Vec<(&str, i32, &Told)>,
) -> Result<(), Error> {
    if images.is_empty() {
        return Ok(());
    }
    let code_ids: Vec<&str> = images.iter().map(|(code_id, _, _)| *code_id).collect();
    let versions: Vec<i32> = images.iter().map(|(_, version, _)| *version).collect();
    let checksums: Vec<Option<i64>> = images.iter().map(|(_, _, told)| told.checksum).collect();
    let hashes: Vec<Option<&[u8]>> = images.iter().map(|(_, _, told)| told.sha256.as_deref()).collect();
    sqlx::query!(
        r#"
        INSERT INTO driver_image (code_id, driver_version_id, checksum, sha256)
        SELECT * FROM unnest($1::text[], $2::integer[], $3::bigint[], $4::bytea[])
        ON CONFLICT (code_id) DO NOTHING
        "#,
        &code_ids as &[&str],
        &versions,
        &checksums as &[Option<i64>],
        &hashes as &[Option<&[u8]>],
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Re-points the images of placeholders at their versions, and notes on the placeholders what they became.
async fn merge_placeholders(conn: &mut PgConnection, merged: Vec<(i32, i32)>) -> Result<(), Error> {
    if merged.is_empty() {
        return Ok(());
    }
    let (placeholders, versions): (Vec<i32>, Vec<i32>) = merged.into_iter().unzip();
    sqlx::query!(
        r#"
        -- Placeholders and the versions they turned out to be.
        WITH told AS (
            SELECT * FROM unnest($1::integer[], $2::integer[]) AS told (placeholder_id, version_id)
        ),
        -- Dumps that come from now on find the version by the image.
        repointed AS (
            UPDATE driver_image
            SET driver_version_id = told.version_id
            FROM told
            WHERE driver_image.driver_version_id = told.placeholder_id
        )
        UPDATE driver_version
        SET merged_into = told.version_id
        FROM told
        WHERE driver_version.id = told.placeholder_id
        "#,
        &placeholders,
        &versions,
    )
    .execute(conn)
    .await?;
    Ok(())
}
