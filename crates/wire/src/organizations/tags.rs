//! Tags of what is in the organization.

use super::page;
use crate::fields::Fields;
use crate::node::Members;
use crate::table::{Binding, bind};
use locum_identity::error::Error;
use locum_identity::iam::PageRequest;
use locum_identity::organizations::{ListTagsForResource, TagResource, UntagResource};

pub(super) fn bindings() -> Vec<Binding> {
    vec![
        bind!(ListTagsForResource, decode_list, |output| page(
            "Tags",
            output,
            |tag| Members::new()
                .text("Key", tag.key.as_str())
                .text("Value", tag.value.as_str())
        )),
        bind!(TagResource, decode_tag),
        bind!(UntagResource, decode_untag),
    ]
}

fn decode_list(fields: &mut Fields<'_>) -> Result<ListTagsForResource, Error> {
    let resource_id = fields.required("ResourceId");
    // Every tag is on the first page.
    let page = PageRequest {
        behind: fields.token(),
        max_items: None,
    };
    fields.check()?;
    Ok(ListTagsForResource {
        resource_id: resource_id?,
        page,
    })
}

fn decode_tag(fields: &mut Fields<'_>) -> Result<TagResource, Error> {
    let resource_id = fields.required("ResourceId");
    let tags = fields.required_uncounted_tags("Tags");
    fields.check()?;
    Ok(TagResource {
        resource_id: resource_id?,
        tags,
    })
}

fn decode_untag(fields: &mut Fields<'_>) -> Result<UntagResource, Error> {
    let resource_id = fields.required("ResourceId");
    let tag_keys = fields.tag_keys("TagKeys");
    fields.check()?;
    Ok(UntagResource {
        resource_id: resource_id?,
        tag_keys,
    })
}
