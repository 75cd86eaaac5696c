//! Amazon EKS (REST-JSON): clusters that an operator registered, and Pod Identity associations.

use crate::fields::Fields;
use crate::json::Shape;
use crate::node::{Members, Node};
use crate::rest_json::Route;
use crate::table::{Binding, bind};
use data_encoding::BASE64;
use locum_identity::eks::{
    CreatePodIdentityAssociation, DeletePodIdentityAssociation, DescribeCluster,
    DescribePodIdentityAssociation, ListClusters, ListPodIdentityAssociations, ListTagsForResource,
    ShownAssociation, ShownCluster, TagResource, UntagResource, UpdatePodIdentityAssociation,
};
use locum_identity::error::Error;
use locum_identity::iam::Page;
use locum_identity::names::{EksText, Tag};

/// `maxResults` at most, and where it is not given.
const MOST_RESULTS: i32 = 100;
/// Tags in a request.
const MOST_TAGS: u32 = 50;

const ASSOCIATIONS: &str = "/clusters/{clusterName}/pod-identity-associations";
const ASSOCIATION: &str = "/clusters/{clusterName}/pod-identity-associations/{associationId}";

pub(crate) static ROUTES: [Route; 10] = [
    Route::new("CreatePodIdentityAssociation", "POST", ASSOCIATIONS).body(&[
        ("clientRequestToken", Shape::Text),
        ("disableSessionTags", Shape::Boolean),
        ("namespace", Shape::Text),
        ("policy", Shape::Text),
        ("roleArn", Shape::Text),
        ("serviceAccount", Shape::Text),
        ("tags", Shape::Map),
        ("targetRoleArn", Shape::Text),
    ]),
    Route::new("DeletePodIdentityAssociation", "DELETE", ASSOCIATION),
    Route::new("DescribeCluster", "GET", "/clusters/{name}"),
    Route::new("DescribePodIdentityAssociation", "GET", ASSOCIATION),
    Route::new("ListClusters", "GET", "/clusters").query(&[
        ("include", true),
        ("maxResults", false),
        ("nextToken", false),
    ]),
    Route::new("ListPodIdentityAssociations", "GET", ASSOCIATIONS).query(&[
        ("maxResults", false),
        ("namespace", false),
        ("nextToken", false),
        ("serviceAccount", false),
    ]),
    Route::new("ListTagsForResource", "GET", "/tags/{resourceArn}"),
    Route::new("TagResource", "POST", "/tags/{resourceArn}").body(&[("tags", Shape::Map)]),
    Route::new("UntagResource", "DELETE", "/tags/{resourceArn}").query(&[("tagKeys", true)]),
    Route::new("UpdatePodIdentityAssociation", "POST", ASSOCIATION).body(&[
        ("clientRequestToken", Shape::Text),
        ("disableSessionTags", Shape::Boolean),
        ("policy", Shape::Text),
        ("roleArn", Shape::Text),
        ("targetRoleArn", Shape::Text),
    ]),
];

pub(crate) fn bindings() -> Vec<Binding> {
    vec![
        bind!(
            CreatePodIdentityAssociation,
            decode_create,
            shown_association
        ),
        bind!(
            DeletePodIdentityAssociation,
            |fields| {
                let (cluster, id) = of_association(fields)?;
                Ok(DeletePodIdentityAssociation { cluster, id })
            },
            shown_association
        ),
        bind!(
            DescribeCluster,
            |fields| {
                let name = fields.required("name");
                fields.check()?;
                Ok(DescribeCluster { name: name? })
            },
            shown_cluster
        ),
        bind!(
            DescribePodIdentityAssociation,
            |fields| {
                let (cluster, id) = of_association(fields)?;
                Ok(DescribePodIdentityAssociation { cluster, id })
            },
            shown_association
        ),
        bind!(ListClusters, decode_list_clusters, |page| {
            let names = page.items.iter().map(|name| Node::text(name.as_str()));
            Members::new()
                .list("clusters", names)
                .text_if("nextToken", page.next.as_deref())
                .node()
        }),
        bind!(
            ListPodIdentityAssociations,
            decode_list_associations,
            listed_associations
        ),
        bind!(
            ListTagsForResource,
            |fields| {
                let arn = fields.required("resourceArn");
                fields.check()?;
                Ok(ListTagsForResource { arn: arn? })
            },
            |shown| Members::new().with("tags", tags(shown)).node()
        ),
        bind!(TagResource, decode_tag),
        bind!(UntagResource, decode_untag),
        bind!(
            UpdatePodIdentityAssociation,
            decode_update,
            shown_association
        ),
    ]
}

/// The code of what the model refuses: the tagging operations have their own.
pub(crate) fn invalid(operation: &str) -> &'static str {
    match operation {
        "ListTagsForResource" | "TagResource" | "UntagResource" => "BadRequestException",
        _ => "InvalidParameterException",
    }
}

/// The cluster and the association that a path names.
fn of_association(fields: &mut Fields<'_>) -> Result<(EksText, EksText), Error> {
    let (cluster, id) = (
        fields.required("clusterName"),
        fields.required("associationId"),
    );
    fields.check()?;
    Ok((cluster?, id?))
}

