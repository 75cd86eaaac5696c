//! From parameters to an operation's input: every constraint of the model is checked, and all that
//! fail are reported together.

use crate::params::Params;
use data_encoding::BASE64URL_NOPAD;
use locum_identity::environment::{Seconds, parse_timestamp};
use locum_identity::error::{Error, Invalid};
use locum_identity::iam::PageRequest;
use locum_identity::names::{Constrained, Constraint, MarkerText, Tag, TagKey};
use locum_identity::organizations::InvalidReason;
use std::borrow::Cow;
use std::collections::BTreeSet;

mod rest;

/// `MaxResults` at most, and where it is not given.
const MOST_RESULTS: i32 = 20;

/// The parameters of one request, and what was found wrong with them.
pub(crate) struct Fields<'a> {
    params: &'a Params,
    /// What stands before the names: `Tags.member.1.`
    prefix: String,
    /// The same as AWS prints it: `tags.1.member.`
    path: String,
    /// IAM leaves the values out of its messages.
    shows_values: bool,
    failed: Vec<Invalid>,
    /// Numbers and indices that cannot be read at all.
    malformed: bool,
    /// The answer to a `Marker` or `NextToken` that no list of this kind gave.
    invalid_page: Option<fn() -> Error>,
}

/// Placeholder for a required value that [`Fields::check`] has refused already.
pub(crate) type Checked<T> = Result<T, Error>;

impl<'a> Fields<'a> {
    pub(crate) fn new(params: &'a Params, shows_values: bool) -> Self {
        Self {
            params,
            prefix: String::new(),
            path: String::new(),
            shows_values,
            failed: Vec::new(),
            malformed: false,
            invalid_page: None,
        }
    }

    /// Everything that failed so far, as one error.
    pub(crate) fn check(&mut self) -> Result<(), Error> {
        if self.malformed {
            return Err(Error::MalformedInput);
        }
        match (self.failed.is_empty(), self.invalid_page) {
            (true, Some(invalid_page)) => Err(invalid_page()),
            (true, None) => Ok(()),
            (false, _) => Err(Error::Validation(std::mem::take(&mut self.failed))),
        }
    }

