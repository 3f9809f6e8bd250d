//! Which request goes where, and what may stop it on the way.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State as Shared};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use serde_json::json;

use crate::model::Id;

use super::directory::Directory;
use super::faults::{Endpoint, Fault};
use super::filter::{self, Clause, Expr, UserFilter};
use super::inner::Inner;
use super::limits::Tier;
use super::listing::{Collection, LastLink, Shape, page};
use super::query::{GROUPS, Query, ROLES, USERS, Vocabulary, pairs};
use super::render::{self, INTERNAL_HOST, Look};
use super::reply::{self, Service, error, json_text};
use super::spoil::{Asked, spoil};
use super::state::State;
use super::tokens::{Caller, Sight};
use super::{audits, items, licences, oauth, spaces};

/// A body larger than this is not a request for a token.
const MAX_BODY: usize = 64 * 1024;

/// The names of the parameter with the cursor of the next page.
const CURSORS: [&str; 3] = ["next", "startingAfter", "page"];

/// Makes the router.
pub fn router(tenant: Arc<Inner>) -> Router {
    Router::new().fallback(answer).with_state(tenant)
}

/// Where a request goes.
#[derive(Debug, Clone, Copy)]
struct Route<'a> {
    endpoint: Endpoint,
    service: Service,
    id: &'a str,
}

impl<'a> Route<'a> {
    fn of(method: &Method, path: &'a str, query: &[(String, String)]) -> Option<Self> {
        let to = |endpoint, service, id| {
            Some(Self {
                endpoint,
                service,
                id,
            })
        };
        if path == "/oauth/token" {
            return to(Endpoint::Token, Service::OAuth, "").filter(|_| method == Method::POST);
        }
        if method != Method::GET {
            return None;
        }
        let system = query
            .iter()
            .any(|(key, value)| key == "systemGroups" && value == "true");
        let rest = path.strip_prefix("/api/v1/")?;
        match rest.split('/').collect::<Vec<_>>().as_slice() {
            ["users"] => to(Endpoint::Users, Service::Users, ""),
            ["users", "me"] => to(Endpoint::UserMe, Service::Users, ""),
            ["users", "actions", "count"] => to(Endpoint::UserCount, Service::Users, ""),
            ["users", id] => to(Endpoint::User, Service::Users, id),
            ["roles"] => to(Endpoint::Roles, Service::Roles, ""),
            ["roles", id] => to(Endpoint::Role, Service::Roles, id),
            ["groups"] if system => to(Endpoint::SystemGroups, Service::Groups, ""),
            ["groups"] => to(Endpoint::Groups, Service::Groups, ""),
            ["groups", "settings"] => to(Endpoint::GroupSettings, Service::Groups, ""),
            ["groups", id] => to(Endpoint::Group, Service::Groups, id),
            ["audits"] => to(Endpoint::Audits, Service::Audits, ""),
            ["audits", names @ ("types" | "sources")] => {
                to(Endpoint::AuditNames, Service::Audits, names)
            }
            ["spaces"] => to(Endpoint::Spaces, Service::Spaces, ""),
            ["spaces", id] => to(Endpoint::Space, Service::Spaces, id),
            ["spaces", id, "assignments"] => to(Endpoint::Assignments, Service::Spaces, id),
            ["spaces", id, "shares"] => to(Endpoint::Shares, Service::Spaces, id),
            ["items"] => to(Endpoint::Items, Service::Items, ""),
            ["licenses", "overview"] => to(Endpoint::Licence, Service::Licences, ""),
            ["licenses", "assignments"] => to(Endpoint::Licences, Service::Licences, ""),
            ["tenants", "me"] => to(Endpoint::TenantMe, Service::Tenants, ""),
            ["tenants", id] => to(Endpoint::Tenant, Service::Tenants, id),
            _ => None,
        }
    }

    fn tier(self) -> Tier {
        match self.endpoint {
            Endpoint::Audits | Endpoint::AuditNames => Tier::Audits,
            _ => Tier::One,
        }
    }
}

