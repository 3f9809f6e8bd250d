//! Validates how events are written for an endpoint.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::super::problem::Problems;
use super::super::secret_keys::SecretKeys;
use super::super::secrets::Vault;
use super::super::{Fault, raw};
use crate::deliver::{
    Batching, EventFilter, EventSource, Format, Mode, ScimSets, SetEvents, SetKey,
};
use crate::sync::parse_duration;

/// All formats.
const FORMATS: &str =
    "`standard`, `cloudevents`, `cloudevents-binary`, `cloudevents-batch` or `scim-set`";

/// The most events in one request; a thousand whole users are some megabytes.
const MOST_IN_BATCH: u32 = 1_000;

/// The bounds for the bytes in one request: from a user with a few roles to what still fits well in
/// memory.
const BATCH_BYTES: RangeInclusive<u32> = 1_000..=16 * 1024 * 1024;

/// The longest that an event may wait for others.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// The event types that SCIM can express.
const TOLD_BY_SCIM: [&str; 8] = [
    "user.created",
    "user.updated",
    "user.deleted",
    "user.snapshot",
    "group.created",
    "group.updated",
    "group.deleted",
    "group.snapshot",
];

/// Validates the keys that concern the format. `events` are those that the endpoint wants.
pub(super) fn format(
    at: &str,
    raw: &raw::Endpoint,
    events: Option<&EventFilter>,
    vault: &Vault<'_>,
    problems: &mut Problems,
) -> Option<Format> {
    let name = raw.format.as_deref().unwrap_or("standard");
    let fits = belongs(at, raw, name, problems);
    let source = source(at, raw, problems);
    let cloud = |mode: Mode, source: EventSource| Format::CloudEvents { mode, source };
    let format = match name {
        "standard" => Format::Standard,
        "cloudevents" => cloud(Mode::Structured, source?),
        "cloudevents-binary" => cloud(Mode::Binary, source?),
        "cloudevents-batch" => cloud(Mode::Batch(batching(at, raw, problems)?), source?),
        "scim-set" => {
            let sets = sets(at, raw, source, vault, problems);
            if events.is_some_and(|events| !TOLD_BY_SCIM.iter().any(|event| events.wants(event))) {
                problems.add(
                    format!("{at}.events"),
                    Fault::Conflict {
                        detail: "SCIM can express only users and groups".to_owned(),
                        remedy: "add `user.*` or `group.*`, or choose another `format`",
                    },
                );
                return None;
            }
            Format::ScimSet(Box::new(sets?))
        }
        unknown => {
            let fault = Fault::BadChoice {
                text: unknown.to_owned(),
                allowed: FORMATS,
            };
            problems.add(format!("{at}.format"), fault);
            return None;
        }
    };
    fits.then_some(format)
}

/// Reports keys that have no effect with the chosen format, since their author expects one.
fn belongs(at: &str, raw: &raw::Endpoint, format: &str, problems: &mut Problems) -> bool {
    const CLOUD: &[&str] = &["cloudevents", "cloudevents-binary", "cloudevents-batch"];
    const BATCH: &[&str] = &["cloudevents-batch"];
    const SETS: &[&str] = &["scim-set"];
    let mut fits = true;
    let mut given = Vec::new();
    for (key, is_given, formats) in [
        ("source", raw.source.is_some(), [CLOUD, SETS].concat()),
        ("max_batch", raw.max_batch.is_some(), BATCH.into()),
        (
            "max_batch_bytes",
            raw.max_batch_bytes.is_some(),
            BATCH.into(),
        ),
        ("max_wait", raw.max_wait.is_some(), BATCH.into()),
        ("set_audience", raw.set_audience.is_some(), SETS.into()),
        ("set_events", raw.set_events.is_some(), SETS.into()),
    ] {
        given.push((key.to_owned(), is_given, formats));
    }
    for (key, is_given) in set_key(at, raw).each() {
        given.push((key, is_given, SETS.into()));
    }
    for (key, is_given, formats) in given {
        if is_given && !formats.contains(&format) {
            fits = false;
            problems.add(
                format!("{at}.{key}"),
                Fault::Conflict {
                    detail: format!(
                        "it is for the format `{}`, and not for `{format}`",
                        formats.join("` or `")
                    ),
                    remedy: "remove it, or set `format`",
                },
            );
        }
    }
    fits
}

