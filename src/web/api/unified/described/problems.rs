//! Describes errors.

use serde_json::{Value, json};

use crate::web::openapi::{
    Answer, Content, Header, count, object, partial, reference, said, text, time, words,
};

/// Returns what is answered instead of success, by status.
pub(in crate::web::api) fn problems(statuses: &[u16]) -> Vec<Answer> {
    statuses.iter().map(|status| problem(*status)).collect()
}

fn problem(status: u16) -> Answer {
    let about = match status {
        400 => "Something is wrong with the request; `message` says what, and where.",
        401 => "There is no token, or it does not exist, was revoked or has expired.",
        403 => "The token does not have the scope.",
        404 => "There is no such record, or no such tenant that the token may read.",
        409 => "The time is before what is known of the tenant.",
        410 => "Events cannot be read on from this position without a gap.",
        412 => "The tenant was not read in full yet, so an answer would leave something out.",
        429 => {
            "Too many requests with wrong tokens came from this address, or too many of this token \
             are being answered at the moment."
        }
        503 => "The daemon is starting or ending, or too many ask for the same at the moment.",
        _ => "The store has failed.",
    };
    let schema = match status {
        410 => reference("Gone"),
        _ => reference("Problem"),
    };
    let content = Content::json(schema).example(example(status));
    let answer = Answer::empty(status, about).named(format!("Problem{status}"));
    let answer = answer.with(content);
    match status {
        401 => answer.header(Header::new(
            "WWW-Authenticate",
            text(),
            "How to send a token.",
        )),
        429 => answer.header(retry_after()),
        // While the store is being opened, nobody knows when it will be.
        503 => answer
            .header(retry_after().optional())
            .with(Content::new("text/plain", text())),
        _ => answer,
    }
}

fn retry_after() -> Header {
    let seconds = json!({ "type": "integer", "minimum": 1 });
    Header::new("Retry-After", seconds, "How many seconds to wait.")
}

fn example(status: u16) -> Value {
    let (code, message) = match status {
        400 => (
            "ValidationError",
            "`page_size` is a whole number from 1 to 500, not `x`",
        ),
        401 => (
            "AccountInvalidCredentialsError",
            "the token does not exist, was revoked or has expired; `qlik-roster token list` lists \
             the tokens",
        ),
        403 => ("ForbiddenError", "the token does not have the scope `read`"),
        404 => ("NotFoundError", "there is no user `x`"),
        409 => ("ConflictError", "nothing is known of `acme` at that time"),
        410 => (
            "GoneError",
            "events after this position were deleted, since they are older than the journal keeps",
        ),
        412 => (
            "AccountIntegrationInactiveError",
            "`acme` was not read in full yet, so an answer would leave something out; ask again \
             later, or see `qlik-roster status`",
        ),
        429 => (
            "TooManyRequestsError",
            "too many requests with wrong tokens came from this address",
        ),
        503 => ("ServiceUnavailableError", "the daemon is ending"),
        _ => ("InternalServerError", "the store failed"),
    };
    let mut example = json!({
        "statusCode": status,
        "message": message,
        "timestamp": "2026-03-02T09:15:04.120Z",
        "errorCode": code,
    });
    if let (410, Value::Object(fields)) = (status, &mut example) {
        fields.insert("reason".to_owned(), "cut".into());
        fields.insert(
            "oldest".to_owned(),
            "evt_0001ab00000000ff_00000000002a".into(),
        );
    }
    example
}

pub(super) fn schemas() -> Vec<(&'static str, Value)> {
    let fields = || {
        vec![
            ("statusCode", said(count(), "The status, once more.")),
            ("message", said(text(), "What is wrong, for people.")),
            ("timestamp", time()),
            ("errorCode", said(text(), "StackOne's word for it.")),
        ]
    };
    let mut gone = fields();
    let reasons = words(&["cut", "other-store", "ahead", "replaced"]);
    gone.push(("reason", said(reasons, "Why it cannot be continued from.")));
    let oldest = "The position from which everything that is still there can be read.";
    gone.push(("oldest", said(text(), oldest)));
    vec![
        ("Problem", object(fields())),
        (
            "Gone",
            partial(&["statusCode", "message", "reason", "oldest"], gone),
        ),
    ]
}
