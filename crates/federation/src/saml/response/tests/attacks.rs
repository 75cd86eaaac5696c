//! What was done to verifiers elsewhere.

use super::*;

/// Another assertion, by the attacker: the genuine one without a signature, of somebody else.
fn evil() -> String {
    let bare = Said::default().assertion().replace("{a}", "");
    bare.replace("ID=\"a\"", "ID=\"evil\"")
        .replace(">ann<", ">root<")
}

/// From one text to the end of another.
fn cut<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let start = text.find(from).unwrap();
    let end = start + text[start..].find(to).unwrap() + to.len();
    &text[start..end]
}

/// The genuine assertion with its signature, and the signature alone.
fn pieces() -> (String, String) {
    let text = genuine();
    let assertion = cut(&text, "<s:Assertion", "</s:Assertion>");
    let signature = cut(assertion, "<ds:Signature ", "</ds:Signature>");
    (assertion.to_owned(), signature.to_owned())
}

/// The classic eight of "On Breaking SAML: Be Whoever You Want to Be" (Somorovsky and others, 2012), and two
/// with the original's ID.
#[test]
fn signatures_that_are_wrapped_around_something_else() {
    let (assertion, signature) = pieces();
    let bare = assertion.replace(&signature, "");
    let evil = evil();
    let around = |content: &str| response(content).replace("{r}", "");
    let with = |signature: &str| evil.replace("</s:Issuer>", &format!("</s:Issuer>{signature}"));
    let inside = |signature: &str, content: &str| {
        signature.replace("</ds:Signature>", &format!("{content}</ds:Signature>"))
    };
    let object = |content: &str| format!("<ds:Object>{content}</ds:Object>");
    let signed_response = Sign::default().sign(&response(&bare), "r");
    let outer = cut(&signed_response, "<ds:Signature ", "</ds:Signature>").to_owned();
    let bare_response = signed_response.replace(&outer, "");
    let other_response = |more: &str| {
        let text = around(&evil).replace("ID=\"r\"", "ID=\"other\"");
        text.replace("<p:Status>", &format!("{more}<p:Status>"))
    };
    let variants = [
        // The original response in the signature, or beside it.
        other_response(&inside(&outer, &object(&bare_response))),
        other_response(&format!("{outer}{bare_response}")),
        // The forged assertion before the original one, and around it.
        around(&format!("{evil}{assertion}")),
        around(&evil.replace("</s:Assertion>", &format!("{assertion}</s:Assertion>"))),
        // The forged one has the signature, and the original one stands behind it, or in the signature.
        around(&format!("{}{bare}", with(&signature))),
        around(&with(&inside(&signature, &bare))),
        // The original one in extensions; in an object of the signature.
        around(&evil).replace(
            "<p:Status>",
            &format!("<p:Extensions>{assertion}</p:Extensions><p:Status>"),
        ),
        around(&with(&inside(&signature, &object(&bare)))),
        // With the ID of the original, which is unique no more.
        around(&format!(
            "{}{assertion}",
            evil.replace("ID=\"evil\"", "ID=\"a\"")
        )),
        around(&with(&inside(&signature, &object(&bare))).replace("ID=\"evil\"", "ID=\"a\"")),
    ];
    for variant in variants {
        assert!(verify(&variant).is_err(), "{variant}");
    }
}

#[test]
fn an_id_is_unique_whatever_its_attribute_is_called() {
    for other in [
        "ID",
        "Id",
        "id",
        "xml:id",
        "q:ID",
        "AssertionID",
        "RequestId",
    ] {
        let twin =
            format!("<p:Extensions><x xmlns:q=\"urn:q\" {other}=\"a\"/></p:Extensions><p:Status>");
        let text = genuine().replace("<p:Status>", &twin);
        signature_refused(&text, SignatureFault::Reference);
        accepted(&text.replace("=\"a\"/></p:Extensions>", "=\"b\"/></p:Extensions>"));
    }
}

