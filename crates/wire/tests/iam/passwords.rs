//! Passwords and service-specific credentials on the wire.

use crate::common::World;
use crate::support::{Form, answer, result};

const AT: &str = "2026-01-01T00:00:00Z";
const USER: (&str, &str) = ("UserName", "ann");
const PASSWORD: (&str, &str) = ("Password", "Correct-Horse-7");

#[track_caller]
fn check(world: &World, operation: &str, form: Form<'_>, expected: &str) {
    let answered = result(world, operation, form).unwrap_or_default();
    assert_eq!(answered, expected, "{operation}");
}

/// That a request gets this status, code and message.
#[track_caller]
fn refused(world: &World, operation: &str, form: Form<'_>, expected: (u16, &str, &str)) {
    let (status, body) = answer(world, &world.root, operation, form);
    let (_, code, message) = expected;
    let told = format!("<Code>{code}</Code><Message>{message}</Message>");
    assert_eq!(
        (status, body.contains(&told)),
        (expected.0, true),
        "{operation}: {body}"
    );
}

#[test]
fn login_profiles() {
    let world = World::new();
    world.user("ann");
    let profile = |reset| {
        format!(
            "<LoginProfile><UserName>ann</UserName><CreateDate>{AT}</CreateDate><PasswordResetRequired>{reset}</PasswordResetRequired></LoginProfile>"
        )
    };
    let required = ("PasswordResetRequired", "true");
    check(
        &world,
        "CreateLoginProfile",
        &[USER, PASSWORD, required],
        &profile(true),
    );
    check(&world, "GetLoginProfile", &[USER], &profile(true));
    check(
        &world,
        "UpdateLoginProfile",
        &[USER, ("PasswordResetRequired", "0")],
        "",
    );
    check(&world, "GetLoginProfile", &[USER], &profile(false));
    check(
        &world,
        "UpdateLoginProfile",
        &[USER, ("Password", "Battery-Staple-8")],
        "",
    );
    let violation = "Password does not conform to the account password policy.";
    refused(
        &world,
        "UpdateLoginProfile",
        &[USER, ("Password", "p")],
        (400, "PasswordPolicyViolation", violation),
    );
    check(&world, "DeleteLoginProfile", &[USER], "");
    let missing = "Login Profile for User ann cannot be found.";
    for operation in [
        "GetLoginProfile",
        "DeleteLoginProfile",
        "UpdateLoginProfile",
    ] {
        refused(&world, operation, &[USER], (404, "NoSuchEntity", missing));
    }
    let type_of_user = "Only IAM Users can change their own password.";
    refused(
        &world,
        "ChangePassword",
        &[("OldPassword", "a"), ("NewPassword", "b")],
        (400, "InvalidUserType", type_of_user),
    );
}

/// What is wrong with a password is told without it.
#[test]
fn passwords_have_the_models_constraints() {
    let world = World::new();
    world.user("ann");
    let told = |operation: &str, form: Form<'_>, member: &str, clause: &str| {
        let message = format!(
            "1 validation error detected: Value at '{member}' failed to satisfy constraint: {clause}"
        );
        refused(&world, operation, form, (400, "ValidationError", &message));
    };
    let long = "\u{ff}".repeat(129);
    for (text, clause) in [
        (
            long.as_str(),
            "Member must have length less than or equal to 128",
        ),
        ("", "Member must have length greater than or equal to 1"),
        (
            "se\0cret",
            r"Member must satisfy regular expression pattern: [\u0009\u000A\u000D\u0020-\u00FF]+",
        ),
        (
            "se\u{160}cret",
            r"Member must satisfy regular expression pattern: [\u0009\u000A\u000D\u0020-\u00FF]+",
        ),
    ] {
        let form = [USER, ("Password", text)];
        told("CreateLoginProfile", &form, "password", clause);
        told("UpdateLoginProfile", &form, "password", clause);
        let form = [("OldPassword", text), ("NewPassword", "x")];
        told("ChangePassword", &form, "oldPassword", clause);
        let form = [("OldPassword", "x"), ("NewPassword", text)];
        told("ChangePassword", &form, "newPassword", clause);
    }
    let long = "a".repeat(65);
    let clause = "Member must have length less than or equal to 64";
    told(
        "GetLoginProfile",
        &[("UserName", &long)],
        "userName",
        clause,
    );
    let clause = "Member must not be null";
    told("CreateLoginProfile", &[USER], "password", clause);
}

