//! A damaged store is replaced by what can be read from it, and everybody is told what is missing.

use qlik_roster::demo::tenant::Edit;
use serde_json::Value;

use crate::support::{World, within};

/// Makes the daemon read one user, then damages the file of its store.
async fn damaged() -> (World, Vec<String>) {
    let world = World::new().await;
    let config = world.standard_config();
    let secret_line = "[[endpoints]]\nname = \"hr\"\n";
    assert!(config.contains(secret_line), "{config}");
    world.write_config(&config.replace(secret_line, &format!("{secret_line}backfill = true\n")));
    world.command(&["sync"]).await;
    let user = world.tenant.directory().users()[5].clone();
    let directory = world.tenant.directory();
    directory
        .update_user(&user.id, Edit::Email(Some("first@example.com".into())))
        .unwrap();
    world.command(&["sync"]).await;
    let ids = world
        .receiver
        .deliveries()
        .into_iter()
        .map(|delivery| delivery.id.clone());
    let ids = ids.collect();
    world.receiver.forget();
    // This happens while the store is damaged; a store that began from nothing would tell nobody.
    directory
        .update_user(&user.id, Edit::Email(Some("second@example.com".into())))
        .unwrap();
    std::fs::write(world.path("store").join("current/damaged"), "a test").unwrap();
    (world, ids)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_store_is_gone_on_with_and_said_until_somebody_takes_note() {
    let (world, before) = damaged().await;

    let (code, _, err) = world.command(&["sync"]).await;

    assert_eq!(code, 3, "{err}");
    assert!(err.contains("qlik-roster store accept"), "{err}");
    assert!(world.path("store").join("damaged-1").is_dir());
    let deliveries = world.receiver.deliveries();
    assert!(
        deliveries
            .iter()
            .all(|delivery| !before.contains(&delivery.id))
    );
    let of = |event_type: &str| -> Vec<&Value> {
        let is_of = |body: &&Value| body["type"] == event_type;
        deliveries
            .iter()
            .map(|delivery| &delivery.body)
            .filter(is_of)
            .collect()
    };
    let lost = of("history.lost");
    assert_eq!(lost.len(), 1, "{deliveries:?}");
    assert_eq!(lost[0]["data"]["events"], 0);
    let updated = of("user.updated");
    assert_eq!(updated.len(), 1, "what has changed meanwhile is told");
    let change = &updated[0]["data"]["changes"]["primary_email_address"];
    assert_eq!(change["before"], "first@example.com");
    let (_, out, _) = world.command(&["users", "--output", "json"]).await;
    let users: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(of("user.snapshot").len(), users.as_array().unwrap().len());

    let (code, out, _) = world.command(&["status"]).await;
    assert_eq!(code, 3, "{out}");
    assert!(
        out.contains("history") && out.contains("`damaged-1`"),
        "{out}"
    );
    let (code, out, _) = world.command(&["store", "check"]).await;
    assert_eq!(code, 0, "{out}");

    let (code, out, err) = world
        .command(&["store", "accept", "--output", "json"])
        .await;
    assert_eq!(code, 0, "{err}");
    let accepted: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(accepted[0]["moved_to"], "damaged-1");
    for command in [&["status"][..], &["sync"]] {
        let (code, out, err) = world.command(command).await;
        assert_eq!(code, 0, "{command:?}: {out}{err}");
    }
    let (_, out, _) = world.command(&["store", "accept"]).await;
    assert!(!out.contains("damaged-1"), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_goes_on_and_its_metrics_and_readiness_say_what_was_lost() {
    let (world, _) = damaged().await;
    let running = world.start().await;
    let get = async |path: &str| {
        let answer = reqwest::get(running.url(path)).await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };

    within("it is measured", || async {
        let (_, metrics) = get("/metrics").await;
        metrics.contains("\nqlik_roster_store_losses 1\n")
    })
    .await;
    let (status, body) = get("/readyz").await;

    assert_eq!(status, 200);
    assert!(body.contains("history was lost"), "{body}");
    let (code, _, err) = world.command(&["store", "accept"]).await;
    assert_eq!(code, 0, "{err}");
    running.stop().await;
    let running = world.start().await;
    let answer = reqwest::get(running.url("/readyz")).await.unwrap();
    assert_eq!(answer.text().await.unwrap(), "ok\n");
    running.stop().await;
}
