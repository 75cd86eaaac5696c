//! Virtual MFA devices: made, enabled for a user or the root user, resynchronised, taken away.
//!
//! The root user has no name. Where a name must be given, `root` means the root user, if it is the
//! root user who calls and no user is called that.

use super::Named;
use super::access_keys::{need, owner};
use super::tags::{ListResourceTags, TagCase, TagResource, Taggable, UntagResource, tags_of_field};
use crate::account::{Account, MfaState};
use crate::caller::{Caller, Need, Who};
use crate::entity::{KeyOwner, MfaAssignment, MfaDevice};
use crate::error::{Conflict, Error, Existing, Forbidden, Invalid, Missing};
use crate::mfa::{Clockwork, Code, Seed, png};
use crate::names::{
    AccountId, AuthenticationCode, Constrained as _, EntityName, Path, SerialNumber, Tag,
    VirtualMfaDeviceName,
};
use crate::operation::{Call, Granted, Operation, Service};
use crate::quotas::AccountQuota;
use crate::sealing::Secret;
use locum_policy::Arn;
use std::borrow::Cow;
use std::sync::Arc;
use zeroize::Zeroizing;

mod lists;

pub use lists::{
    AssignmentStatus, DeviceOwner, GetMfaDevice, GotMfaDevice, ListMfaDevices,
    ListVirtualMfaDevices, ListedMfaDevices, ListedVirtualMfaDevice,
};

/// TagMFADevice
pub type TagMfaDevice = TagResource<MfaDevice>;
/// UntagMFADevice
pub type UntagMfaDevice = UntagResource<MfaDevice>;
/// ListMFADeviceTags
pub type ListMfaDeviceTags = ListResourceTags<MfaDevice>;

impl Named for MfaDevice {
    type Name = SerialNumber;

    fn find<'a>(account: &'a Account, serial: &SerialNumber) -> Result<&'a Self, Error> {
        device(account, serial).map(|state| &state.device)
    }

    fn need<'a>(
        call: &'a Call<'_>,
        action: String,
        serial: &'a SerialNumber,
    ) -> Result<Need<'a>, Error> {
        need_on_device(call, action, serial)
    }
}

impl Taggable for MfaDevice {
    const OPERATIONS: [&'static str; 3] = ["TagMFADevice", "UntagMFADevice", "ListMFADeviceTags"];

    tags_of_field!();
}

/// The need of an action on a device that may or may not exist.
fn need_on_device<'a>(
    call: &'a Call<'_>,
    action: impl Into<Cow<'a, str>>,
    serial: &'a SerialNumber,
) -> Result<Need<'a>, Error> {
    let account = call.account()?;
    Ok(match account.mfa_device(serial.as_str()) {
        Some(state) => {
            Need::new(action, state.arn.as_str()).resource_tags(&state.device.tags, None)
        }
        None => match Arn::parse(serial.as_str()) {
            Some(arn) => {
                let mut need = Need::new(action, serial.as_str());
                // Another account's devices are its own; no policy of it lets us in.
                need.resource_account = AccountId::parse(arn.account()).ok();
                need
            }
            None => Need::new(action, account.iam_arn(&format!("mfa/{serial}"))),
        },
    })
}

fn device<'a>(account: &'a Account, serial: &SerialNumber) -> Result<&'a Arc<MfaState>, Error> {
    account
        .mfa_device(serial.as_str())
        .ok_or_else(|| Error::NoSuchEntity(Missing::VirtualMfaDevice(serial.to_string())))
}

/// The device of that serial number, if it is enabled for the owner.
fn device_of<'a>(
    account: &'a Account,
    owner: &KeyOwner,
    serial: &SerialNumber,
) -> Result<&'a Arc<MfaState>, Error> {
    let state = device(account, serial)?;
    if state.device.is_of(owner) {
        Ok(state)
    } else {
        Err(Error::NoSuchEntity(Missing::MfaDeviceOfUser))
    }
}

/// The user that is named; `None` where the caller itself is meant.
fn named<'a>(
    account: &Account,
    name: Option<&'a EntityName>,
    caller: &Caller,
) -> Option<&'a EntityName> {
    name.filter(|name| {
        let means_root = matches!(caller.who, Who::Root) && name.as_str() == "root";
        !means_root || account.users.named(name.as_str()).is_some()
    })
}

/// Decides on an action on the owner of a device.
fn allow_on_owner(
    call: &Call<'_>,
    action: &'static str,
    name: Option<&EntityName>,
) -> Result<Granted, Error> {
    let name = named(call.account()?, name, call.caller);
    call.allow(&need(call, action, name)?)
}

