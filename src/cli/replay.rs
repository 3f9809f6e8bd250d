//! `replay`: sends events again.

use std::path::Path;

use crate::clock::Clock;
use crate::control::{Again, Count, EndpointRow, EndpointState, Replayed, command};
use crate::daemon::Hooks;
use crate::model::EndpointName;

use super::args::ReplayArgs;
use super::error::CliError;
use super::store_client::StoreClient;
use super::style::say;
use super::{Exit, actor};

pub(super) async fn run(config: Option<&Path>, args: ReplayArgs) -> anyhow::Result<Exit> {
    let config = super::begin::load(config)?;
    let client = StoreClient::open(&config, Hooks::none()).await?;
    let exit = replay(&client, args).await;
    client.close().await?;
    exit
}

async fn replay(client: &StoreClient, args: ReplayArgs) -> anyhow::Result<Exit> {
    let endpoint = EndpointName(args.endpoint);
    let what = match (args.event, args.since, args.parked) {
        (Some(event), None, false) => Again::Event(event),
        (None, Some(since), false) => Again::Since(since.time(Clock::system().now())),
        (None, None, true) => Again::Parked,
        _ => {
            let detail = "one of `--event`, `--since` and `--parked` is expected";
            return Err(CliError::Usage(detail.to_owned()).into());
        }
    };
    let is_since = matches!(what, Again::Since(_));
    let replay = command::Replay { endpoint, what };
    let Replayed {
        endpoint,
        events,
        first,
    } = client.order(actor::own(), replay).await?;
    let from = match (first, events) {
        (None, _) if is_since => {
            say("Nothing has happened since then; there is nothing to send again.");
            return Ok(Exit::Success);
        }
        (None, Count::Exactly(0)) => {
            say("Nothing is parked; there is nothing to send again.");
            return Ok(Exit::Success);
        }
        (None, _) => String::new(),
        (Some((seq, at)), _) => format!(", from event {seq} of {at} on"),
    };
    let events = match events {
        Count::Exactly(events) => in_words(events),
        Count::AtLeast(events) => format!("at least {}", in_words(events)),
    };
    say(format_args!(
        "{events} to `{}` again{from}: {}",
        endpoint.name,
        when(client, &endpoint)
    ));
    Ok(Exit::Success)
}

fn in_words(events: u64) -> String {
    match events {
        1 => "1 event is sent".to_owned(),
        events => format!("{events} events are sent"),
    }
}

/// Says when an endpoint's worker will carry out an order.
pub(super) fn when(client: &StoreClient, row: &EndpointRow) -> String {
    let name = &row.name;
    match &row.state {
        EndpointState::Disabled { .. } | EndpointState::Stopped { .. } => format!(
            "when the endpoint gets events again, after `qlik-roster endpoints enable {name}`."
        ),
        EndpointState::InTrouble { due, .. } => {
            format!("when the endpoint accepts events again; it is probed at {due}.")
        }
        EndpointState::NotConfigured
        | EndpointState::New
        | EndpointState::Taking
        | EndpointState::Backfilling { .. } => match client {
            StoreClient::Daemon(_) => "now.".to_owned(),
            StoreClient::Own(_) => "when a daemon runs, or with `qlik-roster sync`.".to_owned(),
        },
    }
}
