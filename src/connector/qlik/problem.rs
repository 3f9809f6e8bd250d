//! Reads Qlik's errors, in every shape that its services and the proxies in front of them use.

use std::time::Duration;

use serde_json::Value;

use super::error::{Problem, Refusal};
use crate::clock::Clock;
use crate::model::Timestamp;

/// The most characters of a title that are shown.
const TITLE: usize = 120;
/// The most characters of a code or trace id; a longer text is something else.
const TAG: usize = 64;
/// A longer word in a title is not a word but a token, an id or a key.
const WORD: usize = 32;

/// An error answer: the part that may be shown, and its words, which may not.
#[derive(Debug)]
pub(super) struct ErrorAnswer {
    /// What may be shown.
    pub(super) problem: Problem,
    /// Codes, titles and details, in lower case. Never shown.
    words: String,
}

/// Reads an error's body, whatever it is.
pub(super) fn read(status: u16, retry_after: Option<Duration>, body: &[u8]) -> ErrorAnswer {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let listed = body
        .get("errors")
        .and_then(Value::as_array)
        .and_then(|errors| errors.iter().find(|error| error.is_object()));
    // Some services repeat the first error's members at the top level; RFC 6749 has its own members
    // there.
    let error = listed.unwrap_or(&body);
    let code = text(error, "code").or_else(|| text(error, "error"));
    let title = ["title", "error_description", "message"]
        .iter()
        .find_map(|name| text(error, name));
    let trace_id = text(&body, "traceId").or_else(|| text(error, "traceId"));
    let detail = text(error, "detail");
    let words = [&code, &title, &detail]
        .into_iter()
        .flatten()
        .map(|text| text.to_lowercase())
        .collect::<Vec<_>>()
        .join("\n");
    ErrorAnswer {
        problem: Problem {
            status,
            code: code.and_then(|code| tag(&code)),
            title: title.map(|title| clean(&title)),
            trace_id: trace_id.and_then(|id| tag(&id)),
            retry_after,
            enveloped: listed.is_some(),
        },
        words,
    }
}

/// Reads a `Retry-After`: seconds, also with a fraction, or a date.
pub(super) fn retry_after(header: &str, clock: &Clock) -> Option<Duration> {
    let header = header.trim();
    if let Ok(seconds) = header.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = chrono::DateTime::parse_from_rfc2822(header).ok()?;
    Some(Timestamp::from(date.to_utc()).since(clock.now()))
}

impl ErrorAnswer {
    /// Returns what an error of the APIs means.
    pub(super) fn of_api(&self) -> Refusal {
        match self.problem.status {
            401 => Refusal::NotAccepted,
            403 => Refusal::Forbidden,
            429 => Refusal::RateLimited,
            408 | 425 | 500.. => Refusal::Unavailable,
            _ => Refusal::Rejected,
        }
    }

    /// Returns what an error of the token endpoint means. Qlik does not publish the codes of that
    /// endpoint, so its words decide; if they don't, the remedy names all causes.
    pub(super) fn of_token(&self) -> Refusal {
        let says = |words: &[&str]| words.iter().any(|word| self.words.contains(word));
        match self.problem.status {
            404 => Refusal::NoTenant,
            429 => Refusal::RateLimited,
            408 | 425 | 500.. => Refusal::Unavailable,
            _ if says(&["consent", "trusted"]) => Refusal::ConsentNotTrusted,
            _ if says(&M2M_WORDS) => Refusal::M2mNotAllowed,
            _ if says(&["scope"]) => Refusal::ScopeMissing,
            _ if says(&["secret"]) => Refusal::WrongSecret,
            _ if says(&["client_id", "client id", "oauth-14", "client not found"]) => {
                Refusal::UnknownClient
            }
            _ if says(&["invalid_client"]) => Refusal::WrongSecret,
            401 => Refusal::WrongSecret,
            403 => Refusal::ClientBlocked,
            _ => Refusal::NoToken,
        }
    }
}

impl ErrorAnswer {
    /// Returns what an error of the token endpoint means for a client with a key, which has no
    /// secret that could be wrong.
    pub(super) fn of_assertion(&self) -> Refusal {
        match self.of_token() {
            Refusal::WrongSecret | Refusal::NoToken => Refusal::WrongKey,
            other => other,
        }
    }
}

/// Words for a client that is not allowed to act for itself.
const M2M_WORDS: [&str; 7] = [
    "machine-to-machine",
    "machine to machine",
    "m2m",
    "grant_type",
    "grant type",
    "unauthorized_client",
    "client_credentials",
];

/// Returns a member as text, even if it is a number.
fn text(object: &Value, name: &str) -> Option<String> {
    match object.get(name)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Returns a code or trace id; `None` if the text is anything else.
fn tag(text: &str) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    (text.len() <= TAG && text.chars().all(plain)).then(|| text.to_owned())
}

