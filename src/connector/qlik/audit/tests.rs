//! Events in every shape that Qlik documents, and in some that it does not; and the emulated
//! tenant's log over real HTTP.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::clock::Clock;
use crate::connector::qlik::any_json::any_json;
use crate::connector::qlik::{Credentials, Options, Qlik, TenantHost};
use crate::connector::{Connector, FetchError};
use crate::demo::EmulatedTenant;
use crate::demo::tenant::{
    Edit, Endpoint, Fault, Hidden, LogFault, NewUser, RateLimits, TenantOptions, When,
};
use crate::model::{AuditEvent, Id, Kind, RecordRef, UserId};

const USER: &str = "60d5ca1b2f8a4c0000000001";
const OTHER: &str = "60d5ca1b2f8a4c0000000002";

fn reference(kind: Kind, id: &str) -> RecordRef {
    let id = Id::parse(id).unwrap();
    RecordRef { kind, id }
}

fn latest() -> Timestamp {
    Timestamp::parse("2026-06-01T09:00:00Z").unwrap()
}

/// Reads an event that is not about a session.
fn read_event(text: &str) -> Option<AuditEvent> {
    event::read(text, latest()).map(|told| match told {
        Parsed::Event(event) => event,
        Parsed::Session(begin) => panic!("{begin:?}"),
    })
}

fn read_one(event: &Value) -> Option<AuditEvent> {
    read_event(&event.to_string())
}

/// Returns the records by kind and id, or what is unreadable; empty if the event does not concern
/// us.
fn told(event: &Value) -> String {
    match read_one(event).map(|event| event.about) {
        None => String::new(),
        Some(About::Unreadable(what)) => format!("unreadable: {what}"),
        Some(About::Unknown(what)) => format!("unknown: {what}"),
        Some(About::Space { id, is_gone }) => {
            let id = id.map_or("?".to_owned(), |id| id.to_string());
            format!("space {id} {is_gone}")
        }
        Some(About::Licence) => "licence".to_owned(),
        Some(About::Records(records)) => {
            let records: Vec<_> = records.iter().map(ToString::to_string).collect();
            records.join(", ")
        }
    }
}

#[test]
fn an_event_says_who_caused_it_if_its_envelope_names_a_user() {
    let user = UserId(Id::parse(OTHER).unwrap());
    for (name, value, expected) in [
        ("userId", json!(OTHER), Some(&user)),
        // As attributes of CloudEvents are spelled.
        ("userid", json!(OTHER), Some(&user)),
        ("userId", json!("a/b"), None),
        ("userId", json!(null), None),
        ("userId", json!(7), None),
        ("other", json!(OTHER), None),
    ] {
        let mut event = json!({"eventId": "e", "eventTime": "2026-06-01T08:00:00Z",
            "eventType": "com.qlik.user.updated", "data": {"id": USER}});
        event[name] = value;

        let read = read_one(&event).unwrap();

        assert_eq!(read.by.as_ref(), expected, "{event}");
        assert_eq!(told(&event), format!("user {USER}"), "{event}");
    }
}

#[test]
fn a_session_says_whose_it_is_and_when_it_began() {
    let user = UserId(Id::parse(USER).unwrap());
    let time = "2026-06-01T08:00:00Z";
    let time_read = Timestamp::parse(time).unwrap();
    for (kind, time, data, expected) in [
        (
            "com.qlik.user-session.begin",
            json!(time),
            json!({"userid": USER}),
            Some(time_read),
        ),
        (
            "com.qlik.core.user-session.begun",
            json!(time),
            json!({"userId": USER}),
            Some(time_read),
        ),
        (
            "com.qlik.v1.user-session.begin",
            json!(time),
            json!({"userid": USER, "source":
            "jwt-login-session", "idpId": OTHER, "originip": "192.0.2.1"}),
            Some(time_read),
        ),
        (
            "com.qlik.core.user-session.begun",
            json!(time),
            json!({"userid": "a/b"}),
            None,
        ),
        (
            "com.qlik.core.user-session.begun",
            json!(time),
            json!({}),
            None,
        ),
        (
            "com.qlik.core.user-session.begun",
            json!(time),
            json!("text"),
            None,
        ),
        (
            "com.qlik.core.user-session.begun",
            json!(null),
            json!({"userid": USER}),
            None,
        ),
    ] {
        let event = json!({"eventId": "e", "eventTime": time, "eventType": kind, "userId": OTHER,
            "data": data});

        let Some(Parsed::Session(begin)) = event::read(&event.to_string(), latest()) else {
            panic!("{kind} is not about a session");
        };

        assert_eq!(begin.user, expected.map(|_| user.clone()), "{event}");
        let at = if time.is_null() { latest() } else { time_read };
        assert_eq!(begin.at, at);
    }
    let ended = json!({"eventType": "com.qlik.core.user-session.ended", "data": {"userid": USER}});
    assert_eq!(event::read(&ended.to_string(), latest()), None);
}

