//! `demo`: an emulated tenant, the real daemon and a receiver that verifies signatures, on one
//! screen.
//!
//! Three stories show what only qlik-roster does; then everyday life goes on while there is time.
//! Everything shown has really happened: the receiver is a separate server, the daemon is the one
//! that `serve` runs, and the exit code says whether every event came, exactly once.

mod acts;
mod board;
mod page;
mod proof;
mod screen;
mod show;
mod stage;
mod wanted;

use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use crate::clock::Clock;
use crate::config::{self, Environment};
use crate::daemon::{Daemon, Hooks};
use crate::signal::shutdown;
use crate::sync::{Observer, Progress};
use crate::telemetry::{self, Filter, LogOptions};

use super::Exit;
use super::args::DemoArgs;
use super::serve::call_to_end;

use page::{Look, Page};
use proof::Proof;
use show::Show;
use stage::Stage;

pub(super) async fn run(args: DemoArgs) -> anyhow::Result<Exit> {
    let call = call_to_end()?;
    let clock = Clock::system();
    let stage = Stage::set(&args, clock.clone()).await?;
    let config = config::load(Some(&stage.config_path()), &Environment::default())?;
    // Failures are part of the demo and are not logged. The log is already started if the demo runs
    // within a process that logs.
    let quiet = LogOptions {
        filter: Filter::parse("off")?,
        ..LogOptions::default()
    };
    drop(telemetry::start_logging(&quiet));
    let look = match args.plain {
        true => Look::Plain,
        false => Look::Screen,
    };
    let page = Arc::new(Page::open(look, clock.clone()));
    page.introduce(&stage)?;

    let hooks = Hooks {
        sync: observer(Arc::clone(&page)),
        ..Hooks::none()
    };
    let daemon = Daemon::start(&config, clock, hooks).await?;
    let (over, ended) = shutdown();
    let mut show = Show::new(stage, daemon.control(), Arc::clone(&page), args.pace, ended);
    let over_when = async {
        tokio::select! {
            () = call => {}
            () = end_of(args.duration) => {}
        }
        over.trigger();
        std::future::pending::<()>().await;
    };
    let done = tokio::sync::Notify::new();
    let play = async {
        let mut proof = Proof::default();
        let played = tokio::select! {
            played = show.play(&mut proof, args.duration) => played,
            () = over_when => Ok(()),
            () = redraw(&page) => Ok(()),
        };
        done.notify_one();
        played.map(|()| proof)
    };
    let (proof, ending) = tokio::join!(play, daemon.run(done.notified()));
    page.close();
    show.strike().await;
    Ok(proof?.conclude(ending)?)
}

/// Completes when the time is up. Never completes if no time is set.
async fn end_of(duration: Option<Duration>) {
    match duration {
        Some(duration) => tokio::time::sleep(duration).await,
        None => std::future::pending().await,
    }
}

/// Redraws the screen whenever the terminal changes its size; never ends.
async fn redraw(page: &Page) {
    let Ok(mut resized) = signal(SignalKind::window_change()) else {
        return std::future::pending().await;
    };
    while resized.recv().await.is_some() {
        page.redraw();
    }
    std::future::pending::<()>().await;
}

/// Shows the progress of the first sync on the screen.
fn observer(page: Arc<Page>) -> Observer {
    Observer::new(move |progress| match progress {
        Progress::Read { .. } | Progress::Confirming { .. } => page.load(&progress.to_string()),
        Progress::Begun | Progress::Committed | Progress::Ended => {}
    })
}
