//! What configurations mean, what is wrong with others, and that the documents name every key.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use tempfile::TempDir;

use super::keys::{Shape, sections};
use super::*;
use crate::connector::qlik::Budget;
use crate::sync::{Listening, OVERLAP, POLL, Polling};

mod connections;
mod egress;
mod endpoints;

const SIGNING: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A folder with a configuration file and the secrets that the examples name.
struct Folder(TempDir);

impl Folder {
    fn with(text: &str) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.write("qlik-roster.toml", text, 0o644);
        folder.write("eu-client-secret", "s3cret\n", 0o600);
        folder.write("hr-secret", SIGNING, 0o600);
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
fn the_example_is_a_configuration() {
    let config = Folder::with(EXAMPLE).load(&[]).unwrap();

    assert_eq!(config.store, PathBuf::from("./qlik-roster-data"));
    let day = 24 * 3600;
    assert_eq!(config.retention.keep.as_secs(), 90 * day);
    assert_eq!(config.retention.keep_runs, 2_000);
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:8720");
    assert_eq!(config.sync.schedule.to_string(), "15m");
    assert_eq!(config.tenants.len(), 1);
    assert_eq!(config.endpoints.len(), 1);
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
        Listening::Polling(Polling { every, overlap })
    };
    let listening: Vec<_> = config.tenants.iter().map(|it| it.listening).collect();
    assert_eq!(listening, [polling(30), Listening::Off, polling(1)]);
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
    assert_eq!(plain.tenants[0].listening, Listening::Polling(usual));
}

