//! What becomes of an account of AWS.

use crate::common::{ACCOUNT, World, n, ready};
use crate::support::{
    OLD, allowing, attached, counts, details, dump, group, policy, reasons, role, user,
};
use locum_identity::iam::users::CreateUser;
use locum_identity::port::Store as _;
use locum_identity::transfer::{Details, Import, Options};
use serde_json::{Value, json};

/// Two users, a group, two roles and a policy that hang together.
fn whole() -> Value {
    let arn = |resource: &str| format!("arn:aws:iam::{OLD}:{resource}");
    dump(|dump| {
        let mut alice = user("alice");
        alice["GroupList"] = json!(["devs"]);
        alice["Tags"] = json!([{"Key": "team", "Value": "a"}]);
        alice["PermissionsBoundary"] = json!({
            "PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn("policy/limit"),
        });
        alice["UserPolicyList"] = json!([{
            "PolicyName": "assume", "PolicyDocument": allowing("sts:AssumeRole", &arn("role/deploy")),
        }]);
        dump["UserDetailList"] = json!([alice, user("bob")]);
        let mut devs = group("devs");
        devs["AttachedManagedPolicies"] = attached("arn:aws:iam::aws:policy/ReadOnlyAccess");
        dump["GroupDetailList"] = json!([devs]);
        let mut deploy = role(
            "deploy",
            &json!({"AWS": [arn("user/alice"), arn("role/ci")]}),
        );
        deploy["AttachedManagedPolicies"] = attached(&arn("policy/limit"));
        deploy["InstanceProfileList"] = json!([{
            "Path": "/", "InstanceProfileName": "hosts", "InstanceProfileId": "AIPAJQABLZS4A3QDU576Q",
            "Arn": arn("instance-profile/hosts"), "CreateDate": "2020-01-02T03:04:05+00:00",
            "Roles": [],
        }]);
        let ci = role("ci", &json!({"AWS": OLD, "Service": "ec2.amazonaws.com"}));
        dump["RoleDetailList"] = json!([deploy, ci]);
        let mut limit = policy("limit", &allowing("s3:*", "*"));
        let second = json!({
            "Document": allowing("s3:Get*", "*"), "VersionId": "v3", "IsDefaultVersion": true,
            "CreateDate": "2021-01-02T03:04:05+00:00",
        });
        limit["PolicyVersionList"]
            .as_array_mut()
            .unwrap()
            .push(second);
        limit["DefaultVersionId"] = json!("v3");
        // AWS's own come along where they are attached.
        let mut aws = policy("ReadOnlyAccess", &allowing("*", "*"));
        aws["Arn"] = json!("arn:aws:iam::aws:policy/ReadOnlyAccess");
        dump["Policies"] = json!([limit, aws]);
    })
}

#[test]
fn an_account_comes_with_all_that_hangs_together() {
    let world = World::new();
    let report = world.imported(&whole());
    assert_eq!(counts(&report), [7, 0, 0, 0]);
    let account = world.account();
    let alice = &account.users.named("alice").unwrap().user;
    let devs = &account.groups.named("devs").unwrap().group;
    let deploy = &account.roles.named("deploy").unwrap().role;
    let ci = &account.roles.named("ci").unwrap().role;
    let limit = &account.policies.named("limit").unwrap().policy;
    assert_eq!(alice.groups, std::slice::from_ref(&devs.id));
    assert_eq!(alice.created, 1_577_934_245);
    assert_eq!(alice.tags[0].key.as_str(), "team");
    let own = format!("arn:aws:iam::{ACCOUNT}:policy/limit");
    assert_eq!(alice.permissions_boundary.as_deref(), Some(own.as_str()));
    assert_eq!(
        alice.policies.inline["assume"].document,
        format!(
            r#"{{"Statement":[{{"Action":"sts:AssumeRole","Effect":"Allow","Resource":"arn:aws:iam::{ACCOUNT}:role/deploy"}}],"Version":"2012-10-17"}}"#
        )
    );
    assert_eq!(
        devs.policies.attached,
        ["arn:aws:iam::aws:policy/ReadOnlyAccess"]
    );
    assert_eq!(deploy.policies.attached, [own]);
    // Principals are kept as the ids they have here.
    assert!(deploy.trust_policy.contains(alice.id.as_str()));
    assert!(deploy.trust_policy.contains(ci.id.as_str()));
    assert!(ci.trust_policy.contains(ACCOUNT) && !ci.trust_policy.contains(OLD));
    let versions: Vec<u32> = limit
        .versions
        .iter()
        .map(|version| version.number)
        .collect();
    assert_eq!(
        (versions, limit.default_version, limit.next_version),
        (vec![1, 3], 3, 4)
    );
    let hosts = &account.instance_profiles.named("hosts").unwrap().profile;
    assert_eq!(hosts.role.as_ref(), Some(&deploy.id));
    assert!(account.policies.named("ReadOnlyAccess").is_none());
    assert_eq!(
        report.notes,
        [format!(
            "4 account ids in documents: {OLD} became {ACCOUNT}"
        )]
    );
}

