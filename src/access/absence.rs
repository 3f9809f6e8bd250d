//! Finds users who have not been seen for a long time, as far as that is known.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{
    Barrier, GroupId, LastSession, Record, SessionSpan, Timestamp, User, UserSession,
};

use super::{Administration, Concern, ConcernCode, ConcernSubject};

/// The time without a session after which a privileged user is of concern.
pub const IDLE_ADMIN: Duration = Duration::from_secs(90 * 24 * 3600);

/// The time without a session after which a user of an identity provider may have left it.
pub const LEFT_IDP: Duration = Duration::from_secs(90 * 24 * 3600);

/// How long users may be without a session before they are of concern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdleLimits {
    /// For a privileged user; `None` if their idleness is not reported.
    pub admin: Option<Duration>,
    /// For a user with groups of an identity provider; `None` if their idleness is not reported.
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

/// Whether a user was seen lately, as of the end of the span in which sessions are known. What
/// happened after that is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Idleness {
    /// The user began a session, or had not existed long enough.
    Active,
    /// The user certainly began no session.
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
        let begin = span.and_then(|span| begin(span, now, idle_for));
        let is_after = |time: Timestamp| time > begin.unwrap_or(earlier(now, idle_for));
        if at.is_some_and(is_after) || user.created_at.is_some_and(is_after) {
            return Self::Active;
        }
        match span {
            Some(span) if covers(span, now, idle_for) => Self::Idle,
            Some(_) | None => Self::NotKnown,
        }
    }
}

/// Returns whether sessions are known for long enough to say who was idle for some time.
pub fn covers(span: SessionSpan, now: Timestamp, idle_for: Duration) -> bool {
    begin(span, now, idle_for).is_some_and(|begin| span.since <= begin)
}

/// Returns since when an idle user has begun no session; `None` if the log is no longer read.
fn begin(span: SessionSpan, now: Timestamp, idle_for: Duration) -> Option<Timestamp> {
    let as_of = span.reaches(now).then_some(span.until.min(now))?;
    Some(earlier(as_of, idle_for))
}

/// Returns the time that is earlier by a duration.
fn earlier(time: Timestamp, by: Duration) -> Timestamp {
    let millis = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis(time.millis().saturating_sub(millis))
}

