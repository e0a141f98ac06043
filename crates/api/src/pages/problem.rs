//! What a browser is shown when a request fails.

use askama::Template;
use wire::problem::Problem;

use super::layout::{Layout, Section, Viewer};

/// The page.
#[derive(Template)]
#[template(path = "problem.html")]
pub(crate) struct Page {
    layout: Layout,
    status: u16,
    headline: &'static str,
    detail: String,
    advice: &'static str,
    request_id: String,
}

impl Page {
    /// The page for `problem`, with the navigation if somebody is signed in.
    pub(crate) fn new(problem: &Problem, viewer: Option<&Viewer>) -> Page {
        let (headline, advice) = words(problem.status);
        Page {
            layout: Layout::new(headline, Section::Outside, viewer),
            status: problem.status,
            headline,
            detail: problem.detail.clone(),
            advice,
            request_id: problem.request_id.clone(),
        }
    }
}

fn words(status: u16) -> (&'static str, &'static str) {
    match status {
        401 => (
            "Please sign in",
            "Your session may have ended. Sign in again to go on.",
        ),
        403 => (
            "You may not see this",
            "Your token lacks the right for it. Ask whoever runs this server for a token with that scope.",
        ),
        404 => (
            "Nothing is here",
            "The address may be mistyped, or what it named has been removed by the retention period.",
        ),
        429 | 503 => ("The server is busy", "Try again in a few seconds."),
        400..=499 => (
            "That request cannot be answered",
            "Check the address and the filters.",
        ),
        _ => (
            "Something went wrong on the server",
            "It has been logged. If it happens again, give the request id below to whoever runs this server.",
        ),
    }
}
