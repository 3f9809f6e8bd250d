//! When users last began sessions, as far as that is known.

use serde::{Deserialize, Serialize};

use super::Timestamp;

/// A span of time of which all begins of sessions in a tenant are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SessionSpan {
    /// Its beginning.
    pub since: Timestamp,
    /// Its end.
    pub until: Timestamp,
}

/// What is known of the last session of a user.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastSession {
    /// When the last known session began; `None` if there is none.
    pub at: Option<Timestamp>,
    /// The time since which there was certainly no later session; `None` if that is not known.
    pub known_since: Option<Timestamp>,
}

impl LastSession {
    /// Puts together what is known at a time. Of each user only the last session is stored: if that
    /// came later, nothing is known of those before.
    pub fn of(at: Option<Timestamp>, span: Option<SessionSpan>, as_of: Timestamp) -> Self {
        if at.is_some_and(|at| at > as_of) {
            return Self::default();
        }
        let since = span.map(|span| span.since);
        Self {
            at,
            known_since: since.filter(|since| *since <= as_of),
        }
    }

    /// Returns when it began, if it certainly was the last one.
    pub fn certain(&self) -> Option<Timestamp> {
        let since = self.known_since?;
        self.at.filter(|at| *at >= since)
    }

    /// Says what is known: a time, or that it is not known before one.
    pub fn in_words(&self) -> String {
        match (self.certain(), self.at, self.known_since) {
            (Some(at), ..) => at.to_string(),
            (None, Some(at), _) => format!("{at} or later"),
            (None, None, Some(since)) => format!("not known before {since}"),
            (None, None, None) => "not known".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: i64) -> Timestamp {
        Timestamp::from_millis(day * 86_400_000)
    }

    #[test]
    fn the_last_session_is_described_as_far_as_it_is_known() {
        for (last, since, as_of, expected) in [
            (Some(20), Some(10), 30, "1970-01-21T00:00:00.000Z"),
            (Some(10), Some(10), 30, "1970-01-11T00:00:00.000Z"),
            (Some(5), Some(10), 30, "1970-01-06T00:00:00.000Z or later"),
            (Some(5), None, 30, "1970-01-06T00:00:00.000Z or later"),
            (
                None,
                Some(10),
                30,
                "not known before 1970-01-11T00:00:00.000Z",
            ),
            (None, None, 30, "not known"),
            // There was a later session, which says nothing about those before.
            (Some(20), Some(10), 15, "not known"),
            (None, Some(10), 5, "not known"),
        ] {
            let span = since.map(|since| SessionSpan {
                since: at(since),
                until: at(40),
            });

            let last = LastSession::of(last.map(at), span, at(as_of));

            assert_eq!(last.in_words(), expected);
        }
    }
}
