//! `serve`: the daemon in the foreground, as systemd and Kubernetes want it.

use std::path::Path;

use anyhow::Context;
use sd_notify::NotifyState;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};

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
    let call = call_to_end()?;
    let daemon = Daemon::start(&config, Clock::system(), Hooks::none()).await?;
    tell_systemd(NotifyState::Ready);
    let ending = daemon
        .run(async {
            call.await;
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

/// Without systemd there is nobody to tell, which is no failure.
fn tell_systemd(state: NotifyState<'_>) {
    drop(sd_notify::notify(false, &[state]));
}
