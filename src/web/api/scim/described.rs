//! Describes the operations: what they take and what they answer.

mod resources;

use serde_json::{Value, json};

use super::media::{JSON, SCIM};
use super::params::{DEFAULT_PAGE, SEARCH};
use super::sent::{NOT_READ, NOT_READ_COUNT};
use super::target::ROOT;
use crate::control::MAX_PAGE;
use crate::model::Scope;
use crate::model::scim::{MAX_FILTER, ResourceType};
use crate::web::openapi::{
    Access, Answer, Content, Header, Operation, Parameter, Tag, Verb, list, partial, reference,
    said, text, words,
};

use resources::schema_of;

pub(super) use resources::schemas;

/// An id for examples.
const ID: &str = "60d5ca1b2f8a4c0012345678";

/// All tenants that a token may read, or one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Base {
    All,
    Tenant,
}

/// Describes the address of everything.
pub(super) fn of_root() -> Vec<Operation> {
    vec![Base::All.list(None)]
}

/// Describes all other addresses.
pub(super) fn of_rest() -> Vec<Operation> {
    let mut all = vec![Base::Tenant.list(None)];
    for base in [Base::All, Base::Tenant] {
        all.push(base.search(None));
        for sort in ResourceType::ALL {
            all.extend([
                base.list(Some(sort)),
                base.search(Some(sort)),
                base.one(sort),
            ]);
        }
        all.extend(base.discovery());
    }
    all
}

impl Base {
    fn path(self, rest: &str) -> String {
        match self {
            Self::All => format!("{ROOT}{rest}"),
            Self::Tenant => format!("{ROOT}/tenants/{{tenant}}{rest}"),
        }
    }

    fn operation(self, verb: Verb, rest: &str, id: &str) -> Operation {
        let id = match self {
            Self::All => format!("scim{id}"),
            Self::Tenant => format!("scim{id}OfTenant"),
        };
        let operation = Operation::new(verb, self.path(rest), id, Tag::Scim);
        let tenant = "The tenant: its name in the configuration, its id, or one of its host names.";
        match self {
            Self::All => operation,
            Self::Tenant => {
                operation.takes([Parameter::path("tenant", text(), tenant).example("acme")])
            }
        }
    }

