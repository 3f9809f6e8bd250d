//! The release: what `deploy/release.sh` makes of the program that these tests were built with.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::{printed, root, shown, tool};

const VERSION: &str = env!("CARGO_PKG_VERSION");
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Makes a release; `None` on a machine that cannot build packages.
fn release() -> Option<TempDir> {
    tool("dpkg-deb")?;
    let folder = tempfile::tempdir().unwrap();
    let made = Command::new(root().join("deploy/release.sh"))
        .args(["--dirty", "--fast", "--binary"])
        .args([Path::new(env!("CARGO_BIN_EXE_qlik-roster")), folder.path()])
        .env("SOURCE_DATE_EPOCH", "1700000000")
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", shown(&made));
    Some(folder)
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort_unstable();
    names
}

fn package(folder: &TempDir) -> PathBuf {
    let name = names(folder.path());
    let name = name.iter().find(|name| {
        let path = Path::new(name);
        path.extension().is_some_and(|ending| ending == "deb")
    });
    folder.path().join(name.unwrap())
}

/// Runs dpkg on a tree of its own, in which nothing else is installed.
fn dpkg(tree: &Path, arguments: &[&str]) {
    let done = Command::new("dpkg")
        .arg(format!("--root={}", tree.display()))
        .args([
            "--force-depends",
            "--force-script-chrootless",
            "--log=/dev/null",
        ])
        .args(arguments)
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", shown(&done));
}

#[test]
fn a_release_is_complete_and_the_same_each_time() {
    let (Some(one), Some(other)) = (release(), release()) else {
        return;
    };

    let expected = [
        "SHA256SUMS".to_owned(),
        format!("qlik-roster-{VERSION}-{TARGET}.cdx.json"),
        format!("qlik-roster-{VERSION}-{TARGET}.tar.gz"),
        format!("qlik-roster-{VERSION}.tgz"),
        format!("qlik-roster_{VERSION}-1_amd64.deb"),
    ];
    assert_eq!(names(one.path()), expected);
    for name in &expected {
        let [one, other] = [&one, &other].map(|made| fs::read(made.path().join(name)).unwrap());
        assert!(one == other, "{name} differs");
    }
    let checked = Command::new("sha256sum")
        .args(["--check", "--strict", "SHA256SUMS"])
        .current_dir(one.path())
        .output()
        .unwrap();
    assert!(checked.status.success(), "{}", shown(&checked));

    let archive = one.path().join(&expected[2]);
    let listed = printed("tar", &["-tzf", archive.to_str().unwrap()]).unwrap();
    for file in [
        "qlik-roster",
        "man1/qlik-roster-serve.1",
        "completions/qlik-roster.bash",
        "systemd/qlik-roster.service",
        "monitoring/alerts.yaml",
        "config/example.toml",
        "LICENSE-MIT",
    ] {
        let path = format!("qlik-roster-{VERSION}-{TARGET}/{file}");
        assert!(listed.lines().any(|line| line == path), "{path}");
    }
    let chart = one.path().join(&expected[3]);
    if tool("kubernetes-validate").is_some() {
        let arguments = [
            "tests/deploy/objects.py",
            "chart",
            chart.to_str().unwrap(),
            "{}",
        ];
        let rendered = printed("python", &arguments).unwrap();
        assert!(rendered.contains("StatefulSet"), "{rendered}");
    }
}

