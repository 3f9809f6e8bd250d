//! Qlik's own Access Evaluator leaves much out. Each test shows for one of its gaps that we have
//! none.
//!
//! | gap | test |
//! |---|---|
//! | only active users | [`users_who_are_not_active_are_listed`] |
//! | Everyone is not expanded | [`what_everyone_is_assigned_in_a_space_is_what_each_user_has`] |
//! | roles of Everyone are not read | [`what_everyone_is_assigned_in_the_tenant_is_what_each_user_has`] |
//! | `UserDefault` is ignored | [`the_role_that_every_user_has_is_listed_once`] |
//! | roles are told apart by name only | [`two_roles_of_one_name_are_two`] |
//! | assignments of bots are dropped | [`a_bot_that_is_assigned_is_listed`] |
//! | shares by a link are dropped | [`a_share_by_a_link_is_listed`] |
//! | assignees who are not active are dropped | [`assignees_who_are_not_active_or_gone_are_listed`] |
//! | what an administrator could do is left out | [`what_an_administrator_could_take_is_listed`] |
//! | no history | [`what_somebody_had_at_an_earlier_time_is_known`] |
//! | personal apps are dropped | [`an_app_in_a_personal_space_is_its_owners`] |
//! | no difference | [`what_differs_between_two_times_is_listed`] |
//! | requests one after the other | [`spaces_are_read_several_at_a_time`] |
//!
//! Personal spaces are not read: answers about everything leave their apps out, and say so.

use std::collections::BTreeSet;
use std::time::Duration;

use qlik_roster::demo::tenant::{
    Assignee, Directory, Edit, Endpoint, Fault, GroupEdit, NewUser, RateLimits, Status,
    TenantOptions, UserDefault, When,
};
use qlik_roster::model::UserId;
use serde_json::{Value, json};

use crate::spaces::{clock, read_once};
use crate::support::World;
use crate::ten_questions::{Case, case, expected, of_right, of_space, paths, right, set, text};

fn named(name: &str) -> impl Fn(&&Value) -> bool + '_ {
    move |row| row["user"]["name"] == name
}

fn row<'a>(answer: &'a Value, name: &str) -> Option<&'a Value> {
    let rows = answer["rows"].as_array().unwrap();
    rows.iter().find(named(name))
}

/// Returns the roles of a user, apart from those that everybody has.
fn own_roles(answer: &Value) -> Vec<String> {
    let roles = answer["roles"].as_array().unwrap().iter();
    let own = roles.filter(|row| paths(&row["paths"]) != "everyone");
    own.map(|row| right(&row["right"])).collect()
}

fn user_called(case: &Case, name: &str) -> UserId {
    let users = case.world.tenant.directory().users().into_iter();
    let mut users = users.filter(|user| user.name == name);
    users.next().unwrap().id
}

