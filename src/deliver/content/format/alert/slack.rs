//! Writes an alert for an incoming webhook of Slack: blocks, and a text for notifications.
//!
//! Slack reads `&`, `<` and `>` as control characters in every text, so they are written as
//! entities. Texts with names are `plain_text`, in which nothing else is formatted.

use serde_json::{Value, json};

use super::notice::{Notice, Step};
use super::plain::fitted;

/// The most bytes of the text of a header, of a section, and for notifications: Slack's limits, and
/// a bound of our own for the last.
const MOST_HEADER: usize = 150;
const MOST_SECTION: usize = 3_000;
const MOST_TEXT: usize = 4_000;

/// Returns the body of a request.
pub(super) fn body(notice: &Notice) -> Value {
    let mut blocks = vec![json!({
        "type": "header",
        "text": plain_text(&notice.title, MOST_HEADER),
    })];
    for (label, said) in &notice.facts {
        let line = format!("{label}: {said}");
        blocks.push(json!({ "type": "section", "text": plain_text(&line, MOST_SECTION) }));
    }
    if let Some(Step { words, command }) = &notice.step {
        // A code block would end at its mark.
        let command = escaped(command).replace('`', "'");
        let text = format!("{}:\n```{command}```", escaped(words));
        blocks.push(json!({
            "type": "section",
            "text": { "type": "mrkdwn", "text": text, "verbatim": true },
        }));
    }
    let origin = format!("qlik-roster, {}, {}", notice.at, notice.id);
    blocks.push(json!({
        "type": "context",
        "elements": [plain_text(&origin, MOST_SECTION)],
    }));
    let mut lines = vec![notice.title.clone()];
    lines.extend(notice.lines());
    json!({
        "text": fitted(&lines.join("\n"), MOST_TEXT, escaped),
        "blocks": blocks,
        "unfurl_links": false,
        "unfurl_media": false,
    })
}

fn plain_text(text: &str, most: usize) -> Value {
    json!({
        "type": "plain_text",
        "text": fitted(text, most, escaped),
        "emoji": false,
    })
}

/// Returns a text in which Slack finds no control character.
pub(super) fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;");
    text.replace('<', "&lt;").replace('>', "&gt;")
}
