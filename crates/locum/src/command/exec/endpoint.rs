//! The endpoint that SDKs fetch container credentials from, for one command on this machine.
//!
//! Whoever may talk to loopback can reach it, a web page in the user's browser too. So it answers
//! only to the token that the command alone was given, and only under the name it was given.

use super::super::client::{Assume, Freshness, Session};
use data_encoding::BASE64URL_NOPAD;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use locum_identity::environment::timestamp;
use locum_sigv4::constant_time_eq;
use serde::Serialize;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, Semaphore};
use zeroize::Zeroizing;

/// SDKs ask for new credentials a quarter of an hour before the old ones end, and are to get new
/// ones then.
pub(super) const RENEWED: Freshness = Freshness {
    seconds: 20 * 60,
    share: 2,
};

/// The one path.
const PATH: &str = "/credentials";
/// The most connections at a time.
const MOST_CONNECTIONS: usize = 64;
/// How long a client may take for its request.
const ASKED_WITHIN: Duration = Duration::from_secs(10);
/// How long nothing is accepted after that has failed.
const REST: Duration = Duration::from_millis(100);

/// The endpoint, bound to its port.
pub(super) struct Endpoint {
    listener: TcpListener,
    authority: String,
    token: Zeroizing<String>,
    assume: Assume,
    session: Mutex<Session>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Credentials<'a> {
    access_key_id: &'a str,
    secret_access_key: &'a str,
    token: &'a str,
    expiration: String,
    role_arn: &'a str,
}

#[derive(Serialize)]
struct Refusal<'a> {
    code: &'a str,
    message: &'a str,
}

type Answer = Response<Full<Bytes>>;

impl Endpoint {
    /// Listens on a free port of loopback, with a new token.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the network of the command that listens"
    )]
    pub(super) async fn bind(assume: Assume, session: Session) -> io::Result<Self> {
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
        let authority = listener.local_addr()?.to_string();
        let mut random = Zeroizing::new([0; 32]);
        assume.environment().entropy.fill(&mut *random);
        Ok(Self {
            listener,
            authority,
            token: Zeroizing::new(BASE64URL_NOPAD.encode(&*random)),
            assume,
            session: Mutex::new(session),
        })
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}{PATH}", self.authority)
    }

    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// Answers for as long as it is not dropped.
    pub(super) async fn serve(self: Arc<Self>) {
        let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
        while let Ok(permit) = room.clone().acquire_owned().await {
            let Ok((stream, _)) = self.listener.accept().await else {
                // No file is left for the connection; others may end meanwhile.
                rest().await;
                continue;
            };
            let endpoint = self.clone();
            let permit = Arc::new(permit);
            tokio::spawn(async move {
                let service = service_fn(move |request: Request<Incoming>| {
                    let (endpoint, permit) = (endpoint.clone(), permit.clone());
                    // A task of its own: an SDK that hangs up because renewing takes long asks again,
                    // and is to find it done.
                    tokio::spawn(async move {
                        let answer = endpoint.answer(&request).await;
                        drop(permit);
                        answer
                    })
                });
                // How a client ends its connection does not matter.
                let _ = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(ASKED_WITHIN)
                    .keep_alive(false)
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    }

    async fn answer<B>(&self, request: &Request<B>) -> Answer {
        // A page of another site reaches this port under that site's name.
        if only(request.headers(), header::HOST) != Some(self.authority.as_bytes())
            || request.uri().authority().is_some()
        {
            return refusal(
                StatusCode::FORBIDDEN,
                "AccessDenied",
                "this host is not served here",
            );
        }
        let token = only(request.headers(), header::AUTHORIZATION).unwrap_or_default();
        if !constant_time_eq(token, self.token.as_bytes()) {
            return refusal(
                StatusCode::UNAUTHORIZED,
                "Unauthorized",
                "the authorization token is missing or wrong",
            );
        }
        if request.uri().path() != PATH {
            return refusal(
                StatusCode::NOT_FOUND,
                "NotFound",
                "there is nothing at this path",
            );
        }
        if request.method() != Method::GET {
            return refusal(
                StatusCode::METHOD_NOT_ALLOWED,
                "MethodNotAllowed",
                "the method must be GET",
            );
        }
        self.credentials().await
    }

    /// The credentials, renewed if it is time. Whoever asks meanwhile waits, so that many askers cost
    /// one request.
    async fn credentials(&self) -> Answer {
        let mut session = self.session.lock().await;
        let now = self.assume.environment().clock.now();
        if !RENEWED.suffices(&session.issued, now) {
            match self.assume.session(RENEWED).await {
                Ok(new) => *session = new,
                Err(failure) => {
                    let why = failure.text();
                    tracing::warn!(
                        "the session is not renewed: {}",
                        super::super::text::PlainLines(why)
                    );
                    if session.issued.expiration <= now {
                        return refusal(
                            StatusCode::INTERNAL_SERVER_ERROR,
                            "CredentialsUnavailable",
                            why,
                        );
                    }
                }
            }
        }
        let issued = &session.issued;
        answer(
            StatusCode::OK,
            &Credentials {
                access_key_id: &issued.access_key_id,
                secret_access_key: issued.secret_access_key.expose(),
                token: issued.session_token.expose(),
                expiration: timestamp(issued.expiration),
                role_arn: self.assume.role_arn(),
            },
        )
    }
}

#[expect(clippy::disallowed_methods, reason = "this waits for nothing but time")]
async fn rest() {
    tokio::time::sleep(REST).await;
}

/// The value of a header that is there once.
fn only(headers: &HeaderMap, name: header::HeaderName) -> Option<&[u8]> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => Some(value.as_bytes()),
        _ => None,
    }
}

fn refusal(status: StatusCode, code: &str, message: &str) -> Answer {
    answer(status, &Refusal { code, message })
}

fn answer(status: StatusCode, body: &impl Serialize) -> Answer {
    let body = serde_json::to_vec(body).unwrap_or_default();
    let mut answer = Response::new(Full::from(body));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static("application/json"),
    );
    headers.insert(
        header::CACHE_CONTROL,
        header::HeaderValue::from_static("no-store"),
    );
    answer
}
