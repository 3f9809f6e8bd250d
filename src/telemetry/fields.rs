//! The fields of a log line for people, without those that repeat the message.
//!
//! A message can be read alone: it contains the name of its tenant and the reason of a failure. The
//! fields repeat them for searches by tenant, which only machines need.

use std::fmt::{self, Debug};

use tracing::field::{Field, Visit};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::Writer;

/// Fields that a message may contain, and what surrounds them there.
const SAID: [(&str, &str); 2] = [("error", ""), ("tenant.name", "`")];

/// Writes the message, then the fields that say something new.
pub(super) struct SaidOnce;

impl<'w> FormatFields<'w> for SaidOnce {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'w>, fields: R) -> fmt::Result {
        let mut line = Line::default();
        fields.record(&mut line);
        writer.write_str(&line.message)?;
        let mut gap = if line.message.is_empty() { "" } else { " " };
        for Said { name, text, shown } in &line.fields {
            if line.has_said(name, text) {
                continue;
            }
            match writer.has_ansi_escapes() {
                true => write!(writer, "{gap}\x1b[3m{name}\x1b[0m\x1b[2m=\x1b[0m{shown}")?,
                false => write!(writer, "{gap}{name}={shown}")?,
            }
            gap = " ";
        }
        Ok(())
    }
}

/// A line's message and fields.
#[derive(Default)]
struct Line {
    message: String,
    fields: Vec<Said>,
}

struct Said {
    name: &'static str,
    text: String,
    /// The same as it is printed: quoted if it is text.
    shown: String,
}

impl Line {
    fn add(&mut self, name: &'static str, text: String, shown: String) {
        match name {
            "message" => self.message = text,
            name => self.fields.push(Said { name, text, shown }),
        }
    }

    fn has_said(&self, name: &str, text: &str) -> bool {
        SAID.iter().any(|(said, around)| {
            *said == name && self.message.contains(&format!("{around}{text}{around}"))
        })
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let text = format!("{value:?}");
        self.add(field.name(), text.clone(), text);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field.name(), value.to_owned(), format!("{value:?}"));
    }
}
