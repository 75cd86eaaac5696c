//! What the account's password policy allows every user: `AllowUsersToChangePassword`.
//!
//! It is as if each user had one identity-based policy more. A boundary, a session policy or a denial
//! takes it away like any other.

use super::{Caller, Need, Who};
use locum_policy::{Compiled, Kind, Policy};
use std::sync::{Arc, LazyLock};

/// The policy; one that could not be made would grant nothing.
static GRANT: LazyLock<Option<Arc<Compiled>>> = LazyLock::new(|| {
    let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
        "Action":["iam:ChangePassword","iam:GetAccountPasswordPolicy"],"Resource":"*"}]}"#;
    let policy = Policy::parse(document, Kind::Identity).ok()?;
    let label = "AllowUsersToChangePassword of the account's password policy";
    Some(Arc::new(policy.compile().labelled(label)))
});

/// The identity-based policies `own` of a caller with that one, where it has a say in the need.
pub(super) fn with_grant(
    caller: &Caller,
    need: &Need<'_>,
    own: &[Arc<Compiled>],
) -> Option<Vec<Arc<Compiled>>> {
    let Who::User(state) = &caller.who else {
        return None;
    };
    let is = |action: &str| need.action.eq_ignore_ascii_case(action);
    // A user's own password, and nobody else's.
    let concerned = is("iam:GetAccountPasswordPolicy")
        || is("iam:ChangePassword") && need.resource == state.arn.as_str();
    let policy = caller
        .account
        .as_ref()
        .filter(|_| concerned)?
        .password_policy()?;
    let grant = GRANT.as_ref().filter(|_| policy.allow_users_to_change)?;
    Some(own.iter().chain([grant]).cloned().collect())
}
