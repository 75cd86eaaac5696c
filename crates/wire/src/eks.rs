//! Amazon EKS: clusters that an operator registered, and Pod Identity associations (REST-JSON).

use crate::rest_json::Route;
use crate::table::Binding;

pub(crate) static ROUTES: [Route; 0] = [];

pub(crate) fn bindings() -> Vec<Binding> {
    Vec::new()
}

/// The code of what the model refuses: the tagging operations have their own.
pub(crate) fn invalid(operation: &str) -> &'static str {
    match operation {
        "ListTagsForResource" | "TagResource" | "UntagResource" => "BadRequestException",
        _ => "InvalidParameterException",
    }
}
