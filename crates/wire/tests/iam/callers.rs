//! Every operation of the table refuses a caller without policies: one row for each, and a new
//! operation without a row fails here.

use crate::common::{Key, World, n};
use crate::support::{Form, answer, answer_to};
use locum_identity::operation::Service;
use locum_identity::session::TemporaryCredentials;
use locum_identity::sts::{GetFederationToken, GetSessionToken, SessionPolicies};
use locum_wire::operations;

const GROUP: (&str, &str) = ("GroupName", "g");
const USER: (&str, &str) = ("UserName", "u");
const ROLE: (&str, &str) = ("RoleName", "r");
const NAME: (&str, &str) = ("PolicyName", "p");
const ARN: (&str, &str) = ("PolicyArn", "arn:aws:iam::123456789012:policy/p");
const BOUNDARY: (&str, &str) = (
    "PermissionsBoundary",
    "arn:aws:iam::aws:policy/ReadOnlyAccess",
);
const DOCUMENT: (&str, &str) = ("PolicyDocument", "{}");
const VERSION: (&str, &str) = ("VersionId", "v1");
const KEY: (&str, &str) = ("AccessKeyId", "AKIAAAAAAAAAAAAAAAAA");
const SOURCE: (&str, &str) = ("PolicySourceArn", "arn:aws:iam::123456789012:user/u");
const JOB: (&str, &str) = ("JobId", "00000000-0000-4000-8000-000000000000");
const POLICY: (&str, &str) = ("PolicyInputList.member.1", "{}");
const ACTION: (&str, &str) = ("ActionNames.member.1", "s3:GetObject");
const DEVICE: (&str, &str) = ("SerialNumber", "arn:aws:iam::123456789012:mfa/d");
const CODES: [(&str, &str); 2] = [
    ("AuthenticationCode1", "000000"),
    ("AuthenticationCode2", "000000"),
];
const PASSWORD: (&str, &str) = ("Password", "Correct-Horse-7");
const OLD_PASSWORD: (&str, &str) = ("OldPassword", "Correct-Horse-7");
const NEW_PASSWORD: (&str, &str) = ("NewPassword", "Correct-Horse-8");
const FOR_SERVICE: (&str, &str) = ("ServiceName", "codecommit.amazonaws.com");
const CREDENTIAL: (&str, &str) = ("ServiceSpecificCredentialId", "ACCAAAAAAAAAAAAAAAAAA");
const TAG: [(&str, &str); 2] = [("Tags.member.1.Key", "k"), ("Tags.member.1.Value", "v")];
const REQUEST: (&str, &str) = (
    "DelegationRequestId",
    "dr-1cbe991a14-00000000000000000000000000000000",
);
const ITS_ARN: &str = "delegation-request/dr-1cbe991a14-00000000000000000000000000000000";
const SSH_KEY: (&str, &str) = ("SSHPublicKeyId", "APKAAAAAAAAAAAAAAAAAA");
const SIGNING: (&str, &str) = ("CertificateId", "AAAAAAAAAAAAAAAAAAAAAAAA");
const SERVER: (&str, &str) = ("ServerCertificateName", "s");
const ACTIVE: (&str, &str) = ("Status", "Active");
const PROFILE: (&str, &str) = ("InstanceProfileName", "p");
const PROFILE_ARN: &str = "instance-profile/p";
const SERVICE: (&str, &str) = ("AWSServiceName", "autoscaling.amazonaws.com");
const LINKED: &str = "role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling";
const TASK: (&str, &str) = (
    "DeletionTaskId",
    "task/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling/0",
);
const TEMPLATE: (&str, &str) = ("TemplateArn", "arn:aws:iam::aws:role-template/t");
const TAG_KEY: (&str, &str) = ("TagKeys.member.1", "k");
const OIDC: (&str, &str) = (
    "OpenIDConnectProviderArn",
    "arn:aws:iam::123456789012:oidc-provider/idp.example",
);
const SAML: (&str, &str) = (
    "SAMLProviderArn",
    "arn:aws:iam::123456789012:saml-provider/p",
);
const CLIENT: (&str, &str) = ("ClientID", "app");
const THUMBPRINT: (&str, &str) = (
    "ThumbprintList.member.1",
    "9e99a48a9960b14926bb7f3b02e22da2b0ab7280",
);
const ALIAS: (&str, &str) = ("AccountAlias", "corp");
const PROPERTY: Form<'_> = &[
    ("Properties.entry.1.key", "RoleManager/Enabled"),
    ("Properties.entry.1.value", "false"),
];
/// As long as the shortest.
const METADATA: &str = match std::str::from_utf8(&[b'x'; 1000]) {
    Ok(text) => text,
    Err(_) => "",
};

