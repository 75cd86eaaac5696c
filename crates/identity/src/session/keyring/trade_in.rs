//! Exchange tokens of delegation requests, which STS calls trade-in tokens.
//!
//! A token is `version ‖ key id ‖ nonce ‖ AES-256-GCM-SIV(request id ‖ time)` in base64url, under a key
//! of its own that no other kind of token opens with. It is worth nothing by itself: the request it
//! names says for whom, until when and whether it was used. So none is stored anywhere.

use super::super::codec::{read_bytes, read_number, write_bytes, write_number};
use super::{Keyring, TokenError, envelope};
use crate::environment::{Entropy, Seconds};
use crate::names::DelegationRequestId;
use data_encoding::BASE64URL_NOPAD;

const VERSION: u8 = 1;
/// Longer tokens are refused unread.
const LONGEST: usize = 512;

/// What an exchange token says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct TradeIn {
    /// The delegation request, which tells the account that may trade it in.
    pub(crate) request: DelegationRequestId,
    /// When it was sent.
    pub(crate) sent: Seconds,
}

impl Keyring {
    /// Seals an exchange token with the key of the moment, and opens it again before it leaves.
    ///
    /// # Errors
    /// [`TokenError::Unsealable`]
    pub(crate) fn seal_trade_in(
        &self,
        trade_in: &TradeIn,
        now: Seconds,
        entropy: &dyn Entropy,
    ) -> Result<String, TokenError> {
        let key = self.sealing(now)?;
        let mut head = vec![VERSION];
        write_number(&mut head, u64::from(key.id));
        let mut body = Vec::new();
        write_bytes(&mut body, trade_in.request.as_str().as_bytes());
        let sent = u64::try_from(trade_in.sent).map_err(|_| TokenError::Unsealable)?;
        write_number(&mut body, sent);
        let token = envelope::seal(&key.trade_in, head, &[], body, entropy)
            .ok_or(TokenError::Unsealable)?;
        match self.open_trade_in(&token) {
            Ok(again) if again == *trade_in => Ok(token),
            _ => Err(TokenError::Unsealable),
        }
    }

    /// The inverse of [`Keyring::seal_trade_in`], under every key of the ring.
    ///
    /// # Errors
    /// [`TokenError::Invalid`]
    pub(crate) fn open_trade_in(&self, token: &str) -> Result<TradeIn, TokenError> {
        self.try_open_trade_in(token).ok_or(TokenError::Invalid)
    }

    fn try_open_trade_in(&self, token: &str) -> Option<TradeIn> {
        (token.len() <= LONGEST).then_some(())?;
        let mut bytes = BASE64URL_NOPAD.decode(token.as_bytes()).ok()?;
        let mut rest = bytes.strip_prefix(&[VERSION])?;
        let key = self.opening(read_number(&mut rest)?)?;
        let head = bytes.len() - rest.len();
        let (_, mut plain) = envelope::open(&key.trade_in, &mut bytes, head, &[])?;
        let request = std::str::from_utf8(read_bytes(&mut plain)?).ok()?;
        let request = DelegationRequestId::parse(request)?;
        let sent = Seconds::try_from(read_number(&mut plain)?).ok()?;
        plain.is_empty().then_some(TradeIn { request, sent })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::testing::Counter;
    use crate::names::AccountId;

    fn keyring(ids: &[u32]) -> Keyring {
        let keys: Vec<_> = ids.iter().map(|id| (*id, [*id as u8; 32])).collect();
        Keyring::new(keys.iter().map(|(id, bytes)| (*id, &bytes[..]))).unwrap()
    }

    fn trade_in() -> TradeIn {
        let requestor = AccountId::from_number(123_456_789_012).unwrap();
        TradeIn {
            request: DelegationRequestId::generate(requestor, &Counter::default()),
            sent: 1_800_000_000,
        }
    }

    #[test]
    fn a_trade_in_token_opens_whole_and_under_its_key() {
        let (old, both) = (keyring(&[1]), keyring(&[1, 2]));
        let token = old
            .seal_trade_in(&trade_in(), 1_800_000_000, &Counter::default())
            .unwrap();
        assert_eq!(both.open_trade_in(&token), Ok(trade_in()));
        assert_eq!(
            keyring(&[2]).open_trade_in(&token),
            Err(TokenError::Invalid)
        );
        let bytes = BASE64URL_NOPAD.decode(token.as_bytes()).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut other = bytes.clone();
            other[bit / 8] ^= 1 << (bit % 8);
            let other = BASE64URL_NOPAD.encode(&other);
            assert_eq!(old.open_trade_in(&other), Err(TokenError::Invalid), "{bit}");
        }
        for end in 0..bytes.len() {
            let other = BASE64URL_NOPAD.encode(&bytes[..end]);
            assert_eq!(old.open_trade_in(&other), Err(TokenError::Invalid), "{end}");
        }
        let longer = "A".repeat(LONGEST + 1);
        assert_eq!(old.open_trade_in(&longer), Err(TokenError::Invalid));
    }

    #[test]
    fn nothing_tells_the_request_from_its_token() {
        let token = keyring(&[1])
            .seal_trade_in(&trade_in(), 1_800_000_000, &Counter::default())
            .unwrap();
        let bytes = BASE64URL_NOPAD.decode(token.as_bytes()).unwrap();
        let id = trade_in().request;
        let shown = bytes
            .windows(8)
            .any(|part| id.as_str().as_bytes().windows(8).any(|of| of == part));
        assert!(!shown);
    }
}
