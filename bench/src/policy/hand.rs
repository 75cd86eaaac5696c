//! The ceilings of a decision: what someone would write by hand for these very statements, with
//! everything known beforehand that can be.

use locum_bench::policies::{ACTION, Attached, Case, NETWORKS, ORGANIZATION, SOURCE_IP, Statement};
use std::collections::HashMap;
use std::net::Ipv4Addr;

/// Statements ready to be looked through one after another.
pub(super) struct Scan(Vec<Ready>);

/// The same statements, by the one action that a request names.
pub(super) struct Index<'a>(HashMap<&'static str, Vec<&'a Ready>>);

struct Ready {
    denies: bool,
    actions: Vec<Pattern>,
    resources: Vec<Pattern>,
    networks: Vec<(u32, u32)>,
    organization: &'static str,
}

/// A pattern cut at its stars.
struct Pattern {
    first: String,
    middle: Vec<String>,
    /// `None` for a pattern without stars.
    last: Option<String>,
}

/// What a request is, parsed beforehand.
pub(super) struct Asked {
    resource: &'static str,
    address: u32,
}

impl Asked {
    pub(super) fn new(case: Case) -> Self {
        let address = SOURCE_IP.parse().unwrap_or(Ipv4Addr::UNSPECIFIED);
        Self {
            resource: case.resource(),
            address: address.into(),
        }
    }
}

impl Scan {
    pub(super) fn new(attached: &Attached) -> Self {
        let statements = attached.policies.iter().flatten();
        Self(statements.map(Ready::new).collect())
    }

    pub(super) fn decides(&self, asked: &Asked) -> bool {
        let matching = self
            .0
            .iter()
            .filter(|statement| statement.is_of(ACTION) && statement.matches(asked));
        all_allow(matching)
    }

    pub(super) fn index(&self) -> Index<'_> {
        let of_action = self.0.iter().filter(|statement| statement.is_of(ACTION));
        Index([(ACTION, of_action.collect())].into())
    }
}

impl Index<'_> {
    pub(super) fn decides(&self, asked: &Asked) -> bool {
        let statements = self.0.get(ACTION).map(Vec::as_slice).unwrap_or_default();
        let matching = statements
            .iter()
            .filter(|statement| statement.matches(asked));
        all_allow(matching.copied())
    }
}

/// Whether some statement allows and none denies.
fn all_allow<'a>(matching: impl Iterator<Item = &'a Ready>) -> bool {
    let mut allowed = false;
    for statement in matching {
        if statement.denies {
            return false;
        }
        allowed = true;
    }
    allowed
}

impl Ready {
    fn new(statement: &Statement) -> Self {
        let network = |text: &&str| {
            let (address, bits) = text.split_once('/')?;
            let address: Ipv4Addr = address.parse().ok()?;
            let bits: u32 = bits.parse().ok()?;
            Some((address.into(), u32::MAX << 32_u32.checked_sub(bits)?))
        };
        Self {
            denies: statement.denies,
            actions: statement
                .actions
                .iter()
                .map(|text| Pattern::new(text))
                .collect(),
            resources: statement
                .resources
                .iter()
                .map(|text| Pattern::new(text))
                .collect(),
            networks: NETWORKS.iter().filter_map(network).collect(),
            organization: ORGANIZATION,
        }
    }

    fn is_of(&self, action: &str) -> bool {
        self.actions.iter().any(|pattern| pattern.matches(action))
    }

    fn matches(&self, asked: &Asked) -> bool {
        let in_network = |(network, mask): &(u32, u32)| asked.address & mask == *network;
        self.resources
            .iter()
            .any(|pattern| pattern.matches(asked.resource))
            && self.networks.iter().any(in_network)
            && self.organization == ORGANIZATION
    }
}

impl Pattern {
    fn new(text: &str) -> Self {
        let mut pieces = text.split('*').map(str::to_owned);
        let first = pieces.next().unwrap_or_default();
        let mut middle: Vec<String> = pieces.collect();
        Self {
            first,
            last: middle.pop(),
            middle,
        }
    }

    fn matches(&self, text: &str) -> bool {
        let Some(last) = &self.last else {
            return self.first == text;
        };
        let Some(mut rest) = text.strip_prefix(self.first.as_str()) else {
            return false;
        };
        for piece in &self.middle {
            let Some((_, after)) = rest.split_once(piece.as_str()) else {
                return false;
            };
            rest = after;
        }
        rest.ends_with(last.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use locum_bench::policies::Services;

    #[test]
    fn both_give_the_right_answer() {
        for services in [Services::Same, Services::Mixed] {
            let scan = Scan::new(&Attached::of_statements(120, services));
            let index = scan.index();
            for case in Case::ALL {
                let asked = Asked::new(case);
                let wanted = case == Case::Allowed;
                assert_eq!(scan.decides(&asked), wanted, "{services:?} {case:?}");
                assert_eq!(index.decides(&asked), wanted, "{services:?} {case:?}");
            }
        }
    }
}
