//! X.509 certificates that users and the root user sign with.

use super::access_keys::{need, owner};
use super::{Page, PageRequest};
use crate::account::{Account, Link};
use crate::entity::{EntityKind, KeyOwner, KeyStatus, SigningCertificate};
use crate::error::{Error, IamFault, Missing};
use crate::key_material::{Certificate, CertificateFault};
use crate::names::{CertificateBody, CertificateIdText, EntityName};
use crate::operation::{Call, Granted, Operation, Service};
use crate::quotas::AccountQuota;
use data_encoding::BASE32_NOPAD;
use std::sync::Arc;

impl Account {
    /// The signing certificates of a user or the root user, by id.
    pub fn signing_certificates_of<'a>(
        &'a self,
        owner: &KeyOwner,
    ) -> impl Iterator<Item = &'a Arc<SigningCertificate>> + use<'a> {
        self.linked(&owner.key(), Link::Of, EntityKind::SigningCertificate)
            .filter_map(|key| self.signing_certificates.get(key))
    }
}

/// The certificate of that id, if it is the owner's.
fn certificate<'a>(
    account: &'a Account,
    owner: &KeyOwner,
    id: &CertificateIdText,
) -> Result<&'a SigningCertificate, Error> {
    let found = account.signing_certificates.get(id.as_str());
    match found.filter(|certificate| certificate.owner == *owner) {
        Some(certificate) => Ok(certificate),
        None => Err(Error::NoSuchEntity(Missing::SigningCertificate(
            id.to_string(),
        ))),
    }
}

/// UploadSigningCertificate
#[derive(Clone, Debug)]
pub struct UploadSigningCertificate {
    /// `UserName`
    pub user_name: Option<EntityName>,
    /// `CertificateBody`
    pub body: CertificateBody,
}

/// What UploadSigningCertificate answers.
#[derive(Clone, Debug)]
pub struct UploadedSigningCertificate {
    /// `UserName`; the root user has none.
    pub user_name: Option<String>,
    /// The certificate.
    pub certificate: SigningCertificate,
}

impl Operation for UploadSigningCertificate {
    type Output = UploadedSigningCertificate;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "UploadSigningCertificate";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let action = "iam:UploadSigningCertificate";
        call.allow(&need(call, action, self.user_name.as_ref())?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<UploadedSigningCertificate, Error> {
        let (name, caller) = (self.user_name.as_ref(), call.caller);
        owner(call.account()?, name, caller)?;
        // Looked at before the writer's turn, which others wait for.
        let malformed = |fault: CertificateFault| IamFault::MalformedCertificate(fault.to_string());
        let read = Certificate::parse(self.body.as_str()).map_err(malformed)?;
        let fingerprint = read.fingerprint();
        call.change(|draft| {
            let (account, now) = (draft.account, draft.now);
            let (owner, user_name) = owner(account, name, caller)?;
            read.check_validity(now)
                .map_err(|fault| IamFault::InvalidCertificate(fault.to_string()))?;
            let mut all = account.signing_certificates.values();
            if all.any(|other| other.fingerprint == fingerprint) {
                return Err(IamFault::DuplicateCertificate.into());
            }
            let held = account.signing_certificates_of(&owner).count();
            account.room_for_one(held, AccountQuota::CertificatesPerUser)?;
            let mut random = [0; 20];
            draft.entropy.fill(&mut random);
            let certificate = SigningCertificate {
                id: BASE32_NOPAD.encode(&random),
                owner,
                body: self.body.to_string(),
                fingerprint: fingerprint.clone(),
                status: KeyStatus::Active,
                uploaded: now,
            };
            draft.change.put(certificate.clone());
            Ok(UploadedSigningCertificate {
                user_name,
                certificate,
            })
        })
        .await
    }
}

/// ListSigningCertificates
#[derive(Clone, Debug)]
pub struct ListSigningCertificates {
    /// `UserName`
    pub user_name: Option<EntityName>,
    /// `Marker` and `MaxItems`
    pub page: PageRequest,
}

/// What ListSigningCertificates answers.
#[derive(Debug)]
pub struct ListedSigningCertificates {
    /// `UserName`; the root user has none.
    pub user_name: Option<String>,
    /// The certificates.
    pub certificates: Page<Arc<SigningCertificate>>,
}

impl Operation for ListSigningCertificates {
    type Output = ListedSigningCertificates;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "ListSigningCertificates";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let action = "iam:ListSigningCertificates";
        call.allow(&need(call, action, self.user_name.as_ref())?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Self::Output, Error> {
        let account = call.account()?;
        let (owner, user_name) = owner(account, self.user_name.as_ref(), call.caller)?;
        let certificates = account
            .signing_certificates_of(&owner)
            .map(|certificate| (certificate.id.as_str(), certificate.clone()));
        Ok(ListedSigningCertificates {
            user_name,
            certificates: self.page.page_of_all(certificates),
        })
    }
}

/// UpdateSigningCertificate
#[derive(Clone, Debug)]
pub struct UpdateSigningCertificate {
    /// `UserName`
    pub user_name: Option<EntityName>,
    /// `CertificateId`
    pub id: CertificateIdText,
    /// `Status`
    pub status: KeyStatus,
}

impl Operation for UpdateSigningCertificate {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "UpdateSigningCertificate";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let action = "iam:UpdateSigningCertificate";
        call.allow(&need(call, action, self.user_name.as_ref())?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        call.change(|draft| {
            let (owner, _) = owner(draft.account, self.user_name.as_ref(), call.caller)?;
            let stored = certificate(draft.account, &owner, &self.id)?;
            if stored.status != self.status {
                draft.change.put(SigningCertificate {
                    status: self.status,
                    ..stored.clone()
                });
            }
            Ok(())
        })
        .await
    }
}

/// DeleteSigningCertificate
#[derive(Clone, Debug)]
pub struct DeleteSigningCertificate {
    /// `UserName`
    pub user_name: Option<EntityName>,
    /// `CertificateId`
    pub id: CertificateIdText,
}

impl Operation for DeleteSigningCertificate {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "DeleteSigningCertificate";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let action = "iam:DeleteSigningCertificate";
        call.allow(&need(call, action, self.user_name.as_ref())?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        call.change(|draft| {
            let (owner, _) = owner(draft.account, self.user_name.as_ref(), call.caller)?;
            let stored = certificate(draft.account, &owner, &self.id)?;
            draft.change.delete(stored.clone());
            Ok(())
        })
        .await
    }
}
