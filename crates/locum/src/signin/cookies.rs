//! Cookies: what a browser keeps between the steps of a sign-in, always sealed.
//!
//! They are sent to the pages only, and no script reads them. `SameSite=Lax`, since users come from their
//! identity provider's site; what changes something asks for more than a cookie. Over TLS their names
//! begin with `__Secure-`, so that nobody sets them without.

use http::header::COOKIE;
use http::request::Parts;

/// How many characters of a value a cookie holds: browsers take 4096 bytes with the name and all.
const PART: usize = 3500;
/// Cookies that a long value is spread over: a session's token has 20 KiB at most.
const MOST_PARTS: usize = 8;

/// What a cookie is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Cookie {
    /// That the browser is signed in.
    Session,
    /// What a page is sealed with on which a role is to be chosen.
    Choice,
    /// That the browser was sent to a provider.
    Request,
}

impl Cookie {
    fn name(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Choice => "choice",
            Self::Request => "request",
        }
    }
}

/// The cookies of one name in a request, and those to be set.
pub(super) struct Jar<'a> {
    head: &'a Parts,
    secure: bool,
    cookie: Cookie,
}

impl<'a> Jar<'a> {
    pub(super) fn new(head: &'a Parts, secure: bool, cookie: Cookie) -> Self {
        Self {
            head,
            secure,
            cookie,
        }
    }

    fn name(&self, part: usize) -> String {
        let prefix = if self.secure { "__Secure-" } else { "" };
        format!("{prefix}locum-{}-{part}", self.cookie.name())
    }

    /// What the request brings of one part. A cookie that is there twice is not believed: somebody else
    /// may have set one of them.
    fn part(&self, part: usize) -> Option<&'a str> {
        let name = self.name(part);
        let mut found = self
            .head
            .headers
            .get_all(COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(key, _)| *key == name)
            .map(|(_, value)| value);
        match (found.next(), found.next()) {
            (Some(value), None) => Some(value),
            _ => None,
        }
    }

    /// The value, put together. The first part tells how many there are.
    pub(super) fn get(&self) -> Option<String> {
        let (count, first) = self.part(0)?.split_once('.')?;
        let count: usize = count.parse().ok()?;
        let mut value = first.to_owned();
        for part in 1..count.min(MOST_PARTS) {
            value.push_str(self.part(part)?);
        }
        Some(value)
    }

    /// The headers that set a value for so many seconds; `None` if it is too long.
    pub(super) fn set(&self, value: &str, lifetime: i64) -> Option<Vec<String>> {
        let mut parts: Vec<&str> = Vec::new();
        let mut rest = value;
        while !rest.is_empty() || parts.is_empty() {
            let (part, behind) = rest.split_at_checked(rest.len().min(PART))?;
            parts.push(part);
            rest = behind;
        }
        if parts.len() > MOST_PARTS {
            return None;
        }
        let count = parts.len();
        let set = parts.iter().enumerate().map(|(number, part)| {
            let value = match number {
                0 => format!("{count}.{part}"),
                _ => (*part).to_owned(),
            };
            self.header(number, &value, lifetime)
        });
        Some(set.chain(self.forgotten(count)).collect())
    }

    /// The headers that make a browser forget what it brought.
    pub(super) fn forget(&self) -> Vec<String> {
        self.forgotten(0).collect()
    }

    fn forgotten(&self, from: usize) -> impl Iterator<Item = String> {
        let brought = (from..MOST_PARTS).filter(|part| self.part(*part).is_some() || *part == 0);
        brought.map(|part| self.header(part, "", 0))
    }

    fn header(&self, part: usize, value: &str, lifetime: i64) -> String {
        let name = self.name(part);
        let secure = if self.secure { "; Secure" } else { "" };
        format!(
            "{name}={value}; Path=/_locum/signin; Max-Age={lifetime}; HttpOnly; SameSite=Lax{secure}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn with_cookies(cookies: &str) -> Parts {
        let request = Request::builder().header(COOKIE, cookies);
        request.body(()).unwrap().into_parts().0
    }

    /// What a browser that was sent these headers sends back.
    fn sent_back(headers: &[String]) -> String {
        let pairs = headers
            .iter()
            .filter(|header| !header.contains("Max-Age=0"));
        let pairs: Vec<_> = pairs
            .map(|header| header.split(';').next().unwrap())
            .collect();
        pairs.join("; ")
    }

    #[test]
    fn a_value_of_any_length_comes_back() {
        let none = with_cookies("");
        for length in [0, 1, PART, PART + 1, PART * MOST_PARTS] {
            let value = "x".repeat(length);
            let headers = Jar::new(&none, true, Cookie::Session)
                .set(&value, 60)
                .unwrap();
            assert!(headers.iter().all(|header| header.len() < 4096));
            let head = with_cookies(&sent_back(&headers));
            let jar = Jar::new(&head, true, Cookie::Session);
            assert_eq!(jar.get().as_deref(), Some(value.as_str()), "{length}");
        }
        let longer = "x".repeat(PART * MOST_PARTS + 1);
        assert_eq!(
            Jar::new(&none, true, Cookie::Session).set(&longer, 60),
            None
        );
    }

    #[test]
    fn a_cookie_that_is_there_twice_or_not_whole_is_none() {
        let get = |cookies: &str| {
            let head = with_cookies(cookies);
            Jar::new(&head, false, Cookie::Session).get()
        };
        assert_eq!(get("a=b; locum-session-0=1.x"), Some("x".to_owned()));
        for cookies in [
            "locum-session-0=1.x; locum-session-0=1.y",
            "locum-session-0=2.x",
            "locum-session-0=x",
            "locum-session-0=.x",
            "__Secure-locum-session-0=1.x",
            "locum-session-00=1.x",
        ] {
            assert_eq!(get(cookies), None, "{cookies}");
        }
    }

    #[test]
    fn what_is_left_of_a_longer_value_is_forgotten() {
        let head = with_cookies("locum-session-0=2.x; locum-session-1=y");
        let jar = Jar::new(&head, false, Cookie::Session);
        let of = |headers: Vec<String>| -> Vec<String> {
            let named = headers
                .iter()
                .map(|header| header.split(';').next().unwrap().to_owned());
            named.collect()
        };
        assert_eq!(
            of(jar.set("z", 60).unwrap()),
            ["locum-session-0=1.z", "locum-session-1="]
        );
        assert_eq!(of(jar.forget()), ["locum-session-0=", "locum-session-1="]);
    }
}
