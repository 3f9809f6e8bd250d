//! The licences of users who have not been seen for some time, and whether the same people were
//! seen in other tenants of the licence.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::time::Duration;

use crate::access::{Idleness, SubjectDigest};
use crate::control::reading::Reading;
use crate::control::{ControlError, MAX_PAGE};
use crate::history::{LicenceThen, Picture};
use crate::model::{
    Barrier, Id, Kind, LicenceAssignment, Record, SessionSpan, SubjectKey, TenantName, Timestamp,
    User,
};
use crate::store::{Known, StoreError};
use crate::sync::Readings;

use super::answers::{Envelope, NotKnown, StaleRow};
use super::envelope;
use super::last_seen::{last_session, span};
use super::licence_lack::{LicenceLack, lacking_at, readings};
use super::licence_search::{Search, SearchedTenant};
use super::licence_search_then::picture;

/// The licence of a tenant at a time, as far as it is known.
pub(super) struct Licensing<'r> {
    reading: &'r Reading<'r>,
    known: &'r Known,
    then: RefCell<LicenceThen<'r>>,
    /// The time; `None` means now.
    at: Option<Timestamp>,
    lacks: BTreeSet<LicenceLack>,
}

impl<'r> Licensing<'r> {
    pub(super) fn of(
        reading: &'r Reading<'_>,
        known: &'r Known,
        picture: &'r Picture,
        at: Option<Timestamp>,
    ) -> Result<Self, ControlError> {
        let then = LicenceThen::of(reading.store, known, Some(picture))?;
        let now = reading.context.clock.now();
        let lacks = lacking_at(&then.look, readings(reading, &known.name), at, now);
        Ok(Self {
            reading,
            known,
            then: RefCell::new(then),
            at,
            lacks,
        })
    }

    /// Notes what is not known about the licence. If licences are not read, notes that only when
    /// the question is about licences.
    pub(super) fn note(&self, envelope: &mut Envelope, asked: Asked) {
        let is_off = readings(self.reading, &self.known.name) == Readings::Off;
        if is_off && asked == Asked::Besides {
            return;
        }
        for lack in &self.lacks {
            let (tenant, lack) = (self.known.name.clone(), *lack);
            envelope::note(&mut envelope.not_known, NotKnown::Licences { tenant, lack });
        }
    }

    /// Returns what the licence assigns to a user; `None` if that is not known.
    pub(super) fn of_user(
        &self,
        user: &User,
    ) -> Result<Option<Vec<LicenceAssignment>>, ControlError> {
        let keys = [
            SubjectKey::of(&user.subject),
            SubjectKey::by_letter(&user.subject),
        ];
        for subject in &keys {
            if let Some(assigned) = self.then.borrow_mut().subject(subject)? {
                return Ok(Some(assigned.assignments));
            }
        }
        Ok(self.lacks.is_empty().then(Vec::new))
    }

    /// Finds the other tenants of the licence.
    pub(super) fn others(&self) -> Result<Others<'r>, ControlError> {
        let look = &self.then.borrow().look;
        let search = match readings(self.reading, &self.known.name) {
            Readings::Off => None,
            Readings::Every(_) => Some(Search::of_others_at(
                self.reading,
                self.known,
                look,
                self.at,
            )?),
        };
        Ok(Others {
            reading: self.reading,
            search,
        })
    }
}

/// Whether a question is about licences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// It is.
    Yes,
    /// It is about something else, and the answer mentions licences, too.
    Besides,
}

/// The other tenants of a licence.
pub(super) struct Others<'r> {
    reading: &'r Reading<'r>,
    /// `None` if the licence is not read.
    search: Option<Search<'r>>,
}

/// What is known about a person in the other tenants.
#[derive(Default)]
struct Elsewhere {
    tenants: BTreeSet<TenantName>,
    idleness: BTreeSet<Seen>,
}

/// Whether a user of another tenant was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Seen {
    Yes,
    No,
    NotKnown,
}

