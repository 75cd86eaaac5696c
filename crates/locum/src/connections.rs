//! Connections: accepted up to a limit, served, and let go.

use crate::Failure;
use crate::door::{Body, Door};
use crate::throttle::{Network, network};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_rustls::TlsAcceptor;

/// How long a client may take to send the head of a request, and how long a connection may idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a client may take to make a TLS connection.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How often an HTTP/2 client is asked whether it is still there, and how long it may take to answer.
const PING: Duration = Duration::from_secs(30);
/// How long requests under way have to finish after SIGTERM.
const DRAIN: Duration = Duration::from_secs(30);
/// How long accepting rests after it failed.
const REST: Duration = Duration::from_millis(100);
const MOST_HEADERS: usize = 200;
/// How much of a request's head, or of what comes behind it unread, a connection may hold in memory.
const MOST_UNREAD: usize = 256 * 1024;
/// Requests that a connection of HTTP/2 may have under way.
const MOST_STREAMS: u32 = 128;
/// Connections at most, if the limit of open files allows twice as many.
const MOST_CONNECTIONS: usize = 8192;

/// What serves connections.
#[derive(Clone)]
struct Server {
    door: Arc<Door>,
    tls: Option<TlsAcceptor>,
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
    /// Held by each request until it is done, whether or not its client waits for it.
    under_way: mpsc::Sender<()>,
}

