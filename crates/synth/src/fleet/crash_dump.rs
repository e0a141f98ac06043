//! The dump of an invented crash.

use super::{Crash, CrashKind, Fleet};
use crate::dump::{Cpu, DumpDescription, SystemMaker, Writer};
use crate::scenarios::{self, Scene};

impl Fleet {
    /// The dump of a crash: the drivers as loaded at that moment, at the addresses of that boot.
    pub fn describe(&self, crash: &Crash) -> DumpDescription {
        by_kind(crash.kind, &self.scene(crash))
    }

    fn scene(&self, crash: &Crash) -> Scene {
        let machine = &self.machines[crash.machine];
        let versions = self.set(crash.set).iter();
        let images = versions.map(|id| self.catalog.version(*id).image.clone());
        let culprit = crash
            .driver
            .map(|id| self.catalog.family_of(id).name.clone())
            .unwrap_or_default();
        Scene {
            boot_seed: crash.boot_seed,
            // One dump in eight went through the converter, as after an automatic dump.
            writer: if crash.boot_seed.is_multiple_of(8) {
                Writer::Converted
            } else {
                Writer::KernelWritten
            },
            cpu: Cpu::X64,
            build: self.os_build_of(crash.set).unwrap_or(machine.os_build),
            images: images.collect(),
            unloaded: vec![
                "dump_stornvme.sys".into(),
                "WdNisDrv.sys".into(),
                "hwpolicy.sys".into(),
            ],
            culprit,
            process: crash.process.clone(),
            process_id: 4 * (700 + self.seed_of(crash.machine) % 4000),
            locked_pages: 1 + crash.boot_seed % 64,
            crashed_at_unix: crash.at_unix,
            uptime_seconds: crash.uptime_seconds,
            processors: 8,
            system: SystemMaker {
                manufacturer: machine.manufacturer.to_owned(),
                model: machine.model.to_owned(),
            },
        }
    }
}

/// The crash as the scenario of its kind.
fn by_kind(kind: CrashKind, scene: &Scene) -> DumpDescription {
    let scenario = match kind {
        CrashKind::LockedPagesAtExit => scenarios::locked_pages_at_exit,
        CrashKind::UnlockedTwice => scenarios::unlocked_twice,
        CrashKind::IrqlInDriver => scenarios::irql_in_driver,
        CrashKind::ThreadException => scenarios::thread_exception,
        CrashKind::ServiceException => scenarios::service_exception,
        CrashKind::UnhandledException => scenarios::unhandled_exception,
        CrashKind::FaultInUnloaded => scenarios::fault_in_unloaded,
        CrashKind::UnloadedWithPendingWork => scenarios::unloaded_with_pending_work,
        CrashKind::HardwareError => scenarios::hardware_error,
        CrashKind::PowerFailure => scenarios::power_failure,
        CrashKind::Manual => scenarios::manual,
        CrashKind::LiveVideoTimeout => scenarios::live_video_timeout,
    };
    scenario(scene)
}
