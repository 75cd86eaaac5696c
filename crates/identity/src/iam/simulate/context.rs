//! The condition keys of a simulated request: what the simulation was given, and what the simulator
//! adds.

use crate::error::Error;
use crate::names::{ContextKeyName, ContextKeyValue};
use data_encoding::BASE64;
use locum_policy::{Context, Kind, Policy, Value};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// One element of `ContextEntries`. The model requires none of its members; the simulator requires
/// all.
#[derive(Clone, Debug, Default)]
pub struct ContextEntry {
    /// `ContextKeyName`
    pub name: Option<ContextKeyName>,
    /// `ContextKeyValues`
    pub values: Vec<ContextKeyValue>,
    /// `ContextKeyType`
    pub kind: Option<ContextKeyType>,
}

/// `ContextKeyType`: what the values are, and whether the key is multi-valued.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ContextKeyType {
    /// Of what type each value is.
    pub value: ContextValueType,
    /// The key is multi-valued: a type whose name ends in `List`.
    pub list: bool,
}

/// The types of values.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(missing_docs, reason = "each variant is the type of its name")]
pub enum ContextValueType {
    String,
    Numeric,
    Boolean,
    Ip,
    Binary,
    Date,
}

impl ContextKeyType {
    /// Every type as the model names it.
    pub const NAMES: &'static [&'static str] = &[
        "string",
        "stringList",
        "numeric",
        "numericList",
        "boolean",
        "booleanList",
        "ip",
        "ipList",
        "binary",
        "binaryList",
        "date",
        "dateList",
    ];

    /// Every type, in the order of [`ContextKeyType::NAMES`].
    pub const ALL: [Self; 12] = {
        const fn one(value: ContextValueType, list: bool) -> ContextKeyType {
            ContextKeyType { value, list }
        }
        [
            one(ContextValueType::String, false),
            one(ContextValueType::String, true),
            one(ContextValueType::Numeric, false),
            one(ContextValueType::Numeric, true),
            one(ContextValueType::Boolean, false),
            one(ContextValueType::Boolean, true),
            one(ContextValueType::Ip, false),
            one(ContextValueType::Ip, true),
            one(ContextValueType::Binary, false),
            one(ContextValueType::Binary, true),
            one(ContextValueType::Date, false),
            one(ContextValueType::Date, true),
        ]
    };

    /// The type as the model names it.
    pub fn name(self) -> &'static str {
        let place = Self::ALL.iter().position(|other| *other == self);
        let name = place.and_then(|at| Self::NAMES.get(at));
        name.copied().unwrap_or_default()
    }
}

impl ContextValueType {
    /// The value as conditions compare it; what is wrong with it, in AWS's words.
    ///
    /// AWS's simulator and its services differ about numbers that are none: `NumericNotEquals` does
    /// not hold in the one, and holds in the others. The evaluator is that of live requests, so a
    /// value of a declared type is read here, and no doubt about it reaches a condition.
    fn read(self, text: &str) -> Result<Cow<'_, str>, &'static str> {
        let text = Cow::Borrowed(text);
        match self {
            Self::String => Ok(text),
            // Whatever is not true is false.
            Self::Boolean if text.eq_ignore_ascii_case("true") => Ok(Cow::Borrowed("true")),
            Self::Boolean => Ok(Cow::Borrowed("false")),
            Self::Numeric if readable("NumericEquals", &text) => Ok(text),
            Self::Numeric => Err("numeric format"),
            Self::Date if readable("DateEquals", &text) => Ok(text),
            Self::Date => Err("DateTime format"),
            Self::Ip if text.parse::<IpAddr>().is_ok() => Ok(text),
            Self::Ip => Err("IP address"),
            Self::Binary if BASE64.decode(text.as_bytes()).is_ok() => Ok(text),
            Self::Binary => Err("base-64 encoded binary format"),
        }
    }
}

