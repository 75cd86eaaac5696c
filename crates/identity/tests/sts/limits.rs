//! What a role may allow beyond AWS's limits, who may say so, and how long it holds.

use super::{
    Signer, assume, assume_tagged, authenticate, call, credentials, n, tagged_role, tags, trusting,
};
use crate::common::{ACCOUNT, Key, START, World, fails};
use locum_identity::entity::Role;
use locum_identity::iam::roles::{CreateRole, GetRole, TagRole, UntagRole, UpdateRole};
use locum_identity::iam::users::TagUser;
use locum_identity::issuer::Algorithm;
use locum_identity::limits::{LARGEST_PACKED, LONGEST_SESSION, Limit};
use locum_identity::names::{MaxSessionDuration, RoleSessionDuration};
use locum_identity::session::LONGEST_TOKEN;
use locum_identity::sts::{AssumeRole, GetFederationToken, GetWebIdentityToken, SessionPolicies};

const ROLE: &str = "arn:aws:iam::123456789012:role/job";
const BOB: &str = "arn:aws:iam::123456789012:user/bob";
const ROLE_MAXIMUM: &str =
    "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
const CHAINING: &str = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.";
const SESSION: &str = "locum:MaxSessionDuration";
const CHAINED: &str = "locum:MaxChainedSessionDuration";
const PACKED: &str = "locum:MaxPackedPolicySize";

/// Bob, and a role that trusts him.
fn world(with: &[(&str, &str)]) -> (World, Signer) {
    let world = World::new();
    let bob = Signer::from(&world.user_with_key("bob"));
    let trust = trusting(BOB, &["sts:AssumeRole", "sts:TagSession"], "{}");
    assert_eq!(tagged_role(&world, "job", &trust, with), ROLE);
    (world, bob)
}

fn lasting(arn: &str, seconds: i64) -> AssumeRole {
    AssumeRole {
        duration: Some(RoleSessionDuration::from_seconds(seconds.try_into().unwrap()).unwrap()),
        ..assume(arn)
    }
}

fn tag(with: &[(&str, &str)]) -> TagRole {
    TagRole {
        resource: n("job"),
        tags: tags(with),
    }
}

fn untag(key: &str) -> UntagRole {
    UntagRole {
        resource: n("job"),
        tag_keys: vec![n(key)],
    }
}

fn beyond_the_model(seconds: i64) -> String {
    format!(
        "1 validation error detected: Value '{seconds}' at 'durationSeconds' failed to satisfy constraint: Member must have value less than or equal to 43200"
    )
}

/// A session policy of about as many characters, of which no two statements are alike.
fn policy(characters: usize) -> SessionPolicies {
    let mut resources = String::new();
    let mut number = 1u64;
    while resources.len() < characters {
        number = number.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
        resources += &format!(r#","arn:aws:s3:::lake/{number:016x}/*""#);
    }
    let resources = resources.trim_start_matches(',');
    SessionPolicies {
        policy: Some(format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"s3:GetObject","Resource":[{resources}]}}}}"#
        )),
        policy_arns: Vec::new(),
    }
}

#[test]
fn a_role_without_tags_is_as_awss_are() {
    let (world, bob) = world(&[]);
    let update = UpdateRole {
        role_name: n("job"),
        description: None,
        max_session_duration: MaxSessionDuration::from_seconds(43_200),
    };
    world.root(update).unwrap();
    call(&world, &bob, lasting(ROLE, 43_200)).unwrap();
    for seconds in [43_201, LONGEST_SESSION] {
        fails(
            call(&world, &bob, lasting(ROLE, seconds)),
            "Validation",
            &beyond_the_model(seconds),
        );
    }
    // Who may not assume the role learns nothing of it.
    let eve = Signer::from(&world.user_with_key("eve"));
    let refused = format!(
        "User: arn:aws:iam::{ACCOUNT}:user/eve is not authorized to perform: sts:AssumeRole on resource: {ROLE}"
    );
    for duration in [900, 43_201] {
        let asked = lasting(ROLE, duration);
        fails(call(&world, &eve, asked), "AccessDenied", &refused);
    }
}

