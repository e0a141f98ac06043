//! Lists: limits, opaque cursors, `Link` headers, JSON or CSV.
//!
//! A list handler takes a [`ListRequest`], asks the store for at most [`ListRequest::limit`] items after
//! [`ListRequest::cursor`], and answers with [`ListRequest::answer`].

mod csv;
mod cursor;
mod moment;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use wire::page::Page;

pub(crate) use csv::{Cell, Table, date, time};
pub(crate) use cursor::{decode as decode_cursor, encode as opaque_cursor};
pub(crate) use moment::{WindowQuery, first_moment, moment_after};

use crate::error::ApiError;

/// Items on a page when the client does not say.
const DEFAULT_LIMIT: u32 = 50;

/// Most items on a page; who asks for more gets this many.
const MAX_LIMIT: u32 = 500;

/// JSON or CSV.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// JSON.
    Json,
    /// CSV, asked for by `Accept`.
    Csv,
    /// CSV, asked for by the suffix `.csv`: a download for a spreadsheet.
    CsvFile,
}

/// A name that ends the path, without the suffix that asks for CSV.
pub(crate) fn without_suffix(name: &str) -> &str {
    name.strip_suffix(".csv").unwrap_or(name)
}

/// What a client asks of a list.
#[derive(Debug, Clone)]
pub(crate) struct ListRequest {
    /// At most so many items.
    pub(crate) limit: u32,
    /// JSON or CSV.
    pub(crate) format: Format,
    asked_limit: Option<u32>,
    cursor: Option<String>,
    uri: Uri,
}

impl<S: Send + Sync> FromRequestParts<S> for ListRequest {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        let uri = parts.uri.clone();
        let asked = query_value(&uri, "limit");
        let limit = limit(asked)?;
        Ok(ListRequest {
            limit,
            asked_limit: asked.map(|_| limit),
            format: format(&uri, &parts.headers),
            cursor: query_value(&uri, "cursor").map(str::to_owned),
            uri,
        })
    }
}

impl ListRequest {
    /// The limit if the client gave one, for links to further pages.
    pub(crate) fn asked_limit(&self) -> Option<u32> {
        self.asked_limit
    }

    /// The cursor as it was sent, for links to this page in another form.
    pub(crate) fn asked_cursor(&self) -> Option<String> {
        self.cursor.clone()
    }

    /// The key to continue after; `None` on the first page.
    ///
    /// # Errors
    ///
    /// [`ApiError::Invalid`] if the cursor is none that this list gave out.
    pub(crate) fn cursor<K: DeserializeOwned>(&self) -> Result<Option<K>, ApiError> {
        self.cursor.as_deref().map(cursor::decode).transpose()
    }

    /// The answer: one page in the format asked for, and the way to the next.
    pub(crate) fn answer<T: Table + Serialize, K: Serialize>(
        &self,
        items: Vec<T>,
        next: Option<&K>,
    ) -> Response {
        self.answer_as(items, next, |items, next_cursor| Page { items, next_cursor })
    }

    /// The same, with a body of another shape: from the items and the cursor of the next page.
    pub(crate) fn answer_as<T: Table, K: Serialize, B: Serialize>(
        &self,
        items: Vec<T>,
        next: Option<&K>,
        body: impl FnOnce(Vec<T>, Option<String>) -> B,
    ) -> Response {
        let next_cursor = next.map(cursor::encode);
        let link = next_cursor.as_deref().and_then(|cursor| self.link(cursor));
        let mut response = match self.format {
            Format::Json => axum::Json(body(items, next_cursor)).into_response(),
            Format::Csv | Format::CsvFile => csv::response(&items, self.format),
        };
        if let Some(link) = link {
            response.headers_mut().insert(header::LINK, link);
        }
        response
    }

    /// One page of a list that is short enough to be read whole.
    pub(crate) fn answer_whole<T: Table + Serialize>(&self, items: Vec<T>) -> Result<Response, ApiError> {
        let start: usize = self.cursor()?.unwrap_or(0);
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let end = start.saturating_add(limit);
        let next = (items.len() > end).then_some(end);
        let items = items.into_iter().skip(start).take(limit).collect();
        Ok(self.answer(items, next.as_ref()))
    }

