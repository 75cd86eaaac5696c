//! Server certificates with their private keys, which no operation shows.

use super::tags::{ListResourceTags, TagCase, TagResource, Taggable, UntagResource, tags_of_field};
use super::{Named, Page, PageRequest};
use crate::account::Account;
use crate::caller::Need;
use crate::entity::ServerCertificate;
use crate::error::{Error, Existing, IamFault, Missing};
use crate::ids::{IdKind, UniqueId};
use crate::key_material::{Certificate, CertificateFault, private_key_matches};
use crate::names::{
    CertificateBody, CertificateChain, EntityName, Path, PathPrefix, PrivateKeyText, Tag,
};
use crate::operation::{Call, Granted, Operation, Service};
use crate::quotas::AccountQuota;
use std::borrow::Cow;
use std::sync::Arc;

impl Account {
    /// The server certificate of that name, whatever its letter case.
    pub fn server_certificate(&self, name: &str) -> Option<&Arc<ServerCertificate>> {
        self.server_certificates.get(&name.to_ascii_lowercase())
    }
}

impl ServerCertificate {
    /// `arn:aws:iam::ACCOUNT:server-certificate/PATH/NAME`
    pub fn arn(&self, account: &Account) -> String {
        arn(account, &self.path, &self.name)
    }
}

fn arn(account: &Account, path: &Path, name: &EntityName) -> String {
    account.iam_arn(&format!("server-certificate{path}{name}"))
}

fn certificate<'a>(
    account: &'a Account,
    name: &EntityName,
) -> Result<&'a Arc<ServerCertificate>, Error> {
    account
        .server_certificate(name.as_str())
        .ok_or_else(|| Error::NoSuchEntity(Missing::ServerCertificate(name.to_string())))
}

fn check_free(account: &Account, name: &EntityName) -> Result<(), Error> {
    match account.server_certificate(name.as_str()) {
        None => Ok(()),
        Some(_) => Err(Error::EntityAlreadyExists(Existing::ServerCertificate(
            name.to_string(),
        ))),
    }
}

/// The need of an action on a certificate that may or may not exist.
fn need_on_certificate<'a>(
    call: &'a Call<'_>,
    action: impl Into<Cow<'a, str>>,
    name: &EntityName,
) -> Result<Need<'a>, Error> {
    let account = call.account()?;
    Ok(match account.server_certificate(name.as_str()) {
        Some(stored) => Need::new(action, stored.arn(account)).resource_tags(&stored.tags, None),
        None => Need::new(action, arn(account, &Path::default(), name)),
    })
}

/// TagServerCertificate
pub type TagServerCertificate = TagResource<ServerCertificate>;
/// UntagServerCertificate
pub type UntagServerCertificate = UntagResource<ServerCertificate>;
/// ListServerCertificateTags
pub type ListServerCertificateTags = ListResourceTags<ServerCertificate>;

impl Named for ServerCertificate {
    type Name = EntityName;

    fn find<'a>(account: &'a Account, name: &EntityName) -> Result<&'a Self, Error> {
        certificate(account, name).map(|stored| &**stored)
    }

    fn need<'a>(
        call: &'a Call<'_>,
        action: String,
        name: &'a EntityName,
    ) -> Result<Need<'a>, Error> {
        need_on_certificate(call, action, name)
    }
}

impl Taggable for ServerCertificate {
    const OPERATIONS: [&'static str; 3] = [
        "TagServerCertificate",
        "UntagServerCertificate",
        "ListServerCertificateTags",
    ];

    tags_of_field!();
}

/// A certificate with the ARN that it has at present.
#[derive(Clone, Debug)]
pub struct ShownServerCertificate {
    /// `Arn`
    pub arn: String,
    /// The certificate.
    pub certificate: Arc<ServerCertificate>,
}

impl ShownServerCertificate {
    fn of(account: &Account, certificate: &Arc<ServerCertificate>) -> Self {
        Self {
            arn: certificate.arn(account),
            certificate: certificate.clone(),
        }
    }
}

/// UploadServerCertificate
#[derive(Clone, Debug)]
pub struct UploadServerCertificate {
    /// `ServerCertificateName`
    pub name: EntityName,
    /// `Path`
    pub path: Option<Path>,
    /// `CertificateBody`
    pub body: CertificateBody,
    /// `PrivateKey`
    pub private_key: PrivateKeyText,
    /// `CertificateChain`
    pub chain: Option<CertificateChain>,
    /// `Tags`
    pub tags: Vec<Tag>,
}

impl UploadServerCertificate {
    fn arn(&self, account: &Account) -> String {
        arn(
            account,
            self.path.as_ref().unwrap_or(&Path::default()),
            &self.name,
        )
    }

    /// The certificate, if it, its key and its chain fit together and are valid now.
    fn read(&self, now: i64) -> Result<Certificate, Error> {
        let malformed = |fault: CertificateFault| IamFault::MalformedCertificate(fault.to_string());
        let read = Certificate::parse(self.body.as_str()).map_err(malformed)?;
        read.check_validity(now).map_err(malformed)?;
        match private_key_matches(self.private_key.expose(), &read) {
            Ok(true) => {}
            Ok(false) => return Err(IamFault::KeyPairMismatch.into()),
            Err(_) => {
                let text = "Unable to parse private key. It must be one RSA or EC key in PEM format, without a password.";
                return Err(IamFault::MalformedCertificate(text.to_owned()).into());
            }
        }
        if let Some(chain) = &self.chain {
            read.check_chain(chain.as_str(), now).map_err(malformed)?;
        }
        Ok(read)
    }
}

