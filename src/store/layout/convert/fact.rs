//! What journal entries record.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::model::Fact;
use crate::store::layout::{v1, v3, v5, v6, v8, v10};

use super::pairs;

impl<'a> From<&'a Fact> for v10::Fact<'a> {
    fn from(fact: &'a Fact) -> Self {
        match fact {
            Fact::Changed(change) => Self::Changed(change.into()),
            Fact::Loaded {
                roles,
                groups,
                users,
            } => Self::Loaded {
                roles: *roles,
                groups: *groups,
                users: *users,
            },
            Fact::Held {
                plan,
                supersedes,
                losses,
            } => Self::Held {
                plan: *plan,
                supersedes: *supersedes,
                losses: pairs(losses.clone()),
            },
            Fact::Failed { code, message } => Self::Failed {
                code: Cow::Borrowed(code),
                message: Cow::Borrowed(message),
            },
            Fact::Recovered(recovery) => Self::Recovered((*recovery).into()),
            Fact::EndpointDisabled {
                endpoint,
                reason,
                failing_since,
            } => Self::EndpointDisabled {
                endpoint: Cow::Borrowed(endpoint),
                reason: Cow::Borrowed(reason),
                failing_since: *failing_since,
            },
            Fact::Unreadable => Self::Unreadable,
            Fact::HistoryLost(missing) => Self::HistoryLost((*missing).into()),
            Fact::RightChanged(right) => Self::RightChanged(right.into()),
            Fact::RoleContentChanged { role, gained, lost } => {
                let words = |words: &'a BTreeSet<String>| {
                    words
                        .iter()
                        .map(|word| Cow::Borrowed(word.as_str()))
                        .collect()
                };
                Self::RoleContentChanged {
                    role: role.into(),
                    gained: words(gained),
                    lost: words(lost),
                }
            }
            Fact::SpaceChanged(change) => Self::SpaceChanged(change.clone().into()),
            Fact::LicenceChanged(change) => Self::LicenceChanged(change.clone().into()),
        }
    }
}

impl From<v1::Fact<'_>> for Fact {
    fn from(fact: v1::Fact<'_>) -> Self {
        match fact {
            v1::Fact::Changed(change) => Self::Changed(change.into()),
            v1::Fact::Loaded {
                roles,
                groups,
                users,
            } => Self::Loaded {
                roles,
                groups,
                users,
            },
            v1::Fact::Held {
                plan,
                supersedes,
                losses,
            } => Self::Held {
                plan,
                supersedes,
                losses: pairs(losses),
            },
            v1::Fact::Failed { code, message } => Self::Failed {
                code: code.into_owned(),
                message: message.into_owned(),
            },
            v1::Fact::Recovered(recovery) => Self::Recovered(recovery.into()),
            v1::Fact::EndpointDisabled {
                endpoint,
                reason,
                failing_since,
            } => Self::EndpointDisabled {
                endpoint: endpoint.into_owned(),
                reason: without_causes(&reason),
                failing_since,
            },
        }
    }
}

impl From<v3::Fact<'_>> for Fact {
    fn from(fact: v3::Fact<'_>) -> Self {
        match fact {
            v3::Fact::Changed(change) => Self::Changed(change.into()),
            v3::Fact::Loaded {
                roles,
                groups,
                users,
            } => Self::Loaded {
                roles,
                groups,
                users,
            },
            v3::Fact::Held {
                plan,
                supersedes,
                losses,
            } => Self::Held {
                plan,
                supersedes,
                losses: pairs(losses),
            },
            v3::Fact::Failed { code, message } => Self::Failed {
                code: code.into_owned(),
                message: message.into_owned(),
            },
            v3::Fact::Recovered(recovery) => Self::Recovered(recovery.into()),
            v3::Fact::EndpointDisabled {
                endpoint,
                reason,
                failing_since,
            } => Self::EndpointDisabled {
                endpoint: endpoint.into_owned(),
                reason: without_causes(&reason),
                failing_since,
            },
            v3::Fact::Unreadable => Self::Unreadable,
            v3::Fact::HistoryLost(missing) => Self::HistoryLost(missing.into()),
        }
    }
}

impl From<v5::Fact<'_>> for Fact {
    fn from(fact: v5::Fact<'_>) -> Self {
        match fact {
            v5::Fact::Changed(change) => Self::Changed(change.into()),
            v5::Fact::Loaded {
                roles,
                groups,
                users,
            } => Self::Loaded {
                roles,
                groups,
                users,
            },
            v5::Fact::Held {
                plan,
                supersedes,
                losses,
            } => Self::Held {
                plan,
                supersedes,
                losses: pairs(losses),
            },
            v5::Fact::Failed { code, message } => Self::Failed {
                code: code.into_owned(),
                message: message.into_owned(),
            },
            v5::Fact::Recovered(recovery) => Self::Recovered(recovery.into()),
            v5::Fact::EndpointDisabled {
                endpoint,
                reason,
                failing_since,
            } => Self::EndpointDisabled {
                endpoint: endpoint.into_owned(),
                reason: reason.into_owned(),
                failing_since,
            },
            v5::Fact::Unreadable => Self::Unreadable,
            v5::Fact::HistoryLost(missing) => Self::HistoryLost(missing.into()),
            v5::Fact::RightChanged(right) => Self::RightChanged(right.into()),
            v5::Fact::RoleContentChanged { role, gained, lost } => Self::RoleContentChanged {
                role: role.into(),
                gained: gained.into_iter().map(Cow::into_owned).collect(),
                lost: lost.into_iter().map(Cow::into_owned).collect(),
            },
        }
    }
}

