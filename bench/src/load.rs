//! The load generator: bytes made beforehand over kept-alive connections, and no more of HTTP than
//! it takes to find the end of an answer, so that the generator costs little.

use crate::Outcome;
use memchr::memmem;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// More than any answer measured here: a page of a thousand roles is the longest.
const LONGEST_ANSWER: usize = 4 * 1024 * 1024;

/// A kept-alive connection.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens.
    pub(crate) async fn open(address: SocketAddr) -> Outcome<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: vec![0; LONGEST_ANSWER],
        })
    }

    /// Sends a request and reads the answer: its body.
    ///
    /// # Errors
    /// When the answer is other than 200, or none.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> Outcome<&[u8]> {
        self.stream.write_all(request).await?;
        let mut filled = 0;
        let mut body = None;
        loop {
            let room = self.buffer.get_mut(filled..).unwrap_or_default();
            let read = self.stream.read(room).await?;
            if read == 0 {
                return Err("the connection ended before the answer did".into());
            }
            filled += read;
            let answer = self.buffer.get(..filled).unwrap_or_default();
            if body.is_none() {
                body = body_of(answer)?;
            }
            match body {
                Some((start, length)) if filled == start + length => break,
                Some((start, length)) if filled > start + length => {
                    return Err("an answer is longer than it says".into());
                }
                _ => {}
            }
        }
        let start = body.map_or(filled, |(start, _)| start);
        Ok(self.buffer.get(start..filled).unwrap_or_default())
    }
}

/// Where the body starts and how long it is, once the head is complete.
fn body_of(answer: &[u8]) -> Outcome<Option<(usize, usize)>> {
    let Some(end) = memmem::find(answer, b"\r\n\r\n") else {
        return Ok(None);
    };
    if !answer.starts_with(b"HTTP/1.1 200 ") {
        return Err(format!("an answer failed:\n{}", String::from_utf8_lossy(answer)).into());
    }
    let head = answer.get(..end + 2).unwrap_or_default();
    let length = memmem::find(head, b"content-length: ")
        .and_then(|at| head.get(at + 16..))
        .and_then(|value| std::str::from_utf8(value.split(|byte| *byte == b'\r').next()?).ok())
        .and_then(|digits| digits.parse().ok())
        .ok_or("an answer without its length")?;
    Ok(Some((end + 4, length)))
}

/// What one round came to.
pub(crate) struct Round {
    pub(crate) elapsed: Duration,
    /// Nanoseconds that each answer took.
    pub(crate) latencies: Vec<u32>,
}

impl Round {
    /// Answers per second.
    pub(crate) fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.elapsed.as_secs_f64()
    }
}

/// Connections to one server, kept over the rounds.
pub(crate) struct Load(Vec<Connection>);

/// What each connection sends in a round.
#[derive(Clone)]
pub(crate) enum Work {
    /// The same request until the time is over.
    Repeat(Arc<[u8]>, Duration),
    /// Every request once; each connection takes its share.
    Each(Arc<[Vec<u8>]>),
}

impl Load {
    /// Opens so many connections.
    ///
    /// # Errors
    /// When nobody listens.
    pub(crate) async fn open(address: SocketAddr, connections: usize) -> Outcome<Self> {
        let mut open = Vec::with_capacity(connections);
        for _ in 0..connections {
            open.push(Connection::open(address).await?);
        }
        Ok(Self(open))
    }

    /// Sends requests on all connections, one at a time on each. Every answer is checked.
    ///
    /// # Errors
    /// When any answer is other than 200.
    pub(crate) async fn round(&mut self, work: &Work) -> Outcome<Round> {
        let mut running = JoinSet::new();
        let count = self.0.len();
        let started = Instant::now();
        for (index, connection) in self.0.drain(..).enumerate() {
            let work = work.clone();
            running.spawn(run(connection, work, (index, count), started));
        }
        let mut latencies = Vec::new();
        while let Some(done) = running.join_next().await {
            let (connection, more) = done??;
            latencies.extend(more);
            self.0.push(connection);
        }
        Ok(Round {
            elapsed: started.elapsed(),
            latencies,
        })
    }
}

async fn run(
    mut connection: Connection,
    work: Work,
    (index, count): (usize, usize),
    started: Instant,
) -> Outcome<(Connection, Vec<u32>)> {
    let mut latencies = Vec::new();
    let mut before = started;
    let mut timed = |latencies: &mut Vec<u32>| {
        let now = Instant::now();
        let took = now.duration_since(before).as_nanos();
        latencies.push(u32::try_from(took).unwrap_or(u32::MAX));
        before = now;
        now.duration_since(started)
    };
    match work {
        Work::Repeat(request, time) => loop {
            connection.exchange(&request).await?;
            if timed(&mut latencies) >= time {
                break;
            }
        },
        Work::Each(requests) => {
            for request in requests.iter().skip(index).step_by(count) {
                connection.exchange(request).await?;
                timed(&mut latencies);
            }
        }
    }
    Ok((connection, latencies))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_is_found_once_the_head_is_there() {
        let answer =
            b"HTTP/1.1 200 OK\r\ncontent-type: text/xml\r\ncontent-length: 5\r\n\r\n<a/>\n";
        assert_eq!(body_of(&answer[..60]).unwrap(), None);
        assert_eq!(body_of(answer).unwrap(), Some((62, 5)));
    }

    #[test]
    fn any_other_status_is_an_error() {
        let answer = b"HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno";
        assert_eq!(
            body_of(answer).unwrap_err().to_string(),
            "an answer failed:\nHTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno"
        );
    }
}
