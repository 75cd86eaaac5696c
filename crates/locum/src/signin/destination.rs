//! Where a browser may be sent after a sign-in: to pages of this server, and nowhere else.

use locum_identity::issuer::PublicUrl;
use serde::{Deserialize, Serialize};

/// The page that shows the credentials.
pub(super) const CREDENTIALS: &str = "/_locum/signin/credentials";

/// AWS's console, which clients ask for by habit.
const CONSOLE: &str = "console.aws.amazon.com";

/// A page of this server, as a path.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct Destination(String);

impl Destination {
    /// The page with the credentials.
    pub(super) fn credentials() -> Self {
        Self(CREDENTIALS.to_owned())
    }

    /// The page that a `Destination` or `RelayState` names; `None` if that is somewhere else. The server's
    /// own root and AWS's console mean the page with the credentials.
    pub(super) fn parse(text: &str, own: Option<&PublicUrl>) -> Option<Self> {
        if is_console(text) {
            return Some(Self::credentials());
        }
        let path = match own.and_then(|own| text.strip_prefix(own.as_str())) {
            Some(rest) => rest,
            None => text,
        };
        if matches!(path, "" | "/") && !text.is_empty() {
            return Some(Self::credentials());
        }
        // Objects of buckets have the same origin: nothing but pages of the server's own.
        let legal = |b: u8| b.is_ascii_alphanumeric() || b"/_-.~?=&%+:".contains(&b);
        let (page, _) = path.split_once('?').unwrap_or((path, ""));
        let is_own = path.starts_with("/_locum/")
            && path.len() <= 2048
            && path.bytes().all(legal)
            && !path.contains("..")
            && !path.contains("//")
            // Browsers take `%2e%2e` for `..`, too.
            && !page.contains('%');
        is_own.then(|| Self(path.to_owned()))
    }

    pub(super) fn path(&self) -> &str {
        &self.0
    }
}

fn is_console(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("https://") else {
        return false;
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let host = rest.get(..end).unwrap_or_default();
    let sub = host.strip_suffix(CONSOLE);
    sub.is_some_and(|sub| {
        let legal = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.';
        sub.is_empty() || sub.ends_with('.') && sub.bytes().all(legal)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_sent_nowhere_else() {
        let own = PublicUrl::parse("https://sts.example.com").unwrap();
        let parse = |text: &str| Destination::parse(text, Some(&own)).map(|it| it.0);
        for text in [
            "https://sts.example.com",
            "https://sts.example.com/",
            "/",
            "https://console.aws.amazon.com/",
            "https://console.aws.amazon.com/s3/home?region=x#y",
            "https://eu-west-1.console.aws.amazon.com/ec2",
        ] {
            assert_eq!(parse(text).as_deref(), Some(CREDENTIALS), "{text}");
        }
        for text in [
            "/_locum/signin/credentials",
            "https://sts.example.com/_locum/signin?account=1",
            "/_locum/signin?account=a%20b",
        ] {
            let path = text.strip_prefix("https://sts.example.com").unwrap_or(text);
            assert_eq!(parse(text).as_deref(), Some(path), "{text}");
        }
        for text in [
            "",
            "https://evil.example",
            "https://sts.example.com.evil.example/_locum/",
            "https://sts.example.com@evil.example/_locum/",
            "https://sts.example.com:444/_locum/",
            "http://sts.example.com/_locum/",
            "//evil.example/_locum/",
            "/\\evil.example",
            "/_locum/\\evil",
            "/_locum//evil.example",
            "/_locum/../bucket/evil.html",
            "/_locum/%2e%2e/bucket/evil.html",
            "/_locum/.%2E/bucket/evil.html",
            "/_locum/signin/%2E./%2e./bucket/evil.html?x",
            "/_locum/%2e\r\nSet-Cookie: a=b",
            "/bucket/evil.html",
            "javascript:alert(1)",
            "data:text/html,x",
            "https://console.aws.amazon.com.evil.example/",
            "https://evil.example/console.aws.amazon.com",
            "https://evil.example?.console.aws.amazon.com",
            "https://evil@console.aws.amazon.com/",
            "http://console.aws.amazon.com/",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}
