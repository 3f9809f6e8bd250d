//! Writes an alert for a workflow of Microsoft Teams: an Adaptive Card in a message.
//!
//! All texts are text runs of rich text blocks. Other texts of a card are read as Markdown, whose
//! marks each client of Teams escapes in its own way; text runs are not. Nobody is mentioned
//! without an entity in the card, and there is none.

use serde_json::{Value, json};

use super::notice::{Notice, Step};

/// Returns the body of a request.
pub(super) fn body(notice: &Notice) -> Value {
    let title = json!({
        "type": "TextRun",
        "text": notice.title,
        "size": "Medium",
        "weight": "Bolder",
    });
    let mut blocks = vec![block(&[title])];
    for (label, said) in &notice.facts {
        let label = json!({
            "type": "TextRun",
            "text": format!("{label}: "),
            "weight": "Bolder",
        });
        blocks.push(block(&[label, run(said)]));
    }
    if let Some(Step { words, command }) = &notice.step {
        let command = json!({
            "type": "TextRun",
            "text": command,
            "fontType": "Monospace",
        });
        blocks.push(block(&[run(&format!("{words}: ")), command]));
    }
    let origin = json!({
        "type": "TextRun",
        "text": format!("qlik-roster, {}, {}", notice.at, notice.id),
        "size": "Small",
        "isSubtle": true,
    });
    blocks.push(block(&[origin]));
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "msteams": { "width": "Full" },
                "body": blocks,
            },
        }],
    })
}

fn block(runs: &[Value]) -> Value {
    json!({ "type": "RichTextBlock", "inlines": runs })
}

fn run(text: &str) -> Value {
    json!({ "type": "TextRun", "text": text })
}
