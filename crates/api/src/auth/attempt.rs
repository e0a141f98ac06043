//! The cookie of an attempt to sign in by an OpenID Connect provider. The server keeps nothing of an attempt; the browser
//! brings it back.

use axum::http::{HeaderMap, HeaderValue};

use super::cookie;

const ATTEMPT_COOKIE: &str = "stopcode_sign_in";

/// The longest way back that is kept while somebody signs in elsewhere.
const LONGEST_WAY_BACK: usize = 1_000;

/// The `Set-Cookie` that keeps an attempt to sign in, for a quarter of an hour: its secret, and the page to go to then.
///
/// `Lax` and not `Strict`: it must come along when another site sends the browser back.
pub(crate) fn attempt_cookie(secret: &str, next: &str, settings: &crate::Settings) -> Option<HeaderValue> {
    let secure = if settings.is_https() { "; Secure" } else { "" };
    let next = if next.len() > LONGEST_WAY_BACK { "/" } else { next };
    let next = hex::encode(next);
    HeaderValue::from_str(&format!(
        "{ATTEMPT_COOKIE}={secret}.{next}; Path=/sign-in/oidc; HttpOnly; SameSite=Lax; Max-Age=900{secure}"
    ))
    .ok()
}

/// The attempt that the browser has kept: its secret and the page to go to.
pub(crate) fn kept_attempt(headers: &HeaderMap) -> Option<(&str, String)> {
    let (secret, next) = cookie::read(headers, ATTEMPT_COOKIE)?.split_once('.')?;
    let next = String::from_utf8(hex::decode(next).ok()?).ok()?;
    Some((secret, next))
}

/// The `Set-Cookie` that makes a browser forget its attempt.
pub(crate) fn clear_attempt_cookie() -> HeaderValue {
    HeaderValue::from_static("stopcode_sign_in=; Path=/sign-in/oidc; HttpOnly; SameSite=Lax; Max-Age=0")
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue};

    use super::{attempt_cookie, kept_attempt};

    #[test]
    fn an_attempt_comes_back_with_its_way_back() {
        let kept = |next: &str| {
            let cookie = attempt_cookie("00ff", next, &crate::Settings::default()).unwrap();
            let pair = cookie.to_str().unwrap().split(';').next().unwrap().to_owned();
            let headers =
                HeaderMap::from_iter([(axum::http::header::COOKIE, HeaderValue::from_str(&pair).unwrap())]);
            let (secret, next) = kept_attempt(&headers).unwrap();
            assert_eq!(secret, "00ff");
            next
        };
        assert_eq!(kept("/crashes?a=b;c=\u{e9}"), "/crashes?a=b;c=\u{e9}");
        assert_eq!(kept(&format!("/{}", "x".repeat(5000))), "/");
    }
}