/// Whether a policy could have this value under this operator: one reader for both sides.
fn readable(operator: &str, text: &str) -> bool {
    let document = serde_json::json!({
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Action": "*",
            "Resource": "*",
            "Condition": { operator: { "simulator:value": text } },
        },
    });
    Policy::parse(&document.to_string(), Kind::Identity).is_ok()
}

/// The condition keys of a simulated request.
#[derive(Debug, Default)]
pub(super) struct SimulatedContext {
    /// As `ContextEntries` has them, by lower-case name.
    given: BTreeMap<String, Value<'static>>,
    /// What the simulator has of itself.
    defaults: BTreeMap<&'static str, String>,
}

impl SimulatedContext {
    /// Reads `ContextEntries`.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for the first entry that is not whole, not of its type, or a key given
    /// twice.
    pub(super) fn read(entries: &[ContextEntry]) -> Result<Self, Error> {
        let mut context = Self::default();
        for entry in entries {
            let (name, value) = entry.read(&context).map_err(Error::InvalidInput)?;
            context.given.insert(name, value);
        }
        Ok(context)
    }

    /// Adds a value of the simulator's own, behind what was given.
    pub(super) fn assume(&mut self, key: &'static str, value: impl Into<String>) {
        self.defaults.insert(key, value.into());
    }

    /// Whether `ContextEntries` has the key, whatever the letter case.
    pub(super) fn gives(&self, key: &str) -> bool {
        self.given.contains_key(&key.to_lowercase())
    }

    /// The most characters that any one key has in its values. Each of several counts as 256 at
    /// least: to compare it with a short value of a policy costs as much as to read so many bytes.
    pub(super) fn heaviest(&self) -> usize {
        const SHORTEST: usize = 256;
        let of_one = |value: &Value<'_>| match value {
            Value::One(text) => text.len(),
            Value::Many(texts) => texts.iter().map(|text| text.len().max(SHORTEST)).sum(),
        };
        self.given.values().map(of_one).max().unwrap_or_default()
    }

    /// The most characters that a variable can stand for.
    pub(super) fn longest(&self) -> usize {
        let given = self.given.values().map(|value| match value {
            Value::One(text) => text.len(),
            Value::Many(_) => 0,
        });
        let defaults = self.defaults.values().map(String::len);
        given.chain(defaults).max().unwrap_or_default()
    }
}

impl Context for SimulatedContext {
    fn value(&self, key: &str) -> Option<Value<'_>> {
        let default = || {
            let text = self.defaults.get(key)?;
            Some(Value::from(text.as_str()))
        };
        self.given.get(key).map(Value::borrow).or_else(default)
    }
}

impl ContextEntry {
    /// The key in lower case, and its value.
    fn read(&self, earlier: &SimulatedContext) -> Result<(String, Value<'static>), String> {
        let Some(name) = &self.name else {
            return Err("ContextKeyName cannot be null or empty.".to_owned());
        };
        if earlier.gives(name.as_str()) {
            return Err(format!("Duplicate context key: {name}."));
        }
        let Some(kind) = self.kind else {
            return Err(format!("Context key {name} has invalid type null."));
        };
        if self.values.is_empty() {
            return Err(format!(
                "Context values for context key {name} cannot be null or empty."
            ));
        }
        let read = |value: &ContextKeyValue| match kind.value.read(value.as_str()) {
            Ok(text) => Ok(Cow::Owned(text.into_owned())),
            Err(expected) => Err(format!(
                "Invalid context value for key {name}: expected {expected}."
            )),
        };
        let value = match (kind.list, self.values.as_slice()) {
            (true, values) => Value::Many(values.iter().map(read).collect::<Result<_, _>>()?),
            (false, [value]) => Value::One(read(value)?),
            // AWS names the type here, not the key.
            (false, values) => {
                return Err(format!(
                    "Context key {} expected a single value, but received {}.",
                    kind.name(),
                    values.len()
                ));
            }
        };
        Ok((name.as_str().to_lowercase(), value))
    }
}
