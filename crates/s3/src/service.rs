//! The one path of an S3 request: authenticate, check the body, let the codec route and authorize
//! and act, and write the answer.

use crate::access::Access;
use crate::action;
use crate::backend::Backend;
use crate::disk::{self, Algorithm, Hasher, Objects};
use crate::fault::{Code, Fault};
use crate::host::BaseDomains;
use crate::payload::{BoxError, Check, Checked, Inner, Outcome};
use crate::query::Query;
use bytes::Bytes;
use data_encoding::BASE64;
use http::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, RANGE, TRANSFER_ENCODING,
};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, Limited};
use locum_identity::caller::{Caller, RequestFacts, Who};
use locum_identity::environment::Entropy;
use locum_identity::error::{Denied, Error, Suspicion};
use locum_identity::realm::Realm;
use locum_sigv4::{Claim, Dialect, Payload};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Semaphore, SemaphorePermit};

/// The body of an answer.
pub type Body = UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;

/// The most that the body of a request may have that is not an object's or a part's.
const MAX_DOCUMENT: usize = 4 * 1024 * 1024;

/// Documents of anonymous callers that are held in memory at once, besides small ones: a document is
/// read before it is known what it is for, and so whether its sender may do anything.
const ANONYMOUS_DOCUMENTS: usize = 8;
/// Documents that declare no more bytes than this are small.
const SMALL_DOCUMENT: u64 = 16 * 1024;

/// What the signature was made with, and what goes with it: for us, not for the codec.
const SIGNATURE_HEADERS: [HeaderName; 7] = [
    AUTHORIZATION,
    EXPECT,
    HeaderName::from_static("x-amz-date"),
    HeaderName::from_static("x-amz-security-token"),
    HeaderName::from_static("x-amz-content-sha256"),
    HeaderName::from_static("x-amz-decoded-content-length"),
    HeaderName::from_static("x-amz-trailer"),
];

/// The same, in a query.
const SIGNATURE_PARAMETERS: [&str; 8] = [
    "X-Amz-Algorithm",
    "X-Amz-Content-Sha256",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-Security-Token",
    "X-Amz-Signature",
    "X-Amz-SignedHeaders",
];

/// The S3 API over one realm and one store of objects.
#[derive(Clone)]
pub struct S3 {
    realm: Arc<Realm>,
    objects: Objects,
    codec: s3s::service::S3Service,
    /// Room for the documents of anonymous callers.
    room: Arc<Semaphore>,
}

/// What an S3 request was, for the audit record and the log: an extension of every answer.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The operation, as CloudTrail's `eventName`; `None` if it did not come so far.
    pub operation: Option<String>,
    /// The bucket.
    pub bucket: Option<String>,
    /// The key.
    pub key: Option<String>,
    /// The region of the signature.
    pub region: Option<String>,
    /// The access key id that the request names, true or not.
    pub access_key_id: Option<String>,
    /// Who it was; `None` if that could not be told.
    pub caller: Option<Caller>,
    /// What is to be suspected of who was not authenticated.
    pub suspicion: Option<Suspicion>,
    /// The error code, if it is an error.
    pub error_code: Option<String>,
    /// The error message, if it is an error.
    pub error_message: Option<String>,
    /// What went wrong inside, for the log.
    pub cause: Option<String>,
    /// The decision that refused it, if one did.
    pub refused: Option<Box<Denied>>,
}

/// What goes with a request through the codec.
#[derive(Clone)]
pub(crate) struct Context(Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) caller: Caller,
    pub(crate) facts: RequestFacts,
    /// For the messages that refusals carry.
    pub(crate) entropy: Arc<dyn Entropy>,
    /// What the body turned out to be.
    pub(crate) outcome: Arc<Outcome>,
    /// The checksums that come behind the body.
    pub(crate) trailing: Vec<Algorithm>,
    /// How it was signed.
    pub(crate) signature: Option<Signature>,
    note: Mutex<Note>,
}

/// How a request was signed: what policies may look at.
pub(crate) struct Signature {
    pub(crate) presigned: bool,
    /// Milliseconds since it was made.
    pub(crate) age: i64,
    /// `x-amz-content-sha256`
    pub(crate) content_sha256: Option<String>,
}

/// What the codec cannot carry back.
#[derive(Default)]
pub(crate) struct Note {
    pub(crate) operation: Option<&'static str>,
    pub(crate) bucket: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) fault: Option<Fault>,
}

