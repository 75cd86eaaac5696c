//! Parameters of the query protocol: a form or a query string, decoded.

use std::fmt;

/// Decoded parameters, sorted by name.
#[derive(Clone, Default)]
pub struct Params {
    /// Every name with its value behind it.
    text: String,
    pairs: Vec<Pair>,
}

/// Where a name and its value are.
#[derive(Clone, Copy)]
struct Pair {
    start: usize,
    /// Where the name ends and the value starts.
    middle: usize,
    end: usize,
}

/// A form or query string that is none.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum MalformedQuery {
    /// It ends inside an escape.
    IncompleteEscape,
    /// These two characters are not hexadecimal digits.
    IllegalEscape(String),
    /// The decoded bytes are not UTF-8.
    NotUtf8,
    /// A parameter stands there twice: which one was meant is a doubt.
    Duplicate(String),
}

impl fmt::Display for MalformedQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IncompleteEscape => f.write_str("Incomplete trailing escape % sequence"),
            Self::IllegalEscape(pair) => {
                write!(f, "Illegal hex characters in escape % pattern: %{pair}")
            }
            Self::NotUtf8 => f.write_str("The query string is not valid UTF-8"),
            Self::Duplicate(name) => write!(f, "Duplicate parameter: {name}"),
        }
    }
}

impl std::error::Error for MalformedQuery {}

impl Params {
    /// The parameters of a query string and of a form body together. The signature's own
    /// parameters (`X-Amz-…`) are left out.
    ///
    /// # Errors
    /// [`MalformedQuery`]
    pub fn parse(query: &str, form: &[u8]) -> Result<Self, MalformedQuery> {
        let mut params = Self {
            text: String::with_capacity(query.len() + form.len()),
            pairs: Vec::with_capacity(16),
        };
        let query = query.as_bytes().split(|b| *b == b'&');
        for pair in query.chain(form.split(|b| *b == b'&')) {
            if pair.is_empty() {
                continue;
            }
            let (name, value) = match pair.iter().position(|b| *b == b'=') {
                Some(at) => pair.split_at_checked(at).unwrap_or_default(),
                None => (pair, &[][..]),
            };
            let start = params.text.len();
            decode_into(name, &mut params.text)?;
            let middle = params.text.len();
            if params.of(start, middle).starts_with("X-Amz-") {
                params.text.truncate(start);
                continue;
            }
            decode_into(value.get(1..).unwrap_or_default(), &mut params.text)?;
            let end = params.text.len();
            params.pairs.push(Pair { start, middle, end });
        }
        params.sort();
        let mut names = params.iter().map(|(name, _)| name);
        let mut last = names.next();
        for name in names {
            if last == Some(name) {
                return Err(MalformedQuery::Duplicate(name.to_owned()));
            }
            last = Some(name);
        }
        Ok(params)
    }

    /// Of pairs with the same name the last one counts.
    pub(crate) fn from_pairs(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let pairs = pairs.into_iter();
        pairs.fold(Self::default(), |params, (name, value)| {
            params.with(&name, &value)
        })
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        let start = self.text.len();
        self.text.push_str(name);
        let middle = self.text.len();
        self.text.push_str(value);
        let end = self.text.len();
        let pair = Pair { start, middle, end };
        match self.find(name) {
            Ok(at) => {
                if let Some(old) = self.pairs.get_mut(at) {
                    *old = pair;
                }
            }
            Err(at) => self.pairs.insert(at, pair),
        }
        self
    }

    fn sort(&mut self) {
        let text = &self.text;
        self.pairs
            .sort_unstable_by_key(|pair| text.get(pair.start..pair.middle).unwrap_or_default());
    }

    /// The text between two places that are boundaries of names or values.
    fn of(&self, start: usize, end: usize) -> &str {
        self.text.get(start..end).unwrap_or_default()
    }

    fn name(&self, pair: &Pair) -> &str {
        self.of(pair.start, pair.middle)
    }

    fn find(&self, name: &str) -> Result<usize, usize> {
        self.pairs
            .binary_search_by(|pair| self.name(pair).cmp(name))
    }

