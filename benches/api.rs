//! How many answers a second the API gives over HTTP, beside a handler that returns constant bytes
//! of the same size, and how long a SCIM filter takes over all users.
//!
//! `cargo bench --bench api -- [--users 100000] [--requests 1000] [--clients 4] [--rounds 5]
//! [--plain]`
//!
//! The daemon, the constant handler, the emulated tenant, which is idle, and the clients run in one
//! process, over real HTTP on loopback. In each round the clients request the same pages, or the
//! same records, from the daemon and then from the constant handler, over connections that stay
//! open. It prints the medians of the rounds, and the median of their ratios. Users have three
//! roles and four groups each, and fewer with `--plain`. A filter is followed page by page to its
//! end; its time is compared with that of reading all pages of 500 users without one.
#![allow(
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unnecessary_debug_formatting,
    clippy::disallowed_methods,
    reason = "a benchmark prints its results, quotes paths for TOML, and may stop where it is"
)]

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use axum::Router;
use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use qlik_roster::clock::Clock;
use qlik_roster::config::{self, Environment};
use qlik_roster::daemon::{Daemon, Hooks};
use qlik_roster::demo::EmulatedTenant;
use qlik_roster::demo::tenant::{People, RateLimits, TenantOptions};
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

#[path = "support/one_tenant.rs"]
mod one_tenant;

/// The longest that the first load may take.
const LONGEST: Duration = Duration::from_secs(600);

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
    let (users, requests) = (number("--users", 100_000)?, number("--requests", 1_000)?);
    let (clients, rounds) = (number("--clients", 4)?, number("--rounds", 5)?);
    let people = match args.iter().any(|arg| arg == "--plain") {
        true => People::Plain,
        false => People::Rich,
    };
    let options = TenantOptions {
        users,
        people,
        rate_limits: RateLimits::Off,
        ..TenantOptions::default()
    };
    let tenant = EmulatedTenant::start(options, Clock::system()).await?;
    let dir = tempfile::tempdir()?;
    let file = one_tenant::write_config(dir.path(), &tenant)?;
    let environment: Environment = std::iter::empty::<(String, String)>().collect();
    let config = config::load(Some(&file), &environment)?;
    let daemon = Daemon::start(&config, Clock::system(), Hooks::none()).await?;
    let (url, (end, ended)) = (format!("http://{}", daemon.listens()), oneshot::channel());
    let task = tokio::spawn(daemon.run(async move { drop::<Result<(), _>>(ended.await) }));
    let api = Api::reach(url, dir.path())?;
    api.await_load().await?;
    compare(&api, requests, clients, rounds).await?;
    filter(&api, users, rounds).await?;
    drop(end);
    task.await?;
    tenant.stop().await;
    Ok(())
}

/// The API of the daemon.
#[derive(Clone)]
struct Api {
    client: reqwest::Client,
    url: String,
    token: String,
}

impl Api {
    fn reach(url: String, dir: &Path) -> Result<Self> {
        let token = std::fs::read_to_string(dir.join("store/first-admin-token"))?;
        Ok(Self {
            client: reqwest::Client::new(),
            url,
            token: token.trim().to_owned(),
        })
    }

    fn get(&self, path: &str) -> reqwest::RequestBuilder {
        let url = format!("{}{path}", self.url);
        let get = self.client.get(url).bearer_auth(&self.token);
        get.header("x-account-id", one_tenant::NAME)
    }

    async fn answer(&self, path: &str) -> Result<Value> {
        let answer = self.get(path).send().await?.error_for_status()?;
        Ok(answer.json().await?)
    }

