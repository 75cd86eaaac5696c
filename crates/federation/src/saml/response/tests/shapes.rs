//! What an assertion must say, and what it may.

use super::*;

#[track_caller]
fn says(said: &Said<'_>) -> Result<Assertion, SamlFault> {
    verify(&signed(said))
}

#[track_caller]
fn subject(from: &str, to: &str) -> Result<Assertion, SamlFault> {
    let subject = SUBJECT.replace(from, to);
    assert_ne!(subject, SUBJECT);
    says(&Said {
        subject: &subject,
        ..Said::default()
    })
}

#[track_caller]
fn misshapen(said: &Result<Assertion, SamlFault>) {
    assert!(matches!(said, Err(SamlFault::Shape(_))), "{said:?}");
}

#[test]
fn who_it_is_and_how_long_it_is_good() {
    let format = " Format=\"urn:oasis:names:tc:SAML:2.0:nameid-format:persistent\"";
    let end = "2026-11-22T00:05:00Z";
    let recipient = " Recipient=\"https://signin.aws.amazon.com/saml\"";
    assert_eq!(subject(format, ""), Err(SamlFault::NoFormat));
    assert_eq!(subject(format, " Format=\"\""), Err(SamlFault::NoFormat));
    assert_eq!(
        subject(recipient, ""),
        Err(SamlFault::NoConfirmation("Recipient"))
    );
    let without = subject(&format!(" NotOnOrAfter=\"{end}\""), "");
    assert_eq!(without, Err(SamlFault::NoConfirmation("NotOnOrAfter")));
    let (name, value) = ("NotOnOrAfter", "soon".to_owned());
    assert_eq!(subject(end, "soon"), Err(SamlFault::Time { name, value }));
    let over = SamlFault::Expired {
        name: "NotOnOrAfter of the SubjectConfirmationData",
        at: NOW,
        now: NOW,
    };
    assert_eq!(subject(end, "2026-11-22T00:00:00Z"), Err(over));
    assert_eq!(
        subject("00:05:00Z", "00:00:01Z").unwrap().expires(),
        NOW + 1
    );
    misshapen(&subject(":bearer", ":holder-of-key"));
    misshapen(&subject(">ann<", "><"));
    misshapen(&subject(">ann<", "><s:NameID>ann</s:NameID><"));
    let start = SUBJECT.find("<s:SubjectConfirmation ").unwrap();
    let confirmation = SUBJECT[start..].strip_suffix("</s:Subject>").unwrap();
    misshapen(&subject(
        "</s:Subject>",
        &format!("{confirmation}</s:Subject>"),
    ));
    misshapen(&subject(confirmation, ""));
    misshapen(&says(&Said {
        subject: "",
        ..Said::default()
    }));
    misshapen(&says(&Said {
        subject: &format!("{SUBJECT}{SUBJECT}"),
        ..Said::default()
    }));
}

#[test]
fn conditions_as_aws_has_them() {
    let conditions = |conditions: &str| {
        says(&Said {
            conditions,
            ..Said::default()
        })
    };
    let none = conditions("").unwrap();
    assert_eq!((none.expires(), none.audiences().len()), (NOW + 300, 0));
    // Meant for others, or from tomorrow on: trust policies decide.
    conditions(&CONDITIONS.replace("urn:amazon:webservices", "https://other.example.com/"))
        .unwrap();
    let over = SamlFault::Expired {
        name: "NotOnOrAfter of the Conditions",
        at: NOW - 1,
        now: NOW,
    };
    let text = CONDITIONS.replace("2026-11-22T01:00:00Z", "2026-11-21T23:59:59Z");
    assert_eq!(conditions(&text), Err(over));
    let (name, value) = ("NotBefore", "tomorrow".to_owned());
    let text = CONDITIONS.replace("2026-11-23T00:00:00Z", "tomorrow");
    assert_eq!(conditions(&text), Err(SamlFault::Time { name, value }));
    conditions("<s:Conditions><s:OneTimeUse/><s:ProxyRestriction Count=\"0\"/></s:Conditions>")
        .unwrap();
    misshapen(&conditions("<s:Conditions><s:Condition/></s:Conditions>"));
    misshapen(&conditions(&format!("{CONDITIONS}{CONDITIONS}")));
}