#[test]
fn attributes_that_could_be_taken_for_others() {
    let fault = SamlFault::Shape("the Assertion has an attribute that assertions do not have");
    for pollution in [
        "<s:Assertion xmlns:q=\"urn:q\" q:ID=\"b\" ",
        "<s:Assertion id=\"b\" ",
    ] {
        refused(&genuine().replace("<s:Assertion ", pollution), &fault);
    }
    let recipient = SUBJECT.replace(" Recipient=", " xmlns:q=\"urn:q\" q:Recipient=");
    let said = Said {
        subject: &recipient,
        ..Said::default()
    };
    refused(&signed(&said), &SamlFault::NoConfirmation("Recipient"));
}

#[test]
fn nothing_in_an_assertion_is_left_out_by_who_reads_it() {
    for changed in [
        genuine().replace(">ann<", ">ann<!-- -->.evil.com<"),
        genuine().replace(">ann<", ">an<!---->n<"),
        genuine().replace(">ann<", "><?x y?>ann<"),
        format!("<!-- -->{}", genuine()),
    ] {
        refused(&changed, &SamlFault::Xml(XmlFault::Comment));
    }
    // Neither a comment nor an element is part of a digest.
    let digest = genuine().replace("<ds:DigestValue>", "<ds:DigestValue><!-- x -->");
    refused(&digest, &SamlFault::Xml(XmlFault::Comment));
    let digest = genuine().replace("<ds:DigestValue>", "<ds:DigestValue><x/>");
    signature_refused(&digest, SignatureFault::Shape);
    // Data sections and references are text like any other.
    accepted(&genuine().replace(">ann<", "><![CDATA[ann]]><"));
    accepted(&genuine().replace(">ann<", ">&#97;nn<"));
    signature_refused(
        &genuine().replace(">ann<", ">anna<"),
        SignatureFault::Digest,
    );
}

#[test]
fn documents_that_parsers_disagree_about() {
    let genuine = genuine();
    let response = |more: &str| genuine.replace("<p:Response ", &format!("<p:Response {more} "));
    let extended = |more: &str| {
        genuine.replace(
            "<p:Status>",
            &format!("<p:Extensions>{more}</p:Extensions><p:Status>"),
        )
    };
    let deep = format!("{}{}", "<x>".repeat(70), "</x>".repeat(70));
    let declared: String = (0..70)
        .map(|n| format!("xmlns:n{n}=\"urn:{n}\" "))
        .collect();
    for (text, fault) in [
        (
            format!("<!DOCTYPE r [<!ENTITY e \"x\">]>{genuine}"),
            XmlFault::Dtd,
        ),
        (format!("<!DOCTYPE r>{genuine}"), XmlFault::Dtd),
        (genuine.replace(">ann<", ">&e;<"), XmlFault::Malformed),
        (genuine.replace(">ann<", ">ann\u{1}<"), XmlFault::Character),
        (genuine.replace(">ann<", ">ann&#1;<"), XmlFault::Malformed),
        (genuine.replace(">ann<", ">a]]>nn<"), XmlFault::Malformed),
        (
            format!("<?xml version=\"1.1\"?>{genuine}"),
            XmlFault::Declaration,
        ),
        (
            format!("<?xml version=\"1.0\" encoding=\"UTF-16\"?>{genuine}"),
            XmlFault::Declaration,
        ),
        (response("xmlns:q=\"relative\""), XmlFault::Namespace),
        (response("xmlns:q=\"\""), XmlFault::Namespace),
        (response("xmlns:q=\"urn:a b\""), XmlFault::Namespace),
        (
            response("xmlns=\"urn:1\" xmlns=\"urn:2\""),
            XmlFault::Namespace,
        ),
        (response("p:xmlns=\"urn:1\""), XmlFault::Namespace),
        (response("p:xmlns = \"urn:1\""), XmlFault::Namespace),
        (extended("<é/>"), XmlFault::Name),
        (extended("<x é=\"\"/>"), XmlFault::Name),
        (extended("<q:x/>"), XmlFault::Malformed),
        (extended(&deep), XmlFault::TooWide),
        (response(&declared), XmlFault::TooWide),
        (genuine.replace("</p:Response>", ""), XmlFault::Malformed),
        (format!("{genuine}{genuine}"), XmlFault::Malformed),
    ] {
        refused(&text, &SamlFault::Xml(fault));
    }
    accepted(&format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n{genuine}\n"
    ));
    accepted(&format!("\u{feff}<?xml version='1.0'?>{genuine}"));
    assert_eq!(
        trust().verify(&"A".repeat(100_001), SamlRules::default(), NOW),
        Err(SamlFault::TooLong)
    );
    assert_eq!(
        trust().verify("*", SamlRules::default(), NOW),
        Err(SamlFault::Encoding)
    );
    assert_eq!(
        trust().verify(&BASE64.encode(b"\xff\xfe"), SamlRules::default(), NOW),
        Err(SamlFault::Encoding)
    );
    let digits = BASE64.encode(genuine.as_bytes());
    let lines = digits
        .as_bytes()
        .chunks(64)
        .map(|line| str::from_utf8(line).unwrap());
    let lines: Vec<_> = lines.collect();
    trust()
        .verify(&lines.join("\r\n"), SamlRules::default(), NOW)
        .unwrap();
}

