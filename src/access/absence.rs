//! Finds users who have not been seen for long, as far as that is known.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{Barrier, GroupId, LastSession, Record, SessionSpan, Timestamp, User};

use super::{Administration, Concern, ConcernCode, ConcernSubject};

/// How old the end of the span in which sessions are known may be. Polls move it every ten minutes;
/// if it is older, users may have logged in since.
const MAX_LAG: Duration = Duration::from_secs(24 * 3600);

/// The time without a session after which a privileged user is of concern.
pub const IDLE_ADMIN: Duration = Duration::from_secs(90 * 24 * 3600);

/// The time without a session after which a user of an identity provider may have left it.
pub const LEFT_IDP: Duration = Duration::from_secs(90 * 24 * 3600);

/// How long users may be without a session before they are of concern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdleLimits {
    /// A privileged user; `None` if privileged users never are.
    pub admin: Option<Duration>,
    /// A user with groups of an identity provider; `None` if such users never are.
    pub left_idp: Option<Duration>,
}

impl Default for IdleLimits {
    fn default() -> Self {
        Self {
            admin: Some(IDLE_ADMIN),
            left_idp: Some(LEFT_IDP),
        }
    }
}

/// Whether a user has been seen lately.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Idleness {
    /// The user began a session, or has not existed long enough.
    Active,
    /// The user has certainly begun no session.
    Idle,
    /// It is not known.
    NotKnown,
}

impl Idleness {
    /// Judges whether a user has been without a session for some time.
    pub fn of(
        user: &User,
        at: Option<Timestamp>,
        span: Option<SessionSpan>,
        now: Timestamp,
        idle_for: Duration,
    ) -> Self {
        let begin = earlier(now, idle_for);
        let is_after = |time: Timestamp| time > begin;
        if at.is_some_and(is_after) || user.created_at.is_some_and(is_after) {
            return Self::Active;
        }
        match span {
            Some(span) if covers(span, begin, now) => Self::Idle,
            Some(_) | None => Self::NotKnown,
        }
    }
}

/// Returns whether all begins of sessions between two times are known.
pub fn covers(span: SessionSpan, begin: Timestamp, now: Timestamp) -> bool {
    span.since <= begin && now.since(span.until) <= MAX_LAG
}

/// Returns the time that is earlier by a duration.
pub fn earlier(time: Timestamp, by: Duration) -> Timestamp {
    let millis = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis(time.millis().saturating_sub(millis))
}

/// Returns whether sessions say anything about a user: a program's account has none, and a user who
/// cannot log in begins none.
pub fn has_sessions(user: &User, now: Timestamp) -> bool {
    !user.is_bot && Barrier::of(user, now).is_none()
}

/// Looks at a tenant's records, roles first, then groups, and judges its users.
#[derive(Debug)]
pub struct Absences {
    now: Timestamp,
    limits: IdleLimits,
    span: Option<SessionSpan>,
    administration: Administration,
    /// Groups that Qlik takes from an identity provider.
    idp: BTreeSet<GroupId>,
}

impl Absences {
    /// Begins at a time, with the span in which sessions are known.
    pub fn begin(now: Timestamp, limits: IdleLimits, span: Option<SessionSpan>) -> Self {
        Self {
            now,
            limits,
            span,
            administration: Administration::default(),
            idp: BTreeSet::new(),
        }
    }

    /// Looks at a role or a group.
    pub fn look(&mut self, record: &Record) {
        self.administration.look(record);
        match record {
            Record::Group(group) if group.is_of_idp() => {
                self.idp.insert(group.id.clone());
            }
            Record::Group(_) | Record::Role(_) | Record::User(_) => {}
        }
    }

    /// Returns whether the last session of a user matters.
    pub fn concern(&self, user: &User) -> bool {
        self.span.is_some() && has_sessions(user, self.now) && self.limit(user).is_some()
    }

    /// Judges a user, given when the last known session began.
    pub fn judge(&self, user: &User, at: Option<Timestamp>) -> Option<Concern> {
        let (reason, idle_for) = self.limit(user)?;
        match Idleness::of(user, at, self.span, self.now, idle_for) {
            Idleness::Active | Idleness::NotKnown => return None,
            Idleness::Idle => {}
        }
        let seen = LastSession::of(at, self.span, self.now).in_words();
        let seen = format!("last session: {seen}");
        let (code, detail, extent) = match reason {
            Reason::Admin => {
                let paths = self.administration.paths(user).join(", ");
                let extent = self.administration.extent(user);
                (ConcernCode::IdleAdmin, format!("{paths}; {seen}"), extent)
            }
            // A user who comes back and leaves again is a new finding.
            Reason::OfIdp => {
                let extent = at.map_or_else(|| "none".to_owned(), |at| at.to_string());
                (ConcernCode::LeftIdp, seen, [extent].into())
            }
        };
        Some(Concern {
            code,
            subject: ConcernSubject::User(user.id.clone()),
            part: None,
            label: user.label().to_owned(),
            detail,
            extent,
        })
    }

    /// Returns why the last session of a user matters, and how old it may be.
    fn limit(&self, user: &User) -> Option<(Reason, Duration)> {
        let IdleLimits { admin, left_idp } = self.limits;
        let is_admin = !self.administration.extent(user).is_empty();
        if let Some(admin) = admin.filter(|_| is_admin) {
            return Some((Reason::Admin, admin));
        }
        let mut groups = user.groups.iter().flat_map(BTreeMap::keys);
        let is_of_idp = groups.any(|group| self.idp.contains(group));
        let left_idp = left_idp.filter(|_| is_of_idp)?;
        Some((Reason::OfIdp, left_idp))
    }
}