#[test]
fn half_a_character_hides_no_event() {
    let event = json!({"eventId": "e", "eventTime": "2026-06-01T08:00:00Z", "eventType":
        "com.qlik.core.user.updated", "userName": "NAME", "data": {"id": USER, "name": "NAME"}});
    for odd in [
        event.to_string().replace("NAME", "\\ud83d"),
        event
            .to_string()
            .replace("updated\"", "updated\",\"id\":\"\\ud83d\""),
    ] {
        let event = read_event(&odd).unwrap();

        let record = reference(Kind::User, USER);
        assert_eq!(event.about, About::Records([record].into()), "{odd}");
        assert_eq!(event.at, Timestamp::parse("2026-06-01T08:00:00Z").unwrap());
    }
}

#[test]
fn events_name_whom_they_are_about_in_both_generations() {
    let user = format!("user {USER}");
    for (kind, data, extensions, expected) in [
        ("user.created", json!({"id": USER}), json!({}), user.clone()),
        ("user.deleted", json!({"id": USER}), json!({}), user.clone()),
        (
            "user.updated",
            json!({"_updates": [{"path": "/name"}]}),
            json!({"topLevelResourceId": USER, "ownerId": OTHER}),
            user.clone(),
        ),
        (
            "user.provisioned",
            json!({"id": USER}),
            json!(null),
            user.clone(),
        ),
        (
            "user-identity.reassigned",
            json!({"userId": USER, "oldSubject": "a", "newSubject": "b"}),
            json!({}),
            user.clone(),
        ),
        (
            "group.updated",
            json!({"id": USER}),
            json!({}),
            format!("group {USER}"),
        ),
        (
            "group.users.modified",
            json!({"id": OTHER, "affectedUsers": [USER], "deleted": true, "fullyProcessed": false}),
            json!({}),
            format!("group {OTHER}, user {USER}"),
        ),
        (
            "group-setting.updated",
            json!({}),
            json!({}),
            "group 000000000000000000000001".to_owned(),
        ),
        (
            "role.deleted",
            json!({"id": USER}),
            json!({}),
            format!("role {USER}"),
        ),
        (
            "role.synced",
            json!({"roles": [{"id": USER, "name": "TenantAdmin"}, {"id": OTHER}]}),
            json!({}),
            format!("role {USER}, role {OTHER}"),
        ),
    ] {
        for generation in ["core", "v1"] {
            let event = json!({
                "eventId": "e", "eventTime": "2026-06-01T08:00:00Z",
                "eventType": format!("com.qlik.{generation}.{kind}"),
                "userId": "60d5ca1b2f8a4c00000000ff",
                "data": data, "extensions": extensions,
            });

            assert_eq!(told(&event), expected, "{event}");
        }
    }
}

#[test]
fn every_event_about_assignments_names_the_licence() {
    for kind in [
        "com.qlik.license.assignment.updated",
        "com.qlik.v1.license.assignment.deleted",
        "com.qlik.license.assignment.rejected",
        "com.qlik.license.assignment.moved",
    ] {
        let event = json!({"eventId": "e", "eventType": kind, "data": {"subject": "eve"}});

        assert_eq!(told(&event), "licence", "{kind}");
    }
}

#[test]
fn what_does_not_concern_us_is_passed_over() {
    for kind in [
        "com.qlik.v1.app.opened",
        "com.qlik.core.user-identity.conflicted",
        "com.qlik.license.updated",
        "com.qlik.core.user-session.ended",
        "com.qlik.core.userstore.updated",
        "com.qlik.user",
        "com.qlik",
        "user.created",
        "",
    ] {
        let event = json!({"eventId": "e", "eventType": kind, "data": {"id": USER}});
        let expected = if kind.is_empty() {
            "unknown: an event without a type"
        } else {
            ""
        };

        assert_eq!(told(&event), expected, "{kind}");
    }
}