#[test]
fn algorithms_are_the_verifiers_choice() {
    let text = response(&Said::default().assertion()).replace("{r}", "");
    let more = "http://www.w3.org/2001/04/xmldsig-more#";
    for method in [
        "http://www.w3.org/2000/09/xmldsig#hmac-sha1",
        &format!("{more}hmac-sha256"),
        "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
        "http://www.w3.org/2000/09/xmldsig#dsa-sha1",
        "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1",
        &format!("{more}RSA-SHA256"),
        "",
    ] {
        let sign = Sign {
            method,
            ..Sign::default()
        };
        signature_refused(&sign.sign(&text, "a"), SignatureFault::Method);
    }
    // A method of the other kind of key.
    let confused = Sign {
        method: &format!("{more}ecdsa-sha256"),
        ..Sign::default()
    };
    signature_refused(&confused.sign(&text, "a"), SignatureFault::Key);
    // The truncation of a MAC.
    let method = format!("<ds:SignatureMethod Algorithm=\"{RSA_SHA256}\"");
    let truncated =
        format!("{method}><ds:HMACOutputLength>1</ds:HMACOutputLength></ds:SignatureMethod>");
    let truncated = genuine().replace(&format!("{method}/>"), &truncated);
    signature_refused(&truncated, SignatureFault::Shape);
    for digest_method in [
        "http://www.w3.org/2000/09/xmldsig#sha1",
        &format!("{more}md5"),
        "",
    ] {
        let sign = Sign {
            digest_method,
            ..Sign::default()
        };
        signature_refused(&sign.sign(&text, "a"), SignatureFault::DigestMethod);
    }
    for method in [
        "http://www.w3.org/2001/10/xml-exc-c14n#WithComments",
        "http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
        "",
    ] {
        let sign = Sign {
            canonicalization: &format!("<ds:CanonicalizationMethod Algorithm=\"{method}\"/>"),
            ..Sign::default()
        };
        signature_refused(&sign.sign(&text, "a"), SignatureFault::Canonicalization);
    }
    // A key that the document brings counts for nothing.
    let certificate = BASE64.encode(&OTHER.certificate);
    let brought = Sign {
        signer: &OTHER,
        key_info: &format!(
            "<ds:KeyInfo><ds:X509Data><ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>"
        ),
        ..Sign::default()
    };
    signature_refused(&brought.sign(&text, "a"), SignatureFault::Key);
}

