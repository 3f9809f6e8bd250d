//! What valid configurations mean, what is wrong with invalid ones, and that the documents name
//! every key.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use tempfile::TempDir;

use super::keys::{Shape, sections};
use super::*;
use crate::connector::qlik::Budget;
use crate::sync::{OVERLAP, POLL, PollSetting, Polling};

mod alerts;
mod connections;
mod documents;
mod egress;
mod endpoints;
mod environment;
mod exports;
mod no_effect;
mod mistakes;
mod secrets;
mod separations;
mod sessions;

const SIGNING: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A folder with a configuration file and the secrets that the examples name.
struct Folder(TempDir);

impl Folder {
    fn with(text: &str) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.write("qlik-roster.toml", text, 0o644);
        folder.write("eu-client-secret", "s3cret\n", 0o600);
        folder.write("hr-secret", SIGNING, 0o600);
        folder.write("hr-address", "https://hr.example.com/hooks", 0o600);
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str, mode: u32) {
        fs::write(self.path(name), text).unwrap();
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    fn load(&self, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let environment = variables.iter().copied().collect();
        load(Some(&self.path("qlik-roster.toml")), &environment)
    }
}

const GOOD: &str = r#"
    [[connections]]
    name = "eu"
    kind = "tenant"
    client_id = "id"
    client_secret_file = "eu-client-secret"
    [[tenants]]
    name = "acme"
    host = "acme.eu.qlikcloud.com"
    connection = "eu"
    [[endpoints]]
    name = "hr"
    url = "https://hr.example.com/hooks"
    secret_file = "hr-secret"
"#;

/// Returns what is wrong: the code and the key of each problem.
fn wrong(text: &str, variables: &[(&str, &str)]) -> Vec<String> {
    problems_of(&Folder::with(text), variables)
}

fn problems_of(folder: &Folder, variables: &[(&str, &str)]) -> Vec<String> {
    match folder.load(variables) {
        Ok(_) => Vec::new(),
        Err(error) => {
            let problems = error.problems().iter();
            problems
                .map(|problem| format!("{} {}", problem.fault.code(), problem.key))
                .collect()
        }
    }
}

#[test]
fn a_tenant_listens_as_all_do_unless_it_says_so() {
    let folder = Folder::with(&format!(
        "[sync]\npoll = \"30s\"\npoll_overlap = \"10m\"\n{GOOD}
    [[tenants]]
    name = \"deaf\"
    host = \"deaf.eu.qlikcloud.com\"
    connection = \"eu\"
    poll = \"off\"
    [[tenants]]
    name = \"keen\"
    host = \"keen.eu.qlikcloud.com\"
    connection = \"eu\"
    poll = \"1s\"
    webhook_secret_file = \"hr-secret\"
"
    ));
    let config = folder.load(&[]).unwrap();

    let polling = |seconds| {
        let [every, overlap] = [seconds, 600].map(std::time::Duration::from_secs);
        PollSetting::Polling(Polling { every, overlap })
    };
    let poll: Vec<_> = config.tenants.iter().map(|it| it.poll).collect();
    assert_eq!(poll, [polling(30), PollSetting::Off, polling(1)]);
    let secrets: Vec<_> = config
        .tenants
        .iter()
        .map(|it| it.webhook_secret.is_some())
        .collect();
    assert_eq!(secrets, [false, false, true]);
    let plain = Folder::with(GOOD).load(&[]).unwrap();
    let usual = Polling {
        every: POLL,
        overlap: OVERLAP,
    };
    assert_eq!(plain.tenants[0].poll, PollSetting::Polling(usual));
}

#[test]
fn all_problems_come_at_once_with_place_and_remedy() {
    let text = GOOD
        .replace("connection = \"eu\"", "conection = \"eu\"")
        .replace("https://hr", "http://hr")
        .replace("secret_file = \"hr-secret\"", "secret = \"hunter2\"");
    let folder = Folder::with(&text);

    let error = folder.load(&[]).unwrap_err();

    let shown = error
        .to_string()
        .replace(&folder.path("").display().to_string(), "/etc/");
    insta::assert_snapshot!(shown, @r"
    the configuration has 3 problems
    - /etc/qlik-roster.toml: `endpoints[0].secret`: a secret does not belong in this file; put it in a file of its own with mode 0600 and name that in `secret_file`, or name an environment variable in `secret_env` [config.secret-in-file]
    - /etc/qlik-roster.toml: `endpoints[0].url`: events would travel in plain text; use https, or `allow_http = true` with `allow_private` in a network of your own [config.plain-http]
    - /etc/qlik-roster.toml: `tenants[0].conection`: there is no such key; did you mean `connection`? [config.unknown-key]
    ");
}

#[test]
fn a_connections_limit_holds_for_its_tenants() {
    let config = Folder::with(GOOD).load(&[]).unwrap();
    assert_eq!(config.tenants[0].options.budget, Budget::Share(0.5));
    assert_eq!(
        config.tenants[0].options.host.to_string(),
        "acme.eu.qlikcloud.com"
    );

    for (written, budget) in [
        ("rate_share = 1", Budget::Share(1.0)),
        ("rate_share = 0.25", Budget::Share(0.25)),
        ("requests_per_minute = 300", Budget::PerMinute(300)),
        ("requests_per_minute = 0", Budget::Unlimited),
    ] {
        let text = GOOD.replace("kind =", &format!("{written}\nkind ="));
        let config = Folder::with(&text).load(&[]).unwrap();
        assert_eq!(config.tenants[0].options.budget, budget, "{written}");
    }
}

#[test]
fn plain_http_goes_into_a_named_network() {
    let local = GOOD.replace(
        "https://hr.example.com/hooks\"",
        "http://127.0.0.1:9/in\"\nallow_private = [\"127.0.0.0/8\"]\nallow_http = true",
    );

    let config = Folder::with(&local).load(&[]).unwrap();

    assert_eq!(config.endpoints[0].origin(), "http://127.0.0.1:9");
}

#[test]
fn names_are_unique_within_their_list() {
    let again = GOOD.replace("[[connections]]", "[[tenants]]\nname = \"acme\"\nhost = \"b.eu.qlikcloud.com\"\nconnection = \"eu\"\n[[connections]]");

    assert_eq!(
        wrong(&again, &[]),
        ["config.duplicate-name tenants[1].name"]
    );
    assert_eq!(
        wrong(&GOOD.replace("\"hr\"", "\"acme\""), &[]),
        Vec::<String>::new()
    );
}

#[test]
fn what_is_no_toml_is_told_with_its_line() {
    let error = Folder::with("[store\npath = 1").load(&[]).unwrap_err();

    assert_eq!(error.code(), "config.syntax");
    assert!(error.to_string().contains("line 1"), "{error}");

    // But not what the line says, which may be a secret.
    let error = Folder::with("a = 1\nurl = \"https://hooks.example/hunter2\nb = 2");
    let error = error.load(&[]).unwrap_err().to_string();
    assert!(
        error.contains("line 2") && error.contains("string"),
        "{error}"
    );
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn a_value_of_the_wrong_type_hides_no_other() {
    assert_eq!(
        wrong(
            "store = 5\ntenants = [7]\nendpoints = \"x\"\n[log]\nlevel = []",
            &[]
        ),
        [
            "config.wrong-type endpoints",
            "config.wrong-type log.level",
            "config.wrong-type store",
            "config.wrong-type tenants[0]",
        ]
    );
}
