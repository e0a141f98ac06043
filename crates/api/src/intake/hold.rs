//! Bodies as they come, chunk by chunk: limits, decompression, and holding all of one in memory with its SHA-256.

use std::io;
use std::pin::Pin;

use async_compression::tokio::bufread::{GzipDecoder, ZstdDecoder};
use async_compression::zstd::DParameter;
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use sha2::{Digest, Sha256};
use tokio::time::timeout;
use tokio_util::io::{ReaderStream, StreamReader};

use super::budget::Lease;
use super::{BodyError, Limits, carried};

/// Bytes as they come.
pub(super) type Chunks<'a> = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send + 'a>>;

/// Log2 of the largest window a zstd frame may ask for: 8 MiB, what RFC 9659 allows in HTTP.
const ZSTD_WINDOW_LOG: u32 = 23;

/// The most that a decoder hands on at once.
const DECODED_CHUNK_BYTES: usize = 64 << 10;

/// First bytes that are looked at before the others.
const MAGIC_BYTES: usize = 8;

/// How bytes are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    Gzip,
    Zstd,
}

impl Compression {
    fn name(self) -> &'static str {
        match self {
            Compression::Gzip => "gzip",
            Compression::Zstd => "zstd",
        }
    }

    /// What the first bytes of a stream say.
    fn by_magic(start: &[u8]) -> Option<Compression> {
        if start.starts_with(&[0x1f, 0x8b]) {
            Some(Compression::Gzip)
        } else if start.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
            Some(Compression::Zstd)
        } else {
            None
        }
    }

    /// What a `Content-Encoding` header says; none and `identity` mean plain bytes.
    pub(super) fn by_header(encoding: Option<&str>) -> Result<Option<Compression>, BodyError> {
        match encoding.map(str::trim) {
            None | Some("") => Ok(None),
            Some(text) if text.eq_ignore_ascii_case("identity") => Ok(None),
            Some(text) if text.eq_ignore_ascii_case("gzip") || text.eq_ignore_ascii_case("x-gzip") => {
                Ok(Some(Compression::Gzip))
            }
            Some(text) if text.eq_ignore_ascii_case("zstd") => Ok(Some(Compression::Zstd)),
            Some(text) => Err(BodyError::UnknownEncoding {
                encoding: text.chars().take(40).collect(),
            }),
        }
    }
}

/// The body as a stream that ends with an error when it stalls or grows past the limit.
pub(super) fn guarded<'a, S, E>(body: S, limits: Limits) -> Chunks<'a>
where
    S: Stream<Item = Result<Bytes, E>> + Send + 'a,
    E: std::error::Error + 'static,
{
    let body = Box::pin(body);
    let chunks = stream::try_unfold((body, 0_u64), move |(mut body, seen)| async move {
        let next = timeout(limits.idle, body.next())
            .await
            .map_err(|_| BodyError::Slow)?;
        let Some(chunk) = next else {
            return Ok::<_, io::Error>(None);
        };
        let chunk = chunk.map_err(|error| carried(&error).unwrap_or(BodyError::Broken))?;
        let seen = seen.saturating_add(chunk.len() as u64);
        if seen > limits.max_bytes {
            let limit_bytes = limits.max_bytes;
            return Err(BodyError::TooLarge {
                what: "the body",
                limit_bytes,
            }
            .into());
        }
        Ok(Some((chunk, (body, seen))))
    });
    Box::pin(chunks)
}

/// `chunks` inflated.
fn inflate(chunks: Chunks<'_>, compression: Compression) -> Chunks<'_> {
    let reader = StreamReader::new(chunks);
    match compression {
        Compression::Gzip => {
            let mut decoder = GzipDecoder::new(reader);
            decoder.multiple_members(true);
            Box::pin(ReaderStream::with_capacity(decoder, DECODED_CHUNK_BYTES))
        }
        Compression::Zstd => {
            let window = [DParameter::window_log_max(ZSTD_WINDOW_LOG)];
            let mut decoder = ZstdDecoder::with_params(reader, &window);
            decoder.multiple_members(true);
            Box::pin(ReaderStream::with_capacity(decoder, DECODED_CHUNK_BYTES))
        }
    }
}

/// What a body turns out to be once its first bytes are known.
pub(super) struct Opened<'a> {
    /// All bytes, inflated, the first ones included.
    pub(super) chunks: Chunks<'a>,
    /// Up to [`MAGIC_BYTES`] of the first bytes.
    pub(super) start: Vec<u8>,
    /// Which decoder the bytes go through last, for the text of an error.
    pub(super) compression: Option<Compression>,
}

