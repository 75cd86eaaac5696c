//! EKS Auth: the credentials of pods.
//!
//! The agent of a node, which calls with the node's role, brings the token of a pod's service account. What
//! the pod gets it gets from the role that is associated with the service account, and from nothing of the
//! node's: the service [`POD_SERVICE`] assumes the role, and the role's trust policy decides about that.

use super::{EksFault, POD_SERVICE, ShownAssociation, known_cluster, need_on_cluster, pod};
use crate::account::Account;
use crate::caller::{Caller, Credentials, Who, session_policies};
use crate::entity::{EksCluster, PodIdentityAssociation};
use crate::error::{Error, FederationFault};
use crate::ids::uuid;
use crate::names::{
    ArnText, ClusterName, Constrained, ExternalId, MinimumTokenSize, PodToken, RoleSessionName, Tag,
};
use crate::notes::FederationKind;
use crate::operation::{Call, Granted, Operation, Service};
use crate::services::ServiceName;
use crate::session::{SessionFederation, TemporaryCredentials};
use crate::sts::federated::{FederatedRequest, Vouched};
use crate::sts::{AssumeRole, AssumedRole, SessionPolicies};
use pod::Pod;
use std::sync::Arc;

/// Characters of the cluster's name and of the pod's in a session's name together: 64 without `eks-`, two
/// hyphens and a UUID.
const NAMES_IN_SESSION: usize = 64 - 4 - 2 - 36;

/// AssumeRoleForPodIdentity
#[derive(Clone, Debug)]
pub struct AssumeRoleForPodIdentity {
    /// `clusterName`
    pub cluster: ClusterName,
    /// `token`
    pub token: PodToken,
}

/// What AssumeRoleForPodIdentity answers.
#[derive(Debug)]
pub struct PodCredentials {
    /// `podIdentityAssociation`, and `subject` is its service account.
    pub association: ShownAssociation,
    /// `assumedRoleUser` and `credentials`
    pub assumed: AssumedRole,
}

impl PodCredentials {
    /// `credentials`
    pub fn credentials(&self) -> &TemporaryCredentials {
        &self.assumed.credentials
    }
}

