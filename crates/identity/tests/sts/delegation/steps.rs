//! What may be asked, who may take which step, and when it is too late.

use super::*;

#[test]
fn what_is_not_taken_up_or_answered_expires() {
    let scene = scene();
    let expired = |id: &str, verb: &str| {
        format!("The delegation request {id} cannot be {verb}: it is EXPIRED.")
    };
    let first = scene.ask("workflow-1");
    scene.world.wait(DAY - 1);
    assert_eq!(scene.state(&first), State::Unassigned);
    scene.world.wait(1);
    assert_eq!(scene.state(&first), State::Expired);
    fails(
        scene.associate(&scene.owner, &first),
        "InvalidInput",
        &expired(&first, "associated"),
    );
    let id = scene.ask("workflow-2");
    scene.associate(&scene.owner, &id).unwrap();
    for step in 0..3 {
        scene.world.wait(7 * DAY - 1);
        match step {
            0 => scene.update(&scene.owner, &id, None).unwrap(),
            1 => scene.accept(&scene.admin, &id).unwrap(),
            _ => scene.send(&scene.owner, &id).unwrap(),
        }
    }
    // Kept for a week after it has expired, and then as good as never made.
    scene.world.wait(7 * DAY);
    assert_eq!(scene.state(&id), State::Expired);
    scene.world.wait(7 * DAY - 1);
    assert_eq!(scene.state(&id), State::Expired);
    scene.world.wait(1);
    fails(
        scene.get(&scene.partner, &id).map(drop),
        "NoSuchEntity",
        &missing(&id),
    );
    assert!(scene.list(&scene.admin, None).unwrap().is_empty());
    let account = ready(scene.world.realm.account(scene.vendor))
        .unwrap()
        .unwrap();
    assert_eq!(account.delegation_requests.len(), 2);
    scene.ask("workflow-1");
    let account = ready(scene.world.realm.account(scene.vendor))
        .unwrap()
        .unwrap();
    assert_eq!(account.delegation_requests.len(), 1);
    scene.world.wait(DAY * 30);
    let id = scene.ask("workflow-3");
    scene.associate(&scene.owner, &id).unwrap();
    let account = ready(scene.world.realm.account(n(ACCOUNT)))
        .unwrap()
        .unwrap();
    assert_eq!(account.associated_delegations.len(), 1);
}

#[test]
fn notes_keep_no_request_alive() {
    let scene = scene();
    let id = scene.ask("workflow-1");
    scene.associate(&scene.owner, &id).unwrap();
    for _ in 0..7 {
        scene.update(&scene.owner, &id, Some("not yet")).unwrap();
        scene.world.wait(DAY);
    }
    assert_eq!(scene.state(&id), State::Expired);
    fails(
        scene.update(&scene.owner, &id, Some("still not")),
        "InvalidInput",
        &format!("The delegation request {id} cannot be updated: it is EXPIRED."),
    );
}

#[test]
fn a_token_expires_with_the_access() {
    let scene = scene();
    let (id, token) = scene.granted("workflow-1", &scene.admin);
    scene.world.wait(7199);
    scene.receive(&scene.partner, &id).unwrap();
    scene.world.wait(1);
    fails(
        scene.redeem(&scene.partner, &token),
        "ExpiredTradeInToken",
        EXPIRED,
    );
    fails(
        scene.receive(&scene.partner, &id),
        "InvalidInput",
        &format!("The exchange token of the delegation request {id} has expired."),
    );
}

