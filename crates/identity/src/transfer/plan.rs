//! From documents to the change of an account that they ask for, and what stands against it.

use super::compare::unchanged;
use super::form::{Details, Moment, TagDetail};
use super::{Entry, Import, Options, Others, Outcome, Report};
use crate::account::Account;
use crate::directory::Directory;
use crate::entity::{AccountSettings, Change, Entity, EntityKind};
use crate::environment::{Entropy, Seconds};
use crate::error::{Error, Quota};
use crate::iam::TagCase;
use crate::ids::{IdKind, UniqueId};
use crate::limits::RoleLimits;
use crate::names::{AccountId, Constrained, Constraint, Path, Reserved, Tag, TagKey, TagValue};
use crate::operation::Draft;
use crate::quotas::AccountQuota;
use crate::sealing::RootKey;
use crate::trust::Principals;
use locum_policy::Arn;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// How much of a name from outside is repeated in reports.
const SHOWN: usize = 128;

/// The account that documents are of: that of the first ARN in them.
pub(super) fn origin_of(details: &Details) -> Option<AccountId> {
    if let Some(own) = &details.locum {
        return Some(own.account);
    }
    let users = details.user_detail_list.iter().map(|user| &user.arn);
    let groups = details.group_detail_list.iter().map(|group| &group.arn);
    let roles = details.role_detail_list.iter().map(|role| &role.arn);
    let policies = details.policies.iter().map(|policy| &policy.arn);
    let mut arns = users.chain(groups).chain(roles).chain(policies);
    arns.find_map(|arn| AccountId::parse(Arn::parse(arn)?.account()).ok())
}

/// Makes the plan.
pub(super) struct Planner<'a> {
    pub(super) account: &'a Account,
    pub(super) directory: &'a Directory,
    pub(super) others: &'a Others,
    pub(super) options: &'a Options,
    pub(super) now: Seconds,
    pub(super) entropy: &'a dyn Entropy,
    pub(super) root_key: &'a RootKey,
    /// Whether it is an export of ours: what is not in it is not there.
    pub(super) own: bool,
    /// The account that the documents are of.
    pub(super) from: Option<AccountId>,
    pub(super) planned: Planned,
    /// The account's settings as they will be.
    pub(super) settings: AccountSettings,
    /// What is the same in many entities is said once.
    pub(super) unknown_aws_policies: BTreeSet<String>,
    pub(super) nobody: BTreeSet<String>,
    pub(super) old_ids: BTreeSet<String>,
    /// How many account ids were rewritten in the entity at hand.
    pub(super) rewritten: usize,
    pub(super) report: Report,
}

/// Who will be there after the import, by lower-case name.
#[derive(Default)]
pub(super) struct Planned {
    pub(super) users: HashMap<String, Named>,
    pub(super) roles: HashMap<String, Named>,
    pub(super) groups: HashMap<String, UniqueId>,
    ids: HashSet<UniqueId>,
    /// ARNs of customer managed policies.
    pub(super) policies: HashSet<String>,
    /// What the documents have had.
    seen: HashSet<(EntityKind, String)>,
}

pub(super) struct Named {
    pub(super) id: UniqueId,
    name: String,
    arn: String,
}

/// The account as it will be.
pub(super) struct Imported<'a> {
    planned: &'a Planned,
    account: &'a Account,
}

impl Principals for Imported<'_> {
    fn user(&self, name: &str, arn: &str) -> Option<UniqueId> {
        match self.planned.users.get(&name.to_ascii_lowercase()) {
            Some(user) => (user.arn == arn).then(|| user.id.clone()),
            None => self.account.user(name, arn),
        }
    }

    fn role(&self, name: &str, arn: Option<&str>) -> Option<UniqueId> {
        match self.planned.roles.get(&name.to_ascii_lowercase()) {
            Some(role) => {
                let is_it = arn.map_or(role.name == name, |arn| role.arn == arn);
                is_it.then(|| role.id.clone())
            }
            None => self.account.role(name, arn),
        }
    }

    fn has(&self, id: &UniqueId) -> bool {
        self.planned.ids.contains(id) || self.account.has(id)
    }
}

