//! A request of the audit log: what it says was asked for, and why that was refused.

use super::super::explanation::View;
use super::asked::{Asked, Keys};
use super::{AsOf, ExplainArgs, Given, as_of_note, block_on, message};
use crate::Failure;
use crate::audit::{self, ADDITIONAL, ENCODED_MESSAGE, REFUSED_ACTION, REFUSED_RESOURCE};
use crate::config::Place;
use crate::data_dir::{open_as_it_was, open_to_read};
use crate::environment::system;
use locum_identity::authorization_message::AuthorizationMessage;
use locum_identity::environment::Seconds;
use locum_identity::supposed::Supposed;
use serde_json::Value as Json;
use std::borrow::Cow;
use std::fs::File;
use std::io::{BufRead as _, BufReader, ErrorKind};
use std::path::Path;

impl ExplainArgs {
    pub(super) fn of_record(self, id: &str) -> Result<View, Failure> {
        let given = self.given()?;
        let place = self.place.resolve()?;
        let record = Record::find(&place.data.join(audit::DIRECTORY), id)?;
        block_on(explain(&place, given, &record))
    }
}

async fn explain(place: &Place, given: Given, record: &Record) -> Result<View, Failure> {
    let (environment, _) = system();
    let now = open_to_read(place, environment.clone()).await?;
    let sealed = match record.text(&[ADDITIONAL, ENCODED_MESSAGE]) {
        Some(text) => now.authorization_message(text).await.ok(),
        None => None,
    };
    // Without another wish, what was decided is what is told.
    if let (Some(message), true) = (&sealed, given.is_empty()) {
        return Ok(message::view(message));
    }
    let at = match given.as_of {
        None => AsOf::Time(record.at()?),
        Some(as_of) => as_of,
    };
    let asked = match &sealed {
        Some(message) => of_message(message),
        None => record.asked(&given)?,
    };
    let asked = asked.under(given);
    let mut view = match at {
        AsOf::Now => asked.explain(&now).await?,
        AsOf::Time(at) => {
            let then = open_as_it_was(place, environment, at).await?;
            let mut view = asked.explain(&then).await?;
            view.notes.push(as_of_note(at));
            view
        }
    };
    view.notes.push(record.outcome());
    Ok(view)
}

/// The request that a message is about. What follows from the principal and the resource is to follow
/// from them as they are at the time that is asked about; tags of the principal may be its session's,
/// which only the message knows.
fn of_message(message: &AuthorizationMessage) -> Asked {
    let follows = |key: &str| {
        ["aws:resource", "iam:resourcetag/", "s3:resourceaccount"]
            .iter()
            .any(|start| key.starts_with(start))
            || (key.starts_with("aws:principal") && !key.starts_with("aws:principaltag/"))
            || ["aws:userid", "aws:username"].contains(&key)
    };
    let keys = message.context.iter();
    let keys = keys.map(|(key, value)| (key.to_lowercase(), value.clone()));
    Asked {
        action: message.explanation.action.clone(),
        resource: message.explanation.resource.clone(),
        resource_account: None,
        context: keys.filter(|(key, _)| !follows(key)).collect(),
        supposed: Supposed {
            principal: message.arn.clone(),
            issuer: message.issuer.clone(),
            session_policy: message.session_policy.clone(),
            session_policy_arns: message.session_policy_arns.clone(),
        },
    }
}

impl Given {
    /// Nothing but where to look.
    fn is_empty(&self) -> bool {
        self.as_of.is_none()
            && self.action.is_none()
            && self.resource.is_none()
            && self.resource_account.is_none()
            && self.context.is_empty()
            && self.supposed.issuer.is_none()
            && self.supposed.session_policy.is_none()
            && self.supposed.session_policy_arns.is_empty()
    }
}

impl Asked {
    /// The request with what is given over it.
    fn under(mut self, given: Given) -> Self {
        self.action = given.action.unwrap_or(self.action);
        self.resource = given.resource.unwrap_or(self.resource);
        self.resource_account = given.resource_account.or(self.resource_account);
        self.context.extend(given.context);
        let supposed = &mut self.supposed;
        supposed.issuer = given.supposed.issuer.or(supposed.issuer.take());
        let policy = given.supposed.session_policy;
        supposed.session_policy = policy.or(supposed.session_policy.take());
        if !given.supposed.session_policy_arns.is_empty() {
            supposed.session_policy_arns = given.supposed.session_policy_arns;
        }
        self
    }
}

