//! IAM Roles Anywhere (REST-JSON), version 2018-05-10, and its CreateSession.

use crate::fields::Fields;
use crate::json::Shape;
use crate::node::{Members, Node};
use crate::rest_json::Route;
use crate::table::{Binding, bind};
use locum_identity::entity::TrustAnchor;
use locum_identity::entity::{AnywhereCrl, AnywhereProfile};
use locum_identity::error::Error;
use locum_identity::iam::{Page, PageRequest};
use locum_identity::names::{
    AnywhereAlias, AnywhereNextToken, AnywhereTagKey, AnywhereTagValue, Constrained, Constraint,
    CrlIdentifier, ProfileIdentifier, Tag, TagKey, TagValue, TrustAnchorIdentifier,
};
use locum_identity::roles_anywhere::{
    AnywhereResource, CreateProfile, CreateSession, CreateTrustAnchor, Delete,
    DeleteAttributeMapping, Get, GetSubject, ImportCrl, List, ListSubjects, ListTagsForResource,
    Made, PutAttributeMapping, PutNotificationSettings, ResetNotificationSettings, Switch,
    TagResource, UntagResource, UpdateCrl, UpdateProfile, UpdateTrustAnchor, Updated, View,
};
use std::marker::PhantomData;

mod crls;
mod profiles;
mod session;
mod subjects;
mod trust_anchors;

/// Tags of a request in the model; how many a resource has is limited apart.
const MOST_TAGS: u32 = 200;
/// Items of a page, where a request says nothing else.
const PAGE: i32 = 100;

const TAG: Shape = Shape::Structure(&[("key", Shape::Text), ("value", Shape::Text)]);
const TAGS: Shape = Shape::List(&TAG);
const TEXTS: Shape = Shape::List(&Shape::Text);
const PAGED: &[(&str, bool)] = &[("nextToken", false), ("pageSize", false)];

