//! Every way to log in, and many tenants over few connections.

use futures_util::future::join_all;
use qlik_roster::clock::Clock;
use qlik_roster::control::query::RunChoice;
use qlik_roster::control::{LinkedRow, Standing, Synced, query};
use qlik_roster::demo::tenant::{
    Edit, Endpoint, Fault, RateLimits, RegionClient, TenantOptions, When,
};
use qlik_roster::demo::{ClientProof, ConsoleOptions, EmulatedConsole, EmulatedTenant};
use qlik_roster::model::{Mode, Outcome, Pause, Run};
use qlik_roster::secret::Secret;
use serde_json::Value;

use crate::support::{Running, World, assert_same_as_tenant, assert_same_as_tenants, within};

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("not JSON ({error}): {text}"))
}

/// A tenant whose client authenticates by this key alone.
async fn with_key(jwk: &str, pem: &str, key_id: &str) -> World {
    let world = World::with(TenantOptions {
        users: 20,
        rate_limits: RateLimits::Off,
        client_key: Some(jwk.to_owned()),
        ..TenantOptions::default()
    })
    .await;
    world.write("key.pem", pem);
    let secret = format!("client_secret_file = {:?}", world.path("client"));
    let key = format!(
        "private_key_file = {:?}\nkey_id = \"{key_id}\"",
        world.path("key.pem")
    );
    world.write_config(&world.standard_config().replace(&secret, &key));
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_key_reads_a_tenant() {
    for (jwk, pem, key_id) in [
        (
            include_str!("../keys/ec.jwk.json"),
            include_str!("../keys/ec-sec1.pem"),
            "ec-1",
        ),
        (
            include_str!("../keys/rsa.jwk.json"),
            include_str!("../keys/rsa.pem"),
            "rsa-1",
        ),
    ] {
        let world = with_key(jwk, pem, key_id).await;

        let run = world.one_run().await;

        assert_eq!(run.outcome, Outcome::Succeeded);
        assert_same_as_tenant(&world.store(), world.tenant.directory());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_qlik_does_not_know_is_told_with_its_remedy() {
    let ec = include_str!("../keys/ec.pem");
    for (jwk, key_id) in [
        (include_str!("../keys/ec.jwk.json"), "ec-2"),
        (include_str!("../keys/rsa.jwk.json"), "rsa-1"),
    ] {
        let world = with_key(jwk, ec, key_id).await;

        let (code, out, err) = world.command(&["check", "--output", "json"]).await;

        assert_eq!(code, 4, "{err}");
        let lines = json(&out);
        let mut lines = lines.as_array().unwrap().iter();
        let line = lines.find(|line| line["step"] == "token").unwrap();
        assert_eq!(line["error_code"], "qlik.wrong-key", "{out}");
        assert!(line["remedy"].as_str().unwrap().contains("key_id"), "{out}");
    }
}

const REGION_SECRET: &str = "region-s3cret";

/// A region of tenants and an organization's console, with a world for the folder.
struct Cloud {
    world: World,
    console: EmulatedConsole,
    tenants: Vec<EmulatedTenant>,
}

impl Cloud {
    /// Tenants that accept the region's client, each with an original host name and an alias.
    async fn of(names: &[&str]) -> Self {
        Self::with(
            names,
            ConsoleOptions::default(),
            ClientProof::Secret(Secret::new(REGION_SECRET)),
        )
        .await
    }

    async fn with(names: &[&str], console: ConsoleOptions, proof: ClientProof) -> Self {
        let world = World::new().await;
        world.write("region", REGION_SECRET);
        let console = EmulatedConsole::start(console, Clock::system())
            .await
            .unwrap();
        world.write("console", console.client_secret().expose());
        let mut cloud = Self {
            world,
            console,
            tenants: Vec::new(),
        };
        for name in names {
            cloud.add(name, proof.clone()).await;
        }
        cloud
    }

    async fn add(&mut self, name: &str, proof: ClientProof) {
        let options = TenantOptions {
            users: 15,
            groups: 2,
            custom_roles: 1,
            seed: 100 + self.tenants.len() as u64,
            name: format!("The {name}"),
            rate_limits: RateLimits::Off,
            hostnames: vec![format!("x-{name}.localhost"), format!("{name}.localhost")],
            region_client: Some(RegionClient {
                id: "region".into(),
                proof,
            }),
            ..TenantOptions::default()
        };
        let tenant = EmulatedTenant::start(options, Clock::system())
            .await
            .unwrap();
        self.console.add(&tenant);
        self.tenants.push(tenant);
    }

    /// The usual configuration without its connection and its tenant.
    fn base(&self) -> String {
        let config = self.world.standard_config();
        let (head, rest) = config.split_once("[[connections]]").unwrap();
        let (_, endpoints) = rest.split_once("[[endpoints]]").unwrap();
        format!("{head}[[endpoints]]{endpoints}")
    }

    /// The region's connection, which lists these hosts itself.
    fn region(&self, hosts: &[String]) -> String {
        let secret = self.world.path("region");
        format!(
            "[[connections]]\nname = \"eu\"\nkind = \"region\"\nclient_id = \"region\"\n\
             client_secret_file = {secret:?}\nrequests_per_minute = 0\noutlast = \"0s\"\nhosts = {hosts:?}\n"
        )
    }

    fn organization(&self, more: &str) -> String {
        let secret = self.world.path("console");
        format!(
            "[[connections]]\nname = \"all\"\nkind = \"organization\"\nclient_id = \"{}\"\n\
             client_secret_file = {secret:?}\nconsole = \"{}\"\nsubscription = \"{}\"\n\
             read_with = \"eu\"\ndiscover_every = \"1s\"\n{more}\n",
            self.console.client_id(),
            self.console.url(),
            self.console.subscription(),
        )
    }

    fn configure(&self, parts: &[String]) {
        let config = format!("{}{}", self.base(), parts.concat());
        self.world.write_config(&config);
    }

    /// The organization, read by the region's client, and nothing else.
    fn configure_organization(&self) {
        self.configure(&[self.region(&[]), self.organization("")]);
    }
}

fn named(name: &str, host: &str, connection: &str) -> String {
    format!("[[tenants]]\nname = \"{name}\"\nhost = \"{host}\"\nconnection = \"{connection}\"\n")
}

async fn linked(running: &Running) -> Vec<LinkedRow> {
    let all = query::Tenants {
        tenant: None,
        after: None,
        limit: 100,
    };
    running.ask(all).await.rows
}

/// Each tenant as `name: status`.
async fn standings(running: &Running) -> Vec<String> {
    let rows = linked(running).await.into_iter();
    rows.map(|row| {
        let word = match row.standing {
            Standing::Active if row.last_success.is_none() => "loading".to_owned(),
            Standing::Active => "active".to_owned(),
            Standing::Paused(pause) => pause.to_string(),
            Standing::NeverReached { .. } => "never reached".to_owned(),
            Standing::Failing { why } => why,
        };
        format!("{}: {word}", row.name)
    })
    .collect()
}

async fn all_are(running: &Running, expected: &[&str]) {
    within(&format!("{expected:?}"), || async {
        standings(running).await == expected
    })
    .await;
}

async fn runs_of(running: &Running, tenant: &str) -> Vec<Run> {
    let tenant = Some(qlik_roster::model::TenantName(tenant.to_owned()));
    let newest = query::Runs {
        tenant,
        which: RunChoice::All,
        before: None,
        limit: 100,
    };
    running.ask(newest).await.rows
}

#[tokio::test(flavor = "multi_thread")]
async fn a_regions_client_reads_each_of_its_hosts_with_a_token_of_its_own() {
    let cloud = Cloud::of(&["acme", "beta"]).await;
    let hosts: Vec<String> = cloud
        .tenants
        .iter()
        .map(|it| it.urls()[1].clone())
        .collect();
    cloud.configure(&[cloud.region(&hosts)]);

    let (code, out, err) = cloud.world.command(&["sync", "--output", "json"]).await;

    assert_eq!(code, 0, "{err}");
    assert_eq!(json(&out).as_array().unwrap().len(), 2, "{out}");
    assert_same_as_tenants(&cloud.world.store(), &cloud.tenants);
    for tenant in &cloud.tenants {
        assert_eq!(tenant.requests().tokens_issued, 1);
    }
    let (code, out, _) = cloud.world.command(&["tenants", "--output", "csv"]).await;
    assert_eq!(code, 0);
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(
        lines[0],
        "name,id,hosts,region,status,connection,last_success,next_run,users"
    );
    let id = cloud.tenants[0].tenant_id();
    assert!(lines[1].starts_with(&format!("acme,{id},")), "{out}");
    assert!(lines[2].starts_with("beta,"), "{out}");
    // Fifteen people and the client's own user.
    assert!(
        lines[1].contains(",active,eu,") && lines[1].ends_with(",16"),
        "{out}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_tenant_by_two_hosts_of_a_connection_is_read_under_the_name_it_was_given() {
    let cloud = Cloud::of(&["acme"]).await;
    let urls = cloud.tenants[0].urls();
    // In the first case both hosts are in the region's list; in both cases one has a name of its
    // own.
    for parts in [
        vec![cloud.region(&urls), named("sales", &urls[1], "eu")],
        vec![cloud.region(&urls[..1]), named("sales", &urls[1], "eu")],
    ] {
        cloud.configure(&parts);

        let (code, out, err) = cloud.world.command(&["sync", "--output", "json"]).await;

        assert_eq!(code, 0, "{err}");
        let runs = json(&out);
        assert_eq!(runs.as_array().unwrap().len(), 1, "{out}");
        assert_eq!(runs[0]["tenant"], "sales");
        assert!(err.contains("`x-acme` is not read: it is `sales`"), "{err}");
    }
    assert_same_as_tenants(&cloud.world.store(), &cloud.tenants);

    let running = cloud.world.launch().await;
    all_are(
        &running,
        &[
            "sales: active",
            "x-acme: it is `sales`, under another of its host names",
        ],
    )
    .await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hosts_without_a_name_are_one_tenant_as_well() {
    let cloud = Cloud::of(&["acme"]).await;
    cloud.configure(&[cloud.region(&cloud.tenants[0].urls())]);
    let running = cloud.world.launch().await;

    within("one is read and the other stands aside", || async {
        let standings = standings(&running).await;
        let count = |word: &str| standings.iter().filter(|it| it.contains(word)).count();
        count(": active") == 1 && count("under another of its host names") == 1
    })
    .await;

    running.stop().await;
    assert_same_as_tenants(&cloud.world.store(), &cloud.tenants);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_connections_to_one_tenant_are_an_error_that_names_both() {
    let cloud = Cloud::of(&["acme"]).await;
    let (tenant, urls) = (&cloud.tenants[0], cloud.tenants[0].urls());
    cloud.world.write("own", tenant.client_secret().expose());
    let own = format!(
        "[[connections]]\nname = \"own\"\nkind = \"tenant\"\nclient_id = \"{}\"\n\
         client_secret_file = {:?}\n",
        tenant.client_id(),
        cloud.world.path("own")
    );
    cloud.configure(&[
        own,
        cloud.region(&urls[..1]),
        named("sales", &urls[1], "own"),
    ]);

    let (code, out, err) = cloud.world.command(&["sync", "--output", "json"]).await;

    assert_eq!(code, 4, "{err}");
    let runs = json(&out);
    let failed: Vec<&Value> = runs
        .as_array()
        .unwrap()
        .iter()
        .filter(|run| run["error_code"] == "sync.same-tenant")
        .collect();
    assert_eq!(failed.len(), 1, "{out}");
    let told = format!("{} {}", failed[0]["tenant"], failed[0]["reason"]);
    for word in ["sales", "x-acme", "`own`", "`eu`"] {
        assert!(told.contains(word), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organizations_tenants_come_pause_and_go_on_by_themselves() {
    let mut cloud = Cloud::of(&["acme", "beta"]).await;
    cloud.configure_organization();
    let running = cloud.world.launch().await;
    all_are(&running, &["acme: active", "beta: active"]).await;

    let secret = ClientProof::Secret(Secret::new(REGION_SECRET));
    cloud.add("gamma", secret).await;
    all_are(&running, &["acme: active", "beta: active", "gamma: active"]).await;

    let [acme, beta] = [0, 1].map(|i| cloud.tenants[i].tenant_id());
    cloud.console.set_status(&acme, "deactivated");
    cloud.console.remove(&beta);
    all_are(
        &running,
        &[
            "acme: the console says that it is deactivated",
            "beta: the console no longer lists it",
            "gamma: active",
        ],
    )
    .await;
    // What the metrics showed of the tenant that is gone is not shown any more.
    let metrics = reqwest::get(running.url("/metrics")).await.unwrap();
    let metrics = metrics.text().await.unwrap();
    let shows = |series: &str, tenant: &str| {
        metrics.contains(&format!("qlik_roster_{series}{{tenant=\"{tenant}\""))
    };
    for gauge in [
        "last_success_timestamp_seconds",
        "since_success_seconds",
        "records",
        "held_plans",
    ] {
        assert!(shows(gauge, "acme"), "{gauge}");
        assert!(!shows(gauge, "beta"), "{gauge}");
    }
    assert!(shows("qlik_requests_total", "beta"), "it has happened");
    let n_runs = runs_of(&running, "acme").await.len();
    let tenant = qlik_roster::model::TenantName("acme".to_owned());
    let mode = Mode::Commit;
    match running.sync_of(tenant, mode).await {
        Synced::Paused(pause) => assert_eq!(pause, Pause::Status("deactivated".into())),
        other @ Synced::Run(_) => panic!("not paused: {other:?}"),
    }
    assert_eq!(runs_of(&running, "acme").await.len(), n_runs);
    // What is known of the paused tenants is kept.
    assert_same_as_tenants(running.store(), &cloud.tenants);

    cloud.console.set_status(&acme, "active");
    within("acme is read again, at once", || async {
        runs_of(&running, "acme").await.len() > n_runs
    })
    .await;
    running.stop().await;

    // After a restart they are all known, even without the console.
    cloud.console.fail(Some(503));
    let running = cloud.world.launch().await;
    assert_eq!(linked(&running).await.len(), 3);
    within("acme is read without the console", || async {
        runs_of(&running, "acme").await.len() > n_runs + 1
    })
    .await;
    assert_eq!(
        standings(&running).await[1],
        "beta: the console no longer lists it"
    );
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_and_names_of_the_configuration_come_before_what_is_found() {
    let cloud = Cloud::of(&["acme", "beta", "beta-test"]).await;
    let urls = cloud.tenants[0].urls();
    cloud.configure(&[
        cloud.region(&[]),
        cloud.organization("exclude = [\"*-test.*\"]"),
        // This names a tenant by its alias, while the console lists its other host first.
        named("sales", &urls[1], "all"),
        // This is a name that a tenant of the console would otherwise get.
        named("beta", &cloud.world.tenant.url(), "all"),
    ]);

    let (code, out, err) = cloud.world.command(&["sync", "--output", "json"]).await;

    // The tenant called beta does not know the region's client.
    assert_eq!(code, 4, "{err}");
    let runs = json(&out);
    let told: Vec<String> = runs
        .as_array()
        .unwrap()
        .iter()
        .map(|run| format!("{} {}", run["tenant"], run["outcome"]))
        .collect();
    assert_eq!(
        told,
        [
            "\"beta\" \"failed\"",
            "\"beta.localhost\" \"succeeded\"",
            "\"sales\" \"succeeded\""
        ]
    );

    cloud
        .console
        .set_status(&cloud.tenants[0].tenant_id(), "disabled");
    let (code, _, err) = cloud.world.command(&["sync", "--tenant", "sales"]).await;
    assert_eq!(code, 4);
    assert!(
        err.contains("`sales` is not read: the console says that it is disabled"),
        "{err}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_console_that_does_not_answer_changes_nothing_and_is_told() {
    let cloud = Cloud::of(&["acme", "beta"]).await;
    cloud.configure_organization();
    let (code, _, err) = cloud.world.command(&["sync"]).await;
    assert_eq!(code, 0, "{err}");

    for (status, error) in [
        (403, "qlik.not-the-organizations"),
        (400, "qlik.not-the-organizations"),
    ] {
        cloud.console.fail(Some(status));

        let (code, out, err) = cloud.world.command(&["sync", "--output", "json"]).await;

        assert_eq!(code, 4, "{err}");
        assert!(err.contains(error), "{err}");
        assert_eq!(
            json(&out).as_array().unwrap().len(),
            2,
            "both are read: {out}"
        );
        let (code, out, _) = cloud.world.command(&["check", "--output", "json"]).await;
        assert_eq!(code, 4);
        assert_eq!(json(&out)[0]["what"], "connection all", "{out}");
        assert_eq!(json(&out)[0]["error_code"], error, "{out}");
    }
    cloud.console.fail(None);
    // An empty list more likely means that a right was taken away.
    for tenant in &cloud.tenants {
        cloud.console.remove(&tenant.tenant_id());
    }
    let (code, out, err) = cloud.world.command(&["sync", "--output", "json"]).await;
    assert_eq!(code, 0, "{err}");
    assert_eq!(json(&out).as_array().unwrap().len(), 2, "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn check_reaches_what_the_console_lists() {
    let cloud = Cloud::of(&["acme", "beta"]).await;
    cloud.configure_organization();

    let (code, out, err) = cloud.world.command(&["check", "--output", "json"]).await;

    assert_eq!(code, 0, "{err}");
    let lines = json(&out);
    assert_eq!(lines[0]["detail"], "2 listed, 2 linked by it");
    let what: Vec<&str> = lines
        .as_array()
        .unwrap()
        .iter()
        .filter(|line| line["step"] == "users")
        .map(|line| line["what"].as_str().unwrap())
        .collect();
    assert_eq!(what, ["tenant acme", "tenant beta"]);

    // According to Qlik's documentation, the organization's client cannot read a tenant.
    let alone = cloud.organization("").replace("read_with = \"eu\"", "");
    cloud.configure(&[alone]);
    let (code, out, _) = cloud
        .world
        .command(&["check", "--tenant", "acme", "--output", "json"])
        .await;
    assert_eq!(code, 4);
    let lines = json(&out);
    let mut lines = lines.as_array().unwrap().iter();
    let line = lines.find(|line| line["step"] == "token").unwrap();
    assert_eq!(line["error_code"], "qlik.unknown-client", "{out}");
    assert!(
        line["remedy"].as_str().unwrap().contains("read_with"),
        "{out}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_region_and_an_organization_log_in_by_keys_too() {
    let key = |jwk: &str| ClientProof::Key(jwk.to_owned());
    let console = ConsoleOptions {
        proof: key(include_str!("../keys/rsa.jwk.json")),
        page: 1,
        ..ConsoleOptions::default()
    };
    let cloud = Cloud::with(
        &["acme", "beta", "gamma"],
        console,
        key(include_str!("../keys/ec.jwk.json")),
    )
    .await;
    cloud.world.write("ec.pem", include_str!("../keys/ec.pem"));
    cloud
        .world
        .write("rsa.pem", include_str!("../keys/rsa.pem"));
    let by_key = |connection: String, secret: &str, key: &str, id: &str| {
        let secret = format!("client_secret_file = {:?}", cloud.world.path(secret));
        let key = format!(
            "private_key_file = {:?}\nkey_id = \"{id}\"",
            cloud.world.path(key)
        );
        connection.replace(&secret, &key)
    };
    cloud.configure(&[
        by_key(cloud.region(&[]), "region", "ec.pem", "ec-1"),
        by_key(cloud.organization(""), "console", "rsa.pem", "rsa-1"),
    ]);

    let (code, _, err) = cloud.world.command(&["sync"]).await;

    assert_eq!(code, 0, "{err}");
    assert_same_as_tenants(&cloud.world.store(), &cloud.tenants);
    assert_eq!(cloud.console.n_listings(), 3, "a page each");
}

/// Returns how many of these runs went on at one time, at most.
fn most_at_once(runs: &[Run]) -> usize {
    runs.iter()
        .map(|one| {
            let at = one.started_at;
            let is_on =
                |run: &&Run| run.started_at <= at && run.ended_at.is_none_or(|end| at < end);
            runs.iter().filter(is_on).count()
        })
        .max()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_tenants_share_four_places_and_none_starves() {
    let names: Vec<String> = (1..=20).map(|n| format!("t{n:02}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let cloud = Cloud::of(&names).await;
    let slow = |tenant: &EmulatedTenant| {
        let fault = Fault::Slow(std::time::Duration::from_millis(30));
        tenant.faults().on(Endpoint::Users, fault, When::Always);
    };
    cloud.tenants.iter().for_each(slow);
    cloud.configure_organization();
    let running = cloud.world.launch().await;
    let expected: Vec<String> = names.iter().map(|name| format!("{name}: active")).collect();
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    within("all are loaded", || async {
        let rows = linked(&running).await;
        rows.len() == 20 && rows.iter().all(|row| row.last_success.is_some())
    })
    .await;
    all_are(&running, &expected).await;
    assert_same_as_tenants(running.store(), &cloud.tenants);

    for tenant in &cloud.tenants {
        let user = &tenant.directory().users()[3];
        let name = Edit::Name(format!("Changed {}", tenant.name()));
        tenant.directory().update_user(&user.id, name).unwrap();
    }
    let began = Clock::system().now();
    let asked = names.iter().map(|name| running.run_of(name, Mode::Commit));
    let runs = join_all(asked).await;

    for run in &runs {
        assert_eq!(run.outcome, Outcome::Succeeded);
        let updated: u64 = run.counts.values().map(|counts| counts.updated).sum();
        assert_eq!(updated, 1, "{}", run.tenant_name);
        assert!(run.started_at >= began);
    }
    let most = most_at_once(&runs);
    assert!((2..=4).contains(&most), "{most} runs at one time");
    running.settled().await;
    let told = cloud.world.receiver.deliveries();
    let told = told.iter().filter(|delivery| delivery.is_accepted());
    assert_eq!(told.count(), 20);
    let next: Vec<_> = linked(&running)
        .await
        .iter()
        .map(|row| row.next_run)
        .collect();
    assert!(next.iter().all(Option::is_some), "{next:?}");
    running.stop().await;
    assert_same_as_tenants(&cloud.world.store(), &cloud.tenants);
}

/// An export of all tenants has those that can be read; what it lacks is said in the manifest.
#[tokio::test(flavor = "multi_thread")]
async fn an_export_does_not_wait_for_a_tenant_that_is_paused_and_was_never_read() {
    let cloud = Cloud::of(&["acme", "beta"]).await;
    cloud
        .console
        .set_status(&cloud.tenants[1].tenant_id(), "deactivated");
    let folder = cloud.world.path("exports");
    std::fs::create_dir(&folder).unwrap();
    let export = |name: &str, more: &str| {
        format!(
            "[[exports]]\nname = \"{name}\"\nfolder = {folder:?}\nschedule = \"7d\"\n\
             reports = [\"roles\"]\n{more}\n"
        )
    };
    let exports = export("all", "") + &export("named", "tenants = [\"acme\", \"beta\"]");
    cloud.configure(&[cloud.region(&[]), cloud.organization(""), exports]);
    let running = cloud.world.launch().await;
    let deactivated = "beta: the console says that it is deactivated";
    all_are(&running, &["acme: active", deactivated]).await;
    within("acme is read", || async {
        let mut runs = runs_of(&running, "acme").await.into_iter();
        runs.any(|run| run.outcome == Outcome::Succeeded)
    })
    .await;

    let (exit, out, said) = cloud.world.command(&["export", "--name", "all"]).await;
    assert_eq!(exit, 0, "{said}");
    let manifest = std::path::Path::new(out.trim()).join("manifest.json");
    let manifest = json(&std::fs::read_to_string(manifest).unwrap());
    assert_eq!(manifest["complete"], false);
    let report = &manifest["reports"][0];
    assert_eq!(report["not_read"], serde_json::json!(["beta"]));
    assert_eq!(report["tenants"][0]["tenant"], "acme");
    // Whoever names it wants it.
    let (exit, _, said) = cloud.world.command(&["export", "--name", "named"]).await;
    assert_ne!(exit, 0);
    assert!(said.contains("export.not-read"), "{said}");
    running.stop().await;
}
