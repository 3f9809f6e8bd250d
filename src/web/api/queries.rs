//! Query strings for property tests: what clients send, what they might send by mistake, and
//! anything else.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::prelude::*;
use url::form_urlencoded;

use crate::web::openapi::Parameter;

/// Returns query strings with these parameters, with others, and with anything.
pub(super) fn queries(parameters: Vec<Parameter>) -> impl Strategy<Value = String> {
    let (mut names, mut values) = (Vec::new(), Vec::new());
    for parameter in parameters {
        names.push(parameter.name().to_owned());
        values.extend(parameter.sent_example());
    }
    let more = [
        "",
        "0",
        "-1",
        "1e3",
        "99999999999999999999",
        "true",
        "TRUE",
        "null",
        "%",
        "%FF",
        ",",
        ",,",
        "*",
        "2026-13-01T00:00:00Z",
        "2026-03-02",
        "a eq \"b\"",
        "[",
        "\u{0}",
        "é",
        "🦀",
    ];
    values.extend(more.map(str::to_owned));
    let name = prop_oneof![
        4 => proptest::sample::select(names),
        1 => "[a-z_]{1,8}",
        1 => "(filter|proxy)\\[.{0,5}\\]",
        1 => ".{0,6}",
    ];
    let value = prop_oneof![
        3 => proptest::sample::select(values),
        1 => ".{0,20}",
        1 => "[A-Za-z0-9_-]{0,60}",
    ];
    let encoded =
        (name, value, any::<bool>()).prop_map(|(name, value, is_encoded)| match is_encoded {
            true => {
                let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
                format!("{}={}", encode(&name), encode(&value))
            }
            false => format!("{name}={value}"),
        });
    proptest::collection::vec(encoded, 0..6).prop_map(|parts| parts.join("&"))
}

/// Returns whether a message names something that is in a query string, or one of some words.
pub(super) fn names_a_place(message: &str, query: &str, words: &[&str]) -> bool {
    let mut names = form_urlencoded::parse(query.as_bytes());
    names.any(|(name, _)| message.contains(&format!("`{}`", crate::printable::line(&name))))
        || words
            .iter()
            .any(|word| message.contains(&format!("`{word}`")))
}
