//! How much memory questions about who holds a role leave behind for the next ones.
//!
//! `cargo bench --bench kept -- [--users 1000000] [--groups 5000] [--each 50] [--giving 200]
//! [--holders 1000] [--entries 1000000]`
//!
//! It fills a store as the benchmark `access` does, asks questions as a daemon does, and then
//! drops what answers them: the memory that is free then is what it kept. The store and its cache
//! are not part of it.
#![allow(
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::indexing_slicing,
    reason = "a benchmark prints its results"
)]

use anyhow::Result;
use peak_alloc::PeakAlloc;
use qlik_roster::control::Control;
use qlik_roster::control::query::{self, Which};
use qlik_roster::model::Timestamp;

#[path = "support/holders.rs"]
mod holders;

use holders::{FEW, Size, at, control, id, name};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

#[tokio::main]
async fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let size = Size::read(&args)?;
    println!("{size}");
    let dir = tempfile::tempdir()?;
    let store = holders::store(dir.path(), &size)?;
    while store.build_postings()? {}
    println!("{:>40} {:>10}", "", "kept, MiB");
    for (name, times) in [
        ("questions about now", &[None][..]),
        ("about a year ago", &[Some(at(0))]),
        ("about both", &[None, Some(at(0))]),
    ] {
        let control = control(&store);
        for time in times {
            ask(&control, *time).await?;
        }
        let before = MEMORY.current_usage();
        drop(control);
        let kept = before.saturating_sub(MEMORY.current_usage());
        println!("{name:>40} {:>10.2}", kept as f64 / 1024.0 / 1024.0);
    }
    store.close()?;
    Ok(())
}

/// Asks who holds a role, until all pages are read.
async fn ask(control: &Control, at: Option<Timestamp>) -> Result<()> {
    let mut after = None;
    loop {
        let asked = query::Access {
            tenant: name(),
            role: Some(id(FEW).to_string()),
            which: Which::Own,
            at,
            after,
            limit: 500,
        };
        after = control.ask(asked).await?.next;
        if after.is_none() {
            return Ok(());
        }
    }
}
