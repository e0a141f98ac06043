//! Renders every page with every sample, and looks for what must never be in a page.
//!
//! With `STOPCODE_PAGES_DIR` set to a folder, the pages and their static files are also written there, to be looked
//! at in a browser.

use std::path::{Path, PathBuf};

use askama::Template;
use wire::problem::Problem;

use super::crash::DriverOrder;
use super::sign_in::Refusal;
use super::{
    assets, audit, crash, crashes, driver, drivers, experiments, health, layout, machines, models, overview,
    problem, samples, sign_in, stop_code, symbols, tokens, upload,
};

/// A name for the file, and the page.
type Rendered = (String, String);

/// One page of this name for each of its samples.
fn each<S, P: Template>(name: &str, samples: &[S], page: impl Fn(&S) -> P) -> Vec<Rendered> {
    let rendered = samples.iter().map(|sample| page(sample).render().unwrap());
    rendered
        .enumerate()
        .map(|(index, html)| (format!("{name}-{index}"), html))
        .collect()
}

fn all_pages() -> Vec<Rendered> {
    let viewer = samples::admin();
    let viewer = Some(&viewer);
    let load = DriverOrder::Load;
    let refusals = [
        None,
        Some(Refusal::Token),
        Some(Refusal::Scope),
        Some(Refusal::Link),
    ];
    let statuses = [404, 403, 500, 401, 400, 429];
    [
        each("overview", &samples::overviews(), |one| {
            overview::Page::new(one, viewer)
        }),
        each("stop-code", &samples::stop_code_pages(), |one| {
            stop_code::Page::new(one, viewer)
        }),
        each("crashes", &samples::crash_lists(), |one| {
            crashes::Page::new(one, viewer)
        }),
        each("crash", &samples::crashes(), |one| {
            crash::Page::new(one, DriverOrder::default(), viewer)
        }),
        each("crash-anonymous", &samples::crashes(), |one| {
            crash::Page::new(one, load, None)
        }),
        each("drivers", &samples::driver_lists(), |one| {
            drivers::ListPage::new(one, viewer)
        }),
        each("driver", &samples::driver_pages(), |one| {
            driver::Page::new(one, viewer)
        }),
        each("models", &samples::model_lists(), |one| {
            models::ListPage::new(one, viewer)
        }),
        each("model", &samples::model_details(), |one| {
            models::DetailPage::new(one, viewer)
        }),
        each("machines", &samples::machine_lists(), |one| {
            machines::ListPage::new(one, viewer)
        }),
        each("machine", &samples::machine_details(), |one| {
            machines::DetailPage::new(one, viewer)
        }),
        each("experiments", &samples::experiment_lists(), |one| {
            experiments::ListPage::new(one, viewer)
        }),
        each("experiment", &samples::experiment_details(), |one| {
            experiments::DetailPage::new(one, viewer)
        }),
        each("health", &samples::healths(), |one| {
            health::Page::new(one, viewer)
        }),
        each("symbols", &samples::symbol_pages(), |one| {
            symbols::Page::new(one, viewer)
        }),
        each("upload", &samples::uploads(), |one| {
            upload::Page::new(one, viewer)
        }),
        each("sign-in", &refusals, |one| {
            sign_in::Page::new(*one, &samples::hostile(), None)
        }),
        each("sign-in-oidc", &refusals, |one| {
            sign_in::Page::new(*one, &samples::hostile(), Some(&samples::hostile()))
        }),
        each("sign-in-link", &[samples::hostile()], |one| {
            sign_in::LinkPage::new(one, one)
        }),
        each("tokens", &samples::token_pages(), |one| {
            tokens::Page::new(one, viewer)
        }),
        each("audit", &samples::audits(), |one| audit::Page::new(one, viewer)),
        each("problem", &statuses, |one| {
            problem::Page::new(&a_problem(*one), None)
        }),
        each("problem-signed-in", &statuses, |one| {
            problem::Page::new(&a_problem(*one), viewer)
        }),
    ]
    .concat()
}

