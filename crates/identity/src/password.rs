//! What may be a password, and what is kept of one: an argon2id hash.

use crate::account::Account;
use crate::directory::Directory;
use crate::entity::PasswordPolicy;
use crate::environment::Entropy;
use crate::error::{Error, IamFault};
use crate::names::{AccountId, Password};
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use std::fmt;
use std::future::Future;
use std::pin::Pin;

/// Memory of one computation, in KiB; passes over it; lanes. OWASP's least for argon2id ("Password
/// Storage Cheat Sheet").
const COST: (u32, u32, u32) = (19 * 1024, 2, 1);
/// Bytes of a salt.
const SALT: usize = 16;
/// AWS's symbols. Other characters that are neither letters nor digits are of no class.
const SYMBOLS: &str = "!@#$%^&*()_+-=[]{}|'";
/// Where no policy was set: the least length …
const DEFAULT_LENGTH: usize = 8;
/// … and of how many classes characters must be.
const DEFAULT_CLASSES: usize = 3;

/// A password's argon2id hash as a PHC string, which holds what it was computed with. It is no
/// password, but lets one be guessed at, so it does not print.
#[derive(Clone, Eq, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// One that no password has, to be compared where there is none.
    pub(crate) fn decoy() -> Self {
        let (memory, passes, lanes) = COST;
        let (salt, hash) = ("A".repeat(22), "A".repeat(43));
        Self(format!(
            "$argon2id$v=19$m={memory},t={passes},p={lanes}${salt}${hash}"
        ))
    }

    /// Hashes a password. It takes tens of milliseconds and 19 MiB.
    ///
    /// # Errors
    /// [`Error::Internal`], if the memory is not to be had.
    pub(crate) fn of(password: &Password, salt: &Salt) -> Result<Self, Error> {
        let (memory, passes, lanes) = COST;
        let failed =
            |error: argon2::password_hash::Error| Error::Internal(error.to_string().into());
        let params =
            Params::new(memory, passes, lanes, None).map_err(|error| failed(error.into()))?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let hash = argon2
            .hash_password_with_salt(password.expose().as_bytes(), &salt.0)
            .map_err(failed)?;
        Ok(Self(hash.to_string()))
    }

    /// Whether it is this password's. It takes as long as hashing, whatever the answer.
    pub(crate) fn is_of(&self, password: &Password) -> bool {
        let password = password.expose().as_bytes();
        Argon2::default()
            .verify_password(password, self.0.as_str())
            .is_ok()
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// What makes hashes of equal passwords differ.
pub(crate) struct Salt([u8; SALT]);

impl Salt {
    /// Draws one.
    pub(crate) fn generate(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; SALT];
        entropy.fill(&mut bytes);
        Self(bytes)
    }
}

/// Work that takes tens of milliseconds, and tells whom it must itself.
pub type Work = Box<dyn FnOnce() + Send>;

/// See [`Workshop::run`].
pub type Working<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Where passwords are hashed: handed in, since no thread that serves requests may be held up by it.
pub trait Workshop: Send + Sync + 'static {
    /// Has the work done, and is ready when it is.
    fn run(&self, work: Work) -> Working<'_>;
}

/// Does it where it is asked for: for tests, and for commands that have nothing else to do.
#[derive(Clone, Copy, Debug, Default)]
pub struct OnTheSpot;

impl Workshop for OnTheSpot {
    fn run(&self, work: Work) -> Working<'_> {
        work();
        Box::pin(std::future::ready(()))
    }
}

/// Refuses a new password that the account's policy does not admit: its own, or AWS's default one
/// (IAM user guide, "Set an account password policy for IAM users").
///
/// # Errors
/// [`IamFault::PasswordPolicyViolation`]
pub(crate) fn check(
    password: &Password,
    account: &Account,
    directory: &Directory,
) -> Result<(), Error> {
    let text = password.expose();
    let admitted = match account.password_policy() {
        Some(policy) => policy.admits(text),
        None => {
            let length = text.chars().count();
            length >= DEFAULT_LENGTH
                && Classes::of(text).count() >= DEFAULT_CLASSES
                && !names_account(text, account.id, directory)
        }
    };
    if admitted { Ok(()) } else { Err(violation()) }
}

