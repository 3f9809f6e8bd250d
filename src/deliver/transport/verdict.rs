//! Decides what an attempt means for its event.

use std::fmt;
use std::time::{Duration, UNIX_EPOCH};

use super::failure::Failure;
use crate::model::Timestamp;

/// The longest wait that a receiver may ask for. Anything longer would delay events more than the
/// schedule ever does.
const LONGEST_ASKED: Duration = Duration::from_secs(24 * 60 * 60);

/// What a receiver answered, as far as it matters.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpReply {
    /// The status.
    pub status: u16,
    /// The header `Retry-After`, as received.
    pub retry_after: Option<String>,
    /// The beginning of its body, at most 1 KiB, made readable.
    pub start: String,
    /// Size of the body that we sent, in bytes.
    pub sent: usize,
}

impl HttpReply {
    /// Returns whether the receiver took the message.
    pub fn is_success(&self) -> bool {
        (200..=299).contains(&self.status)
    }
}

/// Does not show the answer's body: a receiver may answer anything, even what it was sent.
impl fmt::Debug for HttpReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpReply")
            .field("status", &self.status)
            .field("has_retry_after", &self.retry_after.is_some())
            .field("n_bytes", &self.start.len())
            .field("sent", &self.sent)
            .finish()
    }
}

/// What an attempt means for its event.
#[derive(Debug)]
pub enum Verdict {
    /// The receiver has accepted it.
    Delivered {
        /// The answer's status.
        status: u16,
    },
    /// The event is tried again by the schedule, but not before `after` has passed.
    Retry {
        /// Why it was not delivered.
        failure: Failure,
        /// The shortest wait that the receiver asked for.
        after: Option<Duration>,
    },
    /// The endpoint gets nothing more until it is enabled again.
    Disable {
        /// Why it was not delivered.
        failure: Failure,
    },
}

impl Verdict {
    /// Decides on the result of an attempt that ended `now`.
    pub fn of(outcome: Result<HttpReply, Failure>, now: Timestamp) -> Self {
        let answer = match outcome {
            Ok(answer) => answer,
            Err(failure) => {
                return Self::Retry {
                    failure,
                    after: None,
                };
            }
        };
        let status = answer.status;
        let failure = match status {
            200..=299 => return Self::Delivered { status },
            410 => {
                return Self::Disable {
                    failure: Failure::Gone,
                };
            }
            300..=399 => Failure::Redirect { status },
            429 | 502..=504 => Failure::Throttled { status },
            413 => Failure::TooLarge { bytes: answer.sent },
            400..=499 => Failure::Rejected { status },
            _ => Failure::ReceiverFailed { status },
        };
        // In a redirect, `Retry-After` says when to go to the new address, where we do not go.
        let text = answer.retry_after.filter(|_| status >= 400);
        let after = text.and_then(|text| asked(&text, now));
        Self::Retry { failure, after }
    }

    /// Returns why it was not delivered; `None` if it was.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Delivered { .. } => None,
            Self::Retry { failure, .. } | Self::Disable { failure } => Some(failure),
        }
    }
}

/// Reads `Retry-After`: seconds, or the date until which to wait, in any of HTTP's three date
/// formats, old and new. An unreadable value asks for nothing.
fn asked(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    let wait = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // A number too large to represent is a long wait, not an unreadable one.
        Duration::from_secs(text.parse().unwrap_or(u64::MAX))
    } else {
        let until = httpdate::parse_http_date(text).ok()?;
        let until = until.duration_since(UNIX_EPOCH).ok()?.as_millis();
        Timestamp::from_millis(i64::try_from(until).ok()?).since(now)
    };
    Some(wait.min(LONGEST_ASKED))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        Timestamp::parse("1994-11-06T08:49:37Z").unwrap()
    }

    fn check(status: u16, retry_after: Option<&str>) -> (&'static str, Option<u64>) {
        let answer = HttpReply {
            status,
            retry_after: retry_after.map(str::to_owned),
            start: String::new(),
            sent: 7,
        };
        match Verdict::of(Ok(answer), now()) {
            Verdict::Delivered { .. } => ("delivered", None),
            Verdict::Retry { failure, after } => (failure.code(), after.map(|wait| wait.as_secs())),
            Verdict::Disable { failure } => {
                assert_eq!(failure.code(), "deliver.gone");
                ("disable", None)
            }
        }
    }

    #[test]
    fn a_status_decides() {
        for (status, expected) in [
            (200, "delivered"),
            (201, "delivered"),
            (202, "delivered"),
            (204, "delivered"),
            (299, "delivered"),
            (300, "deliver.redirect"),
            (301, "deliver.redirect"),
            (304, "deliver.redirect"),
            (307, "deliver.redirect"),
            (308, "deliver.redirect"),
            (400, "deliver.rejected"),
            (401, "deliver.rejected"),
            (404, "deliver.rejected"),
            (408, "deliver.rejected"),
            (410, "disable"),
            (413, "deliver.too-large"),
            (415, "deliver.rejected"),
            (429, "deliver.throttled"),
            (500, "deliver.receiver-failed"),
            (501, "deliver.receiver-failed"),
            (502, "deliver.throttled"),
            (503, "deliver.throttled"),
            (504, "deliver.throttled"),
            (505, "deliver.receiver-failed"),
            (600, "deliver.receiver-failed"),
        ] {
            assert_eq!(check(status, None), (expected, None), "{status}");
        }
    }

    #[test]
    fn a_wait_that_is_asked_for_is_kept_within_bounds() {
        for (status, asked, expected) in [
            (429, "120", Some(120)),
            (503, "120", Some(120)),
            (503, " 7 ", Some(7)),
            (429, "0", Some(0)),
            (429, "86401", Some(86_400)),
            (429, "99999999999999999999999", Some(86_400)),
            (429, "Sun, 06 Nov 1994 08:51:37 GMT", Some(120)),
            (429, "Sun, 06 Nov 1994 08:49:00 GMT", Some(0)),
            (429, "Thu, 06 Nov 2098 08:49:37 GMT", Some(86_400)),
            (429, "Sunday, 06-Nov-94 08:51:37 GMT", Some(120)),
            (429, "Sun Nov  6 08:51:37 1994", Some(120)),
            (429, "Sun Nov  6 08:51:37 1969", None),
            (429, "-5", None),
            (429, "1.5", None),
            (429, "soon", None),
            (429, "", None),
            (500, "120", Some(120)),
            (404, "120", Some(120)),
            (301, "120", None),
            (200, "120", None),
            (410, "120", None),
        ] {
            assert_eq!(check(status, Some(asked)).1, expected, "{status} {asked}");
        }
    }

    #[test]
    fn an_attempt_without_an_answer_is_tried_again() {
        let failure = Failure::Timeout {
            limit: Duration::from_secs(15),
        };

        let verdict = Verdict::of(Err(failure), now());

        assert_eq!(
            verdict.failure().map(Failure::code),
            Some("deliver.timeout")
        );
        assert!(matches!(verdict, Verdict::Retry { after: None, .. }));
    }
}
