//! Reading of case files.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::caller::{Caller, Named};
use super::{Case, Expect};
use crate::arn::Arn;
use crate::context::Value;
use crate::document::{Kind, Policy};
use crate::json::{self, Json, Member, Node};
use crate::position::{Lines, Position};

/// What is wrong with a case file, and where.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CaseError {
    /// The name of the case, if the error is within one that has a name.
    pub case: Option<String>,
    /// The member, such as `identity_policies[1]` or `context.aws:SourceIp`; empty for the whole
    /// case or file.
    pub member: String,
    /// Where in the file.
    pub position: Position,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for CaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.position)?;
        if let Some(case) = &self.case {
            write!(f, "case `{case}`: ")?;
        }
        if !self.member.is_empty() {
            write!(f, "{}: ", self.member)?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for CaseError {}

/// Reads a file.
pub(super) fn all(text: &str) -> Result<Vec<Result<Case, CaseError>>, CaseError> {
    let lines = Lines::new(text);
    let file_error = |at, message: &str| CaseError {
        case: None,
        member: String::new(),
        position: lines.position(at),
        message: message.to_owned(),
    };
    let root = json::parse(text).map_err(|error| file_error(error.at, &error.fault.to_string()))?;
    let Json::Array(items) = &root.value else {
        return Err(file_error(
            root.span.start,
            "a case file is a list of cases",
        ));
    };
    let mut names = BTreeSet::new();
    let mut case = |node: &Node<'_>| {
        let name = name(node);
        let read = match name {
            Some(name) if !names.insert(name.to_owned()) => {
                Err(Fault::at(node, "a case before has the same name").within("name"))
            }
            _ => case(text, node),
        };
        read.map_err(|fault| CaseError {
            case: name.map(str::to_owned),
            member: fault.member,
            position: lines.position(fault.at),
            message: fault.message,
        })
    };
    Ok(items.iter().map(&mut case).collect())
}

/// An error on its way out.
#[derive(Debug)]
struct Fault {
    member: String,
    /// The byte where the value stands.
    at: usize,
    message: String,
}

impl Fault {
    fn at(node: &Node<'_>, message: impl Into<String>) -> Fault {
        Fault {
            member: String::new(),
            at: node.span.start,
            message: message.into(),
        }
    }

    fn within(mut self, outer: &str) -> Fault {
        // `service_control_policies` and `[0][1]`, `context` and `.aws:SourceIp`.
        self.member.insert_str(0, outer);
        self
    }
}

const MEMBERS: [&str; 18] = [
    "name",
    "rule",
    "principal",
    "principal_id",
    "principal_issuer",
    "principal_tags",
    "action",
    "resource",
    "resource_account",
    "context",
    "identity_policies",
    "resource_policy",
    "permissions_boundary",
    "session_policies",
    "service_control_policies",
    "resource_control_policies",
    "expect",
    "because",
];

/// The members of a case that are there: `null` is absence.
struct Members<'a> {
    whole: &'a Node<'a>,
    members: Vec<(&'a str, &'a Node<'a>)>,
}

fn name<'a>(node: &'a Node<'_>) -> Option<&'a str> {
    string(member(node, "name")?).ok()
}

impl<'a> Members<'a> {
    fn read(whole: &'a Node<'a>) -> Result<Members<'a>, Fault> {
        let Json::Object(all) = &whole.value else {
            return Err(Fault::at(whole, "a case is an object"));
        };
        let mut members = Vec::new();
        for Member { key, node, .. } in all {
            let name: &str = key;
            if !MEMBERS.contains(&name) {
                let known = MEMBERS.join(", ");
                let message = format!("no such member; a case has {known}");
                return Err(Fault::at(node, message).within(name));
            }
            if !matches!(node.value, Json::Null) {
                members.push((name, node));
            }
        }
        Ok(Members { whole, members })
    }

    fn get(&self, name: &str) -> Option<&'a Node<'a>> {
        let found = self.members.iter().find(|(member, _)| *member == name);
        found.map(|(_, node)| *node)
    }

    /// Reads a member, if it is there.
    fn read_with<T>(
        &self,
        name: &str,
        read: impl FnOnce(&'a Node<'a>) -> Result<T, Fault>,
    ) -> Result<Option<T>, Fault> {
        let read = self.get(name).map(read).transpose();
        read.map_err(|fault| fault.within(name))
    }

    fn text(&self, name: &str) -> Result<Option<&'a str>, Fault> {
        self.read_with(name, string)
    }

    fn required(&self, name: &str) -> Result<&'a str, Fault> {
        match self.text(name)? {
            Some("") => Err(Fault::at(self.whole, "must not be empty").within(name)),
            Some(text) => Ok(text),
            None => Err(Fault::at(self.whole, "required and not there").within(name)),
        }
    }
}

