//! The loops of all tenants in one task, since tenants may be added while it runs.

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc;

use crate::signal::Shutdown;
use crate::store::StoreError;
use crate::sync::Worker;

use super::source::Source;

/// How many loops may wait to be taken over; if there are more, their sender waits.
pub(super) const WAITING: usize = 16;

/// Runs the loops, including new ones, until all have ended. Each ends by itself at shutdown.
pub(super) async fn run(
    first: Vec<Worker<Source>>,
    mut more: mpsc::Receiver<Worker<Source>>,
    shutdown: Shutdown,
) -> Result<(), StoreError> {
    let mut loops: FuturesUnordered<_> = first
        .into_iter()
        .map(|worker| worker.run(shutdown.clone()))
        .collect();
    loop {
        tokio::select! {
            () = shutdown.triggered() => break,
            Some(worker) = more.recv() => loops.push(worker.run(shutdown.clone())),
            Some(ended) = loops.next() => ended?,
            // There are no tenants, and nothing that could find one.
            else => shutdown.triggered().await,
        }
    }
    while let Some(ended) = loops.next().await {
        ended?;
    }
    Ok(())
}
