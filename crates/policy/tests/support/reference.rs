//! A slow and obvious evaluator, written from the rules and not from the engine.
//!
//! It walks the JSON of the documents for every request and takes every rule literally. It shares no
//! code with the engine, only the types of its question and answer.

use std::cmp::Ordering;
use std::net::IpAddr;
use std::str::FromStr;

use locum_policy::{Decision, Denial, Layer, Value};
use serde_json::Value as Json;

use super::{Caller, Facts, World};

/// What AWS answers: two actions of STS are not a matter of policies.
pub(crate) fn answer(world: &World) -> Decision {
    let credentials = account_of(&world.caller).is_some();
    match world.action.to_lowercase().as_str() {
        "sts:getcalleridentity" | "sts:getsessiontoken" if credentials => Decision::Allowed,
        _ => decide(world),
    }
}

/// The account whose credentials a caller has. Services, federated and anonymous callers have none.
fn account_of(caller: &Caller) -> Option<&String> {
    match caller {
        Caller::Root { account }
        | Caller::User { account, .. }
        | Caller::FederatedUser { account, .. }
        | Caller::AssumedRole { account, .. } => Some(account),
        Caller::Anonymous | Caller::Service { .. } | Caller::Federated { .. } => None,
    }
}

/// Policies that are asked together.
pub(crate) struct Stage<'a> {
    pub(crate) layer: Layer,
    /// The level within an organization.
    pub(crate) level: Option<usize>,
    pub(crate) policies: Vec<&'a Json>,
}

/// What takes part in a decision, in the order of section 2.
pub(crate) fn stages(world: &World) -> Vec<Stage<'_>> {
    let stage = |layer, policies| Stage {
        layer,
        level: None,
        policies,
    };
    // "Not subject to": a level that does not bind is not there.
    let linked = is_service_linked_session(&world.caller);
    let by_resource = !linked
        && world.resource != "*"
        && !is_service_linked_role(&world.resource)
        && world.action.to_lowercase() != "kms:retiregrant";
    let by_caller = !linked && account_of(&world.caller).is_some();
    let mut stages = Vec::new();
    if by_resource {
        stages.extend(levels(Layer::ResourceControl, &world.resource_control));
    }
    if by_caller {
        stages.extend(levels(Layer::ServiceControl, &world.service_control));
    }
    if let Some(policy) = &world.attached {
        stages.push(stage(Layer::Resource, vec![policy]));
    }
    if let Some(policy) = &world.trust {
        stages.push(stage(Layer::Trust, vec![policy]));
    }
    stages.push(stage(Layer::Identity, world.identity.iter().collect()));
    if let Some(policy) = &world.boundary {
        stages.push(stage(Layer::Boundary, vec![policy]));
    }
    match (&world.session, &world.caller) {
        (Some(list), _) => stages.push(stage(Layer::Session, list.iter().collect())),
        // A GetFederationToken session without a policy is an implicit deny.
        (None, Caller::FederatedUser { .. }) => stages.push(stage(Layer::Session, vec![])),
        (None, _) => {}
    }
    stages
}

fn levels(layer: Layer, levels: &[Vec<Json>]) -> impl Iterator<Item = Stage<'_>> {
    levels.iter().enumerate().map(move |(number, level)| Stage {
        layer,
        level: Some(number),
        policies: level.iter().collect(),
    })
}

