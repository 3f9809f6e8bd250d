//! The shapes of the values of format 1, as they were when it was the newest, and the code that
//! reads them.

use chrono::{DateTime, SecondsFormat};
use serde_json::{Value, json};

/// What the bytes of a value mean.
pub enum Shape {
    Bool,
    Number,
    /// A time in milliseconds.
    Time,
    Text,
    /// An id, stored as its key.
    Id,
    /// This many bytes, in hexadecimal.
    Bytes(usize),
    Maybe(Box<Shape>),
    List(Box<Shape>),
    /// A map, whose keys become texts when they are read.
    Named(Box<Shape>, Box<Shape>),
    Parts(Vec<Shape>),
    Fields(Vec<(&'static str, Shape)>),
    /// A word, or a word with a value.
    One(Vec<(&'static str, Option<Shape>)>),
}

use Shape::{Bool, Fields, Named, Number, One, Parts, Text, Time};

pub fn maybe(shape: Shape) -> Shape {
    Shape::Maybe(Box::new(shape))
}

fn list(shape: Shape) -> Shape {
    Shape::List(Box::new(shape))
}

fn named(key: Shape, value: Shape) -> Shape {
    Named(Box::new(key), Box::new(value))
}

fn words(words: &[&'static str]) -> Shape {
    One(words.iter().map(|word| (*word, None)).collect())
}

fn read(shape: &Shape, bytes: &mut &[u8]) -> Value {
    match shape {
        Bool => json!(byte(bytes) == 1),
        Number => json!(number(bytes)),
        Time => json!(time(zigzag(number(bytes)))),
        Text => json!(text(bytes)),
        Shape::Id => {
            let n_bytes = length(bytes);
            json!(id(take(bytes, n_bytes)))
        }
        Shape::Bytes(n_bytes) => json!(hex::encode(take(bytes, *n_bytes))),
        Shape::Maybe(inner) => match byte(bytes) {
            0 => Value::Null,
            1 => read(inner, bytes),
            other => panic!("{other} is neither there nor not"),
        },
        Shape::List(inner) => (0..number(bytes)).map(|_| read(inner, bytes)).collect(),
        Named(key, value) => {
            let pairs = (0..number(bytes)).map(|_| {
                let key = read(key, bytes);
                (key.as_str().unwrap().to_owned(), read(value, bytes))
            });
            Value::Object(pairs.collect())
        }
        Parts(parts) => parts.iter().map(|part| read(part, bytes)).collect(),
        Fields(fields) => {
            let fields = fields.iter();
            let fields = fields.map(|(name, shape)| ((*name).to_owned(), read(shape, bytes)));
            Value::Object(fields.collect())
        }
        One(words) => match &words[length(bytes)] {
            (word, None) => json!(word),
            (word, Some(shape)) => json!({ *word: read(shape, bytes) }),
        },
    }
}

pub fn whole(shape: &Shape, mut bytes: &[u8]) -> Value {
    let value = read(shape, &mut bytes);
    assert!(bytes.is_empty(), "{} bytes are left", bytes.len());
    value
}

pub fn take<'a>(bytes: &mut &'a [u8], n_bytes: usize) -> &'a [u8] {
    let (taken, rest) = bytes.split_at(n_bytes);
    *bytes = rest;
    taken
}

pub fn byte(bytes: &mut &[u8]) -> u8 {
    take(bytes, 1)[0]
}

fn number(bytes: &mut &[u8]) -> u64 {
    let mut number = 0;
    for place in 0.. {
        let byte = byte(bytes);
        number |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            break;
        }
    }
    number
}

fn length(bytes: &mut &[u8]) -> usize {
    number(bytes).try_into().unwrap()
}

fn zigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

fn text(bytes: &mut &[u8]) -> String {
    let n_bytes = length(bytes);
    String::from_utf8(take(bytes, n_bytes).to_vec()).unwrap()
}

pub fn time(millis: i64) -> String {
    let time = DateTime::from_timestamp_millis(millis).unwrap();
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

pub fn id(key: &[u8]) -> String {
    match key.split_first().unwrap() {
        (0, bytes) => hex::encode(bytes),
        (1, text) => String::from_utf8(text.to_vec()).unwrap(),
        (other, _) => panic!("{other} is no shape of an id"),
    }
}

fn kind() -> Shape {
    words(&["role", "group", "user"])
}

fn reference() -> Shape {
    Fields(vec![("kind", kind()), ("id", Shape::Id)])
}

fn coded(values: &[&'static str]) -> Shape {
    Fields(vec![
        ("value", words(values)),
        ("source_value", maybe(Text)),
    ])
}

fn names() -> Shape {
    maybe(named(Shape::Id, Text))
}

fn user() -> Shape {
    let statuses = ["enabled", "disabled", "pending", "unmapped_value"];
    Fields(vec![
        ("id", Shape::Id),
        ("subject", Text),
        ("name", maybe(Text)),
        ("email", maybe(Text)),
        ("status", coded(&statuses)),
        ("is_bot", Bool),
        ("client_id", maybe(Text)),
        ("roles", names()),
        ("groups", names()),
        ("scopes", maybe(list(Text))),
        ("created_at", maybe(Time)),
        ("updated_at", maybe(Time)),
        ("invite_expires_at", maybe(Time)),
        ("picture", maybe(Text)),
        ("locale", maybe(Text)),
        ("zone_info", maybe(Text)),
        ("preferred_locale", maybe(Text)),
        ("preferred_zone_info", maybe(Text)),
    ])
}

fn role() -> Shape {
    let types = [
        "admin",
        "viewer",
        "editor",
        "basic",
        "guest",
        "unassigned",
        "restricted",
        "unmapped_value",
    ];
    Fields(vec![
        ("id", Shape::Id),
        ("name", Text),
        ("description", maybe(Text)),
        ("role_type", coded(&types)),
        ("origin", maybe(Text)),
        ("level", maybe(Text)),
        ("permissions", maybe(list(Text))),
        ("scopes", maybe(list(Text))),
        ("created_at", maybe(Time)),
        ("updated_at", maybe(Time)),
    ])
}

fn group() -> Shape {
    let types = [
        "workspace",
        "team",
        "department",
        "group",
        "organization",
        "unmapped_value",
        "cost_center",
    ];
    Fields(vec![
        ("id", Shape::Id),
        ("name", Text),
        ("description", maybe(Text)),
        ("group_type", coded(&types)),
        ("status", maybe(Text)),
        ("idp_id", maybe(Text)),
        ("roles", names()),
        ("created_at", maybe(Time)),
        ("updated_at", maybe(Time)),
    ])
}

pub fn record() -> Shape {
    One(vec![
        ("Role", Some(role())),
        ("Group", Some(group())),
        ("User", Some(user())),
    ])
}

fn change() -> Shape {
    One(vec![
        (
            "Created",
            Some(Fields(vec![
                ("after", record()),
                ("replaces", maybe(Shape::Id)),
            ])),
        ),
        (
            "Updated",
            Some(Fields(vec![("before", record()), ("after", record())])),
        ),
        ("Deleted", Some(Fields(vec![("before", record())]))),
    ])
}

pub fn account() -> Shape {
    Fields(vec![
        ("tenant", Text),
        ("name", Text),
        ("region", maybe(Text)),
    ])
}

pub fn loss() -> Shape {
    words(&[
        "users",
        "roles",
        "groups",
        "memberships",
        "role_assignments",
    ])
}

fn losses() -> Shape {
    let weight = vec![("lost", Number), ("known", Number), ("shown", Number)];
    let reason = vec![
        ("nothing_left", None),
        ("over_count", Some(Fields(vec![("max_count", Number)]))),
        ("over_share", Some(Fields(vec![("max_permille", Number)]))),
        ("never", None),
    ];
    let held = vec![("weight", Fields(weight)), ("reason", One(reason))];
    named(loss(), Fields(held))
}

pub fn fact() -> Shape {
    One(vec![
        ("Changed", Some(change())),
        (
            "Loaded",
            Some(Fields(vec![
                ("roles", Number),
                ("groups", Number),
                ("users", Number),
            ])),
        ),
        (
            "Held",
            Some(Fields(vec![
                ("plan", Number),
                ("supersedes", maybe(Number)),
                ("losses", losses()),
            ])),
        ),
        (
            "Failed",
            Some(Fields(vec![("code", Text), ("message", Text)])),
        ),
        (
            "Recovered",
            Some(One(vec![("plan", Some(Number)), ("sync", None)])),
        ),
        (
            "EndpointDisabled",
            Some(Fields(vec![
                ("endpoint", Text),
                ("reason", Text),
                ("failing_since", maybe(Time)),
            ])),
        ),
    ])
}

pub fn run() -> Shape {
    let counts = [
        "seen",
        "created",
        "updated",
        "deleted",
        "rescued",
        "unreadable",
        "partial",
    ];
    let counts = counts.map(|name| (name, Number));
    let outcome = vec![
        ("running", None),
        ("succeeded", None),
        ("degraded", None),
        ("held", None),
        ("incomplete", Some(Fields(vec![("reason", Text)]))),
        (
            "failed",
            Some(Fields(vec![("code", Text), ("message", Text)])),
        ),
        ("interrupted", None),
    ];
    let held = vec![("plan", maybe(Number)), ("losses", losses())];
    let waited = vec![("secs", Number), ("nanos", Number)];
    let traffic = vec![
        ("requests", Number),
        ("retries", Number),
        ("waited", Fields(waited)),
    ];
    let codes = [
        "unreadable_record",
        "hidden_roles",
        "hidden_groups",
        "rescued",
        "forbidden_collection",
        "audit_forbidden",
        "audit_gap",
        "unconfirmed",
    ];
    let finding = vec![
        ("code", words(&codes)),
        ("kind", kind()),
        ("id", maybe(Shape::Id)),
        ("detail", Text),
    ];
    Fields(vec![
        ("id", Number),
        ("tenant_name", Text),
        ("tenant", maybe(Text)),
        (
            "trigger",
            words(&["start", "schedule", "command", "audit", "gap"]),
        ),
        ("mode", words(&["commit", "dry_run"])),
        ("started_at", Time),
        ("ended_at", maybe(Time)),
        ("outcome", One(outcome)),
        ("counts", named(kind(), Fields(counts.into()))),
        ("population", named(loss(), Number)),
        ("lost", named(loss(), Number)),
        ("held", maybe(Fields(held))),
        ("traffic", Fields(traffic)),
        ("findings", list(Fields(finding))),
        ("audit_missed", maybe(Number)),
    ])
}

pub fn held_plan() -> Shape {
    let at = || Fields(vec![("at", Time)]);
    let and = |name, shape| Fields(vec![("at", Time), (name, shape)]);
    let state = vec![
        ("held", None),
        ("approved", Some(at())),
        ("applied", Some(and("run", Number))),
        ("rejected", Some(at())),
        ("superseded", Some(and("by", Number))),
        ("recovered", Some(and("run", Number))),
    ];
    Fields(vec![
        ("id", Number),
        ("account", account()),
        ("at", Time),
        ("losses", losses()),
        ("entries", Number),
        ("checksum", Number),
        ("state", One(state)),
    ])
}

pub fn removal() -> Shape {
    let proof = vec![("proof", words(&["confirmed", "not_yet_asked"]))];
    let access = vec![
        ("roles", named(Shape::Id, Text)),
        ("groups", named(Shape::Id, Text)),
    ];
    let taken = vec![
        ("record", Some(Fields(proof))),
        ("access", Some(Fields(access))),
    ];
    Fields(vec![
        ("record", reference()),
        ("label", Text),
        ("what", One(taken)),
    ])
}

pub fn write() -> Shape {
    One(vec![
        (
            "Change",
            Some(Fields(vec![
                ("change", change()),
                ("fingerprint", Shape::Bytes(16)),
                ("raw", Text),
            ])),
        ),
        (
            "Quiet",
            Some(Fields(vec![
                ("record", record()),
                ("fingerprint", Shape::Bytes(16)),
                ("raw", Text),
            ])),
        ),
        ("Forget", Some(Fields(vec![("record", reference())]))),
    ])
}

pub fn plan_row() -> Shape {
    let head = vec![
        ("run", Number),
        ("at", Time),
        ("account", account()),
        ("rows_total", Number),
    ];
    Fields(vec![("head", Fields(head)), ("rows_done", Number)])
}

fn item() -> Shape {
    One(vec![
        ("Entry", Some(Number)),
        (
            "Snapshot",
            Some(Fields(vec![
                ("mark", Number),
                ("at", Time),
                ("tenant", Number),
                ("record", reference()),
            ])),
        ),
    ])
}

pub fn cursor() -> Shape {
    let place = || Parts(vec![Number, kind(), Shape::Id]);
    let receiver = Fields(vec![("url_mark", Text)]);
    let by = vec![
        ("Operator", None),
        ("Receiver", Some(receiver)),
        ("Failures", None),
    ];
    Fields(vec![
        ("settled", Number),
        ("ahead", list(Number)),
        (
            "trouble",
            maybe(Fields(vec![
                ("probes", Number),
                ("due", Time),
                ("reason", Text),
            ])),
        ),
        (
            "failing",
            maybe(Fields(vec![
                ("since", Time),
                ("last", Time),
                ("attempts", Number),
            ])),
        ),
        (
            "disabled",
            maybe(Fields(vec![
                ("at", Time),
                ("by", One(by)),
                ("reason", Text),
            ])),
        ),
        (
            "backfill",
            maybe(Fields(vec![
                ("mark", Number),
                ("at", Time),
                ("tenant", maybe(Number)),
                ("after", maybe(place())),
                ("beyond", list(place())),
            ])),
        ),
        ("delivered_at", maybe(Time)),
    ])
}

pub fn parked() -> Shape {
    Fields(vec![
        ("item", item()),
        ("reason", Text),
        ("at", Time),
        ("attempts", Number),
    ])
}

pub fn deferred() -> Shape {
    Fields(vec![
        ("entity", Number),
        ("after", maybe(Number)),
        ("attempts", Number),
        ("due", maybe(Time)),
        ("is_endpoints", Bool),
        ("is_alone", Bool),
    ])
}

pub fn order() -> Shape {
    One(vec![
        ("Enable", None),
        ("Disable", Some(Fields(vec![("at", Time)]))),
        ("Rewind", Some(Fields(vec![("to", Number)]))),
        (
            "Backfill",
            Some(Fields(vec![("at", Time), ("mark", Number)])),
        ),
    ])
}

pub fn attempts() -> Shape {
    list(Fields(vec![
        ("item", item()),
        ("event_type", Text),
        ("number", Number),
        ("at", Time),
        ("took_ms", Number),
        ("status", maybe(Number)),
        ("answer", Text),
        ("error", maybe(Text)),
    ]))
}

pub fn links() -> Shape {
    let pause = vec![
        ("status", Some(Text)),
        ("gone", None),
        ("left_out", None),
        ("same_as", Some(Text)),
        ("not_configured", None),
    ];
    list(Fields(vec![
        ("id", Text),
        ("name", Text),
        ("hosts", list(Text)),
        ("region", maybe(Text)),
        ("pause", maybe(One(pause))),
    ]))
}

pub fn tenant() -> Shape {
    let tenant = vec![
        ("id", Text),
        ("name", Text),
        ("hosts", list(Text)),
        ("region", maybe(Text)),
        ("status", maybe(Text)),
    ];
    Fields(vec![
        ("tenant", Fields(tenant)),
        ("name", Text),
        ("adopted_at", Time),
    ])
}

pub fn bookmark() -> Shape {
    Fields(vec![
        ("since", Time),
        ("until", Time),
        ("untold", list(Parts(vec![Time, reference()]))),
    ])
}
