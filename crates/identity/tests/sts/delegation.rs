//! Delegation requests from the question to the credentials, and what stands in the way.

mod approvals;
mod properties;
mod steps;
mod templates;

use super::{Signer, assume, authenticate, call, n};
use crate::common::{ACCOUNT, World, fails, ready};
use locum_identity::caller::Need;
use locum_identity::entity::{DelegationState as State, PolicyParameter, PolicyParameterType};
use locum_identity::error::Error;
use locum_identity::iam::PageRequest;
use locum_identity::iam::access_keys::CreateAccessKey;
use locum_identity::iam::delegation::{
    AcceptDelegationRequest, AssociateDelegationRequest, CheckedPermissions,
    CreateDelegationRequest, GetDelegationRequest, GetHumanReadableSummary, GotDelegationRequest,
    ListDelegationRequests, PermissionCheckResult, ReceiveDelegationToken, RejectDelegationRequest,
    SendDelegationToken, SummaryState, UpdateDelegationRequest,
};
use locum_identity::iam::inline_policies::{DeleteUserPolicy, PutUserPolicy};
use locum_identity::iam::policies::CreatePolicy;
use locum_identity::iam::users::{CreateUser, DeleteUser};
use locum_identity::names::{AccountId, DelegationDuration};
use locum_identity::organizations::CreateAccount;
use locum_identity::revocation::{AimRequest, RevokeSession};
use locum_identity::sts::{
    DelegatedAccess, GetCallerIdentity, GetDelegatedAccessToken, GetSessionToken,
};
use locum_policy::Decision;

