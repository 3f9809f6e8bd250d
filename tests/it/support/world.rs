//! Sets the world up and drives it.

use std::future::Future;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::Duration;

use qlik_roster::clock::Clock;
use qlik_roster::config::{self, Config, Environment};
use qlik_roster::control::query::RunChoice;
use qlik_roster::control::{
    Actor, Command, Control, ControlError, Face, PlanRow, Query, Synced, command, query,
};
use qlik_roster::daemon::{Daemon, Ending, Hooks};
use qlik_roster::demo::tenant::{RateLimits, TenantOptions};
use qlik_roster::demo::{EmulatedTenant, Receiver};
use qlik_roster::model::{Mode, Outcome, PlanId, Run, TenantName};
use qlik_roster::store::Store;
use tempfile::TempDir;
use tokio::sync::oneshot;

/// The receiver's secret: 24 bytes, the fewest that Standard Webhooks allows.
pub const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3";

/// How long a condition may take to become true before the test gives up.
const DEADLINE: Duration = Duration::from_secs(60);

/// A tenant, a receiver, and a folder.
pub struct World {
    pub tenant: EmulatedTenant,
    pub receiver: Receiver,
    pub clock: Clock,
    dir: TempDir,
}

impl World {
    /// A small tenant without rate limits.
    pub async fn new() -> Self {
        Self::with(TenantOptions {
            users: 60,
            rate_limits: RateLimits::Off,
            ..TenantOptions::default()
        })
        .await
    }

    /// A tenant for measurements.
    pub async fn with(options: TenantOptions) -> Self {
        Self::by(Clock::system(), options).await
    }

    /// A tenant whose listings of each kind take several pages, with no budget of requests.
    pub async fn of_several_pages() -> Self {
        Self::with(TenantOptions {
            users: 230,
            groups: 120,
            custom_roles: 130,
            rate_limits: RateLimits::Off,
            ..TenantOptions::default()
        })
        .await
    }

    /// A tenant with a clock of its own, which the daemon uses as well.
    pub async fn by(clock: Clock, options: TenantOptions) -> Self {
        let tenant = EmulatedTenant::start(options, clock.clone()).await.unwrap();
        let receiver = Receiver::start(vec![SECRET.to_owned()]).await.unwrap();
        let world = Self {
            tenant,
            receiver,
            clock,
            dir: tempfile::tempdir().unwrap(),
        };
        world.write("client", world.tenant.client_secret().expose());
        world.write("endpoint", SECRET);
        world.write_config(&world.standard_config());
        world
    }

    /// The configuration that most tests use.
    pub fn standard_config(&self) -> String {
        let (store, client) = (self.path("store"), self.path("client"));
        format!(
            r#"
[store]
path = {store:?}
[server]
listen = "127.0.0.1:0"
[sync]
schedule = "7d"
poll = "off"
[log]
level = "off"
[[connections]]
name = "test"
kind = "tenant"
client_id = "{id}"
client_secret_file = {client:?}
requests_per_minute = 0
outlast = "0s"
[[tenants]]
name = "acme"
host = "{url}"
connection = "test"
[[endpoints]]
name = "hr"
url = "{receiver}"
secret_file = {secret:?}
events = ["user.*", "role.*", "group.*"]
allow_private = ["127.0.0.0/8"]
allow_http = true
"#,
            id = self.tenant.client_id(),
            url = self.tenant.url(),
            receiver = self.receiver.url(),
            secret = self.path("endpoint"),
        )
    }

    /// Widens the guard's limits: for tests that change more at once than anybody should.
    pub fn let_all_go(&self) {
        let wide = "{ max_share = 1.0, max_count = 1000000 }";
        let sorts = [
            "users",
            "roles",
            "groups",
            "memberships",
            "role_assignments",
        ];
        let limits = sorts.map(|sort| format!("{sort} = {wide}")).join(", ");
        let config = self.standard_config();
        self.write_config(&config.replace("[log]\n", &format!("guard = {{ {limits} }}\n[log]\n")));
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn config_path(&self) -> PathBuf {
        self.path("qlik-roster.toml")
    }

    pub fn write_config(&self, text: &str) {
        self.write("qlik-roster.toml", text);
    }

    /// Writes a file that only its owner can read.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    pub fn config(&self) -> Config {
        let environment: Environment = std::iter::empty::<(String, String)>().collect();
        config::load(Some(&self.config_path()), &environment).unwrap()
    }

    /// Starts the daemon in this process, and waits for the end of its first run.
    pub async fn start(&self) -> Running {
        let began = self.clock.now();
        let running = self.launch().await;
        // The first run is the daemon's own.
        within("the first run ends", || async {
            let runs = running.runs().await;
            let mut own = runs.iter().filter(|run| run.started_at >= began);
            own.any(|run| run.outcome != Outcome::Running)
        })
        .await;
        running
    }

    /// Starts the daemon in this process.
    pub async fn launch(&self) -> Running {
        let daemon = Daemon::start(&self.config(), self.clock.clone(), Hooks::none())
            .await
            .unwrap();
        let (control, listens) = (daemon.control(), daemon.listens());
        let (end, ended) = oneshot::channel::<()>();
        let task = tokio::task::spawn(daemon.run(async move { drop(ended.await) }));
        Running {
            control,
            listens,
            end,
            task,
        }
    }

