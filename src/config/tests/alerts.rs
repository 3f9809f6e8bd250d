//! Alerts: endpoints that get messages for people.

use super::*;

const SLACK: &str =
    "[[alerts]]\nname = \"on-call\"\nurl_file = \"hr-address\"\nformat = \"slack\"\n";

#[test]
fn an_alert_is_an_endpoint_without_a_signature() {
    let config = Folder::with(&format!("{GOOD}{SLACK}")).load(&[]).unwrap();

    let [hr, alert] = config.endpoints.as_slice() else {
        panic!("{:?}", config.endpoints)
    };
    assert_eq!(
        (hr.format().name(), alert.format().name()),
        ("standard", "slack")
    );
    assert_eq!(alert.origin(), "https://hr.example.com");
    assert_eq!(alert.n_connections(), 1);
    assert!(alert.events().wants("sync.held") && !alert.events().wants("user.created"));
    assert!(!alert.wants_snapshots());
}

#[test]
fn what_is_wrong_with_an_alert_is_said_at_its_key() {
    let template = SLACK.replace("slack", "template");
    for (alert, expected) in [
        (
            SLACK.replace("on-call", "hr"),
            "config.duplicate-name alerts[0].name",
        ),
        (
            SLACK.replace("slack", "pager"),
            "config.bad-choice alerts[0].format",
        ),
        (
            SLACK.replace("format = \"slack\"", ""),
            "config.missing-value alerts[0].format",
        ),
        (
            SLACK.replace("url_file = \"hr-address\"", ""),
            "config.missing-value alerts[0].url",
        ),
        (
            SLACK.replace("hr-address", "nowhere"),
            "config.secret-missing alerts[0].url_file",
        ),
        (
            format!("{SLACK}template = '\"{{{{text}}}}\"'"),
            "config.conflict alerts[0].template",
        ),
        (template.clone(), "config.missing-value alerts[0].template"),
        (
            format!("{template}template = '{{}}'"),
            "config.bad-template alerts[0].template",
        ),
        (
            format!("{SLACK}events = [\"user.*\"]"),
            "config.conflict alerts[0].events",
        ),
        (
            format!("{SLACK}events = [\"people\"]"),
            "config.bad-event alerts[0].events",
        ),
        (
            format!("{SLACK}events = []"),
            "config.bad-event alerts[0].events",
        ),
        (
            format!("{SLACK}roles = []"),
            "config.conflict alerts[0].roles",
        ),
        (
            format!("{SLACK}omit = [\"people\"]"),
            "config.bad-privacy alerts[0].omit",
        ),
        (
            format!("{SLACK}secret_file = \"hr-secret\""),
            "config.unknown-key alerts[0].secret_file",
        ),
    ] {
        assert_eq!(
            wrong(&format!("{GOOD}{alert}\n"), &[]),
            [expected],
            "{alert}"
        );
    }
}
