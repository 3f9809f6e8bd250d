//! Every event matches the schema that the manual publishes for its type.
//!
//! The schemas are made by `model`, and what a real daemon sends is checked against them in their
//! strict form, in which nothing may be left out and nothing added. What is published says less:
//! fields may be added later, and a field that an endpoint does not get to see is not there.
//! `QLIK_ROSTER_BLESS=1` writes the files again, with an example from this very run.

mod model;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use boon::{Compiler, Draft, Schemas};
use qlik_roster::clock::Clock;
use qlik_roster::deliver::{EVENT_TYPES, TEST_EVENT};
use qlik_roster::demo::tenant::{
    Assignee, Edit, Endpoint, Fault, GroupEdit, NewSpace, NewUser, RateLimits, RoleEdit, SpaceEdit,
    SpaceSort, TenantOptions, When,
};
use qlik_roster::demo::{Receiver, Reply};
use qlik_roster::model::Timestamp;
use serde_json::Value;

use crate::support::{Running, SECRET, World, within};
use model::Form;

/// The type of the event that a damaged store leads to.
const HISTORY_LOST: &str = "history.lost";

fn published() -> Vec<&'static str> {
    EVENT_TYPES.into_iter().chain([TEST_EVENT]).collect()
}

fn file(event_type: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("docs/events/{event_type}.json"))
}

