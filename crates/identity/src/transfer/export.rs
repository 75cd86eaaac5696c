//! An account as a document: AWS's form, and what only we have.

use super::document::Document;
use super::form::{
    AttachedDetail, BoundaryDetail, Details, FORMAT, GroupDetail, InlineDetail,
    InstanceProfileDetail, ManagedPolicyDetail, Moment, Own, Plain, RoleDetail, TagDetail,
    UserDetail, VersionDetail,
};
use super::own::{plain_entities, user_of};
use crate::account::{Account, InstanceProfileState};
use crate::entity::{Attachments, Damaged, Entity, EntityKind};
use crate::environment::{Seconds, timestamp};
use crate::error::Error;
use crate::iam::policies::uses;
use crate::ids::UniqueId;
use crate::names::{AccountId, Tag};
use crate::realm::Realm;
use crate::trust;
use locum_policy::Kind;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

impl Realm {
    /// An account as a document that [`Realm::import`] makes the same account of. Secrets are not in
    /// it; which, and how many, it says itself.
    ///
    /// # Errors
    /// [`Error::ServiceUnavailable`], or [`Error::Internal`] where there is no such account.
    pub async fn export(&self, id: AccountId) -> Result<Details, Error> {
        let Some(account) = self.account(id).await? else {
            return Err(Error::Internal(format!("there is no account {id}").into()));
        };
        let mut roles = Vec::with_capacity(account.roles.len());
        for (_, state) in account.roles.iter() {
            let role = &state.role;
            let trust = trust::to_shown(self, &role.trust_policy, Kind::Trust).await?;
            let profiles = account.instance_profiles.iter();
            let profiles =
                profiles.filter(|(_, state)| state.profile.role.as_ref() == Some(&role.id));
            roles.push(RoleDetail {
                path: role.path.to_string(),
                role_name: role.name.to_string(),
                role_id: role.id.to_string(),
                arn: state.arn.clone(),
                create_date: moment(role.created),
                assume_role_policy_document: document(&trust)?,
                instance_profile_list: profiles.map(|(_, state)| profile(state)).collect(),
                role_policy_list: inline(&role.policies)?,
                attached_managed_policies: attached(&role.policies),
                permissions_boundary: boundary(role.permissions_boundary.as_deref()),
                tags: tags(&role.tags),
                description: role.description.as_ref().map(ToString::to_string),
                max_session_duration: Some(role.max_session_duration.seconds()),
            });
        }
        let directory = self.directory();
        Ok(Details {
            user_detail_list: users(&account)?,
            group_detail_list: groups(&account)?,
            role_detail_list: roles,
            policies: policies(&account)?,
            is_truncated: false,
            locum: Some(Own {
                format: FORMAT,
                account: id,
                alias: directory.alias_of(id).map(str::to_owned),
                instance_profiles: account
                    .instance_profiles
                    .iter()
                    .filter(|(_, state)| state.profile.role.is_none())
                    .map(|(_, state)| profile(state))
                    .collect(),
                entities: entities(&account)?,
                left_out: left_out(&account),
            }),
        })
    }
}

fn moment(at: Seconds) -> Option<Moment> {
    Some(Moment::Text(timestamp(at)))
}

fn document(text: &str) -> Result<Document, Error> {
    Document::stored(text).ok_or_else(|| Error::Internal("a stored policy is not JSON".into()))
}

fn tags(tags: &[Tag]) -> Vec<TagDetail> {
    let tag = |tag: &Tag| TagDetail {
        key: tag.key.to_string(),
        value: tag.value.to_string(),
    };
    tags.iter().map(tag).collect()
}

fn inline(policies: &Attachments) -> Result<Vec<InlineDetail>, Error> {
    let inline = policies.inline.values();
    inline
        .map(|inline| {
            Ok(InlineDetail {
                policy_name: inline.name.to_string(),
                policy_document: document(&inline.document)?,
            })
        })
        .collect()
}

fn attached(policies: &Attachments) -> Vec<AttachedDetail> {
    let attached = policies.attached.iter();
    attached
        .map(|arn| AttachedDetail {
            policy_name: arn.rsplit('/').next().unwrap_or_default().to_owned(),
            policy_arn: arn.clone(),
        })
        .collect()
}

fn boundary(arn: Option<&str>) -> Option<BoundaryDetail> {
    arn.map(|arn| BoundaryDetail {
        permissions_boundary_type: "Policy".to_owned(),
        permissions_boundary_arn: arn.to_owned(),
    })
}

fn profile(state: &InstanceProfileState) -> InstanceProfileDetail {
    InstanceProfileDetail {
        path: state.profile.path.to_string(),
        instance_profile_name: state.profile.name.to_string(),
        instance_profile_id: state.profile.id.to_string(),
        arn: state.arn.clone(),
        create_date: moment(state.profile.created),
        tags: tags(&state.profile.tags),
    }
}

