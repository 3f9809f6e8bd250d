//! The units: what `systemd-analyze` thinks of them, and that they fit the sample.

use std::fs;

use super::{printed, read, run, shown};

const SERVICES: [&str; 2] = ["qlik-roster.service", "qlik-roster-sync.service"];
const TIMER: &str = "qlik-roster-sync.timer";

fn unit(name: &str) -> String {
    read(&format!("deploy/systemd/{name}"))
}

/// Writes the units as `systemd-analyze` wants them: their program exists.
fn written() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in SERVICES.into_iter().chain([TIMER]) {
        let text = unit(name).replace("/usr/local/bin/qlik-roster", "/bin/true");
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

#[test]
fn systemd_finds_nothing_to_complain_about() {
    let folder = written();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (daemon, sync, timer) = (path(SERVICES[0]), path(SERVICES[1]), path(TIMER));

    let arguments = ["verify", "--man=no", &daemon, &sync, &timer];
    if let Some(verified) = run("systemd-analyze", &arguments) {
        let said = shown(&verified);
        assert!(
            verified.status.success() && !said.contains("qlik-roster"),
            "{said}"
        );
    }
    for service in [daemon, sync] {
        let rated = ["security", "--no-pager", "--offline=true", "--threshold=15"];
        drop(printed(
            "systemd-analyze",
            &[&rated[..], &[&service]].concat(),
        ));
    }
}

#[test]
fn both_services_run_as_the_same_user_with_the_same_hardening() {
    let [daemon, sync] = SERVICES.map(|name| {
        let text = unit(name);
        let lines = text.lines().skip_while(|line| *line != "DynamicUser=yes");
        let lines = lines.take_while(|line| *line != "[Install]");
        let settings = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        settings.map(str::to_owned).collect::<Vec<_>>()
    });

    assert!(daemon.len() > 25, "{daemon:?}");
    assert_eq!(daemon, sync);
    for line in [
        "User=qlik-roster",
        "StateDirectory=qlik-roster",
        "LoadCredential=secret:/etc/qlik-roster/secrets",
        "LimitCORE=0",
    ] {
        assert!(daemon.iter().any(|found| found == line), "{line}");
    }
}

#[test]
fn units_and_sample_speak_of_the_same_files() {
    let command =
        "\nExecStart=/usr/local/bin/qlik-roster --config /etc/qlik-roster/qlik-roster.toml";
    for (name, last) in SERVICES.into_iter().zip(["serve", "sync"]) {
        assert!(
            unit(name).contains(&format!("{command} {last}\n")),
            "{name}"
        );
    }
    let sample = read("deploy/systemd/qlik-roster.toml");
    let names = sample.lines().filter(|line| line.contains("secret_file"));
    let names: Vec<_> = names.filter_map(|line| line.split('"').nth(1)).collect();
    assert_eq!(names, ["secret_eu-client", "secret_hr"]);
    let guide = read("docs/deploy.md");
    for name in names {
        // What systemd names `secret_hr` is the file `hr` in the folder.
        let file = format!("/etc/qlik-roster/secrets/{}", &name["secret_".len()..]);
        assert!(guide.contains(&file), "{file}");
    }
}