/// A name from outside, at a length that people read.
pub(super) fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// The value of a legal text; why it is none is added to `reasons`.
pub(super) fn legal<T: Constrained>(
    what: &str,
    text: &str,
    reasons: &mut Vec<String>,
) -> Option<T> {
    T::parse(text)
        .map_err(|failed| {
            let failed: Vec<String> = failed.into_iter().map(constraint).collect();
            reasons.push(format!(
                "the {what} `{}` must {}",
                shown(text),
                failed.join(" and ")
            ));
        })
        .ok()
}

fn constraint(failed: Constraint) -> String {
    match failed {
        Constraint::NotNull => "be there".to_owned(),
        Constraint::MinLength(least) => format!("have at least {least} characters"),
        Constraint::MaxLength(most) => format!("have at most {most} characters"),
        Constraint::MinValue(least) => format!("be at least {least}"),
        Constraint::MaxValue(most) => format!("be at most {most}"),
        Constraint::Pattern(pattern) => format!("match {pattern}"),
        Constraint::OneOf(values) => format!("be one of {}", values.join(", ")),
    }
}

impl<'a> Planner<'a> {
    pub(super) fn new(
        draft: &Draft<'a>,
        directory: &'a Directory,
        others: &'a Others,
        details: &Details,
        options: &'a Options,
    ) -> Self {
        Self {
            account: draft.account,
            directory,
            others,
            options,
            now: draft.now,
            entropy: draft.entropy,
            root_key: draft.root_key,
            own: details.is_own(),
            from: origin_of(details),
            planned: Planned::default(),
            settings: draft.account.settings(),
            unknown_aws_policies: BTreeSet::new(),
            nobody: BTreeSet::new(),
            old_ids: BTreeSet::new(),
            rewritten: 0,
            report: Report::default(),
        }
    }

    /// What the import does, and what changes in the realm with it.
    pub(super) fn plan(
        mut self,
        import: &Import,
        progress: &(dyn Fn(usize) + Send + Sync),
    ) -> (Report, Change) {
        let details = &import.details;
        self.report.from = self.from;
        self.take_settings(details);
        self.claim(details);
        self.count(details);
        let mut done = 0;
        let mut step = || {
            done += 1;
            progress(done);
        };
        for policy in &details.policies {
            self.managed_policy(policy);
            step();
        }
        for group in &details.group_detail_list {
            self.group(group);
            step();
        }
        let mut profiles = Vec::new();
        for role in &details.role_detail_list {
            self.role(role);
            let name = role.role_name.to_ascii_lowercase();
            let id = self.planned.roles.get(&name).map(|role| role.id.clone());
            let of_role = role.instance_profile_list.iter();
            profiles.extend(of_role.map(|profile| (profile, id.clone())));
            step();
        }
        for user in &details.user_detail_list {
            self.user(user);
            step();
        }
        if let Some(own) = &details.locum {
            profiles.extend(own.instance_profiles.iter().map(|profile| (profile, None)));
        }
        self.need(
            AccountQuota::InstanceProfilesPerAccount,
            self.account.instance_profiles.len()
                + profiles
                    .iter()
                    .filter(|(profile, _)| {
                        let name = &profile.instance_profile_name;
                        self.account.instance_profiles.named(name).is_none()
                    })
                    .count(),
            None,
        );
        for (profile, role) in profiles {
            self.instance_profile(profile, role);
        }
        let mut realm = match &details.locum {
            Some(own) => self.own(own),
            None => Change::default(),
        };
        self.keys(&import.keys, &mut realm);
        self.keep_settings();
        self.remark(details);
        self.report.refusals.extend_from_slice(&import.refusals);
        if self.options.skip_unsupported {
            let skipped = import.unsupported.iter();
            let notes = skipped.map(|what| format!("left out: {what}"));
            self.report.notes.extend(notes);
        } else {
            let refusals = import.unsupported.iter();
            let refusals =
                refusals.map(|what| format!("{what} (--skip-unsupported leaves it out)"));
            self.report.refusals.extend(refusals);
        }
        (self.report, realm)
    }