impl std::ops::Deref for Context {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Context {
    /// What is to be carried back.
    pub(crate) fn note(&self) -> MutexGuard<'_, Note> {
        self.note.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has `fault` answered in place of what the codec makes of the error returned.
    pub(crate) fn fail(&self, fault: Fault) -> s3s::S3Error {
        let mut error = s3s::S3Error::new(s3s::S3ErrorCode::AccessDenied);
        error.set_status_code(fault.status);
        self.note().fault = Some(fault);
        error
    }
}

impl S3 {
    /// Serves `objects` to the callers of `realm`. Requests to a host `BUCKET.DOMAIN`, where
    /// `DOMAIN` is one of `base_domains`, are in virtual-host style; all others are in path style.
    pub fn new(realm: Arc<Realm>, objects: Objects, base_domains: Vec<String>) -> Self {
        let mut builder =
            s3s::service::S3ServiceBuilder::new(Backend::new(Arc::clone(&realm), objects.clone()));
        builder.set_host(BaseDomains::new(base_domains));
        // Authorization runs only where there is authentication; ours has been before.
        builder.set_auth(crate::access::NoSecrets);
        builder.set_access(Access::new(Arc::clone(&realm)));
        let mut config = s3s::config::S3Config::default();
        config.xml_max_body_size = MAX_DOCUMENT;
        builder.set_config(Arc::new(s3s::config::StaticConfigProvider::new(Arc::new(
            config,
        ))));
        Self {
            realm,
            objects,
            codec: builder.build(),
            room: Arc::new(Semaphore::new(ANONYMOUS_DOCUMENTS)),
        }
    }

    /// Forgets every object: for going back to the first moment.
    ///
    /// # Errors
    /// The disk's.
    pub async fn wipe(&self) -> Result<(), disk::Error> {
        self.objects.wipe().await
    }

    /// Answers one request. `facts.region` is replaced by that of the signature. The answer has a
    /// [`Report`] among its extensions.
    pub async fn call<B>(&self, request: Request<B>, mut facts: RequestFacts) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let (head, body) = request.into_parts();
        let is_head = head.method == Method::HEAD;
        let request_id = facts.request_id.clone();
        let mut report = Report::default();
        let answer = self
            .answer(
                head,
                Box::pin(body.map_err(Into::into)),
                &mut facts,
                &mut report,
            )
            .await;
        let mut response = match answer {
            Ok(response) => response,
            Err(fault) => self.refused(&fault, is_head, &request_id, &mut report),
        };
        self.identify(&mut response, request_id);
        response.extensions_mut().insert(report);
        response
    }

    /// Answers a request with an error, unread. The answer has a [`Report`] among its extensions.
    pub fn refuse(&self, error: &Error, method: &Method, request_id: &str) -> Response<Body> {
        let (fault, is_head) = (Fault::of_identity(error, None), method == Method::HEAD);
        let mut report = Report::default();
        let mut response = self.refused(&fault, is_head, request_id, &mut report);
        self.identify(&mut response, request_id.to_owned());
        response.extensions_mut().insert(report);
        response
    }

    /// The answer to a fault, which the report takes down.
    fn refused(
        &self,
        fault: &Fault,
        is_head: bool,
        request_id: &str,
        report: &mut Report,
    ) -> Response<Body> {
        report.error_code = Some(fault.code.clone().into_owned());
        report.error_message = Some(fault.message.clone().into_owned());
        report.cause.clone_from(&fault.cause);
        report.refused.clone_from(&fault.refused);
        self.refusal(fault, is_head, request_id)
    }

    /// Adds S3's two request ids.
    fn identify(&self, response: &mut Response<Body>, request_id: String) {
        let headers = response.headers_mut();
        for (name, value) in [
            ("x-amz-request-id", request_id),
            ("x-amz-id-2", self.host_id()),
        ] {
            if let Ok(value) = HeaderValue::try_from(value) {
                // The document of an error has said it already.
                headers.entry(name).or_insert(value);
            }
        }
    }

