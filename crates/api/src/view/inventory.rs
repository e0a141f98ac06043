//! What agents and imports tell of machines and drivers, from JSON to the store's types.

use store::drivers::InventoryDriver;
use store::machines::Attributes;
use wire::Hex;
use wire::inventory::{Driver, MachineAttributes};

/// A machine's attributes.
pub(crate) fn attributes(attributes: MachineAttributes) -> Attributes {
    Attributes {
        host_name: attributes.host_name,
        manufacturer: attributes.manufacturer,
        model: attributes.model,
        bios_version: attributes.bios_version,
        os_build: attributes.os_build,
        architecture: attributes.architecture,
        site: attributes.site,
        ring: attributes.ring,
    }
}

/// The drivers that are loaded; those that are not cannot crash anything.
///
/// # Errors
///
/// A sentence about the first driver that cannot be.
pub(crate) fn loaded_drivers(drivers: Vec<Driver>) -> Result<Vec<InventoryDriver>, String> {
    drivers
        .into_iter()
        .filter(|driver| driver.loaded != Some(false))
        .map(driver)
        .collect()
}

/// One driver.
///
/// # Errors
///
/// A sentence about what cannot be.
pub(crate) fn driver(driver: Driver) -> Result<InventoryDriver, String> {
    let name = driver.name;
    if name.trim().is_empty() {
        return Err("a driver has no name".to_owned());
    }
    let number = |field: &str, value: Option<Hex>| match value.map(|Hex(value)| u32::try_from(value)) {
        None => Ok(None),
        Some(Ok(value)) => Ok(Some(value)),
        Some(Err(_)) => Err(format!("`{field}` of the driver {name:?} has more than 32 bits")),
    };
    let time_date_stamp = number("time_date_stamp", driver.time_date_stamp)?;
    let size_of_image = number("size_of_image", driver.size_of_image)?;
    let checksum = number("checksum", driver.checksum)?;
    let sha256 = match driver.sha256.map(|text| store::Sha256::from_hex(&text)) {
        None => None,
        Some(Some(hash)) => Some(hash.0),
        Some(None) => return Err(format!("`sha256` of the driver {name:?} is not 64 hex digits")),
    };
    Ok(InventoryDriver {
        version: driver.version.filter(|version| !version.trim().is_empty()),
        time_date_stamp,
        size_of_image,
        checksum,
        sha256,
        company: driver.company,
        product: driver.product,
        description: driver.description,
        signer: driver.signer,
        class: driver.class,
        name,
    })
}

#[cfg(test)]
mod tests {
    use super::{driver, loaded_drivers};
    use wire::Hex;
    use wire::inventory::Driver;

    fn named(name: &str) -> Driver {
        Driver {
            name: name.to_owned(),
            ..Driver::default()
        }
    }

    #[test]
    fn drivers_that_are_not_loaded_are_left_out() {
        let idle = Driver {
            loaded: Some(false),
            ..named("idle.sys")
        };
        let loaded = loaded_drivers(vec![idle, named("a.sys")]).unwrap();
        assert_eq!(loaded.len(), 1);
        assert_eq!(loaded[0].name, "a.sys");
    }

    #[test]
    fn a_stamp_beyond_32_bits_is_refused_by_name() {
        let odd = Driver {
            time_date_stamp: Some(Hex(1 << 32)),
            ..named("odd.sys")
        };
        let reason = driver(odd).unwrap_err();
        assert!(
            reason.contains("odd.sys") && reason.contains("time_date_stamp"),
            "{reason}"
        );
    }
}