#[test]
fn statements() {
    let statements = |statements: &str| {
        says(&Said {
            statements,
            ..Said::default()
        })
    };
    let none = statements("").unwrap();
    assert_eq!((none.session_ends(), none.attributes().count()), (None, 0));
    let two = format!(
        "{}{STATEMENTS}",
        STATEMENTS.replace("02:00:00Z", "01:00:00Z")
    );
    let two = statements(&two).unwrap();
    assert_eq!(two.session_ends(), Some(NOW + 3600));
    assert_eq!(two.values("n").count(), 6);
    let value = |inside: &str| {
        let text = STATEMENTS.replace(">one<", &format!(">{inside}<"));
        let said = statements(&text).unwrap();
        said.values("n").next().unwrap().to_owned()
    };
    assert_eq!(value("  a b "), "  a b ");
    assert_eq!(value(""), "");
    assert_eq!(value("<s:NameID>ann</s:NameID>"), "ann");
    // What is no text is no value.
    assert_eq!(value("<x>one</x>"), "two");
    assert_eq!(value("o<x/>ne"), "two");
    for wrong in [
        STATEMENTS.replace(" Name=\"n\"", ""),
        STATEMENTS.replace("<s:AttributeValue>one</s:AttributeValue>", "one"),
        "<s:EncryptedAttribute/>".to_owned(),
        "<s:AttributeStatement><s:EncryptedAttribute/></s:AttributeStatement>".to_owned(),
    ] {
        misshapen(&statements(&wrong));
    }
    let (name, value) = ("SessionNotOnOrAfter", "2026-11-22T25:00:00Z".to_owned());
    let text = STATEMENTS.replace("02:00:00Z", "25:00:00Z");
    assert_eq!(statements(&text), Err(SamlFault::Time { name, value }));
}

#[test]
fn responses() {
    let other = signed(&Said {
        issuer: "https://evil.example.com/",
        ..Said::default()
    });
    let fault = SamlFault::Issuer {
        found: "https://evil.example.com/".to_owned(),
        wanted: "https://idp.example.com/".to_owned(),
    };
    refused(&other, &fault);
    // Who sends an unsigned response does not matter.
    let genuine = genuine();
    let issuer = "<s:Issuer>https://idp.example.com/</s:Issuer>";
    accepted(&genuine.replacen(issuer, "", 1));
    accepted(&genuine.replacen(issuer, "<s:Issuer>x</s:Issuer>", 1));
    let failed = genuine.replace("status:Success", "status:Responder");
    let status = SamlFault::Status("urn:oasis:names:tc:SAML:2.0:status:Responder".to_owned());
    refused(&failed, &status);
    let start = failed.find("<s:Assertion").unwrap();
    refused(&format!("{}</p:Response>", &failed[..start]), &status);
    for (from, to) in [
        ("<p:Status>", "text<p:Status>"),
        ("<p:Status>", "<p:Other/><p:Status>"),
        ("<p:Status>", "<p:Status/><p:Status>"),
        ("ID=\"r\" Version=\"2.0\"", "ID=\"r\" Version=\"1.1\""),
        (
            "ID=\"r\" Version=\"2.0\"",
            "ID=\"r\" Other=\"\" Version=\"2.0\"",
        ),
        ("p:Response", "p:LogoutResponse"),
        (
            "urn:oasis:names:tc:SAML:2.0:protocol",
            "urn:oasis:names:tc:SAML:1.1:protocol",
        ),
    ] {
        misshapen(&verify(&genuine.replace(from, to)));
    }
    let start = genuine.find("<s:Assertion").unwrap();
    let end = genuine.find("</p:Response>").unwrap();
    let none = SamlFault::Shape("the document is no Response of SAML 2.0");
    refused(&genuine[start..end], &none);
    let none = SamlFault::Shape("the Response has no Assertion");
    refused(&format!("{}</p:Response>", &genuine[..start]), &none);
}
