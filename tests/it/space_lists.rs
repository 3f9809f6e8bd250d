//! Lists of spaces, what a leaver owns, and what `check` says about spaces.

use std::collections::{BTreeMap, BTreeSet};

use qlik_roster::clock::Clock;
use qlik_roster::control::{NotKnown, SpaceChoice, SpacesPage, query};
use qlik_roster::demo::tenant::{
    Assignee, Directory, EmulatedTenant, Endpoint, Fault, NewSpace, NewUser, RateLimits, Space,
    SpaceEdit, SpacePart, SpaceSort, TenantOptions, When,
};
use qlik_roster::model::{Id, SpaceId, TenantName, Timestamp, UserId};
use serde_json::Value;

use crate::spaces::{self, DAY, reading};
use crate::support::{Running, World, within};

/// A world whose spaces are read, and whose guard allows every removal.
async fn world(clock: Clock, spaces: usize) -> World {
    let world = spaces::world(clock, spaces).await;
    world.let_all_go();
    let config = std::fs::read_to_string(world.config_path()).unwrap();
    world.write_config(&format!("[access]\nspaces = true\n{config}"));
    world
}

/// Waits until all spaces were read once more since a time.
async fn read_since(running: &Running, time: Timestamp) {
    within("the spaces are read", || async {
        let reading = reading(running).mark;
        reading.began.is_none() && reading.last >= Some(time)
    })
    .await;
}

/// Asks for all spaces of a choice, in pages of a few.
async fn ask(
    running: &Running,
    choice: &SpaceChoice,
    at: Option<Timestamp>,
    limit: usize,
) -> SpacesPage {
    let mut whole: Option<SpacesPage> = None;
    let mut after: Option<Id> = None;
    loop {
        let mut answer = running
            .ask(query::Spaces {
                tenant: TenantName("acme".to_owned()),
                choice: choice.clone(),
                at,
                after,
                limit,
            })
            .await;
        assert!(answer.page.rows.len() <= limit);
        after = answer.page.next.take();
        match &mut whole {
            Some(whole) => whole.page.rows.extend(answer.page.rows),
            None => whole = Some(answer),
        }
        if after.is_none() {
            return whole.unwrap();
        }
    }
}

/// Computes it from the data of the tenant: name, owner, and the numbers of assignments and shares.
type Reckoning = BTreeMap<SpaceId, (String, Option<UserId>, u64, u64)>;

fn reckon(spaces: &[Space], choice: &SpaceChoice) -> Reckoning {
    let is_wanted = |space: &&Space| choice.owner.is_none() || choice.owner == space.owner;
    let is_sort = |space: &&Space| {
        let sort = choice.sort.as_deref();
        sort.is_none_or(|sort| sort == space.sort.as_str())
    };
    let is_called = |space: &&Space| {
        let part = choice.name.as_deref().unwrap_or_default();
        space.name.to_lowercase().contains(&part.to_lowercase())
    };
    let spaces = spaces.iter();
    let wanted = spaces.filter(is_wanted).filter(is_sort).filter(is_called);
    let rows = wanted.map(|space| {
        let counts = (space.assignments.len() as u64, space.shares.len() as u64);
        let row = (space.name.clone(), space.owner.clone(), counts.0, counts.1);
        (space.id.clone(), row)
    });
    rows.collect()
}

fn as_reckoning(answer: &SpacesPage) -> Reckoning {
    let ids: Vec<_> = answer.page.rows.iter().map(|row| &row.space.id).collect();
    assert!(ids.is_sorted(), "out of order: {ids:?}");
    let mut reckoning = Reckoning::new();
    for row in &answer.page.rows {
        let owner = row.owner.as_ref().map(|owner| owner.id.clone());
        let counts = (row.assignments.unwrap(), row.shares.unwrap());
        let cells = (row.space.name.clone(), owner, counts.0, counts.1);
        let twice = reckoning.insert(row.space.id.clone(), cells);
        assert_eq!(twice, None, "a row came twice");
    }
    reckoning
}