fn a_problem(status: u16) -> Problem {
    Problem {
        kind: "x".to_owned(),
        title: "x".to_owned(),
        status,
        detail: format!("there is no crash {}", samples::hostile()),
        request_id: "0199abcd".to_owned(),
    }
}

#[test]
fn hostile_text_is_never_markup_on_any_page() {
    for (name, html) in all_pages() {
        assert!(!html.contains("<script>alert"), "{name}");
        assert!(!html.contains("<img/src"), "{name}");
        assert!(!html.contains("\"'>"), "{name}");
    }
}

#[test]
fn no_page_needs_an_inline_script_or_style_or_another_server() {
    for (name, html) in all_pages() {
        assert_eq!(html.matches("<script").count(), 1, "{name}");
        for forbidden in [
            " style=\"",
            "<style",
            " onclick",
            "src=\"http",
            "href=\"http",
            "javascript:",
        ] {
            assert!(!html.contains(forbidden), "{name} has {forbidden}");
        }
    }
}

#[test]
fn no_page_shows_a_number_that_is_none() {
    for (name, html) in all_pages() {
        for forbidden in [">NaN", " NaN", "\"NaN", ">inf", " inf<", "None)", "Some("] {
            assert!(!html.contains(forbidden), "{name} has {forbidden}");
        }
    }
}

#[test]
fn every_page_has_a_title_a_language_one_headline_and_a_main_part() {
    for (name, html) in all_pages() {
        assert!(
            html.contains("<html lang=\"en\">") && html.contains("· Stopcode</title>"),
            "{name}"
        );
        assert_eq!(html.matches("<h1").count(), 1, "{name}");
        assert_eq!(html.matches("<main id=\"main\">").count(), 1, "{name}");
    }
}

#[test]
fn a_locked_pages_dump_is_sent_to_the_fleet_for_its_answer() {
    let [_, locked, ..] = samples::crashes();
    let html = crash::Page::new(&locked, DriverOrder::default(), None)
        .render()
        .unwrap();
    assert!(html.contains("This dump alone cannot tell"));
    assert!(html.contains("/stop-codes/0x76#suspects"));
    assert!(!html.contains("Probable driver</span>"));
}

#[test]
fn a_thousand_versions_are_paged_and_pictures_stay_small() {
    let [_, many, ..] = samples::driver_pages();
    let html = driver::Page::new(&many, None).render().unwrap();
    let table = html.split("id=\"versions\"").nth(1).unwrap();
    let table = table.split("id=\"matrix\"").next().unwrap();
    assert_eq!(table.matches("<th scope=\"row\"").count(), 50);
    assert!(table.contains("1–50 of 1,000") && table.contains("page=2"));
    let matrix = html.split("id=\"matrix\"").nth(1).unwrap();
    assert!(matrix.matches("<th scope=\"row\"").count() <= 13);
    // The one that crashes is shown by itself, wherever it is in the table.
    assert!(matrix.contains(">10.0.412.1<"));
    assert!(html.len() < 200_000, "{} bytes", html.len());
}

#[test]
fn what_is_counted_is_the_same_on_the_page_and_in_its_downloads() {
    let [_, _, only, ..] = samples::driver_pages();
    let html = driver::Page::new(&only, None).render().unwrap();
    let query = "?from=2026-08-24&#38;to=2026-11-22&#38;stop_code=0x76";
    for path in ["", "/weeks", "/models"] {
        let address = format!("/api/v1/drivers/acmecap.sys{path}.csv{query}");
        assert!(html.contains(&address), "{address}");
    }
    assert!(html.contains("without a 0x76"));
}

#[test]
fn the_raw_dump_is_linked_only_for_those_who_may_have_it() {
    let [usual, ..] = samples::crashes();
    let link = format!("/api/v1/dumps/{}/raw", usual.dump_id.unwrap());
    let page = |viewer: layout::Viewer| {
        crash::Page::new(&usual, DriverOrder::default(), Some(&viewer))
            .render()
            .unwrap()
    };
    assert!(page(samples::admin()).contains(&link));
    assert!(!page(samples::reader()).contains(&link));
}