#[test]
fn password_policies() {
    let world = World::new();
    let missing = "The Password Policy with domain name 123456789012 cannot be found.";
    for operation in ["GetAccountPasswordPolicy", "DeleteAccountPasswordPolicy"] {
        refused(&world, operation, &[], (404, "NoSuchEntity", missing));
    }
    check(&world, "UpdateAccountPasswordPolicy", &[], "");
    let short = "<PasswordPolicy><MinimumPasswordLength>6</MinimumPasswordLength><RequireSymbols>false</RequireSymbols><RequireNumbers>false</RequireNumbers><RequireUppercaseCharacters>false</RequireUppercaseCharacters><RequireLowercaseCharacters>false</RequireLowercaseCharacters><AllowUsersToChangePassword>false</AllowUsersToChangePassword><ExpirePasswords>false</ExpirePasswords></PasswordPolicy>";
    check(&world, "GetAccountPasswordPolicy", &[], short);
    let everything = [
        ("MinimumPasswordLength", "14"),
        ("RequireSymbols", "true"),
        ("RequireNumbers", "true"),
        ("RequireUppercaseCharacters", "true"),
        ("RequireLowercaseCharacters", "true"),
        ("AllowUsersToChangePassword", "true"),
        ("MaxPasswordAge", "90"),
        ("PasswordReusePrevention", "24"),
        ("HardExpiry", "false"),
    ];
    check(&world, "UpdateAccountPasswordPolicy", &everything, "");
    let long = "<PasswordPolicy><MinimumPasswordLength>14</MinimumPasswordLength><RequireSymbols>true</RequireSymbols><RequireNumbers>true</RequireNumbers><RequireUppercaseCharacters>true</RequireUppercaseCharacters><RequireLowercaseCharacters>true</RequireLowercaseCharacters><AllowUsersToChangePassword>true</AllowUsersToChangePassword><ExpirePasswords>true</ExpirePasswords><MaxPasswordAge>90</MaxPasswordAge><PasswordReusePrevention>24</PasswordReusePrevention><HardExpiry>false</HardExpiry></PasswordPolicy>";
    check(&world, "GetAccountPasswordPolicy", &[], long);
    for (name, value, member, clause) in [
        (
            "MinimumPasswordLength",
            "5",
            "minimumPasswordLength",
            "Member must have value greater than or equal to 6",
        ),
        (
            "MinimumPasswordLength",
            "129",
            "minimumPasswordLength",
            "Member must have value less than or equal to 128",
        ),
        (
            "MaxPasswordAge",
            "0",
            "maxPasswordAge",
            "Member must have value greater than or equal to 1",
        ),
        (
            "MaxPasswordAge",
            "1096",
            "maxPasswordAge",
            "Member must have value less than or equal to 1095",
        ),
        (
            "PasswordReusePrevention",
            "0",
            "passwordReusePrevention",
            "Member must have value greater than or equal to 1",
        ),
        (
            "PasswordReusePrevention",
            "25",
            "passwordReusePrevention",
            "Member must have value less than or equal to 24",
        ),
    ] {
        let message = format!(
            "1 validation error detected: Value at '{member}' failed to satisfy constraint: {clause}"
        );
        let expected = (400, "ValidationError", message.as_str());
        refused(
            &world,
            "UpdateAccountPasswordPolicy",
            &[(name, value)],
            expected,
        );
    }
    check(&world, "GetAccountPasswordPolicy", &[], long);
    check(&world, "DeleteAccountPasswordPolicy", &[], "");
    refused(
        &world,
        "GetAccountPasswordPolicy",
        &[],
        (404, "NoSuchEntity", missing),
    );
}

/// The text of an element.
fn element<'a>(body: &'a str, name: &str) -> &'a str {
    let (_, rest) = body.split_once(&format!("<{name}>")).unwrap();
    rest.split_once("</").unwrap().0
}

