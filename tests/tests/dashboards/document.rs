//! `docs/dashboards.md`, as far as it can be wrong: its tables and its code.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::grafana;
use crate::reader::Reader;

/// The checkout.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn text() -> String {
    std::fs::read_to_string(root().join("docs/dashboards.md")).unwrap()
}

/// What is under a heading, up to the next of its level or above.
fn section(heading: &str) -> String {
    let text = text();
    let start = text.find(&format!("{heading}\n")).expect("the heading is there") + heading.len();
    let level = heading.split(' ').next().unwrap().len();
    let lines = text[start..].lines().take_while(|line| {
        let marks = line.chars().take_while(|letter| *letter == '#').count();
        marks == 0 || marks > level
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The blocks of code of one language under a heading.
pub(crate) fn code_blocks(heading: &str, language: &str) -> Vec<String> {
    let section = section(heading);
    let mut blocks = Vec::new();
    let mut lines = section.lines().map(str::trim);
    while let Some(line) = lines.next() {
        if line == format!("```{language}") {
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push(block.join("\n"));
        }
    }
    assert!(!blocks.is_empty(), "no {language} under {heading}");
    blocks
}

/// The rows of the table under a heading: the cells without their code marks.
pub(crate) fn table(heading: &str) -> Vec<Vec<String>> {
    let rows = section(heading);
    let rows = rows.lines().filter(|line| line.starts_with("| `"));
    let cells = rows.map(|row| {
        let cells = row.trim_matches('|').split('|');
        cells
            .map(|cell| cell.replace('`', "").trim().to_owned())
            .collect()
    });
    cells.collect()
}

/// The expressions that the document recommends for alerts.
pub(crate) fn alert_expressions() -> Vec<String> {
    let section = section("## Metrics");
    let start = section.find("Worth an alert:").expect("the sentence");
    let quoted = section[start..].split('`').skip(1).step_by(2);
    let expressions: Vec<String> = quoted.map(str::to_owned).collect();
    assert!(expressions.len() >= 4, "{expressions:?}");
    expressions
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_of_views_is_what_the_database_has() {
    let database = tests::database().await;
    let there: BTreeSet<String> = sqlx::query_scalar(
        "SELECT table_name::text FROM information_schema.views WHERE table_schema = 'reporting'",
    )
    .fetch_all(&database.pool)
    .await
    .unwrap()
    .into_iter()
    .collect();
    let told: BTreeSet<String> = table("## Views").into_iter().map(|row| row[0].clone()).collect();
    assert_eq!(told, there);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queries_of_the_document_run() {
    let database = tests::database().await;
    let mut reader = Reader::connect(&database.pool).await;
    let mut queries = code_blocks("### Excel", "sql");
    queries.extend(code_blocks("## A panel from scratch", "sql"));
    assert_eq!(queries.len(), 3);
    for query in queries {
        reader.rows(&grafana::expanded(&query)).await;
    }
}
