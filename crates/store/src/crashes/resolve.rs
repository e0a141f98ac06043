//! Which driver versions a crashed machine had loaded.

use std::collections::HashMap;

use sqlx::PgConnection;
use time::OffsetDateTime;

use super::NewCrash;
use crate::drivers::{self, DumpImage};
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

/// Finds the versions of the images of a crash, and stores their set.
pub(super) async fn resolve(
    conn: &mut PgConnection,
    crash: &NewCrash,
    crashed_at: OffsetDateTime,
) -> Result<LoadedDrivers, Error> {
    if crash.images.is_empty() {
        return Ok(LoadedDrivers::default());
    }
    let images: Vec<DumpImage> = crash
        .images
        .iter()
        .map(|image| DumpImage {
            base_name: image.base_name.clone(),
            code_id: image.code_id.clone(),
        })
        .collect();
    let resolved = drivers::resolve_images(conn, crash.machine, crashed_at, &images).await?;
    let by_name: HashMap<String, i32> = images
        .iter()
        .zip(&resolved)
        .filter_map(|(image, resolved)| Some((image.base_name.to_lowercase(), resolved.driver_version_id?)))
        .collect();
    let versions: Vec<i32> = resolved
        .iter()
        .filter_map(|resolved| resolved.driver_version_id)
        .collect();
    let set = driver_sets::intern(conn, &versions).await?;
    Ok(LoadedDrivers {
        set: Some(set.id),
        by_name,
    })
}
