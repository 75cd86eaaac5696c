//! AssumeRoleWithSAML: a role for whom a SAML provider vouches.

use super::federated::{FederatedRequest, Vouched};
use super::{Assumable, AssumedRole, SessionPolicies};
use crate::caller::Caller;
use crate::error::{Error, FederationFault};
use crate::names::{ArnText, MinimumTokenSize, RoleSessionDuration, SamlAssertionText};
use crate::operation::{Call, Granted, Operation, Service};
use crate::saml::{Claims, OTHER_ISSUER, SamlIdentity};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

const ACTION: &str = "sts:AssumeRoleWithSAML";
/// How the names of roles begin that IAM Identity Center alone gives.
const OF_IDENTITY_CENTER: &str = "AWSReservedSSO_";

/// AssumeRoleWithSAML: temporary credentials of a role that trusts an identity of a SAML provider. Who calls
/// shows its response, and no credentials.
#[derive(Clone)]
pub struct AssumeRoleWithSaml {
    /// `RoleArn`
    pub role_arn: ArnText,
    /// `PrincipalArn`: the provider.
    pub principal_arn: ArnText,
    /// `SAMLAssertion`: the response, in base64.
    pub saml_assertion: SamlAssertionText,
    /// `Policy` and `PolicyArns`
    pub session_policies: SessionPolicies,
    /// `DurationSeconds`; one hour if not given. The response can make it shorter.
    pub duration: Option<RoleSessionDuration>,
    /// `MinimumSessionTokenSize`
    pub minimum_token_size: MinimumTokenSize,
}

impl fmt::Debug for AssumeRoleWithSaml {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Who has the response can use it.
        f.debug_struct("AssumeRoleWithSaml")
            .field("role_arn", &self.role_arn)
            .field("principal_arn", &self.principal_arn)
            .finish_non_exhaustive()
    }
}

/// What AssumeRoleWithSAML answers.
#[derive(Debug)]
pub struct SamlAssumedRole {
    /// The session.
    pub role: AssumedRole,
    /// `Subject`: the text of the `NameID`.
    pub subject: String,
    /// `SubjectType`: its format, the usual ones in short.
    pub subject_type: String,
    /// `Issuer`
    pub issuer: String,
    /// `Audience`: the `Recipient` of the assertion.
    pub audience: String,
    /// `NameQualifier`
    pub name_qualifier: String,
}

/// What deciding finds that acting needs.
pub struct SamlAssumable {
    request: FederatedRequest,
    assumable: Assumable,
    identity: SamlIdentity,
}

impl Operation for AssumeRoleWithSaml {
    type Output = SamlAssumedRole;
    type Found = SamlAssumable;
    const SERVICE: Service = Service::Sts;
    const NAME: &'static str = "AssumeRoleWithSAML";

    fn resource(&self, _: &Caller) -> Cow<'_, str> {
        Cow::Borrowed(self.role_arn.as_str())
    }

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted<SamlAssumable>, Error> {
        let arn = super::assume_role::parsed(&self.role_arn)?;
        super::assume_role::parsed(&self.principal_arn)?;
        let (now, notes) = (call.facts.now, &call.facts.notes);
        let refused = || Error::from(FederationFault::NotAuthorized(ACTION));
        let response = self.saml_assertion.as_str();
        let identity = call
            .realm
            .verify_saml(&self.principal_arn, response, now, notes)
            .await
            .map_err(|error| attributed(error, &call.facts.request_id))?;
        let foreign = identity.foreign();
        notes.identify(foreign.clone());
        let claims = Claims::of(&identity, now, notes)?;
        if !identity.allows(&self.role_arn, &self.principal_arn, notes) {
            return Err(refused());
        }
        let name = arn.resource().rsplit('/').next().unwrap_or_default();
        if name.starts_with(OF_IDENTITY_CENTER) {
            notes.explain("roles of IAM Identity Center are not had by a response");
            return Err(refused());
        }
        let request = FederatedRequest {
            action: ACTION,
            vouched: Vouched::Identity(Arc::new(foreign)),
            account: identity.account,
            role_arn: self.role_arn.clone(),
            role_session_name: claims.role_session_name,
            keys: claims.keys,
            tags: claims.tags,
            transitive_tag_keys: claims.transitive_tag_keys,
            source_identity: claims.source_identity,
            session_policies: self.session_policies.clone(),
            duration: self.duration,
            longest: claims.longest,
            federation: claims.federation,
            minimum_token_size: self.minimum_token_size,
        };
        let (granted, assumable) = request.authorize(call).await?.apart();
        Ok(granted.with(SamlAssumable {
            request,
            assumable,
            identity,
        }))
    }

    async fn perform(
        self,
        call: &Call<'_>,
        found: SamlAssumable,
    ) -> Result<SamlAssumedRole, Error> {
        let SamlAssumable {
            request,
            assumable,
            identity,
        } = found;
        // The credentials are there before the assertion is spent, and leave after.
        let role = request.issue(call, assumable)?;
        if let Some(spent) = identity.spent() {
            let (account, origin) = (identity.account, call.origin());
            let written = call
                .realm
                .change(account, &origin, |draft| spent.spend(draft));
            written.await.inspect_err(|error| {
                if let Error::Federation(_) = error {
                    let notes = &call.facts.notes;
                    notes.explain("the assertion was used already, and counts once");
                }
            })?;
        }
        Ok(SamlAssumedRole {
            role,
            subject: identity.assertion.subject().to_owned(),
            subject_type: identity.subject_type().to_owned(),
            issuer: identity.assertion.issuer().to_owned(),
            audience: identity.assertion.recipient().to_owned(),
            name_qualifier: identity.qualifier(),
        })
    }
}

/// AWS has this one said by a service that names itself, and clients may have been made to look for that.
fn attributed(error: Error, request_id: &str) -> Error {
    match error {
        Error::Federation(FederationFault::InvalidIdentityToken(text)) if text == OTHER_ISSUER => {
            let text = format!(
                "{text} (Service: AWSOpenIdDiscoveryService; Status Code: 400; \
                 Error Code: AuthSamlInvalidSamlResponseException; Request ID: {request_id})"
            );
            FederationFault::InvalidIdentityToken(text.into()).into()
        }
        other => other,
    }
}