fn case(text: &str, node: &Node<'_>) -> Result<Case, Fault> {
    let members = Members::read(node)?;
    let name = members.required("name")?.to_owned();
    let principal = members.required("principal")?;
    let action = members.required("action")?;
    let resource = members.required("resource")?;
    let arn = Arn::parse(resource);
    let in_arn = arn.as_ref().map(Arn::account).filter(|a| !a.is_empty());
    let owner = members.text("resource_account")?.or(in_arn);
    let caller = Caller::of(&Named {
        principal,
        id: members.text("principal_id")?,
        issuer: members.text("principal_issuer")?,
        action,
        resource_account: owner,
    });
    let caller = caller.map_err(|message| {
        Fault::at(members.get("principal").unwrap_or(node), message).within("principal")
    })?;
    let resource_account = owner.or(caller.account()).unwrap_or_default().to_owned();

    let mut context = caller.context();
    if resource != "*" && !resource_account.is_empty() {
        let owner = Value::from(resource_account.clone());
        context.insert("aws:resourceaccount".to_owned(), owner);
    }
    context.extend(
        members
            .read_with("principal_tags", tags)?
            .unwrap_or_default(),
    );
    context.extend(members.read_with("context", facts)?.unwrap_or_default());

    let of_caller = |node: &Node<'_>| policy(text, node, kind_of_caller(node));
    let of_session = |node: &Node<'_>| policy(text, node, Kind::Session);
    let resource_kind = match super::assumes_role(action, resource) {
        true => Kind::Trust,
        false => Kind::Resource,
    };
    let service_control = |node: &Node<'_>| policy(text, node, Kind::ServiceControl);
    let resource_control = |node: &Node<'_>| match is_full_access(node) {
        true => Ok(None),
        false => policy(text, node, Kind::ResourceControl).map(Some),
    };
    let resource_control = members
        .read_with("resource_control_policies", |node| {
            list(node, |level| list(level, resource_control))
        })?
        .unwrap_or_default();
    let expect = members.required("expect")?;
    Ok(Case {
        name,
        rule: members.text("rule")?.unwrap_or_default().to_owned(),
        action: action.to_owned(),
        resource: resource.to_owned(),
        resource_account,
        context,
        caller,
        identity: members
            .read_with("identity_policies", |node| list(node, of_caller))?
            .unwrap_or_default(),
        resource_policy: members
            .read_with("resource_policy", |node| policy(text, node, resource_kind))?,
        boundary: members.read_with("permissions_boundary", of_caller)?,
        // AWS knows no session that was given an empty list: it was given none.
        session: members
            .read_with("session_policies", |node| list(node, of_session))?
            .filter(|list| !list.is_empty()),
        service_control: members
            .read_with("service_control_policies", |node| {
                list(node, |level| list(level, service_control))
            })?
            .unwrap_or_default(),
        resource_control: resource_control
            .into_iter()
            .map(|level| level.into_iter().flatten().collect())
            .collect(),
        expect: Expect::parse(expect).ok_or_else(|| {
            let message =
                format!("`{expect}` is none of `allowed`, `explicit_deny`, `implicit_deny`");
            Fault::at(members.get("expect").unwrap_or(node), message).within("expect")
        })?,
        because: members.text("because")?.map(str::to_owned),
    })
}

fn string<'a>(node: &'a Node<'_>) -> Result<&'a str, Fault> {
    match &node.value {
        Json::String(text) => Ok(text.as_ref()),
        _ => Err(Fault::at(node, "must be a string")),
    }
}

fn list<T>(node: &Node<'_>, read: impl Fn(&Node<'_>) -> Result<T, Fault>) -> Result<Vec<T>, Fault> {
    let Json::Array(items) = &node.value else {
        return Err(Fault::at(node, "must be a list"));
    };
    let read =
        |(index, item)| read(item).map_err(|fault: Fault| fault.within(&format!("[{index}]")));
    items.iter().enumerate().map(read).collect()
}

