//! What these tests share: an organization with members, and requests of their principals.

use crate::common::{START, World, n, ready};
use locum_identity::caller::Caller;
use locum_identity::entity::Entity;
use locum_identity::error::Error;
use locum_identity::iam::PageRequest;
use locum_identity::iam::inline_policies::PutUserPolicy;
use locum_identity::iam::users::CreateUser;
use locum_identity::names::{AccountId, Tag};
use locum_identity::operation::Operation;
use locum_identity::organizations::{
    AttachPolicy, CreateAccount, CreateOrganizationalUnit, CreatePolicy, DetachPolicy,
    EnablePolicyType, MoveAccount,
};
use locum_identity::port::{Committed, Origin, Scope, Store as _, Write};
use locum_identity::supposed::Supposed;

pub(crate) const SCP: &str = "SERVICE_CONTROL_POLICY";
pub(crate) const RCP: &str = "RESOURCE_CONTROL_POLICY";
pub(crate) const FULL: &str = "p-FullAWSAccess";
pub(crate) const RCP_FULL: &str = "p-RCPFullAWSAccess";

/// That an operation failed with this fault.
#[track_caller]
pub(crate) fn refused<T>(result: Result<T, Error>, fault: impl Into<Error>) {
    let wanted: Error = fault.into();
    match (result, wanted) {
        (Err(Error::Organizations(got)), Error::Organizations(wanted)) => assert_eq!(got, wanted),
        (Err(other), _) => panic!("{other:?}"),
        (Ok(_), wanted) => panic!("succeeded, instead of {wanted:?}"),
    }
}

/// That an operation was denied with this end of the sentence.
#[track_caller]
pub(crate) fn denied<T>(result: Result<T, Error>, reason: &str) {
    let Err(Error::AccessDenied(denied)) = result else {
        panic!("not denied, instead of: {reason}")
    };
    let sentence = denied.to_string();
    assert!(sentence.ends_with(reason), "{sentence}");
}

pub(crate) fn tag(key: &str, value: &str) -> Tag {
    Tag {
        key: n(key),
        value: n(value),
    }
}

/// A whole list on one page.
pub(crate) fn everything() -> PageRequest {
    PageRequest {
        behind: String::new(),
        max_items: None,
    }
}

/// The first page of so many.
pub(crate) fn first(max_items: usize) -> PageRequest {
    PageRequest {
        behind: String::new(),
        max_items: Some(max_items),
    }
}

/// A document of one statement.
pub(crate) fn document(statement: &str) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#)
}

/// A statement about every resource.
pub(crate) fn statement(effect: &str, action: &str) -> String {
    format!(r#"{{"Effect":"{effect}","Action":"{action}","Resource":"*"}}"#)
}

impl World {
    /// Puts entities into the realm in one commit that no operation makes.
    pub(crate) fn put_into_realm<E: Into<Entity>>(&self, entities: impl Iterator<Item = E>) {
        let write = Write {
            scope: Scope::Realm,
            expected_version: self.realm.directory().version,
            puts: entities
                .map(|entity| entity.into().to_record().unwrap())
                .collect(),
            deletes: Vec::new(),
        };
        let origin = Origin {
            at: START,
            actor: "test".to_owned(),
            action: "test:Put".to_owned(),
            request_id: String::new(),
        };
        let committed = ready(self.store.commit(vec![write], origin)).unwrap();
        assert_eq!(committed, Committed::Yes);
        ready(self.realm.catch_up()).unwrap();
    }

    pub(crate) fn root_id(&self) -> String {
        self.realm.directory().tree().root().to_owned()
    }

    pub(crate) fn member(&self, name: &str) -> AccountId {
        let created = self.root(CreateAccount {
            account_name: n(name),
            email: n(&format!("{name}@example.com")),
            role_name: None,
            tags: Vec::new(),
        });
        created.unwrap().account.unwrap()
    }

    pub(crate) fn enable(&self, policy_type: &str) {
        let enabled = self.root(EnablePolicyType {
            root_id: n(&self.root_id()),
            policy_type: n(policy_type),
        });
        assert!(
            enabled
                .unwrap()
                .policy_types
                .iter()
                .any(|known| known.as_str() == policy_type)
        );
    }

    pub(crate) fn unit(&self, parent: &str, name: &str) -> String {
        let created = self.root(CreateOrganizationalUnit {
            parent_id: n(parent),
            name: n(name),
            tags: Vec::new(),
        });
        created.unwrap().unit.id
    }

    pub(crate) fn control(&self, policy_type: &str, name: &str, content: &str) -> String {
        let created = self.root(CreatePolicy {
            name: n(name),
            description: n(""),
            policy_type: n(policy_type),
            content: n(content),
            tags: Vec::new(),
        });
        created.unwrap().state.policy.id.clone()
    }

    pub(crate) fn attach(&self, policy: &str, target: &str) -> Result<(), Error> {
        self.root(AttachPolicy {
            policy_id: n(policy),
            target_id: n(target),
        })
    }

    pub(crate) fn detach(&self, policy: &str, target: &str) -> Result<(), Error> {
        self.root(DetachPolicy {
            policy_id: n(policy),
            target_id: n(target),
        })
    }

    pub(crate) fn move_account(
        &self,
        account: AccountId,
        source: &str,
        destination: &str,
    ) -> Result<(), Error> {
        self.root(MoveAccount {
            account_id: account,
            source: n(source),
            destination: n(destination),
        })
    }

    /// The caller that a principal is, or `anonymous`, as the realm is now.
    pub(crate) fn caller_of(&self, principal: &str) -> Caller {
        let supposed = Supposed {
            principal: principal.to_owned(),
            ..Supposed::default()
        };
        ready(self.realm.supposed_caller(&supposed)).unwrap()
    }

    pub(crate) fn call_as<O: Operation>(
        &self,
        principal: &str,
        operation: O,
    ) -> Result<O::Output, Error> {
        let caller = self.caller_of(principal);
        ready(self.realm.call(&caller, &self.facts(), operation))
    }

    /// A user of any account with one statement, by its root user: the ARN.
    pub(crate) fn user_of(&self, account: AccountId, name: &str, statement: &str) -> String {
        let root = root_of(account);
        let create = CreateUser {
            user_name: n(name),
            path: None,
            permissions_boundary: None,
            tags: Vec::new(),
        };
        self.call_as(&root, create).unwrap();
        let put = PutUserPolicy {
            user_name: n(name),
            policy_name: n("own"),
            policy_document: n(&document(statement)),
        };
        self.call_as(&root, put).unwrap();
        format!("arn:aws:iam::{account}:user/{name}")
    }
}

pub(crate) fn root_of(account: AccountId) -> String {
    format!("arn:aws:iam::{account}:root")
}