    /// Returns what a summary ends with.
    fn of(self) -> &'static str {
        match self {
            Self::All => "",
            Self::Tenant => " of a tenant",
        }
    }

    fn list(self, sort: Option<ResourceType>) -> Operation {
        let (rest, what) = named(sort);
        self.operation(Verb::Get, &rest, &format!("List{}", id_of(sort)))
            .says(format!("List {what}{}", self.of()), "")
            .access(Access::Token(Scope::Scim))
            .takes(parameters())
            .answers([page_answer(sort)])
            .answers(problems(&[400, 401, 403, 404, 406, 414, 429, 500, 503]))
    }

    fn search(self, sort: Option<ResourceType>) -> Operation {
        let (rest, what) = named(sort);
        let about = "The same as a list, with the parameters in the body, of at most 64 KiB.";
        let search = || {
            reference_content("SearchRequest").example(json!({
                "schemas": [SEARCH],
                "filter": "displayName sw \"a\"",
                "count": 10,
            }))
        };
        let plain = Content::json(reference("SearchRequest"));
        self.operation(
            Verb::Post,
            &format!("{rest}/.search"),
            &format!("Search{}", id_of(sort)),
        )
        .says(format!("Search {what}{}", self.of()), about)
        .access(Access::Token(Scope::Scim))
        .body(vec![search(), plain])
        .answers([page_answer(sort)])
        .answers(problems(&[
            400, 401, 403, 404, 406, 408, 413, 415, 429, 500, 503,
        ]))
    }

    fn one(self, sort: ResourceType) -> Operation {
        let tag = || json!({ "type": "string", "pattern": "^[!-~]([ -~]*[!-~])?$" });
        let etag = || Header::new("ETag", text(), "The version.");
        let location =
            || Header::new("Content-Location", text(), "The same as `meta.location`.").optional();
        let path = format!("/{}/{{id}}", sort.endpoint());
        self.operation(Verb::Get, &path, &format!("Get{}", sort.name()))
            .says(
                format!("Get a resource of the type {sort}{}", self.of()),
                "",
            )
            .access(Access::Token(Scope::Scim))
            .takes([Parameter::path("id", text(), "The id.").example(ID)])
            .takes(attributes())
            .takes([
                Parameter::header("If-None-Match", tag(), "Versions that the client has."),
                Parameter::header("If-Match", tag(), "Versions, one of which it must have."),
            ])
            .answers([
                says_not_read(scim(200, "The resource.", reference(&schema_of(sort))))
                    .header(etag())
                    .header(location()),
                says_not_read(Answer::empty(304, "The client has this version."))
                    .header(vary())
                    .header(etag())
                    .header(location()),
            ])
            .answers(problems(&[
                400, 401, 403, 404, 406, 412, 414, 429, 500, 503,
            ]))
    }

    fn discovery(self) -> Vec<Operation> {
        let name = Parameter::path("name", text(), "The name of the type.").example("User");
        let urn = Parameter::path("urn", text(), "The URN of the schema.")
            .example(ResourceType::User.schema().id);
        let all = [
            (
                "/ServiceProviderConfig",
                "ServiceProviderConfig",
                "what the server offers",
            ),
            (
                "/ResourceTypes",
                "ListResourceTypes",
                "the types of resources",
            ),
            (
                "/ResourceTypes/{name}",
                "GetResourceType",
                "a type of resources",
            ),
            ("/Schemas", "ListSchemas", "the schemas"),
            ("/Schemas/{urn}", "GetSchema", "a schema"),
        ];
        let all = all.into_iter().map(|(path, id, what)| {
            let answer = match path {
                "/ServiceProviderConfig" => reference("ServiceProviderConfig"),
                "/ResourceTypes" => page(reference("ResourceType")),
                "/Schemas" => page(reference("Schema")),
                "/Schemas/{urn}" => reference("Schema"),
                _ => reference("ResourceType"),
            };
            let about = "It cannot be filtered.";
            let operation = self
                .operation(Verb::Get, path, id)
                .says(format!("Get {what}{}", self.of()), about)
                .access(Access::TokenOrNothing(Scope::Scim))
                .answers([scim(200, "What was asked for.", answer)])
                .answers(problems(&[401, 403, 404, 406, 429, 500, 503]));
            match path {
                "/ResourceTypes/{name}" => operation.takes([name.clone()]),
                "/Schemas/{urn}" => operation.takes([urn.clone()]),
                _ => operation,
            }
        });
        all.collect()
    }
}

/// Returns the end of a list's address, and what it lists.
fn named(sort: Option<ResourceType>) -> (String, &'static str) {
    match sort {
        None => (String::new(), "resources of all types"),
        Some(ResourceType::User) => ("/Users".to_owned(), "users"),
        Some(ResourceType::Group) => ("/Groups".to_owned(), "groups"),
        Some(ResourceType::Role) => ("/Roles".to_owned(), "roles"),
        Some(ResourceType::Entitlement) => {
            ("/Entitlements".to_owned(), "scopes and roles in spaces")
        }
    }
}

fn id_of(sort: Option<ResourceType>) -> &'static str {
    sort.map_or("All", ResourceType::endpoint)
}

/// Returns the answer with a page, whose headers say what is missing.
fn page_answer(sort: Option<ResourceType>) -> Answer {
    says_not_read(scim(200, "A page.", page_of(sort)))
}

/// Adds the headers that say what is missing.
fn says_not_read(answer: Answer) -> Answer {
    let names = "Tenants of which nothing is listed, since they were not read in full yet: some of \
                 them, with commas in between.";
    let count = json!({ "type": "integer", "minimum": 1 });
    answer
        .header(Header::new(NOT_READ, text(), names).optional())
        .header(Header::new(NOT_READ_COUNT, count, "How many these are.").optional())
}

fn page_of(sort: Option<ResourceType>) -> Value {
    let Some(sort) = sort else {
        let all = ResourceType::ALL.map(|sort| reference(&schema_of(sort)));
        return page(json!({ "anyOf": all }));
    };
    page(reference(&schema_of(sort)))
}

/// Returns the schema of a list.
fn page(row: Value) -> Value {
    let count = || json!({ "type": "integer", "minimum": 0 });
    partial(
        &["schemas", "itemsPerPage", "Resources"],
        vec![
            ("schemas", list(text())),
            (
                "totalResults",
                said(count(), "How many match; missing if they were not counted."),
            ),
            (
                "startIndex",
                said(count(), "Missing if the page begins at a cursor."),
            ),
            ("nextCursor", said(text(), "Missing on the last page.")),
            ("itemsPerPage", count()),
            ("Resources", list(row)),
        ],
    )
}

