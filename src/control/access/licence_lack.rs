//! What may be unknown about licences.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::control::reading::Reading;
use crate::history::LicenceLook;
use crate::model::{TenantName, Timestamp};
use crate::store::LicenceReading;
use crate::sync::{Readings, is_ahead};

/// How many intervals after a reading its assignments count as known.
const KNOWN_FOR: u32 = 2;

/// How often licences were read in the past if they are not read any more: the default.
const USUALLY: Duration = Duration::from_secs(24 * 3600);

/// Why it is not known to whom a licence is assigned, or which users its tenants have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LicenceLack {
    /// The assignments are not read.
    Off,
    /// The assignments were not read in full yet.
    NotRead,
    /// The assignments were not read in full by the time that was asked about.
    NotReadThen {
        /// When they were first read in full; `None` if they never were.
        first: Option<Timestamp>,
    },
    /// The assignments are as they were at this time, and later readings failed or are not done.
    Old {
        /// When the last reading began that reached its end.
        read_at: Timestamp,
    },
    /// The source refuses to show the assignments.
    Refused,
    /// Some assignments could not be read.
    Unreadable,
    /// The source no longer shows many assignments, and they stay until that is certain.
    Kept,
    /// The tenant does not say which licence it has: it may be this one.
    NoNumber,
    /// The tenant was not asked which licence it has: it may be this one.
    NotAsked,
    /// The tenant had another licence when its licence was last read in full. That was before this
    /// one was read, so the tenant may have this one by now.
    OtherLicence {
        /// When the last complete reading of that licence began.
        read_at: Timestamp,
    },
    /// The users of the tenant are known up to this time, and something was assigned later, perhaps
    /// to a new user.
    EarlierUsers {
        /// That time.
        until: Timestamp,
    },
    /// The users of the tenant were not read in full, or not when they were due.
    Users,
    /// Some users of the tenant could not be read.
    UnreadableUsers,
    /// There are more users than one answer searches.
    TooManyUsers,
}

impl LicenceLack {
    /// Returns the word for it in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::NotRead => "not_read",
            Self::NotReadThen { .. } => "not_read_then",
            Self::Old { .. } => "old",
            Self::Refused => "refused",
            Self::Unreadable => "unreadable",
            Self::Kept => "kept",
            Self::NoNumber => "no_number",
            Self::NotAsked => "not_asked",
            Self::OtherLicence { .. } => "other_licence",
            Self::EarlierUsers { .. } => "earlier_users",
            Self::Users => "users",
            Self::UnreadableUsers => "unreadable_users",
            Self::TooManyUsers => "too_many_users",
        }
    }

    /// Says what is not known of a tenant, and what to do.
    pub fn of(self, tenant: &TenantName) -> String {
        match self {
            Self::Off => format!(
                "the licence of `{tenant}` is not read; `licences = true` has the daemon read it"
            ),
            Self::NotRead => format!(
                "the licence of `{tenant}` was not read in full yet; if that failed, `qlik-roster \
                 runs` says why"
            ),
            Self::NotReadThen { first: None } => {
                format!("the history of the licence of `{tenant}` has not begun yet")
            }
            Self::NotReadThen { first: Some(first) } => format!(
                "the history of the licence of `{tenant}` begins at {first}, when it was first read \
                 in full"
            ),
            Self::Old { read_at } => format!(
                "the licence of `{tenant}` was last read in full at {read_at}; since then it was \
                 not read, or that failed, and `qlik-roster runs` says why"
            ),
            Self::Refused => format!(
                "Qlik refuses to show the licence of `{tenant}`; `qlik-roster check` says what to \
                 do"
            ),
            Self::Unreadable => {
                format!("some assignments of the licence of `{tenant}` could not be read")
            }
            Self::Kept => format!(
                "Qlik no longer shows some assignments of the licence of `{tenant}`; they are kept \
                 until a later reading does not show them either"
            ),
            Self::NoNumber => {
                format!("`{tenant}` does not say which licence it has, so it may share this one")
            }
            Self::NotAsked => format!(
                "it is not known which licence `{tenant}` has, so it may share this one; `licences \
                 = true` has the daemon ask"
            ),
            Self::OtherLicence { read_at } => format!(
                "`{tenant}` had another licence when that was last read, at {read_at}; it may have \
                 this one by now, and some subjects are those of its users"
            ),
            Self::EarlierUsers { until } => format!(
                "the users of `{tenant}` are known up to {until}, and some licences were assigned \
                 later, perhaps to new users; the next run finds them"
            ),
            Self::Users => format!(
                "the users of `{tenant}` were not read in full, or not when they were due; \
                 `qlik-roster runs` says why"
            ),
            Self::UnreadableUsers => format!("some users of `{tenant}` could not be read"),
            Self::TooManyUsers => format!(
                "not all users of `{tenant}` were searched: the tenants of the licence have more \
                 than are searched at once"
            ),
        }
    }
}

