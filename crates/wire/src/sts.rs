//! STS on the wire.

use crate::fields::Fields;
use crate::node::{Members, Node};
use crate::table::{Binding, bind};
use locum_identity::error::Error;
use locum_identity::limits::Limit;
use locum_identity::names::{
    AccountId, ArnText, Constraint, FederationPolicyText, MinimumTokenSize, RoleSessionDuration,
    RootSessionDuration, SessionPolicyText, SourceIdentity, TokenDuration,
    WebIdentityTokenDuration,
};
use locum_identity::sealing::Secret;
use locum_identity::session::TemporaryCredentials;
use locum_identity::sts::{
    AssumeRole, AssumeRoleWithLdapIdentity, AssumeRoleWithSaml, AssumeRoleWithWebIdentity,
    AssumeRoot, AssumedRole, AssumedRoleWithLdapIdentity, AssumedRoot, CallerIdentity,
    DecodeAuthorizationMessage, DecodedMessage, DelegatedAccess, FederationToken, GetAccessKeyInfo,
    GetCallerIdentity, GetDelegatedAccessToken, GetFederationToken, GetSessionToken,
    GetWebIdentityToken, MfaParameters, ProvidedContext, SessionPolicies, WebIdentityRole,
    WebIdentityToken,
};

/// `DurationSeconds` of AssumeRole at most, by the model: what a role can allow beyond it stands in
/// its tags.
const OF_MODEL: i64 = Limit::MaxSessionDuration.of_aws() as i64;
const LONGEST_OF_MODEL: Constraint = Constraint::MaxValue(OF_MODEL);

mod saml;

pub(crate) fn bindings() -> Vec<Binding> {
    vec![
        bind!(AssumeRole, decode_assume_role, assumed_role),
        bind!(
            AssumeRoleWithLdapIdentity,
            decode_ldap_identity,
            assumed_role_with_ldap_identity
        ),
        bind!(AssumeRoleWithSaml, saml::decode, saml::answer),
        bind!(
            AssumeRoleWithWebIdentity,
            decode_assume_role_with_web_identity,
            web_identity_role
        ),
        bind!(AssumeRoot, decode_assume_root, assumed_root),
        bind!(
            DecodeAuthorizationMessage,
            decode_authorization_message,
            authorization_message
        ),
        bind!(GetAccessKeyInfo, decode_access_key_info, access_key_info),
        bind!(
            GetCallerIdentity,
            |_| Ok(GetCallerIdentity),
            caller_identity
        ),
        bind!(GetDelegatedAccessToken, decode_delegated, delegated_access),
        bind!(
            GetFederationToken,
            decode_federation_token,
            federation_token
        ),
        bind!(GetSessionToken, decode_session_token, session_token),
        bind!(
            GetWebIdentityToken,
            decode_web_identity_token,
            web_identity_token
        ),
    ]
}

fn decode_assume_role(fields: &mut Fields<'_>) -> Result<AssumeRole, Error> {
    let role_arn = fields.required("RoleArn");
    let role_session_name = fields.required("RoleSessionName");
    let policy_arns = policy_arns(fields);
    let policy = fields.optional::<SessionPolicyText>("Policy");
    let duration = role_duration(fields);
    let tags = fields.tags("Tags");
    let transitive_tag_keys = fields.list("TransitiveTagKeys", 50, Fields::scalar);
    let external_id = fields.optional("ExternalId");
    let mfa = mfa(fields);
    let source_identity = fields.optional("SourceIdentity");
    let provided_contexts = fields.filled_list("ProvidedContexts", 5, |element| {
        Some(ProvidedContext {
            provider_arn: element.optional("ProviderArn"),
            assertion: element.optional("ContextAssertion"),
        })
    });
    let minimum_token_size = minimum_token_size(fields);
    check_with_duration(fields, duration)?;
    Ok(AssumeRole {
        role_arn: role_arn?,
        role_session_name: role_session_name?,
        duration,
        external_id,
        session_policies: SessionPolicies {
            policy: policy.map(String::from),
            policy_arns,
        },
        tags,
        transitive_tag_keys,
        source_identity,
        mfa,
        provided_contexts,
        minimum_token_size,
    })
}

/// Neither name nor password is ever in a message: what is wrong with them is told in one sentence.
fn decode_ldap_identity(fields: &mut Fields<'_>) -> Result<AssumeRoleWithLdapIdentity, Error> {
    let username = fields.raw("LDAPUsername").unwrap_or_default().to_owned();
    let password = Secret::new(fields.raw("LDAPPassword").unwrap_or_default().to_owned());
    let role_arn = fields.optional("RoleArn");
    let role_session_name = fields.optional("RoleSessionName");
    let provider_arn = fields.optional("ProviderArn");
    let policy_arns = policy_arns(fields);
    let policy = fields.optional::<SessionPolicyText>("Policy");
    let duration = fields.number("DurationSeconds", RoleSessionDuration::from_seconds);
    let minimum_token_size = minimum_token_size(fields);
    fields.check()?;
    Ok(AssumeRoleWithLdapIdentity {
        username,
        password,
        provider_arn,
        role_arn,
        role_session_name,
        duration,
        session_policies: SessionPolicies {
            policy: policy.map(String::from),
            policy_arns,
        },
        minimum_token_size,
    })
}

