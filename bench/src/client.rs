//! Requests as the AWS SDKs send them, signed once and kept as bytes.

use crate::Outcome;
use crate::load::Connection;
use http::header::{CONTENT_LENGTH, HeaderValue};
use locum_sigv4::{Credentials, Dialect, Scope, SignPayload, sign};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

/// What a client signs with.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: String,
    pub(crate) session_token: Option<String>,
}

impl Keys {
    /// The root user's, as the servers are told.
    pub(crate) fn root() -> Self {
        Self {
            access_key_id: "AKIAROOTROOTROOTROOT".to_owned(),
            secret_access_key: "rootrootrootrootrootrootrootrootrootroot".to_owned(),
            session_token: None,
        }
    }

    /// Those in an answer.
    ///
    /// # Errors
    /// When there are none.
    pub(crate) fn of(answer: &str) -> Outcome<Self> {
        Ok(Self {
            access_key_id: element(answer, "AccessKeyId")?.to_owned(),
            secret_access_key: element(answer, "SecretAccessKey")?.to_owned(),
            session_token: element(answer, "SessionToken").ok().map(str::to_owned),
        })
    }
}

/// The services that are called.
#[derive(Clone, Copy)]
pub(crate) enum Service {
    Sts,
    Iam,
}

impl Service {
    fn name(self) -> &'static str {
        match self {
            Self::Sts => "sts",
            Self::Iam => "iam",
        }
    }

    fn version(self) -> &'static str {
        match self {
            Self::Sts => "2011-06-15",
            Self::Iam => "2010-05-08",
        }
    }
}

/// One call: an operation and its parameters.
pub(crate) struct Call<'a> {
    pub(crate) service: Service,
    pub(crate) action: &'a str,
    pub(crate) parameters: &'a [(&'a str, &'a str)],
}

impl<'a> Call<'a> {
    /// A call of IAM.
    pub(crate) fn iam(action: &'a str, parameters: &'a [(&'a str, &'a str)]) -> Self {
        Self {
            service: Service::Iam,
            action,
            parameters,
        }
    }
}

impl Call<'_> {
    fn form(&self) -> String {
        let mut form = format!("Action={}&Version={}", self.action, self.service.version());
        for (name, value) in self.parameters {
            form.push('&');
            form.push_str(name);
            form.push('=');
            form.extend(utf8_percent_encode(value, NON_ALPHANUMERIC));
        }
        form
    }

    /// The head and the body of the call, signed now.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub(crate) fn signed(
        &self,
        address: SocketAddr,
        keys: &Keys,
    ) -> Outcome<(http::request::Parts, String)> {
        let body = self.form();
        let (mut head, ()) = http::Request::post(format!("http://{address}/"))
            .header(
                "content-type",
                "application/x-www-form-urlencoded; charset=utf-8",
            )
            .body(())?
            .into_parts();
        let credentials = Credentials {
            access_key_id: &keys.access_key_id,
            secret_access_key: &keys.secret_access_key,
            session_token: keys.session_token.as_deref(),
        };
        let scope = Scope {
            dialect: Dialect::General,
            region: "us-east-1",
            service: self.service.name(),
        };
        sign(
            &mut head,
            &credentials,
            &scope,
            now()?,
            SignPayload::Body(body.as_bytes()),
        )?;
        // What the SDKs send and do not sign.
        for (name, value) in [
            (
                "user-agent",
                "Boto3/1.40.0 md/Botocore#1.40.0 ua/2.1 os/linux md/arch#x86_64 lang/python#3.11 cfg/retry-mode#standard",
            ),
            ("accept-encoding", "identity"),
            (
                "amz-sdk-invocation-id",
                "6b9c2a3e-31c6-4e52-b5f0-6bb11c7b9a10",
            ),
            ("amz-sdk-request", "attempt=1"),
        ] {
            head.headers.insert(name, HeaderValue::from_static(value));
        }
        head.headers.insert(CONTENT_LENGTH, body.len().into());
        Ok((head, body))
    }

    /// The bytes of the call on an HTTP/1.1 connection.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub(crate) fn bytes(&self, address: SocketAddr, keys: &Keys) -> Outcome<Vec<u8>> {
        let (head, body) = self.signed(address, keys)?;
        let mut bytes = b"POST / HTTP/1.1\r\n".to_vec();
        for (name, value) in &head.headers {
            for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
                bytes.extend_from_slice(part);
            }
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(body.as_bytes());
        Ok(bytes)
    }

    /// Calls, and answers the body.
    ///
    /// # Errors
    /// When the answer is other than 200.
    pub(crate) async fn send(&self, address: SocketAddr, keys: &Keys) -> Outcome<String> {
        let mut connection = Connection::open(address).await?;
        let body = connection.exchange(&self.bytes(address, keys)?).await?;
        Ok(String::from_utf8(body.to_vec())?)
    }
}

/// The text of the first element of that name.
///
/// # Errors
/// When there is none.
pub(crate) fn element<'a>(xml: &'a str, name: &str) -> Outcome<&'a str> {
    let found = xml
        .split_once(&format!("<{name}>"))
        .and_then(|(_, rest)| rest.split_once(&format!("</{name}>")));
    match found {
        Some((text, _)) => Ok(text),
        None => Err(format!("no {name} in the answer {xml}").into()),
    }
}

/// Seconds since 1970.
///
/// # Errors
/// When the clock is before that.
pub(crate) fn now() -> Outcome<i64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(i64::try_from(since.as_secs())?)
}
