//! Trust anchors: certificates of authorities, and who is told before they expire.

use super::fault::AnywhereFault;
use super::resource::{Made, Updated, View, allow_making, change, invalid, need};
use crate::entity::{NotificationEvent, NotificationSetting, TrustAnchor};
use crate::error::Error;
use crate::names::{AnchorCertificates, AnywhereUuid, TrustAnchorIdentifier};
use crate::operation::{Call, Granted, Operation, Service};
use locum_federation::x509::Certificate;

/// Trust anchors of an account in a region.
const MOST: usize = 50;
/// Certificates of one trust anchor.
const MOST_CERTIFICATES: usize = 10;
/// How many days ahead a notification comes where nothing was set.
pub const DEFAULT_THRESHOLD: u32 = 45;

/// `TrustAnchorType`
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SourceType {
    /// `AWS_ACM_PCA`: a private authority of AWS's, of which there are none here.
    AcmPca,
    /// `CERTIFICATE_BUNDLE`: certificates that come along.
    CertificateBundle,
    /// `SELF_SIGNED_REPOSITORY`, which AWS takes from nobody.
    SelfSignedRepository,
}

/// `Source`
#[derive(Clone, Debug, Default)]
pub struct TrustAnchorSource {
    /// `sourceType`
    pub source_type: Option<SourceType>,
    /// `x509CertificateData`
    pub certificates: Option<AnchorCertificates>,
    /// `acmPcaArn`
    pub acm_pca_arn: Option<String>,
}

impl TrustAnchorSource {
    /// The certificates in PEM, each of which is an authority's.
    fn check(&self) -> Result<&str, Error> {
        match self.source_type {
            Some(SourceType::CertificateBundle) => {}
            Some(SourceType::AcmPca) => {
                return Err(invalid(
                    "There is no AWS Private CA here: sourceType must be CERTIFICATE_BUNDLE.",
                ));
            }
            Some(SourceType::SelfSignedRepository) | None => {
                return Err(invalid("sourceType must be CERTIFICATE_BUNDLE."));
            }
        }
        let (Some(text), None) = (&self.certificates, &self.acm_pca_arn) else {
            return Err(invalid(
                "sourceData must have x509CertificateData, and nothing else, for CERTIFICATE_BUNDLE.",
            ));
        };
        let all = Certificate::parse_all(text.as_str())
            .map_err(|fault| invalid(format!("Invalid x509CertificateData: {fault}")))?;
        if all.len() > MOST_CERTIFICATES {
            return Err(invalid(format!(
                "A trust anchor can have at most {MOST_CERTIFICATES} certificates."
            )));
        }
        let is_authority = |one: &Certificate| one.version == 3 && one.says_it_signs_certificates();
        match all.iter().all(is_authority) {
            true => Ok(text.as_str()),
            false => Err(invalid("Incorrect basic constraints for CA certificate")),
        }
    }
}

/// The settings with new ones put in their places. One that is enabled says how many days ahead.
fn with_settings(
    settings: &[NotificationSetting],
    new: &[NotificationSetting],
) -> Result<Vec<NotificationSetting>, Error> {
    let mut all = settings.to_vec();
    for setting in new {
        if setting.enabled && setting.threshold.is_none() {
            return Err(invalid(
                "A notification setting that is enabled must have a threshold.",
            ));
        }
        if new
            .iter()
            .filter(|other| other.event == setting.event)
            .count()
            > 1
        {
            return Err(invalid(
                "There are two notification settings for one event.",
            ));
        }
        all.retain(|other| other.event != setting.event);
        all.push(setting.clone());
    }
    all.sort_by_key(|setting| setting.event);
    Ok(all)
}

/// CreateTrustAnchor
#[derive(Clone, Debug)]
pub struct CreateTrustAnchor {
    /// What every resource is made with.
    pub made: Made,
    /// `source`
    pub source: TrustAnchorSource,
    /// `crlDpRevocationEnabled`
    pub distribution_points: bool,
    /// `notificationSettings`
    pub notifications: Vec<NotificationSetting>,
}

