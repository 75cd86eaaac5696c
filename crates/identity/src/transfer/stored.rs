//! Whether what an export holds in its stored form is such as the operations make it: a file can be
//! written by anybody.

use crate::account::Account;
use crate::entity::{
    AccountSettings, Entity, OpenIdConnectProvider, PasswordPolicy, SamlProvider,
    SigningCertificate, SshPublicKey,
};
use crate::iam::open_id_connect_providers::{check_client_id, thumbprints};
use crate::iam::tags::TagCase;
use crate::key_material::{Certificate, SshEncoding, SshKey};
use crate::names::{
    CertificateIdText, ClientId, Constrained, Constraint, MaxPasswordAge, MinimumPasswordLength,
    PasswordReusePrevention, PublicKeyIdText, SamlProviderName, Thumbprint,
};
use crate::provider_url::ProviderUrl;
use crate::quotas::AccountQuota;
use locum_federation::saml::SamlMetadata;

/// Why no operation makes such an entity in the account.
///
/// # Errors
/// The reason.
pub(super) fn check(entity: &Entity, account: &Account) -> Result<(), String> {
    match entity {
        Entity::PasswordPolicy(policy) => password_policy(policy),
        Entity::SshPublicKey(key) => ssh_public_key(key, account),
        Entity::SigningCertificate(certificate) => signing_certificate(certificate, account),
        Entity::OpenIdConnectProvider(provider) => open_id_connect_provider(provider, account),
        Entity::SamlProvider(provider) => saml_provider(provider),
        Entity::AccountSettings(settings) => self::settings(settings),
        _ => Ok(()),
    }
}

fn refuse<T>(reason: &str) -> Result<T, String> {
    Err(reason.to_owned())
}

fn password_policy(policy: &PasswordPolicy) -> Result<(), String> {
    fn is_one<T>(number: u32, new: impl Fn(i32) -> Result<T, Constraint>) -> bool {
        i32::try_from(number).is_ok_and(|number| new(number).is_ok())
    }
    let length = is_one(policy.minimum_length, MinimumPasswordLength::new);
    let is_age = |age| is_one(age, MaxPasswordAge::new);
    let is_count = |count| is_one(count, PasswordReusePrevention::new);
    if length && policy.max_age.is_none_or(is_age) && policy.reuse_prevention.is_none_or(is_count) {
        return Ok(());
    }
    refuse("it has numbers that no password policy has")
}

fn ssh_public_key(key: &SshPublicKey, account: &Account) -> Result<(), String> {
    let id = key.id.as_str();
    if PublicKeyIdText::parse(id).is_err() || !id.starts_with("APKA") {
        return refuse("that is no id of a public key");
    }
    let Ok(read) = SshKey::parse(&key.body) else {
        return refuse("it is no SSH public key that IAM takes");
    };
    if read.write(SshEncoding::Ssh) != key.body {
        return refuse("it is not written as IAM keeps keys");
    }
    let is_same = |other: &SshPublicKey| {
        let other_key = SshKey::parse(&other.body);
        other.id != key.id && other_key.is_ok_and(|other| other.is_same_key(&read))
    };
    let mut others = account.ssh_public_keys_of(&key.user);
    if others.any(|other| is_same(other)) {
        return refuse("the user has the same key already");
    }
    Ok(())
}

fn signing_certificate(certificate: &SigningCertificate, account: &Account) -> Result<(), String> {
    if CertificateIdText::parse(&certificate.id).is_err() {
        return refuse("that is no id of a certificate");
    }
    let read = Certificate::parse(&certificate.body).map_err(|fault| fault.to_string())?;
    if read.fingerprint() != certificate.fingerprint {
        return refuse("its fingerprint is another certificate's");
    }
    let mut others = account.signing_certificates.values();
    if others
        .any(|other| other.id != certificate.id && other.fingerprint == certificate.fingerprint)
    {
        return refuse("the account has the same certificate already");
    }
    Ok(())
}

fn open_id_connect_provider(
    provider: &OpenIdConnectProvider,
    account: &Account,
) -> Result<(), String> {
    let url = ProviderUrl::parse(&format!("https://{}", provider.url));
    let Some(url) = url.filter(|url| url.as_str() == provider.url) else {
        return refuse("that is no URL of a provider");
    };
    let mut others = account.open_id_connect_providers.values();
    if others.any(|other| other.url != provider.url && url.is_same(&other.url)) {
        return refuse("there is a provider of that URL already, spelled differently");
    }
    for id in &provider.client_ids {
        let Ok(id) = ClientId::parse(id) else {
            return refuse("it has a client ID of an illegal length");
        };
        check_client_id(&id).map_err(|error| error.to_string())?;
    }
    let given = provider.thumbprints.iter();
    let given: Result<Vec<_>, _> = given.map(|one| Thumbprint::parse(one)).collect();
    let Ok(given) = given else {
        return refuse("it has a thumbprint of an illegal length");
    };
    thumbprints(&given).map_err(|error| error.to_string())?;
    tags(&provider.tags)
}

fn saml_provider(provider: &SamlProvider) -> Result<(), String> {
    if SamlProviderName::parse(&provider.name).is_err() {
        return refuse("that is no name of a provider");
    }
    let is_legal = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit();
    if provider.uuid.len() != 32 || !provider.uuid.bytes().all(is_legal) {
        return refuse("its UUID must have 32 capital letters and digits");
    }
    let metadata = SamlMetadata::parse(&provider.metadata).map_err(|fault| fault.to_string())?;
    if metadata
        .valid_until
        .is_some_and(|said| provider.valid_until > said)
    {
        return refuse("it is said to be valid for longer than its metadata");
    }
    tags(&provider.tags)
}

fn tags(tags: &[crate::names::Tag]) -> Result<(), String> {
    let checked = TagCase::Sensitive.check(tags);
    checked.map_err(|error| error.to_string())
}

fn settings(settings: &AccountSettings) -> Result<(), String> {
    for (name, value) in &settings.quotas {
        match AccountQuota::named(name) {
            None => return refuse("it sets a quota that there is not"),
            Some(quota) if *value > quota.highest() => {
                return Err(format!(
                    "it sets {} higher than any account's",
                    quota.name()
                ));
            }
            Some(_) => {}
        }
    }
    if !matches!(settings.global_endpoint_token_version, None | Some(1 | 2)) {
        return refuse("it sets a version of tokens that there is not");
    }
    Ok(())
}