/// Whose devices a request means, with the name that answers carry.
fn meant(
    account: &Account,
    name: Option<&EntityName>,
    caller: &Caller,
) -> Result<(KeyOwner, Option<String>), Error> {
    owner(account, named(account, name, caller), caller)
}

/// Who has an MFA device must have used it to add or remove one of their own, whatever policies say:
/// or else a stolen access key would be enough to take the second factor over.
fn check_own(
    call: &Call<'_>,
    action: &'static str,
    name: Option<&EntityName>,
) -> Result<(), Error> {
    let account = call.account()?;
    let Some(caller) = call.caller.key_owner() else {
        return Ok(());
    };
    let shown = call.caller.session().is_some_and(|it| it.mfa.is_some());
    // To take a lost device away is what a root session may be for; its task policy decides.
    if shown || call.caller.task().is_some() || account.mfa_devices_of(&caller).next().is_none() {
        return Ok(());
    }
    match meant(account, name, call.caller) {
        Ok((owner, _)) if owner == caller => {
            let need = need(call, action, None)?;
            let denied = call.caller.denied(&need, None);
            Err(Error::Forbidden(Forbidden::MfaRequired(denied)))
        }
        _ => Ok(()),
    }
}

fn codes(first: &AuthenticationCode, second: &AuthenticationCode) -> Result<(Code, Code), Error> {
    let digits = |code: &AuthenticationCode| {
        let code = code.as_str().as_bytes().try_into();
        code.map_err(|_| Error::InvalidAuthenticationCode)
    };
    Ok((digits(first)?, digits(second)?))
}

/// CreateVirtualMFADevice: the only time that a seed is shown.
#[derive(Clone, Debug)]
pub struct CreateVirtualMfaDevice {
    /// `VirtualMFADeviceName`
    pub name: VirtualMfaDeviceName,
    /// `Path`
    pub path: Option<Path>,
    /// `Tags`
    pub tags: Vec<Tag>,
}

/// What CreateVirtualMFADevice answers.
pub struct CreatedVirtualMfaDevice {
    /// `SerialNumber`: the ARN.
    pub serial_number: String,
    /// `Base32StringSeed`, which the wire encodes once more, as it is a blob.
    pub seed: Secret,
    /// `QRCodePNG`: the seed for the camera of a telephone.
    pub qr_code: Zeroizing<Vec<u8>>,
    /// `Tags`
    pub tags: Vec<Tag>,
}

impl CreateVirtualMfaDevice {
    fn arn(&self, account: &Account) -> String {
        let path = self.path.as_ref().map_or("/", Path::as_str);
        account.iam_arn(&format!("mfa{path}{}", self.name))
    }
}

impl Operation for CreateVirtualMfaDevice {
    type Output = CreatedVirtualMfaDevice;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "CreateVirtualMFADevice";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let arn = self.arn(call.account()?);
        let need = Need::new("iam:CreateVirtualMFADevice", arn.as_str()).request_tags(&self.tags);
        let granted = call.allow(&need)?;
        if !self.tags.is_empty() {
            call.allow(&Need::new("iam:TagMFADevice", arn.as_str()).request_tags(&self.tags))?;
        }
        Ok(granted)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<CreatedVirtualMfaDevice, Error> {
        call.change(|draft| {
            let account = draft.account;
            let arn = self.arn(account);
            // One whose ARN is no serial number could never be enabled.
            SerialNumber::parse(&arn).map_err(|constraints| {
                let failed = |constraint| Invalid {
                    member: "virtualMFADeviceName".to_owned(),
                    value: None,
                    constraint,
                };
                Error::Validation(constraints.into_iter().map(failed).collect())
            })?;
            TagCase::Sensitive.check(&self.tags)?;
            let seed = Seed::generate(draft.entropy);
            let device = MfaDevice {
                name: self.name.clone(),
                path: self.path.clone().unwrap_or_default(),
                created: draft.now,
                tags: self.tags.clone(),
                seed: seed.seal(draft.root_key, &arn, draft.entropy)?,
                assignment: None,
                clockwork: Clockwork::default(),
            };
            if account.mfa_devices.contains_key(&device.key()) {
                return Err(Error::EntityAlreadyExists(Existing::VirtualMfaDevice));
            }
            let held = account.mfa_devices.len();
            account.room_for_one(held, AccountQuota::VirtualMFADevices)?;
            draft.change.put(device);
            let qr_code = png(self.name.as_str(), account.id, &seed)
                .ok_or_else(|| Error::Internal("a seed does not fit a QR code".into()))?;
            Ok(CreatedVirtualMfaDevice {
                serial_number: arn,
                seed: Secret::new(seed.text().to_string()),
                qr_code,
                tags: self.tags.clone(),
            })
        })
        .await
    }
}

