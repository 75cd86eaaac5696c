//! The strings of a policy, each kept once in one buffer, and lower case without allocating.
//!
//! Policies repeat themselves: actions, keys and ARNs come again in statement after statement. What
//! refers to a string holds its place, eight bytes, and matching and explaining share it.

/// The place of a string within [`Texts`].
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Place {
    start: u32,
    length: u32,
}

/// The buffer, complete.
#[derive(Clone, Debug)]
pub(crate) struct Texts {
    buffer: Box<str>,
}

impl Texts {
    #[inline]
    pub(crate) fn get(&self, place: Place) -> &str {
        let (start, length) = (place.start as usize, place.length as usize);
        self.buffer
            .get(start..start.saturating_add(length))
            .unwrap_or_default()
    }
}

/// The buffer while it is filled.
#[derive(Default)]
pub(crate) struct Interner {
    buffer: String,
    places: Vec<Place>,
    /// By hash, the number of a place counted from 1; 0 is free. A power of two, at most half full.
    table: Vec<u32>,
}

impl Interner {
    /// The place of a string, which is added if it is new.
    pub(crate) fn add(&mut self, text: &str) -> Place {
        if self.places.len() * 2 >= self.table.len() {
            self.grow();
        }
        let mut free = None;
        for at in probes(text, self.table.len()) {
            match self.table.get(at) {
                None | Some(0) => {
                    free = Some(at);
                    break;
                }
                Some(number) => {
                    let known = self.places.get((*number - 1) as usize);
                    if let Some(place) = known.filter(|place| self.text(**place) == text) {
                        return *place;
                    }
                }
            }
        }
        // The reader of documents bounds their length far below this.
        let place = Place {
            start: self.buffer.len().try_into().unwrap_or(u32::MAX),
            length: text.len().try_into().unwrap_or(u32::MAX),
        };
        self.buffer.push_str(text);
        self.places.push(place);
        if let Some(free) = free.and_then(|at| self.table.get_mut(at)) {
            *free = self.places.len().try_into().unwrap_or(0);
        }
        place
    }

    pub(crate) fn finish(self) -> Texts {
        Texts {
            buffer: self.buffer.into(),
        }
    }

    fn text(&self, place: Place) -> &str {
        let (start, length) = (place.start as usize, place.length as usize);
        self.buffer
            .get(start..start.saturating_add(length))
            .unwrap_or_default()
    }

    fn grow(&mut self) {
        let size = (self.table.len() * 2).max(64);
        let mut table = vec![0; size];
        for (index, place) in self.places.iter().enumerate() {
            let mut probes = probes(self.text(*place), size);
            let free = probes.find(|at| table.get(*at) == Some(&0));
            if let Some(free) = free.and_then(|at| table.get_mut(at)) {
                *free = u32::try_from(index + 1).unwrap_or(0);
            }
        }
        self.table = table;
    }
}

/// Where a table of so many places is searched for a text.
///
/// The hash has no key, and whoever writes a policy can make its strings collide. One that finds no
/// place after these is kept without being found again.
fn probes(text: &str, size: usize) -> impl Iterator<Item = usize> + use<> {
    const MOST: usize = 32;
    let start = hash(text.as_bytes());
    (0..MOST).map(move |step| (start + step) & size.wrapping_sub(1))
}

fn hash(text: &[u8]) -> usize {
    let mut state = text.len() as u64;
    for block in text.chunks(8) {
        state = crate::index::mix(state, crate::index::word(block));
    }
    (state >> 32) as usize
}

/// A text in lower case, on the stack when it has an action's length.
pub(crate) struct Lower {
    short: [u8; 96],
    length: usize,
    long: String,
}

impl Lower {
    /// Only ASCII letters change, as in actions.
    #[inline]
    pub(crate) fn ascii(text: &str) -> Lower {
        let mut lower = Lower {
            short: [0; 96],
            length: 0,
            long: String::new(),
        };
        match lower.short.get_mut(..text.len()) {
            Some(short) => {
                short.copy_from_slice(text.as_bytes());
                short.make_ascii_lowercase();
                lower.length = text.len();
            }
            None => lower.long = text.to_ascii_lowercase(),
        }
        lower
    }

    /// Every letter changes, as in condition keys.
    pub(crate) fn unicode(text: &str) -> Lower {
        let mut lower = Lower::ascii(text);
        if !text.is_ascii() {
            lower.length = 0;
            lower.long = text.to_lowercase();
        }
        lower
    }

    #[inline]
    pub(crate) fn as_str(&self) -> &str {
        let short = self.short.get(..self.length).filter(|s| !s.is_empty());
        // ASCII letters alone were changed, so it is as valid as the text was.
        short
            .and_then(|s| std::str::from_utf8(s).ok())
            .unwrap_or(&self.long)
    }
}

#[cfg(test)]
mod tests {
    use super::{Interner, Lower, hash};

    #[test]
    fn each_string_is_kept_once() {
        let strings: Vec<String> = (0..500).map(|i| format!("string {}", i % 250)).collect();
        let mut interner = Interner::default();
        let places: Vec<_> = strings.iter().map(|s| interner.add(s)).collect();
        let empty = interner.add("");
        let texts = interner.finish();
        for (place, string) in places.iter().zip(&strings) {
            assert_eq!(texts.get(*place), string);
        }
        assert_eq!(texts.get(empty), "");
        assert_eq!(places[..250], places[250..]);
        assert_eq!(texts.buffer.len(), strings[..250].concat().len());
    }

    /// Or a policy of such strings would take time that grows with the square of their number.
    #[test]
    fn strings_that_collide_are_not_searched_for_long() {
        let colliding = (0_u64..).map(|i| format!("{i:08x}"));
        let colliding = colliding.filter(|text| hash(text.as_bytes()) & 1023 == 0);
        let strings: Vec<String> = colliding.take(500).collect();
        let mut interner = Interner::default();
        let places: Vec<_> = strings.iter().map(|s| interner.add(s)).collect();
        assert_eq!(interner.table.len(), 1024);
        let used = interner.table.iter().filter(|number| **number > 0).count();
        assert_eq!(used, 32);
        assert_eq!(interner.add(&strings[0]), places[0]);
        let again = interner.add(&strings[499]);
        let texts = interner.finish();
        for (place, string) in places.iter().zip(&strings) {
            assert_eq!(texts.get(*place), string);
        }
        assert_eq!(texts.get(again), strings[499]);
    }

    #[test]
    fn lower_case() {
        assert_eq!(Lower::ascii("S3:GetÉ").as_str(), "s3:getÉ");
        assert_eq!(Lower::unicode("S3:GetÉ").as_str(), "s3:geté");
        assert_eq!(
            Lower::unicode("aws:PrincipalTag/ΑΣ").as_str(),
            "aws:principaltag/ας"
        );
        let long = "A".repeat(1_000);
        assert_eq!(Lower::ascii(&long).as_str(), "a".repeat(1_000));
        assert_eq!(Lower::unicode("").as_str(), "");
    }
}
