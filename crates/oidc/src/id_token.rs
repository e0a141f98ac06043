//! Whether an ID token proves who somebody is (OpenID Connect Core, 3.1.3.7).
//!
//! A token proves it if one of the provider's keys signed it, for this server, for this attempt, and not long ago. Keys
//! come from the provider's key set alone: what a token says of keys in its own header is not looked at.

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::jwk::{Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{DecodingKey, Header, Validation, decode, decode_header};
use serde_json::{Map, Value};

use crate::crypto;

/// The most keys that are tried on one token.
const MOST_KEYS: usize = 16;

/// What the token must say.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected<'a> {
    /// Who made it.
    pub(crate) issuer: &'a str,
    /// For whom.
    pub(crate) client_id: &'a str,
    /// For which attempt.
    pub(crate) nonce: &'a str,
}

/// Why a token proves nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// None of the keys has signed it; newer ones may have.
    NoKey,
    /// It says something else than it must.
    Wrong(String),
}

/// The token's claims, if it proves them.
pub(crate) fn verify(
    token: &str,
    keys: &Value,
    expected: Expected<'_>,
) -> Result<Map<String, Value>, Failure> {
    crypto::install();
    let wrong = |error: jsonwebtoken::errors::Error| Failure::Wrong(error.to_string());
    let header = decode_header(token).map_err(wrong)?;
    if !crypto::is_known(header.alg) {
        return Err(Failure::Wrong(format!(
            "{:?} signatures are not taken",
            header.alg
        )));
    }
    if header.crit.is_some() {
        return Err(Failure::Wrong(
            "it has critical parts that are not known".to_owned(),
        ));
    }
    let validation = validation(&header, expected);
    for key in candidates(keys, &header) {
        match decode::<Map<String, Value>>(token, &key, &validation) {
            Ok(token) => return agree(token.claims, expected),
            Err(error) if matches!(error.kind(), ErrorKind::InvalidSignature) => {}
            Err(error) => return Err(wrong(error)),
        }
    }
    Err(Failure::NoKey)
}

fn validation(header: &Header, expected: Expected<'_>) -> Validation {
    let mut validation = Validation::new(header.alg);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    validation.set_issuer(&[expected.issuer]);
    validation.set_audience(&[expected.client_id]);
    validation.validate_nbf = true;
    validation
}

/// Keys that may have signed a token with this header.
fn candidates(keys: &Value, header: &Header) -> Vec<DecodingKey> {
    let keys = keys
        .get("keys")
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    // One by one: a key of a kind that is not known does not spoil the others.
    let keys = keys
        .iter()
        .filter_map(|key| serde_json::from_value::<Jwk>(key.clone()).ok());
    let fits = |key: &Jwk| {
        let about = &key.common;
        let may_sign = about
            .public_key_use
            .as_ref()
            .is_none_or(|is_for| *is_for == PublicKeyUse::Signature);
        let algorithm = about
            .key_algorithm
            .is_none_or(|algorithm| algorithm == KeyAlgorithm::from(header.alg));
        may_sign && algorithm && (header.kid.is_none() || about.key_id == header.kid)
    };
    let keys = keys
        .filter(fits)
        .filter_map(|key| DecodingKey::from_jwk(&key).ok());
    keys.filter(|key| key.family() == header.alg.family())
        .take(MOST_KEYS)
        .collect()
}

/// The claims, if they say what the library does not look at too.
fn agree(claims: Map<String, Value>, expected: Expected<'_>) -> Result<Map<String, Value>, Failure> {
    let wrong = |why: &str| Err(Failure::Wrong(why.to_owned()));
    let text = |claim: &str| claims.get(claim).and_then(Value::as_str);
    if text("iss") != Some(expected.issuer) {
        return wrong("it was made by several");
    }
    if text("nonce") != Some(expected.nonce) {
        return wrong("it was made for another attempt");
    }
    let audiences = claims.get("aud").and_then(Value::as_array).map_or(1, Vec::len);
    if text("azp").map_or(audiences > 1, |party| party != expected.client_id) {
        return wrong("it was made for another program");
    }
    if text("sub").is_none_or(str::is_empty) {
        return wrong("it is about nobody");
    }
    Ok(claims)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::Value;

    use super::{Expected, Failure, verify};

    const EXPECTED: Expected<'_> = Expected {
        issuer: "https://login.example.com/t",
        client_id: "stopcode",
        nonce: "n-1",
    };

    /// Tokens that another library has made.
    #[derive(Deserialize)]
    struct Made {
        keys: Value,
        signed: std::collections::BTreeMap<String, String>,
        wrong: std::collections::BTreeMap<String, String>,
    }

    fn made() -> Made {
        serde_json::from_str(include_str!("id_tokens.json")).unwrap()
    }

    #[test]
    fn what_another_library_has_signed_is_proved() {
        let made = made();
        assert_eq!(made.signed.len(), 11);
        for (how, token) in &made.signed {
            let claims =
                verify(token, &made.keys, EXPECTED).unwrap_or_else(|failure| panic!("{how}: {failure:?}"));
            assert_eq!(claims["sub"], "248289761001", "{how}");
        }
    }

    #[test]
    fn nothing_else_is() {
        let made = made();
        assert_eq!(made.wrong.len(), 22);
        // Only these are about keys: perhaps a newer one would fit.
        let about_keys = [
            "changed after signing",
            "signed with a key of another kind",
            "signed with a key of its own header",
            "signed with an unknown key",
            "signed with an unknown key id",
        ];
        for (how, token) in &made.wrong {
            let failure = verify(token, &made.keys, EXPECTED).expect_err(how);
            let is_about_keys = about_keys.contains(&how.as_str());
            assert_eq!(failure == Failure::NoKey, is_about_keys, "{how}: {failure:?}");
        }
    }

    #[test]
    fn every_prefix_and_every_wrong_character_is_refused() {
        let made = made();
        let token = &made.signed["ES256"];
        for end in 0..token.len() {
            assert!(
                verify(&token[..end], &made.keys, EXPECTED).is_err(),
                "cut at {end}"
            );
        }
        // The last character holds bits that belong to no byte.
        for place in 0..token.len() - 1 {
            let mut wrong = token.clone().into_bytes();
            wrong[place] = if wrong[place] == b'A' { b'B' } else { b'A' };
            let wrong = String::from_utf8(wrong).unwrap();
            assert!(
                verify(&wrong, &made.keys, EXPECTED).is_err(),
                "changed at {place}"
            );
        }
    }

    #[test]
    fn a_key_set_that_is_none_holds_no_key() {
        let token = &made().signed["ES256"];
        for keys in [
            "null",
            "[]",
            "{}",
            r#"{"keys": 5}"#,
            r#"{"keys": [5, {}, {"kty": "EC"}, {"kty": "PQ", "kid": "p256"}]}"#,
        ] {
            let keys = serde_json::from_str(keys).unwrap();
            assert_eq!(verify(token, &keys, EXPECTED), Err(Failure::NoKey), "{keys}");
        }
    }
}
