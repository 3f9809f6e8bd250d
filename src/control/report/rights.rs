//! Reports about rights: what users hold by which paths, what somebody should look at, and what has
//! changed.
//!
//! What all users hold is one row with the number of users and without a user.

use std::collections::BTreeSet;

use super::columns::Cell;
use super::page::{ReportPage, ReportPosition};
use crate::access::Severity;
use crate::control::query::{FindingStanding, Which};
use crate::control::reading::Reading;
use crate::control::{
    AccessPerson, ConcernRow, ConcernSubject, ControlError, FindingPosition, Findings,
    IdlenessLack, MAX_FINDINGS, NotKnown, Query, query,
};
use crate::model::{
    AccessChange, AccountChange, Right, RoleMention, ShownPath, SpaceMention, TenantName, Timestamp,
};

/// Answers with a page of the roles that users hold.
pub(super) fn access(
    reading: &Reading<'_>,
    asked: query::ReportRows,
    at: Timestamp,
) -> Result<ReportPage, ControlError> {
    let tenant = asked.tenant.clone();
    let is_first = asked.after.is_none();
    let page = query::Access {
        tenant: asked.tenant,
        role: None,
        which: Which::Own,
        at: Some(at),
        after: ReportPosition::record(asked.after),
        limit: asked.limit,
    }
    .answer(reading)?;
    let mut rows = Vec::new();
    let everybody = page.envelope.everybody.iter().filter(|_| is_first);
    for all in everybody {
        let head = everybody_cells(&tenant, all.users);
        rows.extend(by_path(&head, &role_cells(&all.role), all.paths.iter()));
    }
    for row in &page.rows {
        let head = user_cells(&tenant, &row.user);
        rows.extend(by_path(&head, &role_cells(&row.role), own(&row.paths)));
    }
    Ok(ReportPage {
        as_of: at,
        seq: reading.store.last_seq(),
        rows,
        not_known: page.envelope.not_known,
        next: page.next.map(ReportPosition::Record),
    })
}

/// Answers with a page of the rights that users hold in spaces.
pub(super) fn space_access(
    reading: &Reading<'_>,
    asked: query::ReportRows,
    at: Timestamp,
) -> Result<ReportPage, ControlError> {
    let tenant = asked.tenant.clone();
    let answer = query::SpaceRights {
        tenant: asked.tenant,
        space: None,
        roles: Vec::new(),
        which: Which::Own,
        at: Some(at),
        after: ReportPosition::record(asked.after),
        limit: asked.limit,
    }
    .answer(reading)?;
    let mut rows = Vec::new();
    for all in &answer.everybody {
        let head = everybody_cells(&tenant, all.users);
        rows.extend(by_path(&head, &space_cells(&all.right), all.paths.iter()));
    }
    for row in &answer.page.rows {
        let head = user_cells(&tenant, &row.user);
        rows.extend(by_path(&head, &space_cells(&row.right), own(&row.paths)));
    }
    Ok(ReportPage {
        as_of: at,
        seq: reading.store.last_seq(),
        rows,
        not_known: answer.page.envelope.not_known,
        next: answer.page.next.map(ReportPosition::Record),
    })
}

/// Answers with a page of open findings.
pub(super) fn findings(
    reading: &Reading<'_>,
    asked: query::ReportRows,
    at: Timestamp,
) -> Result<ReportPage, ControlError> {
    let after: Option<FindingPosition> = match asked.after {
        Some(ReportPosition::Finding(position)) => Some(position),
        Some(ReportPosition::Record(_)) | None => None,
    };
    let answer = query::Findings {
        tenant: Some(asked.tenant),
        codes: Vec::new(),
        min: Severity::Notice,
        standing: FindingStanding::Open,
        after,
        limit: asked.limit.min(MAX_FINDINGS),
    }
    .answer(reading)?;
    Ok(ReportPage {
        as_of: at,
        seq: reading.store.last_seq(),
        rows: answer.rows.iter().map(row_of_finding).collect(),
        not_known: lacks(&answer),
        next: answer.next.map(ReportPosition::Finding),
    })
}

/// Returns what is not known of whom findings are about.
fn lacks(answer: &Findings) -> BTreeSet<NotKnown> {
    let unread = answer.unread.iter().map(|_| NotKnown::WholeTenant);
    let rules = answer.rules.iter().filter(|rule| !rule.is_judged());
    let rules = rules.map(|_| NotKnown::More);
    let idleness = answer.idleness.iter().map(|row| match row.lack {
        IdlenessLack::Sessions(known) => NotKnown::Sessions { known },
        IdlenessLack::Late(_) | IdlenessLack::Roles(_) => NotKnown::More,
    });
    let licences = answer.licences.iter().flat_map(|it| &it.lacks);
    let licences = licences.map(|(tenant, lack)| NotKnown::Licences {
        tenant: tenant.clone(),
        lack: *lack,
    });
    unread
        .chain(rules)
        .chain(idleness)
        .chain(licences)
        .collect()
}

fn row_of_finding(row: &ConcernRow) -> Vec<Cell> {
    let concern = &row.concern;
    let (user, group, licence) = match &concern.subject {
        ConcernSubject::AllUsers => (None, None, None),
        ConcernSubject::User(user) => (Some(user.to_string()), None, None),
        ConcernSubject::Group(group) => (None, Some(group.to_string()), None),
        ConcernSubject::Licence(subject) => (None, None, Some(subject.as_str())),
    };
    vec![
        Cell::text(&row.tenant.0),
        Cell::text(row.id.to_string()),
        Cell::text(concern.code.code()),
        Cell::text(concern.code.severity().word()),
        Cell::maybe(user),
        Cell::maybe(group),
        Cell::maybe(licence),
        Cell::text(&concern.label),
        Cell::text(&concern.detail),
        Cell::text(concern.code.why()),
    ]
}