fn reference_content(name: &str) -> Content {
    Content::new(SCIM, reference(name))
}

fn scim(status: u16, about: &str, schema: Value) -> Answer {
    let answer = Answer::empty(status, about).with(Content::new(SCIM, schema.clone()));
    answer.with(Content::new(JSON, schema)).header(vary())
}

/// Describes the header that every answer has but one while the store is being opened.
fn vary() -> Header {
    let about = "The headers of the request on which the answer depends.";
    Header::new("Vary", text(), about).optional()
}

/// Returns what is answered instead of success, by status.
fn problems(statuses: &[u16]) -> Vec<Answer> {
    let all = statuses.iter().map(|status| {
        let about = match status {
            400 => "Something is wrong with the request; `scimType` and `detail` say what.",
            401 => "There is no token, or it does not exist, was revoked or has expired.",
            403 => "The token does not have the scope, or a filter was sent where none is allowed.",
            404 => "There is no such resource, or no such tenant that the token may read.",
            406 => "The client does not accept JSON.",
            408 => "The body did not arrive within 10 seconds.",
            412 => "The resource has another version.",
            413 => "The body has more than 64 KiB.",
            414 => "The query string has more than 8 KiB.",
            415 => "The body is not said to be JSON.",
            429 => "Too many requests with wrong tokens came from this address.",
            503 => "The tenant was not read in full yet, or the daemon is starting or ending.",
            _ => "The store has failed.",
        };
        let answer = scim(*status, about, reference("ScimError"));
        let answer = answer.named(format!("ScimError{status}"));
        let seconds = json!({ "type": "integer", "minimum": 1 });
        let retry = Header::new("Retry-After", seconds, "How many seconds to wait.");
        match status {
            401 => answer.header(Header::new(
                "WWW-Authenticate",
                text(),
                "How to send a token.",
            )),
            429 => answer.header(retry),
            503 => answer
                .header(retry.optional())
                .with(Content::new("text/plain", text())),
            _ => answer,
        }
    });
    all.collect()
}

/// Returns what says which attributes are answered.
fn attributes() -> [Parameter; 2] {
    let only = "Only these attributes; `id` and `schemas` are always there. Not together with \
                `excludedAttributes`. Names that nobody knows are ignored; 200 at most.";
    let without = "All attributes but these. Not together with `attributes`; 200 at most.";
    [
        Parameter::query("attributes", list(text()), only)
            .example(json!(["userName", "emails.value"])),
        Parameter::query("excludedAttributes", list(text()), without).example(json!(["members"])),
    ]
}

/// Returns what the query string of a list may have.
pub(super) fn parameters() -> Vec<Parameter> {
    let filter = format!(
        "Everything in RFC 7644, with at most {MAX_FILTER} bytes (8 KiB in an address), 500 \
         conditions and 32 levels."
    );
    let count = format!(
        "How many resources a page has at most, {MAX_PAGE} at most; {DEFAULT_PAGE} by default. \
         With a cursor it stays the same, and is from 1 to {MAX_PAGE}."
    );
    let whole = || json!({ "type": "integer" });
    let mut all = vec![
        Parameter::query("filter", format_of("scim-filter"), &filter)
            .example("displayName sw \"a\""),
        Parameter::query(
            "sortBy",
            format_of("scim-attribute"),
            "The attribute by which is sorted. At most 100,000 matching resources can be sorted.",
        )
        .example("displayName"),
        Parameter::query(
            "sortOrder",
            words(&["ascending", "descending"]),
            "`ascending` by default.",
        )
        .example("descending"),
        Parameter::query(
            "startIndex",
            whole(),
            "The number of the first resource, from 1. Less than 1 counts as 1.",
        )
        .example(1),
        Parameter::query("count", whole(), &count).example(10),
        Parameter::query(
            "cursor",
            format_of("scim-cursor"),
            "Empty for the first page, then `nextCursor` of the page before (RFC 9865).",
        ),
    ];
    all.extend(attributes());
    all
}

fn format_of(format: &str) -> Value {
    json!({ "type": "string", "format": format })
}
