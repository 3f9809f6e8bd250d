//! Accounts of every status, bots, disabled groups and the group of all users: all of them hold or
//! give rights, and answers say who cannot log in.

use std::collections::BTreeMap;

use qlik_roster::clock::Clock;
use qlik_roster::control::query;
use qlik_roster::demo::tenant::{
    Assignee, Directory, Edit, Endpoint, Fault, GroupEdit, LogIn, NewSpace, NewUser, RateLimits,
    SpaceSort, Status, TenantOptions, When,
};
use qlik_roster::model::{RoleId, TenantName, Timestamp, UserId};
use serde_json::Value;

use crate::spaces;
use crate::support::{World, within};

/// Whether the right in a row can be used, why not, and whether its user is a bot.
type Usable = (bool, Option<String>, bool);

async fn json(world: &World, args: &[&str]) -> Value {
    let (code, out, err) = world.command(&[args, &["--output", "json"]].concat()).await;
    assert_eq!(code, 0, "{args:?}: {err}");
    serde_json::from_str(&out).unwrap()
}

async fn sync(world: &World) {
    let (code, _, err) = world.command(&["sync", "--no-deliver"]).await;
    assert_eq!(code, 0, "{err}");
}

fn usable(told: &Value) -> BTreeMap<String, Usable> {
    let rows = told["rows"].as_array().unwrap().iter();
    let cells = rows.map(|row| {
        let name = row["user"]["name"].as_str().unwrap().to_owned();
        let usable = row["usable"].as_bool().unwrap();
        let why = row["why_not_usable"].as_str().map(str::to_owned);
        (name, (usable, why, row["user"]["is_bot_user"] == true))
    });
    cells.collect()
}

/// Creates one user of each status and a bot, all with these roles.
fn one_of_each(tenant: &Directory, roles: &[RoleId]) -> Vec<(UserId, Status)> {
    let past = Timestamp::parse("2026-01-31T00:00:00Z").unwrap();
    let coming = Timestamp::parse("2099-01-31T00:00:00Z").unwrap();
    let made = [
        ("Ada Active", Status::Active, None),
        ("Dan Disabled", Status::Disabled, None),
        ("Ida Invited", Status::Invited, Some(coming)),
        ("Ed Ended", Status::Invited, Some(past)),
        ("Pia Provisioned", Status::Provisioned, None),
        ("Bo Bot", Status::Active, None),
    ];
    let made = made.map(|(name, status, invite_expires_at)| {
        let new = NewUser {
            status,
            invite_expires_at,
            roles: roles.to_vec(),
            client_id: (name == "Bo Bot").then(|| "bo".to_owned()),
            ..NewUser::named(name)
        };
        (tenant.create_user(new).unwrap(), status)
    });
    made.into()
}

fn expected() -> BTreeMap<String, Usable> {
    let rows = [
        ("Ada Active", None, false),
        ("Dan Disabled", Some("disabled"), false),
        ("Ida Invited", Some("invited"), false),
        ("Ed Ended", Some("invitation_ended"), false),
        ("Pia Provisioned", Some("invited"), false),
        ("Bo Bot", None, true),
    ];
    let rows = rows.map(|(name, why, is_bot)| {
        let usable = (why.is_none(), why.map(str::to_owned), is_bot);
        (name.to_owned(), usable)
    });
    rows.into()
}

