//! Connections: credentials of every kind that Qlik accepts.

use super::*;
use crate::connector::qlik::{Budget, Credentials};

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
fn a_private_key_file_must_be_as_safe_as_that_of_a_secret() {
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

const REGION: &str = r#"
    [[connections]]
    name = "eu"
    kind = "region"
    client_id = "id"
    client_secret_file = "eu-client-secret"
    hosts = ["acme.eu.qlikcloud.com", "beta.eu.qlikcloud.com"]
"#;

const ORGANIZATION: &str = r#"
    [[connections]]
    name = "all"
    kind = "organization"
    client_id = "org"
    client_secret_file = "eu-client-secret"
    read_with = "eu"
    subscription = "sub"
    regions = ["eu-west-1"]
    exclude = ["*-test.*"]
"#;

/// Shows each tenant as `name host connection rank`.
fn tenants(text: &str) -> Vec<String> {
    let config = Folder::with(text).load(&[]).unwrap();
    let tenants = config.tenants.iter();
    tenants
        .map(|tenant| {
            let TenantConfig {
                name,
                options,
                connection,
                rank,
                ..
            } = tenant;
            format!("{name} {} {connection} {rank:?}", options.host)
        })
        .collect()
}

#[test]
fn the_hosts_of_a_region_are_tenants() {
    let named = |host: &str| {
        format!("[[tenants]]\nname = \"sales\"\nhost = \"{host}\"\nconnection = \"eu\"\n")
    };
    let beta = "beta beta.eu.qlikcloud.com eu Implied";
    for (more, expected) in [
        (
            String::new(),
            vec!["acme acme.eu.qlikcloud.com eu Implied", beta],
        ),
        (
            named("https://acme.eu.qlikcloud.com/hub"),
            vec!["sales acme.eu.qlikcloud.com eu Named", beta],
        ),
        (
            named("other.eu").replace("sales", "acme"),
            vec![
                "acme other.eu.qlikcloud.com eu Named",
                "acme.eu acme.eu.qlikcloud.com eu Implied",
                beta,
            ],
        ),
    ] {
        assert_eq!(tenants(&format!("{REGION}{more}")), expected, "{more}");
    }
}

#[test]
fn an_organization_reads_with_a_regions_client() {
    let text = format!(
        "{REGION}{ORGANIZATION}[[tenants]]\nname = \"sales\"\nhost = \"sales.eu\"\nconnection = \"all\"\n"
    )
    .replace("client_id = \"id\"", "client_id = \"id\"\nrate_share = 0.25");
    let config = Folder::with(&text).load(&[]).unwrap();
    let client = |credentials: &Credentials| match credentials {
        Credentials::ClientSecret { client_id, .. } => client_id.clone(),
        other => panic!("not a secret: {other:?}"),
    };

    let [all] = config.organizations.as_slice() else {
        panic!("not one organization");
    };
    assert_eq!(client(&all.credentials), "id");
    assert_eq!(all.budget, Budget::Share(0.25));
    assert_eq!(client(&all.options.console.credentials), "org");
    assert_eq!(
        all.options.console.host.to_string(),
        "console.qlikcloud.com"
    );
    assert_eq!(all.interval.as_secs(), 900);
    let sales = &config.tenants[0];
    assert_eq!(
        (sales.name.0.as_str(), sales.connection.0.as_str()),
        ("sales", "all")
    );
    assert_eq!(client(&sales.options.credentials), "id");

    let alone = ORGANIZATION.replace("read_with = \"eu\"", "discover_every = \"1h\"");
    let config = Folder::with(&alone).load(&[]).unwrap();
    assert_eq!(client(&config.organizations[0].credentials), "org");
    assert_eq!(config.organizations[0].interval.as_secs(), 3600);
}

#[test]
fn keys_of_another_kind_and_bad_values_are_told() {
    for (from, to, problems) in [
        (
            "kind = \"region\"",
            "kind = \"tenant\"",
            vec![
                "config.conflict connections[0].hosts",
                "config.conflict connections[1].read_with",
            ],
        ),
        (
            "hosts = [\"acme",
            "statuses = []\nhosts = [\"acme",
            vec!["config.conflict connections[0].statuses"],
        ),
        (
            "\"beta.eu.qlikcloud.com\"",
            "\"beta\"",
            vec!["config.bad-host connections[0].hosts[1]"],
        ),
        (
            "\"beta.eu.qlikcloud.com\"",
            "\"acme.eu\"",
            vec!["config.conflict connections[0].hosts[1]"],
        ),
        (
            "read_with = \"eu\"",
            "read_with = \"us\"",
            vec!["config.unknown-connection connections[1].read_with"],
        ),
        (
            "read_with = \"eu\"",
            "read_with = \"all\"",
            vec!["config.conflict connections[1].read_with"],
        ),
        (
            "exclude = [\"*-test.*\"]",
            "exclude = [\"***\"]",
            vec!["config.bad-rule connections[1].exclude[0]"],
        ),
        (
            "exclude = [\"*-test.*\"]",
            "discover_every = \"2d\"",
            vec!["config.out-of-range connections[1].discover_every"],
        ),
        (
            "exclude = [\"*-test.*\"]",
            "console = \"http://console.qlikcloud.com\"",
            vec!["config.bad-host connections[1].console"],
        ),
        (
            "regions = [\"eu-west-1\"]",
            "regions = \"eu-west-1\"",
            vec!["config.wrong-type connections[1].regions"],
        ),
    ] {
        let good = format!("{REGION}{ORGANIZATION}");
        assert!(good.contains(from), "{from}");

        assert_eq!(wrong(&good.replace(from, to), &[]), problems, "{to}");
    }
    let none = REGION.replace(
        "hosts = [\"acme.eu.qlikcloud.com\", \"beta.eu.qlikcloud.com\"]",
        "",
    );
    assert_eq!(wrong(&none, &[]), ["config.missing-value tenants"]);
}
