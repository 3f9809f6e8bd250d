//! Whose licence could be freed: users with a licence who have not been seen for some time.

use std::collections::BTreeMap;
use std::time::Duration;

use qlik_roster::clock::Clock;
use qlik_roster::demo::tenant::{
    Directory, Edit, Endpoint, Fault, Licence, NewUser, RateLimits, Status, TenantOptions, When,
};
use qlik_roster::model::{Timestamp, UserId};
use qlik_roster::store::Known;
use serde_json::Value;

use crate::licences::{read_since, second};
use crate::support::{Running, World, within};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// When users are created and licences assigned.
const BEGIN: &str = "2026-06-01T08:00:00.000Z";

/// Three days later, when the questions are asked.
const NOW: &str = "2026-06-04T08:00:00.000Z";

const ASKED: [&str; 4] = ["users", "--idle", "2d", "--licensed"];

/// A tenant whose licence is assigned to nobody yet.
async fn world() -> World {
    let clock = Clock::stopped_at(Timestamp::parse(BEGIN).unwrap());
    let options = TenantOptions {
        users: 20,
        rate_limits: RateLimits::Off,
        ..TenantOptions::default()
    };
    let world = World::by(clock, options).await;
    let tenant = world.tenant.directory();
    tenant.set_licence(Licence {
        assignments: BTreeMap::new(),
        ..tenant.licence()
    });
    world
}

fn configure(world: &World, access: &str, more: &str) {
    let config = world.standard_config();
    let config = config.replace("poll = \"off\"", "poll = \"1s\"");
    world.write_config(&format!("[access]\n{access}\n{config}{more}"));
}

fn create(tenant: &Directory, name: &str, status: Status) -> UserId {
    let user = NewUser {
        status,
        subject: Some(subject(name)),
        ..NewUser::named(name)
    };
    tenant.create_user(user).unwrap()
}

fn subject(name: &str) -> String {
    format!("ACME\\{name}")
}

/// Waits until, for each tenant that was read in full, the log was read up to now and sessions are
/// known.
async fn polled(world: &World, running: &Running) {
    let now = world.clock.now();
    within("polls read up to now", || async {
        let store = running.store();
        let tenants = store.tenants().unwrap().into_iter();
        let tenants: Vec<_> = tenants.filter(|known| known.loaded.is_some()).collect();
        let is_polled = |known: &Known| {
            let bookmark = store.bookmark(known.no).unwrap();
            bookmark.is_some_and(|it| it.until >= now && it.sessions_since.is_some())
        };
        !tenants.is_empty() && tenants.iter().all(is_polled)
    })
    .await;
}

/// Lets three days pass.
async fn pass(world: &World, running: &Running) {
    for _ in 0..3 {
        world.clock.set(world.clock.now().plus(DAY));
        polled(world, running).await;
    }
}

async fn json(world: &World, args: &[&str]) -> Value {
    crate::licences::json(world, args).await
}

