//! What holds for every page, at a desk and on a phone, with data and without.
//!
//! The pages are found as a person finds them: by the links on the pages.

use std::collections::{BTreeSet, VecDeque};

use tests::{Server, history};

use crate::chromium::{Browser, Tab};
use crate::{DESK, PHONE, sign_in};

/// At most this many pages of one kind are looked at; lists lead to thousands.
const OF_A_KIND: usize = 2;

/// Elements that a screen reader could not name, and ids that two elements share.
const UNNAMED: &str = r"
    (() => {
        const bare = [...document.querySelectorAll('input:not([type=hidden]), select, textarea')]
            .filter(field => !field.labels?.length && !field.ariaLabel)
            .map(field => `field without a label: ${field.outerHTML}`);
        const mute = [...document.querySelectorAll('a, button')]
            .filter(one => !one.textContent.trim() && !one.ariaLabel)
            .map(one => `nothing to read: ${one.outerHTML}`);
        const pictures = [...document.querySelectorAll('svg')]
            .filter(one => one.getAttribute('aria-hidden') !== 'true' && !one.closest('[aria-hidden=true]'))
            .filter(one => !one.ariaLabel && !one.getAttribute('aria-labelledby') && !one.querySelector('title'))
            .map(one => `picture without a name: ${one.outerHTML.slice(0, 200)}`);
        const ids = [...document.querySelectorAll('[id]')].map(one => one.id);
        const twice = ids.filter((id, at) => ids.indexOf(id) !== at).map(id => `id twice: ${id}`);
        const heads = document.querySelectorAll('h1').length === 1 ? [] : ['not one h1'];
        const headless = [...document.querySelectorAll('table')]
            .filter(table => !table.querySelector('th[scope=col]'))
            .map(table => `table without heads: ${table.outerHTML.slice(0, 200)}`);
        return [...bare, ...mute, ...pictures, ...twice, ...heads, ...headless];
    })()";

/// What sticks out of the screen to the right; first what does so of itself and not in a part that scrolls.
const TOO_WIDE: &str = r"
    (() => {
        const width = document.documentElement.clientWidth;
        if (document.documentElement.scrollWidth <= width) return [];
        const scrolls = one => one && (getComputedStyle(one).overflowX !== 'visible' || scrolls(one.parentElement));
        const out = [...document.querySelectorAll('body *')]
            .filter(one => one.getBoundingClientRect().right > width);
        const causes = out.filter(one => !scrolls(one.parentElement));
        return [...causes, ...out]
            .slice(0, 5)
            .map(one => one.outerHTML.slice(0, 200));
    })()";

/// The pages that this one links to.
const LINKS: &str = r"
    [...document.querySelectorAll('a[href]')]
        .filter(link => link.origin === location.origin)
        .map(link => link.pathname + link.search)";

#[tokio::test(flavor = "multi_thread")]
async fn every_page_of_an_empty_server_is_sound() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let server = Server::start().await;
    look_at_all(&browser, &server).await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_of_a_fleet_is_sound() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let server = Server::start().await;
    let admin = server.admin();
    let imported = admin
        .post("/api/v1/import", history::of(40, history::Guilty::NewVersion))
        .await;
    assert!(imported.status().is_success());
    admin.crash_of("pc-1", tests::describe(3).to_bytes()).await;
    look_at_all(&browser, &server).await;
    browser.close().await;
}

/// A check that finds nothing must be able to find something.
#[tokio::test(flavor = "multi_thread")]
async fn the_checks_find_what_they_look_for() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let server = Server::start().await;
    let tab = sign_in(&browser, &server, PHONE).await;
    let spoil = "document.querySelector('main').innerHTML += `
        <input id=twice><button id=twice></button><svg></svg><table></table><h1>Again</h1>
        <hr>`;
        document.querySelector('main hr').style.width = '2000px';
        fetch('/no-such-page').then(() => true)";
    assert!(tab.evaluate::<bool>(spoil).await);
    let unnamed: Vec<String> = tab.evaluate(UNNAMED).await;
    assert_eq!(unnamed.len(), 6, "{unnamed:?}");
    let too_wide: Vec<String> = tab.evaluate(TOO_WIDE).await;
    assert!(!too_wide.is_empty());
    tab.until("document.readyState == 'complete'").await;
    assert!(
        tab.complaints().iter().any(|one| one.contains("/no-such-page")),
        "{:?}",
        tab.complaints()
    );
    browser.close().await;
}

/// Follows every link, and looks at each page at both widths.
async fn look_at_all(browser: &Browser, server: &Server) {
    let desk = sign_in(browser, server, DESK).await;
    let phone = browser.open(&server.base(), PHONE).await;
    let mut waiting = VecDeque::from(["/".to_owned()]);
    let mut known: BTreeSet<String> = waiting.iter().cloned().collect();
    let mut kinds: Vec<String> = Vec::new();
    while let Some(path) = waiting.pop_front() {
        let kind = kind(&path);
        if kinds.iter().filter(|seen| **seen == kind).count() >= OF_A_KIND {
            continue;
        }
        kinds.push(kind);
        for tab in [&desk, &phone] {
            tab.goto(&format!("{}{path}", server.base())).await;
            assert_is_sound(tab, &path).await;
        }
        let links: Vec<String> = desk.evaluate(LINKS).await;
        let pages = links.into_iter().filter(|link| is_page(link));
        waiting.extend(pages.filter(|link| known.insert(link.clone())));
    }
    let seen: BTreeSet<&String> = kinds.iter().collect();
    for page in [
        "/",
        "/crashes",
        "/drivers",
        "/machines",
        "/symbols",
        "/experiments",
        "/health",
    ] {
        assert!(
            seen.iter().any(|kind| *kind == page),
            "no link leads to {page}: {seen:?}"
        );
    }
}

async fn assert_is_sound(tab: &Tab, path: &str) {
    let unnamed: Vec<String> = tab.evaluate(UNNAMED).await;
    assert_eq!(unnamed, Vec::<String>::new(), "{path}");
    let too_wide: Vec<String> = tab.evaluate(TOO_WIDE).await;
    assert_eq!(too_wide, Vec::<String>::new(), "{path}");
    assert_eq!(tab.complaints(), Vec::<String>::new(), "{path}");
}

/// The API is for programs, and its reference is another project's page.
fn is_page(path: &str) -> bool {
    let others = ["/api/", "/docs", "/openapi.json", "/metrics"];
    let file = path.split('?').next().unwrap_or(path);
    !others.iter().any(|other| path.starts_with(other))
        && file.rsplit_once('.').is_none_or(|(_, kind)| kind != "csv")
}

/// A path without what names one of many: `/crashes/*?stop_code`.
fn kind(path: &str) -> String {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let mut parts = path.split('/').skip(1);
    let first = parts.next().unwrap_or_default();
    let rest: String = parts.map(|_| "/*").collect();
    let names: Vec<&str> = query
        .split('&')
        .filter_map(|pair| pair.split('=').next())
        .collect();
    let query = if query.is_empty() {
        String::new()
    } else {
        format!("?{}", names.join("&"))
    };
    format!("/{first}{rest}{query}")
}
