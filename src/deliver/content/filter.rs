//! Chooses which events an endpoint wants.

use std::collections::BTreeSet;

/// Every type of event that a receiver can get, in the order of the documentation.
pub const EVENT_TYPES: [&str; 24] = [
    "user.created",
    "user.updated",
    "user.deleted",
    "user.snapshot",
    "role.created",
    "role.updated",
    "role.deleted",
    "role.snapshot",
    "role.content_changed",
    "group.created",
    "group.updated",
    "group.deleted",
    "group.snapshot",
    "space.created",
    "space.updated",
    "space.deleted",
    "access.granted",
    "access.revoked",
    "access.path_changed",
    "sync.held",
    "sync.failed",
    "sync.recovered",
    "endpoint.disabled",
    "history.lost",
];

/// The types of events that an endpoint wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventFilter {
    wanted: BTreeSet<&'static str>,
}

/// Patterns that cannot be what the operator meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFilter {
    /// No event has this type.
    #[error(
        "there is no event type `{pattern}`; the types are {}, and `user.*`, `*.deleted` or `*` \
         for several",
        EVENT_TYPES.join(", ")
    )]
    Unknown {
        /// The pattern, as written.
        pattern: String,
    },
    /// The list has no patterns, so nothing would ever be sent.
    #[error("the list of events is empty; leave it out to get all")]
    Empty,
}

impl InvalidFilter {
    /// Returns the code that `docs/errors.md` explains.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "deliver.unknown-event",
            Self::Empty => "deliver.no-events",
        }
    }
}

impl Default for EventFilter {
    fn default() -> Self {
        Self::all()
    }
}

impl EventFilter {
    /// Wants everything.
    pub fn all() -> Self {
        Self {
            wanted: EVENT_TYPES.into(),
        }
    }

    /// Reads patterns: a type, or one with `*` in place of its first or last word, or `*`.
    pub fn parse<S: AsRef<str>>(patterns: &[S]) -> Result<Self, InvalidFilter> {
        if patterns.is_empty() {
            return Err(InvalidFilter::Empty);
        }
        let mut wanted = BTreeSet::new();
        for pattern in patterns.iter().map(AsRef::as_ref) {
            let named: Vec<_> = EVENT_TYPES
                .into_iter()
                .filter(|event_type| matches(pattern, event_type))
                .collect();
            if named.is_empty() {
                return Err(InvalidFilter::Unknown {
                    pattern: pattern.to_owned(),
                });
            }
            wanted.extend(named);
        }
        Ok(Self { wanted })
    }

    /// Returns whether the endpoint wants events of this type.
    pub fn wants(&self, event_type: &str) -> bool {
        self.wanted.contains(event_type)
    }
}

fn matches(pattern: &str, event_type: &str) -> bool {
    if pattern == "*" {
        return true;
    }
    let (Some((subject, verb)), Some((of, word))) =
        (pattern.split_once('.'), event_type.split_once('.'))
    else {
        return false;
    };
    (subject == "*" || subject == of) && (verb == "*" || verb == word)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::{EndpointName, Fact, Missing, PlanId, Recovery};

    #[test]
    fn what_entries_tell_of_runs_and_endpoints_can_be_wanted() {
        let facts = [
            Fact::Held {
                plan: PlanId(1),
                supersedes: None,
                losses: BTreeMap::new(),
            },
            Fact::Failed {
                code: String::new(),
                message: String::new(),
            },
            Fact::Recovered(Recovery::Sync),
            Fact::EndpointDisabled {
                endpoint: EndpointName("hr".to_owned()),
                reason: String::new(),
                failing_since: None,
            },
            Fact::HistoryLost(Missing::default()),
        ];
        for fact in facts {
            let event_type = fact.event_type().unwrap();
            assert!(EVENT_TYPES.contains(&event_type), "{event_type}");
        }
    }

    #[test]
    fn patterns_choose_types() {
        for (patterns, expected) in [
            (&["user.updated"][..], &["user.updated"][..]),
            (
                &["access.*", "user.deleted"],
                &[
                    "access.granted",
                    "access.path_changed",
                    "access.revoked",
                    "user.deleted",
                ],
            ),
            (
                &["*.deleted", "user.deleted"],
                &[
                    "group.deleted",
                    "role.deleted",
                    "space.deleted",
                    "user.deleted",
                ],
            ),
        ] {
            let filter = EventFilter::parse(patterns).unwrap();

            assert_eq!(filter.wanted, expected.iter().copied().collect());
            assert!(filter.wants(expected[0]));
            assert!(!filter.wants("sync.held"));
        }
        assert_eq!(EventFilter::parse(&["*"]), Ok(EventFilter::all()));
        assert_eq!(EventFilter::parse(&["*.*"]), Ok(EventFilter::all()));
    }

    #[test]
    fn a_pattern_that_no_event_has_is_an_error_that_names_those_there_are() {
        for pattern in [
            "user",
            "user.*d",
            "User.created",
            "user.created ",
            "",
            "a.b",
        ] {
            let error = EventFilter::parse(&["user.*", pattern]).unwrap_err();

            assert_eq!(error.code(), "deliver.unknown-event");
            assert!(error.to_string().contains("user.created, user.updated"));
        }
        let none: [&str; 0] = [];
        assert_eq!(EventFilter::parse(&none), Err(InvalidFilter::Empty));
    }
}
