//! The caller of a case, made from its ARN, and the condition keys that follow from it.

use std::collections::BTreeMap;

use crate::arn::{Arn, is_account_id};
use crate::context::Value;
use crate::principal::Principal;

/// Who calls: a [`Principal`] that owns its names.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Caller {
    /// An unsigned request.
    Anonymous,
    /// The root user of an account.
    Root {
        /// The account's id.
        account: String,
    },
    /// An IAM user.
    User {
        /// The user's account.
        account: String,
        /// The user's ARN, path included.
        arn: String,
        /// The user's unique id.
        id: String,
    },
    /// A session of GetFederationToken.
    FederatedUser {
        /// The account of the session.
        account: String,
        /// The session's ARN.
        arn: String,
        /// ARN and unique id of the user that asked for it; `None` when root did.
        user: Option<(String, String)>,
    },
    /// A session of a role.
    AssumedRole {
        /// The role's account.
        account: String,
        /// The role's ARN, path included.
        role: String,
        /// The role's unique id.
        id: String,
        /// The session's ARN.
        session: String,
        /// The session's name.
        name: String,
    },
    /// An AWS service on its own behalf.
    Service {
        /// The service principal.
        name: String,
    },
    /// The bearer of a SAML response or an OpenID Connect token.
    Federated {
        /// The provider's ARN, or the name of a built-in one.
        provider: String,
        /// The account in which the provider is registered.
        account: String,
    },
}

/// What a case says of its caller.
pub(super) struct Named<'a> {
    pub(super) principal: &'a str,
    pub(super) id: Option<&'a str>,
    pub(super) issuer: Option<&'a str>,
    pub(super) action: &'a str,
    /// The account of the resource, if the case or its ARN tells.
    pub(super) resource_account: Option<&'a str>,
}

const USER_ID: &str = "AIDAEXAMPLEEXAMPLE001";
const ROLE_ID: &str = "AROAEXAMPLEEXAMPLE001";

/// OpenID Connect providers that no account registers.
const BUILT_IN: [&str; 4] = [
    "accounts.google.com",
    "cognito-identity.amazonaws.com",
    "graph.facebook.com",
    "www.amazon.com",
];

