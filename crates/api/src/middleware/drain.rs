//! Reads the rest of a body that an answer made superfluous.
//!
//! A refused upload (wrong token, too large, no dump) is answered before its body has arrived. Closing the
//! connection then would reset it under the client's hands, and many clients report that in place of our answer. So
//! what a handler leaves unread is read and thrown away beside the answer, within bounds of size and time. A client
//! that waits for "100 Continue" has sent nothing yet and is left alone.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes};
use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::Response;
use futures_util::{Stream, StreamExt};
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::state::AppState;

/// How long the rest of a body is read at most.
const LONGEST: Duration = Duration::from_secs(30);

/// The layer.
pub(crate) async fn unread(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let waits = parts.headers.contains_key(header::EXPECT);
    let rest = Rest {
        body: Some(body.into_data_stream()),
        // Twice the limit: a client that is a little over it is answered, one that sends without end is cut off.
        left_bytes: state.settings.max_dump_bytes.saturating_mul(2),
        is_coming: !waits,
    };
    next.run(Request::from_parts(parts, Body::from_stream(rest)))
        .await
}

/// A body that is read to its end even if its reader is not interested.
struct Rest {
    /// `None` once it has ended.
    body: Option<BodyDataStream>,
    left_bytes: u64,
    /// Whether the client sends without being asked to.
    is_coming: bool,
}

impl Stream for Rest {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.is_coming = true;
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        let next = std::task::ready!(body.poll_next_unpin(context));
        if let Some(Ok(chunk)) = &next {
            self.left_bytes = self.left_bytes.saturating_sub(chunk.len() as u64);
        } else {
            self.body = None;
        }
        Poll::Ready(next)
    }
}

impl Drop for Rest {
    fn drop(&mut self) {
        if let (Some(body), true, Ok(runtime)) = (self.body.take(), self.is_coming, Handle::try_current()) {
            runtime.spawn(timeout(LONGEST, discard(body, self.left_bytes)));
        }
    }
}

async fn discard(mut body: BodyDataStream, mut left_bytes: u64) {
    while let Some(Ok(chunk)) = body.next().await {
        left_bytes = left_bytes.saturating_sub(chunk.len() as u64);
        if left_bytes == 0 {
            break;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Rest;
    use axum::body::{Body, Bytes};
    use futures_util::{StreamExt, stream};
    use std::convert::Infallible;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    /// A body of ten chunks that counts those that were read.
    fn rest(is_coming: bool) -> (Rest, Arc<AtomicUsize>) {
        let read = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&read);
        let chunks = stream::iter(0..10).map(move |_| {
            counter.fetch_add(1, Ordering::Relaxed);
            Ok::<_, Infallible>(Bytes::from_static(b"chunk"))
        });
        let rest = Rest {
            body: Some(Body::from_stream(chunks).into_data_stream()),
            left_bytes: 1000,
            is_coming,
        };
        (rest, read)
    }

    #[tokio::test]
    async fn what_a_handler_leaves_is_read_to_the_end() {
        let (mut rest, read) = rest(true);
        rest.next().await.unwrap().unwrap();
        drop(rest);
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(read.load(Ordering::Relaxed), 10);
    }

    #[tokio::test]
    async fn a_client_that_waits_to_be_asked_is_not_asked() {
        let (rest, read) = rest(false);
        drop(rest);
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(read.load(Ordering::Relaxed), 0);
    }
}
