//! The first configuration: `init` writes it, and `check` reports which of its settings have no
//! effect.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use qlik_roster::config::EXAMPLE;
use qlik_roster::demo::Receiver;
use serde_json::Value;

use crate::support::{SECRET, Terminal, World, within};

/// Runs the program in the world's folder, where it finds the configuration by itself.
async fn run(world: &World, args: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_qlik-roster"));
    command
        .args(args)
        .current_dir(world.path(""))
        .env_clear()
        .stdin(std::process::Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    (
        output.status.code().unwrap(),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

/// A world without a configuration.
async fn bare_world() -> World {
    let world = World::new().await;
    fs::remove_file(world.config_path()).unwrap();
    world
}

fn mode_of(world: &World, name: &str) -> u32 {
    fs::metadata(world.path(name)).unwrap().permissions().mode() & 0o777
}

#[tokio::test(flavor = "multi_thread")]
async fn what_init_writes_passes_the_check_and_serves() {
    let world = bare_world().await;
    world.write("client-secret", world.tenant.client_secret().expose());
    // The receiver has the secret that `init` makes, so it can begin only then.
    let port = Receiver::start(Vec::new()).await.unwrap();
    let hook = port.url();
    port.stop().await;

    let (code, _, err) = run(
        &world,
        &[
            "init",
            "--host",
            &world.tenant.url(),
            "--client-id",
            world.tenant.client_id(),
            "--endpoint",
            &hook,
        ],
    )
    .await;

    assert_eq!(code, 0, "{err}");
    assert!(err.contains("\n    qlik-roster check\n"), "{err}");
    let written = fs::read_to_string(world.config_path()).unwrap();
    let settings = written
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    assert!(settings.count() <= 15, "{written}");
    assert_eq!(mode_of(&world, "webhook-secret"), 0o600);
    let secret = fs::read_to_string(world.path("webhook-secret")).unwrap();
    let address = hook.strip_prefix("http://").unwrap().split('/').next();
    let receiver = Receiver::start_at(
        Some(address.unwrap().parse().unwrap()),
        vec![secret.trim().to_owned()],
        qlik_roster::demo::Retention::All,
    )
    .await
    .unwrap();
    let (code, out, err) = run(&world, &["check", "--endpoints", "--output", "json"]).await;
    assert_eq!(code, 0, "{out}{err}");
    let lines: Vec<Value> = serde_json::from_str(&out).unwrap();
    assert!(lines.iter().all(|line| line["result"] == "ok"), "{out}");
    let trial = &receiver.deliveries()[0];
    assert!(trial.verified && trial.is_accepted());

    // It serves: reads the tenant, and tells the receiver what changes.
    let mut daemon = Command::new(env!("CARGO_BIN_EXE_qlik-roster"))
        .arg("serve")
        .current_dir(world.path(""))
        .env_clear()
        .env("QLIK_ROSTER__SERVER__LISTEN", "127.0.0.1:0")
        .env("QLIK_ROSTER__SYNC__POLL", "1s")
        .env("RUST_LOG", "off")
        .spawn()
        .unwrap();
    let n_users = world.tenant.directory().n_users();
    within("the daemon has read the tenant", || async {
        let (code, out, _) = run(&world, &["users", "--output", "jsonl"]).await;
        code == 0 && out.lines().count() == n_users
    })
    .await;
    let user = world.tenant.directory().users()[7].clone();
    world.tenant.directory().delete_user(&user.id).unwrap();
    within("the receiver is told", || async {
        let deliveries = receiver.deliveries();
        let mut told = deliveries.iter().filter(|delivery| delivery.verified);
        told.any(|delivery| delivery.event_type.as_deref() == Some("user.deleted"))
    })
    .await;
    let pid = rustix::process::Pid::from_child(&daemon);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert!(daemon.wait().unwrap().success());
    receiver.stop().await;
}

#[tokio::test]
async fn init_says_what_is_missing_and_where_it_goes() {
    let world = bare_world().await;
    let host = world.tenant.url();

    let (code, _, err) = run(&world, &["init"]).await;
    assert_eq!(code, 2);
    assert!(
        err.contains("--host and --client-id") && err.contains("[init.unanswered]"),
        "{err}"
    );
    let (code, _, err) = run(&world, &["init", "--host", "acme", "--client-id", "x"]).await;
    assert_eq!(code, 2);
    assert!(err.contains("the region is missing"), "{err}");
    let webhook = ["--endpoint", "http://hr.example.com/"];
    let said = ["init", "--host", &host, "--client-id", "x"];
    let (code, _, err) = run(&world, &[&said[..], &webhook[..]].concat()).await;
    assert_eq!(code, 2);
    assert!(err.contains("[init.bad-webhook]"), "{err}");
    assert!(!world.config_path().exists() && !world.path("webhook-secret").exists());

    let (code, _, err) = run(&world, &said).await;
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("(umask 077; cat > client-secret)"), "{err}");
    assert!(!world.path("webhook-secret").exists(), "nobody is told");

    // A secret that others can read is found at once, and not by the next command.
    fs::remove_file(world.config_path()).unwrap();
    world.write("client-secret", "s3cret");
    fs::set_permissions(
        world.path("client-secret"),
        fs::Permissions::from_mode(0o644),
    )
    .unwrap();
    let (code, _, err) = run(&world, &said).await;
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("[config.secret-exposed]"), "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_a_secret_goes_into_a_file_of_its_own() {
    let world = bare_world().await;
    let host = world.tenant.url();
    world.write("client-secret", world.tenant.client_secret().expose());
    let hook = "https://hr.example.com/hooks/qlik?key=t0ken-of-the-hook";
    let said = [
        "init",
        "--host",
        &host,
        "--client-id",
        "x",
        "--endpoint",
        hook,
    ];

    let (code, _, err) = run(&world, &said).await;

    assert_eq!(code, 0, "{err}");
    assert!(!err.contains("t0ken"), "{err}");
    assert!(
        err.contains("Wrote webhook-url: the webhook's address"),
        "{err}"
    );
    let config = fs::read_to_string(world.config_path()).unwrap();
    assert!(
        !config.contains("t0ken") && config.contains("url_file = \"webhook-url\"\n"),
        "{config}"
    );
    let kept = fs::read_to_string(world.path("webhook-url")).unwrap();
    assert_eq!(
        (kept.trim_end(), mode_of(&world, "webhook-url")),
        (hook, 0o600)
    );
    let endpoints = world.config().endpoints;
    assert_eq!(endpoints[0].name().0, "webhook", "it is read as it stands");

    // The file may be in use: it is not overwritten, and nothing else is written before that is
    // known.
    fs::remove_file(world.config_path()).unwrap();
    let (code, _, err) = run(&world, &said).await;
    assert!(
        code == 1 && err.contains("webhook-url already exists"),
        "{err}"
    );
    assert!(!world.config_path().exists());
    let (code, out, err) = run(&world, &[&said[..], &["-"]].concat()).await;
    assert_eq!(code, 0, "{err}");
    assert!(
        !out.contains("t0ken") && !err.contains("t0ken"),
        "{out}{err}"
    );
    assert!(err.contains("put it into webhook-url"), "{err}");
    let user = "https://me:t0ken@hr.example.com/";
    let (code, _, err) = run(&world, &[&said[..6], &[user]].concat()).await;
    assert!(code == 2 && err.contains("[init.bad-webhook]"), "{err}");
    assert!(!err.contains("t0ken"), "{err}");
}

#[tokio::test]
async fn init_writes_over_nothing() {
    let world = bare_world().await;
    let host = world.tenant.url();
    world.write("client-secret", "s3cret");
    world.write("webhook-secret", SECRET);
    let said = [
        "init",
        "--host",
        &host,
        "--client-id",
        "x",
        "--endpoint",
        "https://hr.example.com/",
    ];

    let (code, _, err) = run(&world, &said).await;
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("Kept the existing webhook-secret"), "{err}");
    let read = |name| fs::read_to_string(world.path(name)).unwrap();
    assert_eq!(
        [read("client-secret"), read("webhook-secret")],
        ["s3cret", SECRET]
    );

    let before = read("qlik-roster.toml");
    for args in [&said[..], &["init", "--full"][..]] {
        let (code, _, err) = run(&world, args).await;
        assert_eq!(code, 1);
        assert!(err.contains("[init.exists]"), "{err}");
    }
    assert_eq!(read("qlik-roster.toml"), before);
}

#[tokio::test]
async fn init_writes_every_setting_when_asked_to() {
    let world = bare_world().await;

    let (code, out, _) = run(&world, &["init", "--full", "-"]).await;
    assert_eq!((code, out.as_str()), (0, EXAMPLE));
    let (code, _, err) = run(&world, &["init", "--full", "full.toml"]).await;
    assert_eq!(code, 0);
    assert!(
        err.contains("qlik-roster --config full.toml check"),
        "{err}"
    );
    assert_eq!(
        fs::read_to_string(world.path("full.toml")).unwrap(),
        EXAMPLE
    );

    world.write("client-secret", world.tenant.client_secret().expose());
    let host = world.tenant.url();
    let said = ["--host", &host, "--client-id", world.tenant.client_id()];
    let (code, _, err) = run(&world, &[&["init", "--full"], &said[..]].concat()).await;
    assert_eq!(code, 0, "{err}");
    let (code, out, err) = run(&world, &["check"]).await;
    assert_eq!(code, 0, "{out}{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn init_asks_on_a_terminal_and_does_not_show_the_secret() {
    let world = bare_world().await;
    let mut terminal = Terminal::run(&world.path(""), (80, 24), &["init"]);

    terminal.shows("host name").await;
    terminal.enter("acme\n");
    terminal.shows("the region is missing").await;
    terminal.enter(&format!("{}\n", world.tenant.url()));
    terminal.shows("OAuth client:").await;
    terminal.enter(&format!("{}\n", world.tenant.client_id()));
    terminal.shows("which is not shown").await;
    within("nothing that is typed is shown", || async {
        !terminal.echoes()
    })
    .await;
    let secret = world.tenant.client_secret();
    terminal.enter(&format!("{}\n", secret.expose()));
    terminal.shows("Where to send changes").await;
    terminal.enter("https://hr.example.com/hooks/qlik\n");

    assert_eq!(terminal.end().await, 0, "{}", terminal.screen());
    assert!(!terminal.screen().contains(secret.expose()));
    assert_eq!(
        fs::read_to_string(world.path("client-secret"))
            .unwrap()
            .trim(),
        secret.expose()
    );
    assert_eq!(mode_of(&world, "client-secret"), 0o600);
    assert_eq!(mode_of(&world, "webhook-secret"), 0o600);
    let (code, out, err) = run(&world, &["check"]).await;
    assert_eq!(code, 0, "{out}{err}");
}

#[tokio::test]
async fn a_check_warns_of_what_does_nothing() {
    let world = World::new().await;
    let config = world
        .standard_config()
        .replace(
            "events = [\"user.*\", \"role.*\", \"group.*\"]",
            "events = [\"user.*\"]\nroles = [\"TenantAdmin\", \"TenantAdmn\"]",
        )
        .replace(
            "poll = \"off\"",
            "poll = \"off\"\ntimezone = \"Europe/Berlin\"",
        );
    world.write_config(&config);

    let (code, out, err) = world.command(&["check", "--output", "json"]).await;

    assert_eq!(code, 0, "{err}");
    let lines: Vec<Value> = serde_json::from_str(&out).unwrap();
    let warnings: Vec<_> = lines
        .iter()
        .filter(|line| line["result"] == "warning")
        .map(|line| {
            let text = |field: &str| line[field].as_str().unwrap().to_owned();
            [text("what"), text("step"), text("error_code")].join(" ")
        })
        .collect();
    assert_eq!(
        warnings,
        [
            "configuration sync.timezone config.no-effect",
            "endpoint hr choice deliver.unknown-choice",
        ]
    );
    assert!(
        out.contains("`TenantAdmn`") && !out.contains("`TenantAdmin`"),
        "{out}"
    );

    // The daemon says it as well, once, when it starts.
    let log = world.path("log");
    let mut daemon = Command::new(env!("CARGO_BIN_EXE_qlik-roster"))
        .arg("--config")
        .arg(world.config_path())
        .arg("serve")
        .env_clear()
        .env("RUST_LOG", "warn")
        .stderr(fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    within("the log says it", || async {
        let text = fs::read_to_string(&log).unwrap();
        text.contains("`sync.timezone` has no effect") && text.contains("[config.no-effect]")
    })
    .await;
    let pid = rustix::process::Pid::from_child(&daemon);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    daemon.wait().unwrap();
}