/// A change of the good configuration, and what is wrong then.
const CHANGES: &[(&str, &str, &str)] = &[
    (
        "connection = \"eu\"",
        "connection = \"eu\"\npoll = \"2h\"",
        "config.bad-duration tenants[0].poll",
    ),
    (
        "connection = \"eu\"",
        "connection = \"eu\"\nwebhook_secret_file = \"eu-client-secret\"",
        "config.secret-missing tenants[0].webhook_secret_file",
    ),
    (
        "connection = \"eu\"",
        "connection = \"eu\"\nwebhook_secret_env = \"NOT_THERE\"",
        "config.secret-missing tenants[0].webhook_secret_env",
    ),
    (
        "connection = \"eu\"",
        "connection = \"eu\"\npoll = \"off\"\nwebhook_secret_file = \"hr-secret\"",
        "config.conflict tenants[0].poll",
    ),
    (
        "secret_file = \"hr-secret\"",
        "secret_file = \"hr-secret\"\ntimeout = \"soon\"",
        "config.bad-duration endpoints[0].timeout",
    ),
    (
        "secret_file = \"hr-secret\"",
        "secret_file = \"hr-secret\"\ntimeout = \"121s\"",
        "config.bad-endpoint endpoints[0].timeout",
    ),
    (
        "https://hr.example.com",
        "https://169.254.169.254",
        "config.bad-endpoint endpoints[0].url",
    ),
    (
        "https://hr.example.com",
        "https://2130706433",
        "config.bad-endpoint endpoints[0].url",
    ),
    (
        "secret_file = \"hr-secret\"",
        "secret_file = \"hr-secret\"\nevents = [\"user.removed\"]",
        "config.bad-event endpoints[0].events",
    ),
    (
        "secret_file = \"hr-secret\"",
        "secret_file = \"hr-secret\"\nevents = []",
        "config.bad-event endpoints[0].events",
    ),
    (
        "secret_file = \"hr-secret\"",
        "secret_file = \"eu-client-secret\"",
        "config.bad-secret endpoints[0].secret_file",
    ),
    (
        "host = \"acme.eu.qlikcloud.com\"",
        "host = \"acme\"",
        "config.bad-host tenants[0].host",
    ),
    (
        "host = \"acme.eu.qlikcloud.com\"",
        "host = \"http://acme.eu.qlikcloud.com\"",
        "config.bad-host tenants[0].host",
    ),
    (
        "host = \"acme.eu.qlikcloud.com\"",
        "host = \"10.0.0.5:80\"",
        "config.bad-host tenants[0].host",
    ),
    (
        "name = \"acme\"",
        "name = \"ac/me\"",
        "config.bad-name tenants[0].name",
    ),
    (
        "name = \"acme\"",
        "",
        "config.missing-value tenants[0].name",
    ),
    (
        "name = \"acme\"",
        "name = 5",
        "config.wrong-type tenants[0].name",
    ),
    (
        "connection = \"eu\"",
        "connection = \"us\"",
        "config.unknown-connection tenants[0].connection",
    ),
    (
        "kind = \"tenant\"",
        "kind = \"reign\"",
        "config.unsupported-kind connections[0].kind",
    ),
    (
        "kind = \"tenant\"",
        "",
        "config.missing-value connections[0].kind",
    ),
    (
        "client_id = \"id\"",
        "",
        "config.missing-value connections[0].client_id",
    ),
    (
        "client_id = \"id\"",
        "client_id = \"id\"\ncolour = 1",
        "config.unknown-key connections[0].colour",
    ),
    (
        "client_id = \"id\"",
        "client_id = \"id\"\nrequests_per_minute = -1",
        "config.wrong-type connections[0].requests_per_minute",
    ),
    (
        "client_id = \"id\"",
        "client_id = \"id\"\nrequests_per_minute = \"many\"",
        "config.wrong-type connections[0].requests_per_minute",
    ),
    (
        "client_id = \"id\"",
        "client_id = \"id\"\nrate_share = 1.5",
        "config.out-of-range connections[0].rate_share",
    ),
    (
        "client_id = \"id\"",
        "client_id = \"id\"\nrate_share = 0",
        "config.out-of-range connections[0].rate_share",
    ),
    (
        "client_id = \"id\"",
        "client_id = \"id\"\nrate_share = 0.5\nrequests_per_minute = 5",
        "config.conflict connections[0].rate_share",
    ),
    (
        "client_id = \"id\"",
        "client_id = \"id\"\napi_key_env = \"K\"",
        "config.conflict connections[0].api_key_env",
    ),
    (
        "client_id = \"id\"",
        "client_id = \"id\"\nclient_secret_env = \"K\"",
        "config.conflict connections[0].client_secret_env",
    ),
    (
        "client_secret_file = \"eu-client-secret\"",
        "",
        "config.missing-value connections[0].client_secret_file",
    ),
    (
        "client_secret_file = \"eu-client-secret\"",
        "client_secret = \"x\"",
        "config.secret-in-file connections[0].client_secret",
    ),
    (
        "client_secret_file = \"eu-client-secret\"",
        "client_secret_file = \"gone\"",
        "config.secret-missing connections[0].client_secret_file",
    ),
    (
        "client_secret_file = \"eu-client-secret\"",
        "client_secret_file = \".\"",
        "config.secret-missing connections[0].client_secret_file",
    ),
    (
        "client_secret_file = \"eu-client-secret\"",
        "client_secret_env = \"GONE\"",
        "config.secret-missing connections[0].client_secret_env",
    ),
    (
        "host = \"acme.eu.qlikcloud.com\"",
        "",
        "config.missing-value tenants[0].host",
    ),
    (
        "[[tenants]]",
        "[[tenants]]\nschedule = \"often\"",
        "config.bad-schedule tenants[0].schedule",
    ),
    (
        "https://hr",
        "http://hr",
        "config.plain-http endpoints[0].url",
    ),
    ("https://hr", "ftp://hr", "config.bad-url endpoints[0].url"),
    (
        "https://hr",
        "https://a:b@hr",
        "config.bad-url endpoints[0].url",
    ),
    (
        "https://hr.example.com/hooks",
        "hr",
        "config.bad-url endpoints[0].url",
    ),
    (
        "secret_file = \"hr-secret\"",
        "",
        "config.missing-value endpoints[0].secret_file",
    ),
    (
        "secret_file = \"hr-secret\"",
        "secret = \"x\"",
        "config.secret-in-file endpoints[0].secret",
    ),
    (
        "secret_file = \"hr-secret\"",
        "secret_file = \"whsec_abc\"",
        "config.secret-in-file endpoints[0].secret_file",
    ),
    (
        "secret_file = \"hr-secret\"",
        "secret_file = []",
        "config.wrong-type endpoints[0].secret_file",
    ),
    (
        "secret_file = \"hr-secret\"",
        "secret_file = [\"hr-secret\", 5]",
        "config.wrong-type endpoints[0].secret_file[1]",
    ),
    (
        "secret_file = \"hr-secret\"",
        "secret_file = \"hr-secret\"\nevents = \"user.*\"",
        "config.wrong-type endpoints[0].events",
    ),
    (
        "secret_file = \"hr-secret\"",
        "secret_file = \"hr-secret\"\nallow_private = [\"10.0.0.0/99\"]",
        "config.bad-network endpoints[0].allow_private[0]",
    ),
    (
        "secret_file = \"hr-secret\"",
        "secret_file = \"hr-secret\"\nallow_http = true",
        "config.conflict endpoints[0].allow_http",
    ),
    (
        "secret_file = \"hr-secret\"",
        "secret_file = \"hr-secret\"\nallow_http = \"yes\"",
        "config.wrong-type endpoints[0].allow_http",
    ),
    (
        "[[endpoints]]",
        "[sync]\nschedule = \"5s\"\n[[endpoints]]",
        "config.bad-schedule sync.schedule",
    ),
    (
        "[[endpoints]]",
        "[sync]\nschedule = \"61 * * * *\"\n[[endpoints]]",
        "config.bad-schedule sync.schedule",
    ),
    (
        "[[endpoints]]",
        "[sync]\ntimezone = \"Berlin\"\n[[endpoints]]",
        "config.bad-time-zone sync.timezone",
    ),
    (
        "[[endpoints]]",
        "[sync]\nconcurrency = 0\n[[endpoints]]",
        "config.out-of-range sync.concurrency",
    ),
    (
        "[[endpoints]]",
        "[sync]\nconcurrency = 101\n[[endpoints]]",
        "config.out-of-range sync.concurrency",
    ),
    (
        "[[endpoints]]",
        "[sync]\njitter = \"2h\"\n[[endpoints]]",
        "config.bad-duration sync.jitter",
    ),
    (
        "[[endpoints]]",
        "[store]\nkeep = \"59m\"\n[[endpoints]]",
        "config.out-of-range store.keep",
    ),
    (
        "[[endpoints]]",
        "[store]\nkeep_runs = 499\n[[endpoints]]",
        "config.out-of-range store.keep_runs",
    ),
    (
        "[[endpoints]]",
        "[server]\nlisten = \"8720\"\n[[endpoints]]",
        "config.bad-address server.listen",
    ),
    (
        "[[endpoints]]",
        "[server]\nlisten = 8720\n[[endpoints]]",
        "config.wrong-type server.listen",
    ),
    (
        "[[endpoints]]",
        "[sevrer]\n[[endpoints]]",
        "config.unknown-key sevrer",
    ),
    (
        "[[endpoints]]",
        "[log]\nlevel = \"loud\"\n[[endpoints]]",
        "config.bad-log log.level",
    ),
    (
        "[[endpoints]]",
        "[log]\nformat = \"xml\"\n[[endpoints]]",
        "config.bad-log log.format",
    ),
];

