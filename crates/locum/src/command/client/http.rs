//! One signed request of the AWS query protocol, and its answer.

use super::caller::Caller;
use super::endpoint::Endpoint;
use super::variable;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use locum_sigv4::{Dialect, Scope, SignPayload, sign};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use roxmltree::{Document, Node, ParsingOptions};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// How long connecting may take, TLS and all.
const CONNECTED_WITHIN: Duration = Duration::from_secs(15);
/// How long the whole request may take.
const ANSWERED_WITHIN: Duration = Duration::from_secs(60);
/// The longest answer that is read, in bytes.
const LONGEST_ANSWER: usize = 512 * 1024;
/// The most XML nodes of an answer.
const MOST_NODES: u32 = 10_000;

/// The text of an answer of success.
#[derive(Debug)]
pub(crate) struct Answer(String);

/// A structure in an answer.
#[derive(Clone, Copy)]
pub(crate) struct Structure<'a>(Node<'a, 'a>);

/// Sends a form, signed at `now`.
///
/// # Errors
/// The service's `code: message`, or why there is no answer.
pub(super) async fn post(
    caller: &Caller,
    service: &str,
    form: &[(String, String)],
    now: i64,
) -> Result<Answer, String> {
    let request = request(caller, service, form, now)?;
    let exchange = async {
        let connecting = tokio::time::timeout(CONNECTED_WITHIN, connect(&caller.endpoint));
        let stream = connecting
            .await
            .map_err(|_| "it does not answer".to_owned())??;
        send(stream, request).await
    };
    let (status, text) = tokio::time::timeout(ANSWERED_WITHIN, exchange)
        .await
        .unwrap_or_else(|_| Err("it does not answer in time".to_owned()))
        .map_err(|why| format!("{}: {why}", caller.endpoint.authority))?;
    if status == StatusCode::OK {
        Ok(Answer(text))
    } else {
        Err(error_in(&text).unwrap_or_else(|| {
            format!(
                "{}: answered {status}, and not as {service} does",
                caller.endpoint.authority
            )
        }))
    }
}

impl Answer {
    /// The texts of these elements, each a child of the one `parent`.
    ///
    /// # Errors
    /// The name of the element that is missing.
    pub(super) fn texts<const N: usize>(
        &self,
        parent: &str,
        names: [&str; N],
    ) -> Result<[String; N], String> {
        self.structure(parent, |parent| {
            let mut texts = [const { String::new() }; N];
            for (text, name) in texts.iter_mut().zip(names) {
                *text = parent.text(name)?;
            }
            Ok(texts)
        })
    }
}

impl Answer {
    /// What `read` makes of the structure of that name.
    ///
    /// # Errors
    /// When there is none, or as `read` says.
    pub(crate) fn structure<T>(
        &self,
        name: &str,
        read: impl FnOnce(Structure<'_>) -> Result<T, String>,
    ) -> Result<T, String> {
        let document = parse(&self.0).ok_or("the server's answer has no XML that can be read")?;
        let node = descendant(&document, name);
        read(Structure(node.ok_or_else(|| lacks(name))?))
    }
}

impl<'a> Structure<'a> {
    /// The text of a member that must be there.
    ///
    /// # Errors
    /// When it is not.
    pub(crate) fn text(self, name: &str) -> Result<String, String> {
        self.optional(name).ok_or_else(|| lacks(name))
    }

    /// The text of a member.
    pub(crate) fn optional(self, name: &str) -> Option<String> {
        child(self.0, name)
    }

    /// The elements of a list.
    pub(crate) fn list(self, name: &str) -> impl Iterator<Item = Structure<'a>> + use<'a> {
        let is = |node: &Node<'_, '_>, name: &str| node.tag_name().name() == name;
        let list = self.0.children().find(|node| is(node, name));
        let items = list.into_iter().flat_map(|list| list.children());
        items.filter(move |item| is(item, "member")).map(Structure)
    }
}

fn lacks(name: &str) -> String {
    format!("the server's answer has no {name}")
}

fn request(
    caller: &Caller,
    service: &str,
    form: &[(String, String)],
    now: i64,
) -> Result<Request<Full<Bytes>>, String> {
    let body = encode(form);
    let unfit = |error: &dyn std::fmt::Display| format!("the request cannot be made: {error}");
    let request = Request::builder()
        .method(Method::POST)
        .uri("/")
        .header(header::HOST, &caller.endpoint.authority)
        .header(
            header::CONTENT_TYPE,
            "application/x-www-form-urlencoded; charset=utf-8",
        )
        .header(
            header::USER_AGENT,
            concat!("locum/", env!("CARGO_PKG_VERSION")),
        )
        .body(Full::new(Bytes::from(body.clone())))
        .map_err(|error| unfit(&error))?;
    let (mut head, full) = request.into_parts();
    let scope = Scope {
        dialect: Dialect::General,
        region: &caller.region,
        service,
    };
    let payload = SignPayload::Body(body.as_bytes());
    sign(&mut head, &caller.credentials(), &scope, now, payload).map_err(|error| unfit(&error))?;
    Ok(Request::from_parts(head, full))
}

fn encode(form: &[(String, String)]) -> String {
    let encode = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
    let pairs: Vec<String> = form
        .iter()
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
        .collect();
    pairs.join("&")
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the network of the commands that are clients"
)]
async fn connect(endpoint: &Endpoint) -> Result<Box<dyn Stream>, String> {
    let stream = TcpStream::connect((endpoint.host.as_str(), endpoint.port))
        .await
        .map_err(|error| format!("cannot connect: {error}"))?;
    if !endpoint.tls {
        return Ok(Box::new(stream));
    }
    let name = ServerName::try_from(endpoint.host.clone())
        .map_err(|_| "is no host name that a certificate could have".to_owned())?;
    let stream = connector()?
        .connect(name, stream)
        .await
        .map_err(|error| format!("no TLS: {error}"))?;
    Ok(Box::new(stream))
}