    async fn answer(
        &self,
        head: Parts,
        body: Inner,
        facts: &mut RequestFacts,
        report: &mut Report,
    ) -> Result<Response<Body>, Fault> {
        let query = Query::parse(head.uri.query().unwrap_or_default())?;
        let claim = Claim::parse(&head, Dialect::S3)
            .map_err(|error| Fault::from(locum_identity::error::Error::Signature(error)))?;
        let (caller, payload, decoder, signature) = match &claim {
            None => (
                self.realm.anonymous(),
                unsigned_payload(&head.headers)?,
                None,
                None,
            ),
            Some(claim) => {
                report.access_key_id = Some(claim.access_key_id().to_owned());
                report.region = Some(claim.region().to_owned());
                claim.region().clone_into(&mut facts.region);
                let signature = Signature {
                    presigned: claim.is_presigned(),
                    age: facts
                        .now
                        .saturating_sub(claim.time())
                        .max(0)
                        .saturating_mul(1000),
                    content_sha256: header(&head.headers, "x-amz-content-sha256"),
                };
                let (caller, verified) =
                    self.realm
                        .authenticate(claim, "s3", None)
                        .await
                        .map_err(|error| {
                            report.suspicion = error.suspicion();
                            Fault::of_identity(&error, Some(claim.access_key_id()))
                        })?;
                (caller, claim.payload(), verified.chunks(), Some(signature))
            }
        };
        drop(claim);
        report.caller = Some(caller.clone());
        // Services call for roles, and the roles' sessions for objects.
        if let Who::Service(_) = caller.who {
            return Err(Code::AccessDenied.into());
        }
        let check = match (payload, decoder) {
            (Payload::Sha256(declared), _) => Check::Sha256(declared),
            (Payload::Unsigned, _) => Check::None,
            (Payload::Streaming { .. }, Some(decoder)) => Check::Chunks(Box::new(decoder)),
            (Payload::Streaming { .. }, None) | (Payload::Buffered, _) => {
                return Err(Fault::unsupported_header("x-amz-content-sha256"));
            }
        };
        let outcome = Arc::new(Outcome::default());
        let context = Context(Arc::new(Shared {
            caller,
            facts: facts.clone(),
            entropy: Arc::clone(&self.realm.environment().entropy),
            outcome: Arc::clone(&outcome),
            trailing: trailing(&head.headers, payload),
            signature,
            note: Mutex::default(),
        }));
        let is_empty = http_body::Body::is_end_stream(&body);
        let checked = Checked::new(body, check, Arc::clone(&outcome));
        let is_head = head.method == Method::HEAD;
        // Held until the request is answered.
        let _room = self.room(&head, &query, is_empty, &context)?;
        let request = plain(head, &query, payload, checked, &context).await?;
        let response = self
            .codec
            .call(request)
            .await
            .map_err(|error| Fault::internal(BoxError::from(error)))?;

        let note = std::mem::take(&mut *context.note());
        report.operation = note.operation.map(str::to_owned);
        report.bucket = note.bucket;
        report.key = note.key;
        let failed = response.status().is_client_error() || response.status().is_server_error();
        match (note.fault, outcome.fault()) {
            // Whatever else was found wrong came of the body being wrong.
            (_, Some(fault)) if failed => Err(fault.clone()),
            (Some(fault), _) => Err(fault),
            (None, _) if failed => Err(codec_fault(&response)),
            (None, _) => {
                let (head, body) = response.into_parts();
                let body = if is_head {
                    empty()
                } else {
                    UnsyncBoxBody::new(body)
                };
                Ok(Response::from_parts(head, body))
            }
        }
    }

    /// Room for the document of an anonymous caller, if there is one and it is not small.
    fn room(
        &self,
        head: &Parts,
        query: &Query,
        is_empty: bool,
        context: &Context,
    ) -> Result<Option<SemaphorePermit<'_>>, Fault> {
        let length = head.headers.get(CONTENT_LENGTH);
        let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        let is_small = is_empty || length.is_some_and(|length| length <= SMALL_DOCUMENT);
        if context.caller.account_id().is_some() || is_small || is_upload(head, query) {
            return Ok(None);
        }
        let room = self.room.try_acquire();
        room.map(Some).map_err(|_| Code::SlowDown.into())
    }

    /// An error on the wire. Answers to HEAD, and those that say that nothing has changed, have no
    /// body.
    fn refusal(&self, fault: &Fault, is_head: bool, request_id: &str) -> Response<Body> {
        let host_id = self.host_id();
        let bodiless = is_head || fault.status == StatusCode::NOT_MODIFIED;
        let body = if bodiless {
            empty()
        } else {
            full(fault.document(request_id, &host_id))
        };
        let mut response = Response::new(body);
        *response.status_mut() = fault.status;
        let headers = response.headers_mut();
        headers.extend(fault.headers.clone());
        if fault.status != StatusCode::NOT_MODIFIED {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
        }
        if let Ok(value) = HeaderValue::try_from(host_id) {
            headers.insert("x-amz-id-2", value);
        }
        response
    }

    /// The second of S3's two request ids: only ever random.
    fn host_id(&self) -> String {
        let mut bytes = [0; 48];
        self.realm.environment().entropy.fill(&mut bytes);
        BASE64.encode(&bytes)
    }
}

