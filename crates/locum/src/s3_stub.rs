//! Stands in until the data plane has landed.
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use locum_identity::caller::{Caller, RequestFacts};
use locum_identity::realm::Realm;
use locum_s3::disk::Objects;
use std::sync::Arc;
pub(crate) type Body = Full<Bytes>;
pub(crate) struct S3;
pub(crate) struct Served {
    pub(crate) response: http::Response<Body>,
    pub(crate) caller: Option<Caller>,
    pub(crate) claimed_key: Option<String>,
    pub(crate) outcome: locum_wire::Outcome,
}
impl S3 {
    pub(crate) fn new(_: Arc<Realm>, _: Objects, _: Vec<String>) -> Self {
        Self
    }
    pub(crate) async fn call(&self, _: http::Request<Incoming>, _: &RequestFacts) -> Served {
        let mut response = http::Response::new(Full::default());
        *response.status_mut() = http::StatusCode::SERVICE_UNAVAILABLE;
        Served {
            response,
            caller: None,
            claimed_key: None,
            outcome: locum_wire::Outcome::default(),
        }
    }
}