/// TLS with the authorities that the machine trusts, or those of `AWS_CA_BUNDLE`.
fn connector() -> Result<TlsConnector, String> {
    let mut roots = rustls::RootCertStore::empty();
    if let Some(path) = variable("AWS_CA_BUNDLE") {
        let failed = |error| format!("cannot read AWS_CA_BUNDLE `{path}`: {error:?}");
        for certificate in CertificateDer::pem_file_iter(&path).map_err(failed)? {
            roots
                .add(certificate.map_err(failed)?)
                .map_err(|error| format!("AWS_CA_BUNDLE `{path}`: {error}"))?;
        }
    } else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    if roots.is_empty() {
        return Err(
            "there is no certificate authority to trust: name some by AWS_CA_BUNDLE".into(),
        );
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

async fn send(
    stream: Box<dyn Stream>,
    request: Request<Full<Bytes>>,
) -> Result<(StatusCode, String), String> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| error.to_string())?;
    // It ends with the sender.
    tokio::spawn(connection);
    let answer = sender
        .send_request(request)
        .await
        .map_err(|error| format!("no answer: {error}"))?;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), LONGEST_ANSWER)
        .collect()
        .await
        .map_err(|error| format!("its answer cannot be read: {error}"))?;
    String::from_utf8(body.to_bytes().into())
        .map(|text| (status, text))
        .map_err(|_| "its answer is not UTF-8".to_owned())
}

/// The `code: message` of an error answer.
fn error_in(text: &str) -> Option<String> {
    let document = parse(text)?;
    let error = descendant(&document, "Error")?;
    let code = child(error, "Code")?;
    Some(match child(error, "Message") {
        Some(message) => format!("{code}: {message}"),
        None => code,
    })
}

fn parse(text: &str) -> Option<Document<'_>> {
    let options = ParsingOptions {
        nodes_limit: MOST_NODES,
        ..ParsingOptions::default()
    };
    Document::parse_with_options(text, options).ok()
}

fn descendant<'a>(document: &'a Document<'_>, name: &str) -> Option<Node<'a, 'a>> {
    document
        .descendants()
        .find(|node| node.tag_name().name() == name)
}

fn child(parent: Node<'_, '_>, name: &str) -> Option<String> {
    let found = parent
        .children()
        .find(|node| node.tag_name().name() == name)?;
    found
        .text()
        .map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_encoded_whole() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let form = [
            pair("Action", "A"),
            pair("Tags.member.1.Value", "a b&c=d+é"),
        ];
        assert_eq!(
            encode(&form),
            "Action=A&Tags%2Emember%2E1%2EValue=a%20b%26c%3Dd%2B%C3%A9"
        );
    }

    #[test]
    fn errors_of_the_service() {
        let text = "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
            <Code>AccessDenied</Code><Message>not &lt;you&gt; </Message></Error><RequestId>1</RequestId></ErrorResponse>";
        assert_eq!(error_in(text).as_deref(), Some("AccessDenied: not <you>"));
        assert_eq!(
            error_in("<Error><Code>C</Code></Error>").as_deref(),
            Some("C")
        );
        assert_eq!(error_in("<html><body/></html>"), None);
        assert_eq!(error_in("Bad gateway"), None);
    }

    #[test]
    fn texts_of_an_answer() {
        let answer = Answer("<R xmlns=\"n\"><A>no</A><C><A>1</A><B> 2 </B><E/></C></R>".into());
        assert_eq!(
            answer.texts("C", ["B", "A"]),
            Ok(["2".to_owned(), "1".to_owned()])
        );
        let missing =
            |name: &str| Err::<[String; 1], _>(format!("the server's answer has no {name}"));
        assert_eq!(answer.texts("C", ["E"]), missing("E"));
        assert_eq!(answer.texts("D", ["E"]), missing("D"));
    }

    #[test]
    fn hostile_answers_are_refused() {
        let entities = "<!DOCTYPE a [<!ENTITY b \"c\">]><Error><Code>&b;</Code></Error>";
        assert_eq!(error_in(entities), None);
        let deep = format!("{}{}", "<a>".repeat(60_000), "</a>".repeat(60_000));
        assert_eq!(error_in(&deep), None);
        let wide = format!("<Error>{}<Code>C</Code></Error>", "<a/>".repeat(20_000));
        assert_eq!(error_in(&wide), None);
    }
}
