//! From what an inventory tells of a driver to its version id.

use sqlx::PgConnection;
use time::Date;

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
/// `None` for a driver whose name is empty.
///
/// # Errors
///
/// [`Error::Database`].
pub async fn resolve_inventory(
    conn: &mut PgConnection,
    drivers: &[InventoryDriver],
    today: Date,
) -> Result<Vec<Option<i32>>, Error> {
    todo!("{conn:?} {drivers:?} {today}")
}
