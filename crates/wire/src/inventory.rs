//! What a machine is, which drivers it has, and the days it was on.

use serde::{Deserialize, Serialize};
use time::{Date, OffsetDateTime};

use crate::Hex;

/// A machine's inventory, as an agent sends it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Inventory {
    /// When it was taken; absent means now.
    #[serde(with = "time::serde::rfc3339::option", default)]
    pub at: Option<OffsetDateTime>,
    /// The machine's own attributes.
    #[serde(flatten)]
    pub machine: MachineAttributes,
    /// Whether and how the machine can write dumps, as the agent found it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub crash_control: Option<serde_json::Value>,
    /// The drivers, in full.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drivers: Option<Vec<Driver>>,
    /// In place of `drivers`: the hash that the server answered for the same drivers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver_set: Option<String>,
}

/// What is known of a machine apart from its drivers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MachineAttributes {
    /// Host name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_name: Option<String>,
    /// Manufacturer, e.g. `Dell Inc.`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manufacturer: Option<String>,
    /// Hardware model, e.g. `Latitude 7420`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// BIOS version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bios_version: Option<String>,
    /// OS build, e.g. 22631.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub os_build: Option<u32>,
    /// `x86_64`, `arm64`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// Where the machine stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// Its update ring.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ring: Option<String>,
}

/// One driver of an inventory; every field but the name is optional.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Driver {
    /// File name, with or without a path.
    pub name: String,
    /// File version, e.g. `4.2.1.0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// `TimeDateStamp` of the image as loaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::hex::openapi::AnyHex>))]
    pub time_date_stamp: Option<Hex>,
    /// `SizeOfImage` of the image as loaded, in bytes (a hex string or a number).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::hex::openapi::AnyHex>))]
    pub size_of_image: Option<Hex>,
    /// `CheckSum` of the image as loaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::hex::openapi::AnyHex>))]
    pub checksum: Option<Hex>,
    /// Company of the version resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub company: Option<String>,
    /// Product of the version resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// Description of the version resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Full path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// SHA-256 of the file, 64 hex digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Who signed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
    /// The INF it came with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inf: Option<String>,
    /// Device class, e.g. `Net`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// Service name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Start type: `boot`, `system`, `auto`, `demand` or `disabled`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_type: Option<String>,
    /// Whether it is loaded; absent means yes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loaded: Option<bool>,
}

/// What an inventory is answered with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct InventoryAnswer {
    /// The hash of the drivers, to send in place of them next time.
    pub driver_set: String,
    /// Whether the drivers differ from the machine's last inventory.
    pub changed: bool,
}

/// The days a machine was on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Presence {
    /// UTC days, in any order; saying one twice changes nothing.
    #[cfg_attr(feature = "openapi", schema(max_items = 400))]
    #[serde(with = "crate::day::list")]
    pub days: Vec<Date>,
}

/// Bug checks known from the event log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Events {
    /// The events.
    #[cfg_attr(feature = "openapi", schema(max_items = 500))]
    pub events: Vec<Event>,
}

/// One bug check known from the event log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Event {
    /// When the machine stopped, as well as the log knows.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// Which event it was: `event-1001` or `event-41`.
    pub source: String,
    /// The stop code.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::hex::openapi::AnyStopCode))]
    pub stop_code: crate::StopCodeNumber,
    /// Up to four parameters.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<crate::hex::openapi::AnyHex>, max_items = 4))]
    pub parameters: Vec<Hex>,
    /// Where the machine wrote its dump.
    #[serde(default)]
    pub dump_path: Option<String>,
}