    /// `<same address with the cursor>; rel="next"`.
    fn link(&self, cursor: &str) -> Option<HeaderValue> {
        let kept = self
            .uri
            .query()
            .unwrap_or_default()
            .split('&')
            .filter(|pair| !pair.is_empty() && !pair.starts_with("cursor=") && !pair.starts_with("key="));
        let mut query: Vec<&str> = kept.collect();
        let cursor = format!("cursor={cursor}");
        query.push(&cursor);
        let address = format!("<{}?{}>; rel=\"next\"", self.uri.path(), query.join("&"));
        HeaderValue::from_str(&address).ok()
    }
}

/// A table as JSON (`whole`) or as CSV (`rows`).
pub(crate) fn answer_detail<T: Serialize, R: Table>(whole: &T, rows: &[R], format: Format) -> Response {
    match format {
        Format::Json => axum::Json(whole).into_response(),
        Format::Csv | Format::CsvFile => csv::response(rows, format),
    }
}

/// A table as a CSV file, whatever the client accepts.
pub(crate) fn csv_file<R: Table>(rows: &[R]) -> Response {
    csv::response(rows, Format::CsvFile)
}

/// The raw text of a query parameter whose values need no decoding.
fn query_value<'a>(uri: &'a Uri, name: &str) -> Option<&'a str> {
    uri.query()?
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find_map(|(key, value)| (key == name && !value.is_empty()).then_some(value))
}

fn limit(text: Option<&str>) -> Result<u32, ApiError> {
    match text.map(str::parse::<u32>) {
        None => Ok(DEFAULT_LIMIT),
        Some(Ok(limit)) if limit > 0 => Ok(limit.min(MAX_LIMIT)),
        Some(_) => Err(ApiError::invalid("`limit` must be a number from 1 to 500")),
    }
}

fn format(uri: &Uri, headers: &HeaderMap) -> Format {
    if uri.path().strip_suffix(".csv").is_some() {
        return Format::CsvFile;
    }
    let accept = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok());
    let first = accept.unwrap_or_default().split(',').next().unwrap_or_default();
    let media_type = first.split(';').next().unwrap_or_default().trim();
    if media_type.eq_ignore_ascii_case("text/csv") {
        Format::Csv
    } else {
        Format::Json
    }
}

#[cfg(test)]
mod tests {
    use super::{Format, ListRequest, format, limit, without_suffix};
    use axum::http::{HeaderMap, HeaderValue, Uri};

    #[test]
    fn the_link_keeps_the_filters_and_drops_the_key() {
        let request = ListRequest {
            limit: 2,
            asked_limit: Some(2),
            format: Format::Json,
            cursor: None,
            uri: Uri::from_static("/api/v1/crashes?limit=2&key=secret&cursor=old&stop_code=0x76"),
        };
        assert_eq!(
            request.link("abc").unwrap(),
            "</api/v1/crashes?limit=2&stop_code=0x76&cursor=abc>; rel=\"next\""
        );
    }

    #[test]
    fn limits_are_bounded_and_nonsense_is_refused() {
        assert_eq!(limit(None).unwrap(), 50);
        assert_eq!(limit(Some("9000")).unwrap(), 500);
        assert!(limit(Some("0")).is_err());
        assert!(limit(Some("ten")).is_err());
    }

    #[test]
    fn csv_is_asked_for_by_suffix_or_by_header() {
        let mut headers = HeaderMap::new();
        assert_eq!(format(&Uri::from_static("/x.csv"), &headers), Format::CsvFile);
        assert_eq!(format(&Uri::from_static("/x"), &headers), Format::Json);
        headers.insert("accept", HeaderValue::from_static("text/csv; charset=utf-8, */*"));
        assert_eq!(format(&Uri::from_static("/x"), &headers), Format::Csv);
    }

    #[test]
    fn a_name_in_the_path_loses_its_csv_suffix() {
        assert_eq!(without_suffix("acmecap.sys.csv"), "acmecap.sys");
        assert_eq!(without_suffix("acmecap.sys"), "acmecap.sys");
    }
}
