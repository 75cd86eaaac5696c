//! AWS-managed policies in the forms that AWS's programs print them in.

use super::document::Document;
use super::form::{Moment, Unreadable, VersionDetail};
use super::plan::shown;
use super::policies::number;
use crate::aws_managed::ARN_PREFIX;
use crate::entity::ImportedPolicy;
use crate::environment::Seconds;
use locum_policy::{Kind, Policy};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// The policies of a dump, by ARN, and what is wrong with others.
#[derive(Clone, Debug, Default)]
pub struct AwsManagedDump {
    /// Those that can be imported.
    pub policies: BTreeMap<String, ImportedPolicy>,
    /// Those of AWS's that cannot, and why.
    pub refused: Vec<String>,
    /// How many there were that are not AWS's.
    pub others: usize,
}

/// What `get-account-authorization-details` and `list-policies` print.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Page {
    #[serde(alias = "policies")]
    policies: Option<Vec<Dumped>>,
}

/// A policy as `list-policies` or `get-policy` describe it, with its versions as
/// `get-account-authorization-details` has them, or with what `get-policy-version` answered.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Dumped {
    #[serde(alias = "arn")]
    arn: String,
    policy_id: Option<String>,
    #[serde(alias = "description")]
    description: Option<String>,
    default_version_id: Option<String>,
    create_date: Option<Moment>,
    update_date: Option<Moment>,
    policy_version_list: Option<Vec<VersionDetail>>,
    policy_version: Option<VersionDetail>,
    #[serde(alias = "document")]
    document: Option<Document>,
    version_id: Option<String>,
}

impl AwsManagedDump {
    /// Takes in a text: JSON documents one behind the other, each a page of policies, a list of them,
    /// or one policy. A policy that stands in it twice is the one that comes later. `now` is when what
    /// has no date was made.
    ///
    /// # Errors
    /// [`Unreadable`], if the text is not JSON, or of another shape.
    pub fn read(&mut self, text: &str, now: Seconds) -> Result<(), Unreadable> {
        let unreadable = |error: serde_json::Error| Unreadable(error.to_string());
        let mut count = 0;
        for document in serde_json::Deserializer::from_str(text).into_iter::<Box<RawValue>>() {
            let document = document.map_err(unreadable)?;
            let json = document.get();
            let page = match json.as_bytes().first() {
                Some(b'[') => serde_json::from_str(json).map_err(unreadable)?,
                _ => match serde_json::from_str::<Page>(json)
                    .map_err(unreadable)?
                    .policies
                {
                    Some(policies) => policies,
                    None => vec![serde_json::from_str(json).map_err(unreadable)?],
                },
            };
            for dumped in page {
                self.add(dumped, now);
            }
            count += 1;
        }
        match count {
            0 => Err(Unreadable("holds no JSON".to_owned())),
            _ => Ok(()),
        }
    }

    fn add(&mut self, dumped: Dumped, now: Seconds) {
        if !super::policies::is_aws(&dumped.arn) {
            self.others += 1;
            return;
        }
        let arn = dumped.arn.clone();
        match dumped.policy(now) {
            Ok(policy) => {
                self.policies.insert(arn, policy);
            }
            Err(why) => self.refused.push(format!("{}: {why}", shown(&arn))),
        }
    }
}

impl Dumped {
    fn policy(self, now: Seconds) -> Result<ImportedPolicy, String> {
        let resource = self.arn.strip_prefix(ARN_PREFIX).unwrap_or_default();
        let legal = |b: u8| b.is_ascii_alphanumeric() || b"+=,.@_-".contains(&b);
        let mut parts = resource.split('/');
        if !parts.all(|part| !part.is_empty() && part.bytes().all(legal)) {
            return Err("it has no ARN of a policy".to_owned());
        }
        let (document, version, updated) = self.version_in_force()?;
        let version = version.as_deref().or(self.default_version_id.as_deref());
        let version = match version {
            Some(version) => number(version).ok_or("it has no number of a version")?,
            None => 1,
        };
        let text = document.text(false).map_err(str::to_owned)?;
        Policy::parse(&text, Kind::Identity).map_err(|error| error.to_string())?;
        let updated = updated.or(self.update_date.as_ref());
        let is_id = |id: &String| {
            id.len() == 21
                && id.starts_with("ANPA")
                && id
                    .bytes()
                    .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
        };
        Ok(ImportedPolicy {
            id: self.policy_id.clone().filter(is_id),
            description: self.description.clone(),
            version,
            created: Moment::or_now(self.create_date.as_ref(), now)?,
            updated: Moment::or_now(updated, now)?,
            document: text,
            arn: self.arn.clone(),
        })
    }

