//! The audit log: what edits leave there, how it is asked for, and what goes wrong with it.

use std::time::Duration;

use super::*;

const ALL_TIME: &str = "2026-01-01T00:00:00Z/2027-01-01T00:00:00Z";

impl World {
    async fn events(&self) -> Vec<Value> {
        let query = [("eventTime", ALL_TIME), ("sort", "+eventTime")];
        self.list("audits", &query).await
    }

    /// Returns the types of all events in the log, except those of the client's own user.
    async fn types(&self) -> Vec<String> {
        let bot = self.tenant.credential_users().pop().unwrap().to_string();
        let events = self.events().await;
        let others = events.iter().filter(|event| event["data"]["id"] != bot);
        others
            .map(|event| event["eventType"].as_str().unwrap().to_owned())
            .collect()
    }
}

#[tokio::test]
async fn both_generations_tell_of_an_edit_and_one_tells_of_no_updated_user() {
    for (generations, expected) in [
        (
            Generations::Both,
            vec![
                "com.qlik.core.user.created",
                "com.qlik.v1.user.created",
                "com.qlik.core.user.updated",
                "com.qlik.core.user.deleted",
                "com.qlik.v1.user.deleted",
            ],
        ),
        (
            Generations::Core,
            vec![
                "com.qlik.core.user.created",
                "com.qlik.core.user.updated",
                "com.qlik.core.user.deleted",
            ],
        ),
        (
            Generations::Legacy,
            vec!["com.qlik.v1.user.created", "com.qlik.v1.user.deleted"],
        ),
    ] {
        let world = World::new(TenantOptions {
            generations,
            ..TenantOptions::default()
        })
        .await;
        let directory = world.tenant.directory();

        let user = directory.create_user(NewUser::named("Nia")).unwrap();
        directory
            .update_user(&user, Edit::Name("Nia O".to_owned()))
            .unwrap();
        directory.delete_user(&user).unwrap();

        assert_eq!(world.types().await, expected, "{generations:?}");
    }
}

#[tokio::test]
async fn a_log_in_shows_in_the_log_alone_and_names_the_user_in_the_payload() {
    for (generations, expected) in [
        (Generations::Core, "com.qlik.core.user-session.begun"),
        (Generations::Legacy, "com.qlik.user-session.begin"),
    ] {
        let world = World::new(TenantOptions {
            generations,
            ..TenantOptions::default()
        })
        .await;
        let directory = world.tenant.directory();
        let before = directory.users().swap_remove(5);

        directory.log_in(&before.id).unwrap();

        let event = world.events().await.pop().unwrap();
        assert_eq!(event["eventType"], expected);
        assert_eq!(event["data"]["userid"], before.id.to_string());
        assert_eq!(event["data"]["source"], "interactive");
        directory.log_in_by(&before.id, LogIn::Jwt).unwrap();
        let by_token = world.events().await.pop().unwrap();
        assert_eq!(by_token["eventType"], expected);
        assert_eq!(by_token["data"]["source"], "jwt-login-session");
        assert_ne!(event["userId"], before.id.to_string());
        let after = directory.user(&before.id).unwrap();
        assert_eq!(after.updated_at, before.updated_at);
        directory.delete_user(&before.id).unwrap();
        let gone = directory.log_in(&before.id);
        assert_eq!(gone, Err(EditError::NoUser(before.id.clone())));
    }
}

#[tokio::test]
async fn an_updated_user_is_named_by_the_envelope_alone_and_never_as_the_actor() {
    let world = World::small().await;
    let directory = world.tenant.directory();
    let user = directory.users()[5].id.clone();
    directory.update_user(&user, Edit::Touch).unwrap();

    let event = world.events().await.pop().unwrap();

    assert_eq!(event["data"].get("id"), None);
    assert_eq!(event["extensions"]["topLevelResourceId"], user.to_string());
    assert_ne!(event["userId"], user.to_string());
}

#[tokio::test]
async fn a_large_group_names_its_members_in_parts() {
    let world = World::new(TenantOptions {
        generations: Generations::Core,
        ..TenantOptions::default()
    })
    .await;
    let directory = world.tenant.directory();
    let group = directory.create_group("Everybody's");
    for user in directory.users() {
        directory
            .update_user(&user.id, Edit::JoinGroup(group.clone()))
            .unwrap();
    }
    directory.delete_group(&group).unwrap();

    let events = world.events().await;

    let parts: Vec<&Value> = events
        .iter()
        .filter(|event| event["eventType"] == "com.qlik.core.group.users.modified")
        .map(|event| &event["data"])
        .collect();
    let sizes: Vec<usize> = parts
        .iter()
        .map(|data| data["affectedUsers"].as_array().unwrap().len())
        .collect();
    let done: Vec<bool> = parts
        .iter()
        .map(|data| data["fullyProcessed"].as_bool().unwrap())
        .collect();
    assert_eq!(sizes, [50, 50, directory.n_users() - 100]);
    assert_eq!(done, [false, false, true]);
    assert!(parts.iter().all(|data| data["deleted"] == true));
}

