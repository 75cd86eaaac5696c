//! Subjects: who came with a certificate of one, when, and whether a session was given.
//!
//! They are written down behind the session, and decide nothing. There are as many as is useful: the ones
//! that did not come for longest make room.

use super::fault::AnywhereFault;
use super::resource::arn;
use crate::account::Account;
use crate::caller::Need;
use crate::entity::{AnywhereSubject, SeenCredential, SeenProperties};
use crate::environment::Seconds;
use crate::error::Error;
use crate::iam::{Page, PageRequest};
use crate::ids;
use crate::names::{AccountId, AnywhereUuid};
use crate::operation::{Call, Draft, Granted, Operation, Service};
use locum_federation::x509::Certificate;

/// Subjects of an account.
const MOST: usize = 5000;
/// Certificates, and properties of instances, of one subject.
const MOST_SEEN: usize = 20;
/// How far behind the moments that are written down may be, where nothing else is new, in seconds.
const LAG: Seconds = 60;

/// A subject as answers show it.
#[derive(Clone, Debug)]
pub struct SubjectView {
    /// Whose it is.
    pub account: AccountId,
    /// The subject.
    pub subject: AnywhereSubject,
}

impl SubjectView {
    /// `arn:aws:rolesanywhere:REGION:ACCOUNT:subject/ID`
    pub fn arn(&self) -> String {
        arn(
            &self.subject.region,
            self.account,
            "subject",
            &self.subject.id,
        )
    }
}

/// GetSubject
#[derive(Clone, Debug)]
pub struct GetSubject {
    /// `subjectId`
    pub id: AnywhereUuid,
}

impl Operation for GetSubject {
    type Output = SubjectView;
    type Found = ();
    const SERVICE: Service = Service::RolesAnywhere;
    const NAME: &'static str = "GetSubject";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let account = call.account()?.id;
        let arn = arn(&call.facts.region, account, "subject", self.id.as_str());
        call.allow(&Need::new("rolesanywhere:GetSubject", arn))
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<SubjectView, Error> {
        let account = call.account()?;
        let found = account.anywhere_subjects.get(self.id.as_str());
        let found = found.filter(|subject| subject.region == call.facts.region);
        let subject =
            found.ok_or_else(|| AnywhereFault::NotFound(format!("Subject {}", self.id)))?;
        Ok(SubjectView {
            account: account.id,
            subject: AnywhereSubject::clone(subject),
        })
    }
}

/// ListSubjects: those of the region, by id.
#[derive(Clone, Debug)]
pub struct ListSubjects {
    /// `nextToken` and `pageSize`
    pub page: PageRequest,
}

impl Operation for ListSubjects {
    type Output = Page<SubjectView>;
    type Found = ();
    const SERVICE: Service = Service::RolesAnywhere;
    const NAME: &'static str = "ListSubjects";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&Need::new("rolesanywhere:ListSubjects", "*"))
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Self::Output, Error> {
        let account = call.account()?;
        let here = account.anywhere_subjects.behind(&self.page.behind);
        let here = here.filter(|(_, subject)| subject.region == call.facts.region);
        let page = here.map(|(id, subject)| {
            let view = SubjectView {
                account: account.id,
                subject: AnywhereSubject::clone(subject),
            };
            (id, view)
        });
        Ok(self.page.page(page))
    }
}

/// That somebody came.
pub(super) struct Seen<'a> {
    pub(super) region: &'a str,
    pub(super) certificate: &'a Certificate,
    pub(super) trust_anchor: &'a str,
    pub(super) properties: &'a [(String, String)],
    pub(super) failed: bool,
}

impl Seen<'_> {
    /// Writes it down, where it is new enough, and tells the subject's ARN.
    pub(super) fn note(&self, draft: &mut Draft<'_>) -> String {
        let account = draft.account;
        let name = self.certificate.subject.to_string();
        let known = self.known(account, &name);
        let id = known.map_or_else(|| ids::uuid(draft.entropy), |subject| subject.id.clone());
        let mut subject = known.cloned().unwrap_or_else(|| AnywhereSubject {
            id: id.clone(),
            region: self.region.to_owned(),
            subject: name,
            created: draft.now,
            seen: draft.now,
            credentials: Vec::new(),
            properties: Vec::new(),
        });
        if known.is_none_or(|subject| self.is_news(subject, draft.now)) {
            if known.is_none() && account.anywhere_subjects.len() >= MOST {
                let all = account.anywhere_subjects.values();
                if let Some(oldest) = all.min_by_key(|subject| subject.seen) {
                    draft.change.delete(AnywhereSubject::clone(oldest));
                }
            }
            self.put_in(&mut subject, draft.now);
            draft.change.put(subject);
        }
        arn(self.region, account.id, "subject", &id)
    }

    fn known<'a>(&self, account: &'a Account, name: &str) -> Option<&'a AnywhereSubject> {
        let mut all = account.anywhere_subjects.values().map(|it| &**it);
        all.find(|subject| subject.subject == name && subject.region == self.region)
    }

    fn is_of(&self, credential: &SeenCredential) -> bool {
        credential.serial == self.certificate.serial.decimal()
            && credential.trust_anchor == self.trust_anchor
            && credential.issuer == self.certificate.issuer.to_string()
    }

    fn is_news(&self, subject: &AnywhereSubject, now: Seconds) -> bool {
        let credential = subject.credentials.first();
        let known = credential.is_some_and(|it| self.is_of(it) && it.failed == self.failed);
        let properties = subject.properties.first();
        let same = match properties {
            Some(last) => last.properties == self.properties,
            None => self.properties.is_empty(),
        };
        !(known && same) || now - subject.seen >= LAG
    }

    fn put_in(&self, subject: &mut AnywhereSubject, now: Seconds) {
        subject.seen = now;
        subject.credentials.retain(|it| !self.is_of(it));
        let credential = SeenCredential {
            seen: now,
            serial: self.certificate.serial.decimal(),
            issuer: self.certificate.issuer.to_string(),
            certificate: self.certificate.pem(),
            trust_anchor: self.trust_anchor.to_owned(),
            failed: self.failed,
        };
        subject.credentials.insert(0, credential);
        subject.credentials.truncate(MOST_SEEN);
        if !self.properties.is_empty() {
            let properties = &mut subject.properties;
            properties.retain(|it| it.properties != self.properties);
            let seen = SeenProperties {
                seen: now,
                properties: self.properties.to_vec(),
                failed: self.failed,
            };
            properties.insert(0, seen);
            properties.truncate(MOST_SEEN);
        }
    }
}
