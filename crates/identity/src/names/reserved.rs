//! Namespaces of tag keys that are not everyone's.

use super::TagKey;
use crate::error::Error;

impl TagKey {
    /// Whose namespace the key is in, whatever its letter case: AWS's `aws:` or our own `locum:`.
    pub(crate) fn reserved(&self) -> Option<Reserved> {
        let begins = |prefix: &str| {
            let own = self.as_str().get(..prefix.len());
            own.is_some_and(|own| own.eq_ignore_ascii_case(prefix))
        };
        let mut all = [Reserved::Aws, Reserved::Locum].into_iter();
        all.find(|reserved| begins(reserved.prefix()))
    }

    /// Refuses a key that is in a reserved namespace.
    ///
    /// # Errors
    /// [`Error::InvalidInput`]
    pub(crate) fn check_unreserved(&self) -> Result<(), Error> {
        match self.reserved() {
            None => Ok(()),
            Some(Reserved::Aws) => Err(Error::InvalidInput(
                "Tag keys beginning with aws: are reserved for AWS use.".to_owned(),
            )),
            Some(Reserved::Locum) => Err(Error::InvalidInput(
                "Tag keys beginning with locum: are reserved for locum use.".to_owned(),
            )),
        }
    }
}

/// A namespace of tag keys that is not everyone's.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Reserved {
    Aws,
    Locum,
}

impl Reserved {
    fn prefix(self) -> &'static str {
        match self {
            Self::Aws => "aws:",
            Self::Locum => "locum:",
        }
    }
}
