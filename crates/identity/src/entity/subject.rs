//! What an entity is called, and whose it is: for those who read histories.

use super::{Entity, KeyOwner};
use crate::account::iam_arn;
use crate::ids::UniqueId;
use crate::names::AccountId;

impl Entity {
    /// The entity's ARN in its account; the root user's for what concerns the account as a whole.
    /// `None` for what is part of another entity, as access keys are of their users, and for what is
    /// the realm's.
    pub fn arn(&self, account: AccountId) -> Option<String> {
        let resource = match self {
            Self::User(user) => format!("user{}{}", user.path, user.name),
            Self::Group(group) => format!("group{}{}", group.path, group.name),
            Self::Role(role) => format!("role{}{}", role.path, role.name),
            Self::ManagedPolicy(policy) => format!("policy{}{}", policy.path, policy.name),
            Self::InstanceProfile(profile) => {
                format!("instance-profile{}{}", profile.path, profile.name)
            }
            Self::MfaDevice(device) => format!("mfa{}{}", device.path, device.name),
            Self::ServerCertificate(certificate) => {
                format!("server-certificate{}{}", certificate.path, certificate.name)
            }
            Self::OpenIdConnectProvider(provider) => format!("oidc-provider/{}", provider.url),
            Self::SamlProvider(provider) => format!("saml-provider/{}", provider.name),
            Self::ProviderSettings(settings) => return Some(settings.provider.clone()),
            Self::EksCluster(cluster) => return Some(cluster.arn(account)),
            Self::PodIdentityAssociation(association) => {
                return Some(association.arn(account));
            }
            Self::DelegationRequest(request) => format!("delegation-request/{}", request.id),
            Self::Bucket(bucket) => return Some(format!("arn:aws:s3:::{}", bucket.name)),
            Self::AccountAlias(alias) if alias.account == account => "root".to_owned(),
            Self::PasswordPolicy(_)
            | Self::AccountSettings(_)
            | Self::CredentialReport(_)
            | Self::Issuer(_)
            | Self::Account(_) => "root".to_owned(),
            _ => return None,
        };
        Some(iam_arn(account, &resource))
    }

    /// The unique id by which documents name it.
    pub fn unique_id(&self) -> Option<&UniqueId> {
        match self {
            Self::User(user) => Some(&user.id),
            Self::Group(group) => Some(&group.id),
            Self::Role(role) => Some(&role.id),
            _ => None,
        }
    }

    /// Whose it is: the user or root user whose credential it is.
    pub fn owner(&self) -> Option<KeyOwner> {
        match self {
            Self::AccessKey(key) => Some(key.owner.clone()),
            Self::MfaDevice(device) => device.assignment.as_ref().map(|it| it.owner.clone()),
            Self::LoginProfile(profile) => Some(profile.owner.clone()),
            Self::SigningCertificate(certificate) => Some(certificate.owner.clone()),
            Self::SshPublicKey(key) => Some(KeyOwner::User(key.user.clone())),
            Self::ServiceSpecificCredential(credential) => {
                Some(KeyOwner::User(credential.user.clone()))
            }
            _ => None,
        }
    }
}
