//! IAM on the wire.

use crate::fields::marker;
use crate::node::{Members, Node};
use crate::table::Binding;
use locum_identity::iam::Page;
use locum_identity::names::Tag;

mod access_keys;
mod users;

pub(crate) fn bindings() -> Vec<Binding> {
    [users::bindings(), access_keys::bindings()]
        .into_iter()
        .flatten()
        .collect()
}

/// A page under the name of its list, with `IsTruncated` and `Marker`.
fn page<'a, T>(
    name: &'static str,
    page: &'a Page<T>,
    item: impl FnMut(&'a T) -> Node<'a>,
) -> Members<'a> {
    page_end(Members::new().list(name, page.items.iter().map(item)), page)
}

/// What stands behind the list of a page.
fn page_end<'a, T>(members: Members<'a>, page: &Page<T>) -> Members<'a> {
    members
        .boolean("IsTruncated", page.next.is_some())
        .text_if("Marker", page.next.as_deref().map(marker))
}

fn tag(tag: &Tag) -> Node<'_> {
    Members::new()
        .text("Key", tag.key.as_str())
        .text("Value", tag.value.as_str())
        .node()
}

/// `Tags`, left out when there are none.
fn tags<'a>(members: Members<'a>, tags: &'a [Tag]) -> Members<'a> {
    if tags.is_empty() {
        members
    } else {
        members.list("Tags", tags.iter().map(tag))
    }
}

/// `PermissionsBoundary`, left out when there is none. Its type is spelled `Policy` on the wire,
/// whatever the model's enumeration says.
fn boundary<'a>(members: Members<'a>, arn: Option<&'a String>) -> Members<'a> {
    match arn {
        None => members,
        Some(arn) => members.structure(
            "PermissionsBoundary",
            Members::new()
                .text("PermissionsBoundaryType", "Policy")
                .text("PermissionsBoundaryArn", arn.as_str()),
        ),
    }
}