/// The decision by AWS's evaluation logic.
pub(crate) fn decide(world: &World) -> Decision {
    let denied = |explicit, layer| Decision::Denied(Denial { explicit, layer });
    let stages = stages(world);
    let says = |stage: &Stage<'_>, effect| {
        !matching(world, &stage.policies, effect, stage.layer).is_empty()
    };

    // Step 1: an explicit deny anywhere.
    for stage in &stages {
        if says(stage, "Deny") {
            return denied(true, stage.layer);
        }
    }

    // Step 3: each level must contain an allow. Step 2 has none to miss, RCPFullAWSAccess is
    // everywhere.
    for stage in &stages {
        if stage.layer == Layer::ServiceControl && !says(stage, "Allow") {
            return denied(false, Layer::ServiceControl);
        }
    }

    let resource_layer = if world.trust.is_some() {
        Layer::Trust
    } else {
        Layer::Resource
    };
    let resource: Vec<&Json> = world.attached.iter().chain(&world.trust).collect();
    // `None` where there is no such policy.
    let allows = |layer| {
        let stage = stages.iter().find(|stage| stage.layer == layer);
        stage.map(|stage| says(stage, "Allow"))
    };
    let resource_allows = allows(resource_layer) == Some(true);
    let identity_allows = allows(Layer::Identity) == Some(true)
        || matches!(
            world.caller,
            Caller::Root { .. } | Caller::FederatedUser { user: None, .. }
        );
    let boundary_allows = allows(Layer::Boundary) != Some(false);
    let session_allows = allows(Layer::Session) != Some(false);

    let Some(account) = account_of(&world.caller) else {
        // They have nothing but the resource's policy.
        return if resource_allows {
            Decision::Allowed
        } else {
            denied(false, resource_layer)
        };
    };

    if *account != world.resource_account {
        // Both sides must allow, and nothing is bypassed.
        return if !resource_allows {
            denied(false, resource_layer)
        } else if !identity_allows {
            denied(false, Layer::Identity)
        } else if !boundary_allows {
            denied(false, Layer::Boundary)
        } else if !session_allows {
            denied(false, Layer::Session)
        } else {
            Decision::Allowed
        };
    }

    // Section 3: role trust policies and KMS key policies must themselves allow.
    let key_policy = world.attached.is_some() && is_kms_key(&world.resource);
    if (world.trust.is_some() || key_policy) && !resource_allows {
        return denied(false, resource_layer);
    }
    let mut forms: Vec<Form> = Vec::new();
    for statement in matching(world, &resource, "Allow", resource_layer) {
        forms.extend(forms_of(&statement["Principal"], world));
    }
    let bypassed = |layer| {
        forms
            .iter()
            .any(|form| bypasses(*form, &world.caller, layer))
    };
    if !identity_allows && !bypassed(Layer::Identity) {
        return denied(false, Layer::Identity);
    }
    if !boundary_allows && !bypassed(Layer::Boundary) {
        return denied(false, Layer::Boundary);
    }
    if !session_allows && (world.session_binds || !bypassed(Layer::Session)) {
        return denied(false, Layer::Session);
    }
    Decision::Allowed
}

fn is_kms_key(arn: &str) -> bool {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    parts.len() == 6 && parts[0] == "arn" && parts[2] == "kms" && parts[5].starts_with("key/")
}

fn is_service_linked_session(caller: &Caller) -> bool {
    matches!(caller, Caller::AssumedRole { role, .. } if is_service_linked_role(role))
}

fn is_service_linked_role(arn: &str) -> bool {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    parts.len() == 6 && parts[2] == "iam" && parts[5].starts_with("role/aws-service-role/")
}

/// The form in which a principal value names the caller.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Form {
    UserOrRole,
    Session,
    Account,
    Everyone,
    Other,
}

/// "What the named principal bypasses", row by row.
fn bypasses(form: Form, caller: &Caller, layer: Layer) -> bool {
    match (form, caller) {
        (Form::UserOrRole, Caller::User { .. }) => layer != Layer::Session,
        (Form::UserOrRole, _) => layer == Layer::Identity,
        (Form::Session | Form::Everyone, _) => true,
        (Form::Account | Form::Other, _) => false,
    }
}

/// The statements of an effect that match.
fn matching<'a>(world: &World, policies: &[&'a Json], effect: &str, layer: Layer) -> Vec<&'a Json> {
    let mut found = Vec::new();
    for policy in policies {
        for statement in list(&policy["Statement"]) {
            let verdict = verdict(world, policy, statement, layer);
            if statement["Effect"] == effect && verdict.matches() {
                found.push(statement);
            }
        }
    }
    found
}

/// What each element of a statement says.
pub(crate) struct Verdict {
    pub(crate) action: bool,
    pub(crate) resource: bool,
    pub(crate) principal: bool,
    /// Operator, key as written, and whether it holds.
    pub(crate) conditions: Vec<(String, String, bool)>,
}

impl Verdict {
    pub(crate) fn matches(&self) -> bool {
        self.action && self.resource && self.principal && self.conditions.iter().all(|c| c.2)
    }
}

