//! Lists users who have begun no session for some time, or for whom this is not known.

use std::time::Duration;

use crate::access::{Idleness, covers, has_sessions};
use crate::control::query::StaleWho;
use crate::control::reading::Reading;
use crate::control::records::MAX_READ;
use crate::control::{ControlError, MAX_PAGE, Query, page, query};
use crate::history::Picture;
use crate::model::{Id, LastSession, RoleMention, SessionSpan, Timestamp, User};
use crate::store::{Known, Store, StoreError};
use crate::sync::SessionReadings;

use super::answers::{AccessPage, AccessPerson, Envelope, NotKnown, StaleRow};
use super::envelope;

impl Query for query::StaleAccess {
    type Answer = AccessPage<StaleRow, Id>;

    fn about(&self) -> &'static str {
        "who was not seen"
    }

    fn answer(self, reading: &Reading<'_>) -> Result<Self::Answer, ControlError> {
        let known = reading.one(&self.tenant)?;
        let store = reading.store;
        let picture = reading.context.pictures.of(store, known, None)?;
        let mut envelope = envelope::begin(reading, known, &picture, None, Some(&[]))?;
        let now = envelope.as_of;
        let idle_for = Duration::from_secs(u64::from(self.days) * 24 * 3600);
        let span = span(store, known)?;
        if !span.is_some_and(|span| covers(span, now, idle_for)) {
            envelope
                .not_known
                .insert(NotKnown::Sessions { known: span });
        }
        let finder = Finder {
            store,
            known,
            picture: &picture,
            span,
            now,
            idle_for,
            who: self.who,
        };
        let limit = page::size(self.limit);
        let (mut rows, mut next) = (Vec::new(), self.after);
        for _ in 0..MAX_READ / MAX_PAGE {
            let read = picture.users(store, known, next.as_ref(), MAX_PAGE)?;
            for user in read.users {
                next = Some(user.id.0.clone());
                if has_sessions(&user, now) {
                    let unseen = picture.grants().unseen(&user);
                    envelope::note_user(&mut envelope, &picture, &user, &unseen);
                    rows.extend(finder.row(&user)?);
                }
                if rows.len() >= limit {
                    return Ok(AccessPage {
                        envelope,
                        rows,
                        next,
                    });
                }
            }
            next = read.next;
            if next.is_none() {
                break;
            }
        }
        Ok(AccessPage {
            envelope,
            rows,
            next,
        })
    }
}

/// Returns the span in which the sessions of a tenant are known; `None` if they are not read.
pub(in crate::control) fn span(
    store: &Store,
    known: &Known,
) -> Result<Option<SessionSpan>, StoreError> {
    let bookmark = store.bookmark(known.no)?;
    Ok(bookmark.and_then(|bookmark| bookmark.session_span()))
}

/// Returns whether sessions of a tenant are read, or would be if its audit log allowed it.
pub(in crate::control) fn are_sessions_read(reading: &Reading<'_>, known: &Known) -> bool {
    let linked = reading.context.registry.get(&known.name);
    match linked.map(|linked| linked.sessions()) {
        Some(SessionReadings::On) => true,
        Some(SessionReadings::Off) | None => false,
    }
}

/// Notes if it is not known when users were last seen before the time of an answer.
pub(super) fn note_sessions(
    envelope: &mut Envelope,
    reading: &Reading<'_>,
    known: &Known,
    span: Option<SessionSpan>,
) {
    let is_lacking = match span {
        Some(span) => !span.reaches(envelope.as_of),
        None => are_sessions_read(reading, known),
    };
    if is_lacking {
        let what = NotKnown::Sessions { known: span };
        envelope.not_known.insert(what);
    }
}

/// Returns what is known of the last session of a user at a time.
pub(super) fn last_session(
    store: &Store,
    known: &Known,
    user: &User,
    span: Option<SessionSpan>,
    as_of: Timestamp,
) -> Result<LastSession, StoreError> {
    let session = store.last_session(known.no, &user.id)?;
    Ok(LastSession::of(session.at, session.span(span), as_of))
}

struct Finder<'a> {
    store: &'a Store,
    known: &'a Known,
    picture: &'a Picture,
    span: Option<SessionSpan>,
    now: Timestamp,
    idle_for: Duration,
    who: StaleWho,
}

impl Finder<'_> {
    /// Returns the row of a user; `None` if the user is not asked about, or was seen.
    fn row(&self, user: &User) -> Result<Option<StaleRow>, StoreError> {
        let roles = self.picture.grants().roles_of(user).into_keys();
        let roles = roles.map(|role| self.picture.mention(&role, None));
        let admin_roles: Vec<RoleMention> = roles.filter(RoleMention::is_admin).collect();
        match self.who {
            StaleWho::Privileged if admin_roles.is_empty() => return Ok(None),
            StaleWho::Privileged | StaleWho::All => {}
        }
        let last = last_session(self.store, self.known, user, self.span, self.now)?;
        let idleness = Idleness::of(user, last.at, last.known, self.now, self.idle_for);
        match idleness {
            Idleness::Active => return Ok(None),
            Idleness::Idle | Idleness::NotKnown => {}
        }
        Ok(Some(StaleRow {
            user: AccessPerson::of(user, self.now),
            admin_roles,
            last,
            idleness,
        }))
    }
}
