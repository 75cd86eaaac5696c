//! Certificate revocation lists: which certificates get no sessions any more.

use super::fault::AnywhereFault;
use super::resource::{Made, Updated, View, allow_making, change, find, invalid, need};
use crate::account::Account;
use crate::entity::{AnywhereCrl, TrustAnchor};
use crate::environment::Seconds;
use crate::error::Error;
use crate::names::{CrlIdentifier, TrustAnchorIdentifierArn};
use crate::operation::{Call, Granted, Operation, Service};
use data_encoding::BASE64;
use locum_federation::x509::RevocationList;

/// Revocation lists of one trust anchor.
const MOST_PER_ANCHOR: usize = 2;
/// Revocation lists of an account in a region: two for each trust anchor.
const MOST: usize = 100;

/// Reads a list, which must be good now, and signed by the authority that it names where that is one of
/// the trust anchor's. What authorities in between signed is verified when their certificates come along.
fn check(bytes: &[u8], anchor: &TrustAnchor, now: Seconds) -> Result<(), Error> {
    let list = RevocationList::parse(bytes)
        .map_err(|fault| invalid(format!("Invalid crlData: {fault}")))?;
    if now < list.this_update || now > list.next_update {
        return Err(invalid(
            "Invalid crlData: the time is not between its thisUpdate and its nextUpdate",
        ));
    }
    let authorities = anchor.authorities()?;
    let mut named = authorities
        .iter()
        .filter(|one| one.subject.der() == list.issuer())
        .peekable();
    if named.peek().is_some() && !named.any(|one| list.is_signed_by(one)) {
        return Err(invalid(
            "Invalid crlData: the certificate authority that it names did not sign it",
        ));
    }
    Ok(())
}

/// The trust anchor of an ARN, which must be one with an id.
fn anchor_of<'a>(account: &'a Account, region: &str, arn: &str) -> Result<&'a TrustAnchor, Error> {
    if arn.contains(":alias/") {
        return Err(AnywhereFault::NotFound(format!("Trust anchor {arn}")).into());
    }
    find(account, region, arn)
}

/// ImportCrl
#[derive(Clone, Debug)]
pub struct ImportCrl {
    /// What every resource is made with.
    pub made: Made,
    /// `crlData`, in PEM or DER.
    pub data: Vec<u8>,
    /// `trustAnchorArn`
    pub trust_anchor: TrustAnchorIdentifierArn,
}

impl Operation for ImportCrl {
    type Output = View<AnywhereCrl>;
    type Found = ();
    const SERVICE: Service = Service::RolesAnywhere;
    const NAME: &'static str = "ImportCrl";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        allow_making::<AnywhereCrl>(call, Self::NAME, &self.made.tags)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Self::Output, Error> {
        let data = BASE64.encode(&self.data);
        call.change(|draft| {
            let region = &call.facts.region;
            let arn = self.trust_anchor.as_str();
            let anchor = anchor_of(draft.account, region, arn)?;
            check(&self.data, anchor, draft.now)?;
            let lists = draft.account.anywhere_crls.values();
            if lists.filter(|list| list.trust_anchor == arn).count() >= MOST_PER_ANCHOR {
                return Err(invalid(format!(
                    "A trust anchor can have at most {MOST_PER_ANCHOR} CRLs."
                )));
            }
            let crl = AnywhereCrl {
                head: self.made.head::<AnywhereCrl>(draft, region, MOST)?,
                data: data.clone(),
                trust_anchor: arn.to_owned(),
            };
            draft.change.put(crl.clone());
            Ok(View::of(draft.account, crl))
        })
        .await
    }
}

/// UpdateCrl
#[derive(Clone, Debug)]
pub struct UpdateCrl {
    /// `crlId`
    pub identifier: CrlIdentifier,
    /// `name` and `aliasName`
    pub updated: Updated,
    /// `crlData`
    pub data: Option<Vec<u8>>,
}

impl Operation for UpdateCrl {
    type Output = View<AnywhereCrl>;
    type Found = ();
    const SERVICE: Service = Service::RolesAnywhere;
    const NAME: &'static str = "UpdateCrl";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&need::<AnywhereCrl>(
            call,
            Self::NAME,
            self.identifier.as_str(),
        )?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Self::Output, Error> {
        let now = call.facts.now;
        change::<AnywhereCrl>(call, self.identifier.as_str(), |account, crl| {
            if let Some(data) = &self.data {
                let region = &crl.head.region;
                let anchor = anchor_of(account, region, &crl.trust_anchor)?;
                check(data, anchor, now)?;
                crl.data = BASE64.encode(data);
            }
            self.updated.apply(account, crl)
        })
        .await
    }
}

/// The lists that count for a trust anchor. One that cannot be read lets nobody in.
pub(super) fn lists_of(account: &Account, anchor_arn: &str) -> Result<Vec<RevocationList>, Error> {
    let lists = account.anywhere_crls.values();
    let lists = lists.filter(|list| list.trust_anchor == anchor_arn && list.head.enabled);
    let read = lists.map(|list| {
        let bytes = BASE64.decode(list.data.as_bytes()).unwrap_or_default();
        RevocationList::parse(&bytes).map_err(|_| AnywhereFault::untrusted().into())
    });
    read.collect()
}
