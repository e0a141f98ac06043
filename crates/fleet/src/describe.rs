//! An invented fleet in the words of the HTTP contract.

use synth::fleet::{Day, Fleet, Machine, Origin, VersionId};
use time::{Date, OffsetDateTime};
use wire::Hex;
use wire::inventory::{Driver, MachineAttributes};

/// The day as a calendar date.
///
/// Days of an invented history are within years of today, so there always is one.
pub(crate) fn date(day: Day) -> Date {
    moment(day.unix_start()).date()
}

/// The beginning of the day, UTC.
pub(crate) fn beginning(day: Day) -> OffsetDateTime {
    moment(day.unix_start())
}

fn moment(unix: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(unix).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// The day as synth counts it.
pub(crate) fn day(date: Date) -> Day {
    Day((date - OffsetDateTime::UNIX_EPOCH.date()).whole_days())
}

pub(crate) fn attributes(machine: &Machine) -> MachineAttributes {
    MachineAttributes {
        host_name: Some(machine.host_name.clone()),
        manufacturer: Some(machine.manufacturer.to_owned()),
        model: Some(machine.model.to_owned()),
        bios_version: Some(machine.bios_version.clone()),
        os_build: Some(machine.os_build),
        architecture: Some("x86_64".to_owned()),
        site: Some(machine.site.to_owned()),
        ring: Some(machine.ring.as_str().to_owned()),
    }
}

/// A driver version as an agent reports it.
pub(crate) fn driver(fleet: &Fleet, id: VersionId) -> Driver {
    let version = fleet.catalog.version(id);
    let family = fleet.catalog.family_of(id);
    let service = family.name.rsplit_once('.').map(|(stem, _)| stem.to_owned());
    Driver {
        name: family.name.clone(),
        version: Some(version.version.clone()),
        time_date_stamp: Some(Hex(version.image.time_date_stamp.into())),
        size_of_image: Some(Hex(version.image.size_of_image.into())),
        checksum: Some(Hex(version.image.checksum.into())),
        company: Some(family.company.clone()),
        description: Some(format!("{} driver", family.class)),
        path: Some(version.image.path.clone()),
        signer: Some(signer(family.origin, &family.company)),
        inf: family.inf.clone(),
        class: Some(family.class.clone()),
        service,
        start_type: Some("demand".to_owned()),
        ..Driver::default()
    }
}

/// Hardware drivers are signed by the laboratory, programs by their own company.
fn signer(origin: Origin, company: &str) -> String {
    match origin {
        Origin::InBox => "Microsoft Windows".to_owned(),
        Origin::Bundle(_) => "Microsoft Windows Hardware Compatibility Publisher".to_owned(),
        Origin::Software { .. } => company.to_owned(),
    }
}