impl Caller {
    /// The caller as the engine takes it.
    pub fn principal(&self) -> Principal<'_> {
        match self {
            Caller::Anonymous => Principal::Anonymous,
            Caller::Root { account } => Principal::Root { account },
            Caller::User { account, arn, id } => Principal::User {
                account,
                arn,
                unique_id: id,
            },
            Caller::FederatedUser { account, arn, user } => Principal::FederatedUser {
                account,
                arn,
                user: user.as_ref().map(|(arn, id)| (arn.as_str(), id.as_str())),
            },
            Caller::AssumedRole {
                account,
                role,
                id,
                session,
                name,
            } => Principal::AssumedRole {
                account,
                role_arn: role,
                unique_id: id,
                session_arn: session,
                session_name: name,
            },
            Caller::Service { name } => Principal::Service { name },
            Caller::Federated { provider, account } => Principal::Federated { provider, account },
        }
    }

    /// The account whose credentials the caller has.
    pub fn account(&self) -> Option<&str> {
        self.principal().account()
    }

    /// Makes the caller, or tells why there is none such.
    pub(super) fn of(named: &Named<'_>) -> Result<Caller, String> {
        let principal = named.principal;
        let caller = match Arn::parse(principal) {
            None => Caller::without_arn(named),
            Some(arn) => Caller::with_arn(&arn, named),
        };
        let caller = caller.ok_or_else(|| {
            format!(
                "`{principal}` is no caller: an ARN of root, a user, a role, a session or a \
                     provider, a service principal, or `anonymous` is"
            )
        })?;
        let can = match &caller {
            Caller::User { .. } => (true, false),
            Caller::AssumedRole { .. } | Caller::FederatedUser { user: Some(_), .. } => {
                (true, true)
            }
            Caller::FederatedUser { user: None, .. } => (false, true),
            _ => (false, false),
        };
        match (can, named.id, named.issuer) {
            ((false, _), Some(_), _) => Err(format!("`{principal}` has no `principal_id`")),
            ((_, false), _, Some(_)) => Err(format!("`{principal}` has no `principal_issuer`")),
            _ => Ok(caller),
        }
    }

    fn without_arn(named: &Named<'_>) -> Option<Caller> {
        let name = named.principal;
        if name == "anonymous" {
            return Some(Caller::Anonymous);
        }
        // Cognito's name is also that of a service, which assumes roles by the plain action.
        if BUILT_IN.contains(&name) && !named.action.eq_ignore_ascii_case("sts:AssumeRole") {
            return Some(Caller::Federated {
                provider: name.to_owned(),
                account: named.resource_account.unwrap_or_default().to_owned(),
            });
        }
        let host = name.contains('.') && !name.contains([':', '/', '*', '?', ' ']);
        host.then(|| Caller::Service {
            name: name.to_owned(),
        })
    }

    fn with_arn(arn: &Arn, named: &Named<'_>) -> Option<Caller> {
        let account = arn.account().to_owned();
        let own = |default: &str| named.id.unwrap_or(default).to_owned();
        let partition = arn.partition();
        let (kind, name) = arn
            .resource()
            .split_once('/')
            .unwrap_or((arn.resource(), ""));
        let text = named.principal.to_owned();
        if !is_account_id(&account)
            || !arn.region().is_empty()
            || (name.is_empty() != (kind == "root"))
        {
            return None;
        }
        Some(match (arn.service(), kind) {
            ("iam", "root") => Caller::Root { account },
            ("iam", "user") => Caller::User {
                account,
                arn: text,
                id: own(USER_ID),
            },
            ("iam", "saml-provider" | "oidc-provider") => Caller::Federated {
                provider: text,
                account,
            },
            ("iam", "role") if named.issuer.is_none() => Caller::AssumedRole {
                session: {
                    let role = name.rsplit('/').next()?;
                    format!("arn:{partition}:sts::{account}:assumed-role/{role}/session")
                },
                account,
                role: text,
                id: own(ROLE_ID),
                name: "session".to_owned(),
            },
            ("sts", "assumed-role") => {
                let (role, session) = name.split_once('/')?;
                if role.is_empty() || session.is_empty() || session.contains('/') {
                    return None;
                }
                let default = format!("arn:{partition}:iam::{account}:role/{role}");
                let issuer = named.issuer.unwrap_or(&default);
                // The session's ARN has the role's name and not its path.
                let issuer_arn = Arn::parse(issuer)?;
                let path = issuer_arn.resource().strip_prefix("role/")?;
                if path.rsplit('/').next() != Some(role) || issuer_arn.account() != account {
                    return None;
                }
                Caller::AssumedRole {
                    account,
                    role: issuer.to_owned(),
                    id: own(ROLE_ID),
                    name: session.to_owned(),
                    session: text,
                }
            }
            ("sts", "federated-user") => {
                let default = format!("arn:{partition}:iam::{account}:user/{name}");
                let issuer = named.issuer.unwrap_or(&default);
                let issuer_arn = Arn::parse(issuer)?;
                let root = issuer_arn.resource() == "root";
                if issuer_arn.account() != account
                    || !(root || issuer_arn.resource().starts_with("user/"))
                {
                    return None;
                }
                Caller::FederatedUser {
                    account,
                    arn: text,
                    user: (!root).then(|| (issuer.to_owned(), own(USER_ID))),
                }
            }
            _ => return None,
        })
    }

    /// The condition keys that every request of this caller has, in lower case.
    pub fn context(&self) -> BTreeMap<String, Value<'static>> {
        let last = |arn: &str| arn.rsplit('/').next().unwrap_or_default().to_owned();
        let mut facts = BTreeMap::new();
        let mut put = |key: &str, value: &str| {
            facts.insert(key.to_owned(), Value::from(value.to_owned()));
        };
        let service = matches!(self, Caller::Service { .. });
        put(
            "aws:principalisawsservice",
            if service { "true" } else { "false" },
        );
        if let Some(account) = self.account() {
            put("aws:principalaccount", account);
        }
        match self {
            Caller::Anonymous => {
                put("aws:principaltype", "Anonymous");
                put("aws:principalaccount", "anonymous");
                put("aws:userid", "anonymous");
            }
            Caller::Root { account } => {
                put("aws:principaltype", "Account");
                put("aws:principalarn", &format!("arn:aws:iam::{account}:root"));
                put("aws:userid", account);
            }
            Caller::User { arn, id, .. } => {
                put("aws:principaltype", "User");
                put("aws:principalarn", arn);
                put("aws:userid", id);
                put("aws:username", &last(arn));
            }
            Caller::FederatedUser { account, arn, .. } => {
                put("aws:principaltype", "FederatedUser");
                put("aws:principalarn", arn);
                put("aws:userid", &format!("{account}:{}", last(arn)));
            }
            Caller::AssumedRole { role, id, name, .. } => {
                put("aws:principaltype", "AssumedRole");
                put("aws:principalarn", role);
                put("aws:userid", &format!("{id}:{name}"));
            }
            Caller::Service { name } => put("aws:principalservicename", name),
            Caller::Federated { provider, .. } => {
                put("aws:principaltype", "User");
                put("aws:userid", provider);
                if !provider.contains(":saml-provider/") {
                    put("aws:federatedprovider", provider);
                }
            }
        }
        facts
    }
}