impl Others<'_> {
    /// Notes what is not known about the other tenants.
    pub(super) fn note(&self, envelope: &mut Envelope) {
        for (tenant, lack) in self.search.iter().flat_map(|it| it.lacks.clone()) {
            envelope::note(&mut envelope.not_known, NotKnown::Licences { tenant, lack });
        }
    }

    /// Leaves out the users who were seen within `idle_for` in another tenant of the licence, since
    /// they need it there. Adds to the other rows in which tenants these people have accounts, and
    /// whether they may have been seen there.
    pub(super) fn compare(
        &self,
        rows: Vec<StaleRow>,
        now: Timestamp,
        idle_for: Duration,
    ) -> Result<Vec<StaleRow>, ControlError> {
        let mut found: BTreeMap<SubjectDigest, Elsewhere> = BTreeMap::new();
        for place in self.search.iter().flat_map(Search::places) {
            let subjects = rows.iter().map(|row| row.user.subject.as_str());
            let has = |subject: &&str| place.has(&SubjectKey::of(subject));
            let wanted: BTreeSet<_> = subjects.filter(has).map(SubjectDigest::of).collect();
            for user in self.users(place, &wanted)? {
                let elsewhere = found.entry(SubjectDigest::of(&user.subject)).or_default();
                elsewhere.tenants.insert(place.known.name.clone());
                let seen = self.seen(place, &user, now, idle_for)?;
                elsewhere.idleness.insert(seen);
            }
        }
        // A user whom we do not know may be the same person.
        let is_known = self.search.as_ref().is_none_or(|it| it.lacks.is_empty());
        let rows = rows.into_iter().filter_map(|mut row| {
            if row.idleness == Idleness::Idle && !is_known {
                row.idleness = Idleness::NotKnown;
            }
            let digest = SubjectDigest::of(&row.user.subject);
            let Some(elsewhere) = found.get(&digest) else {
                return Some(row);
            };
            if elsewhere.idleness.contains(&Seen::Yes) {
                return None;
            }
            if elsewhere.idleness.contains(&Seen::NotKnown) {
                row.idleness = Idleness::NotKnown;
            }
            row.also_in.clone_from(&elsewhere.tenants);
            Some(row)
        });
        Ok(rows.collect())
    }

    /// Reads the users of a tenant who have some subjects.
    fn users(
        &self,
        place: &SearchedTenant<'_>,
        wanted: &BTreeSet<SubjectDigest>,
    ) -> Result<Vec<User>, ControlError> {
        let mut users = Vec::new();
        if wanted.is_empty() {
            return Ok(users);
        }
        let is_wanted = |user: &User| wanted.contains(&SubjectDigest::of(&user.subject));
        let (store, known) = (self.reading.store, place.known);
        let Some(at) = place.at else {
            store.walk(known.no, Kind::User, &mut |record| {
                if let Record::User(user) = record
                    && is_wanted(user)
                {
                    users.push(user.clone());
                }
                ControlFlow::Continue(())
            })?;
            return Ok(users);
        };
        let Some(picture) = picture(self.reading, known, at)? else {
            return Ok(users);
        };
        let mut after: Option<Id> = None;
        loop {
            let page = picture.users(store, known, after.as_ref(), MAX_PAGE)?;
            users.extend(page.users.into_iter().filter(is_wanted));
            after = page.next;
            if after.is_none() {
                return Ok(users);
            }
        }
    }

    fn seen(
        &self,
        place: &SearchedTenant<'_>,
        user: &User,
        now: Timestamp,
        idle_for: Duration,
    ) -> Result<Seen, StoreError> {
        if !can_log_in(user, now) {
            return Ok(Seen::No);
        }
        let store = self.reading.store;
        let last = last_session(
            store,
            place.known,
            user,
            span(store, place.known)?,
            (now, self.reading.context.clock.now()),
        )?;
        Ok(match idleness(user, last.at, last.known, now, idle_for) {
            // If the tenant may have another licence, nobody knows whether its user needs this one.
            Idleness::Active if place.is_doubtful() => Seen::NotKnown,
            Idleness::Active => Seen::Yes,
            Idleness::Idle => Seen::No,
            Idleness::NotKnown => Seen::NotKnown,
        })
    }
}

/// Returns whether a user with a licence was seen. Bots begin no sessions, so a bot never counts as
/// idle.
pub(super) fn idleness(
    user: &User,
    at: Option<Timestamp>,
    span: Option<SessionSpan>,
    now: Timestamp,
    idle_for: Duration,
) -> Idleness {
    match Idleness::of(user, at, span, now, idle_for) {
        Idleness::Idle if user.is_bot => Idleness::NotKnown,
        other => other,
    }
}

/// Returns whether a user can log in, or could by accepting an invitation.
pub(super) fn can_log_in(user: &User, now: Timestamp) -> bool {
    match Barrier::of(user, now) {
        None | Some(Barrier::Invited | Barrier::UnknownStatus) => true,
        Some(Barrier::Disabled | Barrier::InvitationEnded) => false,
    }
}
