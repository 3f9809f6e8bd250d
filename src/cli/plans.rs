//! `plan`: lists held removals, shows what they are, and lets them go or not.

use std::path::Path;

use anyhow::Error;
use serde_json::{Value, json};

use crate::control::{MAX_PAGE, PlanRow, Reply, Request};
use crate::daemon::Hooks;
use crate::model::unified::UnifiedId;
use crate::model::{PlanId, PlanState, Proof, Removal, Taken, TenantName, losses_in_words};

use super::Exit;
use super::args::{Format, ListArgs, OutputArgs, PlanAction};
use super::door::Door;
use super::output::{Printer, Row};
use super::style::say;

const COLUMNS: &[&str] = &["PLAN", "TENANT", "HELD AT", "STATE", "RECORDS", "WHAT"];

const ENTRY_COLUMNS: &[&str] = &["KIND", "ID", "NAME", "LOSES"];

/// Plans listed without `--limit`.
const DEFAULT_LIMIT: usize = 50;

pub(super) async fn run(config: Option<&Path>, action: PlanAction) -> anyhow::Result<Exit> {
    let config = super::load(config)?;
    let door = Door::open(&config, Hooks::none()).await?;
    let exit = match action {
        PlanAction::List(args) => list(&door, args).await,
        PlanAction::Show { plan, output } => show(&door, &plan, output.output).await,
        PlanAction::Approve { plan, output } => approve(&door, &plan, output).await,
        PlanAction::Reject { plan } => reject(&door, &plan).await,
    };
    door.close().await?;
    exit
}

async fn list(door: &Door, args: ListArgs) -> anyhow::Result<Exit> {
    let tenant = args.tenant.map(TenantName);
    let limit = args.limit.unwrap_or(DEFAULT_LIMIT);
    let rows = match door.ask(Request::Plans { tenant, limit }).await? {
        Reply::Plans(rows) => rows,
        other => return super::unexpected(&other),
    };
    let is_held = rows.iter().any(|row| row.plan.state == PlanState::Held);
    let mut printer = Printer::new(args.output.output, COLUMNS)?;
    for row in rows {
        printer.row(cells(&row))?;
    }
    printer.finish("No removals were ever held.")?;
    Ok(if is_held { Exit::Held } else { Exit::Success })
}

async fn show(door: &Door, plan: &str, format: Format) -> anyhow::Result<Exit> {
    let id: PlanId = plan.parse().map_err(Error::msg)?;
    let row = match door.ask(Request::Plan { id }).await? {
        Reply::Plan(row) => row,
        other => return super::unexpected(&other),
    };
    let Some(row) = row else {
        say(format_args!("There is no {id}."));
        return Ok(Exit::NotFound);
    };
    if format == Format::Table {
        say(format_args!(
            "{id} of {}, held at {}: {}. {}",
            row.tenant,
            row.plan.at,
            losses_in_words(&row.plan.losses),
            what_to_do(&row)
        ));
    }
    let mut printer = Printer::new(format, ENTRY_COLUMNS)?;
    let mut after = None;
    loop {
        let request = Request::Removals {
            id,
            after: after.take(),
            limit: MAX_PAGE,
        };
        let removals = match door.ask(request).await? {
            Reply::Removals(removals) => removals,
            other => return super::unexpected(&other),
        };
        let Some(last) = removals.last() else { break };
        after = Some(last.record.clone());
        for removal in removals {
            printer.row(entry(&removal))?;
        }
    }
    printer.finish("The plan has no entries any more.")?;
    Ok(Exit::Success)
}

async fn approve(door: &Door, plan: &str, output: OutputArgs) -> anyhow::Result<Exit> {
    let id: PlanId = plan.parse().map_err(Error::msg)?;
    say(format_args!(
        "{id} is approved; a run now finds the same removals again and lets them go…"
    ));
    let (row, synced) = match door.ask(Request::Approve { id }).await? {
        Reply::Approved { plan, synced } => (plan, synced),
        Reply::Paused(pause) => {
            say(format_args!(
                "{id} stays approved; its tenant is not read now: {pause}"
            ));
            return Ok(Exit::Source);
        }
        other => return super::unexpected(&other),
    };
    let exit = super::sync::print_runs(&[synced], output.output)?;
    match row.plan.state {
        PlanState::Applied { .. } => say(format_args!("{id} is applied.")),
        PlanState::Approved { .. } => say(format_args!(
            "{id} is approved and not yet applied: the next run that sees everything applies it."
        )),
        PlanState::Held
        | PlanState::Rejected { .. }
        | PlanState::Superseded { .. }
        | PlanState::Recovered { .. } => {
            say(format_args!("{id} is {}.", row.plan.state.word()));
        }
    }
    Ok(exit)
}