    /// The raw text of a parameter.
    pub(crate) fn raw(&self, name: &str) -> Option<&'a str> {
        self.params.value(&self.full_name(name))
    }

    /// Whether a parameter, or an element of a list of that name, was sent.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.params
            .behind(&self.full_name(name))
            .any(|rest| rest.is_empty() || rest.starts_with('.'))
    }

    /// The parameter's name as it was sent: outside lists, most of the time, just the name.
    fn full_name<'n>(&self, name: &'n str) -> Cow<'n, str> {
        if self.prefix.is_empty() {
            Cow::Borrowed(name)
        } else {
            Cow::Owned(format!("{}{name}", self.prefix))
        }
    }

    pub(crate) fn optional<T: Constrained>(&mut self, name: &str) -> Option<T> {
        let text = self.raw(name)?;
        match T::parse(text) {
            Ok(value) => Some(value),
            Err(constraints) => {
                constraints
                    .into_iter()
                    .for_each(|constraint| self.fail(name, Some(text), constraint));
                None
            }
        }
    }

    pub(crate) fn required<T: Constrained>(&mut self, name: &str) -> Checked<T> {
        if self.raw(name).is_none() {
            self.fail(name, None, Constraint::NotNull);
        }
        self.optional(name)
            .ok_or_else(|| Error::Validation(Vec::new()))
    }

    /// A required parameter whose value no message repeats.
    pub(crate) fn required_secret<T: Constrained>(&mut self, name: &str) -> Checked<T> {
        let shows_values = std::mem::replace(&mut self.shows_values, false);
        let value = self.required(name);
        self.shows_values = shows_values;
        value
    }

    /// An integer as the query protocol reads it: an optional plus, leading zeros, 32 bits.
    pub(crate) fn integer(&mut self, name: &str) -> Option<i32> {
        let text = self.raw(name)?;
        let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
        let legal = digits.bytes().all(|b| b.is_ascii_digit());
        match text.parse() {
            Ok(number) if legal => Some(number),
            _ => {
                self.malformed = true;
                None
            }
        }
    }

    /// An integer with limits of its own.
    pub(crate) fn number<T>(
        &mut self,
        name: &str,
        make: impl FnOnce(i32) -> Result<T, Constraint>,
    ) -> Option<T> {
        let number = self.integer(name)?;
        match make(number) {
            Ok(value) => Some(value),
            Err(constraint) => {
                self.fail(name, Some(&number.to_string()), constraint);
                None
            }
        }
    }

    /// A failure of a value that is told only beside others.
    pub(crate) fn also(&mut self, name: &str, value: &str, constraint: Constraint) {
        if !self.failed.is_empty() {
            self.fail(name, Some(value), constraint);
        }
    }

    /// A moment in ISO 8601, rounded up to a whole second.
    pub(crate) fn time(&mut self, name: &str) -> Option<Seconds> {
        let moment = parse_timestamp(self.raw(name)?);
        self.malformed |= moment.is_none();
        moment
    }

    /// `true`, `1`, `false` or `0`.
    pub(crate) fn boolean(&mut self, name: &str) -> Option<bool> {
        match self.raw(name)? {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => {
                self.malformed = true;
                None
            }
        }
    }

    /// One of an enumeration's values.
    pub(crate) fn one_of<T: Copy>(
        &mut self,
        name: &str,
        names: &'static [&'static str],
        values: &[T],
    ) -> Option<T> {
        let text = self.raw(name)?;
        let found = names
            .iter()
            .position(|other| *other == text)
            .and_then(|at| values.get(at))
            .copied();
        if found.is_none() {
            // IAM leaves the list out as well as the value.
            let names = if self.shows_values { names } else { &[] };
            self.fail(name, Some(text), Constraint::OneOf(names));
        }
        found
    }

    /// Like [`Fields::one_of`], for a member that must be there.
    pub(crate) fn required_one_of<T: Copy>(
        &mut self,
        name: &str,
        names: &'static [&'static str],
        values: &[T],
    ) -> Checked<T> {
        if self.raw(name).is_none() {
            self.fail(name, None, Constraint::NotNull);
        }
        self.one_of(name, names, values)
            .ok_or_else(|| Error::Validation(Vec::new()))
    }

    /// A list of structures or scalars: `read` gets the fields of each element, whose scalar has the empty name.
    pub(crate) fn list<T>(
        &mut self,
        name: &str,
        max: u32,
        read: impl FnMut(&mut Fields<'a>) -> Option<T>,
    ) -> Vec<T> {
        self.elements(name, "member", max, read)
    }

    /// A map, of which each entry has a key and a value, that must be there, though it may be empty.
    pub(crate) fn required_map<K: Constrained, V: Constrained>(
        &mut self,
        name: &str,
    ) -> Vec<(K, V)> {
        if !self.has(name) {
            self.fail(name, None, Constraint::NotNull);
        }
        self.map(name, u32::MAX, |entry| {
            let (key, value) = (entry.required("key"), entry.required("value"));
            key.ok().zip(value.ok())
        })
    }

    /// A map: `read` gets the fields of each entry, which are `key` and `value`.
    pub(crate) fn map<T>(
        &mut self,
        name: &str,
        max: u32,
        read: impl FnMut(&mut Fields<'a>) -> Option<T>,
    ) -> Vec<T> {
        self.elements(name, "entry", max, read)
    }

    /// What stands behind `NAME.INFIX.1`, `NAME.INFIX.2` and so on.
    fn elements<T>(
        &mut self,
        name: &str,
        infix: &str,
        max: u32,
        mut read: impl FnMut(&mut Fields<'a>) -> Option<T>,
    ) -> Vec<T> {
        let stem = [self.prefix.as_str(), name, ".", infix, "."].concat();
        if self.params.behind(&stem).next().is_none() {
            return Vec::new();
        }
        let mut indices = BTreeSet::new();
        for behind in self.params.behind(&stem) {
            let digits = behind.split('.').next().unwrap_or_default();
            match digits.parse::<u32>() {
                Ok(index) if index > 0 && digits.bytes().all(|b| b.is_ascii_digit()) => {
                    indices.insert((index, digits.to_owned()));
                }
                _ => self.malformed = true,
            }
        }
        // `1` and `01` are the same element; which one was meant is a doubt.
        let distinct: BTreeSet<_> = indices.iter().map(|(index, _)| *index).collect();
        let mut extent = 0;
        for index in &distinct {
            self.malformed |= *index > extent + 10;
            extent = *index;
        }
        if self.malformed || distinct.len() != indices.len() {
            self.malformed = true;
            return Vec::new();
        }
        if extent > max {
            self.fail(name, None, Constraint::MaxLength(max));
            return Vec::new();
        }
        let mut items = Vec::new();
        for place in 1..=extent {
            let spelling = indices
                .iter()
                .find(|(index, _)| *index == place)
                .map(|(_, digits)| digits.as_str());
            let path = format!("{}{}.{place}.{infix}", self.path, lower_camel(name));
            let Some(spelling) = spelling else {
                self.failed.push(Invalid {
                    member: path,
                    value: None,
                    constraint: Constraint::NotNull,
                });
                continue;
            };
            items.extend(self.within(format!("{stem}{spelling}."), format!("{path}."), &mut read));
        }
        items
    }

    /// A structure: `read` gets the fields behind `NAME.`. Absent, it has none.
    pub(crate) fn structure<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Fields<'a>) -> T,
    ) -> T {
        let prefix = format!("{}{name}.", self.prefix);
        let path = format!("{}{}.", self.path, lower_camel(name));
        self.within(prefix, path, read)
    }

    /// Reads the fields behind a prefix; what is wrong with them is wrong here.
    fn within<T>(
        &mut self,
        prefix: String,
        path: String,
        read: impl FnOnce(&mut Fields<'a>) -> T,
    ) -> T {
        let mut inner = Fields {
            params: self.params,
            prefix,
            path,
            shows_values: self.shows_values,
            failed: Vec::new(),
            malformed: false,
            invalid_page: None,
        };
        let found = read(&mut inner);
        self.malformed |= inner.malformed;
        self.failed.append(&mut inner.failed);
        found
    }

    /// The same, for a structure that must be there: without it nothing inside is missed.
    pub(crate) fn required_structure<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Fields<'a>) -> T,
    ) -> Checked<T> {
        if !self.has(name) {
            self.fail(name, None, Constraint::NotNull);
            return Err(Error::Validation(Vec::new()));
        }
        Ok(self.structure(name, read))
    }

    /// Like [`Fields::number`], for a member that must be there.
    pub(crate) fn required_number<T>(
        &mut self,
        name: &str,
        make: impl FnOnce(i32) -> Result<T, Constraint>,
    ) -> Checked<T> {
        if self.raw(name).is_none() {
            self.fail(name, None, Constraint::NotNull);
        }
        self.number(name, make)
            .ok_or_else(|| Error::Validation(Vec::new()))
    }

    /// The element itself, where a list's elements are scalars.
    pub(crate) fn scalar<T: Constrained>(&mut self) -> Option<T> {
        let name = self.prefix.strip_suffix('.')?;
        let text = self.params.value(name);
        let member = self.path.trim_end_matches('.').to_owned();
        match text.map(T::parse) {
            Some(Ok(value)) => return Some(value),
            Some(Err(constraints)) => {
                let value = text.filter(|_| self.shows_values).map(str::to_owned);
                self.failed
                    .extend(constraints.into_iter().map(|constraint| Invalid {
                        member: member.clone(),
                        value: value.clone(),
                        constraint,
                    }));
            }
            None => self.failed.push(Invalid {
                member,
                value: None,
                constraint: Constraint::NotNull,
            }),
        }
        None
    }

    /// A list that must be there, though it may be empty.
    pub(crate) fn required_list<T>(
        &mut self,
        name: &str,
        max: u32,
        read: impl FnMut(&mut Fields<'a>) -> Option<T>,
    ) -> Vec<T> {
        if !self.has(name) {
            self.fail(name, None, Constraint::NotNull);
        }
        self.list(name, max, read)
    }

    /// `Tags` of a service that counts them itself.
    pub(crate) fn uncounted_tags(&mut self, name: &str) -> Vec<Tag> {
        self.list(name, u32::MAX, Self::tag)
    }

    /// The same, for the tagging operations.
    pub(crate) fn required_uncounted_tags(&mut self, name: &str) -> Vec<Tag> {
        self.required_list(name, u32::MAX, Self::tag)
    }

    /// A list that may be absent, but not empty.
    pub(crate) fn filled_list<T>(
        &mut self,
        name: &str,
        max: u32,
        read: impl FnMut(&mut Fields<'a>) -> Option<T>,
    ) -> Vec<T> {
        if self.raw(name).is_some() {
            self.fail(name, None, Constraint::MinLength(1));
        }
        self.list(name, max, read)
    }

    /// A list that must be there, and not be empty.
    pub(crate) fn required_filled_list<T>(
        &mut self,
        name: &str,
        max: u32,
        read: impl FnMut(&mut Fields<'a>) -> Option<T>,
    ) -> Vec<T> {
        if !self.has(name) {
            self.fail(name, None, Constraint::NotNull);
        }
        self.filled_list(name, max, read)
    }

    /// `Tags`, at most fifty.
    pub(crate) fn tags(&mut self, name: &str) -> Vec<Tag> {
        self.list(name, 50, Self::tag)
    }

    /// `Tags` of the tagging operations.
    pub(crate) fn required_tags(&mut self, name: &str) -> Vec<Tag> {
        self.required_list(name, 50, Self::tag)
    }

    /// `TagKeys` of the untagging operations.
    pub(crate) fn tag_keys(&mut self, name: &str) -> Vec<TagKey> {
        self.required_list(name, 50, Fields::scalar)
    }

    fn tag(&mut self) -> Option<Tag> {
        let (key, value) = (self.required("Key"), self.required("Value"));
        Some(Tag {
            key: key.ok()?,
            value: value.ok()?,
        })
    }

    /// `Marker` and `MaxItems`.
    pub(crate) fn page(&mut self) -> PageRequest {
        let max_items = self.max_items();
        PageRequest {
            max_items,
            ..self.unmeasured_page()
        }
    }

    /// `Marker`, of a list whose pages nobody measures.
    pub(crate) fn unmeasured_page(&mut self) -> PageRequest {
        let behind = self.marker().unwrap_or_else(|()| {
            self.invalid_page = Some(|| Error::ValidationText("Invalid Marker.".to_owned()));
            None
        });
        PageRequest {
            behind: behind.unwrap_or_default(),
            max_items: None,
        }
    }

    /// `MaxItems`
    pub(crate) fn max_items(&mut self) -> Option<usize> {
        self.number("MaxItems", |number| match number {
            ..1 => Err(Constraint::MinValue(1)),
            1..=1000 => Ok(number.unsigned_abs() as usize),
            _ => Err(Constraint::MaxValue(1000)),
        })
    }

    /// The key in `Marker`; `Err` for one that no list of this kind gave. What a list did give is good
    /// however long the key in it is.
    pub(crate) fn marker(&mut self) -> Result<Option<String>, ()> {
        let Some(marker) = self.raw("Marker") else {
            return Ok(None);
        };
        let key = page_key(self.params, marker);
        if key.is_none() {
            self.optional::<MarkerText>("Marker");
        }
        key.map(Some).ok_or(())
    }

    /// `NextToken` and `MaxResults`, at most twenty.
    pub(crate) fn token_page(&mut self) -> PageRequest {
        let max_items = self.number("MaxResults", |number| match number {
            ..1 => Err(Constraint::MinValue(1)),
            1..=MOST_RESULTS => Ok(number.unsigned_abs() as usize),
            _ => Err(Constraint::MaxValue(MOST_RESULTS.into())),
        });
        PageRequest {
            behind: self.token(),
            max_items: Some(max_items.unwrap_or(MOST_RESULTS as usize)),
        }
    }

    /// `NextToken` of a list that does not say how much it wants.
    pub(crate) fn token(&mut self) -> String {
        match self.raw("NextToken") {
            None => String::new(),
            Some(token) => page_key(self.params, token).unwrap_or_else(|| {
                self.invalid_page = Some(|| InvalidReason::InvalidNextToken.into());
                String::new()
            }),
        }
    }

    fn fail(&mut self, name: &str, value: Option<&str>, constraint: Constraint) {
        self.failed.push(Invalid {
            member: format!("{}{}", self.path, lower_camel(name)),
            value: value.filter(|_| self.shows_values).map(str::to_owned),
            constraint,
        });
    }
}

/// The `Marker` or `NextToken` of a page that ends with `key`, good for the same list only: the same
/// operation with the same parameters but `MaxItems` or `MaxResults`.
pub(crate) fn page_marker(params: &Params, key: &str) -> String {
    let selection = selection(params).to_be_bytes();
    BASE64URL_NOPAD.encode(&[&selection[..], key.as_bytes()].concat())
}

/// The inverse of [`page_marker`].
fn page_key(params: &Params, marker: &str) -> Option<String> {
    let bytes = BASE64URL_NOPAD.decode(marker.as_bytes()).ok()?;
    let (of, key) = bytes.split_first_chunk()?;
    let ours = *of == selection(params).to_be_bytes() && !key.is_empty();
    ours.then(|| String::from_utf8(key.to_vec()).ok())?
}

/// What tells lists apart: the FNV-1a hash of all that selects. It guards against mistakes; who
/// makes up a marker sees no more than who sends none.
fn selection(params: &Params) -> u64 {
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    // A simulation goes on where it was though everything else has changed, as AWS's does.
    let action = params.value("Action").unwrap_or_default();
    let lasting = action.starts_with("Simulate");
    params
        .iter()
        .filter(|(name, _)| {
            !matches!(
                *name,
                "Marker"
                    | "MaxItems"
                    | "NextToken"
                    | "nextToken"
                    | "MaxResults"
                    | "maxResults"
                    | "pageSize"
                    | "Version"
            )
        })
        .filter(|(name, _)| !lasting || *name == "Action")
        .flat_map(|(name, value)| {
            let value = match value {
                "0" => "false",
                "1" => "true",
                value => value,
            };
            name.bytes().chain([0]).chain(value.bytes()).chain([0])
        })
        .fold(BASIS, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(PRIME)
        })
}

/// `RoleArn` as AWS prints it: `roleArn`.
fn lower_camel(name: &str) -> String {
    let mut chars = name.chars();
    chars
        .next()
        .map(|first| first.to_ascii_lowercase())
        .into_iter()
        .chain(chars)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use locum_identity::names::UserName;

    fn params(form: &str) -> Params {
        Params::parse("", form.as_bytes()).unwrap()
    }

    #[test]
    fn every_failed_constraint_is_told() {
        let params = params("Tags.member.1.Key=k");
        let mut fields = Fields::new(&params, true);
        let _ = fields.required::<UserName>("UserName");
        fields.tags("Tags");
        assert_eq!(
            fields.check().unwrap_err().to_string(),
            "2 validation errors detected: Value at 'userName' failed to satisfy constraint: Member must not be null; \
             Value at 'tags.1.member.value' failed to satisfy constraint: Member must not be null"
        );
    }

    #[track_caller]
    fn check_integer(text: &str, expected: Option<i32>) {
        let params = Params::from_pairs([("N".to_owned(), text.to_owned())]);
        let mut fields = Fields::new(&params, true);
        assert_eq!(fields.integer("N"), expected, "{text}");
        assert_eq!(fields.check().is_ok(), expected.is_some());
    }

    #[test]
    fn integers() {
        check_integer("900", Some(900));
        check_integer("0900", Some(900));
        check_integer("+900", Some(900));
        check_integer("-1", Some(-1));
        for text in [
            "",
            " 900",
            "900 ",
            "9.0",
            "9e2",
            "2147483648",
            "+",
            "-",
            "+-1",
            "--1",
            "0x9",
        ] {
            check_integer(text, None);
        }
    }

    #[track_caller]
    fn check_keys(form: &str, expected: Result<&[&str], &str>) {
        let params = params(form);
        let mut fields = Fields::new(&params, true);
        let keys = fields.tag_keys("TagKeys");
        let got = fields.check().map(|()| {
            keys.iter()
                .map(|key| key.as_str().to_owned())
                .collect::<Vec<_>>()
        });
        assert_eq!(
            got.map_err(|error| error.to_string()),
            expected
                .map(|keys| keys.iter().map(|key| (*key).to_owned()).collect())
                .map_err(str::to_owned),
            "{form}"
        );
    }

    #[test]
    fn lists() {
        const MALFORMED: &str = "The request could not be parsed";
        check_keys("TagKeys.member.2=b&TagKeys.member.1=a", Ok(&["a", "b"]));
        check_keys("TagKeys.member.01=a", Ok(&["a"]));
        check_keys("TagKeys.member.10=j&TagKeys.member.9=i", Err(&"8 validation errors detected: ".to_owned().chars().chain((1..9).map(|n| format!("Value at 'tagKeys.{n}.member' failed to satisfy constraint: Member must not be null")).collect::<Vec<_>>().join("; ").chars()).collect::<String>()));
        check_keys("TagKeys=", Ok(&[]));
        check_keys(
            "",
            Err(
                "1 validation error detected: Value at 'tagKeys' failed to satisfy constraint: Member must not be null",
            ),
        );
        check_keys("TagKeys.member.0=a", Err(MALFORMED));
        check_keys("TagKeys.member.-1=a", Err(MALFORMED));
        check_keys("TagKeys.member.x=a", Err(MALFORMED));
        check_keys("TagKeys.member.11=a", Err(MALFORMED));
        check_keys("TagKeys.member.1=a&TagKeys.member.01=b", Err(MALFORMED));
    }
}