fn set_key<'a>(at: &'a str, raw: &'a raw::Endpoint) -> SecretKeys<'a> {
    SecretKeys {
        at,
        key: "set_key",
        file: raw.set_key_file.as_ref(),
        variable: raw.set_key_env.as_ref(),
    }
}

fn source(at: &str, raw: &raw::Endpoint, problems: &mut Problems) -> Option<EventSource> {
    let Some(text) = &raw.source else {
        return Some(EventSource::default());
    };
    EventSource::parse(text)
        .map_err(|_invalid| {
            let fault = Fault::BadChoice {
                text: text.clone(),
                allowed: "an address of this installation such as `https://roster.example.com`, or \
                          a path, without spaces",
            };
            problems.add(format!("{at}.source"), fault);
        })
        .ok()
}

fn batching(at: &str, raw: &raw::Endpoint, problems: &mut Problems) -> Option<Batching> {
    let default = Batching::default();
    let max = match raw.max_batch {
        None => Some(default.max),
        Some(max) if (1..=MOST_IN_BATCH).contains(&max) => usize::try_from(max).ok(),
        Some(max) => {
            let fault = Fault::OutOfRange {
                value: max.to_string(),
                allowed: "a number from 1 to 1000",
            };
            problems.add(format!("{at}.max_batch"), fault);
            None
        }
    };
    let max_bytes = match raw.max_batch_bytes {
        None => Some(default.max_bytes),
        Some(bytes) if BATCH_BYTES.contains(&bytes) => usize::try_from(bytes).ok(),
        Some(bytes) => {
            let fault = Fault::OutOfRange {
                value: bytes.to_string(),
                allowed: "a number of bytes from 1000 to 16777216 (16 MiB)",
            };
            problems.add(format!("{at}.max_batch_bytes"), fault);
            None
        }
    };
    let wait = match &raw.max_wait {
        None => Some(default.wait),
        Some(text) => match parse_duration(text) {
            Some(wait) if wait <= LONGEST_WAIT => Some(wait),
            Some(_) => {
                let fault = Fault::OutOfRange {
                    value: text.clone(),
                    allowed: "a duration of at most `60s`",
                };
                problems.add(format!("{at}.max_wait"), fault);
                None
            }
            None => {
                let text = text.clone();
                problems.add(format!("{at}.max_wait"), Fault::BadDuration { text });
                None
            }
        },
    };
    Some(Batching {
        max: max?,
        max_bytes: max_bytes?,
        wait: wait?,
    })
}

fn sets(
    at: &str,
    raw: &raw::Endpoint,
    source: Option<EventSource>,
    vault: &Vault<'_>,
    problems: &mut Problems,
) -> Option<ScimSets> {
    let audience = raw.set_audience.clone().filter(|text| !text.is_empty());
    if audience.is_none() {
        let remedy = "add the name by which the receiver expects to be addressed, usually its \
                      address";
        problems.add(format!("{at}.set_audience"), Fault::Missing { remedy });
    }
    let events = match raw.set_events.as_deref() {
        None | Some("notice") => Some(SetEvents::Notice),
        Some("full") => Some(SetEvents::Full),
        Some(other) => {
            let fault = Fault::BadChoice {
                text: other.to_owned(),
                allowed: "`notice` or `full`",
            };
            problems.add(format!("{at}.set_events"), fault);
            None
        }
    };
    let keys = set_key(at, raw);
    let pem = keys.secret(vault, problems)?;
    let key = SetKey::parse(&pem)
        .map_err(|source| problems.add(keys.path(), Fault::BadSetKey { source }))
        .ok();
    Some(ScimSets {
        source: source?,
        audience: audience?,
        events: events?,
        key: key?,
    })
}
