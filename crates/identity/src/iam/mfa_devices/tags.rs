//! Tags of virtual MFA devices. Their keys are case-sensitive.

use super::super::{Page, PageRequest, TagCase, page_of_tags};
use super::{device, need_on_device};
use crate::entity::MfaDevice;
use crate::error::Error;
use crate::names::{SerialNumber, Tag, TagKey};
use crate::operation::{Call, Granted, Operation, Service};

/// TagMFADevice
#[derive(Clone, Debug)]
pub struct TagMfaDevice {
    /// `SerialNumber`
    pub serial_number: SerialNumber,
    /// `Tags`
    pub tags: Vec<Tag>,
}

impl Operation for TagMfaDevice {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "TagMFADevice";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let need = need_on_device(call, "iam:TagMFADevice", &self.serial_number)?;
        call.allow(&need.request_tags(&self.tags))
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        call.change(|draft| {
            let state = device(draft.account, &self.serial_number)?;
            let tags = TagCase::Sensitive.merge(&state.device.tags, &self.tags)?;
            draft.change.put(MfaDevice {
                tags,
                ..state.device.clone()
            });
            Ok(())
        })
        .await
    }
}

/// UntagMFADevice
#[derive(Clone, Debug)]
pub struct UntagMfaDevice {
    /// `SerialNumber`
    pub serial_number: SerialNumber,
    /// `TagKeys`
    pub tag_keys: Vec<TagKey>,
}

impl Operation for UntagMfaDevice {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "UntagMFADevice";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let mut need = need_on_device(call, "iam:UntagMFADevice", &self.serial_number)?;
        need.request_tag_keys = &self.tag_keys;
        call.allow(&need)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        call.change(|draft| {
            let state = device(draft.account, &self.serial_number)?;
            draft.change.put(MfaDevice {
                tags: TagCase::Sensitive.without(&state.device.tags, &self.tag_keys),
                ..state.device.clone()
            });
            Ok(())
        })
        .await
    }
}

/// ListMFADeviceTags
#[derive(Clone, Debug)]
pub struct ListMfaDeviceTags {
    /// `SerialNumber`
    pub serial_number: SerialNumber,
    /// `Marker` and `MaxItems`
    pub page: PageRequest,
}

impl Operation for ListMfaDeviceTags {
    type Output = Page<Tag>;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "ListMFADeviceTags";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let action = "iam:ListMFADeviceTags";
        call.allow(&need_on_device(call, action, &self.serial_number)?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Page<Tag>, Error> {
        let state = device(call.account()?, &self.serial_number)?;
        Ok(page_of_tags(&state.device.tags, &self.page))
    }
}
