//! Describes the operation: what it takes and what it answers.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::params::DEFAULT_PAGE;
use crate::control::MAX_PAGE;
use crate::model::{Field, Kind, Scope};
use crate::view;
use crate::web::api::unified::problems;
use crate::web::openapi::{
    Access, Answer, Content, Header, Operation, Parameter, Tag, Verb, anything, count, flag, list,
    object, or_null, partial, reference, said, text, time, words,
};

/// A position, as it is sent: an event's id, or its number in the journal.
const POSITION: &str = "^(evt_[0-9A-Fa-f]{16}_[0-9A-Fa-f]{1,16}(_[0-9A-Fa-f]{32})?(_[0-9]{1,9})?|\
                        [0-9]{1,19})$";

/// An event's id for examples.
const ID: &str = "evt_0001ab00000000ff_00000000002a";

/// Describes the route.
pub(super) fn operation() -> Operation {
    let about = "Pages, one after the other; with `Accept: text/event-stream` a stream of \
                 server-sent events, each with its id, its type as `event` and its body as `data`. \
                 Store `next` when you have handled the page, and send it as `after` for the next \
                 one. Send at most one of `after`, `since` and `from`, and `source` only with \
                 `format=cloudevents`. Parameters that are not known are refused.";
    let page = object(vec![
        ("data", list(reference("Event"))),
        ("next", said(text(), "The position after this page.")),
        (
            "has_more",
            said(
                flag(),
                "Whether there is more already. A page may be short, or empty, and not \
                          be the last one.",
            ),
        ),
    ]);
    let stream = Content::new("text/event-stream", text());
    Operation::new(Verb::Get, "/events", "listEvents", Tag::Events)
        .says("Read events", about)
        .access(Access::Token(Scope::Events))
        .takes(parameters())
        .takes([Parameter::header(
            "Last-Event-ID",
            text(),
            "Where a stream continues, instead of `after`, `since` and `from`: the id of an event. \
             Pages ignore it.",
        )
        .example(ID)])
        .answers([Answer::json(200, "A page, or the stream.", page)
            .with(stream)
            .header(Header::new(
                "Cache-Control",
                words(&["no-store"]),
                "Never stored.",
            ))
            .header(Header::new("Vary", text(), "What the answer depends on."))])
        .answers(problems(&[400, 401, 403, 404, 410, 429, 500, 503]))
}

fn position() -> Value {
    json!({ "type": "string", "pattern": POSITION })
}

/// Returns what the query string may have.
pub(super) fn parameters() -> Vec<Parameter> {
    let mut all = vec![
        Parameter::query(
            "after",
            position(),
            "Continue after this position: `next` of a page, the id of any event, or its \
             `sequence`.",
        )
        .example(ID),
        Parameter::query(
            "since",
            time(),
            "Begin with the first event that was found at this time or later; a time in the \
             future means now.",
        )
        .example("2026-03-02T09:15:04Z"),
        Parameter::query(
            "from",
            words(&["oldest", "now"]),
            "`oldest`, the default: begin with the first event that is still there. `now`: only \
             what comes from now on.",
        )
        .example("now"),
        Parameter::query(
            "limit",
            json!({ "type": "integer", "minimum": 1, "default": DEFAULT_PAGE }),
            &format!(
                "How many events a page has at most. More than {MAX_PAGE} count as {MAX_PAGE}. A \
                 page also ends after 1 MiB."
            ),
        )
        .example(100),
        Parameter::query(
            "wait",
            json!({ "type": "string", "pattern": "^[0-9]{1,19}s?$" }),
            "Seconds, such as `30s`: if there is nothing, wait for an event; the answer comes as \
             soon as there is one. More than 60 count as 60.",
        )
        .example("30s"),
    ];
    all.extend(filters());
    all.extend([
        Parameter::query(
            "format",
            words(&["standard", "cloudevents"]),
            "How events are written; `standard` by default.",
        )
        .example("cloudevents"),
        Parameter::query(
            "source",
            json!({ "type": "string", "format": "event-source", "maxLength": 256 }),
            "`source` of CloudEvents: a URI without query and fragment, or a path.",
        )
        .example("/qlik-roster"),
    ]);
    all
}

/// Returns what chooses events and what they show.
fn filters() -> Vec<Parameter> {
    let events = view::event_words();
    let kinds = Kind::ALL.map(Kind::singular);
    let fields = Field::ALL.iter().flat_map(|field| {
        let (kind, name) = (field.kind().singular(), field.name());
        [name.to_owned(), format!("{kind}.{name}")]
    });
    let fields: BTreeSet<String> = fields.collect();
    let one_of = |words: Value| list(json!({ "type": "string", "enum": words }));
    let of_names = "A name that has a comma can be written as its id.";
    vec![
        Parameter::query(
            "events",
            one_of(json!(events)),
            "Only events of these types.",
        )
        .example(json!(["user.*", "access.granted"])),
        Parameter::query(
            "tenants",
            list(text()),
            &format!("Only of these tenants, by name or id. {of_names}"),
        )
        .example(json!(["acme"])),
        Parameter::query(
            "kinds",
            one_of(json!(kinds)),
            "Only about records of these kinds.",
        )
        .example(json!(["user"])),
        Parameter::query(
            "roles",
            list(text()),
            &format!("Only events that involve one of these roles, by name or id. {of_names}"),
        )
        .example(json!(["TenantAdmin"])),
        Parameter::query("omit", one_of(json!(fields)), "Without these fields.")
            .example(json!(["primary_email_address"])),
        Parameter::query("expand_lists", flag(), "An event for each user of a list.").example(true),
    ]
}

/// Returns the schemas that the operation refers to by name.
pub(super) fn schemas() -> Vec<(&'static str, Value)> {
    let account = object(vec![
        ("id", text()),
        ("name", text()),
        ("region", or_null(text())),
    ]);
    let sort = "Its type, such as `user.updated`.";
    let standard = partial(
        &["id", "type", "timestamp", "data"],
        vec![
            ("id", said(text(), "The same for every receiver.")),
            ("type", said(text(), sort)),
            ("timestamp", time()),
            ("sequence", said(count(), "Its position in the journal.")),
            ("account", account.clone()),
            (
                "data",
                said(json!({ "type": "object" }), "Depends on the type."),
            ),
        ],
    );
    let cloud = partial(
        &[
            "specversion",
            "id",
            "source",
            "type",
            "time",
            "datacontenttype",
            "data",
        ],
        vec![
            ("specversion", words(&["1.0"])),
            ("id", said(text(), "The same for every receiver.")),
            ("source", text()),
            ("type", said(text(), sort)),
            ("time", time()),
            ("subject", said(text(), "What it is about, as a path.")),
            (
                "sequence",
                said(text(), "Its position in the journal, as 20 digits."),
            ),
            ("datacontenttype", words(&["application/json"])),
            ("data", said(anything(), "Depends on the type.")),
        ],
    );
    vec![
        (
            "Event",
            json!({ "anyOf": [reference("StandardEvent"), reference("CloudEvent")] }),
        ),
        ("StandardEvent", standard),
        ("CloudEvent", cloud),
    ]
}