/// Returns how the licence of a tenant is read: not at all if the tenant itself is not read.
pub(super) fn readings(reading: &Reading<'_>, tenant: &TenantName) -> Readings {
    let linked = reading.context.registry.get(tenant);
    let linked = linked.filter(|linked| linked.pause().is_none());
    linked.map_or(Readings::Off, |linked| linked.licences())
}

/// Returns what is not known at a time of the assignments of a licence.
pub(super) fn lacking(
    of_tenant: &LicenceReading,
    readings: Readings,
    now: Timestamp,
) -> BTreeSet<LicenceLack> {
    let known_for = |every: Duration| every.saturating_mul(KNOWN_FOR);
    let is_old = |read_at: Timestamp| match readings {
        Readings::Off => true,
        // A time in the future does not say how old the reading is.
        Readings::Every(every) => now.since(read_at) > known_for(every) || is_ahead(read_at, now),
    };
    let last = of_tenant.mark.last.filter(|_| !of_tenant.is_of_another());
    let time = match (last, readings) {
        (Some(read_at), _) => is_old(read_at).then_some(LicenceLack::Old { read_at }),
        (None, Readings::Off) => Some(LicenceLack::Off),
        (None, Readings::Every(_)) => Some(LicenceLack::NotRead),
    };
    // If the licence is still read, a refusal is why nothing newer is known.
    let is_refused = of_tenant.mark.is_refused && readings != Readings::Off;
    let lacks = [
        time.filter(|_| !is_refused),
        is_refused.then_some(LicenceLack::Refused),
        (of_tenant.unreadable > 0).then_some(LicenceLack::Unreadable),
        (of_tenant.kept + of_tenant.unconfirmed > 0).then_some(LicenceLack::Kept),
    ];
    lacks.into_iter().flatten().collect()
}

/// Returns what is not known of the assignments of a licence at a time, which is in the past unless
/// it is `None`.
pub(super) fn lacking_at(
    look: &LicenceLook,
    readings: Readings,
    at: Option<Timestamp>,
    now: Timestamp,
) -> BTreeSet<LicenceLack> {
    let Some(at) = at else {
        return lacking(&look.reading, readings, now);
    };
    let Some(read_at) = look.read_at else {
        let first = look.reading.first;
        return [LicenceLack::NotReadThen { first }].into();
    };
    let of_last = look.reading.mark.last.filter(|last| *last <= at);
    let mut lacks = match of_last {
        // What is lacking in the last reading was lacking at that time.
        Some(_) => lacking(&look.reading, readings, at),
        None => BTreeSet::new(),
    };
    let every = match readings {
        Readings::Every(every) => every,
        Readings::Off => USUALLY,
    };
    if at.since(read_at) > every.saturating_mul(KNOWN_FOR) {
        lacks.insert(LicenceLack::Old { read_at });
    }
    lacks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::ReadingMark;

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_millis(hours * 3_600_000)
    }

    #[test]
    fn assignments_are_known_for_two_intervals_while_they_are_read() {
        let day = Readings::Every(Duration::from_secs(86_400));
        let read_at = at(0);
        for (last, is_refused, readings, expected) in [
            (None, false, Readings::Off, Some(LicenceLack::Off)),
            (None, false, day, Some(LicenceLack::NotRead)),
            (Some(at(0)), false, day, None),
            (Some(at(2)), false, day, None),
            (
                Some(at(-1)),
                false,
                day,
                Some(LicenceLack::Old { read_at: at(-1) }),
            ),
            (
                Some(at(0)),
                false,
                Readings::Off,
                Some(LicenceLack::Old { read_at }),
            ),
            (Some(at(0)), true, day, Some(LicenceLack::Refused)),
            (
                Some(at(0)),
                true,
                Readings::Off,
                Some(LicenceLack::Old { read_at }),
            ),
            (None, true, Readings::Off, Some(LicenceLack::Off)),
            // The clock was set back.
            (
                Some(at(900)),
                false,
                day,
                Some(LicenceLack::Old { read_at: at(900) }),
            ),
        ] {
            let of_tenant = LicenceReading {
                mark: ReadingMark {
                    last,
                    is_refused,
                    ..ReadingMark::default()
                },
                ..LicenceReading::default()
            };

            let lacks = lacking(&of_tenant, readings, at(48));

            let case = format!("{of_tenant:?} {readings:?}");
            assert_eq!(lacks, expected.into_iter().collect(), "{case}");
        }
    }

    #[test]
    fn the_word_of_a_lack_is_how_it_is_stored_in_json() {
        for lack in [
            LicenceLack::Off,
            LicenceLack::NotAsked,
            LicenceLack::TooManyUsers,
        ] {
            assert_eq!(serde_json::to_value(lack).unwrap(), lack.word());
        }
    }
}
