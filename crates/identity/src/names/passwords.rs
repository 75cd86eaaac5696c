//! Passwords and service-specific credentials as parameters of IAM (`iam/2010-05-08`).

use super::{Constrained, Constraint, Illegal, check};
use std::fmt;
use zeroize::Zeroizing;

/// A password in the clear: 1 to 128 characters of Latin-1, of the control characters only tab, line feed
/// and carriage return. It neither prints nor serialises, and is wiped when dropped.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// The password itself, for the places that check or hash it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl Constrained for Password {
    fn parse(text: &str) -> Result<Self, Vec<Constraint>> {
        let legal = |c| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{ff}');
        check(text, (1, 128), r"[\u0009\u000A\u000D\u0020-\u00FF]+", legal)?;
        Ok(Self(Zeroizing::new(text.to_owned())))
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

text_type! {
    /// The name of a service as a parameter, whether or not it has credentials of its own: the model has
    /// no constraint.
    CredentialServiceName, (0, u32::MAX), "", |_| true
}
text_type! {
    /// The id of a service-specific credential as a parameter: 20 to 128 of `[\w]`.
    ServiceSpecificCredentialId, (20, 128), r"[\w]+", |c| c.is_ascii_alphanumeric() || c == '_'
}

macro_rules! number_type {
    ($(#[$doc:meta])* $name:ident, $min:expr, $max:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub struct $name(u32);

        impl $name {
            /// That many.
            ///
            /// # Errors
            /// The limit that fails.
            pub fn new(number: i32) -> Result<Self, Constraint> {
                match u32::try_from(number) {
                    Ok(number) if number > $max => Err(Constraint::MaxValue($max)),
                    Ok(number) if number >= $min => Ok(Self(number)),
                    _ => Err(Constraint::MinValue($min)),
                }
            }

            /// The number.
            pub fn get(self) -> u32 {
                self.0
            }
        }
    };
}

number_type! {
    /// `MinimumPasswordLength`: 6 to 128 characters.
    MinimumPasswordLength, 6, 128
}
number_type! {
    /// `MaxPasswordAge`: 1 to 1095 days.
    MaxPasswordAge, 1, 1095
}
number_type! {
    /// `PasswordReusePrevention`: 1 to 24 passwords.
    PasswordReusePrevention, 1, 24
}
number_type! {
    /// `CredentialAgeDays`: 1 to 36600.
    CredentialAgeDays, 1, 36_600
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_of_latin_1_without_most_control_characters() {
        for legal in [
            "x",
            "\t\n\r ~",
            "p\u{e9}\u{7f}\u{80}\u{ff}",
            &"\u{ff}".repeat(128),
        ] {
            assert_eq!(Password::parse(legal).unwrap().expose(), legal);
        }
        for illegal in [
            "pass\0word",
            "\u{1b}[2J",
            "\u{8}",
            "\u{100}",
            "e\u{301}",
            "пароль",
            "🔑",
        ] {
            let failed = Password::parse(illegal).unwrap_err();
            assert!(
                matches!(failed[..], [Constraint::Pattern(_)]),
                "{illegal:?}"
            );
        }
        // Characters count, not bytes.
        let long = Password::parse(&"\u{ff}".repeat(129)).unwrap_err();
        assert_eq!(long, [Constraint::MaxLength(128)]);
        let empty = Password::parse("").unwrap_err();
        assert_eq!(empty, [Constraint::MinLength(1)]);
    }

    #[test]
    fn a_password_does_not_print() {
        let password = Password::parse("hunter2").unwrap();
        assert_eq!(format!("{password:?}"), "Password(…)");
    }

    #[test]
    fn numbers_have_limits() {
        assert_eq!(
            MinimumPasswordLength::new(6).map(MinimumPasswordLength::get),
            Ok(6)
        );
        assert_eq!(
            MinimumPasswordLength::new(128).map(MinimumPasswordLength::get),
            Ok(128)
        );
        assert_eq!(MinimumPasswordLength::new(5), Err(Constraint::MinValue(6)));
        assert_eq!(
            MinimumPasswordLength::new(129),
            Err(Constraint::MaxValue(128))
        );
        assert_eq!(MaxPasswordAge::new(-1), Err(Constraint::MinValue(1)));
        assert_eq!(
            CredentialAgeDays::new(36_601),
            Err(Constraint::MaxValue(36_600))
        );
    }
}