pub(crate) static ROUTES: [Route; 31] = [
    Route::new("CreateProfile", "POST", "/profiles")
        .status(201)
        .body(&[
            ("name", Shape::Text),
            ("requireInstanceProperties", Shape::Boolean),
            ("sessionPolicy", Shape::Text),
            ("roleArns", TEXTS),
            ("managedPolicyArns", TEXTS),
            ("durationSeconds", Shape::Integer),
            ("enabled", Shape::Boolean),
            ("tags", TAGS),
            ("acceptRoleSessionName", Shape::Boolean),
            ("aliasName", Shape::Text),
        ]),
    Route::new("CreateSession", "POST", "/sessions")
        .status(201)
        .query(&[
            ("profileArn", false),
            ("roleArn", false),
            ("trustAnchorArn", false),
        ])
        .body(&[
            ("profileArn", Shape::Text),
            ("roleArn", Shape::Text),
            ("trustAnchorArn", Shape::Text),
            ("durationSeconds", Shape::Integer),
            ("roleSessionName", Shape::Text),
            ("instanceProperties", Shape::Map),
        ]),
    Route::new("CreateTrustAnchor", "POST", "/trustanchors")
        .status(201)
        .body(&[
            ("name", Shape::Text),
            ("source", trust_anchors::SOURCE),
            ("enabled", Shape::Boolean),
            ("crlDpRevocationEnabled", Shape::Boolean),
            ("tags", TAGS),
            ("notificationSettings", trust_anchors::SETTINGS),
            ("aliasName", Shape::Text),
        ]),
    Route::new(
        "DeleteAttributeMapping",
        "DELETE",
        "/profiles/{profileId}/mappings",
    )
    .query(&[("certificateField", false), ("specifiers", true)]),
    Route::new("DeleteCrl", "DELETE", "/crl/{crlId}"),
    Route::new("DeleteProfile", "DELETE", "/profile/{profileId}"),
    Route::new(
        "DeleteTrustAnchor",
        "DELETE",
        "/trustanchor/{trustAnchorId}",
    ),
    Route::new("DisableCrl", "POST", "/crl/{crlId}/disable"),
    Route::new("DisableProfile", "POST", "/profile/{profileId}/disable"),
    Route::new(
        "DisableTrustAnchor",
        "POST",
        "/trustanchor/{trustAnchorId}/disable",
    ),
    Route::new("EnableCrl", "POST", "/crl/{crlId}/enable"),
    Route::new("EnableProfile", "POST", "/profile/{profileId}/enable"),
    Route::new(
        "EnableTrustAnchor",
        "POST",
        "/trustanchor/{trustAnchorId}/enable",
    ),
    Route::new("GetCrl", "GET", "/crl/{crlId}"),
    Route::new("GetProfile", "GET", "/profile/{profileId}"),
    Route::new("GetSubject", "GET", "/subject/{subjectId}"),
    Route::new("GetTrustAnchor", "GET", "/trustanchor/{trustAnchorId}"),
    Route::new("ImportCrl", "POST", "/crls").status(201).body(&[
        ("name", Shape::Text),
        ("crlData", Shape::Blob),
        ("enabled", Shape::Boolean),
        ("tags", TAGS),
        ("trustAnchorArn", Shape::Text),
        ("aliasName", Shape::Text),
    ]),
    Route::new("ListCrls", "GET", "/crls").query(PAGED),
    Route::new("ListProfiles", "GET", "/profiles").query(PAGED),
    Route::new("ListSubjects", "GET", "/subjects").query(PAGED),
    Route::new("ListTagsForResource", "GET", "/ListTagsForResource")
        .query(&[("resourceArn", false)]),
    Route::new("ListTrustAnchors", "GET", "/trustanchors").query(PAGED),
    Route::new(
        "PutAttributeMapping",
        "PUT",
        "/profiles/{profileId}/mappings",
    )
    .body(&[
        ("certificateField", Shape::Text),
        ("mappingRules", profiles::RULES),
    ]),
    Route::new(
        "PutNotificationSettings",
        "PATCH",
        "/put-notifications-settings",
    )
    .body(&[
        ("trustAnchorId", Shape::Text),
        ("notificationSettings", trust_anchors::SETTINGS),
    ]),
    Route::new(
        "ResetNotificationSettings",
        "PATCH",
        "/reset-notifications-settings",
    )
    .body(&[
        ("trustAnchorId", Shape::Text),
        ("notificationSettingKeys", trust_anchors::KEYS),
    ]),
    Route::new("TagResource", "POST", "/TagResource")
        .status(201)
        .body(&[("resourceArn", Shape::Text), ("tags", TAGS)]),
    Route::new("UntagResource", "POST", "/UntagResource")
        .body(&[("resourceArn", Shape::Text), ("tagKeys", TEXTS)]),
    Route::new("UpdateCrl", "PATCH", "/crl/{crlId}").body(&[
        ("name", Shape::Text),
        ("crlData", Shape::Blob),
        ("aliasName", Shape::Text),
    ]),
    Route::new("UpdateProfile", "PATCH", "/profile/{profileId}").body(&[
        ("name", Shape::Text),
        ("sessionPolicy", Shape::Text),
        ("roleArns", TEXTS),
        ("managedPolicyArns", TEXTS),
        ("durationSeconds", Shape::Integer),
        ("acceptRoleSessionName", Shape::Boolean),
        ("aliasName", Shape::Text),
    ]),
    Route::new("UpdateTrustAnchor", "PATCH", "/trustanchor/{trustAnchorId}").body(&[
        ("name", Shape::Text),
        ("source", trust_anchors::SOURCE),
        ("crlDpRevocationEnabled", Shape::Boolean),
        ("aliasName", Shape::Text),
    ]),
];

