//! What an approval depends on, and what it does not.

use super::super::revocation::{key, principal, revoke, session_of, with_chain};
use super::*;
use locum_identity::names::Constrained;
use locum_identity::revocation::RevokeSession;

const ADMIN: &str = "arn:aws:iam::123456789012:user/admin";

impl Scene {
    fn order(&self, revocation: RevokeSession) {
        call(&self.world, &self.admin, revocation)
            .map(drop)
            .unwrap();
    }

    /// A role of the customer's that may do everything, for its administrator.
    fn approving_role(&self) -> String {
        let trust = super::super::trusting(ADMIN, &["sts:AssumeRole"], "{}");
        let role = super::super::tagged_role(&self.world, "approving", &trust, &[]);
        let put = locum_identity::iam::inline_policies::PutRolePolicy {
            role_name: n("approving"),
            policy_name: n("all"),
            policy_document: n(&format!(
                r#"{{"Version":"2012-10-17","Statement":[{ALL}]}}"#
            )),
        };
        self.world.root(put).unwrap();
        role
    }

    #[track_caller]
    fn is_worth_nothing(&self, token: &str) {
        fails(
            self.redeem(&self.partner, token),
            "ExpiredTradeInToken",
            EXPIRED,
        );
    }
}

fn not_sent(id: &str) -> String {
    format!(
        "The delegation request {id} cannot be finalized: the credentials that accepted it were revoked."
    )
}

#[test]
fn an_approval_ends_with_the_session_that_gave_it() {
    let scene = scene();
    let role = scene.approving_role();
    let revocations = |session: &Signer| {
        [
            revoke(key(session)),
            revoke(principal(&role)),
            with_chain(key(&scene.admin)),
            revoke(super::super::revocation::account(ACCOUNT)),
        ]
    };
    for number in 0..4 {
        let stolen = session_of(&scene.world, &scene.admin, &role, "stolen");
        let (_, token) = scene.granted(&format!("workflow-sent-{number}"), &stolen);
        let id = scene.ask(&format!("workflow-accepted-{number}"));
        scene.associate(&scene.owner, &id).unwrap();
        scene.accept(&stolen, &id).unwrap();
        scene.world.wait(60);
        scene.order(revocations(&stolen)[number].clone());
        scene.world.wait(60);
        // What would be issued now would be newer than the revocation.
        scene.is_worth_nothing(&token);
        fails(
            scene.send(&scene.owner, &id),
            "InvalidInput",
            &not_sent(&id),
        );
        // Its owner can still refuse it.
        scene.reject(&scene.owner, &id).unwrap();
        let reopened = scene.world.reopened();
        let trade_in_token = n(&token);
        fails(
            call(
                &reopened,
                &scene.partner,
                GetDelegatedAccessToken { trade_in_token },
            ),
            "ExpiredTradeInToken",
            EXPIRED,
        );
    }
    let honest = session_of(&scene.world, &scene.admin, &role, "honest");
    scene.session("workflow-honest", &honest);
}

#[test]
fn an_approval_of_a_users_ends_with_what_was_issued_to_it() {
    let scene = scene();
    for (number, revocation) in [
        revoke(principal(ADMIN)),
        with_chain(key(&scene.admin)),
        revoke(super::super::revocation::account(ACCOUNT)),
    ]
    .into_iter()
    .enumerate()
    {
        let (_, token) = scene.granted(&format!("workflow-{number}"), &scene.admin);
        scene.order(revocation);
        scene.is_worth_nothing(&token);
        // Who approves after it, in the same second too, was not meant.
        scene.session(&format!("workflow-after-{number}"), &scene.admin);
        scene.world.wait(5);
    }
    // Nor are those that others approved.
    let (_, token) = scene.granted("workflow-other", &scene.admin);
    scene.world.wait(5);
    let owner = format!("arn:aws:iam::{ACCOUNT}:user/owner");
    scene.order(with_chain(principal(&owner)));
    scene.redeem(&scene.partner, &token).unwrap();
}

#[test]
fn a_requestor_with_temporary_credentials_gets_what_was_granted() {
    let scene = scene();
    let role = scene.approving_role();
    let into = format!(
        "arn:aws:iam::{}:role/OrganizationAccountAccessRole",
        scene.vendor
    );
    let into_vendor = Signer::from(&scene.world.user_with_key("into-vendor"));
    scene.world.allow("into-vendor", ALL);
    let worker = session_of(&scene.world, &into_vendor, &into, "worker");
    let approver = session_of(&scene.world, &scene.admin, &role, "approver");
    let (_, token) = scene.granted("workflow-1", &approver);
    let access = scene.redeem(&worker, &token).unwrap();
    let session = Signer::from(&access.credentials);
    let reads = || scene.may(&session, "s3:GetObject", "arn:aws:s3:::reports/x");
    scene.world.wait(7200 - 1);
    assert!(reads().unwrap());
    scene.world.wait(1);
    assert!(reads().is_err());
}

#[test]
fn neither_side_learns_of_the_other_by_conditions() {
    let scene = scene();
    let id = scene.ask("workflow-1");
    scene.associate(&scene.owner, &id).unwrap();
    let reader = |by: &Signer, name: &str, key: &str| {
        let statement = format!(
            r#"{{"Effect":"Allow","Action":"iam:GetDelegationRequest","Resource":"*","Condition":{{"StringLike":{{"{key}":"*"}}}}}}"#
        );
        user(&scene.world, by, name, &statement)
    };
    const OWNER: &str = "iam:DelegationRequestOwner";
    const CHANNEL: &str = "iam:NotificationChannel";
    for (by, name, key, allowed) in [
        (&scene.partner, "vendor-owner", OWNER, false),
        (&scene.partner, "vendor-channel", CHANNEL, true),
        (&scene.admin, "customer-owner", OWNER, true),
        (&scene.admin, "customer-channel", CHANNEL, false),
    ] {
        let reader = reader(by, name, key);
        assert_eq!(scene.get(&reader, &id).is_ok(), allowed, "{name}");
    }
    // Nor by the message that comes with a refusal.
    let watcher = user(&scene.world, &scene.partner, "watcher", ASSOCIATE);
    let Err(Error::AccessDenied(refused)) = scene.get(&watcher, &id) else {
        panic!("allowed")
    };
    let decode = locum_identity::sts::DecodeAuthorizationMessage {
        encoded_message: Constrained::parse(&refused.encoded.unwrap()).unwrap(),
    };
    let decoded = call(&scene.world, &scene.partner, decode).unwrap();
    assert!(decoded.decoded_message.contains("watcher"));
    assert!(!decoded.decoded_message.contains("user/owner"));
}
