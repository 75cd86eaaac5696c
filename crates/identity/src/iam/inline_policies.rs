//! Inline policies of users, groups and roles.

use super::attachments::Holder;
use super::{Page, PageRequest};
use crate::account::Account;
use crate::entity::{Attachments, InlinePolicy};
use crate::error::{Error, Missing, Quota};
use crate::names::{DocumentText, EntityName, RoleName};
use crate::operation::{Call, Granted, Operation, Service};
use crate::quotas::AccountQuota;
use locum_policy::{Kind, Policy};

/// An inline policy as the Get operations answer it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct GotInlinePolicy {
    /// The name of the user, group or role, as it is stored.
    pub holder: String,
    /// `PolicyName`, as it was asked for.
    pub policy_name: EntityName,
    /// `PolicyDocument`, byte for byte as submitted.
    pub document: String,
}

/// The characters that the quota on all inline policies of one holder counts.
pub(crate) fn size(document: &str) -> usize {
    document
        .chars()
        .filter(|c| !matches!(c, ' ' | '\t' | '\r' | '\n'))
        .count()
}

/// `LimitExceeded`, if the inline policies of a role that is to be are too long together.
pub(super) fn check_inline_size(
    account: &Account,
    role: &str,
    policies: &Attachments,
) -> Result<(), Error> {
    let (kind, quota) = Holder::Role(role).inline_quota();
    let limit = account.quota(quota);
    let total: usize = policies.inline.values().map(|it| size(&it.document)).sum();
    if total > limit {
        let name = role.to_owned();
        return Err(Error::LimitExceeded(Quota::InlinePolicySize {
            kind,
            name,
            limit,
        }));
    }
    Ok(())
}

impl Holder<'_> {
    /// `user`, `group` or `role`, and the characters that its inline policies may have together.
    fn inline_quota(self) -> (&'static str, AccountQuota) {
        match self {
            Self::User(_) => ("user", AccountQuota::UserPolicySize),
            Self::Group(_) => ("group", AccountQuota::GroupPolicySize),
            Self::Role(_) => ("role", AccountQuota::RolePolicySize),
        }
    }

    fn missing(self, name: &EntityName) -> Error {
        let name = name.to_string();
        Error::NoSuchEntity(match self {
            Self::User(_) => Missing::UserPolicy(name),
            Self::Group(_) => Missing::GroupPolicy(name),
            Self::Role(_) => Missing::RolePolicy(name),
        })
    }

    async fn put_inline(
        self,
        call: &Call<'_>,
        name: &EntityName,
        document: &DocumentText,
    ) -> Result<(), Error> {
        self.policies(call.account()?)?;
        Policy::parse(document.as_str(), Kind::Identity)?;
        call.change(|draft| {
            self.edit(draft, |account, policies| {
                let key = name.as_str().to_ascii_lowercase();
                let (kind, quota) = self.inline_quota();
                let limit = account.quota(quota);
                let others = policies.inline.iter().filter(|(other, _)| **other != key);
                let total: usize = others.map(|(_, inline)| size(&inline.document)).sum();
                if total + size(document.as_str()) > limit {
                    let name = self.name(account)?.to_owned();
                    return Err(Error::LimitExceeded(Quota::InlinePolicySize {
                        kind,
                        name,
                        limit,
                    }));
                }
                let inline = policies.inline.entry(key).or_insert_with(|| InlinePolicy {
                    name: name.clone(),
                    document: String::new(),
                });
                document.as_str().clone_into(&mut inline.document);
                Ok(())
            })
        })
        .await
    }

    async fn delete_inline(self, call: &Call<'_>, name: &EntityName) -> Result<(), Error> {
        call.change(|draft| {
            self.edit(draft, |_, policies| {
                let removed = policies.inline.remove(&name.as_str().to_ascii_lowercase());
                removed.map(drop).ok_or_else(|| self.missing(name))
            })
        })
        .await
    }

    fn inline(self, account: &Account, name: EntityName) -> Result<GotInlinePolicy, Error> {
        let policies: &Attachments = self.policies(account)?;
        let inline = policies
            .inline
            .get(&name.as_str().to_ascii_lowercase())
            .ok_or_else(|| self.missing(&name))?;
        let document = inline.document.clone();
        Ok(GotInlinePolicy {
            holder: self.name(account)?.to_owned(),
            policy_name: name,
            document,
        })
    }

    fn inline_names(
        self,
        account: &Account,
        page: &PageRequest,
    ) -> Result<Page<EntityName>, Error> {
        let inline = self.policies(account)?.inline.iter();
        Ok(page.page_of_all(inline.map(|(key, inline)| (key.as_str(), inline.name.clone()))))
    }
}

