//! The root and the organizational units.

use super::page;
use crate::fields::Fields;
use crate::node::{Members, Node};
use crate::table::{Binding, bind};
use locum_identity::entity::Organization;
use locum_identity::error::Error;
use locum_identity::organizations::{
    Child, ChildType, CreateOrganizationalUnit, DeleteOrganizationalUnit,
    DescribeOrganizationalUnit, ListChildren, ListOrganizationalUnitsForParent, ListParents,
    ListRoots, UnitView, UpdateOrganizationalUnit,
};

pub(super) fn bindings() -> Vec<Binding> {
    vec![
        bind!(CreateOrganizationalUnit, decode_create, described),
        bind!(DeleteOrganizationalUnit, decode_delete),
        bind!(DescribeOrganizationalUnit, decode_describe, described),
        bind!(ListChildren, decode_list_children, |output| page(
            "Children", output, child
        )),
        bind!(
            ListOrganizationalUnitsForParent,
            decode_list_units,
            |output| page("OrganizationalUnits", output, unit)
        ),
        bind!(ListParents, decode_list_parents, |output| page(
            "Parents",
            output,
            |id| parent(id)
        )),
        bind!(ListRoots, decode_list_roots, |output| page(
            "Roots",
            output,
            |organization| root(organization)
        )),
        bind!(UpdateOrganizationalUnit, decode_update, described),
    ]
}

fn decode_create(fields: &mut Fields<'_>) -> Result<CreateOrganizationalUnit, Error> {
    let parent_id = fields.required("ParentId");
    let name = fields.required("Name");
    let tags = fields.uncounted_tags("Tags");
    fields.check()?;
    Ok(CreateOrganizationalUnit {
        parent_id: parent_id?,
        name: name?,
        tags,
    })
}

fn decode_delete(fields: &mut Fields<'_>) -> Result<DeleteOrganizationalUnit, Error> {
    let unit_id = fields.required("OrganizationalUnitId");
    fields.check()?;
    Ok(DeleteOrganizationalUnit { unit_id: unit_id? })
}

fn decode_describe(fields: &mut Fields<'_>) -> Result<DescribeOrganizationalUnit, Error> {
    let unit_id = fields.required("OrganizationalUnitId");
    fields.check()?;
    Ok(DescribeOrganizationalUnit { unit_id: unit_id? })
}

fn decode_update(fields: &mut Fields<'_>) -> Result<UpdateOrganizationalUnit, Error> {
    let unit_id = fields.required("OrganizationalUnitId");
    let name = fields.optional("Name");
    fields.check()?;
    Ok(UpdateOrganizationalUnit {
        unit_id: unit_id?,
        name,
    })
}

fn decode_list_units(fields: &mut Fields<'_>) -> Result<ListOrganizationalUnitsForParent, Error> {
    let parent_id = fields.required("ParentId");
    let page = fields.token_page();
    fields.check()?;
    Ok(ListOrganizationalUnitsForParent {
        parent_id: parent_id?,
        page,
    })
}

fn decode_list_roots(fields: &mut Fields<'_>) -> Result<ListRoots, Error> {
    let page = fields.token_page();
    fields.check()?;
    Ok(ListRoots { page })
}

fn decode_list_parents(fields: &mut Fields<'_>) -> Result<ListParents, Error> {
    let child_id = fields.required("ChildId");
    let page = fields.token_page();
    fields.check()?;
    Ok(ListParents {
        child_id: child_id?,
        page,
    })
}

fn decode_list_children(fields: &mut Fields<'_>) -> Result<ListChildren, Error> {
    let parent_id = fields.required("ParentId");
    let child_type = fields.required_one_of(
        "ChildType",
        &["ACCOUNT", "ORGANIZATIONAL_UNIT"],
        &[ChildType::Account, ChildType::OrganizationalUnit],
    );
    let page = fields.token_page();
    fields.check()?;
    Ok(ListChildren {
        parent_id: parent_id?,
        child_type: child_type?,
        page,
    })
}

fn unit(view: &UnitView) -> Members<'_> {
    Members::new()
        .text("Id", view.unit.id.as_str())
        .text("Arn", view.arn.as_str())
        .text("Name", view.unit.name.as_str())
        .text("Path", view.path.as_str())
}

fn described(output: &UnitView) -> Node<'_> {
    Members::new()
        .structure("OrganizationalUnit", unit(output))
        .node()
}

/// `Root`, with the policy types that are enabled in it.
pub(super) fn root(organization: &Organization) -> Members<'_> {
    let id = organization.root_id();
    let types = organization.policy_types.iter().map(|policy_type| {
        Members::new()
            .text("Type", policy_type.as_str())
            .text("Status", "ENABLED")
            .node()
    });
    Members::new()
        .text(
            "Arn",
            organization.arn(&format!("root/{}/{id}", organization.id)),
        )
        .text("Id", id)
        .text("Name", "Root")
        .list("PolicyTypes", types)
}

fn parent(id: &str) -> Members<'_> {
    let parent_type = if id.starts_with("r-") {
        "ROOT"
    } else {
        "ORGANIZATIONAL_UNIT"
    };
    Members::new().text("Id", id).text("Type", parent_type)
}

fn child(child: &Child) -> Members<'_> {
    let child_type = match child.child_type {
        ChildType::Account => "ACCOUNT",
        ChildType::OrganizationalUnit => "ORGANIZATIONAL_UNIT",
    };
    Members::new()
        .text("Id", child.id.as_str())
        .text("Type", child_type)
}
