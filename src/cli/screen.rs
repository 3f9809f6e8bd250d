//! What results are printed to: how wide it is, whether it shows colour, how times are written.

use std::io::{self, IsTerminal};

use terminal_size::Width;

use crate::clock::Clock;
use crate::model::Timestamp;

use super::style::Colour;

/// Where results go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Screen {
    /// The width in columns, or `None` if lines may have any length.
    pub(super) width: Option<usize>,
    pub(super) colour: Colour,
    pub(super) times: Times,
}

/// How a table writes a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Times {
    /// RFC 3339, for programs.
    Exact,
    /// As the time elapsed until now, for people.
    Ago(Timestamp),
}

impl Screen {
    /// Looks at standard output. `COLUMNS` sets the width, even if it is not a terminal.
    #[expect(
        clippy::disallowed_methods,
        reason = "what a terminal says of itself is no setting of ours"
    )]
    pub(super) fn of_stdout() -> Self {
        let stream = io::stdout();
        let columns = std::env::var("COLUMNS").ok();
        let named = columns.and_then(|text| text.trim().parse().ok());
        let is_terminal = stream.is_terminal();
        let measured = || match is_terminal {
            true => terminal_size::terminal_size().map(|(Width(width), _)| usize::from(width)),
            false => None,
        };
        Self {
            width: named.filter(|width| *width > 0).or_else(measured),
            colour: Colour::of(&stream),
            times: match is_terminal {
                true => Times::Ago(Clock::system().now()),
                false => Times::Exact,
            },
        }
    }
}

impl Times {
    /// Writes a time in a cell.
    pub(super) fn tell(self, time: Timestamp) -> String {
        match self {
            Self::Exact => time.to_string(),
            Self::Ago(now) => ago(time, now),
        }
    }

    /// Writes a time where there is more space: in both ways.
    pub(super) fn tell_in_full(self, time: Timestamp) -> String {
        match self {
            Self::Exact => time.to_string(),
            Self::Ago(now) => format!("{time} ({})", ago(time, now)),
        }
    }
}

/// Says how long ago a time was, or how long it is until then. Beyond a month, names the day.
fn ago(time: Timestamp, now: Timestamp) -> String {
    let (passed, is_past) = match now >= time {
        true => (now.since(time), true),
        false => (time.since(now), false),
    };
    let seconds = passed.as_secs();
    let span = match seconds {
        0..5 if is_past => return "just now".to_owned(),
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..172_800 => format!("{} h", seconds / 3_600),
        172_800..2_592_000 => format!("{} days", seconds / 86_400),
        _ => {
            let text = time.to_string();
            let day = text.split('T').next();
            return day.unwrap_or(&text).to_owned();
        }
    };
    match is_past {
        true => format!("{span} ago"),
        false => format!("in {span}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_by_its_distance() {
        let now = Timestamp::parse("2026-03-10T12:00:00Z").unwrap();
        for (time, expected) in [
            ("2026-03-10T11:59:58Z", "just now"),
            ("2026-03-10T11:59:15Z", "45 s ago"),
            ("2026-03-10T11:57:00Z", "3 min ago"),
            ("2026-03-09T13:00:00Z", "23 h ago"),
            ("2026-03-07T11:00:00Z", "3 days ago"),
            ("2025-12-31T23:00:00Z", "2025-12-31"),
            ("2026-03-10T12:05:30Z", "in 5 min"),
            ("2026-03-12T12:00:00Z", "in 2 days"),
        ] {
            assert_eq!(ago(Timestamp::parse(time).unwrap(), now), expected);
        }
    }
}
