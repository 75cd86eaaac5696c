//! Roles for who comes with a proof: the operations of STS, by the bindings that requests to those go
//! through, and recorded like them.

use super::reply::Fault;
use super::{Issued, Visit};
use http::StatusCode;
use locum_wire::{Params, QueryService, Recorded};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

impl Visit<'_> {
    /// The credentials that an operation answers to these parameters, of a request without a signature.
    pub(super) async fn assume(
        &self,
        operation: &'static str,
        parameters: &[(&str, &str)],
    ) -> Result<Issued, Fault> {
        let own = [("Action", operation), ("Version", "2011-06-15")];
        let pairs: Vec<String> = own
            .iter()
            .chain(parameters)
            .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)))
            .collect();
        let params = Params::parse("", pairs.join("&").as_bytes())
            .map_err(|fault| Fault::new(StatusCode::BAD_REQUEST, fault.to_string()))?;
        let realm = &self.state.realm;
        let caller = realm.anonymous();
        let service = QueryService::STS;
        let answer = locum_wire::query(realm, &caller, self.facts, service, &params, true).await;
        let mut outcome = answer.outcome;
        outcome.request = Recorded::Params(params);
        let error = outcome.error.clone();
        self.door
            .record(self.state, Some(caller), None, self.facts.clone(), outcome)
            .await;
        if let Some((_, sentence)) = error {
            let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::BAD_REQUEST);
            return Err(Fault::new(status, sentence));
        }
        issued(operation, &answer.body).ok_or_else(|| {
            Fault::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "The request processing has failed because of an unknown error.",
            )
        })
    }
}

/// The credentials in an answer.
fn issued(operation: &str, body: &[u8]) -> Option<Issued> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let credentials = answer
        .get(format!("{operation}Response"))?
        .get(format!("{operation}Result"))?
        .get("Credentials")?;
    let text = |name: &str| Some(credentials.get(name)?.as_str()?.to_owned());
    Some(Issued {
        access_key_id: text("AccessKeyId")?,
        session_token: text("SessionToken")?,
        until: None,
    })
}
