//! The JSON 1.1 protocol: `X-Amz-Target` names the operation, the body is its input.

use crate::answer::{Answer, ENCODED, Outcome, Recorded, refused};
use crate::error::{reason, spell};
use crate::node::{Node, Times, to_json};
use crate::organizations;
use crate::query::is_recorded;
use crate::recorded::response_elements;
use crate::table::{Invocation, binding};
use locum_identity::caller::{Caller, RequestFacts};
use locum_identity::error::Error;
use locum_identity::names::{Constraint, POLICY_TYPES};
use locum_identity::operation::Service;
use locum_identity::organizations::InvalidReason;
use locum_identity::realm::Realm;
use serde_json::Value;

mod input;

pub(crate) use input::{Shape, Unreadable, read};

const EVENT_SOURCE: &str = "organizations.amazonaws.com";
const TARGET: &str = "AWSOrganizationsV20161128";

/// A service of the JSON protocol.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct JsonService;

/// The operation that `X-Amz-Target` names, if the service is one of ours.
pub fn target(header: &str) -> Option<(JsonService, &str)> {
    let (service, operation) = header.split_once('.')?;
    (service == TARGET).then_some((JsonService, operation))
}

impl JsonService {
    /// The name that the service signs with.
    pub fn signing_name(self) -> &'static str {
        Service::Organizations.name()
    }

    /// The answer to a request that failed before or in its operation.
    pub fn failure(self, error: &Error, event_name: &str) -> Answer {
        let invalid = invalid_input(error);
        let error = invalid.as_ref().unwrap_or(error);
        let spelled = spell(error);
        let code = match error {
            Error::AccessDenied(_) | Error::Forbidden(_) | Error::NotManagementAccount => {
                "AccessDeniedException"
            }
            _ => spelled.json_code,
        };
        let status = if spelled.status < 500 {
            400
        } else {
            spelled.status
        };
        let mut answer = fault(code, status, &error.to_string(), event_name);
        answer.outcome.refused = refused(error);
        let denied = answer.outcome.refused.as_ref();
        let encoded = denied.and_then(|denied| denied.encoded.as_deref());
        let more = reason(error).map(|reason| ("Reason", reason));
        if let Some(more) = more.or(encoded.map(|encoded| (ENCODED, encoded))) {
            answer.body = error_body(code, &error.to_string(), Some(more));
        }
        answer
    }

    /// The answer to a body that did not arrive, or not in time.
    pub fn incomplete(self) -> Answer {
        fault(
            "IncompleteBodyException",
            400,
            "The request body did not arrive",
            "",
        )
    }

    /// The answer to a body that is more than the service reads.
    pub fn too_large(self, limit: usize) -> Answer {
        fault(
            "RequestEntityTooLargeException",
            413,
            &format!("Request body exceeds the maximum of {limit} bytes"),
            "",
        )
    }
}

/// Runs an operation of an authenticated caller.
pub async fn json(
    realm: &Realm,
    caller: &Caller,
    facts: &RequestFacts,
    service: JsonService,
    operation: &str,
    body: &[u8],
) -> Answer {
    let Some(binding) = binding(Service::Organizations, operation) else {
        return fault(
            "UnknownOperationException",
            400,
            &format!("Unknown operation {operation}"),
            "",
        );
    };
    let params = match input::params(body, &organizations::INPUT) {
        // The name is no parameter, but it tells whose pages a token is for.
        Ok(params) => params.with("Action", operation),
        Err(unreadable) => {
            let message = unreadable.to_string();
            return fault("SerializationException", 400, &message, binding.name);
        }
    };
    let mut answer = Answer::default();
    let mut encode = |node: Option<&Node<'_>>| answer = success(binding.name, node);
    let invocation = Invocation {
        realm,
        caller,
        facts,
        params: &params,
        encode: &mut encode,
    };
    let invoked = (binding.invoke)(invocation).await;
    if let Err(error) = invoked {
        answer = service.failure(&error, binding.name);
    }
    answer.outcome.request = Recorded::Params(params);
    answer
}

fn success(name: &str, node: Option<&Node<'_>>) -> Answer {
    Answer {
        status: 200,
        content_type: "application/x-amz-json-1.1",
        error_type: None,
        body: node
            .map_or_else(
                || Value::Object(serde_json::Map::new()),
                |node| to_json(node, Times::Epoch),
            )
            .to_string()
            .into_bytes(),
        outcome: Outcome {
            event_source: EVENT_SOURCE,
            event_name: name.to_owned(),
            response_elements: if is_recorded(Service::Organizations, name) {
                node.map(response_elements)
            } else {
                None
            },
            ..Outcome::default()
        },
    }
}

/// What the model of Organizations refuses is an error of its own there, with a reason and AWS's
/// sentence for it. It tells the first constraint that failed.
fn invalid_input(error: &Error) -> Option<Error> {
    let Error::Validation(failed) = error else {
        return None;
    };
    let reason = match failed.first()?.constraint {
        Constraint::NotNull => InvalidReason::InputRequired,
        Constraint::MinLength(_) => InvalidReason::MinLengthExceeded,
        Constraint::MaxLength(_) => InvalidReason::MaxLengthExceeded,
        Constraint::MinValue(_) => InvalidReason::MinValueExceeded,
        Constraint::MaxValue(_) => InvalidReason::MaxValueExceeded,
        Constraint::Pattern(_) => InvalidReason::InvalidPattern,
        Constraint::OneOf(names) if names == POLICY_TYPES => InvalidReason::InvalidEnumPolicyType,
        Constraint::OneOf(_) => InvalidReason::InvalidEnum,
    };
    Some(reason.into())
}

fn error_body(code: &str, message: &str, more: Option<(&str, &str)>) -> Vec<u8> {
    let mut body = serde_json::json!({"__type": code, "Message": message});
    if let (Some((name, value)), Some(members)) = (more, body.as_object_mut()) {
        members.insert(name.to_owned(), Value::from(value));
    }
    body.to_string().into_bytes()
}

fn fault(code: &'static str, status: u16, message: &str, event_name: &str) -> Answer {
    Answer {
        status,
        content_type: "application/x-amz-json-1.1",
        error_type: Some(code),
        body: error_body(code, message, None),
        outcome: Outcome {
            event_source: EVENT_SOURCE,
            event_name: event_name.to_owned(),
            error: Some((code.to_owned(), message.to_owned())),
            ..Outcome::default()
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets() {
        assert_eq!(
            target("AWSOrganizationsV20161128.ListAccounts").map(|(_, op)| op),
            Some("ListAccounts")
        );
        assert_eq!(target("AmazonSSM.GetParameter"), None);
        assert_eq!(target("AWSOrganizationsV20161128"), None);
    }
}