#[test]
fn the_bill_of_materials_has_what_is_compiled_in_and_nothing_else() {
    let Some(made) = release() else { return };
    let file = made
        .path()
        .join(format!("qlik-roster-{VERSION}-{TARGET}.cdx.json"));

    if tool("kubernetes-validate").is_some() {
        let arguments = ["tests/deploy/objects.py", "bill", file.to_str().unwrap()];
        drop(printed("python", &arguments));
    }
    let bill: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    let components = bill["components"].as_array().unwrap();
    let has = |name: &str| components.iter().any(|one| one["name"] == name);
    for name in ["sled", "ring", "rustls", "tokio"] {
        assert!(has(name), "{name}");
    }
    for name in ["insta", "proptest", "rcgen", "windows-sys"] {
        assert!(!has(name), "{name}");
    }
    for one in components {
        assert!(
            one["licenses"].is_array() && one["hashes"].is_array(),
            "{one}"
        );
    }
    assert_eq!(bill["metadata"]["component"]["version"], VERSION);
    assert_eq!(bill["metadata"]["timestamp"], "2023-11-14T22:13:20Z");
}

#[test]
fn lintian_finds_nothing_serious_in_the_package() {
    let (Some(_), Some(made)) = (tool("lintian"), release()) else {
        return;
    };
    let package = package(&made);

    let arguments = [
        "--allow-root",
        "--fail-on",
        "error,warning",
        package.to_str().unwrap(),
    ];
    drop(printed("lintian", &arguments));
}

#[test]
fn the_package_installs_and_leaves_only_what_the_operator_wrote() {
    if !rustix::process::geteuid().is_root() {
        println!("dpkg needs root: not checked");
        return;
    }
    let Some(made) = release() else { return };
    let package = package(&made);
    let tree = tempfile::tempdir().unwrap();
    let path = |name: &str| tree.path().join(name);
    for folder in ["updates", "info", "triggers"] {
        fs::create_dir_all(path("var/lib/dpkg").join(folder)).unwrap();
    }
    for file in ["status", "available"] {
        fs::write(path("var/lib/dpkg").join(file), "").unwrap();
    }

    dpkg(tree.path(), &["--install", package.to_str().unwrap()]);

    let program = Command::new(path("usr/bin/qlik-roster"))
        .arg("--version")
        .output();
    assert_eq!(shown(&program.unwrap()), format!("qlik-roster {VERSION}\n"));
    for unit in ["qlik-roster.service", "qlik-roster-sync.service"] {
        let text = fs::read_to_string(path("usr/lib/systemd/system").join(unit)).unwrap();
        assert!(text.contains("\nExecStart=/usr/bin/qlik-roster "), "{unit}");
    }
    for file in [
        "usr/lib/systemd/system/qlik-roster-sync.timer",
        "usr/share/man/man1/qlik-roster-serve.1.gz",
        "usr/share/bash-completion/completions/qlik-roster",
        "usr/share/zsh/vendor-completions/_qlik-roster",
        "usr/share/fish/vendor_completions.d/qlik-roster.fish",
        "usr/share/doc/qlik-roster/examples/qlik-roster.toml",
    ] {
        assert!(path(file).is_file(), "{file}");
    }
    let secrets = fs::metadata(path("etc/qlik-roster/secrets")).unwrap();
    assert_eq!(secrets.permissions().mode() & 0o777, 0o700);

    // As the service leaves it.
    fs::create_dir_all(path("var/lib/private/qlik-roster/db")).unwrap();
    symlink("private/qlik-roster", path("var/lib/qlik-roster")).unwrap();
    fs::write(path("etc/qlik-roster/secrets/hr"), "secret").unwrap();
    dpkg(tree.path(), &["--remove", "qlik-roster"]);
    assert!(!path("usr/bin/qlik-roster").exists());
    assert!(
        path("var/lib/private/qlik-roster/db").exists(),
        "the store stays"
    );

    dpkg(tree.path(), &["--install", package.to_str().unwrap()]);
    dpkg(tree.path(), &["--purge", "qlik-roster"]);
    assert!(!path("var/lib/private/qlik-roster").exists());
    assert!(fs::symlink_metadata(path("var/lib/qlik-roster")).is_err());
    assert!(
        path("etc/qlik-roster/secrets/hr").exists(),
        "the operator wrote it"
    );
    assert!(!path("usr/share/doc/qlik-roster").exists());
}
