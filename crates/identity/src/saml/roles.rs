//! Which roles a response lets its bearer choose from.

use super::claims::pairs;
use super::{INVALID_RESPONSE, invalid};
use crate::environment::Seconds;
use crate::error::Error;
use crate::names::{ArnText, Constrained as _};
use crate::notes::RequestNotes;
use crate::realm::Realm;
use locum_federation::saml::mentioned_providers;

/// The most providers that one response is verified with.
const MOST_PROVIDERS: usize = 100;
/// With how many of them it may turn out to be another's: what it costs to find that out, anybody could
/// have done a hundred times for one response.
const MOST_IN_VAIN: usize = 16;

/// A role that a verified response lets its bearer ask for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SamlRole {
    /// `RoleArn`. Whether the role is there and trusts the bearer is not known.
    pub role_arn: ArnText,
    /// `PrincipalArn`: the provider whose keys the response was verified with.
    pub provider_arn: ArnText,
}

impl Realm {
    /// The roles that a response (`SAMLResponse` of a browser, base64) lets its bearer ask for, by the
    /// response's own `Role` attributes: for a page on which somebody chooses one. Nothing changes, and an
    /// assertion that counts once is not spent: that does AssumeRoleWithSAML with the chosen pair and the same
    /// response.
    ///
    /// Each pair was verified with the very provider that it names; pairs of other providers are left out.
    /// Roles come in the order of the response, each once. Which providers to try with, a response says before
    /// it is believed; one that is encrypted does not, and needs `provider`.
    ///
    /// # Errors
    /// Where no pair is left: what AssumeRoleWithSAML would answer for the first provider. Why, in a person's
    /// words, is in `notes`.
    pub async fn saml_roles(
        &self,
        response: &str,
        provider: Option<&ArnText>,
        now: Seconds,
        notes: &RequestNotes,
    ) -> Result<Vec<SamlRole>, Error> {
        let providers = match provider {
            Some(provider) => vec![provider.clone()],
            None => {
                let mentioned = mentioned_providers(response, MOST_PROVIDERS);
                let parsed = mentioned.iter().filter_map(|arn| ArnText::parse(arn).ok());
                parsed.collect()
            }
        };
        let mut first = None;
        let mut roles: Vec<SamlRole> = Vec::new();
        let mut in_vain = 0;
        for provider in providers {
            let is_there = self.saml_provider(&provider).await?.is_some();
            match self.verify_saml(&provider, response, now, notes).await {
                Ok(identity) => {
                    notes.identify(identity.foreign());
                    for (role_arn, named) in pairs(&identity.assertion) {
                        let role = SamlRole {
                            role_arn,
                            provider_arn: named,
                        };
                        if role.provider_arn == provider && !roles.contains(&role) {
                            roles.push(role);
                        }
                    }
                }
                Err(error @ Error::Federation(_)) => {
                    first.get_or_insert(error);
                    in_vain += usize::from(is_there);
                    if in_vain == MOST_IN_VAIN {
                        notes.explain("the response was tried with too many providers in vain");
                        break;
                    }
                }
                Err(error) => return Err(error),
            }
        }
        match roles.is_empty() {
            false => Ok(roles),
            true => Err(first.unwrap_or_else(|| {
                notes.explain("the response names no role and provider");
                invalid(INVALID_RESPONSE)
            })),
        }
    }
}
