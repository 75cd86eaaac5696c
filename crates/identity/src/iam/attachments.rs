//! Managed policies attached to users, groups and roles.

use super::{
    Page, PageRequest, attachable, group, need_on_group, need_on_role, need_on_user, parsed_arn,
    role, user,
};
use crate::account::Account;
use crate::caller::Need;
use crate::entity::{Attachments, Group, Role, User};
use crate::error::{Error, Missing};
use crate::names::{ArnText, EntityName, PolicyPath, RoleName, UserName};
use crate::operation::{Call, Draft, Granted, Operation, Service};
use crate::quotas::AccountQuota;

/// What policies hang on, by the name in the request.
#[derive(Clone, Copy, Debug)]
pub(super) enum Holder<'a> {
    User(&'a str),
    Group(&'a str),
    Role(&'a str),
}

impl Holder<'_> {
    /// The need of an action on the holder, who may or may not exist.
    pub(super) fn need<'a>(
        self,
        call: &'a Call<'_>,
        action: &'static str,
    ) -> Result<Need<'a>, Error> {
        match self {
            Self::User(name) => need_on_user(call, action, name),
            Self::Group(name) => need_on_group(call, action, name),
            Self::Role(name) => need_on_role(call, action, name),
        }
    }

    /// The holder's policies.
    pub(super) fn policies(self, account: &Account) -> Result<&Attachments, Error> {
        Ok(match self {
            Self::User(name) => &user(account, name)?.user.policies,
            Self::Group(name) => &group(account, name)?.group.policies,
            Self::Role(name) => &role(account, name)?.role.policies,
        })
    }

    /// The holder's name as it is stored.
    pub(super) fn name(self, account: &Account) -> Result<&str, Error> {
        Ok(match self {
            Self::User(name) => user(account, name)?.user.name.as_str(),
            Self::Group(name) => group(account, name)?.group.name.as_str(),
            Self::Role(name) => role(account, name)?.role.name.as_str(),
        })
    }

    /// Changes the holder's policies by `edit`; nothing is written if that leaves them as they are.
    pub(super) fn edit(
        self,
        draft: &mut Draft<'_>,
        edit: impl FnOnce(&Account, &mut Attachments) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let account = draft.account;
        if let Self::Role(name) = self {
            super::roles::modifiable(&role(account, name)?.role)?;
        }
        let before = self.policies(account)?;
        let mut policies = before.clone();
        edit(account, &mut policies)?;
        if policies == *before {
            return Ok(());
        }
        match self {
            Self::User(name) => draft.change.put(User {
                policies,
                ..user(account, name)?.user.clone()
            }),
            Self::Group(name) => draft.change.put(Group {
                policies,
                ..group(account, name)?.group.clone()
            }),
            Self::Role(name) => draft.change.put(Role {
                policies,
                ..role(account, name)?.role.clone()
            }),
        }
        Ok(())
    }

    /// The quota on attached policies, as AWS names it.
    fn quota(self) -> AccountQuota {
        match self {
            Self::User(_) => AccountQuota::PoliciesPerUser,
            Self::Group(_) => AccountQuota::PoliciesPerGroup,
            Self::Role(_) => AccountQuota::PoliciesPerRole,
        }
    }

    async fn attach(self, call: &Call<'_>, arn: &str) -> Result<(), Error> {
        call.change(|draft| {
            self.edit(draft, |account, policies| {
                attachable(account, arn)?;
                if policies.attached.iter().any(|other| other == arn) {
                    return Ok(());
                }
                account.room_for_one(policies.attached.len(), self.quota())?;
                policies.attached.push(arn.to_owned());
                Ok(())
            })
        })
        .await
    }

    async fn detach(self, call: &Call<'_>, arn: &str) -> Result<(), Error> {
        call.change(|draft| {
            self.edit(draft, |_, policies| {
                parsed_arn(arn)?;
                let before = policies.attached.len();
                policies.attached.retain(|other| other != arn);
                if policies.attached.len() == before {
                    return Err(Error::NoSuchEntity(Missing::Policy(arn.to_owned())));
                }
                Ok(())
            })
        })
        .await
    }

    fn attached(
        self,
        account: &Account,
        path_prefix: Option<&PolicyPath>,
        page: &PageRequest,
    ) -> Result<Page<AttachedPolicy>, Error> {
        let mut arns: Vec<_> = self
            .policies(account)?
            .attached
            .iter()
            .map(String::as_str)
            .collect();
        arns.sort_unstable();
        let covered = arns
            .into_iter()
            .filter(|arn| path_prefix.is_none_or(|prefix| path(arn).starts_with(prefix.as_str())));
        Ok(page.page_of_all(covered.map(|arn| (arn, AttachedPolicy::new(arn)))))
    }
}

