//! Times the first load, a sweep with no change and one with 1 % changed, and compares them with a
//! bare loop over the same pages.
//!
//! `cargo bench --bench sweep -- [--users 10000,100000,1000000] [--rounds 3] [--rich]`
//! `cargo bench --bench sweep -- --tenants 1,4,20 [--users 10000]`
//!
//! Three processes on one machine: the emulated tenant, a bare loop that fetches every page and
//! parses it into typed records and does nothing else, and the product's own `sync` command, first
//! on an empty store, then on the one it has just filled, then again after one user in a hundred
//! was renamed. All talk real HTTP over loopback. It prints ratios of times that are taken in turn
//! within one run, and each process's own peak memory; the tenant's memory is not counted. A ratio
//! is the same on another machine, a time is not. Processor time is that of the process alone. With
//! `--rich` each user has more data: some 1,700 bytes of JSON, with three roles and four groups.
//! With `--tenants` one `sync` reads several tenants of one size side by side, each in a process of
//! its own, and its peak memory is printed.
#![allow(
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unnecessary_debug_formatting,
    reason = "a benchmark prints its results, quotes paths for TOML, and may stop where it is"
)]

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, bail};
use qlik_roster::clock::Clock;
use qlik_roster::demo::EmulatedTenant;
use qlik_roster::demo::tenant::{Edit, People, RateLimits, TenantOptions};
use serde::Deserialize;

#[path = "support/process.rs"]
mod process;

use process::{Cost, watch};

const SEED: u64 = 1;

/// The argument that gives each user more data.
const RICH: &str = "--rich";

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| arg != "--bench")
        .collect();
    let value = |name: &str| {
        let place = args.iter().position(|arg| arg == name)?;
        args.get(place + 1).cloned()
    };
    let people = match args.iter().any(|arg| arg == RICH) {
        true => People::Rich,
        false => People::Plain,
    };
    match value("--part").as_deref() {
        Some("tenant") => serve_tenant(
            number(value("--users"))?,
            number(value("--seed"))? as u64,
            people,
        ),
        Some("bare") => bare_loop(&value("--at").context("--at")?),
        Some(other) => bail!("no part is called {other}"),
        None if value("--tenants").is_some() => {
            let users = value("--users").map_or(Ok(10_000), |n| number(Some(n)))?;
            side_by_side(&value("--tenants").context("--tenants")?, users, people)
        }
        None => {
            let sizes = value("--users").unwrap_or_else(|| "10000,100000".to_owned());
            let rounds = value("--rounds").map_or(Ok(3), |n| number(Some(n)))?;
            compare(&sizes, rounds, people)
        }
    }
}

fn number(text: Option<String>) -> Result<usize> {
    Ok(text.context("a number is missing")?.parse()?)
}

fn compare(sizes: &str, rounds: usize, people: People) -> Result<()> {
    println!(
        "{:>9} {:>6} {:>8} {:>8} {:>8} {:>8} {:>7} {:>7} {:>7} {:>8} {:>8} {:>8} {:>8} {:>7} {:>7} {:>7}",
        "users",
        "round",
        "bare s",
        "load s",
        "same s",
        "1 % s",
        "load x",
        "same x",
        "1 % x",
        "load MiB",
        "same MiB",
        "1 % MiB",
        "us/user",
        "bare p",
        "load p",
        "p x"
    );
    for size in sizes.split(',') {
        let users: usize = size.parse()?;
        let mut tenant = Tenant::start(users, SEED, people)?;
        let mut ratios = [Vec::new(), Vec::new(), Vec::new(), Vec::new()];
        for round in 1..=rounds {
            let bare = tenant.bare()?;
            let dir = tempfile::tempdir()?;
            write_config(dir.path(), std::slice::from_ref(&tenant))?;
            let sync = |expected| sync(dir.path(), 1, users, expected);
            let load = sync(Expected::AllNew)?;
            let same = sync(Expected::NothingNew)?;
            let n_changed = tenant.change(users / 100, round)?;
            let touched = sync(Expected::Changed(n_changed))?;
            let costs = [load, same, touched];
            let [load_x, same_x, touched_x] = costs.map(|cost| cost.seconds / bare.seconds);
            let ratio = [load_x, same_x, touched_x, load.processor / bare.processor];
            for (all, ratio) in ratios.iter_mut().zip(ratio) {
                all.push(ratio);
            }
            println!(
                "{users:>9} {round:>6} {:>8.2} {:>8.2} {:>8.2} {:>8.2} {:>7.2} {:>7.2} {:>7.2} \
                 {:>8.0} {:>8.0} {:>8.0} {:>8.1} {:>7.2} {:>7.2} {:>7.2}",
                bare.seconds,
                load.seconds,
                same.seconds,
                touched.seconds,
                ratio[0],
                ratio[1],
                ratio[2],
                load.peak_mib,
                same.peak_mib,
                touched.peak_mib,
                load.seconds * 1e6 / users as f64,
                bare.processor,
                load.processor,
                ratio[3],
            );
        }
        println!(
            "{users:>9} median {:>43.2} {:>7.2} {:>7.2} {:>59.2}",
            median(&mut ratios[0]),
            median(&mut ratios[1]),
            median(&mut ratios[2]),
            median(&mut ratios[3])
        );
        tenant.stop()?;
    }
    Ok(())
}

