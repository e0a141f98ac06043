//! Ids as types, so that a crash is never looked up by a dump's id.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::Digest;
use uuid::Uuid;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, sqlx::Type)]
        #[sqlx(transparent)]
        #[serde(transparent)]
        pub struct $name(
            /// The id itself.
            pub Uuid,
        );

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(formatter)
            }
        }
    };
}

uuid_id! {
    /// An uploaded dump.
    DumpId
}
uuid_id! {
    /// A crash.
    CrashId
}
uuid_id! {
    /// An access token.
    TokenId
}
uuid_id! {
    /// An uploaded symbol file.
    SymbolFileId
}
uuid_id! {
    /// An experiment.
    ExperimentId
}
/// A SHA-256 digest; `Display` is 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha256(pub [u8; 32]);

impl Sha256 {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Sha256 {
        Sha256(sha2::Sha256::digest(bytes).into())
    }

    /// The digest written as 64 hex digits, or `None` if `text` is anything else.
    pub fn from_hex(text: &str) -> Option<Sha256> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        Some(Sha256(bytes))
    }

    /// The digest in `bytes`, or `None` if they are not 32.
    pub fn from_slice(bytes: &[u8]) -> Option<Sha256> {
        bytes.try_into().ok().map(Sha256)
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::Sha256;

    #[test]
    fn a_digest_survives_its_hex_form_and_nothing_shorter_does() {
        let digest = Sha256::of(b"abc");
        assert_eq!(
            digest.to_string(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(Sha256::from_hex(&digest.to_string()), Some(digest));
        assert_eq!(Sha256::from_hex("ba78"), None);
    }
}
