//! Endpoints: what they are told about, which fields they see, and in which format.

use std::time::Duration;

use super::*;
use crate::deliver::{Batching, Format, Mode, SetEvents};

const KEY: &str = include_str!("../../../tests/keys/ed25519.pem");
const SETS: &str = "format = \"scim-set\"\nset_audience = \"hr\"\nset_key_file = \"set-key.pem\"";

/// Makes the valid configuration with more keys for its endpoint.
fn with(keys: &str) -> Folder {
    let endpoint = "[[endpoints]]\n";
    let text = GOOD.replace(endpoint, &format!("{endpoint}{keys}\n"));
    assert_ne!(text, GOOD);
    let folder = Folder::with(&text);
    folder.write("set-key.pem", KEY, 0o600);
    folder.write("hash-key", "0123456789abcdef0123456789abcdef", 0o600);
    folder
}

#[test]
fn what_does_not_go_together_is_told() {
    for (keys, expected) in [
        ("format = \"cloudevents\"", None),
        (
            "format = \"xml\"",
            Some("config.bad-choice endpoints[0].format"),
        ),
        (
            "source = \"/x\"",
            Some("config.conflict endpoints[0].source"),
        ),
        (
            "format = \"cloudevents\"\nsource = \"a b\"",
            Some("config.bad-choice endpoints[0].source"),
        ),
        (
            "format = \"cloudevents\"\nmax_batch = 10",
            Some("config.conflict endpoints[0].max_batch"),
        ),
        (
            "format = \"cloudevents-batch\"\nmax_batch = 0",
            Some("config.out-of-range endpoints[0].max_batch"),
        ),
        (
            "format = \"cloudevents-batch\"\nmax_batch_bytes = 100",
            Some("config.out-of-range endpoints[0].max_batch_bytes"),
        ),
        (
            "format = \"cloudevents-batch\"\nmax_wait = \"2m\"",
            Some("config.out-of-range endpoints[0].max_wait"),
        ),
        (
            "format = \"cloudevents-batch\"\nmax_wait = \"soon\"",
            Some("config.bad-duration endpoints[0].max_wait"),
        ),
        (
            "set_events = \"full\"",
            Some("config.conflict endpoints[0].set_events"),
        ),
        (SETS, None),
        (
            "format = \"scim-set\"\nset_key_file = \"set-key.pem\"",
            Some("config.missing-value endpoints[0].set_audience"),
        ),
        (
            "format = \"scim-set\"\nset_audience = \"hr\"",
            Some("config.missing-value endpoints[0].set_key_file"),
        ),
        (
            "format = \"scim-set\"\nset_audience = \"hr\"\nset_key_file = \"hash-key\"",
            Some("config.bad-key endpoints[0].set_key_file"),
        ),
        (
            "format = \"scim-set\"\nset_audience = \"hr\"\nset_key_file = \"set-key.pem\"\nset_events = \"some\"",
            Some("config.bad-choice endpoints[0].set_events"),
        ),
        ("kinds = [\"users\", \"role\"]", None),
        (
            "kinds = [\"space\"]",
            Some("config.bad-choice endpoints[0].kinds"),
        ),
        ("tenants = []", Some("config.conflict endpoints[0].tenants")),
        ("roles = []", Some("config.conflict endpoints[0].roles")),
        ("omit = [\"user.name\", \"avatar\"]", None),
        (
            "omit = [\"nmae\"]",
            Some("config.bad-privacy endpoints[0].omit"),
        ),
        (
            "hash = [\"name\"]",
            Some("config.missing-value endpoints[0].hash_key_file"),
        ),
        ("hash = [\"name\"]\nhash_key_file = \"hash-key\"", None),
        (
            "hash = [\"status\"]\nhash_key_file = \"hash-key\"",
            Some("config.bad-privacy endpoints[0].hash"),
        ),
        (
            "omit = [\"name\"]\nhash = [\"name\"]\nhash_key_file = \"hash-key\"",
            Some("config.bad-privacy endpoints[0].hash"),
        ),
        (
            "hash = [\"name\"]\nhash_key_env = \"SHORT\"",
            Some("config.bad-privacy endpoints[0].hash_key_env"),
        ),
        (
            "hash_key_file = \"hash-key\"",
            Some("config.conflict endpoints[0].hash_key_file"),
        ),
    ] {
        let found = problems_of(&with(keys), &[("SHORT", "short")]);

        assert_eq!(found, Vec::from_iter(expected), "{keys}");
    }
}

#[test]
fn sets_that_could_tell_nothing_are_refused() {
    let folder = with(SETS);
    let text = fs::read_to_string(folder.path("qlik-roster.toml")).unwrap();
    let roles = text.replace(
        "name = \"hr\"",
        "name = \"hr\"\nevents = [\"role.*\", \"sync.*\"]",
    );
    assert_ne!(text, roles);
    folder.write("qlik-roster.toml", &roles, 0o600);

    assert_eq!(
        problems_of(&folder, &[]),
        ["config.conflict endpoints[0].events"]
    );
}

