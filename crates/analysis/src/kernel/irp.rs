//! The driver that holds an I/O request (IRP), as far as the dump has the structures.
//!
//! 0x9F with parameter 1 = 3 gives a request that a driver did not finish in time. Windows and the drivers often add
//! the request and its device to the dump. The way from one to the other, with 64-bit offsets that are part of the
//! driver interface and therefore the same on all builds:
//!
//! ```text
//! IRP 0xB8 ─► stack location 0x28 ─► DEVICE_OBJECT 0x08 ─► DRIVER_OBJECT 0x18 ─► first byte of the driver
//! type 6                             type 3                type 4
//! ```

use kdump::{Address, Dump, Width};

const CURRENT_STACK_LOCATION: u64 = 0xb8;
const DEVICE_OF_LOCATION: u64 = 0x28;
const DRIVER_OF_DEVICE: u64 = 0x08;
const START_OF_DRIVER: u64 = 0x18;

const TYPE_IRP: u16 = 6;
const TYPE_DEVICE: u16 = 3;
const TYPE_DRIVER: u16 = 4;

/// Where the driver that holds the request at `irp` begins, or `None` if a structure on the way is not in the dump.
pub(super) fn driver_start(dump: &Dump<'_>, irp: u64) -> Option<u64> {
    if dump.format().bits != Width::Bits64 {
        return None;
    }
    let irp = of_type(dump, irp, TYPE_IRP)?;
    let location = pointer(dump, irp, CURRENT_STACK_LOCATION)?;
    let device = of_type(dump, pointer(dump, location, DEVICE_OF_LOCATION)?, TYPE_DEVICE)?;
    let driver = of_type(dump, pointer(dump, device, DRIVER_OF_DEVICE)?, TYPE_DRIVER)?;
    pointer(dump, driver, START_OF_DRIVER)
}

/// The address again, if a structure of this type is there.
fn of_type(dump: &Dump<'_>, address: u64, wanted: u16) -> Option<u64> {
    let found = dump.memory().read_u16(Address(address)).ok()?;
    (found == wanted).then_some(address)
}

fn pointer(dump: &Dump<'_>, structure: u64, offset: u64) -> Option<u64> {
    dump.memory()
        .read_u64(Address(structure).checked_add(offset)?)
        .ok()
}