/// Reads this many tenants in one process. The memory for all of them is limited by how many are
/// read at a time, and not by how many there are.
fn side_by_side(counts: &str, users: usize, people: People) -> Result<()> {
    println!(
        "{:>9} {:>9} {:>8} {:>8} {:>8} {:>8}",
        "tenants", "users", "load s", "same s", "load MiB", "same MiB"
    );
    for count in counts.split(',') {
        let n_tenants: usize = count.parse()?;
        let tenants: Result<Vec<_>> = (1..=n_tenants as u64)
            .map(|seed| Tenant::start(users, seed, people))
            .collect();
        let mut tenants = tenants?;
        let dir = tempfile::tempdir()?;
        write_config(dir.path(), &tenants)?;
        let load = sync(dir.path(), n_tenants, users, Expected::AllNew)?;
        let same = sync(dir.path(), n_tenants, users, Expected::NothingNew)?;
        println!(
            "{n_tenants:>9} {users:>9} {:>8.2} {:>8.2} {:>8.0} {:>8.0}",
            load.seconds, same.seconds, load.peak_mib, same.peak_mib
        );
        for tenant in &mut tenants {
            tenant.stop()?;
        }
    }
    Ok(())
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

// ---- the tenant, in a process of its own --------------------------------------------------

struct Tenant {
    child: Child,
    answers: BufReader<ChildStdout>,
    /// Where it is and how to get in: URL, client id, client secret.
    at: [String; 3],
}

impl Tenant {
    fn start(users: usize, seed: u64, people: People) -> Result<Self> {
        let (users, seed) = (users.to_string(), seed.to_string());
        let mut child = Command::new(std::env::current_exe()?)
            .args(["--part", "tenant", "--users", &users, "--seed", &seed])
            .args((people == People::Rich).then_some(RICH))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        let mut answers = BufReader::new(child.stdout.take().context("its output")?);
        answers.read_line(&mut line)?;
        let mut words = line.split_whitespace().map(str::to_owned);
        let mut next = || words.next().context("the tenant did not start");
        Ok(Self {
            at: [next()?, next()?, next()?],
            child,
            answers,
        })
    }

    /// Renames this many users, spread over all. Returns how many there were.
    fn change(&mut self, users: usize, round: usize) -> Result<u64> {
        let orders = self.child.stdin.as_mut().context("its input")?;
        writeln!(orders, "{users} {round}")?;
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        Ok(line.trim().parse()?)
    }

    fn bare(&self) -> Result<Cost> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--part", "bare", "--at", &self.at.join(" ")]);
        let (cost, output) = watch(command)?;
        if !output.starts_with("parsed") {
            bail!("the bare loop failed: {output}");
        }
        Ok(cost)
    }

    fn stop(&mut self) -> Result<()> {
        drop(self.child.stdin.take());
        self.child.wait()?;
        Ok(())
    }
}

fn write_config(dir: &Path, tenants: &[Tenant]) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let store = dir.join("store");
    let mut config = format!("[store]\npath = {store:?}\n[log]\nlevel = \"warn\"\n");
    for (number, tenant) in tenants.iter().enumerate() {
        let [url, id, secret] = &tenant.at;
        let secret_file = dir.join(format!("secret-{number}"));
        std::fs::write(&secret_file, secret)?;
        std::fs::set_permissions(&secret_file, std::fs::Permissions::from_mode(0o600))?;
        write!(
            config,
            "[[connections]]\nname = \"bench-{number}\"\nkind = \"tenant\"\n\
             client_id = \"{id}\"\nclient_secret_file = {secret_file:?}\nrequests_per_minute = 0\n\
             [[tenants]]\nname = \"bench-{number}\"\nhost = \"{url}\"\n\
             connection = \"bench-{number}\"\n",
        )?;
    }
    Ok(std::fs::write(dir.join("qlik-roster.toml"), config)?)
}

