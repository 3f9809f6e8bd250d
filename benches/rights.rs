//! What it costs when a large group gains a role and loses it again, while one in ten of its
//! members holds the role already.
//!
//! `cargo bench --bench rights -- [--users 100000] [--members 10000] [--rounds 3]`
//!
//! The emulated tenant runs in this process, the product's `sync` command in one of its own. In
//! each round it syncs with no change, then after the group gained the role, then after it lost it,
//! and prints the ratios of the times to that of the sync with no change, its peak memory, what it
//! wrote to disk, and how many events of single users a receiver got in a second.
#![allow(
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::unnecessary_debug_formatting,
    reason = "a benchmark prints its results, and quotes paths for TOML"
)]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use qlik_roster::clock::Clock;
use qlik_roster::demo::tenant::{Edit, GroupEdit, RateLimits, TenantOptions};
use qlik_roster::demo::{EmulatedTenant, Receiver};
use qlik_roster::model::{GroupId, RoleId};

#[path = "support/process.rs"]
mod process;

use process::{Cost, watch};

/// The longest that a round may take.
const LONGEST: Duration = Duration::from_secs(600);

/// The secret that signs deliveries: 24 zero bytes.
const SECRET: &str = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

#[tokio::main]
async fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let number = |name: &str, usual: usize| -> Result<usize> {
        let place = args.iter().position(|arg| arg == name);
        match place.and_then(|place| args.get(place + 1)) {
            Some(text) => Ok(text.parse()?),
            None => Ok(usual),
        }
    };
    let (users, members) = (number("--users", 100_000)?, number("--members", 10_000)?);
    let options = TenantOptions {
        users,
        rate_limits: RateLimits::Off,
        ..TenantOptions::default()
    };
    let tenant = EmulatedTenant::start(options, Clock::system()).await?;
    let receiver = Receiver::start(vec![SECRET.to_owned()]).await?;
    let (group, role) = prepare(&tenant, members)?;
    let dir = tempfile::tempdir()?;
    write_config(dir.path(), &tenant, &receiver)?;
    sync(dir.path()).await?;
    println!(
        "{:>6} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>9} {:>9}",
        "round",
        "same s",
        "gain s",
        "lose s",
        "gain x",
        "lose x",
        "same MiB",
        "gain MiB",
        "lose MiB",
        "disk MiB",
        "events/s"
    );
    for round in 1..=number("--rounds", 3)? {
        let same = sync(dir.path()).await?;
        let directory = tenant.directory();
        directory.update_group(&group, GroupEdit::AssignRole(role.clone()))?;
        let (gain, first) = told(dir.path(), &receiver, members).await?;
        directory.update_group(&group, GroupEdit::UnassignRole(role.clone()))?;
        let (lose, second) = told(dir.path(), &receiver, members).await?;
        println!(
            "{round:>6} {:>8.2} {:>8.2} {:>8.2} {:>8.2} {:>8.2} {:>8.0} {:>8.0} {:>8.0} {:>9.1} \
             {:>9.0}",
            same.seconds,
            gain.seconds,
            lose.seconds,
            gain.seconds / same.seconds,
            lose.seconds / same.seconds,
            same.peak_mib,
            gain.peak_mib,
            lose.peak_mib,
            f64::midpoint(gain.written_mib, lose.written_mib) - same.written_mib,
            f64::midpoint(first, second),
        );
    }
    tenant.stop().await;
    Ok(())
}

/// Makes a group of this many users, one in ten of whom holds the role directly.
fn prepare(tenant: &EmulatedTenant, members: usize) -> Result<(GroupId, RoleId)> {
    let directory = tenant.directory();
    let role = directory.create_role("Steward");
    let group = directory.create_group("Platform");
    for (number, user) in directory.users().iter().take(members).enumerate() {
        directory.update_user(&user.id, Edit::JoinGroup(group.clone()))?;
        if number % 10 == 0 {
            directory.update_user(&user.id, Edit::AssignRole(role.clone()))?;
        }
    }
    Ok((group, role))
}

fn write_config(dir: &Path, tenant: &EmulatedTenant, receiver: &Receiver) -> Result<()> {
    let keep = |name: &str, secret: &str| -> Result<_> {
        let file = dir.join(name);
        std::fs::write(&file, secret)?;
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600))?;
        Ok(file)
    };
    let client = keep("client", tenant.client_secret().expose())?;
    let endpoint = keep("endpoint", SECRET)?;
    let config = format!(
        "[store]\npath = {:?}\n[log]\nlevel = \"warn\"\n\
         [[connections]]\nname = \"bench\"\nkind = \"tenant\"\nclient_id = \"{}\"\n\
         client_secret_file = {client:?}\nrequests_per_minute = 0\n\
         [[tenants]]\nname = \"bench\"\nhost = \"{}\"\nconnection = \"bench\"\n\
         [[endpoints]]\nname = \"each\"\nurl = \"{}\"\nsecret_file = {endpoint:?}\n\
         events = [\"access.*\"]\nexpand_lists = true\nmax_in_flight = 64\n\
         allow_private = [\"127.0.0.0/8\"]\nallow_http = true\n",
        dir.join("store"),
        tenant.client_id(),
        tenant.url(),
        receiver.url(),
    );
    Ok(std::fs::write(dir.join("qlik-roster.toml"), config)?)
}

/// Runs `sync`, which also delivers, while everything else goes on.
async fn sync(dir: &Path) -> Result<Cost> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_qlik-roster"));
    command.arg("--config").arg(dir.join("qlik-roster.toml"));
    command.args(["sync", "--output", "json"]);
    let (cost, output) = tokio::task::spawn_blocking(move || watch(command)).await??;
    if !output.contains("succeeded") {
        bail!("the run is not what it should be: {output}");
    }
    Ok(cost)
}

/// Runs `sync`, and returns how many events a second came between the first and the last.
async fn told(dir: &Path, receiver: &Receiver, members: usize) -> Result<(Cost, f64)> {
    receiver.forget();
    let before = receiver.count();
    let all = before + members as u64;
    let counting = async {
        let came = receiver.wait_for(before + 1, LONGEST).await;
        let began = Instant::now();
        let all_came = receiver.wait_for(all, LONGEST).await;
        (came && all_came).then(|| began.elapsed())
    };
    let (cost, took) = tokio::join!(sync(dir), counting);
    if receiver.count() != all {
        bail!(
            "{} events came instead of {members}",
            receiver.count() - before
        );
    }
    let seconds = took.context("some events did not come")?.as_secs_f64();
    Ok((cost?, members as f64 / seconds))
}