#[tokio::test(flavor = "multi_thread")]
async fn spaces_are_listed_by_owner_type_and_name_now_and_as_they_were() {
    let clock = Clock::stopped_at(Timestamp::parse("2026-03-01T08:00:00Z").unwrap());
    let world = world(clock, 25).await;
    let tenant = world.tenant.directory();
    let began = world.clock.now();
    let running = world.start().await;
    read_since(&running, began).await;
    let mut sights = vec![(world.clock.now(), tenant.spaces())];
    for spaces in [0, 2] {
        world.clock.set(world.clock.now().plus(DAY));
        for n in 0..4 {
            tenant
                .delete_space(&tenant.spaces()[spaces + n].id)
                .unwrap();
            let edit = SpaceEdit::Name(format!("Berlin {n}"));
            tenant
                .update_space(&tenant.spaces()[9 + n].id, edit)
                .unwrap();
            tenant.create_space(NewSpace {
                name: format!("New {n}"),
                sort: SpaceSort::Data,
                owner: tenant.users()[n].id.clone(),
            });
        }
        running.sync().await;
        read_since(&running, world.clock.now()).await;
        sights.push((world.clock.now(), tenant.spaces()));
    }
    let owner = tenant.users()[1].id.clone();
    let text = |text: &str| Some(text.to_owned());
    let choices = [
        SpaceChoice::default(),
        SpaceChoice {
            owner: Some(owner),
            ..SpaceChoice::default()
        },
        SpaceChoice {
            sort: text("data"),
            ..SpaceChoice::default()
        },
        SpaceChoice {
            sort: text("data"),
            name: text("nEW"),
            ..SpaceChoice::default()
        },
        SpaceChoice {
            name: text("berlin"),
            ..SpaceChoice::default()
        },
    ];
    let last = sights.len() - 1;
    for (i, (at, spaces)) in sights.iter().enumerate() {
        let times = match i == last {
            true => vec![Some(*at), None],
            false => vec![Some(*at)],
        };
        for (at, choice) in times
            .iter()
            .flat_map(|at| choices.iter().map(move |it| (at, it)))
        {
            for limit in [1, 3, 500] {
                let answer = ask(&running, choice, *at, limit).await;

                let expected = reckon(spaces, choice);
                assert_eq!(as_reckoning(&answer), expected, "{choice:?} at {at:?}");
                assert_eq!(answer.page.envelope.not_known, BTreeSet::new());
            }
        }
    }
    running.stop().await;
}

async fn json(world: &World, args: &[&str]) -> Value {
    let (code, out, err) = world.command(&[args, &["--output", "json"]].concat()).await;
    assert_eq!(code, 0, "{args:?}: {err}");
    serde_json::from_str(&out).unwrap()
}

