//! `/scim/v2/…`: users, groups, roles and roles in spaces over SCIM 2.0, to be read (RFC 7643, 7644
//! and 9865).
//!
//! Each path exists twice: for all tenants that the token may read, and under `tenants/NAME` for
//! one of them, so that this can be the base address of a client. What describes the server itself
//! is answered without a token, so that clients can find out how to authenticate (RFC 7643, 5); a
//! token that is sent must be valid all the same.

mod cursor;
mod described;
mod discovery;
mod error;
mod list;
mod media;
mod params;
mod sent;
mod target;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Extension, Request, State};
use axum::http::header::{
    AUTHORIZATION, CONTENT_LOCATION, CONTENT_TYPE, ETAG, HOST, IF_MATCH, IF_NONE_MATCH, VARY,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::Response;
use axum::routing::any;
use serde::Serialize;
use tokio::time::timeout;

use super::caller;
use super::shared::Api;
use crate::control::query;
use crate::model::scim::{ResourceType, in_path};
use crate::model::{ApiToken, Scope};
use crate::printable;
use crate::view;
use crate::web::connections::Peer;
use crate::web::openapi::Routes;

use error::ScimError;
use list::{Listing, not_read};
use params::Params;
use sent::{say_not_read, sent};
use target::{Part, ROOT, Target};

/// The most bytes of a search: a filter of the greatest length, and as much again.
const MAX_BODY: usize = 64 * 1024;

/// How long a body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a list answers.
const READ: &str = "GET, HEAD";

/// What a search answers.
const SEARCH: &str = "POST";

/// Makes the routes.
pub(super) fn routes(api: Arc<Api>) -> Routes {
    Routes::new()
        .route(ROOT, any(answer), described::of_root())
        .unlisted(&format!("{ROOT}/"), any(answer))
        .route(
            &format!("{ROOT}/{{*rest}}"),
            any(answer),
            described::of_rest(),
        )
        .schemas(described::schemas())
        .with_state(api)
}

/// A request, without its body.
struct Asked<'a> {
    api: &'a Api,
    from: Option<IpAddr>,
    method: Method,
    headers: HeaderMap,
    query: Option<String>,
    target: Target,
}

async fn answer(
    State(api): State<Arc<Api>>,
    Extension(Peer(from)): Extension<Peer>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let asked = Asked {
        api: &api,
        from,
        method: parts.method,
        headers: parts.headers,
        query: parts.uri.query().map(str::to_owned),
        target: Target::of(parts.uri.path()),
    };
    let accepted = media::of(&asked.headers);
    let answered = match accepted {
        Some(_) => asked.answer(body).await,
        None => Err(ScimError::not_acceptable()),
    };
    let mut response = answered.unwrap_or_else(ScimError::answer);
    let headers = response.headers_mut();
    if accepted == Some(media::JSON) && headers.contains_key(CONTENT_TYPE) {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media::JSON));
    }
    headers.insert(VARY, HeaderValue::from_static("Accept, Authorization"));
    response
}

