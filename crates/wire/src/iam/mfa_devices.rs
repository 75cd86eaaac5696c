//! MFA devices.

use super::users::{root, user};
use super::{optional_user, page, tag_bindings, tags};
use crate::fields::Fields;
use crate::node::{Members, Node};
use crate::table::{Binding, bind};
use locum_identity::error::Error;
use locum_identity::iam::Page;
use locum_identity::iam::mfa_devices::{
    AssignmentStatus, CreateVirtualMfaDevice, CreatedVirtualMfaDevice, DeactivateMfaDevice,
    DeleteVirtualMfaDevice, DeviceOwner, EnableMfaDevice, GetMfaDevice, GotMfaDevice,
    ListMfaDeviceTags, ListMfaDevices, ListVirtualMfaDevices, ListedMfaDevices,
    ListedVirtualMfaDevice, ResyncMfaDevice, TagMfaDevice, UntagMfaDevice,
};
use locum_identity::names::{AuthenticationCode, EntityName, SerialNumber};

pub(super) fn bindings() -> Vec<Binding> {
    [
        bind!(CreateVirtualMfaDevice, decode_create, created),
        bind!(DeleteVirtualMfaDevice, |fields| super::only(
            fields,
            "SerialNumber",
            |serial_number| DeleteVirtualMfaDevice { serial_number }
        )),
        bind!(EnableMfaDevice, |fields| shown(
            fields,
            |user_name, serial_number, (first_code, second_code)| EnableMfaDevice {
                user_name,
                serial_number,
                first_code,
                second_code,
            }
        )),
        bind!(ResyncMfaDevice, |fields| shown(
            fields,
            |user_name, serial_number, (first_code, second_code)| ResyncMfaDevice {
                user_name,
                serial_number,
                first_code,
                second_code,
            }
        )),
        bind!(DeactivateMfaDevice, decode_deactivate),
        bind!(GetMfaDevice, decode_get, got),
        bind!(ListMfaDevices, decode_list, listed),
        bind!(ListVirtualMfaDevices, decode_list_virtual, listed_virtual),
    ]
    .into_iter()
    .chain(tag_bindings!(
        "SerialNumber",
        TagMfaDevice,
        UntagMfaDevice,
        ListMfaDeviceTags
    ))
    .collect()
}

fn decode_create(fields: &mut Fields<'_>) -> Result<CreateVirtualMfaDevice, Error> {
    let path = fields.optional("Path");
    let name = fields.required("VirtualMFADeviceName");
    let tags = fields.tags("Tags");
    fields.check()?;
    Ok(CreateVirtualMfaDevice {
        name: name?,
        path,
        tags,
    })
}

/// An input of a user, a device and two of its codes.
fn shown<T>(
    fields: &mut Fields<'_>,
    make: impl FnOnce(EntityName, SerialNumber, (AuthenticationCode, AuthenticationCode)) -> T,
) -> Result<T, Error> {
    let user_name = fields.required("UserName");
    let serial_number = fields.required("SerialNumber");
    let first = fields.required("AuthenticationCode1");
    let second = fields.required("AuthenticationCode2");
    fields.check()?;
    Ok(make(user_name?, serial_number?, (first?, second?)))
}

fn decode_deactivate(fields: &mut Fields<'_>) -> Result<DeactivateMfaDevice, Error> {
    let user_name = fields.optional("UserName");
    let serial_number = fields.required("SerialNumber");
    fields.check()?;
    Ok(DeactivateMfaDevice {
        user_name,
        serial_number: serial_number?,
    })
}

fn decode_get(fields: &mut Fields<'_>) -> Result<GetMfaDevice, Error> {
    let serial_number = fields.required("SerialNumber");
    let user_name = optional_user(fields);
    fields.check()?;
    Ok(GetMfaDevice {
        user_name,
        serial_number: serial_number?,
    })
}

fn decode_list(fields: &mut Fields<'_>) -> Result<ListMfaDevices, Error> {
    let user_name = fields.optional("UserName");
    let page = fields.page();
    fields.check()?;
    Ok(ListMfaDevices { user_name, page })
}

fn decode_list_virtual(fields: &mut Fields<'_>) -> Result<ListVirtualMfaDevices, Error> {
    let assignment_status = fields.one_of(
        "AssignmentStatus",
        &["Assigned", "Unassigned", "Any"],
        &[
            AssignmentStatus::Assigned,
            AssignmentStatus::Unassigned,
            AssignmentStatus::Any,
        ],
    );
    let page = fields.page();
    fields.check()?;
    Ok(ListVirtualMfaDevices {
        assignment_status: assignment_status.unwrap_or_default(),
        page,
    })
}

fn created(output: &CreatedVirtualMfaDevice) -> Node<'_> {
    let members = Members::new()
        .text("SerialNumber", output.serial_number.as_str())
        .blob("Base32StringSeed", output.seed.expose().as_bytes())
        .blob("QRCodePNG", &output.qr_code);
    Members::new()
        .structure("VirtualMFADevice", tags(members, &output.tags))
        .node()
}

fn got(output: &GotMfaDevice) -> Node<'_> {
    Members::new()
        .text_if("UserName", output.user_name.as_deref())
        .text("SerialNumber", output.serial_number.as_str())
        .time("EnableDate", output.enabled)
        .node()
}

fn listed(output: &ListedMfaDevices) -> Node<'_> {
    page("MFADevices", &output.devices, |state| {
        let members = Members::new()
            .text_if("UserName", output.user_name.as_deref())
            .text("SerialNumber", state.arn.as_str());
        match &state.device.assignment {
            Some(assignment) => members.time("EnableDate", assignment.enabled),
            None => members,
        }
        .node()
    })
    .node()
}

fn listed_virtual(output: &Page<ListedVirtualMfaDevice>) -> Node<'_> {
    page("VirtualMFADevices", output, |listed| {
        let members = Members::new().text("SerialNumber", listed.state.arn.as_str());
        let members = match &listed.owner {
            Some(DeviceOwner::User(state)) => {
                members.structure("User", user(&state.user, &state.arn))
            }
            Some(DeviceOwner::Root(account)) => members.structure("User", root(account)),
            None => members,
        };
        match &listed.state.device.assignment {
            Some(assignment) => members.time("EnableDate", assignment.enabled),
            None => members,
        }
        .node()
    })
    .node()
}
