//! Every kind of change is noticed once, delivered signed, and survives restarts.

use std::collections::BTreeMap;

use qlik_roster::demo::tenant::{
    Directory, Edit, Endpoint, Fault, GroupEdit, NewUser, RoleEdit, Status, When,
};
use qlik_roster::model::{Outcome, UserId};
use serde_json::{Value, json};

use crate::support::{World, assert_journal_leads_to_state, assert_same_as_tenant};

/// A change of the tenant, and the events that it must lead to.
struct Case {
    name: &'static str,
    make: fn(&Directory, &UserId) -> Expected,
}

/// Event types, each with a value that must be somewhere in the event.
type Expected = Vec<(&'static str, &'static str, Value)>;

const CASES: &[Case] = &[
    Case {
        name: "somebody joins",
        make: |tenant, _| {
            tenant.create_user(NewUser::named("Nia Okafor")).unwrap();
            vec![("user.created", "/data/record/name", json!("Nia Okafor"))]
        },
    },
    Case {
        name: "an address changes",
        make: |tenant, user| {
            tenant
                .update_user(user, Edit::Email(Some("new@example.com".to_owned())))
                .unwrap();
            let after = "/data/changes/primary_email_address/after";
            vec![("user.updated", after, json!("new@example.com"))]
        },
    },
    Case {
        name: "somebody is renamed",
        make: |tenant, user| {
            tenant
                .update_user(user, Edit::Name("Zoë Ångström".to_owned()))
                .unwrap();
            vec![(
                "user.updated",
                "/data/changes/name/after",
                json!("Zoë Ångström"),
            )]
        },
    },
    Case {
        name: "somebody gains a role",
        make: |tenant, user| {
            let role = tenant.role_named("TenantAdmin").unwrap();
            tenant.update_user(user, Edit::AssignRole(role)).unwrap();
            vec![(
                "user.updated",
                "/data/changes/roles/added/0/name",
                json!("TenantAdmin"),
            )]
        },
    },
    Case {
        name: "somebody loses a role",
        make: |tenant, user| {
            let role = tenant.role_named("TenantAdmin").unwrap();
            tenant.update_user(user, Edit::UnassignRole(role)).unwrap();
            vec![(
                "user.updated",
                "/data/changes/roles/removed/0/name",
                json!("TenantAdmin"),
            )]
        },
    },
    Case {
        name: "somebody enters a group",
        make: |tenant, user| {
            let group = tenant.create_group("Night Shift");
            tenant.update_user(user, Edit::JoinGroup(group)).unwrap();
            vec![
                ("group.created", "/data/record/name", json!("Night Shift")),
                (
                    "user.updated",
                    "/data/changes/groups/added/0/name",
                    json!("Night Shift"),
                ),
            ]
        },
    },
    Case {
        name: "somebody is disabled",
        make: |tenant, user| {
            tenant
                .update_user(user, Edit::Status(Status::Disabled))
                .unwrap();
            vec![(
                "user.updated",
                "/data/changes/status/after/value",
                json!("disabled"),
            )]
        },
    },
    Case {
        name: "content changes without a newer time",
        make: |tenant, user| {
            tenant
                .update_user_quietly(user, Edit::Locale(Some("pt-PT".to_owned())))
                .unwrap();
            vec![("user.updated", "/data/changes/locale/after", json!("pt-PT"))]
        },
    },
    Case {
        name: "only the time moves",
        make: |tenant, user| {
            tenant.update_user(user, Edit::Touch).unwrap();
            vec![]
        },
    },
    Case {
        name: "a role is renamed",
        make: |tenant, _| {
            let role = tenant.create_role("Auditor");
            tenant
                .update_role(&role, RoleEdit::Name("Senior Auditor".to_owned()))
                .unwrap();
            vec![("role.created", "/data/record/name", json!("Senior Auditor"))]
        },
    },
    Case {
        name: "a group gains a role",
        make: |tenant, _| {
            let role = tenant.role_named("Steward").unwrap();
            let group = tenant.groups()[0].id.clone();
            tenant
                .update_group(&group, GroupEdit::AssignRole(role))
                .unwrap();
            vec![(
                "group.updated",
                "/data/changes/roles/added/0/name",
                json!("Steward"),
            )]
        },
    },
    Case {
        name: "somebody is re-created",
        make: |tenant, user| {
            let id = json!(user.to_string());
            tenant.recreate_user(user).unwrap();
            vec![
                ("user.deleted", "/data/record/remote_id", id.clone()),
                ("user.created", "/data/replaces/remote_id", id),
            ]
        },
    },
    Case {
        name: "somebody leaves",
        make: |tenant, _| {
            let gone = tenant.create_user(NewUser::named("Brief Guest")).unwrap();
            tenant.delete_user(&gone).unwrap();
            let leaver = tenant
                .users()
                .into_iter()
                .find(|user| user.name != "Nia Okafor")
                .unwrap();
            tenant.delete_user(&leaver.id).unwrap();
            vec![(
                "user.deleted",
                "/data/record/remote_id",
                json!(leaver.id.to_string()),
            )]
        },
    },
];

/// Returns the events that came after the first `n`, in the order of the journal: those of
/// different records come in any order.
fn new_events(world: &World, n: usize) -> Vec<Value> {
    let deliveries = world.receiver.deliveries();
    assert!(
        deliveries.iter().all(|delivery| delivery.verified),
        "a signature did not verify"
    );
    let mut events: Vec<Value> = deliveries
        .iter()
        .skip(n)
        .map(|delivery| delivery.body.clone())
        .collect();
    events.sort_by_key(|event| event["sequence"].as_u64());
    events
}

