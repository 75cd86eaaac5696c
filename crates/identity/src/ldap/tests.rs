use super::*;
use crate::names::{Constrained as _, TagKey};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

/// A directory that answers by a table, and keeps what it was asked.
#[derive(Clone, Default)]
struct Fake {
    /// DN and password.
    passwords: Vec<(String, String)>,
    /// By base and filter.
    found: Vec<(String, String, Vec<Entry>)>,
    said: Arc<Mutex<Vec<String>>>,
}

impl DirectoryServer for Fake {
    fn connect<'a>(&'a self, _: &'a Reach) -> Asking<'a, Box<dyn Conversation>> {
        let open: Box<dyn Conversation> = Box::new(self.clone());
        Box::pin(async move { Ok(open) })
    }
}

impl Conversation for Fake {
    fn bind<'a>(&'a mut self, dn: &'a str, password: &'a str) -> Asking<'a, bool> {
        assert!(!dn.is_empty() && !password.is_empty());
        self.said.lock().unwrap().push(format!("bind {dn}"));
        let pair = (dn.to_owned(), password.to_owned());
        let right = self.passwords.contains(&pair);
        Box::pin(async move { Ok(right) })
    }

    fn search<'a>(&'a mut self, search: &'a Search) -> Asking<'a, Vec<Entry>> {
        let Search { base, filter, .. } = search;
        self.said
            .lock()
            .unwrap()
            .push(format!("search {base} {filter}"));
        let found = self
            .found
            .iter()
            .find(|(of, by, _)| of == base && by == filter);
        let found = found
            .map(|(_, _, entries)| entries.clone())
            .unwrap_or_default();
        Box::pin(async move { Ok(found) })
    }
}

const PEOPLE: &str = "ou=people,dc=example";
const GROUPS: &str = "ou=groups,dc=example";
const ALICE: &str = "uid=alice,ou=people,dc=example";
const SEARCHER: &str = "cn=searcher,dc=example";

fn entry(dn: &str, attributes: &[(&str, &[&str])]) -> Entry {
    let values = |values: &[&str]| {
        values
            .iter()
            .map(|value| value.as_bytes().to_vec())
            .collect()
    };
    Entry {
        dn: dn.to_owned(),
        attributes: attributes
            .iter()
            .map(|(name, all)| (name.to_ascii_lowercase(), values(all)))
            .collect(),
    }
}

fn settings() -> LdapSettings {
    let users = UserSource::Search {
        base: PEOPLE.to_owned(),
        filter: "(uid={username})".to_owned(),
    };
    let mut settings = LdapSettings::new(
        vec![LdapUrl::parse("ldaps://ldap.example").unwrap()],
        users,
        "uid",
    );
    settings.bind_dn = Some(SEARCHER.to_owned());
    settings.groups = GroupSource::Search {
        base: GROUPS.to_owned(),
        filter: "(member={dn})".to_owned(),
    };
    settings.group_names = GroupNames::Beneath(GROUPS.to_owned());
    settings.claims = [("Email".to_owned(), "mail".to_owned())].into();
    settings
}

fn fake(alice: Entry) -> Fake {
    let groups = [
        "cn=eng,ou=groups,dc=example",
        "CN=ops, OU=Groups,DC=example",
        "cn=root,ou=secret,ou=groups,dc=example",
    ];
    let groups = groups.map(|dn| entry(dn, &[])).to_vec();
    Fake {
        passwords: vec![
            (ALICE.to_owned(), "right".to_owned()),
            (SEARCHER.to_owned(), "search".to_owned()),
        ],
        found: vec![
            (
                PEOPLE.to_owned(),
                "(uid=alice)".to_owned(),
                vec![alice.clone()],
            ),
            (ALICE.to_owned(), "(uid=alice)".to_owned(), vec![alice]),
            (GROUPS.to_owned(), format!("(member={ALICE})"), groups),
        ],
        said: Arc::default(),
    }
}

fn alice() -> Entry {
    entry(
        ALICE,
        &[
            ("uid", &["alice"]),
            ("mail", &["a@example.com", "alice@example.com"]),
        ],
    )
}

/// What never waits is ready at once.
fn now<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    match future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it waits"),
    }
}

