//! A list of a space that is too long to keep is never cut in silence: the log says so once, and
//! `status` and answers as long as it is so.

use std::fs::File;
use std::process::Command;

use qlik_roster::clock::Clock;
use qlik_roster::demo::tenant::Assignee;
use qlik_roster::model::MAX_IN_SPACE;
use serde_json::Value;

use crate::space_kills::age;
use crate::spaces::world;
use crate::support::within;

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_is_too_long_is_logged_once_and_counted_by_status() {
    let world = world(Clock::system(), 2).await;
    let tenant = world.tenant.directory();
    let space = tenant.spaces()[0].id.clone();
    for n in 0..=MAX_IN_SPACE {
        let app = format!("app-{n}");
        let shared = tenant.share(&space, &app, Assignee::Link, &["consumer"]);
        shared.unwrap();
    }
    let config = std::fs::read_to_string(world.config_path()).unwrap();
    world.write_config(&config.replace("level = \"off\"", "level = \"info\""));
    let said = format!("has more than {MAX_IN_SPACE} members");
    for n_logged in [1, 0] {
        let log = || std::fs::read_to_string(world.path("log")).unwrap();
        let mut daemon = Command::new(env!("CARGO_BIN_EXE_qlik-roster"))
            .arg("--config")
            .arg(world.config_path())
            .arg("serve")
            .env_clear()
            .stderr(File::create(world.path("log")).unwrap())
            .spawn()
            .unwrap();
        within("the spaces are read", || async {
            log().contains("Read 2 spaces of `acme`")
        })
        .await;

        let (_, out, _) = world.command(&["status"]).await;
        let (_, told, _) = world.command(&["status", "--output", "json"]).await;
        let args = ["access", "--space", &space.to_string(), "--output", "json"];
        let (_, answer, _) = world.command(&args).await;

        assert!(
            out.contains("1 list of a space is known only in part"),
            "{out}"
        );
        let told: Value = serde_json::from_str(&told).unwrap();
        let rows = told.as_array().unwrap().iter();
        let counts: Vec<&Value> = rows.filter_map(|row| row.get("long_lists")).collect();
        assert_eq!(counts, [1]);
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["answers"][0]["not_known"][0]["what"], "long_list");
        assert_eq!(log().matches(&said).count(), n_logged, "{}", log());
        daemon.kill().unwrap();
        daemon.wait().unwrap();
        age(&world, "store");
    }
}
