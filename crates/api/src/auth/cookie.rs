//! Cookies, read from requests and written into responses: that of a session, and that of an attempt to sign in by
//! another service.

use axum::http::{HeaderMap, HeaderValue, header};

/// The name of the session cookie.
pub const SESSION_COOKIE: &str = "stopcode_session";

/// The name of the cookie of an attempt to sign in.
#[cfg(feature = "oidc")]
const ATTEMPT_COOKIE: &str = "stopcode_sign_in";

/// The value of the session cookie, if the request has one.
pub(crate) fn read(headers: &HeaderMap) -> Option<&str> {
    value(headers, SESSION_COOKIE)
}

fn value<'a>(headers: &'a HeaderMap, wanted: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(name, value)| (name == wanted).then_some(value))
}

/// The `Set-Cookie` that opens a session: `secret` is the session's random text as hex.
///
/// It ends with the browser; the server ends it earlier when the session expires. `Secure` is set by
/// [`Settings::is_https`](crate::Settings::is_https).
pub fn session_cookie(secret: &str, settings: &crate::Settings) -> Option<HeaderValue> {
    let secure = if settings.is_https() { "; Secure" } else { "" };
    HeaderValue::from_str(&format!(
        "{SESSION_COOKIE}={secret}; Path=/; HttpOnly; SameSite=Lax{secure}"
    ))
    .ok()
}

/// The `Set-Cookie` that makes a browser forget its session.
pub fn clear_cookie() -> HeaderValue {
    HeaderValue::from_static("stopcode_session=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0")
}

/// The longest way back that is kept while somebody signs in elsewhere.
#[cfg(feature = "oidc")]
const LONGEST_WAY_BACK: usize = 1_000;

/// The `Set-Cookie` that keeps an attempt to sign in, for a quarter of an hour: its secret, and the page to go to then.
///
/// `Lax` and not `Strict`: it must come along when another site sends the browser back.
#[cfg(feature = "oidc")]
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
#[cfg(feature = "oidc")]
pub(crate) fn kept_attempt(headers: &HeaderMap) -> Option<(&str, String)> {
    let (secret, next) = value(headers, ATTEMPT_COOKIE)?.split_once('.')?;
    let next = String::from_utf8(hex::decode(next).ok()?).ok()?;
    Some((secret, next))
}

/// The `Set-Cookie` that makes a browser forget its attempt.
#[cfg(feature = "oidc")]
pub(crate) fn clear_attempt_cookie() -> HeaderValue {
    HeaderValue::from_static("stopcode_sign_in=; Path=/sign-in/oidc; HttpOnly; SameSite=Lax; Max-Age=0")
}

#[cfg(test)]
mod tests {
    use super::{read, session_cookie};
    use axum::http::{HeaderMap, HeaderValue};

    #[test]
    fn the_session_is_found_among_other_cookies() {
        let mut headers = HeaderMap::new();
        headers.append("cookie", HeaderValue::from_static("a=1; xstopcode_session=no"));
        headers.append("cookie", HeaderValue::from_static("b=2; stopcode_session=yes"));
        assert_eq!(read(&headers), Some("yes"));
    }

    #[cfg(feature = "oidc")]
    #[test]
    fn an_attempt_comes_back_with_its_way_back() {
        use super::{attempt_cookie, kept_attempt};
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

    #[test]
    fn the_cookie_is_secure_when_users_come_by_https() {
        let https = crate::Settings {
            public_url: Some("https://stopcode.example.com".into()),
            ..Default::default()
        };
        let text = |settings| {
            session_cookie("00ff", &settings)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned()
        };
        assert!(text(https).ends_with("; Secure"));
        assert!(!text(crate::Settings::default()).contains("Secure"));
    }
}
