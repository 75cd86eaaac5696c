//! Policies of an import: managed, inline, attached, of trust.

use super::document::{Document, unique_ids, with_account};
use super::form::{AttachedDetail, BoundaryDetail, InlineDetail, ManagedPolicyDetail};
use super::plan::{Planner, PolicyQuotas, legal, shown};
use crate::entity::{Attachments, Entity, EntityKind, InlinePolicy, ManagedPolicy, PolicyVersion};
use crate::iam::TagCase;
use crate::iam::inline_policies::size;
use crate::ids::{IdKind, UniqueId};
use crate::names::{
    Constrained as _, Description, DocumentText, EntityName, Path, PolicyPath, PolicyVersionId,
};
use crate::quotas::{AccountQuota, VERSIONS_PER_POLICY};
use crate::trust::{self, Resolved};
use data_encoding::HEXUPPER;
use locum_policy::{Arn, Kind, Policy, PrincipalType};

/// Whether the ARN is of one of AWS's own policies.
pub(super) fn is_aws(arn: &str) -> bool {
    Arn::parse(arn).is_some_and(|arn| arn.account() == "aws")
}

impl Planner<'_> {
    /// The text of a document that is legal for its kind.
    fn document(
        &mut self,
        document: &Document,
        kind: Kind,
        reasons: &mut Vec<String>,
    ) -> Option<(String, Policy)> {
        let text = match document.text(self.own) {
            Ok(text) => text,
            Err(why) => {
                reasons.push(why.to_owned());
                return None;
            }
        };
        let text = legal::<DocumentText>("policy document", &text, reasons)?.to_string();
        let from = self.from.filter(|_| !self.options.keep_account_ids);
        let text = match from
            .filter(|from| *from != self.account.id)
            .and_then(|from| with_account(&text, from, self.account.id))
        {
            Some((text, count)) => {
                self.rewritten += count;
                text
            }
            None => text,
        };
        let policy = if self.own {
            Policy::stored(&text, kind)
        } else {
            Policy::parse(&text, kind)
        };
        match policy {
            Ok(policy) => Some((text, policy)),
            Err(malformed) => {
                reasons.push(malformed.to_string());
                None
            }
        }
    }

    /// The same of a policy of identities, of which unique ids are remarked.
    fn identity(
        &mut self,
        document: &Document,
        reasons: &mut Vec<String>,
    ) -> Option<(String, Policy)> {
        let (text, policy) = self.document(document, Kind::Identity, reasons)?;
        self.old_ids.extend(unique_ids(&text).map(str::to_owned));
        Some((text, policy))
    }

    /// A trust policy as it is stored.
    pub(super) fn trust(
        &mut self,
        document: &Document,
        reasons: &mut Vec<String>,
    ) -> Option<String> {
        let (_, policy) = self.document(document, Kind::Trust, reasons)?;
        self.need(AccountQuota::ACLSizePerRole, policy.size(), Some(reasons));
        let mut unknown = Vec::new();
        let stored = policy.with_principals(|kind, text| {
            if kind != PrincipalType::Aws {
                return None;
            }
            match self.resolve(text) {
                Resolved::As(id) => Some(id),
                Resolved::Unchanged => None,
                Resolved::Missing => {
                    unknown.push(text.to_owned());
                    (!is_unique_id(text)).then(|| nobody(text))
                }
            }
        });
        for text in unknown {
            // AWS shows a principal that was deleted like this, and so does locum.
            if is_unique_id(&text) || self.options.keep_unknown_principals {
                self.nobody.insert(shown(&text));
            } else {
                reasons.push(format!(
                    "Invalid principal in policy: \"AWS\":\"{}\" (--keep-unknown-principals keeps it, \
                     matching nobody)",
                    shown(&text)
                ));
            }
        }
        Some(stored)
    }

    fn resolve(&self, text: &str) -> Resolved {
        match trust::account_named(text) {
            Some(id) if id == self.account.id => trust::resolve(text, Some(&self.imported())),
            Some(id) => trust::resolve(text, self.others.get(&id).map(AsRef::as_ref)),
            None => trust::resolve(text, None::<&crate::account::Account>),
        }
    }

    /// The ARN of a managed policy that will be there.
    fn attachable(&mut self, arn: &str, reasons: &mut Vec<String>) -> Option<String> {
        if is_aws(arn) {
            if self.account.aws_managed.policy(arn).is_some() {
                return Some(arn.to_owned());
            }
            self.unknown_aws_policies.insert(shown(arn));
            return None;
        }
        let own = match Arn::parse(arn) {
            Some(parsed)
                if self
                    .from
                    .is_some_and(|from| parsed.account() == from.as_str()) =>
            {
                self.account.iam_arn(parsed.resource())
            }
            _ => arn.to_owned(),
        };
        if self.planned.policies.contains(&own) || self.account.policy_with_arn(&own).is_some() {
            return Some(own);
        }
        reasons.push(format!("there is no policy `{}`", shown(&own)));
        None
    }

    /// A permissions boundary. Without it, whom it bounds could do more: so it is never left out.
    pub(super) fn boundary(
        &mut self,
        given: Option<&BoundaryDetail>,
        reasons: &mut Vec<String>,
    ) -> Option<String> {
        let arn = &given?.permissions_boundary_arn;
        let found = self.attachable(arn, reasons);
        if found.is_none() && is_aws(arn) {
            reasons.push(format!(
                "its permissions boundary `{}` is not known here",
                shown(arn)
            ));
        }
        found
    }

    /// Inline and attached policies.
    pub(super) fn attachments(
        &mut self,
        inline: &[InlineDetail],
        attached: &[AttachedDetail],
        (size_quota, count_quota): PolicyQuotas,
        reasons: &mut Vec<String>,
    ) -> Attachments {
        let mut policies = Attachments::default();
        let mut total = 0;
        for detail in inline {
            let mut faults = Vec::new();
            let name = legal::<EntityName>("policy name", &detail.policy_name, &mut faults);
            let document = self.identity(&detail.policy_document, &mut faults);
            reasons.extend(
                faults.into_iter().map(|fault| {
                    format!("inline policy `{}`: {fault}", shown(&detail.policy_name))
                }),
            );
            let Some((name, (document, _))) = name.zip(document) else {
                continue;
            };
            total += size(&document);
            let key = name.as_str().to_ascii_lowercase();
            let second = policies.inline.insert(key, InlinePolicy { name, document });
            if let Some(second) = second {
                reasons.push(format!("it has two inline policies `{}`", second.name));
            }
        }
        self.need(size_quota, total, Some(reasons));
        for detail in attached {
            let arn = self.attachable(&detail.policy_arn, reasons);
            policies
                .attached
                .extend(arn.filter(|arn| !policies.attached.contains(arn)));
        }
        self.need(count_quota, policies.attached.len(), Some(reasons));
        policies
    }

    /// A customer managed policy with its versions. AWS's own come with the program.
    pub(super) fn managed_policy(&mut self, detail: &ManagedPolicyDetail) {
        if is_aws(&detail.arn) {
            return;
        }
        let reasons = &mut Vec::new();
        self.is_second(EntityKind::ManagedPolicy, &detail.policy_name, reasons);
        self.check_origin(&detail.arn, reasons);
        let account = self.account;
        let before = account.policies.named(&detail.policy_name);
        let before = before.map(|state| &state.policy);
        let spelled = before.map(|it| it.name.as_str());
        Self::check_spelling(spelled, &detail.policy_name, reasons);
        let name = legal::<EntityName>("name", &detail.policy_name, reasons);
        let path = legal::<PolicyPath>("path", &detail.path, reasons).map(Path::from);
        Self::check_path(before.map(|it| &it.path), path.as_ref(), reasons);
        let created = self.moment(detail.create_date.as_ref(), reasons);
        let updated = self.moment(detail.update_date.as_ref(), reasons);
        let kept = before.filter(|_| !self.own);
        let description = match &detail.description {
            Some(text) => legal::<Description>("description", text, reasons),
            None => kept.and_then(|before| before.description.clone()),
        };
        let tags = match kept.filter(|_| detail.tags.is_empty()) {
            Some(before) => before.tags.clone(),
            None => self.tags(&detail.tags, TagCase::Sensitive, false, reasons),
        };
        let versions = self.versions(detail, reasons);
        let default = number(&detail.default_version_id)
            .filter(|number| versions.iter().any(|version| version.number == *number));
        if default.is_none() {
            let given = shown(&detail.default_version_id);
            reasons.push(format!("its default version `{given}` is not there"));
        }
        let newest = versions.iter().map(|version| version.number).max();
        let next_version = newest
            .map(|newest| newest.saturating_add(1))
            .max(detail.next_version)
            .max(before.map(|before| before.next_version))
            .unwrap_or(1);
        let id = before.map_or_else(
            || UniqueId::generate(IdKind::ManagedPolicy, account.id, self.entropy),
            |before| before.id.clone(),
        );
        let parts = name.zip(path).zip(default);
        let after = parts.map(|((name, path), default_version)| ManagedPolicy {
            id,
            name,
            path,
            created: before.map_or(created, |before| before.created),
            updated,
            description,
            tags,
            versions,
            default_version,
            next_version,
        });
        let before = before.cloned().map(Entity::from);
        let reasons = std::mem::take(reasons);
        self.settle(
            EntityKind::ManagedPolicy,
            &detail.policy_name,
            before,
            after.map(Entity::from),
            reasons,
        );
    }

    /// The versions of a managed policy, the oldest first.
    fn versions(
        &mut self,
        detail: &ManagedPolicyDetail,
        reasons: &mut Vec<String>,
    ) -> Vec<PolicyVersion> {
        let mut versions: Vec<PolicyVersion> = Vec::new();
        for given in &detail.policy_version_list {
            let id = shown(&given.version_id);
            let Some(number) = number(&given.version_id) else {
                reasons.push(format!("`{id}` is no version"));
                continue;
            };
            if versions.iter().any(|version| version.number == number) {
                reasons.push(format!("it has two versions `{id}`"));
                continue;
            }
            let mut faults = Vec::new();
            if let Some((document, policy)) = self.identity(&given.document, &mut faults) {
                self.need(AccountQuota::PolicySize, policy.size(), Some(&mut faults));
                versions.push(PolicyVersion {
                    number,
                    document,
                    created: self.moment(given.create_date.as_ref(), &mut faults),
                });
            }
            reasons.extend(
                faults
                    .into_iter()
                    .map(|fault| format!("version {id}: {fault}")),
            );
        }
        if detail.policy_version_list.len() > VERSIONS_PER_POLICY {
            reasons.push(format!(
                "it has {} versions, and a policy has at most {VERSIONS_PER_POLICY}",
                detail.policy_version_list.len()
            ));
        }
        versions.sort_by_key(|version| version.number);
        versions
    }
}

/// The number of a version: 1 for `v1`.
pub(super) fn number(version: &str) -> Option<u32> {
    PolicyVersionId::parse(version).ok()?.number()
}

fn is_unique_id(text: &str) -> bool {
    Arn::parse(text).is_none() && (text.starts_with("AIDA") || text.starts_with("AROA"))
}

/// A unique id that nobody has, nor ever will: it has digits that are in no id made here. The same text
/// always gives the same id, so importing it again changes nothing.
fn nobody(text: &str) -> String {
    let digest = HEXUPPER.encode(&locum_sigv4::sha256(text.as_bytes()));
    let prefix = match Arn::parse(text) {
        Some(arn) if arn.resource().starts_with("user/") => "AIDA",
        _ => "AROA",
    };
    format!("{prefix}0{}", digest.get(..16).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_has_the_id_of_nobody() {
        let id = nobody("arn:aws:iam::444455556666:user/gone");
        assert_eq!(id.len(), 21);
        assert!(id.starts_with("AIDA0"));
        assert_eq!(UniqueId::account_of(&id), None);
        assert_eq!(id, nobody("arn:aws:iam::444455556666:user/gone"));
        assert!(nobody("444455556666").starts_with("AROA0"));
    }
}
