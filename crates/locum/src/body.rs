//! Bodies of requests: forms and documents read whole, within limits, and uploads that must keep
//! coming.

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, Method};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Incoming;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, Sleep};

/// The longest form or JSON body: a policy document of the longest kind, escaped, with room.
pub(crate) const LONGEST_BODY: usize = 1024 * 1024;
/// How much of a longer body is read away, so that its sender gets to read the answer.
const LONGEST_DRAIN: usize = 64 * 1024 * 1024;
/// Kibibytes of forms and documents that all requests together may hold in memory.
const BODIES_KIB: usize = 64 * 1024;
/// Bodies up to this many bytes are not counted.
const SMALL_BODY: usize = 16 * 1024;
/// How much room is taken at a time: what has come counts, not what was announced, so that announcing
/// much and sending nothing takes no room from others.
const STEP_KIB: usize = 64;
/// How long a form or JSON body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(20);

/// Room for the forms and documents that all requests together hold in memory.
pub(crate) struct Bodies(Semaphore);

/// Why there is no form.
pub(crate) enum FormFault {
    /// Neither GET nor POST.
    Method,
    /// A body of another type.
    NotAForm(String),
    /// More than [`LONGEST_BODY`].
    TooLarge,
    /// It did not arrive, or not in time.
    Broken,
}

impl Bodies {
    pub(crate) fn new() -> Self {
        Self(Semaphore::new(BODIES_KIB))
    }

    /// The form of a query-protocol request; empty for GET.
    pub(crate) async fn form(&self, head: &Parts, body: Incoming) -> Result<Bytes, FormFault> {
        if head.method != Method::GET && head.method != Method::POST {
            return Err(FormFault::Method);
        }
        let body = self.read(head, body).await?;
        // A presigned POST has its parameters in the query, and no form.
        if head.method == Method::POST && !body.is_empty() && !is_form(&head.headers) {
            let content_type = head.headers.get(CONTENT_TYPE);
            let content_type = content_type.map(|value| String::from_utf8_lossy(value.as_bytes()));
            return Err(FormFault::NotAForm(
                content_type.unwrap_or_default().into_owned(),
            ));
        }
        if head.method == Method::GET && !body.is_empty() {
            return Err(FormFault::NotAForm("a body of a GET request".to_owned()));
        }
        Ok(body)
    }

    /// Reads a small body away.
    pub(crate) async fn skip(&self, head: &Parts, body: Incoming) {
        let declared = head.headers.get(CONTENT_LENGTH);
        let declared = declared.and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
        if declared.is_some_and(|length| length <= SMALL_BODY) {
            // Whatever becomes of it: the request is refused.
            let _ = self.read(head, body).await;
        }
    }

    /// Room for some more, when there is some.
    async fn step(&self) -> Result<SemaphorePermit<'_>, FormFault> {
        let kib = u32::try_from(STEP_KIB).unwrap_or(u32::MAX);
        let room = self.0.acquire_many(kib).await;
        room.map_err(|_| FormFault::Broken)
    }

    /// The whole body, up to the limit. More than that is read away up to another one.
    pub(crate) async fn read(&self, head: &Parts, body: Incoming) -> Result<Bytes, FormFault> {
        let declared = head.headers.get(CONTENT_LENGTH);
        let declared = declared.and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
        let limit = match declared {
            Some(length) if length > LONGEST_BODY => 0,
            Some(length) => length,
            // A request without a body says so to the codec, not always in a header.
            None if body.is_end_stream() => return Ok(Bytes::new()),
            None => LONGEST_BODY,
        };
        let reading = async {
            let (mut taken, mut room) = (Vec::new(), SMALL_BODY);
            let mut body = Limited::new(body, LONGEST_DRAIN);
            let mut read = Vec::with_capacity(limit.min(SMALL_BODY));
            let mut fits = declared.is_none_or(|length| length <= limit);
            while let Some(frame) = body.frame().await {
                match frame {
                    Ok(frame) => {
                        let data = frame.into_data().unwrap_or_default();
                        fits &= read.len() + data.len() <= limit;
                        if fits {
                            while room < read.len() + data.len() {
                                taken.push(self.step().await?);
                                room += STEP_KIB * 1024;
                            }
                            read.extend_from_slice(&data);
                        }
                    }
                    Err(error) if error.is::<LengthLimitError>() => {
                        return Err(FormFault::TooLarge);
                    }
                    Err(_) => return Err(FormFault::Broken),
                }
            }
            if fits {
                Ok(Bytes::from(read))
            } else {
                Err(FormFault::TooLarge)
            }
        };
        tokio::time::timeout(BODY_TIMEOUT, reading)
            .await
            .unwrap_or(Err(FormFault::Broken))
    }
}

/// Whether a body says that it is a form.
pub(crate) fn is_form(headers: &HeaderMap) -> bool {
    let content_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

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