#[tokio::test(flavor = "multi_thread")]
async fn holders_who_cannot_log_in_are_listed_and_it_is_said_why() {
    let world = World::new().await;
    let tenant = world.tenant.directory();
    let role = tenant.create_role("Auditor");
    one_of_each(tenant, &[role]);
    sync(&world).await;

    let told = json(&world, &["access", "--role", "Auditor"]).await;
    assert_eq!(usable(&told), expected());

    let args = ["access", "--role", "Auditor", "--columns", "user,usable"];
    let (code, out, err) = world.command(&args).await;
    assert_eq!(code, 0, "{err}");
    for (name, said) in [
        ("Ada Active", "yes"),
        ("Dan Disabled", "no, disabled"),
        ("Ida Invited", "no, invited"),
        ("Ed Ended", "no, invitation ended"),
        ("Bo Bot", "yes"),
    ] {
        let mut lines = out.lines();
        let line = lines.find(|line| line.starts_with(name)).unwrap();
        assert!(line.trim_end().ends_with(said), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_that_nobody_documented_is_not_usable() {
    let world = World::new().await;
    let faults = world.tenant.faults();
    faults.on(Endpoint::Users, Fault::UnknownValues, When::Always);
    sync(&world).await;

    let told = json(&world, &["access"]).await;
    let mut rows = usable(&told);
    rows.retain(|_, (_, why, _)| why.as_deref() == Some("unknown_status"));
    let first = world.tenant.directory().users().remove(0);
    let why = Some("unknown_status".to_owned());
    assert_eq!(rows, [(first.name, (false, why, false))].into());
    let (_, out, _) = world.command(&["access", "--columns", "user,usable"]).await;
    assert!(out.contains("no, unknown status"), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_assigned_to_a_space_is_listed_whatever_the_status() {
    let world = spaces::world(Clock::system(), 1).await;
    let tenant = world.tenant.directory();
    let owner = tenant.create_user(NewUser::named("Olga Owner")).unwrap();
    let space = tenant.create_space(NewSpace {
        name: "Sales EMEA".into(),
        sort: SpaceSort::Shared,
        owner,
    });
    for (n, (user, _)) in one_of_each(tenant, &[]).into_iter().enumerate() {
        let assignee = match n {
            5 => Assignee::Bot(user),
            _ => Assignee::User(user),
        };
        tenant.assign(&space, assignee, &["consumer"]).unwrap();
    }
    let running = world.start().await;
    within("the spaces are read", || async {
        spaces::reading(&running).mark.last.is_some()
    })
    .await;

    let told = json(&world, &["access", "--space", "Sales EMEA"]).await;
    let mut rows = usable(&told);
    assert_eq!(rows.remove("Olga Owner"), Some((true, None, false)));
    assert_eq!(rows, expected());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_everyone_gives_is_said_once_with_the_number_of_users() {
    let world = World::new().await;
    let tenant = world.tenant.directory();
    let role = tenant.create_role("Auditor");
    let give = GroupEdit::AssignRole(role.clone());
    tenant.update_group(&Directory::everyone(), give).unwrap();
    let maria = NewUser {
        roles: vec![role],
        ..NewUser::named("Maria Silva")
    };
    tenant.create_user(maria).unwrap();
    sync(&world).await;
    let n_users = tenant.n_users();

    let told = json(&world, &["access", "--role", "Auditor"]).await;
    let names: Vec<_> = usable(&told).into_keys().collect();
    assert_eq!(names, ["Maria Silva"], "only by a path of one's own");
    let types = |paths: &Value| {
        let paths = paths.as_array().unwrap().iter();
        let types = paths.map(|path| path["type"].as_str().unwrap().to_owned());
        types.collect::<Vec<_>>()
    };
    assert_eq!(types(&told["rows"][0]["paths"]), ["direct", "everyone"]);
    let everybody = told["answers"][0]["everybody"].as_array().unwrap();
    assert_eq!(everybody.len(), 1);
    assert_eq!(everybody[0]["right"]["name"], "Auditor");
    assert_eq!(everybody[0]["users"], n_users);
    assert_eq!(types(&everybody[0]["paths"]), ["everyone"]);
    let (_, _, err) = world.command(&["access", "--role", "Auditor"]).await;
    let said = format!("All {n_users} users of `acme` hold Auditor");
    assert!(err.contains(&said), "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_is_disabled_counts_as_giving_its_roles() {
    let world = World::new().await;
    let tenant = world.tenant.directory();
    let role = tenant.create_role("Auditor");
    let off = || GroupEdit::Active(false);
    for (group, name) in [("Early", "Eva Early"), ("Late", "Lars Late")] {
        let group_id = tenant.create_group(group);
        let give = GroupEdit::AssignRole(role.clone());
        tenant.update_group(&group_id, give).unwrap();
        let member = NewUser {
            groups: vec![group_id.clone()],
            ..NewUser::named(name)
        };
        tenant.create_user(member).unwrap();
        if group == "Early" {
            tenant.update_group(&group_id, off()).unwrap();
        }
    }
    sync(&world).await;
    let late = tenant.groups().into_iter().find(|it| it.name == "Late");
    tenant.update_group(&late.unwrap().id, off()).unwrap();
    sync(&world).await;

    let told = json(&world, &["access", "--role", "Auditor"]).await;
    let names: Vec<_> = usable(&told).into_keys().collect();
    assert_eq!(names, ["Eva Early", "Lars Late"]);
    let args = [
        "access", "changes", "--role", "Auditor", "--output", "jsonl",
    ];
    let (code, out, err) = world.command(&args).await;
    assert_eq!((code, out.as_str()), (0, ""), "{err}");
    let group = ["groups", "--output", "json"];
    let (_, out, _) = world.command(&group).await;
    assert!(
        out.contains("disabled"),
        "the group is known to be disabled"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_by_a_signed_token_is_a_session() {
    let clock = Clock::stopped_at(Timestamp::parse("2026-06-01T08:00:00Z").unwrap());
    let options = TenantOptions {
        users: 10,
        rate_limits: RateLimits::Off,
        ..TenantOptions::default()
    };
    let world = World::by(clock, options).await;
    let config = world.standard_config();
    let config = config.replace("poll = \"off\"", "poll = \"1s\"");
    world.write_config(&format!("[access]\nsessions = true\n{config}"));
    let tenant = world.tenant.directory();
    let user = tenant.users()[3].id.clone();
    let running = world.start().await;
    let last = async || {
        let asked = query::UserAccess {
            tenant: TenantName("acme".to_owned()),
            user: user.clone(),
            role: None,
            at: None,
            after: None,
            limit: 10,
        };
        running.ask(asked).await.last_session
    };
    within("sessions are read", || async {
        last().await.known.is_some()
    })
    .await;
    assert_eq!(last().await.at, None);

    let at = world.clock.now().plus(std::time::Duration::from_secs(60));
    world.clock.set(at);
    tenant.log_in_by(&user, LogIn::Jwt).unwrap();
    within("it is noted", || async { last().await.at == Some(at) }).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_licence_of_a_bot_is_no_orphan() {
    let world = World::new().await;
    let config = world.standard_config();
    world.write_config(&format!("[access]\nlicences = true\n{config}"));
    let tenant = world.tenant.directory();
    let subject = format!("qlikbot\\{}", world.tenant.client_id());
    tenant.license(&subject.to_uppercase(), "professional");
    tenant.license("QLIKBOT\\gone", "professional");
    let running = world.start().await;

    let subjects = async |more: &[&str]| {
        let args = [&["access", "licences", "--output", "jsonl"], more].concat();
        let (_, out, _) = world.command(&args).await;
        let rows = out.lines().map(|line| {
            let row: Value = serde_json::from_str(line).unwrap();
            row["subject"].as_str().unwrap().to_owned()
        });
        rows.collect::<Vec<_>>()
    };
    within("licences are read", || async {
        subjects(&[]).await.contains(&subject.to_uppercase())
    })
    .await;
    assert_eq!(subjects(&["--orphans"]).await, ["QLIKBOT\\gone"]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_to_a_space_is_dated_by_qlik_and_names_who_created_it() {
    let clock = Clock::stopped_at(Timestamp::parse("2026-06-01T08:00:00Z").unwrap());
    let world = spaces::world(clock, 1).await;
    let tenant = world.tenant.directory();
    let [anna, bert, olga, maria] = ["Anna Berg", "Bert Ek", "Olga Owner", "Maria Silva"]
        .map(|name| tenant.create_user(NewUser::named(name)).unwrap());
    let created = world.clock.now();
    let act = |who: &UserId| tenant.audit().act_as(Some(who.clone()));
    act(&anna);
    let space = tenant.create_space(NewSpace {
        name: "Sales EMEA".into(),
        sort: SpaceSort::Shared,
        owner: olga,
    });
    let to_maria = Assignee::User(maria.clone());
    let assign = |assignee: Assignee, role: &str| {
        tenant.assign(&space, assignee, &[role]).unwrap();
    };
    assign(to_maria.clone(), "consumer");
    // Whoever assigns the group is deleted, and is no known user.
    act(&bert);
    let group = tenant.create_group("Sales");
    assign(Assignee::Group(group.clone()), "consumer");
    let changed = created.plus(std::time::Duration::from_secs(3_600));
    world.clock.set(changed);
    assign(to_maria, "producer");
    let with = Assignee::User(maria.clone());
    let share = tenant.share(&space, "app-1", with, &["consumer"]);
    // That has no effect on shares other than links.
    tenant.disable_share(&space, &share.unwrap()).unwrap();
    let join = Edit::JoinGroup(group);
    tenant.update_user(&maria, join).unwrap();
    tenant.delete_user(&bert).unwrap();
    let running = world.start().await;
    within("the spaces are read", || async {
        spaces::reading(&running).mark.last.is_some()
    })
    .await;

    let told = json(&world, &["access", "--space", "Sales EMEA"]).await;
    let rows = told["rows"].as_array().unwrap();
    let since = |name: &str, list: &str, n: usize| {
        let mut rows = rows.iter();
        let row = rows.find(|row| row["user"]["name"] == name).unwrap();
        row[list][n]["since"].clone()
    };
    let by_anna = serde_json::json!({ "remote_id": anna, "name": "Anna Berg" });
    let by_bert = serde_json::json!({ "remote_id": bert, "name": null });
    assert_eq!(
        since("Maria Silva", "paths", 0),
        serde_json::json!({
            "basis": "api", "at": created, "by": by_anna, "changed_at": changed,
        })
    );
    assert_eq!(
        since("Maria Silva", "paths", 1),
        serde_json::json!({
            "basis": "api", "at": created, "by": by_bert, "changed_at": created,
        })
    );
    assert_eq!(
        since("Maria Silva", "shares", 0),
        serde_json::json!({ "basis": "api", "at": changed, "by": by_bert })
    );
    assert_eq!(since("Olga Owner", "paths", 0)["by"], Value::Null);
    let entries = told["answers"][0]["space"]["entries"].as_array().unwrap();
    let of_group = entries.iter().find(|it| it["name"] == "Sales").unwrap();
    assert_eq!(of_group["since"]["by"], by_bert);

    let args = [
        "access",
        "explain",
        "--user",
        "Maria Silva",
        "--space",
        "Sales EMEA",
    ];
    let (code, out, err) = world.command(&args).await;
    assert_eq!(code, 0, "{err}");
    for drawn in [
        format!("Maria Silva -> producer -> Sales EMEA  since {created}, by Anna Berg"),
        format!("Maria Silva -> group Sales -> consumer -> Sales EMEA  since {created}, by {bert}"),
        format!("app app-1 only  since {changed}, by {bert}"),
    ] {
        assert!(out.contains(&drawn), "{out}");
    }
    running.stop().await;
}
