//! What the daemon tells a service manager, on a notify socket as systemd's.

use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::process::{Process, log_of};
use crate::support::{World, within};

/// How long a notification may take.
const DEADLINE: Duration = Duration::from_secs(60);

/// The service manager's side.
pub struct Socket(UnixDatagram);

impl Socket {
    pub fn bind(world: &World) -> Self {
        let socket = UnixDatagram::bind(world.path("notify")).unwrap();
        Self(socket)
    }

    /// Returns the lines of the next notification; `None` if none comes in time.
    fn next(&self, within: Duration) -> Option<Vec<String>> {
        self.0.set_read_timeout(Some(within)).unwrap();
        let mut bytes = [0; 4_096];
        let n_bytes = self.0.recv(&mut bytes).ok()?;
        let text = std::str::from_utf8(&bytes[..n_bytes]).unwrap();
        Some(text.lines().map(str::to_owned).collect())
    }

    /// Waits for a notification that has this line. Returns everything up to and with it.
    pub fn until(&self, line: &str) -> Vec<Vec<String>> {
        let end = Instant::now() + DEADLINE;
        let mut all = Vec::new();
        while Instant::now() < end {
            let Some(next) = self.next(Duration::from_secs(1)) else {
                continue;
            };
            let is_it = next.iter().any(|it| it == line);
            all.push(next);
            if is_it {
                return all;
            }
        }
        panic!("`{line}` never came: {all:?}")
    }

    /// Reads notifications for some time; returns how many have this line.
    fn count(&self, line: &str, time: Duration) -> usize {
        let end = Instant::now() + time;
        let mut n_found = 0;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return n_found;
            }
            let next = self.next(left).unwrap_or_default();
            n_found += usize::from(next.iter().any(|it| it == line));
        }
    }
}

/// Starts a daemon that is watched: a sign of life is expected within this time.
fn start_watched(world: &World, limit: Duration) -> Process {
    // The watchdog is meant for the process with this id, which the shell becomes.
    let script = "WATCHDOG_PID=$$ exec \"$0\" \"$@\"";
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", script])
        .arg(env!("CARGO_BIN_EXE_qlik-roster"));
    let usec = limit.as_micros().to_string();
    let path = world.path("notify");
    let variables = [
        ("NOTIFY_SOCKET", path.to_str().unwrap()),
        ("WATCHDOG_USEC", &usec),
    ];
    Process::spawn(world, command, &variables)
}

pub fn status_of(notification: &[String]) -> &str {
    let mut lines = notification.iter();
    lines.find_map(|line| line.strip_prefix("STATUS=")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_tells_when_it_is_ready_and_when_it_ends() {
    let world = World::new().await;
    let socket = Socket::bind(&world);
    let path = world.path("notify");
    let variables = [("NOTIFY_SOCKET", path.to_str().unwrap())];
    let mut daemon = Process::start(&world, &variables);

    let started = socket.until("READY=1");

    let (ready, before) = started.split_last().unwrap();
    assert_eq!(status_of(ready), "Running; tenants: 1, endpoints: 1");
    // The store is open, and both listen.
    let (code, ..) = world.command(&["status"]).await;
    assert_eq!(code, 0);
    let log = log_of(&world);
    let (_, rest) = log.split_once("listening on http://").unwrap();
    let address = rest.split_whitespace().next().unwrap();
    let ready = reqwest::get(format!("http://{address}/readyz")).await;
    assert_eq!(ready.unwrap().status().as_u16(), 200);
    // The start may take longer than the service manager allows.
    let first = before.first().unwrap();
    assert!(status_of(first).starts_with("Starting: "), "{first:?}");
    assert!(first.contains(&"EXTEND_TIMEOUT_USEC=60000000".to_owned()));

    daemon.signal(Signal::TERM);
    let ended = socket.until("STOPPING=1");
    assert!(status_of(ended.last().unwrap()).starts_with("Ending"));
    assert_eq!(daemon.end().await, Some(0));
    let alive = |all: &[Vec<String>]| all.iter().flatten().any(|line| line == "WATCHDOG=1");
    assert!(!alive(&started) && !alive(&ended), "nobody asked for it");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_watchdog_of_another_process_is_not_fed() {
    let world = World::new().await;
    let socket = Socket::bind(&world);
    let path = world.path("notify");
    let variables = [
        ("NOTIFY_SOCKET", path.to_str().unwrap()),
        ("WATCHDOG_USEC", "300000"),
        ("WATCHDOG_PID", "1"),
    ];
    let _daemon = Process::start(&world, &variables);
    socket.until("READY=1");

    assert_eq!(socket.count("WATCHDOG=1", Duration::from_secs(1)), 0);
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_is_stuck_starves_the_watchdog_until_it_goes_on() {
    use nix::sys::ptrace;
    use nix::sys::wait::{WaitPidFlag, waitpid};
    use nix::unistd::Pid;

    let world = World::new().await;
    let socket = Socket::bind(&world);
    let limit = Duration::from_millis(1_500);
    let daemon = start_watched(&world, limit);
    socket.until("READY=1");
    let n_beats = socket.count("WATCHDOG=1", limit * 2);
    assert!(n_beats >= 4, "{n_beats}");

    // The thread that writes to the store stands still, and all others go on.
    let thread = Pid::from_raw(thread_of(&daemon, "store-committer"));
    let stop = move || {
        ptrace::attach(thread).unwrap();
        waitpid(thread, Some(WaitPidFlag::__WALL)).unwrap();
    };
    let (go_on, may_go_on) = std::sync::mpsc::sync_channel::<()>(1);
    let (told, stopped) = std::sync::mpsc::sync_channel::<()>(1);
    // Only the thread that attached may detach.
    let tracer = std::thread::spawn(move || {
        stop();
        told.send(()).unwrap();
        may_go_on.recv().ok();
        ptrace::detach(thread, None).unwrap();
    });
    stopped.recv().unwrap();
    // Whoever waits for that thread may still have beaten just now.
    within("the daemon says what is stuck", || async {
        drop(socket.next(Duration::from_millis(10)));
        log_of(&world).contains("the thread that writes to the store")
    })
    .await;
    assert_eq!(socket.count("WATCHDOG=1", limit * 2), 0);

    go_on.send(()).unwrap();
    tracer.join().unwrap();
    socket.until("WATCHDOG=1");
}

/// Returns the id of a thread of the daemon by its name.
fn thread_of(daemon: &Process, name: &str) -> i32 {
    let threads = std::fs::read_dir(format!("/proc/{}/task", daemon.id())).unwrap();
    let mut threads = threads.map(|thread| thread.unwrap().path());
    let found = threads.find(|thread| {
        let comm = std::fs::read_to_string(thread.join("comm"));
        comm.is_ok_and(|comm| comm.trim() == name)
    });
    let found = found.unwrap_or_else(|| panic!("no thread is called {name}"));
    found
        .file_name()
        .unwrap()
        .to_str()
        .unwrap()
        .parse()
        .unwrap()
}
