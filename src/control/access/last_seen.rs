//! Says when users were last seen, as far as that is known.

use crate::control::reading::Reading;
use crate::model::{LastSession, SessionSpan, Timestamp, User};
use crate::store::{Known, Store, StoreError};
use crate::sync::SessionReadings;

use super::answers::{Envelope, NotKnown};

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

/// Adds a note to an answer if sessions are read, but not known for the time of the answer.
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

/// Returns what is known of a user's last session at the time `as_of`. `now` is the present time.
pub(super) fn last_session(
    store: &Store,
    known: &Known,
    user: &User,
    span: Option<SessionSpan>,
    (as_of, now): (Timestamp, Timestamp),
) -> Result<LastSession, StoreError> {
    let session = store.last_session(known.no, &user.id)?;
    Ok(LastSession::of(session.at, session.span(span), as_of, now))
}
