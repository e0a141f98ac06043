//! `multipart/form-data` as Breakpad, Crashpad and browsers send it: dumps as files, annotations as fields.

use std::collections::BTreeMap;
use std::error::Error;
use std::io;

use axum::body::Body;
use axum::extract::multipart::{Field, Multipart};
use axum::extract::{DefaultBodyLimit, FromRequest, Request};
use axum::http::{HeaderValue, header};
use futures_util::StreamExt;

use super::format::{looks_like_dump, looks_like_zip};
use super::hold::{hold, open};
use super::{BodyError, carried, name};
use crate::intake::upload::Collector;

/// The part that holds the dump, as all clients of this kind name it.
const DUMP_PART: &str = "upload_file_minidump";

/// Most annotations kept.
const MAX_ANNOTATIONS: usize = 100;

/// Longest annotation name kept, in bytes.
const MAX_NAME_BYTES: usize = 200;

/// Longest annotation value kept, in bytes; Crashpad's own limit is 20 KiB.
const MAX_VALUE_BYTES: usize = 20 << 10;

/// Annotations by name.
pub(crate) type Annotations = BTreeMap<String, String>;

/// Whether the header announces a multipart body.
pub(super) fn is_multipart(content_type: Option<&HeaderValue>) -> bool {
    content_type
        .and_then(|value| value.to_str().ok())
        .is_some_and(|text| {
            text.trim_start()
                .to_ascii_lowercase()
                .starts_with("multipart/form-data")
        })
}

/// Takes the dumps and annotations of `body`, which is inflated already.
pub(super) async fn take(
    body: Body,
    content_type: HeaderValue,
    collector: &mut Collector,
) -> Result<Annotations, BodyError> {
    let mut request = Request::new(body);
    request.headers_mut().insert(header::CONTENT_TYPE, content_type);
    // The body is limited already, and by more than axum's 2 MB.
    DefaultBodyLimit::disable().apply(&mut request);
    let mut parts = Multipart::from_request(request, &())
        .await
        .map_err(|error| BodyError::corrupt(error.body_text()))?;
    let mut annotations = Annotations::new();
    while let Some(field) = parts.next_field().await.map_err(|error| why(&error))? {
        if field.name() == Some(DUMP_PART) || field.file_name().is_some() {
            file(field, collector).await?;
        } else {
            annotation(field, &mut annotations).await?;
        }
    }
    Ok(annotations)
}

/// Takes a file. The dump part must be a dump; other files are taken if they are one, else they are attachments
/// (logs, settings), which are not kept.
async fn file(field: Field<'_>, collector: &mut Collector) -> Result<(), BodyError> {
    let is_dump_part = field.name() == Some(DUMP_PART);
    let file_name = field.file_name().and_then(name::file_name);
    let chunks = field.map(|chunk| chunk.map_err(|error| io::Error::from(why(&error))));
    let opened = open(Box::pin(chunks), None).await?;
    if !is_dump_part && !looks_like_dump(&opened.start) && !looks_like_zip(&opened.start) {
        // What is not read here is skipped when the next part is asked for.
        return Ok(());
    }
    let limit_bytes = collector.left_bytes();
    let held = hold(opened, 0, limit_bytes, &mut collector.lease).await;
    let taken = match held {
        Ok(held) => collector.take(held, file_name.clone()).await,
        Err(error) => Err(error),
    };
    match taken {
        // One broken file is no reason to refuse the others.
        Err(error @ (BodyError::Corrupt { .. } | BodyError::NoDump { .. })) => {
            collector.refuse(file_name, error.to_string());
            Ok(())
        }
        taken => taken,
    }
}

/// Keeps a field's text, cut to its limit. Fields beyond the most are read over.
async fn annotation(mut field: Field<'_>, annotations: &mut Annotations) -> Result<(), BodyError> {
    let name = field.name().unwrap_or_default();
    let name = cut(name, MAX_NAME_BYTES).to_owned();
    let mut value = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(|error| why(&error))? {
        let room = MAX_VALUE_BYTES.saturating_sub(value.len());
        value.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
    }
    if annotations.len() < MAX_ANNOTATIONS && !name.is_empty() {
        // Postgres keeps no NUL in JSON.
        let value = String::from_utf8_lossy(&value).replace('\0', "");
        annotations.insert(name.replace('\0', ""), value);
    }
    Ok(())
}

fn cut(text: &str, limit: usize) -> &str {
    text.get(..text.floor_char_boundary(limit)).unwrap_or(text)
}

/// What an error of the multipart reader means: ours that it carries, or broken rules.
fn why(error: &(dyn Error + 'static)) -> BodyError {
    carried(error).unwrap_or_else(|| {
        let cause = error.source().map(ToString::to_string).unwrap_or_default();
        BodyError::corrupt(format!("the multipart body is broken: {cause}"))
    })
}
