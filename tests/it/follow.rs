//! `events --follow`: with a daemon and without one, across its restart, on a terminal and in a
//! pipe.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use qlik_roster::demo::tenant::{Edit, NewUser};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::{Terminal, World, is_watched, within};

/// The command, writing into a pipe, and the lines that it has printed.
struct Following {
    child: Child,
    out: Lines,
    err: Lines,
}

type Lines = Arc<Mutex<Vec<String>>>;

impl Following {
    fn begin(world: &World, args: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_qlik-roster"))
            .arg("--config")
            .arg(world.config_path())
            .args(["events", "--follow"])
            .args(args)
            .env_clear()
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let out = lines(child.stdout.take().unwrap());
        let err = lines(child.stderr.take().unwrap());
        Self { child, out, err }
    }

    async fn printed(&self, n: usize) -> Vec<String> {
        within(&format!("{n} events are printed"), || async {
            self.out.lock().unwrap().len() >= n
        })
        .await;
        self.out.lock().unwrap().clone()
    }

    async fn said(&self, text: &str) {
        within(&format!("it says `{text}`"), || async {
            self.err
                .lock()
                .unwrap()
                .iter()
                .any(|line| line.contains(text))
        })
        .await;
    }

    /// Ends it as Ctrl-C does, and returns its exit code.
    async fn interrupt(mut self) -> i32 {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::INT).unwrap();
        let mut code = None;
        within("it ends", || {
            let status = self.child.try_wait().unwrap();
            code = status.map(|status| status.code());
            async move { status.is_some() }
        })
        .await;
        code.flatten()
            .expect("it ends by itself, not by the signal")
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn lines(from: impl Read + Send + 'static) -> Lines {
    let lines = Lines::default();
    let came = Arc::clone(&lines);
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines() {
            came.lock().unwrap().push(line.unwrap());
        }
    });
    lines
}

/// Returns the types of events that were printed, one JSON object a line.
fn types(lines: &[String]) -> Vec<String> {
    let events = lines.iter().map(|line| serde_json::from_str(line).unwrap());
    events
        .map(|event: Value| event["type"].as_str().unwrap_or("mark").to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_followed_goes_on_over_the_daemons_restart_and_ends_at_ctrl_c() {
    let world = World::new().await;
    let tenant = world.tenant.directory();
    world.command(&["sync"]).await;
    for name in ["First", "Second", "Third"] {
        tenant.create_user(NewUser::named(name)).unwrap();
        world.command(&["sync", "--no-deliver"]).await;
    }
    let args = ["--output", "json", "--type", "user.*", "--limit", "2"];
    let following = Following::begin(&world, &args);

    // Without a daemon, the command first prints the last two events, the older one first. Then it
    // closes the store, so that a daemon can open it.
    let names = |lines: &[String]| -> Vec<String> {
        let names = lines.iter().map(|line| {
            let event: Value = serde_json::from_str(line).unwrap();
            event["data"]["record"]["name"].as_str().unwrap().to_owned()
        });
        names.collect()
    };
    assert_eq!(names(&following.printed(2).await), ["Second", "Third"]);
    following.said("No daemon is running").await;
    let running = world.start().await;
    let fourth = tenant.create_user(NewUser::named("Fourth")).unwrap();
    tenant.create_role("Not a user");
    running.sync().await;
    following.printed(3).await;

    running.stop().await;
    following.said("The daemon has ended").await;
    tenant
        .update_user(&fourth, Edit::Name("Fifth".to_owned()))
        .unwrap();
    world.command(&["sync"]).await;
    let running = world.start().await;
    tenant.delete_user(&fourth).unwrap();
    running.sync().await;

    let printed = following.printed(5).await;
    let expected = [
        "user.created",
        "user.created",
        "user.created",
        "user.updated",
        "user.deleted",
    ];
    assert_eq!(types(&printed), expected);
    assert_eq!(following.interrupt().await, 0);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_is_shown_new_events_in_whole_rows_with_their_times() {
    let world = World::new().await;
    let tenant = world.tenant.directory();
    world.command(&["sync"]).await;
    let running = world.start().await;
    let config = world.config_path();
    let args = ["--config", config.to_str().unwrap(), "events", "--follow"];
    let mut terminal = Terminal::run(config.parent().unwrap(), (120, 30), &args);
    terminal.shows("first load").await;

    tenant
        .create_user(NewUser::named("Maria Seen At Once"))
        .unwrap();
    running.sync().await;

    terminal.shows("Maria Seen At Once").await;
    let screen = terminal.screen();
    let row = screen.lines().find(|line| line.contains("Maria")).unwrap();
    assert!(
        row.contains("user.created") && row.contains('Z'),
        "{screen}"
    );
    terminal.enter("\u{3}");
    assert_eq!(terminal.end().await, 0);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_since_a_place_comes_first_and_a_mistake_is_said_at_once() {
    let world = World::new().await;
    let tenant = world.tenant.directory();
    world.command(&["sync"]).await;
    for name in ["First", "Second"] {
        tenant.create_user(NewUser::named(name)).unwrap();
        world.command(&["sync", "--no-deliver"]).await;
    }
    let args = ["--output", "jsonl", "--after", "1"];
    let following = Following::begin(&world, &args);
    assert_eq!(types(&following.printed(2).await), ["user.created"; 2]);
    assert_eq!(following.interrupt().await, 0);

    let args = ["events", "--follow", "--tenant", "amce"];
    let (code, out, err) = world.command(&args).await;
    assert_eq!((code, out.as_str()), (2, ""), "{err}");
    let args = ["events", "--follow", "--type", "user.udpated"];
    let (code, _, err) = world.command(&args).await;
    assert_eq!(code, 7, "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_follows_and_has_nothing_to_print_is_silent() {
    let world = World::new().await;
    let tenant = world.tenant.directory();
    world.command(&["sync"]).await;
    let running = world.start().await;
    let config = world.config_path();
    let args = ["--config", config.to_str().unwrap(), "events", "--follow"];
    let following = Following::begin(&world, &["--output", "jsonl"]);
    let mut terminal = Terminal::run(config.parent().unwrap(), (120, 30), &args);
    terminal.shows("first load").await;
    following.printed(1).await;

    is_watched(&following.child).await;
    terminal.is_watched().await;

    assert_eq!(*following.err.lock().unwrap(), Vec::<String>::new());
    assert_eq!(following.printed(1).await.len(), 1);
    let screen = terminal.screen();
    assert!(!screen.contains("s] "), "{screen}");
    tenant.create_user(NewUser::named("Nia Okafor")).unwrap();
    running.sync().await;
    following.printed(2).await;
    terminal.shows("Nia Okafor").await;
    terminal.enter("\u{3}");
    assert_eq!(terminal.end().await, 0);
    assert_eq!(following.interrupt().await, 0);
    running.stop().await;
}
