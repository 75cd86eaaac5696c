//! IAM Roles Anywhere (REST-JSON).

use crate::rest_json::Route;
use crate::table::Binding;

pub(crate) static ROUTES: [Route; 0] = [];

pub(crate) fn bindings() -> Vec<Binding> {
    Vec::new()
}
