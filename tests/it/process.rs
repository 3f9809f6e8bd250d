//! The daemon as a process: how it ends when it is told to, and what it keeps to itself.

use std::collections::BTreeSet;
use std::fs::File;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use qlik_roster::demo::Reply;
use qlik_roster::demo::tenant::{Endpoint, Fault, NewUser, RateLimits, TenantOptions, When};
use qlik_roster::model::Fact;
use qlik_roster::model::Seq;
use rustix::process::{Pid, Signal, kill_process};

use crate::crash::assert_what_was_sent_is_in_the_journal;
use crate::support::{World, assert_journal_leads_to_state, assert_same_as_tenant, within};

/// Signals in an ordinary run; `QLIK_ROSTER_LONG` makes ten times as many.
const N_SIGNALS: usize = 24;

/// How long the process may take to end.
const AT_WORST: Duration = Duration::from_secs(20);

/// A daemon in a process of its own, which ends with the test, however the test ends.
pub struct Process(Child);

impl Process {
    /// Starts it with environment variables. Its log is in the file `log`.
    pub fn start(world: &World, variables: &[(&str, &str)]) -> Self {
        let command = Command::new(env!("CARGO_BIN_EXE_qlik-roster"));
        Self::spawn(world, command, variables)
    }

    /// Starts it by a command to which its arguments are added.
    pub fn spawn(world: &World, mut command: Command, variables: &[(&str, &str)]) -> Self {
        let log = File::create(world.path("log")).unwrap();
        let child = command
            .arg("--config")
            .arg(world.config_path())
            .arg("serve")
            .env_clear()
            .env("QLIK_ROSTER__LOG__LEVEL", "info")
            .envs(variables.iter().copied())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn();
        Self(child.unwrap())
    }

