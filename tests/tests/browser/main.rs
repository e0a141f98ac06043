//! What people do with the pages, in a real browser against the real program.
//!
//! Skipped with a message where Debian's `chromium` is not installed, unless `STOPCODE_REQUIRE_CHROMIUM=1` says that it
//! must be there.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod chromium;
mod every_page;
mod first_start;
mod upload;
mod verdict;

use tests::Server;

use chromium::{Browser, Tab};

/// Width of a desk's screen, in pixels.
const DESK: i64 = 1440;

/// Width of a phone's screen, in pixels.
const PHONE: i64 = 390;

/// Signs in as somebody does who was given a token.
async fn sign_in(browser: &Browser, server: &Server, width: i64) -> Tab {
    let tab = browser.open(&format!("{}/sign-in", server.base()), width).await;
    tab.type_into("#token", server.admin().secret()).await;
    tab.follow("main", "Sign in").await;
    tab
}
