//! Writes events as `CloudEvents` 1.0.2, in its binding to HTTP.
//!
//! `type` is the event's own type, without a prefix, so that one word means one thing in the
//! configuration and in every format.

use std::fmt::{self, Write};

use bytes::Bytes;
use reqwest::header::{HeaderName, HeaderValue};
use serde::{Serialize, Serializer};
use xxhash_rust::xxh3::Xxh3;

use super::batching::Batching;
use super::source::{EventSource, SourceOf};
use crate::deliver::content::message::Message;
use crate::deliver::content::right::RightSubject;
use crate::deliver::content::shown::{Shown, ShownData, Source};
use crate::model::{Id, Seq, SpaceId, Timestamp};

/// The bytes to reserve for an event, a little more than most take: a body that grows while it is
/// written is copied again and again.
const USUAL: usize = 1_200;

/// How events are laid out in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The whole event in the body.
    Structured,
    /// Attributes in headers, data in the body.
    Binary,
    /// Several events in the body.
    Batch(Batching),
}

/// An event with its attributes, as JSON.
#[derive(Serialize)]
struct Structured<'a> {
    specversion: &'static str,
    #[serde(flatten)]
    attributes: Attributes<'a>,
    datacontenttype: &'static str,
    data: Payload<'a>,
}

/// The attributes, which each layout writes in its own way.
#[derive(Serialize)]
struct Attributes<'a> {
    id: &'a str,
    source: Text<SourceOf<'a>>,
    r#type: &'a str,
    time: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<Text<Subject<'a>>>,
    /// The extension `sequence`: texts that sort in the order of the journal.
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence: Option<Text<Sequence>>,
}

/// A value that is the same text in JSON and in a header.
struct Text<T>(T);

impl<T: fmt::Display> fmt::Display for Text<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T: fmt::Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// What an event is about, as a path.
struct Subject<'a>(&'static str, &'a Id);

impl<'a> Subject<'a> {
    fn of(subject: RightSubject<'a>) -> Self {
        match subject {
            RightSubject::Record(kind, id) => Self(kind.plural(), id),
            RightSubject::Space(SpaceId(id)) => Self("spaces", id),
        }
    }
}

/// A position in the journal, as text.
struct Sequence(Seq);

impl fmt::Display for Subject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.0, self.1)
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = [b'0'; 20];
        let mut left = self.0.0;
        for digit in digits.iter_mut().rev() {
            *digit += (left % 10) as u8;
            left /= 10;
        }
        f.write_str(str::from_utf8(&digits).or(Err(fmt::Error))?)
    }
}

/// The data: everything in the standard format that is not an attribute here.
#[derive(Serialize)]
struct Payload<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<Source<'a>>,
    #[serde(flatten)]
    data: &'a ShownData<'a>,
}

pub(super) fn message(mode: Mode, source: &EventSource, events: &[Shown<'_>]) -> Message {
    let event = events.first().expect("a message carries an event");
    match mode {
        Mode::Structured => Message {
            id: event.id.to_owned(),
            content_type: "application/cloudevents+json; charset=UTF-8",
            headers: Vec::new(),
            body: json(&structured(source, event), 1),
        },
        Mode::Binary => Message {
            id: event.id.to_owned(),
            content_type: "application/json",
            headers: headers(&attributes(source, event)),
            body: json(&payload(event), 1),
        },
        Mode::Batch(_) => {
            let all: Vec<_> = events
                .iter()
                .map(|event| structured(source, event))
                .collect();
            Message {
                id: batch_id(events),
                content_type: "application/cloudevents-batch+json; charset=UTF-8",
                headers: Vec::new(),
                body: json(&all, all.len()),
            }
        }
    }
}

fn structured<'a>(source: &'a EventSource, event: &'a Shown<'_>) -> Structured<'a> {
    Structured {
        specversion: "1.0",
        attributes: attributes(source, event),
        datacontenttype: "application/json",
        data: payload(event),
    }
}

fn attributes<'a>(source: &'a EventSource, event: &'a Shown<'_>) -> Attributes<'a> {
    let subject = match &event.data {
        ShownData::Record(shown) => Some(Text(Subject(shown.kind.plural(), shown.id))),
        ShownData::Right(shown) => Some(Text(Subject::of(shown.subject))),
        ShownData::Other(_) => None,
    };
    Attributes {
        id: event.id,
        source: Text(source.of(event)),
        r#type: event.event_type,
        time: event.at,
        subject,
        sequence: event.sequence.map(|seq| Text(Sequence(seq))),
    }
}

fn payload<'a>(event: &'a Shown<'_>) -> Payload<'a> {
    Payload {
        account: event.account,
        data: &event.data,
    }
}

fn json(value: &impl Serialize, n_events: usize) -> Bytes {
    let mut body = Vec::with_capacity(n_events * USUAL);
    serde_json::to_writer(&mut body, value).expect("an event's keys are texts");
    body.into()
}

fn headers(attributes: &Attributes<'_>) -> Vec<(HeaderName, HeaderValue)> {
    let header = |name: &'static str, value: &dyn fmt::Display| {
        let value = HeaderValue::try_from(percent_encoded(&value.to_string()));
        let value = value.expect("what is encoded is printable ASCII");
        (HeaderName::from_static(name), value)
    };
    let mut headers = vec![
        header("ce-specversion", &"1.0"),
        header("ce-id", &attributes.id),
        header("ce-source", &attributes.source),
        header("ce-type", &attributes.r#type),
        header("ce-time", &attributes.time),
    ];
    let subject = attributes.subject.iter();
    headers.extend(subject.map(|subject| header("ce-subject", subject)));
    let sequence = attributes.sequence.iter();
    headers.extend(sequence.map(|sequence| header("ce-sequence", sequence)));
    headers
}

/// Encodes the characters that a header may not contain: blanks, quotes, per cent signs, and
/// everything that is not printable ASCII.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        let plain = byte.is_ascii_graphic() && !b"\"%".contains(&byte);
        let written = match plain {
            true => encoded.write_char(char::from(byte)),
            false => write!(encoded, "%{byte:02X}"),
        };
        written.expect("a text takes every text");
    }
    encoded
}

/// Returns the id of a batch, a hash of the ids of its events. Each attempt decides again which
/// events go together, so receivers recognise repetitions by the ids of the events.
fn batch_id(events: &[Shown<'_>]) -> String {
    let mut hash = Xxh3::new();
    for event in events {
        hash.update(event.id.as_bytes());
        // No id contains a blank.
        hash.update(b" ");
    }
    format!("bat_{:032x}", hash.digest128())
}

#[cfg(test)]
mod tests;
