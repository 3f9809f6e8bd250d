//! An error with all its causes in one line.

use std::error::Error;
use std::io;

use crate::system_words::system_words;

/// Returns an error and its causes, joined by colons, with errors of the system in our own words.
/// Our messages never repeat their cause, but those of libraries do; a cause that the message
/// before it already contains is left out.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    // Not `causes::causes`, which stops at the error that an I/O error wraps as well: an I/O error
    // has the text of that error, and so each would be said twice.
    let mut text = words(error);
    let mut source = error.source();
    while let Some(cause) = source {
        let message = words(cause);
        if !text.ends_with(&message) {
            text.push_str(": ");
            text.push_str(&message);
        }
        source = cause.source();
    }
    text
}

fn words(error: &(dyn Error + 'static)) -> String {
    match error.downcast_ref::<io::Error>() {
        Some(refused) => system_words(refused),
        None => error.to_string(),
    }
}