fn login(
    fake: &Fake,
    settings: &LdapSettings,
    username: &str,
    password: &str,
) -> Result<DirectoryIdentity, LdapFault> {
    let secret = Secret::new("search".to_owned());
    let directory = Directory {
        server: fake,
        settings,
        bind_password: Some(&secret),
    };
    now(directory.login(None, username, password))
}

#[test]
fn a_name_and_a_password_become_the_entrys_claims() {
    let identity = login(&fake(alice()), &settings(), "alice", "right").unwrap();
    assert_eq!(
        (identity.subject.as_str(), identity.dn.as_str()),
        ("alice", ALICE)
    );
    assert_eq!(
        identity.claims["email"],
        ["a@example.com", "alice@example.com"]
    );
    // A group elsewhere of the same name, or deeper, is another.
    assert_eq!(identity.claims["groups"], ["eng", "ops"]);
    assert!(identity.tags.is_empty() && identity.source_identity.is_none());
    let mut by_dn = settings();
    by_dn.group_names = GroupNames::Dn;
    let identity = login(&fake(alice()), &by_dn, "alice", "right").unwrap();
    assert_eq!(
        identity.claims["groups"],
        [
            "cn=eng,ou=groups,dc=example",
            "cn=ops,ou=groups,dc=example",
            "cn=root,ou=secret,ou=groups,dc=example",
        ]
    );
}

#[test]
fn no_bind_is_ever_anonymous() {
    let fake = fake(alice());
    let settings = settings();
    assert_eq!(
        login(&fake, &settings, "alice", ""),
        Err(LdapFault::EmptyPassword)
    );
    for (username, password, fault) in [
        ("", "right", LdapFault::Username),
        (" alice", "right", LdapFault::Username),
        ("alice\u{a0}", "right", LdapFault::Username),
        ("al\nice", "right", LdapFault::Username),
        (&"a".repeat(257), "right", LdapFault::Username),
        ("alice", "\0", LdapFault::Password),
        ("alice", &"a".repeat(1025), LdapFault::Password),
    ] {
        assert_eq!(
            login(&fake, &settings, username, password),
            Err(fault),
            "{username:?}"
        );
    }
    assert!(fake.said.lock().unwrap().is_empty());
    // An entry without a DN is nobody's.
    let mut fake = self::fake(alice());
    fake.found[0].2[0].dn = String::new();
    assert_eq!(
        login(&fake, &settings, "alice", "right"),
        Err(LdapFault::UnknownUser)
    );
}

#[test]
fn who_is_not_there_costs_what_a_wrong_password_costs() {
    let (known, unknown) = (fake(alice()), fake(alice()));
    assert_eq!(
        login(&known, &settings(), "alice", "wrong"),
        Err(LdapFault::WrongPassword)
    );
    assert_eq!(
        login(&unknown, &settings(), "bob", "wrong"),
        Err(LdapFault::UnknownUser)
    );
    let steps = |fake: &Fake| -> Vec<String> {
        let said = fake.said.lock().unwrap();
        said.iter()
            .map(|step| step.split(' ').next().unwrap().to_owned())
            .collect()
    };
    assert_eq!(steps(&known), ["bind", "search", "bind"]);
    assert_eq!(steps(&unknown), steps(&known));
}

#[test]
fn what_is_typed_finds_nobody_else() {
    let fake = fake(alice());
    for typed in ["*", "*)(uid=*", "alice)(|(uid=*", "ali*", "{dn}"] {
        let found = login(&fake, &settings(), typed, "right");
        assert_eq!(found, Err(LdapFault::UnknownUser), "{typed}");
    }
    let said = fake.said.lock().unwrap();
    assert!(said.contains(&format!("search {PEOPLE} (uid=\\2a\\29\\28uid=\\2a)")));
}

#[test]
fn one_entry_is_found_or_none() {
    let mut two = fake(alice());
    let other = entry(
        "uid=alice,ou=old,ou=people,dc=example",
        &[("uid", &["alice"])],
    );
    two.found[0].2.push(other);
    assert_eq!(
        login(&two, &settings(), "alice", "right"),
        Err(LdapFault::SeveralEntries)
    );
    let fault = login(
        &fake(entry(ALICE, &[("uid", &["alice", "root"])])),
        &settings(),
        "alice",
        "right",
    );
    let expected = LdapFault::NotOne {
        attribute: "uid".to_owned(),
        values: 2,
    };
    assert_eq!(fault, Err(expected));
}

