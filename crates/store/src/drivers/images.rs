//! From the images that a dump lists to their version ids.

use std::collections::{BTreeSet, HashMap};

use sqlx::PgConnection;
use time::{Date, OffsetDateTime};

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

/// The images of one dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DumpImages<'a> {
    /// The machine that wrote it.
    pub machine: MachineId,
    /// When it crashed.
    pub at: OffsetDateTime,
    /// What the dump lists.
    pub images: &'a [DumpImage],
}

/// The version of each image of each dump, in order.
///
/// By code id if an inventory described the image. Otherwise the version of the same name that the machine's
/// inventory had at that time, unless that version is known by another image. Otherwise a placeholder.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.drivers.resolve_images", skip_all, fields(dumps = dumps.len()))]
pub async fn resolve_images(
    conn: &mut PgConnection,
    dumps: &[DumpImages<'_>],
) -> Result<Vec<Vec<ResolvedImage>>, Error> {
    let dumps: Vec<Listed> = dumps.iter().map(Listed::of).collect();
    let code_ids: BTreeSet<&String> = dumps
        .iter()
        .flat_map(|dump| dump.images.iter().filter_map(|image| image.code_id.as_ref()))
        .collect();
    let code_ids: Vec<String> = code_ids.into_iter().cloned().collect();
    let mut known = versions_by_code_id(conn, &code_ids).await?;
    let installed = installed_versions(conn, &dumps, &known).await?;
    let told: Vec<HashMap<String, KnownImage>> = dumps
        .iter()
        .zip(&installed)
        .map(|(dump, installed)| dump.told_by_inventory(&known, installed))
        .collect();
    let pairs = dumps.iter().zip(&told);
    let unknown: Vec<Unknown<'_>> = pairs
        .flat_map(|(dump, told)| dump.unknown(&known, told))
        .collect();
    let placeholders = placeholders(conn, &unknown).await?;
    known.extend(placeholders);
    let resolved = dumps.iter().zip(&told).zip(&installed);
    Ok(resolved
        .map(|((dump, told), installed)| dump.resolved(&known, told, installed))
        .collect())
}

/// A dump's images in text that Postgres takes, with the names that dictionaries know them by.
struct Listed {
    machine: MachineId,
    at: OffsetDateTime,
    images: Vec<DumpImage>,
    /// `None` for an image without a usable name.
    names: Vec<Option<String>>,
}

/// An image that neither a code id nor an inventory tells of.
struct Unknown<'a> {
    name: &'a str,
    code_id: &'a str,
    at: OffsetDateTime,
}

impl Listed {
    fn of(dump: &DumpImages<'_>) -> Listed {
        let images: Vec<DumpImage> = dump.images.iter().map(DumpImage::without_nul).collect();
        Listed {
            machine: dump.machine,
            at: dump.at,
            names: images.iter().map(|image| base_name(&image.base_name)).collect(),
            images,
        }
    }

    fn named(&self) -> impl Iterator<Item = (&str, &DumpImage)> {
        let pairs = self.names.iter().zip(&self.images);
        pairs.filter_map(|(name, image)| Some((name.as_deref()?, image)))
    }

