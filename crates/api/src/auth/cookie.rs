//! The session cookie: reading it from a request and writing it into a response. How any cookie is read.

use axum::http::{HeaderMap, HeaderValue, header};

/// The name of the session cookie.
pub const SESSION_COOKIE: &str = "stopcode_session";

/// The secret in the session cookie, if the request has one.
pub(crate) fn session_secret(headers: &HeaderMap) -> Option<&str> {
    read(headers, SESSION_COOKIE)
}

/// The value of the cookie with this name, if the request has one.
pub(super) fn read<'a>(headers: &'a HeaderMap, wanted: &str) -> Option<&'a str> {
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

#[cfg(test)]
mod tests {
    use super::{session_cookie, session_secret};
    use axum::http::{HeaderMap, HeaderValue};

    #[test]
    fn the_session_is_found_among_other_cookies() {
        let mut headers = HeaderMap::new();
        headers.append("cookie", HeaderValue::from_static("a=1; xstopcode_session=no"));
        headers.append("cookie", HeaderValue::from_static("b=2; stopcode_session=yes"));
        assert_eq!(session_secret(&headers), Some("yes"));
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
