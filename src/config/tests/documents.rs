//! The documents name every key and no other, and the example works.

use super::*;

#[test]
fn the_example_is_a_configuration() {
    let folder = Folder::with(EXAMPLE);
    let config = folder.load(&[]).unwrap();

    assert_eq!(config.store, folder.path("qlik-roster-data"));
    let day = 24 * 3600;
    assert_eq!(config.retention.keep.as_secs(), 90 * day);
    assert_eq!(config.retention.keep_runs, 2_000);
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:8720");
    assert_eq!(config.sync.schedule.to_string(), "15m");
    assert_eq!(config.tenants.len(), 1);
    assert_eq!(config.endpoints.len(), 1);
}

/// Returns all keys, as `section.key`.
fn known() -> BTreeSet<String> {
    let sections = sections();
    let keys = sections.iter().flat_map(|section| {
        section
            .keys
            .iter()
            .map(|key| format!("{}.{key}", section.name))
    });
    keys.collect()
}

/// Returns a section's name if a line heads it, and whether it is a list.
fn heading(line: &str) -> Option<&str> {
    let inner = line.strip_prefix('[')?.strip_suffix(']')?;
    let list = inner
        .strip_prefix('[')
        .and_then(|inner| inner.strip_suffix(']'));
    let name = list.unwrap_or(inner);
    let shape = if list.is_some() {
        Shape::List
    } else {
        Shape::One
    };
    let sections = sections();
    assert!(
        sections
            .iter()
            .any(|known| known.name == name && known.shape == shape),
        "{line}"
    );
    Some(name)
}

#[test]
fn the_example_names_every_key_and_no_other() {
    let (mut section, mut found) = ("", BTreeSet::new());
    for line in EXAMPLE.lines().filter(|line| !line.starts_with("# ")) {
        // A section that may be left out is commented out.
        section = heading(line.trim_start_matches('#')).unwrap_or(section);
        if let Some((key, _)) = line.split_once(" = ") {
            found.insert(format!("{section}.{}", key.trim_start_matches('#')));
        }
    }

    assert_eq!(found, known());
}

#[test]
fn every_setting_in_the_example_is_of_the_right_type() {
    let all: Vec<&str> = EXAMPLE
        .lines()
        .filter(|line| !line.starts_with("# "))
        .map(|line| line.trim_start_matches('#'))
        .collect();

    let found = wrong(&all.join("\n"), &[]);

    // Two ways at once to set a secret, none of them set, and files that do not exist.
    let expected = [
        "config.file-unreadable alerts[0].ca_file",
        "config.file-unreadable alerts[0].client_cert_file",
        "config.conflict alerts[0].client_key_env",
        "config.conflict alerts[0].hash_key_env",
        "config.secret-missing alerts[0].headers.authorization",
        "config.conflict alerts[0].proxy_password_env",
        "config.conflict alerts[0].template",
        "config.conflict alerts[0].url_file",
        "config.conflict connections[0].api_key_env",
        "config.conflict connections[0].api_key_file",
        "config.conflict connections[0].private_key_file",
        "config.conflict connections[0].rate_share",
        "config.file-unreadable endpoints[0].ca_file",
        "config.file-unreadable endpoints[0].client_cert_file",
        "config.conflict endpoints[0].client_key_env",
        "config.conflict endpoints[0].handshake_origin",
        "config.conflict endpoints[0].hash_key_env",
        "config.secret-missing endpoints[0].headers.x-api-key",
        "config.conflict endpoints[0].max_batch",
        "config.conflict endpoints[0].max_batch_bytes",
        "config.conflict endpoints[0].max_wait",
        "config.conflict endpoints[0].proxy_password_env",
        "config.secret-missing endpoints[0].secret_env",
        "config.conflict endpoints[0].set_audience",
        "config.conflict endpoints[0].set_events",
        "config.conflict endpoints[0].set_key_env",
        "config.conflict endpoints[0].set_key_file",
        "config.conflict endpoints[0].source",
        "config.conflict endpoints[0].url_file",
        "config.file-unreadable server.tls.cert_file",
        "config.conflict tenants[0].webhook_secret_env",
    ];
    assert_eq!(found, expected);
}

#[test]
fn the_manual_names_every_key_and_no_other() {
    let (mut section, mut found) = ("", BTreeSet::new());
    let manual = include_str!("../../../docs/configuration.md");
    for line in manual.lines() {
        let title = line
            .strip_prefix("### `")
            .and_then(|rest| rest.strip_suffix('`'));
        section = title.and_then(heading).unwrap_or(section);
        if line.starts_with("## ") {
            section = "";
        }
        let key = line
            .strip_prefix("| `")
            .and_then(|rest| rest.split_once('`'));
        if let (Some((key, _)), false) = (key, section.is_empty()) {
            found.insert(format!("{section}.{key}"));
        }
    }

    assert_eq!(found, known());
}