    /// Waits until the tenant was read in full.
    async fn await_load(&self) -> Result<()> {
        let began = Instant::now();
        while began.elapsed() < LONGEST {
            let answer = self.get("/unified/iam/users?page_size=1").send().await?;
            if answer.status().is_success() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        bail!("the tenant was not read within {LONGEST:?}")
    }

    /// Returns the paths of the first pages of a list.
    async fn pages(&self, list: &str, n_pages: usize) -> Result<Vec<String>> {
        let mut paths = vec![list.to_owned()];
        while paths.len() < n_pages {
            let page = self.answer(&paths[paths.len() - 1]).await?;
            let Some(next) = page["next"].as_str() else {
                break;
            };
            paths.push(format!("{list}&next={next}"));
        }
        Ok(paths)
    }

    /// Returns the paths of the first users.
    async fn users(&self, n_users: usize) -> Result<Vec<String>> {
        let n_pages = n_users.div_ceil(500);
        let mut paths = Vec::new();
        for page in self
            .pages("/unified/iam/users?page_size=500", n_pages)
            .await?
        {
            let page = self.answer(&page).await?;
            let rows = page["data"].as_array().context("the users")?;
            let ids = rows.iter().filter_map(|row| row["remote_id"].as_str());
            paths.extend(ids.map(|id| format!("/unified/iam/users/{id}")));
        }
        paths.truncate(n_users);
        Ok(paths)
    }
}

/// Compares answers of the daemon with constant ones.
async fn compare(api: &Api, requests: usize, clients: usize, rounds: usize) -> Result<()> {
    println!(
        "{:>30} {:>9} {:>9} {:>10} {:>6}",
        "", "bytes", "ours/s", "constant/s", "ratio"
    );
    for (name, path) in [
        ("25 users", "/unified/iam/users?page_size=25"),
        ("100 users", "/unified/iam/users?page_size=100"),
        (
            "25 users, roles and groups",
            "/unified/iam/users?page_size=25&expand=roles,groups",
        ),
        (
            "100 users, roles and groups",
            "/unified/iam/users?page_size=100&expand=roles,groups",
        ),
        (
            "100 users, effective roles",
            "/unified/iam/users?page_size=100&expand=effective_roles",
        ),
    ] {
        let paths = api.pages(path, requests).await?;
        beside_constant(api, name, &paths, requests, clients, rounds).await?;
    }
    let users = api.users(requests).await?;
    beside_constant(api, "a user", &users, requests, clients, rounds).await
}

async fn beside_constant(
    api: &Api,
    name: &str,
    paths: &[String],
    requests: usize,
    clients: usize,
    rounds: usize,
) -> Result<()> {
    let body = api
        .get(&paths[paths.len() / 2])
        .send()
        .await?
        .bytes()
        .await?;
    let (constant, stop) = serve_constant(body.clone()).await?;
    let constant = Api {
        client: reqwest::Client::new(),
        url: format!("http://{constant}"),
        token: api.token.clone(),
    };
    let all: Vec<String> = paths.iter().cycle().take(requests).cloned().collect();
    let all = Arc::new(all);
    let (mut ours, mut theirs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let own = rate(api, &all, clients).await?;
        let bare = rate(&constant, &all, clients).await?;
        ratios.push(own / bare);
        ours.push(own);
        theirs.push(bare);
    }
    println!(
        "{name:>30} {:>9} {:>9.0} {:>10.0} {:>6.2}",
        body.len(),
        median(&mut ours),
        median(&mut theirs),
        median(&mut ratios)
    );
    drop(stop);
    Ok(())
}

/// Serves the same bytes at every path.
async fn serve_constant(body: Bytes) -> Result<(SocketAddr, oneshot::Sender<()>)> {
    let answer = move || {
        let body = body.clone();
        async move { ([(CONTENT_TYPE, "application/json")], body) }
    };
    let router = Router::new().fallback(answer);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let (stop, stopped) = oneshot::channel();
    let serving = axum::serve(listener, router);
    tokio::spawn(async move {
        tokio::select! {
            _ = serving => {}
            _ = stopped => {}
        }
    });
    Ok((address, stop))
}

/// Requests all paths with some clients side by side. Returns the answers a second.
async fn rate(api: &Api, paths: &Arc<Vec<String>>, clients: usize) -> Result<f64> {
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    for first in 0..clients {
        let (paths, api) = (Arc::clone(paths), api.clone());
        tasks.spawn(async move {
            for path in paths.iter().skip(first).step_by(clients) {
                let answer = api.get(path).send().await?.error_for_status()?;
                answer.bytes().await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    Ok(paths.len() as f64 / began.elapsed().as_secs_f64())
}

/// Measures filters of SCIM over all users.
async fn filter(api: &Api, users: usize, rounds: usize) -> Result<()> {
    let first = api.answer("/scim/v2/Users?count=1").await?;
    let user = &first["Resources"][0];
    let text = |value: &Value| value.as_str().map(str::to_owned).context("a text");
    let (name, shown) = (text(&user["userName"])?, text(&user["displayName"])?);
    let role = text(&user["roles"][0]["value"]).unwrap_or_default();
    let escaped = name.replace('\\', "\\\\");
    let filters = [
        ("no filter", String::new()),
        ("by userName", format!("userName eq \"{escaped}\"")),
        ("by a part of a name", format!("displayName co \"{shown}\"")),
        (
            "by two conditions",
            format!("active eq true and emails[value ew \"x{users}\"]"),
        ),
        (
            "by a role",
            format!("roles.value eq \"{role}\" and userName eq \"{escaped}\""),
        ),
    ];
    let mut whole = 0.0;
    println!("{:>30} {:>9} {:>9} {:>6}", "", "found", "ms", "ratio");
    for (about, filter) in filters {
        let mut times = Vec::new();
        let mut found = 0;
        for _ in 0..rounds {
            let began = Instant::now();
            found = scim_all(api, &filter).await?;
            times.push(began.elapsed().as_secs_f64() * 1_000.0);
        }
        let time = median(&mut times);
        if filter.is_empty() {
            whole = time;
        }
        println!("{about:>30} {found:>9} {time:>9.1} {:>6.3}", time / whole);
    }
    Ok(())
}

/// Reads all pages of the users that match a filter. Returns how many there are.
async fn scim_all(api: &Api, filter: &str) -> Result<usize> {
    let (mut found, mut cursor) = (0, String::new());
    loop {
        let mut url = url::Url::parse(&format!("{}/scim/v2/Users", api.url))?;
        let mut query = url.query_pairs_mut();
        query
            .append_pair("count", "500")
            .append_pair("cursor", &cursor);
        if !filter.is_empty() {
            query.append_pair("filter", filter);
        }
        drop(query);
        let get = api.client.get(url).bearer_auth(&api.token);
        let page: Value = get.send().await?.error_for_status()?.json().await?;
        found += page["Resources"].as_array().map_or(0, Vec::len);
        match page["nextCursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => return Ok(found),
        }
    }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