pub(crate) fn verdict(world: &World, policy: &Json, statement: &Json, layer: Layer) -> Verdict {
    let variables = policy["Version"] == "2012-10-17";
    Verdict {
        action: action_matches(statement, world),
        resource: resource_matches(statement, world, variables),
        principal: principal_matches(statement, world, layer),
        conditions: conditions(statement, world, variables),
    }
}

/// A single value stands for a list of one.
pub(crate) fn list(json: &Json) -> Vec<&Json> {
    match json {
        Json::Null => vec![],
        Json::Array(items) => items.iter().collect(),
        single => vec![single],
    }
}

fn texts(json: &Json) -> Vec<String> {
    list(json)
        .into_iter()
        .map(|value| match value {
            Json::String(text) => text.clone(),
            other => other.to_string(),
        })
        .collect()
}

fn action_matches(statement: &Json, world: &World) -> bool {
    let action = world.action.to_ascii_lowercase();
    let any = |patterns: &Json| {
        texts(patterns)
            .iter()
            .any(|p| like(&plain(&p.to_ascii_lowercase()), &action))
    };
    if statement.get("Action").is_some() {
        any(&statement["Action"])
    } else {
        !any(&statement["NotAction"])
    }
}

fn resource_matches(statement: &Json, world: &World, variables: bool) -> bool {
    let any = |patterns: &Json| {
        texts(patterns)
            .iter()
            .any(|p| resource_pattern(p, &world.resource, &world.facts, variables))
    };
    if statement.get("Resource").is_some() {
        any(&statement["Resource"])
    } else if statement.get("NotResource").is_some() {
        !any(&statement["NotResource"])
    } else {
        true
    }
}

fn resource_pattern(pattern: &str, resource: &str, facts: &Facts, variables: bool) -> bool {
    if pattern == "*" {
        return true;
    }
    // Variables work in the sixth segment only.
    let mut segments: Vec<&str> = pattern.splitn(6, ':').collect();
    let Some(last) = (segments.len() == 6).then(|| segments.pop().unwrap()) else {
        return arn_like(&plain(pattern), resource);
    };
    let mut units = plain(&(segments.join(":") + ":"));
    match expand(last, facts, variables, true) {
        None => false,
        Some(rest) => {
            units.extend(rest);
            arn_like(&units, resource)
        }
    }
}

/// One element of a pattern.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Unit {
    Is(u16),
    One,
    Many,
}

fn literal(text: &str) -> Vec<Unit> {
    text.encode_utf16().map(Unit::Is).collect()
}

fn plain(text: &str) -> Vec<Unit> {
    text.encode_utf16()
        .map(|unit| match unit {
            0x2A => Unit::Many,
            0x3F => Unit::One,
            other => Unit::Is(other),
        })
        .collect()
}

/// Puts the variables in; `None` when one has no value.
fn expand(text: &str, facts: &Facts, variables: bool, wildcards: bool) -> Option<Vec<Unit>> {
    let read = |text: &str| {
        if wildcards {
            plain(text)
        } else {
            literal(text)
        }
    };
    if !variables {
        return Some(read(text));
    }
    let mut units = Vec::new();
    let mut rest = text;
    loop {
        let Some((before, after)) = rest.split_once("${") else {
            units.extend(read(rest));
            return Some(units);
        };
        units.extend(read(before));
        // The blank before the default is optional.
        let mut quoted = after
            .split_once(", '")
            .into_iter()
            .chain(after.split_once(",'"));
        if let Some((key, tail)) = quoted.find(|(key, _)| !key.contains('}')) {
            let (default, tail) = tail.split_once("'}")?;
            match facts.get(&key.to_lowercase()) {
                Some(Value::One(value)) => units.extend(literal(value)),
                Some(Value::Many(_)) => return None,
                None => units.extend(literal(default)),
            }
            rest = tail;
            continue;
        }
        let (key, tail) = after.split_once('}')?;
        match (key, facts.get(&key.to_lowercase())) {
            ("*" | "?" | "$", _) => units.extend(literal(key)),
            (_, Some(Value::One(value))) => units.extend(literal(value)),
            (_, Some(Value::Many(_)) | None) => return None,
        }
        rest = tail;
    }
}