/// DeleteVirtualMFADevice: only of one that is not enabled.
#[derive(Clone, Debug)]
pub struct DeleteVirtualMfaDevice {
    /// `SerialNumber`
    pub serial_number: SerialNumber,
}

impl Operation for DeleteVirtualMfaDevice {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "DeleteVirtualMFADevice";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let action = "iam:DeleteVirtualMFADevice";
        call.allow(&need_on_device(call, action, &self.serial_number)?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        call.change(|draft| {
            let state = device(draft.account, &self.serial_number)?;
            if state.device.assignment.is_some() {
                return Err(Error::DeleteConflict(Conflict::AssignedMfaDevice));
            }
            draft.change.delete(state.device.clone());
            Ok(())
        })
        .await
    }
}

/// EnableMFADevice: a device becomes a user's, who shows two of its codes.
#[derive(Clone, Debug)]
pub struct EnableMfaDevice {
    /// `UserName`
    pub user_name: EntityName,
    /// `SerialNumber`
    pub serial_number: SerialNumber,
    /// `AuthenticationCode1`
    pub first_code: AuthenticationCode,
    /// `AuthenticationCode2`
    pub second_code: AuthenticationCode,
}

impl Operation for EnableMfaDevice {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "EnableMFADevice";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let (action, name) = ("iam:EnableMFADevice", Some(&self.user_name));
        let granted = allow_on_owner(call, action, name)?;
        check_own(call, action, name)?;
        Ok(granted)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        let codes = codes(&self.first_code, &self.second_code)?;
        call.change(|draft| {
            let account = draft.account;
            let (owner, _) = meant(account, Some(&self.user_name), call.caller)?;
            let state = device(account, &self.serial_number)?;
            if state.device.assignment.is_some() {
                return Err(Error::EntityAlreadyExists(Existing::AssignedMfaDevice));
            }
            let held = account.mfa_devices_of(&owner).count();
            draft
                .account
                .room_for_one(held, AccountQuota::MFADevicesPerUser)?;
            let mut device = state.device.clone();
            if !device.clockwork.synchronise(&state.seed, codes, draft.now) {
                return Err(Error::InvalidAuthenticationCode);
            }
            device.assignment = Some(MfaAssignment {
                owner,
                enabled: draft.now,
            });
            draft.change.put(device);
            Ok(())
        })
        .await
    }
}

/// ResyncMFADevice: a device's clock is learned anew from two of its codes.
#[derive(Clone, Debug)]
pub struct ResyncMfaDevice {
    /// `UserName`
    pub user_name: EntityName,
    /// `SerialNumber`
    pub serial_number: SerialNumber,
    /// `AuthenticationCode1`
    pub first_code: AuthenticationCode,
    /// `AuthenticationCode2`
    pub second_code: AuthenticationCode,
}

impl Operation for ResyncMfaDevice {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "ResyncMFADevice";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        allow_on_owner(call, "iam:ResyncMFADevice", Some(&self.user_name))
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        let codes = codes(&self.first_code, &self.second_code)?;
        call.change(|draft| {
            let (owner, _) = meant(draft.account, Some(&self.user_name), call.caller)?;
            let state = device_of(draft.account, &owner, &self.serial_number)?;
            let mut device = state.device.clone();
            if !device.clockwork.synchronise(&state.seed, codes, draft.now) {
                return Err(Error::InvalidAuthenticationCode);
            }
            draft.change.put(device);
            Ok(())
        })
        .await
    }
}

/// DeactivateMFADevice: a device is nobody's any more.
#[derive(Clone, Debug)]
pub struct DeactivateMfaDevice {
    /// `UserName`
    pub user_name: Option<EntityName>,
    /// `SerialNumber`
    pub serial_number: SerialNumber,
}

impl Operation for DeactivateMfaDevice {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "DeactivateMFADevice";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let (action, name) = ("iam:DeactivateMFADevice", self.user_name.as_ref());
        let granted = allow_on_owner(call, action, name)?;
        check_own(call, action, name)?;
        Ok(granted)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        call.change(|draft| {
            let (owner, _) = meant(draft.account, self.user_name.as_ref(), call.caller)?;
            let state = device_of(draft.account, &owner, &self.serial_number)?;
            draft.change.put(MfaDevice {
                assignment: None,
                ..state.device.clone()
            });
            Ok(())
        })
        .await
    }
}
