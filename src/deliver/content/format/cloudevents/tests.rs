//! What receivers of `CloudEvents` find, word by word.

use super::*;
use crate::deliver::content::event::Event;
use crate::deliver::tests::{role, start, user};
use crate::model::{Account, EndpointName, Record, Seq, StoreId, TenantId, Version};

fn message_of(mode: Mode, tenant: &str, records: &[Record]) -> Message {
    let account = Account {
        tenant: TenantId(tenant.into()),
        name: "Zoë \"Inc\" 100%".into(),
        region: None,
    };
    let events: Vec<_> = (1..)
        .zip(records)
        .map(|(n, record)| {
            let store = StoreId([7; 8]);
            Event::snapshot(store, Seq(42), start(), &account, record, Version(n))
        })
        .collect();
    let shown: Vec<_> = events.iter().map(Shown::of).collect();
    message(mode, &EventSource::default(), &shown)
}

fn body(message: &Message) -> serde_json::Value {
    serde_json::from_slice(&message.body).unwrap()
}

#[test]
fn a_structured_event_has_all_in_its_body() {
    let message = message_of(Mode::Structured, "tenant-1", &[user(1)]);

    let mut body = body(&message);
    assert_eq!(message.id, body["id"].as_str().unwrap());
    assert!(message.headers.is_empty());
    assert_eq!(
        message.content_type,
        "application/cloudevents+json; charset=UTF-8"
    );
    let record = body["data"]["record"].take();
    assert_eq!(record["username"], "idp|1");
    insta::assert_snapshot!(body, @r#"{"data":{"account":{"id":"tenant-1","name":"Zoë \"Inc\" 100%","region":null},"record":null,"version":1},"datacontenttype":"application/json","id":"evt_0707070707070707_00000000002a_3d8dc71351ea66ecdca3b291d8613130","sequence":"00000000000000000042","source":"/qlik-roster/tenants/tenant-1","specversion":"1.0","subject":"users/000000000000000000000001","time":"2026-03-01T10:00:00.000Z","type":"user.snapshot"}"#);
}

#[test]
fn a_binary_event_has_its_attributes_in_headers() {
    let message = message_of(Mode::Binary, "a tenant", &[user(1)]);

    let headers: Vec<_> = message
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    assert_eq!(message.content_type, "application/json");
    insta::assert_snapshot!(headers.join("\n"), @r#"
ce-specversion: 1.0
ce-id: evt_0707070707070707_00000000002a_1316e99b2476b9628ac3231685f02803
ce-source: /qlik-roster/tenants/a%2520tenant
ce-type: user.snapshot
ce-time: 2026-03-01T10:00:00.000Z
ce-subject: users/000000000000000000000001
ce-sequence: 00000000000000000042
"#);
    let structured = body(&message_of(Mode::Structured, "a tenant", &[user(1)]));
    assert_eq!(body(&message), structured["data"]);
}

#[test]
fn a_batch_has_events_as_they_are_alone_and_an_id_of_its_own() {
    let batch = Mode::Batch(Batching::default());
    let message = message_of(batch, "tenant-1", &[user(1), role(2)]);

    assert_eq!(
        message.content_type,
        "application/cloudevents-batch+json; charset=UTF-8"
    );
    let events = body(&message);
    assert_eq!(events.as_array().unwrap().len(), 2);
    assert_eq!(
        events[0],
        body(&message_of(Mode::Structured, "tenant-1", &[user(1)]))
    );
    assert!(message.id.starts_with("bat_"), "{}", message.id);
    assert_eq!(message, message_of(batch, "tenant-1", &[user(1), role(2)]));
    for other in [&[user(1)][..], &[role(2), user(1)], &[user(1), role(3)]] {
        assert_ne!(message.id, message_of(batch, "tenant-1", other).id);
    }
}

#[test]
fn a_trial_has_no_tenant_and_no_place() {
    let name = EndpointName("hr".into());
    let trial = Event::trial("evt_test_1".into(), start(), &name);

    let message = message(
        Mode::Structured,
        &EventSource::default(),
        &[Shown::of(&trial)],
    );

    insta::assert_snapshot!(body(&message), @r#"{"data":{"endpoint":"hr"},"datacontenttype":"application/json","id":"evt_test_1","source":"/qlik-roster","specversion":"1.0","time":"2026-03-01T10:00:00.000Z","type":"endpoint.test"}"#);
}

#[test]
fn headers_are_encoded_as_the_binding_says() {
    for (text, expected) in [
        ("Euro € 😀", "Euro%20%E2%82%AC%20%F0%9F%98%80"),
        ("100%", "100%25"),
        ("\"a\"", "%22a%22"),
        ("a\tb\u{7f}", "a%09b%7F"),
        ("plain-~!{}", "plain-~!{}"),
    ] {
        assert_eq!(percent_encoded(text), expected);
    }
}