/// The payload of a request that is not signed: its hash, if it declares one.
fn unsigned_payload(headers: &HeaderMap) -> Result<Payload, Fault> {
    let Some(declared) = header(headers, "x-amz-content-sha256") else {
        return Ok(Payload::Unsigned);
    };
    if declared == "UNSIGNED-PAYLOAD" {
        return Ok(Payload::Unsigned);
    }
    data_encoding::HEXLOWER
        .decode(declared.as_bytes())
        .ok()
        .and_then(|hash| hash.try_into().ok())
        .map(Payload::Sha256)
        .ok_or_else(|| Fault::unsupported_header("x-amz-content-sha256"))
}

/// The checksums that `x-amz-trailer` announces.
fn trailing(headers: &HeaderMap, payload: Payload) -> Vec<Algorithm> {
    if !matches!(payload, Payload::Streaming { trailer: true, .. }) {
        return Vec::new();
    }
    let names = headers
        .get_all("x-amz-trailer")
        .iter()
        .filter_map(|value| value.to_str().ok());
    names
        .flat_map(|names| names.split(','))
        .filter_map(|name| Algorithm::of_header(name.trim()))
        .collect()
}

/// The request as the codec is to see it: without signature, without the framing of the transfer.
async fn plain(
    mut head: Parts,
    query: &Query,
    payload: Payload,
    body: Checked,
    context: &Context,
) -> Result<s3s::HttpRequest, Fault> {
    if head.method == Method::POST && is_form(&head.headers) {
        // An operation that is not in the table; the codec would read the form before asking.
        return Err(Fault::unsupported_header("Content-Type"));
    }
    for name in SIGNATURE_HEADERS {
        head.headers.remove(name);
    }
    if let Payload::Streaming { decoded_length, .. } = payload {
        head.headers
            .insert(CONTENT_LENGTH, HeaderValue::from(decoded_length));
        head.headers.remove(TRANSFER_ENCODING);
        remove_encoding(&mut head.headers);
    } else if is_chunked(&head.headers) {
        // The framing would be taken for the object's bytes.
        return Err(Fault::unsupported_header("Content-Encoding"));
    }
    // What cannot be understood of these is ignored (RFC 9110, sections 14.2 and 13.1.3).
    let understood = |name: &HeaderName, value: &str| match *name {
        RANGE => s3s::dto::Range::parse(value).is_ok(),
        _ => s3s::dto::Timestamp::parse(s3s::dto::TimestampFormat::HttpDate, value).is_ok(),
    };
    for name in [
        RANGE,
        http::header::IF_MODIFIED_SINCE,
        http::header::IF_UNMODIFIED_SINCE,
    ] {
        let value = head
            .headers
            .get(&name)
            .map(|value| value.to_str().is_ok_and(|value| understood(&name, value)));
        if value == Some(false) {
            head.headers.remove(&name);
        }
    }
    let body = if is_upload(&head, query) {
        s3s::Body::http_body_unsync(body)
    } else {
        let bytes = document(body, context).await?;
        // With an upload id, a checksum is the object's and not the document's.
        if query.value("uploadId").is_none() {
            verify_document(&head.headers, context, &bytes)?;
        }
        s3s::Body::from(bytes)
    };
    head.uri = without_signature(&head.uri)?;
    head.extensions.clear();
    head.extensions.insert(context.clone());
    Ok(Request::from_parts(head, body))
}

/// Whether the body may be an object's or a part's, or is for the codec to read.
fn is_upload(head: &Parts, query: &Query) -> bool {
    head.method == Method::PUT
        && !head.headers.contains_key("x-amz-copy-source")
        && action::find("UploadPart").is_some_and(|row| row.admit(query.names()).is_ok())
}

/// The whole of a body that is not large.
async fn document(body: Checked, context: &Context) -> Result<Bytes, Fault> {
    match Limited::new(body, MAX_DOCUMENT).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(_) => Err(match context.outcome.fault() {
            Some(fault) => fault.clone(),
            None => Fault::from(Code::MaxMessageLengthExceeded)
                .with("MaxMessageLengthBytes", MAX_DOCUMENT.to_string()),
        }),
    }
}

/// Verifies the digests that came with a body that is no object's.
fn verify_document(headers: &HeaderMap, context: &Context, bytes: &[u8]) -> Result<(), Fault> {
    let expected = crate::digests::Expected::of(headers, context)?;
    if expected.is_empty() {
        return Ok(());
    }
    let mut hasher = Hasher::new(expected.algorithms());
    hasher.update(bytes);
    expected.verify(&hasher.finish(), context)
}

fn is_form(headers: &HeaderMap) -> bool {
    let form = "multipart/form-data";
    header(headers, CONTENT_TYPE.as_str())
        .and_then(|value| {
            value
                .get(..form.len())
                .map(|start| start.eq_ignore_ascii_case(form))
        })
        .unwrap_or_default()
}

