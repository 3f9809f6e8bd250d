//! Writes events as `CloudEvents` 1.0.2 says, for its binding to HTTP.
//!
//! `type` is the event's own type, without a prefix, so that one word means one thing in the
//! configuration and in every format.

use std::fmt::Write;

use bytes::Bytes;
use reqwest::header::{HeaderName, HeaderValue};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::Batching;
use super::source::EventSource;
use crate::deliver::message::Message;
use crate::deliver::shown::{Shown, ShownData, Source};

/// Bytes of an event of the usual sort, and some: a body that grows as it is written is copied
/// again and again.
const USUAL: usize = 1_200;

/// How events are laid out in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// All of an event in the body.
    Structured,
    /// Attributes in headers, data in the body.
    Binary,
    /// Several events in the body.
    Batch(Batching),
}

/// An event with its attributes, as JSON has them.
#[derive(Serialize)]
struct Structured<'a> {
    specversion: &'static str,
    #[serde(flatten)]
    attributes: Attributes<'a>,
    datacontenttype: &'static str,
    data: Payload<'a>,
}

/// What both layouts carry, each in its own way.
#[derive(Serialize)]
struct Attributes<'a> {
    id: &'a str,
    source: String,
    r#type: &'a str,
    time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    /// The extension `sequence`: texts whose order is that of the journal.
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence: Option<String>,
}

/// The data: what the standard format has beside what is an attribute here.
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

fn structured<'a>(source: &EventSource, event: &'a Shown<'_>) -> Structured<'a> {
    Structured {
        specversion: "1.0",
        attributes: attributes(source, event),
        datacontenttype: "application/json",
        data: payload(event),
    }
}

fn attributes<'a>(source: &EventSource, event: &'a Shown<'_>) -> Attributes<'a> {
    let subject = match &event.data {
        ShownData::Record(shown) => Some(format!("{}/{}", shown.kind.plural(), shown.id)),
        ShownData::Other(_) => None,
    };
    Attributes {
        id: event.id,
        source: source.of(event),
        r#type: event.event_type,
        time: event.at.to_string(),
        subject,
        sequence: event.sequence.map(|seq| format!("{:020}", seq.0)),
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
    let header = |name: &'static str, value: &str| {
        let value = HeaderValue::try_from(percent_encoded(value));
        let value = value.expect("what is encoded is printable ASCII");
        (HeaderName::from_static(name), value)
    };
    let mut headers = vec![
        header("ce-specversion", "1.0"),
        header("ce-id", attributes.id),
        header("ce-source", &attributes.source),
        header("ce-type", attributes.r#type),
        header("ce-time", &attributes.time),
    ];
    let subject = attributes.subject.iter();
    headers.extend(subject.map(|subject| header("ce-subject", subject)));
    let sequence = attributes.sequence.iter();
    headers.extend(sequence.map(|sequence| header("ce-sequence", sequence)));
    headers
}

/// Encodes what a header may not hold as it is: blanks, quotes, per cent, and all that is not
/// printable ASCII.
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

/// The id of a batch says what is in it. Which events go together is decided anew at each
/// attempt, so receivers tell repetitions by the ids of the events.
fn batch_id(events: &[Shown<'_>]) -> String {
    let mut digest = Sha256::new();
    for event in events {
        digest.update(event.id);
        // No id holds a blank.
        digest.update(b" ");
    }
    let digest: [u8; 32] = digest.finalize().into();
    let (start, _) = digest.split_at(16);
    format!("bat_{}", hex::encode(start))
}

#[cfg(test)]
mod tests;
