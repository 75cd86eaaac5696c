//! The reader of SSH public keys: what it takes, it writes and takes again.

use data_encoding::BASE64;
use locum_identity::key_material::{SshEncoding, SshKey};

/// Any bytes: as text, as what stands in base64 in an `ssh-rsa` line, and as what stands in PEM.
pub fn run(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        read(text);
    }
    let base64 = BASE64.encode(data);
    read(&format!("ssh-rsa {base64}"));
    for label in ["PUBLIC KEY", "RSA PUBLIC KEY"] {
        read(&crate::pem(label, data));
    }
}

fn read(text: &str) {
    let Ok(key) = SshKey::parse(text) else {
        return;
    };
    let fingerprint = key.fingerprint();
    assert_eq!(fingerprint.len(), 47);
    for encoding in [SshEncoding::Ssh, SshEncoding::Pem] {
        let written = key.write(encoding);
        assert!(!written.contains(|c: char| c.is_control() && c != '\n'));
        let again = SshKey::parse(&written).expect("what is written is read");
        assert!(again.is_same_key(&key));
        assert_eq!(again.fingerprint(), fingerprint);
        assert_eq!(again.encoding, encoding);
        assert_eq!(again.write(encoding), written);
    }
}