async fn reject(door: &Door, plan: &str) -> anyhow::Result<Exit> {
    let id: PlanId = plan.parse().map_err(Error::msg)?;
    match door.ask(Request::Reject { id }).await? {
        Reply::Rejected(row) => say(format_args!(
            "{id} is rejected: as long as {} shows the same, nothing of it happens.",
            row.tenant
        )),
        other => return super::unexpected(&other),
    }
    Ok(Exit::Success)
}

fn what_to_do(row: &PlanRow) -> String {
    let id = row.plan.id;
    match row.plan.state {
        PlanState::Held => format!(
            "`qlik-roster plan approve {id}` lets it go, `qlik-roster plan reject {id}` keeps \
             everything; if Qlik shows again what is missing, it closes by itself."
        ),
        PlanState::Approved { at } => {
            format!("Approved at {at}; the next complete run applies it.")
        }
        PlanState::Applied { at, run } => format!("Applied at {at} by {run}."),
        PlanState::Rejected { at } => {
            format!("Rejected at {at}; `qlik-roster plan approve {id}` lets it go after all.")
        }
        PlanState::Superseded { at, by } => {
            format!("Superseded at {at} by {by}, which lists what was missing then.")
        }
        PlanState::Recovered { at, run } => {
            format!("Closed at {at}: {run} saw again what was missing.")
        }
    }
}

fn cells(row: &PlanRow) -> Row {
    let plan = &row.plan;
    let losses: Vec<Value> = plan
        .losses
        .iter()
        .map(|(loss, held)| {
            json!({
                "kind": loss.word(),
                "lost": held.weight.lost,
                "known": held.weight.known,
                "shown": held.weight.shown,
                "reason": held.reason.to_string(),
            })
        })
        .collect();
    Row {
        cells: vec![
            plan.id.to_string(),
            row.tenant.to_string(),
            plan.at.to_string(),
            plan.state.word().to_owned(),
            plan.entries.to_string(),
            losses_in_words(&plan.losses),
        ],
        json: json!({
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
            "losses": losses,
        }),
    }
}

fn entry(removal: &Removal) -> Row {
    let kind = removal.record.kind;
    let (what, json) = match &removal.what {
        Taken::Record { proof } => {
            let (text, word) = match proof {
                Proof::Confirmed => ("all: it is gone", "confirmed"),
                Proof::NotYetAsked => ("all: missing, asked for before it goes", "not_yet_asked"),
            };
            (text.to_owned(), json!({ "deleted": true, "proof": word }))
        }
        Taken::Access { roles, groups } => {
            let roles_lost: Vec<&str> = roles.values().map(String::as_str).collect();
            let groups_lost: Vec<&str> = groups.values().map(String::as_str).collect();
            let mut parts = Vec::new();
            if !roles_lost.is_empty() {
                parts.push(format!("roles: {}", roles_lost.join(", ")));
            }
            if !groups_lost.is_empty() {
                parts.push(format!("groups: {}", groups_lost.join(", ")));
            }
            let json = json!({
                "deleted": false,
                "roles": roles.iter().map(|(id, name)| json!({ "remote_id": id, "name": name })).collect::<Vec<_>>(),
                "groups": groups.iter().map(|(id, name)| json!({ "remote_id": id, "name": name })).collect::<Vec<_>>(),
            });
            (parts.join("; "), json)
        }
    };
    let mut json = json;
    if let Some(fields) = json.as_object_mut() {
        fields.insert("kind".to_owned(), json!(kind.singular()));
        fields.insert(
            "id".to_owned(),
            json!(UnifiedId::of(kind, &removal.record.id)),
        );
        fields.insert("remote_id".to_owned(), json!(removal.record.id));
        fields.insert("name".to_owned(), json!(removal.label));
    }
    Row {
        cells: vec![
            kind.to_string(),
            removal.record.id.to_string(),
            removal.label.clone(),
            what,
        ],
        json,
    }
}