    /// Gives ids to all who are to be there, so that documents can name them in any order.
    fn claim(&mut self, details: &Details) {
        let (account, entropy) = (self.account, self.entropy);
        let id = |kind| UniqueId::generate(kind, account.id, entropy);
        for group in &details.group_detail_list {
            let name = &group.group_name;
            let known = account.groups.named(name);
            let claimed = known.map_or_else(|| id(IdKind::Group), |state| state.group.id.clone());
            self.planned
                .groups
                .entry(name.to_ascii_lowercase())
                .or_insert(claimed);
        }
        for user in &details.user_detail_list {
            let known = account.users.named(&user.user_name);
            let named = Named {
                id: known.map_or_else(|| id(IdKind::User), |state| state.user.id.clone()),
                name: user.user_name.clone(),
                arn: account.iam_arn(&format!("user{}{}", user.path, user.user_name)),
            };
            self.planned.ids.insert(named.id.clone());
            let users = &mut self.planned.users;
            users
                .entry(user.user_name.to_ascii_lowercase())
                .or_insert(named);
        }
        for role in &details.role_detail_list {
            let known = account.roles.named(&role.role_name);
            let named = Named {
                id: known.map_or_else(|| id(IdKind::Role), |state| state.role.id.clone()),
                name: role.role_name.clone(),
                arn: account.iam_arn(&format!("role{}{}", role.path, role.role_name)),
            };
            self.planned.ids.insert(named.id.clone());
            let roles = &mut self.planned.roles;
            roles
                .entry(role.role_name.to_ascii_lowercase())
                .or_insert(named);
        }
        for policy in &details.policies {
            let arn = account.iam_arn(&format!("policy{}{}", policy.path, policy.policy_name));
            self.planned.policies.insert(arn);
        }
    }

    /// Whether the account has room for all.
    fn count(&mut self, details: &Details) {
        let account = self.account;
        let new = |planned: &HashMap<String, Named>, has: &dyn Fn(&str) -> bool| {
            planned.keys().filter(|name| !has(name)).count()
        };
        let users = new(&self.planned.users, &|name| {
            account.users.named(name).is_some()
        });
        let roles = new(&self.planned.roles, &|name| {
            account.roles.named(name).is_some()
        });
        let groups = self.planned.groups.keys();
        let groups = groups
            .filter(|name| account.groups.named(name).is_none())
            .count();
        let own: HashSet<String> = details
            .policies
            .iter()
            .filter(|policy| !super::policies::is_aws(&policy.arn))
            .map(|policy| policy.policy_name.to_ascii_lowercase())
            .filter(|name| account.policies.named(name).is_none())
            .collect();
        for (quota, count) in [
            (AccountQuota::UsersPerAccount, account.users.len() + users),
            (AccountQuota::RolesPerAccount, account.roles.len() + roles),
            (
                AccountQuota::GroupsPerAccount,
                account.groups.len() + groups,
            ),
            (
                AccountQuota::PoliciesPerAccount,
                account.policies.len() + own.len(),
            ),
        ] {
            self.need(quota, count, None);
        }
    }

    /// Sees to it that the account may have `size` of something. Why it may not is added to the reasons
    /// of an entity, or is one for the import as a whole.
    pub(super) fn need(
        &mut self,
        quota: AccountQuota,
        size: usize,
        reasons: Option<&mut Vec<String>>,
    ) {
        let set = self.settings.quotas.get(quota.name()).copied();
        let limit = set.unwrap_or_else(|| quota.default_value());
        if size <= limit {
            return;
        }
        if self.options.raise_quotas {
            self.settings.quotas.insert(quota.name().to_owned(), size);
            return;
        }
        let name = quota.name();
        let refused = Error::LimitExceeded(Quota::Count { name, limit });
        let reason = format!("{refused} (this makes {size}; --raise-quotas raises the quota)");
        match reasons {
            Some(reasons) => reasons.push(reason),
            None => self.report.refusals.push(reason),
        }
    }

