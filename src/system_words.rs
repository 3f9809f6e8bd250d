//! Errors of the operating system, in words that say what to do. The system's own words often do
//! not, and its numbers mean nothing to most people.

use std::io::{self, ErrorKind};

/// Returns why the system refused, without the error number, worded for the middle of a sentence.
pub(crate) fn system_words(error: &io::Error) -> String {
    let words = match error.kind() {
        ErrorKind::AddrInUse => {
            "another program uses this port already; stop that program, or choose another port"
        }
        ErrorKind::AddrNotAvailable => "this machine does not have that address",
        ErrorKind::StorageFull => "the disk is full; free some space on it",
        ErrorKind::QuotaExceeded => {
            "the disk quota of this user is used up; raise it, or free some space"
        }
        ErrorKind::ReadOnlyFilesystem => "the file system is read-only",
        ErrorKind::PermissionDenied => {
            "permission denied; check the owner and the mode, and as which user this runs"
        }
        _ => return own_words(error),
    };
    // Errors that we made ourselves already have a sentence.
    match error.raw_os_error() {
        Some(_) => words.to_owned(),
        None => own_words(error),
    }
}

fn own_words(error: &io::Error) -> String {
    let text = error.to_string();
    let end = text.find(" (os error").unwrap_or(text.len());
    let mut words = text.get(..end).unwrap_or(&text).to_owned();
    // Lower case, for the middle of a sentence.
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_says_what_to_do_and_no_number() {
        for (number, expected) in [
            (2, "no such file or directory"),
            (
                13,
                "permission denied; check the owner and the mode, and as which user this runs",
            ),
            (28, "the disk is full; free some space on it"),
            (30, "the file system is read-only"),
            (
                98,
                "another program uses this port already; stop that program, or choose another port",
            ),
            (111, "connection refused"),
        ] {
            assert_eq!(
                system_words(&io::Error::from_raw_os_error(number)),
                expected
            );
        }
        let own = io::Error::new(ErrorKind::PermissionDenied, "Not for you");
        assert_eq!(system_words(&own), "not for you");
    }
}
