//! Bodies that are too large for memory: streamed to the disk while they are hashed.

use axum::body::Body;
use axum::extract::multipart::Multipart;
use axum::extract::{DefaultBodyLimit, FromRequest, Request};
use axum::http::{HeaderMap, header};
use bytes::BytesMut;
use futures_util::StreamExt;
use store::blobs::{BlobWriter, Blobs};

use super::hold::{Compression, Opened, guarded, next, open};
use super::{BodyError, Limits, carried};
use crate::error::ApiError;

/// Bytes gathered before they are written.
const PIECE_BYTES: usize = 1 << 20;

/// Says of the first bytes of a body whether the rest is worth taking.
pub(crate) type Accept = fn(&[u8]) -> Result<(), ApiError>;

/// The body on the disk, inflated. The file is complete, hashed and not durable yet.
///
/// # Errors
///
/// As `accept` says, or for a body that is too large, too slow, broken or corrupt, or when the disk refuses.
pub(crate) async fn store_body(
    headers: &HeaderMap,
    body: Body,
    limits: Limits,
    blobs: &Blobs,
    accept: Accept,
) -> Result<BlobWriter, ApiError> {
    let encoding = headers
        .get(header::CONTENT_ENCODING)
        .map(|value| value.to_str().unwrap_or("?"));
    let declared = Compression::by_header(encoding)?;
    let storing = async {
        let opened = open(guarded(body.into_data_stream(), limits), declared).await?;
        store(opened, limits.max_bytes, blobs, accept).await
    };
    tokio::time::timeout(limits.deadline, storing)
        .await
        .map_err(|_| ApiError::SlowBody)?
}

/// The same for the first file of a form, as browsers send one.
///
/// # Errors
///
/// As [`store_body`], and for a form without any file.
pub(crate) async fn store_form(
    headers: &HeaderMap,
    body: Body,
    limits: Limits,
    blobs: &Blobs,
    accept: Accept,
) -> Result<BlobWriter, ApiError> {
    let mut request = Request::new(Body::from_stream(guarded(body.into_data_stream(), limits)));
    if let Some(kind) = headers.get(header::CONTENT_TYPE) {
        request.headers_mut().insert(header::CONTENT_TYPE, kind.clone());
    }
    // The body is limited already, and by more than axum's 2 MB.
    DefaultBodyLimit::disable().apply(&mut request);
    let storing = async {
        let mut parts = Multipart::from_request(request, &())
            .await
            .map_err(|error| BodyError::corrupt(error.body_text()))?;
        let broken = |error: axum::extract::multipart::MultipartError| {
            carried(&error)
                .unwrap_or_else(|| BodyError::corrupt(format!("the form is broken: {}", error.body_text())))
        };
        while let Some(field) = parts.next_field().await.map_err(broken)? {
            if field.file_name().is_some_and(|name| !name.is_empty()) {
                let chunks = field.map(move |chunk| chunk.map_err(|error| broken(error).into()));
                let opened = open(Box::pin(chunks), None).await?;
                return store(opened, limits.max_bytes, blobs, accept).await;
            }
        }
        Err(ApiError::invalid("no file was chosen"))
    };
    tokio::time::timeout(limits.deadline, storing)
        .await
        .map_err(|_| ApiError::SlowBody)?
}

async fn store(
    opened: Opened<'_>,
    limit_bytes: u64,
    blobs: &Blobs,
    accept: Accept,
) -> Result<BlobWriter, ApiError> {
    let Opened {
        mut chunks,
        compression,
        ..
    } = opened;
    let mut writer = blobs.begin().await?;
    let mut piece = BytesMut::new();
    loop {
        let chunk = next(&mut chunks, compression).await?;
        let is_over = chunk.is_none();
        piece.extend_from_slice(&chunk.unwrap_or_default());
        if writer.size_bytes().saturating_add(piece.len() as u64) > limit_bytes {
            return Err(super::hold::too_large(compression, limit_bytes).into());
        }
        if !is_over && piece.len() < PIECE_BYTES {
            continue;
        }
        if writer.size_bytes() == 0 {
            accept(&piece)?;
        }
        if is_over && piece.is_empty() {
            return Ok(writer);
        }
        writer = writer.append(piece.split().freeze()).await?;
        if is_over {
            return Ok(writer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::store_body;
    use crate::error::ApiError;
    use crate::intake::Limits;
    use axum::body::Body;
    use axum::http::HeaderMap;
    use std::time::Duration;
    use store::blobs::{BlobWriter, Blobs};
    use store::{Clock, Sha256};

    async fn store(body: Vec<u8>, max_bytes: u64) -> Result<BlobWriter, ApiError> {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(folder.path(), Clock::System).await.unwrap();
        let limits = Limits {
            max_bytes,
            idle: Duration::from_secs(5),
            deadline: Duration::from_secs(5),
        };
        let accept = |start: &[u8]| {
            if start.starts_with(b"MZ") {
                Ok(())
            } else {
                Err(ApiError::invalid("no"))
            }
        };
        let stored = store_body(&HeaderMap::new(), Body::from(body), limits, &blobs, accept).await;
        let left = std::fs::read_dir(folder.path().join("tmp")).unwrap().count();
        assert_eq!(left, usize::from(stored.is_ok()));
        stored
    }

    #[tokio::test]
    async fn a_body_of_several_pieces_is_stored_whole() {
        let mut body = b"MZ".to_vec();
        body.resize((2 << 20) + 7, 1);
        let expected = Sha256::of(&body);
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(folder.path(), Clock::System).await.unwrap();
        let limits = Limits {
            max_bytes: 3 << 20,
            idle: Duration::from_secs(5),
            deadline: Duration::from_secs(5),
        };
        let writer = store_body(&HeaderMap::new(), Body::from(body), limits, &blobs, |_| Ok(()))
            .await
            .unwrap();
        assert_eq!(writer.finish().await.unwrap(), (expected, (2 << 20) + 7));
    }

    #[tokio::test]
    async fn a_foreign_or_too_large_body_leaves_nothing_behind() {
        assert!(matches!(
            store(b"hello".to_vec(), 100).await,
            Err(ApiError::Invalid { .. })
        ));
        assert!(matches!(
            store(b"MZ and so on".to_vec(), 5).await,
            Err(ApiError::TooLarge { .. })
        ));
        assert!(store(Vec::new(), 5).await.is_err());
        assert!(store(b"MZ".to_vec(), 5).await.is_ok());
    }
}