async fn answer(Shared(tenant): Shared<Arc<Inner>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let query = pairs(head.uri.query().unwrap_or_default());
    let Some(route) = Route::of(&head.method, head.uri.path(), &query) else {
        return error(Service::Edge, StatusCode::NOT_FOUND, "Not found", "");
    };
    tenant.count(route.endpoint);
    let _under_way = tenant.begin(route.endpoint, route.id);
    let faults = tenant.faults.strike(route.endpoint);
    for fault in &faults {
        if let Fault::Slow(delay) = fault {
            tokio::select! {
                () = tokio::time::sleep(*delay) => {}
                () = tenant.shutdown.triggered() => {}
            }
        }
    }
    let endpoint = route.endpoint;
    let asked = Asked::of(&query);
    let goes_on = query.iter().any(|(key, _)| CURSORS.contains(&&**key));
    let is_sorted = query.iter().any(|(key, _)| key == "sort");
    if let Some(reply) = faults.iter().find_map(|fault| match fault {
        Fault::ExpiredCursor(_) if !goes_on => None,
        Fault::RefusedSort if !is_sorted => None,
        fault => instead(fault, route.service),
    }) {
        return reply;
    }
    let reply = if route.endpoint == Endpoint::Token {
        let Ok(body) = axum::body::to_bytes(body, MAX_BODY).await else {
            return error(
                Service::OAuth,
                StatusCode::BAD_REQUEST,
                "Invalid request",
                "",
            );
        };
        oauth::token(&tenant, &head.headers, &body, &faults)
    } else {
        match admit(&tenant, &head.headers, route.tier()) {
            Ok(caller) => read(&tenant, route, query, &caller, &faults),
            Err(reply) => *reply,
        }
    };
    if goes_on {
        tenant.hold(endpoint).await;
    }
    spoil(&tenant, endpoint, asked, &faults, reply).await
}

/// Returns the answer that a fault gives in place of the regular one, if it gives one.
fn instead(fault: &Fault, service: Service) -> Option<Response> {
    let of = |status, title| Some(error(service, status, title, ""));
    match fault {
        Fault::TooManyRequests { retry_after } => Some(reply::too_many_requests(*retry_after)),
        Fault::Internal => of(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error"),
        Fault::Forbidden => of(StatusCode::FORBIDDEN, "Forbidden"),
        Fault::NotFound => of(StatusCode::NOT_FOUND, "Not found"),
        Fault::Unauthorized => Some(unauthorized()),
        Fault::Unavailable => Some(reply::html(
            StatusCode::SERVICE_UNAVAILABLE,
            "503 Service Temporarily Unavailable",
        )),
        Fault::Html(status) => {
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::OK);
            Some(reply::html(status, "Sign in"))
        }
        Fault::ExpiredCursor(status) => {
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::BAD_REQUEST);
            of(status, "Invalid cursor")
        }
        Fault::RefusedSort => of(StatusCode::BAD_REQUEST, "Invalid query parameter `sort`"),
        Fault::Redirect(to) => Some(reply::redirect(to)),
        Fault::Slow(_)
        | Fault::Cut
        | Fault::Truncated
        | Fault::TooLarge(_)
        | Fault::OneTooLarge
        | Fault::HalfCharacter
        | Fault::BadByte
        | Fault::BadReference
        | Fault::MissingRoles
        | Fault::MissingGroups
        | Fault::EmptyLeftOut
        | Fault::EmptyAccess
        | Fault::HalfShown
        | Fault::WrongType
        | Fault::WrongTypes
        | Fault::UnknownValues
        | Fault::EmptyPage
        | Fault::RepeatedCursor
        | Fault::CapitalLinks
        | Fault::NoLinks
        | Fault::PageLeftOut
        | Fault::EmptyCollection
        | Fault::InflatedTotal(_)
        | Fault::DeflatedTotal(_)
        | Fault::DriftingTotal
        | Fault::NoTotal
        | Fault::ConsentNotTrusted
        | Fault::M2mNotAllowed
        | Fault::WrongSecret => None,
    }
}

fn unauthorized() -> Response {
    error(Service::Edge, StatusCode::UNAUTHORIZED, "Unauthorized", "")
}

/// Lets a request in by its token, and counts it against the limit of the token's user.
fn admit(tenant: &Inner, headers: &HeaderMap, tier: Tier) -> Result<Caller, Box<Response>> {
    let now = tenant.clock.now();
    let token = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    let caller = token
        .and_then(|token| {
            tenant
                .tokens
                .check(token, now)
                .or_else(|| tenant.by_key(token))
        })
        .ok_or_else(|| Box::new(unauthorized()))?;
    tenant
        .limits
        .admit(&caller.user.to_string(), tier, now)
        .map_err(|seconds| Box::new(reply::too_many_requests(seconds)))?;
    Ok(caller)
}

