//! The condition keys of one decision: each is asked of the context once, and only if a statement
//! that could match names it.

use std::cell::OnceCell;
use std::net::IpAddr;
use std::ops::Deref;
use std::str::FromStr;

use crate::context::{Context, Value};
use crate::index;

/// How many keys are remembered. Further ones are asked for again at each use.
const SLOTS: usize = 8;

/// A longer key is asked for at each use.
const KEY_LENGTH: usize = 64;

/// What is known of the request that is being decided.
pub(crate) struct Facts<'a> {
    context: &'a dyn Context,
    slots: [OnceCell<Slot<'a>>; SLOTS],
}

struct Slot<'a> {
    key: [u8; KEY_LENGTH],
    length: usize,
    fact: Fact<'a>,
}

/// What the request has for one key.
pub(crate) struct Fact<'a> {
    value: Option<Value<'a>>,
    address: OnceCell<Option<IpAddr>>,
}

/// A fact, remembered or not.
pub(crate) enum Found<'f, 'a> {
    Slot(&'f Fact<'a>),
    Own(Fact<'a>),
}

impl<'a> Facts<'a> {
    #[inline]
    pub(crate) fn new(context: &'a dyn Context) -> Facts<'a> {
        Facts {
            context,
            slots: [const { OnceCell::new() }; SLOTS],
        }
    }

    /// What the request has for a key, which is in lower case.
    #[inline]
    pub(crate) fn get(&self, key: &str) -> Found<'_, 'a> {
        let bytes = key.as_bytes();
        if bytes.len() <= KEY_LENGTH {
            // Keys of one service differ at their end.
            let start = bytes.last_chunk().map_or(0, |end| u64::from_le_bytes(*end));
            let start = (index::mix(bytes.len() as u64, start) >> 32) as usize;
            for step in 0..SLOTS {
                let Some(cell) = self.slots.get((start + step) % SLOTS) else {
                    break;
                };
                let slot = cell.get_or_init(|| self.remember(key));
                if slot.key.get(..slot.length) == Some(bytes) {
                    return Found::Slot(&slot.fact);
                }
            }
        }
        Found::Own(self.ask(key))
    }

    fn remember(&self, key: &str) -> Slot<'a> {
        let mut slot = Slot {
            key: [0; KEY_LENGTH],
            length: key.len(),
            fact: self.ask(key),
        };
        if let Some(start) = slot.key.get_mut(..key.len()) {
            start.copy_from_slice(key.as_bytes());
        }
        slot
    }

    fn ask(&self, key: &str) -> Fact<'a> {
        Fact {
            value: self.context.value(key),
            address: OnceCell::new(),
        }
    }
}

impl<'a> Deref for Found<'_, 'a> {
    type Target = Fact<'a>;

    fn deref(&self) -> &Fact<'a> {
        match self {
            Found::Slot(fact) => fact,
            Found::Own(fact) => fact,
        }
    }
}

impl<'a> Fact<'a> {
    /// `None` when the request does not have the key.
    pub(crate) fn value(&self) -> Option<&Value<'a>> {
        self.value.as_ref()
    }

    /// The value of a single-valued key as an IP address, which many statements may compare; an
    /// IPv4-mapped one as IPv4.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        *self.address.get_or_init(|| match &self.value {
            Some(Value::One(text)) => address(text),
            Some(Value::Many(_)) | None => None,
        })
    }
}

/// An address of a request.
pub(crate) fn address(text: &str) -> Option<IpAddr> {
    IpAddr::from_str(text).ok().map(|ip| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::{Facts, KEY_LENGTH, SLOTS};
    use crate::context::{Context, Value};

    /// Has every key; its value tells which.
    #[derive(Default)]
    struct Asked(RefCell<Vec<String>>);

    impl Context for Asked {
        fn value(&self, key: &str) -> Option<Value<'_>> {
            self.0.borrow_mut().push(key.to_owned());
            (key != "absent").then(|| format!("value of {key}").into())
        }
    }

    fn check(facts: &Facts<'_>, key: &str) {
        let wanted = (key != "absent").then(|| Value::from(format!("value of {key}")));
        assert_eq!(facts.get(key).value(), wanted.as_ref());
    }

    #[test]
    fn each_key_is_asked_for_once() {
        let asked = Asked::default();
        let facts = Facts::new(&asked);
        let keys = [
            "absent",
            "a",
            "aws:principaltag/a",
            "aws:principaltag/b",
            "bws:principaltag/b",
        ];
        for key in keys.iter().chain(&keys) {
            check(&facts, key);
        }
        assert_eq!(*asked.0.borrow(), keys);
    }

    #[test]
    fn many_and_long_keys_are_not_mixed_up() {
        let asked = Asked::default();
        let facts = Facts::new(&asked);
        let mut keys: Vec<String> = (0..SLOTS * 3).map(|i| format!("{i}:key")).collect();
        keys.extend([KEY_LENGTH, KEY_LENGTH + 1, 300].map(|length| "k".repeat(length)));
        for key in keys.iter().chain(&keys) {
            check(&facts, key);
        }
    }
}
