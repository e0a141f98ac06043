//! Tables as CSV (RFC 4180), safe to open in a spreadsheet.
//!
//! Names of drivers, machines and processes are strangers' text. A spreadsheet runs a cell that starts with `=`,
//! `+`, `-`, `@`, a tab or a line end as a formula, so such a text gets an apostrophe in front. Numbers are ours
//! and stay as they are. A `.csv` address starts with a byte order mark, because Excel takes a file without one for
//! the local code page; an `Accept: text/csv` answer has none, because programs stumble over it.

use std::fmt::Display;

use ::time::format_description::well_known::Rfc3339;
use ::time::{Date, OffsetDateTime};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

use super::Format;

/// Something with rows.
pub(crate) trait Table {
    /// The columns; their names stay.
    const COLUMNS: &'static [&'static str];

    /// One cell for each column.
    fn cells(&self) -> Vec<Cell>;
}

/// One cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cell {
    /// Nothing.
    Empty,
    /// Our own number, time or word.
    Plain(String),
    /// A stranger's text.
    Text(String),
}

impl Cell {
    /// Our own number or word.
    pub(crate) fn plain(value: impl Display) -> Cell {
        Cell::Plain(value.to_string())
    }

    /// Our own number or word, if there is one.
    pub(crate) fn maybe(value: Option<impl Display>) -> Cell {
        value.map_or(Cell::Empty, Cell::plain)
    }

    /// A stranger's text.
    pub(crate) fn text(value: &str) -> Cell {
        Cell::Text(value.to_owned())
    }

    /// A stranger's text, if there is one.
    pub(crate) fn maybe_text(value: Option<&str>) -> Cell {
        value.map_or(Cell::Empty, Cell::text)
    }
}

/// A time as in JSON.
pub(crate) fn time(at: OffsetDateTime) -> Cell {
    Cell::Plain(at.format(&Rfc3339).unwrap_or_default())
}

/// A day as in JSON.
pub(crate) fn date(day: Date) -> Cell {
    Cell::plain(day)
}

/// The table as a response.
pub(super) fn response<T: Table>(rows: &[T], format: Format) -> Response {
    let mut body = String::new();
    if format == Format::CsvFile {
        body.push('\u{feff}');
    }
    write(&mut body, rows);
    let kind = HeaderValue::from_static("text/csv; charset=utf-8; header=present");
    let mut response = ([(header::CONTENT_TYPE, kind)], body).into_response();
    if format == Format::CsvFile {
        let download = HeaderValue::from_static("attachment");
        response
            .headers_mut()
            .insert(header::CONTENT_DISPOSITION, download);
    }
    response
}

fn write<T: Table>(body: &mut String, rows: &[T]) {
    body.push_str(&T::COLUMNS.join(","));
    body.push_str("\r\n");
    for row in rows {
        for (index, cell) in row.cells().iter().enumerate() {
            if index > 0 {
                body.push(',');
            }
            write_cell(body, cell);
        }
        body.push_str("\r\n");
    }
}

fn write_cell(body: &mut String, cell: &Cell) {
    match cell {
        Cell::Empty => {}
        Cell::Plain(text) => quote(body, text, ""),
        Cell::Text(text) => quote(body, text, if is_formula(text) { "'" } else { "" }),
    }
}

fn is_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n'])
}

fn quote(body: &mut String, text: &str, guard: &str) {
    if text.contains([',', '"', '\r', '\n']) {
        body.push('"');
        body.push_str(guard);
        body.push_str(&text.replace('"', "\"\""));
        body.push('"');
    } else {
        body.push_str(guard);
        body.push_str(text);
    }
}

#[cfg(test)]
mod tests {
    use super::{Cell, Table, write};

    struct Row(Vec<Cell>);

    impl Table for Row {
        const COLUMNS: &'static [&'static str] = &["name", "count"];

        fn cells(&self) -> Vec<Cell> {
            self.0.clone()
        }
    }

    fn line(cells: Vec<Cell>) -> String {
        let mut body = String::new();
        write(&mut body, &[Row(cells)]);
        body.strip_prefix("name,count\r\n").unwrap().to_owned()
    }

    #[test]
    fn a_module_name_cannot_become_a_formula() {
        assert_eq!(
            line(vec![Cell::text("=HYPERLINK(\"http://evil\",1)"), Cell::plain(-1)]),
            "\"'=HYPERLINK(\"\"http://evil\"\",1)\",-1\r\n"
        );
        for text in ["+1", "-1", "@a", "\ta"] {
            assert!(line(vec![Cell::text(text)]).starts_with('\''), "{text:?}");
        }
    }

    #[test]
    fn commas_quotes_and_line_ends_are_quoted() {
        assert_eq!(
            line(vec![Cell::text("Acme, \"Inc\"\n"), Cell::Empty]),
            "\"Acme, \"\"Inc\"\"\n\",\r\n"
        );
    }
}