/// Returns what is wrong with an event, or `None` if it matches the schema.
fn flaw(schema: &Value, event: &Value) -> Option<String> {
    let mut schemas = Schemas::new();
    let mut compiler = Compiler::new();
    compiler.set_default_draft(Draft::V2020_12);
    compiler.enable_format_assertions();
    compiler.add_resource("event.json", schema.clone()).unwrap();
    let index = compiler.compile("event.json", &mut schemas).unwrap();
    let flaw = schemas.validate(event, index).err();
    flaw.map(|flaw| format!("{flaw:#}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_is_of_the_published_schema() {
    let world = World::new().await;
    let config = world.standard_config();
    let all = config.replace("events = [\"user.*\", \"role.*\", \"group.*\"]\n", "");
    assert_ne!(all, config);
    // Another endpoint, whose receiver answers 410 Gone to the first message.
    let leaver = Receiver::start(vec![SECRET.to_owned()]).await.unwrap();
    leaver.respond_with(Reply::Status(410), When::Always);
    let (_, hr) = all.split_once("[[endpoints]]").unwrap();
    let payroll = hr
        .replace("\"hr\"", "\"payroll\"")
        .replace(&world.receiver.url(), &leaver.url());
    world.write_config(&format!("{all}[[endpoints]]{payroll}"));
    let running = world.start().await;
    everything_happens(&world, &running).await;
    running.stop().await;
    // The note that a reader leaves when it has met damage.
    std::fs::write(
        world.path("store/current/damaged"),
        "a value that was flipped",
    )
    .unwrap();
    let running = world.start().await;
    within("that history was lost is told", || async {
        let deliveries = world.receiver.deliveries();
        let mut types = deliveries
            .iter()
            .map(|delivery| delivery.event_type.clone());
        types.any(|event_type| event_type.as_deref() == Some(HISTORY_LOST))
    })
    .await;
    running.stop().await;
    // The command fails because removals are held. That does not matter: it still sends a trial
    // event.
    let (_, out, _) = world.command(&["check", "--endpoints"]).await;
    assert!(out.contains("test event"), "{out}");
    let deliveries = world.receiver.deliveries();
    let events = deliveries.iter().map(|delivery| delivery.body.clone());

    let mut examples: BTreeMap<String, Value> = BTreeMap::new();
    for event in events {
        let event_type = event["type"].as_str().unwrap().to_owned();
        assert!(published().contains(&event_type.as_str()), "{event_type}");
        for form in [Form::Strict, Form::Published] {
            let flaw = flaw(&model::schema(&event_type, form), &event);
            assert_eq!(flaw, None, "{event:#}");
        }
        // The longest event is the best example.
        let size = |event: &Value| event.to_string().len();
        match examples.get(&event_type) {
            Some(known) if size(known) >= size(&event) => {}
            _ => {
                examples.insert(event_type, event);
            }
        }
    }

    let others = published().into_iter();
    for event_type in others.filter(|it| !it.starts_with("space.")) {
        let example = examples.get(event_type);
        let example = example.unwrap_or_else(|| panic!("{event_type} did not happen"));
        hold(event_type, example);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_of_spaces_is_of_the_published_schema() {
    let clock = Clock::stopped_at(Timestamp::parse("2026-03-01T08:00:00Z").unwrap());
    let options = TenantOptions {
        users: 20,
        rate_limits: RateLimits::Off,
        ..TenantOptions::default()
    };
    let world = World::by(clock, options).await;
    let config = world.standard_config();
    let all = config.replace("events = [\"user.*\", \"role.*\", \"group.*\"]\n", "");
    world.write_config(&format!("[access]\nspaces = true\n{all}"));
    let running = world.start().await;
    let read = |at| {
        let (world, running) = (&world, &running);
        async move {
            within("the spaces are read", || async {
                let known = running.store().tenants().unwrap().remove(0);
                let reading = running.store().space_reading(known.no).unwrap();
                reading.mark.last >= Some(at)
            })
            .await;
            let day = std::time::Duration::from_secs(25 * 3_600);
            world.clock.set(world.clock.now().plus(day));
        }
    };
    read(world.clock.now()).await;
    let tenant = world.tenant.directory();
    let spaces = tenant.spaces();
    let user = tenant.users()[9].id.clone();
    tenant
        .assign(&spaces[0].id, Assignee::User(user.clone()), &["consumer"])
        .unwrap();
    for with in [Assignee::Link, Assignee::User(user.clone())] {
        tenant
            .share(&spaces[0].id, "app-1", with, &["basicconsumer"])
            .unwrap();
    }
    tenant
        .update_space(&spaces[0].id, SpaceEdit::Name("Sales".into()))
        .unwrap();
    tenant.delete_space(&spaces[1].id).unwrap();
    tenant.create_space(NewSpace {
        name: "Made today".into(),
        sort: SpaceSort::Data,
        owner: user,
    });
    running.sync().await;
    read(world.clock.now()).await;
    running.settled().await;
    running.stop().await;

    let deliveries = world.receiver.deliveries();
    for event_type in ["space.created", "space.updated", "space.deleted"] {
        let event = deliveries
            .iter()
            .map(|delivery| &delivery.body)
            .find(|event| event["type"] == event_type)
            .unwrap_or_else(|| panic!("{event_type} did not happen"));
        for form in [Form::Strict, Form::Published] {
            let flaw = flaw(&model::schema(event_type, form), event);
            assert_eq!(flaw, None, "{event:#}");
        }
        hold(event_type, event);
    }
    let mut rights = BTreeSet::new();
    for event in deliveries.iter().map(|delivery| &delivery.body) {
        let event_type = event["type"].as_str().unwrap();
        if !event_type.starts_with("access.") {
            continue;
        }
        for form in [Form::Strict, Form::Published] {
            let flaw = flaw(&model::schema(event_type, form), event);
            assert_eq!(flaw, None, "{event:#}");
        }
        rights.insert(event["data"]["right"]["type"].as_str().unwrap().to_owned());
    }
    assert_eq!(rights, ["app".to_owned(), "space_role".to_owned()].into());
}

/// Compares the published file with the model, and checks its example against both.
fn hold(event_type: &str, example: &Value) {
    let schema = model::schema(event_type, Form::Published);
    if std::env::var_os("QLIK_ROSTER_BLESS").is_some() {
        let mut written = schema.clone();
        written["examples"] = Value::Array(vec![example.clone()]);
        let text = serde_json::to_string_pretty(&written).unwrap();
        std::fs::write(file(event_type), text + "\n").unwrap();
    }
    let text = std::fs::read_to_string(file(event_type)).unwrap();
    let mut found: Value = serde_json::from_str(&text).unwrap();

    let shown = found["examples"].take();

    found.as_object_mut().unwrap().remove("examples");
    assert_eq!(
        found, schema,
        "docs/events/{event_type}.json is not what is; QLIK_ROSTER_BLESS=1 writes it again"
    );
    let flaw = flaw(&model::schema(event_type, Form::Strict), &shown[0]);
    assert_eq!(flaw, None, "the example of {event_type}");
    assert_eq!(
        quoted(&shown[0]),
        quoted(example),
        "the example of {event_type} quotes another text than is sent now"
    );
}

/// Returns the message that an event quotes, without the id of the request.
fn quoted(event: &Value) -> Option<&str> {
    let message = event["data"]["message"].as_str()?;
    message.split(", trace id").next()
}

/// Makes every type of event happen once.
async fn everything_happens(world: &World, running: &Running) {
    let tenant = world.tenant.directory();
    let people = tenant.users();
    let people: Vec<_> = people
        .iter()
        .filter(|user| user.client_id.is_none())
        .collect();
    // A creation of each kind, then an update, then a deletion.
    let user = tenant.create_user(NewUser::named("Nia Okafor")).unwrap();
    let role = tenant.create_role("Auditor");
    let group = tenant.create_group("Night Shift");
    running.sync().await;
    for edit in [
        Edit::Email(Some("nia.okafor@example.com".into())),
        Edit::AssignRole(role.clone()),
        Edit::JoinGroup(group.clone()),
    ] {
        tenant.update_user(&user, edit).unwrap();
    }
    let scopes = ["spaces.data".to_owned()].into();
    let edit = RoleEdit::Scopes(scopes);
    tenant.update_role(&role, edit).unwrap();
    let edit = GroupEdit::AssignRole(role.clone());
    tenant.update_group(&group, edit).unwrap();
    running.sync().await;
    // One of the two paths to the role ends.
    let edit = Edit::UnassignRole(role.clone());
    tenant.update_user(&user, edit).unwrap();
    running.sync().await;
    tenant.recreate_user(&people[0].id).unwrap();
    tenant.delete_user(&user).unwrap();
    tenant.delete_group(&group).unwrap();
    tenant.delete_role(&role).unwrap();
    running.sync().await;
    // A failure, and the recovery from it.
    let faults = world.tenant.faults();
    faults.on(Endpoint::Users, Fault::Forbidden, When::Always);
    running.sync().await;
    faults.clear();
    running.sync().await;
    // So many are deleted at once that the removals are held.
    for user in &people[1..15] {
        tenant.delete_user(&user.id).unwrap();
    }
    running.sync().await;
    // A backfill sends all records as snapshots.
    let (code, _, err) = world.command(&["endpoints", "backfill", "hr"]).await;
    assert_eq!(code, 0, "{err}");
    within("all that is to be told is told", || async {
        let deliveries = world.receiver.deliveries();
        let came = |event_type: &str| {
            deliveries
                .iter()
                .any(|delivery| delivery.event_type.as_deref() == Some(event_type))
        };
        // Spaces have a test of their own.
        let mut types = published()
            .into_iter()
            .filter(|it| !it.starts_with("space."));
        types.all(|event_type| [TEST_EVENT, HISTORY_LOST].contains(&event_type) || came(event_type))
    })
    .await;
}

#[test]
fn the_manual_has_a_schema_for_each_type_and_no_other() {
    let folder = file("x").parent().unwrap().to_owned();
    let mut there: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    there.sort();
    let mut expected: Vec<_> = published()
        .iter()
        .map(|event_type| format!("{event_type}.json"))
        .collect();
    expected.sort();

    assert_eq!(there, expected);
}

#[test]
fn the_strict_form_finds_what_is_missing_and_what_is_too_much() {
    let text = std::fs::read_to_string(file("user.updated")).unwrap();
    let published: Value = serde_json::from_str(&text).unwrap();
    let event = &published["examples"][0];
    let strict = model::schema("user.updated", Form::Strict);
    assert_eq!(flaw(&strict, event), None);
    for (place, change) in [
        ("/data", "new"),
        ("/data/record", "new"),
        ("/data/record/unified_custom_fields", "new"),
        ("", "new"),
        ("/data/record", "name"),
        ("/data", "version"),
        ("", "sequence"),
    ] {
        let mut other = event.clone();
        let object = other.pointer_mut(place).unwrap().as_object_mut().unwrap();
        if object.remove(change).is_none() {
            object.insert(change.to_owned(), Value::from(1));
        }

        assert!(flaw(&strict, &other).is_some(), "{place} {change}");
    }
}
