//! Bucket policies. They are the realm's; only the form of the answers is S3's.

use super::Call;
use crate::action;
use crate::fault::{Code, Fault};
use s3s::dto;
use serde_json::Value;

/// The most that a bucket policy may have: 20 KB.
const MAX_POLICY: usize = 20_480;

pub(super) async fn put(
    call: &Call,
    input: dto::PutBucketPolicyInput,
) -> Result<dto::PutBucketPolicyOutput, Fault> {
    if input.policy.len() > MAX_POLICY {
        return Err(Fault::new(
            Code::MalformedPolicy,
            format!(
                "Normalized policy document exceeds the maximum allowed size of {MAX_POLICY} bytes."
            ),
        ));
    }
    if !input.policy.trim_start().starts_with('{') {
        return Err(Code::MalformedPolicy.into());
    }
    let bucket = call.bucket()?;
    belongs(&input.policy, &bucket.bucket.name)?;
    let origin = call.origin("s3:PutBucketPolicy");
    call.realm
        .put_bucket_policy(bucket, Some(&input.policy), &origin)
        .await?;
    Ok(dto::PutBucketPolicyOutput {})
}

pub(super) async fn get(
    call: &Call,
    input: dto::GetBucketPolicyInput,
) -> Result<dto::GetBucketPolicyOutput, Fault> {
    match call.realm.bucket_policy(call.bucket()?).await? {
        Some(policy) => Ok(dto::GetBucketPolicyOutput {
            policy: Some(policy),
        }),
        None => Err(Fault::from(Code::NoSuchBucketPolicy).with("BucketName", input.bucket)),
    }
}

pub(super) async fn delete(
    call: &Call,
    _: dto::DeleteBucketPolicyInput,
) -> Result<dto::DeleteBucketPolicyOutput, Fault> {
    let bucket = call.bucket()?;
    let origin = call.origin("s3:DeleteBucketPolicy");
    call.realm.put_bucket_policy(bucket, None, &origin).await?;
    Ok(dto::DeleteBucketPolicyOutput {})
}

/// What S3 asks of a bucket policy beyond the language: its resources are the bucket and what is in
/// it, and its actions are S3's.
fn belongs(document: &str, bucket: &str) -> Result<(), Fault> {
    let malformed = |text| Err(Fault::new(Code::MalformedPolicy, text));
    let Ok(document) = serde_json::from_str::<Value>(document) else {
        return malformed("Policies must be valid JSON and the first byte must be '{'");
    };
    for statement in texts_or(document.get("Statement")) {
        let all = |names: [&'static str; 2]| {
            let named = names.map(|name| texts_or(statement.get(name)));
            named.into_iter().flatten()
        };
        if !all(["Resource", "NotResource"]).all(|value| is_in_bucket(value, bucket)) {
            return malformed("Policy has invalid resource");
        }
        if !all(["Action", "NotAction"]).all(is_action) {
            return malformed("Policy has invalid action");
        }
    }
    Ok(())
}

/// A value that may stand alone or in a list.
fn texts_or(value: Option<&Value>) -> &[Value] {
    match value {
        None => &[],
        Some(Value::Array(values)) => values,
        Some(value) => std::slice::from_ref(value),
    }
}

/// Whether a resource is the bucket, in it, or a pattern that begins with its name.
fn is_in_bucket(resource: &Value, bucket: &str) -> bool {
    let name = resource
        .as_str()
        .and_then(|text| text.strip_prefix("arn:aws:s3:::"));
    let behind = name.and_then(|name| name.strip_prefix(bucket));
    behind.is_some_and(|behind| behind.is_empty() || behind.starts_with(['/', '*', '?']))
}

/// Whether an action, or a pattern of actions, is any of S3's.
fn is_action(action: &Value) -> bool {
    let Some(action) = action.as_str() else {
        return false;
    };
    action == "*" || action::names().any(|name| matches(action, name))
}

/// Whether a pattern of an action matches a name, whatever the letter case.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
    // What each prefix of the name is matched by, one character of the pattern after the other.
    let mut matched = vec![false; name.len() + 1];
    if let Some(first) = matched.first_mut() {
        *first = true;
    }
    for letter in pattern {
        let mut next = Vec::with_capacity(matched.len());
        for place in 0..=name.len() {
            let before = place.checked_sub(1);
            let at = |row: &[bool], place: Option<usize>| {
                place
                    .and_then(|place| row.get(place).copied())
                    .unwrap_or(false)
            };
            next.push(match letter {
                b'*' => at(&matched, Some(place)) || at(&next, before),
                b'?' => at(&matched, before),
                letter => {
                    at(&matched, before)
                        && before
                            .and_then(|place| name.get(place))
                            .is_some_and(|other| other.eq_ignore_ascii_case(letter))
                }
            });
        }
        matched = next;
    }
    matched.last().copied().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(statement: &str, expected: Result<(), &str>) {
        let document = format!(r#"{{"Version":"2012-10-17","Statement":{statement}}}"#);
        let found = belongs(&document, "bucket").map_err(|fault| fault.message.to_string());
        assert_eq!(found, expected.map_err(str::to_owned), "{statement}");
    }

    #[test]
    fn resources_are_the_buckets() {
        for (resource, right) in [
            ("arn:aws:s3:::bucket", true),
            ("arn:aws:s3:::bucket/*", true),
            ("arn:aws:s3:::bucket*", true),
            ("arn:aws:s3:::other/*", false),
            ("arn:aws:s3:::bucket-2", false),
            ("arn:aws:s3:::*", false),
            ("*", false),
        ] {
            let statement = format!(r#"[{{"Action":"s3:GetObject","Resource":["{resource}"]}}]"#);
            let expected = if right {
                Ok(())
            } else {
                Err("Policy has invalid resource")
            };
            check(&statement, expected);
        }
    }

    #[test]
    fn actions_are_those_of_s3() {
        for (action, right) in [
            ("s3:GetObject", true),
            ("S3:getobject", true),
            ("s3:Get*", true),
            ("s3:*", true),
            ("*", true),
            ("s3:Replicate?elete", true),
            ("s3:NoSuchAction", false),
            ("s3:Get", false),
            ("iam:CreateUser", false),
        ] {
            let statement =
                format!(r#"{{"NotAction":"{action}","Resource":"arn:aws:s3:::bucket"}}"#);
            let expected = if right {
                Ok(())
            } else {
                Err("Policy has invalid action")
            };
            check(&statement, expected);
        }
    }
}
