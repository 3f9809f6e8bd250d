//! Programs read tables of everything over HTTP.

use qlik_roster::control::ReportName;
use qlik_roster::demo::tenant::Edit;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::World;
use crate::unified::{get, token};

/// The same report, however it is asked for, has the same rows.
#[tokio::test]
async fn reports_are_those_of_the_command_line() {
    let world = World::of_several_pages().await;
    let running = world.start().await;
    let token = token(&world, &["--scope", "read"]).await;
    let listed = get(&running, &token, "", "/reports").await.body;
    let listed = listed["data"].as_array().unwrap().clone();
    assert_eq!(listed.len(), ReportName::ALL.len());

    for report in ReportName::ALL {
        let name = report.word();
        if report == ReportName::Changes {
            continue;
        }
        let args = ["export", name, "--format", "json"];
        let (_, printed, said) = world.command(&args).await;
        let printed: Value = serde_json::from_str(&printed).unwrap_or_else(|_| panic!("{said}"));

        let sent = get(&running, &token, "", &format!("/reports/{name}")).await;
        assert_eq!(sent.status, StatusCode::OK, "{}", sent.body);
        assert_eq!(sent.body["rows"], printed["rows"], "{name}");
        assert_eq!(sent.body["manifest"]["rows"], printed["manifest"]["rows"]);
        let csv = reqwest::Client::new()
            .get(running.url(&format!("/reports/{name}?format=csv&tenant=acme")))
            .bearer_auth(&token);
        let csv = csv.send().await.unwrap();
        assert!(csv.headers().contains_key("x-report-as-of"));
        let (_, expected, _) = world.command(&["export", name, "--tenant", "acme"]).await;
        assert_eq!(csv.text().await.unwrap(), expected, "{name}");
    }
    running.stop().await;
}

#[tokio::test]
async fn a_report_of_an_earlier_time_and_of_what_has_changed_since() {
    let world = World::new().await;
    let running = world.start().await;
    let token = token(&world, &["--scope", "read"]).await;
    let then = world.clock.now();
    let before = get(&running, &token, "", "/reports/access").await.body["rows"].clone();
    let directory = world.tenant.directory();
    let role = directory.role_named("DataAdmin").unwrap();
    let has_it = |user: &&qlik_roster::demo::tenant::User| user.roles.contains_key(&role);
    let user = directory
        .users()
        .into_iter()
        .find(|user| !has_it(&user))
        .unwrap();
    directory
        .update_user(&user.id, Edit::AssignRole(role.clone()))
        .unwrap();
    running.sync().await;

    let path = format!("/reports/access?as_of={then}");
    assert_eq!(get(&running, &token, "", &path).await.body["rows"], before);
    let path = format!("/reports/changes?from={then}");
    let changes = get(&running, &token, "", &path).await.body;
    let granted = changes["rows"].as_array().unwrap();
    let of_user = granted
        .iter()
        .find(|row| row["user_id"] == json!(user.id))
        .unwrap();
    assert_eq!(of_user["role_id"], json!(role));
    assert_eq!(changes["manifest"]["complete"], true);

    for (path, expected) in [
        ("/reports/people", StatusCode::NOT_FOUND),
        ("/reports/users?format=xml", StatusCode::BAD_REQUEST),
        ("/reports/users?as_off=x", StatusCode::BAD_REQUEST),
        (
            "/reports/users?as_of=2100-01-01T00:00:00Z",
            StatusCode::BAD_REQUEST,
        ),
        (
            "/reports/users?as_of=2000-01-01T00:00:00Z",
            StatusCode::CONFLICT,
        ),
        (
            "/reports/users?from=2026-01-01T00:00:00Z",
            StatusCode::BAD_REQUEST,
        ),
        ("/reports/changes", StatusCode::BAD_REQUEST),
        ("/reports/users?tenant=nobody", StatusCode::NOT_FOUND),
    ] {
        let refused = get(&running, &token, "", path).await;
        assert_eq!(refused.status, expected, "{path}: {}", refused.body);
    }
    let none = get(&running, "qlr_none", "", "/reports/users").await;
    assert_eq!(none.status, StatusCode::UNAUTHORIZED);
    running.stop().await;
}