#[test]
fn a_role_may_allow_sessions_beyond_twelve_hours() {
    let (world, bob) = world(&[(SESSION, "86400")]);
    // It goes beyond MaxSessionDuration, which is an hour, and says nothing about what is not asked.
    for seconds in [7200, 43_201, 86_400] {
        let issued = call(&world, &bob, lasting(ROLE, seconds)).unwrap();
        assert_eq!(issued.credentials.expiration, START + seconds);
    }
    let usual = call(&world, &bob, assume(ROLE)).unwrap();
    assert_eq!(usual.credentials.expiration, START + 3600);
    fails(
        call(&world, &bob, lasting(ROLE, 86_401)),
        "Duration",
        ROLE_MAXIMUM,
    );
    world.root(tag(&[(SESSION, "604800")])).unwrap();
    let longest = Signer::from(
        &call(&world, &bob, lasting(ROLE, LONGEST_SESSION))
            .unwrap()
            .credentials,
    );
    world.wait(LONGEST_SESSION - 1);
    authenticate(&world, &longest, "sts").unwrap();
    world.wait(1);
    let over = authenticate(&world, &longest, "sts");
    let expired = "The security token included in the request is expired";
    fails(over, "ExpiredToken", expired);
    // What the tag takes away again is AWS's to say: the role's own maximum is an hour.
    world.root(untag(SESSION)).unwrap();
    fails(
        call(&world, &bob, lasting(ROLE, 3601)),
        "Duration",
        ROLE_MAXIMUM,
    );
}

#[test]
fn chaining_beyond_an_hour_needs_a_tag_of_its_own() {
    let (world, bob) = world(&[(SESSION, "86400")]);
    let trust = trusting(ROLE, &["sts:AssumeRole"], "{}");
    let next = tagged_role(&world, "next", &trust, &[(SESSION, "86400")]);
    let first = credentials(call(&world, &bob, lasting(ROLE, 86_400)));
    call(&world, &first, lasting(&next, 3600)).unwrap();
    fails(
        call(&world, &first, lasting(&next, 3601)),
        "Duration",
        CHAINING,
    );
    let allowed = |seconds: &str| TagRole {
        resource: n("next"),
        tags: tags(&[(CHAINED, seconds)]),
    };
    world.root(allowed("7200")).unwrap();
    let chained = call(&world, &first, lasting(&next, 7200)).unwrap();
    assert_eq!(chained.credentials.expiration, START + 7200);
    fails(
        call(&world, &first, lasting(&next, 7201)),
        "Duration",
        CHAINING,
    );
    // Both bounds hold: a chained session lasts no longer than one that is not.
    world.root(allowed("604800")).unwrap();
    call(&world, &first, lasting(&next, 86_400)).unwrap();
    fails(
        call(&world, &first, lasting(&next, 86_401)),
        "Duration",
        ROLE_MAXIMUM,
    );
    // The tag of one role says nothing of another.
    let mut other = trusting(ROLE, &["sts:AssumeRole"], "{}");
    other = tagged_role(&world, "other", &other, &[]);
    fails(
        call(&world, &first, lasting(&other, 3601)),
        "Duration",
        CHAINING,
    );
    // Nor does it lengthen a session that a user asks for.
    let update = UpdateRole {
        role_name: n("other"),
        description: None,
        max_session_duration: MaxSessionDuration::from_seconds(7200),
    };
    world.root(update).unwrap();
    let allow = TagRole {
        resource: n("other"),
        tags: tags(&[(CHAINED, "604800")]),
    };
    world.root(allow).unwrap();
    call(&world, &first, lasting(&other, 7200)).unwrap();
    fails(
        call(&world, &first, lasting(&other, 7201)),
        "Duration",
        ROLE_MAXIMUM,
    );
}

