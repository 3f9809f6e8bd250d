//! Writes log lines to standard error, for people or for machines.

use std::io::{self, IsTerminal};

use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::status_line::Stderr;

use super::escaped::Escaped;
use super::fields::SaidOnce;
use super::format::Format;

/// How log lines look and which are written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogOptions {
    /// How they look.
    pub format: Format,
    /// Which are written.
    pub filter: Filter,
}

/// Which lines are written: a level, or levels by module in the manner of `RUST_LOG`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter(String);

impl Default for Filter {
    fn default() -> Self {
        Self("info".to_owned())
    }
}

/// The text does not say which lines to write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{part}` is not a level (error, warn, info, debug, trace, off), and not `module=level`")]
pub struct InvalidFilter {
    part: String,
}

impl Filter {
    /// Reads `info`, or `warn,qlik_roster::sync=debug`.
    ///
    /// The logging crate takes a single word that is not a level for a module, so that a misspelt
    /// level would silence everything; here it is an error.
    pub fn parse(text: &str) -> Result<Self, InvalidFilter> {
        for part in text.split(',').map(str::trim) {
            let level = part.rsplit_once('=').map_or(part, |(_, level)| level);
            let names_nothing = part.starts_with('=');
            let reads = level.parse::<LevelFilter>().is_ok()
                && !level.is_empty()
                && !level.bytes().all(|byte| byte.is_ascii_digit())
                && EnvFilter::try_new(part).is_ok();
            if names_nothing || !reads {
                return Err(InvalidFilter {
                    part: part.to_owned(),
                });
            }
        }
        Ok(Self(text.to_owned()))
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Logging was started before in this process.
#[derive(Debug, thiserror::Error)]
#[error("logging was started before in this process")]
pub struct AlreadyStarted;

/// Starts logging to standard error, once per process.
pub fn start_logging(options: &LogOptions) -> Result<(), AlreadyStarted> {
    let colour = if io::stderr().is_terminal() {
        Colour::On
    } else {
        Colour::Off
    };
    let subscriber = subscriber(options, colour, Stderr::default);
    tracing::subscriber::set_global_default(subscriber).or(Err(AlreadyStarted))
}

/// Whether lines carry a terminal's colour codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Colour {
    On,
    Off,
}

fn subscriber<W>(
    options: &LogOptions,
    colour: Colour,
    writer: W,
) -> Box<dyn Subscriber + Send + Sync>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    // A filter that was parsed before parses again.
    let filter = EnvFilter::try_new(options.filter.as_str())
        .unwrap_or_else(|_invalid| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(colour == Colour::On)
        .with_writer(Escaped {
            inner: writer,
            format: options.format,
        });
    match options.format {
        Format::Text => Box::new(lines.fmt_fields(SaidOnce).finish()),
        // Fields are at the top level next to the message, where log stores look for them.
        Format::Json => Box::new(lines.json().flatten_event(true).finish()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::lock::lock;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            lock(&self.0).write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn written(format: Format, filter: &str, colour: Colour) -> String {
        told(format, filter, colour, "Sync of `acme` failed")
    }

    fn told(format: Format, filter: &str, colour: Colour, message: &str) -> String {
        let sink = Sink::default();
        let made = sink.clone();
        let options = LogOptions {
            format,
            filter: Filter::parse(filter).unwrap(),
        };
        let subscriber = subscriber(&options, colour, move || made.clone());
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(tenant.id = "t1", error = message, "{message}");
            tracing::debug!("not at this level");
        });
        String::from_utf8(lock(&sink.0).clone()).unwrap()
    }

    #[test]
    fn a_json_line_has_its_fields_beside_the_message() {
        let line = written(Format::Json, "info", Colour::Off);

        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line["level"], "WARN");
        assert_eq!(line["message"], "Sync of `acme` failed");
        assert_eq!(line["tenant.id"], "t1");
    }

    #[test]
    fn text_says_a_thing_once_and_json_has_every_field() {
        let line = |format| {
            let sink = Sink::default();
            let options = LogOptions {
                format,
                filter: Filter::default(),
            };
            let writer = sink.clone();
            let subscriber = subscriber(&options, Colour::Off, move || writer.clone());
            tracing::subscriber::with_default(subscriber, || {
                tracing::warn!(
                    tenant.id = "t1",
                    tenant.name = "acme",
                    error = "no \"answer\"",
                    "Sync of `acme` failed: no \"answer\""
                );
                tracing::warn!(
                    tenant.name = "acme",
                    error = "full",
                    "Maintenance was broken off"
                );
            });
            String::from_utf8(lock(&sink.0).clone()).unwrap()
        };

        let text = line(Format::Text);
        let text: Vec<&str> = text
            .lines()
            .map(|line| line.split_once("tests: ").unwrap().1)
            .collect();
        let said = r#"Sync of `acme` failed: no "answer" tenant.id="t1""#;
        let unsaid = r#"Maintenance was broken off tenant.name="acme" error="full""#;
        assert_eq!(text, [said, unsaid]);
        let json = line(Format::Json);
        let json: serde_json::Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
        assert_eq!(json["tenant.name"], "acme");
        assert_eq!(json["error"], "no \"answer\"");
    }

    #[test]
    fn what_a_name_says_moves_no_cursor_and_forges_no_line() {
        let nasty = "x\u{1b}[2J\u{9b}31m\u{202e}\nERROR forged\r\u{0}";
        for colour in [Colour::On, Colour::Off] {
            let line = told(Format::Text, "info", colour, nasty);
            let codes = |line: &str| line.matches('\u{1b}').count();
            assert_eq!(
                codes(&line),
                codes(&told(Format::Text, "info", colour, "x"))
            );
            let line = line.strip_suffix('\n').unwrap().replace('\u{1b}', "");
            assert!(crate::printable::is_plain(&line), "{line:?}");
        }

        let line = told(Format::Json, "info", Colour::Off, nasty);
        let line = line.strip_suffix('\n').unwrap();
        assert!(crate::printable::is_plain(line), "{line:?}");
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["message"], nasty);
    }

    #[test]
    fn text_has_colour_codes_on_a_terminal_only() {
        let plain = written(Format::Text, "info", Colour::Off);

        assert!(plain.contains("WARN"), "{plain}");
        assert!(plain.contains("Sync of `acme` failed"), "{plain}");
        assert!(!plain.contains('\u{1b}'), "{plain}");
        assert!(written(Format::Text, "info", Colour::On).contains('\u{1b}'));
    }

    #[test]
    fn a_module_may_have_its_own_level() {
        assert_eq!(written(Format::Text, "off", Colour::Off), "");
        let lines = written(Format::Text, "off,qlik_roster=debug", Colour::Off);
        assert_eq!(lines.lines().count(), 2, "{lines}");
    }

    #[test]
    fn a_misspelt_level_is_an_error() {
        for text in ["verbose", "", "info,", "qlik_roster=loud", "=debug", "3"] {
            assert!(Filter::parse(text).is_err(), "{text:?}");
        }
        for text in ["error", "WARN", "off", "warn,qlik_roster::sync=debug"] {
            assert_eq!(Filter::parse(text).unwrap().as_str(), text);
        }
    }
}
