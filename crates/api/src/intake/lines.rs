//! A body as lines of bounded length, inflated on the way.

use axum::body::Body;
use bytes::Bytes;
use tokio::io::AsyncBufReadExt;
use tokio_util::io::StreamReader;

use super::hold::{Chunks, Compression, guarded, open, why};
use super::{BodyError, Limits};

/// Longest line: an inventory of some hundred drivers in full is below half of it.
const MAX_LINE_BYTES: usize = 1 << 20;

/// One line of a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// Its number; the first is 1.
    pub(crate) number: u64,
    /// Its bytes without the line end, or why it cannot be read.
    pub(crate) text: Result<Vec<u8>, String>,
}

/// The lines of a body.
pub(crate) struct Lines {
    reader: StreamReader<Chunks<'static>, Bytes>,
    compression: Option<Compression>,
    number: u64,
}

impl Lines {
    /// Starts to read. The body may be of any length and take any time, but not stay silent.
    ///
    /// # Errors
    ///
    /// [`BodyError`] for an unknown encoding, or if the body breaks off at its start.
    pub(crate) async fn open(encoding: Option<&str>, body: Body, limits: Limits) -> Result<Lines, BodyError> {
        let declared = Compression::by_header(encoding)?;
        let unlimited = Limits {
            max_bytes: u64::MAX,
            ..limits
        };
        let opened = open(guarded(body.into_data_stream(), unlimited), declared).await?;
        Ok(Lines {
            compression: opened.compression,
            reader: StreamReader::new(opened.chunks),
            number: 0,
        })
    }

    /// The next line, or `None` at the end. The rest of a line that is too long is read over.
    ///
    /// # Errors
    ///
    /// [`BodyError`] if the body breaks off.
    pub(crate) async fn next(&mut self) -> Result<Option<Line>, BodyError> {
        let mut text = Vec::new();
        let mut is_too_long = false;
        let mut is_there = false;
        loop {
            let chunk = self.reader.fill_buf().await;
            let chunk = chunk.map_err(|error| why(&error, self.compression))?;
            if chunk.is_empty() {
                break;
            }
            is_there = true;
            let end = chunk.iter().position(|&byte| byte == b'\n');
            let piece = chunk.get(..end.unwrap_or(chunk.len())).unwrap_or_default();
            is_too_long |= text.len() + piece.len() > MAX_LINE_BYTES;
            if !is_too_long {
                text.extend_from_slice(piece);
            }
            let used = piece.len() + usize::from(end.is_some());
            self.reader.consume(used);
            if end.is_some() {
                break;
            }
        }
        self.number += 1;
        let number = self.number;
        let text = if is_too_long {
            Err(format!("the line is longer than {MAX_LINE_BYTES} bytes"))
        } else {
            Ok(text)
        };
        Ok(is_there.then_some(Line { number, text }))
    }
}

#[cfg(test)]
mod tests {
    use super::{Lines, MAX_LINE_BYTES};
    use crate::intake::Limits;
    use axum::body::Body;
    use std::time::Duration;

    async fn lines(body: Vec<u8>) -> Vec<Result<Vec<u8>, String>> {
        let limits = Limits {
            max_bytes: 10,
            idle: Duration::from_secs(5),
            deadline: Duration::from_secs(5),
        };
        let mut lines = Lines::open(None, Body::from(body), limits).await.unwrap();
        let mut texts = Vec::new();
        while let Some(line) = lines.next().await.unwrap() {
            texts.push(line.text);
            assert_eq!(line.number, texts.len() as u64);
        }
        texts
    }

    #[tokio::test]
    async fn the_last_line_needs_no_end() {
        let texts = lines(b"one\n\nthree".to_vec()).await;
        assert_eq!(texts, [Ok(b"one".to_vec()), Ok(vec![]), Ok(b"three".to_vec())]);
    }

    #[tokio::test]
    async fn a_line_that_is_too_long_does_not_hide_the_next() {
        let mut body = vec![b'x'; MAX_LINE_BYTES + 1];
        body.extend_from_slice(b"\nnext\n");
        let texts = lines(body).await;
        assert_eq!(texts.len(), 2);
        assert!(texts[0].is_err());
        assert_eq!(texts[1], Ok(b"next".to_vec()));
    }
}
