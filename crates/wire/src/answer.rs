//! What goes back, and what of it the audit record needs.

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
    /// `requestParameters` without secrets.
    pub request_parameters: serde_json::Value,
    /// `responseElements` without secrets.
    pub response_elements: serde_json::Value,
}
