//! Settings without effect are found, and those with an effect are not reported.

use super::*;

const ALERT: &str =
    "[[alerts]]\nname = \"on-call\"\nurl_file = \"hr-address\"\nformat = \"slack\"\n";

/// Returns the keys without effect in a valid configuration.
fn no_effects(text: &str) -> Vec<String> {
    let folder = Folder::with(text);
    folder.write("hash-key", "0123456789abcdef0123456789abcdef", 0o600);
    let config = folder.load(&[]).unwrap();
    config.without_effect.into_iter().map(|it| it.key).collect()
}

#[test]
fn what_does_nothing_is_named() {
    let endpoint = |lines: &str| format!("{GOOD}{lines}");
    let sync = |lines: &str| format!("[sync]\n{lines}\n{GOOD}");
    let tenant = |lines: &str| {
        GOOD.replace(
            "connection = \"eu\"",
            &format!("connection = \"eu\"\n{lines}"),
        )
    };
    for (text, expected) in [
        (
            endpoint("events = [\"user.*\", \"access.*\"]\nkinds = [\"group\"]"),
            &["endpoints[0].kinds"][..],
        ),
        (
            endpoint("events = [\"user.*\"]\nkinds = [\"user\", \"group\"]"),
            &["endpoints[0].kinds"],
        ),
        (
            endpoint("events = [\"sync.*\"]\nroles = [\"TenantAdmin\"]\nomit = [\"avatar\"]"),
            &["endpoints[0].roles", "endpoints[0].omit"],
        ),
        (
            endpoint("allow_http = true\nallow_private = [\"10.0.0.0/8\"]"),
            &["endpoints[0].allow_http"],
        ),
        (
            endpoint("allow_http = true\nallow_private = [\"10.0.0.0/8\"]").replace(
                "url = \"https://hr.example.com/hooks\"",
                "url_file = \"hr-address\"",
            ),
            &["endpoints[0].allow_http"],
        ),
        (sync("timezone = \"Europe/Berlin\""), &["sync.timezone"]),
        (
            sync("poll = \"off\"\npoll_overlap = \"10m\""),
            &["sync.poll_overlap"],
        ),
        (
            sync("guard = { mode = \"never\", users = { max_count = 1 } }"),
            &["sync.guard.users"],
        ),
        (
            tenant("guard = { mode = \"never\", roles = { max_count = 1 } }"),
            &["tenants[0].guard.roles"],
        ),
        (
            format!(
                "{GOOD}[[connections]]\nname = \"us\"\nkind = \"region\"\nclient_id = \"id\"\nclient_secret_file = \"eu-client-secret\""
            ),
            &["connections[1]"],
        ),
        (
            format!("[access]\nidle_admin = \"30d\"\nleft_idp = \"off\"\n{GOOD}"),
            &["access.idle_admin"],
        ),
        (
            format!("[access]\nsessions = true\n[sync]\npoll = \"off\"\n{GOOD}"),
            &["access.sessions"],
        ),
        (
            tenant("sessions = true\npoll = \"off\""),
            &["tenants[0].sessions"],
        ),
        (
            format!(
                "{GOOD}{ALERT}events = [\"sync.*\"]\nroles = [\"Steward\"]\nomit = [\"user.name\"]\n\
                 allow_http = true\nallow_private = [\"10.0.0.0/8\"]"
            ),
            &["alerts[0].roles", "alerts[0].omit", "alerts[0].allow_http"],
        ),
        (
            format!(
                "{GOOD}{ALERT}events = [\"endpoint.disabled\"]\nhash = [\"user.name\"]\nhash_key_file = \"hash-key\""
            ),
            &["alerts[0].hash"],
        ),
    ] {
        assert_eq!(no_effects(&text), expected, "{text}");
    }
}

#[test]
fn what_does_something_is_not_named() {
    let cron = "schedule = \"0 4 * * *\"\ntimezone = \"Europe/Berlin\"";
    for text in [
        GOOD.to_owned(),
        EXAMPLE.to_owned(),
        format!("{GOOD}{ALERT}roles = [\"Steward\"]\nomit = [\"user.name\"]"),
        format!("{GOOD}{ALERT}events = [\"access.granted\"]\nroles = [\"Steward\"]"),
        format!("{GOOD}events = [\"*\"]\nkinds = [\"user\"]\nroles = [\"TenantAdmin\"]"),
        format!("{GOOD}events = [\"*.*\", \"user.created\"]\nomit = [\"avatar\"]"),
        format!("[access]\nsessions = true\nidle_admin = \"30d\"\n{GOOD}"),
        format!("[sync]\n{cron}\n{GOOD}"),
        format!("[sync]\npoll_overlap = \"10m\"\n{GOOD}"),
        format!("[sync]\nguard = {{ users = {{ max_count = 1 }} }}\n{GOOD}"),
        format!("[sync]\nguard = {{ mode = \"never\", users = {{ max_count = 1 }} }}\n{GOOD}")
            .replace(
                "connection = \"eu\"",
                "connection = \"eu\"\nguard = { mode = \"limits\" }",
            ),
    ] {
        assert_eq!(no_effects(&text), [""; 0], "{text}");
    }
}