fn leaver(tenant: &Directory) -> UserId {
    let lena = tenant.create_user(NewUser::named("Lena Leaver")).unwrap();
    for (name, sort) in [
        ("Sales EMEA", SpaceSort::Shared),
        ("Vault", SpaceSort::Data),
    ] {
        tenant.create_space(NewSpace {
            name: name.into(),
            sort,
            owner: lena.clone(),
        });
    }
    lena
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_asks_what_a_leaver_owns() {
    let world = world(Clock::system(), 3).await;
    let tenant = world.tenant.directory();
    let lena = leaver(tenant);
    tenant.create_user(NewUser::named("Ida Idle")).unwrap();
    let began = world.clock.now();
    let running = world.start().await;
    read_since(&running, began).await;
    let before = world.clock.now();

    let told = json(&world, &["access", "owned", "--user", "Lena Leaver"]).await;
    let rows = told["rows"].as_array().unwrap().iter();
    let names: BTreeSet<_> = rows
        .map(|row| row["space"]["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["Sales EMEA", "Vault"].into());
    let answer = &told["answers"][0];
    assert_eq!(answer["complete"], false);
    assert_eq!(answer["not_known"][0]["what"], "other_things");
    assert_eq!(answer["user"]["name"], "Lena Leaver");
    let (code, out, err) = world
        .command(&["access", "owned", "--user", "Lena Leaver"])
        .await;
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("Vault"), "{out}");
    assert!(
        err.contains("a user may own apps, data connections"),
        "{err}"
    );
    let args = ["spaces", "--owner", "Lena Leaver", "--type", "data"];
    let (_, out, _) = world
        .command(&[&args[..], &["--output", "csv"]].concat())
        .await;
    let rows: Vec<&str> = out.lines().collect();
    assert_eq!(rows.len(), 2, "{out}");
    assert!(rows[1].starts_with("acme,Vault,data,Lena Leaver,"), "{out}");
    let (code, out, err) = world
        .command(&["access", "owned", "--user", "Ida Idle"])
        .await;
    let nothing = "The user owns no space that is known.";
    assert_eq!((code, out.trim_end()), (0, nothing), "{err}");
    let (code, out, _) = world.command(&["spaces", "--name", "nowhere"]).await;
    assert_eq!((code, out.trim_end()), (0, "No space matches."));
    for args in [&["access", "owned", "--user"][..], &["spaces", "--owner"]] {
        let (code, _, err) = world.command(&[args, &["Nobody at all"]].concat()).await;
        assert_eq!(code, 7, "{err}");
        assert!(err.contains("no user is called `Nobody at all`"), "{err}");
    }

    tenant.delete_user(&lena).unwrap();
    running.sync().await;
    let (id, then) = (lena.0.to_string(), before.to_string());
    let args = ["access", "owned", "--user", &id, "--as-of", &then];
    let told = json(&world, &args).await;
    assert_eq!(told["rows"].as_array().unwrap().len(), 2);
    assert_eq!(told["answers"][0]["user"]["name"], "Lena Leaver");
    let told = json(&world, &["access", "owned", "--user", &id]).await;
    assert_eq!(told["answers"][0]["user"], Value::Null);
    assert_eq!(told["rows"][0]["owner"]["user"], Value::Null);
    running.stop().await;
}

/// The first tenant uses up the limit, and the other one has a single space.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_the_limit_leaves_out_is_not_none() {
    let world = world(Clock::system(), 1).await;
    let options = TenantOptions {
        users: 10,
        seed: 2,
        spaces: 1,
        rate_limits: RateLimits::Off,
        ..TenantOptions::default()
    };
    let other = EmulatedTenant::start(options, world.clock.clone()).await;
    let other = other.unwrap();
    world.write("other", other.client_secret().expose());
    let config = std::fs::read_to_string(world.config_path()).unwrap();
    world.write_config(&format!(
        "{config}\n[[connections]]\nname = \"other\"\nkind = \"tenant\"\nclient_id = \"{}\"\n\
         client_secret_file = {:?}\n[[tenants]]\nname = \"beta\"\nhost = \"{}\"\nconnection = \
         \"other\"\n",
        other.client_id(),
        world.path("other"),
        other.url()
    ));
    for tenant in [world.tenant.directory(), other.directory()] {
        let space = tenant.create_space(NewSpace {
            name: "Twin".into(),
            sort: SpaceSort::Shared,
            owner: tenant.users()[0].id.clone(),
        });
        for name in ["One", "Two"] {
            let group = Assignee::Group(tenant.create_group(name));
            tenant.assign(&space, group, &["consumer"]).unwrap();
        }
    }
    let running = world.start().await;
    within("the spaces of both are read", || async {
        let store = running.store();
        let tenants = store.tenants().unwrap();
        let is_read = |no| store.space_reading(no).unwrap().mark.last.is_some();
        tenants.len() == 2 && tenants.iter().all(|known| is_read(known.no))
    })
    .await;

    let told = json(&world, &["spaces", "--name", "Twin", "--limit", "1"]).await;

    assert_eq!(told["rows"].as_array().unwrap().len(), 1);
    let answers = &told["answers"];
    assert_eq!(answers[0]["complete"], true);
    assert_eq!(answers[1]["complete"], false);
    assert_eq!(answers[1]["not_known"][0]["what"], "rest");
    // Assignments to groups are not rows, so the limit does not apply to them.
    let told = json(&world, &["access", "--space", "Twin", "--limit", "1"]).await;
    assert_eq!(told["rows"].as_array().unwrap().len(), 1);
    for answer in told["answers"].as_array().unwrap() {
        let entries = answer["space"]["entries"].as_array().unwrap();
        assert_eq!(entries.len(), 2, "{answer}");
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_spaces_that_are_not_read_says_so() {
    let world = World::new().await;
    world.command(&["sync"]).await;

    let (code, out, err) = world.command(&["spaces"]).await;

    assert_eq!((code, out.trim_end()), (0, "No spaces are known."));
    assert!(err.contains("its spaces were not read in full"), "{err}");
    let told = json(&world, &["spaces"]).await;
    assert_eq!(told["answers"][0]["complete"], false);
    assert_eq!(told["answers"][0]["not_known"][0]["what"], "spaces");
    let page = world.start().await;
    let answer = ask(&page, &SpaceChoice::default(), None, 10).await;
    assert_eq!(answer.page.envelope.not_known, [NotKnown::Spaces].into());
    page.stop().await;
}

/// Returns step, result and code of each line of `check` about spaces, with the exit code.
async fn checked(world: &World) -> (i32, Vec<(String, String, Value)>) {
    let (code, out, _) = world.command(&["check", "--output", "json"]).await;
    let lines: Vec<Value> = serde_json::from_str(&out).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let lines = lines.iter();
    let lines = lines.map(|line| {
        (
            text(&line["step"]),
            text(&line["result"]),
            line["error_code"].clone(),
        )
    });
    (
        code,
        lines.filter(|line| line.0.starts_with("space")).collect(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn check_says_what_of_spaces_can_be_read() {
    let world = world(Clock::system(), 2).await;
    let tenant = world.tenant.directory();
    let line = |step: &str, result: &str, code: Option<&str>| {
        let code = code.map_or(Value::Null, Value::from);
        (step.to_owned(), result.to_owned(), code)
    };
    let (spaces, assignments, shares) = ("spaces", "space assignments", "space shares");
    let all_well = [spaces, assignments, shares].map(|step| line(step, "ok", None));
    assert_eq!(checked(&world).await, (0, all_well.to_vec()));

    let ids: Vec<SpaceId> = tenant.spaces().into_iter().map(|space| space.id).collect();
    let hide = |id, part, status| {
        let edit = SpaceEdit::Hide(part, status);
        tenant.update_space(id, edit).unwrap();
    };
    hide(&ids[0], SpacePart::Shares, 404);
    hide(&ids[0], SpacePart::Assignments, 403);
    hide(&ids[1], SpacePart::Assignments, 403);
    let (code, lines) = checked(&world).await;
    assert_eq!(lines[0], line(spaces, "ok", None));
    assert_eq!(
        lines[1],
        line(assignments, "failed", Some("qlik.forbidden"))
    );
    assert_eq!(lines[2].1, "warning");
    assert_eq!(code, 4);
    let (_, out, _) = world.command(&["check"]).await;
    assert!(out.contains("visible in 0 of 2 spaces"), "{out}");
    assert!(
        out.contains("the role TenantAdmin; until then what is known"),
        "{out}"
    );

    world
        .tenant
        .faults()
        .on(Endpoint::Spaces, Fault::Forbidden, When::Always);
    let (code, lines) = checked(&world).await;
    assert_eq!(
        (code, lines),
        (4, vec![line(spaces, "failed", Some("qlik.forbidden"))])
    );
    world.write_config(&world.standard_config());
    assert_eq!(checked(&world).await, (0, Vec::new()));
}