    /// The document of the version in force, its number, and when it was made.
    fn version_in_force(&self) -> Result<(&Document, Option<String>, Option<&Moment>), String> {
        let versions = self.policy_version_list.iter().flatten();
        let mut versions = versions.chain(&self.policy_version);
        let in_force = versions.find(|version| {
            version.is_default_version
                || self.default_version_id.as_deref() == Some(version.version_id.as_str())
        });
        match (in_force, &self.document) {
            (Some(version), _) => Ok((
                &version.document,
                Some(version.version_id.clone()),
                version.create_date.as_ref(),
            )),
            (None, Some(document)) => Ok((document, self.version_id.clone(), None)),
            (None, None) => Err("the document of its default version is not there".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;

    fn read(text: &str) -> AwsManagedDump {
        let mut dump = AwsManagedDump::default();
        dump.read(text, 7).unwrap();
        dump
    }

    fn arn(resource: &str) -> String {
        format!("{ARN_PREFIX}{resource}")
    }

    #[test]
    fn the_forms_that_aws_prints() {
        let version = format!(
            r#"{{"Document":{DOCUMENT},"VersionId":"v3","IsDefaultVersion":true,"CreateDate":"2020-01-01T00:00:00Z"}}"#
        );
        let old = r#"{"Document":"x","VersionId":"v2","IsDefaultVersion":false}"#;
        let head = format!(
            r#""Arn":"{}","PolicyId":"ANPAAAAAAAAAAAAAAAAAA","CreateDate":"2019-01-01T00:00:00+00:00""#,
            arn("service-role/A")
        );
        let forms = [
            format!(r#"{{"Policies":[{{{head},"PolicyVersionList":[{old},{version}]}}]}}"#),
            format!(r#"[{{{head},"PolicyVersion":{version}}}]"#),
            format!(r#"{{{head},"PolicyVersion":{version}}} {{"Policies":[]}}"#),
        ];
        for form in forms {
            let dump = read(&form);
            let policy = &dump.policies[&arn("service-role/A")];
            assert_eq!(policy.document, DOCUMENT, "{form}");
            assert_eq!(
                (policy.version, policy.created, policy.updated),
                (3, 1_546_300_800, 1_577_836_800)
            );
            assert_eq!(policy.id.as_deref(), Some("ANPAAAAAAAAAAAAAAAAAA"));
            assert_eq!((dump.refused.len(), dump.others), (0, 0));
        }
        let bare = read(&format!(
            r#"{{"arn":"{}","document":{DOCUMENT}}}"#,
            arn("B")
        ));
        let policy = &bare.policies[&arn("B")];
        assert_eq!(
            (policy.version, policy.created, policy.id.as_deref()),
            (1, 7, None)
        );
    }

    #[test]
    fn what_cannot_be_imported_is_said() {
        let refused = |arn: &str, document: &str| {
            let dump = read(&format!(r#"[{{"Arn":"{arn}","Document":{document}}}]"#));
            assert!(dump.policies.is_empty(), "{arn}");
            assert_eq!(dump.refused.len(), 1, "{arn}");
            dump.refused[0].clone()
        };
        assert_eq!(
            refused(&arn("A"), r#"{"Statement":[]}"#),
            format!("{}: Syntax errors in policy.", arn("A"))
        );
        for resource in ["", "a//b", "a/", "a b", "ä", "../x/"] {
            assert!(refused(&arn(resource), DOCUMENT).ends_with("it has no ARN of a policy"));
        }
        assert!(
            refused("arn:aws:iam::aws:role/r", DOCUMENT).ends_with("it has no ARN of a policy")
        );
        let dump = read(&format!(r#"[{{"Arn":"{}"}}]"#, arn("A")));
        assert!(dump.refused[0].ends_with("the document of its default version is not there"));
        let own = read(&format!(
            r#"[{{"Arn":"arn:aws:iam::123456789012:policy/p","Document":{DOCUMENT}}}]"#
        ));
        assert_eq!(
            (own.others, own.policies.len(), own.refused.len()),
            (1, 0, 0)
        );
        for text in ["", "{}", "[1]", "{\"Arn\":1}", "nonsense"] {
            assert!(AwsManagedDump::default().read(text, 7).is_err(), "{text}");
        }
    }
}
