//! Connections: who we are, in every way that Qlik takes.

use super::*;
use crate::connector::qlik::Credentials;

const KEY: &str = include_str!("../../../tests/keys/ec.pem");
const BY_KEY: &str = "private_key_file = \"eu-key.pem\"\nkey_id = \"roster-1\"";

fn with_key(change: impl Fn(String) -> String) -> Folder {
    let text = GOOD.replace("client_secret_file = \"eu-client-secret\"", BY_KEY);
    let folder = Folder::with(&change(text));
    folder.write("eu-key.pem", KEY, 0o600);
    folder
}

#[test]
fn a_private_key_stands_for_a_secret() {
    let config = with_key(|text| text).load(&[]).unwrap();

    let Credentials::PrivateKey { client_id, key } = &config.tenants[0].options.credentials else {
        panic!("not a private key");
    };
    assert_eq!((client_id.as_str(), key.algorithm()), ("id", "ES384"));

    let named = |text: String| text.replace("_file = \"eu-key.pem\"", "_env = \"KEY\"");
    assert_eq!(
        problems_of(&with_key(named), &[("KEY", KEY)]),
        Vec::<String>::new()
    );
}

#[test]
fn a_private_key_is_held_to_what_holds_for_secrets() {
    for (from, to, problem) in [
        (
            "key_id = \"roster-1\"",
            "",
            "config.missing-value connections[0].key_id",
        ),
        (
            "key_id = \"roster-1\"",
            "key_id = \"roster-1\"\nclient_secret_file = \"eu-client-secret\"",
            "config.conflict connections[0].private_key_file",
        ),
        (
            "key_id = \"roster-1\"",
            "key_id = \"roster-1\"\nprivate_key_env = \"KEY\"",
            "config.conflict connections[0].private_key_env",
        ),
        (
            "private_key_file = \"eu-key.pem\"",
            "client_secret_file = \"eu-client-secret\"",
            "config.conflict connections[0].key_id",
        ),
        (
            "private_key_file = \"eu-key.pem\"",
            "private_key_file = \"gone\"",
            "config.secret-missing connections[0].private_key_file",
        ),
        (
            "private_key_file = \"eu-key.pem\"",
            "private_key_file = \"eu-client-secret\"",
            "config.bad-key connections[0].private_key_file",
        ),
        (
            "private_key_file = \"eu-key.pem\"",
            "private_key_file = \"-----BEGIN PRIVATE KEY-----\"",
            "config.secret-in-file connections[0].private_key_file",
        ),
        (
            "private_key_file = \"eu-key.pem\"",
            "private_key = \"x\"",
            "config.secret-in-file connections[0].private_key",
        ),
    ] {
        let folder = with_key(|text| text.replace(from, to));

        assert_eq!(problems_of(&folder, &[]), [problem], "{to}");
    }
    let folder = with_key(|text| text);
    folder.write("eu-key.pem", KEY, 0o640);
    assert_eq!(
        problems_of(&folder, &[]),
        ["config.secret-exposed connections[0].private_key_file"]
    );
}

#[test]
fn a_key_of_another_kind_is_told_with_what_is_needed() {
    let folder = with_key(|text| text);
    folder.write(
        "eu-key.pem",
        include_str!("../../../tests/keys/ec-p256.pem"),
        0o600,
    );

    let shown = folder.load(&[]).unwrap_err().to_string();

    assert!(
        shown.contains("found an EC key on the curve P-256") && shown.contains("P-384"),
        "{shown}"
    );
}
