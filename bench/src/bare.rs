//! The ceiling of the HTTP figures: hyper, set up as locum sets it up, which reads the whole
//! request and answers bytes that are always the same.

use crate::Outcome;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use std::time::Duration;
use tokio::net::TcpListener;

/// The word that makes this program the bare server.
pub(crate) const SUBCOMMAND: &str = "bare-server";

/// Serves bodies of that many bytes until it is killed; prints where, as locum does.
///
/// # Errors
/// When it cannot listen.
pub(crate) fn serve(length: Option<&str>) -> Outcome {
    let length: usize = length.unwrap_or_default().parse()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(accept(Bytes::from(vec![b'x'; length])))
}

async fn accept(body: Bytes) -> Outcome {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("a bare server at http://{}", listener.local_addr()?);
    let mut http = Builder::new(TokioExecutor::new());
    http.http1()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(30))
        .max_headers(200);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let (http, body) = (http.clone(), body.clone());
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(request, body.clone()));
            // A client that goes away is none of its concern.
            let _ = http.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    body: Bytes,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    request.into_body().collect().await?;
    let mut response = Response::new(Full::new(body));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("text/xml"));
    Ok(response)
}