#[test]
fn who_is_disabled_or_in_no_required_group_does_not_log_in() {
    for (attribute, value, disabled) in [
        ("userAccountControl", "514", true),
        ("userAccountControl", "512", false),
        ("userAccountControl", "many", true),
        ("pwdAccountLockedTime", "000001010000Z", true),
        ("pwdAccountLockedTime", "20260101000000Z", false),
        ("nsAccountLock", "TRUE", true),
        ("nsAccountLock", "false", false),
    ] {
        let alice = entry(ALICE, &[("uid", &["alice"]), (attribute, &[value])]);
        let found = login(&fake(alice), &settings(), "alice", "right").map(drop);
        let expected = if disabled {
            Err(LdapFault::Disabled(attribute))
        } else {
            Ok(())
        };
        assert_eq!(found, expected, "{attribute}: {value}");
    }
    let mut required = settings();
    required.required_groups = vec!["eng".to_owned(), "sales".to_owned()];
    assert!(login(&fake(alice()), &required, "alice", "right").is_ok());
    required.required_groups = vec!["root".to_owned()];
    assert_eq!(
        login(&fake(alice()), &required, "alice", "right"),
        Err(LdapFault::NotInGroup(vec!["root".to_owned()]))
    );
}

#[test]
fn tags_come_from_attributes_and_groups() {
    let mut tagging = settings();
    let key = |text: &str| TagKey::parse(text).unwrap();
    tagging.tags = [
        (key("team"), "departmentNumber".to_owned()),
        (key("groups"), TAG_OF_GROUPS.to_owned()),
        (key("absent"), "title".to_owned()),
    ]
    .into();
    let member = |department: &[&str]| {
        entry(
            ALICE,
            &[("uid", &["alice"]), ("departmentNumber", department)],
        )
    };
    let identity = login(&fake(member(&["blue"])), &tagging, "alice", "right").unwrap();
    let tags: Vec<_> = identity
        .tags
        .iter()
        .map(|tag| (tag.key.as_str(), tag.value.as_str()))
        .collect();
    assert_eq!(tags, [("groups", ":eng:ops:"), ("team", "blue")]);
    let two = login(&fake(member(&["blue", "red"])), &tagging, "alice", "right");
    assert!(
        matches!(two, Err(LdapFault::NotOne { values: 2, .. })),
        "{two:?}"
    );
    let odd = login(&fake(member(&["{blue}"])), &tagging, "alice", "right");
    assert!(matches!(odd, Err(LdapFault::Tag { .. })), "{odd:?}");
}

#[test]
fn a_list_of_groups_that_is_told_in_part_is_refused() {
    let mut by_attribute = settings();
    by_attribute.groups = GroupSource::Attribute("memberOf".to_owned());
    let part = entry(
        ALICE,
        &[
            ("uid", &["alice"]),
            ("memberOf;range=0-1499", &["cn=eng,ou=groups,dc=example"]),
        ],
    );
    let found = login(&fake(part), &by_attribute, "alice", "right");
    assert_eq!(found, Err(LdapFault::TooManyGroups));
    let whole = entry(
        ALICE,
        &[
            ("uid", &["alice"]),
            ("memberOf", &["cn=eng,ou=groups,dc=example"]),
        ],
    );
    let identity = login(&fake(whole), &by_attribute, "alice", "right").unwrap();
    assert_eq!(identity.claims["groups"], ["eng"]);
}

