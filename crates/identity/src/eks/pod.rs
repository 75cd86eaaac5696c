//! The token by which a pod shows which service account it runs as: the claims that Kubernetes puts into
//! the tokens that it binds to a pod (Kubernetes, "Managing Service Accounts", "bound service account
//! tokens").

use super::{EksFault, POD_SERVICE};
use crate::account::Account;
use crate::entity::EksCluster;
use crate::environment::timestamp;
use crate::error::{Error, FederationFault};
use crate::names::eks::{is_dns_label, is_dns_name};
use crate::operation::Call;
use crate::web_identity::WebProvider;
use locum_federation::oidc::{Fault, Json, Object, Token, Verified};

/// Whose token it is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Pod {
    pub(super) namespace: String,
    pub(super) service_account: String,
    pub(super) name: String,
    pub(super) uid: String,
}

impl Pod {
    /// Who the service account is to the cluster: `sub`.
    pub(super) fn subject(&self) -> String {
        format!(
            "system:serviceaccount:{}:{}",
            self.namespace, self.service_account
        )
    }

    /// What a believed token says of its pod. Why it does not, in a person's words.
    fn of(verified: &Verified) -> Result<Self, String> {
        let missing = |name: &str| format!("the token does not say `kubernetes.io/{name}`");
        let object = |of: &Object, name: &str, path: &str| match of.get(name) {
            Some(Json::Object(object)) => Ok(object.clone()),
            _ => Err(missing(path)),
        };
        let text = |of: &Object, name: &str, path: &str| {
            let text = of.get(name).and_then(Json::text);
            text.map(str::to_owned).ok_or_else(|| missing(path))
        };
        let claims = object(verified.claims(), "kubernetes.io", "")?;
        let account = object(&claims, "serviceaccount", "serviceaccount")?;
        let pod = object(&claims, "pod", "pod")?;
        let found = Self {
            namespace: text(&claims, "namespace", "namespace")?,
            service_account: text(&account, "name", "serviceaccount/name")?,
            name: text(&pod, "name", "pod/name")?,
            uid: text(&pod, "uid", "pod/uid")?,
        };
        // What goes into tags, names and ARNs is of the alphabet of Kubernetes.
        let names = [&found.service_account, &found.name];
        let hexadecimal = |b: u8| b.is_ascii_hexdigit() || b == b'-';
        let legal = is_dns_label(&found.namespace)
            && names.into_iter().all(|name| is_dns_name(name))
            && (1..=64).contains(&found.uid.len())
            && found.uid.bytes().all(hexadecimal);
        if !legal {
            return Err("the token has a name that Kubernetes would not give".to_owned());
        }
        let subject = verified.subject().map_err(|fault| fault.to_string())?;
        if subject != found.subject() {
            return Err(format!(
                "the token's `sub` is `{subject}`, and not {}",
                found.subject()
            ));
        }
        Ok(found)
    }
}

/// Verifies the token of a pod of a cluster. Why it is not believed goes to the request's notes.
///
/// # Errors
/// [`EksFault::InvalidToken`], [`EksFault::ExpiredToken`], [`EksFault::IssuerUnavailable`]
pub(super) async fn verify(
    call: &Call<'_>,
    account: &Account,
    cluster: &EksCluster,
    text: &str,
) -> Result<Pod, Error> {
    let notes = &call.facts.notes;
    let refused = |words: &dyn std::fmt::Display| {
        notes.explain(words);
        Error::from(EksFault::InvalidToken)
    };
    let token = Token::parse(text).map_err(|fault| refused(&fault))?;
    if token.issuer() != cluster.issuer {
        return Err(refused(&format_args!(
            "the token is of `{}`, and the cluster's issuer is {}",
            token.issuer(),
            cluster.issuer
        )));
    }
    let provider = WebProvider::of_cluster(account, cluster);
    let keys = call.realm.keys_of(&provider, token.key_id(), notes).await;
    let keys = keys.map_err(|fault| match fault {
        // Clients may try again.
        FederationFault::IdpCommunication(_) => Error::from(EksFault::IssuerUnavailable),
        _ => Error::from(EksFault::InvalidToken),
    })?;
    let verified = token.verify(&keys).map_err(|fault| refused(&fault))?;
    let audiences = verified.claim("aud").and_then(Json::texts);
    let audiences = audiences.unwrap_or_default();
    if !audiences.contains(&POD_SERVICE) {
        return Err(refused(&format_args!(
            "the token is for `{}`, and not for {POD_SERVICE}",
            audiences.join("`, `")
        )));
    }
    verified
        .check_times(call.facts.now)
        .map_err(|fault| match fault {
            Fault::Expired { now, expiry } => {
                notes.explain(&fault);
                let [now, expiry] = [now, expiry].map(timestamp);
                EksFault::ExpiredToken { now, expiry }.into()
            }
            fault => refused(&fault),
        })?;
    Pod::of(&verified).map_err(|words| refused(&words))
}
