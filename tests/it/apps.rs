//! Who can open an app that was never shared: only Qlik knows where such an app is.

use std::time::Duration;

use qlik_roster::clock::Clock;
use qlik_roster::demo::tenant::{
    Assignee, Endpoint, Fault, NewSpace, NewUser, SpaceEdit, SpacePart, SpaceSort, When,
};
use qlik_roster::model::{SpaceId, Timestamp};
use serde_json::{Value, json};

use crate::hooks::metrics;
use crate::spaces::{read_once, world};
use crate::support::{Running, World};

/// Maria is a consumer in the space Sales, Olga owns it, and Gus has no access.
struct Case {
    world: World,
    running: Running,
    sales: SpaceId,
}

async fn case() -> Case {
    let clock = Clock::stopped_at(Timestamp::parse("2026-06-01T08:00:00Z").unwrap());
    let world = world(clock, 2).await;
    let tenant = world.tenant.directory();
    let [maria, olga, _gus] = ["Maria Silva", "Olga Owner", "Gus Guest"]
        .map(|name| tenant.create_user(NewUser::named(name)).unwrap());
    let sales = tenant.create_space(NewSpace {
        name: "Sales".into(),
        sort: SpaceSort::Shared,
        owner: olga.clone(),
    });
    let with = Assignee::User(maria.clone());
    tenant.assign(&sales, with, &["consumer"]).unwrap();
    let there = Some(sales.clone());
    tenant.create_app("app-1", olga, there).unwrap();
    tenant.create_app("app-2", maria, None).unwrap();
    let running = world.start().await;
    read_once(&running).await;
    Case {
        world,
        running,
        sales,
    }
}

impl Case {
    /// Runs a command with JSON as its output. Returns its exit code, too.
    async fn json(&self, args: &[&str]) -> (i32, Value) {
        let args = [args, &["--output", "json"]].concat();
        let (code, out, err) = self.world.command(&args).await;
        let told = serde_json::from_str(&out);
        (
            code,
            told.unwrap_or_else(|_| panic!("{args:?}: {out}{err}")),
        )
    }

    fn asked(&self) -> u64 {
        self.world.tenant.requests().at(Endpoint::Items)
    }
}

fn names(told: &Value) -> Vec<&str> {
    let rows = told["rows"].as_array().unwrap().iter();
    rows.map(|row| row["user"]["name"].as_str().unwrap())
        .collect()
}

/// What the answer does not know of the place of the app.
fn lack(answer: &Value) -> &Value {
    let mut not_known = answer["not_known"].as_array().unwrap().iter();
    let of_app = not_known.find(|it| it["what"] == "app");
    of_app.map_or(&Value::Null, |it| &it["lack"])
}

