//! Describes lists and single records: what they take and what they answer.

use serde_json::{Value, json};

use super::super::params::DEFAULT_PAGE;
use super::problems::problems;
use crate::control::MAX_PAGE;
use crate::model::Scope;
use crate::web::openapi::{
    Access, Answer, Operation, Parameter, Tag, Verb, count, flag, list, object, or_null, reference,
    said, text, time, words,
};

/// An id for examples.
pub(super) const ID: &str = "60d5ca1b2f8a4c0012345678";

/// The four lists: their names, what a row is called, the schema of a row, and what they list.
const LISTS: [(&str, &str, &str, &str); 4] = [
    (
        "users",
        "User",
        "IamUser",
        "Users, with the roles and groups that are assigned directly.",
    ),
    ("roles", "Role", "IamRole", "Roles, with their policies."),
    (
        "groups",
        "Group",
        "IamGroup",
        "Groups, with the roles that they give.",
    ),
    (
        "policies",
        "Policy",
        "IamPolicy",
        "The lists of permissions that roles carry, up to two of each role.",
    ),
];

/// Returns the operations that list records.
pub(in crate::web::api::unified) fn of_lists() -> Vec<Operation> {
    let lists = LISTS.into_iter().map(|(name, row, schema, about)| {
        let mut parameters = list_parameters();
        if name != "policies" {
            parameters.push(deleted());
        }
        Operation::new(
            Verb::Get,
            format!("/unified/iam/{name}"),
            format!("list{}", plural(row)),
            Tag::Records,
        )
        .says(format!("List {name}"), about)
        .access(Access::Token(Scope::Read))
        .takes(parameters)
        .answers([Answer::json(200, "A page.", page_of(schema))])
        .answers(problems(&[400, 401, 403, 404, 409, 412, 429, 500, 503]))
    });
    lists.collect()
}

/// Returns the operations that ask for one record.
pub(in crate::web::api::unified) fn of_records() -> Vec<Operation> {
    let one = LISTS.into_iter().map(|(name, row, schema, _)| {
        let answer = object(vec![
            ("data", reference(schema)),
            ("raw", or_null(list(reference("SourceAnswer")))),
        ]);
        Operation::new(
            Verb::Get,
            format!("/unified/iam/{name}/{{id}}"),
            format!("get{row}"),
            Tag::Records,
        )
        .says(
            format!("Get a {}", row.to_lowercase()),
            "By its `id` or its `remote_id`.",
        )
        .access(Access::Token(Scope::Read))
        .takes([id(), account_id()])
        .takes(content_parameters())
        .takes([as_of()])
        .answers([Answer::json(200, "The record.", answer)])
        .answers(problems(&[400, 401, 403, 404, 409, 412, 429, 500, 503]))
    });
    one.collect()
}

/// Returns the operation that lists accounts.
pub(in crate::web::api::unified) fn of_accounts() -> Operation {
    let page = json!({ "type": "integer", "minimum": 1, "default": 1 });
    Operation::new(Verb::Get, "/accounts", "listAccounts", Tag::Records)
        .says(
            "List tenants",
            "The tenants that the token may read, as StackOne lists linked accounts.",
        )
        .access(Access::Token(Scope::Read))
        .takes([
            Parameter::query("page", page, "Which page, counted from 1.").example(1),
            page_size(),
        ])
        .answers([Answer::json(200, "A page.", list(reference("Account")))])
        .answers(problems(&[400, 401, 403, 429, 500, 503]))
}

/// Returns the operation that asks for one account.
pub(in crate::web::api::unified) fn of_account() -> Operation {
    let about = "By its name in the configuration, its id, or one of its host names.";
    Operation::new(Verb::Get, "/accounts/{id}", "getAccount", Tag::Records)
        .says("Get a tenant", about)
        .access(Access::Token(Scope::Read))
        .takes([Parameter::path("id", text(), "The tenant.").example("acme")])
        .answers([Answer::json(200, "The tenant.", reference("Account"))])
        .answers(problems(&[400, 401, 403, 404, 429, 500, 503]))
}

fn plural(row: &str) -> String {
    match row.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None => format!("{row}s"),
    }
}

/// Returns the schema of a page.
pub(super) fn page_of(row: &str) -> Value {
    object(vec![
        ("next", cursor()),
        ("next_page", said(cursor(), "The same as `next`.")),
        ("data", list(reference(row))),
        ("raw", or_null(list(reference("SourceAnswer")))),
        (
            "not_read",
            said(
                list(text()),
                "Tenants of which nothing is listed, since they were not read in full yet.",
            ),
        ),
        (
            "not_read_count",
            said(count(), "How many these are: at most 500 are named."),
        ),
    ])
}