impl Operation for AssumeRoleForPodIdentity {
    type Output = PodCredentials;
    type Found = ();
    const SERVICE: Service = Service::EksAuth;
    const NAME: &'static str = "AssumeRoleForPodIdentity";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let action = "eks-auth:AssumeRoleForPodIdentity";
        call.allow(&need_on_cluster(call, action, self.cluster.as_str())?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<PodCredentials, Error> {
        let (account, region) = (call.account()?, call.facts.region.as_str());
        let cluster = known_cluster(account, region, self.cluster.as_str())?;
        let pod = pod::verify(call, account, cluster, self.token.expose()).await?;
        let key = PodIdentityAssociation::key(
            region,
            cluster.name.as_str(),
            &pod.namespace,
            &pod.service_account,
        );
        let association = account.pod_identity_associations.get(&key).ok_or_else(|| {
            EksFault::ResourceNotFound(format!(
                "No association found for service account {} in namespace {}.",
                pod.service_account, pod.namespace
            ))
        })?;
        let association = ShownAssociation::new(account.id, association.clone());
        let assumed = assume(call, account, cluster, &association, &pod).await;
        Ok(PodCredentials {
            assumed: assumed.map_err(spoken)?,
            association,
        })
    }
}

/// What went wrong with the roles, as EKS Auth says it.
fn spoken(error: Error) -> Error {
    match error {
        Error::Federation(FederationFault::NotAuthorized(_))
        | Error::AccessDenied(_)
        | Error::Forbidden(_) => EksFault::Untrusted.into(),
        Error::Validation(_)
        | Error::ValidationText(_)
        | Error::Duration(_)
        | Error::MalformedPolicyDocument(_)
        | Error::InvalidParameterValue(_)
        | Error::PackedPolicyTooLarge(_) => EksFault::InvalidRequest(error.to_string()).into(),
        other => other,
    }
}

/// The session of the associated role and, where there is a target role, with that the one of the target
/// role.
async fn assume(
    call: &Call<'_>,
    account: &Arc<Account>,
    cluster: &EksCluster,
    shown: &ShownAssociation,
    pod: &Pod,
) -> Result<AssumedRole, Error> {
    let association = &*shown.association;
    let cluster_arn = cluster.arn(account.id);
    let session_name = session_name(call, cluster, pod)?;
    let tags = if association.disable_session_tags {
        Vec::new()
    } else {
        session_tags(&cluster_arn, cluster, pod)?
    };
    // A policy is about what the pod gets at last.
    let policy = |is_last: bool| SessionPolicies {
        policy: association.policy.clone().filter(|_| is_last),
        policy_arns: Vec::new(),
    };
    let service = legal::<ServiceName>(POD_SERVICE)?;
    let request = FederatedRequest {
        action: "sts:AssumeRole",
        vouched: Vouched::Service {
            name: service.clone(),
            source_arn: cluster_arn.clone(),
            source_account: account.id,
        },
        account: account.id,
        role_arn: legal(&association.role_arn)?,
        role_session_name: session_name.clone(),
        keys: Vec::new(),
        // Workloads that assume other roles hand them on.
        transitive_tag_keys: tags.iter().map(|tag| tag.key.clone()).collect(),
        tags,
        source_identity: None,
        session_policies: policy(association.target_role_arn.is_none()),
        duration: None,
        longest: None,
        federation: SessionFederation {
            kind: FederationKind::Pod,
            provider: cluster_arn,
            subject: pod.subject(),
            session_id: Some(pod.uid.clone()),
            keys: Vec::new(),
        },
        minimum_token_size: MinimumTokenSize::default(),
    };
    let (_, found) = request.authorize(call).await?.apart();
    // The session descends from the pod's identity, and from nothing of the node's.
    let caller = request.caller(call);
    let assumed = request.issue(&call.by(&caller), found)?;
    let Some(target) = &association.target_role_arn else {
        return Ok(assumed);
    };
    let operation = AssumeRole {
        external_id: shown
            .external_id
            .as_deref()
            .map(legal::<ExternalId>)
            .transpose()?,
        session_policies: policy(true),
        ..AssumeRole::new(legal::<ArnText>(target)?, session_name)
    };
    let caller = of_session(call, account, &assumed.credentials)?;
    call.realm.call(&caller, call.facts, operation).await
}

/// Who calls with credentials that were just made.
fn of_session(
    call: &Call<'_>,
    account: &Arc<Account>,
    credentials: &TemporaryCredentials,
) -> Result<Caller, Error> {
    let id = credentials.access_key_id.as_str();
    let opened = call.realm.keyring()?.open(id, &credentials.session_token);
    let (session, _) = opened.map_err(|_| Error::InvalidSessionToken)?;
    let directory = call.realm.directory();
    let who = Who::of_session(account, &directory, &session)?;
    let credentials = Credentials::Temporary {
        access_key_id: id.to_owned(),
        policies: session_policies(account, &session),
        session: Arc::new(session),
    };
    Ok(Caller::new(account.clone(), directory, who, credentials))
}

/// A text that was checked when it was stored.
fn legal<T: Constrained>(text: &str) -> Result<T, Error> {
    T::parse(text).map_err(|_| Error::Internal(format!("`{text}` is not legal").into()))
}

/// `eks-CLUSTER-POD-UUID`. Names that are too long are cut: the shorter one only if both are.
fn session_name(
    call: &Call<'_>,
    cluster: &EksCluster,
    pod: &Pod,
) -> Result<RoleSessionName, Error> {
    let (cluster, pod) = shortened(cluster.name.as_str(), &pod.name);
    let uuid = uuid(&*call.realm.environment().entropy);
    legal(&format!("eks-{cluster}-{pod}-{uuid}"))
}

/// As much of two names as a session's name has room for.
fn shortened<'a>(one: &'a str, other: &'a str) -> (&'a str, &'a str) {
    let half = NAMES_IN_SESSION / 2;
    let room = |other: &str| NAMES_IN_SESSION - other.len().min(half);
    let cut = |text: &'a str, length: usize| text.get(..length).unwrap_or(text);
    (cut(one, room(other)), cut(other, room(one)))
}

/// The tags that tell of the pod (EKS user guide, "List of session tags added by EKS Pod Identity").
fn session_tags(cluster_arn: &str, cluster: &EksCluster, pod: &Pod) -> Result<Vec<Tag>, Error> {
    let tags = [
        ("eks-cluster-arn", cluster_arn),
        ("eks-cluster-name", cluster.name.as_str()),
        ("kubernetes-namespace", &pod.namespace),
        ("kubernetes-service-account", &pod.service_account),
        ("kubernetes-pod-name", &pod.name),
        ("kubernetes-pod-uid", &pod.uid),
    ];
    let tag = |(key, value)| {
        Ok(Tag {
            key: legal(key)?,
            value: legal(value)?,
        })
    };
    tags.into_iter().map(tag).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_sessions_have_room_for_both() {
        let long = "0123456789abcdefghij0123456789";
        let half = "0123456789a";
        let most = "0123456789abcdefghij0";
        assert_eq!(shortened("c", "p"), ("c", "p"));
        assert_eq!(shortened("c", long), ("c", most));
        assert_eq!(shortened(long, "p"), (most, "p"));
        assert_eq!(shortened(long, long), (half, half));
        let (one, other) = shortened(long, "pod-12345678");
        assert_eq!(one.len() + other.len(), NAMES_IN_SESSION);
    }
}