#[test]
fn one_change_makes_one_problem() {
    for &(from, to, problem) in CHANGES {
        assert!(GOOD.contains(from), "{from}");

        let found = wrong(&GOOD.replace(from, to), &[]);

        assert_eq!(found, [problem], "{from} -> {to}");
    }
    assert_eq!(wrong(GOOD, &[]), Vec::<String>::new());
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
    - /etc/qlik-roster.toml: `endpoints[0].secret`: a secret does not belong in this file; put it in a file of its own with mode 0600 and name that by `secret_file`, or name an environment variable by `secret_env` [config.secret-in-file]
    - /etc/qlik-roster.toml: `endpoints[0].url`: events would travel in plain text; use https, or `allow_http = true` with `allow_private` in a network of your own [config.plain-http]
    - /etc/qlik-roster.toml: `tenants[0].conection`: no such key; did you mean `connection`? [config.unknown-key]
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
fn a_secret_can_be_rotated() {
    for two in [
        "secret_file = [\"hr-secret\", \"hr-old\"]",
        "secret_file = \"hr-secret\"\nsecret_env = \"OLD\"",
        "secret_env = [\"OLD\", \"OLD\"]",
    ] {
        let folder = Folder::with(&GOOD.replace("secret_file = \"hr-secret\"", two));
        folder.write("hr-old", SIGNING, 0o600);

        assert_eq!(
            problems_of(&folder, &[("OLD", SIGNING)]),
            Vec::<String>::new(),
            "{two}"
        );
    }
    let three = "secret_file = [\"hr-secret\", \"hr-secret\"]\nsecret_env = \"OLD\"";
    let three = GOOD.replace("secret_file = \"hr-secret\"", three);
    assert_eq!(
        wrong(&three, &[("OLD", SIGNING)]),
        ["config.conflict endpoints[0].secret_file"]
    );
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

#[test]
fn the_environment_wins_over_the_file() {
    let folder = Folder::with(&format!("[sync]\nschedule = \"1h\"\n{GOOD}"));

    let config = folder.load(&[
        ("QLIK_ROSTER__SYNC__SCHEDULE", "2h"),
        ("QLIK_ROSTER__SERVER__LISTEN", "[::1]:9000"),
        ("QLIK_ROSTER__LOG__LEVEL", "warn"),
        ("QLIK_ROSTER__STORE__PATH", "5"),
        ("RUST_LOG", "qlik_roster=debug"),
        ("STATE_DIRECTORY", "/var/lib/other"),
    ]);

    let config = config.unwrap();
    assert_eq!(config.sync.schedule.to_string(), "2h");
    assert_eq!(config.server.listen.to_string(), "[::1]:9000");
    assert_eq!(config.store, PathBuf::from("5"));
    assert_eq!(config.log.filter.as_str(), "qlik_roster=debug");
}

#[test]
fn a_bad_variable_is_named() {
    for (name, value, expected) in [
        (
            "QLIK_ROSTER__SYNC__SCHEDULE",
            "x",
            "environment variable QLIK_ROSTER__SYNC__SCHEDULE: `sync.schedule`: `x` is neither",
        ),
        (
            "QLIK_ROSTER__SYNC__SHEDULE",
            "1h",
            "environment variable QLIK_ROSTER__SYNC__SHEDULE: sets nothing; known in [sync]",
        ),
        (
            "QLIK_ROSTER__TENANTS__0__HOST",
            "x",
            "environment variable QLIK_ROSTER__TENANTS__0__HOST: sets nothing; write",
        ),
        (
            "QLIK_ROSTER__SCHEDULE",
            "x",
            "environment variable QLIK_ROSTER__SCHEDULE: sets nothing; write QLIK_ROSTER__SECTION__KEY",
        ),
        (
            "RUST_LOG",
            "loud",
            "environment variable RUST_LOG: sets nothing; `loud`",
        ),
    ] {
        let error = Folder::with(GOOD)
            .load(&[(name, value)])
            .unwrap_err()
            .to_string();

        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn the_store_is_where_systemd_says_unless_the_file_does() {
    let state = [("STATE_DIRECTORY", "/var/lib/qlik-roster:/var/lib/other")];

    let config = Folder::with(GOOD).load(&state).unwrap();
    assert_eq!(config.store, PathBuf::from("/var/lib/qlik-roster"));

    let named = format!("[store]\npath = \"/srv/roster\"\n{GOOD}");
    assert_eq!(
        Folder::with(&named).load(&state).unwrap().store,
        PathBuf::from("/srv/roster")
    );
}

#[test]
fn a_secret_that_others_can_read_is_refused() {
    let at = "config.secret-exposed connections[0].client_secret_file";
    for (mode, expected) in [
        (0o600, vec![]),
        (0o400, vec![]),
        (0o640, vec![at]),
        (0o604, vec![at]),
        (0o620, vec![at]),
    ] {
        let folder = Folder::with(GOOD);
        folder.write("eu-client-secret", "s", mode);

        assert_eq!(problems_of(&folder, &[]), expected, "{mode:o}");
    }
}

#[test]
fn credentials_that_systemd_passes_come_first_and_may_be_the_groups() {
    for (mode, n_problems) in [(0o400, 0), (0o440, 0), (0o444, 1)] {
        let folder = Folder::with(GOOD);
        fs::remove_file(folder.path("eu-client-secret")).unwrap();
        fs::create_dir(folder.path("credentials")).unwrap();
        folder.write("credentials/eu-client-secret", "passed", mode);
        let credentials = folder.path("credentials").display().to_string();

        let found = problems_of(&folder, &[("CREDENTIALS_DIRECTORY", &credentials)]);

        assert_eq!(found.len(), n_problems, "{mode:o} {found:?}");
    }
}

#[test]
fn secrets_that_kubernetes_mounts_may_be_the_groups() {
    for (mode, n_problems) in [(0o440, 0), (0o400, 0), (0o444, 1)] {
        let folder = Folder::with(&GOOD.replace("eu-client-secret", "mount/eu"));
        fs::create_dir_all(folder.path("mount/..2026_11_21")).unwrap();
        folder.write("mount/..2026_11_21/eu", "s", mode);
        symlink("..2026_11_21", folder.path("mount/..data")).unwrap();
        symlink("..data/eu", folder.path("mount/eu")).unwrap();

        let found = problems_of(&folder, &[]);

        assert_eq!(found.len(), n_problems, "{mode:o} {found:?}");
    }
}

#[test]
fn a_secret_written_where_its_place_belongs_is_not_repeated() {
    let secret = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    for (from, to) in [
        (
            "client_secret_file = \"eu-client-secret\"",
            format!("client_secret_file = \"{secret}\""),
        ),
        (
            "client_secret_file = \"eu-client-secret\"",
            format!("client_secret_env = \"{secret}\""),
        ),
        (
            "client_secret_file = \"eu-client-secret\"",
            format!("client_secret = \"{secret}\""),
        ),
    ] {
        let error = Folder::with(&GOOD.replace(from, &to))
            .load(&[])
            .unwrap_err();

        assert_eq!(error.code(), "config.secret-in-file");
        assert!(!format!("{error} {error:?}").contains(secret), "{error}");
    }
}

#[test]
fn a_named_file_is_not_replaced_by_a_usual_one() {
    let folder = Folder::with(GOOD);
    let (there, gone) = (folder.path("qlik-roster.toml"), folder.path("gone.toml"));
    let usual = [gone.clone(), there.clone()];
    let by_variable: Environment = [("QLIK_ROSTER_CONFIG", there.to_str().unwrap())]
        .into_iter()
        .collect();
    let find = |named: Option<&Path>, environment: &Environment, usual: &[PathBuf]| {
        locate::find(named, environment, usual).map_err(|error| error.code())
    };

    assert_eq!(
        find(None, &Environment::default(), &usual),
        Ok(there.clone())
    );
    assert_eq!(find(None, &by_variable, &[]), Ok(there));
    assert_eq!(
        find(Some(&gone), &by_variable, &usual),
        Err("config.not-found")
    );
    assert_eq!(
        find(None, &Environment::default(), &[]),
        Err("config.not-found")
    );
}

/// All keys, as `section.key`.
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
        section = heading(line).unwrap_or(section);
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

    // Two ways at once to give a secret, none of them set, and files that are not there.
    let expected = [
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
        "config.conflict endpoints[0].max_wait",
        "config.conflict endpoints[0].proxy_password_env",
        "config.secret-missing endpoints[0].secret_env",
        "config.conflict endpoints[0].set_audience",
        "config.conflict endpoints[0].set_events",
        "config.conflict endpoints[0].set_key_env",
        "config.conflict endpoints[0].set_key_file",
        "config.conflict endpoints[0].source",
        "config.conflict tenants[0].webhook_secret_env",
    ];
    assert_eq!(found, expected);
}

#[test]
fn the_manual_names_every_key_and_no_other() {
    let (mut section, mut found) = ("", BTreeSet::new());
    let manual = include_str!("../../docs/configuration.md");
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