fn assert_events(name: &str, events: &[Value], expected: &Expected) {
    let told: Vec<_> = events
        .iter()
        .map(|event| event["type"].as_str().unwrap())
        .collect();
    let wanted: Vec<_> = expected.iter().map(|(kind, _, _)| *kind).collect();
    assert_eq!(told, wanted, "{name}: {events:#?}");
    for (event, (_, pointer, value)) in events.iter().zip(expected) {
        assert_eq!(
            event.pointer(pointer),
            Some(value),
            "{name}: {pointer} of {event:#}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_load_tells_nobody_and_a_run_without_change_neither() {
    let world = World::new().await;

    let running = world.start().await;
    let again = running.sync().await;
    running.settled().await;
    running.stop().await;

    assert_eq!(again.outcome, Outcome::Succeeded);
    assert_eq!(new_events(&world, 0), Vec::<Value>::new());
    let store = world.store();
    assert_same_as_tenant(&store, world.tenant.directory());
    store.close().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_is_told_once_by_a_daemon_that_stays() {
    let world = World::new().await;
    let running = world.start().await;
    let user = world.tenant.directory().users()[7].id.clone();

    for case in CASES {
        let n = world.receiver.deliveries().len();
        let expected = (case.make)(world.tenant.directory(), &user);
        let run = running.sync().await;
        running.settled().await;

        assert_eq!(
            run.outcome,
            Outcome::Succeeded,
            "{}: {:?}",
            case.name,
            run.findings
        );
        assert_events(case.name, &new_events(&world, n), &expected);
        assert_same_as_tenant(running.store(), world.tenant.directory());
    }
    running.stop().await;
    let store = world.store();
    assert_journal_leads_to_state(&store);
    store.close().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_is_told_once_across_restarts() {
    let world = World::new().await;
    world.one_run().await;
    let user = world.tenant.directory().users()[9].id.clone();

    for case in CASES {
        let n = world.receiver.deliveries().len();
        let expected = (case.make)(world.tenant.directory(), &user);
        world.one_run().await;

        assert_events(case.name, &new_events(&world, n), &expected);
        let store = world.store();
        assert_same_as_tenant(&store, world.tenant.directory());
        store.close().unwrap();
    }
    let store = world.store();
    assert_journal_leads_to_state(&store);
    store.close().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_has_one_id_and_ids_are_of_one_event() {
    let world = World::new().await;
    let running = world.start().await;
    for n in 0..150 {
        world
            .tenant
            .directory()
            .create_user(NewUser::named(&format!("Guest {n}")))
            .unwrap();
    }
    running.sync().await;
    running.settled().await;
    running.stop().await;

    let mut bodies: BTreeMap<String, Value> = BTreeMap::new();
    for delivery in world.receiver.deliveries() {
        assert_eq!(delivery.body["id"], json!(delivery.id));
        assert_eq!(
            bodies.insert(delivery.id.clone(), delivery.body.clone()),
            None,
            "sent twice"
        );
    }
    assert_eq!(bodies.len(), 150);
    let sequences: Vec<_> = bodies
        .values()
        .map(|body| body["sequence"].as_u64().unwrap())
        .collect();
    assert!(sequences.is_sorted(), "ids sort as sequences do");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_larger_than_a_commit_is_told_in_order_and_leaves_nothing_behind() {
    let world = World::new().await;
    world.let_all_go();
    let running = world.start().await;
    let tenant = world.tenant.directory();
    let leavers: Vec<_> = tenant
        .users()
        .into_iter()
        .filter(|user| user.client_id.is_none())
        .collect();
    for user in leavers.iter().take(40) {
        tenant.recreate_user(&user.id).unwrap();
    }
    for n in 0..300 {
        tenant
            .create_user(NewUser::named(&format!("Guest {n}")))
            .unwrap();
    }

    let run = running.sync().await;
    running.settled().await;

    assert_eq!(run.outcome, Outcome::Succeeded);
    let events = new_events(&world, 0);
    let types: Vec<_> = events
        .iter()
        .map(|event| event["type"].as_str().unwrap())
        .collect();
    assert_eq!(types[..40], ["user.deleted"; 40]);
    assert_eq!(types[40..], ["user.created"; 340]);
    let replacing = events
        .iter()
        .filter(|event| event["data"]["replaces"].is_object())
        .count();
    assert_eq!(replacing, 40);
    let again = running.sync().await;
    assert!(
        again
            .counts
            .values()
            .all(|counts| counts.created + counts.deleted == 0)
    );
    assert_same_as_tenant(running.store(), tenant);
    running.stop().await;
    let store = world.store();
    assert_journal_leads_to_state(&store);
    store.close().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_be_asked_once_more_keeps_what_is_known() {
    let world = World::new().await;
    let running = world.start().await;
    let tenant = world.tenant.directory();
    let faults = world.tenant.faults();
    // Only the user's own record could tell whether the last role is lost or not shown.
    faults.on(Endpoint::Users, Fault::EmptyLeftOut, When::Always);
    let asked = faults.on(Endpoint::User, Fault::Forbidden, When::Always);
    let people = tenant.users();
    let mut people = people.iter().filter(|user| user.client_id.is_none());
    let user = people.find(|user| user.roles.len() == 1).unwrap();
    let role = user.roles.keys().next().unwrap().clone();
    let unassign = Edit::UnassignRole(role);
    tenant.update_user(&user.id, unassign).unwrap();

    let run = running.sync().await;
    running.settled().await;

    assert!(asked.count() > 0);
    let is_over = matches!(run.outcome, Outcome::Succeeded | Outcome::Degraded);
    assert!(is_over, "{:?}", run.outcome);
    assert_eq!(new_events(&world, 0), Vec::<Value>::new());
    faults.clear();
    running.sync().await;
    assert_same_as_tenant(running.store(), tenant);
    running.stop().await;
}