#[tokio::test(flavor = "multi_thread")]
async fn qlik_says_in_which_space_an_app_is_that_was_never_shared() {
    let case = case().await;

    let (code, told) = case.json(&["access", "--app", "app-1"]).await;

    assert_eq!(
        (code, names(&told)),
        (0, vec!["Maria Silva", "Olga Owner"]),
        "{told}"
    );
    let answer = &told["answers"][0];
    assert_eq!(answer["found"][0]["remote_id"], case.sales.to_string());
    assert_eq!(answer["not_known"], json!([]), "{answer}");
    assert_eq!(case.asked(), 1);
    let explain = |user| ["access", "explain", "--user", user, "--app", "app-1"];
    let (_, out, _) = case.world.command(&explain("Maria Silva")).await;
    assert!(
        out.contains("Maria Silva -> consumer -> Sales -> app app-1"),
        "{out}"
    );
    let (_, out, _) = case.world.command(&explain("Gus Guest")).await;
    assert!(
        out.contains("Gus Guest has no access to the app app-1 of the space Sales"),
        "{out}"
    );
    assert_eq!(case.asked(), 3);
    // An app that is shared is found without asking.
    let tenant = case.world.tenant.directory();
    let link = tenant.share(&case.sales, "app-9", Assignee::Link, &["consumer"]);
    link.unwrap();
    let later = case.world.clock.now().plus(crate::spaces::DAY);
    case.world.clock.set(later);
    crate::spaces::read_again(&case.world, &case.running).await;
    let (code, _) = case.json(&["access", "--app", "app-9"]).await;
    assert_eq!((code, case.asked()), (0, 3));
    case.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_owner_has_an_app_in_a_personal_space() {
    let case = case().await;

    let (code, told) = case.json(&["access", "--app", "app-2"]).await;

    assert_eq!((code, names(&told)), (0, vec!["Maria Silva"]), "{told}");
    assert_eq!(told["rows"][0]["paths"][0]["type"], "owner");
    let answer = &told["answers"][0];
    assert_eq!(answer["not_known"], json!([{ "what": "personal_spaces" }]));
    assert_eq!(answer["space"]["type"], "personal");
    let potential = ["access", "--app", "app-2", "--potential"];
    let (_, told) = case.json(&potential).await;
    assert_eq!(names(&told), [""; 0], "nobody takes a role there");
    for (user, says) in [
        (
            "Maria Silva",
            "Maria Silva -> owner -> personal space -> app app-2",
        ),
        (
            "Gus Guest",
            "Gus Guest has no access to the app app-2 in a personal space",
        ),
    ] {
        let args = ["access", "explain", "--user", user, "--app", "app-2"];
        let (code, out, err) = case.world.command(&args).await;
        assert_eq!(code, 0, "{err}");
        assert!(out.contains(says), "{out}");
        assert!(out.contains("personal spaces are not read"), "{out}");
    }
    // Once it is moved, the next question finds it there.
    let there = Some(case.sales.clone());
    case.world
        .tenant
        .directory()
        .move_app("app-2", there)
        .unwrap();
    let (_, told) = case.json(&["access", "--app", "app-2"]).await;
    assert_eq!(names(&told), ["Maria Silva", "Olga Owner"]);
    case.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_an_app_is_may_not_be_known_and_that_is_never_nobody() {
    let case = case().await;
    let faults = case.world.tenant.faults();
    let hide = SpaceEdit::Hide(SpacePart::Itself, 404);
    let tenant = case.world.tenant.directory();
    let new = tenant.create_space(NewSpace {
        name: "New".into(),
        sort: SpaceSort::Shared,
        owner: tenant.users()[0].id.clone(),
    });
    tenant.update_space(&new, hide).unwrap();
    let owner = tenant.users()[0].id.clone();
    tenant.create_app("app-3", owner, Some(new)).unwrap();
    for (app, fault, expected) in [
        ("app-0", None, "not_shown"),
        ("app-3", None, "unknown_space"),
        ("app-1", Some(Fault::Forbidden), "refused"),
        ("app-1", Some(Fault::Html(200)), "no_answer"),
        ("app-1", Some(Fault::EmptyCollection), "not_shown"),
        ("app-1", Some(Fault::NotFound), "not_shown"),
        ("app-1", Some(Fault::WrongTypes), "unreadable"),
        ("app-2", Some(Fault::RepeatedCursor), "no_answer"),
    ] {
        if let Some(fault) = fault.clone() {
            faults.on(Endpoint::Items, fault, When::Always);
        }

        let (code, told) = case.json(&["access", "--app", app]).await;
        let explain = ["access", "explain", "--user", "Maria Silva", "--app", app];
        let (explained, of_maria) = case.json(&explain).await;

        let answer = &told["answers"][0];
        assert_eq!(lack(answer), expected, "{app}, {fault:?}: {answer}");
        assert_eq!(answer["complete"], false);
        assert_eq!(lack(&of_maria["answer"]), expected);
        assert_eq!((code, explained), (7, 7), "{app}, {fault:?}");
        assert_eq!((names(&told), names(&of_maria)), (vec![], vec![]));
        faults.clear();
    }
    case.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_daemon_asks_where_an_app_is_and_it_counts_the_requests() {
    let case = case().await;
    // What was sent before and that no run has counted is counted with the first question.
    case.json(&["access", "--app", "app-1"]).await;
    let requests = |metrics: &str| {
        let name = "qlik_roster_qlik_requests_total{tenant=\"acme\"} ";
        let mut lines = metrics.lines();
        let count = lines.find_map(|line| line.strip_prefix(name));
        count.map_or(0.0, |count| count.parse::<f64>().unwrap())
    };
    let before = requests(&metrics(&case.running).await);
    let total = case.world.tenant.requests().total();

    let (code, _) = case.json(&["access", "--app", "app-1"]).await;

    assert_eq!(code, 0);
    let counted = requests(&metrics(&case.running).await) - before;
    let sent = case.world.tenant.requests().total() - total;
    assert_eq!((counted, sent), (sent as f64, 1));
    // Qlik only says where an app is now.
    let then = case.world.clock.now().to_string();
    case.world
        .clock
        .set(case.world.clock.now().plus(Duration::from_secs(60)));
    let earlier = ["access", "--app", "app-1", "--as-of", &then];
    let (code, told) = case.json(&earlier).await;
    assert_eq!((code, lack(&told["answers"][0])), (7, &json!("earlier")));
    let Case { world, running, .. } = case;
    running.stop().await;
    let args = ["access", "--app", "app-1", "--output", "json"];
    let (code, out, err) = world.command(&args).await;
    let told: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, lack(&told["answers"][0])), (7, &json!("not_asked")));
    assert!(err.contains("only a running daemon"), "{err}");
    assert_eq!(world.tenant.requests().at(Endpoint::Items), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_about_everything_say_that_personal_spaces_are_not_read() {
    let case = case().await;
    let says_so = |answer: &Value| {
        let mut not_known = answer["not_known"].as_array().unwrap().iter();
        not_known.any(|it| it["what"] == "personal_spaces")
    };

    let (_, of_user) = case.json(&["access", "--user", "Maria Silva"]).await;
    let (_, of_space) = case.json(&["access", "--space", "Sales"]).await;

    assert!(says_so(&of_user["answer"]), "{of_user}");
    assert!(!says_so(&of_space["answers"][0]), "{of_space}");
    assert_eq!(of_space["answers"][0]["complete"], true);
    for (name, rights, is_said) in [
        ("all", &[][..], true),
        ("one", &["--space", "Sales"], false),
        ("role", &["--role", "consumer"], false),
    ] {
        let out = case.world.path(name);
        std::fs::create_dir(&out).unwrap();
        let review = ["access", "review", "--tenant", "acme", "--out"];
        let args = [&review[..], &[out.to_str().unwrap()], rights].concat();
        let (_, _, err) = case.world.command(&args).await;
        assert_eq!(
            err.contains("personal spaces are not read"),
            is_said,
            "{err}"
        );
    }
    case.running.stop().await;
}
