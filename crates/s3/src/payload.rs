//! The body of a request on its way in: what the signature says about it is checked while it is
//! read. Nothing that was read may be kept before the end has come without an error.

use crate::fault::{Code, Fault};
use bytes::{Bytes, BytesMut};
use data_encoding::HEXLOWER;
use http_body::{Body, Frame, SizeHint};
use locum_sigv4::{ChunkDecoder, Sha256, Trailers};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

/// Any error.
pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A body as it comes from the listener.
pub(crate) type Inner = Pin<Box<dyn Body<Data = Bytes, Error = BoxError> + Send>>;

/// What is known of a body when it has been read.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    fault: OnceLock<Fault>,
    trailers: OnceLock<Trailers>,
}

impl Outcome {
    /// Why it was refused, if it was.
    pub(crate) fn fault(&self) -> Option<&Fault> {
        self.fault.get()
    }

    /// The trailers that came behind it.
    pub(crate) fn trailer(&self, name: &str) -> Option<&str> {
        self.trailers.get()?.value(name)
    }
}

/// How a body is checked.
pub(crate) enum Check {
    /// Not at all: the signature does not cover it.
    None,
    /// It must have this SHA-256.
    Sha256([u8; 32]),
    /// It is in chunks.
    Chunks(Box<ChunkDecoder>),
}

/// A body that is checked while it is read.
pub(crate) struct Checked {
    inner: Inner,
    state: State,
    outcome: Arc<Outcome>,
}

enum State {
    Plain,
    Hashing(Sha256, [u8; 32]),
    Chunks(Box<ChunkDecoder>),
    /// The end, good or bad.
    Done,
}

impl Checked {
    /// Checks `inner`; what comes of it is told to `outcome`.
    pub(crate) fn new(inner: Inner, check: Check, outcome: Arc<Outcome>) -> Self {
        let state = match check {
            Check::None => State::Plain,
            Check::Sha256(declared) => State::Hashing(Sha256::new(), declared),
            Check::Chunks(decoder) => State::Chunks(decoder),
        };
        Self {
            inner,
            state,
            outcome,
        }
    }

    fn refuse(&mut self, fault: Fault) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.state = State::Done;
        let message = fault.message.clone();
        // The first fault is the one that counts.
        let _ = self.outcome.fault.set(fault);
        Poll::Ready(Some(Err(message.into())))
    }

    /// The last word on the body.
    fn end(&mut self) -> Result<(), Fault> {
        match std::mem::replace(&mut self.state, State::Done) {
            State::Plain | State::Done => Ok(()),
            State::Hashing(hash, declared) => {
                let computed = hash.finish();
                if computed == declared {
                    Ok(())
                } else {
                    Err(Fault::content_sha256(
                        &HEXLOWER.encode(&declared),
                        &HEXLOWER.encode(&computed),
                    ))
                }
            }
            State::Chunks(decoder) => {
                let trailers = decoder.finish()?;
                let _ = self.outcome.trailers.set(trailers);
                Ok(())
            }
        }
    }
}