/// The least parameters of each operation, and the resource that its refusal names.
const ROWS: &[(&str, Form<'_>, &str)] = &[
    ("AcceptDelegationRequest", &[REQUEST], ITS_ARN),
    ("AcquireRole", &[TEMPLATE], TEMPLATE.1),
    (
        "AddClientIDToOpenIDConnectProvider",
        &[OIDC, CLIENT],
        "oidc-provider/idp.example",
    ),
    ("AddRoleToInstanceProfile", &[PROFILE, ROLE], PROFILE_ARN),
    ("AddUserToGroup", &[GROUP, USER], "group/g"),
    ("AssociateDelegationRequest", &[REQUEST], ITS_ARN),
    ("AttachGroupPolicy", &[GROUP, ARN], "group/g"),
    ("AttachRolePolicy", &[ROLE, ARN], "role/r"),
    ("AttachUserPolicy", &[USER, ARN], "user/u"),
    ("ChangePassword", &[OLD_PASSWORD, NEW_PASSWORD], "user/ann"),
    ("CreateAccessKey", &[USER], "user/u"),
    ("CreateAccountAlias", &[ALIAS], "*"),
    (
        "CreateDelegationRequest",
        &[
            ("Description", "d"),
            ("Permissions.PolicyTemplateArn", ARN.1),
            ("RequestorWorkflowId", "workflow"),
            ("NotificationChannel", "mailbox"),
            ("SessionDuration", "300"),
        ],
        "delegation-request/*",
    ),
    ("CreateGroup", &[GROUP], "group/g"),
    ("CreateInstanceProfile", &[PROFILE], PROFILE_ARN),
    ("CreateLoginProfile", &[USER, PASSWORD], "user/u"),
    (
        "CreateOpenIDConnectProvider",
        &[("Url", "https://idp.example")],
        "oidc-provider/idp.example",
    ),
    ("CreatePolicy", &[NAME, DOCUMENT], "policy/p"),
    ("CreatePolicyVersion", &[ARN, DOCUMENT], "policy/p"),
    (
        "CreateRole",
        &[ROLE, ("AssumeRolePolicyDocument", "{}")],
        "role/r",
    ),
    (
        "CreateSAMLProvider",
        &[("SAMLMetadataDocument", METADATA), ("Name", "p")],
        "saml-provider/p",
    ),
    ("CreateServiceLinkedRole", &[SERVICE], LINKED),
    (
        "CreateServiceSpecificCredential",
        &[USER, FOR_SERVICE],
        "user/u",
    ),
    ("CreateUser", &[USER], "user/u"),
    (
        "CreateVirtualMFADevice",
        &[("VirtualMFADeviceName", "d")],
        "mfa/d",
    ),
    ("DeactivateMFADevice", &[USER, DEVICE], "user/u"),
    ("DeleteAccessKey", &[USER, KEY], "user/u"),
    ("DeleteAccountAlias", &[ALIAS], "*"),
    ("DeleteAccountPasswordPolicy", &[], "*"),
    ("DeleteGroup", &[GROUP], "group/g"),
    ("DeleteGroupPolicy", &[GROUP, NAME], "group/g"),
    ("DeleteInstanceProfile", &[PROFILE], PROFILE_ARN),
    ("DeleteLoginProfile", &[USER], "user/u"),
    (
        "DeleteOpenIDConnectProvider",
        &[OIDC],
        "oidc-provider/idp.example",
    ),
    ("DeletePolicy", &[ARN], "policy/p"),
    ("DeletePolicyVersion", &[ARN, VERSION], "policy/p"),
    ("DeleteRole", &[ROLE], "role/r"),
    ("DeleteRolePermissionsBoundary", &[ROLE], "role/r"),
    ("DeleteRolePolicy", &[ROLE, NAME], "role/r"),
    ("DeleteSAMLProvider", &[SAML], "saml-provider/p"),
    ("DeleteSSHPublicKey", &[USER, SSH_KEY], "user/u"),
    ("DeleteServerCertificate", &[SERVER], "server-certificate/s"),
    ("DeleteServiceLinkedRole", &[ROLE], "role/r"),
    (
        "DeleteServiceSpecificCredential",
        &[USER, CREDENTIAL],
        "user/u",
    ),
    ("DeleteSigningCertificate", &[USER, SIGNING], "user/u"),
    ("DeleteUser", &[USER], "user/u"),
    ("DeleteUserPermissionsBoundary", &[USER], "user/u"),
    ("DeleteUserPolicy", &[USER, NAME], "user/u"),
    ("DeleteVirtualMFADevice", &[DEVICE], "mfa/d"),
    ("DetachGroupPolicy", &[GROUP, ARN], "group/g"),
    ("DetachRolePolicy", &[ROLE, ARN], "role/r"),
    ("DetachUserPolicy", &[USER, ARN], "user/u"),
    ("DisableOrganizationsRootCredentialsManagement", &[], "*"),
    ("DisableOrganizationsRootSessions", &[], "*"),
    ("DisableOutboundWebIdentityFederation", &[], "*"),
    (
        "EnableMFADevice",
        &[USER, DEVICE, CODES[0], CODES[1]],
        "user/u",
    ),
    ("EnableOrganizationsRootCredentialsManagement", &[], "*"),
    ("EnableOrganizationsRootSessions", &[], "*"),
    ("EnableOutboundWebIdentityFederation", &[], "*"),
    ("GenerateCredentialReport", &[], "*"),
    (
        "GenerateOrganizationsAccessReport",
        &[("EntityPath", "o-aaaaaaaaaa/r-aaaa")],
        "access-report/o-aaaaaaaaaa/r-aaaa",
    ),
    (
        "GenerateServiceLastAccessedDetails",
        &[("Arn", SOURCE.1)],
        "user/u",
    ),
    ("GetAccessKeyLastUsed", &[KEY], "*"),
    ("GetAccountAuthorizationDetails", &[], "*"),
    ("GetAccountPasswordPolicy", &[], "*"),
    ("GetAccountProperties", &[], "*"),
    ("GetAccountSummary", &[], "*"),
    ("GetContextKeysForCustomPolicy", &[POLICY], "*"),
    ("GetContextKeysForPrincipalPolicy", &[SOURCE], "user/u"),
    ("GetCredentialReport", &[], "*"),
    ("GetDelegationRequest", &[REQUEST], ITS_ARN),
    ("GetGroup", &[GROUP], "group/g"),
    ("GetGroupPolicy", &[GROUP, NAME], "group/g"),
    (
        "GetHumanReadableSummary",
        &[(
            "EntityArn",
            "arn:aws:iam::123456789012:delegation-request/dr-1cbe991a14-00000000000000000000000000000000",
        )],
        ITS_ARN,
    ),
    ("GetInstanceProfile", &[PROFILE], PROFILE_ARN),
    ("GetLoginProfile", &[USER], "user/u"),
    ("GetMFADevice", &[USER, DEVICE], "user/u"),
    (
        "GetOpenIDConnectProvider",
        &[OIDC],
        "oidc-provider/idp.example",
    ),
    ("GetOrganizationsAccessReport", &[JOB], "*"),
    ("GetOutboundWebIdentityFederationInfo", &[], "*"),
    ("GetPolicy", &[ARN], "policy/p"),
    ("GetPolicyVersion", &[ARN, VERSION], "policy/p"),
    ("GetRole", &[ROLE], "role/r"),
    ("GetRolePolicy", &[ROLE, NAME], "role/r"),
    ("GetRoleTemplateVersion", &[TEMPLATE], TEMPLATE.1),
    ("GetSAMLProvider", &[SAML], "saml-provider/p"),
    (
        "GetSSHPublicKey",
        &[USER, SSH_KEY, ("Encoding", "SSH")],
        "user/u",
    ),
    ("GetServerCertificate", &[SERVER], "server-certificate/s"),
    ("GetServiceLastAccessedDetails", &[JOB], "*"),
    (
        "GetServiceLastAccessedDetailsWithEntities",
        &[JOB, ("ServiceNamespace", "s3")],
        "*",
    ),
    ("GetServiceLinkedRoleDeletionStatus", &[TASK], LINKED),
    ("GetUser", &[], "user/ann"),
    ("GetUserPolicy", &[USER, NAME], "user/u"),
    ("ListAccessKeys", &[USER], "user/u"),
    ("ListAccountAliases", &[], "*"),
    ("ListAttachedGroupPolicies", &[GROUP], "group/g"),
    ("ListAttachedRolePolicies", &[ROLE], "role/r"),
    ("ListAttachedUserPolicies", &[USER], "user/u"),
    ("ListDelegationRequests", &[], "*"),
    ("ListEntitiesForPolicy", &[ARN], "policy/p"),
    ("ListGroupPolicies", &[GROUP], "group/g"),
    ("ListGroups", &[], "group/"),
    ("ListGroupsForUser", &[USER], "user/u"),
    ("ListInstanceProfileTags", &[PROFILE], PROFILE_ARN),
    ("ListInstanceProfiles", &[], "instance-profile/"),
    ("ListInstanceProfilesForRole", &[ROLE], "role/r"),
    ("ListMFADeviceTags", &[DEVICE], "mfa/d"),
    ("ListMFADevices", &[USER], "user/u"),
    (
        "ListOpenIDConnectProviderTags",
        &[OIDC],
        "oidc-provider/idp.example",
    ),
    ("ListOpenIDConnectProviders", &[], "oidc-provider/*"),
    ("ListOrganizationsFeatures", &[], "*"),
    ("ListPolicies", &[], "policy path /"),
    (
        "ListPoliciesGrantingServiceAccess",
        &[("Arn", SOURCE.1), ("ServiceNamespaces.member.1", "s3")],
        "user/u",
    ),
    ("ListPolicyTags", &[ARN], "policy/p"),
    ("ListPolicyVersions", &[ARN], "policy/p"),
    ("ListRolePolicies", &[ROLE], "role/r"),
    ("ListRoleTags", &[ROLE], "role/r"),
    ("ListRoles", &[], "role/"),
    ("ListSAMLProviderTags", &[SAML], "saml-provider/p"),
    ("ListSAMLProviders", &[], "saml-provider/*"),
    ("ListSSHPublicKeys", &[USER], "user/u"),
    (
        "ListServerCertificateTags",
        &[SERVER],
        "server-certificate/s",
    ),
    ("ListServerCertificates", &[], "server-certificate/"),
    ("ListServiceSpecificCredentials", &[USER], "user/u"),
    ("ListSigningCertificates", &[USER], "user/u"),
    ("ListUserPolicies", &[USER], "user/u"),
    ("ListUserTags", &[USER], "user/u"),
    ("ListUsers", &[], "user/"),
    ("ListVirtualMFADevices", &[], "mfa/"),
    ("PutAccountProperties", PROPERTY, "*"),
    ("PutGroupPolicy", &[GROUP, NAME, DOCUMENT], "group/g"),
    ("PutRolePermissionsBoundary", &[ROLE, BOUNDARY], "role/r"),
    ("PutRolePolicy", &[ROLE, NAME, DOCUMENT], "role/r"),
    ("PutUserPermissionsBoundary", &[USER, BOUNDARY], "user/u"),
    ("PutUserPolicy", &[USER, NAME, DOCUMENT], "user/u"),
    ("ReceiveDelegationToken", &[REQUEST], ITS_ARN),
    ("RejectDelegationRequest", &[REQUEST], ITS_ARN),
    (
        "RemoveClientIDFromOpenIDConnectProvider",
        &[OIDC, CLIENT],
        "oidc-provider/idp.example",
    ),
    (
        "RemoveRoleFromInstanceProfile",
        &[PROFILE, ROLE],
        PROFILE_ARN,
    ),
    ("RemoveUserFromGroup", &[GROUP, USER], "group/g"),
    (
        "ResetServiceSpecificCredential",
        &[USER, CREDENTIAL],
        "user/u",
    ),
    (
        "ResyncMFADevice",
        &[USER, DEVICE, CODES[0], CODES[1]],
        "user/u",
    ),
    ("SendDelegationToken", &[REQUEST], ITS_ARN),
    ("SetDefaultPolicyVersion", &[ARN, VERSION], "policy/p"),
    (
        "SetSecurityTokenServicePreferences",
        &[("GlobalEndpointTokenVersion", "v2Token")],
        "*",
    ),
    ("SimulateCustomPolicy", &[POLICY, ACTION], "*"),
    ("SimulatePrincipalPolicy", &[SOURCE, ACTION], "user/u"),
    (
        "TagInstanceProfile",
        &[PROFILE, TAG[0], TAG[1]],
        PROFILE_ARN,
    ),
    ("TagMFADevice", &[DEVICE, TAG[0], TAG[1]], "mfa/d"),
    (
        "TagOpenIDConnectProvider",
        &[OIDC, TAG[0], TAG[1]],
        "oidc-provider/idp.example",
    ),
    ("TagPolicy", &[ARN, TAG[0], TAG[1]], "policy/p"),
    ("TagRole", &[ROLE, TAG[0], TAG[1]], "role/r"),
    (
        "TagSAMLProvider",
        &[SAML, TAG[0], TAG[1]],
        "saml-provider/p",
    ),
    (
        "TagServerCertificate",
        &[SERVER, TAG[0], TAG[1]],
        "server-certificate/s",
    ),
    ("TagUser", &[USER, TAG[0], TAG[1]], "user/u"),
    ("UntagInstanceProfile", &[PROFILE, TAG_KEY], PROFILE_ARN),
    ("UntagMFADevice", &[DEVICE, TAG_KEY], "mfa/d"),
    (
        "UntagOpenIDConnectProvider",
        &[OIDC, TAG_KEY],
        "oidc-provider/idp.example",
    ),
    ("UntagPolicy", &[ARN, TAG_KEY], "policy/p"),
    ("UntagRole", &[ROLE, TAG_KEY], "role/r"),
    ("UntagSAMLProvider", &[SAML, TAG_KEY], "saml-provider/p"),
    (
        "UntagServerCertificate",
        &[SERVER, TAG_KEY],
        "server-certificate/s",
    ),
    ("UntagUser", &[USER, TAG_KEY], "user/u"),
    (
        "UpdateAccessKey",
        &[USER, KEY, ("Status", "Active")],
        "user/u",
    ),
    ("UpdateAccountPasswordPolicy", &[], "*"),
    ("UpdateAssumeRolePolicy", &[ROLE, DOCUMENT], "role/r"),
    ("UpdateDelegationRequest", &[REQUEST], ITS_ARN),
    ("UpdateGroup", &[GROUP], "group/g"),
    ("UpdateLoginProfile", &[USER], "user/u"),
    (
        "UpdateOpenIDConnectProviderThumbprint",
        &[OIDC, THUMBPRINT],
        "oidc-provider/idp.example",
    ),
    ("UpdateRole", &[ROLE], "role/r"),
    (
        "UpdateRoleDescription",
        &[ROLE, ("Description", "")],
        "role/r",
    ),
    ("UpdateSAMLProvider", &[SAML], "saml-provider/p"),
    ("UpdateSSHPublicKey", &[USER, SSH_KEY, ACTIVE], "user/u"),
    ("UpdateServerCertificate", &[SERVER], "server-certificate/s"),
    (
        "UpdateServiceSpecificCredential",
        &[USER, CREDENTIAL, ACTIVE],
        "user/u",
    ),
    (
        "UpdateSigningCertificate",
        &[USER, SIGNING, ACTIVE],
        "user/u",
    ),
    ("UpdateUser", &[USER], "user/u"),
    (
        "UploadSSHPublicKey",
        &[USER, ("SSHPublicKeyBody", "x")],
        "user/u",
    ),
    (
        "UploadServerCertificate",
        &[SERVER, ("CertificateBody", "x"), ("PrivateKey", "x")],
        "server-certificate/s",
    ),
    (
        "UploadSigningCertificate",
        &[USER, ("CertificateBody", "x")],
        "user/u",
    ),
];

#[test]
fn every_operation_refuses_a_caller_without_policies() {
    let world = World::new();
    let ann = world.user_with_key("ann");
    for (operation, form, resource) in ROWS {
        let resource = match *resource {
            "*" | "policy path /" => (*resource).to_owned(),
            resource if resource.starts_with("arn:") => resource.to_owned(),
            resource => format!("arn:aws:iam::123456789012:{resource}"),
        };
        let message = format!(
            "<Code>AccessDenied</Code><Message>User: arn:aws:iam::123456789012:user/ann is not authorized to perform: iam:{operation} on resource: {resource} because no identity-based policy allows the iam:{operation} action</Message>"
        );
        let (status, body) = answer(&world, &ann, operation, form);
        assert_eq!(
            (status, body.contains(&message)),
            (403, true),
            "{operation}: {body}"
        );
    }
}

/// What bars the credentials comes before what is asked: the very operations that the user may call with
/// a long-term key, or with a session that began with an MFA device, are refused.
#[test]
fn sessions_without_mfa_and_federated_users_call_nothing_of_iam() {
    let world = World::new();
    let ann = world.user_with_key("ann");
    world.allow("ann", r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#);
    let barred = "<Code>InvalidClientTokenId</Code><Message>The security token included in the request is invalid</Message>";
    for session in [own_session(&world, &ann), federated(&world, &ann)] {
        let caller = world.caller_with(&session.0, Some(&session.1), "iam");
        let caller = caller.unwrap();
        for (operation, form, _) in ROWS {
            let (status, body) = answer_to(&world, &caller, operation, form);
            assert_eq!(
                (status, body.contains(barred)),
                (403, true),
                "{operation}: {body}"
            );
        }
    }
}

fn own_session(world: &World, key: &Key) -> (Key, String) {
    signing(&world.call(key, GetSessionToken::default()).unwrap())
}

fn federated(world: &World, key: &Key) -> (Key, String) {
    let everything =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    let federate = GetFederationToken {
        minimum_token_size: Default::default(),
        name: n("fay"),
        duration: None,
        session_policies: SessionPolicies {
            policy: Some(everything.to_owned()),
            policy_arns: Vec::new(),
        },
        tags: Vec::new(),
    };
    signing(&world.call(key, federate).unwrap().credentials)
}

fn signing(credentials: &TemporaryCredentials) -> (Key, String) {
    let key = Key {
        id: credentials.access_key_id.to_string(),
        secret: credentials.secret_access_key.expose().to_owned(),
    };
    (key, credentials.session_token.clone())
}

#[test]
fn no_operation_is_left_out() {
    let bound = operations()
        .iter()
        .filter(|binding| binding.service == Service::Iam);
    let bound: Vec<_> = bound.map(|binding| binding.name).collect();
    let rows: Vec<_> = ROWS.iter().map(|(operation, ..)| *operation).collect();
    assert_eq!(bound, rows);
}

#[test]
fn what_is_required_is_required() {
    let world = World::new();
    for (operation, form, _) in ROWS {
        // The parameters that an operation does without.
        let optional = ["UserName"];
        let by_name = matches!(
            *operation,
            "CreateAccessKey"
                | "CreateLoginProfile"
                | "DeactivateMFADevice"
                | "DeleteAccessKey"
                | "DeleteLoginProfile"
                | "DeleteServiceSpecificCredential"
                | "GetLoginProfile"
                | "GetMFADevice"
                | "GetUser"
                | "DeleteSigningCertificate"
                | "ListAccessKeys"
                | "ListMFADevices"
                | "ListSSHPublicKeys"
                | "ListServiceSpecificCredentials"
                | "ListSigningCertificates"
                | "ResetServiceSpecificCredential"
                | "UpdateAccessKey"
                | "UpdateServiceSpecificCredential"
                | "UpdateSigningCertificate"
                | "UploadSigningCertificate"
        );
        for left_out in *form {
            if by_name && optional.contains(&left_out.0) {
                continue;
            }
            let rest: Vec<_> = form
                .iter()
                .filter(|pair| *pair != left_out)
                .copied()
                .collect();
            let (status, body) = answer(&world, &world.root, operation, &rest);
            let told = body.contains("<Code>ValidationError</Code>")
                && body.contains("Member must not be null");
            assert_eq!(
                (status, told),
                (400, true),
                "{operation} without {}: {body}",
                left_out.0
            );
        }
    }
}
