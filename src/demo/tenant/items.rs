//! Answers `/api/v1/items`. Of the items of a tenant, this one has only apps.
//!
//! An app in a personal space comes without `spaceId`. There is no count.

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::app::App;
use super::deed::put;
use super::inner::Inner;
use super::listing::Shape;
use super::reply::{Service, error};
use super::space_filters::{Pairs, get};
use super::space_pages::{Direction, HOST, list};
use super::state::State;

/// The parameters that Qlik documents.
const PARAMETERS: [&str; 21] = [
    "collectionId",
    "createdByUserId",
    "id",
    "limit",
    "name",
    "next",
    "noActions",
    "notCreatedByUserId",
    "notOwnerId",
    "ownerId",
    "prev",
    "query",
    "resourceId",
    "resourceIds",
    "resourceLink",
    "resourceSubType",
    "resourceType",
    "shared",
    "sort",
    "spaceId",
    "spaceType",
];

/// Qlik's word for any personal space, as an id and as a type.
const PERSONAL: &str = "personal";

/// Answers with a page.
pub fn answer(tenant: &Inner, pairs: &Pairs, shape: &Shape) -> Response {
    if let Err((name, detail)) = check(pairs) {
        let title = format!("Invalid query parameter `{name}`");
        return error(Service::Items, StatusCode::BAD_REQUEST, &title, detail);
    }
    let state = tenant.directory.read();
    let sort = get(pairs, "sort").unwrap_or("+createdAt");
    let direction = match sort.starts_with('-') {
        true => Direction::Down,
        false => Direction::Up,
    };
    let apps = state.apps.values().filter(|app| keeps(&state, pairs, app));
    let rows = apps.map(|app| {
        let key = match sort.get(1..) {
            Some("name") => app.name.clone(),
            Some("updatedAt") => format!("{:020}", app.updated_at.millis()),
            _ => format!("{:020}", app.created_at.millis()),
        };
        (format!("{key}/{}", app.id), item(tenant, pairs, app))
    });
    let shape = Shape {
        no_total: true,
        ..*shape
    };
    list("items", rows.collect(), direction, pairs, &shape)
}

/// Checks the parameters. The error has the name of the wrong one, and the reason.
fn check(pairs: &Pairs) -> Result<(), (String, &'static str)> {
    for (name, value) in pairs {
        let is_known = PARAMETERS.contains(&name.as_str());
        let fits = match name.as_str() {
            "limit" => value.parse().is_ok_and(|n: u32| (1..=100).contains(&n)),
            "noActions" => value == "true" || value == "false",
            "sort" => {
                let name = value.strip_prefix(['+', '-']);
                name.is_some_and(|name| {
                    ["createdAt", "name", "recentlyUsed", "updatedAt"].contains(&name)
                })
            }
            _ => true,
        };
        match (is_known, fits) {
            (true, true) => {}
            (false, _) => return Err((name.clone(), "no such parameter")),
            (true, false) => return Err((name.clone(), "another value is expected")),
        }
    }
    let has = |name| get(pairs, name).is_some();
    if (has("resourceId") || has("resourceIds") || has("resourceLink")) && !has("resourceType") {
        return Err(("resourceType".to_owned(), "it goes with resourceId"));
    }
    if has("resourceId") && has("resourceLink") {
        return Err(("resourceLink".to_owned(), "it does not go with resourceId"));
    }
    if has("next") && has("prev") {
        return Err(("next".to_owned(), "next and prev are mutually exclusive"));
    }
    Ok(())
}

/// Returns whether the listing shows an app.
fn keeps(state: &State, pairs: &Pairs, app: &App) -> bool {
    let space = app.space.as_ref();
    let sort = || {
        let space = space.and_then(|id| state.spaces.get(id));
        space.map_or(PERSONAL, |space| space.sort.as_str())
    };
    let one_of = |list: &str, it: &str| list.split(',').any(|word| word == it);
    let holds = |(name, value): &(String, String)| match name.as_str() {
        // No app is in a collection, of a subtype or elsewhere.
        "collectionId" | "resourceLink" | "resourceSubType" => false,
        "id" => item_id(app) == *value,
        "name" | "query" => app.name.to_lowercase().contains(&value.to_lowercase()),
        "ownerId" | "createdByUserId" => app.owner.to_string() == *value,
        "notOwnerId" | "notCreatedByUserId" => app.owner.to_string() != *value,
        "resourceId" => app.id == *value,
        "resourceIds" => one_of(value, &app.id),
        "resourceType" => one_of(value, "app"),
        "spaceId" => space.map_or(PERSONAL.to_owned(), ToString::to_string) == *value,
        "spaceType" => one_of(value, sort()),
        _ => true,
    };
    pairs.iter().all(holds)
}

fn item_id(app: &App) -> String {
    format!("item-{}", app.id)
}

fn item(tenant: &Inner, pairs: &Pairs, app: &App) -> Value {
    let id = item_id(app);
    let path = format!("{HOST}/v1/items/{id}");
    let mut shown = json!({
        "id": id,
        "name": app.name,
        "description": "",
        "collectionIds": [],
        "isFavorited": false,
        "ownerId": app.owner.to_string(),
        "creatorId": app.owner.to_string(),
        "resourceId": app.id,
        "resourceType": "app",
        "resourceAttributes": {"id": app.id, "name": app.name},
        "resourceCustomAttributes": null,
        "resourceCreatedAt": app.created_at,
        "resourceUpdatedAt": app.updated_at,
        "tenantId": tenant.tenant_id,
        "createdAt": app.created_at,
        "updatedAt": app.updated_at,
        "meta": {"isFavorited": false, "actions": [], "tags": [], "collections": []},
        "links": {
            "self": {"href": path},
            "collections": {"href": format!("{path}/collections")},
        },
    });
    if get(pairs, "noActions") != Some("true") {
        put(&mut shown, "actions", json!(["read"]));
    }
    if let Some(space) = &app.space {
        put(&mut shown, "spaceId", json!(space.to_string()));
    }
    shown
}