/// Inflates `chunks` as `declared` says and, when its bytes turn out to be compressed (once more), by their magic.
pub(super) async fn open(
    mut chunks: Chunks<'_>,
    declared: Option<Compression>,
) -> Result<Opened<'_>, BodyError> {
    if let Some(compression) = declared {
        chunks = inflate(chunks, compression);
    }
    let mut compression = declared;
    let (mut start, mut chunks) = peek(chunks, compression).await?;
    if let Some(found) = Compression::by_magic(&start) {
        compression = Some(found);
        (start, chunks) = peek(inflate(chunks, found), compression).await?;
    }
    Ok(Opened {
        chunks,
        start,
        compression,
    })
}

async fn peek(
    mut chunks: Chunks<'_>,
    compression: Option<Compression>,
) -> Result<(Vec<u8>, Chunks<'_>), BodyError> {
    let mut start = Vec::with_capacity(MAGIC_BYTES);
    let mut seen = Vec::new();
    while start.len() < MAGIC_BYTES
        && let Some(chunk) = next(&mut chunks, compression).await?
    {
        start.extend(chunk.iter().take(MAGIC_BYTES - start.len()));
        seen.push(Ok(chunk));
    }
    Ok((start, Box::pin(stream::iter(seen).chain(chunks))))
}

/// The next bytes, at least one; `None` at the end.
///
/// # Errors
///
/// [`BodyError`].
pub(super) async fn next(
    chunks: &mut Chunks<'_>,
    compression: Option<Compression>,
) -> Result<Option<Bytes>, BodyError> {
    loop {
        match chunks.try_next().await {
            Ok(Some(chunk)) if chunk.is_empty() => {}
            Ok(chunk) => return Ok(chunk),
            Err(error) => return Err(why(&error, compression)),
        }
    }
}

/// Bytes in memory, and their digest.
#[derive(Debug)]
pub(crate) struct Held {
    /// The bytes, inflated.
    pub(crate) bytes: Bytes,
    /// Their SHA-256.
    pub(crate) sha256: [u8; 32],
}

/// Reads all of `opened` into memory, paying for it from `lease`. `expected_bytes` only sizes the first buffer.
pub(super) async fn hold(
    opened: Opened<'_>,
    expected_bytes: u64,
    limit_bytes: u64,
    lease: &mut Lease,
) -> Result<Held, BodyError> {
    let Opened {
        mut chunks,
        compression,
        ..
    } = opened;
    let expected = usize::try_from(expected_bytes.min(limit_bytes)).unwrap_or(0);
    let mut gathered = Gathered::One(Bytes::new());
    let mut count = 0_u64;
    let mut digest = Sha256::new();
    while let Some(chunk) = next(&mut chunks, compression).await? {
        count = count.saturating_add(chunk.len() as u64);
        if count > limit_bytes {
            return Err(too_large(compression, limit_bytes));
        }
        lease.add(chunk.len() as u64)?;
        digest.update(&chunk);
        gathered = gathered.and(chunk, expected);
    }
    Ok(Held {
        bytes: gathered.whole(),
        sha256: digest.finalize().into(),
    })
}

/// Chunks as one piece. What came in one, as most bodies from nearby do, is not copied.
enum Gathered {
    One(Bytes),
    Many(BytesMut),
}

impl Gathered {
    /// With one chunk more; `expected` bytes in all.
    fn and(self, chunk: Bytes, expected: usize) -> Gathered {
        let mut bytes = match self {
            Gathered::One(none) if none.is_empty() => return Gathered::One(chunk),
            Gathered::One(first) => {
                let mut bytes = BytesMut::with_capacity(expected);
                bytes.extend_from_slice(&first);
                bytes
            }
            Gathered::Many(bytes) => bytes,
        };
        bytes.extend_from_slice(&chunk);
        Gathered::Many(bytes)
    }

    fn whole(self) -> Bytes {
        match self {
            Gathered::One(bytes) => bytes,
            Gathered::Many(bytes) => bytes.freeze(),
        }
    }
}

pub(super) fn too_large(compression: Option<Compression>, limit_bytes: u64) -> BodyError {
    let what = if compression.is_some() {
        "the inflated body"
    } else {
        "the body"
    };
    BodyError::TooLarge { what, limit_bytes }
}

/// What an error of a reader means: ours that it carries, or the decoder's own.
pub(super) fn why(error: &io::Error, compression: Option<Compression>) -> BodyError {
    if let Some(error) = carried(error) {
        return error;
    }
    let Some(compression) = compression else {
        return BodyError::Broken;
    };
    let name = compression.name();
    if error.kind() == io::ErrorKind::UnexpectedEof {
        return BodyError::corrupt(format!("the {name} stream is cut short"));
    }
    BodyError::corrupt(format!("the body is not a sound {name} stream: {error}"))
}

#[cfg(test)]
mod tests {
    use super::{Compression, Held, guarded, hold, open};
    use crate::intake::{BodyError, ByteBudget, Limits};
    use async_compression::tokio::write::{GzipEncoder, ZstdEncoder};
    use bytes::Bytes;
    use futures_util::stream;
    use std::io;
    use std::time::Duration;
    use tokio::io::AsyncWriteExt;