fn read(
    tenant: &Inner,
    route: Route<'_>,
    pairs: Vec<(String, String)>,
    caller: &Caller,
    faults: &[Fault],
) -> Response {
    let blind = caller.sight == Sight::UsersOnly || tenant.hides_access();
    let mut shape = Shape::of(faults);
    shape.no_roles |= blind;
    let forbidden = || error(route.service, StatusCode::FORBIDDEN, "Forbidden", "");
    match route.endpoint {
        Endpoint::UserMe => reply::redirect(&format!("/api/v1/users/{}", caller.user)),
        Endpoint::TenantMe => reply::redirect(&format!("/api/v1/tenants/{}", tenant.tenant_id)),
        Endpoint::Tenant => describe(tenant, route),
        Endpoint::Users => list(tenant, route, pairs, &shape, &USERS),
        Endpoint::UserCount => count(tenant, &pairs, &shape),
        Endpoint::User => {
            let look = pairs.iter().find(|(key, _)| key == "fields");
            let look = look.map(|(_, list)| Look::of_fields(list));
            one(tenant, route, look.unwrap_or_default(), &shape)
        }
        _ if blind => forbidden(),
        Endpoint::Roles => list(tenant, route, pairs, &shape, &ROLES),
        Endpoint::Groups => list(tenant, route, pairs, &shape, &GROUPS),
        Endpoint::SystemGroups if pairs.len() > 1 => error(
            Service::Groups,
            StatusCode::BAD_REQUEST,
            "Invalid query parameter",
            "systemGroups cannot be combined with other parameters",
        ),
        Endpoint::SystemGroups => system_groups(tenant, &shape),
        Endpoint::GroupSettings => settings(tenant),
        Endpoint::Role | Endpoint::Group => one(tenant, route, Look::default(), &shape),
        Endpoint::Audits => audits::list(tenant, &pairs, &shape),
        Endpoint::AuditNames if route.id == "types" => audits::names(tenant, |event| &event.kind),
        Endpoint::AuditNames => audits::names(tenant, |event| &event.source),
        Endpoint::Spaces | Endpoint::Space | Endpoint::Assignments | Endpoint::Shares => {
            let asked = spaces::Asked {
                endpoint: route.endpoint,
                id: route.id,
                caller: &caller.user,
            };
            spaces::answer(tenant, asked, &pairs, &shape)
        }
        Endpoint::Items => items::answer(tenant, &pairs, &shape),
        Endpoint::Licence => licences::overview(tenant, &shape),
        Endpoint::Licences => licences::assignments(tenant, &pairs, &shape),
        Endpoint::Token => unauthorized(),
    }
}

fn list(
    tenant: &Inner,
    route: Route<'_>,
    pairs: Vec<(String, String)>,
    shape: &Shape,
    vocabulary: &Vocabulary,
) -> Response {
    let legacy = tenant.legacy_cursors && route.endpoint == Endpoint::Users;
    let invalid = |name: &str, detail: &str| {
        let title = format!("Invalid query parameter `{name}`");
        error(route.service, StatusCode::BAD_REQUEST, &title, detail)
    };
    let names: &[&str] = if legacy { &CURSORS[..2] } else { &["next"] };
    let query = match Query::read(pairs, vocabulary, names) {
        Ok(query) => query,
        Err((name, detail)) => return invalid(name, &detail),
    };
    let cursor = if legacy { "startingAfter" } else { "next" };
    let collection = |name, last| Collection { name, last, cursor };
    tenant.directory.index(query.order.field);
    let state = tenant.directory.read();
    let bytes = if route.endpoint == Endpoint::Users {
        let filter = match user_filter(query.filter.as_deref()) {
            Ok(filter) => filter,
            Err(detail) => return invalid("filter", &detail),
        };
        page(
            collection("users", LastLink::Absent),
            &query,
            shape,
            &state.users,
            |row| state.keeps(&filter, row),
            || state.count_users(&filter),
            |out, row, look| render::user(out, row, &state.fragments, look),
        )
    } else {
        let filter = query.filter.as_deref();
        let filter = filter.map(|text| filter::parse(text, vocabulary.attributes));
        let filter: Option<Expr> = match filter.transpose() {
            Ok(filter) => filter,
            Err(detail) => return invalid("filter", &detail),
        };
        let kept =
            |holds: &dyn Fn(&Clause) -> bool| filter.as_ref().is_none_or(|expr| expr.holds(&holds));
        if route.endpoint == Endpoint::Roles {
            let keep = |row: &_| kept(&|clause| State::role_holds(row, clause));
            page(
                collection("roles", LastLink::Absent),
                &query,
                shape,
                &state.roles,
                keep,
                || state.roles.iter().filter(|row| keep(row)).count(),
                |out, row, look| render::role(out, row, &state.fragments.tenant_id, look),
            )
        } else {
            let keep = |row: &_| kept(&|clause| state.group_holds(row, clause));
            page(
                collection("groups", LastLink::Null),
                &query,
                shape,
                &state.groups,
                keep,
                || state.groups.iter().filter(|row| keep(row)).count(),
                |out, row, look| render::group(out, row, &state.fragments, look),
            )
        }
    };
    json_text(StatusCode::OK, bytes.into())
}

fn user_filter(text: Option<&str>) -> Result<UserFilter, String> {
    match text {
        None => Ok(UserFilter::active_only()),
        Some(text) => UserFilter::parse(text, USERS.attributes),
    }
}