/// Why the last session of a user matters.
#[derive(Debug, Clone, Copy)]
enum Reason {
    /// The user administers.
    Admin,
    /// The user comes from an identity provider.
    OfIdp,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        Coded, Group, GroupType, Id, Kind, Role, RoleId, RoleType, UserId, UserStatus,
    };

    const DAYS_90: Duration = Duration::from_secs(90 * 24 * 3600);

    fn day(day: i64) -> Timestamp {
        Timestamp::from_millis(day * 86_400_000)
    }

    fn id(kind: Kind, n: u8) -> Id {
        Id::parse(&format!("{n:02x}{:022x}", kind as u8)).unwrap()
    }

    fn span(since: i64, until: i64) -> SessionSpan {
        SessionSpan {
            since: day(since),
            until: day(until),
        }
    }

    fn user(roles: &[u8], groups: &[u8]) -> User {
        let roles = roles
            .iter()
            .map(|n| (RoleId(id(Kind::Role, *n)), String::new()));
        let groups = groups
            .iter()
            .map(|n| (GroupId(id(Kind::Group, *n)), String::new()));
        User {
            roles: Some(roles.collect()),
            groups: Some(groups.collect()),
            created_at: Some(day(1)),
            ..User::new(UserId(id(Kind::User, 1)), "maria")
        }
    }

    fn group(n: u8, provider: &str, role: Option<u8>) -> Record {
        let roles = role.map(|n| (RoleId(id(Kind::Role, n)), String::new()));
        Record::Group(Group {
            id: GroupId(id(Kind::Group, n)),
            name: format!("Group {n}"),
            description: None,
            group_type: Coded::new(GroupType::Group, provider),
            status: None,
            idp_id: None,
            roles: Some(roles.into_iter().collect()),
            created_at: None,
            updated_at: None,
        })
    }

    /// Role 1 administers, role 2 does not; group 1 is of an identity provider, group 2 is not, and
    /// group 3, which is not either, gives role 1.
    fn absences(limits: IdleLimits, span: Option<SessionSpan>) -> Absences {
        let mut absences = Absences::begin(day(200), limits, span);
        for (n, role_type) in [(1, RoleType::Admin), (2, RoleType::Basic)] {
            let id = RoleId(id(Kind::Role, n));
            let role = Role::new(id, format!("Role {n}"), Coded::new(role_type, "admin"));
            absences.look(&Record::Role(role));
        }
        for (n, provider, role) in [
            (1, "idp", None),
            (2, "custom", None),
            (3, "custom", Some(1)),
        ] {
            absences.look(&group(n, provider, role));
        }
        absences
    }

    #[test]
    fn a_user_is_idle_only_if_that_is_certain() {
        use Idleness::{Active, Idle, NotKnown};
        for (last, created, known, expected) in [
            (Some(150), Some(1), Some(span(100, 200)), Active),
            (Some(110), Some(1), Some(span(100, 200)), Idle),
            (Some(50), Some(1), Some(span(100, 200)), Idle),
            (None, Some(1), Some(span(100, 200)), Idle),
            (None, None, Some(span(110, 199)), Idle),
            // Not known for long enough, or up to now, or not at all.
            (None, Some(1), Some(span(111, 200)), NotKnown),
            (Some(50), Some(1), Some(span(111, 200)), NotKnown),
            (None, Some(1), Some(span(100, 198)), NotKnown),
            (Some(110), Some(1), None, NotKnown),
            // Seen lately, whatever else is not known, or not in existence long enough.
            (Some(150), Some(1), None, Active),
            (None, Some(120), Some(span(100, 200)), Active),
        ] {
            let user = User {
                created_at: created.map(day),
                ..user(&[], &[])
            };

            let found = Idleness::of(&user, last.map(day), known, day(200), DAYS_90);

            assert_eq!(found, expected, "{last:?}, {created:?}, {known:?}");
        }
    }

    #[test]
    fn administrators_and_users_of_an_identity_provider_are_of_concern() {
        let all = IdleLimits::default();
        let none = IdleLimits {
            admin: None,
            left_idp: None,
        };
        let known = Some(span(100, 200));
        let disabled = User {
            status: Coded::new(UserStatus::Disabled, "disabled"),
            ..user(&[1], &[1])
        };
        let bot = User {
            is_bot: true,
            ..user(&[1], &[])
        };
        for (user, limits, span, expected) in [
            (user(&[1], &[]), all, known, Some(ConcernCode::IdleAdmin)),
            (user(&[], &[3]), all, known, Some(ConcernCode::IdleAdmin)),
            // An administrator of an identity provider is one finding.
            (user(&[1], &[1]), all, known, Some(ConcernCode::IdleAdmin)),
            (user(&[2], &[1]), all, known, Some(ConcernCode::LeftIdp)),
            (user(&[2], &[2]), all, known, None),
            (user(&[1], &[1]), none, known, None),
            (user(&[1], &[1]), all, None, None),
            (disabled, all, known, None),
            (bot, all, known, None),
        ] {
            let absences = absences(limits, span);

            let found = match absences.concern(&user) {
                true => absences.judge(&user, Some(day(20))),
                false => None,
            };

            assert_eq!(found.map(|it| it.code), expected, "{user:?}");
        }
    }

    #[test]
    fn a_finding_says_what_the_user_administers_and_when_the_user_was_seen() {
        let absences = absences(IdleLimits::default(), Some(span(100, 200)));

        let found = absences.judge(&user(&[1], &[3]), Some(day(105))).unwrap();

        let seen = "last session: 1970-04-16T00:00:00.000Z";
        let expected = format!("Role 1, Role 1 by the group Group 3; {seen}");
        assert_eq!(found.detail, expected);
        assert_eq!(found.extent.len(), 2);
    }
}