/// Whether it is the account's name, e-mail address or alias.
fn names_account(text: &str, account: AccountId, directory: &Directory) -> bool {
    let record = directory.accounts.get(&account);
    let own = record.map(|record| [record.name.as_str(), record.email.as_str()]);
    let mut names = own.into_iter().flatten().chain(directory.alias_of(account));
    names.any(|name| name.eq_ignore_ascii_case(text))
}

/// AWS says no more than this, whatever the password lacks.
pub(crate) fn violation() -> Error {
    let text = "Password does not conform to the account password policy.";
    IamFault::PasswordPolicyViolation(text.to_owned()).into()
}

/// How many of the latest passwords an account's new ones must not repeat.
pub(crate) fn remembered(account: &Account) -> usize {
    let policy = account.password_policy();
    let remembered = policy.and_then(|policy| policy.reuse_prevention);
    remembered
        .and_then(|number| usize::try_from(number).ok())
        .unwrap_or(0)
}

impl PasswordPolicy {
    fn admits(&self, text: &str) -> bool {
        let classes = Classes::of(text);
        let length = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
        length >= self.minimum_length
            && (classes.symbols || !self.require_symbols)
            && (classes.numbers || !self.require_numbers)
            && (classes.uppercase || !self.require_uppercase)
            && (classes.lowercase || !self.require_lowercase)
    }
}

/// Of which classes a password has characters: letters and digits of ASCII only.
#[derive(Clone, Copy)]
struct Classes {
    uppercase: bool,
    lowercase: bool,
    numbers: bool,
    symbols: bool,
}

impl Classes {
    fn of(text: &str) -> Self {
        Self {
            uppercase: text.bytes().any(|b| b.is_ascii_uppercase()),
            lowercase: text.bytes().any(|b| b.is_ascii_lowercase()),
            numbers: text.bytes().any(|b| b.is_ascii_digit()),
            symbols: text.chars().any(|c| SYMBOLS.contains(c)),
        }
    }

    fn count(self) -> usize {
        let classes = [self.uppercase, self.lowercase, self.numbers, self.symbols];
        classes.into_iter().filter(|has| *has).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::testing::Counter;
    use crate::names::Constrained as _;

    fn password(text: &str) -> Password {
        Password::parse(text).unwrap()
    }

    #[test]
    fn a_hash_is_of_its_password_alone() {
        let entropy = Counter::default();
        let hash =
            PasswordHash::of(&password("Gr\u{fc}n-77 x"), &Salt::generate(&entropy)).unwrap();
        assert!(hash.is_of(&password("Gr\u{fc}n-77 x")));
        for other in [
            "gr\u{fc}n-77 x",
            "Gr\u{fc}n-77 x ",
            "Gr\u{fc}n-77",
            "Gr\u{dc}N-77 X",
        ] {
            assert!(!hash.is_of(&password(other)), "{other:?}");
        }
        let again =
            PasswordHash::of(&password("Gr\u{fc}n-77 x"), &Salt::generate(&entropy)).unwrap();
        assert_ne!(hash, again, "salted");
    }

    #[test]
    fn a_hash_is_argon2id_at_owasps_cost_and_does_not_print() {
        let hash = PasswordHash::of(&password("x"), &Salt([7; SALT])).unwrap();
        let cost = "$argon2id$v=19$m=19456,t=2,p=1$";
        assert!(hash.0.starts_with(cost), "{}", hash.0);
        assert_eq!(format!("{hash:?}"), "PasswordHash(…)");
        // What stands in where there is none costs as much, and is nobody's.
        assert!(PasswordHash::decoy().0.starts_with(cost));
        assert_eq!(PasswordHash::decoy().0.len(), hash.0.len());
        assert!(argon2::password_hash::phc::PasswordHash::new(&PasswordHash::decoy().0).is_ok());
        assert!(!PasswordHash::decoy().is_of(&password("x")));
    }

    #[test]
    fn classes_are_those_of_aws() {
        let count = |text: &str| Classes::of(text).count();
        assert_eq!(count("aB3!"), 4);
        for symbol in SYMBOLS.chars() {
            assert_eq!(count(&symbol.to_string()), 1, "{symbol}");
        }
        // Neither letters of other alphabets nor other marks are of a class.
        for none in [
            "~", "`", "\"", ",", ".", "/", "?", "<", ">", ";", ":", "\\", " ", "\u{c4}", "\u{e4}",
            "\u{b2}",
        ] {
            assert_eq!(count(none), 0, "{none}");
        }
    }
}