#[test]
fn what_is_no_longer_allowed_ends_where_awss_limit_is() {
    let expired = "The security token included in the request is expired";
    let (world, bob) = world(&[(SESSION, "172800"), (CHAINED, "172800")]);
    let trust = trusting(ROLE, &["sts:AssumeRole"], "{}");
    let next = tagged_role(
        &world,
        "next",
        &trust,
        &[(SESSION, "172800"), (CHAINED, "172800")],
    );
    let first = credentials(call(&world, &bob, lasting(ROLE, 172_800)));
    let chained = credentials(call(&world, &first, lasting(&next, 172_800)));
    let only_sessions = UntagRole {
        resource: n("next"),
        tag_keys: vec![n(CHAINED)],
    };
    world.wait(3599);
    world.root(only_sessions).unwrap();
    authenticate(&world, &chained, "sts").unwrap();
    world.wait(1);
    fails(
        authenticate(&world, &chained, "sts"),
        "ExpiredToken",
        expired,
    );
    // The other one was not chained, and its own role still allows it.
    world.wait(43_200);
    authenticate(&world, &first, "sts").unwrap();
    world.root(tag(&[(SESSION, "50000")])).unwrap();
    authenticate(&world, &first, "sts").unwrap();
    world.root(untag(SESSION)).unwrap();
    fails(authenticate(&world, &first, "sts"), "ExpiredToken", expired);
    // A session that AWS's limits allow is not touched, as on AWS.
    let short = call(&world, &bob, assume(ROLE)).unwrap();
    authenticate(&world, &Signer::from(&short.credentials), "sts").unwrap();
    // What is allowed again lasts again, no longer than it was issued for.
    world.root(tag(&[(SESSION, "604800")])).unwrap();
    authenticate(&world, &first, "sts").unwrap();
    world.wait(172_800 - 46_800);
    fails(authenticate(&world, &first, "sts"), "ExpiredToken", expired);
}

#[test]
fn a_role_may_allow_larger_policies_and_tags() {
    let (world, bob) = world(&[]);
    let with = |characters| AssumeRole {
        session_policies: policy(characters),
        ..assume(ROLE)
    };
    let allow = |bytes: u32| world.root(tag(&[(PACKED, &bytes.to_string())])).unwrap();
    fails(
        call(&world, &bob, with(3000)),
        "PackedPolicyTooLarge",
        "Packed policy consumes 152% of allotted space, please use smaller policy.",
    );
    allow(4096);
    let roomy = call(&world, &bob, with(3000)).unwrap();
    let of_4096 = roomy.packed_policy_size.unwrap();
    allow(8192);
    let roomier = call(&world, &bob, with(3000)).unwrap();
    // The percentage is of what this role allots.
    assert_eq!(roomier.packed_policy_size, Some(of_4096.div_ceil(2)));
    let largest = call(&world, &bob, with(16_000)).unwrap();
    assert!(matches!(largest.packed_policy_size, Some(50..=100)));
    let session = Signer::from(&largest.credentials);
    let caller = authenticate(&world, &session, "sts").unwrap();
    let packed = &caller.session().unwrap().packed;
    assert_eq!(packed.policy(), policy(16_000).policy.as_deref());
    // More than fits packed, and more characters than a token may make work of.
    fails(
        call(&world, &bob, with(40_000)),
        "PackedPolicyTooLarge",
        "Packed policy consumes 203% of allotted space, please use smaller policy.",
    );
    let blank = AssumeRole {
        session_policies: SessionPolicies {
            policy: policy(100).policy.map(|text| text + &" ".repeat(65_536)),
            policy_arns: Vec::new(),
        },
        ..assume(ROLE)
    };
    fails(
        call(&world, &bob, blank),
        "PackedPolicyTooLarge",
        "Packed policy consumes 101% of allotted space, please use smaller policy.",
    );
}