/// Removes from a title what may be personal or secret: words that contain an `@` or are as long as
/// tokens.
fn clean(title: &str) -> String {
    let shown = |word: &str| !word.contains('@') && word.chars().count() <= WORD;
    let words: Vec<&str> = title
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .map(|word| if shown(word) { word } else { "[hidden]" })
        .collect();
    words.join(" ").chars().take(TITLE).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::connector::qlik::any_json::any_answer;

    fn shown(status: u16, body: &str) -> String {
        read(status, None, body.as_bytes()).problem.to_string()
    }

    #[test]
    fn envelopes_of_all_services_are_read() {
        for (status, body, expected) in [
            (
                400,
                r#"{"errors":[{"title":"Invalid client_id","detail":"OAuth client is not authorized","code":"OAUTH-14","status":"400"}],"traceId":"0000000000000000d3a2403ffa24786d"}"#,
                "HTTP 400, OAUTH-14, \"Invalid client_id\", trace id 0000000000000000d3a2403ffa24786d",
            ),
            (
                401,
                r#"{"errors":[{"title":"returnto not included in web integration whitelist","code":"LOGIN-10","status":"401"}],"traceId":"55555555555"}"#,
                "HTTP 401, LOGIN-10, \"returnto not included in web integration whitelist\", trace id 55555555555",
            ),
            (
                429,
                r#"{"errors":[{"code":"HTTP-429","title":"API rate limit reached.","detail":"You need to wait 13 seconds until limit is lifted."}]}"#,
                "HTTP 429, HTTP-429, \"API rate limit reached.\"",
            ),
            (
                404,
                r#"{"errors":[{"code":"USERS-7","title":"Not found","status":404}]}"#,
                "HTTP 404, USERS-7, \"Not found\"",
            ),
            (
                404,
                r#"{"errors":[{"code":7,"title":"Not found","status":null}]}"#,
                "HTTP 404, 7, \"Not found\"",
            ),
            (
                403,
                r#"{"error":"Forbidden","message":"no access","errors":[{"code":"LICENSES-011","title":"Forbidden"}]}"#,
                "HTTP 403, LICENSES-011, \"Forbidden\"",
            ),
            (403, r#"{"code":"CSRF-TOKEN-2"}"#, "HTTP 403, CSRF-TOKEN-2"),
            (
                401,
                r#"{"error":"invalid_client","error_description":"Client authentication failed"}"#,
                "HTTP 401, invalid_client, \"Client authentication failed\"",
            ),
            (502, "<html><body>Bad Gateway</body></html>", "HTTP 502"),
            (500, "", "HTTP 500"),
            (500, "[]", "HTTP 500"),
            (500, "\"no\"", "HTTP 500"),
            (500, r#"{"errors":[]}"#, "HTTP 500"),
            (500, r#"{"errors":{"code":"X"}}"#, "HTTP 500"),
            (500, r#"{"errors":["x",{"code":"X-1"}]}"#, "HTTP 500, X-1"),
        ] {
            assert_eq!(shown(status, body), expected, "{body}");
        }
    }

    #[test]
    fn nothing_personal_or_secret_is_shown() {
        let body = r#"{"errors":[{"code":"bob@example.com","title":"user bob@example.com with eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9abc is\nunknown","detail":"bob"}],"traceId":"<script>"}"#;

        assert_eq!(
            shown(400, body),
            "HTTP 400, \"user [hidden] with [hidden] is unknown\""
        );
    }

    #[test]
    fn words_of_the_token_endpoint_decide() {
        for (status, code, title, detail, expected) in [
            (
                400,
                "OAUTH-14",
                "Invalid client_id",
                "OAuth client is not authorized",
                Refusal::UnknownClient,
            ),
            (
                401,
                "OAUTH-1",
                "Unauthorized",
                "Invalid client secret",
                Refusal::WrongSecret,
            ),
            (401, "OAUTH-1", "Unauthorized", "", Refusal::WrongSecret),
            (401, "invalid_client", "", "", Refusal::WrongSecret),
            (
                403,
                "OAUTH-2",
                "Consent required",
                "",
                Refusal::ConsentNotTrusted,
            ),
            (
                400,
                "OAUTH-3",
                "Unsupported grant type",
                "",
                Refusal::M2mNotAllowed,
            ),
            (400, "unauthorized_client", "", "", Refusal::M2mNotAllowed),
            (400, "invalid_scope", "", "", Refusal::ScopeMissing),
            (403, "OAUTH-4", "Forbidden", "", Refusal::ClientBlocked),
            (400, "OAUTH-5", "Bad request", "", Refusal::NoToken),
            (404, "", "", "", Refusal::NoTenant),
            (429, "", "", "", Refusal::RateLimited),
            (503, "", "", "", Refusal::Unavailable),
        ] {
            let body = serde_json::json!({
                "errors": [{ "code": code, "title": title, "detail": detail }]
            });
            let told = read(status, None, body.to_string().as_bytes());

            assert_eq!(told.of_token(), expected, "{body}");
        }
    }

    #[test]
    fn waits_are_read_as_seconds_or_as_a_date() {
        let clock = Clock::stopped_at(Timestamp::parse("2026-03-01T10:00:00Z").unwrap());
        for (header, expected) in [
            ("13", Some(13_000)),
            (" 0.5 ", Some(500)),
            ("Sun, 01 Mar 2026 10:01:00 GMT", Some(60_000)),
            ("Sun, 01 Mar 2026 09:00:00 GMT", Some(0)),
            ("-1", None),
            ("NaN", None),
            ("1e300", None),
            ("soon", None),
        ] {
            let expected = expected.map(Duration::from_millis);
            assert_eq!(retry_after(header, &clock), expected, "{header:?}");
        }
    }

    fn example() -> Value {
        serde_json::json!({
            "errors": [{ "code": "HTTP-400", "title": "Bad request", "detail": "x" }],
            "code": "a",
            "error": "invalid_client",
            "title": "Bad",
            "error_description": "The client is unknown",
            "message": "no",
            "traceId": "0000000000000000d3a2403ffa24786d",
        })
    }

    proptest! {
        #[test]
        fn any_error_is_shown_in_a_line_of_plain_text(
            text in any_answer(&example()),
            status in 300..600_u16,
        ) {
            let shown = shown(status, &text);
            prop_assert!(shown.contains(&status.to_string()), "{}", shown);
            prop_assert!(shown.len() < 1_000 && !shown.contains(char::is_control), "{}", shown);
        }
    }
}