#[test]
fn an_event_about_a_space_need_not_say_which() {
    for (data, expected) in [
        (json!({"spaceId": USER}), format!("space {USER} false")),
        (json!({"id": USER}), "space ? false".to_owned()),
        (json!({"spaceId": "a/b"}), "space ? false".to_owned()),
    ] {
        let event = json!({"eventId": "e", "eventType": "com.qlik.core.space.assignment.created",
            "data": data});

        assert_eq!(told(&event), expected, "{event}");
    }
}

#[test]
fn what_nobody_knows_yet_of_our_kinds_is_looked_at_or_said() {
    let user = format!("user {USER}");
    for (kind, data, expected) in [
        (
            "com.qlik.core.user.frobnicated",
            json!({"id": USER}),
            user.clone(),
        ),
        (
            "com.qlik.core.users.updated",
            json!({"id": USER}),
            user.clone(),
        ),
        (
            "com.qlik.v2.user.created",
            json!({"id": USER}),
            user.clone(),
        ),
        ("com.qlik.user.created", json!({"id": USER}), user.clone()),
        (
            "com.qlik.user-identity.reassigned",
            json!({"userId": USER, "oldSubject": "a", "newSubject": "b"}),
            user.clone(),
        ),
        (
            "com.qlik.core.group.users.added",
            json!({"id": OTHER, "affectedUsers": [USER, 7]}),
            format!("group {OTHER}, user {USER}"),
        ),
        (
            "com.qlik.core.roles.merged",
            json!({"id": USER}),
            format!("role {USER}"),
        ),
        (
            "com.qlik.core.user.frobnicated",
            json!({}),
            "unreadable: `com.qlik.core.user.frobnicated`: whom it is about".to_owned(),
        ),
        (
            "com.qlik.core.user.bob@example.com",
            json!({}),
            "unreadable: `com.qlik.…`: whom it is about".to_owned(),
        ),
    ] {
        let event = json!({"eventId": "e", "eventType": kind, "data": data});

        assert_eq!(told(&event), expected, "{kind}");
    }
}

#[test]
fn an_event_that_cannot_be_read_is_data() {
    for (event, expected) in [
        (json!("text"), "unknown: an event that is not as documented"),
        (json!(["e"]), "unknown: an event that is not as documented"),
        (json!({"eventId": "e"}), "unknown: an event without a type"),
        (
            json!({"eventType": {"a": 1}, "data": 7}),
            "unknown: an event without a type",
        ),
        (
            json!({"eventType": "com.qlik.core.user.updated", "data": {"_updates": []}}),
            "unreadable: `com.qlik.core.user.updated`: whom it is about",
        ),
        (
            json!({"eventType": "com.qlik.core.user.updated", "data": {"id": "no id!"}}),
            "unreadable: `com.qlik.core.user.updated`: whom it is about",
        ),
        (
            json!({"eventType": "com.qlik.v1.group.users.modified", "data": {"id": USER}}),
            "unreadable: `com.qlik.v1.group.users.modified`: whom it is about",
        ),
        (
            json!({
                "eventType": "com.qlik.v1.group.users.modified",
                "data": {"id": USER, "affectedUsers": [7]},
            }),
            "unreadable: `com.qlik.v1.group.users.modified`: whom it is about",
        ),
    ] {
        assert_eq!(told(&event), expected, "{event}");
    }
}

#[test]
fn an_event_has_one_id_and_one_time_whatever_its_item_is_called() {
    let event = |id: &str, event_id: &str| {
        let text = json!({
            "id": id, "eventId": event_id, "eventTime": "2026-06-01T08:00:00Z",
            "eventType": "com.qlik.v1.user.created", "data": {"id": USER},
        });
        read_one(&text).unwrap()
    };
    let (one, again, other) = (event("a", "e"), event("b", "e"), event("a", "f"));

    assert_eq!(one.id, again.id);
    assert_ne!(one.id, other.id);
    assert_eq!(one.at.to_string(), "2026-06-01T08:00:00.000Z");
    let newer = json!({
        "id": "e", "time": "2026-06-01T08:30:00Z", "type": "com.qlik.core.user.created",
        "data": {"id": USER},
    });
    let newer = read_one(&newer).unwrap();
    assert_eq!(newer.id, one.id);
    assert_eq!(newer.at.to_string(), "2026-06-01T08:30:00.000Z");
    let bare = json!({"type": "com.qlik.core.user.created", "data": {"id": USER}});
    assert_eq!(read_one(&bare).unwrap().at, latest());
    assert_eq!(read_one(&bare).unwrap().id, read_one(&bare).unwrap().id);
}