    /// Whether the documents had one of that kind and name before.
    pub(super) fn is_second(&mut self, kind: EntityKind, name: &str, reasons: &mut Vec<String>) {
        if !self.planned.seen.insert((kind, name.to_ascii_lowercase())) {
            reasons.push("there is another of that name among the documents".to_owned());
        }
    }

    /// Checks whose an entity is, by its ARN.
    pub(super) fn check_origin(&self, arn: &str, reasons: &mut Vec<String>) {
        if arn.is_empty() {
            return;
        }
        let parsed = Arn::parse(arn);
        let account = parsed.as_ref().map(Arn::account).unwrap_or_default();
        match (&parsed, self.from) {
            (Some(arn), _) if arn.partition() != "aws" => reasons.push(format!(
                "it is of the partition `{}`, and ARNs here are of `aws`",
                shown(arn.partition())
            )),
            (Some(_), Some(from)) if account == from.as_str() => {}
            (Some(_), Some(from)) => reasons.push(format!(
                "it is of account `{}`, and others are of {from}",
                shown(account)
            )),
            _ => reasons.push(format!("`{}` is no ARN", shown(arn))),
        }
    }

    /// A moment in the past; `None` is now.
    pub(super) fn moment(&self, given: Option<&Moment>, reasons: &mut Vec<String>) -> Seconds {
        let parsed = Moment::or_now(given, self.now).unwrap_or_else(|why| {
            reasons.push(why.to_owned());
            self.now
        });
        parsed.clamp(0, self.now)
    }

    /// Tags. AWS's own (`aws:…`) are kept: who imports an account stands in for AWS.
    pub(super) fn tags(
        &self,
        given: &[TagDetail],
        case: TagCase,
        is_role: bool,
        reasons: &mut Vec<String>,
    ) -> Vec<Tag> {
        let mut tags = Vec::with_capacity(given.len());
        for tag in given {
            let key = legal::<TagKey>("tag key", &tag.key, reasons);
            let value = legal::<TagValue>("tag value", &tag.value, reasons);
            tags.extend(key.zip(value).map(|(key, value)| Tag { key, value }));
        }
        let is_aws = |tag: &Tag| tag.key.reserved() == Some(Reserved::Aws);
        let checked = case.check_each(&tags, |tag| match tag.key.reserved() {
            Some(Reserved::Aws) => Ok(()),
            // What a role may beyond AWS's limits is not for another account to say.
            Some(Reserved::Locum) if self.own && is_role => RoleLimits::check(tag),
            _ => tag.key.check_unreserved(),
        });
        let users: Vec<Tag> = tags.iter().filter(|tag| !is_aws(tag)).cloned().collect();
        let counted = case.put(&[], &users).map(drop);
        for refused in [checked, counted].into_iter().filter_map(Result::err) {
            reasons.push(refused.to_string());
        }
        tags
    }

    /// Takes the decision about one entity.
    pub(super) fn settle(
        &mut self,
        kind: EntityKind,
        name: &str,
        before: Option<Entity>,
        after: Option<Entity>,
        mut reasons: Vec<String>,
    ) {
        let same = match (&before, &after) {
            (Some(before), Some(after)) => unchanged(before, after),
            _ => false,
        };
        if before.is_some() && !same && !self.options.overwrite && reasons.is_empty() {
            reasons
                .push("it differs from the one that is there (--overwrite replaces it)".to_owned());
        }
        let outcome = match &before {
            _ if !reasons.is_empty() => Outcome::Refused,
            _ if same => Outcome::Unchanged,
            Some(_) => Outcome::Changed,
            None => Outcome::Created,
        };
        self.report.entries.push(Entry {
            kind,
            name: shown(name),
            outcome,
            reasons,
            rewritten: std::mem::take(&mut self.rewritten),
            before: before.filter(|_| !same),
            after: after.filter(|_| !same),
        });
    }

    /// Refuses a name that is there in another spelling.
    pub(super) fn check_spelling(before: Option<&str>, name: &str, reasons: &mut Vec<String>) {
        if let Some(before) = before.filter(|before| *before != name) {
            reasons.push(format!("there is `{before}` already, spelled differently"));
        }
    }

