//! Condition keys: which there are, and what they hold.
//!
//! The global keys, and those of IAM, STS and federation, are from "AWS global condition context
//! keys" and "Keys for IAM and STS"; all others are in the catalogue, which the tables here overrule.

use super::catalogue::{self, KeyType};
use KeyType::{Arn, Bool, Date, Ip, Number, String as Text};

/// What is known of a key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct KeyFacts {
    pub(super) holds: KeyType,
    /// A request may carry several values of it.
    pub(super) many: bool,
}

/// What a key's name tells.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Look {
    Known(KeyFacts),
    /// A name under `aws:` that is none of the global keys.
    NoGlobal,
    /// A name under a service's prefix that is none of its keys.
    NoKeyOfService,
    /// The prefix is no service.
    NoService,
    /// A claim of an OpenID Connect issuer: whatever the issuer says.
    Claim,
}

const fn one(holds: KeyType) -> KeyFacts {
    KeyFacts { holds, many: false }
}

const fn many(holds: KeyType) -> KeyFacts {
    KeyFacts { holds, many: true }
}

/// The global keys without `aws:`, where `*` stands for a tag's key.
const GLOBAL: &[(&str, KeyFacts)] = &[
    ("AssumedRoot", one(Bool)),
    ("CalledVia", many(Text)),
    ("CalledViaAWSMCP", one(Text)),
    ("CalledViaFirst", one(Text)),
    ("CalledViaLast", one(Text)),
    ("ChatbotSourceArn", one(Arn)),
    ("CurrentTime", one(Date)),
    ("Ec2InstanceSourcePrivateIPv4", one(Ip)),
    ("Ec2InstanceSourceVpc", one(Text)),
    ("EpochTime", one(Date)),
    ("FederatedProvider", one(Text)),
    ("IsMcpServiceAction", one(Bool)),
    ("MultiFactorAuthAge", one(Number)),
    ("MultiFactorAuthPresent", one(Bool)),
    ("PrincipalAccount", one(Text)),
    ("PrincipalArn", one(Arn)),
    ("PrincipalIsAWSService", one(Bool)),
    ("PrincipalOrgID", one(Text)),
    ("PrincipalOrgPaths", many(Text)),
    ("PrincipalServiceName", one(Text)),
    ("PrincipalServiceNamesList", many(Text)),
    ("PrincipalTag/*", one(Text)),
    ("PrincipalType", one(Text)),
    ("RequestTag/*", one(Text)),
    ("RequestedRegion", one(Text)),
    ("ResourceAccount", one(Text)),
    ("ResourceOrgID", one(Text)),
    ("ResourceOrgPaths", many(Text)),
    ("ResourceTag/*", one(Text)),
    ("SecureTransport", one(Bool)),
    ("SignInSessionArn", one(Arn)),
    ("SourceAccount", one(Text)),
    ("SourceArn", one(Arn)),
    ("SourceIdentity", one(Text)),
    ("SourceIp", one(Ip)),
    ("SourceOrgID", one(Text)),
    ("SourceOrgPaths", many(Text)),
    ("SourceOwner", one(Text)),
    ("SourceVpc", one(Text)),
    ("SourceVpcArn", one(Arn)),
    ("SourceVpce", one(Text)),
    ("TagKeys", many(Text)),
    ("TokenIssueTime", one(Date)),
    ("UserAgent", one(Text)),
    ("ViaAWSMCPService", one(Bool)),
    ("ViaAWSService", one(Bool)),
    ("VpcSourceIp", one(Ip)),
    ("VpceAccount", one(Text)),
    ("VpceOrgID", one(Text)),
    ("VpceOrgPaths", many(Text)),
    ("referer", one(Text)),
    ("userid", one(Text)),
    ("username", one(Text)),
];

/// Keys of IAM, STS and federation where the catalogue has none, or has it wrong.
const OWN: &[(&str, KeyFacts)] = &[
    ("accounts.google.com:email", one(Text)),
    ("cognito-identity.amazonaws.com:amr", many(Text)),
    ("credentials-iot:*", one(Text)),
    ("iam:AccountPropertyNamespaces", many(Text)),
    ("iam:ResourceTag/*", one(Text)),
    ("sts:IdentityTokenAudience", many(Text)),
    ("sts:RequestContext/*", one(Text)),
    ("sts:RequestContextProviders", many(Arn)),
    ("sts:RoleAuthorizedByIdp", one(Bool)),
    ("sts:TaskPolicyArn", one(Arn)),
    ("sts:TransitiveTagKeys", many(Text)),
];

const SAML_ONE: &[&str] = &["aud", "doc", "iss", "namequalifier", "sub", "sub_type"];

const SAML_MANY: &[&str] = &[
    "cn",
    "commonName",
    "eduOrgHomePageURI",
    "eduOrgIdentityAuthNPolicyURI",
    "eduOrgLegalName",
    "eduOrgSuperiorURI",
    "eduOrgWhitePagesURI",
    "eduPersonAffiliation",
    "eduPersonAssurance",
    "eduPersonEntitlement",
    "eduPersonNickname",
    "eduPersonOrgDN",
    "eduPersonOrgUnitDN",
    "eduPersonPrimaryAffiliation",
    "eduPersonPrimaryOrgUnitDN",
    "eduPersonPrincipalName",
    "eduPersonScopedAffiliation",
    "eduPersonTargetedID",
    "givenName",
    "mail",
    "name",
    "organizationStatus",
    "primaryGroupSID",
    "surname",
    "uid",
    "x500UniqueIdentifier",
];