#[tokio::main]
async fn serve_tenant(users: usize, seed: u64, people: People) -> Result<()> {
    let options = TenantOptions {
        users,
        people,
        rate_limits: RateLimits::Off,
        seed,
        ..TenantOptions::default()
    };
    let tenant = EmulatedTenant::start(options, Clock::system()).await?;
    println!(
        "{} {} {}",
        tenant.url(),
        tenant.client_id(),
        tenant.client_secret().expose()
    );
    std::io::stdout().flush()?;
    let directory = tenant.directory().clone();
    let orders = tokio::task::spawn_blocking(move || -> Result<()> {
        for line in std::io::stdin().lines() {
            let line = line?;
            let (users, round) = line.split_once(' ').context("how many, and which round")?;
            let wanted: usize = users.parse()?;
            let all = directory.users();
            let step = (all.len() / wanted.max(1)).max(1);
            let mut changed = 0_u64;
            for user in all.iter().step_by(step).take(wanted) {
                directory.update_user(&user.id, Edit::Name(format!("Renamed {round}")))?;
                changed += 1;
            }
            println!("{changed}");
            std::io::stdout().flush()?;
        }
        Ok(())
    });
    orders.await??;
    tenant.stop().await;
    Ok(())
}

// ---- the bare loop ------------------------------------------------------------------------

/// What a typed client of Qlik's users would read.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    dead_code,
    reason = "parsed, which is what is measured, and not looked at"
)]
struct BareUser {
    id: String,
    subject: String,
    name: String,
    email: Option<String>,
    status: Option<String>,
    #[serde(default)]
    assigned_roles: Vec<BareRef>,
    #[serde(default)]
    assigned_groups: Vec<BareRef>,
    created_at: Option<String>,
    last_updated_at: Option<String>,
}

#[derive(Debug, Deserialize)]
#[expect(
    dead_code,
    reason = "parsed, which is what is measured, and not looked at"
)]
struct BareRef {
    id: String,
    name: String,
}

#[derive(Debug, Deserialize)]
struct BarePage {
    data: Vec<BareUser>,
    links: BareLinks,
}

#[derive(Debug, Deserialize)]
struct BareLinks {
    next: Option<BareLink>,
}

#[derive(Debug, Deserialize)]
struct BareLink {
    href: Option<String>,
}

#[tokio::main(flavor = "current_thread")]
#[expect(
    clippy::disallowed_methods,
    reason = "the bare loop is not the product"
)]
async fn bare_loop(at: &str) -> Result<()> {
    let [url, id, secret] = at.split(' ').collect::<Vec<_>>()[..] else {
        bail!("--at")
    };
    drop(rustls::crypto::ring::default_provider().install_default());
    let client = reqwest::Client::builder().build()?;
    let token: serde_json::Value = client
        .post(format!("{url}/oauth/token"))
        .json(&serde_json::json!({
            "grant_type": "client_credentials", "client_id": id, "client_secret": secret,
        }))
        .send()
        .await?
        .error_for_status()?
        .json()
        .await?;
    let token = token["access_token"].as_str().context("a token")?;
    let filter = r#"status eq "active" or status eq "invited" or status eq "disabled" or status eq "provisioned""#;
    let mut cursor: Option<String> = None;
    let mut parsed = 0;
    loop {
        let mut page = url::Url::parse(&format!("{url}/api/v1/users"))?;
        page.query_pairs_mut()
            .append_pair("limit", "100")
            .append_pair("sort", "+id")
            .append_pair("filter", filter);
        if let Some(cursor) = &cursor {
            page.query_pairs_mut().append_pair("next", cursor);
        }
        let answer = client
            .get(page)
            .bearer_auth(token)
            .send()
            .await?
            .error_for_status()?;
        let page: BarePage = serde_json::from_slice(&answer.bytes().await?)?;
        parsed += page.data.len();
        let next = page
            .links
            .next
            .and_then(|link| link.href)
            .filter(|href| !href.is_empty());
        let Some(href) = next else { break };
        let link = url::Url::parse(&href)?;
        cursor = link
            .query_pairs()
            .find(|(key, _)| key == "next")
            .map(|(_, v)| v.into_owned());
    }
    println!("parsed {parsed}");
    Ok(())
}

// ---- the product --------------------------------------------------------------------------

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    AllNew,
    NothingNew,
    Changed(u64),
}

fn sync(dir: &Path, n_tenants: usize, users: usize, expected: Expected) -> Result<Cost> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_qlik-roster"));
    command.arg("--config").arg(dir.join("qlik-roster.toml"));
    command.args(["sync", "--no-deliver", "--output", "json"]);
    let (cost, output) = watch(command)?;
    let runs: Vec<serde_json::Value> =
        serde_json::from_str(&output).context("the runs' records")?;
    if runs.len() != n_tenants {
        bail!("there should be a run for each of {n_tenants} tenants: {runs:?}");
    }
    for run in runs {
        let counts = &run["counts"]["users"];
        let seen = counts["seen"].as_u64().unwrap_or(0);
        let created = counts["created"].as_u64().unwrap_or(0);
        let updated = counts["updated"].as_u64().unwrap_or(0);
        let wanted = match expected {
            Expected::AllNew => (seen, 0),
            Expected::NothingNew => (0, 0),
            Expected::Changed(n) => (0, n),
        };
        if run["outcome"] != "succeeded" || seen < users as u64 || (created, updated) != wanted {
            bail!("the run is not what it should be: {run}");
        }
    }
    Ok(cost)
}
