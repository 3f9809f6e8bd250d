//! Describes the operations about who may do what.

use serde_json::{Value, json};

use super::lists::{ID, account_id, as_of, cursor, list_parameters, next, page_of, page_size};
use super::problems::problems;
use crate::model::Scope;
use crate::web::openapi::{
    Access, Answer, Operation, Parameter, Tag, Verb, constant, count, flag, list, object, or_null,
    partial, reference, said, text, time,
};

/// Returns the operation that lists the users of a group.
pub(in crate::web::api::unified) fn of_members() -> Operation {
    let about = "Users whose groups are not visible are not among them.";
    Operation::new(
        Verb::Get,
        "/unified/iam/groups/{id}/members",
        "listMembers",
        Tag::Access,
    )
    .says("List the users of a group", about)
    .access(Access::Token(Scope::Read))
    .takes([id("The `id` or the `remote_id` of the group.")])
    .takes(list_parameters())
    .answers([Answer::json(200, "A page.", page_of("IamUser"))])
    .answers(problems(&[400, 401, 403, 404, 409, 412, 429, 500, 503]))
}

/// Returns the operation that lists who holds a role.
pub(in crate::web::api::unified) fn of_holders() -> Operation {
    let about = "By which paths, and since when. What all users hold is in `answer` alone. `data` \
                 and `answer` are what `qlik-roster access --role --output json` prints.";
    let page = object(vec![
        ("data", list(reference("RoleHolder"))),
        ("answer", reference("AccessAnswer")),
        ("next", cursor()),
        ("next_page", said(cursor(), "The same as `next`.")),
    ]);
    Operation::new(
        Verb::Get,
        "/unified/iam/roles/{id}/holders",
        "listHolders",
        Tag::Access,
    )
    .says("List who holds a role", about)
    .access(Access::Token(Scope::Read))
    .takes([id("The `id` or the `remote_id` of the role.")])
    .takes(parameters())
    .answers([Answer::json(200, "A page.", page)])
    .answers(problems(&[400, 401, 403, 404, 409, 412, 429, 500, 503]))
}

/// Returns the operation that says what a user may do.
pub(in crate::web::api::unified) fn of_user() -> Operation {
    let about = "Roles with their paths and since when, permissions, spaces, and what is not \
                 visible. `data` is what `qlik-roster access --user --output json` prints. A page \
                 has `page_size` rows of all its lists together.";
    let page = object(vec![
        ("data", reference("UserAccess")),
        ("next", cursor()),
        ("next_page", said(cursor(), "The same as `next`.")),
    ]);
    Operation::new(
        Verb::Get,
        "/unified/iam/users/{id}/access",
        "getAccess",
        Tag::Access,
    )
    .says("Get what a user may do", about)
    .access(Access::Token(Scope::Read))
    .takes([id("The `id` or the `remote_id` of the user.")])
    .takes(parameters())
    .answers([Answer::json(200, "A page.", page)])
    .answers(problems(&[400, 401, 403, 404, 409, 412, 429, 500, 503]))
}

fn id(about: &str) -> Parameter {
    Parameter::path("id", text(), about).example(ID)
}

/// Returns what both questions take.
pub(in crate::web::api::unified) fn parameters() -> Vec<Parameter> {
    vec![account_id(), page_size(), next(), as_of()]
}

pub(super) fn schemas() -> Vec<(&'static str, Value)> {
    vec![
        ("RoleRight", object(role_right())),
        ("Person", person()),
        ("Since", since()),
        ("RoleHolder", role_holder()),
        ("AccessAnswer", answer()),
        ("NotKnown", not_known()),
        ("UserAccess", user_access()),
        ("UserSpace", user_space()),
    ]
}

/// Returns the fields of a role as something that a user may hold.
pub(super) fn role_right() -> Vec<(&'static str, Value)> {
    vec![
        ("type", constant("role")),
        ("id", text()),
        ("remote_id", text()),
        ("name", text()),
        ("level", or_null(text())),
    ]
}

fn mention() -> Value {
    object(vec![("remote_id", text()), ("name", or_null(text()))])
}

fn person() -> Value {
    object(vec![
        ("id", text()),
        ("remote_id", text()),
        ("name", or_null(text())),
        ("primary_email_address", or_null(text())),
        ("subject", text()),
        ("is_bot_user", flag()),
    ])
}

