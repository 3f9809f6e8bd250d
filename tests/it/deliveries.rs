//! What operators ask of deliveries and endpoints, as they type it.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use bytes::Bytes;

use qlik_roster::demo::tenant::{Edit, When};
use qlik_roster::demo::{Delivery, Receiver, Reply};
use qlik_roster::model::{EndpointName, Seq, Timestamp};
use qlik_roster::store::{DeliveryChange, Item, Parked, Progress};
use serde_json::{Value, json};

use crate::support::{World, within};

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("not JSON ({error}): {text}"))
}

/// A world whose endpoint has received this many events, from number 2 on.
async fn told(n_events: usize) -> World {
    let world = World::new().await;
    let (code, _, err) = world.command(&["sync"]).await;
    assert_eq!(code, 0, "{err}");
    for number in 0..n_events {
        rename(&world, number);
        // One at a time, so that each has a time of its own.
        let (code, _, err) = world.command(&["sync"]).await;
        assert_eq!(code, 0, "{err}");
    }
    assert_eq!(world.receiver.count(), n_events as u64);
    world
}

/// Gives a user a new name: one event.
fn rename(world: &World, number: usize) {
    let tenant = world.tenant.directory();
    let user = tenant.users()[number].clone();
    let name = format!("{} of late", user.name);
    tenant.update_user(&user.id, Edit::Name(name)).unwrap();
}

/// Parks events, as the daemon does after their last attempt has failed.
fn park(world: &World, seqs: &[u64]) {
    let store = world.store();
    let hr = EndpointName("hr".to_owned());
    let parked = |seq: &u64| {
        DeliveryChange::Park(Parked {
            item: Item::Entry(Seq(*seq)),
            reason: "deliver.rejected: the receiver answered 404".to_owned(),
            at: Timestamp::parse("2026-03-01T10:00:00Z").unwrap(),
            attempts: 10,
        })
    };
    let cursor = store.cursor(&hr).unwrap().unwrap();
    let progress = Progress {
        changes: seqs.iter().map(parked).collect(),
        ..Progress::of(cursor)
    };
    let mut log = store.attempt_log(&hr).unwrap();
    store.save_progress(&hr, &mut log, progress).unwrap();
    store.close().unwrap();
}

/// Returns the sequence numbers that came, in their order.
fn sequences(world: &World) -> Vec<u64> {
    let deliveries = world.receiver.deliveries();
    deliveries.iter().filter_map(|it| it.sequence).collect()
}