#[test]
fn drivers_of_other_makers_come_first_unless_load_order_is_asked_for() {
    let [usual, ..] = samples::crashes();
    let first = |order| {
        let html = crash::Page::new(&usual, order, None).render().unwrap();
        let table = html.split("id=\"drivers\"").nth(1).unwrap().to_owned();
        table.find("acmecap.sys</a>").unwrap() < table.find("ntoskrnl.exe</a>").unwrap()
    };
    assert!(first(DriverOrder::ThirdPartyFirst));
    assert!(!first(DriverOrder::Load));
}

#[test]
fn a_page_of_dumps_that_wait_looks_again_until_they_are_read() {
    let [mixed, read, ..] = samples::uploads();
    let page = |facts| {
        upload::Page::new(facts, Some(&samples::admin()))
            .render()
            .unwrap()
    };
    let waiting = page(&mixed);
    assert!(waiting.contains("data-refresh=\"/upload?dumps=") && waiting.contains("http-equiv=\"refresh\""));
    assert!(!page(&read).contains("data-refresh"));
    assert!(!page(&read).contains("http-equiv=\"refresh\""));
}

#[test]
fn only_an_administrator_is_led_to_tokens_and_the_audit() {
    let [usual, ..] = samples::healths();
    let page = |viewer: layout::Viewer| health::Page::new(&usual, Some(&viewer)).render().unwrap();
    for href in ["href=\"/tokens\"", "href=\"/audit\"", "href=\"/upload\""] {
        assert!(page(samples::admin()).contains(href));
        assert!(!page(samples::reader()).contains(href));
    }
}

#[test]
fn a_new_token_is_shown_on_the_answer_to_its_form_alone() {
    let [made, usual, ..] = samples::token_pages();
    let page = |facts| {
        tokens::Page::new(facts, Some(&samples::admin()))
            .render()
            .unwrap()
    };
    assert!(page(&made).contains("stopcode_00ff"));
    assert!(!page(&usual).contains("stopcode_"));
    // One row works, one is revoked, one has expired.
    assert_eq!(page(&usual).matches("/revoke\"").count(), 1);
}

#[test]
fn only_an_administrator_is_offered_a_retry() {
    let [busy, ..] = samples::healths();
    let page = |viewer: layout::Viewer| health::Page::new(&busy, Some(&viewer)).render().unwrap();
    assert!(page(samples::admin()).contains("/retry"));
    assert!(!page(samples::reader()).contains("/retry"));
}

#[test]
fn only_an_administrator_is_offered_to_start_or_cancel_an_experiment() {
    let [usual, ..] = samples::experiment_lists();
    let running = samples::experiment_details().remove(0);
    let pages = |viewer: layout::Viewer| {
        let list = experiments::ListPage::new(&usual, Some(&viewer))
            .render()
            .unwrap();
        let one = experiments::DetailPage::new(&running, Some(&viewer))
            .render()
            .unwrap();
        (
            list.contains("action=\"/experiments\""),
            one.contains("/cancel\""),
        )
    };
    assert_eq!(pages(samples::admin()), (true, true));
    assert_eq!(pages(samples::reader()), (false, false));
}

#[test]
fn pages_are_written_for_looking_at_when_a_folder_is_named() {
    let Some(folder) = std::env::var_os("STOPCODE_PAGES_DIR").map(PathBuf::from) else {
        return;
    };
    std::fs::create_dir_all(folder.join("static")).unwrap();
    for (name, html) in all_pages() {
        std::fs::write(folder.join(name).with_extension("html"), html).unwrap();
    }
    let sources: [(String, &[u8]); 3] = [
        (assets::style(), include_bytes!("../../static/stopcode.css")),
        (assets::script(), include_bytes!("../../static/stopcode.js")),
        (assets::icon(), include_bytes!("../../static/icon.svg")),
    ];
    for (path, body) in sources {
        std::fs::write(folder.join(Path::new(path.trim_start_matches('/'))), body).unwrap();
    }
}