#[tokio::test(flavor = "multi_thread")]
async fn users_who_are_not_active_are_listed() {
    let case = case().await;
    let tenant = case.world.tenant.directory();
    let steward = tenant.create_role("Steward");
    let team = tenant.create_group("Stewards");
    let edit = GroupEdit::AssignRole(steward.clone());
    tenant.update_group(&team, edit).unwrap();
    for (name, status, is_in) in [
        ("Ines Invited", Status::Invited, false),
        ("Pia Provisioned", Status::Provisioned, true),
        ("Dan Disabled", Status::Disabled, false),
        ("Ada Active", Status::Active, true),
    ] {
        let (roles, groups) = match is_in {
            true => (Vec::new(), vec![team.clone()]),
            false => (vec![steward.clone()], Vec::new()),
        };
        let new = NewUser {
            status,
            roles,
            groups,
            ..NewUser::named(name)
        };
        tenant.create_user(new).unwrap();
    }
    case.running.sync().await;

    let id = steward.0.to_string();
    let answer = case.json(&["access", "--role", &id]).await;

    assert_eq!(
        set(&answer, of_right),
        expected([
            "Ines Invited: Steward by direct; invited",
            "Pia Provisioned: Steward by group Stewards; invited",
            "Dan Disabled: Steward by direct; disabled",
            "Ada Active: Steward by group Stewards; usable",
        ])
    );
    for name in ["Ines Invited", "Pia Provisioned", "Dan Disabled"] {
        let answer = case.json(&["access", "--user", name]).await;
        assert_eq!(own_roles(&answer), ["Steward"], "{name}");
    }
    case.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_everyone_is_assigned_in_a_space_is_what_each_user_has() {
    let case = case().await;

    let answer = case.json(&["access", "--space", "Sales EMEA"]).await;
    let all = &answer["answers"][0]["space"]["everybody"];
    let n_users = case.world.tenant.directory().n_users();
    assert_eq!(
        (&all["users"], paths(&all["paths"])),
        (&json!(n_users), "everyone".to_owned())
    );

    // Olga, Gus and everybody else has this path, and it is drawn for each.
    for user in case.world.tenant.directory().users() {
        let id = user.id.to_string();
        let args = ["access", "explain", "--user", &id, "--space", "Sales EMEA"];
        let answer = case.json(&args).await;
        let row = &answer["rows"][0];
        let grants = row["paths"].as_array().unwrap().iter();
        let mut everyone = grants.filter(|grant| grant["type"] == "everyone");
        assert_eq!(
            everyone.next().unwrap()["roles"],
            json!(["consumer"]),
            "{row}"
        );
    }
    let new = tenant_user(&case, "Late Comer");
    case.running.sync().await;
    let answer = case.json(&["access", "--user", &new.to_string()]).await;
    let spaces = answer["spaces"]["spaces"].as_array().unwrap().iter();
    let spaces: Vec<&str> = spaces.map(|it| text(&it["space"]["name"])).collect();
    assert_eq!(spaces, ["Sales EMEA"]);
    case.running.stop().await;
}

fn tenant_user(case: &Case, name: &str) -> UserId {
    let new = NewUser::named(name);
    case.world.tenant.directory().create_user(new).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_everyone_is_assigned_in_the_tenant_is_what_each_user_has() {
    let case = case().await;
    let tenant = case.world.tenant.directory();
    let reader = tenant.create_role("Reader");
    let edit = GroupEdit::AssignRole(reader);
    tenant.update_group(&Directory::everyone(), edit).unwrap();
    case.running.sync().await;

    let answer = case.json(&["access", "--role", "Reader"]).await;

    assert_eq!(answer["rows"], json!([]));
    let all = &answer["answers"][0]["everybody"][0];
    assert_eq!(
        (&all["right"]["name"], paths(&all["paths"])),
        (&json!("Reader"), "everyone".to_owned())
    );
    assert_eq!(all["users"], tenant.n_users());
    for user in tenant.users() {
        let id = user.id.to_string();
        let args = ["access", "explain", "--user", &id, "--role", "Reader"];
        let answer = case.json(&args).await;
        assert_eq!(paths(&answer["rows"][0]["paths"]), "everyone", "{answer}");
    }
    case.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_role_that_every_user_has_is_listed_once() {
    let world = World::with(TenantOptions {
        users: 30,
        user_default: UserDefault::Listed,
        rate_limits: RateLimits::Off,
        ..TenantOptions::default()
    })
    .await;
    let (code, _, err) = world.command(&["sync", "--no-deliver"]).await;
    assert_eq!(code, 0, "{err}");
    let n_users = world.tenant.directory().n_users();

    let (code, out, err) = world.command(&["access", "--role", "userdefault"]).await;
    assert_eq!(code, 0, "{err}");
    assert_eq!(out, "Nobody holds it by a path of their own.\n");
    let said = format!("All {n_users} users of `acme` hold UserDefault, by default.");
    assert!(err.contains(&said), "{err}");

    let user = world.tenant.directory().users().remove(0).id.to_string();
    let args = ["access", "--user", &user, "--output", "json"];
    let (code, out, err) = world.command(&args).await;
    assert_eq!(code, 0, "{err}");
    let told: Value = serde_json::from_str(&out).unwrap();
    let roles = told["roles"].as_array().unwrap();
    let default = roles.iter().find(|it| it["right"]["name"] == "UserDefault");
    let paths = &default.unwrap()["paths"];
    assert_eq!(paths[0]["type"], "user_default");
    let permissions = told["permissions"].as_array().unwrap();
    let carried = permissions
        .iter()
        .any(|it| it["name"] == "automl-experiments");
    assert!(carried, "{permissions:?}");

    let args = [
        "access",
        "explain",
        "--user",
        &user,
        "--role",
        "UserDefault",
    ];
    let (code, out, err) = world.command(&args).await;
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("-> every user -> UserDefault"), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_roles_of_one_name_are_two() {
    let case = case().await;
    let tenant = case.world.tenant.directory();
    let twins = [tenant.create_role("Steward"), tenant.create_role("steward")];
    for (user, role) in [(&case.maria, &twins[0]), (&case.gus, &twins[1])] {
        let edit = Edit::AssignRole(role.clone());
        tenant.update_user(user, edit).unwrap();
    }
    // A custom role may even have the name of one of Qlik's own.
    let mock = tenant.create_role("TenantAdmin");
    let edit = Edit::AssignRole(mock.clone());
    tenant.update_user(&case.gus, edit).unwrap();
    case.running.sync().await;

    let by_id = |row: &Value| {
        let (user, right) = (&row["user"]["name"], &row["right"]["remote_id"]);
        format!("{} {}", text(user), text(right))
    };
    let answer = case.json(&["access", "--role", "Steward"]).await;
    let (first, second) = (twins[0].0.to_string(), twins[1].0.to_string());
    let (maria, gus) = (
        format!("Maria Silva {first}"),
        format!("Gus Guest {second}"),
    );
    // Steward is also the name of one of Qlik's own roles, which nobody here has.
    assert_eq!(set(&answer, by_id), expected([&*maria, &*gus]));
    let answer = case.json(&["access", "--role", &second]).await;
    assert_eq!(set(&answer, by_id), expected([&*gus]));
    let mock = mock.0.to_string();
    let answer = case.json(&["access", "--role", &mock]).await;
    let gus = format!("Gus Guest {mock}");
    assert_eq!(set(&answer, by_id), expected([&*gus]));
    // It does not let him assign roles.
    let args = ["access", "--role", &first, "--potential"];
    let could = case.json(&args).await;
    assert_eq!(row(&could, "Gus Guest"), None);
    assert!(row(&could, "Robo").is_some());
    case.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_that_is_assigned_is_listed() {
    let case = case().await;

    let answer = case.json(&["access", "--space", "Sales EMEA"]).await;
    let robo = row(&answer, "Robo").unwrap();
    assert_eq!(robo["user"]["is_bot_user"], true);
    assert_eq!(
        of_space(robo),
        "Robo (bot): facilitator by direct, consumer by everyone; usable"
    );
    let answer = case.json(&["access", "--user", "Robo"]).await;
    assert_eq!(own_roles(&answer), ["TenantAdmin"]);
    case.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_share_by_a_link_is_listed() {
    let case = case().await;
    let is_link = |entry: &&Value| entry["what"] == "share" && entry["anonymous"] == true;

    for args in [["--space", "Sales EMEA"], ["--app", "app-1"]] {
        let answer = case.json(&[&["access"], &args[..]].concat()).await;
        let entries = answer["answers"][0]["space"]["entries"].as_array().unwrap();
        let links: Vec<&Value> = entries.iter().filter(is_link).collect();
        assert_eq!(links.len(), 1, "{answer}");
        assert_eq!(links[0]["resource_id"], "app-1");
    }
    let (code, _, err) = case.world.command(&["access", "--app", "app-1"]).await;
    assert_eq!(code, 0, "{err}");
    assert!(
        err.contains("Anybody who has the link can open the app app-1"),
        "{err}"
    );
    let answer = case.json(&["spaces", "--shared-by-link"]).await;
    let names: Vec<&str> = answer["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| text(&row["space"]["name"]))
        .collect();
    assert_eq!(names, ["Sales EMEA"]);
    case.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_in_a_personal_space_is_its_owners() {
    let case = case().await;
    let tenant = case.world.tenant.directory();
    tenant.create_app("app-7", case.gus.clone(), None).unwrap();
    let is_left_out = |answer: &Value| {
        let mut not_known = answer["not_known"].as_array().unwrap().iter();
        not_known.any(|it| it["what"] == "personal_spaces")
    };

    let of_app = case.json(&["access", "--app", "app-7"]).await;
    let of_gus = case.json(&["access", "--user", "Gus Guest"]).await;

    let row = &of_app["rows"][0];
    assert_eq!(of_app["rows"].as_array().unwrap().len(), 1, "{of_app}");
    assert_eq!(row["user"]["name"], "Gus Guest");
    assert_eq!(paths(&row["paths"]), "owner");
    let space = &of_app["answers"][0]["space"];
    assert_eq!(space["type"], "personal");
    // What else is in it, and who else may open that, is not known, and both answers say so.
    assert!(is_left_out(&of_app["answers"][0]), "{of_app}");
    assert!(is_left_out(&of_gus["answer"]), "{of_gus}");
    case.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn assignees_who_are_not_active_or_gone_are_listed() {
    let case = case().await;
    let tenant = case.world.tenant.directory();
    let invited = NewUser {
        status: Status::Invited,
        ..NewUser::named("Ines Invited")
    };
    let invited = tenant.create_user(invited).unwrap();
    let gone = tenant_user(&case, "Long Gone");
    let old = tenant.create_group("Old Team");
    for assignee in [
        Assignee::User(invited.clone()),
        Assignee::User(gone.clone()),
        Assignee::Group(old.clone()),
    ] {
        tenant
            .assign(&case.sales, assignee, &["facilitator"])
            .unwrap();
    }
    tenant
        .share(
            &case.sales,
            "app-9",
            Assignee::User(user_called(&case, "Noah Klein")),
            &["consumer"],
        )
        .unwrap();
    // Qlik keeps the assignments of users and groups that are deleted.
    tenant.delete_user(&gone).unwrap();
    tenant.delete_group(&old).unwrap();
    case.next_day().await;

    let answer = case.json(&["access", "--space", "Sales EMEA"]).await;

    assert_eq!(
        of_space(row(&answer, "Ines Invited").unwrap()),
        "Ines Invited: facilitator by direct, consumer by everyone; invited"
    );
    assert_eq!(
        of_space(row(&answer, "Noah Klein").unwrap()),
        "Noah Klein: consumer by direct, consumer by everyone, app app-9; disabled"
    );
    let entries = answer["answers"][0]["space"]["entries"].to_string();
    for id in [gone.to_string(), old.to_string()] {
        assert!(entries.contains(&id), "{entries}");
    }
    case.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_administrator_could_take_is_listed() {
    let case = case().await;
    let names = |answer: &Value| -> BTreeSet<String> {
        let rows = answer["rows"].as_array().unwrap().iter();
        let rows = rows.inspect(|row| assert_eq!(row["standing"], "potential"));
        rows.map(|row| text(&row["user"]["name"]).to_owned())
            .collect()
    };
    let admins = ["Maria Silva", "Noah Klein", "Robo"];

    for args in [["--role", "AuditAdmin"], ["--space", "Vault"]] {
        let args = [&["access"], &args[..]].concat();
        let could = case.json(&[&args[..], &["--potential"]].concat()).await;
        let holds = case.json(&args).await;

        let mut could = names(&could);
        // Our own client is an administrator, too.
        could.remove(&case.client());
        assert_eq!(could, expected(admins), "{args:?}");
        assert!(
            admins.iter().all(|name| row(&holds, name).is_none()),
            "{args:?}"
        );
    }
    let (_, _, err) = case
        .world
        .command(&["access", "--user", "Maria Silva"])
        .await;
    assert!(
        err.contains("Maria Silva could assign any other role to this account, by TenantAdmin."),
        "{err}"
    );
    case.running.stop().await;
}

/// Takes Maria out of her groups, and gives Gus a role in a space. Returns the time before that.
async fn changed(case: &Case) -> String {
    let then = case.world.clock.now().to_string();
    let tenant = case.world.tenant.directory();
    for group in tenant.user(&case.maria).unwrap().groups.into_keys() {
        let edit = Edit::LeaveGroup(group);
        tenant.update_user(&case.maria, edit).unwrap();
    }
    let gus = Assignee::User(case.gus.clone());
    tenant.assign(&case.sales, gus, &["producer"]).unwrap();
    case.next_day().await;
    then
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_had_at_an_earlier_time_is_known() {
    let case = case().await;
    let then = changed(&case).await;

    let of_role = ["access", "--role", "TenantAdmin"];
    let of_space_then = ["access", "--space", "Sales EMEA", "--as-of", &then];
    let now = case.json(&of_role).await;
    let before = case
        .json(&[&of_role[..], &["--as-of", &then]].concat())
        .await;
    let maria = |answer: &Value| of_right(row(answer, "Maria Silva").unwrap());
    assert_eq!(maria(&now), "Maria Silva: TenantAdmin by direct; usable");
    let twice = "Maria Silva: TenantAdmin by direct, group Platform; usable";
    assert_eq!(maria(&before), twice);
    let before = case.json(&of_space_then).await;
    assert_eq!(
        of_space(row(&before, "Gus Guest").unwrap()),
        "Gus Guest: consumer by everyone, app app-2; usable"
    );
    case.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_differs_between_two_times_is_listed() {
    let case = case().await;
    let then = changed(&case).await;

    let answer = case.json(&["access", "diff", "--from", &then]).await;

    let change = |row: &Value| {
        let (user, right) = (text(&row["user"]["name"]), right(&row["right"]));
        let (before, after) = (paths(&row["before"]), paths(&row["after"]));
        format!(
            "{user} {} {right} [{before}] [{after}]",
            text(&row["change"])
        )
    };
    assert_eq!(
        set(&answer, change),
        expected([
            "Maria Silva path_changed TenantAdmin [direct, group Platform] [direct]",
            "Maria Silva revoked producer in Sales EMEA [group Sales] []",
            "Gus Guest granted producer in Sales EMEA [] [direct]",
        ])
    );
    case.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn spaces_are_read_several_at_a_time() {
    let world = crate::spaces::world(clock(), 20).await;
    let faults = world.tenant.faults();
    let slow = Fault::Slow(Duration::from_millis(30));
    for at in [Endpoint::Assignments, Endpoint::Shares] {
        faults.on(at, slow.clone(), When::Always);
    }
    let running = world.start().await;
    read_once(&running).await;

    let requests = world.tenant.requests();
    for at in [Endpoint::Assignments, Endpoint::Shares] {
        let most = world.tenant.most_at_once(at);
        assert_eq!((requests.at(at), most), (20, 4));
    }
    running.stop().await;
}