#[tokio::test]
async fn the_listing_has_manners_of_its_own() {
    let world = World::small().await;
    let now = world.clock.now();
    world.tenant.directory().audit().write_others(25, now);

    let (_, page) = world.get("audits", &[]).await;
    assert_eq!(page["data"].as_array().unwrap().len(), 10, "default limit");
    let newest = &page["data"][0];
    assert_eq!(newest["eventType"], "com.qlik.v1.app.opened");
    for (name, value) in [
        ("limit", "101"),
        ("limit", "0"),
        ("sort", "eventTime"),
        ("sort", "+time"),
        ("eventTime", "2026-01-01T00:00:00Z"),
        ("eventTime", "2026-01-02T00:00:00Z/2026-01-01T00:00:00Z"),
        ("next", "nonsense!"),
    ] {
        let (status, body) = world.get("audits", &[(name, value)]).await;
        assert_eq!(status, 400, "{name}={value}");
        assert_eq!(body["errors"][0].get("status"), None);
    }
    let opened = [("eventType", "com.qlik.v1.app.opened")];
    assert_eq!(world.list("audits", &opened).await.len(), 25);
    let (_, types) = world.get("audits/types", &[]).await;
    assert!(
        types["data"]
            .as_array()
            .unwrap()
            .contains(&json!("com.qlik.v1.app.opened"))
    );
    let (_, sources) = world.get("audits/sources", &[]).await;
    assert!(
        sources["data"]
            .as_array()
            .unwrap()
            .contains(&json!("com.qlik/engine"))
    );
}

#[tokio::test]
async fn events_come_late_twice_or_never_and_go_after_their_time() {
    let world = World::new(TenantOptions {
        generations: Generations::Core,
        audit_retention: Duration::from_secs(3600),
        ..TenantOptions::default()
    })
    .await;
    let directory = world.tenant.directory();
    let log = directory.audit();
    let make = |fault: Option<LogFault>| {
        log.clear();
        if let Some(fault) = fault {
            log.on(fault, When::Always);
        }
        directory.create_role("Auditor");
    };
    make(Some(LogFault::Lost));
    make(Some(LogFault::Twice));
    make(Some(LogFault::Late(Duration::from_secs(60))));

    let roles = |types: Vec<String>| types.iter().filter(|name| name.contains("role")).count();
    assert_eq!(roles(world.types().await), 2);
    let ids: BTreeSet<String> = world
        .events()
        .await
        .iter()
        .filter(|event| event["eventType"] == "com.qlik.core.role.created")
        .map(|event| event["eventId"].to_string())
        .collect();
    assert_eq!(ids.len(), 1, "twice, under one event id");

    world
        .clock
        .set(world.clock.now().plus(Duration::from_secs(61)));
    assert_eq!(roles(world.types().await), 3);
    make(Some(LogFault::Late(Duration::from_secs(600))));
    log.release();
    make(Some(LogFault::Backdated(Duration::from_secs(1800))));
    assert_eq!(roles(world.types().await), 5);

    world
        .clock
        .set(world.clock.now().plus(Duration::from_secs(3540)));
    assert_eq!(
        roles(world.types().await),
        1,
        "the retention is over for the others"
    );
}

#[tokio::test]
async fn the_audit_log_has_a_budget_of_its_own_and_wants_an_administrator() {
    let world = World::new(TenantOptions {
        rate_limits: RateLimits::Custom {
            tier_1: 2,
            tier_2: 10,
            window: Duration::from_secs(60),
        },
        ..TenantOptions::default()
    })
    .await;
    let status = |path| {
        let world = &world;
        async move { world.send(path, &[]).await.status().as_u16() }
    };

    assert_eq!([status("users").await, status("users").await], [200, 200]);
    assert_eq!(status("users").await, 429);
    assert_eq!(status("audits").await, 200);
    world.tenant.hide_access(Hidden::Yes);
    assert_eq!(status("audits").await, 403);
}

#[tokio::test]
async fn faults_hide_events_of_the_log() {
    let world = World::small().await;
    let log = world.tenant.directory().audit();
    log.write_others(30, world.clock.now());
    let ids = async || -> Vec<String> {
        let query = [
            ("eventTime", ALL_TIME),
            ("sort", "+eventTime"),
            ("limit", "10"),
        ];
        let (_, page) = world.get("audits", &query).await;
        let data = page["data"].as_array().unwrap();
        let ids = data
            .iter()
            .map(|event| event["id"].as_str().unwrap().to_owned());
        ids.collect()
    };
    let all = ids().await;
    let faults = world.tenant.faults();
    let shown = async |fault| {
        faults.on(Endpoint::Audits, fault, When::Always);
        let shown = ids().await;
        faults.clear();
        shown
    };

    let half = shown(Fault::HalfShown).await;
    let left_out = shown(Fault::PageLeftOut).await;
    assert_eq!(half.iter().filter(|id| all.contains(id)).count(), 5);
    assert_eq!(left_out.iter().filter(|id| all.contains(id)).count(), 0);
    assert_eq!((half.len(), left_out.len()), (10, 10));
    assert_eq!(shown(Fault::EmptyPage).await.len(), 0);
    assert_eq!(shown(Fault::UnknownValues).await, all, "by another type");
}
