//! The metrics as Prometheus reads them.

use std::io::Write;
use std::process::{Command, Stdio};

use qlik_roster::demo::tenant::Edit;
use reqwest::StatusCode;

use crate::support::{Running, World, within};

async fn scraped(running: &Running) -> String {
    let answer = reqwest::get(running.url("/metrics")).await.unwrap();
    let content_type = &answer.headers()["content-type"];
    assert_eq!(content_type, "text/plain; version=0.0.4; charset=utf-8");
    answer.text().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn promtool_finds_nothing_wrong_with_the_metrics() {
    let world = World::new().await;
    let running = world.start().await;
    reqwest::get(running.url("/nowhere")).await.unwrap();
    running.sync().await;
    running.settled().await;
    let text = scraped(&running).await;
    running.stop().await;

    let checking = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut checking = match checking {
        Ok(checking) => checking,
        Err(missing) => {
            let required = std::env::var_os("QLIK_ROSTER_REQUIRE_PROMTOOL").is_some();
            assert!(!required, "promtool is not installed: {missing}");
            println!("promtool is not installed: not checked");
            return;
        }
    };
    let mut input = checking.stdin.take().unwrap();
    input.write_all(text.as_bytes()).unwrap();
    drop(input);
    let checked = checking.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success(), "{said}\n{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_and_known_is_counted() {
    let world = World::new().await;
    let running = world.start().await;
    let user = world.tenant.directory().users()[3].id.clone();
    let edit = Edit::Name("Not delivered".to_owned());
    world.tenant.directory().update_user(&user, edit).unwrap();
    running.sync().await;
    let answer = reqwest::get(running.url("/unified/iam/users"))
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    reqwest::get(running.url("/nowhere")).await.unwrap();

    let n_users = world.tenant.directory().n_users();
    for line in [
        format!("qlik_roster_records{{tenant=\"acme\",kind=\"user\"}} {n_users}"),
        "qlik_roster_held_plans{tenant=\"acme\"} 0".to_owned(),
        "qlik_roster_qlik_answers_total{tenant=\"acme\",tier=\"2\",status=\"200\"} 1".to_owned(),
        "qlik_roster_http_requests_total{route=\"/unified/iam/{list}\",status=\"401\"} 1"
            .to_owned(),
        "qlik_roster_http_requests_total{route=\"unknown\",status=\"404\"} 1".to_owned(),
        "qlik_roster_event_consumers 0".to_owned(),
        "qlik_roster_parked_events{endpoint=\"hr\"} 0".to_owned(),
    ] {
        within(&line, || async {
            let text = scraped(&running).await;
            text.lines().any(|found| found == line)
        })
        .await;
    }
    let text = scraped(&running).await;
    let of_tier = "qlik_roster_qlik_answers_total{tenant=\"acme\",tier=\"1\",status=\"200\"}";
    assert!(text.contains(of_tier), "{text}");
    running.stop().await;
}
