//! Which driver versions crashed machines had loaded.

use std::collections::HashMap;

use sqlx::PgConnection;
use time::OffsetDateTime;

use super::NewCrash;
use crate::driver_sets::Packed;
use crate::drivers::{self, DumpImage, DumpImages};
use crate::{Error, driver_sets};

/// The driver versions that were loaded at a crash.
#[derive(Debug, Default)]
pub(super) struct LoadedDrivers {
    /// Their set; `None` for a crash that came without a list of drivers.
    pub(super) set: Option<i64>,
    by_name: HashMap<String, i32>,
}

impl LoadedDrivers {
    /// The version of the driver with this base name, in any case.
    pub(super) fn version_of(&self, base_name: &str) -> Option<i32> {
        self.by_name.get(&base_name.to_lowercase()).copied()
    }

    /// The version of the driver that the dump points at.
    pub(super) fn version_of_probable(&self, crash: &NewCrash) -> Option<i32> {
        let (driver, _) = crash.probable_driver.as_ref()?;
        self.version_of(driver)
    }
}

/// Finds the versions of the images of crashes, in order, and stores their sets.
pub(super) async fn resolve(
    conn: &mut PgConnection,
    crashes: &[(&NewCrash, OffsetDateTime)],
) -> Result<Vec<LoadedDrivers>, Error> {
    let with_images = crashes.iter().filter(|(crash, _)| !crash.images.is_empty());
    let dumps: Vec<DumpImages<'_>> = with_images
        .map(|(crash, at)| DumpImages {
            machine: crash.machine,
            at: *at,
            images: &crash.images,
        })
        .collect();
    if dumps.is_empty() {
        return Ok(crashes.iter().map(|_| LoadedDrivers::default()).collect());
    }
    let versions: Vec<Vec<Option<i32>>> = drivers::resolve_images(conn, &dumps)
        .await?
        .into_iter()
        .map(|resolved| {
            resolved
                .into_iter()
                .map(|image| image.driver_version_id)
                .collect()
        })
        .collect();
    let packed: Vec<Packed> = versions
        .iter()
        .map(|versions| Packed::of(&versions.iter().flatten().copied().collect::<Vec<_>>()))
        .collect();
    let sets = driver_sets::intern_many(conn, &packed).await?;
    let mut loaded = dumps
        .iter()
        .zip(versions)
        .zip(sets)
        .map(|((dump, versions), set)| LoadedDrivers {
            set: Some(set.id),
            by_name: by_name(dump.images, &versions),
        });
    let loaded = crashes.iter().map(|(crash, _)| {
        if crash.images.is_empty() {
            LoadedDrivers::default()
        } else {
            loaded.next().unwrap_or_default()
        }
    });
    Ok(loaded.collect())
}

fn by_name(images: &[DumpImage], versions: &[Option<i32>]) -> HashMap<String, i32> {
    let pairs = images.iter().zip(versions);
    pairs
        .filter_map(|(image, version)| Some((image.base_name.to_lowercase(), (*version)?)))
        .collect()
}
