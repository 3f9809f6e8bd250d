//! Held plans.

use serde_json::{Map, Value, json};

use super::{Frame, put};
use crate::control::{Moved, PlanRow, PlanSummary, RemovalChoice, RemovalRow, Top, TopRow};
use crate::model::unified::UnifiedId;
use crate::model::{Id, PlanState, Proof, Taken, loss_rows};

/// Returns a plan.
pub fn plan(row: &PlanRow) -> Value {
    let plan = &row.plan;
    json!({
        "id": plan.id.to_string(),
        "tenant": row.tenant,
        "tenant_id": plan.account.tenant,
        "held_at": plan.at,
        "state": plan.state.word(),
        "superseded_by": match plan.state {
            PlanState::Superseded { by, .. } => Some(by.to_string()),
            PlanState::Held
            | PlanState::Approved { .. }
            | PlanState::Applied { .. }
            | PlanState::Rejected { .. }
            | PlanState::Recovered { .. } => None,
        },
        "records": plan.entries,
        "losses": loss_rows(&plan.losses),
    })
}

/// Returns the object around the removals of a plan. `choice` says which of the moved records are
/// listed.
pub fn plan_frame(row: &PlanRow, summary: &PlanSummary, choice: &RemovalChoice) -> Frame {
    Frame {
        fields: Map::from_iter([
            ("plan".to_owned(), plan(row)),
            ("summary".to_owned(), self::summary(summary, choice)),
        ]),
        rows: "entries",
    }
}

/// Returns the summary of a plan's removals.
fn summary(summary: &PlanSummary, choice: &RemovalChoice) -> Value {
    let PlanSummary {
        counts,
        not_yet_asked,
        administrators,
        by_domain,
        by_status,
        by_group,
        by_role,
        moved,
        moved_left_out,
        next: _,
    } = summary;
    let counts = counts
        .iter()
        .map(|(loss, count)| (loss.word().to_owned(), json!(count)));
    let top = |top: &Top| {
        let rows = top.rows.iter().map(|TopRow { id, name, count }| match id {
            Some(id) => json!({
                "remote_id": id,
                "name": name,
                "count": count,
                "moved_to": successor(moved, id),
            }),
            None => json!({ "name": name, "count": count }),
        });
        json!({
            "top": rows.collect::<Vec<_>>(),
            "others": top.others,
            "others_count": top.others_count,
        })
    };
    let wanted = moved.iter().filter(|moved| choice.takes_moved(moved));
    let moves = wanted.map(|moved| {
        json!({
            "kind": moved.kind.singular(),
            "name": moved.name,
            "remote_id": moved.from,
            "moved_to": moved.to,
            "came_along": moved.came_along,
            "left_behind": moved.left_behind,
        })
    });
    json!({
        "counts": counts.collect::<Map<_, _>>(),
        "not_yet_asked": not_yet_asked,
        "administrators": {
            "gone": administrators.gone,
            "demoted": administrators.demoted,
            "groups": administrators.groups,
        },
        "by_domain": top(by_domain),
        "by_status": top(by_status),
        "by_group": top(by_group),
        "by_role": top(by_role),
        "moved": moves.collect::<Vec<_>>(),
        "moved_left_out": moved_left_out,
    })
}

/// Returns a removal that a plan lists, and where its role or group has moved.
pub fn removal(row: &RemovalRow, moved: &[Moved]) -> Value {
    let RemovalRow { removal, person } = row;
    let kind = removal.record.kind;
    let id = &removal.record.id;
    let mut json = match &removal.what {
        Taken::Record { proof } => {
            let proof = match proof {
                Proof::Confirmed => "confirmed",
                Proof::NotYetAsked => "not_yet_asked",
            };
            json!({ "deleted": true, "proof": proof, "moved_to": successor(moved, id) })
        }
        Taken::Access { roles, groups } => {
            let lost = |id: &Id, name: &String| json!({ "remote_id": id, "name": name, "moved_to": successor(moved, id) });
            let roles = roles.iter().map(|(id, name)| lost(&id.0, name));
            let groups = groups.iter().map(|(id, name)| lost(&id.0, name));
            json!({
                "deleted": false,
                "roles": roles.collect::<Vec<_>>(),
                "groups": groups.collect::<Vec<_>>(),
            })
        }
    };
    put(&mut json, "kind", kind.singular());
    put(&mut json, "id", json!(UnifiedId::of(kind, id)));
    put(&mut json, "remote_id", json!(id));
    put(&mut json, "name", json!(removal.label));
    if let Some(person) = person {
        put(&mut json, "email_domain", json!(person.domain));
        put(&mut json, "status", json!(person.status));
        put(&mut json, "administers", json!(person.administers));
    }
    json
}

/// Returns the new id of a role or group that is missing; `None` if it has not moved.
pub fn successor<'a>(moved: &'a [Moved], id: &Id) -> Option<&'a Id> {
    let found = moved.iter().find(|moved| moved.from == *id);
    found.map(|moved| &moved.to)
}
