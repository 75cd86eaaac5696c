//! The credential report: the passwords, keys and certificates of an account's users as they were when
//! it was made, in CSV.

use crate::account::Account;
use crate::caller::Need;
use crate::entity::{AccessKey, CredentialReport, KeyOwner, KeyStatus, SigningCertificate};
use crate::environment::{Seconds, timestamp};
use crate::error::{Error, IamFault};
use crate::operation::{Call, Granted, Operation, Service};
use crate::port::LastUse;
use std::collections::HashMap;
use std::sync::Arc;

/// How long a report is good, and no other is made.
const GOOD_FOR: Seconds = 4 * 60 * 60;
/// Where there is nothing to tell.
const NOT_APPLICABLE: &str = "N/A";
/// Where something was never tracked or never happened.
const NO_INFORMATION: &str = "no_information";
/// What is not told of the root user.
const NOT_SUPPORTED: &str = "not_supported";

const COLUMNS: &str = "user,arn,user_creation_time,password_enabled,password_last_used,\
    password_last_changed,password_next_rotation,mfa_active,\
    access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,\
    access_key_1_last_used_region,access_key_1_last_used_service,\
    access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date,\
    access_key_2_last_used_region,access_key_2_last_used_service,\
    cert_1_active,cert_1_last_rotated,cert_2_active,cert_2_last_rotated";

/// GenerateCredentialReport: nothing new while there is one of the last four hours.
#[derive(Clone, Debug)]
pub struct GenerateCredentialReport;

/// What GenerateCredentialReport answers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ReportState {
    /// A report was begun. It is done before that is answered.
    Started,
    /// There is a report that is good still.
    Complete,
}

impl Operation for GenerateCredentialReport {
    type Output = ReportState;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "GenerateCredentialReport";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&Need::new("iam:GenerateCredentialReport", "*"))
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<ReportState, Error> {
        let uses = call.realm.last_uses_in(call.account()?.id).await;
        call.change(|draft| {
            let made = draft.account.credential_report();
            if made.is_some_and(|report| is_good(report, draft.now)) {
                return Ok(ReportState::Complete);
            }
            draft.change.put(CredentialReport {
                generated: draft.now,
                content: content(draft.account, &uses),
            });
            Ok(ReportState::Started)
        })
        .await
    }
}

/// GetCredentialReport
#[derive(Clone, Debug)]
pub struct GetCredentialReport;

impl Operation for GetCredentialReport {
    type Output = Arc<CredentialReport>;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "GetCredentialReport";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&Need::new("iam:GetCredentialReport", "*"))
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Self::Output, Error> {
        let report = call.account()?.credential_report();
        let report = report.ok_or(IamFault::ReportNotPresent)?;
        if is_good(report, call.facts.now) {
            Ok(report.clone())
        } else {
            Err(IamFault::ReportExpired.into())
        }
    }
}

fn is_good(report: &CredentialReport, now: Seconds) -> bool {
    now - report.generated < GOOD_FOR
}

/// What of an account the rows are made of, by [`KeyOwner::key`].
struct Credentials<'a> {
    keys: HashMap<String, Vec<&'a AccessKey>>,
    certificates: HashMap<String, Vec<&'a SigningCertificate>>,
    devices: HashMap<String, usize>,
    uses: &'a HashMap<String, LastUse>,
}

/// The root user first, then users by name whatever its letter case; lines end with LF, the last with
/// nothing.
fn content(account: &Account, uses: &HashMap<String, LastUse>) -> String {
    let credentials = Credentials::of(account, uses);
    let root = row(
        ("<root_account>", &account.iam_arn("root"), account.created),
        root_password(),
        &credentials,
        &KeyOwner::Root.key(),
    );
    let mut lines = vec![COLUMNS.to_owned(), root];
    lines.extend(account.users.iter().map(|(_, state)| {
        let owner = KeyOwner::User(state.user.id.clone()).key();
        let name = state.user.name.as_str();
        row(
            (name, &state.arn, state.user.created),
            password(account, &owner, uses),
            &credentials,
            &owner,
        )
    }));
    lines.join("\n")
}