/// One line of the audit log.
struct Record(Json);

impl Record {
    /// The record of a request, in the newest file first.
    fn find(directory: &Path, id: &str) -> Result<Self, Failure> {
        let failed = |error| {
            Failure::work(
                &format!("cannot read the audit log `{}`", directory.display()),
                error,
            )
        };
        let mut files: Vec<_> = std::fs::read_dir(directory)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(failed)?
            .into_iter()
            .map(|entry| entry.path())
            .filter(|path| {
                path.extension()
                    .is_some_and(|extension| extension == "jsonl")
            })
            .collect();
        // What is written to, `audit.jsonl` and `audit.2.jsonl`, before what was put aside, the newest
        // `audit-TIME-N.jsonl` first.
        files.sort();
        files.reverse();
        files.sort_by_key(|path| {
            let name = path.file_name().and_then(|name| name.to_str());
            name.is_none_or(|name| name.starts_with("audit-"))
        });
        for path in files {
            let file = match File::open(&path) {
                // Rotated or removed meanwhile.
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                file => file.map_err(failed)?,
            };
            for line in BufReader::new(file).split(b'\n') {
                let line = line.map_err(failed)?;
                // The id also stands in what others sent: the member decides.
                if !contains(&line, id.as_bytes()) {
                    continue;
                }
                if let Ok(record) = serde_json::from_slice::<Json>(&line).map(Self)
                    && record.text(&["requestID"]) == Some(id)
                {
                    return Ok(record);
                }
            }
        }
        Err(Failure::Work(format!(
            "the audit log `{}` has no request `{id}`",
            directory.display()
        )))
    }

    fn member(&self, path: &[&str]) -> Option<&Json> {
        path.iter().try_fold(&self.0, |value, name| value.get(name))
    }

    fn text(&self, path: &[&str]) -> Option<&str> {
        self.member(path)?.as_str()
    }

    fn at(&self) -> Result<Seconds, Failure> {
        let time = self.text(&["eventTime"]).and_then(|text| text.parse().ok());
        time.map(jiff::Timestamp::as_second)
            .ok_or_else(|| Failure::Work("the record of the request has no time".to_owned()))
    }

    /// What became of the request.
    fn outcome(&self) -> String {
        let name = self.text(&["eventName"]).unwrap_or("the request");
        let time = self.text(&["eventTime"]).unwrap_or_default();
        match (self.text(&["errorCode"]), self.text(&["errorMessage"])) {
            (Some(code), Some(text)) => {
                format!("{name} was answered with {code} at {time}: {text}")
            }
            _ => format!("{name} was done at {time}"),
        }
    }

    /// The request that the record is about.
    fn asked(&self, given: &Given) -> Result<Asked, Failure> {
        let principal = self.principal()?;
        let refused = |name| self.text(&[ADDITIONAL, name]).map(str::to_owned);
        let need = match (refused(REFUSED_ACTION), refused(REFUSED_RESOURCE)) {
            (Some(action), Some(resource)) => (Some(action), Some(resource)),
            _ => self.need(),
        };
        let (action, resource) = need;
        let untold = |what: &str| {
            Failure::Work(format!(
                "the record does not say on which {what} the request was decided: give --{what}; {}",
                self.outcome()
            ))
        };
        Ok(Asked {
            action: match (action, &given.action) {
                (Some(action), _) => action,
                (None, Some(_)) => String::new(),
                (None, None) => return Err(untold("action")),
            },
            resource: match (resource, &given.resource) {
                (Some(resource), _) => resource,
                (None, Some(_)) => String::new(),
                (None, None) => return Err(untold("resource")),
            },
            resource_account: None,
            context: self.context(),
            supposed: Supposed {
                issuer: self.issuer(&principal),
                principal,
                ..Supposed::default()
            },
        })
    }

