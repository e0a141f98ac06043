//! `/sign-in`: a form for a token, or the button of a one-time link; and where a browser may be sent afterwards.

use askama::Template;

use super::layout::{Layout, Section};
use super::show;

/// What went wrong with an attempt to sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(
    not(feature = "oidc"),
    expect(dead_code, reason = "without a provider nobody is refused by one")
)]
pub(crate) enum Refusal {
    /// The token is unknown, revoked or expired.
    Token,
    /// The token is good but may not read.
    Scope,
    /// The one-time link was used before or has expired.
    Link,
    /// Somebody came back from the provider with what this browser has not begun.
    NotBegunHere,
    /// The provider let them not in.
    Provider,
    /// What the provider answered cannot be used.
    Answer,
    /// The provider did not answer.
    NoAnswer,
    /// They are known, but none of their roles may read.
    Role,
}

impl Refusal {
    /// The reason as it is recorded.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Refusal::Token => "unknown, revoked or expired token",
            Refusal::Scope => "token that may not read",
            Refusal::Link => "used or expired link",
            Refusal::NotBegunHere => "answer of the provider to another browser",
            Refusal::Provider => "refused by the provider",
            Refusal::Answer => "answer of the provider that proves nothing",
            Refusal::NoAnswer => "provider that did not answer",
            Refusal::Role => "no role that may read",
        }
    }

    /// The same for who is refused.
    fn sentence(self) -> &'static str {
        match self {
            Refusal::Token => "That token is not known, was revoked or has expired.",
            Refusal::Scope => "That token may not read pages. Use one with the scope read or admin.",
            Refusal::Link => {
                "That link has been used or has expired. Sign in with a token, or start the server again for a new link."
            }
            Refusal::NotBegunHere => {
                "That sign-in was begun in another window, or too long ago. Please begin again."
            }
            Refusal::Provider => "The sign-in service did not let you in.",
            Refusal::Answer => {
                "The sign-in service's answer cannot be used. The reason is in this server's log."
            }
            Refusal::NoAnswer => "The sign-in service does not answer. Try again in a minute.",
            Refusal::Role => {
                "The sign-in service knows you, but none of your roles may read here. Ask an administrator of Stopcode."
            }
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

/// A way in by another service.
struct Way {
    name: String,
    href: String,
}

/// The page.
#[derive(Template)]
#[template(path = "sign_in.html")]
pub(crate) struct Page {
    layout: Layout,
    refusal: Option<&'static str>,
    next: String,
    single_sign_on: Option<Way>,
}

impl Page {
    /// The form, with the reason of the last refusal; after signing in it leads to `next`. Beside it a way by the
    /// service that people call `single_sign_on`.
    pub(crate) fn new(refusal: Option<Refusal>, next: &str, single_sign_on: Option<&str>) -> Page {
        Page {
            layout: Layout::new("Sign in", Section::Outside, None),
            refusal: refusal.map(Refusal::sentence),
            next: next.to_owned(),
            single_sign_on: single_sign_on.map(|name| Way {
                name: name.to_owned(),
                href: show::address("/sign-in/oidc", &[("next", next)]),
            }),
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
