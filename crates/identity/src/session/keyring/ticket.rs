//! Tickets: what a browser carries from one step of a sign-in to the next.
//!
//! A ticket is `version ‖ key id ‖ nonce ‖ AES-256-GCM-SIV(expiry ‖ body)` in base64url, under a key of
//! its own that no other kind of token opens with. What it is for, and what it must be presented with
//! (a cookie, say), is associated data: a ticket for one step opens at no other, and not without that.

use super::super::codec::{read_number, write_number};
use super::{Keyring, TokenError, envelope};
use crate::environment::{Entropy, Seconds};
use data_encoding::BASE64URL_NOPAD;
use zeroize::Zeroizing;

const VERSION: u8 = 1;
/// Longer tickets are refused unread: a SAML response of the longest kind (100,000 characters) fits.
pub const LONGEST_TICKET: usize = 160 * 1024;

/// What a ticket is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TicketKind {
    /// `SigninToken` of the federation endpoint.
    SigninToken,
    /// A browser that is signed in.
    Session,
    /// A verified SAML response, of whose roles one is to be chosen.
    SamlChoice,
    /// A sign-in that was sent to an OpenID Connect provider.
    OidcRequest,
    /// A verified ID token, for which a role is to be chosen.
    OidcChoice,
}

impl TicketKind {
    fn label(self) -> &'static [u8] {
        match self {
            Self::SigninToken => b"signin token",
            Self::Session => b"session",
            Self::SamlChoice => b"saml choice",
            Self::OidcRequest => b"oidc request",
            Self::OidcChoice => b"oidc choice",
        }
    }

    /// The label's length tells where it ends, so that no binding can look like a part of it.
    fn associated(self, binding: &[u8]) -> Vec<u8> {
        let label = self.label();
        let mut bytes = vec![label.len() as u8];
        bytes.extend_from_slice(label);
        bytes.extend_from_slice(binding);
        bytes
    }
}

impl Keyring {
    /// Seals a ticket with the key of the moment, and opens it again before it leaves. It is good until
    /// `expires`, together with `binding`, which may be empty.
    ///
    /// # Errors
    /// [`TokenError::Unsealable`]
    pub(crate) fn seal_ticket(
        &self,
        kind: TicketKind,
        binding: &[u8],
        body: &[u8],
        (now, expires): (Seconds, Seconds),
        entropy: &dyn Entropy,
    ) -> Result<String, TokenError> {
        let key = self.sealing(now)?;
        let mut head = vec![VERSION];
        write_number(&mut head, u64::from(key.id));
        let mut plain = Vec::with_capacity(body.len() + 64);
        let until = u64::try_from(expires).map_err(|_| TokenError::Unsealable)?;
        write_number(&mut plain, until);
        plain.extend_from_slice(body);
        let ticket = envelope::seal(
            &key.tickets,
            head,
            &kind.associated(binding),
            plain,
            entropy,
        )
        .ok_or(TokenError::Unsealable)?;
        match self.open_ticket(kind, binding, &ticket, now) {
            Ok((again, _)) if again.as_slice() == body => Ok(ticket),
            _ => Err(TokenError::Unsealable),
        }
    }

    /// The body of a ticket of that kind and binding that is still good at `now`, and when it ends.
    ///
    /// # Errors
    /// [`TokenError::Invalid`]
    pub(crate) fn open_ticket(
        &self,
        kind: TicketKind,
        binding: &[u8],
        ticket: &str,
        now: Seconds,
    ) -> Result<(Zeroizing<Vec<u8>>, Seconds), TokenError> {
        self.try_open_ticket(kind, binding, ticket)
            .filter(|(_, expires)| now < *expires)
            .ok_or(TokenError::Invalid)
    }