    pub fn id(&self) -> u32 {
        self.0.id()
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).unwrap();
    }

    /// Waits for its end. Returns its exit code, or `None` if a signal has killed it.
    pub async fn end(&mut self) -> Option<i32> {
        let mut status = None;
        within("the daemon ends", || {
            status = self.0.try_wait().unwrap();
            let is_over = status.is_some();
            async move { is_over }
        })
        .await;
        status.unwrap().code()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

pub fn log_of(world: &World) -> String {
    std::fs::read_to_string(world.path("log")).unwrap()
}

async fn logs(world: &World, text: &str) {
    within(&format!("the log says `{text}`"), || async {
        log_of(world).contains(text)
    })
    .await;
}

fn join(world: &World, name: &str) {
    let directory = world.tenant.directory();
    directory.create_user(NewUser::named(name)).unwrap();
}

/// A world that was read and whose events were delivered, and in which somebody has joined since.
async fn with_a_joiner() -> World {
    let world = World::new().await;
    world.one_run().await;
    join(&world, "Joiner");
    world
}

/// Returns how many events the receiver got, and how many different ones.
fn received(world: &World) -> (usize, usize) {
    let all = world.receiver.deliveries();
    let ids = all.iter().map(|delivery| &delivery.id);
    (all.len(), ids.collect::<BTreeSet<_>>().len())
}

#[tokio::test(flavor = "multi_thread")]
async fn signals_at_random_moments_lose_nothing_and_repeat_nothing() {
    let world = World::with(TenantOptions {
        users: 450,
        rate_limits: RateLimits::Off,
        ..TenantOptions::default()
    })
    .await;
    world.let_all_go();
    let config = std::fs::read_to_string(world.config_path()).unwrap();
    world.write_config(&config.replace("poll = \"off\"", "poll = \"1s\""));
    let mut dice = fastrand::Rng::with_seed(15);
    let long = std::env::var_os("QLIK_ROSTER_LONG").is_some();
    let n_rounds = if long { 10 * N_SIGNALS } else { N_SIGNALS };

    for round in 0..n_rounds {
        for n in 0..10 {
            join(&world, &format!("Joiner {round}.{n}"));
        }
        let requests = world.tenant.requests().total() + dice.u64(1..60);
        let deliveries = world.receiver.count() + dice.u64(1..20);
        let mut daemon = Process::start(&world, &[]);
        within("the daemon gets to where it is told to end", || async {
            world.tenant.requests().total() >= requests || world.receiver.count() >= deliveries
        })
        .await;
        let signals = [Signal::TERM, Signal::INT, Signal::QUIT];
        let began = Instant::now();
        daemon.signal(signals[dice.usize(..3)]);

        let code = daemon.end().await;

        assert_eq!(code, Some(0), "round {round}: {}", log_of(&world));
        assert!(began.elapsed() < AT_WORST, "{:?}", began.elapsed());
        let store = world.store();
        let known = store.tenants().unwrap();
        if known.iter().any(|known| known.loaded.is_some()) {
            assert_journal_leads_to_state(&store);
        }
        store.close().unwrap();
    }

    let running = world.start().await;
    running.sync().await;
    running.settled().await;
    assert_same_as_tenant(running.store(), world.tenant.directory());
    running.stop().await;
    let store = world.store();
    let n_sent = assert_what_was_sent_is_in_the_journal(&world, &store);
    let entries = store.entries(Seq::START, usize::MAX).unwrap();
    let is_event = |fact: &Fact| matches!(fact, Fact::Changed(_));
    let n_events = entries.iter().filter(|entry| is_event(&entry.fact)).count();
    assert!(n_events > 50, "{n_events}");
    assert_eq!(n_sent, n_events, "an event was never delivered");
    assert_eq!(received(&world), (n_events, n_events), "one came twice");
    store.close().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_under_way_gets_its_answer_and_is_not_repeated() {
    let world = with_a_joiner().await;
    let slow = Reply::Slow(Duration::from_secs(4));
    world.receiver.respond_with(slow, When::Always);
    let before = world.receiver.count();
    let mut daemon = Process::start(&world, &[]);
    within("a delivery is under way", || async {
        world.receiver.count() > before
    })
    .await;

    daemon.signal(Signal::TERM);
    let code = daemon.end().await;

    assert_eq!(code, Some(0), "{}", log_of(&world));
    world.receiver.respond_well();
    world.one_run().await;
    let (n_sent, n_events) = received(&world);
    assert_eq!(n_sent, n_events);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_never_answers_delays_the_end_by_ten_seconds() {
    let world = with_a_joiner().await;
    let never = Reply::Slow(Duration::from_secs(3_600));
    world.receiver.respond_with(never, When::Always);
    let before = world.receiver.count();
    let mut daemon = Process::start(&world, &[]);
    within("a delivery is under way", || async {
        world.receiver.count() > before
    })
    .await;
    let began = Instant::now();

    daemon.signal(Signal::TERM);
    let code = daemon.end().await;

    let took = began.elapsed();
    assert_eq!(code, Some(0), "{}", log_of(&world));
    let expected = Duration::from_secs(9)..AT_WORST;
    assert!(expected.contains(&took), "{took:?}");
    world.receiver.respond_well();
    world.one_run().await;
    let (n_sent, n_events) = received(&world);
    assert_eq!(n_sent, n_events + 1, "that one was repeated");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_it_at_once_and_nothing_is_lost() {
    let world = with_a_joiner().await;
    let never = Reply::Slow(Duration::from_secs(3_600));
    world.receiver.respond_with(never, When::Always);
    let before = world.receiver.count();
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let sent = world.receiver.count();
        let mut daemon = Process::start(&world, &[]);
        within("a delivery is under way", || async {
            world.receiver.count() > sent
        })
        .await;
        daemon.signal(Signal::TERM);
        logs(&world, "Ending").await;
        let began = Instant::now();

        daemon.signal(signal);

        assert_eq!(daemon.end().await, Some(code), "{}", log_of(&world));
        let took = began.elapsed();
        assert!(took < Duration::from_secs(5), "{took:?}");
    }
    world.receiver.respond_well();
    let running = world.start().await;
    running.settled().await;
    assert_same_as_tenant(running.store(), world.tenant.directory());
    running.stop().await;
    assert_eq!(world.receiver.count(), before + 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_a_command_asked_for_ends_too_and_no_other_begins() {
    let world = World::with(TenantOptions {
        users: 900,
        rate_limits: RateLimits::Off,
        ..TenantOptions::default()
    })
    .await;
    world.one_run().await;
    join(&world, "Joiner");
    let slow = Reply::Slow(Duration::from_secs(5));
    world.receiver.respond_with(slow, When::Always);
    let before = world.receiver.count();
    let mut daemon = Process::start(&world, &[]);
    within("a delivery is under way", || async {
        world.receiver.count() > before
    })
    .await;
    let slow = Fault::Slow(Duration::from_millis(100));
    world
        .tenant
        .faults()
        .on(Endpoint::Users, slow, When::Always);
    let n_pages = || world.tenant.requests().at(Endpoint::Users);
    let pages = n_pages();
    let commands = [0; 2].map(|_| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_qlik-roster"));
        let command = command.arg("--config").arg(world.config_path()).arg("sync");
        let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
        quiet.env_clear().spawn().unwrap()
    });
    within("the run of a command reads users", || async {
        n_pages() > pages
    })
    .await;

    daemon.signal(Signal::TERM);
    logs(&world, "Ending").await;
    let requests = world.tenant.requests().total();
    let code = daemon.end().await;

    assert_eq!(code, Some(0), "{}", log_of(&world));
    let later = world.tenant.requests().total() - requests;
    assert!(later <= 2, "{later} requests after the signal");
    for mut command in commands {
        command.wait().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn its_memory_is_in_no_core_dump() {
    let world = World::new().await;
    let daemon = Process::start(&world, &[]);
    logs(&world, "Started").await;

    let limits = std::fs::read_to_string(format!("/proc/{}/limits", daemon.id())).unwrap();

    let mut lines = limits.lines();
    let core = lines.find(|line| line.starts_with("Max core file size"));
    let fields: Vec<&str> = core.unwrap().split_whitespace().collect();
    assert_eq!(fields[4..6], ["0", "0"], "soft and hard limit");
}