fn is_chunked(headers: &HeaderMap) -> bool {
    let values = headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .any(|coding| coding.trim().eq_ignore_ascii_case("aws-chunked"))
}

/// Takes `aws-chunked` out of `Content-Encoding`: it is not the object's.
fn remove_encoding(headers: &mut HeaderMap) {
    let kept: Vec<String> = headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|coding| coding.trim().to_owned())
        .filter(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case("aws-chunked"))
        .collect();
    headers.remove(CONTENT_ENCODING);
    if !kept.is_empty()
        && let Ok(value) = HeaderValue::try_from(kept.join(","))
    {
        headers.insert(CONTENT_ENCODING, value);
    }
}

/// The target without the parameters of query authentication.
fn without_signature(uri: &Uri) -> Result<Uri, Fault> {
    let Some(query) = uri.query() else {
        return Ok(uri.clone());
    };
    let is_ours = |parameter: &&str| {
        let name = parameter
            .split_once('=')
            .map_or(*parameter, |(name, _)| name);
        SIGNATURE_PARAMETERS
            .iter()
            .any(|ours| name.eq_ignore_ascii_case(ours))
    };
    let kept: Vec<&str> = query
        .split('&')
        .filter(|parameter| !is_ours(parameter))
        .collect();
    let target = match kept.join("&") {
        query if query.is_empty() => uri.path().to_owned(),
        query => format!("{}?{query}", uri.path()),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(target.parse().map_err(|_| Fault::from(Code::InvalidURI))?);
    Uri::from_parts(parts).map_err(|_| Fault::from(Code::InvalidURI))
}

/// An error that the codec made by itself, from its document.
fn codec_fault(response: &s3s::HttpResponse) -> Fault {
    let bytes = response.body().bytes().unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let element = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        let (value, _) = rest.split_once(&format!("</{name}>"))?;
        Some(
            value
                .replace("&lt;", "<")
                .replace("&gt;", ">")
                .replace("&quot;", "\"")
                .replace("&apos;", "'")
                .replace("&amp;", "&"),
        )
    };
    match element("Code") {
        Some(code) => Fault::foreign(code, response.status(), element("Message")),
        None => Fault::internal(format!(
            "the codec answered {} without saying why",
            response.status()
        )),
    }
}

/// A header's first value as text.
pub(crate) fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get(name)
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

fn full(text: String) -> Body {
    UnsyncBoxBody::new(Full::new(Bytes::from(text)).map_err(|never| match never {}))
}

fn empty() -> Body {
    UnsyncBoxBody::new(http_body_util::Empty::new().map_err(|never| match never {}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_taken_off_the_target() {
        for (target, expected) in [
            ("/b/k%2Fx?versionId=null", "/b/k%2Fx?versionId=null"),
            (
                "/b/k?X-Amz-Algorithm=A&X-Amz-Signature=1&x-id=GetObject&X-Amz-Date=d",
                "/b/k?x-id=GetObject",
            ),
            ("/b/k?X-Amz-Signature=1", "/b/k"),
            ("/b/k?x-amz-signature=1&policy", "/b/k?policy"),
            (
                "http://b.s3.example.com/k?X-Amz-Expires=1&a=b%20c",
                "http://b.s3.example.com/k?a=b%20c",
            ),
        ] {
            assert_eq!(
                without_signature(&target.parse().unwrap())
                    .unwrap()
                    .to_string(),
                expected
            );
        }
    }

    #[test]
    fn aws_chunked_is_not_the_objects_encoding() {
        for (encodings, expected) in [
            (&["aws-chunked"][..], None),
            (&["aws-chunked,gzip"], Some("gzip")),
            (&["gzip, aws-chunked"], Some("gzip")),
            (&["gzip", "aws-chunked", "br"], Some("gzip,br")),
            (&["AWS-Chunked"], None),
        ] {
            let mut headers = HeaderMap::new();
            for encoding in encodings {
                headers.append(CONTENT_ENCODING, HeaderValue::from_static(encoding));
            }
            remove_encoding(&mut headers);
            assert_eq!(header(&headers, "content-encoding").as_deref(), expected);
        }
    }

    #[test]
    fn forms_are_seen_whatever_their_spelling() {
        for (value, expected) in [
            ("multipart/form-data; boundary=x", true),
            ("Multipart/Form-Data", true),
            ("text/plain", false),
            ("multipart/mixed", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(value));
            assert_eq!(is_form(&headers), expected, "{value}");
        }
    }
}
