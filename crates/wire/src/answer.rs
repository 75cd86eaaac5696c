//! What goes back, and what of it the audit record needs.

use crate::params::Params;
use locum_identity::error::{Denied, Error, Suspicion};

/// An answer to a request.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// `Content-Type`
    pub content_type: &'static str,
    /// `x-amzn-ErrorType`, for the JSON protocols.
    pub error_type: Option<&'static str>,
    /// The body.
    pub body: Vec<u8>,
    /// For the audit record.
    pub outcome: Outcome,
}

/// What an audit record tells of a request.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// `eventSource`: `sts.amazonaws.com`
    pub event_source: &'static str,
    /// `eventName`: the operation, if it is one.
    pub event_name: String,
    /// `errorCode` and `errorMessage`
    pub error: Option<(String, String)>,
    /// What the error says of who got it.
    pub suspicion: Option<Suspicion>,
    /// The decision that refused the request, if one did.
    pub refused: Option<Box<Denied>>,
    /// What `requestParameters` is made of.
    pub request: Recorded,
    /// `responseElements` without secrets, in JSON; `None` where they are not recorded.
    pub response_elements: Option<String>,
}

/// The member of an error that holds the encoded authorization message.
pub(crate) const ENCODED: &str = "EncodedAuthorizationMessage";

/// The decision that an error tells of.
pub(crate) fn refused(error: &Error) -> Option<Box<Denied>> {
    match error {
        Error::AccessDenied(denied) => Some(Box::new(denied.clone())),
        _ => None,
    }
}

/// The parameters of a request, on their way to its record.
#[derive(Clone, Debug, Default)]
pub enum Recorded {
    /// None.
    #[default]
    Nothing,
    /// As they came; secrets are left out when the record is made.
    Params(Params),
    /// As they stand in the record.
    Value(serde_json::Value),
}

impl Recorded {
    /// `requestParameters` without secrets.
    pub fn request_parameters(&self) -> serde_json::Value {
        match self {
            Self::Nothing => serde_json::Value::Null,
            Self::Params(params) => crate::recorded::request_parameters(params),
            Self::Value(value) => value.clone(),
        }
    }
}
