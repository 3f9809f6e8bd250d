//! What strangers can do to `server.listen`, and what they cannot.

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use qlik_roster::demo::tenant::{Endpoint, Fault, NewUser, When};
use rustix::fs::{CWD, Mode, OFlags, mkfifoat};
use rustix::process::{Pid, Signal, kill_process};

use crate::hooks;
use crate::support::{Running, World, within};

/// Files that the daemon may have open: it needs some forty.
const FILES: usize = 128;

/// A daemon in a process of its own, which ends with the test, however the test ends.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Starts a daemon with a limit on open files, and waits for its first run. Also returns the
/// address on which it listens.
async fn start(world: &World) -> (Daemon, String) {
    start_and(world, &[], "run-1").await
}

/// The same with environment variables; waits until the daemon has logged something.
async fn start_and(world: &World, variables: &[(&str, &str)], logged: &str) -> (Daemon, String) {
    let config = std::fs::read_to_string(world.config_path()).unwrap();
    world.write_config(&config.replace("level = \"off\"", "level = \"info\""));
    let daemon = spawn(world, &world.config_path(), variables);
    within("the daemon has begun", || async {
        log_of(world).contains(logged)
    })
    .await;
    let log = log_of(world);
    let (_, rest) = log.split_once("listening on http://").unwrap();
    let address = rest.split_whitespace().next().unwrap().to_owned();
    (daemon, address)
}

fn spawn(world: &World, config: &Path, variables: &[(&str, &str)]) -> Daemon {
    let log = std::fs::File::create(world.path("log")).unwrap();
    let daemon = Command::new("/bin/sh")
        .arg("-c")
        .arg(format!("ulimit -n {FILES} && exec \"$0\" \"$@\""))
        .arg(env!("CARGO_BIN_EXE_qlik-roster"))
        .arg("--config")
        .arg(config)
        .arg("serve")
        .env_clear()
        .envs(variables.iter().copied())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn();
    Daemon(daemon.unwrap())
}

fn log_of(world: &World) -> String {
    std::fs::read_to_string(world.path("log")).unwrap()
}

/// Returns whether the other end has read all that was sent, according to the system's table of
/// sockets: the row of the other end's socket shows the bytes that wait there.
fn is_read(socket: &TcpStream) -> bool {
    let hex = |address: SocketAddr| match address {
        SocketAddr::V4(address) => {
            let octets = u32::from_ne_bytes(address.ip().octets());
            format!("{octets:08X}:{:04X}", address.port())
        }
        SocketAddr::V6(_) => panic!("the daemon of these tests listens on IPv4"),
    };
    let their = hex(socket.peer_addr().unwrap());
    let ours = hex(socket.local_addr().unwrap());
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    table.lines().any(|line| {
        let mut fields = line.split_whitespace().skip(1);
        fields.next() == Some(&their)
            && fields.next() == Some(&ours)
            && fields
                .nth(1)
                .is_some_and(|queues| queues.ends_with(":00000000"))
    })
}

