//! Which options fit together, and what is shown of them.

use std::collections::BTreeSet;

use super::*;
use crate::model::{
    AccessChange, Id, Right, RightChange, RightHolders, RoleId, RoleMention, Seq, Timestamp,
};
use crate::secret::Secret;

fn options(url: &str, allow_private: &[&str]) -> Options {
    let secret = Secret::new("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD");
    Options {
        name: EndpointName("hr".into()),
        url: url.parse().unwrap(),
        secrets: vec![SigningSecret::parse(&secret).unwrap()],
        events: EventFilter::all(),
        selection: Selection::default(),
        privacy: Privacy::default(),
        format: Format::default(),
        egress: Egress {
            allow_private: allow_private.iter().map(|n| n.parse().unwrap()).collect(),
            ..Egress::default()
        },
        timeout: DEFAULT_TIMEOUT,
        schedule: Schedule::standard(),
        flow: Flow::default(),
    }
}

fn check(options: Options) -> Option<&'static str> {
    Endpoint::new(options).err().map(|error| error.code())
}

#[test]
fn an_address_in_the_url_is_judged_however_it_is_written() {
    for (url, expected) in [
        ("https://hooks.example.com/in", None),
        ("https://8.8.8.8/", None),
        ("https://127.0.0.1/", Some("deliver.refused-address")),
        ("https://2130706433/", Some("deliver.refused-address")),
        ("https://0x7f.1/", Some("deliver.refused-address")),
        ("https://0177.0.0.1/", Some("deliver.refused-address")),
        ("https://127.1/", Some("deliver.refused-address")),
        ("https://127.0.0.1./", Some("deliver.refused-address")),
        ("https://0x7f000001/", Some("deliver.refused-address")),
        ("https://017700000001/", Some("deliver.refused-address")),
        ("https://%31%32%37.0.0.1/", Some("deliver.refused-address")),
        ("https://１２７.0.0.1/", Some("deliver.refused-address")),
        ("https://①②⑦.0.0.1/", Some("deliver.refused-address")),
        ("https://0/", Some("deliver.refused-address")),
        ("https://[::]/", Some("deliver.refused-address")),
        (
            "https://[0:0:0:0:0:ffff:7f00:1]/",
            Some("deliver.refused-address"),
        ),
        (
            "https://[64:ff9b::a9fe:a9fe]/",
            Some("deliver.refused-address"),
        ),
        ("https://[::1]/", Some("deliver.refused-address")),
        (
            "https://[::ffff:10.0.0.1]/",
            Some("deliver.refused-address"),
        ),
        ("https://169.254.169.254/", Some("deliver.refused-address")),
        ("https://10.0.0.1/", Some("deliver.refused-address")),
        ("https://192.168.7.1/", None),
        ("ftp://example.com/", Some("deliver.invalid-url")),
        ("http://example.com/", Some("deliver.plain-http")),
    ] {
        assert_eq!(check(options(url, &["192.168.7.0/24"])), expected, "{url}");
    }
}

#[test]
fn plain_http_goes_only_into_named_networks() {
    for (url, named, expected) in [
        ("http://127.0.0.1:9/", &["127.0.0.0/8"][..], None),
        ("http://receiver.internal/", &["10.0.0.0/8"], None),
        ("http://127.0.0.1:9/", &[], Some("deliver.plain-http")),
        (
            "http://8.8.8.8/",
            &["127.0.0.0/8"],
            Some("deliver.refused-address"),
        ),
    ] {
        let mut options = options(url, named);
        options.egress.allow_http = true;

        assert_eq!(check(options), expected, "{url}");
    }
}

#[test]
fn secrets_are_one_or_two_and_the_time_is_bounded() {
    let one = options("https://example.com/", &[]);
    let secret = one.secrets[0].clone();
    for (n_secrets, expected) in [
        (0, Some("deliver.invalid-secret")),
        (1, None),
        (2, None),
        (3, Some("deliver.invalid-secret")),
    ] {
        let mut options = one.clone();
        options.secrets = vec![secret.clone(); n_secrets];

        assert_eq!(check(options), expected, "{n_secrets}");
    }
    for (timeout, expected) in [
        (Duration::ZERO, Some("deliver.invalid-timeout")),
        (LONGEST_TIMEOUT, None),
        (Duration::from_secs(121), Some("deliver.invalid-timeout")),
    ] {
        let mut options = one.clone();
        options.timeout = timeout;

        assert_eq!(check(options), expected, "{timeout:?}");
    }
}

/// Returns an entry with a fact.
fn entry(fact: Fact) -> Entry {
    Entry {
        seq: Seq(7),
        stamp: None,
        at: Timestamp::from_millis(0),
        origin: None,
        reported: None,
        fact,
    }
}

#[test]
fn events_about_rights_are_wanted_unless_they_would_reveal_what_is_hidden() {
    let role = RoleMention {
        id: RoleId(Id::parse("600000000000000000000003").unwrap()),
        name: "Steward".into(),
        level: None,
        is_unknown: false,
    };
    let changed = |change| {
        entry(Fact::RightChanged(RightChange {
            right: Right::Role(role.clone()),
            change,
            holders: RightHolders::Everybody { count: 3 },
            before: Vec::new(),
            after: Vec::new(),
        }))
    };
    let entries = [
        changed(AccessChange::Granted),
        changed(AccessChange::Revoked),
        changed(AccessChange::PathChanged),
        entry(Fact::RoleContentChanged {
            role: role.clone(),
            gained: ["read".to_owned()].into(),
            lost: BTreeSet::new(),
        }),
    ];
    for (omitted, wanted) in [
        (&[][..], [true, true, true, true]),
        (&["user.roles"], [false, false, false, true]),
        (&["user.groups"], [true, true, false, true]),
        (&["group.roles"], [true, true, false, true]),
        (&["user.name", "group.name"], [true, true, true, true]),
        (&["role.permissions"], [true, true, true, false]),
        (&["role.assigned_scopes"], [true, true, true, false]),
    ] {
        let endpoint = Endpoint::new(Options {
            privacy: Privacy::parse(omitted, &[], None).unwrap(),
            ..options("https://hooks.example.com/in", &[])
        });
        let endpoint = endpoint.unwrap();

        let wants = [0, 1, 2, 3].map(|number: usize| endpoint.wants(&entries[number]));
        assert_eq!(wants, wanted, "{omitted:?}");
    }
}

#[test]
fn debug_shows_no_token_of_the_url() {
    let url = "https://user:hunter2@hooks.example.com/t0ken?key=t0ken";

    let shown = format!("{:?}", Endpoint::new(options(url, &[])).unwrap());

    assert_eq!(
        shown,
        r#"Endpoint { name: EndpointName("hr"), origin: "https://hooks.example.com", .. }"#
    );
}