/// Keys that a session of some service carries into requests to all others.
const OF_SESSIONS: &[&str] = &[
    "codebuild:",
    "ec2:roledelivery",
    "ec2:sourceinstancearn",
    "glue:credentialissuingservice",
    "glue:roleassumedby",
    "identitystore:userid",
    "lambda:sourcefunctionarn",
    "saml:",
    "ssm:sourceinstancearn",
];

/// Older global keys, and what took their place.
const REPLACED: &[(&str, &str)] = &[
    ("aws:sourceowner", "aws:SourceAccount"),
    ("aws:arn", "aws:PrincipalArn"),
];

/// Looks a key up, whatever its letter case.
pub(super) fn look(key: &str) -> Look {
    let lower = key.to_ascii_lowercase();
    if let Some((_, facts)) = OWN.iter().find(|(name, _)| is(name, &lower)) {
        return Look::Known(*facts);
    }
    let Some((prefix, name)) = split(&lower) else {
        return Look::NoService;
    };
    if prefix == "aws" {
        let known = GLOBAL.iter().find(|(known, _)| is(known, name));
        return known.map_or(Look::NoGlobal, |(_, facts)| Look::Known(*facts));
    }
    if prefix == "saml" {
        let among = |names: &[&str]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
        return match (among(SAML_ONE), among(SAML_MANY)) {
            (true, _) => Look::Known(one(Text)),
            (_, true) => Look::Known(many(Text)),
            _ => Look::NoKeyOfService,
        };
    }
    if prefix.contains(['.', '/']) {
        return if name == "amr" {
            Look::Known(many(Text))
        } else {
            Look::Claim
        };
    }
    let Some(service) = catalogue::service(prefix) else {
        return Look::NoService;
    };
    match service.key(&lower) {
        Some(key) => Look::Known(KeyFacts {
            holds: key.holds,
            many: key.many,
        }),
        None => Look::NoKeyOfService,
    }
}

/// The prefix and the name of a key in lower case. An issuer's name may hold colons, a tag's key too.
pub(super) fn split(key: &str) -> Option<(&str, &str)> {
    let (prefix, _) = key.split_once(':')?;
    if prefix.contains('.') {
        return key.rsplit_once(':');
    }
    key.split_once(':')
}

/// Names like an unknown key's, with their prefix.
pub(super) fn siblings(key: &str) -> Vec<String> {
    let lower = key.to_ascii_lowercase();
    let prefix = split(&lower).map_or("", |(prefix, _)| prefix);
    let prefixed = |name: &&str| format!("{prefix}:{name}");
    match prefix {
        "aws" => GLOBAL.iter().map(|(name, _)| prefixed(name)).collect(),
        "saml" => SAML_ONE.iter().chain(SAML_MANY).map(prefixed).collect(),
        _ => {
            let own = OWN.iter().map(|(name, _)| (*name).to_owned());
            let service = catalogue::service(prefix);
            let keys = service.iter().flat_map(|s| &s.keys).map(|k| k.name.clone());
            let is_sibling = |name: &String| name.to_ascii_lowercase().starts_with(prefix);
            own.chain(keys).filter(is_sibling).collect()
        }
    }
}

/// Whether requests for actions that the catalogue does not tell may carry a key, named in lower
/// case: claims of federated sessions, and what the tables here add.
pub(super) fn is_of_many(lower: &str) -> bool {
    let claim = split(lower).is_some_and(|(prefix, _)| prefix.contains('.'));
    claim || OWN.iter().any(|(name, _)| is(name, lower)) || is_of_sessions(lower)
}

fn is_of_sessions(lower: &str) -> bool {
    OF_SESSIONS
        .iter()
        .any(|known| match known.strip_suffix(':') {
            Some(_) => lower.starts_with(known),
            None => lower == *known,
        })
}

/// What took the place of a key.
pub(super) fn replaced(key: &str) -> Option<&'static str> {
    let named = REPLACED
        .iter()
        .find(|(old, _)| old.eq_ignore_ascii_case(key));
    named.map(|(_, new)| *new)
}

fn is(known: &str, lower: &str) -> bool {
    match known.strip_suffix('*') {
        None => known.eq_ignore_ascii_case(lower),
        Some(start) => {
            let head = lower.get(..start.len());
            lower.len() > start.len() && head.is_some_and(|head| head.eq_ignore_ascii_case(start))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{KeyType, Look, look, many, one};

    #[test]
    fn looking_up() {
        for (key, wanted) in [
            ("aws:SourceIp", Look::Known(one(KeyType::Ip))),
            ("AWS:sourceip", Look::Known(one(KeyType::Ip))),
            ("aws:PrincipalTag/Team:x", Look::Known(one(KeyType::String))),
            ("aws:PrincipalTag/", Look::NoGlobal),
            ("aws:TagKeys", Look::Known(many(KeyType::String))),
            ("aws:SourceIpp", Look::NoGlobal),
            ("s3:prefix", Look::Known(one(KeyType::String))),
            ("s3:Prefixx", Look::NoKeyOfService),
            ("sts:TransitiveTagKeys", Look::Known(many(KeyType::String))),
            ("sts:RoleAuthorizedByIdp", Look::Known(one(KeyType::Bool))),
            ("saml:edupersonorgdn", Look::Known(many(KeyType::String))),
            ("SAML:aud", Look::Known(one(KeyType::String))),
            ("saml:audience", Look::NoKeyOfService),
            ("nothing:x", Look::NoService),
            ("idp.example.com:8080/x:sub", Look::Claim),
            ("idp.example.com:amr", Look::Known(many(KeyType::String))),
        ] {
            assert_eq!(look(key), wanted, "{key}");
        }
    }
}