fn decode_create(fields: &mut Fields<'_>) -> Result<CreatePodIdentityAssociation, Error> {
    let cluster = fields.required("clusterName");
    let namespace = fields.required("namespace");
    let service_account = fields.required("serviceAccount");
    let role_arn = fields.required("roleArn");
    let request_token = fields.optional("clientRequestToken");
    let tags = fields.tag_map("tags", MOST_TAGS);
    let disable_session_tags = fields.boolean("disableSessionTags");
    let target_role_arn = fields.optional("targetRoleArn");
    let policy = fields.optional("policy");
    fields.check()?;
    Ok(CreatePodIdentityAssociation {
        cluster: cluster?,
        namespace: namespace?,
        service_account: service_account?,
        role_arn: role_arn?,
        request_token,
        tags,
        disable_session_tags,
        target_role_arn,
        policy,
    })
}

fn decode_update(fields: &mut Fields<'_>) -> Result<UpdatePodIdentityAssociation, Error> {
    let cluster = fields.required("clusterName");
    let id = fields.required("associationId");
    let role_arn = fields.optional("roleArn");
    let disable_session_tags = fields.boolean("disableSessionTags");
    let target_role_arn = fields.optional("targetRoleArn");
    let policy = fields.optional("policy");
    fields.check()?;
    Ok(UpdatePodIdentityAssociation {
        cluster: cluster?,
        id: id?,
        role_arn,
        disable_session_tags,
        target_role_arn,
        policy,
    })
}

fn decode_list_clusters(fields: &mut Fields<'_>) -> Result<ListClusters, Error> {
    let include = fields.list("include", u32::MAX, Fields::scalar);
    let page = fields.rest_page("maxResults", MOST_RESULTS);
    fields.check()?;
    Ok(ListClusters { include, page })
}

fn decode_list_associations(fields: &mut Fields<'_>) -> Result<ListPodIdentityAssociations, Error> {
    let cluster = fields.required("clusterName");
    let namespace = fields.optional("namespace");
    let service_account = fields.optional("serviceAccount");
    let page = fields.rest_page("maxResults", MOST_RESULTS);
    fields.check()?;
    Ok(ListPodIdentityAssociations {
        cluster: cluster?,
        namespace,
        service_account,
        page,
    })
}

fn decode_tag(fields: &mut Fields<'_>) -> Result<TagResource, Error> {
    let arn = fields.required("resourceArn");
    let tags = fields.required_tag_map("tags", MOST_TAGS);
    fields.check()?;
    Ok(TagResource { arn: arn?, tags })
}

fn decode_untag(fields: &mut Fields<'_>) -> Result<UntagResource, Error> {
    let arn = fields.required("resourceArn");
    let tag_keys = fields.required_filled_list("tagKeys", MOST_TAGS, Fields::scalar);
    fields.check()?;
    Ok(UntagResource {
        arn: arn?,
        tag_keys,
    })
}

fn tags(tags: &[Tag]) -> Node<'_> {
    let entry = |tag: &'_ Tag| {
        let key = tag.key.to_string();
        (key.into(), Node::text(tag.value.to_string()))
    };
    Node::Map(tags.iter().map(entry).collect())
}

fn shown_association(shown: &ShownAssociation) -> Node<'_> {
    let association = &shown.association;
    let members = Members::new()
        .text("clusterName", association.cluster.as_str())
        .text("namespace", association.namespace.as_str())
        .text("serviceAccount", association.service_account.as_str())
        .text("roleArn", association.role_arn.as_str())
        .text("associationArn", shown.arn.as_str())
        .text("associationId", association.id.as_str())
        .with("tags", tags(&association.tags))
        .time("createdAt", association.created)
        .time("modifiedAt", association.modified)
        .boolean("disableSessionTags", association.disable_session_tags)
        .text_if("targetRoleArn", association.target_role_arn.as_deref())
        .text_if("externalId", shown.external_id.as_deref())
        .text_if("policy", association.policy.as_deref());
    Members::new().structure("association", members).node()
}

fn listed_associations(page: &Page<ShownAssociation>) -> Node<'_> {
    let summary = |shown: &'_ ShownAssociation| {
        let association = shown.association.clone();
        Members::new()
            .text("clusterName", association.cluster.to_string())
            .text("namespace", association.namespace.clone())
            .text("serviceAccount", association.service_account.clone())
            .text("associationArn", shown.arn.clone())
            .text("associationId", association.id.clone())
            .node()
    };
    Members::new()
        .list("associations", page.items.iter().map(summary))
        .text_if("nextToken", page.next.as_deref())
        .node()
}

fn shown_cluster(shown: &ShownCluster) -> Node<'_> {
    let cluster = &shown.cluster;
    let issuer = Members::new().text("issuer", cluster.issuer.as_str());
    let mut members = Members::new()
        .text("name", cluster.name.as_str())
        .text("arn", shown.arn.as_str())
        .time("createdAt", cluster.created)
        .text_if("endpoint", cluster.endpoint.as_deref())
        .structure("identity", Members::new().structure("oidc", issuer))
        .text("status", "ACTIVE");
    if let Some(authorities) = &shown.authorities {
        let data = Members::new().text("data", BASE64.encode(authorities.as_bytes()));
        members = members.structure("certificateAuthority", data);
    }
    let members = members.with("tags", tags(&cluster.tags));
    Members::new().structure("cluster", members).node()
}