/// The path in the ARN of a managed policy, with its slashes.
fn path(arn: &str) -> &str {
    let resource = arn.splitn(6, ':').nth(5).unwrap_or_default();
    let behind = resource.strip_prefix("policy").unwrap_or_default();
    behind
        .rfind('/')
        .and_then(|last| behind.get(..=last))
        .unwrap_or_default()
}

/// A managed policy as the lists of attached ones show it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AttachedPolicy {
    /// `PolicyName`
    pub name: String,
    /// `PolicyArn`
    pub arn: String,
}

impl AttachedPolicy {
    pub(super) fn new(arn: &str) -> Self {
        Self {
            name: arn.rsplit('/').next().unwrap_or_default().to_owned(),
            arn: arn.to_owned(),
        }
    }
}

/// The three operations of one kind of holder: its face before the core above.
macro_rules! operations {
    ($holder:ident, $field:ident: $name:ty = $member:literal, $attach:ident, $detach:ident, $list:ident) => {
        #[doc = concat!(stringify!($attach), ": of a policy that is attached already, nothing comes.")]
        #[derive(Clone, Debug)]
        pub struct $attach {
            #[doc = $member]
            pub $field: $name,
            /// `PolicyArn`
            pub policy_arn: ArnText,
        }

        impl Operation for $attach {
            type Output = ();
            type Found = ();
            const SERVICE: Service = Service::Iam;
            const NAME: &'static str = stringify!($attach);

            async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
                let need = Holder::$holder(self.$field.as_str())
                    .need(call, concat!("iam:", stringify!($attach)))?;
                call.allow(&need.key("iam:policyarn", self.policy_arn.as_str()))
            }

            async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
                Holder::$holder(self.$field.as_str())
                    .attach(call, self.policy_arn.as_str())
                    .await
            }
        }

        #[doc = stringify!($detach)]
        #[derive(Clone, Debug)]
        pub struct $detach {
            #[doc = $member]
            pub $field: $name,
            /// `PolicyArn`
            pub policy_arn: ArnText,
        }

        impl Operation for $detach {
            type Output = ();
            type Found = ();
            const SERVICE: Service = Service::Iam;
            const NAME: &'static str = stringify!($detach);

            async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
                let need = Holder::$holder(self.$field.as_str())
                    .need(call, concat!("iam:", stringify!($detach)))?;
                call.allow(&need.key("iam:policyarn", self.policy_arn.as_str()))
            }

            async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
                Holder::$holder(self.$field.as_str())
                    .detach(call, self.policy_arn.as_str())
                    .await
            }
        }

        #[doc = concat!(stringify!($list), ": by ARN.")]
        #[derive(Clone, Debug)]
        pub struct $list {
            #[doc = $member]
            pub $field: $name,
            /// `PathPrefix`
            pub path_prefix: Option<PolicyPath>,
            /// `Marker` and `MaxItems`
            pub page: PageRequest,
        }

        impl Operation for $list {
            type Output = Page<AttachedPolicy>;
            type Found = ();
            const SERVICE: Service = Service::Iam;
            const NAME: &'static str = stringify!($list);

            async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
                call.allow(
                    &Holder::$holder(self.$field.as_str())
                        .need(call, concat!("iam:", stringify!($list)))?,
                )
            }

            async fn perform(self, call: &Call<'_>, (): ()) -> Result<Self::Output, Error> {
                let holder = Holder::$holder(self.$field.as_str());
                holder.attached(call.account()?, self.path_prefix.as_ref(), &self.page)
            }
        }
    };
}

operations!(User, user_name: UserName = "`UserName`", AttachUserPolicy, DetachUserPolicy, ListAttachedUserPolicies);
operations!(
    Group, group_name: EntityName = "`GroupName`", AttachGroupPolicy, DetachGroupPolicy, ListAttachedGroupPolicies
);
operations!(Role, role_name: RoleName = "`RoleName`", AttachRolePolicy, DetachRolePolicy, ListAttachedRolePolicies);

#[cfg(test)]
mod tests {
    use super::path;

    #[test]
    fn the_path_of_a_policy() {
        assert_eq!(path("arn:aws:iam::aws:policy/ReadOnlyAccess"), "/");
        assert_eq!(
            path("arn:aws:iam::aws:policy/job-function/Billing"),
            "/job-function/"
        );
        assert_eq!(path("arn:aws:iam::123456789012:policy/a/b/c"), "/a/b/");
        assert_eq!(path("arn:aws:iam::123456789012:role/a"), "");
    }
}
