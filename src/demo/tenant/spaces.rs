//! Answers `/api/v1/spaces`, and the assignments and shares of a space: three listings with a shape
//! of their own. The owner is in no listing, there is no listing of all assignments, and a page has
//! ten records unless more are asked for.

use axum::http::StatusCode;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::model::{Id, SpaceId, UserId};

use super::deed::put;
use super::faults::Endpoint;
use super::inner::Inner;
use super::listing::Shape;
use super::reply::{Service, error, json_text};
use super::space::{Assignment, Share, Space, SpacePart};

/// The host that links of this service show.
const HOST: &str = "http://spaces.qcs.svc.cluster.local:6080";
/// Qlik's default and maximum.
const LIMIT: usize = 10;
const MAX_LIMIT: usize = 100;

/// What was asked for.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    pub endpoint: Endpoint,
    /// The id of the space; empty for the listing of all.
    pub id: &'a str,
}

/// Answers with a space or a page.
pub fn answer(
    tenant: &Inner,
    asked: Asked<'_>,
    pairs: &[(String, String)],
    shape: &Shape,
) -> Response {
    let state = tenant.directory.read();
    if asked.endpoint == Endpoint::Spaces {
        let shown = state.spaces.values();
        let shown = shown.filter(|space| !space.hidden.contains_key(&SpacePart::Itself));
        let fits = |space: &&Space| {
            let is = |name: &str, value: &str| get(pairs, name).is_none_or(|it| it == value);
            is("type", space.sort.as_str()) && is("name", &space.name)
        };
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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Up,
    Down,
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

/// Makes a page: keyset on the sort value and the id, not a snapshot.
fn list(
    path: &str,
    mut rows: Vec<(String, Value)>,
    direction: Direction,
    pairs: &[(String, String)],
    shape: &Shape,
) -> Response {
    let limit = get(pairs, "limit").map_or(Some(LIMIT), |text| text.parse().ok());
    let Some(limit) = limit.filter(|limit| (1..=MAX_LIMIT).contains(limit)) else {
        return invalid("limit", "limit must be from 1 to 100");
    };
    let after = get(pairs, "next").map(|cursor| {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        String::from_utf8(bytes).ok()
    });
    if after == Some(None) {
        return invalid("next", "not a cursor");
    }
    let after = after.flatten();
    rows.sort_by(|(one, _), (other, _)| one.cmp(other));
    if direction == Direction::Down {
        rows.reverse();
    }
    if shape.half_shown {
        let mut n_rows = 0;
        rows.retain(|_| {
            n_rows += 1;
            n_rows % 2 == 1
        });
    }
    if shape.empty_collection {
        rows.clear();
    }
    let total = rows.len();
    if let Some(after) = &after {
        rows.retain(|(key, _)| match direction {
            Direction::Up => key > after,
            Direction::Down => key < after,
        });
    }
    if shape.page_left_out {
        rows.drain(..rows.len().min(limit));
    }
    let more = rows.len() > limit;
    rows.truncate(limit);
    let last = rows.last().map(|(key, _)| key.clone());
    let next = match () {
        () if shape.empty_page || shape.repeated_cursor => Some(after.clone().unwrap_or_default()),
        () => last.filter(|_| more),
    };
    if shape.empty_page {
        rows.clear();
    }
    let mut data: Vec<Value> = rows.into_iter().map(|(_, row)| row).collect();
    for (at, row) in data.iter_mut().enumerate() {
        spoil(row, at, shape);
    }
    let mut links = json!({"self": {"href": link(path, pairs, None)}});
    if let Some(next) = next {
        let cursor = URL_SAFE_NO_PAD.encode(next);
        put(
            &mut links,
            "next",
            json!({"href": link(path, pairs, Some(&cursor))}),
        );
    }
    let mut body = json!({"data": data, "links": links});
    if !shape.no_total {
        put(&mut body, "meta", json!({"count": shape.told(total)}));
    }
    json_text(StatusCode::OK, body.to_string().into())
}

fn spoil(row: &mut Value, at: usize, shape: &Shape) {
    if shape.wrong_types || (shape.wrong_type && at == 0) {
        for member in ["name", "roles"] {
            if row.get(member).is_some() {
                put(row, member, json!({"was": "this"}));
            }
        }
    }
    if shape.unknown_values && at == 0 {
        put(row, "type", json!("hologram"));
        if row.get("roles").is_some() {
            put(row, "roles", json!(["archivist"]));
        }
    }
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
        "createdBy": actor(tenant),
        "updatedAt": space.updated_at,
        "meta": {"actions": ["read"], "roles": [], "assignableRoles": assignable},
        "links": {
            "self": {"href": path},
            "assignments": {"href": format!("{path}/assignments")},
        },
    });
    if let Some(owner) = &space.owner {
        put(&mut shown, "ownerId", json!(owner.to_string()));
    }
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
        "createdBy": actor(tenant),
        "updatedAt": assignment.updated_at,
        "updatedBy": actor(tenant),
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
        "resourceName": "an app",
        "disabled": share.is_disabled,
        "spaceId": space.id.to_string(),
        "tenantId": tenant.tenant_id,
        "createdAt": share.created_at,
        "createdBy": actor(tenant),
        "updatedAt": share.created_at,
        "updatedBy": actor(tenant),
    });
    if let Some(id) = share.with.id() {
        put(&mut shown, "assigneeId", json!(id.to_string()));
    }
    shown
}

/// Who creates everything here: the tenant's first person.
fn actor(tenant: &Inner) -> String {
    let owner = tenant.owner.as_ref();
    owner.map(UserId::to_string).unwrap_or_default()
}

fn refused(status: u16) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::NOT_FOUND);
    error(Service::Spaces, status, "Not available", "")
}

fn invalid(name: &str, detail: &str) -> Response {
    let title = format!("Invalid query parameter `{name}`");
    error(Service::Spaces, StatusCode::BAD_REQUEST, &title, detail)
}

fn get<'p>(pairs: &'p [(String, String)], name: &str) -> Option<&'p str> {
    let pair = pairs.iter().find(|(key, _)| key == name);
    pair.map(|(_, value)| value.as_str())
}

fn link(path: &str, pairs: &[(String, String)], next: Option<&str>) -> String {
    let mut parameters = form_urlencoded::Serializer::new(String::new());
    parameters.extend_pairs(pairs.iter().filter(|(key, _)| key != "next"));
    if let Some(cursor) = next {
        parameters.append_pair("next", cursor);
    }
    format!("{HOST}/v1/{path}?{}", parameters.finish())
}
