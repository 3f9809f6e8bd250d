//! Escapes log lines, so that no text from outside moves a terminal's cursor or breaks a line.

use std::io::{self, Write};

use tracing::Metadata;
use tracing_subscriber::fmt::MakeWriter;

use crate::printable;

use super::format::Format;

/// Writes each log line escaped. The logging crate passes one line at a time.
pub(super) struct Escaped<M> {
    pub(super) inner: M,
    pub(super) format: Format,
}

/// The writer of one line.
pub(super) struct Line<W> {
    inner: W,
    format: Format,
}

impl<'w, M: MakeWriter<'w>> MakeWriter<'w> for Escaped<M> {
    type Writer = Line<M::Writer>;

    fn make_writer(&'w self) -> Self::Writer {
        Line {
            inner: self.inner.make_writer(),
            format: self.format,
        }
    }

    fn make_writer_for(&'w self, meta: &Metadata<'_>) -> Self::Writer {
        Line {
            inner: self.inner.make_writer_for(meta),
            format: self.format,
        }
    }
}

impl<W: Write> Write for Line<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        let (body, end) = match text.strip_suffix('\n') {
            Some(body) => (body, "\n"),
            None => (&*text, ""),
        };
        let body = match self.format {
            Format::Json => printable::json(body),
            Format::Text => text_line(body).into(),
        };
        // The reader of the log is gone, or the disk is full: there is nobody to tell, and the
        // logging crate would panic if it tried.
        drop(self.inner.write_all(format!("{body}{end}").as_bytes()));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        drop(self.inner.flush());
        Ok(())
    }
}

/// Escapes a line for people. Colours stay: the logging crate has already escaped ESC in text from
/// outside, so any that are left are its own.
fn text_line(body: &str) -> String {
    let mut out = String::with_capacity(body.len());
    let mut rest = body;
    while let Some(at) = rest.find('\u{1b}') {
        let (before, from) = rest.split_at(at);
        out.push_str(&printable::line(before));
        let (code, after) = from.split_at(colour(from).unwrap_or('\u{1b}'.len_utf8()));
        match code.len() {
            1 => out.push_str(&printable::line(code)),
            _ => out.push_str(code),
        }
        rest = after;
    }
    out.push_str(&printable::line(rest));
    out
}

/// Returns the length of the colour code at the start of a text, such as `ESC [ 3 1 m`; `None` if
/// there is none.
fn colour(text: &str) -> Option<usize> {
    let parameters = text.strip_prefix("\u{1b}[")?;
    let end = parameters.find(|c: char| !c.is_ascii_digit() && c != ';')?;
    let is_colour = parameters.get(end..)?.starts_with('m');
    is_colour.then_some(end + 3)
}
