//! Outbound web identity federation: whether the account issues tokens (GetWebIdentityToken), and by
//! what name.
//!
//! The issuer of an account stays the same however often the feature is disabled and enabled, and
//! its keys stay published, so that tokens issued before live out their time.

use crate::caller::Need;
use crate::error::Error;
use crate::issuer::OutboundFault;
use crate::operation::{Call, Granted, Operation, Service};

/// EnableOutboundWebIdentityFederation: the issuer's URL, `IssuerIdentifier`.
#[derive(Clone, Copy, Debug)]
pub struct EnableOutboundWebIdentityFederation;

impl Operation for EnableOutboundWebIdentityFederation {
    type Output = String;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "EnableOutboundWebIdentityFederation";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&Need::new("iam:EnableOutboundWebIdentityFederation", "*"))
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<String, Error> {
        call.realm.enable_issuer(call).await
    }
}

/// DisableOutboundWebIdentityFederation: no more tokens.
#[derive(Clone, Copy, Debug)]
pub struct DisableOutboundWebIdentityFederation;

impl Operation for DisableOutboundWebIdentityFederation {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "DisableOutboundWebIdentityFederation";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&Need::new("iam:DisableOutboundWebIdentityFederation", "*"))
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        call.change(|draft| {
            let state = draft.account.issuer.as_ref();
            let state = state.filter(|state| state.issuer.enabled);
            let mut issuer = state
                .ok_or(Error::Outbound(OutboundFault::NotEnabled))?
                .issuer
                .clone();
            issuer.enabled = false;
            draft.change.put(issuer);
            Ok(())
        })
        .await
    }
}

/// GetOutboundWebIdentityFederationInfo: the issuer's URL, `IssuerIdentifier`, where the feature is
/// enabled.
#[derive(Clone, Copy, Debug)]
pub struct GetOutboundWebIdentityFederationInfo;

impl Operation for GetOutboundWebIdentityFederationInfo {
    type Output = String;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "GetOutboundWebIdentityFederationInfo";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&Need::new("iam:GetOutboundWebIdentityFederationInfo", "*"))
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<String, Error> {
        let state = call.account()?.issuer.as_ref();
        match state.filter(|state| state.issuer.enabled) {
            Some(state) => call.realm.issuer_url(&state.issuer.id),
            None => Err(Error::Outbound(OutboundFault::NotEnabled)),
        }
    }
}