#[test]
fn signatures_of_other_shapes() {
    let text = response(&Said::default().assertion()).replace("{r}", "");
    let transform = |method: &str| format!("<ds:Transform Algorithm=\"{method}\"/>");
    let enveloped = transform("http://www.w3.org/2000/09/xmldsig#enveloped-signature");
    let exclusive = transform("http://www.w3.org/2001/10/xml-exc-c14n#");
    let comments = transform("http://www.w3.org/2001/10/xml-exc-c14n#WithComments");
    let xslt = transform("http://www.w3.org/TR/1999/REC-xslt-19991116");
    let xpath = "<ds:Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xpath-19991116\"><ds:XPath>/</ds:XPath></ds:Transform>";
    for transforms in [
        String::new(),
        enveloped.clone(),
        exclusive.clone(),
        format!("{exclusive}{enveloped}"),
        format!("{enveloped}{enveloped}{exclusive}"),
        format!("{enveloped}{exclusive}{exclusive}"),
        format!("{enveloped}{comments}"),
        format!("{enveloped}{xslt}"),
        format!("{enveloped}{xpath}"),
        format!("{enveloped}{xpath}{exclusive}"),
    ] {
        let sign = Sign {
            transforms: &transforms,
            ..Sign::default()
        };
        signature_refused(&sign.sign(&text, "a"), SignatureFault::Transforms);
    }
    let elsewhere = "https://evil.example.com/";
    for uri in [
        "",
        "#",
        "#r",
        "#evil",
        "a",
        "#xpointer(id('a'))",
        "#xpointer(/)",
        elsewhere,
        "# a",
    ] {
        let sign = Sign {
            uri: Some(uri),
            ..Sign::default()
        };
        signature_refused(&sign.sign(&text, "a"), SignatureFault::Reference);
    }
    let genuine = genuine();
    let info = cut(&genuine, "<ds:SignedInfo>", "</ds:SignedInfo>");
    let reference = cut(&genuine, "<ds:Reference ", "</ds:Reference>");
    let end = "</ds:Signature>";
    for changed in [
        genuine.replace(info, &format!("{info}{info}")),
        genuine.replace(info, &format!("{info}<ds:Object/>")),
        genuine.replace(reference, &format!("{reference}{reference}")),
        genuine.replace(reference, ""),
        genuine.replace(end, &format!("<ds:KeyInfo/><ds:KeyInfo/>{end}")),
        genuine.replace(end, &format!("<ds:Object/>{end}")),
        genuine.replace(
            "<ds:SignatureValue>",
            "<ds:SignatureValue/><ds:SignatureValue>",
        ),
        genuine.replace("<ds:SignatureValue>", "<ds:SignatureValue>="),
        genuine.replace("<ds:DigestValue>", "text<ds:DigestValue>"),
    ] {
        signature_refused(&changed, SignatureFault::Shape);
    }
    accepted(&genuine.replace(end, &format!("<ds:KeyInfo/>{end}")));
    // Beside what it covers, or deeper in it, or twice.
    let (assertion, signature) = pieces();
    let bare = assertion.replace(&signature, "");
    let apart = response(&bare).replace("{r}", &signature);
    refused(
        &apart,
        &SamlFault::ResponseSignature(SignatureFault::Reference),
    );
    let deeper = bare.replace("<s:Subject>", &format!("<s:Subject>{signature}"));
    let hidden = "the document has a signature that is no child of its Response or its Assertion";
    refused(
        &response(&deeper).replace("{r}", ""),
        &SamlFault::Shape(hidden),
    );
    let twice = assertion.replace(&signature, &format!("{signature}{signature}"));
    let several = SamlFault::Shape("the Assertion has several signatures");
    refused(&response(&twice).replace("{r}", ""), &several);
}

#[test]
fn a_cut_or_flipped_response_is_refused_or_says_the_same() {
    let genuine = genuine();
    let said = accepted(&genuine);
    for at in 0..genuine.len() {
        assert!(verify(&genuine[..at]).is_err(), "{at}");
        let mut bytes = genuine.clone().into_bytes();
        bytes[at] ^= 1 << (at % 7);
        if let Ok(other) = trust().verify(&BASE64.encode(&bytes), SamlRules::default(), NOW) {
            assert_eq!(other, said, "{at}");
        }
    }
}