    /// The names for which the machine's inventory has to be asked: their image is described by none.
    fn undescribed<'a>(&'a self, known: &HashMap<String, KnownImage>) -> impl Iterator<Item = &'a str> {
        self.named()
            .filter(|(_, image)| !image.code_id.as_ref().is_some_and(|id| is_described(known, id)))
            .map(|(name, _)| name)
    }

    /// The images that the machine's own inventory tells the version of, by code id.
    fn told_by_inventory(
        &self,
        known: &HashMap<String, KnownImage>,
        installed: &Installed,
    ) -> HashMap<String, KnownImage> {
        let told = self.named().filter_map(|(name, image)| {
            let code_id = image.code_id.as_ref().filter(|id| !is_described(known, id))?;
            let version = installed.get(name).filter(|version| !version.has_image)?;
            Some((code_id.clone(), version.known.clone()))
        });
        told.collect()
    }

    fn unknown<'a>(
        &'a self,
        known: &'a HashMap<String, KnownImage>,
        told: &'a HashMap<String, KnownImage>,
    ) -> impl Iterator<Item = Unknown<'a>> {
        self.named().filter_map(|(name, image)| {
            let code_id = image.code_id.as_deref()?;
            let is_unknown = !known.contains_key(code_id) && !told.contains_key(code_id);
            is_unknown.then_some(Unknown {
                name,
                code_id,
                at: self.at,
            })
        })
    }

    fn resolved(
        &self,
        known: &HashMap<String, KnownImage>,
        told: &HashMap<String, KnownImage>,
        installed: &Installed,
    ) -> Vec<ResolvedImage> {
        let found = self.names.iter().zip(&self.images).map(|(name, image)| {
            let found = match &image.code_id {
                Some(code_id) => told.get(code_id).or_else(|| known.get(code_id)),
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
        found.collect()
    }
}

fn is_described(known: &HashMap<String, KnownImage>, code_id: &str) -> bool {
    known.get(code_id).is_some_and(|image| image.version.is_some())
}

/// Versions of a machine's inventory, by base name.
type Installed = HashMap<String, InstalledVersion>;

/// A version in a machine's inventory.
#[derive(Clone)]
struct InstalledVersion {
    known: KnownImage,
    /// Whether an image is known to be this version; then another image is another version.
    has_image: bool,
}

/// The versions that each dump's machine had at the crash, of those drivers that have to be asked for.
async fn installed_versions(
    conn: &mut PgConnection,
    dumps: &[Listed],
    known: &HashMap<String, KnownImage>,
) -> Result<Vec<Installed>, Error> {
    let mut names: BTreeSet<&str> = BTreeSet::new();
    let mut asked = Vec::new();
    for dump in dumps {
        let undescribed: Vec<&str> = dump.undescribed(known).collect();
        if !undescribed.is_empty() {
            asked.push((dump.machine, dump.at));
            names.extend(undescribed);
        }
    }
    if asked.is_empty() {
        return Ok(dumps.iter().map(|_| Installed::new()).collect());
    }
    let sets = inventories::sets_at(conn, &asked).await?;
    let ids: BTreeSet<i64> = sets.values().copied().collect();
    let members = driver_sets::members_of(conn, &ids.into_iter().collect::<Vec<_>>()).await?;
    let versions = versions_named(conn, &members, &names).await?;
    let installed = dumps.iter().map(|dump| {
        let set = sets.get(&(dump.machine, dump.at));
        let members = set.and_then(|set| members.get(set));
        let had = members.into_iter().flatten().filter_map(|id| versions.get(id));
        had.cloned().collect()
    });
    Ok(installed.collect())
}

/// Of all these members, the versions of drivers with these names, by id.
async fn versions_named(
    conn: &mut PgConnection,
    members: &HashMap<i64, Vec<i32>>,
    names: &BTreeSet<&str>,
) -> Result<HashMap<i32, (String, InstalledVersion)>, Error> {
    let ids: BTreeSet<i32> = members.values().flatten().copied().collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let ids: Vec<i32> = ids.into_iter().collect();
    let names: Vec<&str> = names.iter().copied().collect();
    let rows = sqlx::query!(
        r#"
        SELECT driver.name, driver.company, driver_version.id, driver_version.version AS "version!",
            EXISTS (
                SELECT FROM driver_image WHERE driver_image.driver_version_id = driver_version.id
            ) AS "has_image!"
        FROM driver_version
        JOIN driver ON driver.id = driver_version.driver_id
        WHERE driver_version.id = ANY($1) AND driver.name = ANY($2) AND driver_version.version IS NOT NULL
        "#,
        &ids,
        &names as &[&str],
    )
    .fetch_all(conn)
    .await?;
    let versions = rows.into_iter().map(|row| {
        let known = KnownImage {
            driver_version_id: row.id,
            version: Some(row.version),
            company: row.company,
        };
        let has_image = row.has_image;
        (row.id, (row.name, InstalledVersion { known, has_image }))
    });
    Ok(versions.collect())
}

/// Placeholders for images, by code id; made where there are none.
async fn placeholders(
    conn: &mut PgConnection,
    unknown: &[Unknown<'_>],
) -> Result<HashMap<String, KnownImage>, Error> {
    if unknown.is_empty() {
        return Ok(HashMap::new());
    }
    let nameless = InventoryDriver::default();
    let drivers = unknown.iter().map(|image| (image.name, &nameless)).collect();
    let driver_ids = dictionary::driver_ids(conn, drivers).await?;
    let told: Vec<(Told, Date)> = unknown
        .iter()
        .filter_map(|image| {
            let told = Told::image(*driver_ids.get(image.name)?, image.code_id);
            Some((told, image.at.date()))
        })
        .collect();
    let told = told.iter().map(|(told, seen_on)| (told, *seen_on));
    let placeholders = dictionary::placeholder_ids(conn, told).await?;
    let known = placeholders.into_iter().map(|(code_id, driver_version_id)| {
        let image = KnownImage {
            driver_version_id,
            version: None,
            company: None,
        };
        (code_id, image)
    });
    Ok(known.collect())
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