#[test]
fn service_specific_credentials() {
    let world = World::new();
    world.user("ann");
    let create = |service: &str| {
        result(
            &world,
            "CreateServiceSpecificCredential",
            &[USER, ("ServiceName", service)],
        )
        .unwrap()
    };
    let made = create("codecommit.amazonaws.com");
    let id = element(&made, "ServiceSpecificCredentialId").to_owned();
    let metadata = format!(
        "<UserName>ann</UserName><Status>Active</Status><ServiceUserName>ann-at-123456789012</ServiceUserName><CreateDate>{AT}</CreateDate><ServiceSpecificCredentialId>{id}</ServiceSpecificCredentialId><ServiceName>codecommit.amazonaws.com</ServiceName>"
    );
    let secret = element(&made, "ServicePassword");
    assert_eq!(
        made,
        format!(
            "<ServiceSpecificCredential>{metadata}<ServicePassword>{secret}</ServicePassword></ServiceSpecificCredential>"
        )
    );
    check(
        &world,
        "ListServiceSpecificCredentials",
        &[USER],
        &format!(
            "<ServiceSpecificCredentials><member>{metadata}</member></ServiceSpecificCredentials><IsTruncated>false</IsTruncated>"
        ),
    );
    let which = ("ServiceSpecificCredentialId", id.as_str());
    let again = result(&world, "ResetServiceSpecificCredential", &[USER, which]).unwrap();
    assert_eq!(
        again,
        made.replace(secret, element(&again, "ServicePassword"))
    );
    check(
        &world,
        "UpdateServiceSpecificCredential",
        &[USER, which, ("Status", "Inactive")],
        "",
    );
    let listed = result(
        &world,
        "ListServiceSpecificCredentials",
        &[("AllUsers", "1")],
    )
    .unwrap();
    assert_eq!(element(&listed, "Status"), "Inactive");
    refused(
        &world,
        "UpdateServiceSpecificCredential",
        &[USER, which, ("Status", "Expired")],
        (
            400,
            "InvalidInput",
            "Status Expired cannot be set by a caller.",
        ),
    );
    check(
        &world,
        "DeleteServiceSpecificCredential",
        &[USER, which],
        "",
    );
    let missing = format!("No such credential {id} exists");
    for operation in [
        "DeleteServiceSpecificCredential",
        "ResetServiceSpecificCredential",
    ] {
        refused(
            &world,
            operation,
            &[USER, which],
            (404, "NoSuchEntity", &missing),
        );
    }
    let key = result(
        &world,
        "CreateServiceSpecificCredential",
        &[
            USER,
            ("ServiceName", "bedrock.amazonaws.com"),
            ("CredentialAgeDays", "36600"),
        ],
    );
    let key = key.unwrap();
    assert!(
        element(&key, "ServiceCredentialSecret").starts_with("ABSK"),
        "{key}"
    );
    assert!(
        element(&key, "ServiceCredentialAlias").starts_with("ann-at-123456789012-"),
        "{key}"
    );
    assert_eq!(element(&key, "ExpirationDate"), "2126-03-18T00:00:00Z");
    assert!(
        !key.contains("<ServicePassword>") && !key.contains("<ServiceUserName>"),
        "{key}"
    );
    for (age, clause) in [
        ("0", "greater than or equal to 1"),
        ("36601", "less than or equal to 36600"),
    ] {
        let message = format!(
            "1 validation error detected: Value at 'credentialAgeDays' failed to satisfy constraint: Member must have value {clause}"
        );
        let form = [
            USER,
            ("ServiceName", "bedrock.amazonaws.com"),
            ("CredentialAgeDays", age),
        ];
        let expected = (400, "ValidationError", message.as_str());
        refused(&world, "CreateServiceSpecificCredential", &form, expected);
    }
    let markup = "No such service &lt;b&gt; is supported for Service Specific Credentials";
    refused(
        &world,
        "CreateServiceSpecificCredential",
        &[USER, ("ServiceName", "<b>")],
        (404, "NoSuchEntity", markup),
    );
}