/// Wildcard matching by a table of which prefixes match which prefixes.
fn like(pattern: &[Unit], text: &str) -> bool {
    let text: Vec<u16> = text.encode_utf16().collect();
    let mut reach = vec![false; text.len() + 1];
    reach[0] = true;
    for unit in pattern {
        let mut next = vec![false; text.len() + 1];
        for at in 0..=text.len() {
            next[at] = match unit {
                Unit::Many => reach[at] || (at > 0 && next[at - 1]),
                Unit::One => at > 0 && reach[at - 1],
                Unit::Is(wanted) => at > 0 && reach[at - 1] && text[at - 1] == *wanted,
            };
        }
        reach = next;
    }
    reach[text.len()]
}

/// Segment by segment; a shorter pattern needs a trailing star, which takes up the rest.
fn arn_like(pattern: &[Unit], text: &str) -> bool {
    if !is_arn(text) {
        return false;
    }
    let segments: Vec<&[Unit]> = pattern.splitn(6, |u| *u == Unit::Is(0x3A)).collect();
    if segments.len() < 6 && segments.last().and_then(|s| s.last()) != Some(&Unit::Many) {
        return false;
    }
    let parts: Vec<&str> = text.splitn(segments.len(), ':').collect();
    parts.len() == segments.len() && segments.iter().zip(parts).all(|(s, p)| like(s, p))
}

fn is_arn(text: &str) -> bool {
    text.starts_with("arn:") && text.matches(':').count() >= 5
}

/// Principal and NotPrincipal; policies attached to the caller have neither.
fn principal_matches(statement: &Json, world: &World, layer: Layer) -> bool {
    if !matches!(layer, Layer::Resource | Layer::Trust) {
        return true;
    }
    if statement.get("Principal").is_some() {
        return !forms_of(&statement["Principal"], world).is_empty();
    }
    // Whoever has a boundary is hit by it no matter what it lists. Otherwise account, entity and
    // session must all be listed.
    let forms = forms_of(&statement["NotPrincipal"], world);
    let listed = |form| forms.contains(&form);
    let spared = world.boundary.is_none()
        && (listed(Form::Everyone)
            || match &world.caller {
                Caller::Anonymous => false,
                Caller::Root { .. } => listed(Form::Account),
                Caller::User { .. } => listed(Form::Account) && listed(Form::UserOrRole),
                Caller::FederatedUser { user: None, .. } => {
                    listed(Form::Account) && listed(Form::Session)
                }
                Caller::AssumedRole { .. } | Caller::FederatedUser { .. } => {
                    listed(Form::Account) && listed(Form::UserOrRole) && listed(Form::Session)
                }
                Caller::Service { .. } | Caller::Federated { .. } => listed(Form::Other),
            });
    !spared
}

/// In which forms an element names the caller.
pub(crate) fn forms_of(element: &Json, world: &World) -> Vec<Form> {
    let mut forms = Vec::new();
    match element {
        Json::String(star) => forms.extend(form_of("AWS", star, world)),
        Json::Object(members) => {
            for (kind, values) in members {
                for value in texts(values) {
                    forms.extend(form_of(kind, &value, world));
                }
            }
        }
        _ => {}
    }
    forms
}

fn form_of(kind: &str, value: &str, world: &World) -> Option<Form> {
    let is = |condition: bool, form: Form| condition.then_some(form);
    match (kind, &world.caller) {
        ("Service", Caller::Service { name }) => is(value == name, Form::Other),
        ("Federated", Caller::Federated { provider, .. }) => is(value == provider, Form::Other),
        ("AWS", Caller::Federated { .. }) => None,
        ("AWS", Caller::Anonymous | Caller::Service { .. }) => {
            is(value == "*" && world.trust.is_none(), Form::Everyone)
        }
        ("AWS", _) if value == "*" => Some(Form::Everyone),
        ("AWS", Caller::Root { account }) => is(names_account(value, account), Form::Account),
        ("AWS", Caller::User { account, arn, id }) => {
            is(names_account(value, account), Form::Account)
                .or(is(value == arn || value == id, Form::UserOrRole))
        }
        ("AWS", Caller::FederatedUser { account, arn, user }) => {
            let user = user
                .as_ref()
                .is_some_and(|(arn, id)| value == arn || value == id);
            is(names_account(value, account), Form::Account)
                .or(is(user, Form::UserOrRole))
                .or(is(value == arn, Form::Session))
        }
        (
            "AWS",
            Caller::AssumedRole {
                account,
                role,
                id,
                session,
                name,
            },
        ) => is(names_account(value, account), Form::Account)
            .or(is(value == role || value == id, Form::UserOrRole))
            .or(is(
                value == session || value == format!("{id}:{name}"),
                Form::Session,
            )),
        _ => None,
    }
}