#[test]
fn what_cannot_be_asked() {
    let scene = scene();
    scene.ask("workflow-1");
    fails(
        scene.create(scene.question("workflow-1")),
        "EntityAlreadyExists",
        "Delegation request with requestor workflow id workflow-1 already exists.",
    );
    let nobody = CreateDelegationRequest {
        owner_account: Some(n("000000000001")),
        ..scene.question("workflow-2")
    };
    fails(
        scene.create(nobody),
        "InvalidInput",
        "The account 000000000001 does not exist.",
    );
    // A template of another account is not there, whoever may read it.
    let arn = format!("arn:aws:iam::{ACCOUNT}:policy/reader");
    for arn in [
        arn.as_str(),
        "arn:aws:iam::aws:policy/ReadOnlyAccess",
        "not an arn, but long",
    ] {
        let foreign = CreateDelegationRequest {
            template_arn: n(arn),
            ..scene.question("workflow-2")
        };
        fails(
            scene.create(foreign),
            "InvalidInput",
            &format!("The policy template {arn} does not exist in this account."),
        );
    }
    let topic = |account: &str| format!("arn:aws:sns:us-east-1:{account}:delegations");
    for channel in [
        topic(ACCOUNT),
        topic(""),
        "email".to_owned(),
        format!("arn:aws:sqs:us-east-1:{}:q", scene.vendor),
    ] {
        let elsewhere = CreateDelegationRequest {
            notification_channel: n(&channel),
            ..scene.question("workflow-2")
        };
        fails(
            scene.create(elsewhere),
            "InvalidInput",
            "The notification channel must be the ARN of an SNS topic of the calling account, or mailbox.",
        );
    }
    let own = CreateDelegationRequest {
        notification_channel: n(&topic(scene.vendor.as_str())),
        ..scene.question("workflow-2")
    };
    scene.create(own).unwrap();
    // As many as there may be.
    for number in 2..1000 {
        scene.ask(&format!("many-{number}"));
    }
    fails(
        scene.create(scene.question("one too many")),
        "LimitExceeded",
        "Cannot exceed quota for DelegationRequestsPerAccount: 1000",
    );
}

#[test]
fn of_an_answer_and_its_opposite_the_later_is_refused() {
    let scene = scene();
    let id = scene.ask("workflow-1");
    scene.associate(&scene.owner, &id).unwrap();
    scene.world.store.lose_races(1);
    scene.reject(&scene.owner, &id).unwrap();
    fails(
        scene.accept(&scene.admin, &id),
        "ValidationText",
        &format!("The delegation request {id} cannot be accepted: it is REJECTED."),
    );
    let shown = scene.get(&scene.partner, &id).unwrap().request;
    assert_eq!(shown.request.rejection_reason, Some(n("not today")));
    // An approval can be taken back until the token is sent.
    let id = scene.ask("workflow-2");
    scene.associate(&scene.owner, &id).unwrap();
    scene.accept(&scene.admin, &id).unwrap();
    scene.reject(&scene.owner, &id).unwrap();
    fails(
        scene.send(&scene.owner, &id),
        "InvalidInput",
        &format!("The delegation request {id} cannot be finalized: it is REJECTED."),
    );
    let (id, _) = scene.granted("workflow-3", &scene.admin);
    fails(
        scene.reject(&scene.owner, &id),
        "InvalidInput",
        &format!("The delegation request {id} cannot be rejected: it is FINALIZED."),
    );
}

#[test]
fn a_summary_says_what_is_asked() {
    let scene = scene();
    let id = scene
        .create(CreateDelegationRequest {
            description: n("Reads\n- nothing at all \"really\""),
            request_message: Some(n("as agreed")),
            ..scene.question("workflow-1")
        })
        .unwrap();
    let summary = |by: &Signer, arn: &str, locale: Option<&str>| {
        let summary = GetHumanReadableSummary {
            entity_arn: n(arn),
            locale: locale.map(n),
        };
        call(&scene.world, by, summary)
    };
    let arn = format!("arn:aws:iam::{ACCOUNT}:delegation-request/{id}");
    let shown = summary(&scene.admin, &arn, None).unwrap();
    assert_eq!(
        (shown.state, shown.locale.as_str()),
        (SummaryState::Available, "en_US")
    );
    let vendor = scene.vendor;
    assert_eq!(
        shown.content,
        format!(
            r#"The account {vendor}, named "vendor", asks for temporary access to account {ACCOUNT}.
It describes the request as: "Reads\n- nothing at all \"really\""
It adds: "as agreed"
Whoever approves it lets that account act in their name, as far as they may do it themselves and this request asks for it. The access ends 2 hours after the exchange token was sent.
It asks to be allowed:
- "s3:GetObject" on "arn:aws:s3:::reports/*"
"#
        )
    );
    for (locale, state) in [
        ("en_GB", SummaryState::Available),
        ("de_DE", SummaryState::NotSupported),
    ] {
        let shown = summary(&scene.admin, &arn, Some(locale)).unwrap();
        assert_eq!((shown.state, shown.locale.as_str()), (state, locale));
        assert_eq!(shown.content.is_empty(), state != SummaryState::Available);
    }
    fails(
        summary(&scene.admin, &arn, Some("klingon")).map(drop),
        "InvalidInput",
        "klingon is not a supported locale.",
    );
    let user = format!("arn:aws:iam::{ACCOUNT}:user/admin");
    fails(
        summary(&scene.admin, &user, None).map(drop),
        "InvalidInput",
        &format!("{user} is not the ARN of a delegation request."),
    );
    // Who may get the request may read its summary.
    scene.associate(&scene.owner, &id).unwrap();
    summary(&scene.owner, &arn, None).unwrap();
    let get = r#"{"Effect":"Allow","Action":"iam:GetDelegationRequest","Resource":"*"}"#;
    let reader = super::user(&scene.world, &scene.admin, "reader", get);
    summary(&reader, &arn, None).unwrap();
    summary(
        &scene.partner,
        &format!("arn:aws:iam::{vendor}:delegation-request/{id}"),
        None,
    )
    .unwrap();
    let elsewhere = format!("arn:aws:iam::000000000001:delegation-request/{id}");
    fails(
        summary(&scene.admin, &elsewhere, None).map(drop),
        "NoSuchEntity",
        &missing(&id),
    );
    scene.world.wait(7 * DAY);
    let over = summary(&scene.admin, &arn, None).unwrap();
    assert_eq!(
        (over.state, over.content.as_str()),
        (SummaryState::NotAvailable, "")
    );
}

