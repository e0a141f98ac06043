//! Numbers that are written as lower-case hex strings, because JSON's numbers end at 2⁵³.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A number of up to 64 bits, in JSON `"0xfffff8048b58334c"` (lower case, no padding).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Hex(pub u64);

impl fmt::Display for Hex {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:#x}", self.0)
    }
}

/// The text is not a hex number of at most 64 bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotHex;

impl fmt::Display for NotHex {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("expected a hex number such as \"0x76\"")
    }
}

impl std::error::Error for NotHex {}

impl FromStr for Hex {
    type Err = NotHex;

    /// Reads `0x76`, `0X76` or `76`: always hex, with or without the prefix.
    fn from_str(text: &str) -> Result<Self, NotHex> {
        let digits = text
            .strip_prefix("0x")
            .or_else(|| text.strip_prefix("0X"))
            .unwrap_or(text);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(NotHex);
        }
        u64::from_str_radix(digits, 16).map(Hex).map_err(|_| NotHex)
    }
}

impl Serialize for Hex {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hex {
    /// Accepts a hex string or a plain non-negative JSON number.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Hex;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a hex string such as \"0x76\"")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Hex, E> {
                text.parse().map_err(E::custom)
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Hex, E> {
                Ok(Hex(number))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(feature = "openapi")]
pub(crate) mod openapi {
    //! The schemas: a string with a pattern; and all that is taken for one.
    use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Type};
    use utoipa::openapi::{RefOr, Schema};

    /// A hex number as clients may send it: with or without `0x`, in upper or lower case, or as a number.
    #[derive(Debug)]
    pub(crate) struct AnyHex;

    impl utoipa::PartialSchema for AnyHex {
        fn schema() -> RefOr<Schema> {
            any("^(0[xX])?0*[0-9a-fA-F]{1,16}$", "0x1b000", None)
        }
    }
    impl utoipa::ToSchema for AnyHex {}

    /// A stop code as clients may send it.
    #[derive(Debug)]
    pub(crate) struct AnyStopCode;

    impl utoipa::PartialSchema for AnyStopCode {
        fn schema() -> RefOr<Schema> {
            any("^(0[xX])?0*[0-9a-fA-F]{1,8}$", "0x76", Some(u32::MAX))
        }
    }
    impl utoipa::ToSchema for AnyStopCode {}

    fn any(pattern: &str, example: &str, most: Option<u32>) -> RefOr<Schema> {
        let text = ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some(pattern))
            .examples([example]);
        let number = ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(0))
            .maximum(most);
        OneOfBuilder::new().item(text).item(number).into()
    }

    impl utoipa::PartialSchema for super::Hex {
        fn schema() -> RefOr<Schema> {
            ObjectBuilder::new()
                .schema_type(Type::String)
                .pattern(Some("^0x[0-9a-f]{1,16}$"))
                .examples(["0xfffff8048b58334c"])
                .into()
        }
    }
    impl utoipa::ToSchema for super::Hex {}
}

#[cfg(test)]
mod tests {
    use super::Hex;

    #[test]
    fn a_kernel_address_survives_the_round_trip() {
        let json = serde_json::to_string(&Hex(0xffff_f804_8b58_334c)).unwrap();
        assert_eq!(json, "\"0xfffff8048b58334c\"");
        assert_eq!(
            serde_json::from_str::<Hex>(&json).unwrap(),
            Hex(0xffff_f804_8b58_334c)
        );
    }

    #[test]
    fn signs_spaces_and_seventeen_digits_are_refused() {
        for text in ["", "0x", "+76", "-1", " 76", "0x11112222333344445", "zz"] {
            assert!(text.parse::<Hex>().is_err(), "{text:?}");
        }
    }
}
