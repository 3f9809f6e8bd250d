//! Makes untrusted text harmless for the reader of a message, whatever service shows it.

use crate::printable;

/// The most characters of a text: a name, or what an error says.
const MOST: usize = 300;

/// Is invisible, and keeps what is around it from being read as one word.
const BREAK: char = '\u{200b}';

/// Returns a text on one line, with nothing in it that mentions anybody or is a placeholder.
///
/// `@` begins a mention unless it is within a word, as in an e-mail address; `{{` begins a function
/// of Adaptive Cards.
pub(super) fn plain(text: &str) -> String {
    let text = printable::line(text);
    let mut plain = String::with_capacity(text.len());
    let mut before = None;
    for (i, letter) in text.chars().enumerate() {
        if i == MOST {
            plain.push('…');
            break;
        }
        if letter == '{' && before == Some('{') {
            plain.push(BREAK);
        }
        plain.push(letter);
        if letter == '@' && !before.is_some_and(char::is_alphanumeric) {
            plain.push(BREAK);
        }
        before = Some(letter);
    }
    plain
}

/// The same for services that we do not know. In several of them, `<` begins a mention or a link,
/// `@` mentions also within a word, and Markdown's `](` and a plain address make a link.
pub(super) fn plainer(text: &str) -> String {
    let text = text.replace('<', &format!("<{BREAK}"));
    let text = text.replace('@', &format!("@{BREAK}"));
    let text = text.replace("](", &format!("]{BREAK}("));
    text.replace("://", &format!(":{BREAK}//"))
}

/// Returns the beginning of a text that has at most this many bytes when `write` has written it.
pub(super) fn fitted(text: &str, most: usize, write: impl Fn(&str) -> String) -> String {
    let whole = write(text);
    if whole.len() <= most {
        return whole;
    }
    let ends = text.char_indices().rev().map(|(end, _)| end);
    let cut = ends.filter_map(|end| Some(write(text.get(..end)?) + "…"));
    cut.into_iter()
        .find(|cut| cut.len() <= most)
        .unwrap_or_default()
}
