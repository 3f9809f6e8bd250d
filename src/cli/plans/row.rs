//! A plan as a row of a table, and what an operator can do about it.

use crate::control::PlanRow;
use crate::model::{PlanState, losses_in_words};
use crate::view;

use super::super::output::Row;
use super::super::style::Tone;
use super::super::table::Cell;

/// Says what an operator can do about a plan, or what was done.
pub(super) fn what_to_do(row: &PlanRow) -> String {
    let id = row.plan.id;
    match row.plan.state {
        PlanState::Held => format!(
            "`qlik-roster plan approve {id}` applies it, `qlik-roster plan reject {id}` keeps \
             everything; if what is missing shows up in Qlik again, the plan closes by itself."
        ),
        PlanState::Approved { at } => {
            format!("Approved at {at}; the next complete run applies it.")
        }
        PlanState::Applied { at, run } => format!("Applied at {at} by {run}."),
        PlanState::Rejected { at } => {
            format!("Rejected at {at}; `qlik-roster plan approve {id}` applies it after all.")
        }
        PlanState::Superseded { at, by } => {
            format!("Superseded at {at} by {by}, which lists what was missing then.")
        }
        PlanState::Recovered { at, run } => {
            format!("Closed at {at}: {run} found again what was missing.")
        }
    }
}

/// Returns the row of a plan.
pub(super) fn cells(row: &PlanRow) -> Row {
    let plan = &row.plan;
    Row {
        cells: vec![
            plan.id.to_string().into(),
            row.tenant.to_string().into(),
            plan.at.into(),
            Cell::from(plan.state.word()).toned(match plan.state {
                PlanState::Held => Some(Tone::Warn),
                PlanState::Approved { .. }
                | PlanState::Applied { .. }
                | PlanState::Rejected { .. }
                | PlanState::Superseded { .. }
                | PlanState::Recovered { .. } => Some(Tone::Dim),
            }),
            plan.entries.to_string().into(),
            losses_in_words(&plan.losses).into(),
        ],
        json: view::plan(row),
    }
}
