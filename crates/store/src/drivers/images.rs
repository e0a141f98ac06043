//! From the images that a dump lists to their version ids.

use std::collections::HashMap;

use sqlx::PgConnection;
use time::OffsetDateTime;

use super::dictionary::{self, Told};
use super::{InventoryDriver, base_name};
use crate::{Error, MachineId, driver_sets, inventories, text};

/// One driver as a dump lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DumpImage {
    /// Base name, in any case.
    pub base_name: String,
    /// Its code id, if the dump holds the stamp.
    pub code_id: Option<String>,
}

impl DumpImage {
    /// The same in text that Postgres takes: a dump's names are a stranger's.
    fn without_nul(&self) -> Self {
        DumpImage {
            base_name: text::without_nul(&self.base_name),
            code_id: self.code_id.as_deref().map(text::without_nul),
        }
    }
}

/// What an image turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedImage {
    /// The version's id; `None` for a driver without code id that the machine's inventory does not have.
    pub driver_version_id: Option<i32>,
    /// File version, if an inventory told it.
    pub version: Option<String>,
    /// Company, if an inventory told it.
    pub company: Option<String>,
}

/// What is known of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownImage {
    /// The version's id.
    pub driver_version_id: i32,
    /// File version; `None` for a placeholder.
    pub version: Option<String>,
    /// Company.
    pub company: Option<String>,
}

/// The version of each image of a dump, in order.
///
/// By code id if an inventory described the image. Otherwise the version of the same name that the machine's
/// inventory had at that time, unless that version is known by another image. Otherwise a placeholder.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.drivers.resolve_images", skip_all, fields(images = images.len()))]
pub async fn resolve_images(
    conn: &mut PgConnection,
    machine: MachineId,
    at: OffsetDateTime,
    images: &[DumpImage],
) -> Result<Vec<ResolvedImage>, Error> {
    let images: Vec<DumpImage> = images.iter().map(DumpImage::without_nul).collect();
    let names: Vec<Option<String>> = images.iter().map(|image| base_name(&image.base_name)).collect();
    let code_ids: Vec<String> = images.iter().filter_map(|image| image.code_id.clone()).collect();
    let mut known = versions_by_code_id(conn, &code_ids).await?;
    let installed = installed_versions(conn, machine, at).await?;
    for (image, name) in images.iter().zip(&names) {
        let (Some(code_id), Some(name)) = (&image.code_id, name) else {
            continue;
        };
        let described = known.get(code_id).is_some_and(|image| image.version.is_some());
        if let Some(inventory) = installed
            .get(name)
            .filter(|version| !described && !version.has_image)
        {
            known.insert(code_id.clone(), inventory.known.clone());
        }
    }
    add_placeholders(conn, &names, &images, at, &mut known).await?;
    let resolved = images.iter().zip(&names).map(|(image, name)| {
        let found = match &image.code_id {
            Some(code_id) => known.get(code_id),
            None => name
                .as_ref()
                .and_then(|name| installed.get(name))
                .map(|version| &version.known),
        };
        ResolvedImage {
            driver_version_id: found.map(|found| found.driver_version_id),
            version: found.and_then(|found| found.version.clone()),
            company: found.and_then(|found| found.company.clone()),
        }
    });
    Ok(resolved.collect())
}

/// A version in a machine's inventory.
struct InstalledVersion {
    known: KnownImage,
    /// Whether an image is known to be this version; then another image is another version.
    has_image: bool,
}

/// The versions that the machine had at a moment, by base name.
async fn installed_versions(
    conn: &mut PgConnection,
    machine: MachineId,
    at: OffsetDateTime,
) -> Result<HashMap<String, InstalledVersion>, Error> {
    let Some(set) = inventories::set_at(conn, machine, at).await? else {
        return Ok(HashMap::new());
    };
    let members = driver_sets::members(conn, set).await?.unwrap_or_default();
    let rows = sqlx::query!(
        r#"
        SELECT driver.name, driver.company, driver_version.id, driver_version.version AS "version!",
            EXISTS (
                SELECT FROM driver_image WHERE driver_image.driver_version_id = driver_version.id
            ) AS "has_image!"
        FROM driver_version
        JOIN driver ON driver.id = driver_version.driver_id
        WHERE driver_version.id = ANY($1) AND driver_version.version IS NOT NULL
        "#,
        &members,
    )
    .fetch_all(conn)
    .await?;
    let installed = rows.into_iter().map(|row| {
        let known = KnownImage {
            driver_version_id: row.id,
            version: Some(row.version),
            company: row.company,
        };
        let has_image = row.has_image;
        (row.name, InstalledVersion { known, has_image })
    });
    Ok(installed.collect())
}

/// Gives a placeholder to every image that is not in `known`.
async fn add_placeholders(
    conn: &mut PgConnection,
    names: &[Option<String>],
    images: &[DumpImage],
    at: OffsetDateTime,
    known: &mut HashMap<String, KnownImage>,
) -> Result<(), Error> {
    let pairs = names.iter().zip(images);
    let unknown: Vec<(&str, &str)> = pairs
        .filter_map(|(name, image)| Some((name.as_deref()?, image.code_id.as_deref()?)))
        .filter(|(_, code_id)| !known.contains_key(*code_id))
        .collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let nameless = InventoryDriver::default();
    let drivers = unknown.iter().map(|(name, _)| (*name, &nameless)).collect();
    let driver_ids = dictionary::driver_ids(conn, drivers).await?;
    let told: Vec<Told> = unknown
        .iter()
        .filter_map(|(name, code_id)| Some(Told::image(*driver_ids.get(*name)?, code_id)))
        .collect();
    let placeholders = dictionary::placeholder_ids(conn, told.iter(), at.date()).await?;
    for (code_id, driver_version_id) in placeholders {
        let image = KnownImage {
            driver_version_id,
            version: None,
            company: None,
        };
        known.insert(code_id, image);
    }
    Ok(())
}

/// What is known of images by their code ids, placeholders included, for showing a crash.
///
/// # Errors
///
/// [`Error::Database`].
pub async fn versions_by_code_id(
    conn: &mut PgConnection,
    code_ids: &[String],
) -> Result<HashMap<String, KnownImage>, Error> {
    let rows = sqlx::query!(
        r#"
        SELECT driver_image.code_id, driver_version.id, driver_version.version, driver.company
        FROM driver_image
        JOIN driver_version ON driver_version.id = driver_image.driver_version_id
        JOIN driver ON driver.id = driver_version.driver_id
        WHERE driver_image.code_id = ANY($1)
        "#,
        code_ids,
    )
    .fetch_all(conn)
    .await?;
    let images = rows.into_iter().map(|row| {
        let image = KnownImage {
            driver_version_id: row.id,
            version: row.version,
            company: row.company,
        };
        (row.code_id, image)
    });
    Ok(images.collect())
}