/// Returns whether sessions say anything about a user: a program's account has none, and a user who
/// cannot log in begins none. A user with a status that we do not know may be able to.
pub fn has_sessions(user: &User, now: Timestamp) -> bool {
    let may_log_in = match Barrier::of(user, now) {
        None | Some(Barrier::UnknownStatus) => true,
        Some(Barrier::Disabled | Barrier::Invited | Barrier::InvitationEnded) => false,
    };
    !user.is_bot && may_log_in
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
    /// Whether any role is visible.
    has_roles: bool,
    /// How many users may be idle administrators, but do not show all their roles and groups.
    n_unseen: u64,
    /// How many users may be idle, but were found too late to know.
    n_late: u64,
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
            has_roles: false,
            n_unseen: 0,
            n_late: 0,
        }
    }

    /// Looks at a role or a group.
    pub fn look(&mut self, record: &Record) {
        self.administration.look(record);
        match record {
            Record::Group(group) if group.is_of_idp() => {
                self.idp.insert(group.id.clone());
            }
            Record::Role(_) => self.has_roles = true,
            Record::Group(_) | Record::User(_) => {}
        }
    }

    /// Returns whether the last session of a user has to be known to judge the user.
    pub fn needs_session(&self, user: &User) -> bool {
        let is_judged = !self.limits(user).is_empty() || self.may_administer(user);
        self.span.is_some() && has_sessions(user, self.now) && is_judged
    }

    /// Judges a user by what is stored of the user's sessions. If the user is certainly idle for
    /// several reasons, the first one counts.
    pub fn judge(&mut self, user: &User, session: UserSession) -> Option<Concern> {
        let (at, span) = (session.at, session.span(self.span));
        let (now, of_all) = (self.now, self.span);
        let is = |idleness: Idleness, span: Option<SessionSpan>, idle_for: Duration| {
            Idleness::of(user, at, span, now, idle_for) == idleness
        };
        let limits = self.limits(user);
        let mut all = limits.iter();
        let Some((reason, _)) = all.find(|(_, idle_for)| is(Idleness::Idle, span, *idle_for))
        else {
            // This user's sessions are not known for long enough, but those of the others are.
            let is_late = |(_, idle_for): &(Reason, Duration)| {
                is(Idleness::NotKnown, span, *idle_for) && is(Idleness::Idle, of_all, *idle_for)
            };
            self.n_late += u64::from(limits.iter().any(is_late));
            let admin = self.limits.admin.filter(|_| self.may_administer(user));
            let is_unseen = |admin| is(Idleness::Idle, span, admin);
            self.n_unseen += u64::from(admin.is_some_and(is_unseen));
            return None;
        };
        let known = self.span.map(|span| span.until.min(self.now));
        let as_of = known.map(|known| format!(", as of {known}"));
        let seen = LastSession::of(at, span, self.now, self.now).in_words();
        let seen = format!("last session: {seen}{}", as_of.unwrap_or_default());
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

    /// Returns how many users would be idle, but do not show whether they administer.
    pub fn n_unseen(&self) -> u64 {
        self.n_unseen
    }

    /// Returns how many users were found too late to know whether they are idle.
    pub fn n_late(&self) -> u64 {
        self.n_late
    }

    /// Returns each reason why the last session of a user matters, with how old it may be.
    fn limits(&self, user: &User) -> Vec<(Reason, Duration)> {
        let IdleLimits { admin, left_idp } = self.limits;
        let admin = admin.filter(|_| self.administers(user));
        let mut groups = user.groups.iter().flat_map(BTreeMap::keys);
        let is_of_idp = groups.any(|group| self.idp.contains(group));
        let left_idp = left_idp.filter(|_| is_of_idp);
        let admin = admin.map(|admin| (Reason::Admin, admin));
        let left_idp = left_idp.map(|left_idp| (Reason::OfIdp, left_idp));
        admin.into_iter().chain(left_idp).collect()
    }

    fn administers(&self, user: &User) -> bool {
        !self.administration.extent(user).is_empty()
    }

    /// Returns whether a user who looks like no administrator may be one by roles we cannot see.
    fn may_administer(&self, user: &User) -> bool {
        let is_hidden = !self.has_roles || self.administration.hides(user);
        is_hidden && !self.administers(user)
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

    /// Role 1 administers, role 2 does not; group 1 comes from an identity provider, groups 2 and 3
    /// do not; group 3 gives role 1.
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
            (None, None, Some(span(109, 199)), Idle),
            // Judged as of the end of the span.
            (Some(109), Some(1), Some(span(100, 199)), Idle),
            (Some(110), Some(1), Some(span(100, 199)), Active),
            (None, None, Some(span(110, 199)), NotKnown),
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
        // What SCIM has created and nobody has used yet, and what SCIM has removed.
        let provisioned = User {
            status: Coded::new(UserStatus::Pending, "provisioned"),
            ..user(&[2], &[1])
        };
        let removed = User {
            status: Coded::new(UserStatus::Disabled, "disabled"),
            ..user(&[2], &[1])
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
            (provisioned, all, known, None),
            (removed, all, known, None),
            (bot, all, known, None),
        ] {
            let absences = absences(limits, span);

            let found = judged(absences, &user, Some(day(20)));

            assert_eq!(found.map(|it| it.code), expected, "{user:?}");
        }
    }

    fn seen(at: Option<Timestamp>) -> UserSession {
        UserSession { at, since: None }
    }

    #[test]
    fn a_user_who_was_found_late_is_not_idle_but_counted() {
        for (since, expected, n_late) in [
            (None, Some(ConcernCode::IdleAdmin), 0),
            (Some(day(105)), Some(ConcernCode::IdleAdmin), 0),
            (Some(day(150)), None, 1),
        ] {
            let mut absences = absences(IdleLimits::default(), Some(span(100, 200)));

            let found = absences.judge(&user(&[1], &[]), UserSession { at: None, since });

            assert_eq!(found.map(|it| it.code), expected, "{since:?}");
            assert_eq!(absences.n_late(), n_late, "{since:?}");
        }
    }

    fn judged(mut absences: Absences, user: &User, at: Option<Timestamp>) -> Option<Concern> {
        match absences.needs_session(user) {
            true => absences.judge(user, seen(at)),
            false => None,
        }
    }

    #[test]
    fn a_user_is_of_concern_for_the_first_reason_for_which_the_user_is_idle() {
        let limit = |days: u64| Some(Duration::from_secs(days * 24 * 3600));
        for (admin, left_idp, expected) in [
            (limit(90), limit(10), Some(ConcernCode::IdleAdmin)),
            (limit(150), limit(90), Some(ConcernCode::LeftIdp)),
            (None, limit(90), Some(ConcernCode::LeftIdp)),
            (limit(150), limit(150), None),
        ] {
            let absences = absences(IdleLimits { admin, left_idp }, Some(span(20, 200)));

            // Not seen for a hundred days.
            let found = judged(absences, &user(&[1], &[1]), Some(day(100)));

            assert_eq!(found.map(|it| it.code), expected, "{admin:?} {left_idp:?}");
        }
    }

    #[test]
    fn whoever_has_an_unknown_status_may_log_in() {
        let unknown = User {
            status: Coded::new(UserStatus::UnmappedValue, "dormant"),
            ..user(&[1], &[])
        };

        let found = judged(
            absences(IdleLimits::default(), Some(span(100, 200))),
            &unknown,
            None,
        );

        assert_eq!(found.map(|it| it.code), Some(ConcernCode::IdleAdmin));
    }

    #[test]
    fn whoever_may_administer_without_showing_it_is_counted() {
        let roleless = User {
            roles: None,
            ..user(&[], &[2])
        };
        let groupless = User {
            groups: None,
            ..user(&[2], &[])
        };
        let known_admin = User {
            groups: None,
            ..user(&[1], &[])
        };
        for (user, at, expected) in [
            (&roleless, Some(20), 1),
            (&groupless, None, 1),
            (&user(&[2], &[4]), None, 1),
            (&user(&[2], &[2]), None, 0),
            // Seen lately.
            (&roleless, Some(150), 0),
            // A finding already.
            (&known_admin, None, 0),
        ] {
            let mut absences = absences(IdleLimits::default(), Some(span(100, 200)));
            absences.look(&Record::Group(Group {
                roles: None,
                ..match group(4, "custom", None) {
                    Record::Group(group) => group,
                    Record::User(_) | Record::Role(_) => unreachable!(),
                }
            }));

            if absences.needs_session(user) {
                absences.judge(user, seen(at.map(day)));
            }

            assert_eq!(absences.n_unseen(), expected, "{user:?}");
        }
        let mut blind = Absences::begin(day(200), IdleLimits::default(), Some(span(100, 200)));
        assert!(blind.needs_session(&user(&[1], &[])));
        blind.judge(&user(&[1], &[]), seen(None));
        assert_eq!(blind.n_unseen(), 1);
    }

    #[test]
    fn a_finding_says_what_the_user_administers_and_when_the_user_was_seen() {
        let mut absences = absences(IdleLimits::default(), Some(span(100, 200)));

        let found = absences
            .judge(&user(&[1], &[3]), seen(Some(day(105))))
            .unwrap();

        let seen = "last session: 1970-04-16T00:00:00.000Z, as of 1970-07-20T00:00:00.000Z";
        let expected = format!("Role 1, Role 1 by the group Group 3; {seen}");
        assert_eq!(found.detail, expected);
        assert_eq!(found.extent.len(), 2);
    }
}