struct World {
    tenant: EmulatedTenant,
    qlik: Qlik,
    clock: Clock,
}

impl World {
    async fn new() -> Self {
        let clock = Clock::stopped_at(Timestamp::parse("2026-06-01T08:00:00Z").unwrap());
        let options = TenantOptions {
            rate_limits: RateLimits::Off,
            ..TenantOptions::default()
        };
        let tenant = EmulatedTenant::start(options, clock.clone()).await.unwrap();
        let host = TenantHost::parse(&tenant.url()).unwrap();
        let credentials = Credentials::ApiKey(tenant.api_key());
        let qlik = Qlik::patient(
            Options::new(host, credentials),
            clock.clone(),
            crate::retry::Retry::brief,
        );
        Self {
            tenant,
            qlik: qlik.unwrap(),
            clock,
        }
    }

    async fn audit_events(&self) -> Result<AuditPage, FetchError> {
        let now = self.clock.now();
        let from = Timestamp::from_millis(now.millis() - 3_600_000);
        self.qlik.audit_events(from..=now).await
    }

    fn n_asked(&self) -> u64 {
        self.tenant.requests().at(Endpoint::Audits)
    }
}

#[tokio::test]
async fn nothing_new_costs_one_request() {
    let world = World::new().await;

    let audit_page = world.audit_events().await.unwrap();

    assert_eq!(
        (audit_page.events.len(), audit_page.extent),
        (0, Extent::Whole)
    );
    assert_eq!(world.tenant.requests().total(), 1);
}

#[tokio::test]
async fn audit_events_come_from_every_page_of_the_span_and_from_no_other_time() {
    let world = World::new().await;
    let directory = world.tenant.directory();
    directory.create_role("Before");
    world
        .clock
        .set(world.clock.now().plus(Duration::from_secs(3_601)));
    let user = directory.create_user(NewUser::named("Nia")).unwrap();
    directory.audit().write_others(250, world.clock.now());
    directory.update_user(&user, Edit::Touch).unwrap();
    directory.audit().on(LogFault::Twice, When::Always);
    directory.delete_user(&user).unwrap();

    let audit_page = world.audit_events().await.unwrap();

    let expected = About::Records([reference(Kind::User, &user.to_string())].into());
    assert_eq!(audit_page.events.len(), 2 + 1 + 4);
    assert!(
        audit_page
            .events
            .iter()
            .all(|event| event.about == expected)
    );
    let ids: HashSet<_> = audit_page.events.iter().map(|event| event.id).collect();
    assert_eq!(ids.len(), 2 + 1 + 2, "told twice, one id");
    assert_eq!(world.n_asked(), 3);
}

#[tokio::test]
async fn a_log_without_end_fails_and_one_that_is_too_long_is_cut_off() {
    let world = World::new().await;
    let log = world.tenant.directory().audit();
    log.write_others(100 * 100 + 1, world.clock.now());
    let audit_page = world.audit_events().await.unwrap();
    let read_to = world.clock.now();
    assert_eq!(audit_page.extent, Extent::CutOff { read_to });
    assert_eq!(world.n_asked(), 100);

    let faults = world.tenant.faults();
    faults.on(Endpoint::Audits, Fault::RepeatedCursor, When::Always);
    let error = world.audit_events().await.unwrap_err();
    assert_eq!(error.code(), "qlik.repeated-cursor");
}

#[tokio::test]
async fn a_full_page_that_leads_nowhere_is_gone_on_from_its_end_or_is_a_gap() {
    let world = World::new().await;
    let faults = world.tenant.faults();
    faults.on(Endpoint::Audits, Fault::NoLinks, When::Always);
    let log = world.tenant.directory().audit();
    let now = world.clock.now();
    for seconds in [30, 20, 10] {
        let at = now.millis() - seconds * 1000;
        log.write_others(70, Timestamp::from_millis(at));
    }
    world.tenant.directory().create_role("Auditor");

    let audit_page = world.audit_events().await.unwrap();

    assert_eq!(audit_page.extent, Extent::Whole);
    // An event on the border between two readings may appear in both.
    let ids: BTreeSet<_> = audit_page.events.iter().map(|event| event.id).collect();
    assert!((1..=2).contains(&ids.len()), "{ids:?}");
    log.write_others(101, now);
    let extent = world.audit_events().await.unwrap().extent;
    assert!(matches!(extent, Extent::CutOff { read_to } if read_to < now));
}

