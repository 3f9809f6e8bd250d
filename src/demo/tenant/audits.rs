//! Answers `/api/v1/audits`: a listing of its own, unlike those of users, roles and groups.

use std::cmp::Ordering;
use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::model::Timestamp;

use super::audit::Event;
use super::deed::put;
use super::inner::Inner;
use super::listing::Shape;
use super::render::INTERNAL_HOST;
use super::reply::{Service, error, json_text};

/// Qlik's default and maximum.
const LIMIT: usize = 10;
const MAX_LIMIT: usize = 100;

/// An invalid parameter, and why it is invalid.
type Invalid = (&'static str, String);

/// Answers with a page.
pub fn list(tenant: &Inner, pairs: &[(String, String)], shape: &Shape) -> Response {
    match Query::read(pairs) {
        Ok(query) => {
            let body = page(tenant, &query, pairs, shape);
            json_text(StatusCode::OK, body.to_string().into())
        }
        Err((name, detail)) => {
            let title = format!("Invalid query parameter `{name}`");
            error(Service::Audits, StatusCode::BAD_REQUEST, &title, &detail)
        }
    }
}

/// Answers with the types, or the sources, of the events in the log.
pub fn names(tenant: &Inner, of: fn(&Event) -> &str) -> Response {
    let events = visible(tenant, Timestamp::from_millis(0), far());
    let mut names: Vec<&str> = events.iter().map(|event| of(event)).collect();
    names.sort_unstable();
    names.dedup();
    let body = json!({"data": names});
    json_text(StatusCode::OK, body.to_string().into())
}

struct Query {
    from: Timestamp,
    to: Timestamp,
    kind: Option<String>,
    source: Option<String>,
    user: Option<String>,
    ids: Option<Vec<String>>,
    limit: usize,
    by: By,
    descending: bool,
    after: Option<u64>,
}

#[derive(Debug, Clone, Copy)]
enum By {
    Time,
    Kind,
    Source,
}

impl Query {
    fn read(pairs: &[(String, String)]) -> Result<Self, Invalid> {
        let get = |name: &str| {
            let pair = pairs.iter().find(|(key, _)| key == name);
            pair.map(|(_, value)| value.as_str())
        };
        let (from, to) = match get("eventTime") {
            Some(text) => span(text)?,
            None => (Timestamp::from_millis(0), far()),
        };
        let limit = get("limit").map_or(Ok(LIMIT), str::parse);
        let limit = limit.ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
        let limit = limit.ok_or_else(|| ("limit", "must be between 1 and 100".to_owned()))?;
        let (descending, by) = order(get("sort").unwrap_or("-eventTime"))?;
        if get("prev").is_some() {
            return Err(("prev", "nothing comes before".to_owned()));
        }
        let after = get("next").map(|cursor| {
            let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
            String::from_utf8(bytes).ok()?.parse().ok()
        });
        let after = match after {
            Some(None) => return Err(("next", "not a cursor".to_owned())),
            Some(Some(serial)) => Some(serial),
            None => None,
        };
        let list = |text: &str| text.split(',').map(str::to_owned).collect();
        Ok(Self {
            from,
            to,
            kind: get("eventType").map(str::to_owned),
            source: get("source").map(str::to_owned),
            user: get("userId").map(str::to_owned),
            ids: get("id").map(list),
            limit,
            by,
            descending,
            after,
        })
    }

    fn keeps(&self, event: &Event, owner: &str) -> bool {
        let is = |wanted: &Option<String>, value: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted == value)
        };
        is(&self.kind, &event.kind)
            && is(&self.source, &event.source)
            && is(&self.user, &actor(event, owner))
            && self
                .ids
                .as_ref()
                .is_none_or(|ids| ids.contains(&item_id(event)))
    }

    fn compare(&self, a: &Event, b: &Event) -> Ordering {
        let by = match self.by {
            By::Time => a.at.cmp(&b.at),
            By::Kind => a.kind.cmp(&b.kind),
            By::Source => a.source.cmp(&b.source),
        };
        let order = by.then(a.serial.cmp(&b.serial));
        if self.descending {
            order.reverse()
        } else {
            order
        }
    }
}

fn span(text: &str) -> Result<(Timestamp, Timestamp), Invalid> {
    let invalid = || ("eventTime", "must be <start>/<end> in ISO 8601".to_owned());
    let (from, to) = text.split_once('/').ok_or_else(invalid)?;
    let time = |text| Timestamp::parse(text).ok_or_else(invalid);
    let (from, to) = (time(from)?, time(to)?);
    if from > to {
        return Err(("eventTime", "the start is after the end".to_owned()));
    }
    Ok((from, to))
}

