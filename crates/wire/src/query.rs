//! The query protocol: a form or query string in, XML out (JSON for clients that accept only that).

use crate::answer::{Answer, ENCODED, Outcome, refused};
use crate::error::spell;
use crate::node::{Node, Times, escape_xml, to_json, write_xml};
use crate::params::{MalformedQuery, Params};
use crate::recorded::response_elements;
use crate::table::{Invocation, binding};
use locum_identity::admission::is_unsigned;
use locum_identity::caller::{Caller, RequestFacts};
use locum_identity::error::{Denied, Error};
use locum_identity::operation::Service;
use locum_identity::realm::Realm;

/// A service of the query protocol.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct QueryService {
    /// The service.
    pub service: Service,
    version: &'static str,
    namespace: &'static str,
    event_source: &'static str,
}

impl QueryService {
    /// STS, version 2011-06-15.
    pub const STS: Self = Self {
        service: Service::Sts,
        version: "2011-06-15",
        namespace: "https://sts.amazonaws.com/doc/2011-06-15/",
        event_source: "sts.amazonaws.com",
    };
    /// IAM, version 2010-05-08.
    pub const IAM: Self = Self {
        service: Service::Iam,
        version: "2010-05-08",
        namespace: "https://iam.amazonaws.com/doc/2010-05-08/",
        event_source: "iam.amazonaws.com",
    };

    /// locum's own, version 2026-11-21.
    pub const LOCUM: Self = Self {
        service: Service::Locum,
        version: "2026-11-21",
        namespace: "urn:locum:2026-11-21",
        event_source: "locum",
    };
    const ALL: [Self; 3] = [Self::STS, Self::IAM, Self::LOCUM];

    /// The service that signs as `name`.
    pub fn signing_as(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|service| service.service.name() == name)
    }

    /// The service that has an operation, for requests that are not signed.
    pub fn with_operation(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|service| binding(service.service, name).is_some())
    }

    /// The answer to a request that failed before or in its operation.
    pub fn failure(
        self,
        error: &Error,
        event_name: &str,
        request_id: &str,
        as_json: bool,
    ) -> Answer {
        let spelled = spell(error);
        let mut fault = Fault::new(spelled.code, spelled.status, error.to_string());
        fault.event_name = event_name;
        fault.refused = refused(error);
        let mut answer = self.fault(fault, request_id, as_json);
        answer.outcome.suspicion = error.suspicion();
        answer
    }

    /// The answer to a form or query string that cannot be read.
    pub fn malformed(self, error: &MalformedQuery, request_id: &str, as_json: bool) -> Answer {
        let fault = Fault::new("MalformedQueryString", 400, error.to_string());
        self.fault(fault, request_id, as_json)
    }

    /// The answer to a request whose body is more than the service reads.
    pub fn too_large(self, limit: usize, request_id: &str, as_json: bool) -> Answer {
        let text = format!("Request body exceeds the maximum of {limit} bytes");
        self.fault(
            Fault::new("RequestEntityTooLarge", 413, text),
            request_id,
            as_json,
        )
    }

    /// The answer to a body that is no form.
    pub fn not_a_form(self, content_type: &str, request_id: &str, as_json: bool) -> Answer {
        let text =
            format!("Content-Type must be application/x-www-form-urlencoded, not `{content_type}`");
        self.fault(
            Fault::new("UnsupportedMediaType", 403, text),
            request_id,
            as_json,
        )
    }

    /// Whether an operation of the service takes no signature.
    pub fn takes_unsigned(self, operation: &str) -> bool {
        self.service == Service::Sts && is_unsigned(operation)
    }

    /// The answer to a method other than GET and POST.
    pub fn not_a_method(self, request_id: &str, as_json: bool) -> Answer {
        let fault = Fault::new("MethodNotAllowed", 405, "GET and POST only");
        self.fault(fault, request_id, as_json)
    }

    /// The answer to a body that did not arrive, or not in time.
    pub fn incomplete(self, request_id: &str, as_json: bool) -> Answer {
        let fault = Fault::new("IncompleteBody", 400, "The request body did not arrive");
        self.fault(fault, request_id, as_json)
    }

    fn fault(self, fault: Fault<'_>, request_id: &str, as_json: bool) -> Answer {
        let Fault {
            code,
            status,
            message,
            namespace,
            event_name,
            refused,
        } = fault;
        let namespace = namespace.unwrap_or(self.namespace);
        let encoded = refused.as_ref().and_then(|denied| denied.encoded.as_ref());
        let sender = if status < 500 { "Sender" } else { "Receiver" };
        let body = if as_json {
            let mut error = serde_json::json!({"Type": sender, "Code": code, "Message": message});
            if let (Some(encoded), Some(members)) = (encoded, error.as_object_mut()) {
                members.insert(ENCODED.to_owned(), encoded.as_str().into());
            }
            serde_json::json!({"Error": error, "RequestId": request_id}).to_string()
        } else {
            let mut out = format!(
                "<ErrorResponse xmlns=\"{namespace}\"><Error><Type>{sender}</Type><Code>{code}</Code><Message>"
            );
            escape_xml(&mut out, &message);
            out.push_str("</Message>");
            if let Some(encoded) = encoded {
                for part in ["<", ENCODED, ">", encoded, "</", ENCODED, ">"] {
                    out.push_str(part);
                }
            }
            out.push_str("</Error><RequestId>");
            out.push_str(request_id);
            out.push_str("</RequestId></ErrorResponse>\n");
            out
        };
        Answer {
            status,
            content_type: content_type(as_json),
            error_type: None,
            body: body.into_bytes(),
            outcome: Outcome {
                event_source: self.event_source,
                event_name: event_name.to_owned(),
                error: Some((code.to_owned(), message)),
                refused,
                ..Outcome::default()
            },
        }
    }
}

