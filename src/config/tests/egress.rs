//! What valid configurations say about reaching an endpoint, and what is wrong with invalid ones.

use rcgen::{CertificateParams, KeyPair};

use super::*;

/// Makes a folder with a valid configuration, more keys for its endpoint, and the files that they
/// name.
fn folder(keys: &str) -> Folder {
    let folder = Folder::with(&format!("{GOOD}\n{keys}\n"));
    let (certificate, key) = issued();
    folder.write("cert.pem", &certificate, 0o644);
    folder.write("key.pem", &key, 0o600);
    folder.write("open-key.pem", &key, 0o644);
    folder.write("other-key.pem", &issued().1, 0o600);
    folder.write("both-lines", "one\ntwo", 0o600);
    folder.write("api-key", "hunter2\n", 0o600);
    folder
}

fn issued() -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["hr.example.com".into()]).unwrap();
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

#[test]
fn an_endpoint_may_be_reached_in_a_way_of_its_own() {
    let folder = folder(
        r#"
        ca_file = "cert.pem"
        client_cert_file = "cert.pem"
        client_key_file = "key.pem"
        proxy = "http://roster@proxy.example.com:3128"
        proxy_password_env = "PROXY"
        headers = { x-api-key = { file = "api-key" }, x-token = { env = "PROXY" }, x-source = "qlik" }
        handshake = true
        handshake_origin = "roster.example.com"
        "#,
    );

    let config = folder.load(&[("PROXY", "open sesame")]).unwrap();

    let egress = config.endpoints[0].egress();
    assert!(egress.authorities.is_some() && egress.client_certificate.is_some());
    let shown = format!("{:?} {:?}", egress.proxy, egress.headers);
    assert_eq!(
        shown,
        r#"Some(ForwardProxy(http://proxy.example.com:3128)) {"x-api-key", "x-source", "x-token"}"#
    );
    let origin = egress
        .handshake
        .as_ref()
        .map(crate::deliver::Origin::as_str);
    assert_eq!(origin, Some("roster.example.com"));
    let plain = Folder::with(GOOD).load(&[]).unwrap();
    let plain = plain.endpoints[0].egress();
    assert!(plain.authorities.is_none() && plain.client_certificate.is_none());
    assert!(plain.proxy.is_none() && plain.handshake.is_none());
}

/// Keys of an endpoint, and what is wrong with them.
const WRONG: &[(&str, &str)] = &[
    ("ca_file = \"gone.pem\"", "config.file-unreadable ca_file"),
    ("ca_file = \"api-key\"", "config.bad-certificate ca_file"),
    ("ca_file = \"key.pem\"", "config.bad-certificate ca_file"),
    (
        "ca_file = \"-----BEGIN CERTIFICATE-----\"",
        "config.file-unreadable ca_file",
    ),
    (
        "client_cert_file = \"cert.pem\"",
        "config.missing-value client_key_file",
    ),
    (
        "client_cert_file = \"cert.pem\"\nclient_key_file = \"open-key.pem\"",
        "config.secret-exposed client_key_file",
    ),
    (
        "client_cert_file = \"cert.pem\"\nclient_key_file = \"other-key.pem\"",
        "config.bad-certificate client_cert_file",
    ),
    (
        "client_cert_file = \"cert.pem\"\nclient_key_file = \"api-key\"",
        "config.bad-certificate client_cert_file",
    ),
    (
        "client_cert_file = \"cert.pem\"\nclient_key = \"hunter2\"",
        "config.secret-in-file client_key",
    ),
    (
        "client_key_file = \"key.pem\"",
        "config.conflict client_key_file",
    ),
    ("proxy = \"proxy:3128\"", "config.bad-proxy proxy"),
    ("proxy = \"socks5://proxy\"", "config.bad-proxy proxy"),
    (
        "proxy = \"http://me:hunter2@proxy\"",
        "config.bad-proxy proxy",
    ),
    (
        "proxy = \"http://proxy\"\nproxy_password_file = \"api-key\"",
        "config.bad-proxy proxy",
    ),
    (
        "proxy_password_file = \"api-key\"",
        "config.conflict proxy_password_file",
    ),
    (
        "proxy = \"environment\"\nproxy_password_file = \"api-key\"",
        "config.conflict proxy_password_file",
    ),
    (
        "proxy = \"http://me@proxy\"\nproxy_password = \"hunter2\"",
        "config.secret-in-file proxy_password",
    ),
    (
        "headers = { host = \"inside\" }",
        "config.bad-header headers.host",
    ),
    (
        "headers = { webhook-id = \"1\" }",
        "config.bad-header headers.webhook-id",
    ),
    (
        "headers = { authorization = \"hunter2\" }",
        "config.secret-in-file headers.authorization",
    ),
    (
        "headers = { X-Api-Key = \"hunter2\" }",
        "config.secret-in-file headers.X-Api-Key",
    ),
    (
        "headers = { x-any = \"whsec_hunter2\" }",
        "config.secret-in-file headers.x-any",
    ),
    (
        "headers = { x-any = { file = \"whsec_hunter2\" } }",
        "config.secret-in-file headers.x-any",
    ),
    (
        "headers = { x-any = { file = \"gone\" } }",
        "config.secret-missing headers.x-any",
    ),
    (
        "headers = { x-any = { file = \"both-lines\" } }",
        "config.bad-secret headers.x-any",
    ),
    (
        "headers = { x-any = {} }",
        "config.missing-value headers.x-any",
    ),
    (
        "headers = { x-any = { file = \"api-key\", env = \"E\" } }",
        "config.conflict headers.x-any",
    ),
    (
        "headers = { x-any = { value = \"hunter2\" } }",
        "config.wrong-type headers.x-any.value",
    ),
    ("headers = [\"hunter2\"]", "config.wrong-type headers"),
    ("handshake = true", "config.missing-value handshake_origin"),
    (
        "handshake = true\nhandshake_origin = \"https://me\"",
        "config.bad-origin handshake_origin",
    ),
    (
        "handshake_origin = \"roster.example.com\"",
        "config.conflict handshake_origin",
    ),
];

#[test]
fn what_is_wrong_with_the_way_to_an_endpoint_is_told_by_its_key() {
    for (keys, expected) in WRONG {
        let error = folder(keys).load(&[]).map(drop).unwrap_err();

        let found: Vec<_> = error
            .problems()
            .iter()
            .map(|it| format!("{} {}", it.fault.code(), it.key))
            .collect();
        let expected = expected.replacen(' ', " endpoints[0].", 1);
        assert_eq!(found, [expected], "{keys}");
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
