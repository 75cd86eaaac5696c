//! The variables by which SDKs are told what to work with.

use super::assume::Session;
use locum_identity::environment::timestamp;
use locum_identity::sealing::Secret;

/// What would lead an SDK to other credentials, those of the caller among them, and what is for this
/// command alone.
pub(crate) const REMOVED: [&str; 17] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_CREDENTIAL_FILE",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "LOCUM_PROFILE",
    "LOCUM_MFA_CODE",
];

/// A variable that is set; its value may be a secret.
pub(crate) type Variable = (&'static str, Secret);

/// The credentials themselves, with their end.
pub(crate) fn credentials(session: &Session) -> Vec<Variable> {
    let issued = &session.issued;
    vec![
        plain("AWS_ACCESS_KEY_ID", &issued.access_key_id),
        ("AWS_SECRET_ACCESS_KEY", issued.secret_access_key.clone()),
        ("AWS_SESSION_TOKEN", issued.session_token.clone()),
        plain("AWS_CREDENTIAL_EXPIRATION", &timestamp(issued.expiration)),
    ]
}

/// Where they are for.
pub(crate) fn place(session: &Session) -> Vec<Variable> {
    let mut variables = vec![
        plain("AWS_REGION", &session.region),
        plain("AWS_DEFAULT_REGION", &session.region),
    ];
    if let Some(url) = &session.endpoint_url {
        variables.push(plain("AWS_ENDPOINT_URL", url));
    }
    variables
}

pub(crate) fn plain(name: &'static str, value: &str) -> Variable {
    (name, Secret::new(value.to_owned()))
}
