//! SCIM resources and messages as they are sent (RFC 7643 and 7644).

use serde::Serialize;
use serde_json::{Value, json};

use crate::control::{MAX_PAGE, ScimRow};
use crate::model::scim::{Attribute, Resource, ResourceType, ScimSchema, Selection};

/// The schemas of messages and of what describes the server.
const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
const CONFIG: &str = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig";
const TYPE: &str = "urn:ietf:params:scim:schemas:core:2.0:ResourceType";
const SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:Schema";

/// What a list says besides its resources.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScimListHead {
    /// How many resources match; `None` if they were not counted.
    pub total: Option<u64>,
    /// The number of the first resource, from 1; `None` if pages have cursors.
    pub start: Option<u64>,
    /// Where the next page begins; `None` if this is the last one.
    pub next_cursor: Option<String>,
}

/// Returns a resource with the wanted attributes, and its version.
pub fn scim_resource(row: ScimRow, selection: &Selection) -> (Resource, Option<String>) {
    let ScimRow {
        position: _,
        version,
        mut resource,
    } = row;
    selection.prune(&mut resource);
    // Whoever asks for a part of `meta` gets no other.
    if let Some(version) = version
        .as_ref()
        .filter(|_| selection.wants_part("meta", "version"))
    {
        let meta = resource.entry("meta").or_insert_with(|| json!({}));
        if let Value::Object(meta) = meta {
            meta.insert("version".to_owned(), json!(version));
        }
    }
    (resource, version)
}

/// Returns a list of resources.
pub fn scim_list(head: ScimListHead, resources: &[Resource]) -> impl Serialize {
    let ScimListHead {
        total,
        start,
        next_cursor,
    } = head;
    ScimList {
        schemas: [LIST],
        total,
        start,
        next_cursor,
        n_resources: resources.len(),
        resources,
    }
}

/// A list as it is sent.
#[derive(Debug, Serialize)]
struct ScimList<'a> {
    schemas: [&'static str; 1],
    #[serde(rename = "totalResults", skip_serializing_if = "Option::is_none")]
    total: Option<u64>,
    #[serde(rename = "startIndex", skip_serializing_if = "Option::is_none")]
    start: Option<u64>,
    #[serde(rename = "nextCursor", skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    #[serde(rename = "itemsPerPage")]
    n_resources: usize,
    #[serde(rename = "Resources")]
    resources: &'a [Resource],
}

/// Returns what the server offers (RFC 7643, 5, and RFC 9865, 4).
pub fn scim_config(base: &str, default_page: usize, cursor_timeout: i64) -> Value {
    let no = json!({ "supported": false });
    json!({
        "schemas": [CONFIG],
        "documentationUri": "https://www.rfc-editor.org/rfc/rfc7644",
        "patch": no,
        "bulk": { "supported": false, "maxOperations": 0, "maxPayloadSize": 0 },
        "filter": { "supported": true, "maxResults": MAX_PAGE },
        "changePassword": no,
        "sort": { "supported": true },
        "etag": { "supported": true },
        "pagination": {
            "cursor": true,
            "index": true,
            "defaultPaginationMethod": "index",
            "defaultPageSize": default_page,
            "maxPageSize": MAX_PAGE,
            "cursorTimeout": cursor_timeout,
        },
        "authenticationSchemes": [
            {
                "type": "oauthbearertoken",
                "name": "Bearer token",
                "description": "A token that `qlik-roster token create` has made, as \
                                `Authorization: Bearer TOKEN`",
                "specUri": "https://www.rfc-editor.org/rfc/rfc6750",
                "primary": true,
            },
            {
                "type": "httpbasic",
                "name": "HTTP Basic",
                "description": "The token as the user name, with an empty password",
                "specUri": "https://www.rfc-editor.org/rfc/rfc7617",
            },
        ],
        "meta": {
            "resourceType": "ServiceProviderConfig",
            "location": format!("{base}/ServiceProviderConfig"),
        },
    })
}

/// Returns the description of a type of resources (RFC 7643, 6).
pub fn scim_type(base: &str, sort: ResourceType) -> Resource {
    let name = sort.name();
    let described = json!({
        "schemas": [TYPE],
        "id": name,
        "name": name,
        "endpoint": format!("/{}", sort.endpoint()),
        "description": sort.schema().description,
        "schema": sort.schema().id,
        "schemaExtensions": [{ "schema": sort.extension().id, "required": false }],
        "meta": {
            "resourceType": "ResourceType",
            "location": format!("{base}/ResourceTypes/{name}"),
        },
    });
    object(described)
}

/// Returns a schema (RFC 7643, 7).
pub fn scim_schema(base: &str, schema: &ScimSchema) -> Resource {
    let ScimSchema {
        id,
        name,
        description,
        attributes,
    } = schema;
    let attributes: Vec<Value> = attributes.iter().map(attribute).collect();
    object(json!({
        "schemas": [SCHEMA],
        "id": id,
        "name": name,
        "description": description,
        "attributes": attributes,
        "meta": { "resourceType": "Schema", "location": format!("{base}/Schemas/{id}") },
    }))
}

fn attribute(attribute: &Attribute) -> Value {
    let Attribute {
        name,
        form,
        is_many,
        is_required,
        is_case_exact,
        returned,
        is_unique,
        description,
        values,
        leads_to,
        parts,
    } = attribute;
    let uniqueness = match is_unique {
        true => "server",
        false => "none",
    };
    let mut described = object(json!({
        "name": name,
        "type": form.word(),
        "multiValued": is_many,
        "description": description,
        "required": is_required,
        "caseExact": is_case_exact,
        "mutability": "readOnly",
        "returned": returned.word(),
        "uniqueness": uniqueness,
    }));
    if !values.is_empty() {
        described.insert("canonicalValues".to_owned(), json!(values));
    }
    if !leads_to.is_empty() {
        described.insert("referenceTypes".to_owned(), json!(leads_to));
    }
    if !parts.is_empty() {
        let parts: Vec<Value> = parts.iter().map(self::attribute).collect();
        described.insert("subAttributes".to_owned(), json!(parts));
    }
    Value::Object(described)
}

fn object(value: Value) -> Resource {
    match value {
        Value::Object(fields) => fields,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Resource::new()
        }
    }
}