/// Accepts connections until SIGTERM or SIGINT, then lets requests under way finish.
pub(crate) async fn accept(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    door: &Arc<Door>,
) -> Result<(), Failure> {
    let no_signals = |error| Failure::work("no signals", error);
    let mut terminate = signal(SignalKind::terminate()).map_err(no_signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(no_signals)?;
    let (under_way, mut all_done) = mpsc::channel(1);
    let server = Server::new(door.clone(), tls, under_way);
    let graceful = GracefulShutdown::new();
    let most = most_connections();
    let room = Arc::new(Semaphore::new(most));
    // Behind a proxy all come from the same address.
    let share = if door.settings.behind_tls_proxy {
        most
    } else {
        most / 2
    };
    let sources = Arc::new(Sources::new(share));
    let mut failing = false;
    loop {
        let accepted = tokio::select! {
            accepted = next(&listener, &room) => accepted,
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
        };
        match accepted {
            Ok((stream, peer, permit)) => {
                failing = false;
                // Without a word: whoever has so many takes them from others.
                let Some(held) = sources.take(peer.ip()) else {
                    continue;
                };
                let (server, watcher) = (server.clone(), graceful.watcher());
                tokio::spawn(async move {
                    server.serve(stream, peer, watcher).await;
                    drop((permit, held));
                });
            }
            Err(error) => {
                // Out of descriptors, or a client that was gone at once: the next one may fare
                // better, but not at once, and not with a line in the log each.
                if !failing {
                    tracing::warn!("connections are not accepted: {error}");
                }
                failing = true;
                rest().await;
            }
        }
    }
    drop((listener, server));
    let drained = async {
        graceful.shutdown().await;
        // Ends when the last request has let go of its sender.
        let _ = all_done.recv().await;
    };
    if tokio::time::timeout(DRAIN, drained).await.is_err() {
        tracing::warn!(
            "requests were still under way after {} seconds",
            DRAIN.as_secs()
        );
    }
    Ok(())
}

/// How many connections each source holds. What is on this machine may have all.
struct Sources {
    share: usize,
    held: Mutex<HashMap<Network, usize>>,
}

/// A connection that counts as its source's until it is dropped.
struct Held {
    sources: Arc<Sources>,
    source: Network,
}

impl Sources {
    fn new(share: usize) -> Self {
        Self {
            share,
            held: Mutex::default(),
        }
    }

    /// Counts one more connection, unless its source has its share already.
    fn take(self: &Arc<Self>, address: IpAddr) -> Option<Held> {
        let address = address.to_canonical();
        let source = network(Some(address));
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let count = held.entry(source).or_default();
        if *count >= self.share && !address.is_loopback() {
            return None;
        }
        *count += 1;
        Some(Held {
            sources: Arc::clone(self),
            source,
        })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut held = self
            .sources
            .held
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut count) = held.entry(self.source) {
            *count.get_mut() = count.get().saturating_sub(1);
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

/// The next connection, when there is room for it.
async fn next(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> std::io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let permit = room
        .clone()
        .acquire_owned()
        .await
        .map_err(std::io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, permit))
}

#[expect(clippy::disallowed_methods, reason = "this waits for nothing but time")]
async fn rest() {
    tokio::time::sleep(REST).await;
}

impl Server {
    fn new(door: Arc<Door>, tls: Option<TlsAcceptor>, under_way: mpsc::Sender<()>) -> Self {
        let mut http1 = http1::Builder::new();
        http1
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .max_headers(MOST_HEADERS)
            .max_buf_size(MOST_UNREAD);
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2
            .timer(TokioTimer::new())
            .keep_alive_interval(PING)
            .keep_alive_timeout(PING)
            .max_header_list_size(64 * 1024)
            .max_concurrent_streams(MOST_STREAMS);
        Self {
            door,
            tls,
            http1,
            http2,
            under_way,
        }
    }

    /// Serves one connection: HTTP/1, or what a TLS client agreed to.
    async fn serve(self, stream: TcpStream, peer: SocketAddr, watcher: Watcher) {
        let _ = stream.set_nodelay(true);
        let secure = self.tls.is_some();
        let (door, under_way) = (self.door, self.under_way);
        let service = service_fn(move |request| {
            let (door, under_way) = (door.clone(), under_way.clone());
            Begun::new(door, request, peer, secure, under_way)
        });
        let result = match self.tls {
            None => {
                let connection = self.http1.serve_connection(TokioIo::new(stream), service);
                watcher.watch(connection).await
            }
            Some(tls) => {
                let handshake = tokio::time::timeout(HANDSHAKE_TIMEOUT, tls.accept(stream)).await;
                let Ok(Ok(stream)) = handshake else { return };
                let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                let stream = TokioIo::new(stream);
                if is_http2 {
                    watcher
                        .watch(self.http2.serve_connection(stream, service))
                        .await
                } else {
                    watcher
                        .watch(self.http1.serve_connection(stream, service))
                        .await
                }
            }
        };
        if let Err(error) = result {
            tracing::debug!("a connection ended: {error}");
        }
    }
}

/// A request that goes on to its end. It runs where it is awaited; if its client hangs up, what is
/// left of it becomes a task of its own, so that what was begun is done and recorded.
struct Begun(Option<Pin<Box<dyn Future<Output = Answered> + Send>>>);

type Answered = Result<Response<Body>, Infallible>;

impl Begun {
    fn new(
        door: Arc<Door>,
        request: Request<Incoming>,
        peer: SocketAddr,
        secure: bool,
        under_way: mpsc::Sender<()>,
    ) -> Self {
        Self(Some(Box::pin(async move {
            let answer = door.answer(request, peer, secure).await;
            // Answers of requests that came together are written together: the first one wakes the
            // clients' machine, the others find it awake. Of many connections this saves a wake-up each.
            tokio::task::yield_now().await;
            drop(under_way);
            Ok(answer)
        })))
    }
}

impl Future for Begun {
    type Output = Answered;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answered> {
        let Some(request) = &mut self.0 else {
            return Poll::Pending;
        };
        let answer = ready!(request.as_mut().poll(cx));
        self.0 = None;
        Poll::Ready(answer)
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        if let (Some(request), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(request);
        }
    }
}

/// Half of the files that the process may have open: the store and the objects need some too.
fn most_connections() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok());
    soft.map_or(MOST_CONNECTIONS, |soft| {
        (soft / 2).clamp(16, MOST_CONNECTIONS)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_source_does_not_take_all_connections() {
        let sources = Arc::new(Sources::new(3));
        let take = |text: &str| sources.take(text.parse().unwrap());
        let mut held: Vec<_> = (1..=3)
            .map(|host| take(&format!("2001:db8::{host}")).unwrap())
            .collect();
        assert!(take("2001:db8::4").is_none());
        let others = [take("2001:db8:0:1::1"), take("192.0.2.1")];
        assert!(others.iter().all(Option::is_some));
        held.pop();
        held.push(take("2001:db8::4").unwrap());
        assert!(take("2001:db8::5").is_none());
        let local: Vec<_> = (0..9).map(|_| take("::ffff:127.0.0.1").unwrap()).collect();
        drop((held, others, local));
        assert!(sources.held.lock().unwrap().is_empty());
    }
}