#[test]
fn it_is_one_change_with_an_origin() {
    let world = World::new();
    let before = world.feed();
    world.imported(&whole());
    let entries = ready(world.store.feed(before, 10)).unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].origin.actor, "locum");
    assert_eq!(
        entries[0].origin.action,
        "locum:ImportAwsAuthorizationDetails"
    );
    assert_eq!(entries[0].puts.len(), 7);
    assert_eq!(world.reopened().account().users.len(), 2);
}

#[test]
fn importing_again_changes_nothing() {
    let world = World::new();
    world.imported(&whole());
    let before = world.feed();
    let report = world.imported(&whole());
    assert_eq!(counts(&report), [0, 0, 7, 0]);
    assert_eq!(world.feed(), before);
    // Nor does it where documents are encoded, as the wire has them.
    let mut encoded = whole();
    let raw = encoded["RoleDetailList"][0]["AssumeRolePolicyDocument"].to_string();
    let percent: String = raw.bytes().map(|b| format!("%{b:02X}")).collect();
    encoded["RoleDetailList"][0]["AssumeRolePolicyDocument"] = json!(percent);
    assert_eq!(counts(&world.imported(&encoded)), [0, 0, 7, 0]);
    assert_eq!(world.feed(), before);
}

#[test]
fn a_dry_run_says_the_same_and_changes_nothing() {
    let world = World::new();
    let before = world.feed();
    let dry = Options {
        dry_run: true,
        ..Options::default()
    };
    let report = world.import_aws(&whole(), &dry);
    assert_eq!((counts(&report), world.feed()), ([7, 0, 0, 0], before));
    assert!(report.entries.iter().all(|entry| entry.after.is_some()));
}

#[test]
fn what_differs_is_replaced_only_where_that_is_asked_for() {
    let world = World::new();
    world.imported(&whole());
    let mut other = whole();
    other["UserDetailList"][1]["Path"] = json!("/moved/");
    other["RoleDetailList"][1]["Tags"] = json!([{"Key": "a", "Value": "b"}]);
    let differs = "it differs from the one that is there (--overwrite replaces it)";
    world.refuses(
        &other,
        &Options::default(),
        &[
            &format!("role ci: {differs}"),
            &format!("user bob: {differs}"),
        ],
    );
    let overwrite = Options {
        overwrite: true,
        ..Options::default()
    };
    let id = world.account().users.named("bob").unwrap().user.id.clone();
    let report = world.import_aws(&other, &overwrite);
    assert_eq!(counts(&report), [0, 2, 5, 0]);
    let bob = world.account().users.named("bob").unwrap().user.clone();
    assert_eq!((bob.path.as_str(), bob.id), ("/moved/", id));
    // What cannot be moved is not.
    other["RoleDetailList"][1]["Path"] = json!("/moved/");
    world.refuses(
        &other,
        &overwrite,
        &[
            // Nor does anybody find it there.
            &format!(
                "role deploy: Invalid principal in policy: \"AWS\":\"arn:aws:iam::{ACCOUNT}:role/ci\" \
                 (--keep-unknown-principals keeps it, matching nobody)"
            ),
            "role ci: its path is `/`, and cannot be changed to `/moved/`",
        ],
    );
}

#[test]
fn what_aws_leaves_out_stays() {
    let world = World::new();
    world.imported(&whole());
    let mut role = world.account().roles.named("ci").unwrap().role.clone();
    role.description = Some(n("mine"));
    role.max_session_duration =
        locum_identity::names::MaxSessionDuration::from_seconds(7200).unwrap();
    world.put(role);
    assert_eq!(counts(&world.imported(&whole())), [0, 0, 7, 0]);
}

