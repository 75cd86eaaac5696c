//! Profiles.

use super::{duration, made, updated};
use crate::fields::Fields;
use crate::json::Shape;
use crate::node::{Members, Node};
use locum_identity::entity::{AnywhereProfile, CertificateField};
use locum_identity::error::Error;
use locum_identity::roles_anywhere::{
    CreateProfile, DeleteAttributeMapping, ProfileSettings, PutAttributeMapping, UpdateProfile,
    View,
};

pub(super) const RULES: Shape = Shape::List(&Shape::Structure(&[("specifier", Shape::Text)]));

const FIELDS: &[&str] = &["x509Subject", "x509Issuer", "x509SAN"];
const ALL_FIELDS: [CertificateField; 3] = [
    CertificateField::Subject,
    CertificateField::Issuer,
    CertificateField::AlternativeNames,
];
const MOST_ROLES: u32 = 250;
const MOST_POLICIES: u32 = 50;
const MOST_RULES: u32 = 200;

fn settings(fields: &mut Fields<'_>) -> ProfileSettings {
    let role_arns = fields.list("roleArns", MOST_ROLES, Fields::scalar);
    let policies = fields.list("managedPolicyArns", MOST_POLICIES, Fields::scalar);
    ProfileSettings {
        role_arns: fields.has("roleArns").then_some(role_arns),
        session_policy: fields.optional("sessionPolicy"),
        managed_policy_arns: fields.has("managedPolicyArns").then_some(policies),
        duration: duration(fields),
        accepts_session_name: fields.boolean("acceptRoleSessionName"),
    }
}

pub(super) fn decode_create(fields: &mut Fields<'_>) -> Result<CreateProfile, Error> {
    let made = made(fields);
    fields.required_member("roleArns");
    let settings = settings(fields);
    let requires = fields.boolean("requireInstanceProperties");
    fields.check()?;
    Ok(CreateProfile {
        made: made()?,
        settings,
        requires_instance_properties: requires.unwrap_or_default(),
    })
}

pub(super) fn decode_update(fields: &mut Fields<'_>) -> Result<UpdateProfile, Error> {
    let identifier = fields.required("profileId");
    let updated = updated(fields);
    let settings = settings(fields);
    fields.check()?;
    Ok(UpdateProfile {
        identifier: identifier?,
        updated,
        settings,
    })
}

pub(super) fn decode_put(fields: &mut Fields<'_>) -> Result<PutAttributeMapping, Error> {
    let identifier = fields.required("profileId");
    let field = fields.required_one_of("certificateField", FIELDS, &ALL_FIELDS);
    fields.required_member("mappingRules");
    let specifiers = fields.list("mappingRules", MOST_RULES, |fields| {
        fields.required("specifier").ok()
    });
    fields.check()?;
    Ok(PutAttributeMapping {
        identifier: identifier?,
        field: field?,
        specifiers,
    })
}

pub(super) fn decode_delete(fields: &mut Fields<'_>) -> Result<DeleteAttributeMapping, Error> {
    let identifier = fields.required("profileId");
    let field = fields.required_one_of("certificateField", FIELDS, &ALL_FIELDS);
    let specifiers = fields.list("specifiers", MOST_RULES, |fields| fields.scalar_text());
    fields.check()?;
    Ok(DeleteAttributeMapping {
        identifier: identifier?,
        field: field?,
        specifiers,
    })
}

pub(super) fn own<'a>(view: &'a View<AnywhereProfile>, members: Members<'a>) -> Members<'a> {
    let profile = &view.resource;
    let texts = |all: &'a [String]| all.iter().map(|text| Node::text(text.as_str()));
    let mappings = profile.mappings.iter().map(|mapping| {
        let rules = mapping
            .specifiers
            .iter()
            .map(|specifier| Members::new().text("specifier", specifier.as_str()).node());
        Members::new()
            .text("certificateField", mapping.field.as_str())
            .list("mappingRules", rules)
            .node()
    });
    members
        .boolean(
            "requireInstanceProperties",
            profile.requires_instance_properties,
        )
        .text("createdBy", profile.created_by.as_str())
        .text_if("sessionPolicy", profile.session_policy.as_deref())
        .list("roleArns", texts(&profile.role_arns))
        .list("managedPolicyArns", texts(&profile.managed_policy_arns))
        .integer("durationSeconds", profile.duration)
        .boolean("acceptRoleSessionName", profile.accepts_session_name)
        .list("attributeMappings", mappings)
}
