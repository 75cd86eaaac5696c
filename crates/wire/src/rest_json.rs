//! The REST-JSON protocol: method and path name the operation; its input is in the path, in the query
//! string and in a JSON body.

use crate::answer::{Answer, Outcome, Recorded, refused};
use crate::error::spell;
use crate::json::{Unreadable, read};
use crate::node::{Node, Times, to_json};
use crate::params::{MalformedQuery, Params, decode};
use crate::query::is_recorded;
use crate::recorded::response_elements;
use crate::table::{Invocation, binding};
use crate::{eks, eks_auth, roles_anywhere};
use locum_identity::caller::{Caller, RequestFacts};
use locum_identity::error::Error;
use locum_identity::operation::Service;
use locum_identity::realm::Realm;
use serde_json::Value;

mod route;

pub(crate) use route::Route;

/// A service of the REST-JSON protocol.
#[derive(Clone, Copy)]
pub struct RestService {
    service: Service,
    event_source: &'static str,
    routes: &'static [Route],
    times: Times,
    /// The code of what its model refuses.
    invalid: fn(operation: &str) -> &'static str,
    /// The code of our own faults.
    internal: &'static str,
    /// The status of a refusal by policies.
    denied: u16,
}

/// What of a request the protocol reads.
pub struct RestRequest<'a> {
    /// `GET`
    pub method: &'a str,
    /// As it was received, without the query.
    pub path: &'a str,
    /// As it was received.
    pub query: &'a str,
    /// All of it.
    pub body: &'a [u8],
}

impl RestService {
    /// IAM Roles Anywhere, version 2018-05-10.
    pub const ROLES_ANYWHERE: Self = Self {
        service: Service::RolesAnywhere,
        event_source: "rolesanywhere.amazonaws.com",
        routes: &roles_anywhere::ROUTES,
        times: Times::Iso,
        invalid: |_| "ValidationException",
        internal: "InternalServerException",
        denied: 403,
    };
    /// Amazon EKS, version 2017-11-01: what Pod Identity needs of it.
    pub const EKS: Self = Self {
        service: Service::Eks,
        event_source: "eks.amazonaws.com",
        routes: &eks::ROUTES,
        times: Times::Epoch,
        invalid: eks::invalid,
        internal: "ServerException",
        denied: 403,
    };
    /// Amazon EKS Auth, version 2023-11-26.
    pub const EKS_AUTH: Self = Self {
        service: Service::EksAuth,
        event_source: "eks-auth.amazonaws.com",
        routes: &eks_auth::ROUTES,
        times: Times::Epoch,
        invalid: |_| "InvalidParameterException",
        internal: "InternalServerException",
        denied: 400,
    };
    const ALL: [Self; 3] = [Self::ROLES_ANYWHERE, Self::EKS, Self::EKS_AUTH];