/// How the wire spells a kind of resource.
trait Spelled: AnywhereResource {
    /// The parameter that names one.
    type Identifier: Constrained + AsRef<str>;
    /// That parameter's name.
    const ID: &'static str;
    /// The member of an answer that is one.
    const ONE: &'static str;
    /// The member of an answer that is a list.
    const ALL: &'static str;
    /// The members for its id and its ARN.
    const NAMES: [&'static str; 2];

    /// What only this kind has.
    fn own<'a>(view: &'a View<Self>, members: Members<'a>) -> Members<'a>;
}

/// The bindings that all kinds have.
macro_rules! common {
    ($resource:ty) => {
        vec![
            bind!(Get<$resource>, decode_get::<$resource>, |view| one(view)),
            bind!(List<$resource>, decode_list::<$resource>, |page| list(page)),
            bind!(Delete<$resource>, decode_delete::<$resource>, |view| one(view)),
            bind!(Switch<$resource, true>, decode_switch::<$resource, true>, |view| one(view)),
            bind!(Switch<$resource, false>, decode_switch::<$resource, false>, |view| one(view)),
        ]
    };
}

pub(crate) fn bindings() -> Vec<Binding> {
    let mut all = vec![
        bind!(CreateTrustAnchor, trust_anchors::decode_create, |view| one(
            view
        )),
        bind!(UpdateTrustAnchor, trust_anchors::decode_update, |view| one(
            view
        )),
        bind!(PutNotificationSettings, trust_anchors::decode_put, |view| {
            one(view)
        }),
        bind!(
            ResetNotificationSettings,
            trust_anchors::decode_reset,
            |view| one(view)
        ),
        bind!(CreateProfile, profiles::decode_create, |view| one(view)),
        bind!(UpdateProfile, profiles::decode_update, |view| one(view)),
        bind!(PutAttributeMapping, profiles::decode_put, |view| one(view)),
        bind!(DeleteAttributeMapping, profiles::decode_delete, |view| one(
            view
        )),
        bind!(ImportCrl, crls::decode_import, |view| one(view)),
        bind!(UpdateCrl, crls::decode_update, |view| one(view)),
        bind!(GetSubject, subjects::decode_get, subjects::one),
        bind!(ListSubjects, subjects::decode_list, subjects::list),
        bind!(CreateSession, session::decode, session::created),
        bind!(TagResource, decode_tag),
        bind!(UntagResource, decode_untag),
        bind!(ListTagsForResource, decode_list_tags, |tags| tag_list(tags)),
    ];
    all.extend(common!(TrustAnchor));
    all.extend(common!(AnywhereProfile));
    all.extend(common!(AnywhereCrl));
    all
}

/// `nextToken` and `pageSize`
fn page(fields: &mut Fields<'_>) -> Result<PageRequest, Error> {
    fields.optional::<AnywhereNextToken>("nextToken");
    let page = fields.rest_page("pageSize", PAGE);
    fields.check()?;
    Ok(page)
}

fn identifier<R: Spelled>(fields: &mut Fields<'_>) -> Result<String, Error> {
    let identifier = fields.required::<R::Identifier>(R::ID);
    fields.check()?;
    Ok(identifier?.as_ref().to_owned())
}

fn decode_get<R: Spelled>(fields: &mut Fields<'_>) -> Result<Get<R>, Error> {
    Ok(Get {
        identifier: identifier::<R>(fields)?,
        kind: PhantomData,
    })
}

fn decode_delete<R: Spelled>(fields: &mut Fields<'_>) -> Result<Delete<R>, Error> {
    Ok(Delete {
        identifier: identifier::<R>(fields)?,
        kind: PhantomData,
    })
}

fn decode_switch<R: Spelled, const ON: bool>(
    fields: &mut Fields<'_>,
) -> Result<Switch<R, ON>, Error> {
    Ok(Switch {
        identifier: identifier::<R>(fields)?,
        kind: PhantomData,
    })
}

fn decode_list<R: Spelled>(fields: &mut Fields<'_>) -> Result<List<R>, Error> {
    let page = page(fields)?;
    Ok(List {
        page,
        kind: PhantomData,
    })
}

/// Tags, which may have fewer characters here than IAM's.
fn tags(fields: &mut Fields<'_>) -> Vec<Tag> {
    fields.list("tags", MOST_TAGS, |fields| {
        let key = fields.required::<AnywhereTagKey>("key");
        let value = fields.required::<AnywhereTagValue>("value");
        Some(Tag {
            key: TagKey::parse(key.ok()?.as_str()).ok()?,
            value: TagValue::parse(value.ok()?.as_str()).ok()?,
        })
    })
}

/// What every resource is made with.
fn made(fields: &mut Fields<'_>) -> impl FnOnce() -> Result<Made, Error> + use<> {
    let name = fields.required("name");
    let enabled = fields.boolean("enabled").unwrap_or_default();
    let alias = fields.optional::<AnywhereAlias>("aliasName");
    let tags = tags(fields);
    move || {
        Ok(Made {
            name: name?,
            enabled,
            alias,
            tags,
        })
    }
}

fn updated(fields: &mut Fields<'_>) -> Updated {
    Updated {
        name: fields.optional("name"),
        alias: fields.optional("aliasName"),
    }
}

/// `durationSeconds`
fn duration(fields: &mut Fields<'_>) -> Option<u32> {
    fields.number("durationSeconds", |number| match number {
        ..900 => Err(Constraint::MinValue(900)),
        900..=43_200 => Ok(number.unsigned_abs()),
        _ => Err(Constraint::MaxValue(43_200)),
    })
}

fn decode_tag(fields: &mut Fields<'_>) -> Result<TagResource, Error> {
    let resource = fields.required("resourceArn");
    fields.required_member("tags");
    let tags = tags(fields);
    fields.check()?;
    Ok(TagResource {
        resource: resource?,
        tags,
    })
}

fn decode_untag(fields: &mut Fields<'_>) -> Result<UntagResource, Error> {
    let resource = fields.required("resourceArn");
    fields.required_member("tagKeys");
    let keys = fields.list("tagKeys", MOST_TAGS, |fields| {
        let key = fields.scalar::<AnywhereTagKey>()?;
        TagKey::parse(key.as_str()).ok()
    });
    fields.check()?;
    Ok(UntagResource {
        resource: resource?,
        tag_keys: keys,
    })
}

fn decode_list_tags(fields: &mut Fields<'_>) -> Result<ListTagsForResource, Error> {
    let resource = fields.required("resourceArn");
    fields.check()?;
    Ok(ListTagsForResource {
        resource: resource?,
    })
}

fn tag_list(tags: &[Tag]) -> Node<'_> {
    let tags = tags.iter().map(|tag| {
        Members::new()
            .text("key", tag.key.as_str())
            .text("value", tag.value.as_str())
            .node()
    });
    Members::new().list("tags", tags).node()
}

