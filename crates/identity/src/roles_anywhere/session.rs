//! CreateSession: temporary credentials of a role for who has a certificate ("IAM Roles Anywhere
//! CreateSession API", user guide).
//!
//! The request is signed by the certificate's key, and by nothing else. In this order: the trust anchor
//! and the profile are there, of one account and of the request's region, and enabled; the role is one of
//! the profile's; the certificate leads to the trust anchor and stands on no list; the role's trust policy
//! lets the service act for it.

use super::crls::lists_of;
use super::fault::AnywhereFault;
use super::mapping::Mapped;
use super::presented::PresentedCertificate;
use super::resource::{arn, find, invalid};
use super::subjects::Seen;
use crate::account::Account;
use crate::binding::{Watch, WatchedCertificate};
use crate::entity::{AnywhereProfile, TrustAnchor};
use crate::environment::Seconds;
use crate::error::{Error, FederationFault};
use crate::names::{
    AccountId, ArnText, Constrained, MinimumTokenSize, RoleSessionDuration, RoleSessionName,
    SourceIdentity,
};
use crate::notes::{FederationKind, ForeignIdentity};
use crate::operation::{Call, Granted, Operation, Service};
use crate::port::Origin;
use crate::services::ServiceName;
use crate::session::SessionFederation;
use crate::sts::federated::{FederatedRequest, Vouched};
use crate::sts::{Assumable, AssumedRole, SessionPolicies};
use data_encoding::BASE64;
use locum_federation::x509::{Certificate, verify_chain};
use locum_policy::{Arn, Value};
use std::borrow::Cow;
use std::sync::Arc;

/// The service as trust policies name it.
const PRINCIPAL: &str = "rolesanywhere.amazonaws.com";

/// CreateSession
#[derive(Clone, Debug)]
pub struct CreateSession {
    /// `trustAnchorArn`
    pub trust_anchor_arn: ArnText,
    /// `profileArn`
    pub profile_arn: ArnText,
    /// `roleArn`
    pub role_arn: ArnText,
    /// `durationSeconds`: 900 to 43200.
    pub duration: Option<u32>,
    /// `roleSessionName`
    pub role_session_name: Option<RoleSessionName>,
    /// `instanceProperties`
    pub instance_properties: Vec<(String, String)>,
}

/// What CreateSession answers.
#[derive(Debug)]
pub struct CreatedSession {
    /// `credentialSet`, of one.
    pub session: AssumedRole,
    /// `roleArn`
    pub role_arn: ArnText,
    /// `subjectArn`
    pub subject_arn: String,
}

/// What deciding about CreateSession finds that acting needs.
#[derive(Debug)]
pub struct Admitted {
    request: Box<FederatedRequest>,
    role: Assumable,
}

/// What a request names, found.
struct Named {
    account: Arc<Account>,
    anchor: TrustAnchor,
    profile: AnywhereProfile,
}

impl Operation for CreateSession {
    type Output = CreatedSession;
    type Found = Admitted;
    const SERVICE: Service = Service::RolesAnywhere;
    const NAME: &'static str = "CreateSession";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted<Admitted>, Error> {
        let presented = presented(call)?;
        let named = self.named(call, presented).await?;
        let anchor_arn = named.anchor_arn();
        self.verify(call, presented, &named)?;
        let certificate = &presented.certificate;
        call.facts.notes.identify(ForeignIdentity {
            kind: FederationKind::Certificate,
            account: named.account.id,
            provider: anchor_arn.clone(),
            subject: certificate.subject.to_string(),
            audience: None,
            qualifier: None,
        });
        let mapped = Mapped::of(certificate, &named.profile.mappings);
        let request = self.request(&named, certificate, &mapped)?;
        let complaint = mapped.complaint();
        match request.authorize(call).await {
            Ok(granted) => {
                let (granted, role) = granted.apart();
                let request = Box::new(request);
                Ok(granted.with(Admitted { request, role }))
            }
            Err(Error::Federation(FederationFault::NotAuthorized(_))) => {
                self.note(call, &named.account, true).await;
                let text = format!("Unable to assume role for {}{complaint}", self.role_arn);
                Err(AnywhereFault::AccessDenied(text).into())
            }
            Err(other) => Err(other),
        }
    }

    async fn perform(self, call: &Call<'_>, found: Admitted) -> Result<CreatedSession, Error> {
        let Admitted { request, role } = found;
        let account = request.account;
        let session = request.issue(call, role).map_err(|error| match error {
            error @ Error::Duration(_) => invalid(error.to_string()),
            other => other,
        })?;
        let account = call.realm.account(account).await?;
        let account = account.ok_or_else(AnywhereFault::untrusted)?;
        self.watch(call, &account, session.credentials.expiration)
            .await?;
        let subject_arn = self.note(call, &account, false).await;
        Ok(CreatedSession {
            session,
            role_arn: self.role_arn,
            subject_arn: subject_arn.unwrap_or_default(),
        })
    }
}