    /// What the request was decided on, as far as that follows from the operation and its parameters.
    fn need(&self) -> (Option<String>, Option<String>) {
        let event = self
            .text(&["eventSource"])
            .and_then(|source| source.split('.').next());
        let (Some(service), Some(operation)) = (event, self.text(&["eventName"])) else {
            return (None, None);
        };
        if service == "s3" {
            let (bucket, key) = (self.parameter("bucketName"), self.parameter("key"));
            let need = locum_s3::need_of(operation, bucket, key);
            return need
                .map(|(action, resource)| (action.to_owned(), resource))
                .unzip();
        }
        let resource = match (service, operation) {
            ("sts", "AssumeRole") => self.parameter("roleArn"),
            ("iam", _) => self.parameter("policyArn"),
            _ => None,
        };
        (
            Some(format!("{service}:{operation}")),
            resource.map(str::to_owned),
        )
    }

    fn principal(&self) -> Result<String, Failure> {
        let identity = |name| self.text(&["userIdentity", name]);
        match (identity("arn"), identity("accountId")) {
            (Some(arn), _) => Ok(arn.to_owned()),
            (None, Some("anonymous")) => Ok("anonymous".to_owned()),
            _ => Err(Failure::Work(format!(
                "it is not known who made the request, so no policy was asked: {}",
                self.outcome()
            ))),
        }
    }

    /// Who asked for a federated user's credentials.
    fn issuer(&self, principal: &str) -> Option<String> {
        if !principal.contains(":federated-user/") {
            return None;
        }
        let path = ["userIdentity", "sessionContext", "sessionIssuer", "arn"];
        match self.text(&path) {
            Some(arn) => Some(arn.to_owned()),
            None => {
                let account = self.text(&["userIdentity", "accountId"])?;
                Some(format!("arn:aws:iam::{account}:root"))
            }
        }
    }

    fn parameter(&self, name: &str) -> Option<&str> {
        self.text(&["requestParameters", name])
    }

    /// The condition keys that the record tells.
    fn context(&self) -> Keys {
        let mut keys = Keys::new();
        let mut put = |key: &str, value: Option<&str>| {
            if let Some(value) = value {
                keys.insert(key.to_owned(), value.to_owned().into());
            }
        };
        put("aws:sourceip", self.text(&["sourceIPAddress"]));
        put("aws:useragent", self.text(&["userAgent"]));
        put("aws:requestedregion", self.text(&["awsRegion"]));
        let session = ["userIdentity", "sessionContext"];
        let [identity, context] = session;
        let source = self.text(&[identity, context, "sourceIdentity"]);
        put("aws:sourceidentity", source);
        let attribute = |name| self.text(&[identity, context, "attributes", name]);
        put("aws:tokenissuetime", attribute("creationDate"));
        if self.text(&[identity, "type"]) != Some("FederatedUser") {
            put("aws:multifactorauthpresent", attribute("mfaAuthenticated"));
        }
        if self.text(&["eventName"]) == Some("AssumeRole") {
            for (key, name) in [
                ("sts:rolesessionname", "roleSessionName"),
                ("sts:externalid", "externalId"),
                ("sts:sourceidentity", "sourceIdentity"),
            ] {
                put(key, self.parameter(name));
            }
        }
        let tags = self.member(&["requestParameters", "tags"]);
        let mut tag_keys = Vec::new();
        for tag in tags.and_then(Json::as_array).into_iter().flatten() {
            let part = |name| tag.get(name).and_then(Json::as_str);
            if let (Some(key), Some(value)) = (part("key"), part("value")) {
                put(
                    &format!("aws:requesttag/{}", key.to_lowercase()),
                    Some(value),
                );
                tag_keys.push(Cow::Owned(key.to_owned()));
            }
        }
        let mut several = |key: &str, values: Vec<Cow<'static, str>>| {
            if !values.is_empty() {
                keys.insert(key.to_owned(), locum_policy::Value::Many(values));
            }
        };
        several("aws:tagkeys", tag_keys);
        let transitive = self.member(&["requestParameters", "transitiveTagKeys"]);
        let transitive = transitive.and_then(Json::as_array).into_iter().flatten();
        let transitive = transitive.filter_map(|key| Some(Cow::Owned(key.as_str()?.to_owned())));
        several("sts:transitivetagkeys", transitive.collect());
        keys
    }
}

fn contains(line: &[u8], wanted: &[u8]) -> bool {
    !wanted.is_empty() && line.windows(wanted.len()).any(|window| window == wanted)
}