/// Returns for each user the types of licence, when they were assigned, the last session, whether
/// the user is idle, and whether the account can be used.
fn rows(told: &Value) -> Vec<[String; 6]> {
    let rows = told["rows"].as_array().unwrap().iter();
    let row = |row: &Value| {
        let licences = row["licences"].as_array().unwrap().iter();
        let of = |field: &str| {
            let values = licences.clone().map(|it| it[field].as_str().unwrap());
            values.collect::<Vec<_>>().join("+")
        };
        let last = &row["last_session"]["at"];
        [
            row["user"]["name"].as_str().unwrap().to_owned(),
            of("type"),
            of("created_at"),
            last.as_str().unwrap_or("none").to_owned(),
            row["idle"].as_str().unwrap().to_owned(),
            row["usable"].to_string(),
        ]
    };
    let mut rows: Vec<_> = rows.map(row).collect();
    rows.sort();
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn licences_of_users_who_are_idle_or_cannot_log_in_are_listed() {
    let world = world().await;
    configure(&world, "sessions = true\nlicences = true", "");
    let tenant = world.tenant.directory();
    let maria = create(tenant, "Maria", Status::Active);
    let ada = create(tenant, "Ada", Status::Active);
    let dora = create(tenant, "Dora", Status::Active);
    let noah = create(tenant, "Noah", Status::Active);
    let staff = tenant.create_group("Staff");
    tenant.update_user(&noah, Edit::JoinGroup(staff)).unwrap();
    create(tenant, "Uma", Status::Disabled);
    create(tenant, "Otto", Status::Active);
    tenant
        .create_user(NewUser {
            client_id: Some("robot".to_owned()),
            subject: Some("qlikbot\\robot".to_owned()),
            ..NewUser::named("Robot")
        })
        .unwrap();
    // Qlik does not keep the letter case of subjects, so a licence may write them differently.
    tenant.license("acme\\maria", "professional");
    for name in ["Ada", "Dora", "Noah", "Uma"] {
        tenant.license(&subject(name), "analyzer");
    }
    tenant.license("QLIKBOT\\Robot", "professional");
    tenant.license("acme\\nobody", "analyzer");
    let running = world.start().await;
    polled(&world, &running).await;
    tenant.log_in(&maria).unwrap();
    pass(&world, &running).await;
    for user in [&ada, &dora] {
        tenant.log_in(user).unwrap();
    }
    tenant
        .update_user(&dora, Edit::Status(Status::Disabled))
        .unwrap();
    running.sync().await;
    read_since(&running, "acme", world.clock.now()).await;
    polled(&world, &running).await;
    within("the sessions are known", || async {
        let store = running.store();
        let no = store.tenants().unwrap()[0].no;
        let last = |user: &UserId| store.last_session(no, user).unwrap().at;
        last(&ada).is_some() && last(&dora).is_some()
    })
    .await;

    let told = json(&world, &ASKED).await;

    let row = |cells: [&str; 6]| cells.map(str::to_owned);
    let expected = [
        row(["Dora", "analyzer", BEGIN, NOW, "active", "false"]),
        row(["Maria", "professional", BEGIN, BEGIN, "idle", "true"]),
        row(["Noah", "analyzer", BEGIN, "none", "idle", "true"]),
        row(["Robot", "professional", BEGIN, "none", "not_known", "true"]),
        row(["Uma", "analyzer", BEGIN, "none", "idle", "false"]),
    ];
    assert_eq!(rows(&told), expected);
    let answer = &told["answers"][0];
    assert_eq!(answer["complete"], true, "{answer}");
    assert_eq!(answer["rows"], 5, "{answer}");
    let columns = "user,licence,assigned,last session,idle,usable";
    let args = ["--output", "csv", "--columns", columns];
    let (code, out, err) = world.command(&[&ASKED[..], &args].concat()).await;
    assert_eq!(code, 0, "{err}");
    let lines: Vec<&str> = out.lines().collect();
    let maria = format!("Maria,professional,{BEGIN},{BEGIN},yes,yes");
    let dora = format!("Dora,analyzer,{BEGIN},{NOW},no,\"no, disabled\"");
    assert!(lines.contains(&maria.as_str()), "{out}");
    assert!(lines.contains(&dora.as_str()), "{out}");
    let (code, out, err) = world.command(&ASKED).await;
    assert_eq!(code, 0, "{err}");
    assert!(
        out.contains("not known before") && out.contains("LICENCE"),
        "{out}"
    );
    assert!(err.contains("5 users."), "{err}");
    // Without `--licensed`, licences do not matter, and only usable accounts are listed.
    let told = json(&world, &["users", "--idle", "2d"]).await;
    let mut names = told["rows"].as_array().unwrap().iter();
    assert!(names.any(|row| row["user"]["name"] == "Otto"));
    assert!(!rows(&told).iter().any(|row| row[0] == "Uma"));
    // Stale users are shown with their licence and their groups of the identity provider.
    let told = json(&world, &["access", "stale", "--all", "--days", "2"]).await;
    let mut stale = told["rows"].as_array().unwrap().iter();
    let noah = stale.find(|row| row["user"]["name"] == "Noah").unwrap();
    assert_eq!(noah["licences"][0]["type"], "analyzer");
    assert_eq!(noah["idp_groups"][0]["name"], "Staff");
    let args = ["access", "stale", "--all", "--days", "2", "--output", "csv"];
    let (_, out, _) = world.command(&args).await;
    let line = out.lines().find(|line| line.contains("Noah")).unwrap();
    assert!(line.ends_with(",Staff,analyzer"), "{out}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_idle_is_not_known_where_sessions_are_not_read() {
    let world = world().await;
    configure(&world, "licences = true", "");
    let tenant = world.tenant.directory();
    for (name, status) in [("Maria", Status::Active), ("Uma", Status::Disabled)] {
        create(tenant, name, status);
        tenant.license(&subject(name), "analyzer");
    }
    world.clock.set(world.clock.now().plus(3 * DAY));
    let running = world.start().await;
    read_since(&running, "acme", world.clock.now()).await;

    let told = json(&world, &ASKED).await;

    let row = |name: &str, usable: &str| {
        [name, "analyzer", BEGIN, "none", "not_known", usable].map(str::to_owned)
    };
    assert_eq!(rows(&told), [row("Maria", "true"), row("Uma", "false")]);
    let answer = &told["answers"][0];
    assert_eq!(answer["complete"], false, "{answer}");
    assert_eq!(answer["not_known"][0]["what"], "sessions", "{answer}");
    let (_, _, err) = world.command(&ASKED).await;
    assert!(err.contains("`[access] sessions = true`"), "{err}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_licences_are_not_read_none_is_listed_and_that_is_said() {
    let world = world().await;
    configure(&world, "sessions = true", "");
    let tenant = world.tenant.directory();
    create(tenant, "Maria", Status::Active);
    tenant.license(&subject("Maria"), "analyzer");
    let running = world.start().await;
    polled(&world, &running).await;
    pass(&world, &running).await;

    let told = json(&world, &ASKED).await;

    assert_eq!(told["rows"], Value::Array(Vec::new()));
    let answer = &told["answers"][0];
    assert_eq!(answer["complete"], false, "{answer}");
    assert_eq!(answer["not_known"][0]["lack"], "off", "{answer}");
    let (code, out, err) = world.command(&ASKED).await;
    assert_eq!(code, 0, "{err}");
    let both = [out, err].concat();
    assert!(
        both.contains("No user was found whose licence could be freed, but not all is known."),
        "{both}"
    );
    // The licence of stale users is not known here. The list is complete all the same.
    let told = json(&world, &["access", "stale", "--all", "--days", "2"]).await;
    let mut stale = told["rows"].as_array().unwrap().iter();
    let maria = stale.find(|row| row["user"]["name"] == "Maria").unwrap();
    assert_eq!(maria["licences"], Value::Null);
    assert_eq!(maria["idp_groups"], Value::Array(Vec::new()));
    assert_eq!(told["answers"][0]["complete"], true);
    running.stop().await;
}

/// A licence belongs to a subject, in all tenants that share the licence.
#[tokio::test(flavor = "multi_thread")]
async fn a_licence_that_is_used_in_another_tenant_is_not_listed() {
    let world = world().await;
    let (other, sections) = second(&world).await;
    configure(&world, "sessions = true\nlicences = true", &sections);
    let (acme, beta) = (world.tenant.directory(), other.directory());
    for name in ["Zoe", "Yan", "Xia"] {
        create(acme, name, Status::Active);
        acme.license(&subject(name), "analyzer");
    }
    let zoe = create(beta, "Zoe", Status::Active);
    create(beta, "Yan", Status::Active);
    beta.set_licence(acme.licence());
    let running = world.start().await;
    running
        .run_of("beta", qlik_roster::model::Mode::Commit)
        .await;
    polled(&world, &running).await;
    pass(&world, &running).await;
    beta.log_in(&zoe).unwrap();
    for tenant in ["acme", "beta"] {
        running
            .run_of(tenant, qlik_roster::model::Mode::Commit)
            .await;
        read_since(&running, tenant, world.clock.now()).await;
    }
    within("the session is known", || async {
        let store = running.store();
        let mut tenants = store.tenants().unwrap().into_iter();
        let no = tenants.find(|known| known.name.0 == "beta").unwrap().no;
        store.last_session(no, &zoe).unwrap().at.is_some()
    })
    .await;

    let told = json(&world, &ASKED).await;

    let rows = told["rows"].as_array().unwrap().iter();
    let row = |row: &Value| {
        let name = row["user"]["name"].as_str().unwrap().to_owned();
        (
            row["tenant"].as_str().unwrap().to_owned(),
            name,
            row["idle"].clone(),
            row["also_in"].clone(),
        )
    };
    let mut rows: Vec<_> = rows.map(row).collect();
    rows.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
    let of = |tenant: &str, name: &str, also_in: &[&str]| {
        (
            tenant.to_owned(),
            name.to_owned(),
            Value::from("idle"),
            Value::from(also_in),
        )
    };
    assert_eq!(
        rows,
        [
            of("acme", "Xia", &[]),
            of("acme", "Yan", &["beta"]),
            of("beta", "Yan", &["acme"]),
        ]
    );
    running.stop().await;
}

/// Xia loses the licence, Yan the user in the other tenant, and Zoe logs in there, all on the fourth
/// day.
#[tokio::test(flavor = "multi_thread")]
async fn whose_licence_could_have_been_freed_earlier_is_asked_of_all_tenants() {
    let world = world().await;
    let (other, sections) = second(&world).await;
    configure(&world, "sessions = true\nlicences = true", &sections);
    let (acme, beta) = (world.tenant.directory(), other.directory());
    for name in ["Xia", "Yan", "Zoe"] {
        create(acme, name, Status::Active);
        acme.license(&subject(name), "analyzer");
    }
    let yan = create(beta, "Yan", Status::Active);
    let zoe = create(beta, "Zoe", Status::Active);
    beta.set_licence(acme.licence());
    let running = world.start().await;
    let sweep = async || {
        for tenant in ["acme", "beta"] {
            let mode = qlik_roster::model::Mode::Commit;
            running.run_of(tenant, mode).await;
            read_since(&running, tenant, world.clock.now()).await;
        }
    };
    sweep().await;
    polled(&world, &running).await;
    pass(&world, &running).await;
    sweep().await;
    let then = world.clock.now().to_string();
    world.clock.set(world.clock.now().plus(DAY));
    acme.unlicense(&subject("Xia"));
    beta.set_licence(acme.licence());
    beta.delete_user(&yan).unwrap();
    beta.log_in(&zoe).unwrap();
    sweep().await;
    // Whoever lost a licence is looked for once more.
    world.clock.set(world.clock.now().plus(DAY));
    sweep().await;
    polled(&world, &running).await;
    within("the session is known", || async {
        let store = running.store();
        let mut tenants = store.tenants().unwrap().into_iter();
        let no = tenants.find(|known| known.name.0 == "beta").unwrap().no;
        store.last_session(no, &zoe).unwrap().at.is_some()
    })
    .await;

    let now = json(&world, &ASKED).await;
    let args = [&ASKED[..], &["--as-of", &then]].concat();
    let before = json(&world, &args).await;

    let rows = |told: &Value| -> Vec<String> {
        let rows = told["rows"].as_array().unwrap().iter();
        let row = |row: &Value| {
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let (tenant, name) = (text(&row["tenant"]), text(&row["user"]["name"]));
            format!("{tenant} {name} {} {}", text(&row["idle"]), row["also_in"])
        };
        let mut rows: Vec<_> = rows.map(row).collect();
        rows.sort();
        rows
    };
    assert_eq!(rows(&now), ["acme Yan idle []"]);
    assert_eq!(
        rows(&before),
        [
            "acme Xia idle []",
            "acme Yan idle [\"beta\"]",
            "acme Zoe not_known [\"beta\"]",
            "beta Yan idle [\"acme\"]",
            "beta Zoe not_known [\"acme\"]",
        ]
    );
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_certainly_idle_while_another_tenant_may_have_the_licence() {
    let world = world().await;
    let (other, sections) = second(&world).await;
    other
        .faults()
        .on(Endpoint::Users, Fault::Internal, When::Always);
    configure(&world, "sessions = true\nlicences = true", &sections);
    let tenant = world.tenant.directory();
    create(tenant, "Maria", Status::Active);
    tenant.license(&subject("Maria"), "analyzer");
    let running = world.start().await;
    polled(&world, &running).await;
    pass(&world, &running).await;
    running.sync().await;
    read_since(&running, "acme", world.clock.now()).await;

    let told = json(&world, &[&ASKED[..], &["--tenant", "acme"]].concat()).await;

    assert_eq!(told["rows"][0]["user"]["name"], "Maria");
    assert_eq!(told["rows"][0]["idle"], "not_known");
    let mut lacks = told["answers"][0]["not_known"].as_array().unwrap().iter();
    assert!(lacks.any(|it| it["tenant"] == "beta" && it["lack"] == "users"));
    running.stop().await;
}
