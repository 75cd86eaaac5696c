//! A body that must keep coming.

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// How long a client may let an upload stand still.
const IDLE: Duration = Duration::from_secs(60);

/// A request's body that fails when nothing of it has come for a while.
pub(crate) struct Paced {
    body: Incoming,
    idle: Pin<Box<Sleep>>,
}

/// Why a body failed.
#[derive(Debug)]
pub(crate) enum Broken {
    /// Nothing came.
    Idle,
    /// The connection.
    Connection(hyper::Error),
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Idle => f.write_str("the body did not go on"),
            Self::Connection(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for Broken {}

impl Paced {
    #[expect(
        clippy::disallowed_methods,
        reason = "this waits for a client, not for a state"
    )]
    pub(crate) fn new(body: Incoming) -> Self {
        Self {
            body,
            idle: Box::pin(tokio::time::sleep(IDLE)),
        }
    }
}

impl Body for Paced {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Ready(frame) => {
                self.idle.as_mut().reset(now() + IDLE);
                Poll::Ready(frame.map(|frame| frame.map_err(Broken::Connection)))
            }
            Poll::Pending => {
                ready!(self.idle.as_mut().poll(cx));
                Poll::Ready(Some(Err(Broken::Idle)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The clock of timeouts, which is not the clock of expiry.
fn now() -> Instant {
    Instant::now()
}