async fn parked(world: &World) -> Vec<Value> {
    let (code, out, err) = world
        .command(&["deliveries", "--parked", "--output", "json"])
        .await;
    let rows = json(&out).as_array().unwrap().clone();
    assert_eq!(code, if rows.is_empty() { 0 } else { 6 }, "{err}");
    rows.into_iter().map(|row| row["event"].clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_are_listed_and_shown_with_what_went_wrong() {
    let world = told(1).await;
    world
        .receiver
        .respond_with(Reply::Status(404), When::Next(1));
    rename(&world, 1);
    let (code, _, err) = world.command(&["sync"]).await;
    assert_eq!(code, 6, "{err}");
    world.receiver.respond_well();
    world
        .receiver
        .respond_with(Reply::HugeBody(3_000), When::Next(1));
    rename(&world, 2);
    world.command(&["sync"]).await;

    let (code, out, _) = world.command(&["deliveries", "--output", "json"]).await;
    assert_eq!(code, 0);
    let rows = json(&out);
    let told: Vec<_> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            [
                &row["event"],
                &row["type"],
                &row["attempt"],
                &row["status"],
                &row["result"],
            ]
        })
        .collect();
    assert_eq!(
        json!(told),
        json!([
            ["4", "user.updated", 1, 200, "delivered"],
            ["3", "user.updated", 1, 404, "failed"],
            ["2", "user.updated", 1, 200, "delivered"],
        ])
    );
    let (_, out, _) = world
        .command(&["deliveries", "--failed", "--limit", "5", "--output", "csv"])
        .await;
    let lines: Vec<_> = out.lines().collect();
    assert_eq!(
        lines[0],
        "time,endpoint,event,type,attempt,status,took,result"
    );
    assert_eq!(lines.len(), 2, "{out}");
    assert!(lines[1].contains("deliver.rejected"), "{out}");

    let id = world.receiver.deliveries()[2].id.clone();
    let (code, out, _) = world
        .command(&["deliveries", "show", &id, "--output", "json"])
        .await;
    assert_eq!(code, 0);
    assert_eq!(json(&out)[0]["answer"], "x".repeat(1024));
    let (code, out, _) = world.command(&["deliveries", "show", "3"]).await;
    assert_eq!(code, 0);
    assert!(out.contains("STATUS    404"), "{out}");
    let (code, _, err) = world.command(&["deliveries", "show", "99"]).await;
    assert_eq!(
        (code, err.trim()),
        (
            7,
            "error: no attempt to deliver event 99 is on record [cli.not-there]"
        )
    );

    let (code, out, _) = world
        .command(&["deliveries", "--waiting", "--output", "json"])
        .await;
    assert_eq!(code, 0);
    let waiting = &json(&out)[0];
    assert_eq!(
        [&waiting["event"], &waiting["attempts"], &waiting["why"]],
        [&json!("3"), &json!(1), &json!("its last attempt failed")]
    );
    assert!(waiting["due"].is_string(), "{out}");
    let (code, out, _) = world.command(&["status", "--output", "json"]).await;
    assert_eq!(code, 6);
    let endpoint = &json(&out)[1];
    assert_eq!(
        [
            &endpoint["endpoint"],
            &endpoint["state"],
            &endpoint["waiting"]
        ],
        [&json!("hr"), &json!("behind"), &json!(1)]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_given_up_on_is_listed_sent_again_or_dismissed() {
    let world = told(4).await;
    park(&world, &[2, 3, 4, 5]);

    let (code, out, _) = world
        .command(&["deliveries", "--parked", "--limit", "1"])
        .await;
    assert_eq!(code, 6);
    insta::assert_snapshot!(out, @r"
    ENDPOINT  EVENT  TYPE          SINCE                     ATTEMPTS  REASON
    hr        2      user.updated  2026-03-01T10:00:00.000Z        10  deliver.rejected: the receiver answered 404
    ");
    let (code, out, _) = world.command(&["status"]).await;
    assert_eq!(code, 6);
    assert!(out.contains("all tried, up to event 5, 4 parked"), "{out}");
    let (code, out, _) = world.command(&["check"]).await;
    assert_eq!(code, 6);
    assert!(out.contains("[deliver.parked]"), "{out}");

    let (code, _, err) = world
        .command(&["replay", "--endpoint", "hr", "--event", "3"])
        .await;
    assert_eq!(code, 0, "{err}");
    assert_eq!(
        err.trim(),
        "1 event is sent to `hr` again: when a daemon runs, or with `qlik-roster sync`."
    );
    assert_eq!(parked(&world).await, ["2", "4", "5"]);
    world.receiver.forget();
    world.command(&["sync"]).await;
    assert_eq!(sequences(&world), [3]);

    let (code, _, err) = world
        .command(&["deliveries", "dismiss", "--endpoint", "hr", "--event", "4"])
        .await;
    assert_eq!(code, 0, "{err}");
    let (code, _, err) = world
        .command(&["deliveries", "dismiss", "--endpoint", "hr", "--event", "4"])
        .await;
    assert_eq!(code, 7, "{err}");
    assert_eq!(parked(&world).await, ["2", "5"]);

    // From here on there is a daemon.
    world.receiver.forget();
    let running = world.start().await;
    let (code, _, err) = world
        .command(&["replay", "--endpoint", "hr", "--parked"])
        .await;
    assert_eq!(
        (code, err.trim()),
        (0, "2 events are sent to `hr` again: now.")
    );
    within("they are sent", || async { sequences(&world).len() == 2 }).await;
    let mut again = sequences(&world);
    again.sort_unstable();
    assert_eq!(again, [2, 5], "of two records, in any order");
    assert!(parked(&world).await.is_empty());
    running.stop().await;

    park(&world, &[2, 3]);
    let (code, _, err) = world
        .command(&["deliveries", "dismiss", "--endpoint", "hr", "--all"])
        .await;
    assert_eq!(
        (code, err.trim()),
        (0, "Dismissed for `hr`: 2. They will never be sent.")
    );
    let (code, _, err) = world
        .command(&["replay", "--endpoint", "hr", "--parked"])
        .await;
    assert_eq!(
        (code, err.trim()),
        (0, "Nothing is parked; there is nothing to send again.")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn many_that_were_given_up_on_go_again_at_once() {
    let world = told(0).await;
    let n_users = world.tenant.directory().n_users();
    for _ in 0..3 {
        (0..n_users).for_each(|number| rename(&world, number));
        let (code, _, err) = world.command(&["sync"]).await;
        assert_eq!(code, 0, "{err}");
    }
    let seqs: Vec<u64> = sequences(&world);
    assert_eq!(seqs.len(), 3 * n_users);
    park(&world, &seqs[..150]);
    world.receiver.forget();

    let (code, _, err) = world
        .command(&["replay", "--endpoint", "hr", "--parked"])
        .await;
    assert_eq!(code, 0, "{err}");
    assert!(
        err.starts_with("150 events are sent to `hr` again"),
        "{err}"
    );
    let (code, _, err) = world.command(&["sync"]).await;

    assert_eq!(code, 0, "{err}");
    assert!(err.contains("hr: 150 delivered\n"), "{err}");
    let mut again = sequences(&world);
    again.sort_unstable();
    let mut parked = seqs[..150].to_vec();
    parked.sort_unstable();
    assert_eq!(again, parked);
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_since_a_time_is_sent_again_as_it_was() {
    let world = told(4).await;
    let before = world.receiver.deliveries();
    // Event 4 is sent again with the rest; event 2 is before that time and is not.
    park(&world, &[2, 4]);
    let since = {
        let store = world.store();
        let at = store.entry(Seq(4)).unwrap().unwrap().at;
        store.close().unwrap();
        at.to_string()
    };
    world.receiver.forget();
    let running = world.start().await;

    let (code, _, err) = world
        .command(&["replay", "--endpoint", "hr", "--since", &since])
        .await;
    assert_eq!(code, 0, "{err}");
    assert_eq!(
        err.trim(),
        format!("2 events are sent to `hr` again, from event 4 of {since} on: now.")
    );
    within("both came again", || async { sequences(&world).len() == 2 }).await;
    running.settled().await;
    // They are about two records, so they may arrive in either order.
    let of = |deliveries: &[Arc<Delivery>]| -> BTreeMap<String, Bytes> {
        let pairs = deliveries.iter();
        pairs.map(|it| (it.id.clone(), it.raw.clone())).collect()
    };
    assert_eq!(of(&world.receiver.deliveries()), of(&before[2..]));
    assert_eq!(parked(&world).await, ["2"]);

    let (code, _, err) = world
        .command(&["replay", "--endpoint", "hr", "--since", "2999-01-01"])
        .await;
    assert_eq!(
        (code, err.trim()),
        (
            0,
            "Nothing has happened since then; there is nothing to send again."
        )
    );
    // The time is before the first entry of the journal: it starts there, at the mark of the first
    // load.
    let (code, _, err) = world
        .command(&["replay", "--endpoint", "hr", "--since", "3d"])
        .await;
    assert_eq!(code, 0);
    assert!(
        err.starts_with("4 events are sent to `hr` again, from event 1 of"),
        "{err}"
    );
    within("all came again", || async { sequences(&world).len() == 6 }).await;
    running.settled().await;
    assert!(parked(&world).await.is_empty());
    assert_eq!(sequences(&world).len(), 6, "what was parked came once");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_is_stopped_brought_back_and_told_everything() {
    let world = told(1).await;
    let (code, _, err) = world.command(&["endpoints", "disable", "hr"]).await;
    assert_eq!(code, 0, "{err}");
    let listed = async || {
        let (code, out, _) = world
            .command(&["endpoints", "list", "--output", "json"])
            .await;
        assert_eq!(code, 0);
        json(&out)[0].clone()
    };
    // The command is not carried out yet, but its effect is shown already.
    assert_eq!(listed().await["state"], "stopped");
    let (code, out, _) = world.command(&["status"]).await;
    assert_eq!(code, 0, "an operator wanted it so: {out}");

    world.receiver.forget();
    let running = world.start().await;
    rename(&world, 1);
    running.sync().await;
    assert_eq!(listed().await["behind"], 1);
    assert_eq!(world.receiver.deliveries().len(), 0);

    let (code, _, err) = world.command(&["endpoints", "enable", "hr"]).await;
    assert_eq!(
        (code, err.trim()),
        (0, "`hr` continues after event 2, with 1 event to go: now.")
    );
    within("it goes on", || async { sequences(&world) == [3] }).await;
    running.settled().await;
    let row = listed().await;
    assert_eq!(
        [&row["state"], &row["behind"], &row["origin"]],
        [
            &json!("taking"),
            &json!(0),
            &json!(world.receiver.url().trim_end_matches("/hooks")),
        ]
    );

    world.receiver.forget();
    let (code, _, err) = world.command(&["endpoints", "backfill", "hr"]).await;
    assert_eq!(code, 0);
    assert!(
        err.contains("everything that is known, then what follows event 3: now."),
        "{err}"
    );
    let n_records = world.tenant.directory().n_users() + 20 + 13;
    within("everything came", || async {
        let deliveries = world.receiver.deliveries();
        let snapshots = deliveries.iter().filter(|delivery| {
            delivery
                .event_type
                .as_deref()
                .is_some_and(|it| it.ends_with(".snapshot"))
        });
        snapshots.count() == n_records
    })
    .await;
    within("the backfill is over", || async {
        listed().await["state"] == "taking"
    })
    .await;

    // An attempt at a snapshot is found by the name that the list prints.
    let (_, out, _) = world
        .command(&["deliveries", "--limit", "1", "--output", "json"])
        .await;
    let name = json(&out)[0]["event"].as_str().unwrap().to_owned();
    assert!(name.starts_with("snapshot/1/"), "{name}");
    let (code, out, _) = world.command(&["deliveries", "show", &name]).await;
    assert_eq!(code, 0);
    assert!(out.contains("delivered"), "{out}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_is_gone_or_in_trouble_shows() {
    let world = told(0).await;
    world
        .receiver
        .respond_with(Reply::Status(503), When::Always);
    rename(&world, 0);
    let (code, _, err) = world.command(&["sync"]).await;
    assert_eq!(code, 6, "{err}");

    let (code, out, _) = world.command(&["status"]).await;
    assert_eq!(code, 6);
    assert!(
        out.contains("in trouble") && out.contains("next probe at"),
        "{out}"
    );
    let (code, out, _) = world.command(&["check"]).await;
    assert_eq!(code, 6);
    assert!(out.contains("[deliver.endpoint-in-trouble]"), "{out}");
    let (code, out, _) = world.command(&["endpoints", "test", "hr"]).await;
    assert_eq!(code, 4);
    assert!(out.contains("[deliver.throttled]"), "{out}");

    world.receiver.respond_well();
    world
        .receiver
        .respond_with(Reply::Status(410), When::Always);
    // Once it is enabled, it is tried at once, before the next probe is due.
    world.command(&["endpoints", "enable", "hr"]).await;
    let running = world.start().await;
    within("it is disabled", || async {
        let (_, out, _) = world
            .command(&["endpoints", "list", "--output", "json"])
            .await;
        json(&out)[0]["state"] == "disabled"
    })
    .await;
    let (code, out, _) = world.command(&["status"]).await;
    assert_eq!(code, 4, "{out}");
    let (code, out, _) = world.command(&["check"]).await;
    assert_eq!(code, 4);
    assert!(
        out.contains("[deliver.endpoint-disabled]") && out.contains("endpoints enable hr"),
        "{out}"
    );

    world.receiver.respond_well();
    let (code, out, _) = world.command(&["endpoints", "test", "hr"]).await;
    assert_eq!(code, 0, "{out}");
    world.receiver.forget();
    world.command(&["endpoints", "enable", "hr"]).await;
    within("it is delivered", || async { sequences(&world) == [2] }).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_name_is_an_error_that_says_which_there_are() {
    let world = told(1).await;
    let id = world.receiver.deliveries()[0].id.clone();
    let other = format!("evt_0000000000000000{}", &id[20..]);

    for (args, expected, told) in [
        (
            &["deliveries", "--endpoint", "rh"][..],
            2,
            "no endpoint is called `rh`; there is `hr`",
        ),
        (&["endpoints", "enable", "rh"], 2, "there is `hr`"),
        (&["endpoints", "test", "rh"], 2, "there is `hr`"),
        (&["endpoints", "rotate-secret", "rh"], 2, "there is `hr`"),
        (
            &["replay", "--endpoint", "rh", "--parked"],
            2,
            "there is `hr`",
        ),
        (
            &["replay", "--endpoint", "hr", "--event", "99"],
            7,
            "event 99 does not exist",
        ),
        (
            &["replay", "--endpoint", "hr", "--event", &other],
            7,
            "belongs to another store",
        ),
        (
            &["replay", "--endpoint", "hr", "--event", "1"],
            1,
            "does not get event 1",
        ),
        (
            &[
                "replay",
                "--endpoint",
                "hr",
                "--event",
                "snapshot/1/user/nobody/1/7",
            ],
            7,
            "is not parked for `hr`",
        ),
        (
            &["replay", "--endpoint", "hr", "--event", "last"],
            2,
            "a sequence number",
        ),
        (
            &["replay", "--endpoint", "hr", "--since", "lately"],
            2,
            "a duration",
        ),
        (&["replay", "--endpoint", "hr"], 2, "--event"),
        (&["deliveries", "dismiss", "--endpoint", "hr"], 2, "--all"),
    ] {
        let (code, out, err) = world.command(args).await;

        assert_eq!(code, expected, "{args:?}: {out}{err}");
        assert!(err.contains(told), "{args:?}: {err}");
    }
    let (code, _, err) = world
        .command(&["replay", "--endpoint", "hr", "--event", &id])
        .await;
    assert_eq!(code, 0, "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_rotated_without_a_delivery_that_does_not_verify() {
    let world = told(0).await;
    let old = std::fs::read_to_string(world.path("endpoint")).unwrap();

    let (code, out, err) = world.command(&["endpoints", "rotate-secret", "hr"]).await;
    assert_eq!((code, out.as_str()), (0, ""), "{err}");
    let line = err
        .lines()
        .find(|line| line.contains("secret_file = ["))
        .unwrap();
    let new_path = line.split('"').nth(1).unwrap().to_owned();
    let new = std::fs::read_to_string(&new_path)
        .unwrap()
        .trim()
        .to_owned();
    assert!(new.starts_with("whsec_") && !err.contains(&new), "{err}");
    let mode = std::fs::metadata(&new_path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(
        std::fs::read_to_string(world.path("endpoint")).unwrap(),
        old
    );
    // A second one does not overwrite the first.
    let (code, _, err) = world.command(&["endpoints", "rotate-secret", "hr"]).await;
    assert_eq!(code, 0, "{err}");
    assert!(err.contains(&format!("{new_path}-2")), "{err}");
    assert_eq!(std::fs::read_to_string(&new_path).unwrap().trim(), new);

    // As the command advises: the new secret comes first, with the old one beside it. One receiver
    // already uses the new one.
    let moved = Receiver::start(vec![new.clone()]).await.unwrap();
    let config = world.standard_config();
    let single = config
        .lines()
        .find(|line| line.starts_with("secret_file"))
        .unwrap();
    let both = config.replace(single, line.trim());
    let (_, endpoint) = both.split_once("[[endpoints]]").unwrap();
    let second = endpoint
        .replace(&world.receiver.url(), &moved.url())
        .replace("name = \"hr\"", "name = \"moved\"");
    world.write_config(&format!("{both}\n[[endpoints]]{second}"));
    for endpoint in ["hr", "moved"] {
        let (code, out, err) = world.command(&["endpoints", "test", endpoint]).await;
        assert_eq!(code, 0, "{endpoint}: {out}{err}");
    }
    assert_eq!(
        (world.receiver.count(), world.receiver.count_unsigned()),
        (1, 0)
    );
    assert_eq!((moved.count(), moved.count_unsigned()), (1, 0));

    let (code, _, err) = world.command(&["endpoints", "rotate-secret", "hr"]).await;
    assert_eq!(code, 1);
    assert!(err.contains("has two secrets already"), "{err}");
    world.write_config(&config);
    let (code, out, _) = world
        .command(&["endpoints", "rotate-secret", "hr", "--print"])
        .await;
    assert_eq!(code, 0);
    assert!(
        out.trim().starts_with("whsec_") && out.trim() != new,
        "{out}"
    );
    assert_eq!(out.lines().count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_rotated_by_a_key_and_its_public_half_is_shown() {
    let world = told(0).await;
    world.write(
        "endpoint",
        "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==",
    );
    let listed = async || {
        let (code, out, err) = world
            .command(&["endpoints", "list", "--output", "json"])
            .await;
        assert_eq!(code, 0, "{err}");
        let row = json(&out)[0].clone();
        (row["format"].clone(), row["public_keys"].clone())
    };
    let old = json!(["whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="]);
    assert_eq!(listed().await, (json!("standard"), old));
    let (_, out, _) = world.command(&["endpoints", "list"]).await;
    assert!(out.contains("PUBLIC KEY"), "{out}");

    let (code, out, err) = world
        .command(&["endpoints", "rotate-secret", "hr", "--print"])
        .await;

    assert_eq!(code, 0, "{err}");
    assert!(out.starts_with("whsk_"), "{out}");
    let told = err.lines().find(|line| line.contains("Give the receiver"));
    let (_, public) = told.unwrap().split_once("public key, ").unwrap();
    // The public key that was printed belongs to the private key that was made.
    world.write("endpoint", &out);
    let new = json!([public.trim_end_matches('.')]);
    assert_eq!(listed().await, (json!("standard"), new));
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_say_where_they_are_cut_and_take_no_limit_of_nothing() {
    let world = told(0).await;
    world
        .receiver
        .respond_with(Reply::Status(404), When::Always);
    for number in 0..3 {
        rename(&world, number);
    }
    world.command(&["sync"]).await;

    let (code, out, err) = world
        .command(&[
            "deliveries",
            "--waiting",
            "--limit",
            "2",
            "--output",
            "jsonl",
        ])
        .await;
    assert_eq!((code, out.lines().count()), (0, 2), "{err}");
    assert!(err.contains("These are the first 2;"), "{err}");
    let (_, out, err) = world
        .command(&["deliveries", "--waiting", "--output", "jsonl"])
        .await;
    assert_eq!((out.lines().count(), err.as_str()), (3, ""));
    let (code, _, _) = world
        .command(&["deliveries", "--parked", "--limit", "0"])
        .await;
    assert_eq!(code, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_left_the_configuration_is_still_listed_and_dismissed() {
    let world = told(1).await;
    park(&world, &[2]);
    let config = world.standard_config();
    world.write_config(&config.replace("name = \"hr\"", "name = \"crm\""));

    let (code, out, _) = world
        .command(&["endpoints", "list", "--output", "json"])
        .await;
    assert_eq!(code, 0);
    let rows = json(&out);
    let states: Vec<_> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| [&row["endpoint"], &row["state"], &row["parked"]])
        .collect();
    assert_eq!(
        json!(states),
        json!([["crm", "new", 0], ["hr", "not configured", 1]])
    );
    let (code, _, _) = world
        .command(&["replay", "--endpoint", "hr", "--parked"])
        .await;
    assert_eq!(code, 2);
    let (code, _, err) = world
        .command(&["deliveries", "dismiss", "--endpoint", "hr", "--all"])
        .await;
    assert_eq!(code, 0, "{err}");
    assert!(parked(&world).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_chooses_by_what_is_not_there_is_told_of() {
    let world = World::new().await;
    let choose = |keys: &str| {
        let config = world.standard_config();
        world.write_config(&config.replace("name = \"hr\"", &format!("name = \"hr\"\n{keys}")));
    };
    let id = world.tenant.tenant_id();

    choose("tenants = [\"acmee\"]");
    let (code, out, _) = world.command(&["check"]).await;
    assert_eq!(code, 2, "{out}");
    assert!(out.contains("no tenant is called `acmee`"), "{out}");
    world.command(&["sync"]).await;
    for (keys, expected, said) in [
        ("tenants = [\"acmee\"]", 2, "[deliver.unknown-tenant]"),
        (
            "tenants = [\"acme\", \"acmee\"]",
            2,
            "no tenant is called `acmee`",
        ),
        (
            "roles = [\"TenantAdminn\"]",
            0,
            "no role that was read so far is called `TenantAdminn`",
        ),
        ("tenants = [\"acme\"]\nroles = [\"TenantAdmin\"]", 0, ""),
    ] {
        choose(keys);
        for command in ["check", "status"] {
            let (code, out, err) = world.command(&[command]).await;

            assert_eq!(code, expected, "{command} {keys}: {out}{err}");
            assert!(words(&out).contains(said), "{command} {keys}: {out}");
            assert_eq!(out.contains("deliver.unknown"), !said.is_empty(), "{out}");
        }
    }
    // By the name that Qlik shows, and by id.
    choose(&format!("tenants = [\"{id}\"]"));
    let (code, out, _) = world.command(&["check"]).await;
    assert_eq!(code, 0, "{out}");
}

/// Returns the words of a table, whatever its width.
fn words(table: &str) -> String {
    let words = table.split(|c: char| c.is_whitespace() || c == '│' || c == '┆');
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    words.join(" ")
}
