//! Which statements of a policy could match a request, found without looking at the others.
//!
//! A statement can match only if the action, and the resource, starts with the literal part of one of
//! its patterns. Each statement is therefore filed under the literal parts of its actions or of its
//! resources, whichever is the rarer in the policy. A request is looked up under its own action and
//! resource and under those of their prefixes whose length some filed part has. What is found is a
//! candidate and no more: it is still matched in full.

use std::ops::Range;

/// Parts longer than this are filed under their start.
const LONGEST: usize = 128;

/// Words in which a part is read.
const BLOCKS: usize = LONGEST / 8;

/// How many lengths of prefixes a policy is searched for. Parts of other lengths are filed under the
/// next shorter one.
const LENGTHS: usize = 8;

/// With fewer patterns than this a look-up costs more than it saves.
const WORTHWHILE: usize = 6;

/// A text whose prefixes can be hashed at once, whatever their length.
pub(crate) struct Prefixes {
    words: [u64; BLOCKS + 1],
    /// What the whole words before each word come to.
    states: [u64; BLOCKS + 1],
    length: usize,
}

impl Prefixes {
    #[inline]
    pub(crate) fn new(text: &str, domain: Domain) -> Prefixes {
        let mut prefixes = Prefixes {
            words: [0; BLOCKS + 1],
            states: [0; BLOCKS + 1],
            length: text.len(),
        };
        let mut state = domain as u64;
        let blocks = text.as_bytes().chunks(8);
        let places = prefixes.words.iter_mut().zip(&mut prefixes.states);
        for (block, (place, before)) in blocks.zip(places) {
            *place = word(block);
            *before = state;
            state = mix(state, *place);
        }
        // A text that ends with its block has an empty word after it.
        let after = prefixes.states.get_mut(text.len() / 8);
        if let Some(before) = after.filter(|_| text.len().is_multiple_of(8)) {
            *before = state;
        }
        prefixes
    }

    /// The hash of the first `length` bytes, which are no more than [`LONGEST`]; of a whole text and
    /// of a prefix that is the same it differs.
    #[inline]
    fn hash(&self, length: usize, whole: bool) -> u64 {
        let (block, bytes) = (length / 8, length % 8);
        let word = self.words.get(block).copied().unwrap_or_default();
        let state = self.states.get(block).copied().unwrap_or_default();
        let tail = word & ((1 << (bytes * 8)) - 1);
        mix(state ^ tail, (length * 2 + usize::from(whole)) as u64)
    }
}

/// The same as [`Prefixes::hash`] for a text that is all that is to be hashed.
fn hash(text: &[u8], whole: bool, domain: Domain) -> u64 {
    let (blocks, tail) = text.as_chunks();
    let blocks = blocks.iter().map(|block| u64::from_le_bytes(*block));
    let state = blocks.fold(domain as u64, mix);
    mix(
        state ^ word(tail),
        (text.len() * 2 + usize::from(whole)) as u64,
    )
}

/// Up to eight bytes as a number.
#[inline]
pub(crate) fn word(block: &[u8]) -> u64 {
    if let Some(bytes) = block.first_chunk() {
        return u64::from_le_bytes(*bytes);
    }
    let mut bytes = [0; 8];
    for (to, from) in bytes.iter_mut().zip(block) {
        *to = *from;
    }
    u64::from_le_bytes(bytes)
}

/// Folds a word into a hash. The hashes spread load and decide nothing, so they need no key.
#[inline]
pub(crate) fn mix(state: u64, word: u64) -> u64 {
    let product =
        u128::from(state ^ 0x9E37_79B9_7F4A_7C15) * u128::from(word ^ 0xD1B5_4A32_D192_ED03);
    (product as u64) ^ ((product >> 64) as u64)
}

/// What a text is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Domain {
    Action = 1,
    Resource = 2,
}

