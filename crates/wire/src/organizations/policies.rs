//! Policies, and what they are attached to.

use super::page;
use super::units::root;
use crate::fields::Fields;
use crate::node::{Members, Node};
use crate::table::{Binding, bind};
use locum_identity::entity::Organization;
use locum_identity::error::Error;
use locum_identity::organizations::{
    AttachPolicy, AttachedTo, CreatePolicy, DeletePolicy, DescribePolicy, DetachPolicy,
    DisablePolicyType, EnablePolicyType, ListPolicies, ListPoliciesForTarget, ListTargetsForPolicy,
    PolicyView, UpdatePolicy,
};

pub(super) fn bindings() -> Vec<Binding> {
    vec![
        bind!(AttachPolicy, decode_attach),
        bind!(CreatePolicy, decode_create, described),
        bind!(DeletePolicy, decode_delete),
        bind!(DescribePolicy, decode_describe, described),
        bind!(DetachPolicy, decode_detach),
        bind!(DisablePolicyType, decode_disable, |output| changed(output)),
        bind!(EnablePolicyType, decode_enable, |output| changed(output)),
        bind!(ListPolicies, decode_list, |output| page(
            "Policies", output, summary
        )),
        bind!(ListPoliciesForTarget, decode_list_for_target, |output| {
            page("Policies", output, summary)
        }),
        bind!(ListTargetsForPolicy, decode_list_targets, |output| page(
            "Targets", output, target
        )),
        bind!(UpdatePolicy, decode_update, described),
    ]
}

fn decode_create(fields: &mut Fields<'_>) -> Result<CreatePolicy, Error> {
    let content = fields.required("Content");
    let description = fields.required("Description");
    let name = fields.required("Name");
    let policy_type = fields.required("Type");
    let tags = fields.uncounted_tags("Tags");
    fields.check()?;
    Ok(CreatePolicy {
        name: name?,
        description: description?,
        policy_type: policy_type?,
        content: content?,
        tags,
    })
}

fn decode_update(fields: &mut Fields<'_>) -> Result<UpdatePolicy, Error> {
    let policy_id = fields.required("PolicyId");
    let name = fields.optional("Name");
    let description = fields.optional("Description");
    let content = fields.optional("Content");
    fields.check()?;
    Ok(UpdatePolicy {
        policy_id: policy_id?,
        name,
        description,
        content,
    })
}

fn decode_delete(fields: &mut Fields<'_>) -> Result<DeletePolicy, Error> {
    let policy_id = fields.required("PolicyId");
    fields.check()?;
    Ok(DeletePolicy {
        policy_id: policy_id?,
    })
}

fn decode_describe(fields: &mut Fields<'_>) -> Result<DescribePolicy, Error> {
    let policy_id = fields.required("PolicyId");
    fields.check()?;
    Ok(DescribePolicy {
        policy_id: policy_id?,
    })
}

fn decode_attach(fields: &mut Fields<'_>) -> Result<AttachPolicy, Error> {
    let (policy_id, target_id) = (fields.required("PolicyId"), fields.required("TargetId"));
    fields.check()?;
    Ok(AttachPolicy {
        policy_id: policy_id?,
        target_id: target_id?,
    })
}

fn decode_detach(fields: &mut Fields<'_>) -> Result<DetachPolicy, Error> {
    let (policy_id, target_id) = (fields.required("PolicyId"), fields.required("TargetId"));
    fields.check()?;
    Ok(DetachPolicy {
        policy_id: policy_id?,
        target_id: target_id?,
    })
}

fn decode_enable(fields: &mut Fields<'_>) -> Result<EnablePolicyType, Error> {
    let (root_id, policy_type) = (fields.required("RootId"), fields.required("PolicyType"));
    fields.check()?;
    Ok(EnablePolicyType {
        root_id: root_id?,
        policy_type: policy_type?,
    })
}

fn decode_disable(fields: &mut Fields<'_>) -> Result<DisablePolicyType, Error> {
    let (root_id, policy_type) = (fields.required("RootId"), fields.required("PolicyType"));
    fields.check()?;
    Ok(DisablePolicyType {
        root_id: root_id?,
        policy_type: policy_type?,
    })
}

fn decode_list(fields: &mut Fields<'_>) -> Result<ListPolicies, Error> {
    let policy_type = fields.required("Filter");
    let page = fields.token_page();
    fields.check()?;
    Ok(ListPolicies {
        policy_type: policy_type?,
        page,
    })
}

fn decode_list_for_target(fields: &mut Fields<'_>) -> Result<ListPoliciesForTarget, Error> {
    let target_id = fields.required("TargetId");
    let policy_type = fields.required("Filter");
    let page = fields.token_page();
    fields.check()?;
    Ok(ListPoliciesForTarget {
        target_id: target_id?,
        policy_type: policy_type?,
        page,
    })
}

fn decode_list_targets(fields: &mut Fields<'_>) -> Result<ListTargetsForPolicy, Error> {
    let policy_id = fields.required("PolicyId");
    let page = fields.token_page();
    fields.check()?;
    Ok(ListTargetsForPolicy {
        policy_id: policy_id?,
        page,
    })
}

fn summary(view: &PolicyView) -> Members<'_> {
    let policy = &view.state.policy;
    Members::new()
        .text("Id", policy.id.as_str())
        .text("Arn", view.arn.as_str())
        .text("Name", policy.name.as_str())
        .text("Description", policy.description.as_str())
        .text("Type", policy.policy_type.as_str())
        .boolean("AwsManaged", view.state.aws_managed)
}

fn described(output: &PolicyView) -> Node<'_> {
    let members = Members::new()
        .structure("PolicySummary", summary(output))
        .text("Content", output.state.policy.content.as_str());
    Members::new().structure("Policy", members).node()
}

fn changed(organization: &Organization) -> Node<'_> {
    Members::new().structure("Root", root(organization)).node()
}

fn target(target: &AttachedTo) -> Members<'_> {
    let target_type = if target.id.starts_with("r-") {
        "ROOT"
    } else if target.id.starts_with("ou-") {
        "ORGANIZATIONAL_UNIT"
    } else {
        "ACCOUNT"
    };
    Members::new()
        .text("TargetId", target.id.as_str())
        .text("Arn", target.arn.as_str())
        .text("Name", target.name.as_str())
        .text("Type", target_type)
}
