//! The loops of all tenants, in one task, since tenants may come while it runs.

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc;

use crate::connector::qlik::Qlik;
use crate::signal::Shutdown;
use crate::store::StoreError;
use crate::sync::Worker;

/// Loops that wait to be taken in; their sender waits if there are more.
pub(super) const WAITING: usize = 16;

/// Runs the loops, and those that come, until all have ended. Each ends by itself at shutdown.
pub(super) async fn run(
    first: Vec<Worker<Qlik>>,
    mut more: mpsc::Receiver<Worker<Qlik>>,
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
            // No tenant, and nobody who would find one.
            else => shutdown.triggered().await,
        }
    }
    while let Some(ended) = loops.next().await {
        ended?;
    }
    Ok(())
}