/// The literal part of one pattern, as written. Actions are filed in lower case.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Part<'a> {
    pub(crate) literal: &'a str,
    /// The pattern has nothing else.
    pub(crate) whole: bool,
}

/// The index of one policy.
#[derive(Clone, Debug)]
pub(crate) struct Index {
    /// Where the entries of each bucket start, and last where those of the last end.
    starts: Box<[u32]>,
    entries: Box<[Entry]>,
    /// Statements that are not filed, because nothing literal is known of what they match.
    unfiled: Box<[u32]>,
    actions: Lengths,
    resources: Lengths,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    /// The half of the hash that does not choose the bucket.
    tag: u32,
    statement: u32,
}

/// The lengths under which parts are filed.
#[derive(Clone, Copy, Debug, Default)]
struct Lengths {
    prefixes: [u8; LENGTHS],
    count: u8,
    /// Some are filed as whole texts.
    whole: bool,
}

impl Lengths {
    /// The lengths under which to file these parts.
    fn of<'p>(parts: impl Iterator<Item = &'p Part<'p>>) -> Lengths {
        let mut present = [false; LONGEST + 1];
        let mut whole = false;
        for part in parts {
            if part.is_whole() {
                whole = true;
            } else if let Some(present) = present.get_mut(part.literal.len().min(LONGEST)) {
                *present = true;
            }
        }
        let all: Vec<u8> = (0..=u8::MAX)
            .zip(present)
            .filter_map(|(l, p)| p.then_some(l))
            .collect();
        let mut lengths = Lengths {
            whole,
            ..Lengths::default()
        };
        let count = all.len().min(LENGTHS);
        for (number, place) in lengths.prefixes.iter_mut().take(count).enumerate() {
            *place = all
                .get(number * all.len() / count)
                .copied()
                .unwrap_or_default();
            lengths.count += 1;
        }
        lengths
    }

    /// Leaves out the lengths under which none of these parts is filed.
    fn retain<'p>(&mut self, parts: impl Iterator<Item = &'p Part<'p>>) {
        let all = *self;
        *self = Lengths::default();
        let mut used = [false; LENGTHS];
        for part in parts {
            if part.is_whole() {
                self.whole = true;
            } else if let Some(used) = all.place(part).and_then(|place| used.get_mut(place)) {
                *used = true;
            }
        }
        let kept = all.prefixes.iter().zip(used).filter(|(_, used)| *used);
        for (place, (length, _)) in self.prefixes.iter_mut().zip(kept) {
            *place = *length;
            self.count += 1;
        }
    }

    /// Which of the lengths a part is filed under: the longest it has.
    fn place(&self, part: &Part<'_>) -> Option<usize> {
        let lengths = self.prefixes.get(..usize::from(self.count))?;
        lengths
            .iter()
            .rposition(|length| usize::from(*length) <= part.literal.len())
    }

    /// The hash that a part is filed under.
    fn file(&self, part: &Part<'_>, domain: Domain) -> u64 {
        let length = if part.is_whole() {
            part.literal.len()
        } else {
            let length = self.place(part).and_then(|place| self.prefixes.get(place));
            length.copied().map_or(0, usize::from)
        };
        let mut bytes = [0; LONGEST];
        let Some((bytes, literal)) = bytes
            .get_mut(..length)
            .zip(part.literal.as_bytes().get(..length))
        else {
            return 0;
        };
        bytes.copy_from_slice(literal);
        if domain == Domain::Action {
            bytes.make_ascii_lowercase();
        }
        hash(bytes, part.is_whole(), domain)
    }
}

impl Part<'_> {
    /// Whether the part is filed as a whole text and not as a prefix.
    fn is_whole(&self) -> bool {
        self.whole && self.literal.len() <= LONGEST
    }
}

