//! What there is of MFA devices.

use super::super::{Page, PageRequest};
use super::{allow_on_owner, device_of, meant};
use crate::account::{Account, MfaState, UserState};
use crate::caller::Need;
use crate::entity::KeyOwner;
use crate::environment::Seconds;
use crate::error::{Error, Missing};
use crate::names::{EntityName, SerialNumber};
use crate::operation::{Call, Granted, Operation, Service};
use std::sync::Arc;

/// ListMFADevices: those of one user.
#[derive(Clone, Debug)]
pub struct ListMfaDevices {
    /// `UserName`
    pub user_name: Option<EntityName>,
    /// `Marker` and `MaxItems`
    pub page: PageRequest,
}

/// What ListMFADevices answers.
#[derive(Debug)]
pub struct ListedMfaDevices {
    /// `UserName`; the root user has none.
    pub user_name: Option<String>,
    /// The devices.
    pub devices: Page<Arc<MfaState>>,
}

impl Operation for ListMfaDevices {
    type Output = ListedMfaDevices;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "ListMFADevices";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        allow_on_owner(call, "iam:ListMFADevices", self.user_name.as_ref())
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<ListedMfaDevices, Error> {
        let account = call.account()?;
        let (owner, user_name) = meant(account, self.user_name.as_ref(), call.caller)?;
        let devices = account
            .mfa_devices_of(&owner)
            .map(|(key, state)| (key, state.clone()));
        Ok(ListedMfaDevices {
            user_name,
            devices: self.page.page_of_all(devices),
        })
    }
}

/// GetMFADevice
#[derive(Clone, Debug)]
pub struct GetMfaDevice {
    /// `UserName`
    pub user_name: Option<EntityName>,
    /// `SerialNumber`
    pub serial_number: SerialNumber,
}

/// What GetMFADevice answers.
#[derive(Debug)]
pub struct GotMfaDevice {
    /// `UserName`; the root user has none.
    pub user_name: Option<String>,
    /// `SerialNumber`
    pub serial_number: String,
    /// `EnableDate`
    pub enabled: Seconds,
}

impl Operation for GetMfaDevice {
    type Output = GotMfaDevice;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "GetMFADevice";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        allow_on_owner(call, "iam:GetMFADevice", self.user_name.as_ref())
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<GotMfaDevice, Error> {
        let account = call.account()?;
        let (owner, user_name) = meant(account, self.user_name.as_ref(), call.caller)?;
        let state = device_of(account, &owner, &self.serial_number)?;
        let assignment = state.device.assignment.as_ref();
        let assignment = assignment.ok_or(Error::NoSuchEntity(Missing::MfaDeviceOfUser))?;
        Ok(GotMfaDevice {
            user_name,
            serial_number: state.arn.clone(),
            enabled: assignment.enabled,
        })
    }
}

/// Which devices ListVirtualMFADevices lists.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum AssignmentStatus {
    /// Those that are enabled for a user.
    Assigned,
    /// The others.
    Unassigned,
    /// All.
    #[default]
    Any,
}

/// ListVirtualMFADevices: those of the account.
#[derive(Clone, Debug)]
pub struct ListVirtualMfaDevices {
    /// `AssignmentStatus`
    pub assignment_status: AssignmentStatus,
    /// `Marker` and `MaxItems`
    pub page: PageRequest,
}

/// A virtual device as the list shows it: its tags are not among that.
#[derive(Clone, Debug)]
pub struct ListedVirtualMfaDevice {
    /// The device.
    pub state: Arc<MfaState>,
    /// Whose it is.
    pub owner: Option<DeviceOwner>,
}

/// `User` of a virtual device.
#[derive(Clone, Debug)]
pub enum DeviceOwner {
    /// The root user of the account.
    Root(Arc<Account>),
    /// A user.
    User(Arc<UserState>),
}

impl Operation for ListVirtualMfaDevices {
    type Output = Page<ListedVirtualMfaDevice>;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "ListVirtualMFADevices";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let all = call.account()?.iam_arn("mfa/");
        call.allow(&Need::new("iam:ListVirtualMFADevices", all))
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Self::Output, Error> {
        let account = call.account()?;
        let owner = |state: &MfaState| match &state.device.assignment.as_ref()?.owner {
            KeyOwner::Root => Some(DeviceOwner::Root(account.clone())),
            KeyOwner::User(id) => account.users.with_id(id).cloned().map(DeviceOwner::User),
        };
        let wanted = account.mfa_devices.iter().filter(|(_, state)| {
            let assigned = state.device.assignment.is_some();
            match self.assignment_status {
                AssignmentStatus::Assigned => assigned,
                AssignmentStatus::Unassigned => !assigned,
                AssignmentStatus::Any => true,
            }
        });
        let listed = wanted.map(|(key, state)| {
            let listed = ListedVirtualMfaDevice {
                owner: owner(state),
                state: state.clone(),
            };
            (key, listed)
        });
        Ok(self.page.page_of_all(listed))
    }
}
