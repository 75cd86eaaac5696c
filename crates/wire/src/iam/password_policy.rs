//! The account's password policy.

use crate::fields::Fields;
use crate::node::{Members, Node};
use crate::table::{Binding, bind};
use locum_identity::entity::PasswordPolicy;
use locum_identity::error::Error;
use locum_identity::iam::password_policy::{
    DeleteAccountPasswordPolicy, GetAccountPasswordPolicy, UpdateAccountPasswordPolicy,
};
use locum_identity::names::{MaxPasswordAge, MinimumPasswordLength, PasswordReusePrevention};

pub(super) fn bindings() -> Vec<Binding> {
    vec![
        bind!(UpdateAccountPasswordPolicy, decode_update),
        bind!(
            GetAccountPasswordPolicy,
            |_| Ok(GetAccountPasswordPolicy),
            |policy| shown(policy)
        ),
        bind!(DeleteAccountPasswordPolicy, |_| Ok(
            DeleteAccountPasswordPolicy
        )),
    ]
}

fn decode_update(fields: &mut Fields<'_>) -> Result<UpdateAccountPasswordPolicy, Error> {
    let mut is_set = |name| fields.boolean(name).unwrap_or_default();
    let require_symbols = is_set("RequireSymbols");
    let require_numbers = is_set("RequireNumbers");
    let require_uppercase = is_set("RequireUppercaseCharacters");
    let require_lowercase = is_set("RequireLowercaseCharacters");
    let allow_users_to_change = is_set("AllowUsersToChangePassword");
    let minimum_password_length =
        fields.number("MinimumPasswordLength", MinimumPasswordLength::new);
    let max_password_age = fields.number("MaxPasswordAge", MaxPasswordAge::new);
    let password_reuse_prevention =
        fields.number("PasswordReusePrevention", PasswordReusePrevention::new);
    let hard_expiry = fields.boolean("HardExpiry");
    fields.check()?;
    Ok(UpdateAccountPasswordPolicy {
        minimum_password_length,
        require_symbols,
        require_numbers,
        require_uppercase,
        require_lowercase,
        allow_users_to_change,
        max_password_age,
        password_reuse_prevention,
        hard_expiry,
    })
}

fn shown(policy: &PasswordPolicy) -> Node<'_> {
    let members = Members::new()
        .integer("MinimumPasswordLength", policy.minimum_length)
        .boolean("RequireSymbols", policy.require_symbols)
        .boolean("RequireNumbers", policy.require_numbers)
        .boolean("RequireUppercaseCharacters", policy.require_uppercase)
        .boolean("RequireLowercaseCharacters", policy.require_lowercase)
        .boolean("AllowUsersToChangePassword", policy.allow_users_to_change)
        .boolean("ExpirePasswords", policy.max_age.is_some());
    let numbers = [
        ("MaxPasswordAge", policy.max_age),
        ("PasswordReusePrevention", policy.reuse_prevention),
    ];
    let members = numbers
        .into_iter()
        .fold(members, |members, (name, set)| match set {
            Some(number) => members.integer(name, number),
            None => members,
        });
    let members = match policy.hard_expiry {
        Some(hard) => members.boolean("HardExpiry", hard),
        None => members,
    };
    Members::new().structure("PasswordPolicy", members).node()
}