/// Reads the sort order. Its prefix is required here, unlike elsewhere; a bare plus has become a
/// space.
fn order(text: &str) -> Result<(bool, By), Invalid> {
    let invalid = || ("sort", format!("cannot sort by `{text}`"));
    let (sign, name) = text.split_at_checked(1).ok_or_else(invalid)?;
    let descending = match sign {
        "+" => false,
        "-" => true,
        _ => return Err(invalid()),
    };
    match name {
        "eventTime" => Ok((descending, By::Time)),
        "eventType" => Ok((descending, By::Kind)),
        "source" => Ok((descending, By::Source)),
        _ => Err(invalid()),
    }
}

fn page(tenant: &Inner, query: &Query, pairs: &[(String, String)], shape: &Shape) -> Value {
    let owner = owner(tenant);
    let mut events = visible(tenant, query.from, query.to);
    events.retain(|event| query.keeps(event, &owner));
    events.sort_by(|a, b| query.compare(a, b));
    // Paging is by keyset: an event that was written since stands where its time puts it, even
    // before the cursor.
    if let Some(after) = query.after {
        let last = events.iter().position(|event| event.serial == after);
        events.drain(..last.map_or(0, |at| at + 1));
    }
    if shape.half_shown {
        events.retain(|event| event.serial % 2 == 0);
    }
    if shape.page_left_out {
        events.drain(..events.len().min(query.limit));
    }
    if shape.empty_collection || shape.empty_page {
        events.clear();
    }
    let more = events.len() > query.limit;
    events.truncate(query.limit);
    let again = query.after.or(Some(0));
    let next = match events.last() {
        None if shape.empty_page => again,
        Some(_) if shape.repeated_cursor => again,
        Some(last) if more => Some(last.serial),
        Some(_) | None => None,
    };
    let mut links = json!({"self": {"href": link(pairs, None)}});
    if let Some(serial) = next {
        let cursor = URL_SAFE_NO_PAD.encode(serial.to_string());
        let next = json!({"href": link(pairs, Some(&cursor))});
        put(&mut links, "next", next);
    }
    let mut data: Vec<Value> = events
        .iter()
        .map(|event| item(tenant, event, &actor(event, &owner)))
        .collect();
    if shape.wrong_type
        && let Some(first) = data.first_mut()
    {
        put(first, "eventTime", json!({"seconds": 1}));
        put(first, "data", json!("text"));
        put(first, "extensions", json!([]));
    }
    if shape.unknown_values
        && let Some(first) = data.first_mut()
    {
        put(first, "eventType", json!("com.qlik.core.user.reimagined"));
    }
    json!({"data": data, "links": links})
}

fn visible(tenant: &Inner, from: Timestamp, to: Timestamp) -> Vec<Arc<Event>> {
    let now = tenant.clock.now();
    let kept = i64::try_from(tenant.audit_retention.as_millis()).unwrap_or(i64::MAX);
    let oldest = Timestamp::from_millis(now.millis().saturating_sub(kept));
    let log = tenant.directory.audit();
    log.between(from.max(oldest), to, now)
}

/// Returns who caused an event.
fn actor(event: &Event, owner: &str) -> String {
    match &event.actor {
        _ if !event.names_actor => String::new(),
        Some(user) => user.to_string(),
        None => owner.to_owned(),
    }
}

fn owner(tenant: &Inner) -> String {
    let owner = tenant.owner.as_ref();
    owner.map(ToString::to_string).unwrap_or_default()
}

fn item_id(event: &Event) -> String {
    format!("{:024x}", event.serial)
}

fn item(tenant: &Inner, event: &Event, actor: &str) -> Value {
    let mut extensions = json!({"actor": {"sub": actor, "subType": "user"}});
    if let Some(id) = &event.top_level {
        put(&mut extensions, "topLevelResourceId", json!(id));
    }
    json!({
        "id": item_id(event),
        "eventId": event.id,
        "eventTime": event.at,
        "eventType": event.kind,
        "eventTypeVersion": "1.0.0",
        "source": event.source,
        "contentType": "application/json",
        "tenantId": tenant.tenant_id,
        "userId": actor,
        "data": event.data,
        "extensions": extensions,
        "links": {"self": {"href": format!("{INTERNAL_HOST}/v1/audits/{}", item_id(event))}},
    })
}

fn link(pairs: &[(String, String)], next: Option<&str>) -> String {
    let mut parameters = form_urlencoded::Serializer::new(String::new());
    parameters.extend_pairs(pairs.iter().filter(|(key, _)| key != "next"));
    if let Some(cursor) = next {
        parameters.append_pair("next", cursor);
    }
    format!("{INTERNAL_HOST}/v1/audits?{}", parameters.finish())
}

fn far() -> Timestamp {
    Timestamp::from_millis(i64::MAX)
}
