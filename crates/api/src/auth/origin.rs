//! Cross-site request forgery: an unsafe request that a browser sends with our cookie must come from our own pages.
//!
//! Current browsers say where a request comes from in `Sec-Fetch-Site`; older ones send `Origin`, which must then
//! name the host that was called. A cookie-bearing request with neither is not from any browser that a page could
//! drive (such as `curl --cookie`) and passes.

use axum::http::{HeaderMap, Method, Uri, header};

/// Whether the request may use the session cookie.
pub(crate) fn is_same_site(method: &Method, uri: &Uri, headers: &HeaderMap) -> bool {
    if method.is_safe() {
        return true;
    }
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match (text("sec-fetch-site"), text(header::ORIGIN.as_str())) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, None) => true,
        (None, Some(origin)) => {
            let host = uri
                .authority()
                .map(axum::http::uri::Authority::as_str)
                .or_else(|| text(header::HOST.as_str()));
            let origin_host = origin.split_once("://").map(|(_, host)| host);
            host.is_some() && origin_host == host
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_same_site;
    use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};

    fn post(headers: &[(&'static str, &'static str)]) -> bool {
        let headers: HeaderMap = headers
            .iter()
            .map(|&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        is_same_site(&Method::POST, &Uri::from_static("/sign-out"), &headers)
    }

    #[test]
    fn another_site_cannot_post_with_our_cookie() {
        assert!(!post(&[("sec-fetch-site", "cross-site")]));
        assert!(!post(&[("sec-fetch-site", "same-site")]));
        assert!(!post(&[
            ("host", "stopcode:8080"),
            ("origin", "http://evil:8080")
        ]));
        assert!(!post(&[("host", "stopcode:8080"), ("origin", "null")]));
    }

    #[test]
    fn our_own_pages_can() {
        assert!(post(&[("sec-fetch-site", "same-origin")]));
        assert!(post(&[
            ("host", "stopcode:8080"),
            ("origin", "http://stopcode:8080")
        ]));
    }

    #[test]
    fn reading_is_always_allowed() {
        let mut headers = HeaderMap::new();
        headers.insert("sec-fetch-site", HeaderValue::from_static("cross-site"));
        assert!(is_same_site(&Method::GET, &Uri::from_static("/"), &headers));
    }
}
