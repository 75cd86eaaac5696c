//! Organizations on the wire (JSON 1.1).

use crate::json::Shape;
use crate::node::{Members, Node};
use crate::table::Binding;
use locum_identity::iam::Page;

mod accounts;
mod policies;
mod services;
mod tags;
mod units;

/// The members of every input. A member is of one type in all operations that have it.
pub(crate) static INPUT: Shape = Shape::Structure(&[
    ("AccountId", Shape::Text),
    ("AccountName", Shape::Text),
    ("ChildId", Shape::Text),
    ("ChildType", Shape::Text),
    ("Content", Shape::Text),
    ("CreateAccountRequestId", Shape::Text),
    ("Description", Shape::Text),
    ("DestinationParentId", Shape::Text),
    ("Email", Shape::Text),
    ("Filter", Shape::Text),
    ("IamUserAccessToBilling", Shape::Text),
    ("MaxResults", Shape::Integer),
    ("Name", Shape::Text),
    ("NextToken", Shape::Text),
    ("OrganizationalUnitId", Shape::Text),
    ("ParentId", Shape::Text),
    ("PolicyId", Shape::Text),
    ("PolicyType", Shape::Text),
    ("ResourceId", Shape::Text),
    ("RoleName", Shape::Text),
    ("RootId", Shape::Text),
    ("ServicePrincipal", Shape::Text),
    ("SourceParentId", Shape::Text),
    ("TagKeys", Shape::List(&Shape::Text)),
    (
        "Tags",
        Shape::List(&Shape::Structure(&[
            ("Key", Shape::Text),
            ("Value", Shape::Text),
        ])),
    ),
    ("TargetId", Shape::Text),
    ("Type", Shape::Text),
]);

pub(crate) fn bindings() -> Vec<Binding> {
    let mut all = accounts::bindings();
    all.extend(policies::bindings());
    all.extend(services::bindings());
    all.extend(tags::bindings());
    all.extend(units::bindings());
    all
}

/// An answer of one page: a list, and what the next page is behind.
fn page<'a, T>(
    name: &'static str,
    page: &'a Page<T>,
    item: impl Fn(&'a T) -> Members<'a>,
) -> Node<'a> {
    Members::new()
        .list(name, page.items.iter().map(|one| item(one).node()))
        .text_if("NextToken", page.next.as_deref())
        .node()
}
