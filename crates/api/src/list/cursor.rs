//! Cursors: a list's typed key, made opaque. They hold nothing that the client did not see.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::ApiError;

/// Longest cursor read.
const MAX_CURSOR_BYTES: usize = 2000;

/// The key as the client gets it.
pub(crate) fn encode<K: Serialize>(key: &K) -> String {
    // Keys are numbers, texts and tuples of them, which always serialise.
    hex::encode(serde_json::to_vec(key).unwrap_or_default())
}

/// The key that a client sent back.
pub(crate) fn decode<K: DeserializeOwned>(cursor: &str) -> Result<K, ApiError> {
    let refused = || ApiError::invalid("`cursor` is none that this list gave out");
    if cursor.len() > MAX_CURSOR_BYTES {
        return Err(refused());
    }
    let json = hex::decode(cursor).map_err(|_| refused())?;
    serde_json::from_slice(&json).map_err(|_| refused())
}

#[cfg(test)]
mod tests {
    use super::{decode, encode};

    #[test]
    fn a_key_survives_and_rubbish_is_refused() {
        let key = ("acmecap.sys".to_owned(), 7_u64);
        assert_eq!(decode::<(String, u64)>(&encode(&key)).unwrap(), key);
        for rubbish in ["", "zz", "7b", "00"] {
            assert!(decode::<(String, u64)>(rubbish).is_err(), "{rubbish:?}");
        }
    }
}
