//! Instance profiles.

use super::roles::basics;
use super::{both, only, page, tag_bindings, tags};
use crate::fields::Fields;
use crate::node::{Members, Node};
use crate::table::{Binding, bind};
use locum_identity::error::Error;
use locum_identity::iam::Page;
use locum_identity::iam::instance_profiles::{
    AddRoleToInstanceProfile, CreateInstanceProfile, DeleteInstanceProfile, GetInstanceProfile,
    ListInstanceProfileTags, ListInstanceProfiles, ListInstanceProfilesForRole,
    RemoveRoleFromInstanceProfile, ShownInstanceProfile, TagInstanceProfile, UntagInstanceProfile,
};

const NAME: &str = "InstanceProfileName";

pub(super) fn bindings() -> Vec<Binding> {
    [
        bind!(CreateInstanceProfile, decode_create, one),
        bind!(
            GetInstanceProfile,
            |fields| only(fields, NAME, |instance_profile_name| GetInstanceProfile {
                instance_profile_name
            }),
            one
        ),
        bind!(DeleteInstanceProfile, |fields| only(
            fields,
            NAME,
            |instance_profile_name| DeleteInstanceProfile {
                instance_profile_name
            }
        )),
        bind!(ListInstanceProfiles, decode_list, several),
        bind!(ListInstanceProfilesForRole, decode_list_for_role, several),
        bind!(AddRoleToInstanceProfile, |fields| both(
            fields,
            (NAME, "RoleName"),
            |instance_profile_name, role_name| AddRoleToInstanceProfile {
                instance_profile_name,
                role_name
            }
        )),
        bind!(RemoveRoleFromInstanceProfile, |fields| both(
            fields,
            (NAME, "RoleName"),
            |instance_profile_name, role_name| RemoveRoleFromInstanceProfile {
                instance_profile_name,
                role_name
            }
        )),
    ]
    .into_iter()
    .chain(tag_bindings!(
        "InstanceProfileName",
        TagInstanceProfile,
        UntagInstanceProfile,
        ListInstanceProfileTags
    ))
    .collect()
}

fn decode_create(fields: &mut Fields<'_>) -> Result<CreateInstanceProfile, Error> {
    let instance_profile_name = fields.required(NAME);
    let path = fields.optional("Path");
    let tags = fields.tags("Tags");
    fields.check()?;
    Ok(CreateInstanceProfile {
        instance_profile_name: instance_profile_name?,
        path,
        tags,
    })
}

fn decode_list(fields: &mut Fields<'_>) -> Result<ListInstanceProfiles, Error> {
    let path_prefix = fields.optional("PathPrefix");
    let page = fields.page();
    fields.check()?;
    Ok(ListInstanceProfiles { path_prefix, page })
}

fn decode_list_for_role(fields: &mut Fields<'_>) -> Result<ListInstanceProfilesForRole, Error> {
    let role_name = fields.required("RoleName");
    let page = fields.page();
    fields.check()?;
    Ok(ListInstanceProfilesForRole {
        role_name: role_name?,
        page,
    })
}

/// An instance profile without its tags.
fn profile(shown: &ShownInstanceProfile) -> Members<'_> {
    Members::new()
        .text("Path", shown.profile.path.as_str())
        .text("InstanceProfileName", shown.profile.name.as_str())
        .text("InstanceProfileId", shown.profile.id.as_str())
        .text("Arn", shown.arn.as_str())
        .time("CreateDate", shown.profile.created)
        .list("Roles", shown.role.iter().map(|role| basics(role).node()))
}

fn one(shown: &ShownInstanceProfile) -> Node<'_> {
    let members = tags(profile(shown), &shown.profile.tags);
    Members::new().structure("InstanceProfile", members).node()
}

fn several(output: &Page<ShownInstanceProfile>) -> Node<'_> {
    page("InstanceProfiles", output, |shown| profile(shown).node()).node()
}
