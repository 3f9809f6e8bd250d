//! Memory and processor time of a daemon that finds changes all the time, over an hour and more.
//!
//! `cargo bench --bench steady -- [--users 5000] [--changes 50] [--minutes 68]`
//!
//! The real daemon runs in a process of its own; the emulated tenant, in which `--changes` users
//! change each second, and a receiver run in this one. It prints a line a minute. The first
//! maintenance pass comes after an hour.
#![allow(
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unnecessary_debug_formatting,
    clippy::disallowed_methods,
    reason = "a benchmark prints its results, quotes paths for TOML, and waits for real"
)]

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use qlik_roster::clock::Clock;
use qlik_roster::demo::tenant::{Edit, RateLimits, TenantOptions};
use qlik_roster::demo::{EmulatedTenant, Receiver};

const SIGNING_SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3";

/// How many portions the changes of a second come in.
const PORTIONS: u64 = 10;

#[tokio::main]
async fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let value = |name: &str, usual: u64| -> Result<u64> {
        let place = args.iter().position(|arg| arg == name);
        match place.and_then(|place| args.get(place + 1)) {
            Some(text) => Ok(text.parse()?),
            None => Ok(usual),
        }
    };
    let (users, changes) = (value("--users", 5_000)?, value("--changes", 50)?);
    let end = Duration::from_secs(value("--minutes", 68)? * 60);
    let options = TenantOptions {
        users: usize::try_from(users)?,
        rate_limits: RateLimits::Off,
        ..TenantOptions::default()
    };
    let tenant = EmulatedTenant::start(options, Clock::system()).await?;
    let receiver = Receiver::start(vec![SIGNING_SECRET.to_owned()]).await?;
    let dir = tempfile::tempdir()?;
    let config = write_config(dir.path(), &tenant, &receiver)?;
    let mut daemon = serve(&config)?;

    let directory = tenant.directory();
    let people = directory.users();
    let began = Instant::now();
    let mut ticks = tokio::time::interval(Duration::from_millis(1_000 / PORTIONS));
    let (mut n_changed, mut n_told, mut next_line) = (0, 0, Duration::from_secs(60));
    while began.elapsed() < end {
        ticks.tick().await;
        for _ in 0..changes / PORTIONS {
            let place = usize::try_from(n_changed * 7_919)? % people.len();
            let name = format!("Person {n_changed}");
            directory.update_user(&people[place].id, Edit::Name(name))?;
            n_changed += 1;
        }
        if began.elapsed() >= next_line {
            next_line += Duration::from_secs(60);
            n_told += receiver.count_accepted();
            receiver.forget();
            let minutes = began.elapsed().as_secs() / 60;
            let Usage { now, peak, busy } = usage(&daemon)?;
            println!(
                "{minutes:>3} min  {n_changed} changes, {n_told} told; {now} MiB now, {peak} at the most, \
                 {busy} s of processor time"
            );
        }
    }
    daemon.kill()?;
    daemon.wait()?;
    Ok(())
}

/// What a process takes: MiB of memory, seconds of processor time.
struct Usage {
    now: u64,
    peak: u64,
    busy: u64,
}

fn usage(of: &Child) -> Result<Usage> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", of.id()))?;
    let mib = |name: &str| -> Result<u64> {
        let line = status.lines().find(|line| line.starts_with(name));
        let number = line.and_then(|line| line.split_whitespace().nth(1));
        Ok(number
            .context("a line of the process's status")?
            .parse::<u64>()?
            / 1024)
    };
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", of.id()))?;
    // The name of the program, in brackets, may contain anything; the times are at fixed places
    // after it.
    let (_, fields) = stat.rsplit_once(')').context("a process's times")?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
    Ok(Usage {
        now: mib("VmRSS")?,
        peak: mib("VmHWM")?,
        busy: ticks / 100,
    })
}

fn serve(config: &Path) -> Result<Child> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_qlik-roster"));
    command.arg("--config").arg(config).arg("serve").env_clear();
    command.stdout(Stdio::null()).stderr(Stdio::null());
    Ok(command.spawn()?)
}

fn write_config(dir: &Path, tenant: &EmulatedTenant, receiver: &Receiver) -> Result<PathBuf> {
    let write = |name: &str, text: &str| -> Result<PathBuf> {
        let path = dir.join(name);
        std::fs::write(&path, text)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        Ok(path)
    };
    let client = write("client", tenant.client_secret().expose())?;
    let signing = write("signing", SIGNING_SECRET)?;
    let text = format!(
        r#"
[store]
path = {store:?}
[server]
listen = "127.0.0.1:0"
[sync]
schedule = "15m"
poll = "5s"
[[connections]]
name = "bench"
kind = "tenant"
client_id = "{id}"
client_secret_file = {client:?}
requests_per_minute = 0
[[tenants]]
name = "acme"
host = "{tenant}"
connection = "bench"
[[endpoints]]
name = "hr"
url = "{receiver}"
secret_file = {signing:?}
allow_private = ["127.0.0.0/8"]
allow_http = true
"#,
        store = dir.join("store"),
        id = tenant.client_id(),
        tenant = tenant.url(),
        receiver = receiver.url(),
    );
    write("qlik-roster.toml", &text)
}
