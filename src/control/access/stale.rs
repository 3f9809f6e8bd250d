//! Lists users who have begun no session for some time, or for whom this is not known.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::access::{Idleness, covers, has_sessions};
use crate::control::query::StaleWho;
use crate::control::reading::Reading;
use crate::control::records::MAX_READ;
use crate::control::{ControlError, MAX_PAGE, Query, page, query};
use crate::history::Picture;
use crate::model::{Group, GroupId, Id, RoleMention, SessionSpan, Timestamp, User};
use crate::store::{Known, Store};

use super::answers::{AccessPage, AccessPerson, NotKnown, StaleRow};
use super::envelope;
use super::last_seen::{last_session, span};
use super::stale_licences::{Asked, Licensing, can_log_in, idleness};

impl Query for query::StaleAccess {
    type Answer = AccessPage<StaleRow, Id>;

    fn about(&self) -> &'static str {
        "who was not seen"
    }

    fn answer(self, reading: &Reading<'_>) -> Result<Self::Answer, ControlError> {
        let known = reading.one(&self.tenant)?;
        let store = reading.store;
        let picture = reading.context.pictures.of(store, known, self.at)?;
        let mut envelope = envelope::begin(reading, known, &picture, self.at, Some(&[]))?;
        let now = envelope.as_of;
        let idle_for = Duration::from_secs(u64::from(self.days) * 24 * 3600);
        let span = span(store, known)?;
        if !span.is_some_and(|span| covers(span, now, idle_for)) {
            envelope
                .not_known
                .insert(NotKnown::Sessions { known: span });
        }
        let licensing = Licensing::of(reading, known, &picture, self.at)?;
        let others = match self.who {
            StaleWho::Privileged | StaleWho::All => {
                licensing.note(&mut envelope, Asked::Besides);
                None
            }
            StaleWho::Licensed => {
                licensing.note(&mut envelope, Asked::Yes);
                let others = licensing.others()?;
                others.note(&mut envelope);
                Some(others)
            }
        };
        let finder = Finder {
            licensing: &licensing,
            store,
            known,
            picture: &picture,
            span,
            now,
            present: reading.context.clock.now().max(now),
            idle_for,
            who: self.who,
        };
        let limit = page::size(self.limit);
        let (mut rows, mut next) = (Vec::new(), self.after);
        'read: for _ in 0..MAX_READ / MAX_PAGE {
            let read = picture.users(store, known, next.as_ref(), MAX_PAGE)?;
            for user in read.users {
                next = Some(user.id.0.clone());
                if finder.is_asked_about(&user) {
                    let row = finder.row(&user)?;
                    if row.is_some() || self.who != StaleWho::Licensed {
                        let unseen = picture.grants().unseen(&user);
                        envelope::note_user(&mut envelope, &picture, &user, &unseen);
                    }
                    rows.extend(row);
                }
                if rows.len() >= limit {
                    break 'read;
                }
            }
            next = read.next;
            if next.is_none() {
                break;
            }
        }
        let rows = match others {
            Some(others) => others.compare(rows, now, idle_for)?,
            None => rows,
        };
        Ok(AccessPage {
            envelope,
            rows,
            next,
        })
    }
}

struct Finder<'a, 'r> {
    licensing: &'a Licensing<'r>,
    store: &'a Store,
    known: &'a Known,
    picture: &'a Picture,
    span: Option<SessionSpan>,
    /// The time that is asked about.
    now: Timestamp,
    present: Timestamp,
    idle_for: Duration,
    who: StaleWho,
}

impl Finder<'_, '_> {
    fn is_asked_about(&self, user: &User) -> bool {
        match self.who {
            StaleWho::Privileged | StaleWho::All => has_sessions(user, self.now),
            StaleWho::Licensed => true,
        }
    }

    /// Returns the row of a user; `None` if the user is not asked about, or was seen.
    fn row(&self, user: &User) -> Result<Option<StaleRow>, ControlError> {
        let roles = self.picture.grants().roles_of(user).into_keys();
        let roles = roles.map(|role| self.picture.mention(&role, None));
        let admin_roles: Vec<RoleMention> = roles.filter(RoleMention::is_admin).collect();
        match self.who {
            StaleWho::Privileged if admin_roles.is_empty() => return Ok(None),
            StaleWho::Privileged | StaleWho::All | StaleWho::Licensed => {}
        }
        let licences = self.licensing.of_user(user)?;
        if self.who == StaleWho::Licensed && licences.as_ref().is_none_or(Vec::is_empty) {
            return Ok(None);
        }
        let last = last_session(
            self.store,
            self.known,
            user,
            self.span,
            (self.now, self.present),
        )?;
        let idleness = idleness(user, last.at, last.known, self.now, self.idle_for);
        match idleness {
            Idleness::Active if can_log_in(user, self.now) => return Ok(None),
            // A recently active user who can no longer log in is asked about only for licences, and
            // nobody uses that user's.
            Idleness::Active | Idleness::Idle | Idleness::NotKnown => {}
        }
        Ok(Some(StaleRow {
            user: AccessPerson::of(user, self.now),
            admin_roles,
            last,
            idleness,
            idp_groups: self.idp_groups(user)?,
            licences,
            also_in: BTreeSet::new(),
        }))
    }

    /// Returns the groups of an identity provider that a user is in; `None` if the user's groups
    /// are not visible.
    fn idp_groups(&self, user: &User) -> Result<Option<BTreeMap<GroupId, String>>, ControlError> {
        let Some(groups) = &user.groups else {
            return Ok(None);
        };
        let mut found = BTreeMap::new();
        for id in groups.keys() {
            let group = self.picture.group(self.store, self.known, id)?;
            if let Some(group) = group.filter(Group::is_of_idp) {
                found.insert(id.clone(), group.name);
            }
        }
        Ok(Some(found))
    }
}
