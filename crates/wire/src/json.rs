//! The JSON 1.1 protocol: `X-Amz-Target` names the operation, the body is its input.

use crate::answer::{Answer, Outcome, Recorded};
use crate::error::spell;
use crate::node::{Node, to_json};
use crate::params::Params;
use crate::query::{is_recorded, response_elements};
use crate::table::{Invocation, binding};
use locum_identity::caller::{Caller, RequestFacts};
use locum_identity::error::Error;
use locum_identity::operation::Service;
use locum_identity::realm::Realm;
use serde_json::Value;

/// What a JSON body may nest at most. Inputs here are flat.
const DEEPEST: usize = 16;
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
        let spelled = spell(error);
        // Organizations has its own name for what the model refuses.
        let code = match error {
            Error::Validation(_) | Error::ValidationText(_) | Error::MalformedInput => {
                "InvalidInputException"
            }
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
        fault(code, status, &error.to_string(), event_name)
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
    let Some(params) = flatten(body) else {
        return fault(
            "SerializationException",
            400,
            "The request body is not a JSON object",
            binding.name,
        );
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
            .map_or_else(|| Value::Object(serde_json::Map::new()), to_json)
            .to_string()
            .into_bytes(),
        outcome: Outcome {
            event_source: EVENT_SOURCE,
            event_name: name.to_owned(),
            response_elements: if is_recorded(Service::Organizations, name) {
                node.map(response_elements).unwrap_or_default()
            } else {
                Value::Null
            },
            ..Outcome::default()
        },
    }
}

fn fault(code: &'static str, status: u16, message: &str, event_name: &str) -> Answer {
    Answer {
        status,
        content_type: "application/x-amz-json-1.1",
        error_type: Some(code),
        body: serde_json::json!({"__type": code, "Message": message})
            .to_string()
            .into_bytes(),
        outcome: Outcome {
            event_source: EVENT_SOURCE,
            event_name: event_name.to_owned(),
            error: Some((code.to_owned(), message.to_owned())),
            ..Outcome::default()
        },
    }
}

/// The members of a JSON input under the names that the query protocol would give them, so that
/// one set of decoders serves both. `None` if it is no object, or nests too deep.
fn flatten(body: &[u8]) -> Option<Params> {
    let value: Value = if body.is_empty() {
        Value::Object(serde_json::Map::new())
    } else {
        serde_json::from_slice(body).ok()?
    };
    let Value::Object(members) = value else {
        return None;
    };
    let mut pairs = Vec::new();
    for (name, value) in members {
        put(&mut pairs, name, value, DEEPEST)?;
    }
    Some(Params::from_pairs(pairs))
}

fn put(pairs: &mut Vec<(String, String)>, name: String, value: Value, deeper: usize) -> Option<()> {
    match value {
        Value::Null => {}
        Value::Bool(value) => pairs.push((name, value.to_string())),
        Value::Number(number) => pairs.push((name, number.to_string())),
        Value::String(text) => pairs.push((name, text)),
        Value::Array(items) => {
            let deeper = deeper.checked_sub(1)?;
            for (place, item) in items.into_iter().enumerate() {
                put(pairs, format!("{name}.member.{}", place + 1), item, deeper)?;
            }
        }
        Value::Object(members) => {
            let deeper = deeper.checked_sub(1)?;
            for (member, value) in members {
                put(pairs, format!("{name}.{member}"), value, deeper)?;
            }
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_are_flattened() {
        let params = flatten(
            br#"{"AccountName":"a","MaxResults":5,"Tags":[{"Key":"k","Value":"v"}],"X":null}"#,
        )
        .unwrap();
        let pairs: Vec<_> = params.iter().collect();
        assert_eq!(
            pairs,
            [
                ("AccountName", "a"),
                ("MaxResults", "5"),
                ("Tags.member.1.Key", "k"),
                ("Tags.member.1.Value", "v")
            ]
        );
        assert_eq!(flatten(b"[]"), None);
        assert_eq!(flatten(b"{"), None);
        assert_eq!(flatten(b""), Some(Params::default()));
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(100), "]".repeat(100));
        assert_eq!(flatten(deep.as_bytes()), None);
    }

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