impl<'a> Credentials<'a> {
    fn of(account: &'a Account, uses: &'a HashMap<String, LastUse>) -> Self {
        let mut keys: HashMap<_, Vec<_>> = HashMap::new();
        for state in account.keys.values() {
            keys.entry(state.key.owner.key())
                .or_default()
                .push(&state.key);
        }
        for of_owner in keys.values_mut() {
            of_owner.sort_by_key(|key| (key.created, key.id.as_str()));
        }
        let mut certificates: HashMap<_, Vec<_>> = HashMap::new();
        for certificate in account.signing_certificates.values() {
            let of_owner = certificates.entry(certificate.owner.key());
            of_owner.or_default().push(&**certificate);
        }
        for of_owner in certificates.values_mut() {
            of_owner.sort_by_key(|it| (it.uploaded, it.id.as_str()));
        }
        let mut devices: HashMap<_, usize> = HashMap::new();
        for state in account.mfa_devices.values() {
            if let Some(assignment) = &state.device.assignment {
                *devices.entry(assignment.owner.key()).or_default() += 1;
            }
        }
        Self {
            keys,
            certificates,
            devices,
            uses,
        }
    }
}

fn row(
    (name, arn, created): (&str, &str, Seconds),
    password: [String; 4],
    credentials: &Credentials<'_>,
    owner: &str,
) -> String {
    let mut fields = vec![quoted(name), quoted(arn), timestamp(created)];
    fields.extend(password);
    fields.push(credentials.devices.contains_key(owner).to_string());
    let keys = credentials.keys.get(owner).map(Vec::as_slice);
    let certificates = credentials.certificates.get(owner).map(Vec::as_slice);
    for place in 0..2 {
        let key = keys.and_then(|keys| keys.get(place));
        fields.extend(key_fields(key.copied(), credentials.uses));
    }
    for place in 0..2 {
        let certificate = certificates.and_then(|all| all.get(place));
        let active = certificate.is_some_and(|it| it.status == KeyStatus::Active);
        fields.push(active.to_string());
        fields.push(time(certificate.map(|it| it.uploaded)));
    }
    fields.join(",")
}

fn root_password() -> [String; 4] {
    [NOT_SUPPORTED, NO_INFORMATION, NOT_SUPPORTED, NOT_SUPPORTED].map(str::to_owned)
}

/// Whether there is one, when it was last used, changed, and must be changed.
fn password(account: &Account, owner: &str, uses: &HashMap<String, LastUse>) -> [String; 4] {
    let profile = account.login_profiles.get(owner);
    let Some(profile) = profile.filter(|profile| profile.password.is_some()) else {
        return ["false", NOT_APPLICABLE, NOT_APPLICABLE, NOT_APPLICABLE].map(str::to_owned);
    };
    // A password's uses are kept under its user's id.
    let used = uses.get(owner).map(|used| timestamp(used.at));
    let policy = account.password_policy();
    [
        true.to_string(),
        used.unwrap_or_else(|| NO_INFORMATION.to_owned()),
        timestamp(profile.changed),
        time(policy.and_then(|policy| profile.expires(policy))),
    ]
}

fn key_fields(key: Option<&AccessKey>, uses: &HashMap<String, LastUse>) -> [String; 5] {
    let used = key.and_then(|key| uses.get(key.id.as_str()));
    let text = |text: Option<&String>| {
        let text = text.map(String::as_str).filter(|text| !text.is_empty());
        quoted(text.unwrap_or(NOT_APPLICABLE))
    };
    [
        key.is_some_and(|key| key.status == KeyStatus::Active)
            .to_string(),
        time(key.map(|key| key.created)),
        time(used.map(|used| used.at)),
        text(used.map(|used| &used.region)),
        text(used.map(|used| &used.service)),
    ]
}

fn time(at: Option<Seconds>) -> String {
    at.map_or_else(|| NOT_APPLICABLE.to_owned(), timestamp)
}

/// A field as RFC 4180 has it. Names may hold commas, and paths quotation marks.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