/// The four operations of one kind of holder: its face before the core above.
macro_rules! operations {
    (
        $holder:ident, $field:ident: $name:ty = $member:literal,
        $put:ident, $get:ident, $delete:ident, $list:ident
    ) => {
        #[doc = concat!(stringify!($put), ": creates or replaces; a known name keeps its first spelling.")]
        #[derive(Clone, Debug)]
        pub struct $put {
            #[doc = $member]
            pub $field: $name,
            /// `PolicyName`
            pub policy_name: EntityName,
            /// `PolicyDocument`
            pub policy_document: DocumentText,
        }

        impl Operation for $put {
            type Output = ();
            type Found = ();
            const SERVICE: Service = Service::Iam;
            const NAME: &'static str = stringify!($put);

            async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
                call.allow(&Holder::$holder(self.$field.as_str()).need(call, concat!("iam:", stringify!($put)))?)
            }

            async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
                let holder = Holder::$holder(self.$field.as_str());
                holder.put_inline(call, &self.policy_name, &self.policy_document).await
            }
        }

        #[doc = stringify!($get)]
        #[derive(Clone, Debug)]
        pub struct $get {
            #[doc = $member]
            pub $field: $name,
            /// `PolicyName`
            pub policy_name: EntityName,
        }

        impl Operation for $get {
            type Output = GotInlinePolicy;
            type Found = ();
            const SERVICE: Service = Service::Iam;
            const NAME: &'static str = stringify!($get);

            async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
                call.allow(&Holder::$holder(self.$field.as_str()).need(call, concat!("iam:", stringify!($get)))?)
            }

            async fn perform(self, call: &Call<'_>, (): ()) -> Result<Self::Output, Error> {
                Holder::$holder(self.$field.as_str()).inline(call.account()?, self.policy_name)
            }
        }

        #[doc = stringify!($delete)]
        #[derive(Clone, Debug)]
        pub struct $delete {
            #[doc = $member]
            pub $field: $name,
            /// `PolicyName`
            pub policy_name: EntityName,
        }

        impl Operation for $delete {
            type Output = ();
            type Found = ();
            const SERVICE: Service = Service::Iam;
            const NAME: &'static str = stringify!($delete);

            async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
                call.allow(&Holder::$holder(self.$field.as_str()).need(call, concat!("iam:", stringify!($delete)))?)
            }

            async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
                Holder::$holder(self.$field.as_str()).delete_inline(call, &self.policy_name).await
            }
        }

        #[doc = concat!(stringify!($list), ": the names, with their first spelling.")]
        #[derive(Clone, Debug)]
        pub struct $list {
            #[doc = $member]
            pub $field: $name,
            /// `Marker` and `MaxItems`
            pub page: PageRequest,
        }

        impl Operation for $list {
            type Output = Page<EntityName>;
            type Found = ();
            const SERVICE: Service = Service::Iam;
            const NAME: &'static str = stringify!($list);

            async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
                call.allow(&Holder::$holder(self.$field.as_str()).need(call, concat!("iam:", stringify!($list)))?)
            }

            async fn perform(self, call: &Call<'_>, (): ()) -> Result<Self::Output, Error> {
                Holder::$holder(self.$field.as_str()).inline_names(call.account()?, &self.page)
            }
        }
    };
}

operations!(
    User, user_name: EntityName = "`UserName`",
    PutUserPolicy, GetUserPolicy, DeleteUserPolicy, ListUserPolicies
);
operations!(
    Group, group_name: EntityName = "`GroupName`",
    PutGroupPolicy, GetGroupPolicy, DeleteGroupPolicy, ListGroupPolicies
);
operations!(
    Role, role_name: RoleName = "`RoleName`",
    PutRolePolicy, GetRolePolicy, DeleteRolePolicy, ListRolePolicies
);
