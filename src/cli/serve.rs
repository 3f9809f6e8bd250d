//! `serve`: the daemon in the foreground, as systemd and Kubernetes want it.

use std::path::Path;
use std::pin::pin;

use anyhow::Context;
use sd_notify::NotifyState;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};

use crate::authorities::MachineAuthorities;
use crate::clock::Clock;
use crate::daemon::{Daemon, Ending, Hooks};

use super::Exit;

pub(super) async fn run(config: Option<&Path>) -> anyhow::Result<Exit> {
    // We do this before anything slow: a signal without a handler ends the process at once.
    let call = call_to_end()?;
    let others = passed_over()?;
    let config = super::begin::load(config)?;
    super::begin::start_logging(&config)?;
    let traces = super::begin::start_traces(&config);
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
    let mut call = pin!(async {
        tokio::select! {
            () = call => {}
            () = others => {}
        }
        tell_systemd(NotifyState::Stopping);
    });
    // A large store takes time to open, and can be interrupted as safely as at any other moment.
    let daemon = tokio::select! {
        () = &mut call => {
            info!("Stopping before the start is complete");
            return Ok(Exit::Success);
        }
        daemon = Daemon::start(&config, Clock::system(), Hooks::none()) => daemon?,
    };
    tell_systemd(NotifyState::Ready);
    let ending = daemon.run(call).await;
    if let Some(traces) = traces {
        traces.end().await;
    }
    Ok(match ending {
        Ending::Clean => Exit::Success,
        Ending::Broken => Exit::Failure,
    })
}

/// Completes at SIGTERM, SIGINT or SIGQUIT.
pub(super) fn call_to_end() -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("listening for SIGINT")?;
    let mut quit = signal(SignalKind::quit()).context("listening for SIGQUIT")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => info!("Received SIGTERM"),
            _ = interrupt.recv() => info!("Received SIGINT"),
            _ = quit.recv() => info!("Received SIGQUIT"),
        }
    })
}

/// Handles SIGHUP, SIGUSR1 and SIGUSR2, and never completes: other daemons reload their
/// configuration or reopen their log on these, so scripts send them.
fn passed_over() -> anyhow::Result<impl Future<Output = ()>> {
    let mut hangup = signal(SignalKind::hangup()).context("listening for SIGHUP")?;
    let mut first = signal(SignalKind::user_defined1()).context("listening for SIGUSR1")?;
    let mut second = signal(SignalKind::user_defined2()).context("listening for SIGUSR2")?;
    Ok(async move {
        loop {
            let name = tokio::select! {
                _ = hangup.recv() => "SIGHUP",
                _ = first.recv() => "SIGUSR1",
                _ = second.recv() => "SIGUSR2",
            };
            info!(
                "Received {name}; the daemon continues as before. It does not reload its \
                 configuration or its secrets; restart it for that"
            );
        }
    })
}

/// Notifies systemd. If the process does not run under systemd, that is not a failure.
fn tell_systemd(state: NotifyState<'_>) {
    drop(sd_notify::notify(false, &[state]));
}