    /// The service that signs as `name`.
    pub fn signing_as(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|service| service.signing_name() == name)
    }

    /// The name that the service signs with.
    pub fn signing_name(self) -> &'static str {
        self.service.name()
    }

    /// The operation that a method and a path name, for requests that are refused before they are
    /// looked at; empty if they name none.
    pub fn operation(self, method: &str, path: &str) -> &'static str {
        route::find(self.routes, method, path).map_or("", |(route, _)| route.operation)
    }

    /// The answer to a request that failed before or in its operation.
    pub fn failure(self, error: &Error, event_name: &str) -> Answer {
        let spelled = spell(error);
        let (code, status) = match error {
            Error::Validation(_) | Error::ValidationText(_) => ((self.invalid)(event_name), 400),
            Error::AccessDenied(_) | Error::Forbidden(_) => ("AccessDeniedException", self.denied),
            Error::Throttled => (spelled.json_code, 429),
            Error::Internal(_) => (self.internal, spelled.status),
            _ => (spelled.json_code, spelled.status),
        };
        let mut answer = self.fault(code, status, &error.to_string(), event_name);
        answer.outcome.refused = refused(error);
        answer.outcome.suspicion = error.suspicion();
        answer
    }

    /// The answer to a body that did not arrive, or not in time.
    pub fn incomplete(self) -> Answer {
        let message = "The request body did not arrive";
        self.fault("IncompleteBodyException", 400, message, "")
    }

    /// The answer to a body that is more than the service reads.
    pub fn too_large(self, limit: usize) -> Answer {
        let message = format!("Request body exceeds the maximum of {limit} bytes");
        self.fault("RequestEntityTooLargeException", 413, &message, "")
    }

    fn fault(self, code: &'static str, status: u16, message: &str, event_name: &str) -> Answer {
        Answer {
            status,
            content_type: "application/json",
            error_type: Some(code),
            body: serde_json::json!({"message": message})
                .to_string()
                .into_bytes(),
            outcome: Outcome {
                event_source: self.event_source,
                event_name: event_name.to_owned(),
                error: Some((code.to_owned(), message.to_owned())),
                ..Outcome::default()
            },
        }
    }

    fn success(self, route: &Route, node: Option<&Node<'_>>) -> Answer {
        let body = node.map_or_else(
            || Value::Object(serde_json::Map::new()),
            |node| to_json(node, self.times),
        );
        Answer {
            status: route.status,
            content_type: "application/json",
            error_type: None,
            body: body.to_string().into_bytes(),
            outcome: Outcome {
                event_source: self.event_source,
                event_name: route.operation.to_owned(),
                response_elements: if is_recorded(self.service, route.operation) {
                    node.map(response_elements)
                } else {
                    None
                },
                ..Outcome::default()
            },
        }
    }
}

/// Runs an operation of an authenticated caller.
pub async fn rest_json(
    realm: &Realm,
    caller: &Caller,
    facts: &RequestFacts,
    service: RestService,
    request: &RestRequest<'_>,
) -> Answer {
    let found = route::find(service.routes, request.method, request.path);
    let bound = found.and_then(|(route, labels)| {
        Some((route, labels, binding(service.service, route.operation)?))
    });
    let Some((route, labels, binding)) = bound else {
        let message = "No operation has that method and path";
        return service.fault("UnknownOperationException", 404, message, "");
    };
    let params = match input(route, labels, request) {
        Ok(params) => params,
        Err(unreadable) => {
            let message = unreadable.to_string();
            return service.fault("SerializationException", 400, &message, route.operation);
        }
    };
    let mut answer = Answer::default();
    let mut encode = |node: Option<&Node<'_>>| answer = service.success(route, node);
    let invocation = Invocation {
        realm,
        caller,
        facts,
        params: &params,
        encode: &mut encode,
    };
    let invoked = (binding.invoke)(invocation).await;
    if let Err(error) = invoked {
        answer = service.failure(&error, route.operation);
    }
    answer.outcome.request = Recorded::Params(params);
    answer
}

/// The input of an operation under the names that the query protocol would give its members, so that
/// one set of decoders serves all protocols.
fn input(
    route: &'static Route,
    labels: Vec<(String, String)>,
    request: &RestRequest<'_>,
) -> Result<Params, Unreadable> {
    let mut pairs = labels;
    read_query(route, request.query, &mut pairs)?;
    if route.has_body() {
        read(request.body, &route.body, &mut pairs)?;
    }
    // A member may have two places, but not in one request: which one was meant would be a doubt.
    let mut names: Vec<&str> = pairs.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    if let Some([name, _]) = names.array_windows().find(|[one, other]| one == other) {
        return Err(Unreadable::Type(format!("Duplicate member {name}")));
    }
    // The operation is no parameter, but it tells whose pages a token is for.
    Ok(Params::from_pairs(pairs).with("Action", route.operation))
}

