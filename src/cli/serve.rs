//! `serve`: the daemon in the foreground, as systemd and Kubernetes want it.

use std::convert::Infallible;
use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tokio::time::sleep;
use tracing::{info, warn};

use crate::authorities::MachineAuthorities;
use crate::clock::Clock;
use crate::config::{self, Config, Environment};
use crate::control::Reloads;
use crate::daemon::{Daemon, Ending, Hooks, ReadAgain};
use crate::doing;
use crate::systemd::Systemd;
use crate::telemetry;

use super::Exit;

/// How often the service manager is told that the start goes on, and how much longer it may take
/// until the next time.
const STARTING: [Duration; 2] = [Duration::from_secs(10), Duration::from_secs(60)];

pub(super) async fn run(config: Option<&Path>) -> anyhow::Result<Exit> {
    // We do this before anything slow: a signal without a handler ends the process at once.
    let mut signals = Signals::take()?;
    let reloads = Reloads::default();
    let others = others(reloads.clone())?;
    let environment = Environment::of_process();
    let systemd = Systemd::of(|name| environment.get(name));
    let (first, call) = oneshot::channel();
    let signalled = async {
        let Received { name, .. } = signals.next().await;
        info!("Received {name}");
        systemd.stopping("Ending; deliveries under way get up to ten seconds");
        // Nobody receives it if the process ends anyway.
        first.send(()).ok();
        signals.next().await
    };
    tokio::select! {
        biased;
        received = signalled => end_at_once(received),
        never = others => match never {},
        ended = serve(config, (&systemd, reloads), call) => ended,
    }
}

async fn serve(
    config: Option<&Path>,
    (systemd, reloads): (&Systemd, Reloads),
    call: oneshot::Receiver<()>,
) -> anyhow::Result<Exit> {
    let config = super::begin::load(config)?;
    super::begin::start_logging(&config)?;
    telemetry::log_panics();
    let traces = super::begin::start_traces(&config);
    say_settings(&config);
    let mut call = pin!(async move { drop(call.await) });
    // The same file, whatever a relative name would lead to later.
    let source = std::path::absolute(&config.source)?;
    let environment = Environment::of_process();
    let read = move || config::load(Some(&source), &environment);
    let hooks = Hooks {
        systemd: systemd.clone(),
        reloads,
        read_again: Some(ReadAgain::by(read)),
        ..Hooks::none()
    };
    // A large store takes time to open, and can be interrupted as safely as at any other moment.
    let daemon = tokio::select! {
        () = &mut call => {
            info!("Stopping before the start is complete");
            return Ok(Exit::Success);
        }
        never = say_starting(systemd) => match never {},
        daemon = Daemon::start(&config, Clock::system(), hooks) => daemon,
    };
    let daemon = daemon?;
    systemd.ready(daemon.in_brief());
    let ending = daemon.run(call).await;
    if let Some(traces) = traces {
        traces.end().await;
    }
    Ok(match ending {
        Ending::Clean => Exit::Success,
        Ending::Broken => Exit::Failure,
    })
}

/// Logs what a person should know of the settings.
fn say_settings(config: &Config) {
    for setting in &config.without_effect {
        let (key, why, code) = (&setting.key, &setting.why, setting.code());
        warn!("The setting `{key}` has no effect: {why} [{code}]");
    }
    let reading = MachineAuthorities::of_process().reading();
    if reading.is_flawed() {
        warn!(
            "Certificates of authorities: {reading} [{}]",
            reading.code()
        );
    } else {
        info!("Certificates of authorities: {reading}");
    }
    if let Some(proxy) = config.proxies.named() {
        info!(
            "The environment's proxy for https is {}, by {}",
            proxy.origin(),
            proxy.named_by()
        );
    }
}

/// Tells the service manager how far the start is, so that it waits for a large store.
async fn say_starting(systemd: &Systemd) -> Infallible {
    let [every, longer] = STARTING;
    loop {
        let doing = doing::now().unwrap_or_else(|| "opening the store".to_owned());
        systemd.starting(&format!("Starting: {doing}"), longer);
        sleep(every).await;
    }
}

/// Ends the process without waiting for anything. Whatever the store has acknowledged is on disk,
/// and the next start repeats the rest.
fn end_at_once(received: Received) -> ! {
    warn!(
        "Received {}, the second signal; ending at once. Nothing is lost: what was under way is \
         repeated after the next start",
        received.name
    );
    // As shells report a process that a signal has ended.
    std::process::exit(128 + received.number)
}

/// The signals that end the process.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    quit: Signal,
}

/// A signal that was received.
#[derive(Debug, Clone, Copy)]
struct Received {
    name: &'static str,
    number: i32,
}

impl Signals {
    fn take() -> anyhow::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate()).context("listening for SIGTERM")?,
            interrupt: signal(SignalKind::interrupt()).context("listening for SIGINT")?,
            quit: signal(SignalKind::quit()).context("listening for SIGQUIT")?,
        })
    }

    /// Waits for the next one.
    async fn next(&mut self) -> Received {
        let (name, kind) = tokio::select! {
            _ = self.terminate.recv() => ("SIGTERM", SignalKind::terminate()),
            _ = self.interrupt.recv() => ("SIGINT", SignalKind::interrupt()),
            _ = self.quit.recv() => ("SIGQUIT", SignalKind::quit()),
        };
        let number = kind.as_raw_value();
        Received { name, number }
    }
}

/// Completes at SIGTERM, SIGINT or SIGQUIT.
pub(super) fn call_to_end() -> anyhow::Result<impl Future<Output = ()>> {
    let mut signals = Signals::take()?;
    Ok(async move {
        let Received { name, .. } = signals.next().await;
        info!("Received {name}");
    })
}

/// Handles SIGHUP, SIGUSR1 and SIGUSR2, and never completes. On the last two, other daemons reopen
/// their log, so scripts send them.
fn others(reloads: Reloads) -> anyhow::Result<impl Future<Output = Infallible>> {
    let mut hangup = signal(SignalKind::hangup()).context("listening for SIGHUP")?;
    let mut first = signal(SignalKind::user_defined1()).context("listening for SIGUSR1")?;
    let mut second = signal(SignalKind::user_defined2()).context("listening for SIGUSR2")?;
    Ok(async move {
        loop {
            let name = tokio::select! {
                _ = hangup.recv() => {
                    info!("Received SIGHUP; the configuration is read again");
                    drop(reloads.order());
                    continue;
                }
                _ = first.recv() => "SIGUSR1",
                _ = second.recv() => "SIGUSR2",
            };
            info!("Received {name}; the daemon continues as before");
        }
    })
}