#[test]
fn session_tags_take_what_the_role_allots() {
    let (world, bob) = world(&[]);
    // Nothing that repeats: letters of a script of which each takes two bytes.
    let value = |seed: u32| -> String {
        let mut state = seed.wrapping_mul(2_654_435_761) | 1;
        let letter = |_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            char::from_u32(0x400 + (state >> 8) % 0x80).unwrap()
        };
        (0..256).map(letter).collect()
    };
    let values: Vec<_> = (1..13).map(value).collect();
    let keys: Vec<_> = (0..12).map(|n| format!("key-{n}")).collect();
    let pairs: Vec<_> = keys
        .iter()
        .zip(&values)
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect();
    let tagged = |count: usize| assume_tagged(ROLE, &pairs[..count], &[]);
    let Err(error) = call(&world, &bob, tagged(12)) else {
        panic!("six kilobytes of tags were packed into two")
    };
    let text = error.to_string();
    assert!(
        text.starts_with("Packed size of session tags consumes ")
            && text.ends_with("% of allotted space."),
        "{text}"
    );
    world.root(tag(&[(PACKED, "8192")])).unwrap();
    let issued = call(&world, &bob, tagged(12)).unwrap();
    assert!(matches!(issued.packed_policy_size, Some(50..=100)));
    // What is handed down must fit where it is handed to.
    let all: Vec<_> = keys.iter().map(String::as_str).collect();
    let handed = AssumeRole {
        transitive_tag_keys: all.iter().map(|key| n(key)).collect(),
        ..tagged(12)
    };
    let first = credentials(call(&world, &bob, handed));
    let trust = trusting(ROLE, &["sts:AssumeRole", "sts:TagSession"], "{}");
    let next = tagged_role(&world, "next", &trust, &[]);
    fails(
        call(&world, &first, assume(&next)),
        "PackedPolicyTooLarge",
        &text,
    );
    // GetFederationToken has no role that could allow more.
    world.allow(
        "bob",
        r#"{"Effect":"Allow","Action":"sts:*","Resource":"*"}"#,
    );
    let federated = GetFederationToken {
        minimum_token_size: Default::default(),
        name: n("ann"),
        duration: None,
        session_policies: SessionPolicies::default(),
        tags: tags(&pairs),
    };
    fails(call(&world, &bob, federated), "PackedPolicyTooLarge", &text);
}

#[test]
fn the_largest_session_at_the_end_of_the_longest_chain_has_a_token() {
    let (world, bob) = world(&[(PACKED, &LARGEST_PACKED.to_string())]);
    // As large as it can be: grown until it does not fit.
    let with = |characters| AssumeRole {
        session_policies: policy(characters),
        role_session_name: n(&"s".repeat(64)),
        ..assume(ROLE)
    };
    let mut fitting = 10_000;
    for step in [1000, 40] {
        while call(&world, &bob, with(fitting + step)).is_ok() {
            fitting += step;
        }
    }
    let largest = call(&world, &bob, with(fitting)).unwrap();
    assert!(matches!(largest.packed_policy_size, Some(99..=100)));
    let mut names = (0..64).map(|n| format!("{n:064}"));
    let update = format!(r#"{{"AWS":["{BOB}","{ROLE}"]}}"#);
    let document = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{update},"Action":"sts:AssumeRole"}}]}}"#
    );
    let trust = locum_identity::iam::roles::UpdateAssumeRolePolicy {
        role_name: n("job"),
        policy_document: n(&document),
    };
    world.root(trust).unwrap();
    let chained = |name: &str| AssumeRole {
        role_session_name: n(name),
        ..assume(ROLE)
    };
    let mut session = credentials(call(&world, &bob, chained(&names.next().unwrap())));
    for name in names {
        session = credentials(call(&world, &session, chained(&name)));
    }
    let last = call(&world, &session, with(fitting)).unwrap().credentials;
    assert!(
        (16_000..LONGEST_TOKEN).contains(&last.session_token.len()),
        "{}",
        last.session_token.len()
    );
    // Opened, and opened again from what is kept.
    for _ in 0..2 {
        authenticate(&world, &Signer::from(&last), "sts").unwrap();
    }
}

/// A user who may tag roles, and what else these statements allow.
fn tagger(world: &World, more: &str) -> Key {
    let key = world.user_with_key("ann");
    let iam = r#"{"Effect":"Allow","Action":"iam:*","Resource":"*"}"#;
    world.allow("ann", &format!("{iam}{more}"));
    key
}

fn lacks(action: &str) -> String {
    format!(
        "User: arn:aws:iam::{ACCOUNT}:user/ann is not authorized to perform: {action} on resource: {ROLE} because no identity-based policy allows the {action} action"
    )
}

