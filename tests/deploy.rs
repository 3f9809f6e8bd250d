//! Checks `deploy/` against the code and with the tools that read it: units, packages, manifests,
//! the chart, the image's build, alert rules and the dashboard.
//!
//! `tests/run.sh` installs the tools. Where one is missing, its tests say so and check nothing,
//! unless `QLIK_ROSTER_REQUIRE_DEPLOY` is set.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must say where, and panics do"
)]

#[path = "deploy/image.rs"]
mod image;
#[path = "deploy/kubernetes.rs"]
mod kubernetes;
#[path = "deploy/monitoring.rs"]
mod monitoring;
#[path = "deploy/package.rs"]
mod package;
#[path = "deploy/systemd.rs"]
mod systemd;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use qlik_roster::config::{self, Config, Environment};

const SIGNING: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// The root of the repository.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Reads a file of the repository.
fn read(name: &str) -> String {
    let path = root().join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns a program that `tests/run.sh` installs, or that the machine has; `None` if neither.
fn tool(name: &str) -> Option<PathBuf> {
    let own = root().join("target/deploy/python/bin").join(name);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).map(|folder| folder.join(name));
    let found = std::iter::once(own)
        .chain(places)
        .find(|place| place.is_file());
    if found.is_none() {
        let required = std::env::var_os("QLIK_ROSTER_REQUIRE_DEPLOY").is_some();
        assert!(!required, "{name} is not installed");
        println!("{name} is not installed: not checked");
    }
    found
}

/// Runs a program in the root of the repository; `None` if it is not installed.
fn run(program: &str, arguments: &[&str]) -> Option<Output> {
    let mut command = Command::new(tool(program)?);
    Some(
        command
            .args(arguments)
            .current_dir(root())
            .output()
            .unwrap(),
    )
}

/// Runs a program that must succeed and returns what it prints; `None` if it is not installed.
fn printed(program: &str, arguments: &[&str]) -> Option<String> {
    let output = run(program, arguments)?;
    assert!(output.status.success(), "{}", shown(&output));
    Some(String::from_utf8(output.stdout).unwrap())
}

fn shown(output: &Output) -> String {
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    format!("{out}{err}")
}

/// Reads a sample as its machine would, with secrets of the given mode in one folder.
fn load(sample: &str, secrets: [&str; 2], mode: u32) -> Config {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let here = folder.path().to_str().unwrap();
    let text = read(sample).replace("/run/qlik-roster-secrets", here);
    fs::write(path("qlik-roster.toml"), text).unwrap();
    for (name, secret) in secrets.into_iter().zip(["s3cret", SIGNING]) {
        fs::write(path(name), secret).unwrap();
        fs::set_permissions(path(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    let environment: Environment = [
        ("CREDENTIALS_DIRECTORY", here),
        ("STATE_DIRECTORY", "/var/lib/qlik-roster"),
    ]
    .into_iter()
    .collect();
    config::load(Some(&path("qlik-roster.toml")), &environment).unwrap()
}

#[test]
fn the_samples_are_configurations() {
    for (sample, secrets, mode, listen) in [
        (
            "deploy/systemd/qlik-roster.toml",
            ["secret_eu-client", "secret_hr"],
            0o400,
            "127.0.0.1:8720",
        ),
        (
            "deploy/kubernetes/base/qlik-roster.toml",
            ["eu-client-secret", "hr-secret"],
            0o440,
            "0.0.0.0:8720",
        ),
    ] {
        let config = load(sample, secrets, mode);

        let store = PathBuf::from("/var/lib/qlik-roster");
        assert_eq!(config.store, store, "{sample}");
        assert_eq!(config.server.listen.to_string(), listen, "{sample}");
        assert_eq!(config.tenants.len(), 1, "{sample}");
        assert_eq!(config.endpoints.len(), 1, "{sample}");
    }
}

#[test]
fn scripts_have_no_mistakes_that_shellcheck_knows() {
    let scripts = [
        ".ci/run",
        "tests/run.sh",
        "deploy/release.sh",
        "deploy/debian/build.sh",
        "deploy/debian/postinst",
        "deploy/debian/prerm",
        "deploy/debian/postrm",
        "tests/deploy/bare.sh",
    ];
    drop(printed("shellcheck", &scripts));
}