#[test]
fn formats_have_their_settings() {
    let format = |keys: &str| {
        let config = with(keys).load(&[]).unwrap();
        config.endpoints[0].format().clone()
    };

    assert!(matches!(format(""), Format::Standard));
    let Format::CloudEvents { mode, source } = format("format = \"cloudevents-binary\"") else {
        panic!("not a cloud event");
    };
    assert_eq!(
        (mode, source.to_string().as_str()),
        (Mode::Binary, "/qlik-roster")
    );
    let batch = "format = \"cloudevents-batch\"\nmax_batch = 7\nmax_batch_bytes = 5000\nmax_wait = \"3s\"\nsource = \"https://roster.example.com/\"";
    let Format::CloudEvents { mode, source } = format(batch) else {
        panic!("not a cloud event");
    };
    let batching = Batching {
        max: 7,
        max_bytes: 5_000,
        wait: Duration::from_secs(3),
    };
    assert_eq!(mode, Mode::Batch(batching));
    assert_eq!(source.to_string(), "https://roster.example.com");
    let Format::ScimSet(sets) = format(&format!("{SETS}\nset_events = \"full\"")) else {
        panic!("not a set");
    };
    assert_eq!(
        (sets.events, sets.audience.as_str()),
        (SetEvents::Full, "hr")
    );
    assert_eq!(sets.key.public()["alg"], "EdDSA");
}

#[test]
fn a_format_goes_by_the_name_that_the_configuration_has_for_it() {
    for (keys, expected) in [
        ("", "standard"),
        ("format = \"cloudevents\"", "cloudevents"),
        ("format = \"cloudevents-binary\"", "cloudevents-binary"),
        ("format = \"cloudevents-batch\"", "cloudevents-batch"),
        (SETS, "scim-set"),
    ] {
        let config = with(keys).load(&[]).unwrap();

        assert_eq!(config.endpoints[0].format().name(), expected);
    }
}

#[test]
fn an_address_that_is_a_secret_is_read_from_where_secrets_are_kept() {
    const ADDRESS: &str = "https://hooks.example.com/services/T0/hunter2\n";
    for (keys, mode, expected) in [
        ("url_file = \"address\"", 0o600, None),
        ("url_env = \"ADDRESS\"", 0o600, None),
        (
            "url_file = \"address\"",
            0o644,
            Some("config.secret-exposed endpoints[0].url_file"),
        ),
        (
            "url_file = \"gone\"",
            0o600,
            Some("config.secret-missing endpoints[0].url_file"),
        ),
        (
            "url_env = \"GONE\"",
            0o600,
            Some("config.secret-missing endpoints[0].url_env"),
        ),
        (
            "url_file = \"https://hooks.example.com/services/T0/hunter2\"",
            0o600,
            Some("config.secret-in-file endpoints[0].url_file"),
        ),
        (
            "url = \"https://hr.example.com\"\nurl_file = \"address\"",
            0o600,
            Some("config.conflict endpoints[0].url_file"),
        ),
        (
            "url_file = \"address\"\nurl_env = \"ADDRESS\"",
            0o600,
            Some("config.conflict endpoints[0].url_env"),
        ),
        ("", 0o600, Some("config.missing-value endpoints[0].url")),
        (
            "url_file = 5",
            0o600,
            Some("config.wrong-type endpoints[0].url_file"),
        ),
    ] {
        let folder = Folder::with(&GOOD.replace("url = \"https://hr.example.com/hooks\"", keys));
        folder.write("address", ADDRESS, mode);

        let loaded = folder.load(&[("ADDRESS", ADDRESS)]);

        match (loaded, expected) {
            (Ok(config), None) => {
                let endpoint = &config.endpoints[0];
                assert_eq!(endpoint.origin(), "https://hooks.example.com");
                assert!(!format!("{config:?}").contains("hunter2"), "{config:?}");
            }
            (loaded, expected) => {
                let error = loaded.unwrap_err();
                assert!(!error.to_string().contains("hunter2"), "{error}");
                let found = problems_of(&folder, &[("ADDRESS", ADDRESS)]);
                assert_eq!(found, Vec::from_iter(expected), "{keys}");
            }
        }
    }
}

#[test]
fn no_fault_of_an_address_repeats_any_of_it() {
    for (address, expected) in [
        ("hunter2", "config.bad-url"),
        ("hunter2:T0/B0", "config.bad-url"),
        ("https://hunter2@hooks.example.com", "config.bad-url"),
        ("http://hooks.example.com/hunter2", "config.plain-http"),
        ("https://127.0.0.1/hunter2", "config.bad-endpoint"),
    ] {
        let file = "url_file = \"address\"";
        let folder = Folder::with(&GOOD.replace("url = \"https://hr.example.com/hooks\"", file));
        folder.write("address", address, 0o600);

        let error = folder.load(&[]).unwrap_err();

        assert_eq!(
            problems_of(&folder, &[]),
            [format!("{expected} endpoints[0].url_file")]
        );
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}