impl Index {
    /// Calls `visit` with each statement that could match, some more than once, until it says `true`.
    #[inline]
    pub(crate) fn candidates(
        &self,
        action: &Prefixes,
        resource: &Prefixes,
        mut visit: impl FnMut(u32) -> bool,
    ) {
        for statement in &self.unfiled {
            if visit(*statement) {
                return;
            }
        }
        for (text, lengths) in [(action, &self.actions), (resource, &self.resources)] {
            let whole = (lengths.whole && text.length <= LONGEST).then_some((text.length, true));
            let prefixes = lengths.prefixes.iter().take(usize::from(lengths.count));
            let prefixes = prefixes.map(|length| (usize::from(*length), false));
            for (length, whole) in whole.into_iter().chain(prefixes) {
                if length > text.length {
                    break;
                }
                let hash = text.hash(length, whole);
                for entry in self.bucket(hash) {
                    if entry.tag == tag(hash) && visit(entry.statement) {
                        return;
                    }
                }
            }
        }
    }

    #[inline]
    fn bucket(&self, hash: u64) -> &[Entry] {
        let number = bucket(hash, self.starts.len().wrapping_sub(1));
        let bounds = self.starts.get(number).zip(self.starts.get(number + 1));
        bounds
            .and_then(|(start, end)| self.entries.get(*start as usize..*end as usize))
            .unwrap_or_default()
    }
}

/// The bucket of a hash by its first bits; `count` is a power of two. Buckets are in the order of
/// the hashes.
fn bucket(hash: u64, count: usize) -> usize {
    let bits = count.trailing_zeros();
    hash.checked_shr(64 - bits).unwrap_or_default() as usize
}

fn tag(hash: u64) -> u32 {
    hash as u32
}

/// An index in the making.
#[derive(Default)]
pub(crate) struct Builder<'a> {
    parts: Vec<Part<'a>>,
    statements: Vec<Filing>,
}

/// Where the parts of a statement are; `None` of an element by which it cannot be filed.
struct Filing {
    actions: Option<Range<usize>>,
    resources: Option<Range<usize>>,
}

impl Filing {
    fn range(&self, domain: Domain) -> Option<Range<usize>> {
        match domain {
            Domain::Action => self.actions.clone(),
            Domain::Resource => self.resources.clone(),
        }
    }
}

impl<'a> Builder<'a> {
    /// Adds the next statement: the parts of its actions and of its resources. `None` stands for an
    /// element that may match anything, such as a negated one.
    pub(crate) fn statement(
        &mut self,
        actions: Option<impl Iterator<Item = Part<'a>>>,
        resources: Option<impl Iterator<Item = Part<'a>>>,
    ) {
        let actions = actions.and_then(|parts| self.add(parts));
        let resources = resources.and_then(|parts| self.add(parts));
        self.statements.push(Filing { actions, resources });
    }

    fn add(&mut self, parts: impl Iterator<Item = Part<'a>>) -> Option<Range<usize>> {
        let start = self.parts.len();
        self.parts.extend(parts);
        let added = self.parts.get(start..).unwrap_or_default();
        let literal = added
            .iter()
            .all(|part| part.whole || !part.literal.is_empty());
        literal.then_some(start..self.parts.len())
    }

