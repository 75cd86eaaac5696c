//! Login profiles.

use super::{optional_user, required_user};
use crate::fields::Fields;
use crate::node::{Members, Node};
use crate::table::{Binding, bind};
use locum_identity::error::Error;
use locum_identity::iam::login_profiles::{
    ChangePassword, CreateLoginProfile, DeleteLoginProfile, GetLoginProfile, ShownLoginProfile,
    UpdateLoginProfile,
};

pub(super) fn bindings() -> Vec<Binding> {
    vec![
        bind!(CreateLoginProfile, decode_create, shown),
        bind!(GetLoginProfile, decode_get, shown),
        bind!(UpdateLoginProfile, decode_update),
        bind!(DeleteLoginProfile, decode_delete),
        bind!(ChangePassword, |fields| super::both(
            fields,
            ("OldPassword", "NewPassword"),
            |old_password, new_password| ChangePassword {
                old_password,
                new_password,
            }
        )),
    ]
}

fn decode_create(fields: &mut Fields<'_>) -> Result<CreateLoginProfile, Error> {
    let user_name = optional_user(fields);
    let password = fields.optional("Password");
    let password_reset_required = fields.boolean("PasswordResetRequired").unwrap_or_default();
    fields.check()?;
    Ok(CreateLoginProfile {
        user_name,
        password,
        password_reset_required,
    })
}

fn decode_get(fields: &mut Fields<'_>) -> Result<GetLoginProfile, Error> {
    let user_name = optional_user(fields);
    fields.check()?;
    Ok(GetLoginProfile { user_name })
}

fn decode_update(fields: &mut Fields<'_>) -> Result<UpdateLoginProfile, Error> {
    let user_name = required_user(fields);
    let password = fields.optional("Password");
    let password_reset_required = fields.boolean("PasswordResetRequired");
    fields.check()?;
    Ok(UpdateLoginProfile {
        user_name: user_name?,
        password,
        password_reset_required,
    })
}

fn decode_delete(fields: &mut Fields<'_>) -> Result<DeleteLoginProfile, Error> {
    let user_name = optional_user(fields);
    fields.check()?;
    Ok(DeleteLoginProfile { user_name })
}

fn shown(output: &ShownLoginProfile) -> Node<'_> {
    let profile = Members::new()
        .text("UserName", output.user_name.as_str())
        .time("CreateDate", output.profile.created)
        .boolean("PasswordResetRequired", output.profile.reset_required);
    Members::new().structure("LoginProfile", profile).node()
}
