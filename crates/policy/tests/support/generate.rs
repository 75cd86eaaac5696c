//! Random cases, full of near misses, so that most of them turn on one rule.
//!
//! A case is made from a row of random bytes, each of which decides one question; zero stands for the
//! simplest answer, and a row that is used up goes on with zeros. To shrink a case is to shrink its
//! bytes.

use locum_policy::Value;
use serde_json::{Value as Json, json};

use super::vocabulary::{
    ACTION_PATTERNS, AWS_PRINCIPALS, CONTROLLED_ACTIONS, FAMILIES, FEDERATED, KEYS, REQUESTS,
    RESOURCE_PATTERNS, RESOURCES, SERVICES, TRUST_ACTIONS,
};
use super::{Caller, Facts, World};

pub(crate) const HOME: &str = "111111111111";
pub(crate) const AWAY: &str = "222222222222";
const USER: (&str, &str) = (
    "arn:aws:iam::111111111111:user/team/ann",
    "AIDAANNANNANNANNANN01",
);

/// Random answers.
struct Source<'a> {
    bytes: std::slice::Iter<'a, u8>,
}

impl Source<'_> {
    fn byte(&mut self) -> usize {
        self.bytes.next().copied().unwrap_or(0).into()
    }

    /// A number below a limit of at most 256.
    fn below(&mut self, limit: usize) -> usize {
        assert!((1..=256).contains(&limit));
        self.byte() * limit / 256
    }

    fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }

    /// True in so many of a hundred cases.
    fn chance(&mut self, percent: usize) -> bool {
        self.byte() * 100 / 256 >= 100 - percent
    }
}

/// Which rules of writing a document must keep.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Identity,
    Session,
    Resource,
    Trust,
    ServiceControl,
    ResourceControl,
}

struct Maker<'a> {
    source: Source<'a>,
    action: &'static str,
    resource: &'static str,
    /// The generated condition keys, with the family of operators that their values are of.
    facts: Vec<(&'static str, usize, Value<'static>)>,
}

/// What a case is mostly about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Theme {
    /// Every layer, mostly in one account.
    Layers,
    /// Foreign resources.
    Across,
    /// Roles that are assumed.
    Trust,
    /// Service and resource control policies.
    Organization,
    /// One statement of a resource's policy and how it names the caller.
    Principals,
    /// One statement with conditions.
    Conditions,
    /// One statement's actions and resources.
    Matching,
}

/// The case that a row of bytes stands for.
pub(crate) fn world(theme: Theme, bytes: &[u8]) -> World {
    let source = Source {
        bytes: bytes.iter(),
    };
    let maker = Maker {
        source,
        action: REQUESTS[0].0,
        resource: REQUESTS[0].1,
        facts: Vec::new(),
    };
    match theme {
        Theme::Layers => maker.layers(12),
        Theme::Across => maker.layers(90),
        Theme::Trust => maker.trust(),
        Theme::Organization => maker.organization(),
        Theme::Principals => maker.principals(),
        Theme::Conditions => maker.conditions(),
        Theme::Matching => maker.matching(),
    }
}

