//! Sending dumps by the form, dragged onto the page or chosen.

use std::fs;

use tests::{Server, describe};

use crate::chromium::Browser;
use crate::{DESK, sign_in};

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_that_is_dragged_onto_the_page_becomes_a_crash() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let server = Server::start().await;
    let folder = tempfile::tempdir().unwrap();
    let dump = folder.path().join("112226-9375-01.dmp");
    fs::write(&dump, describe(3).to_bytes()).unwrap();
    let tab = sign_in(&browser, &server, DESK).await;
    tab.follow("header", "Upload").await;

    tab.type_into("[name=machine]", "pc-7").await;
    tab.drop_files(".drop", &[&dump]).await;
    tab.until("document.querySelector('#sent tbody a[href^=\"/crashes/\"]') !== null")
        .await;

    let row = tab.text("#sent tbody tr").await;
    assert!(
        row.contains("112226-9375-01.dmp") && row.contains("pc-7"),
        "{row}"
    );
    tab.follow("#sent td:last-child", "").await;
    assert!(tab.path().await.starts_with("/crashes/"));
    let told = server.admin().json("/api/v1/crashes?machine=pc-7").await;
    let crash = &told["items"][0];
    let page = tab.text("main").await;
    for field in [&crash["stop_code"]["name"], &crash["signature"]] {
        assert!(
            page.contains(field.as_str().unwrap()),
            "{field} is not on\n{page}"
        );
    }
    assert_eq!(tab.complaints(), Vec::<String>::new());
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_file_that_is_no_dump_is_named_and_the_others_are_taken() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let server = Server::start().await;
    let folder = tempfile::tempdir().unwrap();
    let dump = folder.path().join("good.dmp");
    let other = folder.path().join("<img src=x onerror=alert(1)>.dmp");
    fs::write(&dump, describe(4).to_bytes()).unwrap();
    fs::write(&other, b"nothing of the kind").unwrap();
    let tab = sign_in(&browser, &server, DESK).await;
    tab.goto(&format!("{}/upload", server.base())).await;

    tab.drop_files(".drop", &[&dump, &other]).await;
    tab.until("document.querySelector('.actions a') !== null").await;

    let told = tab.texts(".sending li").await;
    assert!(
        told[0].contains("good.dmp") && told[0].contains("taken"),
        "{told:?}"
    );
    assert!(told[1].contains("<img src=x onerror=alert(1)>.dmp"), "{told:?}");
    assert!(told[1].contains("this is a text"), "{told:?}");
    tab.follow(".actions", "See what became").await;
    tab.until("document.querySelector('#sent tbody a[href^=\"/crashes/\"]') !== null")
        .await;
    assert!(tab.text("#sent tbody").await.contains("good.dmp"));
    // The browser, too, tells of the one refusal, and of nothing else.
    let complaints = tab.complaints();
    assert!(
        complaints.len() == 1 && complaints[0].contains("400"),
        "{complaints:?}"
    );
    browser.close().await;
}