#[tokio::test]
async fn after_an_expired_cursor_the_whole_span_is_read_again() {
    let world = World::new().await;
    world.tenant.directory().create_role("Auditor");
    let log = world.tenant.directory().audit();
    for _ in 0..2 {
        world
            .clock
            .set(world.clock.now().plus(Duration::from_secs(10)));
        log.write_others(150, world.clock.now());
    }
    // The first page has no next link, so the second begins where the first ends.
    let faults = world.tenant.faults();
    faults.on(Endpoint::Audits, Fault::NoLinks, When::Nth(1));
    faults.on(Endpoint::Audits, Fault::ExpiredCursor(400), When::Nth(3));

    let audit_page = world.audit_events().await.unwrap();

    assert_eq!(audit_page.extent, Extent::Whole);
    assert_eq!(audit_page.events.len(), 2, "{audit_page:?}");
    assert!(world.n_asked() > 4, "{}", world.n_asked());
}

#[tokio::test]
async fn refusals_are_errors_and_odd_events_are_not() {
    let world = World::new().await;
    world.tenant.directory().create_role("Auditor");
    let faults = world.tenant.faults();
    faults.on(Endpoint::Audits, Fault::WrongType, When::Next(1));
    let audit_page = world.audit_events().await.unwrap();
    let unreadable =
        |event: &&AuditEvent| matches!(event.about, About::Unreadable(_) | About::Unknown(_));
    assert_eq!(audit_page.events.iter().filter(unreadable).count(), 1);
    assert_eq!(audit_page.events.len(), 2);

    faults.on(Endpoint::Audits, Fault::Internal, When::Next(1));
    assert_eq!(
        world.audit_events().await.unwrap().events.len(),
        2,
        "asked again"
    );
    world.tenant.hide_access(Hidden::Yes);
    assert!(world.audit_events().await.unwrap_err().is_forbidden());
}

#[tokio::test]
async fn earlier_sessions_are_read_by_their_types_with_how_far_the_log_goes_back() {
    let world = World::new().await;
    let directory = world.tenant.directory();
    let user = directory.create_user(NewUser::named("Nia")).unwrap();
    let oldest = world.clock.now();
    let minute = Duration::from_secs(60);
    world.clock.set(oldest.plus(minute));
    directory.audit().write_others(250, world.clock.now());
    directory.log_in(&user).unwrap();
    let at = world.clock.now();
    world.clock.set(at.plus(minute));
    directory.log_in(&user).unwrap();

    for faults in 0..2 {
        let asked = world.n_asked();
        let span = at.minus(minute / 2)..=at.plus(minute / 2);
        let past = world.qlik.past_sessions(span).await.unwrap();

        assert!(!past.begun.is_empty());
        for begun in past.begun {
            assert_eq!((begun.user.as_ref(), begun.at), (Some(&user), at));
        }
        assert_eq!((past.extent, past.oldest), (Extent::Whole, Some(oldest)));
        assert_eq!(world.n_asked() - asked, 2 + 1, "{faults}");
        // In the second round, the list of types is not visible.
        let faults = world.tenant.faults();
        faults.on(Endpoint::AuditNames, Fault::Forbidden, When::Always);
    }
    let span = oldest.minus(2 * minute)..=oldest.minus(minute);
    let past = world.qlik.past_sessions(span).await.unwrap();
    assert_eq!((past.begun, past.oldest), (Vec::new(), None));
}

const MEMBERS: &[&str] = &[
    "id",
    "eventId",
    "type",
    "eventType",
    "time",
    "eventTime",
    "data",
    "userId",
    "subject",
    "extensions",
    "actor",
    "users",
    "groupId",
];

proptest! {
    /// Whatever else it says: to pass over an event about our kinds could miss a change.
    #[test]
    fn no_event_about_a_user_a_group_or_a_role_is_passed_over(
        odd in any_json(MEMBERS),
        name in prop::sample::select(vec!["user.updated", "group.deleted", "role.updated", "role.xyz"]),
    ) {
        let mut event = match odd {
            Value::Object(members) => Value::Object(members),
            other => json!({ "data": other }),
        };
        event["type"] = json!(format!("com.qlik.{name}"));
        event["eventType"] = event["type"].clone();
        let text = event.to_string();

        let read = read_event(&text);

        prop_assert!(read.is_some(), "{}", text);
        if let Some(About::Records(records)) = read.as_ref().map(|read| &read.about) {
            prop_assert!(records.iter().all(|it| text.contains(&it.id.to_string())), "{}", text);
        }
        prop_assert_eq!(read_event(&text), read);
    }
}