#[cfg(test)]
mod tests {
    use super::{Caller, Named};

    #[track_caller]
    fn check(principal: &str, issuer: Option<&str>, wanted: Option<&str>) {
        let caller = Caller::of(&Named {
            principal,
            id: None,
            issuer,
            action: "sts:AssumeRole",
            resource_account: None,
        });
        let seen = caller.ok().map(|caller| match caller {
            Caller::Anonymous => "nobody".to_owned(),
            Caller::Root { account } => format!("root {account}"),
            Caller::User { account, id, .. } => format!("user {account} {id}"),
            Caller::FederatedUser { account, user, .. } => {
                format!(
                    "federated {account} {}",
                    user.map_or("root".to_owned(), |(arn, _)| arn)
                )
            }
            Caller::AssumedRole {
                role,
                session,
                name,
                ..
            } => format!("{role} {session} {name}"),
            Caller::Service { name } => format!("service {name}"),
            Caller::Federated { provider, account } => format!("{provider} in {account}"),
        });
        assert_eq!(seen.as_deref(), wanted, "{principal}");
    }

    #[test]
    fn callers() {
        check("anonymous", None, Some("nobody"));
        check(
            "arn:aws:iam::123456789012:root",
            None,
            Some("root 123456789012"),
        );
        check(
            "arn:aws:iam::123456789012:user/team/ann",
            None,
            Some("user 123456789012 AIDAEXAMPLEEXAMPLE001"),
        );
        check(
            "arn:aws-cn:iam::123456789012:role/team/r",
            None,
            Some(
                "arn:aws-cn:iam::123456789012:role/team/r \
                 arn:aws-cn:sts::123456789012:assumed-role/r/session session",
            ),
        );
        let session = "arn:aws:sts::123456789012:assumed-role/r/s";
        check(
            session,
            None,
            Some(&format!("arn:aws:iam::123456789012:role/r {session} s")),
        );
        check(
            session,
            Some("arn:aws:iam::123456789012:role/team/r"),
            Some(&format!(
                "arn:aws:iam::123456789012:role/team/r {session} s"
            )),
        );
        let federated = "arn:aws:sts::123456789012:federated-user/f";
        check(
            federated,
            None,
            Some("federated 123456789012 arn:aws:iam::123456789012:user/f"),
        );
        check(
            federated,
            Some("arn:aws:iam::123456789012:root"),
            Some("federated 123456789012 root"),
        );
        check("ec2.amazonaws.com", None, Some("service ec2.amazonaws.com"));
        let provider = "arn:aws:iam::123456789012:saml-provider/corp";
        check(provider, None, Some(&format!("{provider} in 123456789012")));
    }

    #[test]
    fn what_is_no_caller() {
        for principal in [
            "",
            "*",
            "ann",
            "123456789012",
            "arn:aws:iam::123456789012:group/g",
            "arn:aws:iam::123456789012:user/",
            "arn:aws:iam::123456789012:user",
            "arn:aws:iam::123456789012:root/x",
            "arn:aws:iam::12345:user/ann",
            "arn:aws:iam:eu:123456789012:user/ann",
            "arn:aws:s3:::bucket",
            "arn:aws:sts::123456789012:assumed-role/r",
            "arn:aws:sts::123456789012:assumed-role/r/",
            "arn:aws:sts::123456789012:assumed-role/p/r/s",
            "*.amazonaws.com",
        ] {
            check(principal, None, None);
        }
        let session = "arn:aws:sts::123456789012:assumed-role/r/s";
        check(session, Some("arn:aws:iam::123456789012:role/other"), None);
        check(session, Some("arn:aws:iam::999999999999:role/r"), None);
        check(
            "ec2.amazonaws.com",
            Some("arn:aws:iam::123456789012:role/r"),
            None,
        );
        check(
            "arn:aws:iam::123456789012:user/ann",
            Some("arn:aws:iam::123456789012:root"),
            None,
        );
    }

    #[test]
    fn built_in_providers() {
        let caller = |action| {
            Caller::of(&Named {
                principal: "cognito-identity.amazonaws.com",
                id: None,
                issuer: None,
                action,
                resource_account: Some("123456789012"),
            })
        };
        assert_eq!(
            caller("sts:AssumeRoleWithWebIdentity"),
            Ok(Caller::Federated {
                provider: "cognito-identity.amazonaws.com".to_owned(),
                account: "123456789012".to_owned(),
            })
        );
        assert_eq!(
            caller("sts:AssumeRole"),
            Ok(Caller::Service {
                name: "cognito-identity.amazonaws.com".to_owned(),
            })
        );
    }
}
