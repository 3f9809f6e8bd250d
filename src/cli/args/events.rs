//! The arguments of the commands for events.

use clap::Subcommand;

use super::deliveries::{Since, since};
use super::{ListArgs, OutputArgs, number};
use crate::model::Kind;

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(in crate::cli) struct EventsArgs {
    #[command(subcommand)]
    pub(in crate::cli) action: Option<EventsAction>,
    #[command(flatten)]
    pub(in crate::cli) list: EventListArgs,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum EventsAction {
    /// List events, newest first (this is also what happens without `list`).
    List(EventListArgs),
    /// Show one event as a receiver gets it.
    Show {
        /// Its sequence number, or its id (`evt_…`).
        event: String,
        #[command(flatten)]
        output: OutputArgs,
    },
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct EventListArgs {
    /// Only those after this sequence number, oldest first; 0 for all in this order.
    #[arg(long, value_name = "SEQ", value_parser = number::<u64>)]
    pub(in crate::cli) after: Option<u64>,
    /// Only events since this time: a time (`2026-03-01T10:00:00Z`), a day in UTC (`2026-03-01`) or
    /// a time span back from now (`2h`, `3d`).
    #[arg(long, value_name = "TIME", value_parser = since)]
    pub(in crate::cli) since: Option<Since>,
    /// Only those of this type, such as `user.updated`, or of several, `user.*`, `*.deleted`.
    #[arg(long = "type", value_name = "TYPE")]
    pub(in crate::cli) event_type: Option<String>,
    /// Only those of users, roles or groups: `user`.
    #[arg(long, value_name = "KIND")]
    pub(in crate::cli) kind: Option<Kind>,
    /// Only what happened to this user: the id, name, subject or e-mail in full, as it is now or
    /// was at the time.
    #[arg(long, value_name = "USER")]
    pub(in crate::cli) user: Option<String>,
    /// Follow: print new events as they come, until Ctrl-C. Starts with the last ten, with
    /// `--limit` of them, or after the position or time given.
    #[arg(long)]
    pub(in crate::cli) follow: bool,
    #[command(flatten)]
    pub(in crate::cli) list: ListArgs,
}
