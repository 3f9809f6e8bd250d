//! An error with all its causes in one line.

use std::error::Error;
use std::io;

use crate::causes::causes;
use crate::system_words::system_words;

/// Returns an error and its causes, joined by colons, with errors of the system in our own words.
/// Our messages never repeat their cause, but those of libraries do; a cause that the message
/// before it already contains is left out.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = String::new();
    for cause in causes(error) {
        let message = words(cause);
        // An I/O error has the text of the error that it wraps, but begins with a small letter.
        if text.to_lowercase().ends_with(&message.to_lowercase()) {
            continue;
        }
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&message);
    }
    text
}

fn words(error: &(dyn Error + 'static)) -> String {
    match error.downcast_ref::<io::Error>() {
        Some(refused) => system_words(refused),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_is_said_once() {
        let inner = io::Error::new(io::ErrorKind::InvalidData, "Bad certificate of the peer");
        let outer = io::Error::other(inner);
        assert_eq!(chain(&outer), "bad certificate of the peer");

        let refused = io::Error::from_raw_os_error(111);
        let wrapped = anyhow::Error::new(refused).context("reaching the tenant");
        let expected = "reaching the tenant: connection refused";
        assert_eq!(chain(wrapped.as_ref()), expected);
    }
}