    fn limits(max_bytes: u64) -> Limits {
        Limits {
            max_bytes,
            idle: Duration::from_secs(5),
            deadline: Duration::from_secs(5),
        }
    }

    async fn read(body: &[u8], declared: Option<Compression>, max_bytes: u64) -> Result<Held, BodyError> {
        let chunks: Vec<io::Result<Bytes>> = body
            .chunks(7)
            .map(|chunk| Ok(Bytes::copy_from_slice(chunk)))
            .collect();
        let source = guarded(stream::iter(chunks), limits(max_bytes));
        let mut lease = ByteBudget::new(1 << 20).lease();
        hold(open(source, declared).await?, 0, max_bytes, &mut lease).await
    }

    async fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzipEncoder::new(Vec::new());
        encoder.write_all(bytes).await.unwrap();
        encoder.shutdown().await.unwrap();
        encoder.into_inner()
    }

    async fn zstd(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = ZstdEncoder::new(Vec::new());
        encoder.write_all(bytes).await.unwrap();
        encoder.shutdown().await.unwrap();
        encoder.into_inner()
    }

    #[tokio::test]
    async fn plain_gzip_and_zstd_bodies_hold_the_same_bytes() {
        let body = b"PAGEDU64 and so on";
        let plain = read(body, None, 1000).await.unwrap();
        let gzip = read(&gzip(body).await, Some(Compression::Gzip), 1000)
            .await
            .unwrap();
        let zstd = read(&zstd(body).await, Some(Compression::Zstd), 1000)
            .await
            .unwrap();
        assert_eq!(plain.bytes.as_ref(), body);
        assert_eq!(plain.sha256, gzip.sha256);
        assert_eq!(plain.sha256, zstd.sha256);
    }

    #[tokio::test]
    async fn a_body_in_one_chunk_is_held_as_it_came_and_empty_chunks_are_passed_over() {
        let body = Bytes::from_static(b"PAGEDU64 and so on");
        let chunks = [Bytes::new(), body.clone(), Bytes::new()].map(Ok::<_, io::Error>);
        let source = guarded(stream::iter(chunks), limits(1000));
        let mut lease = ByteBudget::new(1 << 20).lease();
        let held = hold(open(source, None).await.unwrap(), 18, 1000, &mut lease)
            .await
            .unwrap();
        assert_eq!(held.bytes.as_ptr(), body.as_ptr());
        assert_eq!(held.bytes, body);
    }

    #[tokio::test]
    async fn compression_without_a_header_is_found_by_its_magic() {
        let body = b"PAGEDU64 and so on";
        let held = read(&zstd(body).await, None, 1000).await.unwrap();
        assert_eq!(held.bytes.as_ref(), body);
    }

    #[tokio::test]
    async fn a_gzip_bomb_is_stopped_at_the_limit() {
        let bomb = gzip(&vec![0; 100_000]).await;
        assert!(bomb.len() < 1000);
        let error = read(&bomb, Some(Compression::Gzip), 1000).await.unwrap_err();
        assert_eq!(
            error,
            BodyError::TooLarge {
                what: "the inflated body",
                limit_bytes: 1000
            }
        );
    }

    #[tokio::test]
    async fn a_body_past_the_wire_limit_is_refused() {
        let error = read(&[1; 1001], None, 1000).await.unwrap_err();
        assert!(matches!(
            error,
            BodyError::TooLarge {
                limit_bytes: 1000,
                ..
            }
        ));
    }

    #[tokio::test]
    async fn a_truncated_stream_says_so_in_words() {
        for whole in [gzip(&[b'a'; 5000]).await, zstd(&[b'a'; 5000]).await] {
            let error = read(&whole[..whole.len() - 5], None, 10_000).await.unwrap_err();
            let BodyError::Corrupt { detail } = error else {
                panic!("{error:?}")
            };
            assert!(detail.contains("cut short"), "{detail}");
        }
    }

    #[tokio::test]
    async fn a_plain_body_declared_as_gzip_is_corrupt() {
        let error = read(b"PAGEDU64", Some(Compression::Gzip), 1000)
            .await
            .unwrap_err();
        assert!(matches!(error, BodyError::Corrupt { .. }), "{error:?}");
    }

    #[tokio::test]
    async fn a_silent_body_is_given_up() {
        let limits = Limits {
            idle: Duration::from_millis(10),
            ..limits(1000)
        };
        let source = guarded(stream::pending::<io::Result<Bytes>>(), limits);
        assert_eq!(open(source, None).await.err(), Some(BodyError::Slow));
    }

    #[test]
    fn unknown_encodings_are_named() {
        assert_eq!(
            Compression::by_header(Some("br")),
            Err(BodyError::UnknownEncoding {
                encoding: "br".into()
            })
        );
        assert_eq!(Compression::by_header(Some("GZip")), Ok(Some(Compression::Gzip)));
    }
}
