//! What is found out about a request besides its answer: who stands behind it, and in a person's words why
//! it failed. The unauthenticated caller gets AWS's sentence and nothing else; the audit record and
//! `locum federation test` get these.

use crate::names::AccountId;
use std::fmt;
use std::sync::{Mutex, OnceLock};

/// How many explanations a request may collect, each at most [`LONGEST_EXPLANATION`] characters long.
const MOST_EXPLANATIONS: usize = 32;
/// Characters of one explanation: what an identity provider says is cut there.
const LONGEST_EXPLANATION: usize = 1024;

/// How somebody proved who they are to whom we trust.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FederationKind {
    /// An OpenID Connect token, or what is treated as one.
    WebIdentity,
    /// A SAML response.
    Saml,
    /// A certificate, through IAM Roles Anywhere.
    Certificate,
    /// The token of a Kubernetes service account, through EKS Pod Identity.
    Pod,
}

/// An identity of somebody else's directory, verified.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ForeignIdentity {
    /// How it was proved.
    pub kind: FederationKind,
    /// The account whose provider vouches for it.
    pub account: AccountId,
    /// The provider as trust policies name it under `Federated`: its ARN, or the name of a built-in one. Of
    /// certificates and pods the ARN of the trust anchor or cluster.
    pub provider: String,
    /// Who it is to the provider: `sub`, the NameID, the certificate's subject.
    pub subject: String,
    /// For whom the proof was made, if it says.
    pub audience: Option<String>,
    /// The name that a record shows for the provider where the ARN is not what AWS shows: of SAML the
    /// name qualifier.
    pub qualifier: Option<String>,
}

impl ForeignIdentity {
    /// `principalId` of the audit record: `provider:aud:sub`, of SAML `namequalifier:sub`.
    pub fn principal_id(&self) -> String {
        let provider = self.qualifier.as_deref().unwrap_or(&self.provider);
        match &self.audience {
            Some(audience) if self.qualifier.is_none() => {
                format!("{provider}:{audience}:{}", self.subject)
            }
            _ => format!("{provider}:{}", self.subject),
        }
    }
}

/// The notes of one request.
#[derive(Debug, Default)]
pub struct RequestNotes {
    identity: OnceLock<ForeignIdentity>,
    explanations: Mutex<Vec<String>>,
}

impl RequestNotes {
    /// Who stands behind the request, once that is proved. The first to be said stays.
    pub fn identify(&self, identity: ForeignIdentity) {
        let _ = self.identity.set(identity);
    }

    /// Who stands behind the request, where the proof is not a signature of ours.
    pub fn identity(&self) -> Option<&ForeignIdentity> {
        self.identity.get()
    }

    /// Adds, in a person's words, what was found. Secrets do not belong here; control characters become
    /// blanks, so that nobody writes lines of their own into a log.
    pub fn explain(&self, words: impl fmt::Display) {
        let words = words.to_string();
        let plain = |c: char| if c.is_control() { ' ' } else { c };
        let words: String = words.chars().take(LONGEST_EXPLANATION).map(plain).collect();
        if let Ok(mut explanations) = self.explanations.lock()
            && explanations.len() < MOST_EXPLANATIONS
        {
            explanations.push(words);
        }
    }

    /// What was found, in order.
    pub fn explanations(&self) -> Vec<String> {
        let explanations = self.explanations.lock();
        explanations.map(|all| all.clone()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_writes_lines_of_their_own() {
        let notes = RequestNotes::default();
        notes.explain("no statement trusts `a\nb\u{1b}[0m`");
        assert_eq!(notes.explanations(), ["no statement trusts `a b [0m`"]);
    }

    #[test]
    fn it_is_bounded() {
        let notes = RequestNotes::default();
        for _ in 0..100 {
            notes.explain("é".repeat(5000));
        }
        let all = notes.explanations();
        assert_eq!(all.len(), MOST_EXPLANATIONS);
        assert!(
            all.iter()
                .all(|words| words.chars().count() == LONGEST_EXPLANATION)
        );
    }
}