impl Body for Checked {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        loop {
            if matches!(self.state, State::Done) {
                return Poll::Ready(None);
            }
            let data = match ready!(self.inner.as_mut().poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => data,
                    // HTTP trailers are not S3's.
                    Err(_) => continue,
                },
                Some(Err(error)) => {
                    return self.refuse(Fault::from(Code::IncompleteBody).because(error));
                }
                None => match self.end() {
                    Ok(()) => return Poll::Ready(None),
                    Err(fault) => return self.refuse(fault),
                },
            };
            let data = match &mut self.state {
                State::Plain | State::Done => data,
                State::Hashing(hash, _) => {
                    hash.update(&data);
                    data
                }
                State::Chunks(decoder) => {
                    let mut decoded = BytesMut::with_capacity(data.len());
                    match decoder.push(&data, &mut |bytes| decoded.extend_from_slice(bytes)) {
                        Ok(()) => decoded.freeze(),
                        Err(error) => return self.refuse(error.into()),
                    }
                }
            };
            if !data.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(data))));
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self.state {
            State::Plain | State::Hashing(..) => self.inner.size_hint(),
            State::Chunks(_) => SizeHint::default(),
            State::Done => SizeHint::with_exact(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::{BodyExt as _, Full, StreamBody};
    use locum_sigv4::{Claim, Credentials, Dialect, Scope, SignPayload, SigningKey, sha256, sign};

    fn pieces(bytes: &[u8], size: usize) -> Inner {
        let frames: Vec<_> = bytes
            .chunks(size)
            .map(|piece| Ok(Frame::data(Bytes::copy_from_slice(piece))))
            .collect();
        Box::pin(StreamBody::new(futures_util::stream::iter(frames)))
    }

    /// What a body gives, and what its outcome then is.
    async fn read(body: Inner, check: Check) -> (Result<Bytes, String>, Arc<Outcome>) {
        let outcome = Arc::new(Outcome::default());
        let checked = Checked::new(body, check, Arc::clone(&outcome));
        (
            checked
                .collect()
                .await
                .map(http_body_util::Collected::to_bytes)
                .map_err(|error| error.to_string()),
            outcome,
        )
    }

    #[tokio::test]
    async fn a_declared_hash_must_be_that_of_the_body() {
        let (bytes, outcome) = read(
            pieces(b"hello world", 3),
            Check::Sha256(sha256(b"hello world")),
        )
        .await;
        assert_eq!(bytes.unwrap(), "hello world");
        assert_eq!(outcome.fault(), None);

        let (bytes, outcome) = read(
            pieces(b"hello World", 3),
            Check::Sha256(sha256(b"hello world")),
        )
        .await;
        assert_eq!(
            bytes.unwrap_err(),
            "The provided 'x-amz-content-sha256' header does not match what was computed."
        );
        let fault = outcome.fault().unwrap();
        assert_eq!(
            (&*fault.code, fault.status.as_u16()),
            ("XAmzContentSHA256Mismatch", 400)
        );
        assert_eq!(
            fault.extra.first().unwrap().1,
            HEXLOWER.encode(&sha256(b"hello world"))
        );
        assert_eq!(
            fault.extra.last().unwrap().1,
            HEXLOWER.encode(&sha256(b"hello World"))
        );

        let (bytes, _) = read(pieces(b"", 1), Check::Sha256(sha256(b"x"))).await;
        assert!(bytes.is_err());
    }

    #[tokio::test]
    async fn an_unsigned_body_passes() {
        let inner = Full::new(Bytes::from_static(b"anything")).map_err(|never| match never {});
        let (bytes, outcome) = read(Box::pin(inner), Check::None).await;
        assert_eq!(bytes.unwrap(), "anything");
        assert_eq!(outcome.fault(), None);
    }

    #[tokio::test]
    async fn a_broken_connection_is_an_incomplete_body() {
        let frames = vec![
            Ok(Frame::data(Bytes::from_static(b"half"))),
            Err(BoxError::from("reset")),
        ];
        let body: Inner = Box::pin(StreamBody::new(futures_util::stream::iter(frames)));
        let (bytes, outcome) = read(body, Check::None).await;
        assert!(bytes.is_err());
        assert_eq!(outcome.fault().unwrap().code, "IncompleteBody");
        assert_eq!(outcome.fault().unwrap().cause.as_deref(), Some("reset"));
    }

    /// A signed, chunked upload of `data` with a trailer, and the decoder for it.
    fn chunked(data: &[u8]) -> (Vec<u8>, Box<ChunkDecoder>) {
        let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
        let (mut head, ()) = http::Request::put("https://s3.example.com/b/k")
            .body(())
            .unwrap()
            .into_parts();
        let credentials = Credentials {
            access_key_id: "AKIDEXAMPLE",
            secret_access_key: secret,
            session_token: None,
        };
        let scope = Scope {
            dialect: Dialect::S3,
            region: "us-east-1",
            service: "s3",
        };
        let payload = SignPayload::Streaming {
            signed: true,
            trailer: Some("x-amz-checksum-crc32"),
            decoded_length: data.len() as u64,
        };
        let signed = sign(&mut head, &credentials, &scope, 1_440_938_160, payload).unwrap();
        let mut encoder = signed.into_chunks().unwrap();
        let mut body = Vec::new();
        for piece in data.chunks(8192) {
            encoder.chunk(piece, &mut body);
        }
        encoder.finish(&[("x-amz-checksum-crc32", "AAAAAA==")], &mut body);
        let claim = Claim::parse(&head, Dialect::S3).unwrap().unwrap();
        let key = SigningKey::derive(secret, claim.date(), claim.region(), claim.service());
        let decoder = claim.verify(&key, None).unwrap().chunks().unwrap();
        (body, Box::new(decoder))
    }

    #[tokio::test]
    async fn chunks_are_decoded_whatever_the_pieces() {
        let data: Vec<u8> = (0..20_000u32).map(|n| (n % 253) as u8).collect();
        for size in [1, 7, 4096, 100_000] {
            let (body, decoder) = chunked(&data);
            let (bytes, outcome) = read(pieces(&body, size), Check::Chunks(decoder)).await;
            assert_eq!(bytes.unwrap(), data);
            assert_eq!(outcome.trailer("x-amz-checksum-crc32"), Some("AAAAAA=="));
        }
    }

    #[tokio::test]
    async fn a_chunk_that_was_altered_or_cut_is_refused() {
        let data = vec![b'a'; 20_000];
        for (at, code) in [
            (100, "SignatureDoesNotMatch"),
            (15_000, "SignatureDoesNotMatch"),
        ] {
            let (mut body, decoder) = chunked(&data);
            body[at] = b'b';
            let (bytes, outcome) = read(pieces(&body, 1000), Check::Chunks(decoder)).await;
            assert!(bytes.is_err());
            assert_eq!(outcome.fault().unwrap().code, code);
            assert_eq!(outcome.trailer("x-amz-checksum-crc32"), None);
        }
        let (body, decoder) = chunked(&data);
        let (bytes, outcome) = read(
            pieces(&body[..body.len() - 20], 1000),
            Check::Chunks(decoder),
        )
        .await;
        assert!(bytes.is_err());
        assert_eq!(outcome.fault().unwrap().code, "IncompleteBody");
    }
}
