//! From what an inventory tells of a driver to its version id.

use sqlx::PgConnection;
use time::Date;

use super::dictionary::{self, Told};
use super::{base_name, image_dictionary};
use crate::Error;

/// One driver as an inventory tells it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InventoryDriver {
    /// File name, with or without a path, in any case.
    pub name: String,
    /// File version.
    pub version: Option<String>,
    /// `TimeDateStamp` of the image.
    pub time_date_stamp: Option<u32>,
    /// `SizeOfImage`, in bytes.
    pub size_of_image: Option<u32>,
    /// `CheckSum` of the image.
    pub checksum: Option<u32>,
    /// SHA-256 of the file.
    pub sha256: Option<[u8; 32]>,
    /// Company.
    pub company: Option<String>,
    /// Product.
    pub product: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// Signer.
    pub signer: Option<String>,
    /// Device class.
    pub class: Option<String>,
}

/// The version id of each driver, in order; dictionaries grow by what is new.
///
/// `None` for a driver whose name is empty. A driver without version and image is its own placeholder.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.drivers.resolve_inventory", skip_all, fields(drivers = drivers.len()))]
pub async fn resolve_inventory(
    conn: &mut PgConnection,
    drivers: &[InventoryDriver],
    today: Date,
) -> Result<Vec<Option<i32>>, Error> {
    let names: Vec<Option<String>> = drivers.iter().map(|driver| base_name(&driver.name)).collect();
    let pairs = names.iter().zip(drivers);
    let wanted = pairs.filter_map(|(name, driver)| Some((name.as_deref()?, driver)));
    let driver_ids = dictionary::driver_ids(conn, wanted.collect()).await?;

    let told: Vec<Option<Told>> = names
        .iter()
        .zip(drivers)
        .map(|(name, driver)| {
            let name = name.as_deref()?;
            Some(Told::new(name, *driver_ids.get(name)?, driver))
        })
        .collect();
    let versions = dictionary::version_ids(conn, told.iter().flatten(), today).await?;
    let images = image_dictionary::describe_images(conn, told.iter().flatten(), &versions).await?;
    let unversioned = told
        .iter()
        .flatten()
        .filter(|told| told.version.is_none() && !images.contains_key(&told.placeholder_key))
        .map(|told| (told, today));
    let placeholders = dictionary::placeholder_ids(conn, unversioned).await?;

    let id_of = |told: &Told| match &told.version {
        Some(version) => versions.get(&(told.driver_id, version.clone())).copied(),
        None => images
            .get(&told.placeholder_key)
            .or_else(|| placeholders.get(&told.placeholder_key))
            .copied(),
    };
    Ok(told.iter().map(|told| told.as_ref().and_then(id_of)).collect())
}
