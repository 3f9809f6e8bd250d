//! Questions that narrow a list, asked as an operator types them.

use qlik_roster::demo::tenant::{Edit, GroupEdit, NewUser, Status};
use serde_json::Value;

use crate::support::World;

/// Asks for JSON, and returns the rows.
async fn rows(world: &World, args: &[&str]) -> Vec<Value> {
    let args = [args, &["--output", "json"]].concat();
    let (code, out, err) = world.command(&args).await;
    assert_eq!(code, 0, "{args:?}: {err}");
    serde_json::from_str(&out).unwrap()
}

/// Returns one field of each row.
fn column(rows: &[Value], field: &str) -> Vec<String> {
    let texts = rows.iter().map(|row| row[field].as_str().unwrap());
    texts.map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_runs_are_listed_alone_and_newest_first() {
    let world = World::new().await;
    let good = world.tenant.client_secret().expose().to_owned();
    let nothing = world.command(&["sync"]).await;
    assert_eq!(nothing.0, 0, "{}", nothing.2);
    let (_, out, _) = world.command(&["runs", "--failed"]).await;
    assert_eq!(out, "No failed run is on record.\n");
    for secret in ["wrong", "wrong-again"] {
        world.write("client", secret);
        world.command(&["sync"]).await;
    }
    world.write("client", &good);
    world.command(&["sync"]).await;

    let failed = rows(&world, &["runs", "--failed"]).await;

    assert_eq!(column(&failed, "id"), ["run-3", "run-2"]);
    assert_eq!(column(&failed, "outcome"), ["failed", "failed"]);
    let first = rows(&world, &["runs", "list", "--failed", "--limit", "1"]).await;
    assert_eq!(column(&first, "id"), ["run-3"]);
    assert_eq!(rows(&world, &["runs", "--limit", "3"]).await.len(), 3);
    let (code, out, err) = world.command(&["runs", "--tenant", "amce"]).await;
    assert_eq!((code, out.as_str()), (2, ""), "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn findings_are_chosen_by_code_and_severity_and_counted_by_code() {
    let world = World::new().await;
    let tenant = world.tenant.directory();
    let leaver = tenant
        .users()
        .into_iter()
        .find(|user| user.client_id.is_none())
        .unwrap();
    let admin = tenant.role_named("TenantAdmin").unwrap();
    for edit in [Edit::AssignRole(admin), Edit::Status(Status::Disabled)] {
        tenant.update_user(&leaver.id, edit).unwrap();
    }
    for subject in ["qlikbot\\one", "qlikbot\\two"] {
        tenant
            .create_user(NewUser {
                subject: Some(subject.to_owned()),
                client_id: Some("gone".to_owned()),
                ..NewUser::named(subject)
            })
            .unwrap();
    }
    world.command(&["sync"]).await;
    let codes = async |args: &[&str]| {
        let rows = rows(&world, &[&["findings"], args].concat()).await;
        let mut codes = column(&rows, "code");
        codes.dedup();
        codes
    };

    let all = codes(&[]).await;
    assert!(all.contains(&"access.spare-bot".to_owned()), "{all:?}");
    for code in ["access.disabled-admin", "disabled-admin"] {
        assert_eq!(codes(&["--code", code]).await, ["access.disabled-admin"]);
    }
    let high = ["access.disabled-admin", "access.unknown-bot"];
    assert_eq!(codes(&["--min", "high"]).await, high);
    assert!(
        codes(&["--code", "spare-bot", "--min", "high"])
            .await
            .is_empty()
    );

    let args = ["findings", "--code", "unknown-bot", "--limit", "1"];
    let (code, out, err) = world.command(&args).await;
    assert_eq!((code, out.lines().count()), (0, 2), "{out}");
    assert!(err.contains("1 of 2 findings shown."), "{err}");
    assert!(
        err.contains("2 access.unknown-bot (high): a bot user"),
        "{err}"
    );
    assert!(!err.contains("access.disabled-admin"), "{err}");
    let (code, _, err) = world
        .command(&["findings", "--code", "access.disabled-admn"])
        .await;
    assert_eq!(code, 2);
    assert!(err.contains("'access.disabled-admin'"), "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn users_are_chosen_by_what_they_hold_and_are() {
    let world = World::of_several_pages().await;
    let tenant = world.tenant.directory();
    let auditor = tenant.create_role("Auditor of \u{c4}cme");
    let team = tenant.create_group("Audit team");
    let giving = GroupEdit::AssignRole(auditor.clone());
    tenant.update_group(&team, giving).unwrap();
    let people = [
        NewUser {
            email: Some("maria.one@audit.example".to_owned()),
            roles: vec![auditor],
            ..NewUser::named("Maria Direct")
        },
        NewUser {
            email: Some("by.group@AUDIT.example".to_owned()),
            groups: vec![team],
            ..NewUser::named("Maria By Group")
        },
        NewUser {
            email: Some("out@audit.example".to_owned()),
            status: Status::Disabled,
            ..NewUser::named("Nobody In It")
        },
        NewUser {
            subject: Some("qlikbot\\reader".to_owned()),
            client_id: Some("reader".to_owned()),
            ..NewUser::named("Reading Bot")
        },
    ];
    for new in people {
        tenant.create_user(new).unwrap();
    }
    world.command(&["sync"]).await;
    let names = async |args: &[&str]| {
        let mut names = column(&rows(&world, &[&["users"], args].concat()).await, "name");
        names.sort();
        names
    };

    let both = ["Maria By Group", "Maria Direct"];
    assert_eq!(names(&["--role", "auditor of \u{e4}cme"]).await, both);
    assert_eq!(names(&["--group", "Audit team"]).await, both[..1]);
    let all = ["Maria By Group", "Maria Direct", "Nobody In It"];
    assert_eq!(names(&["--email", "@audit.example"]).await, all);
    let disabled = ["--email", "@audit.example", "--status", "disabled"];
    assert_eq!(names(&disabled).await, all[2..]);
    assert!(names(&["--bot"]).await.contains(&"Reading Bot".to_owned()));
    assert!(!names(&["--bot"]).await.contains(&all[0].to_owned()));
    assert_eq!(
        names(&["--email", "@audit.example", "--limit", "2"])
            .await
            .len(),
        2
    );
    assert_eq!(names(&["--email", "@nowhere.example"]).await, [""; 0]);

    let (code, out, err) = world.command(&["users", "--role", "TenantAdmn"]).await;
    let said = "No role is called `TenantAdmn`. Did you mean `TenantAdmin`?";
    assert_eq!((code, out.as_str(), err.trim()), (7, "", said));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_a_name_finds_those_that_nothing_is_called() {
    let world = World::new().await;
    let tenant = world.tenant.directory();
    for name in ["Mariaxy Alpha", "Mariaxy Beta", "Xyz Mariaxy"] {
        tenant.create_user(NewUser::named(name)).unwrap();
    }
    world.command(&["sync"]).await;

    let (code, out, err) = world.command(&["users", "show", "mariaXY"]).await;
    assert_eq!((code, out.lines().count()), (0, 4), "{out}{err}");
    assert!(err.contains("3 users with `mariaXY` in the name"), "{err}");

    let (_, out, _) = world
        .command(&["users", "show", "xyz maria", "--output", "json"])
        .await;
    let one: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(one["name"], "Xyz Mariaxy");

    tenant.create_user(NewUser::named("Mariaxy")).unwrap();
    world.command(&["sync"]).await;
    let (_, out, _) = world
        .command(&["users", "show", "mariaxy", "--output", "json"])
        .await;
    let one: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(one["name"], "Mariaxy", "a whole name stands alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_chosen_and_the_newest_comes_first() {
    let world = World::new().await;
    let tenant = world.tenant.directory();
    world.command(&["sync"]).await;
    let maria = tenant.create_user(NewUser::named("Maria Before")).unwrap();
    let other = tenant.create_user(NewUser::named("Somebody Else")).unwrap();
    world.command(&["sync"]).await;
    let name = Edit::Name("Maria After".to_owned());
    tenant.update_user(&maria, name).unwrap();
    tenant.create_role("Reviewer");
    world.command(&["sync"]).await;
    tenant.delete_user(&other).unwrap();
    world.command(&["sync"]).await;
    let types = async |args: &[&str]| {
        let rows = rows(&world, &[&["events"], args].concat()).await;
        // The mark of the first load has no type.
        let types = rows
            .iter()
            .map(|row| row["type"].as_str().unwrap_or("mark"));
        types.map(str::to_owned).collect::<Vec<_>>()
    };

    let mut all = types(&["--after", "0"]).await;
    assert_eq!(all.first().unwrap(), "mark", "the order of the journal");
    assert_eq!(all.last().unwrap(), "user.deleted");
    assert_eq!(all.len(), 6);
    all.reverse();
    assert_eq!(types(&[]).await, all);
    assert_eq!(types(&["--limit", "2"]).await, all[..2]);
    assert_eq!(types(&["--since", "1h"]).await, all);
    assert_eq!(types(&["--since", "2100-01-01"]).await, [""; 0]);
    assert_eq!(types(&["--kind", "role"]).await, ["role.created"]);
    assert_eq!(types(&["--type", "*.deleted"]).await, ["user.deleted"]);
    let users = [
        "user.deleted",
        "user.updated",
        "user.created",
        "user.created",
    ];
    assert_eq!(types(&["--type", "user.*"]).await, users);
    for called in ["maria after", "Maria Before", &maria.to_string()] {
        let theirs = ["user.updated", "user.created"];
        assert_eq!(
            types(&["--user", called]).await[..1],
            theirs[..1],
            "{called}"
        );
    }
    let id = maria.to_string();
    assert_eq!(
        types(&["--user", &id]).await,
        ["user.updated", "user.created"]
    );
    let gone = ["user.deleted", "user.created"];
    assert_eq!(types(&["--user", "Somebody Else"]).await, gone);
    let one = [
        "--user",
        "Somebody Else",
        "--type",
        "user.created",
        "--after",
        "0",
    ];
    assert_eq!(types(&one).await, ["user.created"]);

    let (code, out, err) = world.command(&["events", "--type", "user.udpated"]).await;
    let said = "No event is of the type `user.udpated`. Did you mean `user.updated`?";
    assert_eq!((code, out.as_str(), err.trim()), (7, "", said));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_shows_who_holds_it_a_group_who_is_in_it_and_a_user_what_groups_give() {
    let world = World::of_several_pages().await;
    let tenant = world.tenant.directory();
    let auditor = tenant.create_role("Auditor of \u{c4}cme");
    let team = tenant.create_group("Audit team");
    tenant
        .update_group(&team, GroupEdit::AssignRole(auditor.clone()))
        .unwrap();
    for number in 10..22 {
        tenant
            .create_user(NewUser {
                groups: vec![team.clone()],
                ..NewUser::named(&format!("Member {number}"))
            })
            .unwrap();
    }
    for (name, groups) in [("Direct One", vec![]), ("Both Ways", vec![team.clone()])] {
        tenant
            .create_user(NewUser {
                roles: vec![auditor.clone()],
                groups,
                ..NewUser::named(name)
            })
            .unwrap();
    }
    world.command(&["sync"]).await;
    let one = async |args: &[&str]| -> Value {
        let (code, out, err) = world.command(&[args, &["--output", "json"]].concat()).await;
        assert_eq!(code, 0, "{args:?}: {err}");
        serde_json::from_str(&out).unwrap()
    };

    let (_, out, err) = world
        .command(&["roles", "show", "Auditor of \u{c4}cme"])
        .await;
    let line = |name: &str| {
        let line = out.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_default().trim().to_owned()
    };
    let how = "14 users: 2 directly, 13 by a group, 1 of them both ways";
    assert_eq!(line("USERS"), how, "{out}");
    assert_eq!(line("GIVEN BY"), "Audit team");
    assert!(line("HOLDERS").ends_with(" and 4 more"), "{out}");
    let hint = "`qlik-roster users --role 'Auditor of \u{c4}cme' --tenant acme` lists all 14.";
    assert_eq!(err.trim(), hint);
    let role = one(&["roles", "show", &auditor.to_string()]).await;
    let holders = &role["holders"];
    assert_eq!(
        (&holders["users"], &holders["direct"]),
        (&14.into(), &2.into())
    );
    assert_eq!(holders["by_group"], 13);
    assert_eq!(holders["first_groups"][0]["name"], "Audit team");
    assert_eq!(holders["first_users"].as_array().unwrap().len(), 10);
    let listed = rows(&world, &["users", "--role", "Auditor of \u{c4}cme"]).await;
    assert_eq!(listed.len(), 14, "the list says the same");

    let group = one(&["groups", "show", "Audit team"]).await;
    assert_eq!(group["members"]["users"], 13);
    let (_, out, err) = world.command(&["groups", "show", "Audit team"]).await;
    assert!(
        out.contains("13 users") && out.contains("and 3 more"),
        "{out}"
    );
    assert!(err.contains("users --group 'Audit team'"), "{err}");

    let (_, out, _) = world.command(&["users", "show", "Both Ways"]).await;
    assert!(
        out.contains("Auditor of \u{c4}cme (by Audit team)"),
        "{out}"
    );
    let both = one(&["users", "show", "Both Ways"]).await;
    assert_eq!(
        both["inherited_roles"][0]["groups"][0]["name"],
        "Audit team"
    );
    let direct = one(&["users", "show", "Direct One"]).await;
    assert_eq!(direct["roles"][0]["name"], "Auditor of \u{c4}cme");
    assert!(direct["inherited_roles"].as_array().unwrap().is_empty());
    let nobody = tenant.create_role("Held by nobody");
    world.command(&["sync"]).await;
    let role = one(&["roles", "show", &nobody.to_string()]).await;
    assert_eq!(role["holders"]["users"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_argument_that_names_a_tenant_or_an_endpoint_says_what_was_probably_meant() {
    let world = World::new().await;
    let config = world.standard_config();
    world.write_config(&config.replace("name = \"hr\"", "name = \"people\""));
    world.command(&["sync"]).await;
    let tenant = "no tenant is called `amce`, did you mean `acme`? There is `acme`";
    let endpoint = "no endpoint is called `poeple`, did you mean `people`? There is `people`";
    let of_tenants: &[&[&str]] = &[
        &["check"],
        &["sync"],
        &["users"],
        &["users", "show", "x"],
        &["roles"],
        &["groups"],
        &["findings"],
        &["runs"],
        &["events"],
        &["events", "--follow"],
        &["plan"],
    ];
    let of_endpoints: &[&[&str]] = &[
        &["endpoints", "test"],
        &["endpoints", "enable"],
        &["endpoints", "disable"],
        &["endpoints", "backfill"],
        &["endpoints", "rotate-secret"],
        &["deliveries", "--endpoint"],
        &["deliveries", "--parked", "--endpoint"],
        &["deliveries", "--waiting", "--endpoint"],
        &["deliveries", "show", "1", "--endpoint"],
        &["deliveries", "dismiss", "--all", "--endpoint"],
        &["replay", "--parked", "--endpoint"],
    ];
    let ask = async || {
        for args in of_tenants {
            let args = [args, &["--tenant", "amce"][..]].concat();
            let (code, _, err) = world.command(&args).await;
            assert!(code == 2 && err.contains(tenant), "{args:?}: {code}, {err}");
        }
        for args in of_endpoints {
            let args = [args, &["poeple"][..]].concat();
            let (code, _, err) = world.command(&args).await;
            assert!(
                code == 2 && err.contains(endpoint),
                "{args:?}: {code}, {err}"
            );
        }
    };

    ask().await;
    let (_, _, err) = world
        .command(&["users", "--tenant", "Acme Analytics"])
        .await;
    assert!(
        err.contains("did you mean `acme`?"),
        "by Qlik's name: {err}"
    );
    let running = world.start().await;
    ask().await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finding_that_was_accepted_stands_over_runs_until_it_grows_or_is_reopened() {
    let world = World::new().await;
    let tenant = world.tenant.directory();
    let leaver = tenant
        .users()
        .into_iter()
        .find(|user| user.client_id.is_none());
    let leaver = leaver.unwrap().id;
    let admin = tenant.role_named("TenantAdmin").unwrap();
    for edit in [Edit::AssignRole(admin), Edit::Status(Status::Disabled)] {
        tenant.update_user(&leaver, edit).unwrap();
    }
    world.command(&["sync"]).await;
    let found = async |args: &[&str]| {
        let args = [&["findings", "--code", "disabled-admin"], args].concat();
        let mut rows = rows(&world, &args).await;
        rows.retain(|row| row["remote_user_id"] == leaver.to_string());
        rows
    };
    let open = found(&[]).await;
    let id = open[0]["id"].as_str().unwrap().to_owned();
    assert_eq!((open.len(), &open[0]["accepted"]), (1, &Value::Null));

    let why = "the break-glass account";
    let accept = ["findings", "accept", &id, "--why", why, "--by", "ops"];
    let (code, out, err) = world.command(&accept).await;
    assert_eq!((code, out.as_str()), (0, ""), "{err}");
    assert!(err.contains(&format!("findings reopen {id}")), "{err}");

    assert!(found(&[]).await.is_empty());
    let (_, out, err) = world
        .command(&["findings", "--code", "disabled-admin"])
        .await;
    assert!(!out.contains(&id), "{out}");
    assert!(err.contains("1 more accepted"), "{err}");
    world.command(&["sync"]).await;
    let accepted = found(&["--accepted"]).await;
    assert_eq!(accepted[0]["id"], id);
    assert_eq!(accepted[0]["accepted"]["why"], why);
    assert_eq!(accepted[0]["accepted"]["by"], "ops");
    assert!(accepted[0]["accepted"]["at"].is_string());
    assert!(found(&[]).await.is_empty(), "a sweep changes nothing of it");

    // The daemon is asked the same way.
    let running = world.start().await;
    let (code, _, err) = world.command(&["findings", "reopen", &id]).await;
    assert_eq!(code, 0, "{err}");
    assert_eq!(found(&[]).await.len(), 1);
    let (code, _, err) = world.command(&["findings", "reopen", &id]).await;
    assert!(code == 7 && err.contains("control.not-accepted"), "{err}");
    world.command(&accept).await;
    assert!(found(&[]).await.is_empty());
    running.stop().await;

    // A second way to administer is not covered by what was accepted.
    let team = tenant.create_group("Administrators of all");
    let admin = tenant.role_named("TenantAdmin").unwrap();
    tenant
        .update_group(&team, GroupEdit::AssignRole(admin))
        .unwrap();
    tenant.update_user(&leaver, Edit::JoinGroup(team)).unwrap();
    world.command(&["sync"]).await;
    let grown = found(&[]).await;
    assert_eq!((grown.len(), &grown[0]["id"]), (1, &id.into()));
    assert!(found(&["--accepted"]).await.is_empty());

    let unknown = ["findings", "accept", "f-0000000000", "--why", "x"];
    assert_eq!(world.command(&unknown).await.0, 7);
    let reasonless = ["findings", "accept", "f-0000000000", "--why", " "];
    assert_eq!(world.command(&reasonless).await.0, 2);
}