/// The members of an object under their lower-case names, which must differ.
fn named<T>(
    node: &Node<'_>,
    read: impl Fn(&Node<'_>) -> Result<T, Fault>,
) -> Result<BTreeMap<String, T>, Fault> {
    let Json::Object(members) = &node.value else {
        return Err(Fault::at(node, "must be an object"));
    };
    let mut all = BTreeMap::new();
    for Member { key, node, .. } in members {
        let value = read(node).map_err(|fault| fault.within(&format!(".{key}")))?;
        if all.insert(key.to_lowercase(), value).is_some() {
            let message = "twice, because keys are the same whatever their case";
            return Err(Fault::at(node, message).within(&format!(".{key}")));
        }
    }
    Ok(all)
}

fn tags(node: &Node<'_>) -> Result<BTreeMap<String, Value<'static>>, Fault> {
    let tags = named(node, |node| {
        string(node).map(|text| Value::from(text.to_owned()))
    })?;
    let key = |(tag, value)| (format!("aws:principaltag/{tag}"), value);
    Ok(tags.into_iter().map(key).collect())
}

fn facts(node: &Node<'_>) -> Result<BTreeMap<String, Value<'static>>, Fault> {
    named(node, |node| match &node.value {
        Json::Array(_) => Ok(Value::Many(list(node, |item| {
            scalar(item).map(Into::into)
        })?)),
        _ => scalar(node).map(Value::from),
    })
}

/// A context value: numbers and booleans count as their text, as they do in policies.
fn scalar(node: &Node<'_>) -> Result<String, Fault> {
    match &node.value {
        Json::String(text) => Ok(text.to_string()),
        Json::Number(text) => Ok((*text).to_owned()),
        Json::Bool(value) => Ok(value.to_string()),
        Json::Null | Json::Array(_) | Json::Object(_) => Err(Fault::at(
            node,
            "must be a string, a number, a boolean or a list of them",
        )),
    }
}

/// The policy at a place of the file, as it stands there.
fn policy(text: &str, node: &Node<'_>, kind: Kind) -> Result<Policy, Fault> {
    if !matches!(node.value, Json::Object(_)) {
        return Err(Fault::at(node, "must be a policy, which is an object"));
    }
    let document = text.get(node.span.start..node.span.end).unwrap_or_default();
    Policy::stored(document, kind).map_err(|malformed| Fault::at(node, malformed.to_string()))
}

/// Documents of version 2008-10-17 cannot be written to an identity any more and still have effect;
/// the rules for session policies let them in.
fn kind_of_caller(node: &Node<'_>) -> Kind {
    match member(node, "Version").map(|version| &version.value) {
        Some(Json::String(version)) if version == "2012-10-17" => Kind::Identity,
        _ => Kind::Session,
    }
}

/// Whether a policy is `RCPFullAWSAccess`, the one resource control policy that allows.
fn is_full_access(node: &Node<'_>) -> bool {
    let statement = match member(node, "Statement") {
        Some(Node {
            value: Json::Array(items),
            ..
        }) => match items.as_slice() {
            [one] => one,
            _ => return false,
        },
        Some(one) => one,
        None => return false,
    };
    let Json::Object(members) = &statement.value else {
        return false;
    };
    let star = |node: &Node<'_>| is_text(node, "*");
    let everyone = |node: &Node<'_>| star(node) || member(node, "AWS").is_some_and(star);
    let all = |name: &str| member(statement, name).is_some_and(star);
    let known = ["Sid", "Effect", "Principal", "Action", "Resource"];
    member(node, "Id").is_none()
        && members
            .iter()
            .all(|member| known.contains(&member.key.as_ref()))
        && member(statement, "Effect").is_some_and(|node| is_text(node, "Allow"))
        && member(statement, "Principal").is_some_and(everyone)
        && all("Action")
        && all("Resource")
}

fn is_text(node: &Node<'_>, wanted: &str) -> bool {
    string(node).is_ok_and(|text| text == wanted)
}

fn member<'a>(node: &'a Node<'_>, wanted: &str) -> Option<&'a Node<'a>> {
    let Json::Object(members) = &node.value else {
        return None;
    };
    let found = members.iter().find(|member| member.key == wanted);
    found.map(|member| &member.node)
}

#[cfg(test)]
mod tests {
    use super::all;
    use crate::case::Case;
    use crate::context::Value;

    const ALLOW: &str = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}"#;

    fn file(more: &str) -> String {
        format!(
            "[{{\"name\": \"n\", \"principal\": \"arn:aws:iam::123456789012:user/ann\",\n\
             \"action\": \"s3:GetObject\", \"resource\": \"arn:aws:s3:::b/x\", \"expect\": \"allowed\",\n\
             {more}}}]"
        )
    }

    fn read(more: &str) -> Case {
        all(&file(more)).unwrap().remove(0).unwrap()
    }

    #[track_caller]
    fn refused(more: &str, wanted: &str) {
        let mut cases = all(&file(more)).unwrap();
        let error = cases.remove(0).unwrap_err();
        assert_eq!(error.to_string(), wanted, "{more}");
        assert_eq!(error.case.as_deref(), Some("n"));
    }

    #[track_caller]
    fn refused_whole(text: &str, wanted: &str) {
        assert_eq!(all(text).unwrap_err().to_string(), wanted, "{text}");
    }

    #[test]
    fn a_file_is_a_list() {
        assert!(all("[]").unwrap().is_empty());
        refused_whole("[", "1:2: this is not JSON: the text ends too early");
        refused_whole("[7 7]", "1:4: this is not JSON: unexpected character");
        let deep = format!("{}{}", "[".repeat(99), "]".repeat(99));
        refused_whole(&deep, "1:18: nested too deeply");
        refused_whole(
            "[{\"a\": 1, \"a\": 2}]",
            "1:11: the object has this key already",
        );
        refused_whole("\n {}", "2:2: a case file is a list of cases");
        let error = all("[7]").unwrap().remove(0).unwrap_err();
        assert_eq!(error.to_string(), "1:2: a case is an object");
    }

    #[test]
    fn members_that_are_missing_unknown_or_of_a_wrong_type() {
        for (member, value) in [
            ("name", "\"n\""),
            ("principal", "\"arn:aws:iam::123456789012:user/ann\""),
            ("action", "\"s3:GetObject\""),
            ("resource", "\"arn:aws:s3:::b/x\""),
            ("expect", "\"allowed\""),
        ] {
            let whole = file("\"rule\": \"r\"");
            let without = whole.replace(&format!("\"{member}\": {value}"), "\"because\": null");
            let error = all(&without).unwrap().remove(0).unwrap_err();
            assert_eq!(error.member, member);
            assert_eq!(error.message, "required and not there");
            let empty = whole.replace(
                &format!("\"{member}\": {value}"),
                &format!("\"{member}\": \"\""),
            );
            let error = all(&empty).unwrap().remove(0).unwrap_err();
            assert_eq!(
                (error.member.as_str(), error.message.as_str()),
                (member, "must not be empty")
            );
        }
        refused(
            "\"identity_policy\": []",
            "3:20: case `n`: identity_policy: no such member; a case has name, rule, \
             principal, principal_id, principal_issuer, principal_tags, action, resource, \
             resource_account, context, identity_policies, resource_policy, permissions_boundary, \
             session_policies, service_control_policies, resource_control_policies, expect, because",
        );
        refused("\"rule\": 7", "3:9: case `n`: rule: must be a string");
        refused(
            "\"identity_policies\": {}",
            "3:22: case `n`: identity_policies: must be a list",
        );
        refused(
            "\"identity_policies\": [{}, 7]",
            "3:23: case `n`: identity_policies[0]: Syntax errors in policy.",
        );
        refused(
            &format!("\"session_policies\": [{ALLOW},\n  \"é\", 7]"),
            "4:3: case `n`: session_policies[1]: must be a policy, which is an object",
        );
        refused(
            &format!("\"service_control_policies\": [{ALLOW}]"),
            "3:30: case `n`: service_control_policies[0]: must be a list",
        );
        refused(
            &format!("\"service_control_policies\": [[{ALLOW}, {{}}]]"),
            "3:124: case `n`: service_control_policies[0][1]: The provided policy \
             document does not meet the requirements of the specified policy type.",
        );
        refused(
            "\"context\": {\"é\": 1, \"aws:a\": [\"x\", {}]}",
            "3:36: case `n`: context.aws:a[1]: must be a string, a number, a boolean \
             or a list of them",
        );
        refused(
            "\"context\": {\"aws:A\": 1, \"AWS:a\": 2}",
            "3:34: case `n`: context.AWS:a: twice, because keys are the same whatever \
             their case",
        );
        refused(
            "\"principal_tags\": {\"team\": 1}",
            "3:28: case `n`: principal_tags.team: must be a string",
        );
        refused(
            "\"principal_issuer\": \"arn:aws:iam::123456789012:role/r\"",
            "1:29: case `n`: principal: `arn:aws:iam::123456789012:user/ann` has no \
             `principal_issuer`",
        );
        let text = file("\"rule\": \"\"").replace("\"allowed\"", "\"Allow\"");
        assert_eq!(
            all(&text).unwrap().remove(0).unwrap_err().to_string(),
            "2:69: case `n`: expect: `Allow` is none of `allowed`, `explicit_deny`, \
             `implicit_deny`"
        );
    }

    #[test]
    fn a_name_twice_and_a_bad_case_beside_good_ones() {
        let one = file("\"rule\": \"r\"");
        let one = one.trim_matches(['[', ']']);
        let text = format!("[{one},\n{one}, 7, {}]", one.replace("\"n\"", "\"m\""));
        let cases = all(&text).unwrap();
        let seen: Vec<_> = cases
            .iter()
            .map(|case| {
                case.as_ref()
                    .map_or_else(ToString::to_string, |case| case.name.clone())
            })
            .collect();
        assert_eq!(
            seen,
            [
                "n",
                "4:1: case `n`: name: a case before has the same name",
                "6:15: a case is an object",
                "m",
            ]
        );
    }

    #[test]
    fn absence_null_and_emptiness() {
        let bare = read("\"rule\": null");
        assert_eq!(bare.rule, "");
        assert_eq!(bare.resource_account, "123456789012");
        let empty = read(
            "\"principal_tags\": {}, \"context\": {}, \"identity_policies\": [], \
             \"resource_policy\": null, \"permissions_boundary\": null, \"session_policies\": [], \
             \"service_control_policies\": [], \"resource_control_policies\": []",
        );
        assert_eq!(empty.context, bare.context);
        assert!(empty.session.is_none() && bare.session.is_none());
        let level = read("\"service_control_policies\": [[]]");
        assert_eq!(level.service_control.len(), 1);
    }

    #[test]
    fn keys_that_follow_and_keys_that_are_given() {
        let case = read(
            "\"principal_tags\": {\"Team\": \"Red\"}, \"resource_account\": \"999999999999\", \
             \"context\": {\"aws:UserName\": \"bob\", \"aws:TagKeys\": [\"a\", 7], \
             \"aws:MultiFactorAuthPresent\": true, \"aws:MultiFactorAuthAge\": 1.50}",
        );
        let value = |key: &str| case.context.get(key).cloned();
        assert_eq!(value("aws:username"), Some("bob".into()));
        assert_eq!(value("aws:principaltag/team"), Some("Red".into()));
        assert_eq!(
            value("aws:tagkeys"),
            Some(Value::Many(vec!["a".into(), "7".into()]))
        );
        assert_eq!(value("aws:multifactorauthpresent"), Some("true".into()));
        assert_eq!(value("aws:multifactorauthage"), Some("1.50".into()));
        assert_eq!(value("aws:principaltype"), Some("User".into()));
        assert_eq!(value("aws:principalisawsservice"), Some("false".into()));
        assert_eq!(value("aws:principalaccount"), Some("123456789012".into()));
        assert_eq!(value("aws:resourceaccount"), Some("999999999999".into()));
        assert_eq!(value("aws:userid"), Some("AIDAEXAMPLEEXAMPLE001".into()));
        assert_eq!(value("aws:sourceip"), None);
    }

    #[test]
    fn versions_of_identity_policies() {
        let literal = |version: &str| {
            format!(
                "\"identity_policies\": [{{{version} \"Statement\": {{\"Effect\": \"Allow\", \
                 \"Action\": \"*\", \"Resource\": \"*\", \"Condition\": {{\"IpAddress\": \
                 {{\"aws:SourceIp\": \"here\"}}}}}}}}]"
            )
        };
        assert_eq!(read(&literal("")).identity.len(), 1);
        assert_eq!(
            read(&literal("\"Version\": \"2008-10-17\","))
                .identity
                .len(),
            1
        );
        refused(
            &literal("\"Version\": \"2012-10-17\","),
            "3:23: case `n`: identity_policies[0]: The policy failed legacy parsing",
        );
    }

    #[test]
    fn the_resource_control_policy_that_allows() {
        let allow = |element: &str| {
            format!(
                "\"resource_control_policies\": [[{{\"Version\": \"2012-10-17\", \"Statement\": {element}}}]]"
            )
        };
        let full = r#"{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}"#;
        for element in [full, &format!("[{full}]")] {
            let case = read(&allow(element));
            assert_eq!(case.resource_control.len(), 1);
            assert!(case.resource_control[0].is_empty(), "{element}");
        }
        for other in [
            full.replace("\"Action\": \"*\"", "\"Action\": \"s3:*\""),
            full.replace(
                "}",
                ", \"Condition\": {\"Bool\": {\"aws:SecureTransport\": \"true\"}}}",
            ),
            format!("[{full}, {full}]"),
        ] {
            refused(
                &allow(&other),
                "3:32: case `n`: resource_control_policies[0][0]: The provided policy \
                 document does not meet the requirements of the specified policy type.",
            );
        }
    }
}
