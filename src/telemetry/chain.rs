//! An error with all its causes in one line.

use std::error::Error;

/// Returns an error and its causes, joined by colons. No message of ours repeats its cause, but
/// libraries do; a cause that was just said is left out.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let message = cause.to_string();
        if !text.ends_with(&message) {
            text.push_str(": ");
            text.push_str(&message);
        }
        source = cause.source();
    }
    text
}