/// One error answer.
struct Fault<'a> {
    code: &'static str,
    status: u16,
    message: String,
    /// Another one than the service's.
    namespace: Option<&'static str>,
    /// The operation, where it is known.
    event_name: &'a str,
    refused: Option<Box<Denied>>,
}

impl Fault<'_> {
    fn new(code: &'static str, status: u16, message: impl Into<String>) -> Self {
        Self {
            code,
            status,
            message: message.into(),
            namespace: None,
            event_name: "",
            refused: None,
        }
    }
}

/// Runs the operation that the parameters name, of an authenticated caller.
pub async fn query(
    realm: &Realm,
    caller: &Caller,
    facts: &RequestFacts,
    service: QueryService,
    params: &Params,
    as_json: bool,
) -> Answer {
    let request_id = facts.request_id.as_str();
    let Some(action) = params.value("Action") else {
        let text = "Request is missing an action or a required parameter";
        return service.fault(Fault::new("MissingAction", 400, text), request_id, as_json);
    };
    let version = params.value("Version").unwrap_or("NO_VERSION_SPECIFIED");
    let Some(binding) = binding(service.service, action).filter(|_| version == service.version)
    else {
        const FAULT: &str = "http://webservices.amazon.com/AWSFault/2005-15-09";
        let text = format!("Could not find operation {action} for version {version}");
        let mut fault = Fault::new("InvalidAction", 400, text);
        fault.namespace = Some(FAULT);
        return service.fault(fault, request_id, as_json);
    };
    let mut answer = Answer::default();
    let mut encode = |node: Option<&Node<'_>>| {
        answer = success(service, binding.name, node, request_id, as_json);
    };
    let invocation = Invocation {
        realm,
        caller,
        facts,
        params,
        encode: &mut encode,
    };
    let invoked = (binding.invoke)(invocation).await;
    if let Err(error) = invoked {
        answer = service.failure(&error, binding.name, request_id, as_json);
    }
    answer
}

fn success(
    service: QueryService,
    name: &str,
    node: Option<&Node<'_>>,
    request_id: &str,
    as_json: bool,
) -> Answer {
    let body = if as_json {
        let mut response = serde_json::Map::new();
        if let Some(node) = node {
            response.insert(format!("{name}Result"), to_json(node, Times::Epoch));
        }
        response.insert(
            "ResponseMetadata".to_owned(),
            serde_json::json!({"RequestId": request_id}),
        );
        serde_json::json!({ format!("{name}Response"): response }).to_string()
    } else {
        let mut out = String::with_capacity(1024);
        for part in ["<", name, "Response xmlns=\"", service.namespace, "\">"] {
            out.push_str(part);
        }
        if let Some(node) = node {
            for part in ["<", name, "Result>"] {
                out.push_str(part);
            }
            write_xml(&mut out, node);
            for part in ["</", name, "Result>"] {
                out.push_str(part);
            }
        }
        for part in [
            "<ResponseMetadata><RequestId>",
            request_id,
            "</RequestId></ResponseMetadata></",
            name,
            "Response>\n",
        ] {
            out.push_str(part);
        }
        out
    };
    Answer {
        status: 200,
        content_type: content_type(as_json),
        error_type: None,
        body: body.into_bytes(),
        outcome: Outcome {
            event_source: service.event_source,
            event_name: name.to_owned(),
            response_elements: if is_recorded(service.service, name) {
                node.map(response_elements)
            } else {
                None
            },
            ..Outcome::default()
        },
    }
}

/// Whether the record keeps what was answered: of operations that change something or hand out
/// credentials, as CloudTrail does.
pub(crate) fn is_recorded(service: Service, name: &str) -> bool {
    match (service, name) {
        (Service::Sts, "GetCallerIdentity" | "GetAccessKeyInfo" | "DecodeAuthorizationMessage") => {
            false
        }
        (Service::Sts, _) => true,
        _ => !["Get", "List", "Describe"]
            .iter()
            .any(|read| name.starts_with(read)),
    }
}

fn content_type(as_json: bool) -> &'static str {
    if as_json {
        "application/json"
    } else {
        "text/xml"
    }
}