/// A resource with what all kinds have.
fn detail<R: Spelled>(view: &View<R>) -> Members<'_> {
    let head = view.resource.head();
    let [id, arn] = R::NAMES;
    let members = Members::new()
        .text(id, head.id.as_str())
        .text(arn, view.arn())
        .text("name", head.name.as_str())
        .boolean("enabled", head.enabled)
        .time("createdAt", head.created)
        .time("updatedAt", head.updated)
        .text_if("aliasName", head.alias.as_deref())
        .text_if("aliasArn", view.alias_arn())
        .text_if("previousAliasName", view.previous_alias.as_deref());
    R::own(view, members)
}

fn one<R: Spelled>(view: &View<R>) -> Node<'_> {
    Members::new().structure(R::ONE, detail(view)).node()
}

fn list<R: Spelled>(page: &Page<View<R>>) -> Node<'_> {
    let items = page.items.iter().map(|view| detail(view).node());
    Members::new()
        .list(R::ALL, items)
        .text_if("nextToken", page.next.as_deref())
        .node()
}

impl Spelled for TrustAnchor {
    type Identifier = TrustAnchorIdentifier;
    const ID: &'static str = "trustAnchorId";
    const ONE: &'static str = "trustAnchor";
    const ALL: &'static str = "trustAnchors";
    const NAMES: [&'static str; 2] = ["trustAnchorId", "trustAnchorArn"];

    fn own<'a>(view: &'a View<Self>, members: Members<'a>) -> Members<'a> {
        trust_anchors::own(view, members)
    }
}

impl Spelled for AnywhereProfile {
    type Identifier = ProfileIdentifier;
    const ID: &'static str = "profileId";
    const ONE: &'static str = "profile";
    const ALL: &'static str = "profiles";
    const NAMES: [&'static str; 2] = ["profileId", "profileArn"];

    fn own<'a>(view: &'a View<Self>, members: Members<'a>) -> Members<'a> {
        profiles::own(view, members)
    }
}

impl Spelled for AnywhereCrl {
    type Identifier = CrlIdentifier;
    const ID: &'static str = "crlId";
    const ONE: &'static str = "crl";
    const ALL: &'static str = "crls";
    const NAMES: [&'static str; 2] = ["crlId", "crlArn"];

    fn own<'a>(view: &'a View<Self>, members: Members<'a>) -> Members<'a> {
        crls::own(view, members)
    }
}
