//! Checks `deploy/` against the code: reads the samples, and checks the unit and the manifests.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "helpers of tests, which fail and print as tests do"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output};

use qlik_roster::config::{self, Config, Environment};

const SIGNING: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn deploy(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("deploy")
        .join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Runs a program; `None` if it is not installed.
fn run(program: &str, arguments: &[&str]) -> Option<Output> {
    let done = Command::new(program).args(arguments).output().ok();
    if done.is_none() {
        println!("{program} is not installed: not checked");
    }
    done
}

fn shown(output: &Output) -> String {
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    format!("{out}{err}")
}

/// Reads a sample as its machine would, with secrets of the given mode in one folder.
fn load(sample: &str, mode: u32) -> Config {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let here = folder.path().to_str().unwrap();
    let text = deploy(sample).replace("/run/qlik-roster-secrets", here);
    fs::write(path("qlik-roster.toml"), text).unwrap();
    for (name, secret) in [("eu-client-secret", "s3cret"), ("hr-secret", SIGNING)] {
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
    for (sample, mode, listen) in [
        ("systemd/qlik-roster.toml", 0o400, "127.0.0.1:8720"),
        ("kubernetes/qlik-roster.toml", 0o440, "0.0.0.0:8720"),
    ] {
        let config = load(sample, mode);

        assert_eq!(
            config.store,
            PathBuf::from("/var/lib/qlik-roster"),
            "{sample}"
        );
        assert_eq!(config.server.listen.to_string(), listen, "{sample}");
        assert_eq!(config.tenants.len(), 1, "{sample}");
        assert_eq!(config.endpoints.len(), 1, "{sample}");
    }
}

#[test]
fn the_unit_passes_what_the_sample_names() {
    let unit = deploy("systemd/qlik-roster.service");
    let sample = deploy("systemd/qlik-roster.toml");

    for key in ["client_secret_file", "secret_file"] {
        let line = sample.lines().find(|line| line.starts_with(key)).unwrap();
        let name = line.split('"').nth(1).unwrap();
        let passed = format!("LoadCredential={name}:/etc/qlik-roster/secrets/{name}");
        assert!(unit.lines().any(|line| line == passed), "{passed}");
    }
    assert!(unit.contains(
        "\nExecStart=/usr/local/bin/qlik-roster --config /etc/qlik-roster/qlik-roster.toml serve\n"
    ));
    assert!(unit.contains("\nStateDirectory=qlik-roster\n"));
}

#[test]
fn systemd_finds_nothing_to_complain_about() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("qlik-roster.service");
    let unit = deploy("systemd/qlik-roster.service");
    // `systemd-analyze` wants the program to exist; it does not matter which one it is.
    fs::write(
        &path,
        unit.replace("/usr/local/bin/qlik-roster", "/bin/true"),
    )
    .unwrap();
    let path = path.to_str().unwrap();

    if let Some(verified) = run("systemd-analyze", &["verify", "--man=no", path]) {
        let said = shown(&verified);
        assert!(
            verified.status.success() && !said.contains("qlik-roster.service:"),
            "{said}"
        );
    }
    let arguments = [
        "security",
        "--no-pager",
        "--offline=true",
        "--threshold=15",
        path,
    ];
    if let Some(weighed) = run("systemd-analyze", &arguments) {
        assert!(weighed.status.success(), "{}", shown(&weighed));
    }
}

#[test]
fn the_manifests_are_yaml_and_build() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("deploy/kubernetes");
    let folder = folder.to_str().unwrap();

    // PyYAML is not everywhere; `kubectl` reads the files as well.
    if run("python3", &["-c", "import yaml"]).is_some_and(|tried| tried.status.success()) {
        let script = "import glob, sys, yaml\nfor f in glob.glob(sys.argv[1] + '/*.yaml'): list(yaml.safe_load_all(open(f)))";
        let read = run("python3", &["-c", script, folder]).unwrap();
        assert!(read.status.success(), "{}", shown(&read));
    }
    if let Some(built) = run("kubectl", &["kustomize", folder]) {
        let said = shown(&built);
        assert!(built.status.success(), "{said}");
        assert_eq!(said.matches("\nkind: ").count(), 4, "{said}");
        assert!(
            said.contains("image: registry.example.com/qlik-roster:"),
            "{said}"
        );
    }
}

#[test]
fn manifests_and_samples_speak_of_the_same_places() {
    let (set, sample) = (
        deploy("kubernetes/statefulset.yaml"),
        deploy("kubernetes/qlik-roster.toml"),
    );

    for place in ["/var/lib/qlik-roster", "/run/qlik-roster-secrets"] {
        assert!(set.contains(&format!("mountPath: {place}\n")), "{place}");
        assert!(sample.contains(place), "{place}");
    }
    for text in [
        "containerPort: 8720",
        "path: /livez",
        "path: /readyz",
        "ReadWriteOncePod",
        "replicas: 1",
    ] {
        assert!(set.contains(text), "{text}");
    }
    assert!(deploy("kubernetes/service.yaml").contains("port: 8720\n"));
    assert!(deploy("Dockerfile").contains("EXPOSE 8720\n"));
}

#[test]
fn no_service_of_the_cluster_sets_a_variable_of_the_pod() {
    let manifest = deploy("kubernetes/statefulset.yaml");

    assert!(manifest.contains("\n      enableServiceLinks: false\n"));
}
