//! How long a report of many rows takes, and how much memory.
//!
//! `cargo bench --bench export -- [--users 25000,250000] [--rounds 3]`
//!
//! The emulated tenant runs in this process; each user is in four groups, so that the report of
//! memberships has four rows for each. The product's own command loads the users, and then writes
//! that report in each format, each time in a process of its own, whose peak memory is shown. The
//! store's cache, which is part of it, is shown by the memory of `findings`, a report without rows.
//! The bare loop writes a file of the same size, and syncs it to disk.
#![allow(
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unnecessary_debug_formatting,
    reason = "a benchmark prints its results, quotes paths for TOML, and may stop where it is"
)]

use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result};
use qlik_roster::clock::Clock;
use qlik_roster::demo::EmulatedTenant;
use qlik_roster::demo::tenant::{People, RateLimits, TenantOptions};
use serde_json::Value;

#[path = "support/one_tenant.rs"]
mod one_tenant;
#[path = "support/process.rs"]
mod process;

use process::{Cost, watch};

#[tokio::main]
async fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let value = |name: &str, usual: &str| -> String {
        let place = args.iter().position(|arg| arg == name);
        let value = place.and_then(|place| args.get(place + 1));
        value.cloned().unwrap_or_else(|| usual.to_owned())
    };
    let rounds: usize = value("--rounds", "3").parse()?;
    println!(
        "{:>9} {:>18} {:>9} {:>9} {:>8} {:>10} {:>9} {:>9}",
        "users", "report", "rows", "MB", "s", "rows/s", "bare x", "peak MiB"
    );
    for size in value("--users", "25000,250000").split(',') {
        let users: usize = size.parse()?;
        let options = TenantOptions {
            users,
            people: People::Rich,
            rate_limits: RateLimits::Off,
            ..TenantOptions::default()
        };
        let tenant = EmulatedTenant::start(options, Clock::system()).await?;
        let dir = tempfile::tempdir()?;
        let config = one_tenant::write_config(dir.path(), &tenant)?;
        let path = dir.path().to_owned();
        tokio::task::spawn_blocking(move || measure(&path, &config, users, rounds)).await??;
        tenant.stop().await;
    }
    Ok(())
}

fn measure(dir: &Path, config: &Path, users: usize, rounds: usize) -> Result<()> {
    let mut sync = product(config);
    sync.args(["sync", "--no-deliver"]);
    watch(sync)?;
    for (report, format) in [
        ("findings", "csv"),
        ("memberships", "csv"),
        ("memberships", "json"),
        ("memberships", "parquet"),
        ("access", "csv"),
        ("access", "parquet"),
    ] {
        let mut costs = Vec::new();
        let (mut rows, mut bytes) = (0, 0);
        for round in 0..rounds {
            let out = dir.join(format!("{report}-{format}-{round}"));
            std::fs::create_dir(&out)?;
            let mut export = product(config);
            export.args(["export", report, "--format", format, "--out"]);
            let (cost, _) = watch({
                export.arg(&out);
                export
            })?;
            (rows, bytes) = written(&out)?;
            costs.push((cost, bare(&dir.join("bare"), bytes)?));
            std::fs::remove_dir_all(&out)?;
        }
        print(
            users,
            &format!("{report} {format}"),
            (rows, bytes),
            &mut costs,
        );
    }
    Ok(())
}

fn product(config: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_qlik-roster"));
    command.arg("--config").arg(config);
    command
}

/// Returns how many rows a report in a folder has, and how many bytes.
fn written(out: &Path) -> Result<(u64, u64)> {
    let (mut rows, mut bytes) = (None, 0);
    for entry in std::fs::read_dir(out)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().contains("manifest") {
            let manifest: Value = serde_json::from_slice(&std::fs::read(entry.path())?)?;
            rows = manifest["reports"][0]["rows"].as_u64();
        } else {
            bytes += entry.metadata()?.len();
        }
    }
    Ok((rows.context("the rows in the manifest")?, bytes))
}

/// Writes a file of some size. Returns how long it took, in seconds.
fn bare(file: &Path, bytes: u64) -> Result<f64> {
    let block = vec![b'x'; 64 * 1024];
    let began = Instant::now();
    let mut file = std::fs::File::create(file)?;
    let mut left = bytes;
    while left > 0 {
        let some = left.min(block.len() as u64);
        file.write_all(&block[..usize::try_from(some)?])?;
        left -= some;
    }
    file.sync_all()?;
    Ok(began.elapsed().as_secs_f64())
}

fn print(users: usize, name: &str, (rows, bytes): (u64, u64), costs: &mut [(Cost, f64)]) {
    costs.sort_by(|(a, _), (b, _)| a.seconds.total_cmp(&b.seconds));
    let (cost, bare) = costs[costs.len() / 2];
    let peak = costs.iter().map(|(cost, _)| cost.peak_mib);
    println!(
        "{users:>9} {name:>18} {rows:>9} {:>9.1} {:>8.2} {:>10.0} {:>9.1} {:>9.0}",
        bytes as f64 / 1e6,
        cost.seconds,
        rows as f64 / cost.seconds,
        cost.seconds / bare,
        peak.fold(0.0, f64::max),
    );
}
