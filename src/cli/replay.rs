//! `replay`: sends events again.

use std::path::Path;

use crate::clock::Clock;
use crate::control::{
    Again, Count, DeliveryReply, DeliveryRequest, EndpointRow, EndpointState, Reply, Request,
};
use crate::daemon::Hooks;
use crate::model::EndpointName;

use super::Exit;
use super::args::ReplayArgs;
use super::door::Door;
use super::error::CliError;
use super::style::say;

pub(super) async fn run(config: Option<&Path>, args: ReplayArgs) -> anyhow::Result<Exit> {
    let config = super::begin::load(config)?;
    let door = Door::open(&config, Hooks::none()).await?;
    let exit = replay(&door, args).await;
    door.close().await?;
    exit
}

async fn replay(door: &Door, args: ReplayArgs) -> anyhow::Result<Exit> {
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
    let request = DeliveryRequest::Replay { endpoint, what };
    match door.ask(Request::Deliveries(request)).await? {
        Reply::Deliveries(DeliveryReply::Replayed { events: 0, .. }) => {
            say("Nothing is parked; there is nothing to send again.");
        }
        Reply::Deliveries(DeliveryReply::Replayed { events, endpoint }) => {
            let events = in_words(events);
            say(format_args!(
                "{events} to `{}` again: {}",
                endpoint.name,
                when(door, &endpoint)
            ));
        }
        Reply::Deliveries(DeliveryReply::Rewound { first: None, .. }) => {
            say("Nothing happened since then; there is nothing to send again.");
        }
        Reply::Deliveries(DeliveryReply::Rewound {
            first: Some((seq, at)),
            events,
            endpoint,
        }) => {
            let events = match events {
                Count::Exactly(events) => in_words(events),
                Count::AtLeast(events) => format!("at least {}", in_words(events)),
            };
            say(format_args!(
                "{events} to `{}` again, from event {seq} of {at} on: {}",
                endpoint.name,
                when(door, &endpoint)
            ));
        }
        other => return super::door::unexpected(&other),
    }
    Ok(Exit::Success)
}

fn in_words(events: u64) -> String {
    match events {
        1 => "1 event goes".to_owned(),
        events => format!("{events} events go"),
    }
}

/// Tells when what was ordered of an endpoint happens.
pub(super) fn when(door: &Door, row: &EndpointRow) -> String {
    let name = &row.name;
    match &row.state {
        EndpointState::Disabled { .. } | EndpointState::Stopped { .. } => format!(
            "when the endpoint gets events again, after `qlik-roster endpoints enable {name}`."
        ),
        EndpointState::InTrouble { due, .. } => {
            format!("when the endpoint takes events again; it is probed at {due}.")
        }
        EndpointState::NotConfigured
        | EndpointState::New
        | EndpointState::Taking
        | EndpointState::Backfilling { .. } => match door {
            Door::Daemon(_) => "now.".to_owned(),
            Door::Own(_) => "when a daemon runs, or with `qlik-roster sync`.".to_owned(),
        },
    }
}