/// Since when a role is held.
fn since() -> Value {
    let basis = "What it rests on: `audit`, `observed`, `before_first_load`, `before` or `api`.";
    partial(
        &["basis", "at", "run", "by"],
        vec![
            ("basis", said(text(), basis)),
            ("at", time()),
            ("run", or_null(text())),
            (
                "by",
                said(list(mention()), "Who gave it, as far as is known."),
            ),
            (
                "not_before",
                said(time(), "The earliest time at which it may have been."),
            ),
        ],
    )
}

fn role_holder() -> Value {
    object(vec![
        ("tenant", text()),
        ("user", reference("Person")),
        ("right", reference("RoleRight")),
        ("standing", text()),
        ("usable", flag()),
        ("why_not_usable", or_null(text())),
        ("paths", list(reference("RolePath"))),
        ("since", or_null(reference("Since"))),
    ])
}

/// What an answer rests on.
fn answer() -> Value {
    let sweep = object(vec![("run", text()), ("ended_at", time())]);
    let everybody = object(vec![
        ("right", reference("RoleRight")),
        ("users", count()),
        ("paths", list(reference("RolePath"))),
    ]);
    let complete = "Whether everything is known that the answer needs.";
    object(vec![
        ("tenant", text()),
        ("as_of", time()),
        (
            "last_sweep",
            said(or_null(sweep), "The last complete reading."),
        ),
        ("complete", said(flag(), complete)),
        ("not_known", list(reference("NotKnown"))),
        ("everybody", said(list(everybody), "What all users hold.")),
        ("asked", list(reference("RoleRight"))),
    ])
}

/// What is not known, with what that is about.
fn not_known() -> Value {
    let about = "What is not known: `whole_tenant`, `roles`, `user`, `spaces` and others. More \
                 words may be added.";
    partial(
        &["what"],
        vec![
            ("what", said(text(), about)),
            ("group", json!({ "type": ["object", "string", "null"] })),
            ("user", mention()),
            ("space", json!({ "type": ["object", "null"] })),
            ("spaces", json!({})),
            ("part", text()),
            ("tenant", text()),
            ("lack", text()),
            ("known_since", or_null(time())),
            ("known_until", or_null(time())),
        ],
    )
}

fn user_access() -> Value {
    let role = object(vec![
        ("right", reference("RoleRight")),
        ("paths", list(reference("RolePath"))),
        ("since", or_null(reference("Since"))),
    ]);
    let permission = object(vec![
        ("name", text()),
        ("roles", list(reference("RoleRight"))),
    ]);
    let spaces = object(vec![
        ("read_at", or_null(time())),
        ("spaces", list(reference("UserSpace"))),
    ]);
    let session = object(vec![
        ("at", or_null(time())),
        ("known_since", or_null(time())),
        ("known_until", or_null(time())),
    ]);
    let any_role = "The role that lets the user assign any role.";
    object(vec![
        ("user", or_null(reference("Person"))),
        ("usable", flag()),
        ("why_not_usable", or_null(text())),
        ("roles", list(role)),
        ("permissions", list(permission)),
        (
            "could_assign_itself_any_role_by",
            said(or_null(reference("RoleRight")), any_role),
        ),
        (
            "spaces",
            said(or_null(spaces), "Null if spaces are not read."),
        ),
        ("last_session", session),
        ("groups_as_of_last_session", list(mention())),
        ("not_visible", list(reference("NotKnown"))),
        ("answer", reference("AccessAnswer")),
    ])
}

fn user_space() -> Value {
    let space = object(vec![
        ("remote_id", text()),
        ("name", or_null(text())),
        ("type", or_null(text())),
    ]);
    let since = partial(
        &["basis", "at", "by"],
        vec![
            ("basis", text()),
            ("at", or_null(time())),
            ("by", or_null(mention())),
            ("changed_at", or_null(time())),
        ],
    );
    let path = object(vec![
        ("type", text()),
        ("group", or_null(mention())),
        ("roles", list(text())),
        ("since", since.clone()),
    ]);
    let share = object(vec![
        ("type", text()),
        ("group", or_null(mention())),
        ("share_id", text()),
        ("resource_id", or_null(text())),
        ("roles", list(text())),
        ("since", since),
    ]);
    object(vec![
        ("space", space),
        ("paths", list(path)),
        ("shares", list(share)),
    ])
}
