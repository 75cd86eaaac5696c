//! Condition context: the facts of a request that conditions and variables ask for.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;

/// The value of one condition key.
///
/// The difference is the key's, not the number of its values: `aws:TagKeys` is multi-valued even
/// when one tag is there, and then only the set operators (`ForAllValues:`, `ForAnyValue:`) look at
/// it. See "Single-valued vs. multivalued context keys" in the IAM User Guide.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Value<'a> {
    /// The value of a single-valued key.
    One(Cow<'a, str>),
    /// The values of a multi-valued key; may be empty, which is not the same as absent.
    Many(Vec<Cow<'a, str>>),
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Value::One(Cow::Borrowed(value))
    }
}

impl From<String> for Value<'_> {
    fn from(value: String) -> Self {
        Value::One(Cow::Owned(value))
    }
}

impl<'a> Value<'a> {
    /// The same value, borrowed.
    pub fn borrow(&'a self) -> Value<'a> {
        match self {
            Value::One(value) => Value::One(Cow::Borrowed(value)),
            Value::Many(values) => {
                Value::Many(values.iter().map(|v| Cow::Borrowed(v.as_ref())).collect())
            }
        }
    }
}

/// The facts of one request. A key that no policy names is never asked for.
pub trait Context {
    /// The value of a condition key, `None` when the request does not have it.
    ///
    /// The key comes in lower case (that of `str::to_lowercase`), tag suffix included:
    /// `aws:sourceip`, `aws:principaltag/team`.
    fn value(&self, key: &str) -> Option<Value<'_>>;
}

/// A request without any fact.
impl Context for () {
    fn value(&self, _: &str) -> Option<Value<'_>> {
        None
    }
}

/// Keys must be in lower case.
impl Context for BTreeMap<String, Value<'_>> {
    fn value(&self, key: &str) -> Option<Value<'_>> {
        self.get(key).map(Value::borrow)
    }
}

/// Keys must be in lower case.
impl<S: BuildHasher> Context for HashMap<String, Value<'_>, S> {
    fn value(&self, key: &str) -> Option<Value<'_>> {
        self.get(key).map(Value::borrow)
    }
}

/// Single-valued keys, in any case.
impl Context for [(&str, &str)] {
    fn value(&self, key: &str) -> Option<Value<'_>> {
        self.iter()
            .find(|(name, _)| name.chars().flat_map(char::to_lowercase).eq(key.chars()))
            .map(|(_, value)| Value::from(*value))
    }
}

/// Single-valued keys, in any case.
impl<const N: usize> Context for [(&str, &str); N] {
    fn value(&self, key: &str) -> Option<Value<'_>> {
        self.as_slice().value(key)
    }
}
