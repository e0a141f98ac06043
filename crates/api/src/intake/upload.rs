//! One upload: a dump, an archive of dumps, or a form with dumps and annotations.

use axum::body::Body;
use axum::http::{HeaderMap, header};
use futures_util::StreamExt;
use wire::dump::{DumpFormat, RefusedDump};

use super::budget::{ByteBudget, Lease};
use super::format::{looks_like_zip, recognise};
use super::hold::{Compression, Held, Opened, guarded, hold, open, why};
use super::multipart::{self, Annotations};
use super::{BodyError, Limits, archive, name};

/// What the parts of a form may weigh besides its dumps.
const FORM_EXTRA_BYTES: u64 = 8 << 20;

/// A dump that was received whole.
#[derive(Debug)]
pub(crate) struct TakenDump {
    /// Its bytes.
    pub(crate) held: Held,
    /// Its format.
    pub(crate) format: DumpFormat,
    /// The name it came under.
    pub(crate) file_name: Option<String>,
}

/// What an upload held. At least one dump is there, unless it came by [`receive_form`].
#[derive(Debug)]
pub(crate) struct Upload {
    /// The dumps, in the order they came.
    pub(crate) dumps: Vec<TakenDump>,
    /// What was not taken.
    pub(crate) refused: Vec<RefusedDump>,
    /// What the client said about the crash.
    pub(crate) annotations: Annotations,
    /// Keeps the bytes paid for until the dumps are stored.
    pub(crate) lease: Lease,
}

/// Receives an upload whole.
///
/// # Errors
///
/// [`BodyError`]: too large, too slow, broken, corrupt, or without any dump; [`BodyError::Busy`] when the budget is
/// used up.
pub(crate) async fn receive(
    headers: &HeaderMap,
    body: Body,
    limits: Limits,
    budget: &ByteBudget,
) -> Result<Upload, BodyError> {
    let upload = receive_form(headers, body, limits, budget).await?;
    if upload.dumps.is_empty() {
        return Err(no_dump(&upload.refused));
    }
    Ok(upload)
}

/// The same for a form that a person sent: one without any dump is no error, but tells why of each file.
///
/// # Errors
///
/// As [`receive`].
pub(crate) async fn receive_form(
    headers: &HeaderMap,
    body: Body,
    limits: Limits,
    budget: &ByteBudget,
) -> Result<Upload, BodyError> {
    tokio::time::timeout(limits.deadline, receive_all(headers, body, limits, budget))
        .await
        .map_err(|_| BodyError::Slow)?
}