#[test]
fn an_owner_may_do_all_but_approve() {
    let scene = scene();
    let id = scene.ask("workflow-1");
    let get = |by| scene.get(by, &id).map(drop);
    let no_policy = |action: &str| {
        denied(
            "owner",
            action,
            &id,
            &format!("because no identity-based policy allows the {action} action"),
        )
    };
    fails(
        get(&scene.owner),
        "AccessDenied",
        &no_policy("iam:GetDelegationRequest"),
    );
    scene.associate(&scene.owner, &id).unwrap();
    get(&scene.owner).unwrap();
    fails(
        scene.accept(&scene.owner, &id),
        "AccessDenied",
        &no_policy("iam:AcceptDelegationRequest"),
    );
    scene.update(&scene.owner, &id, None).unwrap();
    scene.accept(&scene.admin, &id).unwrap();
    scene.send(&scene.owner, &id).unwrap();
    let owner = format!("arn:aws:iam::{ACCOUNT}:user/owner");
    assert_eq!(
        scene.list(&scene.owner, Some(&owner)).unwrap(),
        std::slice::from_ref(&id)
    );
    let list = |owner| scene.list(&scene.owner, owner).map(drop);
    let admin = format!("arn:aws:iam::{ACCOUNT}:user/admin");
    for other in [None, Some(admin.as_str())] {
        fails(
            list(other),
            "AccessDenied",
            &format!(
                "User: {owner} is not authorized to perform: iam:ListDelegationRequests on resource: * because no identity-based policy allows the iam:ListDelegationRequests action"
            ),
        );
    }
    // Neither another user nor one of the same name later; and a denial holds.
    let stranger = user(
        &scene.world,
        &scene.admin,
        "stranger",
        r#"{"Effect":"Allow","Action":"s3:*","Resource":"*"}"#,
    );
    assert!(matches!(get(&stranger), Err(Error::AccessDenied(_))));
    put(
        &scene.world,
        &scene.admin,
        "owner",
        r#"{"Effect":"Deny","Action":"iam:Get*","Resource":"*"}"#,
    );
    fails(
        get(&scene.owner),
        "AccessDenied",
        &denied(
            "owner",
            "iam:GetDelegationRequest",
            &id,
            "with an explicit deny in an identity-based policy",
        ),
    );
}

#[test]
fn only_the_owner_sends_where_the_requestor_wants_that() {
    let scene = scene();
    let id = scene
        .create(CreateDelegationRequest {
            only_send_by_owner: true,
            ..scene.question("workflow-1")
        })
        .unwrap();
    scene.associate(&scene.owner, &id).unwrap();
    scene.accept(&scene.admin, &id).unwrap();
    fails(
        scene.send(&scene.admin, &id),
        "Forbidden",
        &denied(
            "admin",
            "iam:SendDelegationToken",
            &id,
            "because only the owner of the delegation request may send its token",
        ),
    );
    scene.send(&scene.owner, &id).unwrap();
    // Without the flag whoever has the permission does.
    let id = scene.ask("workflow-2");
    scene.associate(&scene.owner, &id).unwrap();
    scene.accept(&scene.admin, &id).unwrap();
    scene.send(&scene.admin, &id).unwrap();
}