fn names_account(value: &str, account: &str) -> bool {
    let partition = value
        .strip_prefix("arn:")
        .and_then(|v| v.split_once(":iam::"));
    value == account || partition.is_some_and(|(_, rest)| rest == format!("{account}:root"))
}

fn conditions(statement: &Json, world: &World, variables: bool) -> Vec<(String, String, bool)> {
    let mut all = Vec::new();
    for (operator, keys) in statement["Condition"].as_object().into_iter().flatten() {
        for (key, wanted) in keys.as_object().unwrap() {
            let wanted = texts(wanted);
            let holds = condition(
                operator,
                &key.to_lowercase(),
                &wanted,
                &world.facts,
                variables,
            );
            all.push((operator.clone(), key.clone(), holds));
        }
    }
    all
}

/// The truth table of missing, empty and present keys.
fn condition(operator: &str, key: &str, wanted: &[String], facts: &Facts, variables: bool) -> bool {
    let seen = facts.get(key);
    if operator == "Null" {
        return wanted
            .iter()
            .any(|w| w.to_lowercase() == seen.is_none().to_string());
    }
    let for_all = operator.strip_prefix("ForAllValues:");
    let for_any = operator.strip_prefix("ForAnyValue:");
    let base = for_all.or(for_any).unwrap_or(operator);
    let (base, if_exists) = match base.strip_suffix("IfExists") {
        Some(base) => (base, true),
        None => (base, false),
    };
    let negated = base.contains("Not");
    let positive = base.replace("Not", "");
    let compare = |value: &str| compare(&positive, negated, value, wanted, facts, variables);
    match seen {
        None if if_exists => true,
        None if for_all.is_some() => true,
        None if for_any.is_some() => false,
        None => negated,
        Some(Value::One(value)) => compare(value),
        Some(Value::Many(values)) if for_all.is_some() => values.iter().all(|v| compare(v)),
        Some(Value::Many(values)) if for_any.is_some() => values.iter().any(|v| compare(v)),
        Some(Value::Many(_)) => false,
    }
}

/// One request value against all policy values.
fn compare(
    operator: &str,
    negated: bool,
    seen: &str,
    wanted: &[String],
    facts: &Facts,
    variables: bool,
) -> bool {
    // Request values for which the documentation gives an answer of their own.
    if operator == "IpAddress" && IpAddr::from_str(seen).is_err() {
        return false;
    }
    if operator.starts_with("Arn") && !is_arn(seen) {
        return false;
    }
    let one = |wanted: &String| one(operator, seen, wanted, facts, variables).unwrap_or(false);
    wanted.iter().any(one) != negated
}

/// One request value against one policy value; `None` when either cannot be read.
fn one(operator: &str, seen: &str, wanted: &str, facts: &Facts, variables: bool) -> Option<bool> {
    let text = || {
        let units = expand(wanted, facts, variables, false)?;
        let units: Vec<u16> = units
            .iter()
            .filter_map(|u| if let Unit::Is(x) = u { Some(*x) } else { None })
            .collect();
        String::from_utf16(&units).ok()
    };
    Some(match operator {
        "StringEquals" => text()? == seen,
        "StringEqualsIgnoreCase" => text()?.to_lowercase() == seen.to_lowercase(),
        "StringLike" => like(&expand(wanted, facts, variables, true)?, seen),
        "ArnEquals" | "ArnLike" => {
            // All six segments, or a star alone for every ARN.
            let pattern = expand(wanted, facts, variables, true)?;
            let colons = pattern.iter().filter(|u| **u == Unit::Is(0x3A)).count();
            pattern == [Unit::Many] || (colons >= 5 && arn_like(&pattern, seen))
        }
        "Bool" => text()?.to_lowercase() == (seen.to_lowercase() == "true").to_string(),
        "BinaryEquals" => bytes(wanted)? == bytes(seen)?,
        "IpAddress" => in_network(seen, wanted)?,
        _ => {
            let (ordering, relation) = if let Some(relation) = operator.strip_prefix("Numeric") {
                (
                    compare_decimals(&decimal(seen)?, &decimal(wanted)?),
                    relation,
                )
            } else {
                let relation = operator.strip_prefix("Date")?;
                (instant(seen)?.cmp(&instant(wanted)?), relation)
            };
            match relation {
                "Equals" => ordering == Ordering::Equal,
                "LessThan" => ordering == Ordering::Less,
                "LessThanEquals" => ordering != Ordering::Greater,
                "GreaterThan" => ordering == Ordering::Greater,
                "GreaterThanEquals" => ordering != Ordering::Less,
                _ => panic!("no such operator: {operator}"),
            }
        }
    })
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    data_encoding::BASE64.decode(text.as_bytes()).ok()
}

