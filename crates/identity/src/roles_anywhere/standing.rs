//! Whether certificates that got sessions are still good: what sessions bound to them rest on.

use super::crls::lists_of;
use super::resource::find;
use crate::account::Account;
use crate::binding::WatchedCertificate;
use crate::entity::TrustAnchor;
use crate::environment::Seconds;
use crate::error::Error;
use data_encoding::BASE64;
use locum_federation::x509::{Certificate, ChainFault, verify_chain};
use locum_policy::Arn;

/// What revocation lists say of a certificate.
pub(crate) enum Standing {
    /// It stands on none.
    Good,
    /// It, or one that it rests on, stands on one; which.
    Revoked(String),
    /// Nobody knows what was revoked since; why.
    Unknown(String),
}

/// Whether an ARN is that of a trust anchor of the account.
pub(crate) fn is_trust_anchor(account: &Account, arn: &str) -> bool {
    anchor(account, arn).is_ok_and(|_| arn.contains(":trust-anchor/"))
}

fn anchor<'a>(account: &'a Account, arn: &str) -> Result<&'a TrustAnchor, Error> {
    let parsed = Arn::parse(arn);
    let region = parsed.as_ref().map(Arn::region).unwrap_or_default();
    find(account, region, arn)
}

/// What the lists that an account has now say of a certificate. That it is not valid any more, or
/// its authority trusted no more, is of no concern: it was when the session began.
///
/// # Errors
/// There is no such trust anchor any more.
pub(crate) fn certificate_stands(
    account: &Account,
    anchor_arn: &str,
    watched: &WatchedCertificate,
    now: Seconds,
) -> Result<Standing, Error> {
    let authorities = anchor(account, anchor_arn)?.authorities()?;
    let unreadable = || {
        Ok(Standing::Unknown(
            "a list or the certificate cannot be read".to_owned(),
        ))
    };
    let Ok(lists) = lists_of(account, anchor_arn) else {
        return unreadable();
    };
    let chain = watched
        .chain
        .iter()
        .map(|der| BASE64.decode(der.as_bytes()));
    let Ok(chain) = chain.collect::<Result<Vec<_>, _>>() else {
        return unreadable();
    };
    let Some((leaf, others)) = chain.split_first() else {
        return unreadable();
    };
    let Ok(leaf) = Certificate::from_der(leaf) else {
        return unreadable();
    };
    Ok(
        match verify_chain(&leaf, others, &authorities, &lists, now) {
            Err(fault @ ChainFault::Revoked { .. }) => Standing::Revoked(fault.to_string()),
            Err(
                fault @ (ChainFault::StaleRevocationList { .. }
                | ChainFault::ForgedRevocationList { .. }),
            ) => Standing::Unknown(fault.to_string()),
            Ok(_) | Err(_) => Standing::Good,
        },
    )
}