    pub(crate) fn finish(mut self) -> Index {
        if self.parts.len() < WORTHWHILE {
            for filing in &mut self.statements {
                (filing.actions, filing.resources) = (None, None);
            }
        }
        let [mut actions, mut resources] = [Domain::Action, Domain::Resource].map(|domain| {
            let ranges = self
                .statements
                .iter()
                .filter_map(|filing| filing.range(domain));
            Lengths::of(ranges.flat_map(|range| self.parts(range)))
        });
        let mut hashes = vec![0; self.parts.len()];
        let mut counts = vec![0_u32; (self.parts.len() * 2).next_power_of_two()];
        for filing in &self.statements {
            for (domain, lengths) in [(Domain::Action, &actions), (Domain::Resource, &resources)] {
                let range = filing.range(domain).unwrap_or_default();
                let places = hashes.get_mut(range.clone()).unwrap_or_default();
                for (part, place) in self.parts(range).zip(places) {
                    *place = lengths.file(part, domain);
                    let number = bucket(*place, counts.len());
                    if let Some(count) = counts.get_mut(number) {
                        *count += 1;
                    }
                }
            }
        }
        let cost = |range: &Range<usize>| -> u64 {
            let hashes = hashes.get(range.clone()).unwrap_or_default().iter();
            let crowd = |hash: &u64| {
                counts
                    .get(bucket(*hash, counts.len()))
                    .map_or(0, |c| u64::from(*c))
            };
            hashes.map(crowd).sum()
        };
        let mut unfiled = Vec::new();
        let mut entries: Vec<(u64, u32)> = Vec::new();
        let (mut by_action, mut by_resource) = (Vec::new(), Vec::new());
        for (number, filing) in self.statements.iter().enumerate() {
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            let range = match (filing.actions.clone(), filing.resources.clone()) {
                (Some(actions), resources)
                    if resources.as_ref().is_none_or(|r| cost(&actions) <= cost(r)) =>
                {
                    by_action.push(actions.clone());
                    actions
                }
                (_, Some(resources)) => {
                    by_resource.push(resources.clone());
                    resources
                }
                _ => {
                    unfiled.push(number);
                    continue;
                }
            };
            let hashes = hashes.get(range).unwrap_or_default();
            entries.extend(hashes.iter().map(|hash| (*hash, number)));
        }
        // Each part once, however often its statement has it.
        entries.sort_unstable();
        entries.dedup();
        actions.retain(by_action.into_iter().flat_map(|range| self.parts(range)));
        resources.retain(by_resource.into_iter().flat_map(|range| self.parts(range)));
        let buckets = entries.len().next_power_of_two();
        let mut starts = vec![0_u32; buckets + 1];
        for (hash, _) in &entries {
            if let Some(count) = starts.get_mut(bucket(*hash, buckets) + 1) {
                *count += 1;
            }
        }
        let mut sum = 0;
        for start in &mut starts {
            sum += *start;
            *start = sum;
        }
        let entry = |(hash, statement): (u64, u32)| Entry {
            tag: tag(hash),
            statement,
        };
        Index {
            starts: starts.into(),
            entries: entries.into_iter().map(entry).collect(),
            unfiled: unfiled.into(),
            actions,
            resources,
        }
    }