/// The address as bits, and whether it is version 4.
fn bits(address: IpAddr) -> (bool, u128) {
    match address {
        IpAddr::V4(v4) => (true, u128::from(u32::from(v4))),
        IpAddr::V6(v6) => (false, u128::from(v6)),
    }
}

fn in_network(seen: &str, network: &str) -> Option<bool> {
    let mut seen = IpAddr::from_str(seen).ok()?;
    // An IPv4-mapped request address is treated as version 4, a mapped policy literal is not.
    if let IpAddr::V6(v6) = seen
        && let Some(v4) = v6.to_ipv4_mapped()
    {
        seen = IpAddr::V4(v4);
    }
    let (address, length) = match network.split_once('/') {
        Some((address, length)) => (address, Some(length.parse::<u32>().ok()?)),
        None => (network, None),
    };
    let (v4, base) = bits(IpAddr::from_str(address).ok()?);
    let (seen_v4, seen) = bits(seen);
    let width = if v4 { 32 } else { 128 };
    let free = width - length.unwrap_or(width).min(width);
    let cut = |bits: u128| if free == 128 { 0 } else { bits >> free << free };
    if !v4 && cut(base) != base {
        return Some(false);
    }
    Some(v4 == seen_v4 && cut(seen) == cut(base))
}

/// Sign, whole part without leading zeros, fraction without trailing zeros.
fn decimal(text: &str) -> Option<(bool, String, String)> {
    let negative = text.starts_with('-');
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (digits, exponent) = match digits.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, exponent.parse::<i32>().ok()?),
        None => (digits, 0),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let (mut whole, mut fraction) = (whole.to_owned(), fraction.to_owned());
    if whole.len() + fraction.len() == 0
        || !whole
            .chars()
            .chain(fraction.chars())
            .all(|c| c.is_ascii_digit())
    {
        return None;
    }
    for _ in 0..exponent.max(0) {
        whole.push(if fraction.is_empty() {
            '0'
        } else {
            fraction.remove(0)
        });
    }
    for _ in exponent.min(0)..0 {
        fraction.insert(0, whole.pop().unwrap_or('0'));
    }
    let whole = whole.trim_start_matches('0').to_owned();
    let fraction = fraction.trim_end_matches('0').to_owned();
    let zero = whole.is_empty() && fraction.is_empty();
    Some((negative && !zero, whole, fraction))
}

type Digits = (bool, String, String);

fn compare_decimals(a: &Digits, b: &Digits) -> Ordering {
    let size =
        a.1.len()
            .cmp(&b.1.len())
            .then_with(|| a.1.cmp(&b.1))
            .then_with(|| a.2.cmp(&b.2));
    match (a.0, b.0) {
        (false, false) => size,
        (true, true) => size.reverse(),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
    }
}

/// Milliseconds since 1970, by a library's reading of the forms.
fn instant(text: &str) -> Option<i64> {
    if text.chars().all(|c| c.is_ascii_digit()) && !text.is_empty() {
        return text.parse::<i64>().ok()?.checked_mul(1_000);
    }
    if let Ok(timestamp) = text.parse::<jiff::Timestamp>() {
        return Some(timestamp.as_millisecond());
    }
    let civil = text.parse::<jiff::civil::DateTime>().ok()?;
    Some(
        jiff::tz::Offset::UTC
            .to_timestamp(civil)
            .ok()?
            .as_millisecond(),
    )
}
