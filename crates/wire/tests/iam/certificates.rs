//! SSH public keys, signing certificates and server certificates: the form of each answer.

use crate::common::World;
use crate::support::{Form, answer, result};

macro_rules! stored {
    ($name:literal) => {
        include_str!(concat!("../../../identity/testdata/key_material/", $name))
    };
}

const AT: &str = "2026-01-01T00:00:00Z";

/// The text between the tags of an element.
fn element<'a>(text: &'a str, name: &str) -> &'a str {
    let (_, rest) = text.split_once(&format!("<{name}>")).unwrap();
    rest.split_once(&format!("</{name}>")).unwrap().0
}

/// What the root user is answered, with ids as they are.
fn body(world: &World, operation: &str, form: Form<'_>) -> String {
    let (status, body) = answer(world, &world.root, operation, form);
    assert_eq!(status, 200, "{body}");
    body
}

#[test]
fn ssh_public_keys() {
    let world = World::new();
    world.user("ann");
    let ann = ("UserName", "ann");
    let line = stored!("ssh.pub").trim();
    let fingerprint = stored!("ssh.md5").trim();
    let shown = |body: &str, status: &str| {
        format!(
            "<SSHPublicKey><UserName>ann</UserName><SSHPublicKeyId>APKA*</SSHPublicKeyId><Fingerprint>{fingerprint}</Fingerprint><SSHPublicKeyBody>{body}</SSHPublicKeyBody><Status>{status}</Status><UploadDate>{AT}</UploadDate></SSHPublicKey>"
        )
    };
    let made = result(
        &world,
        "UploadSSHPublicKey",
        &[ann, ("SSHPublicKeyBody", line)],
    );
    assert_eq!(made, Some(shown(line, "Active")));
    let listed = body(&world, "ListSSHPublicKeys", &[ann]);
    let id = ("SSHPublicKeyId", element(&listed, "SSHPublicKeyId"));
    let update = [ann, id, ("Status", "Inactive")];
    assert_eq!(result(&world, "UpdateSSHPublicKey", &update), None);
    for (encoding, text) in [("SSH", line), ("PEM", stored!("ssh.pub.pem"))] {
        let got = result(
            &world,
            "GetSSHPublicKey",
            &[ann, id, ("Encoding", encoding)],
        );
        assert_eq!(got, Some(shown(text, "Inactive")));
    }
    assert_eq!(
        result(&world, "ListSSHPublicKeys", &[ann]).as_deref(),
        Some(&*format!(
            "<SSHPublicKeys><member><UserName>ann</UserName><SSHPublicKeyId>APKA*</SSHPublicKeyId><Status>Inactive</Status><UploadDate>{AT}</UploadDate></member></SSHPublicKeys><IsTruncated>false</IsTruncated>"
        ))
    );
    assert_eq!(result(&world, "DeleteSSHPublicKey", &[ann, id]), None);
    let form = [ann, id, ("Encoding", "DER")];
    let (status, told) = answer(&world, &world.root, "GetSSHPublicKey", &form);
    let enumeration =
        "Value at 'encoding' failed to satisfy constraint: Member must satisfy enum value set";
    assert_eq!((status, told.contains(enumeration)), (400, true), "{told}");
}

#[test]
fn signing_certificates() {
    let world = World::new();
    world.user("ann");
    let pem = stored!("secp256r1.pem");
    for (user, name) in [
        (&[("UserName", "ann")][..], "<UserName>ann</UserName>"),
        (&[], ""),
    ] {
        let upload = [user, &[("CertificateBody", pem)]].concat();
        let made = result(&world, "UploadSigningCertificate", &upload).unwrap();
        let id = element(&made, "CertificateId").to_owned();
        let shown = |status: &str| {
            format!(
                "{name}<CertificateId>{id}</CertificateId><CertificateBody>{pem}</CertificateBody><Status>{status}</Status><UploadDate>{AT}</UploadDate>"
            )
        };
        assert_eq!(
            made,
            format!("<Certificate>{}</Certificate>", shown("Active"))
        );
        let of = [user, &[("CertificateId", &id)]].concat();
        let update = [&of[..], &[("Status", "Inactive")]].concat();
        assert_eq!(result(&world, "UpdateSigningCertificate", &update), None);
        assert_eq!(
            result(&world, "ListSigningCertificates", user),
            Some(format!(
                "<Certificates><member>{}</member></Certificates><IsTruncated>false</IsTruncated>",
                shown("Inactive")
            ))
        );
        assert_eq!(result(&world, "DeleteSigningCertificate", &of), None);
    }
}