    fn try_open_ticket(
        &self,
        kind: TicketKind,
        binding: &[u8],
        ticket: &str,
    ) -> Option<(Zeroizing<Vec<u8>>, Seconds)> {
        (ticket.len() <= LONGEST_TICKET).then_some(())?;
        let mut bytes = Zeroizing::new(BASE64URL_NOPAD.decode(ticket.as_bytes()).ok()?);
        let mut rest = bytes.strip_prefix(&[VERSION])?;
        let key = self.opening(read_number(&mut rest)?)?;
        let head = bytes.len() - rest.len();
        let associated = kind.associated(binding);
        let (_, mut plain) = envelope::open(&key.tickets, &mut bytes, head, &associated)?;
        let expires = Seconds::try_from(read_number(&mut plain)?).ok()?;
        Some((Zeroizing::new(plain.to_vec()), expires))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::testing::Counter;

    const KINDS: [TicketKind; 5] = [
        TicketKind::SigninToken,
        TicketKind::Session,
        TicketKind::SamlChoice,
        TicketKind::OidcRequest,
        TicketKind::OidcChoice,
    ];

    fn keyring(id: u32) -> Keyring {
        Keyring::new([(id, &[id as u8; 32][..])]).unwrap()
    }

    #[test]
    fn a_ticket_opens_at_its_step_with_its_binding_and_in_its_time() {
        let ring = keyring(1);
        for kind in KINDS {
            let ticket = ring
                .seal_ticket(kind, b"cookie", b"body", (1000, 1060), &Counter::default())
                .unwrap();
            let opened = ring.open_ticket(kind, b"cookie", &ticket, 1059).unwrap();
            assert_eq!((opened.0.as_slice(), opened.1), (&b"body"[..], 1060));
            for other in KINDS.into_iter().filter(|other| *other != kind) {
                let opened = ring.open_ticket(other, b"cookie", &ticket, 1000);
                assert_eq!(
                    opened.err(),
                    Some(TokenError::Invalid),
                    "{kind:?} {other:?}"
                );
            }
            for (binding, now) in [(&b""[..], 1000), (b"cookies", 1000), (b"cookie", 1060)] {
                let opened = ring.open_ticket(kind, binding, &ticket, now);
                assert_eq!(opened.err(), Some(TokenError::Invalid), "{kind:?} {now}");
            }
            let opened = keyring(2).open_ticket(kind, b"cookie", &ticket, 1000);
            assert_eq!(opened.err(), Some(TokenError::Invalid));
        }
    }

    #[test]
    fn a_label_cannot_be_carried_on_in_the_binding() {
        let ring = keyring(1);
        let seal = |binding: &[u8]| {
            let times = (1000, 1060);
            ring.seal_ticket(
                TicketKind::Session,
                binding,
                b"",
                times,
                &Counter::default(),
            )
            .unwrap()
        };
        // "session" is where no other label begins, and the length tells them apart all the same.
        let opened = ring.open_ticket(TicketKind::SigninToken, b"", &seal(b"signin token"), 1000);
        assert_eq!(opened.err(), Some(TokenError::Invalid));
    }

    #[test]
    fn every_bit_flip_and_every_cut_is_refused() {
        let ring = keyring(1);
        let kind = TicketKind::SigninToken;
        let ticket = ring
            .seal_ticket(kind, b"", b"secret body", (1000, 1060), &Counter::default())
            .unwrap();
        let bytes = BASE64URL_NOPAD.decode(ticket.as_bytes()).unwrap();
        assert!(!bytes.windows(6).any(|part| part == b"secret"));
        let refused = |bytes: &[u8]| {
            let ticket = BASE64URL_NOPAD.encode(bytes);
            ring.open_ticket(kind, b"", &ticket, 1000).is_err()
        };
        for bit in 0..bytes.len() * 8 {
            let mut other = bytes.clone();
            other[bit / 8] ^= 1 << (bit % 8);
            assert!(refused(&other), "{bit}");
        }
        for end in 0..bytes.len() {
            assert!(refused(&bytes[..end]), "{end}");
        }
        let longer = "A".repeat(LONGEST_TICKET + 1);
        assert!(ring.open_ticket(kind, b"", &longer, 1000).is_err());
    }
}
