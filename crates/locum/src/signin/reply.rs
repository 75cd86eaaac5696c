//! What a page's request is answered with, and the headers that all of them have.

use super::pages;
use crate::door::{Body, whole};
use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY, SET_COOKIE,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use locum_identity::error::Error;
use locum_wire::spell;
use serde_json::json;

const HTML: &str = "text/html; charset=utf-8";

/// An answer.
pub(super) struct Reply {
    status: StatusCode,
    content_type: &'static str,
    body: String,
    location: Option<String>,
    cookies: Vec<String>,
}

impl Reply {
    fn new(status: StatusCode, content_type: &'static str, body: String) -> Self {
        Self {
            status,
            content_type,
            body,
            location: None,
            cookies: Vec::new(),
        }
    }

    /// A page.
    pub(super) fn page(body: String) -> Self {
        Self::new(StatusCode::OK, HTML, body)
    }

    /// A JSON document.
    pub(super) fn json(value: &serde_json::Value) -> Self {
        Self::new(StatusCode::OK, "application/json", value.to_string())
    }

    /// What identity providers read.
    pub(super) fn saml_metadata(document: String) -> Self {
        Self::new(
            StatusCode::OK,
            "application/samlmetadata+xml; charset=utf-8",
            document,
        )
    }

    /// Look there: a GET, whatever this request was.
    pub(super) fn see(location: &str) -> Self {
        let mut reply = Self::new(StatusCode::SEE_OTHER, HTML, String::new());
        reply.location = Some(location.to_owned());
        reply
    }

    pub(super) fn with_cookies(mut self, cookies: Vec<String>) -> Self {
        self.cookies.extend(cookies);
        self
    }

    pub(super) fn response(self, request_id: &str) -> Response<Body> {
        let mut response = Response::new(whole(Bytes::from(self.body)));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        harden(headers);
        if let Ok(id) = HeaderValue::from_str(request_id) {
            headers.insert("x-amzn-requestid", id);
        }
        let location = self.location.and_then(|it| HeaderValue::from_str(&it).ok());
        if let Some(location) = location {
            headers.insert(LOCATION, location);
        }
        for cookie in self.cookies {
            if let Ok(cookie) = HeaderValue::from_str(&cookie) {
                headers.append(SET_COOKIE, cookie);
            }
        }
        response
    }
}

/// No script runs, nothing is loaded, no other page frames, opens or reads this one, nothing is kept, and
/// no address of a page is told to others.
fn harden(headers: &mut HeaderMap) {
    let fixed = |text| HeaderValue::from_static(text);
    headers.insert(CONTENT_SECURITY_POLICY, pages::content_security_policy());
    headers.insert(X_CONTENT_TYPE_OPTIONS, fixed("nosniff"));
    headers.insert(X_FRAME_OPTIONS, fixed("DENY"));
    headers.insert(REFERRER_POLICY, fixed("no-referrer"));
    headers.insert(CACHE_CONTROL, fixed("no-store"));
    headers.insert("cross-origin-opener-policy", fixed("same-origin"));
    headers.insert("cross-origin-resource-policy", fixed("same-origin"));
    headers.insert("x-robots-tag", fixed("noindex"));
}

/// Why there is no page.
pub(super) struct Fault {
    status: StatusCode,
    title: &'static str,
    sentence: String,
    advice: &'static str,
    cookies: Vec<String>,
}

impl Fault {
    /// A request that is none.
    pub(super) fn new(status: StatusCode, sentence: impl Into<String>) -> Self {
        Self {
            status,
            title: "This did not work",
            sentence: sentence.into(),
            advice: "Go back to where you came from and sign in again.",
            cookies: Vec::new(),
        }
    }

    /// What an operation answered.
    pub(super) fn of(error: &Error) -> Self {
        if matches!(error, Error::Throttled) {
            return Self::new(StatusCode::TOO_MANY_REQUESTS, error.to_string())
                .advising("There is too much to do just now. Wait a moment and try again.");
        }
        let spelled = spell(error);
        let status =
            StatusCode::from_u16(spelled.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self::new(status, error.to_string())
    }

    pub(super) fn throttled() -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, Error::Throttled.to_string())
            .advising("Too many attempts failed. Wait a minute and sign in again.")
    }

    /// With a page's title of its own.
    pub(super) fn titled(mut self, title: &'static str) -> Self {
        self.title = title;
        self
    }

    /// With what a person can do about it.
    pub(super) fn advising(mut self, advice: &'static str) -> Self {
        self.advice = advice;
        self
    }

    /// With cookies that are set all the same.
    pub(super) fn with_cookies(mut self, cookies: Vec<String>) -> Self {
        self.cookies.extend(cookies);
        self
    }

    pub(super) fn reply(self, as_json: bool, request_id: &str) -> Reply {
        if as_json {
            let value = json!({"message": self.sentence, "requestId": request_id});
            return Reply::new(self.status, "application/json", value.to_string());
        }
        let page = pages::Fault {
            title: self.title,
            sentence: &self.sentence,
            advice: self.advice,
            request_id,
        };
        Reply::new(self.status, HTML, pages::render(&page)).with_cookies(self.cookies)
    }
}