#[test]
fn server_certificates() {
    let world = World::new();
    let name = ("ServerCertificateName", "Shop");
    let metadata = |path: &str| {
        format!(
            "<Path>{path}</Path><ServerCertificateName>Shop</ServerCertificateName><ServerCertificateId>ASCA*</ServerCertificateId><Arn>arn:aws:iam::123456789012:server-certificate{path}Shop</Arn><UploadDate>{AT}</UploadDate><Expiration>2055-01-01T00:00:00Z</Expiration>"
        )
    };
    let tags = "<Tags><member><Key>a</Key><Value>1</Value></member><member><Key>b</Key><Value>2</Value></member></Tags>";
    let leaf = stored!("leaf.pem");
    let upload = [
        name,
        ("Path", "/web/"),
        ("CertificateBody", leaf),
        ("PrivateKey", stored!("leaf.key")),
        ("CertificateChain", stored!("above.pem")),
        ("Tags.member.1.Key", "b"),
        ("Tags.member.1.Value", "2"),
        ("Tags.member.2.Key", "a"),
        ("Tags.member.2.Value", "1"),
    ];
    let web = metadata("/web/");
    assert_eq!(
        result(&world, "UploadServerCertificate", &upload),
        Some(format!(
            "<ServerCertificateMetadata>{web}</ServerCertificateMetadata>{tags}"
        ))
    );
    assert_eq!(
        result(
            &world,
            "GetServerCertificate",
            &[("ServerCertificateName", "SHOP")]
        ),
        Some(format!(
            "<ServerCertificate><ServerCertificateMetadata>{web}</ServerCertificateMetadata><CertificateBody>{}</CertificateBody><CertificateChain>{}</CertificateChain>{tags}</ServerCertificate>",
            leaf.trim(),
            stored!("above.pem").trim()
        ))
    );
    let move_it = [name, ("NewPath", "/")];
    assert_eq!(result(&world, "UpdateServerCertificate", &move_it), None);
    assert_eq!(
        result(&world, "ListServerCertificates", &[]),
        Some(format!(
            "<ServerCertificateMetadataList><member>{}</member></ServerCertificateMetadataList><IsTruncated>false</IsTruncated>",
            metadata("/")
        ))
    );
    let untag = [name, ("TagKeys.member.1", "a")];
    assert_eq!(result(&world, "UntagServerCertificate", &untag), None);
    let tag = [
        name,
        ("Tags.member.1.Key", "c"),
        ("Tags.member.1.Value", ""),
    ];
    assert_eq!(result(&world, "TagServerCertificate", &tag), None);
    assert_eq!(
        result(&world, "ListServerCertificateTags", &[name]).as_deref(),
        Some(
            "<Tags><member><Key>b</Key><Value>2</Value></member><member><Key>c</Key><Value></Value></member></Tags><IsTruncated>false</IsTruncated>"
        )
    );
    assert_eq!(result(&world, "DeleteServerCertificate", &[name]), None);
}

#[test]
fn what_is_refused_has_the_models_code() {
    let world = World::new();
    world.user("ann");
    let ann = ("UserName", "ann");
    let ssh = |body| [ann, ("SSHPublicKeyBody", body)];
    let signing = |body| [ann, ("CertificateBody", body)];
    let server = |body, key| {
        [
            ("ServerCertificateName", "s"),
            ("CertificateBody", body),
            ("PrivateKey", key),
        ]
    };
    result(&world, "UploadSSHPublicKey", &ssh(stored!("ssh.pub")));
    result(
        &world,
        "UploadSigningCertificate",
        &signing(stored!("secp256r1.pem")),
    );
    let rows: [(&str, Form<'_>, u16, &str); 8] = [
        (
            "UploadSSHPublicKey",
            &ssh("x"),
            400,
            "UnrecognizedPublicKeyEncoding",
        ),
        (
            "UploadSSHPublicKey",
            &ssh("ssh-rsa x"),
            400,
            "InvalidPublicKey",
        ),
        (
            "UploadSSHPublicKey",
            &ssh(stored!("ssh.pub.pem")),
            400,
            "DuplicateSSHPublicKey",
        ),
        (
            "UploadSigningCertificate",
            &signing("x"),
            400,
            "MalformedCertificate",
        ),
        (
            "UploadSigningCertificate",
            &signing(stored!("expired.pem")),
            400,
            "InvalidCertificate",
        ),
        (
            "UploadSigningCertificate",
            &signing(stored!("secp256r1.pem")),
            409,
            "DuplicateCertificate",
        ),
        (
            "UploadServerCertificate",
            &server(stored!("leaf.pem"), "x"),
            400,
            "MalformedCertificate",
        ),
        (
            "UploadServerCertificate",
            &server(stored!("leaf.pem"), stored!("other.key")),
            400,
            "KeyPairMismatch",
        ),
    ];
    for (operation, form, status, code) in rows {
        let (got, body) = answer(&world, &world.root, operation, form);
        let spelled = format!("<Code>{code}</Code>");
        assert_eq!((got, body.contains(&spelled)), (status, true), "{body}");
    }
}
