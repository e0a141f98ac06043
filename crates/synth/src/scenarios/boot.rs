//! The addresses that a boot gives to the kernel, the drivers, the stack and the process.

use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Image, Scene};
use crate::dump::{Driver, UnloadedDriver, Writer};

/// Where a boot put everything.
pub(super) struct Boot {
    pub(super) drivers: Vec<Driver>,
    pub(super) unloaded: Vec<UnloadedDriver>,
    pub(super) stack_end: u64,
    pub(super) process: u64,
}

impl Boot {
    pub(super) fn of(scene: &Scene) -> Self {
        let mut chance = ChaCha8Rng::seed_from_u64(scene.boot_seed);
        let slide = u64::from(chance.random::<u16>() & 0x3FFF);
        let (kernel, region, stack_end, process) = if scene.cpu.is_64_bit() {
            (
                0xFFFF_F802_0000_0000 + slide * 0x20_0000,
                0xFFFF_F80A_0000_0000 + slide * 0x1_0000,
                0xFFFF_A501_0000_0000 + slide * 0x8000,
                0xFFFF_8D0F_0000_0000 + slide * 0x1_0040,
            )
        } else {
            let slide = slide & 0xFF;
            (
                0x8100_0000 + slide * 0x1000,
                0x8800_0000 + slide * 0x1000,
                0xB000_0000 + slide * 0x4000,
                0x8500_0000 + slide * 0x1040,
            )
        };
        let (drivers, next) = place(scene, kernel, region, &mut chance);
        let unloaded = unloaded_at(&scene.unloaded, next);
        Boot {
            drivers,
            unloaded,
            stack_end,
            process,
        }
    }
}

/// Puts the kernel at its base and the other images one after another, in an order that is not the load order.
fn place(scene: &Scene, kernel: u64, region: u64, chance: &mut ChaCha8Rng) -> (Vec<Driver>, u64) {
    let mut order: Vec<usize> = (1..scene.images.len()).collect();
    order.shuffle(chance);
    let mut bases = vec![kernel; scene.images.len()];
    let mut next = region;
    for index in order {
        bases[index] = next;
        let pages = scene.images[index].size_of_image.div_ceil(0x1000) + 1;
        next += u64::from(pages) * 0x1000;
    }
    let drivers = scene.images.iter().zip(bases).map(|(image, base)| Driver {
        path: image.path.clone(),
        base,
        size_of_image: image.size_of_image,
        time_date_stamp: stored(scene.writer, image, image.time_date_stamp),
        checksum: stored(scene.writer, image, image.checksum),
    });
    (drivers.collect(), next)
}

/// The converter leaves stamp and checksum of the session drivers at 0.
fn stored(writer: Writer, image: &Image, number: u32) -> u32 {
    let session_driver = image.path.contains("win32k") || image.path.contains("cdd.dll");
    if writer == Writer::Converted && session_driver {
        0
    } else {
        number
    }
}

fn unloaded_at(names: &[String], from: u64) -> Vec<UnloadedDriver> {
    let starts = (0u64..).map(|index| from + 0x10_0000 + index * 0x2_0000);
    names
        .iter()
        .zip(starts)
        .map(|(name, start)| UnloadedDriver {
            name: name.clone(),
            start,
            end: start + 0x1_8000,
        })
        .collect()
}