/// Asks as a probe does; returns the first line of the answer.
fn probe(address: &str, path: &str) -> std::io::Result<String> {
    let mut socket = TcpStream::connect(address)?;
    socket.set_read_timeout(Some(Duration::from_secs(5)))?;
    write!(
        socket,
        "GET {path} HTTP/1.1\r\nhost: probe\r\nconnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer)?;
    Ok(answer.lines().next().unwrap_or_default().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_sockets_keep_nobody_out_and_take_nothing_from_the_store() {
    let world = World::new().await;
    let (mut daemon, address) = start(&world).await;

    let mut sockets = Vec::new();
    for n in 0..300 {
        let mut socket = TcpStream::connect(&address).unwrap();
        let head: &[u8] = match n % 3 {
            0 => b"",
            1 => b"GET /livez HTTP/1.1\r\nhost: ",
            // A whole head, and a body that does not come.
            _ => {
                b"POST /qlik/webhooks/acme HTTP/1.1\r\nhost: a\r\nqlik-signature: a\r\n\
                  content-length: 9\r\n\r\n"
            }
        };
        // It may have been closed by now.
        drop(socket.write_all(head));
        sockets.push(socket);
    }

    for path in ["/livez", "/readyz", "/metrics"] {
        assert_eq!(probe(&address, path).unwrap(), "HTTP/1.1 200 OK", "{path}");
    }
    for n in 0..3 {
        let told = world.receiver.count();
        let directory = world.tenant.directory();
        directory
            .create_user(NewUser::named(&format!("Joiner {n}")))
            .unwrap();
        let (code, _, err) = world.command(&["sync"]).await;
        assert_eq!(code, 0, "{err}\n{}", log_of(&world));
        within("the change is told", || async {
            world.receiver.count() > told
        })
        .await;
    }
    assert!(daemon.0.try_wait().unwrap().is_none(), "{}", log_of(&world));
    kill_process(Pid::from_child(&daemon.0), Signal::TERM).unwrap();
    assert_eq!(
        daemon.0.wait().unwrap().code(),
        Some(0),
        "{}",
        log_of(&world)
    );
    drop(sockets);
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_bodies_as_may_be_are_waited_for_and_probes_are_answered() {
    let world = World::new().await;
    hooks::listen(&world);
    let running = world.start().await;
    let address = running.url("").replace("http://", "");
    let head = b"POST /qlik/webhooks/acme HTTP/1.1\r\nhost: a\r\nqlik-signature: a\r\n\
                 content-length: 9\r\n\r\n";

    let mut sockets = Vec::new();
    for _ in 0..200 {
        let mut socket = TcpStream::connect(&address).unwrap();
        socket.write_all(head).unwrap();
        sockets.push(socket);
    }

    within("more of them are refused", || async {
        let text = hooks::metrics(&running).await;
        text.contains("rejected_total{reason=\"too-many\"}")
    })
    .await;
    let asked = address.clone();
    let probed = tokio::task::spawn_blocking(move || probe(&asked, "/livez"));
    assert_eq!(probed.await.unwrap().unwrap(), "HTTP/1.1 200 OK");
    drop(sockets);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_that_others_reload_by_is_said_and_ends_nothing() {
    let world = World::new().await;
    let (mut daemon, address) = start(&world).await;
    let pid = Pid::from_child(&daemon.0);

    for (signal, name) in [
        (Signal::HUP, "SIGHUP"),
        (Signal::USR1, "SIGUSR1"),
        (Signal::USR2, "SIGUSR2"),
    ] {
        for n_signals in 1..=2 {
            kill_process(pid, signal).unwrap();
            within("the signal is said", || async {
                log_of(&world).matches(&format!("Received {name}")).count() == n_signals
            })
            .await;
        }
    }

    let probed = tokio::task::spawn_blocking(move || probe(&address, "/livez"));
    assert_eq!(probed.await.unwrap().unwrap(), "HTTP/1.1 200 OK");
    kill_process(pid, Signal::TERM).unwrap();
    let ended = tokio::task::spawn_blocking(move || daemon.0.wait().unwrap());
    assert!(ended.await.unwrap().success());
    assert!(log_of(&world).contains("The configuration was read again; changed: nothing"));
}

/// Tells a daemon to end, and waits until it has, for less time than its longest waits.
async fn end(daemon: &mut Daemon, world: &World) {
    kill_process(Pid::from_child(&daemon.0), Signal::TERM).unwrap();
    let began = Instant::now();
    let ended = loop {
        if let Some(ended) = daemon.0.try_wait().unwrap() {
            break ended;
        }
        // Our own waits take 4 s at most; a loaded machine may add some.
        let waited = began.elapsed();
        assert!(waited < Duration::from_secs(12), "{}", log_of(world));
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    assert_eq!(ended.code(), Some(0), "{}", log_of(world));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_in_the_first_moments_of_a_start_ends_nothing() {
    let world = World::new().await;
    let config = std::fs::read_to_string(world.config_path()).unwrap();
    let config = config.replace("level = \"off\"", "level = \"info\"");
    let pipe = world.path("pipe.toml");
    let made = Command::new("mkfifo")
        .args(["-m", "600"])
        .arg(&pipe)
        .status();
    assert!(made.unwrap().success());
    let mut daemon = spawn(&world, &pipe, &[]);
    let pid = Pid::from_child(&daemon.0);

    // This opens once the daemon opens the other end; then the daemon waits for the content.
    let opened = tokio::task::spawn_blocking(move || std::fs::File::create(pipe).unwrap());
    let mut opened = opened.await.unwrap();
    for signal in [Signal::HUP, Signal::USR1, Signal::USR2] {
        kill_process(pid, signal).unwrap();
    }
    opened.write_all(config.as_bytes()).unwrap();
    drop(opened);

    within("the first run ends", || async {
        log_of(&world).contains("run-1")
    })
    .await;
    kill_process(pid, Signal::QUIT).unwrap();
    let ended = tokio::task::spawn_blocking(move || daemon.0.wait().unwrap());
    assert!(ended.await.unwrap().success());
    let log = log_of(&world);
    for name in ["SIGHUP", "SIGUSR1", "SIGUSR2", "SIGQUIT"] {
        assert!(log.contains(&format!("Received {name}")), "{name}: {log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_while_the_store_is_being_opened_ends_the_daemon_at_once() {
    let world = World::new().await;
    world.command(&["sync"]).await;
    let config = world.standard_config();
    world.write_config(&config.replace("level = \"off\"", "level = \"info\""));
    // Opening the store waits for the process that has locked the database: here, longer than this
    // test lasts.
    let database = world.path("store").join("current").join("db");
    let held = std::fs::File::open(database).unwrap();
    held.lock().unwrap();
    let mut daemon = spawn(&world, &world.config_path(), &[]);
    within("the daemon opens the store", || async {
        world.path("store").join("open").exists()
            && log_of(&world).contains("Certificates of authorities")
    })
    .await;

    end(&mut daemon, &world).await;

    let log = log_of(&world);
    assert!(
        log.contains("Stopping before the start is complete"),
        "{log}"
    );
    drop(held);
    let (code, _, err) = world.command(&["users"]).await;
    assert_eq!(code, 0, "the store is as it was: {err}");
}

/// As with `qlik-roster serve 2>&1 | head`.
#[tokio::test(flavor = "multi_thread")]
async fn who_reads_the_log_and_goes_away_ends_nothing() {
    let world = World::new().await;
    let config = world
        .standard_config()
        .replace("level = \"off\"", "level = \"debug\"");
    world.write_config(&config);
    let mut daemon = Daemon(
        Command::new(env!("CARGO_BIN_EXE_qlik-roster"))
            .arg("--config")
            .arg(world.config_path())
            .arg("serve")
            .env_clear()
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    drop(daemon.0.stderr.take());

    within("it answers", || async {
        world.path("store").join("control.sock").exists()
    })
    .await;
    let (code, _, err) = world.command(&["sync"]).await;

    assert_eq!(code, 0, "{err}");
    kill_process(Pid::from_child(&daemon.0), Signal::TERM).unwrap();
    let ended = tokio::task::spawn_blocking(move || daemon.0.wait().unwrap());
    assert!(ended.await.unwrap().success());
}

/// A request head that stays incomplete, and a client that reads nothing.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_holds_up_the_end_of_the_daemon() {
    let world = World::new().await;
    let (mut daemon, address) = start(&world).await;
    let held = tokio::task::spawn_blocking(move || {
        let mut half = TcpStream::connect(&address).unwrap();
        half.write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\n")
            .unwrap();
        let mut deaf = TcpStream::connect(&address).unwrap();
        deaf.write_all(&b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n".repeat(2000))
            .unwrap();
        (half, deaf)
    });
    let held = held.await.unwrap();
    // What has not been read yet does not keep a connection.
    within("the half head is read", || async { is_read(&held.0) }).await;

    end(&mut daemon, &world).await;

    let log = log_of(&world);
    // The tasks that serve the connections cut them off in time, not the tasks that wait for these.
    let told = "Connections that had to be cut off 2s after the shutdown began: ";
    assert!(log.contains(told), "{log}");
    assert!(!log.contains("did not end in time"), "{log}");
    drop(held);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_accepts_and_never_answers_does_not_hold_up_the_end() {
    let world = World::new().await;
    let faults = world.tenant.faults();
    let never = Fault::Slow(Duration::from_secs(3600));
    let struck = faults.on(Endpoint::Token, never, When::Always);
    let (mut daemon, _) = start_and(&world, &[], "listening on").await;
    within("the tenant is asked", || async { struck.count() > 0 }).await;

    end(&mut daemon, &world).await;
}

/// glibc looks up a name without a dot in a file of aliases; while that is a pipe into which nobody
/// writes, it is like a name server that never answers.
#[tokio::test(flavor = "multi_thread")]
async fn a_name_server_that_is_silent_does_not_hold_up_the_end() {
    let world = World::new().await;
    let config = world.standard_config();
    world.write_config(&config.replace(&world.tenant.url(), "https://acme.eu.invalid"));
    let aliases = world.path("aliases");
    let mode = Mode::RUSR | Mode::WUSR;
    mkfifoat(CWD, &aliases, mode).unwrap();
    let variables = [
        ("HOSTALIASES", aliases.to_str().unwrap()),
        ("HTTPS_PROXY", "http://silent:3128"),
    ];
    let (mut daemon, _) = start_and(&world, &variables, "listening on").await;
    // It cannot be opened before somebody reads it, and the reader waits as long as it is open.
    let mut silent = None;
    within("the name is looked up", || {
        let opened = OpenOptions::new()
            .write(true)
            .custom_flags(i32::try_from(OFlags::NONBLOCK.bits()).unwrap())
            .open(&aliases);
        silent = opened.ok();
        let is_asked = silent.is_some();
        async move { is_asked }
    })
    .await;

    end(&mut daemon, &world).await;

    drop(silent);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_never_worked_is_said_to_be_so_everywhere() {
    let world = World::new().await;
    let good = world.tenant.client_secret().expose().to_owned();
    let ready = |running: &Running| {
        let url = running.url("/readyz");
        async move {
            let answer = reqwest::get(url).await.unwrap();
            (answer.status().as_u16(), answer.text().await.unwrap())
        }
    };
    world.write("client", "not-the-secret");
    let running = world.start().await;

    let (status, said) = ready(&running).await;
    assert_eq!(status, 200, "{said}");
    assert!(
        said.contains("degraded\n1 of the tenants could never be read"),
        "{said}"
    );
    let text = hooks::metrics(&running).await;
    let line = "qlik_roster_last_success_timestamp_seconds{tenant=\"acme\"} 0\n";
    assert!(text.contains(line), "{text}");
    let asked = async |when: &str| {
        let (code, out, _) = world.command(&["status", "--output", "json"]).await;
        assert_eq!(code, 4, "{when}: {out}");
        let rows: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(rows[0]["state"], "never reached", "{when}: {out}");
        assert!(
            rows[0]["detail"].as_str().unwrap().contains("[qlik."),
            "{when}: {out}"
        );
        let (code, out, err) = world.command(&["findings"]).await;
        assert_eq!(code, 5, "{when}: {err}");
        assert!(
            !(out + &err).contains("Nothing of concern was found."),
            "{when}"
        );
        assert!(err.contains("Nothing is known of `acme`"), "{when}: {err}");
    };
    asked("with the daemon").await;
    running.stop().await;
    asked("without it").await;

    world.write("client", &good);
    let running = world.start().await;
    assert_eq!(ready(&running).await, (200, "ok\n".to_owned()));
    assert!(!hooks::metrics(&running).await.contains(line));
    running.stop().await;
    let (code, out, _) = world.command(&["status"]).await;
    assert_eq!(code, 0, "{out}");
    let (code, _, err) = world.command(&["findings"]).await;
    assert_eq!(code, 0, "{err}");
}

/// Whoever opens the port to other machines without TLS is told what that means.
#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_others_reach_without_tls_is_warned_of() {
    let world = World::new().await;
    let warning = "Other machines can reach";
    let (daemon, _) = start_and(&world, &[], "Started;").await;
    drop(daemon);
    assert!(!log_of(&world).contains(warning), "{}", log_of(&world));

    let config = world.standard_config();
    let config = config.replace("\"127.0.0.1:0\"", "\"0.0.0.0:0\"");
    world.write_config(&config.replace("level = \"off\"", "level = \"info\""));
    let daemon = spawn(&world, &world.config_path(), &[]);
    within("it is warned of", || async {
        log_of(&world).contains(warning)
    })
    .await;
    let log = log_of(&world);
    assert!(
        log.contains("0.0.0.0:") && log.contains("[server.tls]"),
        "{log}"
    );
    drop(daemon);
}

/// Whatever an operator does is in the log: who, what, and to which token.
#[tokio::test(flavor = "multi_thread")]
async fn who_makes_and_revokes_a_token_is_in_the_log() {
    let world = World::new().await;
    let (daemon, _) = start_and(&world, &[], "Started;").await;
    let (exit, text, said) = world
        .command(&["token", "create", "a report", "--scope", "read"])
        .await;
    assert_eq!(exit, 0, "{said}");
    let (_, listed, _) = world.command(&["token", "list", "--output", "json"]).await;
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let mut rows = listed.as_array().unwrap().iter();
    let row = rows.find(|row| row["name"] == "a report").unwrap();
    let id = row["id"].as_str().unwrap();
    let (exit, _, said) = world.command(&["token", "revoke", id]).await;
    assert_eq!(exit, 0, "{said}");

    within("it is in the log", || async {
        let log = log_of(&world);
        let lines = [
            format!("Token {id} was made by"),
            format!("Token {id} was revoked by"),
        ];
        lines.iter().all(|line| log.contains(line))
    })
    .await;
    let log = log_of(&world);
    assert!(!log.contains(text.trim()), "the token itself is not");
    drop(daemon);
}