#[test]
fn a_limit_needs_its_own_action_besides_that_of_tagging() {
    for (limit, value) in Limit::ALL.into_iter().zip(["86400", "7200", "4096"]) {
        let (world, _) = world(&[]);
        let ann = tagger(&world, "");
        let (key, action) = (limit.tag_key(), limit.action());
        world.call(&ann, tag(&[("team", "blue")])).unwrap();
        let set = || world.call(&ann, tag(&[("cost", "1"), (key, value)]));
        fails(set(), "AccessDenied", &lacks(action));
        let create = CreateRole {
            role_name: n("job"),
            path: None,
            assume_role_policy_document: n(
                r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}"#,
            ),
            description: None,
            max_session_duration: None,
            permissions_boundary: None,
            tags: tags(&[(key, value)]),
        };
        fails(
            world.call(&ann, create.clone()),
            "AccessDenied",
            &lacks(action),
        );
        world.root(tag(&[(key, value)])).unwrap();
        // Nor may it be taken away, under whatever spelling.
        for spelling in [
            key.to_owned(),
            key.to_uppercase(),
            key.replace('k', "\u{212a}"),
        ] {
            fails(
                world.call(&ann, untag(&spelling)),
                "AccessDenied",
                &lacks(action),
            );
        }
        let shown = world
            .root(GetRole {
                role_name: n("job"),
            })
            .unwrap()
            .role;
        assert_eq!(shown.limits.of(limit).to_string(), value);
        // The own action alone is not enough either.
        let only = world.user_with_key("cy");
        let own = format!(r#"{{"Effect":"Allow","Action":"{action}","Resource":"{ROLE}"}}"#);
        world.allow("cy", &own);
        let lacks_tagging = lacks("iam:TagRole").replace("user/ann", "user/cy");
        fails(
            world.call(&only, tag(&[(key, value)])),
            "AccessDenied",
            &lacks_tagging,
        );
        world.allow(
            "ann",
            &format!(r#"{{"Effect":"Allow","Action":["iam:*","{action}"],"Resource":"*"}}"#),
        );
        set().unwrap();
        world.call(&ann, untag(&key.to_uppercase())).unwrap();
        let shown = world
            .root(GetRole {
                role_name: n("job"),
            })
            .unwrap()
            .role;
        assert_eq!(shown.limits.of(limit), limit.of_aws());
        // Now only that the role exists already is in the way.
        fails(
            world.call(&ann, create),
            "EntityAlreadyExists",
            "Role with name job already exists.",
        );
    }
}

#[test]
fn conditions_can_bound_what_is_allowed() {
    let (world, _) = world(&[]);
    let up_to_a_day = format!(
        r#",{{"Effect":"Allow","Action":"locum:SetMaxSessionDuration","Resource":"{ROLE}","Condition":{{"NumericLessThanEquals":{{"aws:RequestTag/{SESSION}":"86400"}}}}}}"#
    );
    let ann = tagger(&world, &up_to_a_day);
    world.call(&ann, tag(&[(SESSION, "86400")])).unwrap();
    let action = "locum:SetMaxSessionDuration";
    fails(
        world.call(&ann, tag(&[(SESSION, "86401")])),
        "AccessDenied",
        &lacks(action),
    );
    // Of a key given twice the last is what conditions see, and none is taken.
    fails(
        world.call(&ann, tag(&[(SESSION, "604800"), (SESSION, "86400")])),
        "InvalidInput",
        "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
    );
    // A permission to set certain tags is not one to set this.
    world.allow(
        "ann",
        r#"{"Effect":"Allow","Action":["iam:TagRole","locum:*"],"Resource":"*","Condition":{"ForAllValues:StringEquals":{"aws:TagKeys":["team"]}}}"#,
    );
    world.call(&ann, tag(&[("team", "blue")])).unwrap();
    for tags in [
        &[(SESSION, "86400")][..],
        &[("team", "red"), (SESSION, "86400")],
    ] {
        fails(
            world.call(&ann, tag(tags)),
            "AccessDenied",
            &lacks("iam:TagRole"),
        );
    }
}

#[test]
fn a_session_cannot_lengthen_itself() {
    let (world, bob) = world(&[]);
    let put = locum_identity::iam::inline_policies::PutRolePolicy {
        role_name: n("job"),
        policy_name: n("all-of-iam"),
        policy_document: n(
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["iam:*","sts:*"],"Resource":"*"}}"#,
        ),
    };
    world.root(put).unwrap();
    // Neither with tags of the session, ...
    let reserved = "Tag keys beginning with locum: are reserved for locum use.";
    for key in [SESSION, "Locum:MaxSessionDuration", "LOCUM:x", "locum:"] {
        fails(
            call(&world, &bob, assume_tagged(ROLE, &[(key, "86400")], &[])),
            "InvalidParameterValue",
            reserved,
        );
    }
    // ... nor with those of its role.
    let session = credentials(call(&world, &bob, assume(ROLE)));
    let refused = format!(
        "User: arn:aws:sts::{ACCOUNT}:assumed-role/job/session is not authorized to perform: locum:SetMaxSessionDuration on resource: {ROLE} because no identity-based policy allows the locum:SetMaxSessionDuration action"
    );
    fails(
        call(&world, &session, tag(&[(SESSION, "86400")])),
        "AccessDenied",
        &refused,
    );
    fails(
        call(&world, &bob, lasting(ROLE, 43_201)),
        "Validation",
        &beyond_the_model(43_201),
    );
}