/// `DurationSeconds` of a role's session.
fn role_duration(fields: &mut Fields<'_>) -> Option<RoleSessionDuration> {
    fields.number("DurationSeconds", |seconds| {
        // What no role allows is told as what the model does not allow.
        RoleSessionDuration::from_seconds(seconds).map_err(|constraint| match constraint {
            Constraint::MaxValue(_) => LONGEST_OF_MODEL,
            other => other,
        })
    })
}

/// Everything that failed. Whether more than the model allows is too much is the role's to say, but not
/// where there is something else to tell.
fn check_with_duration(
    fields: &mut Fields<'_>,
    duration: Option<RoleSessionDuration>,
) -> Result<(), Error> {
    let seconds = duration.map(RoleSessionDuration::seconds);
    if let Some(seconds) = seconds.filter(|seconds| *seconds > OF_MODEL) {
        fields.also("DurationSeconds", &seconds.to_string(), LONGEST_OF_MODEL);
    }
    fields.check()
}

fn decode_assume_role_with_web_identity(
    fields: &mut Fields<'_>,
) -> Result<AssumeRoleWithWebIdentity, Error> {
    let role_arn = fields.required("RoleArn");
    let role_session_name = fields.required("RoleSessionName");
    let web_identity_token = fields.required_secret("WebIdentityToken");
    let provider_id = fields.optional("ProviderId");
    let policy_arns = policy_arns(fields);
    let policy = fields.optional::<FederationPolicyText>("Policy");
    let duration = role_duration(fields);
    let minimum_token_size = minimum_token_size(fields);
    check_with_duration(fields, duration)?;
    Ok(AssumeRoleWithWebIdentity {
        role_arn: role_arn?,
        role_session_name: role_session_name?,
        web_identity_token: web_identity_token?,
        provider_id,
        session_policies: SessionPolicies {
            policy: policy.map(String::from),
            policy_arns,
        },
        duration,
        minimum_token_size,
    })
}

fn decode_assume_root(fields: &mut Fields<'_>) -> Result<AssumeRoot, Error> {
    let target_principal = fields.required("TargetPrincipal");
    let task_policy_arn = fields.required(if fields.has("TaskPolicyArn") {
        "TaskPolicyArn.arn"
    } else {
        "TaskPolicyArn"
    });
    let duration = fields.number("DurationSeconds", RootSessionDuration::from_seconds);
    let minimum_token_size = minimum_token_size(fields);
    fields.check()?;
    Ok(AssumeRoot {
        target_principal: target_principal?,
        task_policy_arn: task_policy_arn?,
        duration,
        minimum_token_size,
    })
}

fn decode_session_token(fields: &mut Fields<'_>) -> Result<GetSessionToken, Error> {
    let duration = fields.number("DurationSeconds", TokenDuration::from_seconds);
    let mfa = mfa(fields);
    let minimum_token_size = minimum_token_size(fields);
    fields.check()?;
    Ok(GetSessionToken {
        duration,
        mfa,
        minimum_token_size,
    })
}

fn decode_federation_token(fields: &mut Fields<'_>) -> Result<GetFederationToken, Error> {
    let name = fields.required("Name");
    let policy = fields.optional::<FederationPolicyText>("Policy");
    let policy_arns = policy_arns(fields);
    let duration = fields.number("DurationSeconds", TokenDuration::from_seconds);
    let tags = fields.tags("Tags");
    let minimum_token_size = minimum_token_size(fields);
    fields.check()?;
    Ok(GetFederationToken {
        name: name?,
        duration,
        session_policies: SessionPolicies {
            policy: policy.map(String::from),
            policy_arns,
        },
        tags,
        minimum_token_size,
    })
}

fn decode_web_identity_token(fields: &mut Fields<'_>) -> Result<GetWebIdentityToken, Error> {
    let audience = fields.required_filled_list("Audience", 10, Fields::scalar);
    let duration = fields.number("DurationSeconds", WebIdentityTokenDuration::from_seconds);
    let signing_algorithm = fields.required("SigningAlgorithm");
    let tags = fields.tags("Tags");
    fields.check()?;
    Ok(GetWebIdentityToken {
        audience,
        signing_algorithm: signing_algorithm?,
        duration,
        tags,
    })
}

fn decode_access_key_info(fields: &mut Fields<'_>) -> Result<GetAccessKeyInfo, Error> {
    let access_key_id = fields.required("AccessKeyId");
    fields.check()?;
    Ok(GetAccessKeyInfo {
        access_key_id: access_key_id?,
    })
}

fn decode_authorization_message(
    fields: &mut Fields<'_>,
) -> Result<DecodeAuthorizationMessage, Error> {
    let encoded_message = fields.required("EncodedMessage");
    fields.check()?;
    Ok(DecodeAuthorizationMessage {
        encoded_message: encoded_message?,
    })
}

