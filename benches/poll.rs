//! What the audit log costs when nothing is new, and how fast it is when something is.
//!
//! `cargo bench --bench poll -- [--users 10000] [--rounds 10]`
//!
//! The real daemon, the emulated tenant and a receiver in one process, over real HTTP on
//! loopback. Each round wakes a poll by a signed webhook, as Qlik would: once with nothing
//! new, until the poll is counted; once after a change, until the receiver has its event.
#![allow(
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unnecessary_debug_formatting,
    clippy::disallowed_methods,
    reason = "a benchmark prints its results, quotes paths for TOML, and may stop where it is"
)]

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use hmac::{Hmac, Mac};
use qlik_roster::clock::Clock;
use qlik_roster::config::{self, Environment};
use qlik_roster::daemon::{Daemon, Hooks};
use qlik_roster::demo::tenant::{Edit, Endpoint, RateLimits, TenantOptions};
use qlik_roster::demo::{EmulatedTenant, Receiver};
use sha2::Sha256;
use tokio::sync::oneshot;

#[path = "support/one_tenant.rs"]
mod one_tenant;

const HOOK_SECRET: &str = "0123456789abcdef0123456789abcdef";
const SIGNING_SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3";

/// The daemon waits a second between two polls. A round must not measure that wait.
const REST: Duration = Duration::from_millis(1_100);

#[tokio::main]
async fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let value = |name: &str, usual: usize| -> Result<usize> {
        let place = args.iter().position(|arg| arg == name);
        match place.and_then(|place| args.get(place + 1)) {
            Some(text) => Ok(text.parse()?),
            None => Ok(usual),
        }
    };
    let (users, rounds) = (value("--users", 10_000)?, value("--rounds", 10)?);
    let options = TenantOptions {
        users,
        rate_limits: RateLimits::Off,
        ..TenantOptions::default()
    };
    let tenant = EmulatedTenant::start(options, Clock::system()).await?;
    let receiver = Receiver::start(vec![SIGNING_SECRET.to_owned()]).await?;
    let dir = tempfile::tempdir()?;
    let file = write_config(dir.path(), &tenant, &receiver)?;
    let environment: Environment = std::iter::empty::<(String, String)>().collect();
    let config = config::load(Some(&file), &environment)?;
    let daemon = Daemon::start(&config, Clock::system(), Hooks::none()).await?;
    let url = format!("http://{}", daemon.listens());
    let (end, ended) = oneshot::channel::<()>();
    let task = tokio::spawn(daemon.run(async move { drop(ended.await) }));
    let started = r#"qlik_roster_runs_total{tenant="bench",trigger="start",outcome="succeeded"}"#;
    until(async || Ok(metric(&url, started).await? >= 1.0)).await?;

    // The client's own user appears with its first token: the first poll finds that.
    let polled = r#"qlik_roster_polls_total{tenant="bench",outcome="found"}"#;
    hook(&url, "first").await?;
    until(async || Ok(metric(&url, polled).await? >= 1.0)).await?;

    let (mut quiet, mut told) = (Vec::new(), Vec::new());
    let before = tenant.requests();
    let counter = r#"qlik_roster_polls_total{tenant="bench",outcome="quiet"}"#;
    for round in 0..rounds {
        tokio::time::sleep(REST).await;
        let polls = metric(&url, counter).await?;
        let began = Instant::now();
        hook(&url, &format!("quiet-{round}")).await?;
        until(async || Ok(metric(&url, counter).await? > polls)).await?;
        quiet.push(began.elapsed().as_secs_f64() * 1e3);
    }
    let after = tenant.requests();
    let polls = after.at(Endpoint::Audits) - before.at(Endpoint::Audits);
    let requests = after.total() - before.total();

    let user = tenant.directory().users()[7].id.clone();
    for round in 0..rounds {
        tokio::time::sleep(REST).await;
        let n_told = receiver.count();
        let edit = Edit::Name(format!("Renamed {round}"));
        tenant.directory().update_user(&user, edit)?;
        let began = Instant::now();
        hook(&url, &format!("told-{round}")).await?;
        until(async || Ok(receiver.count() > n_told)).await?;
        told.push(began.elapsed().as_secs_f64() * 1e3);
    }
    println!("{users} users, {rounds} rounds, median and worst");
    println!("  nothing new: {requests} requests in {polls} polls");
    println!("  nothing new: {}", spread(&mut quiet));
    println!("  webhook to receiver: {}", spread(&mut told));
    drop(end);
    task.await?;
    Ok(())
}

fn spread(times: &mut [f64]) -> String {
    times.sort_by(f64::total_cmp);
    let worst = times.last().copied().unwrap_or_default();
    format!("{:.1} ms, {worst:.1} ms", times[times.len() / 2])
}

async fn hook(url: &str, id: &str) -> Result<()> {
    let body = format!("{{\"id\":\"{id}\"}}");
    let mut mac = Hmac::<Sha256>::new_from_slice(HOOK_SECRET.as_bytes())?;
    mac.update(body.as_bytes());
    let digits = mac.finalize().into_bytes();
    let digits: Vec<_> = digits.iter().map(|byte| format!("{byte:02x}")).collect();
    reqwest::Client::new()
        .post(format!("{url}/qlik/webhooks/bench"))
        .header("Qlik-Signature", digits.concat())
        .body(body)
        .send()
        .await?
        .error_for_status()?;
    Ok(())
}

async fn metric(url: &str, name: &str) -> Result<f64> {
    let text = reqwest::get(format!("{url}/metrics")).await?.text().await?;
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    Ok(line.map_or(Ok(0.0), |value| value.trim().parse())?)
}

async fn until(mut condition: impl AsyncFnMut() -> Result<bool>) -> Result<()> {
    let wait = async {
        while !condition().await? {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    };
    tokio::time::timeout(Duration::from_secs(120), wait)
        .await
        .context("it never came true")?
}

/// Writes the configuration: the audit log is polled when a webhook wakes it, and a receiver gets
/// what is found.
fn write_config(dir: &Path, tenant: &EmulatedTenant, receiver: &Receiver) -> Result<PathBuf> {
    let write = |name: &str, text: &str| -> Result<PathBuf> {
        let path = dir.join(name);
        std::fs::write(&path, text)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        Ok(path)
    };
    let endpoint = write("endpoint", SIGNING_SECRET)?;
    let hook = write("hook", HOOK_SECRET)?;
    let file = one_tenant::write_config(dir, tenant)?;
    let config = std::fs::read_to_string(&file)?.replace("poll = \"off\"", "poll = \"1h\"");
    // The tenant is the last section.
    let more = format!(
        r#"webhook_secret_file = {hook:?}
[[endpoints]]
name = "hr"
url = "{receiver}"
secret_file = {endpoint:?}
allow_private = ["127.0.0.0/8"]
allow_http = true
"#,
        receiver = receiver.url(),
    );
    std::fs::write(&file, config + &more)?;
    Ok(file)
}
