//! Which image an address lies in: loaded, or loaded once.

use kdump::{Address, Driver, Dump, UnloadedDriver};

use crate::images::{Role, role};
use crate::names;

/// An image that is loaded.
#[derive(Debug, Clone)]
pub(super) struct Image {
    /// Base name, fit to show.
    pub(super) name: String,
    /// Whether `name` is its name, or stands for one that is damaged.
    pub(super) is_named: bool,
    /// Whether it can be blamed.
    pub(super) role: Role,
    /// First address.
    pub(super) base: u64,
    /// Bytes in memory.
    pub(super) size_bytes: u32,
    /// `TimeDateStamp`; 0 means absent.
    pub(super) time_date_stamp: u32,
    /// `CheckSum`; 0 means absent.
    pub(super) checksum: u32,
}

/// An address inside a loaded image.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hit<'a> {
    /// The image.
    pub(super) image: &'a Image,
    /// Distance from its base.
    pub(super) offset: u64,
}

/// All images of a dump.
#[derive(Debug)]
pub(super) struct Modules {
    in_load_order: Vec<Image>,
    /// Positions in `in_load_order`, by ascending base.
    by_base: Vec<usize>,
    unloaded: Vec<UnloadedDriver>,
}

impl Modules {
    pub(super) fn of(dump: &Dump<'_>) -> Self {
        let in_load_order: Vec<Image> = dump.drivers().map(|driver| Image::of(&driver)).collect();
        let mut by_base: Vec<usize> = (0..in_load_order.len()).collect();
        by_base.sort_by_key(|index| in_load_order.get(*index).map(|image| image.base));
        let unloaded = dump.unloaded_drivers().map(|mut driver| {
            driver.name = names::printable(&driver.name);
            driver
        });
        Modules {
            unloaded: unloaded.collect(),
            in_load_order,
            by_base,
        }
    }

    /// The loaded images, the kernel first.
    pub(super) fn loaded(&self) -> &[Image] {
        &self.in_load_order
    }

    /// The unloaded ones, as Windows lists them.
    pub(super) fn unloaded(&self) -> &[UnloadedDriver] {
        &self.unloaded
    }

    /// The loaded image that `address` lies in.
    pub(super) fn at(&self, address: u64) -> Option<Hit<'_>> {
        let base_of = |index: &usize| {
            self.in_load_order
                .get(*index)
                .map_or(u64::MAX, |image| image.base)
        };
        let after = self.by_base.partition_point(|index| base_of(index) <= address);
        let image = self
            .in_load_order
            .get(*self.by_base.get(after.checked_sub(1)?)?)?;
        let offset = address.checked_sub(image.base)?;
        (offset < u64::from(image.size_bytes)).then_some(Hit { image, offset })
    }

    /// The driver that was at `address` before it was unloaded, and how far from its first address. The one that
    /// was unloaded last is first in the list.
    pub(super) fn unloaded_at(&self, address: u64) -> Option<(&UnloadedDriver, u64)> {
        let driver = self
            .unloaded
            .iter()
            .find(|driver| driver.contains(Address(address)))?;
        Some((driver, Address(address).offset_from(driver.start)?))
    }
}

impl Image {
    fn of(driver: &Driver<'_>) -> Self {
        let known = driver.base_name().map(|name| names::base_name(&name.decode()));
        let known = known.filter(|name| !name.is_empty());
        let is_named = known.is_some();
        let name = known.unwrap_or_else(|| format!("(image {} without a name)", driver.index));
        Image {
            role: role(&name),
            is_named,
            name,
            base: driver.base.0,
            size_bytes: driver.size_of_image,
            time_date_stamp: driver.time_date_stamp,
            checksum: driver.checksum,
        }
    }
}