#[test]
fn a_user_is_looked_at_again_where_they_were() {
    let watched = Watched {
        subject: "alice".to_owned(),
        username: "alice".to_owned(),
        dn: ALICE.to_owned(),
    };
    let look = |fake: &Fake, watched: Watched| {
        let settings = settings();
        let secret = Secret::new("search".to_owned());
        let directory = Directory {
            server: fake,
            settings: &settings,
            bind_password: Some(&secret),
        };
        now(directory.look_again(None, &[watched])).map(|mut answers| answers.pop().unwrap())
    };
    assert_eq!(look(&fake(alice()), watched.clone()), Ok(Ok(())));
    let gone = Watched {
        dn: "uid=alice,ou=left,dc=example".to_owned(),
        ..watched.clone()
    };
    assert_eq!(look(&fake(alice()), gone), Ok(Err(LdapFault::UnknownUser)));
    let other = Watched {
        subject: "bob".to_owned(),
        ..watched.clone()
    };
    assert_eq!(look(&fake(alice()), other), Ok(Err(LdapFault::AnotherUser)));
    let disabled = entry(
        ALICE,
        &[("uid", &["alice"]), ("userAccountControl", &["514"])],
    );
    let found = look(&fake(disabled), watched.clone());
    assert_eq!(found, Ok(Err(LdapFault::Disabled("userAccountControl"))));
    // That the search account is refused says nothing of the user.
    let mut locked_out = fake(alice());
    locked_out.passwords.clear();
    assert_eq!(look(&locked_out, watched), Err(LdapFault::SearchAccount));
}

#[test]
fn a_guid_is_told_as_it_is_written() {
    let bytes: Vec<u8> = (0..16).collect();
    let mut alice = entry(ALICE, &[("uid", &["alice"])]);
    alice
        .attributes
        .insert("objectguid".to_owned(), vec![bytes]);
    let mut settings = settings();
    settings.subject = "objectGUID".to_owned();
    let identity = login(&fake(alice), &settings, "alice", "right").unwrap();
    assert_eq!(identity.subject, "03020100-0504-0706-0809-0a0b0c0d0e0f");
}

#[track_caller]
fn refused(change: impl FnOnce(&mut LdapSettings), fault: &str) {
    let mut settings = self::settings();
    settings.bind_dn = None;
    assert_eq!(settings.check(), Ok(()));
    change(&mut settings);
    assert_eq!(settings.check().unwrap_err().to_string(), fault);
}

#[test]
fn settings_that_would_leak_a_password_or_mean_nothing_are_refused() {
    let url = |text: &str| vec![LdapUrl::parse(text).unwrap()];
    let clear = "passwords would travel to `ldap://ldap.example` in the clear: ";
    refused(
        |settings| settings.urls = url("ldap://ldap.example"),
        &format!("{clear}take ldaps: or StartTLS"),
    );
    refused(
        |settings| {
            settings.urls = url("ldap://ldap.example/");
            settings.plain = true;
        },
        &format!("{clear}plain is for the loopback alone"),
    );
    refused(
        |settings| settings.start_tls = true,
        "`ldaps://ldap.example` begins with TLS, and StartTLS is for ldap:",
    );
    refused(
        |settings| settings.bind_dn = Some(SEARCHER.to_owned()),
        "a bind DN and its password go together",
    );
    refused(
        |settings| settings.users = UserSource::Template("uid=x{username},dc=example".to_owned()),
        "`uid=x{username},dc=example` is no DN of a user: it is like uid={username},ou=people,dc=example",
    );
    refused(
        |settings| {
            settings.group_names = GroupNames::Dn;
            settings.required_groups = vec!["CN=Eng,DC=example".to_owned()];
        },
        "groups are named by their DN: write `cn=eng,dc=example`",
    );
    refused(
        |settings| settings.claims = [("sub".to_owned(), "mail".to_owned())].into(),
        "`sub` cannot be a claim: letters, digits, `_`, `-`, `.`, and neither sub nor groups",
    );
    for text in [
        "http://a",
        "ldap://",
        "ldaps://a b",
        "ldaps://a/dc=x",
        "ldaps://u@a",
        "ldaps://a:0",
        "ldaps://a:+1",
        "ldaps://[::1]",
        "ldaps://a:65536",
        "ldaps://10.1",
        "ldapi:///x",
    ] {
        assert_eq!(LdapUrl::parse(text), None, "{text}");
    }
    assert_eq!(
        LdapUrl::parse("ldap://127.0.0.1:3890").unwrap().as_str(),
        "ldap://127.0.0.1:3890"
    );
}