fn users(account: &Account) -> Result<Vec<UserDetail>, Error> {
    let group = |id: &UniqueId| {
        let state = account.groups.with_id(id);
        state.map(|state| state.group.name.to_string())
    };
    let users = account.users.iter();
    users
        .map(|(_, state)| {
            let user = &state.user;
            Ok(UserDetail {
                path: user.path.to_string(),
                user_name: user.name.to_string(),
                user_id: user.id.to_string(),
                arn: state.arn.clone(),
                create_date: moment(user.created),
                user_policy_list: inline(&user.policies)?,
                group_list: user.groups.iter().filter_map(group).collect(),
                attached_managed_policies: attached(&user.policies),
                permissions_boundary: boundary(user.permissions_boundary.as_deref()),
                tags: tags(&user.tags),
            })
        })
        .collect()
}

fn groups(account: &Account) -> Result<Vec<GroupDetail>, Error> {
    let groups = account.groups.iter();
    groups
        .map(|(_, state)| {
            let group = &state.group;
            Ok(GroupDetail {
                path: group.path.to_string(),
                group_name: group.name.to_string(),
                group_id: group.id.to_string(),
                arn: state.arn.clone(),
                create_date: moment(group.created),
                group_policy_list: inline(&group.policies)?,
                attached_managed_policies: attached(&group.policies),
            })
        })
        .collect()
}

fn policies(account: &Account) -> Result<Vec<ManagedPolicyDetail>, Error> {
    let uses = uses(account);
    let policies = account.policies.iter();
    policies
        .map(|(_, state)| {
            let policy = &state.policy;
            let versions = policy.versions.iter().rev();
            let (attached, bounding) = uses.get(state.arn.as_str()).copied().unwrap_or_default();
            Ok(ManagedPolicyDetail {
                policy_name: policy.name.to_string(),
                policy_id: policy.id.to_string(),
                arn: state.arn.clone(),
                path: policy.path.to_string(),
                default_version_id: format!("v{}", policy.default_version),
                attachment_count: attached,
                permissions_boundary_usage_count: bounding,
                is_attachable: true,
                description: policy.description.as_ref().map(ToString::to_string),
                create_date: moment(policy.created),
                update_date: moment(policy.updated),
                policy_version_list: versions
                    .map(|version| {
                        Ok(VersionDetail {
                            document: document(&version.document)?,
                            version_id: format!("v{}", version.number),
                            is_default_version: version.number == policy.default_version,
                            create_date: moment(version.created),
                        })
                    })
                    .collect::<Result<_, Error>>()?,
                tags: tags(&policy.tags),
                next_version: Some(policy.next_version),
            })
        })
        .collect()
}

fn entities(account: &Account) -> Result<Vec<Plain>, Error> {
    let mut entities = Vec::new();
    for mut entity in plain_entities(account) {
        if let Some(user) = user_of(&mut entity) {
            // Ids are made anew, so names stand for them.
            let Some(state) = account.users.with_id(user) else {
                continue;
            };
            *user = UniqueId::stored(state.user.name.as_str());
        }
        if let Entity::SamlProvider(provider) = &mut entity {
            provider.private_keys.clear();
        }
        let record = entity.to_record()?;
        let damaged = || Damaged {
            kind: record.kind.clone(),
            key: record.key.clone(),
        };
        let body = RawValue::from_string(record.body.clone()).map_err(|_| damaged())?;
        entities.push(Plain {
            kind: record.kind,
            body,
        });
    }
    Ok(entities)
}

/// What an account has that exports do not, by kind.
fn left_out(account: &Account) -> BTreeMap<String, usize> {
    let saml = account.saml_providers.values();
    [
        (EntityKind::AccessKey.as_str(), account.keys.len()),
        (EntityKind::MfaDevice.as_str(), account.mfa_devices.len()),
        (
            EntityKind::LoginProfile.as_str(),
            account.login_profiles.len(),
        ),
        (
            EntityKind::ServerCertificate.as_str(),
            account.server_certificates.len(),
        ),
        (
            EntityKind::ServiceSpecificCredential.as_str(),
            account.service_specific_credentials.len(),
        ),
        (
            "saml-private-key",
            saml.map(|it| it.private_keys.len()).sum(),
        ),
        (
            EntityKind::Issuer.as_str(),
            usize::from(account.issuer.is_some()),
        ),
        (EntityKind::Bucket.as_str(), account.buckets.len()),
        (
            EntityKind::DelegationRequest.as_str(),
            account.delegation_requests.len(),
        ),
        (
            EntityKind::ProviderSettings.as_str(),
            account.provider_settings.len(),
        ),
        (EntityKind::EksCluster.as_str(), account.eks_clusters.len()),
        (
            EntityKind::PodIdentityAssociation.as_str(),
            account.pod_identity_associations.len(),
        ),
        (
            EntityKind::TrustAnchor.as_str(),
            account.trust_anchors.len(),
        ),
        (
            EntityKind::AnywhereProfile.as_str(),
            account.anywhere_profiles.len(),
        ),
        (
            EntityKind::AnywhereCrl.as_str(),
            account.anywhere_crls.len(),
        ),
    ]
    .into_iter()
    .filter(|(_, count)| *count > 0)
    .map(|(kind, count)| (kind.to_owned(), count))
    .collect()
}
