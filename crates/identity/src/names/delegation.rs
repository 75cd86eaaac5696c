//! The texts of delegation requests (`iam/2010-05-08`, `sts/2011-06-15`).

use super::{AccountId, Constrained, Constraint, Illegal, check};
use crate::environment::Entropy;
use std::fmt;

/// Latin-1 without control characters, but for tabs and line ends.
fn printable(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{a1}'..='\u{ff}')
}

/// `[ -~]`
fn ascii(c: char) -> bool {
    matches!(c, ' '..='~')
}

text_type! {
    /// The id of a delegation request as a parameter: 16 to 128 of `[\w-]`.
    DelegationRequestIdText, (16, 128), r"[\w-]+",
    |c| c.is_ascii_alphanumeric() || c == '_' || c == '-'
}
text_type! {
    /// `RequestMessage`: at most 200 characters of printable Latin-1.
    RequestMessage, (0, 200), r"[\u0009\u000A\u000D\u0020-\u007E\u00A1-\u00FF]*", printable
}
text_type! {
    /// `RequestorWorkflowId`: 5 to 400 characters of printable Latin-1.
    RequestorWorkflowId, (5, 400), r"[\u0009\u000A\u000D\u0020-\u007E\u00A1-\u00FF]+", printable
}
text_type! {
    /// `Notes`: at most 500 characters of printable Latin-1.
    DelegationNotes, (0, 500), r"[\u0009\u000A\u000D\u0020-\u007E\u00A1-\u00FF]*", printable
}
text_type! {
    /// `NotificationChannel`: 2 to 400 of `[a-zA-Z0-9:_.-]`.
    NotificationChannel, (2, 400), r"^[a-zA-Z0-9:_.-]+$",
    |c| c.is_ascii_alphanumeric() || ":_.-".contains(c)
}
text_type! {
    /// `OwnerId`: 20 to 2048 of `[a-zA-Z0-9:/+=,.@_-]`.
    OwnerId, (20, 2048), r"^[a-zA-Z0-9:/+=,.@_-]+$",
    |c| c.is_ascii_alphanumeric() || ":/+=,.@_-".contains(c)
}
text_type! {
    /// The name of a parameter of a policy template: 5 to 256 printable characters of ASCII.
    PolicyParameterName, (5, 256), r"[ -~]+", ascii
}
text_type! {
    /// A value of such a parameter: printable characters of ASCII. The model has no greatest length;
    /// what it may make of a policy has one.
    PolicyParameterValue, (1, 2048), r"[ -~]+", ascii
}
text_type! {
    /// `Locale`: 2 to 12 characters.
    Locale, (2, 12), "", |_| true
}
text_type! {
    /// `TradeInToken`. The model has no constraint, and so no message ever repeats one.
    TradeInToken, (0, u32::MAX), "", |_| true
}
text_type! {
    /// `RedirectUrl`: 1 to 255 characters, `http` or `https` without port, user or escapes.
    RedirectUrl, |text| {
        const PATTERN: &str = r"^http(s?)://[a-zA-Z0-9._/-]*(\?[a-zA-Z0-9._=&-]*)?(#[a-zA-Z0-9._/-]*)?$";
        let alphabet = |text: &str, more: &str| {
            text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
        };
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let legal = rest.is_some_and(|rest| {
            let (rest, fragment) = rest.split_once('#').unwrap_or((rest, ""));
            let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
            alphabet(path, "._/-") && alphabet(query, "._=&-") && alphabet(fragment, "._/-")
        });
        let mut failed = check(text, (1, 255), PATTERN, |_| true).err().unwrap_or_default();
        if !legal {
            failed.insert(0, Constraint::Pattern(PATTERN));
        }
        if failed.is_empty() { Ok(()) } else { Err(failed) }
    }
}

/// The id of a delegation request: `dr-`, the requestor's account, and 128 bits of chance. It tells
/// where the request is kept, so that none needs a global index; and nobody guesses one.
#[derive(
    Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, serde::Serialize, serde::Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct DelegationRequestId(String);

impl DelegationRequestId {
    /// Draws an id for a request of `requestor`.
    pub fn generate(requestor: AccountId, entropy: &dyn Entropy) -> Self {
        let mut random = [0; 16];
        entropy.fill(&mut random);
        let random = u128::from_be_bytes(random);
        Self(format!("dr-{:010x}-{random:032x}", requestor.number()))
    }

    /// An id as one is made here, in that spelling alone.
    pub fn parse(text: &str) -> Option<Self> {
        Self::account_of(text).map(|_| Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The account that made the request; `None` if `text` is not an id made here.
    pub fn account_of(text: &str) -> Option<AccountId> {
        let (account, chance) = text.strip_prefix("dr-")?.split_once('-')?;
        let hex = |text: &str| {
            text.bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        };
        let whole = account.len() == 10 && chance.len() == 32 && hex(account) && hex(chance);
        whole.then_some(())?;
        AccountId::from_number(u64::from_str_radix(account, 16).ok()?)
    }
}

impl TryFrom<String> for DelegationRequestId {
    type Error = Illegal;
    fn try_from(text: String) -> Result<Self, Illegal> {
        Self::parse(&text).ok_or(Illegal("DelegationRequestId"))
    }
}

impl From<DelegationRequestId> for String {
    fn from(id: DelegationRequestId) -> String {
        id.0
    }
}

impl fmt::Display for DelegationRequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::testing::Counter;

    #[test]
    fn an_id_tells_who_made_the_request() {
        let requestor = AccountId::from_number(999_999_999_999).unwrap();
        let id = DelegationRequestId::generate(requestor, &Counter::default());
        assert_eq!(
            DelegationRequestId::account_of(id.as_str()),
            Some(requestor)
        );
        assert!(DelegationRequestIdText::parse(id.as_str()).is_ok());
        assert_eq!(DelegationRequestId::parse(id.as_str()).as_ref(), Some(&id));
        for other in [
            id.as_str().to_uppercase(),
            id.as_str().replacen("dr-", "DR-", 1),
            format!("{id}0"),
            id.as_str().replacen("dr-", "dr-+", 1),
            "dr-ffffffffff-00000000000000000000000000000000".to_owned(),
            String::new(),
        ] {
            assert_eq!(DelegationRequestId::parse(&other), None, "{other}");
        }
    }

    #[test]
    fn redirections() {
        let long = format!("https://{}", "a".repeat(248));
        for text in [
            "https://vendor.example/done?state=a.b_c-d&x=1#top/1",
            "http://vendor.example",
            "http://",
            long.strip_suffix('a').unwrap(),
        ] {
            assert!(RedirectUrl::parse(text).is_ok(), "{text}");
        }
        for text in [
            "",
            "javascript://x",
            "HTTPS://vendor.example",
            "https://user@vendor.example",
            "https://vendor.example:8443",
            "https://vendor.example/?a=%20",
            "https://vendor.example/?a=b?c",
            "https://vendor.example/#a#b",
            "https://vendor.example/\n",
            &long,
        ] {
            assert!(RedirectUrl::parse(text).is_err(), "{text}");
        }
    }
}
