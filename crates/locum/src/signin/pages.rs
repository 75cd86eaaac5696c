//! The pages, as templates that escape whatever is put into them.

use askama::Template;
use data_encoding::BASE64;
use http::HeaderValue;
use locum_sigv4::sha256;
use std::sync::LazyLock;

/// The one style sheet, which stands in every page.
pub(super) const STYLE: &str = include_str!("../../templates/signin/style.css");

static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let style = BASE64.encode(&sha256(STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    );
    HeaderValue::from_str(&policy)
        .unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'"))
});

/// `Content-Security-Policy`: the style sheet and forms to this server, nothing else.
pub(super) fn content_security_policy() -> HeaderValue {
    POLICY.clone()
}

/// The text of a page.
pub(super) fn render(page: &impl Template) -> String {
    page.render().unwrap_or_else(|error| {
        tracing::error!("a page cannot be written: {error}");
        "This page cannot be shown.".to_owned()
    })
}

/// What went wrong.
#[derive(Template)]
#[template(path = "signin/fault.html")]
pub(super) struct Fault<'a> {
    pub(super) title: &'a str,
    pub(super) sentence: &'a str,
    pub(super) advice: &'a str,
    pub(super) request_id: &'a str,
}

#[derive(Template)]
#[template(path = "signin/signed_out.html")]
pub(super) struct SignedOut;

/// The page for which all this is.
#[derive(Template)]
#[template(path = "signin/credentials.html")]
pub(super) struct Credentials<'a> {
    pub(super) arn: &'a str,
    pub(super) account: &'a str,
    pub(super) alias: Option<&'a str>,
    pub(super) expires: &'a str,
    pub(super) blocks: &'a [Block],
    pub(super) request_id: &'a str,
}

/// The credentials in one form.
pub(super) struct Block {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) note: Option<String>,
    pub(super) text: String,
}

/// Roles to choose from.
#[derive(Template)]
#[template(path = "signin/roles.html")]
pub(super) struct Roles<'a> {
    pub(super) action: &'a str,
    pub(super) state: &'a str,
    pub(super) accounts: &'a [ChoiceAccount],
    pub(super) request_id: &'a str,
}

/// The roles of one account.
pub(super) struct ChoiceAccount {
    pub(super) id: String,
    pub(super) alias: Option<String>,
    pub(super) roles: Vec<ChoiceRole>,
}

/// One of them.
pub(super) struct ChoiceRole {
    pub(super) number: usize,
    /// With its path.
    pub(super) name: String,
    /// What tells it from another of the same name.
    pub(super) detail: Option<String>,
}

/// The service provider's metadata.
#[derive(Template)]
#[template(path = "signin/saml_metadata.xml")]
pub(super) struct SamlMetadata<'a> {
    pub(super) public_url: &'a str,
}

/// The ways into an account.
#[derive(Template)]
#[template(path = "signin/providers.html")]
pub(super) struct Providers<'a> {
    /// What was typed.
    pub(super) asked: &'a str,
    pub(super) ways: Option<WaysIn>,
    pub(super) request_id: &'a str,
}

/// The ways into one account.
pub(super) struct WaysIn {
    /// As it was asked for.
    pub(super) account: String,
    pub(super) providers: Vec<ProviderLink>,
}

/// Where a provider's sign-in begins.
pub(super) struct ProviderLink {
    pub(super) name: String,
    pub(super) href: String,
}
