//! What an export of ours has beyond AWS's form: entities that are stored as they are, and the alias.

use super::form::{Own, Plain};
use super::plan::{Planner, shown};
use super::stored;
use crate::account::Account;
use crate::entity::{
    AccountAlias, AccountSettings, Change, Entity, EntityKey, EntityKind, KeyOwner,
};
use crate::ids::UniqueId;
use crate::key_material::SshKey;
use crate::names::{AccountAliasName, AccountId, Constrained as _};
use crate::port::Record;
use crate::quotas::AccountQuota;
use std::collections::HashMap;

/// Whether entities of the kind are in exports in their stored form: those of accounts that have no
/// secrets and no life of their own.
pub(super) fn is_plain(kind: EntityKind) -> bool {
    match kind {
        EntityKind::PasswordPolicy
        | EntityKind::SshPublicKey
        | EntityKind::SigningCertificate
        | EntityKind::OpenIdConnectProvider
        | EntityKind::SamlProvider
        | EntityKind::AccountSettings => true,
        // In AWS's form.
        EntityKind::User
        | EntityKind::Group
        | EntityKind::Role
        | EntityKind::ManagedPolicy
        | EntityKind::InstanceProfile => false,
        // With secrets.
        EntityKind::AccessKey
        | EntityKind::MfaDevice
        | EntityKind::LoginProfile
        | EntityKind::ServerCertificate
        | EntityKind::ServiceSpecificCredential
        | EntityKind::ProviderSettings
        // Whose issuer is asked with one.
        | EntityKind::EksCluster
        | EntityKind::PodIdentityAssociation
        | EntityKind::Issuer => false,
        // Of a moment, of other accounts too, or of the data plane.
        EntityKind::TrustAnchor
        | EntityKind::AnywhereProfile
        | EntityKind::AnywhereCrl
        | EntityKind::AnywhereSubject
        | EntityKind::DeletionTask
        | EntityKind::SpentAssertion
        | EntityKind::CredentialReport
        | EntityKind::Bucket
        | EntityKind::DelegationRequest
        | EntityKind::AssociatedDelegation => false,
        // The realm's.
        EntityKind::Account
        | EntityKind::AccountAlias
        | EntityKind::Organization
        | EntityKind::OrganizationalUnit
        | EntityKind::OrganizationPolicy
        | EntityKind::TargetPolicies
        | EntityKind::CreateAccountStatus
        | EntityKind::ImportedPolicy
        | EntityKind::TokenKey
        | EntityKind::KeyAlias
        | EntityKind::BucketOwner
        | EntityKind::ServicePrincipal
        | EntityKind::RoleTemplate
        | EntityKind::Revocation => false,
    }
}

/// The plain entities of an account.
pub(super) fn plain_entities(account: &Account) -> Vec<Entity> {
    let mut all: Vec<Entity> = Vec::new();
    all.extend(account.password_policy().map(|it| (**it).clone().into()));
    all.extend(
        account
            .ssh_public_keys
            .values()
            .map(|it| (**it).clone().into()),
    );
    all.extend(
        account
            .signing_certificates
            .values()
            .map(|it| (**it).clone().into()),
    );
    all.extend(
        account
            .open_id_connect_providers
            .values()
            .map(|it| (**it).clone().into()),
    );
    all.extend(
        account
            .saml_providers
            .values()
            .map(|it| (**it).clone().into()),
    );
    let settings = account.settings();
    all.extend((settings != AccountSettings::default()).then(|| settings.into()));
    all
}

/// The user that a plain entity belongs to.
pub(super) fn user_of(entity: &mut Entity) -> Option<&mut UniqueId> {
    match entity {
        Entity::SshPublicKey(key) => Some(&mut key.user),
        Entity::SigningCertificate(certificate) => match &mut certificate.owner {
            KeyOwner::User(id) => Some(id),
            KeyOwner::Root => None,
        },
        _ => None,
    }
}

fn read(plain: &Plain) -> Option<Entity> {
    let record = Record {
        kind: plain.kind.clone(),
        key: String::new(),
        body: plain.body.get().to_owned(),
    };
    let entity = Entity::from_record(&record).ok()?;
    is_plain(entity.key().kind).then_some(entity)
}

/// The account's settings in an export.
pub(super) fn settings(own: &Own) -> Option<AccountSettings> {
    own.entities.iter().find_map(|plain| match read(plain)? {
        Entity::AccountSettings(settings) => Some(settings),
        _ => None,
    })
}