impl Asked<'_> {
    async fn answer(&self, body: Body) -> Result<Response, ScimError> {
        let is_open = self.target.part.is_discovery() && !self.headers.contains_key(AUTHORIZATION);
        let token = if is_open {
            None
        } else {
            let token = caller::admit(self.api, &self.headers, self.from, Scope::Scim);
            Some(token.await?)
        };
        let method = &self.method;
        let is_read = [Method::GET, Method::HEAD].contains(method);
        match (&self.target.part, &token) {
            (Part::NotOffered(why), _) => Err(ScimError::new(StatusCode::NOT_IMPLEMENTED, *why)),
            (Part::Unknown, _) => Err(ScimError::not_found(
                "there is nothing at this address; `/ResourceTypes` lists what there is",
            )),
            (Part::Search(sort), Some(token)) => match *method == Method::POST {
                true => self.search(*sort, token, body).await,
                false => Err(ScimError::not_allowed(SEARCH)),
            },
            (_, _) if !is_read => Err(ScimError::not_allowed(READ)),
            (Part::Config, _) => self.no_filter().map(|()| discovery::config(&self.base())),
            (Part::Types(name), _) => {
                self.no_filter()?;
                discovery::types(&self.base(), name.as_deref())
            }
            (Part::Schemas(urn), _) => {
                self.no_filter()?;
                discovery::schemas(&self.base(), urn.as_deref())
            }
            (Part::Root, Some(token)) => self.list(None, token).await,
            (Part::List(sort), Some(token)) => self.list(Some(*sort), token).await,
            (Part::One(sort, id), Some(token)) => self.one(*sort, id, token).await,
            // Only what describes the server is answered without a token.
            (Part::Root | Part::List(_) | Part::One(..) | Part::Search(_), None) => {
                Err(caller::Refused::NoToken.into())
            }
        }
    }

    /// Returns the address under which all resources are, as the client sees it.
    fn base(&self) -> String {
        let root = match &self.target.tenant {
            None => ROOT.to_owned(),
            Some(tenant) => format!("{ROOT}/tenants/{}", in_path(tenant)),
        };
        let first = |name: &str| {
            let value = self.headers.get(name)?.to_str().ok()?;
            value.split(',').next().map(str::trim).map(str::to_owned)
        };
        let host = first("x-forwarded-host").or_else(|| first(HOST.as_str()));
        let is_plain = |host: &String| {
            let mut bytes = host.bytes();
            !host.is_empty() && bytes.all(|b| b.is_ascii_alphanumeric() || b"-.:[]_".contains(&b))
        };
        let scheme = match first("x-forwarded-proto").as_deref() {
            Some("https") => "https",
            Some(_) => "http",
            None => self.api.scheme,
        };
        match host.filter(is_plain) {
            Some(host) => format!("{scheme}://{host}{root}"),
            None => root,
        }
    }

    /// Fails if a filter is sent to what describes the server (RFC 7644, 4).
    fn no_filter(&self) -> Result<(), ScimError> {
        let query = self.query.as_deref().unwrap_or_default();
        let mut names = url::form_urlencoded::parse(query.as_bytes());
        match names.any(|(name, _)| name.eq_ignore_ascii_case("filter")) {
            true => Err(ScimError::new(
                StatusCode::FORBIDDEN,
                "what describes the server cannot be filtered",
            )),
            false => Ok(()),
        }
    }

    fn tenants(&self, token: &ApiToken) -> query::AskedTenants {
        query::AskedTenants {
            called: self.target.tenant.clone(),
            covered: token.tenants.clone(),
        }
    }

    async fn list(
        &self,
        sort: Option<ResourceType>,
        token: &ApiToken,
    ) -> Result<Response, ScimError> {
        let params = Params::of_query(self.query.as_deref())?;
        self.listing(sort, token, params).await
    }

    async fn search(
        &self,
        sort: Option<ResourceType>,
        token: &ApiToken,
        body: Body,
    ) -> Result<Response, ScimError> {
        self.has_json()?;
        let params = Params::of_body(&read(body).await?)?;
        self.listing(sort, token, params).await
    }

    async fn listing(
        &self,
        sort: Option<ResourceType>,
        token: &ApiToken,
        params: Params,
    ) -> Result<Response, ScimError> {
        let types = match sort {
            Some(sort) => vec![sort],
            None => ResourceType::ALL.to_vec(),
        };
        let listing = Listing {
            control: &self.api.control,
            scope: query::ScimScope {
                tenants: self.tenants(token),
                types,
                base: self.base(),
                filter: params.filter.clone(),
                wanted: params.wanted.clone(),
            },
            params,
        };
        listing.page().await
    }

    /// Fails if the body is not said to be JSON.
    fn has_json(&self) -> Result<(), ScimError> {
        let sort = self.headers.get(CONTENT_TYPE);
        let sort = sort.and_then(|it| it.to_str().ok()).unwrap_or_default();
        let sort = sort.split(';').next().unwrap_or_default().trim();
        let is_json = [media::SCIM, media::JSON]
            .iter()
            .any(|it| it.eq_ignore_ascii_case(sort));
        match is_json {
            true => Ok(()),
            false => Err(ScimError::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                format!("the body must have the content type `{}`", media::SCIM),
            )),
        }
    }

    async fn one(
        &self,
        sort: ResourceType,
        id: &str,
        token: &ApiToken,
    ) -> Result<Response, ScimError> {
        let params = Params::of_query(self.query.as_deref())?;
        let asked = query::ScimResource {
            scope: query::ScimScope {
                tenants: self.tenants(token),
                types: vec![sort],
                base: self.base(),
                filter: None,
                wanted: params.wanted.clone(),
            },
            id: id.to_owned(),
        };
        let mut page = self.api.control.ask(asked).await??;
        let Some(row) = page.rows.pop() else {
            not_read(&page)?;
            let id = printable::line(id);
            return Err(ScimError::not_found(format!("there is no {sort} `{id}`")));
        };
        let (resource, version) = view::scim_resource(row, &params.wanted.of(sort));
        let version = version.unwrap_or_default();
        let mut response = self.conditional(&resource, &version)?;
        say_not_read(&mut response, &page.not_read, page.n_not_read);
        // The same as `meta.location` (RFC 7643, 3.1).
        let location = format!("{}/{}/{}", self.base(), sort.endpoint(), in_path(id));
        if let Ok(location) = HeaderValue::from_str(&location) {
            response.headers_mut().insert(CONTENT_LOCATION, location);
        }
        Ok(response)
    }

    /// Answers with a resource if the conditions of the request are fulfilled (RFC 7644, 3.14).
    fn conditional(&self, resource: &impl Serialize, version: &str) -> Result<Response, ScimError> {
        if self.matches(IF_MATCH.as_str(), version) == Some(Matches::No) {
            return Err(ScimError::new(
                StatusCode::PRECONDITION_FAILED,
                "the resource has another version",
            ));
        }
        let mut response = match self.matches(IF_NONE_MATCH.as_str(), version) {
            Some(Matches::Yes) => {
                let mut response = Response::new(Body::empty());
                *response.status_mut() = StatusCode::NOT_MODIFIED;
                response
            }
            Some(Matches::No) | None => sent(resource),
        };
        if let Ok(version) = HeaderValue::from_str(version) {
            response.headers_mut().insert(ETAG, version);
        }
        Ok(response)
    }

    /// Compares the versions in a header with one; `None` if the request does not have the header.
    fn matches(&self, header: &str, version: &str) -> Option<Matches> {
        let mut values = self.headers.get_all(header).iter().peekable();
        values.peek()?;
        let bare = |tag: &str| {
            let tag = tag.trim();
            tag.strip_prefix("W/").unwrap_or(tag).to_owned()
        };
        let version = bare(version);
        let texts = values.filter_map(|value| value.to_str().ok());
        let mut tags = texts.flat_map(|text| text.split(','));
        match tags.any(|tag| tag.trim() == "*" || bare(tag) == version) {
            true => Some(Matches::Yes),
            false => Some(Matches::No),
        }
    }
}

/// Reads a body that must not be long, nor take long.
async fn read(body: Body) -> Result<Bytes, ScimError> {
    let reading = timeout(PATIENCE, to_bytes(body, MAX_BODY)).await;
    let read = reading.map_err(|_late| {
        let detail = format!(
            "the body did not arrive within {} seconds",
            PATIENCE.as_secs()
        );
        ScimError::new(StatusCode::REQUEST_TIMEOUT, detail)
    })?;
    read.map_err(|_too_long| {
        ScimError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the body has more than {MAX_BODY} bytes, or did not arrive"),
        )
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Matches {
    Yes,
    No,
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::stream;

    use super::*;

    async fn status(body: Body) -> Option<u16> {
        let refused = read(body).await.err()?;
        Some(refused.answer().status().as_u16())
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_is_bounded_in_length_and_time() {
        let never = stream::pending::<Result<Bytes, Infallible>>();

        assert_eq!(status(Body::from("{}")).await, None);
        assert_eq!(
            status(Body::from(vec![b' '; MAX_BODY + 1])).await,
            Some(413)
        );
        assert_eq!(status(Body::from_stream(never)).await, Some(408));
    }
}
