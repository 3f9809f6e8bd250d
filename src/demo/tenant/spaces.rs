//! Answers `/api/v1/spaces`, and the assignments and shares of a space: three listings with a shape
//! of their own. The owner is in no listing, there is no listing of all assignments, and a page has
//! ten records unless more are asked for.

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use crate::model::{Id, SpaceId, UserId};

use super::deed::put;
use super::faults::Endpoint;
use super::inner::Inner;
use super::listing::Shape;
use super::reply::{Service, error, json_text};
use super::space::{Assignment, Share, Space, SpacePart};
use super::space_filters::{self, APP_NAME, Pairs, get};
use super::space_pages::{Direction, HOST, invalid, list};

/// What was asked for.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    pub endpoint: Endpoint,
    /// The id of the space; empty for the listing of all.
    pub id: &'a str,
    /// Who asks.
    pub caller: &'a UserId,
}

/// Answers with a space or a page.
pub fn answer(tenant: &Inner, asked: Asked<'_>, pairs: &Pairs, shape: &Shape) -> Response {
    if let Err((name, detail)) = space_filters::check(asked.endpoint, pairs) {
        return invalid(&name, &detail);
    }
    let state = tenant.directory.read();
    if asked.endpoint == Endpoint::Spaces {
        let shown = state.spaces.values();
        let shown = shown.filter(|space| !space.hidden.contains_key(&SpacePart::Itself));
        let fits = |space: &&Space| space_filters::keeps_space(pairs, space, asked.caller);
        let sort = get(pairs, "sort").unwrap_or("+createdAt");
        let Some((direction, by)) = order(sort) else {
            return invalid("sort", "createdAt, name or type is expected");
        };
        let rows = shown.filter(fits).map(|space| {
            let key = match by {
                By::Created => format!("{:020}", space.created_at.millis()),
                By::Name => space.name.clone(),
                By::Type => space.sort.as_str().to_owned(),
            };
            (format!("{key}/{}", space.id), of_space(tenant, space))
        });
        return list("spaces", rows.collect(), direction, pairs, shape);
    }
    let id = Id::parse(asked.id).ok().map(SpaceId);
    let space = id.and_then(|id| state.spaces.get(&id));
    let Some(space) = space else {
        return refused(404);
    };
    let part = match asked.endpoint {
        Endpoint::Assignments => SpacePart::Assignments,
        Endpoint::Shares => SpacePart::Shares,
        _ => SpacePart::Itself,
    };
    let hidden = space.hidden.get(&SpacePart::Itself);
    if let Some(status) = hidden.or_else(|| space.hidden.get(&part)) {
        return refused(*status);
    }
    let path = |last: &str| format!("spaces/{}/{last}", space.id);
    match part {
        SpacePart::Itself => {
            let body = of_space(tenant, space).to_string();
            json_text(StatusCode::OK, body.into())
        }
        SpacePart::Assignments => {
            let rows = space.assignments.values();
            let rows = rows.filter(|it| space_filters::keeps_assignment(pairs, it));
            let rows = rows.map(|it| (it.id.to_string(), of_assignment(tenant, space, it)));
            list(
                &path("assignments"),
                rows.collect(),
                Direction::Up,
                pairs,
                shape,
            )
        }
        SpacePart::Shares => {
            let rows = space.shares.values();
            let rows = rows.filter(|it| space_filters::keeps_share(pairs, it));
            let rows = rows.map(|it| (it.id.to_string(), of_share(tenant, space, it)));
            list(&path("shares"), rows.collect(), Direction::Up, pairs, shape)
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum By {
    Created,
    Name,
    Type,
}

/// Reads the sort order. A bare plus has become a space, which is refused.
fn order(text: &str) -> Option<(Direction, By)> {
    let (sign, name) = text.split_at_checked(1)?;
    let direction = match sign {
        "+" => Direction::Up,
        "-" => Direction::Down,
        _ => return None,
    };
    let by = match name {
        "createdAt" => By::Created,
        "name" => By::Name,
        "type" => By::Type,
        _ => return None,
    };
    Some((direction, by))
}

fn of_space(tenant: &Inner, space: &Space) -> Value {
    let assignable = space.sort.assignable();
    let path = format!("{HOST}/v1/spaces/{}", space.id);
    let mut shown = json!({
        "id": space.id.to_string(),
        "name": space.name,
        "type": space.sort.as_str(),
        "description": "",
        "tenantId": tenant.tenant_id,
        "createdAt": space.created_at,
        "createdBy": actor(tenant, space.created_by.as_ref()),
        "updatedAt": space.updated_at,
        "meta": {"actions": ["read"], "roles": [], "assignableRoles": assignable},
        "links": {
            "self": {"href": path},
            "assignments": {"href": format!("{path}/assignments")},
        },
    });
    let owner = space.owner.as_ref();
    let owner = owner.map(UserId::to_string).unwrap_or_default();
    put(&mut shown, "ownerId", json!(owner));
    shown
}

fn of_assignment(tenant: &Inner, space: &Space, assignment: &Assignment) -> Value {
    json!({
        "id": assignment.id.to_string(),
        "type": assignment.assignee.type_name(),
        "assigneeId": assignment.assignee.id().map(ToString::to_string),
        "roles": assignment.roles,
        "spaceId": space.id.to_string(),
        "tenantId": tenant.tenant_id,
        "createdAt": assignment.created_at,
        "createdBy": actor(tenant, assignment.created_by.as_ref()),
        "updatedAt": assignment.updated_at,
        "updatedBy": actor(tenant, assignment.updated_by.as_ref()),
        "links": {"self": {"href": format!("{HOST}/v1/spaces/{}/assignments/{}", space.id, assignment.id)}},
    })
}

fn of_share(tenant: &Inner, space: &Space, share: &Share) -> Value {
    let mut shown = json!({
        "id": share.id.to_string(),
        "type": share.with.type_name(),
        "roles": share.roles,
        "resourceId": share.app,
        "resourceType": "app",
        "resourceName": APP_NAME,
        "disabled": share.is_disabled,
        "spaceId": space.id.to_string(),
        "tenantId": tenant.tenant_id,
        "createdAt": share.created_at,
        "createdBy": actor(tenant, share.created_by.as_ref()),
        "updatedAt": share.updated_at,
        "updatedBy": actor(tenant, share.updated_by.as_ref()),
    });
    if let Some(id) = share.with.id() {
        put(&mut shown, "assigneeId", json!(id.to_string()));
    }
    shown
}

/// Returns the id of whoever did something: the tenant's owner, unless somebody else is known.
fn actor(tenant: &Inner, by: Option<&UserId>) -> String {
    let by = by.or(tenant.owner.as_ref());
    by.map(UserId::to_string).unwrap_or_default()
}

fn refused(status: u16) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::NOT_FOUND);
    error(Service::Spaces, status, "Not available", "")
}