#[test]
fn the_namespace_holds_nothing_else() {
    let (world, bob) = world(&[]);
    let reserved = "Tag keys beginning with locum: are reserved for locum use.";
    for key in [
        "locum:x",
        "Locum:MaxSessionDuration",
        "locum:maxSessionDuration",
        "locum:MaxPac\u{212a}edPolicySize",
    ] {
        fails(world.root(tag(&[(key, "86400")])), "InvalidInput", reserved);
    }
    let user = TagUser {
        resource: n("bob"),
        tags: tags(&[(SESSION, "86400")]),
    };
    fails(world.root(user), "InvalidInput", reserved);
    let token = GetWebIdentityToken {
        audience: vec![n("https://relying.example")],
        signing_algorithm: Algorithm::Es384,
        duration: None,
        tags: tags(&[("Locum:x", "1")]),
    };
    fails(call(&world, &bob, token), "InvalidParameterValue", reserved);
    fails(
        world.root(tag(&[(SESSION, "43200")])),
        "InvalidInput",
        "The value of the tag locum:MaxSessionDuration must be a whole number from 43201 to 604800.",
    );
    let shown = world
        .root(GetRole {
            role_name: n("job"),
        })
        .unwrap()
        .role;
    assert!(shown.limits.is_aws() && shown.tags.is_empty());
}

/// A tag that a role had before it meant anything, when nobody asked who may set it.
#[test]
fn a_tag_of_before_it_had_a_meaning_allows_nothing() {
    let (world, bob) = world(&[]);
    let before = world
        .root(GetRole {
            role_name: n("job"),
        })
        .unwrap()
        .role;
    world.put(Role {
        tags: tags(&[(SESSION, "604800"), (PACKED, "8192")]),
        ..before
    });
    let refused = || {
        fails(
            call(&world, &bob, lasting(ROLE, 604_800)),
            "Validation",
            &beyond_the_model(604_800),
        );
    };
    refused();
    // Not even when other tags are set by who may not set this one.
    let ann = tagger(&world, "");
    world.call(&ann, tag(&[("team", "blue")])).unwrap();
    refused();
    world.root(tag(&[(SESSION, "604800")])).unwrap();
    call(&world, &bob, lasting(ROLE, 604_800)).unwrap();
    let shown = world
        .root(GetRole {
            role_name: n("job"),
        })
        .unwrap()
        .role;
    assert_eq!(shown.limits.of(Limit::MaxPackedPolicySize), 2048);
    // It is in the store, and read from there.
    let reopened = world.reopened();
    call(&reopened, &bob, lasting(ROLE, 604_800)).unwrap();
}