fn decode_delegated(fields: &mut Fields<'_>) -> Result<GetDelegatedAccessToken, Error> {
    let trade_in_token = fields.required("TradeInToken");
    fields.check()?;
    Ok(GetDelegatedAccessToken {
        trade_in_token: trade_in_token?,
    })
}

/// `PolicyArns.member.N.arn`, at most ten.
fn policy_arns(fields: &mut Fields<'_>) -> Vec<ArnText> {
    fields.list("PolicyArns", 10, |element| element.required("arn").ok())
}

/// `SerialNumber` and `TokenCode`
fn mfa(fields: &mut Fields<'_>) -> MfaParameters {
    MfaParameters {
        serial_number: fields.optional("SerialNumber"),
        token_code: fields.optional("TokenCode"),
    }
}

/// `MinimumSessionTokenSize`; 0 where it is not given.
fn minimum_token_size(fields: &mut Fields<'_>) -> MinimumTokenSize {
    fields
        .number("MinimumSessionTokenSize", MinimumTokenSize::from_characters)
        .unwrap_or_default()
}

/// `SessionTokenUtilization` and `SessionTokenSize`
fn token_size<'a>(members: Members<'a>, credentials: &TemporaryCredentials) -> Members<'a> {
    // No token is longer than fits.
    let size = u32::try_from(credentials.token_size()).unwrap_or(u32::MAX);
    members
        .integer("SessionTokenUtilization", credentials.token_utilization())
        .integer("SessionTokenSize", size)
}

fn credentials(credentials: &TemporaryCredentials) -> Members<'_> {
    Members::new()
        .text("AccessKeyId", credentials.access_key_id.as_str())
        .text("SecretAccessKey", credentials.secret_access_key.expose())
        .text("SessionToken", credentials.session_token.as_str())
        .time("Expiration", credentials.expiration)
}

fn assumed_role(output: &AssumedRole) -> Node<'_> {
    role_members(output).node()
}

fn web_identity_role(output: &WebIdentityRole) -> Node<'_> {
    role_members(&output.role)
        .text("SubjectFromWebIdentityToken", output.subject.as_str())
        .text("Provider", output.provider.as_str())
        .text("Audience", output.audience.as_str())
        .node()
}

fn role_members(output: &AssumedRole) -> Members<'_> {
    let members = Members::new()
        .structure("Credentials", credentials(&output.credentials))
        .structure(
            "AssumedRoleUser",
            Members::new()
                .text("AssumedRoleId", output.assumed_role_id.as_str())
                .text("Arn", output.arn.as_str()),
        );
    let members = match output.packed_policy_size {
        Some(percent) => members.integer("PackedPolicySize", percent),
        None => members,
    };
    let members = members.text_if(
        "SourceIdentity",
        output.source_identity.as_ref().map(SourceIdentity::as_str),
    );
    token_size(members, &output.credentials)
}

fn assumed_role_with_ldap_identity(output: &AssumedRoleWithLdapIdentity) -> Node<'_> {
    role_members(&output.assumed)
        .text("SubjectFromWebIdentityToken", output.subject.as_str())
        .text("Provider", output.provider.as_str())
        .node()
}

fn assumed_root(output: &AssumedRoot) -> Node<'_> {
    let members = Members::new()
        .structure("Credentials", credentials(&output.credentials))
        .text_if(
            "SourceIdentity",
            output.source_identity.as_ref().map(SourceIdentity::as_str),
        );
    token_size(members, &output.credentials).node()
}

fn delegated_access(output: &DelegatedAccess) -> Node<'_> {
    Members::new()
        .structure("Credentials", credentials(&output.credentials))
        .integer("PackedPolicySize", output.packed_policy_size)
        .text("AssumedPrincipal", output.assumed_principal.as_str())
        .node()
}

fn session_token(output: &TemporaryCredentials) -> Node<'_> {
    let members = Members::new().structure("Credentials", credentials(output));
    token_size(members, output).node()
}

fn federation_token(output: &FederationToken) -> Node<'_> {
    let members = Members::new()
        .structure("Credentials", credentials(&output.credentials))
        .structure(
            "FederatedUser",
            Members::new()
                .text("FederatedUserId", output.federated_user_id.as_str())
                .text("Arn", output.arn.as_str()),
        )
        .integer("PackedPolicySize", output.packed_policy_size);
    token_size(members, &output.credentials).node()
}

fn web_identity_token(output: &WebIdentityToken) -> Node<'_> {
    Members::new()
        .text("WebIdentityToken", output.token.as_str())
        .time("Expiration", output.expiration)
        .node()
}

fn caller_identity(output: &CallerIdentity) -> Node<'_> {
    Members::new()
        .text("UserId", output.user_id.as_str())
        .text_if("Account", output.account.as_ref().map(AccountId::as_str))
        .text("Arn", output.arn.as_str())
        .node()
}

fn access_key_info(output: &AccountId) -> Node<'_> {
    Members::new().text("Account", output.as_str()).node()
}

fn authorization_message(output: &DecodedMessage) -> Node<'_> {
    Members::new()
        .text("DecodedMessage", output.decoded_message.as_str())
        .node()
}