    /// Refuses another path for what cannot be moved.
    pub(super) fn check_path(
        before: Option<&Path>,
        path: Option<&Path>,
        reasons: &mut Vec<String>,
    ) {
        if let (Some(before), Some(path)) = (before, path)
            && before != path
        {
            reasons.push(format!(
                "its path is `{before}`, and cannot be changed to `{path}`"
            ));
        }
    }

    /// What is to be said of the import as a whole.
    fn remark(&mut self, details: &Details) {
        let mut notes = Vec::new();
        if details.is_truncated {
            notes.push(
                "the documents end with a page that says that more follow (IsTruncated)".to_owned(),
            );
        }
        let rewritten: usize = self
            .report
            .entries
            .iter()
            .map(|entry| entry.rewritten)
            .sum();
        if let Some(from) = self.from.filter(|_| rewritten > 0) {
            notes.push(format!(
                "{rewritten} account ids in documents: {from} became {}",
                self.account.id
            ));
        }
        let list = |texts: &BTreeSet<String>| texts.iter().cloned().collect::<Vec<_>>().join(", ");
        if !self.unknown_aws_policies.is_empty() {
            let which = list(&self.unknown_aws_policies);
            if self.options.skip_unknown_aws_policies {
                notes.push(format!(
                    "AWS-managed policies that are not known here, left out: {which}"
                ));
            } else {
                self.report.refusals.push(format!(
                    "AWS-managed policies that are not known here (--skip-unknown-aws-policies leaves \
                     out their attachments): {which}"
                ));
            }
        }
        if !self.nobody.is_empty() {
            let which = list(&self.nobody);
            notes.push(format!(
                "principals that nobody here is, and that match nobody: {which}"
            ));
        }
        if !self.old_ids.is_empty() {
            let which = list(&self.old_ids);
            notes.push(format!(
                "documents that name unique ids, which are made anew by an import: {which}"
            ));
        }
        self.report.notes = notes;
    }

    /// The account as it will be.
    pub(super) fn imported(&self) -> Imported<'_> {
        Imported {
            planned: &self.planned,
            account: self.account,
        }
    }

    /// The id that a user of that name will have.
    pub(super) fn user_id(&self, name: &str) -> Option<UniqueId> {
        let planned = self.planned.users.get(&name.to_ascii_lowercase());
        let known = || self.account.users.named(name).map(|state| &state.user.id);
        planned.map(|user| &user.id).or_else(known).cloned()
    }

    fn take_settings(&mut self, details: &Details) {
        if let Some(settings) = details.locum.as_ref().and_then(super::own::settings) {
            self.settings = settings;
        }
    }

    /// Keeps the account's settings, where the import changes them.
    fn keep_settings(&mut self) {
        let before = self.account.settings();
        if self.settings == before {
            return;
        }
        let known = before != AccountSettings::default();
        let only_raised = AccountSettings {
            quotas: BTreeMap::new(),
            ..self.settings.clone()
        } == AccountSettings {
            quotas: BTreeMap::new(),
            ..before.clone()
        } && before.quotas.iter().all(|(name, limit)| {
            let after = self.settings.quotas.get(name);
            after.is_some_and(|after| after >= limit)
        });
        let mut reasons = Vec::new();
        if known && !only_raised && !self.options.overwrite {
            reasons
                .push("it differs from the one that is there (--overwrite replaces it)".to_owned());
        }
        self.report.entries.push(Entry {
            kind: EntityKind::AccountSettings,
            name: "account settings".to_owned(),
            outcome: match (reasons.is_empty(), known) {
                (false, _) => Outcome::Refused,
                (true, true) => Outcome::Changed,
                (true, false) => Outcome::Created,
            },
            reasons,
            rewritten: 0,
            before: known.then(|| before.into()),
            after: Some(self.settings.clone().into()),
        });
    }
}

/// The quotas on a holder's policies: the size of inline ones, the number of attached ones.
pub(super) type PolicyQuotas = (AccountQuota, AccountQuota);
