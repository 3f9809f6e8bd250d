//! Events as rows of a table.

use anyhow::Context;
use serde_json::Value;

use crate::clock::Clock;
use crate::control::{EventRow, MARK};
use crate::deliver::EVENT_TYPES;
use crate::model::{
    Entry, Fact, Missing, Recovery, Right, RightChange, RightHolders, Role, losses_in_words,
};
use crate::view::{self, right_sentence, sentence};

use super::output::Row;
use super::style::Tone;
use super::table::{Cell, Column};

pub(super) const COLUMNS: &[Column] = &[
    Column::new("SEQ", 1).number(),
    Column::new("TIME", 1),
    Column::new("TENANT", 2),
    Column::new("TYPE", 3),
    Column::new("ID", 4),
    Column::new("WHAT", 0).shrinkable(36),
];

pub(super) fn row_of(row: &EventRow) -> anyhow::Result<Row> {
    Ok(Row {
        cells: cells(row),
        json: json_of(row)?,
    })
}

/// Returns a row as wide as later rows may be. The last column gets the space that is left.
pub(super) fn sample() -> Vec<Cell> {
    let longest = EVENT_TYPES.iter().max_by_key(|name| name.len());
    let wide = |n| Cell::from("x".repeat(n));
    let time = Clock::system().now();
    let event_type = longest.map(|name| Cell::from(*name));
    vec![
        wide(6),
        time.into(),
        wide(8),
        event_type.unwrap_or_else(|| wide(16)),
        wide(24),
        wide(400),
    ]
}

pub(super) fn cells(row: &EventRow) -> Vec<Cell> {
    let entry = &row.entry;
    let (id, what) = match &entry.fact {
        Fact::Changed(change) => (change.id().to_string(), sentence(change)),
        Fact::SpaceChanged(change) => (change.id.to_string(), view::space_sentence(change)),
        Fact::LicenceChanged(change) => (String::new(), view::licence_sentence(change)),
        Fact::Loaded {
            roles,
            groups,
            users,
        } => (
            String::new(),
            format!("first load: {users} users, {groups} groups, {roles} roles"),
        ),
        Fact::Held { plan, losses, .. } => (
            plan.to_string(),
            format!("held for an operator: {}", losses_in_words(losses)),
        ),
        Fact::Failed { code, message } => {
            (run_of(entry), format!("sync fails: {message} [{code}]"))
        }
        Fact::Recovered(Recovery::Plan(plan)) => (
            plan.to_string(),
            "the source shows again what was missing".to_owned(),
        ),
        Fact::Recovered(Recovery::Sync) => (run_of(entry), "sync succeeds again".to_owned()),
        Fact::EndpointDisabled {
            endpoint, reason, ..
        } => (
            endpoint.to_string(),
            format!("the endpoint gets no more events: {reason}"),
        ),
        Fact::Unreadable => (
            String::new(),
            "this event could not be read after the store was damaged".to_owned(),
        ),
        Fact::HistoryLost(missing) if *missing == Missing::default() => (
            String::new(),
            "the store was restored from a backup; events since then are missing".to_owned(),
        ),
        Fact::HistoryLost(missing) => (
            String::new(),
            format!("history was lost with a damaged store: {missing}"),
        ),
        Fact::RightChanged(right) => (holders_id(right), right_sentence(right)),
        Fact::RoleContentChanged { role, gained, lost } => (
            role.id.to_string(),
            format!(
                "what the role {} allows has changed: {} more, {} no longer",
                role.name,
                gained.len(),
                lost.len()
            ),
        ),
    };
    vec![
        entry.seq.to_string().into(),
        entry.at.into(),
        row.tenant.as_ref().map(ToString::to_string).into(),
        entry.fact.event_type().unwrap_or(MARK).into(),
        id.into(),
        Cell::from(what).toned(tone(&entry.fact)),
    ]
}

/// Colours what somebody must know: problems, and who has become an administrator.
fn tone(fact: &Fact) -> Option<Tone> {
    match fact {
        Fact::Failed { .. }
        | Fact::EndpointDisabled { .. }
        | Fact::Unreadable
        | Fact::HistoryLost(_) => Some(Tone::Bad),
        Fact::Held { .. } => Some(Tone::Warn),
        Fact::Recovered(_) => Some(Tone::Good),
        Fact::Loaded { .. } => Some(Tone::Dim),
        Fact::Changed(change) => sentence(change)
            .contains(Role::TENANT_ADMIN)
            .then_some(Tone::Bold),
        Fact::RightChanged(right) => right
            .right
            .role()
            .is_some_and(|role| role.name == Role::TENANT_ADMIN)
            .then_some(Tone::Bold),
        Fact::RoleContentChanged { .. } | Fact::SpaceChanged(_) | Fact::LicenceChanged(_) => None,
    }
}

/// Returns the id of the user if a change of a right concerns one alone, or else the id of the
/// role or the space.
fn holders_id(right: &RightChange) -> String {
    match &right.holders {
        RightHolders::One(holder) => holder.id.to_string(),
        RightHolders::Listed { .. } | RightHolders::Everybody { .. } => match &right.right {
            Right::Role(role) => role.id.to_string(),
            Right::SpaceRole { space, .. } | Right::App { space, .. } => space.id.to_string(),
        },
    }
}

pub(super) fn run_of(entry: &Entry) -> String {
    entry.run().map_or_else(String::new, |run| run.to_string())
}

/// Returns an event as a receiver gets it.
pub(super) fn json_of(row: &EventRow) -> anyhow::Result<Value> {
    view::event(row).context("reading our own event")
}
