//! IAM on the wire.

use crate::fields::{Checked, Fields};
use crate::node::{Members, Node};
use crate::table::Binding;
use locum_identity::error::Error;
use locum_identity::iam::Page;
use locum_identity::iam::boundaries::{Bounded, PutPermissionsBoundary};
use locum_identity::iam::tags::{ListResourceTags, TagResource, Taggable, UntagResource};
use locum_identity::names::{Constrained, EntityName, Tag, UserName};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

mod access_keys;
mod account;
mod account_settings;
mod attachments;
mod delegation;
mod groups;
mod inline_policies;
mod instance_profiles;
mod login_profiles;
mod mfa_devices;
mod outbound;
mod password_policy;
mod policies;
mod providers;
mod reports;
mod role_templates;
mod roles;
mod root_access;
mod server_certificates;
mod service_credentials;
mod service_linked_roles;
mod signing_certificates;
mod simulate;
mod ssh_public_keys;
mod users;

pub(crate) fn bindings() -> Vec<Binding> {
    [
        account::bindings(),
        reports::bindings(),
        users::bindings(),
        access_keys::bindings(),
        mfa_devices::bindings(),
        groups::bindings(),
        roles::bindings(),
        role_templates::bindings(),
        instance_profiles::bindings(),
        service_linked_roles::bindings(),
        policies::bindings(),
        attachments::bindings(),
        inline_policies::bindings(),
        root_access::bindings(),
        simulate::bindings(),
        outbound::bindings(),
        delegation::bindings(),
        login_profiles::bindings(),
        password_policy::bindings(),
        service_credentials::bindings(),
        ssh_public_keys::bindings(),
        signing_certificates::bindings(),
        server_certificates::bindings(),
        providers::bindings(),
        account_settings::bindings(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// An input of one member, which must be there.
fn only<M: Constrained, T>(
    fields: &mut Fields<'_>,
    name: &str,
    make: impl FnOnce(M) -> T,
) -> Result<T, Error> {
    let member = fields.required(name);
    fields.check()?;
    Ok(make(member?))
}

/// An input of two members, which must be there.
fn both<M: Constrained, N: Constrained, T>(
    fields: &mut Fields<'_>,
    (first, second): (&str, &str),
    make: impl FnOnce(M, N) -> T,
) -> Result<T, Error> {
    let (first, second) = (fields.required(first), fields.required(second));
    fields.check()?;
    Ok(make(first?, second?))
}

/// A user's name where the model has the constraint of new names.
fn optional_user(fields: &mut Fields<'_>) -> Option<EntityName> {
    let name = fields.optional::<UserName>("UserName")?;
    EntityName::parse(name.as_str()).ok()
}

/// The same, of one that must be there.
fn required_user(fields: &mut Fields<'_>) -> Checked<EntityName> {
    let name = fields.required::<UserName>("UserName")?;
    EntityName::parse(name.as_str()).map_err(|_| Error::Validation(Vec::new()))
}

/// The bindings of the three operations on a kind's tags. `$name` names the resource.
macro_rules! tag_bindings {
    ($name:literal, $tag:ty, $untag:ty, $list:ty $(,)?) => {
        [
            $crate::table::bind!($tag, |fields| $crate::iam::tagged(fields, $name)),
            $crate::table::bind!($untag, |fields| $crate::iam::untagged(fields, $name)),
            $crate::table::bind!(
                $list,
                |fields| $crate::iam::listed_tags(fields, $name),
                |output| $crate::iam::page("Tags", output, $crate::iam::tag).node()
            ),
        ]
    };
}
use tag_bindings;

fn tagged<R: Taggable>(fields: &mut Fields<'_>, name: &str) -> Result<TagResource<R>, Error>
where
    R::Name: Constrained,
{
    let resource = fields.required(name);
    let tags = fields.required_tags("Tags");
    fields.check()?;
    Ok(TagResource {
        resource: resource?,
        tags,
    })
}

fn untagged<R: Taggable>(fields: &mut Fields<'_>, name: &str) -> Result<UntagResource<R>, Error>
where
    R::Name: Constrained,
{
    let resource = fields.required(name);
    let tag_keys = fields.tag_keys("TagKeys");
    fields.check()?;
    Ok(UntagResource {
        resource: resource?,
        tag_keys,
    })
}

fn listed_tags<R: Taggable>(
    fields: &mut Fields<'_>,
    name: &str,
) -> Result<ListResourceTags<R>, Error>
where
    R::Name: Constrained,
{
    let resource = fields.required(name);
    let page = fields.page();
    fields.check()?;
    Ok(ListResourceTags {
        resource: resource?,
        page,
    })
}

/// `N` is what the model says of the name here, which may be less than what names of `P` are.
fn put_boundary<N: Constrained + Into<P::Name>, P: Bounded>(
    fields: &mut Fields<'_>,
    name: &str,
) -> Result<PutPermissionsBoundary<P>, Error> {
    both(
        fields,
        (name, "PermissionsBoundary"),
        |principal: N, permissions_boundary| PutPermissionsBoundary {
            principal: principal.into(),
            permissions_boundary,
        },
    )
}

/// A policy document as IAM answers it: percent-encoded by RFC 3986.
fn document(text: &str) -> String {
    const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'.')
        .remove(b'_')
        .remove(b'~');
    utf8_percent_encode(text, RESERVED).to_string()
}

/// A page under the name of its list, with `IsTruncated` and `Marker`.
fn page<'a, T>(
    name: &'static str,
    page: &'a Page<T>,
    item: impl FnMut(&'a T) -> Node<'a>,
) -> Members<'a> {
    page_end(Members::new().list(name, page.items.iter().map(item)), page)
}

/// What stands behind the list of a page. The key becomes a marker when the answer is written.
fn page_end<'a, T>(members: Members<'a>, page: &'a Page<T>) -> Members<'a> {
    members
        .boolean("IsTruncated", page.next.is_some())
        .text_if("Marker", page.next.as_deref())
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
