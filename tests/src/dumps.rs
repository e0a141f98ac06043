//! Synthetic dumps for tests that only need one that is real in form.

use synth::dump::DumpDescription;
use synth::scenarios::{Scene, irql_in_driver};

/// `DRIVER_IRQL_NOT_LESS_OR_EQUAL` in `acmecap.sys`; another seed is another boot, so other bytes.
pub fn describe(boot_seed: u64) -> DumpDescription {
    irql_in_driver(&Scene::sample(boot_seed))
}

/// The bytes of [`describe`].
pub fn dump(boot_seed: u64) -> Vec<u8> {
    describe(boot_seed).to_bytes()
}