fn allow_all() -> Json {
    json!({"Version": "2012-10-17",
           "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}})
}

impl Maker<'_> {
    fn layers(mut self, foreign: usize) -> World {
        let caller = self.caller();
        self.request();
        self.facts();
        let mut world = self.world(caller);
        if self.source.chance(foreign) {
            world.resource_account = AWAY.to_owned();
        }
        world.identity = self.identity();
        if self.source.chance(45) {
            world.boundary = Some(self.mostly_all(Place::Identity));
        }
        if self.source.chance(50) {
            world.session = Some(self.some(1, Place::Session));
        }
        if self.source.chance(65) {
            world.attached = Some(self.document(Place::Resource));
        }
        if self.source.chance(15) {
            self.organize(&mut world);
        }
        world.session_binds = self.source.chance(20);
        self.finish(world)
    }

    fn trust(mut self) -> World {
        let caller = self.caller();
        self.action = self
            .source
            .pick(&["sts:AssumeRole", "sts:TagSession", "STS:assumerole"]);
        self.resource = self.source.pick(&[
            "arn:aws:iam::111111111111:role/team/r",
            "arn:aws:iam::111111111111:role/aws-service-role/x.amazonaws.com/X",
        ]);
        self.facts();
        let mut world = self.world(caller);
        if self.source.chance(25) {
            world.resource_account = AWAY.to_owned();
        }
        world.identity = self.identity();
        if self.source.chance(35) {
            world.boundary = Some(self.mostly_all(Place::Identity));
        }
        if self.source.chance(35) {
            world.session = Some(self.some(1, Place::Session));
        }
        world.trust = Some(self.document(Place::Trust));
        if self.source.chance(15) {
            self.organize(&mut world);
        }
        self.finish(world)
    }

    fn organization(mut self) -> World {
        let caller = self.caller();
        self.request();
        self.facts();
        let mut world = self.world(caller);
        if self.source.chance(25) {
            world.resource_account = AWAY.to_owned();
        }
        world.identity = vec![allow_all()];
        if self.source.chance(40) {
            world.attached = Some(self.document(Place::Resource));
        }
        self.organize(&mut world);
        self.finish(world)
    }

    /// Puts levels of control policies in.
    fn organize(&mut self, world: &mut World) {
        for _ in 0..self.source.below(4) {
            let mut level = Vec::new();
            if self.source.chance(60) {
                level.push(allow_all());
            }
            for _ in 0..self.source.below(3) {
                level.push(self.document(Place::ServiceControl));
            }
            world.service_control.push(level);
        }
        for _ in 0..self.source.below(3) {
            let count = self.source.below(3);
            let level = (0..count).map(|_| self.document(Place::ResourceControl));
            world.resource_control.push(level.collect());
        }
    }

    fn principals(mut self) -> World {
        let caller = self.caller();
        self.request();
        let mut world = self.world(caller);
        if self.source.chance(35) {
            world.resource_account = AWAY.to_owned();
        }
        if self.source.chance(35) {
            world.identity = vec![allow_all()];
        }
        if self.source.chance(30) {
            world.boundary = Some(self.mostly_all(Place::Identity));
        }
        if self.source.chance(30) {
            world.session = Some(vec![self.mostly_all(Place::Session)]);
        }
        let mut list = Vec::new();
        if self.source.chance(50) {
            // Whoever is not spared is denied.
            list.push(json!({"Effect": "Allow", "Action": "*", "Resource": "*", "Principal": "*"}));
            list.push(json!({"Effect": "Deny", "Action": "*", "Resource": "*",
                             "NotPrincipal": self.principal(true)}));
        } else {
            for _ in 0..=self.source.below(2) {
                let effect = if self.source.chance(15) {
                    "Deny"
                } else {
                    "Allow"
                };
                list.push(json!({"Effect": effect, "Action": "*", "Resource": "*",
                                 "Principal": self.principal(false)}));
            }
        }
        world.attached = Some(json!({"Version": "2012-10-17", "Statement": list}));
        self.finish(world)
    }

    /// In a session policy, which takes in literals that cannot be read.
    fn conditions(mut self) -> World {
        self.facts();
        let role = role_session();
        let mut world = self.world(role);
        world.identity = vec![allow_all()];
        let mut statement = json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
        statement["Condition"] = self.condition_block(Place::Session);
        let statement = if self.source.chance(40) {
            statement["Effect"] = json!("Deny");
            json!([allow_all()["Statement"], statement])
        } else {
            statement
        };
        world.session = Some(vec![self.versioned(statement, Place::Session)]);
        self.finish(world)
    }

    fn matching(mut self) -> World {
        self.request();
        self.facts();
        let place = self.source.pick(&[Place::Identity, Place::Session]);
        let mut world = self.world(role_session());
        let mut statement = json!({"Effect": "Allow"});
        self.actions(&mut statement, place);
        self.resources(&mut statement, place);
        let document = self.versioned(statement, place);
        if place == Place::Session {
            world.identity = vec![allow_all()];
            world.session = Some(vec![document]);
        } else {
            world.identity = vec![document];
        }
        self.finish(world)
    }

    fn world(&self, caller: Caller) -> World {
        World {
            caller,
            action: self.action.to_owned(),
            resource: self.resource.to_owned(),
            resource_account: HOME.to_owned(),
            facts: Facts::new(),
            identity: vec![],
            boundary: None,
            session: None,
            session_binds: false,
            attached: None,
            trust: None,
            service_control: vec![],
            resource_control: vec![],
        }
    }

    /// Adds the condition keys: those that follow from the request, and over them the generated ones.
    fn finish(self, mut world: World) -> World {
        world.facts = world.caller.context();
        if world.resource != "*" {
            let owner = Value::from(world.resource_account.clone());
            world.facts.insert("aws:resourceaccount".to_owned(), owner);
        }
        let generated = self.facts.into_iter();
        world
            .facts
            .extend(generated.map(|(key, _, value)| (key.to_lowercase(), value)));
        world
    }

    fn caller(&mut self) -> Caller {
        let federated = |user: Option<(&str, &str)>| Caller::FederatedUser {
            account: HOME.to_owned(),
            arn: format!("arn:aws:sts::{HOME}:federated-user/fed"),
            user: user.map(|(arn, id)| (arn.to_owned(), id.to_owned())),
        };
        match self.source.below(20) {
            0..5 => Caller::User {
                account: HOME.to_owned(),
                arn: USER.0.to_owned(),
                id: USER.1.to_owned(),
            },
            5..11 => role_session(),
            11..14 => federated(Some(USER)),
            14 => federated(None),
            15 => Caller::Root {
                account: HOME.to_owned(),
            },
            16 => Caller::Anonymous,
            17 => Caller::Service {
                name: SERVICES[0].to_owned(),
            },
            18 => Caller::Federated {
                provider: FEDERATED[0].to_owned(),
                account: HOME.to_owned(),
            },
            _ => Caller::AssumedRole {
                account: HOME.to_owned(),
                role: format!("arn:aws:iam::{HOME}:role/aws-service-role/x.amazonaws.com/X"),
                id: "AROAXXXXXXXXXXXXXXXX1".to_owned(),
                session: format!("arn:aws:sts::{HOME}:assumed-role/X/s"),
                name: "s".to_owned(),
            },
        }
    }

    fn request(&mut self) {
        (self.action, self.resource) = self.source.pick(REQUESTS);
        if self.source.chance(12) {
            self.resource = self.source.pick(RESOURCES);
        }
    }

    fn facts(&mut self) {
        for key in &KEYS[..KEYS.len() - 1] {
            if self.source.chance(35) {
                continue;
            }
            let family = self.source.below(FAMILIES.len());
            let seen = FAMILIES[family].seen;
            let value = if self.source.chance(25) {
                let count = self.source.below(4);
                Value::Many((0..count).map(|_| self.source.pick(seen).into()).collect())
            } else {
                Value::from(self.source.pick(seen))
            };
            self.facts.push((key, family, value));
        }
        if self.source.chance(40) {
            let name = self.source.pick(&["ann", "a*", "true", ""]);
            self.facts.retain(|(key, _, _)| *key != "aws:username");
            self.facts.push(("aws:username", 0, Value::from(name)));
        }
    }

    fn identity(&mut self) -> Vec<Json> {
        if self.source.chance(30) {
            vec![allow_all()]
        } else {
            self.some(0, Place::Identity)
        }
    }

    fn some(&mut self, least: usize, place: Place) -> Vec<Json> {
        let count = least + self.source.below(3 - least);
        (0..count).map(|_| self.mostly_all(place)).collect()
    }

    fn mostly_all(&mut self, place: Place) -> Json {
        if self.source.chance(35) {
            self.document(place)
        } else if self.source.chance(45) {
            json!({"Version": "2012-10-17",
                   "Statement": {"Effect": "Allow", "Action": "sns:*", "Resource": "*"}})
        } else {
            allow_all()
        }
    }

    fn document(&mut self, place: Place) -> Json {
        let count = 1 + self.source.below(3);
        let mut list: Vec<Json> = (0..count).map(|_| self.statement(place)).collect();
        let single = list.len() == 1 && self.source.chance(50);
        let statements = if single { list.remove(0) } else { json!(list) };
        self.versioned(statements, place)
    }

    fn versioned(&mut self, statements: Json, place: Place) -> Json {
        let mut document = json!({});
        document["Statement"] = statements;
        let version = self.source.pick(&[
            Some("2012-10-17"),
            Some("2012-10-17"),
            Some("2012-10-17"),
            Some("2008-10-17"),
            None,
        ]);
        let version = match place {
            Place::ServiceControl => Some("2012-10-17"),
            _ => version,
        };
        if let Some(version) = version {
            document["Version"] = json!(version);
        }
        document
    }

    fn statement(&mut self, place: Place) -> Json {
        let deny = match place {
            Place::ResourceControl => true,
            _ => self.source.chance(25),
        };
        let mut statement = json!({"Effect": if deny { "Deny" } else { "Allow" }});
        self.actions(&mut statement, place);
        if place != Place::Trust {
            self.resources(&mut statement, place);
        }
        match place {
            Place::Resource | Place::Trust => {
                let negated = deny && place == Place::Resource && self.source.chance(30);
                let mut value = self.principal(negated);
                if let (Json::String(star), Place::Trust) = (&value, place) {
                    value = json!({"AWS": star});
                }
                statement[if negated { "NotPrincipal" } else { "Principal" }] = value;
            }
            Place::ResourceControl => {
                let star = self.source.pick(&["\"*\"", "{\"AWS\": \"*\"}"]);
                statement["Principal"] = serde_json::from_str(star).unwrap();
            }
            Place::Identity | Place::Session | Place::ServiceControl => {}
        }
        if self.source.chance(35) {
            statement["Condition"] = self.condition_block(place);
        }
        if self.source.chance(10) {
            statement["Sid"] = json!("");
        }
        statement
    }

    /// One text, or a list of them.
    fn one_or_more(&mut self, mut text: impl FnMut(&mut Self) -> String) -> Json {
        match self.source.below(3) {
            0 => json!(text(self)),
            count => json!((0..count).map(|_| text(self)).collect::<Vec<_>>()),
        }
    }

    fn actions(&mut self, statement: &mut Json, place: Place) {
        let value = self.one_or_more(|maker| match place {
            Place::Trust => maker.source.pick(TRUST_ACTIONS).to_owned(),
            Place::ResourceControl => maker.source.pick(CONTROLLED_ACTIONS).to_owned(),
            _ if maker.source.chance(45) => {
                let name = maker.action.find(':').unwrap() + 1;
                maker.near(maker.action, name)
            }
            _ => maker.source.pick(ACTION_PATTERNS).to_owned(),
        });
        let fixed = matches!(place, Place::Trust | Place::ResourceControl);
        let negated = !fixed && self.source.chance(15);
        statement[if negated { "NotAction" } else { "Action" }] = value;
    }

    fn resources(&mut self, statement: &mut Json, place: Place) {
        let value = self.one_or_more(|maker| {
            let resource = maker.resource;
            let mut colons = resource.match_indices(':').map(|(at, _)| at + 1);
            let tail = match (colons.nth(4), resource.find("role/")) {
                (_, Some(role)) => Some(role + "role/".len()),
                (Some(last), None) => Some(last),
                (None, None) => None,
            };
            match tail {
                Some(tail) if maker.source.chance(45) => maker.near(resource, tail),
                _ => maker.source.pick(RESOURCE_PATTERNS).to_owned(),
            }
        });
        let negated = self
            .source
            .chance(if place == Place::Identity { 12 } else { 20 });
        statement[if negated { "NotResource" } else { "Resource" }] = value;
    }

    /// A pattern that matches a text or misses it by a little, from some byte of it on.
    fn near(&mut self, text: &str, from: usize) -> String {
        let (head, tail) = text.split_at(from);
        let mut chars: Vec<char> = tail.chars().collect();
        let at = self.source.below(chars.len());
        match self.source.below(12) {
            0 => {}
            1 => chars[at] = '?',
            2 => chars[at] = '*',
            3 => {
                chars.truncate(at);
                chars.push('*');
            }
            4 => chars.insert(at, '*'),
            5 => chars.push('*'),
            6 => chars.push('?'),
            7 => chars.insert(at, '?'),
            8 if chars.len() > 1 => drop(chars.remove(at)),
            9 => chars[at] = 'x',
            10 => chars.splice(at..=at, ['?', '?']).for_each(drop),
            _ => {
                let c = chars[at];
                chars[at] = if c.is_lowercase() {
                    c.to_ascii_uppercase()
                } else {
                    c.to_ascii_lowercase()
                };
            }
        }
        format!("{head}{}", chars.iter().collect::<String>())
    }

    fn principal(&mut self, negated: bool) -> Json {
        // Whole sets of names, so that NotPrincipal spares someone now and then.
        if negated && self.source.chance(70) {
            let absent = self.source.below(AWS_PRINCIPALS.len());
            let names: Vec<&str> = AWS_PRINCIPALS[1..]
                .iter()
                .enumerate()
                .filter(|(at, _)| *at + 1 != absent)
                .map(|(_, name)| *name)
                .collect();
            return json!({"AWS": names, "Service": SERVICES[0], "Federated": FEDERATED[0]});
        }
        let mut value = json!({});
        match self.source.below(10) {
            0..6 => value["AWS"] = self.one_or_more(|m| m.source.pick(AWS_PRINCIPALS).to_owned()),
            6 => return json!("*"),
            7 => value["Service"] = self.one_or_more(|m| m.source.pick(SERVICES).to_owned()),
            8 => value["Federated"] = self.one_or_more(|m| m.source.pick(FEDERATED).to_owned()),
            _ => {
                value["AWS"] = self.one_or_more(|m| m.source.pick(AWS_PRINCIPALS).to_owned());
                value["Service"] = json!(self.source.pick(SERVICES));
                value["Federated"] = json!(self.source.pick(FEDERATED));
            }
        }
        value
    }

    fn condition_block(&mut self, place: Place) -> Json {
        let mut block = json!({});
        for _ in 0..=self.source.below(2) {
            let (operator, key, wanted) = self.condition(place);
            if block.get(&operator).is_none() {
                block[&operator] = json!({});
            }
            block[&operator][key] = wanted;
        }
        block
    }

    fn condition(&mut self, place: Place) -> (String, String, Json) {
        // Mostly a key that is there, with an operator for its kind of value.
        let known = match self.facts.len() {
            0 => None,
            count if self.source.chance(75) => Some(self.source.below(count)),
            _ => None,
        };
        let (key, family, seen) = match known {
            Some(at) => {
                let (key, family, value) = &self.facts[at];
                let first = match value {
                    Value::One(text) => Some(text),
                    Value::Many(texts) => texts.first(),
                };
                (*key, *family, first.map(ToString::to_string))
            }
            None => (
                self.source.pick(KEYS),
                self.source.below(FAMILIES.len()),
                None,
            ),
        };
        let key = match self.source.below(4) {
            0 => key.to_uppercase(),
            _ => key.to_owned(),
        };
        if self.source.chance(6) {
            let wanted = self.source.pick(&["true", "false", "TRUE"]);
            return ("Null".to_owned(), key, json!(wanted));
        }
        let family = &FAMILIES[family];
        let set = self.source.pick(&["", "ForAllValues:", "ForAnyValue:"]);
        let operator = self.source.pick(family.operators);
        let suffix = if self.source.chance(45) {
            "IfExists"
        } else {
            ""
        };
        let value = |maker: &mut Self| {
            if place == Place::Session && !family.odd.is_empty() && maker.source.chance(12) {
                return maker.source.pick(family.odd).to_owned();
            }
            match &seen {
                // What the request has, or nearly: texts alone stay readable whatever is changed.
                Some(seen)
                    if family.texts
                        && !seen.is_empty()
                        && !seen.contains('$')
                        && maker.source.chance(50) =>
                {
                    maker.near(seen, 0)
                }
                Some(seen) if family.wanted.contains(&seen.as_str()) && maker.source.chance(35) => {
                    seen.clone()
                }
                _ => maker.source.pick(family.wanted).to_owned(),
            }
        };
        let wanted = match self.source.below(12) {
            0..6 => json!(value(self)),
            6..8 => json!([value(self)]),
            8..11 => json!([value(self), value(self)]),
            _ => json!([]),
        };
        (format!("{set}{operator}{suffix}"), key, wanted)
    }
}

fn role_session() -> Caller {
    Caller::AssumedRole {
        account: HOME.to_owned(),
        role: format!("arn:aws:iam::{HOME}:role/team/r"),
        id: "AROARRRRRRRRRRRRRRRR1".to_owned(),
        session: format!("arn:aws:sts::{HOME}:assumed-role/r/s"),
        name: "s".to_owned(),
    }
}
