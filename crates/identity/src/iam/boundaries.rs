//! Permissions boundaries: one implementation for users and roles.

use super::{Named, attachable};
use crate::error::{Error, Missing};
use crate::names::ArnText;
use crate::operation::{Call, Granted, Operation, Service};

/// A kind of principal that can have a permissions boundary.
pub trait Bounded: Named {
    /// The operations that set the boundary and take it away.
    const OPERATIONS: [&'static str; 2];

    /// The ARN of the policy that bounds it, to be changed.
    fn boundary_mut(&mut self) -> &mut Option<String>;

    /// What is missing where it has none.
    fn unbounded(&self) -> Missing;

    /// Whether it is anybody's to change.
    ///
    /// # Errors
    /// [`Error::UnmodifiableRole`]
    fn check_modifiable(&self) -> Result<(), Error> {
        Ok(())
    }
}

/// PutUserPermissionsBoundary and PutRolePermissionsBoundary
#[derive(Clone, Debug)]
pub struct PutPermissionsBoundary<P: Bounded> {
    /// `UserName` or `RoleName`
    pub principal: P::Name,
    /// `PermissionsBoundary`
    pub permissions_boundary: ArnText,
}

impl<P: Bounded> Operation for PutPermissionsBoundary<P> {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = P::OPERATIONS[0];

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let mut need = P::need(call, format!("iam:{}", Self::NAME), &self.principal)?;
        // The boundary that is set is what conditions see, not the one there is.
        need.keys
            .retain(|(name, _)| name != "iam:permissionsboundary");
        call.allow(&need.key(
            "iam:permissionsboundary",
            self.permissions_boundary.as_str(),
        ))
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        call.change(|draft| {
            let mut principal = P::find(draft.account, &self.principal)?.clone();
            principal.check_modifiable()?;
            attachable(draft.account, self.permissions_boundary.as_str())?;
            *principal.boundary_mut() = Some(self.permissions_boundary.to_string());
            draft.change.put(principal);
            Ok(())
        })
        .await
    }
}

/// DeleteUserPermissionsBoundary and DeleteRolePermissionsBoundary
#[derive(Clone, Debug)]
pub struct DeletePermissionsBoundary<P: Bounded> {
    /// `UserName` or `RoleName`
    pub principal: P::Name,
}

impl<P: Bounded> Operation for DeletePermissionsBoundary<P> {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = P::OPERATIONS[1];

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let action = format!("iam:{}", Self::NAME);
        call.allow(&P::need(call, action, &self.principal)?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        call.change(|draft| {
            let mut principal = P::find(draft.account, &self.principal)?.clone();
            principal.check_modifiable()?;
            if principal.boundary_mut().take().is_none() {
                return Err(Error::NoSuchEntity(principal.unbounded()));
            }
            draft.change.put(principal);
            Ok(())
        })
        .await
    }
}
