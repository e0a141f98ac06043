//! Drivers, their versions, and the images that dumps know them by.
//!
//! An inventory tells versions, a dump tells images (name, `TimeDateStamp`, `SizeOfImage`: the code id). Both end in
//! one number, the *driver version id*. An image that no inventory has described gets a **placeholder** version of
//! its own. When an inventory later tells the version of that image, the image is re-pointed and the placeholder
//! notes what it was merged into; sets keep the placeholder's id, and readers resolve it.

mod detail;
mod dictionary;
mod image_dictionary;
mod images;
mod list;
mod resolve;
mod versions;

pub use detail::{DriverDetail, DriverModel, DriverWeek, VersionCrashes, VersionDetail, detail, is_known};
pub use images::{DumpImage, DumpImages, KnownImage, ResolvedImage, resolve_images, versions_by_code_id};
pub use list::{DriverSummary, list};
pub use resolve::{InventoryDriver, resolve_inventory};
pub(crate) use versions::versions_named;
pub use versions::{VersionDescription, compare_versions, describe, find_version, siblings};

/// The name a driver goes by: the last part of its path, lower case, at most 255 characters.
///
/// `\SystemRoot\System32\drivers\ACMEcap.SYS` gives `acmecap.sys`. `None` when nothing is left.
pub fn base_name(path: &str) -> Option<String> {
    let name = path.rsplit(['\\', '/']).next().unwrap_or(path).trim();
    let name: String = name
        .chars()
        .filter(|letter| !letter.is_control())
        .take(255)
        .flat_map(char::to_lowercase)
        .collect();
    (!name.is_empty()).then_some(name)
}

/// The code id of an image: `amdppm.sys/c9c030003b000`; `None` when the stamp is 0.
pub fn code_id(base_name: &str, time_date_stamp: u32, size_of_image: u32) -> Option<String> {
    (time_date_stamp != 0).then(|| format!("{base_name}/{time_date_stamp:08x}{size_of_image:x}"))
}

#[cfg(test)]
mod tests {
    use super::{base_name, code_id};

    #[test]
    fn a_path_is_cut_to_the_lower_case_file_name() {
        let name = base_name(r"\SystemRoot\System32\drivers\ACMEcap.SYS");
        assert_eq!(name.as_deref(), Some("acmecap.sys"));
        assert_eq!(base_name(r"C:\Windows\"), None);
    }

    #[test]
    fn a_stamp_of_zero_makes_no_code_id() {
        assert_eq!(code_id("a.sys", 0, 4096), None);
        assert_eq!(
            code_id("amdppm.sys", 0xc9c0_3000, 0x3b000).as_deref(),
            Some("amdppm.sys/c9c030003b000")
        );
    }
}
