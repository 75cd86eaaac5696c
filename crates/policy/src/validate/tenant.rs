//! Tenant conditions of shared OpenID Connect issuers.
//!
//! One issuer signs the tokens of all its customers, so a role that trusts the issuer must also say
//! whose tokens it means. IAM refuses a trust policy that does not, and lets those be that stood
//! before it began to; see "Identity-provider controls for shared OIDC providers".

use super::draft::{Draft, DraftCondition, DraftStatement, Text};
use super::{Refusal, refuse};
use crate::document::Effect;
use crate::glob::Glob;
use crate::operator::Test;
use crate::principal::PrincipalType;

struct Issuer {
    /// The URL without its scheme.
    name: &'static str,
    /// Any one of these keys tells the tenant.
    keys: &'static [&'static str],
    /// What IAM calls a provider that it knows without registration: such a one is compared by
    /// equality only, and its key must be spelled exactly.
    built_in: Option<&'static str>,
}

const fn shared(name: &'static str, keys: &'static [&'static str]) -> Issuer {
    Issuer {
        name,
        keys,
        built_in: None,
    }
}

const fn built_in(
    name: &'static str,
    called: &'static str,
    keys: &'static [&'static str],
) -> Issuer {
    Issuer {
        name,
        keys,
        built_in: Some(called),
    }
}

const GITHUB: &str = "token.actions.githubusercontent.com";

const ISSUERS: [Issuer; 25] = [
    built_in("cognito-identity.amazonaws.com", "Cognito", &["aud"]),
    built_in("accounts.google.com", "Google", &["aud", "oaud", "sub"]),
    built_in("graph.facebook.com", "Facebook", &["app_id", "sub"]),
    built_in("www.amazon.com", "Amazon", &["app_id", "sub"]),
    shared(GITHUB, &["sub", "job_workflow_ref"]),
    shared("vstoken.actions.githubusercontent.com", &["sub"]),
    shared(
        "oidc-configuration.audit-log.githubusercontent.com",
        &["sub"],
    ),
    shared("gitlab.com", &["sub"]),
    shared("agent.buildkite.com", &["sub"]),
    shared("app.terraform.io", &["sub"]),
    shared("oidc.codefresh.io", &["sub"]),
    shared("studio.datachain.ai/api", &["sub"]),
    shared("scalr.io", &["sub"]),
    shared("tokens.cloud.shisho.dev", &["sub"]),
    shared("proidc.upbound.io", &["sub"]),
    shared("api.pulumi.com/oidc", &["aud"]),
    shared("sandboxes.cloud", &["aud"]),
    shared("oidc.vercel.com", &["aud"]),
    // IBM Turbonomic.
    shared(
        "rh-oidc.s3.us-east-1.amazonaws.com/22ejnvnnturfmt6km08idd0nt4hekbn7",
        &["sub"],
    ),
    shared(
        "rh-oidc.s3.us-east-1.amazonaws.com/23e3sd27sju1hoou6ohfs68vbno607tr",
        &["sub"],
    ),
    shared(
        "rh-oidc.s3.us-east-1.amazonaws.com/23ne21h005qjl3n33d8dui5dlrmv2tmg",
        &["sub"],
    ),
    shared(
        "rh-oidc.s3.us-east-1.amazonaws.com/24jrf12m5dj7ljlfb4ta2frhrcoadm26",
        &["sub"],
    ),
    shared(
        "oidc.op1.openshiftapps.com/2f785sojlpb85i7402pk3qogugim5nfb",
        &["sub"],
    ),
    shared(
        "oidc.op1.openshiftapps.com/2c51blsaqa9gkjt0o9rt11mle8mmropu",
        &["sub"],
    ),
    // Azure Sentinel tells its tenant in the session's name.
    shared(
        "sts.windows.net/33e01921-4d64-4f8c-a055-5bdaffd5e33d",
        &["sts:RoleSessionName"],
    ),
];

pub(super) fn check(draft: &Draft<'_>) -> Result<(), Refusal> {
    draft.statements.iter().try_for_each(statement)
}

fn statement(statement: &DraftStatement<'_>) -> Result<(), Refusal> {
    if statement.effect != Some(Effect::Allow) || !lets_tokens_in(statement) {
        return Ok(());
    }
    let principals = statement.principal.iter().flat_map(|p| &p.values);
    // Each issuer once, however often it is named.
    let mut told: Vec<&Issuer> = Vec::new();
    for (kind, text) in principals {
        let issuer = (*kind == PrincipalType::Federated)
            .then(|| Issuer::of(&text.value))
            .flatten();
        let Some(issuer) = issuer.filter(|i| !told.iter().any(|t| t.name == i.name)) else {
            continue;
        };
        if !statement.conditions.iter().any(|c| issuer.is_told_by(c)) {
            return issuer.refuse(text);
        }
        told.push(issuer);
    }
    Ok(())
}

fn lets_tokens_in(statement: &DraftStatement<'_>) -> bool {
    statement.actions().any(|text| {
        Glob::new(&text.value.to_ascii_lowercase()).matches("sts:assumerolewithwebidentity")
    })
}

impl Issuer {
    /// The shared issuer that a federated principal names.
    fn of(principal: &str) -> Option<&'static Issuer> {
        let name = match principal.split_once(":oidc-provider/") {
            Some((_, url)) => url,
            None => principal,
        };
        ISSUERS.iter().find(|issuer| issuer.name == name)
    }

    /// Whether a condition ties the tokens to a tenant.
    fn is_told_by(&self, condition: &DraftCondition<'_>) -> bool {
        let operator = condition.operator;
        let compares = match operator.test {
            Test::StringEquals | Test::StringEqualsIgnoreCase => true,
            Test::StringLike => self.built_in.is_none(),
            _ => false,
        };
        compares
            && !operator.negated
            && !operator.if_exists
            && self.is_key(&condition.key.value)
            && !condition.values.is_empty()
            && condition.values.iter().all(|text| self.is_tenant(text))
    }

    fn is_key(&self, key: &str) -> bool {
        self.keys.iter().any(|claim| {
            if claim.contains(':') {
                return claim.eq_ignore_ascii_case(key);
            }
            let Some((name, own)) = key.rsplit_once(':') else {
                return false;
            };
            match self.built_in {
                Some(_) => name == self.name && own == *claim,
                None => name.eq_ignore_ascii_case(self.name) && own.eq_ignore_ascii_case(claim),
            }
        })
    }

    /// Whether a value leaves some tenants out.
    fn is_tenant(&self, text: &Text<'_>) -> bool {
        let value = text.value.trim();
        let open = value.chars().all(|c| matches!(c, '*' | '?'));
        let any_owner = self.name == GITHUB && value.starts_with('*');
        !open && !any_owner
    }

    fn refuse(&self, principal: &Text<'_>) -> Result<(), Refusal> {
        let code = "MISSING_TENANT_CONDITION";
        let name = self.name;
        if let Some(called) = self.built_in {
            let message = format!("A condition block must be present for the {called} provider");
            return refuse(code, principal.span, message);
        }
        let keys: Vec<String> = self
            .keys
            .iter()
            .map(|key| match key.contains(':') {
                true => (*key).to_owned(),
                false => format!("{name}:{key}"),
            })
            .collect();
        // AWS's own words for these issuers are not published.
        let keys = keys.join(" or ");
        let message = format!(
            "The trust policy of a shared OpenID Connect provider must evaluate {keys} against a \
             value that identifies the tenant."
        );
        refuse(code, principal.span, message)
    }
}
