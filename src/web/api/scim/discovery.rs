//! What describes the server itself: what it offers, its types of resources, and their schemas.

use axum::response::Response;

use super::cursor::TIMEOUT_SECONDS;
use super::error::ScimError;
use super::params::DEFAULT_PAGE;
use super::sent::sent;
use crate::model::scim::{Resource, ResourceType, ScimSchema};
use crate::printable;
use crate::view::{self, ScimListHead};

/// Answers what the server offers.
pub(super) fn config(base: &str) -> Response {
    sent(&view::scim_config(base, DEFAULT_PAGE, TIMEOUT_SECONDS))
}

/// Answers with the types of resources, or with one of them.
pub(super) fn types(base: &str, name: Option<&str>) -> Result<Response, ScimError> {
    let Some(name) = name else {
        let all = ResourceType::ALL.into_iter();
        let all: Vec<Resource> = all.map(|sort| view::scim_type(base, sort)).collect();
        return Ok(all_of(&all));
    };
    let mut all = ResourceType::ALL.into_iter();
    let found = all.find(|sort| sort.name() == name);
    let found = found.ok_or_else(|| {
        let name = printable::line(name);
        ScimError::not_found(format!("there is no type `{name}`"))
    })?;
    Ok(sent(&view::scim_type(base, found)))
}

/// Answers with the schemas, or with one of them.
pub(super) fn schemas(base: &str, urn: Option<&str>) -> Result<Response, ScimError> {
    let all = ResourceType::ALL.into_iter();
    let mut all = all.flat_map(|sort| -> [&ScimSchema; 2] { [sort.schema(), sort.extension()] });
    let Some(urn) = urn else {
        let all: Vec<Resource> = all.map(|it| view::scim_schema(base, it)).collect();
        return Ok(all_of(&all));
    };
    let found = all.find(|schema| schema.id.eq_ignore_ascii_case(urn));
    let found = found.ok_or_else(|| {
        let urn = printable::line(urn);
        ScimError::not_found(format!("there is no schema `{urn}`"))
    })?;
    Ok(sent(&view::scim_schema(base, found)))
}

/// Lists everything on one page, whatever page was asked for (RFC 7644, 4).
fn all_of(resources: &[Resource]) -> Response {
    let head = ScimListHead {
        total: Some(resources.len() as u64),
        start: Some(1),
        ..ScimListHead::default()
    };
    sent(&view::scim_list(head, resources))
}
