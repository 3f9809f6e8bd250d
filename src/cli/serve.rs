//! `serve`: the daemon in the foreground, as systemd and Kubernetes want it.

use std::path::Path;

use anyhow::Context;
use sd_notify::NotifyState;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};

use crate::authorities::MachineAuthorities;
use crate::clock::Clock;
use crate::daemon::{Daemon, Ending, Hooks};

use super::Exit;

pub(super) async fn run(config: Option<&Path>) -> anyhow::Result<Exit> {
    let config = super::load(config)?;
    super::start_logging(&config)?;
    for idle in &config.idle {
        let (key, why, code) = (&idle.key, &idle.why, idle.code());
        warn!("The setting `{key}` does nothing: {why} [{code}]");
    }
    let reading = MachineAuthorities::of_process().reading();
    if reading.is_flawed() {
        warn!("Certificates of authorities: {reading}");
    } else {
        info!("Certificates of authorities: {reading}");
    }
    if let Some(proxy) = config.proxies.named() {
        info!(
            "The environment's proxy for https is {}, by {}",
            proxy.origin(),
            proxy.told_by()
        );
    }
    let call = call_to_end()?;
    let hangups = hangups()?;
    let daemon = Daemon::start(&config, Clock::system(), Hooks::none()).await?;
    tell_systemd(NotifyState::Ready);
    let ending = daemon
        .run(async {
            tokio::select! {
                () = call => {}
                () = hangups => {}
            }
            tell_systemd(NotifyState::Stopping);
        })
        .await;
    Ok(match ending {
        Ending::Clean => Exit::Success,
        Ending::Broken => Exit::Failure,
    })
}

/// Completes at SIGTERM or SIGINT.
pub(super) fn call_to_end() -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("listening for SIGINT")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => info!("SIGTERM came"),
            _ = interrupt.recv() => info!("SIGINT came"),
        }
    })
}

/// Takes each SIGHUP and never completes: unhandled, the signal would end the process.
fn hangups() -> anyhow::Result<impl Future<Output = ()>> {
    let mut hangup = signal(SignalKind::hangup()).context("listening for SIGHUP")?;
    Ok(async move {
        while hangup.recv().await.is_some() {
            info!(
                "SIGHUP came; the daemon goes on as before. It does not read its configuration or \
                 its secrets anew; restart it for that"
            );
        }
        std::future::pending::<()>().await;
    })
}

/// Without systemd there is nobody to tell, which is no failure.
fn tell_systemd(state: NotifyState<'_>) {
    drop(sd_notify::notify(false, &[state]));
}
