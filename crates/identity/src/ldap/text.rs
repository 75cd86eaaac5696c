//! Names and filters as text: what a user typed must stay a value, whatever characters it has.

use std::fmt::Write as _;

/// Where a filter or a DN template has the user's name.
pub(super) const USERNAME: &str = "{username}";
/// Where a filter for groups has the user's DN.
pub(super) const DN: &str = "{dn}";

/// A value in a search filter (RFC 4515): whatever could be read as a part of the filter is escaped.
pub fn filter_value(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '*' | '(' | ')' | '\0'..='\x1f' | '\x7f' => {
                let _ = write!(escaped, "\\{:02x}", u32::from(c));
            }
            _ => escaped.push(c),
        }
    }
    escaped
}

/// A value in a distinguished name (RFC 4514).
pub fn dn_value(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let last = text.chars().count().saturating_sub(1);
    for (at, c) in text.chars().enumerate() {
        match c {
            '"' | '+' | ',' | ';' | '<' | '=' | '>' | '\\' | '\0'..='\x1f' | '\x7f' => {
                let _ = write!(escaped, "\\{:02x}", u32::from(c));
            }
            ' ' | '#' if at == 0 => {
                let _ = write!(escaped, "\\{:02x}", u32::from(c));
            }
            ' ' if at == last => escaped.push_str("\\20"),
            _ => escaped.push(c),
        }
    }
    escaped
}

/// A filter with its placeholders filled in, in one walk: what is filled in is not looked at again.
pub(super) fn render_filter(template: &str, username: &str, dn: &str) -> String {
    render(template, |placeholder| match placeholder {
        DN => filter_value(dn),
        _ => filter_value(username),
    })
}

/// A DN template with the user's name filled in.
pub(super) fn render_dn(template: &str, username: &str) -> String {
    render(template, |_| dn_value(username))
}

fn render(template: &str, value: impl Fn(&str) -> String) -> String {
    let mut rendered = String::with_capacity(template.len());
    let mut rest = template;
    loop {
        let next = [USERNAME, DN]
            .into_iter()
            .filter_map(|placeholder| Some((rest.find(placeholder)?, placeholder)))
            .min();
        let Some((at, placeholder)) = next else {
            rendered.push_str(rest);
            return rendered;
        };
        let (before, from) = rest.split_at_checked(at).unwrap_or((rest, ""));
        rendered.push_str(before);
        rendered.push_str(&value(placeholder));
        rest = from.strip_prefix(placeholder).unwrap_or_default();
    }
}

/// Whether a filter's parentheses enclose it and each other, and its placeholders stand where values do.
pub(super) fn is_filter(template: &str) -> bool {
    let mut depth = 0_usize;
    // Behind the `=` of a comparison, before the parenthesis that ends it.
    let mut in_value = false;
    let mut rest = template;
    if !template.starts_with('(') {
        return false;
    }
    while let Some(c) = rest.chars().next() {
        let placeholder = [USERNAME, DN].into_iter().find(|p| rest.starts_with(p));
        if let Some(placeholder) = placeholder {
            if !in_value {
                return false;
            }
            rest = rest.strip_prefix(placeholder).unwrap_or_default();
            continue;
        }
        match c {
            '(' if in_value => return false,
            '(' => depth += 1,
            ')' => {
                in_value = false;
                let Some(less) = depth.checked_sub(1) else {
                    return false;
                };
                depth = less;
            }
            '=' => in_value = true,
            '\0'..='\x1f' => return false,
            _ => {}
        }
        rest = rest.strip_prefix(c).unwrap_or_default();
        if depth == 0 && !rest.is_empty() {
            return false;
        }
    }
    depth == 0
}

/// A distinguished name, taken apart (RFC 4514).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DistinguishedName(Vec<Vec<(String, String)>>);

impl DistinguishedName {
    /// Reads a name; `None` for what is none, has no part, or has a value that is not text.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = Vec::new();
        let mut part = Vec::new();
        let mut rest = text;
        loop {
            let (kind, value) = rest.split_once('=')?;
            let kind = kind.trim_matches(' ').to_ascii_lowercase();
            let legal = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.';
            if kind.is_empty() || !kind.bytes().all(legal) {
                return None;
            }
            let (value, end, behind) = dn_value_at(value)?;
            part.push((kind, value));
            match end {
                Some('+') => {}
                Some(_) => parts.push(std::mem::take(&mut part)),
                None => {
                    parts.push(part);
                    return Some(Self(parts));
                }
            }
            rest = behind;
        }
    }

    /// One spelling for all of the same name, in small letters: servers compare the usual attributes
    /// of names without regard to letter case and the number of blanks.
    pub fn canonical(&self) -> String {
        let part = |part: &Vec<(String, String)>| {
            let mut pairs: Vec<String> = part
                .iter()
                .map(|(kind, value)| {
                    let words: Vec<&str> = value.split(' ').filter(|w| !w.is_empty()).collect();
                    format!("{kind}={}", dn_value(&words.join(" ").to_lowercase()))
                })
                .collect();
            pairs.sort_unstable();
            pairs.join("+")
        };
        self.0.iter().map(part).collect::<Vec<_>>().join(",")
    }

    /// The value of the first part, where that part has one attribute.
    pub fn name(&self) -> Option<&str> {
        match self.0.first().map(Vec::as_slice) {
            Some([(_, value)]) => Some(value),
            _ => None,
        }
    }

    /// What the name lies directly beneath; `None` for a name of one part.
    pub fn parent(&self) -> Option<Self> {
        let (_, above) = self.0.split_first()?;
        (!above.is_empty()).then(|| Self(above.to_vec()))
    }
}

