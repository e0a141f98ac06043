//! From the images that a dump lists to their version ids.

use std::collections::HashMap;

use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::{Error, MachineId};

/// One driver as a dump lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DumpImage {
    /// Base name, in any case.
    pub base_name: String,
    /// Its code id, if the dump holds the stamp.
    pub code_id: Option<String>,
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
pub async fn resolve_images(
    conn: &mut PgConnection,
    machine: MachineId,
    at: OffsetDateTime,
    images: &[DumpImage],
) -> Result<Vec<ResolvedImage>, Error> {
    todo!("{conn:?} {machine} {at} {images:?}")
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
    todo!("{conn:?} {code_ids:?}")
}