impl Operation for UploadServerCertificate {
    type Output = ShownServerCertificate;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "UploadServerCertificate";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let arn = self.arn(call.account()?);
        let need = Need::new("iam:UploadServerCertificate", arn.as_str());
        let granted = call.allow(&need.request_tags(&self.tags))?;
        if !self.tags.is_empty() {
            let need = Need::new("iam:TagServerCertificate", arn.as_str());
            call.allow(&need.request_tags(&self.tags))?;
        }
        Ok(granted)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<ShownServerCertificate, Error> {
        // Looked at before the writer's turn, which others wait for.
        let read = self.read(call.facts.now)?;
        call.change(|draft| {
            let account = draft.account;
            check_free(account, &self.name)?;
            let mut tags = TagCase::Sensitive.merge(&[], &self.tags)?;
            tags.sort_by(|one, other| one.key.cmp(&other.key));
            let held = account.server_certificates.len();
            account.room_for_one(held, AccountQuota::ServerCertificates)?;
            let id = UniqueId::generate(IdKind::ServerCertificate, account.id, draft.entropy);
            let certificate = ServerCertificate {
                name: self.name.clone(),
                path: self.path.clone().unwrap_or_default(),
                body: self.body.as_str().trim().to_owned(),
                chain: self
                    .chain
                    .as_ref()
                    .map(|chain| chain.as_str().trim().to_owned()),
                private_key: draft.root_key.seal(
                    &ServerCertificate::purpose(&id),
                    self.private_key.expose().trim().as_bytes(),
                    draft.entropy,
                )?,
                id,
                uploaded: draft.now,
                expires: read.not_after,
                tags,
            };
            draft.change.put(certificate.clone());
            Ok(ShownServerCertificate::of(account, &Arc::new(certificate)))
        })
        .await
    }
}

/// GetServerCertificate
#[derive(Clone, Debug)]
pub struct GetServerCertificate {
    /// `ServerCertificateName`
    pub name: EntityName,
}

impl Operation for GetServerCertificate {
    type Output = ShownServerCertificate;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "GetServerCertificate";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let action = "iam:GetServerCertificate";
        call.allow(&need_on_certificate(call, action, &self.name)?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<ShownServerCertificate, Error> {
        let account = call.account()?;
        let stored = certificate(account, &self.name)?;
        Ok(ShownServerCertificate::of(account, stored))
    }
}

/// ListServerCertificates
#[derive(Clone, Debug)]
pub struct ListServerCertificates {
    /// `PathPrefix`
    pub path_prefix: Option<PathPrefix>,
    /// `Marker` and `MaxItems`
    pub page: PageRequest,
}

impl Operation for ListServerCertificates {
    type Output = Page<ShownServerCertificate>;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "ListServerCertificates";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let prefix = self.path_prefix.as_ref().map_or("/", PathPrefix::as_str);
        let arn = call
            .account()?
            .iam_arn(&format!("server-certificate{prefix}"));
        call.allow(&Need::new("iam:ListServerCertificates", arn))
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Self::Output, Error> {
        let account = call.account()?;
        let prefix = self.path_prefix.as_ref();
        let covered = account
            .server_certificates
            .iter()
            .filter(|(_, stored)| prefix.is_none_or(|prefix| prefix.covers(&stored.path)))
            .map(|(key, stored)| (key, ShownServerCertificate::of(account, stored)));
        Ok(self.page.page_of_all(covered))
    }
}

/// UpdateServerCertificate: another name or path. The id stays.
#[derive(Clone, Debug)]
pub struct UpdateServerCertificate {
    /// `ServerCertificateName`
    pub name: EntityName,
    /// `NewPath`
    pub new_path: Option<Path>,
    /// `NewServerCertificateName`
    pub new_name: Option<EntityName>,
}

impl Operation for UpdateServerCertificate {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "UpdateServerCertificate";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        // Both the certificate that is and the one that will be.
        let action = "iam:UpdateServerCertificate";
        let granted = call.allow(&need_on_certificate(call, action, &self.name)?)?;
        let account = call.account()?;
        if let Some(stored) = account.server_certificate(self.name.as_str()) {
            let path = self.new_path.as_ref().unwrap_or(&stored.path);
            let name = self.new_name.as_ref().unwrap_or(&stored.name);
            call.allow(&Need::new(action, arn(account, path, name)))?;
        }
        Ok(granted)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        call.change(|draft| {
            let stored = certificate(draft.account, &self.name)?;
            let mut renamed = ServerCertificate::clone(stored);
            if let Some(name) = &self.new_name {
                if !name.as_str().eq_ignore_ascii_case(stored.name.as_str()) {
                    check_free(draft.account, name)?;
                    // It is kept by its name.
                    draft.change.delete(ServerCertificate::clone(stored));
                }
                renamed.name = name.clone();
            }
            if let Some(path) = &self.new_path {
                renamed.path = path.clone();
            }
            if renamed != **stored {
                draft.change.put(renamed);
            }
            Ok(())
        })
        .await
    }
}

/// DeleteServerCertificate
#[derive(Clone, Debug)]
pub struct DeleteServerCertificate {
    /// `ServerCertificateName`
    pub name: EntityName,
}

impl Operation for DeleteServerCertificate {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "DeleteServerCertificate";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let action = "iam:DeleteServerCertificate";
        call.allow(&need_on_certificate(call, action, &self.name)?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        call.change(|draft| {
            let stored = certificate(draft.account, &self.name)?;
            draft.change.delete(ServerCertificate::clone(stored));
            Ok(())
        })
        .await
    }
}