impl Operation for CreateTrustAnchor {
    type Output = View<TrustAnchor>;
    type Found = ();
    const SERVICE: Service = Service::RolesAnywhere;
    const NAME: &'static str = "CreateTrustAnchor";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        allow_making::<TrustAnchor>(call, Self::NAME, &self.made.tags)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Self::Output, Error> {
        let certificates = self.source.check()?;
        let notifications = with_settings(&[], &self.notifications)?;
        call.change(|draft| {
            let region = &call.facts.region;
            let anchor = TrustAnchor {
                head: self.made.head::<TrustAnchor>(draft, region, MOST)?,
                certificates: certificates.to_owned(),
                distribution_points: self.distribution_points,
                notifications: notifications.clone(),
            };
            draft.change.put(anchor.clone());
            Ok(View::of(draft.account, anchor))
        })
        .await
    }
}

/// UpdateTrustAnchor
#[derive(Clone, Debug)]
pub struct UpdateTrustAnchor {
    /// `trustAnchorId`
    pub identifier: TrustAnchorIdentifier,
    /// `name` and `aliasName`
    pub updated: Updated,
    /// `source`
    pub source: Option<TrustAnchorSource>,
    /// `crlDpRevocationEnabled`
    pub distribution_points: Option<bool>,
}

impl Operation for UpdateTrustAnchor {
    type Output = View<TrustAnchor>;
    type Found = ();
    const SERVICE: Service = Service::RolesAnywhere;
    const NAME: &'static str = "UpdateTrustAnchor";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&need::<TrustAnchor>(
            call,
            Self::NAME,
            self.identifier.as_str(),
        )?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Self::Output, Error> {
        let certificates = self.source.as_ref().map(TrustAnchorSource::check);
        let certificates = certificates.transpose()?;
        change::<TrustAnchor>(call, self.identifier.as_str(), |account, anchor| {
            if let Some(certificates) = certificates {
                certificates.clone_into(&mut anchor.certificates);
            }
            if let Some(enabled) = self.distribution_points {
                anchor.distribution_points = enabled;
            }
            self.updated.apply(account, anchor)
        })
        .await
    }
}

/// PutNotificationSettings
#[derive(Clone, Debug)]
pub struct PutNotificationSettings {
    /// `trustAnchorId`
    pub id: AnywhereUuid,
    /// `notificationSettings`
    pub settings: Vec<NotificationSetting>,
}

impl Operation for PutNotificationSettings {
    type Output = View<TrustAnchor>;
    type Found = ();
    const SERVICE: Service = Service::RolesAnywhere;
    const NAME: &'static str = "PutNotificationSettings";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&need::<TrustAnchor>(call, Self::NAME, self.id.as_str())?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Self::Output, Error> {
        change::<TrustAnchor>(call, self.id.as_str(), |_, anchor| {
            anchor.notifications = with_settings(&anchor.notifications, &self.settings)?;
            Ok(None)
        })
        .await
    }
}

/// ResetNotificationSettings: settings of these events are AWS's again.
#[derive(Clone, Debug)]
pub struct ResetNotificationSettings {
    /// `trustAnchorId`
    pub id: AnywhereUuid,
    /// The events of `notificationSettingKeys`
    pub events: Vec<NotificationEvent>,
}

impl Operation for ResetNotificationSettings {
    type Output = View<TrustAnchor>;
    type Found = ();
    const SERVICE: Service = Service::RolesAnywhere;
    const NAME: &'static str = "ResetNotificationSettings";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&need::<TrustAnchor>(call, Self::NAME, self.id.as_str())?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Self::Output, Error> {
        change::<TrustAnchor>(call, self.id.as_str(), |_, anchor| {
            let settings = &mut anchor.notifications;
            settings.retain(|setting| !self.events.contains(&setting.event));
            Ok(None)
        })
        .await
    }
}

impl TrustAnchor {
    /// The certificates.
    ///
    /// # Errors
    /// [`AnywhereFault::AccessDenied`], if they cannot be read: what was submitted could be.
    pub(super) fn authorities(&self) -> Result<Vec<Certificate>, AnywhereFault> {
        Certificate::parse_all(&self.certificates).map_err(|_| AnywhereFault::untrusted())
    }
}