async fn receive_all(
    headers: &HeaderMap,
    body: Body,
    limits: Limits,
    budget: &ByteBudget,
) -> Result<Upload, BodyError> {
    let encoding = headers
        .get(header::CONTENT_ENCODING)
        .map(|value| value.to_str().unwrap_or("?"));
    let declared = Compression::by_header(encoding)?;
    let mut collector = Collector::new(limits.max_bytes, budget.lease());
    let expected_bytes = content_length(headers).unwrap_or(0);
    if declared.is_none() {
        // Refused before the body is sent, if the client waits for "100 Continue".
        let is_form = multipart::is_multipart(headers.get(header::CONTENT_TYPE));
        let extra_bytes = if is_form { FORM_EXTRA_BYTES } else { 0 };
        collector.expect(expected_bytes, extra_bytes)?;
    }
    let wire = Limits {
        max_bytes: limits.max_bytes.saturating_add(FORM_EXTRA_BYTES),
        ..limits
    };
    let opened = open(guarded(body.into_data_stream(), wire), declared).await?;
    let annotations = match headers.get(header::CONTENT_TYPE) {
        Some(kind) if multipart::is_multipart(Some(kind)) && opened.start.starts_with(b"--") => {
            let form = form(opened, wire);
            multipart::take(form, kind.clone(), &mut collector).await?
        }
        _ => {
            let expected_bytes = if declared.is_none() { expected_bytes } else { 0 };
            let held = hold(opened, expected_bytes, limits.max_bytes, &mut collector.lease).await?;
            collector.take(held, sent_name(headers)).await?;
            Annotations::new()
        }
    };
    Ok(collector.finish(annotations))
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The name in a `Content-Disposition` header, which agents send along with a raw dump.
fn sent_name(headers: &HeaderMap) -> Option<String> {
    let disposition = headers.get(header::CONTENT_DISPOSITION)?.to_str().ok()?;
    let (_, name) = disposition.split_once("filename=")?;
    let name = name.split(';').next().unwrap_or_default();
    name::file_name(name.trim().trim_matches('"'))
}

/// An inflated form as a body again, limited once more: a small form may inflate to a large one.
fn form(opened: Opened<'static>, limits: Limits) -> Body {
    let compression = opened.compression;
    let chunks = opened
        .chunks
        .map(move |chunk| chunk.map_err(|error| why(&error, compression)));
    Body::from_stream(guarded(chunks, limits))
}

/// Gathers the dumps of one upload under one limit and one lease.
#[derive(Debug)]
pub(super) struct Collector {
    dumps: Vec<TakenDump>,
    refused: Vec<RefusedDump>,
    limit_bytes: u64,
    taken_bytes: u64,
    pub(super) lease: Lease,
}

impl Collector {
    fn new(limit_bytes: u64, lease: Lease) -> Self {
        Collector {
            dumps: Vec::new(),
            refused: Vec::new(),
            limit_bytes,
            taken_bytes: 0,
            lease,
        }
    }

    /// Pays for a body of `bytes` in advance; it may have `extra_bytes` besides its dumps.
    fn expect(&mut self, bytes: u64, extra_bytes: u64) -> Result<(), BodyError> {
        let limit_bytes = self.limit_bytes;
        if bytes > limit_bytes.saturating_add(extra_bytes) {
            return Err(BodyError::TooLarge {
                what: "the body",
                limit_bytes,
            });
        }
        self.lease.reserve(bytes)
    }

    /// Bytes of dumps that may still come.
    pub(super) fn left_bytes(&self) -> u64 {
        self.limit_bytes.saturating_sub(self.taken_bytes)
    }

    /// Takes what was received: a dump, or an archive of dumps.
    pub(super) async fn take(&mut self, held: Held, file_name: Option<String>) -> Result<(), BodyError> {
        if looks_like_zip(&held.bytes) {
            return self.take_archive(held).await;
        }
        let dump = recognise(&held.bytes).map(|format| (held, format));
        self.add(file_name, dump);
        Ok(())
    }

    async fn take_archive(&mut self, held: Held) -> Result<(), BodyError> {
        let left_bytes = self.left_bytes();
        let mut lease = self.lease.sibling();
        let members = tokio::task::spawn_blocking(move || {
            let members = archive::members(held.bytes, left_bytes, &mut lease)?;
            Ok((members, lease))
        });
        let (members, lease) = members
            .await
            .map_err(|_| BodyError::corrupt("the zip archive cannot be read"))??;
        self.lease.absorb(lease);
        if members.is_empty() {
            return Err(BodyError::NoDump {
                saw: "this is a zip archive without any file".to_owned(),
            });
        }
        for member in members {
            self.add(member.file_name, member.dump);
        }
        Ok(())
    }

    fn add(&mut self, file_name: Option<String>, dump: Result<(Held, DumpFormat), String>) {
        match dump {
            Ok((held, format)) => {
                self.taken_bytes = self.taken_bytes.saturating_add(held.bytes.len() as u64);
                self.dumps.push(TakenDump {
                    held,
                    format,
                    file_name,
                });
            }
            Err(reason) => self.refuse(file_name, reason),
        }
    }

    /// Notes why a file was not taken.
    pub(super) fn refuse(&mut self, file_name: Option<String>, reason: String) {
        self.refused.push(RefusedDump { file_name, reason });
    }

    fn finish(self, annotations: Annotations) -> Upload {
        Upload {
            dumps: self.dumps,
            refused: self.refused,
            annotations,
            lease: self.lease,
        }
    }
}

/// The error for an upload of which nothing was taken.
fn no_dump(refused: &[RefusedDump]) -> BodyError {
    let saw = match refused {
        [] => "the form has no file part with a dump (upload_file_minidump)".to_owned(),
        [
            RefusedDump {
                file_name: None,
                reason,
            },
        ] => reason.clone(),
        [
            RefusedDump {
                file_name: Some(name),
                reason,
            },
        ] => format!("{name}: {reason}"),
        [first, ..] => {
            let name = first.file_name.as_deref().unwrap_or("the first");
            format!(
                "none of the {} files is a dump; {name}: {}",
                refused.len(),
                first.reason
            )
        }
    };
    BodyError::NoDump { saw }
}
