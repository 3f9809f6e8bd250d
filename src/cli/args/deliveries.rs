//! The arguments of the commands for deliveries and endpoints.

use std::num::NonZeroUsize;
use std::time::Duration;

use clap::Subcommand;

use super::{TableArgs, from_one};
use crate::control::EventName;
use crate::model::Timestamp;
use crate::sync::parse_duration;

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(in crate::cli) struct DeliveriesArgs {
    #[command(subcommand)]
    pub(in crate::cli) action: Option<DeliveriesAction>,
    #[command(flatten)]
    pub(in crate::cli) list: DeliveryListArgs,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum DeliveriesAction {
    /// List attempts, newest first (this is also what happens without `list`).
    List(DeliveryListArgs),
    /// Show the attempts to deliver one event, each with the beginning of the answer.
    Show {
        /// The event: its sequence number, its id (`evt_…`), or for a snapshot what the list
        /// prints.
        event: EventName,
        /// At this endpoint only.
        #[arg(long, value_name = "NAME")]
        endpoint: Option<String>,
        #[command(flatten)]
        table: TableArgs,
    },
    /// Discard parked deliveries: they will never be sent.
    #[command(group(clap::ArgGroup::new("what").required(true).args(["event", "all"])))]
    Dismiss {
        /// At this endpoint.
        #[arg(long, value_name = "NAME")]
        endpoint: String,
        /// This one event.
        #[arg(long, value_name = "EVENT")]
        event: Option<EventName>,
        /// All that are parked for the endpoint.
        #[arg(long)]
        all: bool,
    },
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct DeliveryListArgs {
    /// At this endpoint only.
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) endpoint: Option<String>,
    /// Only what was given up on, the earliest first.
    #[arg(long)]
    pub(in crate::cli) parked: bool,
    /// Only what is waiting for another attempt.
    #[arg(long, conflicts_with = "parked")]
    pub(in crate::cli) waiting: bool,
    /// Only attempts that failed.
    #[arg(long, conflicts_with_all = ["parked", "waiting"])]
    pub(in crate::cli) failed: bool,
    /// Only attempts to deliver this event: a sequence number, an id (`evt_…`), or for a snapshot
    /// what the list prints.
    #[arg(long, value_name = "EVENT", conflicts_with_all = ["parked", "waiting"])]
    pub(in crate::cli) event: Option<EventName>,
    /// Show at most this many rows (default: 50, or all that are parked).
    #[arg(long, value_name = "N", value_parser = from_one)]
    pub(in crate::cli) limit: Option<NonZeroUsize>,
    #[command(flatten)]
    pub(in crate::cli) table: TableArgs,
}

#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("what").required(true).args(["event", "since", "parked"])))]
pub(in crate::cli) struct ReplayArgs {
    /// To this endpoint.
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) endpoint: String,
    /// This one event: a sequence number, an id (`evt_…`), or for a snapshot what
    /// `deliveries --parked` prints.
    #[arg(long, value_name = "EVENT")]
    pub(in crate::cli) event: Option<EventName>,
    /// Everything since then: a time (`2026-03-01T10:00:00Z`), a day in UTC (`2026-03-01`) or a
    /// time span back from now (`2h`, `3d`).
    #[arg(long, value_name = "TIME", value_parser = since)]
    pub(in crate::cli) since: Option<Since>,
    /// Everything that was given up on.
    #[arg(long)]
    pub(in crate::cli) parked: bool,
}

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(in crate::cli) struct EndpointsArgs {
    #[command(subcommand)]
    pub(in crate::cli) action: Option<EndpointsAction>,
    #[command(flatten)]
    pub(in crate::cli) table: TableArgs,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum EndpointsAction {
    /// List endpoints with their state and progress (this is also what happens without `list`).
    List(TableArgs),
    /// Send an endpoint a signed test event.
    Test {
        /// The endpoint.
        endpoint: String,
        #[command(flatten)]
        table: TableArgs,
    },
    /// Enable an endpoint: it continues where it stopped.
    Enable {
        /// The endpoint.
        endpoint: String,
    },
    /// Disable an endpoint: it is sent nothing until it is enabled again.
    Disable {
        /// The endpoint.
        endpoint: String,
    },
    /// Send an endpoint everything that is known, then what it has not received yet.
    Backfill {
        /// The endpoint.
        endpoint: String,
    },
    /// Make an endpoint's next signing secret, and say how to move to it.
    RotateSecret {
        /// The endpoint.
        endpoint: String,
        /// Print the secret instead of writing it to a file beside the one in use.
        #[arg(long)]
        print: bool,
    },
}

/// A point in time as people name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Since {
    /// This time.
    At(Timestamp),
    /// This long ago.
    Ago(Duration),
}

impl Since {
    /// Returns the time that is meant.
    pub(in crate::cli) fn time(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(time) => time,
            Self::Ago(passed) => now.minus(passed),
        }
    }
}

pub(super) fn since(text: &str) -> Result<Since, String> {
    if let Some(passed) = parse_duration(text) {
        return Ok(Since::Ago(passed));
    }
    let day = || Timestamp::parse(&format!("{text}T00:00:00Z"));
    let time = Timestamp::parse(text).or_else(day);
    time.map(Since::At).ok_or_else(|| {
        "a time (`2026-03-01T10:00:00Z`), a day (`2026-03-01`) or a duration (`2h`, `3d`) is \
         expected"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_as_people_write_it() {
        let now = Timestamp::parse("2026-03-04T10:00:00Z").unwrap();
        for (text, expected) in [
            ("2026-03-01T12:00:00+02:00", "2026-03-01T10:00:00.000Z"),
            ("2026-03-01", "2026-03-01T00:00:00.000Z"),
            ("2h", "2026-03-04T08:00:00.000Z"),
            ("3d", "2026-03-01T10:00:00.000Z"),
        ] {
            let read = since(text).unwrap().time(now);

            assert_eq!(read.to_string(), expected, "{text}");
        }
        for text in ["", "yesterday", "2026-13-01", "2", "2h30", "-2h"] {
            assert!(since(text).is_err(), "{text}");
        }
    }
}