#[test]
fn what_is_there_already_stays_and_counts() {
    let world = World::new();
    world.user("carol");
    let mut more = whole();
    more["RoleDetailList"].as_array_mut().unwrap().push(role(
        "lead",
        &json!({"AWS": format!("arn:aws:iam::{ACCOUNT}:user/carol")}),
    ));
    world.imported(&more);
    let account = world.account();
    let carol = &account.users.named("carol").unwrap().user.id;
    let lead = &account.roles.named("lead").unwrap().role;
    assert!(lead.trust_policy.contains(carol.as_str()));
    assert_eq!(account.users.len(), 3);
}

#[test]
fn principals_that_are_not_here_refuse_or_match_nobody() {
    let world = World::new();
    let stranger = "arn:aws:iam::444455556666:role/partner";
    let with = dump(|dump| {
        let principals = json!({"AWS": [stranger, "AIDAJQABLZS4A3QDU576Q"]});
        dump["RoleDetailList"] = json!([role("shared", &principals)]);
    });
    world.refuses(
        &with,
        &Options::default(),
        &[&format!(
            "role shared: Invalid principal in policy: \"AWS\":\"{stranger}\" \
             (--keep-unknown-principals keeps it, matching nobody)"
        )],
    );
    let keep = Options {
        keep_unknown_principals: true,
        ..Options::default()
    };
    let report = world.import_aws(&with, &keep);
    assert_eq!(counts(&report), [1, 0, 0, 0]);
    assert_eq!(
        report.notes,
        [format!(
            "principals that nobody here is, and that match nobody: AIDAJQABLZS4A3QDU576Q, {stranger}"
        )]
    );
    let trust = world
        .account()
        .roles
        .named("shared")
        .unwrap()
        .role
        .trust_policy
        .clone();
    assert!(
        !trust.contains("444455556666") && trust.contains("\"AROA0"),
        "{trust}"
    );
    assert_eq!(counts(&world.import_aws(&with, &keep)), [0, 0, 1, 0]);
}

#[test]
fn account_ids_stay_where_that_is_asked_for() {
    let world = World::new();
    let keep = Options {
        keep_account_ids: true,
        ..Options::default()
    };
    let mut with = whole();
    with["RoleDetailList"] = json!([]);
    let report = world.import_aws(&with, &keep);
    assert_eq!(counts(&report), [4, 0, 0, 0]);
    let account = world.account();
    let alice = &account.users.named("alice").unwrap().user;
    assert!(alice.policies.inline["assume"].document.contains(OLD));
    // Its own ARNs are the account's all the same.
    assert!(
        alice
            .permissions_boundary
            .as_ref()
            .unwrap()
            .contains(ACCOUNT)
    );
}

