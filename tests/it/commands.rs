//! The commands as an operator types them, as processes of their own.

use qlik_roster::demo::tenant::{Edit, NewUser, Status};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::{World, within};

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("not JSON ({error}): {text}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn sync_then_lists_work_without_a_daemon() {
    let world = World::new().await;

    let (code, out, err) = world.command(&["sync", "--output", "json"]).await;
    assert_eq!(code, 0, "{err}");
    assert_eq!(json(&out)[0]["outcome"], "succeeded");

    let (code, out, _) = world.command(&["users", "--output", "json"]).await;
    assert_eq!(code, 0);
    let users = json(&out);
    assert_eq!(
        users.as_array().unwrap().len(),
        world.tenant.directory().n_users()
    );
    assert_eq!(users[0]["tenant"], "acme");

    let (code, out, _) = world
        .command(&["users", "--limit", "3", "--output", "csv"])
        .await;
    assert_eq!(code, 0);
    assert_eq!(out.lines().count(), 4);
    assert_eq!(
        out.lines().next().unwrap(),
        "tenant,id,name,email,subject,status,roles,groups"
    );

    let (code, out, _) = world.command(&["roles", "--output", "jsonl"]).await;
    assert_eq!(code, 0);
    assert!(out.lines().any(|line| json(line)["name"] == "TenantAdmin"));

    let (code, out, _) = world.command(&["groups"]).await;
    assert_eq!(code, 0);
    assert!(out.contains("com.qlik.Everyone"), "{out}");

    let (code, out, _) = world.command(&["runs"]).await;
    assert_eq!(code, 0);
    assert!(out.contains("run-1") && out.contains("succeeded"), "{out}");

    let (code, out, _) = world
        .command(&["runs", "show", "run-1", "--output", "json"])
        .await;
    assert_eq!(code, 0);
    assert_eq!(json(&out)["trigger"], "command");

    let (code, out, _) = world.command(&["events"]).await;
    assert_eq!(code, 0);
    assert!(out.contains("first load"), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_questions_go_to_a_running_daemon() {
    let world = World::new().await;
    let running = world.start().await;
    let user = world.tenant.directory().users()[5].clone();

    let (code, out, err) = world.command(&["users", "--output", "json"]).await;
    assert_eq!(code, 0, "{err}");
    assert_eq!(
        json(&out).as_array().unwrap().len(),
        world.tenant.directory().n_users()
    );

    world
        .tenant
        .directory()
        .update_user(&user.id, Edit::Name("Asked Through The Socket".to_owned()))
        .unwrap();
    let (code, out, err) = world.command(&["sync", "--output", "json"]).await;
    assert_eq!(code, 0, "{err}");
    assert_eq!(json(&out)[0]["counts"]["users"]["updated"], 1);

    let id = user.id.to_string();
    let (code, out, _) = world.command(&["users", "show", &id]).await;
    assert_eq!(code, 0);
    assert!(out.contains("Asked Through The Socket"), "{out}");
    let (code, out, _) = world.command(&["users", "show", &id, "--raw"]).await;
    assert_eq!(code, 0);
    assert_eq!(json(&out)["name"], "Asked Through The Socket");
    let (code, _, err) = world
        .command(&["users", "show", "Nobody Of That Name"])
        .await;
    assert_eq!(
        (code, err.trim()),
        (
            7,
            "error: no user is called `Nobody Of That Name` [cli.not-there]"
        )
    );

    let (code, _, err) = world.command(&["users", "--tenant", "amce"]).await;
    assert_eq!(code, 2);
    assert!(err.contains("`amce`") && err.contains("`acme`"), "{err}");

    let (code, out, err) = world.command(&["store", "check"]).await;
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("FAULTS   none"), "{out}");
    running.stop().await;
}

#[tokio::test]
async fn a_check_of_the_store_names_faults_and_is_exit_code_3() {
    let world = World::new().await;
    let (code, _, err) = world.command(&["store", "check"]).await;
    assert_eq!((code, err.contains("there is none")), (7, true), "{err}");
    let (code, _, err) = world.command(&["sync", "--no-deliver"]).await;
    assert_eq!(code, 0, "{err}");
    let (code, out, err) = world.command(&["store", "check", "--output", "json"]).await;
    assert_eq!(code, 0, "{err}");
    let checked = json(&out);
    let users = world.tenant.directory().n_users();
    assert!(checked["records"].as_u64().unwrap() > users as u64, "{out}");
    assert_eq!(checked["format"], checked["newest_format"]);

    // The note that a reader leaves when it has met damage.
    let mark = world.path("store").join("current/high-water");
    let forged = std::fs::read(&mark).unwrap();
    std::fs::write(world.path("store").join("current/damaged"), "a test").unwrap();

    let (code, out, _) = world.command(&["store", "check"]).await;

    assert_eq!(code, 3);
    assert!(out.contains("FAULTS   1"), "{out}");
    assert!(out.contains("a test"), "{out}");
    assert_eq!(std::fs::read(&mark).unwrap(), forged, "nothing is changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_shows_what_would_change_and_changes_nothing() {
    let world = World::new().await;
    world.command(&["sync"]).await;
    let user = world.tenant.directory().users()[5].clone();
    let role = world.tenant.directory().role_named("TenantAdmin").unwrap();
    world
        .tenant
        .directory()
        .update_user(&user.id, Edit::AssignRole(role))
        .unwrap();

    let (code, out, err) = world
        .command(&["sync", "--dry-run", "--output", "json"])
        .await;
    assert_eq!(code, 0, "{err}");
    let told = format!("{} gained the role TenantAdmin", user.name);
    assert_eq!(json(&out)[0]["would_change"], serde_json::json!([told]));
    let (_, out, _) = world.command(&["events", "--output", "json"]).await;
    assert_eq!(
        json(&out).as_array().unwrap().len(),
        1,
        "only the mark of the first load"
    );

    let (code, out, err) = world.command(&["sync", "--output", "json"]).await;
    assert_eq!(code, 0, "{err}");
    assert_eq!(json(&out)[0]["counts"]["users"]["updated"], 1);
    assert_eq!(world.receiver.deliveries().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_on_an_empty_store_leaves_it_empty() {
    let world = World::new().await;

    let (code, out, err) = world
        .command(&["sync", "--dry-run", "--output", "json"])
        .await;

    assert_eq!(code, 0, "{err}");
    let n_users = world.tenant.directory().n_users();
    assert_eq!(json(&out)[0]["counts"]["users"]["created"], n_users);
    let (_, out, _) = world.command(&["users", "--output", "json"]).await;
    assert_eq!(json(&out), serde_json::json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn check_says_what_works_and_what_to_do_if_not() {
    let world = World::new().await;

    let (code, out, err) = world.command(&["check", "--endpoints"]).await;
    assert_eq!(code, 0, "{out}{err}");
    assert!(
        out.contains(world.tenant.name()) && out.contains("ok"),
        "{out}"
    );

    world.write("client", "not-the-secret");
    let (code, out, _) = world.command(&["check", "--output", "json"]).await;
    assert_eq!(code, 4);
    let failed: Vec<_> = json(&out)
        .as_array()
        .unwrap()
        .iter()
        .filter(|l| l["result"] == "failed")
        .cloned()
        .collect();
    assert_eq!(failed.len(), 1, "{out}");
    assert!(
        failed[0]["remedy"].as_str().unwrap().contains("secret"),
        "{out}"
    );
    assert!(!out.contains("not-the-secret"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_configuration_is_exit_code_2_and_names_file_key_and_remedy() {
    let world = World::new().await;
    let config = world.standard_config().replace("client_id", "cleint_id");
    world.write_config(&config);

    let (code, out, err) = world.command(&["sync"]).await;

    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("qlik-roster.toml"), "{err}");
    assert!(
        err.contains("connections[0].cleint_id") && err.contains("client_id"),
        "{err}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_daemon_is_refused() {
    let world = World::new().await;
    let running = world.start().await;

    let (code, _, err) = world.command(&["serve"]).await;

    assert_eq!(code, 3, "{err}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_names_of_one_tenant_are_an_error_that_names_both() {
    let world = World::new().await;
    let second = format!(
        "[[tenants]]\nname = \"alias\"\nhost = \"{}\"\nconnection = \"test\"\n",
        world.tenant.url()
    );
    world.write_config(&format!("{}{second}", world.standard_config()));

    let (code, out, err) = world.command(&["sync", "--output", "json"]).await;

    assert_eq!(code, 4, "{err}");
    let runs = json(&out);
    let failed: Vec<_> = runs
        .as_array()
        .unwrap()
        .iter()
        .filter(|run| run["outcome"] == "failed")
        .collect();
    assert_eq!(failed.len(), 1, "{out}");
    assert_eq!(failed[0]["error_code"], "sync.same-tenant");
    let names = [&failed[0]["tenant"], &failed[0]["reason"]].map(ToString::to_string);
    assert!(
        names.concat().contains("alias") && names.concat().contains("acme"),
        "{out}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_the_daemon_cleanly_and_its_log_names_nobody() {
    let world = World::new().await;
    let config = world
        .standard_config()
        .replace("level = \"off\"", "format = \"json\"");
    world.write_config(&config);
    let log = std::fs::File::create(world.path("log")).unwrap();
    let mut daemon = std::process::Command::new(env!("CARGO_BIN_EXE_qlik-roster"))
        .arg("--config")
        .arg(world.config_path())
        .arg("serve")
        .env_clear()
        .stderr(log)
        .spawn()
        .unwrap();
    let read_log = || std::fs::read_to_string(world.path("log")).unwrap();
    within("the first run is logged", || async {
        read_log().contains("run-1")
    })
    .await;

    kill_process(Pid::from_child(&daemon), Signal::TERM).unwrap();
    let ended = daemon.wait().unwrap();

    assert_eq!(ended.code(), Some(0), "{}", read_log());
    assert!(!world.path("store/control.sock").exists());
    let log = read_log();
    let runs: Vec<_> = log
        .lines()
        .map(json)
        .filter(|line| line["run.id"] == "run-1")
        .collect();
    assert_eq!(runs.len(), 1, "one line a run: {log}");
    assert_eq!(
        runs[0]["run.seen"].as_u64(),
        Some(60 + 1 + 20 + 13),
        "{log}"
    );
    for user in world.tenant.directory().users() {
        assert!(
            !log.contains(&user.name) && !log.contains(&user.subject),
            "{log}"
        );
    }
    assert!(!log.contains(world.tenant.client_secret().expose()));
}

#[tokio::test(flavor = "multi_thread")]
async fn held_removals_are_listed_shown_and_approved_by_command() {
    let world = World::new().await;
    let tenant = world.tenant.directory();
    world.command(&["sync"]).await;
    let people: Vec<_> = tenant
        .users()
        .into_iter()
        .filter(|user| user.client_id.is_none())
        .collect();
    for user in &people[..15] {
        tenant.delete_user(&user.id).unwrap();
    }

    let (code, out, err) = world.command(&["sync", "--dry-run"]).await;
    assert_eq!(code, 8, "{out}{err}");
    assert!(out.contains("would hold: 15 of 61 users"), "{out}");
    let (code, _, err) = world.command(&["sync"]).await;
    assert_eq!(code, 8, "{err}");
    assert!(err.contains("qlik-roster plan show plan-3"), "{err}");

    let (code, out, _) = world.command(&["plan", "list"]).await;
    assert_eq!(code, 8);
    assert!(out.contains("more than 10 % at once"), "{out}");
    let (code, out, _) = world.command(&["status", "--output", "json"]).await;
    assert_eq!(code, 8);
    assert_eq!(json(&out)[0]["held_plan"], "plan-3");
    let (code, out, _) = world.command(&["check"]).await;
    assert_eq!(code, 8, "{out}");
    assert!(out.contains("plan-3 waits"), "{out}");
    let (code, out, _) = world
        .command(&["plan", "show", "plan-3", "--output", "jsonl"])
        .await;
    assert_eq!(code, 0);
    assert_eq!(out.lines().count(), 15);
    assert!(out.lines().all(|line| json(line)["deleted"] == true));

    let (code, _, err) = world.command(&["plan", "approve", "plan-9"]).await;
    assert_eq!(code, 7);
    assert!(err.contains("there is no plan-9"), "{err}");
    let (code, _, err) = world.command(&["plan", "approve", "plan-3"]).await;
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("plan-3 is applied."), "{err}");
    let (code, _, err) = world.command(&["plan", "reject", "plan-3"]).await;
    assert_eq!(code, 1);
    assert!(
        err.contains("plan-3 is applied: there is nothing to decide"),
        "{err}"
    );
    let (code, _, _) = world.command(&["status"]).await;
    assert_eq!(code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn findings_name_the_accounts_that_somebody_should_look_at() {
    let world = World::new().await;
    let tenant = world.tenant.directory();
    let leaver = tenant
        .users()
        .into_iter()
        .find(|user| user.client_id.is_none())
        .unwrap();
    let admin = tenant.role_named("TenantAdmin").unwrap();
    tenant
        .update_user(&leaver.id, Edit::AssignRole(admin))
        .unwrap();
    tenant
        .update_user(&leaver.id, Edit::Status(Status::Disabled))
        .unwrap();
    tenant
        .create_user(NewUser {
            subject: Some("qlikbot\\gone".to_owned()),
            client_id: Some("gone".to_owned()),
            ..NewUser::named("Left behind")
        })
        .unwrap();
    world.command(&["sync"]).await;

    let (code, out, _) = world.command(&["findings", "--output", "json"]).await;

    assert_eq!(code, 0);
    let found = json(&out);
    let named = |code: &str, name: &str| {
        let found = found.as_array().unwrap().iter();
        found
            .filter(|row| row["code"] == code && row["name"] == name)
            .count()
    };
    assert_eq!(named("access.disabled-admin", &leaver.name), 1, "{out}");
    assert_eq!(named("access.unknown-bot", "Left behind"), 1, "{out}");
    let ours = world.tenant.client_id();
    assert!(
        !out.contains(&format!("acts for the client {ours}")),
        "{out}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_makes_no_store_and_says_who_answered() {
    let world = World::new().await;
    for command in [
        &["status"][..],
        &["users"],
        &["tenants"],
        &["runs"],
        &["events"],
        &["findings"],
        &["plan", "list"],
        &["deliveries"],
        &["endpoints", "list"],
        &["store", "show"],
    ] {
        let (code, out, err) = world.command(command).await;

        assert_eq!(code, 7, "{command:?}: {out}{err}");
        assert!(err.contains("[store.not-there]"), "{command:?}: {err}");
        assert!(!world.path("store").exists(), "{command:?}");
    }
    let (code, out, _) = world.command(&["check"]).await;
    assert_eq!(code, 0, "{out}");
    assert!(!world.path("store").exists());

    let running = world.start().await;
    let daemon = async || {
        let (_, out, _) = world.command(&["status", "--output", "json"]).await;
        json(&out).as_array().unwrap().last().unwrap()["daemon"].clone()
    };
    assert_eq!(daemon().await, "running");
    running.stop().await;
    assert_eq!(daemon().await, "not running");
}