/// The value at the start of `text`, the separator that ends it, and what is behind that.
fn dn_value_at(text: &str) -> Option<(String, Option<char>, &str)> {
    let text = text.trim_start_matches(' ');
    let mut bytes: Vec<u8> = Vec::new();
    // Blanks at the end count only where they are escaped.
    let mut kept = 0;
    let mut chars = text.chars();
    if text.starts_with('#') {
        // The hexadecimal form is for values that are no text.
        return None;
    }
    let end = loop {
        let Some(c) = chars.next() else { break None };
        match c {
            ',' | '+' | ';' => break Some(c),
            '"' | '<' | '>' | '\0' => return None,
            '\\' => {
                let next = chars.next()?;
                if next.is_ascii_hexdigit() {
                    let low = chars.next()?;
                    let byte = next.to_digit(16)? * 16 + low.to_digit(16)?;
                    bytes.push(u8::try_from(byte).ok()?);
                } else if " \"#+,;<=>\\".contains(next) {
                    bytes.push(u8::try_from(next).ok()?);
                } else {
                    return None;
                }
                kept = bytes.len();
            }
            c => {
                bytes.extend(c.encode_utf8(&mut [0; 4]).as_bytes());
                if c != ' ' {
                    kept = bytes.len();
                }
            }
        }
    };
    bytes.truncate(kept);
    let value = String::from_utf8(bytes).ok()?;
    (!value.is_empty()).then_some((value, end, chars.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_stays_a_value_of_the_filter() {
        for (typed, value) in [
            ("alice", "alice"),
            ("*)(uid=*", "\\2a\\29\\28uid=\\2a"),
            ("a\\2a", "a\\5c2a"),
            ("a\0b", "a\\00b"),
            (
                "Jos\u{e9}, (\u{65e5}\u{672c})",
                "Jos\u{e9}, \\28\u{65e5}\u{672c}\\29",
            ),
            ("{dn}", "{dn}"),
        ] {
            assert_eq!(filter_value(typed), value, "{typed}");
        }
        // What is filled in is not filled in again.
        let filter = render_filter("(&(uid={username})(member={dn}))", "{dn}", "cn={username}");
        assert_eq!(filter, "(&(uid={dn})(member=cn={username}))");
    }

    #[test]
    fn what_is_typed_stays_a_value_of_the_name() {
        for typed in [
            "alice",
            "a,ou=admins",
            "a+cn=b",
            " a ",
            "#61",
            "a\\",
            "a\"b<c>;=",
            "\u{e9}",
            "a\u{1}",
        ] {
            let dn = render_dn("uid={username},ou=people,dc=example", typed);
            let parsed = DistinguishedName::parse(&dn).unwrap();
            assert_eq!(parsed.name(), Some(typed), "{dn}");
            assert_eq!(parsed.parent().unwrap().canonical(), "ou=people,dc=example");
        }
    }

    #[test]
    fn one_name_has_one_spelling() {
        for text in [
            "CN=Build  Engineers,OU=Groups,DC=example",
            "cn=build engineers, ou=groups , dc=EXAMPLE",
            "cn=Build\\20Engineers;ou=groups;dc=example",
        ] {
            let parsed = DistinguishedName::parse(text).unwrap();
            assert_eq!(
                parsed.canonical(),
                "cn=build engineers,ou=groups,dc=example"
            );
        }
        let two = DistinguishedName::parse("uid=1+cn=b,dc=x").unwrap();
        assert_eq!(
            (two.canonical().as_str(), two.name()),
            ("cn=b+uid=1,dc=x", None)
        );
        let escaped = DistinguishedName::parse("cn=a\\,b\\c3\\a9,dc=x").unwrap();
        assert_eq!(escaped.name(), Some("a,b\u{e9}"));
        for text in [
            "", "alice", "cn=", "=a", "cn=a,", "cn=a\\", "cn=a\\zz", "cn=\"a\"", "cn=#0401",
            "c n=a", "cn=a\\ff", ",cn=a",
        ] {
            assert_eq!(DistinguishedName::parse(text), None, "{text}");
        }
    }

    #[test]
    fn filters_are_whole_and_have_placeholders_as_values() {
        for filter in [
            "(uid={username})",
            "(&(objectClass=person)(|(uid={username})(mail={username})))",
            "(member:1.2.840.113556.1.4.1941:={dn})",
            "(!(userAccountControl:1.2.840.113556.1.4.803:=2))",
            "(cn=a*b)",
        ] {
            assert!(is_filter(filter), "{filter}");
        }
        for filter in [
            "",
            "uid={username}",
            "(uid={username}",
            "(uid={username}))",
            "(uid={username})(a=b)",
            "({username}=a)",
            "(uid=a(b))",
            "(uid={username})\n",
            "{username}",
        ] {
            assert!(!is_filter(filter), "{filter}");
        }
    }
}