    /// Starts the daemon as a process of its own, which can be killed.
    pub fn serve(&self) -> Child {
        std::process::Command::new(env!("CARGO_BIN_EXE_qlik-roster"))
            .arg("--config")
            .arg(self.config_path())
            .arg("serve")
            .env_clear()
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// Starts the daemon, waits for its first sweep and its deliveries, and ends the daemon.
    pub async fn one_run(&self) -> Run {
        let running = self.start().await;
        // A poll may have begun since the sweep, and may still run.
        let mut runs = running.last_runs(100).await.into_iter();
        let run = runs.find(|run| run.is_sweep() && run.outcome != Outcome::Running);
        let run = run.expect("the daemon sweeps when it starts");
        running.settled().await;
        running.stop().await;
        run
    }

    /// Opens the store while no daemon runs.
    pub fn store(&self) -> Store {
        open(&self.path("store"))
    }

    /// Runs the command and returns exit code, standard output and standard error.
    pub async fn command(&self, args: &[&str]) -> (i32, String, String) {
        self.command_with(&[], args).await
    }

    /// The same with environment variables; otherwise there are none.
    pub async fn command_with(
        &self,
        variables: &[(&str, &str)],
        args: &[&str],
    ) -> (i32, String, String) {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_qlik-roster"));
        command
            .arg("--config")
            .arg(self.config_path())
            .args(args)
            .env_clear()
            .envs(variables.iter().copied());
        let output = tokio::task::spawn_blocking(move || command.output().unwrap())
            .await
            .unwrap();
        (
            output.status.code().unwrap(),
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    }
}

fn open(path: &Path) -> Store {
    let opened = Store::open(path).unwrap();
    assert_eq!(opened.moved_aside, None, "the store was damaged");
    opened.store
}

/// The operator in whose name the tests give commands.
pub fn tester() -> Actor {
    Actor {
        name: "tester".to_owned(),
        face: Face::CommandLine,
    }
}

/// A daemon in this process.
pub struct Running {
    control: Arc<Control>,
    listens: SocketAddr,
    end: oneshot::Sender<()>,
    task: tokio::task::JoinHandle<Ending>,
}

impl Running {
    /// Does a run and returns its record.
    pub async fn sync(&self) -> Run {
        self.run(Mode::Commit).await
    }

    pub async fn run(&self, mode: Mode) -> Run {
        self.run_of("acme", mode).await
    }

    pub async fn run_of(&self, tenant: &str, mode: Mode) -> Run {
        let tenant = TenantName(tenant.to_owned());
        match self.sync_of(tenant, mode).await {
            Synced::Run(row) => row.run,
            Synced::Paused(pause) => panic!("it is not read: {pause}"),
        }
    }

    /// Does a run, or learns why there is none.
    pub async fn sync_of(&self, tenant: TenantName, mode: Mode) -> Synced {
        let begun = self.order(command::Sync { tenant, mode }).await.unwrap();
        self.control.outcome(begun).await.unwrap()
    }

    pub fn control(&self) -> &Control {
        &self.control
    }

    pub async fn ask<Q: Query>(&self, query: Q) -> Q::Answer {
        self.control.ask(query).await.unwrap()
    }

    /// Orders something, as an operator called `tester`.
    pub async fn order<C: Command>(&self, command: C) -> Result<C::Answer, ControlError> {
        self.control.order(tester(), command).await
    }

    /// Approves a plan. Returns the plan as it is after the run that applies it, and that run.
    pub async fn approve(&self, id: PlanId) -> Result<(PlanRow, Run), ControlError> {
        let approved = self.order(command::Approve { id }).await?;
        match self.control.outcome(approved.run).await.unwrap() {
            Synced::Run(row) => Ok((self.ask(query::Plan { id }).await.unwrap(), row.run)),
            Synced::Paused(pause) => panic!("it is not read: {pause}"),
        }
    }

    pub async fn last_run(&self) -> Run {
        self.runs().await.remove(0)
    }

    async fn runs(&self) -> Vec<Run> {
        self.last_runs(1).await
    }

    /// Returns the last runs, the newest first.
    pub async fn last_runs(&self, limit: usize) -> Vec<Run> {
        let newest = query::Runs {
            tenant: None,
            which: RunChoice::All,
            before: None,
            limit,
        };
        self.ask(newest).await.rows
    }

    /// Returns the address under which the daemon is reached.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.listens)
    }

    pub fn store(&self) -> &Store {
        self.control.store()
    }

    /// Waits until every endpoint has settled the whole journal, and nothing waits for another
    /// attempt.
    pub async fn settled(&self) {
        within("the journal is delivered", || async {
            let status = self.ask(query::Status::default()).await;
            let mut endpoints = status.endpoints.iter();
            endpoints.all(|endpoint| endpoint.settled == status.last && endpoint.waiting == 0)
        })
        .await;
    }

    /// Ends the daemon as SIGTERM does.
    pub async fn stop(self) {
        drop(self.end);
        assert_eq!(self.task.await.unwrap(), Ending::Clean);
    }
}

/// Waits for a condition to become true.
pub async fn within<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let wait = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(
        tokio::time::timeout(DEADLINE, wait).await.is_ok(),
        "never came true: {what}"
    );
}