impl Planner<'_> {
    /// Plans what only we have; what changes in the realm is the answer.
    pub(super) fn own(&mut self, own: &Own) -> Change {
        for plain in &own.entities {
            self.plain(plain);
        }
        self.need_credentials();
        for (quota, kind, count) in [
            (
                AccountQuota::OpenIdConnectProvidersPerAccount,
                EntityKind::OpenIdConnectProvider,
                self.account.open_id_connect_providers.len(),
            ),
            (
                AccountQuota::SAMLProvidersPerAccount,
                EntityKind::SamlProvider,
                self.account.saml_providers.len(),
            ),
        ] {
            let new = self.report.entries.iter();
            let new = new.filter(|entry| entry.kind == kind && entry.before.is_none());
            let new = new.filter(|entry| entry.after.is_some()).count();
            self.need(quota, count + new, None);
        }
        match &own.alias {
            Some(alias) => self.alias(alias),
            None => Change::default(),
        }
    }

    fn plain(&mut self, plain: &Plain) {
        let Some(mut entity) = read(plain) else {
            let kind = shown(&plain.kind);
            let refusal = format!("an entity of the kind `{kind}` cannot be read");
            return self.report.refusals.push(refusal);
        };
        let mut reasons = Vec::new();
        if let Some(user) = user_of(&mut entity) {
            match self.user_id(user.as_str()) {
                Some(id) => *user = id,
                None => reasons.push(format!("there is no user `{}`", shown(user.as_str()))),
            }
        }
        let key = entity.key();
        let before = existing(self.account, &key);
        if let Entity::SamlProvider(after) = &mut entity {
            // They are not in exports: whatever a file says, the keys are those that are here.
            after.private_keys = match &before {
                Some(Entity::SamlProvider(before)) => before.private_keys.clone(),
                _ => Vec::new(),
            };
        }
        if let Entity::OpenIdConnectProvider(provider) = &entity {
            let quota = AccountQuota::ClientIdsPerOpenIdConnectProvider;
            self.need(quota, provider.client_ids.len(), Some(&mut reasons));
        }
        if let Err(reason) = stored::check(&entity, self.account) {
            reasons.push(reason);
        }
        match key.kind {
            // They are taken first, and kept last.
            EntityKind::AccountSettings => self.report.refusals.extend(
                reasons
                    .into_iter()
                    .map(|reason| format!("the account's settings: {reason}")),
            ),
            kind => {
                self.is_second(kind, &key.key, &mut reasons);
                // The same under another id is a second one, too.
                let content = match &entity {
                    Entity::SshPublicKey(key) => SshKey::parse(&key.body)
                        .ok()
                        .map(|read| format!("{} {}", key.user, read.fingerprint())),
                    Entity::SigningCertificate(certificate) => {
                        Some(format!("sha256 {}", certificate.fingerprint))
                    }
                    _ => None,
                };
                if let Some(content) = content {
                    self.is_second(kind, &content, &mut reasons);
                }
                self.settle(kind, &key.key, before, Some(entity), reasons);
            }
        }
    }

    /// The quotas of what each user has, for those who get more of it.
    fn need_credentials(&mut self) {
        let new = self.report.entries.iter();
        let new = new.filter(|entry| entry.before.is_none());
        let mut keys: HashMap<&UniqueId, usize> = HashMap::new();
        let mut certificates: HashMap<&KeyOwner, usize> = HashMap::new();
        for entity in new.filter_map(|entry| entry.after.as_ref()) {
            match entity {
                Entity::SshPublicKey(key) => *keys.entry(&key.user).or_default() += 1,
                Entity::SigningCertificate(one) => {
                    *certificates.entry(&one.owner).or_default() += 1;
                }
                _ => {}
            }
        }
        let keys = keys.into_iter();
        let keys = keys.map(|(user, new)| self.account.ssh_public_keys_of(user).count() + new);
        let most_keys = keys.max().unwrap_or_default();
        let certificates = certificates.into_iter();
        let certificates = certificates
            .map(|(owner, new)| self.account.signing_certificates_of(owner).count() + new);
        let most_certificates = certificates.max().unwrap_or_default();
        self.need(AccountQuota::SSHPublicKeysPerUser, most_keys, None);
        self.need(AccountQuota::CertificatesPerUser, most_certificates, None);
    }

    fn alias(&mut self, alias: &str) -> Change {
        let mut change = Change::default();
        let mut reasons = Vec::new();
        let account = self.account.id;
        // Where either may stand, an account's id would name another account.
        if AccountAliasName::parse(alias).is_err() || AccountId::parse(alias).is_ok() {
            reasons.push("it is no account alias".to_owned());
        }
        let record = |alias: &str| AccountAlias {
            alias: alias.to_owned(),
            account,
        };
        if let Some(other) = self.directory.account_of_alias(alias)
            && other != account
        {
            reasons.push("another account has that alias".to_owned());
        }
        let before = self.directory.alias_of(account).map(record);
        let before_entity = before.clone().map(Entity::from);
        let after = Some(Entity::from(record(alias)));
        self.settle(
            EntityKind::AccountAlias,
            alias,
            before_entity,
            after,
            reasons,
        );
        // It is the realm's, and so does not go into the account's change.
        let entry = self.report.entries.last_mut();
        if let Some(after) = entry.and_then(|entry| entry.after.take()) {
            if let Some(before) = before {
                change.delete(before);
            }
            change.put(after);
        }
        change
    }
}

fn existing(account: &Account, EntityKey { kind, key }: &EntityKey) -> Option<Entity> {
    Some(match kind {
        EntityKind::PasswordPolicy => (**account.password_policy()?).clone().into(),
        EntityKind::SshPublicKey => (**account.ssh_public_keys.get(key)?).clone().into(),
        EntityKind::SigningCertificate => (**account.signing_certificates.get(key)?).clone().into(),
        EntityKind::OpenIdConnectProvider => (**account.open_id_connect_providers.get(key)?)
            .clone()
            .into(),
        EntityKind::SamlProvider => (**account.saml_providers.get(key)?).clone().into(),
        _ => return None,
    })
}