const TEMPLATE: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::${delegation:BucketName}/*"}]}"#;
const ALL: &str = r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#;
const ASSOCIATE: &str =
    r#"{"Effect":"Allow","Action":["iam:AssociateDelegationRequest"],"Resource":"*"}"#;
const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
const EXPIRED: &str = "The trade-in token provided in the request has expired and can no longer be exchanged for credentials.";

/// A customer, which is the world's first account, and a vendor beside it.
struct Scene {
    world: World,
    vendor: AccountId,
    /// May do everything in the vendor's account.
    partner: Signer,
    /// May do everything in the customer's account.
    admin: Signer,
    /// May take requests up, and nothing else.
    owner: Signer,
}

fn scene() -> Scene {
    let world = World::new();
    let admin = Signer::from(&world.user_with_key("admin"));
    world.allow("admin", ALL);
    let owner = Signer::from(&world.user_with_key("owner"));
    world.allow("owner", ASSOCIATE);
    let vendor = member(&world, "vendor");
    let partner = administrator(&world, vendor, "partner");
    let made = call(
        &world,
        &partner,
        CreatePolicy {
            policy_name: n("reader"),
            path: None,
            policy_document: n(TEMPLATE),
            description: None,
            tags: Vec::new(),
        },
    );
    made.map(drop).unwrap();
    Scene {
        world,
        vendor,
        partner,
        admin,
        owner,
    }
}

fn member(world: &World, name: &str) -> AccountId {
    let created = world.root(CreateAccount {
        account_name: n(name),
        email: n(&format!("{name}@example.com")),
        role_name: None,
        tags: Vec::new(),
    });
    created.unwrap().account.unwrap()
}

/// A user of a member account who may do everything there.
fn administrator(world: &World, account: AccountId, name: &str) -> Signer {
    let into = Signer::from(&world.user_with_key(&format!("into-{name}")));
    world.allow(&format!("into-{name}"), ALL);
    let role = format!("arn:aws:iam::{account}:role/OrganizationAccountAccessRole");
    let session = super::credentials(call(world, &into, assume(&role)));
    user(world, &session, name, ALL)
}

/// A user with an inline policy, made by `by` in its account.
fn user(world: &World, by: &Signer, name: &str, statement: &str) -> Signer {
    let create = CreateUser {
        user_name: n(name),
        path: None,
        permissions_boundary: None,
        tags: Vec::new(),
    };
    call(world, by, create).map(drop).unwrap();
    put(world, by, name, statement);
    let key = CreateAccessKey {
        user_name: Some(n(name)),
    };
    let key = call(world, by, key).unwrap();
    Signer {
        id: key.access_key_id.to_string(),
        secret: key.secret_access_key.expose().to_owned(),
        token: None,
    }
}

fn put(world: &World, by: &Signer, name: &str, statement: &str) {
    let document = format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#);
    let put = PutUserPolicy {
        user_name: n(name),
        policy_name: n("p"),
        policy_document: n(&document),
    };
    call(world, by, put).unwrap();
}

fn string(name: &str, value: &str) -> PolicyParameter {
    PolicyParameter {
        name: n(name),
        values: vec![n(value)],
        parameter_type: PolicyParameterType::String,
    }
}

impl Scene {
    /// Deletes the user `approver`, who has no policy any more, with the key.
    fn delete_approver(&self, key: &Signer) {
        let key = locum_identity::iam::access_keys::DeleteAccessKey {
            user_name: Some(n("approver")),
            access_key_id: n(&key.id),
        };
        call(&self.world, &self.admin, key).unwrap();
        let user = DeleteUser {
            user_name: n("approver"),
        };
        call(&self.world, &self.admin, user).unwrap();
    }

    fn question(&self, workflow: &str) -> CreateDelegationRequest {
        CreateDelegationRequest {
            owner_account: Some(n(ACCOUNT)),
            description: n("Reads the reports"),
            template_arn: n(&format!("arn:aws:iam::{}:policy/reader", self.vendor)),
            parameters: vec![string("BucketName", "reports")],
            request_message: None,
            workflow_id: n(workflow),
            redirect_url: None,
            notification_channel: n("mailbox"),
            session_duration: DelegationDuration::from_seconds(7200).unwrap(),
            only_send_by_owner: false,
        }
    }

    fn ask(&self, workflow: &str) -> String {
        self.create(self.question(workflow)).unwrap()
    }

    fn create(&self, question: CreateDelegationRequest) -> Result<String, Error> {
        call(&self.world, &self.partner, question).map(|made| made.id.to_string())
    }

    fn associate(&self, by: &Signer, id: &str) -> Result<(), Error> {
        call(&self.world, by, AssociateDelegationRequest { id: n(id) })
    }

    fn update(&self, by: &Signer, id: &str, notes: Option<&str>) -> Result<(), Error> {
        let notes = notes.map(n);
        call(
            &self.world,
            by,
            UpdateDelegationRequest { id: n(id), notes },
        )
    }

    fn accept(&self, by: &Signer, id: &str) -> Result<(), Error> {
        call(&self.world, by, AcceptDelegationRequest { id: n(id) })
    }

    fn reject(&self, by: &Signer, id: &str) -> Result<(), Error> {
        let notes = Some(n("not today"));
        call(
            &self.world,
            by,
            RejectDelegationRequest { id: n(id), notes },
        )
    }

    fn send(&self, by: &Signer, id: &str) -> Result<(), Error> {
        call(&self.world, by, SendDelegationToken { id: n(id) })
    }

    fn receive(&self, by: &Signer, id: &str) -> Result<String, Error> {
        call(&self.world, by, ReceiveDelegationToken { id: n(id) })
            .map(|received| received.exchange_token.expose().to_owned())
    }

    fn redeem(&self, by: &Signer, token: &str) -> Result<DelegatedAccess, Error> {
        let trade_in_token = n(token);
        call(&self.world, by, GetDelegatedAccessToken { trade_in_token })
    }

    fn get(&self, by: &Signer, id: &str) -> Result<GotDelegationRequest, Error> {
        let get = GetDelegationRequest {
            id: n(id),
            permission_check: true,
        };
        call(&self.world, by, get)
    }

    fn state(&self, id: &str) -> State {
        self.get(&self.partner, id).unwrap().request.state
    }

    fn list(&self, by: &Signer, owner: Option<&str>) -> Result<Vec<String>, Error> {
        let list = ListDelegationRequests {
            owner: owner.map(n),
            page: PageRequest::default(),
        };
        let page = call(&self.world, by, list)?;
        let ids = page.items.iter().map(|shown| shown.request.id.to_string());
        Ok(ids.collect())
    }

    /// A request whose token the vendor has: accepted by `approver`.
    fn granted(&self, workflow: &str, approver: &Signer) -> (String, String) {
        let id = self.ask(workflow);
        self.associate(&self.owner, &id).unwrap();
        self.accept(approver, &id).unwrap();
        self.send(&self.owner, &id).unwrap();
        let token = self.receive(&self.partner, &id).unwrap();
        (id, token)
    }

    /// Credentials that `approver` has granted.
    fn session(&self, workflow: &str, approver: &Signer) -> Signer {
        let (_, token) = self.granted(workflow, approver);
        Signer::from(&self.redeem(&self.partner, &token).unwrap().credentials)
    }

    fn may(&self, signer: &Signer, action: &str, resource: &str) -> Result<bool, Error> {
        let caller = authenticate(&self.world, signer, "s3")?;
        let need = Need::new(action, resource);
        Ok(caller.decide(&self.world.facts(), &need) == Decision::Allowed)
    }
}

fn missing(id: &str) -> String {
    format!("The delegation request with id {id} cannot be found.")
}

fn denied(user: &str, action: &str, id: &str, reason: &str) -> String {
    format!(
        "User: arn:aws:iam::{ACCOUNT}:user/{user} is not authorized to perform: {action} on resource: arn:aws:iam::{ACCOUNT}:delegation-request/{id} {reason}"
    )
}

#[test]
fn from_the_question_to_the_credentials() {
    let scene = scene();
    let id = scene.ask("workflow-1");
    assert_eq!(scene.state(&id), State::Unassigned);
    scene.associate(&scene.owner, &id).unwrap();
    assert_eq!(scene.state(&id), State::Assigned);
    scene
        .update(&scene.owner, &id, Some("for the admin"))
        .unwrap();
    assert_eq!(scene.state(&id), State::PendingApproval);
    scene.accept(&scene.admin, &id).unwrap();
    assert_eq!(scene.state(&id), State::Accepted);
    scene.send(&scene.owner, &id).unwrap();
    assert_eq!(scene.state(&id), State::Finalized);
    scene.world.wait(600);
    let token = scene.receive(&scene.partner, &id).unwrap();
    let access = scene.redeem(&scene.partner, &token).unwrap();
    let admin = format!("arn:aws:iam::{ACCOUNT}:user/admin");
    assert_eq!(access.assumed_principal, admin);
    assert!((1..=100).contains(&access.packed_policy_size));
    // Counted from when it was sent.
    let end = scene.world.facts().now - 600 + 7200;
    assert_eq!(access.credentials.expiration, end);
    let session = Signer::from(&access.credentials);
    let whoami = call(&scene.world, &session, GetCallerIdentity).unwrap();
    assert_eq!((whoami.arn, whoami.account), (admin, Some(n(ACCOUNT))));
    let caller = authenticate(&scene.world, &session, "s3").unwrap();
    assert_eq!(caller.delegate(), Some(scene.vendor));
    for (action, resource, allowed) in [
        ("s3:GetObject", "arn:aws:s3:::reports/july.csv", true),
        ("s3:PutObject", "arn:aws:s3:::reports/july.csv", false),
        ("s3:GetObject", "arn:aws:s3:::secrets/july.csv", false),
        ("iam:GetUser", "arn:aws:iam::123456789012:user/admin", false),
    ] {
        assert_eq!(
            scene.may(&session, action, resource).unwrap(),
            allowed,
            "{action} {resource}"
        );
    }
    scene.world.wait(7200 - 600 - 1);
    assert!(
        scene
            .may(&session, "s3:GetObject", "arn:aws:s3:::reports/x")
            .unwrap()
    );
    scene.world.wait(1);
    fails(
        scene.may(&session, "s3:GetObject", "arn:aws:s3:::reports/x"),
        "ExpiredToken",
        "The security token included in the request is expired",
    );
}

#[test]
fn a_token_is_good_for_once() {
    let scene = scene();
    let (id, token) = scene.granted("workflow-1", &scene.admin);
    // However many tokens were received, and whoever is late to the account.
    let second = scene.receive(&scene.partner, &id).unwrap();
    assert_ne!(token, second);
    scene.world.store.lose_races(2);
    scene.redeem(&scene.partner, &token).unwrap();
    for again in [&token, &second] {
        fails(
            scene.redeem(&scene.partner, again),
            "ExpiredTradeInToken",
            EXPIRED,
        );
    }
    fails(
        scene.receive(&scene.partner, &id),
        "InvalidInput",
        &format!("The exchange token of the delegation request {id} has been traded in already."),
    );
    // Not by starting again either.
    let reopened = Scene {
        world: scene.world.reopened(),
        ..scene
    };
    fails(
        reopened.redeem(&reopened.partner, &token),
        "ExpiredTradeInToken",
        EXPIRED,
    );
}

#[test]
fn a_token_whose_use_could_not_be_written_down_is_not_used() {
    let scene = scene();
    let (_, token) = scene.granted("workflow-1", &scene.admin);
    scene.world.store.fail_commits(1);
    fails(
        scene.redeem(&scene.partner, &token),
        "ServiceUnavailable",
        "Service is temporarily unavailable, please retry the request.",
    );
    scene.redeem(&scene.partner, &token).unwrap();
}

#[test]
fn a_stolen_token_is_worth_nothing() {
    let scene = scene();
    let (_, token) = scene.granted("workflow-1", &scene.admin);
    let other = member(&scene.world, "other");
    let thief = administrator(&scene.world, other, "thief");
    let sentence = |arn: &str| {
        format!(
            "User: {arn} is not authorized to perform: sts:GetDelegatedAccessToken on resource: *"
        )
    };
    for (by, arn) in [
        (&thief, format!("arn:aws:iam::{other}:user/thief")),
        (&scene.admin, format!("arn:aws:iam::{ACCOUNT}:user/admin")),
    ] {
        fails(scene.redeem(by, &token), "AccessDenied", &sentence(&arn));
    }
    // Nor has anyone in the vendor's account it who may not.
    let intern = user(
        &scene.world,
        &scene.partner,
        "intern",
        r#"{"Effect":"Allow","Action":"iam:*","Resource":"*"}"#,
    );
    fails(
        scene.redeem(&intern, &token),
        "AccessDenied",
        &format!(
            "{} because no identity-based policy allows the sts:GetDelegatedAccessToken action",
            sentence(&format!("arn:aws:iam::{}:user/intern", scene.vendor))
        ),
    );
    for broken in [
        "",
        "x",
        token.get(1..).unwrap(),
        &format!("{token}A"),
        &token.to_lowercase(),
    ] {
        fails(
            scene.redeem(&scene.partner, broken),
            "ValidationText",
            "The trade-in token is not valid.",
        );
    }
    // A session token of the vendor's is none.
    let session = call(&scene.world, &scene.partner, GetSessionToken::default()).unwrap();
    fails(
        scene.redeem(&scene.partner, &session.session_token),
        "ValidationText",
        "The trade-in token is not valid.",
    );
    scene.redeem(&scene.partner, &token).unwrap();
}

#[test]
fn the_access_is_never_more_than_the_approver_has_now() {
    let scene = scene();
    let s3 = r#"{"Effect":"Allow","Action":"s3:*","Resource":"*"}"#;
    let may_accept =
        r#"{"Effect":"Allow","Action":["s3:*","iam:AcceptDelegationRequest"],"Resource":"*"}"#;
    let approver = user(&scene.world, &scene.admin, "approver", may_accept);
    let session = scene.session("workflow-1", &approver);
    let reads = |session| scene.may(session, "s3:GetObject", "arn:aws:s3:::reports/x");
    assert!(reads(&session).unwrap());
    put(
        &scene.world,
        &scene.admin,
        "approver",
        r#"{"Effect":"Allow","Action":"s3:List*","Resource":"*"}"#,
    );
    assert!(!reads(&session).unwrap());
    put(&scene.world, &scene.admin, "approver", s3);
    assert!(reads(&session).unwrap());
    // It ends with the approver, who does not come back under the old name.
    let delete = |policy: &str| DeleteUserPolicy {
        user_name: n("approver"),
        policy_name: n(policy),
    };
    call(&scene.world, &scene.admin, delete("p")).unwrap();
    scene.delete_approver(&approver);
    user(&scene.world, &scene.admin, "approver", s3);
    fails(
        reads(&session),
        "InvalidClientTokenId",
        "The security token included in the request is invalid.",
    );
}

#[test]
fn a_token_dies_with_its_approver() {
    let scene = scene();
    let may_accept =
        r#"{"Effect":"Allow","Action":["s3:*","iam:AcceptDelegationRequest"],"Resource":"*"}"#;
    let approver = user(&scene.world, &scene.admin, "approver", may_accept);
    let (_, token) = scene.granted("workflow-1", &approver);
    let policy = DeleteUserPolicy {
        user_name: n("approver"),
        policy_name: n("p"),
    };
    call(&scene.world, &scene.admin, policy).unwrap();
    scene.delete_approver(&approver);
    fails(
        scene.redeem(&scene.partner, &token),
        "ExpiredTradeInToken",
        EXPIRED,
    );
}

#[test]
fn both_sides_can_end_the_access() {
    let scene = scene();
    let over = "The security token included in the request is expired";
    let revoke = |by: &Signer, aim: AimRequest, chain: bool| {
        let revoke = RevokeSession {
            aim,
            before: None,
            chain,
        };
        call(&scene.world, by, revoke).map(drop)
    };
    // The customer: by the name of who approved, and by the session's own id.
    let first = scene.session("workflow-1", &scene.admin);
    let second = scene.session("workflow-2", &scene.admin);
    revoke(&scene.admin, AimRequest::AccessKey(n(&first.id)), false).unwrap();
    fails(
        authenticate(&scene.world, &first, "s3"),
        "ExpiredToken",
        over,
    );
    assert!(authenticate(&scene.world, &second, "s3").is_ok());
    let approver = format!("arn:aws:iam::{ACCOUNT}:user/admin");
    revoke(&scene.admin, AimRequest::Principal(n(&approver)), false).unwrap();
    fails(
        authenticate(&scene.world, &second, "s3"),
        "ExpiredToken",
        over,
    );
    // The vendor: with what its key has asked for.
    scene.world.wait(2);
    let third = scene.session("workflow-3", &scene.admin);
    let key = AimRequest::AccessKey(n(&scene.partner.id));
    revoke(&scene.partner, key, true).unwrap();
    fails(
        authenticate(&scene.world, &third, "s3"),
        "ExpiredToken",
        over,
    );
}

#[test]
fn who_approves_must_have_what_is_asked() {
    let scene = scene();
    let accept = r#"{"Effect":"Allow","Action":"iam:*DelegationRequest","Resource":"*"}"#;
    let on = |resource: &str, condition: &str| {
        format!(
            r#"{accept},{{"Effect":"Allow","Action":"s3:Get*","Resource":"{resource}"{condition}}}"#
        )
    };
    let office = r#","Condition":{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}"#;
    let elsewhere = r#","Condition":{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}"#;
    let deny = |action: &str, resource: &str| {
        format!(
            r#"{},{{"Effect":"Deny","Action":"{action}","Resource":"{resource}"}}"#,
            on("*", "")
        )
    };
    use PermissionCheckResult::{Allowed, Denied, Unsure};
    for (number, (statements, result)) in [
        (on("*", ""), Allowed),
        (on("arn:aws:s3:::reports/*", ""), Allowed),
        (on("arn:aws:s3:::rep*", ""), Allowed),
        (on("arn:aws:s3:::reports/july.csv", ""), Denied),
        (on("arn:aws:s3:::reports/?", ""), Denied),
        (on("arn:aws:s3:::other/*", ""), Denied),
        (accept.to_owned(), Denied),
        (on("*", office), Unsure),
        (on("*", elsewhere), Unsure),
        (deny("s3:*", "*"), Denied),
        (
            deny("s3:GetObject", "arn:aws:s3:::reports/secret/*"),
            Unsure,
        ),
        (deny("s3:PutObject", "*"), Allowed),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("approver{number}");
        let approver = user(&scene.world, &scene.admin, &name, &statements);
        let id = scene.ask(&format!("workflow-{number}"));
        scene.associate(&scene.owner, &id).unwrap();
        let checked = scene.get(&approver, &id).unwrap().checked;
        assert_eq!(
            checked,
            Some(CheckedPermissions::Complete(result)),
            "{statements}"
        );
        let accepted = scene.accept(&approver, &id);
        if result == Denied {
            let reason = "because the delegation request asks for permissions that the approver does not have";
            fails(
                accepted,
                "Forbidden",
                &denied(&name, "iam:AcceptDelegationRequest", &id, reason),
            );
        } else {
            accepted.unwrap();
        }
    }
    // To the requestor nobody's permissions are told.
    let id = scene.ask("workflow-last");
    let checked = scene.get(&scene.partner, &id).unwrap().checked;
    assert_eq!(checked, Some(CheckedPermissions::Failed));
}

#[test]
fn a_request_concerns_two_accounts() {
    let scene = scene();
    let other = member(&scene.world, "other");
    let stranger = administrator(&scene.world, other, "stranger");
    let id = scene.ask("workflow-1");
    let gone = missing(&id);
    let check = |by: &Signer| {
        fails(scene.get(by, &id).map(drop), "NoSuchEntity", &gone);
        fails(scene.associate(by, &id), "NoSuchEntity", &gone);
        fails(scene.update(by, &id, None), "NoSuchEntity", &gone);
        fails(scene.accept(by, &id), "NoSuchEntity", &gone);
        fails(scene.reject(by, &id), "NoSuchEntity", &gone);
        fails(scene.send(by, &id), "NoSuchEntity", &gone);
        fails(scene.receive(by, &id), "NoSuchEntity", &gone);
    };
    check(&stranger);
    scene.associate(&scene.owner, &id).unwrap();
    check(&stranger);
    // The requestor cannot answer itself, and the customer has no token.
    for refused in [
        scene.accept(&scene.partner, &id),
        scene.reject(&scene.partner, &id),
        scene.update(&scene.partner, &id, None),
        scene.send(&scene.partner, &id),
        scene.associate(&scene.partner, &id),
    ] {
        fails(refused, "NoSuchEntity", &gone);
    }
    scene.accept(&scene.admin, &id).unwrap();
    scene.send(&scene.admin, &id).unwrap();
    for by in [&scene.admin, &scene.owner, &stranger] {
        assert!(scene.receive(by, &id).is_err());
    }
    fails(scene.receive(&scene.admin, &id), "NoSuchEntity", &gone);
    assert_eq!(
        scene.list(&scene.partner, None).unwrap(),
        std::slice::from_ref(&id)
    );
    assert_eq!(
        scene.list(&scene.admin, None).unwrap(),
        std::slice::from_ref(&id)
    );
    assert!(scene.list(&stranger, None).unwrap().is_empty());
    // Who in the customer's account did what is not the requestor's to know.
    let (theirs, ours) = (
        scene.get(&scene.partner, &id).unwrap(),
        scene.get(&scene.admin, &id).unwrap(),
    );
    assert_eq!(
        (theirs.request.shows_customer, ours.request.shows_customer),
        (false, true)
    );
    let owner = format!("arn:aws:iam::{ACCOUNT}:user/owner");
    assert!(scene.list(&scene.partner, Some(&owner)).unwrap().is_empty());
}

#[test]
fn a_request_to_anyone_belongs_to_who_takes_it_up_first() {
    let scene = scene();
    let other = member(&scene.world, "other");
    let stranger = administrator(&scene.world, other, "stranger");
    let id = scene
        .create(CreateDelegationRequest {
            owner_account: None,
            ..scene.question("workflow-1")
        })
        .unwrap();
    scene.get(&stranger, &id).unwrap();
    scene.get(&scene.admin, &id).unwrap();
    // It is nobody's, and in nobody's list.
    assert!(scene.list(&scene.admin, None).unwrap().is_empty());
    let not_yet = format!("The delegation request {id} cannot be rejected: it is UNASSIGNED.");
    fails(scene.reject(&scene.admin, &id), "InvalidInput", &not_yet);
    scene.world.store.lose_races(1);
    scene.associate(&stranger, &id).unwrap();
    fails(
        scene.associate(&scene.owner, &id),
        "NoSuchEntity",
        &missing(&id),
    );
    fails(
        scene.get(&scene.admin, &id).map(drop),
        "NoSuchEntity",
        &missing(&id),
    );
    let again = format!("The delegation request {id} cannot be associated: it is ASSIGNED.");
    fails(scene.associate(&stranger, &id), "InvalidInput", &again);
    let shown = scene.get(&stranger, &id).unwrap().request;
    assert_eq!(shown.request.owner_account, Some(other));
}

#[test]
fn a_token_does_not_bring_back_what_was_revoked() {
    let scene = scene();
    let (_, kept) = scene.granted("workflow-1", &scene.admin);
    let other = Signer::from(&scene.world.user_with_key("other"));
    scene.world.allow("other", ALL);
    let (_, spared) = scene.granted("workflow-2", &other);
    scene.world.wait(5);
    let revoke = RevokeSession {
        aim: AimRequest::Principal(n(&format!("arn:aws:iam::{ACCOUNT}:user/admin"))),
        before: None,
        chain: false,
    };
    scene.world.root(revoke).unwrap();
    fails(
        scene.redeem(&scene.partner, &kept),
        "ExpiredTradeInToken",
        EXPIRED,
    );
    scene.redeem(&scene.partner, &spared).unwrap();
    // What was sent since is new.
    scene.world.wait(5);
    let (_, token) = scene.granted("workflow-3", &scene.admin);
    scene.redeem(&scene.partner, &token).unwrap();
}

#[test]
fn delegated_credentials_delegate_nothing() {
    let scene = scene();
    let wide = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:*DelegationRequest*","iam:*DelegationToken","iam:GetHumanReadableSummary","sts:*"],"Resource":"*"}]}"#;
    let template = CreatePolicy {
        policy_name: n("wide"),
        path: None,
        policy_document: n(wide),
        description: None,
        tags: Vec::new(),
    };
    call(&scene.world, &scene.partner, template)
        .map(drop)
        .unwrap();
    let id = scene
        .create(CreateDelegationRequest {
            template_arn: n(&format!("arn:aws:iam::{}:policy/wide", scene.vendor)),
            parameters: Vec::new(),
            ..scene.question("workflow-1")
        })
        .unwrap();
    scene.associate(&scene.owner, &id).unwrap();
    scene.accept(&scene.admin, &id).unwrap();
    scene.send(&scene.owner, &id).unwrap();
    let token = scene.receive(&scene.partner, &id).unwrap();
    let access = scene.redeem(&scene.partner, &token).unwrap();
    let session = Signer::from(&access.credentials);
    // With the approver's own permissions it would now grant itself everything.
    let next = scene.ask("workflow-2");
    scene.associate(&scene.owner, &next).unwrap();
    let because = "because delegated credentials cannot handle delegation requests";
    let sentence = |action: &str| denied("admin", action, &next, because);
    fails(
        scene.accept(&session, &next),
        "Forbidden",
        &sentence("iam:AcceptDelegationRequest"),
    );
    fails(
        scene.reject(&session, &next),
        "Forbidden",
        &sentence("iam:RejectDelegationRequest"),
    );
    fails(
        scene.update(&session, &next, None),
        "Forbidden",
        &sentence("iam:UpdateDelegationRequest"),
    );
    fails(
        scene.send(&session, &next),
        "Forbidden",
        &sentence("iam:SendDelegationToken"),
    );
    fails(
        scene.associate(&session, &next),
        "Forbidden",
        &sentence("iam:AssociateDelegationRequest"),
    );
    fails(
        scene.get(&session, &next).map(drop),
        "Forbidden",
        &sentence("iam:GetDelegationRequest"),
    );
    assert!(scene.list(&session, None).is_err());
    assert!(matches!(
        scene.redeem(&session, &token),
        Err(Error::AccessDenied(_))
    ));
    assert!(call(&scene.world, &session, GetSessionToken::default()).is_err());
    // What descends from it ends with it, and stays marked.
    let role = super::tagged_role(
        &scene.world,
        "worker",
        &super::trusting(
            &format!("arn:aws:iam::{ACCOUNT}:user/admin"),
            &["sts:AssumeRole"],
            "{}",
        ),
        &[],
    );
    scene.world.wait(7200 - 600);
    let child = call(&scene.world, &session, assume(&role)).unwrap();
    assert_eq!(child.credentials.expiration, access.credentials.expiration);
    let child = Signer::from(&child.credentials);
    let caller = authenticate(&scene.world, &child, "iam").unwrap();
    assert_eq!(caller.delegate(), Some(scene.vendor));
}

#[test]
fn a_bucket_policy_gives_a_delegated_session_no_more_than_was_granted() {
    let scene = scene();
    let session = scene.session("workflow-1", &scene.admin);
    let document = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"}},{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{ACCOUNT}:user/admin"}},"Action":"s3:*","Resource":"*"}}]}}"#
    );
    let policy = locum_policy::Policy::parse(&document, locum_policy::Kind::Resource).unwrap();
    let compiled = policy.compile();
    let decide = |signer: &Signer, action: &'static str| {
        let caller = authenticate(&scene.world, signer, "s3").unwrap();
        let mut need = Need::new(action, "arn:aws:s3:::reports/x");
        need.resource_policy = Some(locum_policy::ResourcePolicy::Attached(&compiled));
        caller.decide(&scene.world.facts(), &need) == Decision::Allowed
    };
    assert!(decide(&session, "s3:GetObject"));
    assert!(!decide(&session, "s3:DeleteObject"));
    assert!(decide(&scene.owner, "s3:DeleteObject"));
}

#[test]
fn who_is_limited_by_a_session_policy_approves_nothing() {
    let scene = scene();
    let trust = super::trusting(
        &format!("arn:aws:iam::{ACCOUNT}:root"),
        &["sts:AssumeRole"],
        "{}",
    );
    let role = super::tagged_role(&scene.world, "approver", &trust, &[]);
    scene
        .world
        .root(locum_identity::iam::attachments::AttachRolePolicy {
            role_name: n("approver"),
            policy_arn: n("arn:aws:iam::aws:policy/AdministratorAccess"),
        })
        .unwrap();
    let id = scene.ask("workflow-1");
    scene.associate(&scene.owner, &id).unwrap();
    let limited = locum_identity::sts::AssumeRole {
        session_policies: locum_identity::sts::SessionPolicies {
            policy: Some(r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:*","Resource":"*"}]}"#.to_owned()),
            policy_arns: Vec::new(),
        },
        ..assume(&role)
    };
    let limited = super::credentials(call(&scene.world, &scene.admin, limited));
    fails(
        scene.accept(&limited, &id),
        "Forbidden",
        &format!(
            "User: arn:aws:sts::{ACCOUNT}:assumed-role/approver/session is not authorized to perform: iam:AcceptDelegationRequest on resource: arn:aws:iam::{ACCOUNT}:delegation-request/{id} because a session with session policies cannot approve delegation requests"
        ),
    );
    // A session of the role that nothing limits may, and the access is the session's.
    let whole = super::credentials(call(&scene.world, &scene.admin, assume(&role)));
    scene.accept(&whole, &id).unwrap();
    scene.send(&scene.owner, &id).unwrap();
    let token = scene.receive(&scene.partner, &id).unwrap();
    let access = scene.redeem(&scene.partner, &token).unwrap();
    assert_eq!(
        access.assumed_principal,
        format!("arn:aws:sts::{ACCOUNT}:assumed-role/approver/session")
    );
}

#[test]
fn root_approves_four_hours_at_most() {
    let scene = scene();
    let root = Signer::from(&scene.world.root);
    let ask = |workflow, seconds| {
        let question = CreateDelegationRequest {
            session_duration: DelegationDuration::from_seconds(seconds).unwrap(),
            ..scene.question(workflow)
        };
        let id = scene.create(question).unwrap();
        scene.associate(&scene.owner, &id).unwrap();
        id
    };
    let id = ask("workflow-1", 14_401);
    fails(
        scene.accept(&root, &id),
        "ValidationText",
        &format!(
            "The root user cannot accept the delegation request {id}: its session duration is more than 14400 seconds."
        ),
    );
    let id = ask("workflow-2", 14_400);
    scene.accept(&root, &id).unwrap();
    scene.send(&scene.owner, &id).unwrap();
    let token = scene.receive(&scene.partner, &id).unwrap();
    let access = scene.redeem(&scene.partner, &token).unwrap();
    assert_eq!(
        access.assumed_principal,
        format!("arn:aws:iam::{ACCOUNT}:root")
    );
    // Root by name, and yet no more than was granted.
    let session = Signer::from(&access.credentials);
    assert!(
        scene
            .may(&session, "s3:GetObject", "arn:aws:s3:::reports/x")
            .unwrap()
    );
    assert!(
        !scene
            .may(&session, "s3:GetObject", "arn:aws:s3:::secrets/x")
            .unwrap()
    );
    assert!(!scene.may(&session, "iam:CreateUser", "*").unwrap());
}
