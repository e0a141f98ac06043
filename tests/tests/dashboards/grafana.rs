//! The dashboards: every query of every panel asks for what is there.
//!
//! SQL runs in the role of dashboards, with Grafana's macros and variables replaced as Grafana does it. `PromQL` is read,
//! and each metric in it must be one that a server tells, with the labels it has.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::document::{self, root};
use crate::exposition::Family;
use crate::metrics;
use crate::planted::Planted;
use crate::promql::{self, Selector};
use crate::reader::Reader;

fn dashboards() -> Vec<(String, Value)> {
    let folder = std::fs::read_dir(root().join("dashboards/grafana")).unwrap();
    let files = folder.map(|entry| entry.unwrap().path());
    let read = files.map(|path| {
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, serde_json::from_str(&text).unwrap())
    });
    read.collect()
}

/// The texts under a key, wherever they are: panels, rows in rows, annotations.
fn collect(value: &Value, key: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, inner) in fields {
                match inner {
                    Value::String(text) if name == key => found.push(text.clone()),
                    _ => collect(inner, key, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, key, found)),
        _ => {}
    }
}

fn texts(key: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (_, dashboard) in dashboards() {
        collect(&dashboard, key, &mut found);
    }
    found
}

/// The queries of variables; those of data sources are none.
fn variable_queries() -> Vec<String> {
    let dashboards = dashboards();
    let variables = dashboards
        .iter()
        .flat_map(|(_, dashboard)| dashboard["templating"]["list"].as_array().unwrap());
    let queries = variables.filter(|variable| variable["type"] == "query");
    queries
        .map(|variable| variable["query"].as_str().unwrap().to_owned())
        .collect()
}

const FROM: &str = "'2026-01-01T00:00:00Z'";
const TO: &str = "'2027-12-31T23:59:59Z'";

/// A query as Grafana sends it: macros of its source for PostgreSQL expanded, variables filled in.
pub(crate) fn expanded(sql: &str) -> String {
    let mut sql = sql
        .replace("$__timeFrom()", FROM)
        .replace("$__timeTo()", TO)
        .replace("$stop_code", "'0x76','0x161'")
        .replace("$driver", "acmecap.sys");
    while let Some(start) = sql.find("$__") {
        let open = start
            + sql[start..]
                .find('(')
                .unwrap_or_else(|| panic!("a macro without arguments: {sql}"));
        let close = open + sql[open..].find(')').expect("an end of the arguments");
        let arguments: Vec<&str> = sql[open + 1..close].split(',').map(str::trim).collect();
        let expansion = match (&sql[start..open], &arguments[..]) {
            ("$__timeFilter", [column]) => format!("{column} BETWEEN {FROM} AND {TO}"),
            ("$__timeGroup", [column, "'1h'"]) => format!("floor(extract(epoch from {column})/3600)*3600"),
            (name, _) => panic!("an unknown macro {name} in {sql}"),
        };
        sql.replace_range(start..=close, &expansion);
    }
    assert!(!sql.contains('$'), "a variable that nobody fills in: {sql}");
    sql
}

#[tokio::test(flavor = "multi_thread")]
async fn every_sql_query_of_every_panel_runs_as_the_role_of_dashboards() {
    let planted = Planted::start().await;
    planted.suspects().await;
    planted.admin.crash_of("m1", tests::dump(3)).await;
    let mut reader = Reader::connect(&planted.database.pool).await;
    let mut queries = texts("rawSql");
    queries.extend(variable_queries());
    assert!(queries.len() > 20, "{}", queries.len());
    let mut empty = Vec::new();
    for query in queries {
        if reader.rows(&expanded(&query)).await.is_empty() {
            empty.push(query);
        }
    }
    // The fleet may have had no alert; everything else must show something.
    empty.retain(|query| !query.contains("reporting.alerts"));
    assert_eq!(empty, Vec::<String>::new());
}

fn selectors(expression: &str) -> Vec<Selector> {
    let expression = expression.replace("$__rate_interval", "1m");
    let selectors = promql::selectors(&expression).unwrap_or_else(|error| panic!("{error}\n{expression}"));
    assert!(!selectors.is_empty(), "{expression}");
    selectors
}

/// The series must be there, with every label that the query narrows it by or keeps, and a value that it can have.
fn check_selector(selector: &Selector, families: &BTreeMap<String, Family>) {
    let name = &selector.name;
    let base = name.strip_suffix("_bucket").unwrap_or(name);
    let family = families.get(base).unwrap_or_else(|| panic!("no metric {name}"));
    assert_eq!(family.kind == "histogram", name != base, "{name}");
    for (label, value) in &selector.matchers {
        let values = family.label(label);
        assert!(values.contains(&**value), "{name}: {label} is {values:?}");
    }
    for label in &selector.kept {
        assert!(!family.label(label).is_empty(), "{name} has no {label}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_promql_query_asks_for_metrics_that_a_server_tells() {
    let mut planted = Planted::start().await;
    planted.suspects().await;
    planted.server = planted.server.restart().await;
    let families = metrics::figures(&planted.server).await;
    let mut expressions = texts("expr");
    assert!(expressions.len() > 25, "{}", expressions.len());
    expressions.extend(document::alert_expressions());
    let mut asked = BTreeSet::new();
    for selector in expressions.iter().flat_map(|expression| selectors(expression)) {
        check_selector(&selector, &families);
        asked.insert(
            selector
                .name
                .strip_suffix("_bucket")
                .unwrap_or(&selector.name)
                .to_owned(),
        );
    }
    // What nobody looks at need not be counted.
    let unseen = families.keys().filter(|name| !asked.contains(*name));
    let unseen: Vec<&str> = unseen.map(String::as_str).collect();
    assert_eq!(unseen, ["stopcode_build_info"]);
}

#[test]
fn panels_have_names_places_and_the_source_of_their_dashboard() {
    for (name, dashboard) in dashboards() {
        let variable = format!(
            "${{{}}}",
            dashboard["templating"]["list"][0]["name"].as_str().unwrap()
        );
        let mut ids = BTreeSet::new();
        let mut places = Vec::new();
        for panel in dashboard["panels"].as_array().unwrap() {
            assert!(ids.insert(panel["id"].as_u64().unwrap()), "{name}: {panel}");
            assert!(!panel["title"].as_str().unwrap().is_empty(), "{name}");
            assert_eq!(panel["datasource"]["uid"], variable, "{name}: {}", panel["title"]);
            let side = |key: &str| panel["gridPos"][key].as_u64().unwrap();
            let place = (side("x"), side("y"), side("w"), side("h"));
            assert!(place.0 + place.2 <= 24, "{name}: {}", panel["title"]);
            assert!(
                !places.iter().any(|other| overlap(place, *other)),
                "{name}: {}",
                panel["title"]
            );
            places.push(place);
        }
        assert!(places.len() > 10, "{name}");
    }
}

fn overlap(one: (u64, u64, u64, u64), other: (u64, u64, u64, u64)) -> bool {
    one.0 < other.0 + other.2
        && other.0 < one.0 + one.2
        && one.1 < other.1 + other.3
        && other.1 < one.1 + one.3
}