#[test]
fn unknown_policies_of_aws_are_left_out_only_where_that_is_asked_for() {
    let world = World::new();
    let arn = "arn:aws:iam::aws:policy/service-role/NoSuchThing";
    let with = dump(|dump| {
        let mut user = user("alice");
        user["AttachedManagedPolicies"] = attached(arn);
        dump["UserDetailList"] = json!([user]);
    });
    world.refuses(
        &with,
        &Options::default(),
        &[&format!(
            "AWS-managed policies that are not known here (--skip-unknown-aws-policies leaves out \
             their attachments): {arn}"
        )],
    );
    let skip = Options {
        skip_unknown_aws_policies: true,
        ..Options::default()
    };
    let report = world.import_aws(&with, &skip);
    assert_eq!(
        report.notes,
        [format!(
            "AWS-managed policies that are not known here, left out: {arn}"
        )]
    );
    assert_eq!(counts(&world.import_aws(&with, &skip)), [0, 0, 1, 0]);
    // A boundary that is left out would let its user do more.
    let mut bounded = with.clone();
    bounded["UserDetailList"][0]["PermissionsBoundary"] =
        json!({"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn});
    bounded["UserDetailList"][0]["UserName"] = json!("bob");
    world.refuses(
        &bounded,
        &skip,
        &[&format!(
            "user bob: its permissions boundary `{arn}` is not known here"
        )],
    );
}

#[test]
fn quotas_hold_unless_they_are_raised() {
    let world = World::new();
    let many = dump(|dump| {
        let groups: Vec<Value> = (0..301).map(|place| group(&format!("g{place}"))).collect();
        dump["GroupDetailList"] = json!(groups);
        let mut member = user("member");
        let names: Vec<String> = (0..11).map(|place| format!("g{place}")).collect();
        member["GroupList"] = json!(names);
        dump["UserDetailList"] = json!([member]);
    });
    world.refuses(
        &many,
        &Options::default(),
        &[
            "user member: Cannot exceed quota for GroupsPerUser: 10 (this makes 11; --raise-quotas \
             raises the quota)",
            "Cannot exceed quota for GroupsPerAccount: 300 (this makes 301; --raise-quotas raises the \
             quota)",
        ],
    );
    let raise = Options {
        raise_quotas: true,
        ..Options::default()
    };
    let report = world.import_aws(&many, &raise);
    assert_eq!(counts(&report), [303, 0, 0, 0]);
    let settings = world.account().settings();
    assert_eq!(settings.quotas["GroupsPerAccount"], 301);
    assert_eq!(settings.quotas["GroupsPerUser"], 11);
    assert_eq!(counts(&world.import_aws(&many, &raise)), [0, 0, 302, 0]);
}

#[test]
fn ids_in_documents_are_reported() {
    let world = World::new();
    let with = dump(|dump| {
        let mut document = allowing("s3:*", "*");
        document["Statement"][0]["Condition"] =
            json!({"StringLike": {"aws:userid": "AROAIIRLY2K6WLEXAMPLE:*"}});
        dump["Policies"] = json!([policy("by-id", &document)]);
    });
    assert_eq!(
        world.imported(&with).notes,
        ["documents that name unique ids, which are made anew by an import: AROAIIRLY2K6WLEXAMPLE"]
    );
}

#[test]
fn tags_of_aws_stay_and_limits_of_locum_are_refused() {
    let world = World::new();
    let with = |key: &str| {
        dump(|dump| {
            let mut role = role("tagged", &json!({"Service": "ec2.amazonaws.com"}));
            role["Tags"] = json!([{"Key": key, "Value": "604800"}]);
            dump["RoleDetailList"] = json!([role]);
        })
    };
    world.refuses(
        &with("locum:MaxSessionDuration"),
        &Options::default(),
        &["role tagged: Tag keys beginning with locum: are reserved for locum use."],
    );
    world.imported(&with("aws:cloudformation:stack-name"));
    let tagged = world.account().roles.named("tagged").unwrap().role.clone();
    assert_eq!(tagged.tags[0].key.as_str(), "aws:cloudformation:stack-name");
}

#[test]
fn pages_are_put_together() {
    let world = World::new();
    let first = json!({"UserDetailList": [user("alice")], "IsTruncated": true, "Marker": "m"});
    let second = json!({"GroupDetailList": [group("devs")], "IsTruncated": false});
    let mut pages = Details::default();
    pages.read(&format!("{first}\n{second}")).unwrap();
    let report = world.import(&Import::aws(pages), &Options::default());
    assert_eq!((counts(&report), report.notes.len()), ([2, 0, 0, 0], 0));
    let report = world.import(&Import::aws(details(&first)), &Options::default());
    assert_eq!(
        report.notes,
        ["the documents end with a page that says that more follow (IsTruncated)"]
    );
}

#[test]
fn an_export_of_another_program_is_no_account() {
    let error = Import::account(details(&whole())).unwrap_err();
    assert_eq!(
        error.to_string(),
        "is no export of a locum: it has no member `Locum`"
    );
}

#[test]
fn an_import_stands_against_other_writers() {
    let world = World::new();
    world.store.lose_races(2);
    assert_eq!(counts(&world.imported(&whole())), [7, 0, 0, 0]);
    assert!(reasons(&world.imported(&whole())).is_empty());
    // And what was made meanwhile is not made twice.
    let create = CreateUser {
        user_name: n("alice"),
        path: None,
        permissions_boundary: None,
        tags: Vec::new(),
    };
    let error = world.root(create).unwrap_err();
    assert_eq!(error.to_string(), "User with name alice already exists.");
}