/// The certificate that signed the request.
fn presented<'a>(call: &'a Call<'_>) -> Result<&'a PresentedCertificate, Error> {
    call.caller.certificate().ok_or(Error::Signature(
        locum_sigv4::Error::MissingAuthenticationToken,
    ))
}

impl CreateSession {
    /// The trust anchor and the profile.
    async fn named(
        &self,
        call: &Call<'_>,
        presented: &PresentedCertificate,
    ) -> Result<Named, Error> {
        let notes = &call.facts.notes;
        let region = presented.region.as_str();
        let denied = |text: String| {
            notes.explain(&text);
            Error::from(AnywhereFault::AccessDenied(text))
        };
        let (anchor_of, anchor_region) = place(&self.trust_anchor_arn)?;
        let (profile_of, profile_region) = place(&self.profile_arn)?;
        for (given, what) in [
            (&anchor_region, &self.trust_anchor_arn),
            (&profile_region, &self.profile_arn),
        ] {
            if given != region {
                return Err(denied(format!(
                    "{what} is not of the region {region}, for which the request is signed"
                )));
            }
        }
        if anchor_of != profile_of {
            return Err(denied(
                "The trust anchor and the profile are not of one account".to_owned(),
            ));
        }
        let account = call.realm.account(anchor_of).await?.ok_or_else(|| {
            AnywhereFault::NotFound(format!("Trust anchor {}", self.trust_anchor_arn))
        })?;
        let anchor: &TrustAnchor = find(&account, region, self.trust_anchor_arn.as_str())?;
        let profile: &AnywhereProfile = find(&account, region, self.profile_arn.as_str())?;
        if !anchor.head.enabled {
            return Err(denied("The trust anchor is disabled".to_owned()));
        }
        if !profile.head.enabled {
            return Err(denied("The profile is disabled".to_owned()));
        }
        if !profile
            .role_arns
            .iter()
            .any(|arn| arn == self.role_arn.as_str())
        {
            return Err(denied(format!(
                "The role {} is not one of the profile",
                self.role_arn
            )));
        }
        if self.role_session_name.is_some() && !profile.accepts_session_name {
            return Err(denied(
                "The profile does not accept a roleSessionName".to_owned(),
            ));
        }
        Ok(Named {
            anchor: anchor.clone(),
            profile: profile.clone(),
            account,
        })
    }

    /// That the certificate leads to the trust anchor, and stands on no list.
    fn verify(
        &self,
        call: &Call<'_>,
        presented: &PresentedCertificate,
        named: &Named,
    ) -> Result<(), Error> {
        let lists = lists_of(&named.account, &named.anchor_arn())?;
        let anchors = named.anchor.authorities()?;
        let (certificate, now) = (&presented.certificate, call.facts.now);
        verify_chain(certificate, &presented.chain, &anchors, &lists, now).map_err(|fault| {
            call.facts.notes.explain(fault);
            AnywhereFault::untrusted()
        })?;
        Ok(())
    }