    /// The value of a parameter.
    pub fn value(&self, name: &str) -> Option<&str> {
        // Most requests have a few parameters of different lengths: to look at them all is the
        // faster search.
        let pair = if self.pairs.len() <= 16 {
            let mut pairs = self.pairs.iter();
            pairs.find(|pair| pair.middle - pair.start == name.len() && self.name(pair) == name)
        } else {
            self.pairs.get(self.find(name).ok()?)
        }?;
        Some(self.of(pair.middle, pair.end))
    }

    /// All parameters, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs
            .iter()
            .map(|pair| (self.name(pair), self.of(pair.middle, pair.end)))
    }

    /// What stands behind `prefix` in the names that begin with it.
    pub(crate) fn behind<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a str> {
        let first = self.pairs.partition_point(|pair| self.name(pair) < prefix);
        let pairs = self.pairs.get(first..).unwrap_or_default().iter();
        pairs.map_while(move |pair| self.name(pair).strip_prefix(prefix))
    }
}

impl PartialEq for Params {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Params {}

impl fmt::Debug for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// Form decoding: `+` is a blank.
pub(crate) fn decode(text: &str) -> Result<String, MalformedQuery> {
    let mut out = String::with_capacity(text.len());
    decode_into(text.as_bytes(), &mut out)?;
    Ok(out)
}

/// The same, appended to `out`. Each text is UTF-8 by itself.
fn decode_into(text: &[u8], out: &mut String) -> Result<(), MalformedQuery> {
    let special = |byte: &u8| matches!(byte, b'+' | b'%');
    let utf8 = |bytes| std::str::from_utf8(bytes).map_err(|_| MalformedQuery::NotUtf8);
    let Some(first) = text.iter().position(special) else {
        out.push_str(utf8(text)?);
        return Ok(());
    };
    let mut bytes = Vec::with_capacity(text.len());
    let (plain, mut rest) = text.split_at_checked(first).unwrap_or_default();
    bytes.extend_from_slice(plain);
    while let Some((byte, behind)) = rest.split_first() {
        rest = behind;
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let (pair, behind) = rest
                    .split_first_chunk::<2>()
                    .ok_or(MalformedQuery::IncompleteEscape)?;
                rest = behind;
                let digit = |byte: u8| char::from(byte).to_digit(16);
                let [high, low] = pair.map(digit);
                let byte = high.zip(low).map(|(high, low)| high << 4 | low);
                byte.and_then(|byte| u8::try_from(byte).ok())
                    .ok_or_else(|| {
                        MalformedQuery::IllegalEscape(String::from_utf8_lossy(pair).into_owned())
                    })?
            }
            byte => *byte,
        });
    }
    out.push_str(utf8(&bytes)?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(form: &str, expected: Result<&[(&str, &str)], MalformedQuery>) {
        let expected = expected.map(|pairs| {
            Params::from_pairs(
                pairs
                    .iter()
                    .map(|(n, v)| ((*n).to_owned(), (*v).to_owned())),
            )
        });
        assert_eq!(Params::parse("", form.as_bytes()), expected, "{form}");
    }

    #[test]
    fn forms() {
        check(
            "Action=A&Name=a+b%2Bc",
            Ok(&[("Action", "A"), ("Name", "a b+c")]),
        );
        check("Tags=", Ok(&[("Tags", "")]));
        check("a&b=1=2", Ok(&[("a", ""), ("b", "1=2")]));
        check("a=%", Err(MalformedQuery::IncompleteEscape));
        check("a=%2", Err(MalformedQuery::IncompleteEscape));
        check("a=%zz", Err(MalformedQuery::IllegalEscape("zz".into())));
        check("a=%+1", Err(MalformedQuery::IllegalEscape("+1".into())));
        check("a=%ff", Err(MalformedQuery::NotUtf8));
        check("a=1&a=1", Err(MalformedQuery::Duplicate("a".into())));
    }

    #[test]
    fn query_and_form_are_one_and_the_signature_is_no_parameter() {
        let params = Params::parse("Action=A&X-Amz-Signature=x", b"Version=1").unwrap();
        assert_eq!(
            params.iter().collect::<Vec<_>>(),
            [("Action", "A"), ("Version", "1")]
        );
        assert_eq!(
            Params::parse("Action=A", b"Action=B"),
            Err(MalformedQuery::Duplicate("Action".into()))
        );
    }
}
