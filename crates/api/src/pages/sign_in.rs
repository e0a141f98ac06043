//! `/sign-in`: a form for a token, or the button of a one-time link; and where a browser may be sent afterwards.

use askama::Template;

use super::layout::{Layout, Section};

/// What went wrong with an attempt to sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The token is unknown, revoked or expired.
    Token,
    /// The token is good but may not read.
    Scope,
    /// The one-time link was used before or has expired.
    Link,
}

impl Refusal {
    /// The reason as it is recorded.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Refusal::Token => "unknown, revoked or expired token",
            Refusal::Scope => "token that may not read",
            Refusal::Link => "used or expired link",
        }
    }
}

/// The page of a one-time link: its button uses it up.
#[derive(Template)]
#[template(path = "sign_in_link.html")]
pub(crate) struct LinkPage {
    layout: Layout,
    link: String,
    next: String,
}

impl LinkPage {
    /// The button for `link`; after signing in it leads to `next`.
    pub(crate) fn new(link: &str, next: &str) -> LinkPage {
        LinkPage {
            layout: Layout::new("Sign in", Section::Outside, None),
            link: link.to_owned(),
            next: next.to_owned(),
        }
    }
}

/// The page.
#[derive(Template)]
#[template(path = "sign_in.html")]
pub(crate) struct Page {
    layout: Layout,
    refusal: Option<&'static str>,
    next: String,
}

impl Page {
    /// The form, with the reason of the last refusal; after signing in it leads to `next`.
    pub(crate) fn new(refusal: Option<Refusal>, next: &str) -> Page {
        Page {
            layout: Layout::new("Sign in", Section::Outside, None),
            refusal: refusal.map(|refusal| match refusal {
                Refusal::Token => "That token is not known, was revoked or has expired.",
                Refusal::Scope => "That token may not read pages. Use one with the scope read or admin.",
                Refusal::Link => "That link has been used or has expired. Sign in with a token, or start the server again for a new link.",
            }),
            next: next.to_owned(),
        }
    }
}

/// `next` if it is a path on this server, `/` for anything else.
///
/// Browsers read `//host`, `/\host` and paths with control characters in them as other servers' addresses.
pub(crate) fn way_back(next: Option<&str>) -> &str {
    let Some(path) = next else { return "/" };
    let plain = path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let ours = path.starts_with('/') && !path.starts_with("//");
    if plain && ours && !path.starts_with("/sign-") {
        path
    } else {
        "/"
    }
}

#[cfg(test)]
mod tests {
    use super::way_back;

    #[test]
    fn the_way_back_stays_on_this_server() {
        for evil in [
            "https://evil.example/",
            "//evil.example",
            "/\\evil.example",
            "/\t/evil.example",
            "javascript:alert(1)",
            "evil",
            "",
            "/a\r\nSet-Cookie: a=b",
        ] {
            assert_eq!(way_back(Some(evil)), "/", "{evil:?}");
        }
    }

    #[test]
    fn a_page_of_ours_is_reached_with_its_filters() {
        let page = "/crashes?stop_code=0x76&machine=a%20b";
        assert_eq!(way_back(Some(page)), page);
        assert_eq!(way_back(None), "/");
    }

    #[test]
    fn signing_in_never_leads_back_to_signing_out() {
        assert_eq!(way_back(Some("/sign-out")), "/");
    }
}
