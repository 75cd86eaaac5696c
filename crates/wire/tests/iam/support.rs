//! Requests as forms, answers as text.

use crate::common::{Key, World, ready};
use locum_identity::caller::Caller;
use locum_wire::{Params, QueryService, query};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// `Name=value` lines of a request.
pub(crate) type Form<'a> = &'a [(&'a str, &'a str)];

/// Status and body of the answer to an operation.
pub(crate) fn answer(world: &World, key: &Key, operation: &str, form: Form<'_>) -> (u16, String) {
    let caller = world.caller(key, "iam").unwrap();
    answer_to(world, &caller, operation, form)
}

/// The same for a caller who was authenticated before.
pub(crate) fn answer_to(
    world: &World,
    caller: &Caller,
    operation: &str,
    form: Form<'_>,
) -> (u16, String) {
    let mut text = format!("Action={operation}&Version=2010-05-08");
    for (name, value) in form {
        text.push_str(&format!(
            "&{name}={}",
            utf8_percent_encode(value, NON_ALPHANUMERIC)
        ));
    }
    let params = Params::parse("", text.as_bytes()).unwrap();
    let answer = ready(query(
        &world.realm,
        caller,
        &world.facts(),
        QueryService::IAM,
        &params,
        false,
    ));
    assert_eq!(answer.content_type, "text/xml");
    (answer.status, String::from_utf8(answer.body).unwrap())
}

/// What the root user is answered: the content of the operation's result element, with each unique
/// id as its kind's letters and a star; `None` where there is no result element.
#[track_caller]
pub(crate) fn result(world: &World, operation: &str, form: Form<'_>) -> Option<String> {
    let (status, body) = answer(world, &world.root, operation, form);
    assert_eq!(status, 200, "{body}");
    let head = format!("<{operation}Response xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\">");
    let tail = format!(
        "<ResponseMetadata><RequestId>00000000-0000-0000-0000-000000000000</RequestId></ResponseMetadata></{operation}Response>\n"
    );
    let inner = body
        .strip_prefix(&head)
        .and_then(|body| body.strip_suffix(&tail))
        .unwrap();
    if inner.is_empty() {
        return None;
    }
    let (open, close) = (
        format!("<{operation}Result>"),
        format!("</{operation}Result>"),
    );
    Some(masked(
        inner
            .strip_prefix(&open)
            .and_then(|inner| inner.strip_suffix(&close))
            .unwrap(),
    ))
}

fn masked(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    let next = |rest: &str| {
        let places = ["AIDA", "AROA", "AGPA", "ANPA", "APKA", "ASCA"].map(|kind| rest.find(kind));
        places.into_iter().flatten().min()
    };
    while let Some(at) = next(rest) {
        let (before, behind) = rest.split_at(at + 4);
        out.push_str(before);
        out.push('*');
        rest = behind.split_at(17).1;
    }
    out + rest
}