    fn request(
        &self,
        named: &Named,
        certificate: &Certificate,
        mapped: &Mapped,
    ) -> Result<FederatedRequest, Error> {
        let profile = &named.profile;
        let serial = certificate.serial.hexadecimal();
        let session_name = match &self.role_session_name {
            Some(name) => name.clone(),
            None => parsed::<RoleSessionName>(&serial)?,
        };
        let longest = profile.duration;
        let duration = self.duration.map_or(longest, |asked| asked.min(longest));
        let duration = i32::try_from(duration).ok();
        let duration = duration.and_then(|it| RoleSessionDuration::from_seconds(it).ok());
        let policy_arns = profile.managed_policy_arns.iter();
        let policy_arns = policy_arns.map(|arn| parsed::<ArnText>(arn));
        // Trust policies see what the session will have, too.
        let keys = mapped.tags.iter().map(|tag| {
            let name = format!("aws:principaltag/{}", tag.key.as_str().to_lowercase());
            let value = Value::One(Cow::Owned(tag.value.to_string()));
            (Cow::Owned(name), value)
        });
        Ok(FederatedRequest {
            action: "sts:AssumeRole",
            vouched: Vouched::Service {
                name: parsed::<ServiceName>(PRINCIPAL)?,
                source_arn: named.anchor_arn(),
                source_account: named.account.id,
            },
            account: named.account.id,
            role_arn: self.role_arn.clone(),
            role_session_name: session_name,
            keys: keys.collect(),
            tags: mapped.tags.clone(),
            transitive_tag_keys: Vec::new(),
            source_identity: Some(source_identity(certificate, &serial)?),
            session_policies: SessionPolicies {
                policy: profile.session_policy.clone(),
                policy_arns: policy_arns.collect::<Result<_, _>>()?,
            },
            duration: Some(duration.ok_or_else(|| invalid("durationSeconds"))?),
            longest: None,
            federation: SessionFederation {
                kind: FederationKind::Certificate,
                provider: named.anchor_arn(),
                subject: certificate.subject.to_string(),
                session_id: Some(serial),
                keys: Vec::new(),
            },
            minimum_token_size: MinimumTokenSize::default(),
        })
    }

    /// A session that ends with its certificate leaves only when that will be looked at.
    async fn watch(
        &self,
        call: &Call<'_>,
        account: &Account,
        expires: Seconds,
    ) -> Result<(), Error> {
        let presented = presented(call)?;
        let (_, region) = place(&self.trust_anchor_arn)?;
        let anchor: &TrustAnchor = find(account, &region, self.trust_anchor_arn.as_str())?;
        let anchor_arn = arn(&region, account.id, "trust-anchor", &anchor.head.id);
        let Some(settings) = account.provider_settings.get(&anchor_arn) else {
            return Ok(());
        };
        let certificate = &presented.certificate;
        let own = std::iter::once(certificate.der());
        let chain = own.chain(presented.chain.iter().map(Vec::as_slice));
        let watched = WatchedCertificate {
            subject: certificate.subject.to_string(),
            serial: certificate.serial.hexadecimal(),
            chain: chain.map(|der| BASE64.encode(der)).collect(),
        };
        let realm = call.realm;
        realm
            .watch(settings, Watch::Certificate(watched), expires)
            .await
    }

    /// Writes down who came. Nothing depends on it but the subject's ARN.
    async fn note(&self, call: &Call<'_>, account: &Account, failed: bool) -> Option<String> {
        let presented = presented(call).ok()?;
        let origin = Origin {
            at: call.facts.now,
            actor: PRINCIPAL.to_owned(),
            action: "rolesanywhere:CreateSession".to_owned(),
            request_id: call.facts.request_id.clone(),
        };
        let seen = Seen {
            region: &presented.region,
            certificate: &presented.certificate,
            trust_anchor: self.trust_anchor_arn.as_str(),
            properties: &self.instance_properties,
            failed,
        };
        let noted = call
            .realm
            .change(account.id, &origin, |draft| Ok(seen.note(draft)));
        noted.await.ok()
    }
}

impl Named {
    fn anchor_arn(&self) -> String {
        let head = &self.anchor.head;
        arn(&head.region, self.account.id, "trust-anchor", &head.id)
    }
}

/// The account and the region in an ARN.
fn place(text: &ArnText) -> Result<(AccountId, String), Error> {
    let arn = Arn::parse(text.as_str()).filter(|arn| arn.service() == "rolesanywhere");
    let account = arn
        .as_ref()
        .and_then(|arn| AccountId::parse(arn.account()).ok());
    let place = account.zip(arn.map(|arn| arn.region().to_owned()));
    place.ok_or_else(|| invalid(format!("{text} is invalid")))
}

/// A text that is known to be legal, or was checked when it was stored.
fn parsed<T: Constrained>(text: &str) -> Result<T, Error> {
    T::parse(text).map_err(|_| invalid(format!("{text} is invalid")))
}

/// `CN=…`, the common name alone where that would be too long, or the serial number where there is no
/// common name that can be a source identity.
fn source_identity(certificate: &Certificate, serial: &str) -> Result<SourceIdentity, Error> {
    let names: Vec<&str> = certificate.subject.values("CN").collect();
    let name = names.join("/");
    let by_name = match name.chars().count() {
        0 => None,
        1..=61 => SourceIdentity::parse(&format!("CN={name}")).ok(),
        _ => SourceIdentity::parse(&name).ok(),
    };
    match by_name {
        Some(identity) => Ok(identity),
        None => parsed(&format!("ID={serial}")),
    }
}