fn count(tenant: &Inner, pairs: &[(String, String)], shape: &Shape) -> Response {
    let filter = pairs.iter().find(|(key, _)| key == "filter");
    match user_filter(filter.map(|(_, text)| text.as_str())) {
        Ok(filter) => {
            let total = shape.told(tenant.directory.read().count_users(&filter));
            json_text(StatusCode::OK, json!({ "total": total }).to_string().into())
        }
        Err(detail) => error(
            Service::Users,
            StatusCode::BAD_REQUEST,
            "Invalid query parameter `filter`",
            &detail,
        ),
    }
}

fn one(tenant: &Inner, route: Route<'_>, look: Look, shape: &Shape) -> Response {
    let look = Look {
        roles: !shape.no_roles,
        groups: !shape.no_groups,
        empty_access: shape.empty_access,
        wrong_type: shape.wrong_type || shape.wrong_types,
        unknown_values: shape.unknown_values,
        ..look
    };
    let state = tenant.directory.read();
    let id = Id::parse(route.id).ok();
    let id = id.as_ref();
    let mut out = Vec::new();
    let found = match route.endpoint {
        Endpoint::User => id.and_then(|id| state.users.get(id)).map(|row| {
            render::user(&mut out, row, &state.fragments, look);
        }),
        Endpoint::Role => id.and_then(|id| state.roles.get(id)).map(|row| {
            render::role(&mut out, row, &state.fragments.tenant_id, look);
        }),
        _ => {
            let everyone = Some(&state.everyone).filter(|_| id == Some(&Directory::everyone().0));
            let group = id.and_then(|id| state.groups.get(id)).or(everyone);
            group.map(|row| render::group(&mut out, row, &state.fragments, look))
        }
    };
    match found {
        Some(()) => json_text(StatusCode::OK, out.into()),
        None => error(
            route.service,
            StatusCode::NOT_FOUND,
            "Not found",
            "no such resource",
        ),
    }
}

/// Answers with the system groups, not the regular ones, on one page without a next link.
fn system_groups(tenant: &Inner, shape: &Shape) -> Response {
    let state = tenant.directory.read();
    let mut out = b"{\"data\":[".to_vec();
    if !shape.empty_collection {
        let look = Look {
            wrong_type: shape.wrong_type,
            unknown_values: shape.unknown_values,
            ..Look::default()
        };
        render::group(&mut out, &state.everyone, &state.fragments, look);
    }
    let end = format!(
        "],\"links\":{{\"self\":{{\"href\":\"{INTERNAL_HOST}/v1/groups?systemGroups=true\"}}}}}}"
    );
    out.extend_from_slice(end.as_bytes());
    json_text(StatusCode::OK, out.into())
}

fn settings(tenant: &Inner) -> Response {
    let everyone = tenant.directory.system_groups();
    let groups = everyone.iter().map(|group| {
        let roles = group
            .roles
            .iter()
            .map(|(id, name)| json!({"id": id, "name": name, "type": "default", "level": "user"}));
        let shown = json!({
            "id": group.id,
            "name": group.name,
            "enabled": group.status == "active",
            "assignedRoles": roles.collect::<Vec<_>>(),
            "createdAt": group.created_at,
            "lastUpdatedAt": group.updated_at,
        });
        (group.id.to_string(), shown)
    });
    let groups: serde_json::Map<_, _> = groups.collect();
    let body = json!({
        "tenantId": tenant.tenant_id,
        "autoCreateGroups": true,
        "syncIdpGroups": true,
        "systemGroups": groups,
        "links": {"self": {"href": format!("{INTERNAL_HOST}/v1/groups/settings")}},
    });
    json_text(StatusCode::OK, Bytes::from(body.to_string()))
}

fn describe(tenant: &Inner, route: Route<'_>) -> Response {
    if route.id != tenant.tenant_id {
        return error(Service::Tenants, StatusCode::NOT_FOUND, "Not found", "");
    }
    // A name that means this machine cannot be resolved without the port.
    let port = tenant.port.get().copied().unwrap_or_default();
    let shown = |host: &String| match host.ends_with(".localhost") {
        true => format!("{host}:{port}"),
        false => host.clone(),
    };
    let hostnames: Vec<String> = tenant.hostnames.iter().map(shown).collect();
    let body = json!({
        "id": tenant.tenant_id,
        "name": tenant.name,
        "hostnames": hostnames,
        "region": tenant.region,
        "datacenter": tenant.region,
        "status": "active",
        "created": "1970-01-01T00:00:00.001Z",
        "lastUpdated": "2026-01-01T00:00:00.000Z",
        "createdByUser": "",
        "links": {"self": {"href": format!("{INTERNAL_HOST}/v1/tenants/{}", tenant.tenant_id)}},
    });
    json_text(StatusCode::OK, Bytes::from(body.to_string()))
}
