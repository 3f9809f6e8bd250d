//! An empty list says why it is empty, and what to do next.

use crate::support::World;

/// Lists before anything was read, and what they say.
const UNREAD: &[(&[&str], &str)] = &[
    (
        &["users"],
        "No users are known yet. `qlik-roster sync` reads them.",
    ),
    (
        &["roles"],
        "No roles are known yet. `qlik-roster sync` reads them.",
    ),
    (
        &["groups"],
        "No groups are known yet. `qlik-roster sync` reads them.",
    ),
    (&["users", "--status", "disabled"], "No user matches."),
    (&["runs"], "No run yet. `qlik-roster sync` does one."),
    (&["runs", "--failed"], "No failed run is on record."),
    (
        &["events"],
        "No events yet: nothing has changed since each tenant was first read in full.",
    ),
    (
        &["events", "--type", "user.deleted"],
        "No such event is on record.",
    ),
    (&["plan"], "No removals were ever held."),
    (
        &["findings", "--accepted"],
        "No finding is accepted. `qlik-roster findings accept ID --why TEXT` accepts one.",
    ),
    (
        &["findings", "--min", "high"],
        "No such finding, as far as is known.",
    ),
    (
        &["findings", "--accepted", "--min", "high"],
        "No such finding is accepted.",
    ),
    (
        &["deliveries"],
        "No delivery attempt is on record: nothing was due, or it was more than a week ago.",
    ),
    (
        &["deliveries", "--waiting"],
        "Nothing is waiting for another attempt.",
    ),
    (&["deliveries", "--parked"], "Nothing was given up on."),
    (&["store", "accept"], "No unacknowledged losses."),
];

/// A world with an empty store.
async fn empty_world() -> World {
    let world = World::new().await;
    world.store().close().unwrap();
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_list_says_why_and_what_next() {
    let world = empty_world().await;
    for (args, expected) in UNREAD {
        let (code, out, err) = world.command(args).await;

        // Nobody knows what would be found in a tenant that was never read.
        let exit = if args[0] == "findings" { 5 } else { 0 };
        assert_eq!((code, out.trim_end()), (exit, *expected), "{args:?}: {err}");
        let (code, out, _) = world
            .command(&[*args, &["--output", "json"]].concat())
            .await;
        assert_eq!((code, out.as_str()), (exit, "[]\n"), "{args:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn findings_say_which_tenant_was_never_read() {
    let world = empty_world().await;

    let (_, out, err) = world.command(&["findings"]).await;

    assert_eq!(
        out.trim_end(),
        "Nothing of concern was found, as far as is known."
    );
    assert!(
        err.contains("Nothing is known of `acme`, which was never read"),
        "{err}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_about_access_say_which_tenant_was_never_read() {
    let world = empty_world().await;
    for (args, expected) in [
        (
            &["access"][..],
            "Nobody was found who holds a role by a path of their own.",
        ),
        (
            &["access", "stale"],
            "No administrator was found who might be idle.",
        ),
        (
            &["access", "diff", "--from", "1d"],
            "Nobody was found whose access differs.",
        ),
    ] {
        let (code, out, err) = world.command(args).await;

        assert_eq!((code, out.trim_end()), (0, expected), "{args:?}: {err}");
        let said = "Nothing is known of `acme`, which was never read: no run of it has ended.";
        assert!(err.contains(said), "{args:?}: {err}");
        let json = [args, &["--output", "json"]].concat();
        let (_, out, _) = world.command(&json).await;
        let told: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(told["answers"][0]["tenant"], "acme", "{args:?}");
        assert_eq!(told["answers"][0]["complete"], false, "{args:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_tenants_and_endpoints_lists_name_the_next_step() {
    let world = empty_world().await;
    let config = world.standard_config();
    let (top, _) = config.split_once("[[connections]]").unwrap();
    let client = world.path("client");
    let connection = |name, kind| {
        format!(
            "[[connections]]\nname = {name:?}\nkind = {kind:?}\nclient_id = \"id\"\n\
             client_secret_file = {client:?}\n"
        )
    };
    // The tenants come from a console that nobody has asked yet.
    world.write_config(&format!(
        "{top}{}hosts = []\n{}subscription = \"sub\"\nread_with = \"eu\"\n",
        connection("eu", "region"),
        connection("all", "organization"),
    ));
    for (command, expected) in [
        (
            "tenants",
            "No tenants yet. `qlik-roster sync` asks the console for them.",
        ),
        (
            "endpoints",
            "No endpoint is configured: `[[endpoints]]` of the configuration lists them.",
        ),
        (
            "status",
            "Nothing is known yet. `qlik-roster sync` does a first run.",
        ),
        ("findings", "Nothing of concern was found."),
    ] {
        let (code, out, err) = world.command(&[command]).await;

        assert_eq!((code, out.trim_end()), (0, expected), "{command}: {err}");
    }
}