    fn parts(&self, range: Range<usize>) -> impl Iterator<Item = &Part<'a>> {
        self.parts.get(range).unwrap_or_default().iter()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Builder, Domain, LONGEST, Part, Prefixes, hash};

    /// The patterns of an element; `None` of one that may match anything.
    type Patterns = Option<&'static [&'static str]>;

    fn candidates(statements: &[(Patterns, Patterns)], action: &str, resource: &str) -> Vec<u32> {
        let mut builder = Builder::default();
        for (actions, resources) in statements {
            builder.statement(
                actions.map(|texts| texts.iter().copied().map(part)),
                resources.map(|texts| texts.iter().copied().map(part)),
            );
        }
        let index = builder.finish();
        let mut found = Vec::new();
        let action = Prefixes::new(action, Domain::Action);
        let resource = Prefixes::new(resource, Domain::Resource);
        index.candidates(&action, &resource, |statement| {
            found.push(statement);
            false
        });
        found
    }

    /// A pattern with a star at its end, or none.
    fn part(text: &str) -> Part<'_> {
        Part {
            literal: text.trim_end_matches('*'),
            whole: !text.ends_with('*'),
        }
    }

    #[test]
    fn statements_are_found_by_the_rarer_of_action_and_resource() {
        let statements: &[(Patterns, Patterns)] = &[
            (Some(&["s3:Get*"]), Some(&["arn:aws:s3:::a/*"])),
            (Some(&["s3:Get*"]), Some(&["arn:aws:s3:::b/*"])),
            (Some(&["s3:Get*"]), Some(&["arn:aws:s3:::c"])),
            (Some(&["ec2:RunInstances", "ec2:Describe*"]), Some(&["*"])),
            (Some(&["*"]), Some(&["*"])),
            (None, Some(&["arn:aws:sqs:*"])),
            (None, None),
        ];
        let check = |action, resource, wanted: &[u32]| {
            assert_eq!(
                candidates(statements, action, resource),
                wanted,
                "{action} {resource}"
            );
        };
        check("s3:getobject", "arn:aws:s3:::a/x", &[4, 6, 0]);
        check("s3:getobject", "arn:aws:s3:::c", &[4, 6, 2]);
        check("s3:getobject", "arn:aws:s3:::c/", &[4, 6]);
        // A candidate by its resource alone.
        check("s3:putobject", "arn:aws:s3:::a/x", &[4, 6, 0]);
        check("ec2:runinstances", "*", &[4, 6, 3]);
        check("ec2:describeregions", "arn:aws:sqs:::q", &[4, 6, 3, 5]);
        check("", "", &[4, 6]);
    }

    #[test]
    fn few_patterns_are_not_filed() {
        assert_eq!(
            candidates(&[(Some(&["a:b"]), Some(&["arn:x"]))], "c:d", "*"),
            [0]
        );
    }

    #[test]
    fn a_part_given_twice_is_found_once() {
        let twice: &[_] = &["a:b", "a:B", "a:b", "a:c", "a:d", "a:e*"];
        assert_eq!(candidates(&[(Some(twice), None)], "a:b", "*"), [0]);
    }

    #[test]
    fn hashes_of_prefixes_are_those_of_the_texts() {
        let text = "abcdefghijklmnopqrstuvwxyz0123456789".repeat(5);
        for length in 0..=LONGEST {
            let (prefix, _) = text.split_at(length);
            for domain in [Domain::Action, Domain::Resource] {
                let wanted = hash(prefix.as_bytes(), false, domain);
                assert_eq!(
                    Prefixes::new(&text, domain).hash(length, false),
                    wanted,
                    "{length}"
                );
                assert_eq!(
                    Prefixes::new(prefix, domain).hash(length, false),
                    wanted,
                    "{length}"
                );
                let whole = hash(prefix.as_bytes(), true, domain);
                assert_eq!(Prefixes::new(prefix, domain).hash(length, true), whole);
                assert_ne!(whole, wanted);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// Nothing that matches is missed, whatever the lengths and however long.
        #[test]
        fn every_statement_whose_parts_fit_is_found(
            statements in prop::collection::vec(
                (prop::collection::vec("[ab]{0,12}\\*?", 1..4), prop::collection::vec("[ab]{0,5}c{0,140}[ab]{0,9}\\*?", 1..4)),
                0..20,
            ),
            action in "[ab]{0,12}",
            resource in "[ab]{0,5}c{0,140}[ab]{0,9}",
        ) {
            let mut builder = Builder::default();
            for (actions, resources) in &statements {
                let [actions, resources] = [actions, resources].map(|list| Some(list.iter().map(|text| part(text))));
                builder.statement(actions, resources);
            }
            let index = builder.finish();
            let mut found = vec![false; statements.len()];
            index.candidates(
                &Prefixes::new(&action, Domain::Action),
                &Prefixes::new(&resource, Domain::Resource),
                |statement| {
                    found[statement as usize] = true;
                    false
                },
            );
            let fits = |list: &[String], text: &str| list.iter().any(|pattern| {
                let part = part(pattern);
                if part.whole { part.literal == text } else { text.starts_with(part.literal) }
            });
            for ((actions, resources), found) in statements.iter().zip(found) {
                prop_assert!(found || !fits(actions, &action) || !fits(resources, &resource));
            }
        }
    }
}
