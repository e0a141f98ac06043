//! Stop codes: their numbers, what they mean, and how often the fleet saw them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use time::Date;

use crate::Hex;
use crate::report::StopCodeClass;

/// A stop code with bit 28 cleared, in JSON `"0x76"`.
///
/// Small dumps of some codes are written with bit 28 set (`0x1000007E`); both forms mean the same and are grouped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StopCodeNumber(u32);

impl StopCodeNumber {
    /// The code that `raw` is grouped under.
    pub fn from_raw(raw: u32) -> Self {
        // 0xDEADDEAD and the like are whole words, not a small code with a flag.
        if raw >> 28 == 1 {
            StopCodeNumber(raw & !(1 << 28))
        } else {
            StopCodeNumber(raw)
        }
    }

    /// The number.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for StopCodeNumber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:#x}", self.0)
    }
}

/// The text is not a stop code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotAStopCode;

impl fmt::Display for NotAStopCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("expected a stop code such as \"0x76\"")
    }
}

impl std::error::Error for NotAStopCode {}

impl FromStr for StopCodeNumber {
    type Err = NotAStopCode;

    /// Reads `0x76`, `0x00000076` or `76`, always hex.
    fn from_str(text: &str) -> Result<Self, NotAStopCode> {
        let Hex(number) = text.parse().map_err(|_| NotAStopCode)?;
        u32::try_from(number)
            .map(Self::from_raw)
            .map_err(|_| NotAStopCode)
    }
}

impl Serialize for StopCodeNumber {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for StopCodeNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Hex(number) = Hex::deserialize(deserializer)?;
        u32::try_from(number)
            .map(Self::from_raw)
            .map_err(|_| de::Error::custom(NotAStopCode))
    }
}

#[cfg(feature = "openapi")]
mod openapi {
    //! The schema: a string with a pattern.
    use utoipa::openapi::schema::{ObjectBuilder, Type};
    use utoipa::openapi::{RefOr, Schema};

    impl utoipa::PartialSchema for super::StopCodeNumber {
        fn schema() -> RefOr<Schema> {
            ObjectBuilder::new()
                .schema_type(Type::String)
                .pattern(Some("^0x[0-9a-f]{1,8}$"))
                .examples(["0x76"])
                .into()
        }
    }
    impl utoipa::ToSchema for super::StopCodeNumber {}
}

/// One stop code as the fleet sees it in a window of time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StopCodeCount {
    /// The code.
    pub code: StopCodeNumber,
    /// Its name.
    pub name: String,
    /// What kind of fault it is.
    pub class: StopCodeClass,
    /// Crashes in the window.
    pub crashes: u64,
    /// Machines that crashed with it in the window.
    pub machines: u64,
    /// The latest crash's day.
    #[serde(with = "crate::day")]
    pub last_seen: Date,
    /// Whether it was first seen within the last seven days of the window.
    pub new: bool,
    /// Crashes per day over the window, days without any left out.
    pub trend: Vec<DayCount>,
}

/// Crashes on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DayCount {
    /// The day, UTC.
    #[serde(with = "crate::day")]
    pub day: Date,
    /// Crashes.
    pub crashes: u64,
}

/// What a stop code means and how it spreads over the fleet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StopCodeDetail {
    /// Counts and trend.
    #[serde(flatten)]
    pub count: StopCodeCount,
    /// What each of the four parameters means; `null` where it has no documented meaning.
    pub parameter_meanings: Vec<Option<String>>,
    /// What to do about it.
    pub guidance: Vec<String>,
    /// Crashes by hardware model, most first.
    pub by_model: Vec<Share>,
    /// Crashes by OS build, most first.
    pub by_os_build: Vec<Share>,
    /// Crashes by process, most first.
    pub by_process: Vec<Share>,
}

/// A part of a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Share {
    /// Which part; `null` where it is not known.
    pub value: Option<String>,
    /// Crashes.
    pub crashes: u64,
    /// Machines that crashed.
    pub machines: u64,
}

#[cfg(test)]
mod tests {
    use super::StopCodeNumber;

    #[test]
    fn bit_28_is_cleared_but_only_where_it_is_a_flag() {
        assert_eq!(StopCodeNumber::from_raw(0x1000_007e).to_string(), "0x7e");
        assert_eq!(StopCodeNumber::from_raw(0xdead_dead).to_string(), "0xdeaddead");
        assert_eq!(
            "0x00000076".parse::<StopCodeNumber>().unwrap().to_string(),
            "0x76"
        );
    }
}