/// Answers with a page of what differs between two times.
pub(super) fn changes(
    reading: &Reading<'_>,
    asked: query::ReportRows,
    at: Timestamp,
) -> Result<ReportPage, ControlError> {
    let tenant = asked.tenant.clone();
    let is_first = asked.after.is_none();
    let answer = query::AccessDiff {
        tenant: asked.tenant,
        from: asked.from.unwrap_or(at),
        to: Some(at),
        role: None,
        space: None,
        after: ReportPosition::record(asked.after),
        limit: asked.limit,
    }
    .answer(reading)?;
    let mut rows = Vec::new();
    for all in answer.everybody.iter().filter(|_| is_first) {
        let mut row = vec![
            Cell::text(&tenant.0),
            Cell::Number(all.users),
            Cell::text(word_of_change(all.change)),
            Cell::Nothing,
        ];
        row.extend(vec![Cell::Nothing; 4]);
        row.extend(right_cells(&all.right));
        row.extend([paths_cell(&all.before), paths_cell(&all.after)]);
        rows.push(row);
    }
    for diff in &answer.page.rows {
        let mut row = vec![
            Cell::text(&tenant.0),
            Cell::Number(1),
            Cell::text(word_of_change(diff.change)),
            Cell::text(word_of_account(diff.account)),
        ];
        row.extend(person_cells(&diff.user));
        row.extend(right_cells(&diff.right));
        row.extend([paths_cell(&diff.before), paths_cell(&diff.after)]);
        rows.push(row);
    }
    Ok(ReportPage {
        as_of: at,
        seq: reading.store.last_seq(),
        rows,
        not_known: answer.page.envelope.not_known,
        next: answer.page.next.map(ReportPosition::Record),
    })
}

fn word_of_change(change: AccessChange) -> &'static str {
    match change {
        AccessChange::Granted => "granted",
        AccessChange::Revoked => "revoked",
        AccessChange::PathChanged => "path_changed",
    }
}

fn word_of_account(account: AccountChange) -> &'static str {
    match account {
        AccountChange::Stayed => "stayed",
        AccountChange::Created => "created",
        AccountChange::Deleted => "deleted",
    }
}

/// Returns a row for each path.
fn by_path<'a>(
    head: &[Cell],
    right: &[Cell],
    paths: impl Iterator<Item = &'a ShownPath>,
) -> Vec<Vec<Cell>> {
    let rows = paths.map(|path| {
        let mut row = head.to_vec();
        row.extend(right.iter().cloned());
        row.push(Cell::text(path.path.word()));
        row.push(Cell::maybe(path.path.group().map(ToString::to_string)));
        row.push(Cell::maybe(path.group.as_ref()));
        row
    });
    rows.collect()
}

/// Returns the paths that not everybody has.
fn own(paths: &[ShownPath]) -> impl Iterator<Item = &ShownPath> {
    paths.iter().filter(|path| !path.path.is_everybodys())
}

fn everybody_cells(tenant: &TenantName, users: u64) -> Vec<Cell> {
    let mut cells = vec![Cell::text(&tenant.0), Cell::Number(users)];
    cells.extend(vec![Cell::Nothing; 6]);
    cells
}

fn user_cells(tenant: &TenantName, user: &AccessPerson) -> Vec<Cell> {
    let mut cells = vec![Cell::text(&tenant.0), Cell::Number(1)];
    cells.extend(person_cells(user));
    cells.extend([
        Cell::Truth(user.is_bot),
        Cell::Truth(user.barrier.is_none()),
    ]);
    cells
}

fn person_cells(user: &AccessPerson) -> [Cell; 4] {
    [
        Cell::text(user.id.to_string()),
        Cell::text(&user.subject),
        Cell::text(&user.label),
        Cell::maybe(user.email.as_ref()),
    ]
}

fn role_cells(role: &RoleMention) -> [Cell; 3] {
    [
        Cell::text(role.id.to_string()),
        Cell::text(&role.name),
        Cell::maybe(role.level.as_ref()),
    ]
}

fn space_cells(right: &Right) -> [Cell; 5] {
    let [kind, _role_id, role, space_id, space, app] = right_cells(right);
    [kind, space_id, space, app, role]
}

/// Returns the type of a right, the id and name of its role, its space and its app.
fn right_cells(right: &Right) -> [Cell; 6] {
    let space_of =
        |space: &SpaceMention| (Cell::text(space.id.to_string()), Cell::text(&space.name));
    let nothing = || Cell::Nothing;
    match right {
        Right::Role(role) => {
            let [id, name, _level] = role_cells(role);
            [
                Cell::text("role"),
                id,
                name,
                nothing(),
                nothing(),
                nothing(),
            ]
        }
        Right::SpaceRole { space, role } => {
            let (id, name) = space_of(space);
            let role = Cell::text(role);
            [
                Cell::text("space_role"),
                nothing(),
                role,
                id,
                name,
                nothing(),
            ]
        }
        Right::App {
            space,
            resource,
            sort: _,
            role,
        } => {
            let (id, name) = space_of(space);
            let app = Cell::maybe(resource.as_ref());
            [
                Cell::text("app"),
                nothing(),
                Cell::text(role),
                id,
                name,
                app,
            ]
        }
    }
}

/// Returns all paths in one cell: `direct; group Finance`.
fn paths_cell(paths: &[ShownPath]) -> Cell {
    let words = paths.iter().map(|path| match &path.group {
        Some(group) => format!("{} {group}", path.path.word()),
        None => path.path.word().to_owned(),
    });
    let words: Vec<String> = words.collect();
    Cell::text(words.join("; "))
}