pub(super) fn cursor() -> Value {
    let about = "Where the next page begins; null on the last one.";
    said(or_null(text()), about)
}

/// Returns what all lists of records take, but `deleted`.
pub(in crate::web::api::unified) fn list_parameters() -> Vec<Parameter> {
    let since = "Only records that have changed since this time: as Qlik says, or as was seen \
                 here, which may be later. Whoever asks again with the time of the last question \
                 misses nothing.";
    let mut all = vec![
        account_id(),
        page_size(),
        next(),
        Parameter::query("filter[updated_after]", time(), since)
            .example("2026-03-02T09:15:04.120Z"),
        Parameter::query(
            "updated_after",
            time(),
            "The same as `filter[updated_after]`.",
        )
        .example("2026-03-02T09:15:04.120Z")
        .deprecated(),
    ];
    all.extend(content_parameters());
    all.push(as_of());
    all
}

/// Returns the parameter that asks about an earlier time.
pub(super) fn as_of() -> Parameter {
    let about = "The time that the answer describes, as far back as the journal covers; now if it \
                 is missing. A time in the future is refused, and so are `raw`, `deleted` and \
                 `filter[updated_after]` beside it.";
    Parameter::query("as_of", time(), about).example("2026-03-02T09:15:04.120Z")
}

/// Returns what says how much of a record is answered.
fn content_parameters() -> [Parameter; 3] {
    let expand = "What a record mentions, in full instead of id and name: `roles`, `groups`. \
                  `effective_roles`: also the roles that a user holds by any path. Other words are \
                  ignored.";
    let fields = "Only these fields. Names that a record does not have are ignored.";
    [
        Parameter::query("expand", list(text()), expand).example(json!(["roles", "groups"])),
        Parameter::query("fields", list(text()), fields).example(json!(["id", "name", "roles"])),
        Parameter::query("raw", flag(), "Also what Qlik sent.").example(true),
    ]
}

pub(in crate::web::api::unified) fn deleted() -> Parameter {
    let about = "Also records that were found deleted, after all others, as they were last known, \
                 with `deleted_at`.";
    Parameter::query("deleted", flag(), about).example(true)
}

pub(super) fn page_size() -> Parameter {
    let schema = json!({ "type": "integer", "minimum": 1, "default": DEFAULT_PAGE });
    let about = format!(
        "How many rows a page has at most. More than {MAX_PAGE} count as {MAX_PAGE}. A page may be \
         shorter, or empty, and not be the last one."
    );
    Parameter::query("page_size", schema, &about).example(100)
}

pub(super) fn next() -> Parameter {
    let schema = json!({ "type": "string", "format": "cursor" });
    let about = "`next` of the page before; empty for the first page. A cursor stays valid while \
                 records come, change and go: what was there all the time is listed once. It \
                 belongs to one list with one account, filter and time.";
    Parameter::query("next", schema, about)
}

pub(super) fn account_id() -> Parameter {
    // What a header can have, and not white space alone.
    let schema = json!({ "type": "string", "pattern": "^[!-~]([ -~]*[!-~])?$" });
    let about = "The tenant: its name in the configuration, its id, or one of its host names. `*` \
                 stands for all that the token may read.";
    Parameter::header("x-account-id", schema, about)
        .required()
        .example("*")
}

fn id() -> Parameter {
    Parameter::path("id", text(), "The `id` or the `remote_id`.").example(ID)
}

/// A tenant in the form of an account of StackOne.
pub(super) fn account() -> Value {
    let reason = object(vec![
        ("code", text()),
        ("description", text()),
        ("timestamp", or_null(time())),
    ]);
    let setup = object(vec![("hosts", list(text())), ("region", or_null(text()))]);
    object(vec![
        (
            "id",
            said(text(), "The tenant's id, or its name until it is known."),
        ),
        ("provider", words(&["qlik"])),
        ("provider_name", text()),
        ("status", words(&["active", "inactive"])),
        ("status_reasons", list(reason)),
        (
            "origin_owner_id",
            said(text(), "The name in the configuration."),
        ),
        ("origin_owner_name", text()),
        ("origin_username", json!({ "type": "null" })),
        ("credentials", json!({ "type": "null" })),
        ("setup_information", setup),
        ("label", said(text(), "The name in the configuration.")),
        (
            "created_at",
            said(time(), "When the tenant was first reached."),
        ),
        ("updated_at", time()),
        ("type", words(&["production"])),
    ])
}
