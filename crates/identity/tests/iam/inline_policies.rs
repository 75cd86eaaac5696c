//! Inline policies of users, groups and roles.

use crate::common::{World, fails, n};
use crate::support::{LIST, READ, document_of, new_role};
use locum_identity::error::Error;
use locum_identity::iam::groups::CreateGroup;
use locum_identity::iam::inline_policies::{
    DeleteGroupPolicy, DeleteRolePolicy, DeleteUserPolicy, GetGroupPolicy, GetRolePolicy,
    GetUserPolicy, GotInlinePolicy, ListGroupPolicies, ListRolePolicies, ListUserPolicies,
    PutGroupPolicy, PutRolePolicy, PutUserPolicy,
};
use locum_identity::iam::{Page, PageRequest};
use locum_identity::names::EntityName;
use locum_identity::operation::Operation;

/// The rules are the same of every kind of holder.
struct Face<P, G, D, L> {
    kind: &'static str,
    /// The characters that all documents may have together.
    quota: usize,
    put: fn(&str, &str, &str) -> P,
    get: fn(&str, &str) -> G,
    delete: fn(&str, &str) -> D,
    list: fn(&str, PageRequest) -> L,
}

impl<P, G, D, L> Face<P, G, D, L>
where
    P: Operation<Output = ()>,
    G: Operation<Output = GotInlinePolicy>,
    D: Operation<Output = ()>,
    L: Operation<Output = Page<EntityName>>,
{
    fn check(&self) {
        let world = World::new();
        world.user("Holder");
        world.root(new_role("Holder")).unwrap();
        world
            .root(CreateGroup {
                group_name: n("Holder"),
                path: None,
            })
            .unwrap();
        let put = |name: &str, document: &str| world.root((self.put)("HOLDER", name, document));
        let get = |name: &str| world.reopened().root((self.get)("holder", name));
        let delete = |name: &str| world.root((self.delete)("holder", name));
        let list = |behind: &str, max: usize| {
            let page = PageRequest {
                behind: behind.to_owned(),
                max_items: Some(max),
            };
            let page = world.root((self.list)("holder", page)).unwrap();
            let names: Vec<_> = page.items.iter().map(EntityName::to_string).collect();
            (names.join(" "), page.next)
        };

        // Another letter case is the same policy, which keeps its first spelling.
        put("Read", READ).unwrap();
        put("aaa", READ).unwrap();
        put("READ", LIST).unwrap();
        assert_eq!(list("", 9), ("aaa Read".to_owned(), None));
        assert_eq!(list("", 1), ("aaa".to_owned(), Some("aaa".to_owned())));
        assert_eq!(list("aaa", 1), ("Read".to_owned(), None));
        let got = get("rEAD").unwrap();
        assert_eq!(
            (
                got.holder.as_str(),
                got.policy_name.as_str(),
                got.document.as_str()
            ),
            ("Holder", "rEAD", LIST)
        );
        delete("reaD").unwrap();
        let missing = format!("The {} policy with name reaD cannot be found.", self.kind);
        fails(delete("reaD"), "NoSuchEntity", &missing);
        fails(get("reaD"), "NoSuchEntity", &missing);

        // The size counts all documents but the one replaced, and no white space.
        delete("aaa").unwrap();
        put("a", &document_of(1000)).unwrap();
        put("b", &document_of(self.quota - 1000)).unwrap();
        put("A", &document_of(1000)).unwrap();
        let full = format!(
            "Maximum policy size of {} bytes exceeded for {} Holder",
            self.quota, self.kind
        );
        fails(put("A", &document_of(1001)), "LimitExceeded", &full);
        fails(put("c", READ), "LimitExceeded", &full);
        assert_eq!(list("", 9).0, "a b");

        fails(
            put("a", "{}"),
            "MalformedPolicyDocument",
            "Syntax errors in policy.",
        );
        fails(
            put("a", &READ.replace("Action", "Actions")),
            "MalformedPolicyDocument",
            "Syntax errors in policy.",
        );
        assert_eq!(get("a").unwrap().document, document_of(1000));

        let missing = |result: Result<(), Error>| {
            fails(
                result,
                "NoSuchEntity",
                &format!("The {} with name none cannot be found.", self.kind),
            );
        };
        missing(world.root((self.put)("none", "a", READ)));
        missing(world.root((self.get)("none", "a")).map(drop));
        missing(world.root((self.delete)("none", "a")));
        missing(
            world
                .root((self.list)("none", PageRequest::default()))
                .map(drop),
        );
    }
}

#[test]
fn of_users() {
    Face {
        kind: "user",
        quota: 2048,
        put: |holder, name, document| PutUserPolicy {
            user_name: n(holder),
            policy_name: n(name),
            policy_document: n(document),
        },
        get: |holder, name| GetUserPolicy {
            user_name: n(holder),
            policy_name: n(name),
        },
        delete: |holder, name| DeleteUserPolicy {
            user_name: n(holder),
            policy_name: n(name),
        },
        list: |holder, page| ListUserPolicies {
            user_name: n(holder),
            page,
        },
    }
    .check();
}

#[test]
fn of_groups() {
    Face {
        kind: "group",
        quota: 5120,
        put: |holder, name, document| PutGroupPolicy {
            group_name: n(holder),
            policy_name: n(name),
            policy_document: n(document),
        },
        get: |holder, name| GetGroupPolicy {
            group_name: n(holder),
            policy_name: n(name),
        },
        delete: |holder, name| DeleteGroupPolicy {
            group_name: n(holder),
            policy_name: n(name),
        },
        list: |holder, page| ListGroupPolicies {
            group_name: n(holder),
            page,
        },
    }
    .check();
}

#[test]
fn of_roles() {
    Face {
        kind: "role",
        quota: 10_240,
        put: |holder, name, document| PutRolePolicy {
            role_name: n(holder),
            policy_name: n(name),
            policy_document: n(document),
        },
        get: |holder, name| GetRolePolicy {
            role_name: n(holder),
            policy_name: n(name),
        },
        delete: |holder, name| DeleteRolePolicy {
            role_name: n(holder),
            policy_name: n(name),
        },
        list: |holder, page| ListRolePolicies {
            role_name: n(holder),
            page,
        },
    }
    .check();
}
