//! Distinguishes a connection that was about to end from a receiver that fails. A message whose
//! connection was about to end is sent again at once, over another, and counts as one attempt.
//!
//! Receivers close idle connections when they like (Node after five seconds), and end those of
//! HTTP/2 after a number of requests (GOAWAY), or refuse single ones (RFC 9113, 6.8 and 8.7). No
//! answer has begun by then, so we do not know whether the receiver has the message. That is safe,
//! since events come at least once, under the same id.

use std::error::Error;
use std::io;
use std::time::Duration;

use h2::Reason;

use crate::causes::causes;

/// How often one attempt is sent again after its connection ended. The number is low, since a
/// receiver that crashes on a message does so each time.
const AFTER_CLOSED: u32 = 2;

/// How often it is sent again, and after which first pause, if the receiver says that it did not
/// look at the message. It then has as many requests under way as it accepts, and some of them have
/// to end first.
const AFTER_REFUSED: u32 = 8;
const PAUSE: Duration = Duration::from_millis(5);

/// How often one attempt has been sent again so far, and why.
#[derive(Debug, Default)]
pub(super) struct Resends {
    closed: u32,
    refused: u32,
}

/// What a failure says about the receiver and the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    /// The connection ended before an answer began.
    Closed,
    /// The receiver did not look at the message.
    Refused,
    /// The receiver wants fewer requests.
    Calm,
    /// Something else.
    Other,
}

impl Resends {
    /// Returns how long to wait before the message is sent again; `None` if it is not.
    pub fn after(&mut self, error: &reqwest::Error) -> Option<Duration> {
        match sign(error) {
            Sign::Closed if self.closed < AFTER_CLOSED => {
                self.closed += 1;
                Some(Duration::ZERO)
            }
            Sign::Refused if self.refused < AFTER_REFUSED => {
                self.refused += 1;
                Some(PAUSE * 2_u32.pow(self.refused - 1))
            }
            Sign::Closed | Sign::Refused | Sign::Calm | Sign::Other => None,
        }
    }
}

/// Returns whether the receiver asked for fewer requests by HTTP/2's `ENHANCE_YOUR_CALM`.
pub(super) fn is_calm(error: &reqwest::Error) -> bool {
    sign(error) == Sign::Calm
}

fn sign(error: &reqwest::Error) -> Sign {
    // A connection that cannot be established is handled separately, and so is a time-out.
    if error.is_connect() || error.is_timeout() {
        return Sign::Other;
    }
    // The innermost cause is the most precise: the HTTP/2 error is wrapped in the request's error.
    let signs = causes(error).map(sign_of);
    signs
        .filter(|sign| *sign != Sign::Other)
        .last()
        .unwrap_or(Sign::Other)
}

fn sign_of(cause: &(dyn Error + 'static)) -> Sign {
    if let Some(error) = cause.downcast_ref::<h2::Error>() {
        return match error.reason() {
            Some(Reason::ENHANCE_YOUR_CALM) => Sign::Calm,
            Some(Reason::REFUSED_STREAM) => Sign::Refused,
            Some(Reason::NO_ERROR) if error.is_go_away() => Sign::Refused,
            _ if error.is_go_away() || error.is_io() => Sign::Closed,
            Some(_) | None => Sign::Other,
        };
    }
    if let Some(error) = cause.downcast_ref::<hyper::Error>() {
        return match error.is_incomplete_message() || error.is_canceled() || error.is_closed() {
            true => Sign::Closed,
            false => Sign::Other,
        };
    }
    match cause.downcast_ref::<io::Error>().map(io::Error::kind) {
        Some(
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof,
        ) => Sign::Closed,
        Some(_) | None => Sign::Other,
    }
}

/// Describes what broke an exchange that got no answer.
pub(super) fn break_in_words(error: &reqwest::Error) -> &'static str {
    let words = causes(error).filter_map(|cause| {
        if cause.is::<h2::Error>() {
            return Some("it aborted the request (HTTP/2)");
        }
        let error = cause.downcast_ref::<hyper::Error>()?;
        match (error.is_parse(), error.is_incomplete_message()) {
            (true, _) => Some("what it answered is not HTTP"),
            (false, true) => Some("it closed the connection before it answered"),
            (false, false) => None,
        }
    });
    words.last().unwrap_or("the connection broke")
}

#[cfg(test)]
mod tests;
