//! The first minutes with an empty server.

use tests::Server;

use crate::chromium::Browser;
use crate::{DESK, sign_in};

#[tokio::test(flavor = "multi_thread")]
async fn the_printed_link_signs_in_once_and_the_empty_page_says_what_to_do() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let server = Server::start().await;
    let link = &server.sign_in_link().await;

    let tab = browser.open(link, DESK).await;
    tab.follow("main", "Sign in").await;

    assert_eq!(tab.path().await, "/");
    assert_eq!(tab.text("h1").await, "Fleet overview");
    assert!(
        tab.text("main").await.contains("Upload a dump"),
        "{}",
        tab.text("main").await
    );
    // The link was for one person and one time.
    let second = browser.open(link, DESK).await;
    tab.follow("header", "Sign out").await;
    assert!(tab.path().await.starts_with("/sign-in"));
    second.goto(link).await;
    second.follow("main", "Sign in").await;
    assert!(
        second.path().await.starts_with("/sign-in"),
        "{}",
        second.path().await
    );
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_asks_for_the_token_and_then_shows_what_was_asked_for() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let server = Server::start().await;
    let tab = browser
        .open(&format!("{}/crashes?stop_code=0x76", server.base()), DESK)
        .await;
    assert!(tab.path().await.starts_with("/sign-in"));

    tab.type_into("#token", "not-the-token").await;
    tab.follow("main", "Sign in").await;
    assert!(
        tab.text("[role=alert]").await.contains("token"),
        "{}",
        tab.text("main").await
    );

    tab.type_into("#token", server.admin().secret()).await;
    tab.follow("main", "Sign in").await;

    assert_eq!(tab.path().await, "/crashes?stop_code=0x76");
    // The cookie holds for other pages, and is nothing that a script could read.
    let other = browser.open(&format!("{}/machines", server.base()), DESK).await;
    assert_eq!(other.path().await, "/machines");
    assert_eq!(other.evaluate::<String>("document.cookie").await, "");
    let signed_in = sign_in(&browser, &server, DESK).await;
    assert_eq!(signed_in.path().await, "/");
    browser.close().await;
}