impl From<v6::Fact<'_>> for Fact {
    fn from(fact: v6::Fact<'_>) -> Self {
        match fact {
            v6::Fact::Changed(change) => Self::Changed(change.into()),
            v6::Fact::Loaded {
                roles,
                groups,
                users,
            } => Self::Loaded {
                roles,
                groups,
                users,
            },
            v6::Fact::Held {
                plan,
                supersedes,
                losses,
            } => Self::Held {
                plan,
                supersedes,
                losses: pairs(losses),
            },
            v6::Fact::Failed { code, message } => Self::Failed {
                code: code.into_owned(),
                message: message.into_owned(),
            },
            v6::Fact::Recovered(recovery) => Self::Recovered(recovery.into()),
            v6::Fact::EndpointDisabled {
                endpoint,
                reason,
                failing_since,
            } => Self::EndpointDisabled {
                endpoint: endpoint.into_owned(),
                reason: reason.into_owned(),
                failing_since,
            },
            v6::Fact::Unreadable => Self::Unreadable,
            v6::Fact::HistoryLost(missing) => Self::HistoryLost(missing.into()),
            v6::Fact::RightChanged(right) => Self::RightChanged(right.into()),
            v6::Fact::RoleContentChanged { role, gained, lost } => Self::RoleContentChanged {
                role: role.into(),
                gained: gained.into_iter().map(Cow::into_owned).collect(),
                lost: lost.into_iter().map(Cow::into_owned).collect(),
            },
            v6::Fact::SpaceChanged(change) => Self::SpaceChanged(change.into()),
        }
    }
}

impl From<v8::Fact<'_>> for Fact {
    fn from(fact: v8::Fact<'_>) -> Self {
        match fact {
            v8::Fact::Changed(change) => Self::Changed(change.into()),
            v8::Fact::Loaded {
                roles,
                groups,
                users,
            } => Self::Loaded {
                roles,
                groups,
                users,
            },
            v8::Fact::Held {
                plan,
                supersedes,
                losses,
            } => Self::Held {
                plan,
                supersedes,
                losses: pairs(losses),
            },
            v8::Fact::Failed { code, message } => Self::Failed {
                code: code.into_owned(),
                message: message.into_owned(),
            },
            v8::Fact::Recovered(recovery) => Self::Recovered(recovery.into()),
            v8::Fact::EndpointDisabled {
                endpoint,
                reason,
                failing_since,
            } => Self::EndpointDisabled {
                endpoint: endpoint.into_owned(),
                reason: reason.into_owned(),
                failing_since,
            },
            v8::Fact::Unreadable => Self::Unreadable,
            v8::Fact::HistoryLost(missing) => Self::HistoryLost(missing.into()),
            v8::Fact::RightChanged(right) => Self::RightChanged(right.into()),
            v8::Fact::RoleContentChanged { role, gained, lost } => Self::RoleContentChanged {
                role: role.into(),
                gained: gained.into_iter().map(Cow::into_owned).collect(),
                lost: lost.into_iter().map(Cow::into_owned).collect(),
            },
            v8::Fact::SpaceChanged(change) => Self::SpaceChanged(change.into()),
        }
    }
}

impl From<v10::Fact<'_>> for Fact {
    fn from(fact: v10::Fact<'_>) -> Self {
        match fact {
            v10::Fact::Changed(change) => Self::Changed(change.into()),
            v10::Fact::Loaded {
                roles,
                groups,
                users,
            } => Self::Loaded {
                roles,
                groups,
                users,
            },
            v10::Fact::Held {
                plan,
                supersedes,
                losses,
            } => Self::Held {
                plan,
                supersedes,
                losses: pairs(losses),
            },
            v10::Fact::Failed { code, message } => Self::Failed {
                code: code.into_owned(),
                message: message.into_owned(),
            },
            v10::Fact::Recovered(recovery) => Self::Recovered(recovery.into()),
            v10::Fact::EndpointDisabled {
                endpoint,
                reason,
                failing_since,
            } => Self::EndpointDisabled {
                endpoint: endpoint.into_owned(),
                reason: reason.into_owned(),
                failing_since,
            },
            v10::Fact::Unreadable => Self::Unreadable,
            v10::Fact::HistoryLost(missing) => Self::HistoryLost(missing.into()),
            v10::Fact::RightChanged(right) => Self::RightChanged(right.into()),
            v10::Fact::RoleContentChanged { role, gained, lost } => Self::RoleContentChanged {
                role: role.into(),
                gained: gained.into_iter().map(Cow::into_owned).collect(),
                lost: lost.into_iter().map(Cow::into_owned).collect(),
            },
            v10::Fact::SpaceChanged(change) => Self::SpaceChanged(change.into()),
            v10::Fact::LicenceChanged(change) => Self::LicenceChanged(change.into()),
        }
    }
}

/// Removes the causes, which follow the second colon: older entries have them, and they reveal
/// where a receiver is located.
fn without_causes(reason: &str) -> String {
    let parts: Vec<_> = reason.splitn(3, ": ").take(2).collect();
    parts.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_receiver_stands_is_not_read() {
        for (reason, expected) in [
            (
                "nothing but failures since 2026-03-01T10:00:00.000Z, 9 attempts, the last one \
                 deliver.refused-address: refusing to connect to the receiver: 10.0.0.5 is a \
                 private address",
                "nothing but failures since 2026-03-01T10:00:00.000Z, 9 attempts, the last one \
                 deliver.refused-address: refusing to connect to the receiver",
            ),
            ("deliver.gone", "deliver.gone"),
        ] {
            assert_eq!(without_causes(reason), expected);
        }
    }
}