/// The members in the query string. Others are left out, as members of a body are that the service
/// does not have; so are the signature's own.
fn read_query(
    route: &Route,
    query: &str,
    pairs: &mut Vec<(String, String)>,
) -> Result<(), Unreadable> {
    let malformed = |fault: MalformedQuery| Unreadable::Type(fault.to_string());
    let mut counts = vec![0u32; route.query.len()];
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = decode(name).map_err(malformed)?;
        let place = route.query.iter().position(|(known, _)| *known == name);
        let Some(count) = place.and_then(|place| counts.get_mut(place)) else {
            continue;
        };
        *count += 1;
        let is_list = place
            .and_then(|place| route.query.get(place))
            .is_some_and(|(_, is_list)| *is_list);
        let name = match (is_list, *count) {
            (true, count) => format!("{name}.member.{count}"),
            (false, 1) => name,
            // Which one was meant is a doubt.
            (false, _) => return Err(malformed(MalformedQuery::Duplicate(name))),
        };
        pairs.push((name, decode(value).map_err(malformed)?));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Shape;

    static ROUTE: Route = Route::new("Update", "POST", "/clusters/{name}")
        .query(&[("tagKeys", true), ("maxResults", false)])
        .body(&[("roleArn", Shape::Text), ("tags", Shape::Map)]);

    #[track_caller]
    fn check(query: &str, body: &str, expected: Result<&[(&str, &str)], &str>) {
        let request = RestRequest {
            method: "POST",
            path: "/clusters/c",
            query,
            body: body.as_bytes(),
        };
        let labels = vec![("name".to_owned(), "c".to_owned())];
        let read = input(&ROUTE, labels, &request);
        match (read, expected) {
            (Ok(params), Ok(expected)) => {
                let expected = [&[("Action", "Update"), ("name", "c")], expected].concat();
                let expected = expected.iter().map(|(n, v)| ((*n).into(), (*v).into()));
                assert_eq!(params, Params::from_pairs(expected), "{query} {body}");
            }
            (Err(unreadable), Err(words)) => {
                let told = unreadable.to_string();
                assert!(told.starts_with(words), "{query} {body}: {told}");
            }
            (read, _) => panic!("{query} {body}: {read:?}"),
        }
    }

    #[test]
    fn members_come_from_path_query_and_body() {
        check(
            "tagKeys=b+c&maxResults=5&tagKeys=a%2F&X-Amz-Signature=x&other",
            r#"{"roleArn":"r","tags":{"k":"v"},"name":"other","tagKeys":["x"]}"#,
            Ok(&[
                ("maxResults", "5"),
                ("roleArn", "r"),
                ("tagKeys.member.1", "b c"),
                ("tagKeys.member.2", "a/"),
                ("tags.entry.1.key", "k"),
                ("tags.entry.1.value", "v"),
            ]),
        );
        check("", "", Ok(&[]));
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        check(
            "maxResults=1&max%52esults=1",
            "",
            Err("Duplicate parameter: maxResults"),
        );
        check(
            "maxResults=%ff",
            "",
            Err("The query string is not valid UTF-8"),
        );
        check(
            "",
            r#"{"roleArn":"a","roleArn":"b"}"#,
            Err("Duplicate member roleArn"),
        );
        check(
            "",
            r#"{"roleArn":1}"#,
            Err("NUMBER_VALUE can not be converted to a String"),
        );
        check("", "[]", Err("Start of list found where not expected"));
        check("", "{", Err("The request body is not a JSON object"));
    }

    #[test]
    fn services_are_known_by_what_they_sign_as() {
        for service in RestService::ALL {
            let found = RestService::signing_as(service.signing_name());
            assert_eq!(
                found.map(|found| found.event_source),
                Some(service.event_source)
            );
        }
        assert!(RestService::signing_as("EKS").is_none());
        assert!(RestService::signing_as("ec2").is_none());
    }

    /// A route to no operation would be answered as if it were not there, and an operation without a
    /// route could not be called.
    #[test]
    fn every_route_has_its_operation_and_every_operation_its_route() {
        for service in RestService::ALL {
            let mut routed: Vec<_> = service.routes.iter().map(|route| route.operation).collect();
            routed.sort_unstable();
            let bound: Vec<_> = crate::operations()
                .iter()
                .filter(|binding| binding.service == service.service)
                .map(|binding| binding.name)
                .collect();
            assert_eq!(routed, bound, "{}", service.event_source);
        }
    }
}
