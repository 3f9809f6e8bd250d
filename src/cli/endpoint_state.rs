//! The state of an endpoint: in words, in colour, and as an exit code.

use crate::control::{EndpointRow, EndpointState, Unmatched};

use crate::model::Seq;

use super::Exit;
use super::style::{Tone, count};

/// Returns the colour for an endpoint's state.
pub(super) fn tone(row: &EndpointRow) -> Option<Tone> {
    Some(match &row.state {
        EndpointState::Taking if row.parked > 0 || row.waiting > 0 => Tone::Warn,
        EndpointState::Taking => Tone::Good,
        EndpointState::InTrouble { .. } | EndpointState::Disabled { .. } => Tone::Bad,
        EndpointState::Stopped { .. } => Tone::Warn,
        EndpointState::NotConfigured => Tone::Dim,
        EndpointState::New | EndpointState::Backfilling { .. } => return None,
    })
}

/// Counts events in words.
pub(super) fn events(n: u64) -> String {
    count(usize::try_from(n).unwrap_or(usize::MAX), "event")
}

/// Describes the state of an endpoint's deliveries.
pub(super) fn of_deliveries(row: &EndpointRow) -> String {
    let mut parts = vec![match (row.settled, row.behind, row.waiting + row.parked) {
        (Seq::START, 0, _) => "no events yet".to_owned(),
        (Seq::START, behind, _) => format!("{} to go", events(behind)),
        (settled, 0, 0) => format!("all delivered, up to event {settled}"),
        // What is not delivered comes last.
        (settled, 0, _) => format!("all tried, up to event {settled}"),
        (settled, behind, _) => format!("{} to go after event {settled}", events(behind)),
    }];
    if row.waiting > 0 {
        parts.push(format!("{} wait for another attempt", row.waiting));
    }
    if row.parked > 0 {
        parts.push(format!("{} parked", row.parked));
    }
    let deliveries = match row.state.detail() {
        Some(detail) => format!("{} {detail}; {}", row.state.word(), parts.join(", ")),
        None => parts.join(", "),
    };
    let unmatched = row.unmatched.code().zip(row.unmatched.in_words());
    match unmatched {
        Some((code, words)) => format!("{words} [{code}]; {deliveries}"),
        None => deliveries,
    }
}

/// Returns the exit code for an endpoint's state. An endpoint that an operator has disabled is
/// fine.
pub(super) fn of_endpoint(row: &EndpointRow) -> Exit {
    let deliveries = match &row.state {
        EndpointState::Disabled { .. } => Exit::Source,
        EndpointState::InTrouble { .. } => Exit::Waiting,
        EndpointState::NotConfigured
        | EndpointState::New
        | EndpointState::Taking
        | EndpointState::Backfilling { .. }
        | EndpointState::Stopped { .. } => match (row.waiting, row.parked) {
            (0, 0) => Exit::Success,
            (_, _) => Exit::Waiting,
        },
    };
    deliveries.graver(of_choice(&row.unmatched))
}

/// Returns the exit code for names in an endpoint's filter that match nothing. Only a name that
/// no tenant can have is wrong: a role may be created later.
pub(super) fn of_choice(unmatched: &Unmatched) -> Exit {
    match unmatched.tenants.is_empty() {
        true => Exit::Success,
        false => Exit::Usage,
    }
}
