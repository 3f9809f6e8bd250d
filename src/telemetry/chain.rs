//! An error with all its causes in one line.

use std::error::Error;

/// Returns an error and its causes, joined by colons: no message of ours repeats its cause.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
