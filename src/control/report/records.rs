//! Reports about records: users, roles, groups and memberships as they were at one time.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::columns::Cell;
use super::page::{ReportPage, ReportPosition};
use crate::control::access::{envelope_of, note_groups_of};
use crate::control::reading::Reading;
use crate::control::{ControlError, Envelope, NotKnown, page, query};
use crate::history::Picture;
use crate::model::{Group, GroupId, Id, Role, Timestamp, User};
use crate::store::Known;

/// The tenant of a report, as it was at the report's time.
pub(super) struct Sight<'a> {
    pub(super) reading: &'a Reading<'a>,
    pub(super) known: &'a Known,
    pub(super) picture: Arc<Picture>,
    pub(super) at: Timestamp,
    pub(super) envelope: Envelope,
}

impl<'a> Sight<'a> {
    fn of(
        reading: &'a Reading<'a>,
        asked: &query::ReportRows,
        at: Timestamp,
    ) -> Result<Self, ControlError> {
        let known = reading.one(&asked.tenant)?;
        let pictures = &reading.context.pictures;
        let picture = pictures.of(reading.store, known, Some(at))?;
        let envelope = envelope_of(reading, known, &picture, Some(at), None)?;
        Ok(Self {
            reading,
            known,
            picture,
            at,
            envelope,
        })
    }

    /// Returns a page.
    fn page(self, rows: Vec<Vec<Cell>>, next: Option<Id>) -> ReportPage {
        ReportPage {
            as_of: self.at,
            seq: self.reading.store.last_seq(),
            rows,
            not_known: self.envelope.not_known,
            next: next.map(ReportPosition::Record),
        }
    }

    fn tenant(&self) -> Cell {
        Cell::text(&self.known.name.0)
    }
}

/// Answers with a page of users.
pub(super) fn users(
    reading: &Reading<'_>,
    asked: query::ReportRows,
    at: Timestamp,
) -> Result<ReportPage, ControlError> {
    let mut sight = Sight::of(reading, &asked, at)?;
    sight.envelope.not_known.remove(&NotKnown::Roles);
    let (users, next) = page_of_users(&sight, asked)?;
    let rows = users.iter().map(|user| row_of_user(&sight, user)).collect();
    Ok(sight.page(rows, next))
}

fn page_of_users(
    sight: &Sight<'_>,
    asked: query::ReportRows,
) -> Result<(Vec<User>, Option<Id>), ControlError> {
    let after = ReportPosition::record(asked.after);
    let limit = page::size(asked.limit);
    let (store, known) = (sight.reading.store, sight.known);
    let page = sight.picture.users(store, known, after.as_ref(), limit)?;
    Ok((page.users, page.next))
}

fn row_of_user(sight: &Sight<'_>, user: &User) -> Vec<Cell> {
    let status = &user.status;
    vec![
        sight.tenant(),
        Cell::text(user.id.to_string()),
        Cell::text(&user.subject),
        Cell::maybe(user.name.as_ref()),
        Cell::maybe(user.email.as_ref()),
        Cell::text(status.value.word()),
        Cell::maybe(status.source_value.as_ref()),
        Cell::Truth(user.is_bot),
        Cell::Truth(user.roles.is_some()),
        Cell::Truth(user.groups.is_some()),
        Cell::time(user.created_at),
        Cell::time(user.updated_at),
    ]
}

/// Answers with a page of memberships.
pub(super) fn memberships(
    reading: &Reading<'_>,
    asked: query::ReportRows,
    at: Timestamp,
) -> Result<ReportPage, ControlError> {
    let mut sight = Sight::of(reading, &asked, at)?;
    sight.envelope.not_known.remove(&NotKnown::Roles);
    let (users, next) = page_of_users(&sight, asked)?;
    let mut rows = Vec::new();
    for user in &users {
        note_groups_of(&mut sight.envelope, user);
        for (group, name) in user.groups.iter().flatten() {
            let name = sight.picture.group_name(group).unwrap_or(name);
            rows.push(vec![
                sight.tenant(),
                Cell::text(user.id.to_string()),
                Cell::text(&user.subject),
                Cell::maybe(user.name.as_ref()),
                Cell::maybe(user.email.as_ref()),
                Cell::text(group.to_string()),
                Cell::text(name),
            ]);
        }
    }
    Ok(sight.page(rows, next))
}

/// Answers with a page of roles.
pub(super) fn roles(
    reading: &Reading<'_>,
    asked: &query::ReportRows,
    at: Timestamp,
) -> Result<ReportPage, ControlError> {
    let sight = Sight::of(reading, asked, at)?;
    let after = ReportPosition::record(asked.after.clone());
    let limit = page::size(asked.limit);
    let mut roles: Vec<&Role> = sight.picture.roles().collect();
    roles.sort_by(|a, b| a.id.cmp(&b.id));
    roles.retain(|role| after.as_ref().is_none_or(|after| role.id.0 > *after));
    let has_more = roles.len() > limit;
    roles.truncate(limit);
    let next = roles.last().filter(|_| has_more);
    let next = next.map(|role| role.id.0.clone());
    let rows = roles.iter().map(|role| row_of_role(&sight, role)).collect();
    Ok(sight.page(rows, next))
}

fn row_of_role(sight: &Sight<'_>, role: &Role) -> Vec<Cell> {
    let permissions: BTreeSet<&str> = crate::access::carried(role).collect();
    let permissions: Vec<&str> = permissions.into_iter().collect();
    vec![
        sight.tenant(),
        Cell::text(role.id.to_string()),
        Cell::text(&role.name),
        Cell::text(role.role_type.value.word()),
        Cell::maybe(role.level.as_ref()),
        Cell::maybe(role.description.as_ref()),
        Cell::text(permissions.join(" ")),
        Cell::time(role.created_at),
        Cell::time(role.updated_at),
    ]
}

/// Answers with a page of groups.
pub(super) fn groups(
    reading: &Reading<'_>,
    asked: query::ReportRows,
    at: Timestamp,
) -> Result<ReportPage, ControlError> {
    let mut sight = Sight::of(reading, &asked, at)?;
    sight.envelope.not_known.remove(&NotKnown::Roles);
    let after = ReportPosition::record(asked.after).map(GroupId);
    let limit = page::size(asked.limit);
    let picture = Arc::clone(&sight.picture);
    let ids = picture.grants().groups_after(after.as_ref());
    let mut rows = Vec::new();
    let mut last: Option<&GroupId> = None;
    for id in ids {
        if rows.len() >= limit {
            let next = last.map(|id| id.0.clone());
            return Ok(sight.page(rows, next));
        }
        last = Some(id);
        if let Some(group) = picture.group(reading.store, sight.known, id)? {
            rows.push(row_of_group(&sight, &group));
        }
    }
    Ok(sight.page(rows, None))
}

fn row_of_group(sight: &Sight<'_>, group: &Group) -> Vec<Cell> {
    let roles = group.roles.as_ref().map(|roles| {
        let ids: Vec<String> = roles.keys().map(ToString::to_string).collect();
        ids.join(" ")
    });
    vec![
        sight.tenant(),
        Cell::text(group.id.to_string()),
        Cell::text(&group.name),
        Cell::maybe(group.group_type.source_value.as_ref()),
        Cell::maybe(group.status.as_ref()),
        Cell::maybe(group.idp_id.as_ref()),
        Cell::maybe(group.description.as_ref()),
        Cell::Truth(group.roles.is_some()),
        Cell::maybe(roles),
        Cell::time(group.created_at),
        Cell::time(group.updated_at),
    ]
}
