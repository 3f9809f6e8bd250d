//! The evidence for a review: who had which roles at one time, page by page.
//!
//! All pages describe the same time, so that the whole is a state that the tenant was in, however
//! long it takes to write down.

use std::collections::{BTreeMap, BTreeSet};

use crate::control::query::Which;
use crate::control::reading::Reading;
use crate::control::{ControlError, Query, page, query};
use crate::history::Picture;
use crate::model::{FindingCode, Kind, RoleId, Timestamp};
use crate::store::{Known, StoreError};

use super::answers::{AccessPage, Population, ReviewPage};
use super::dating::date;
use super::list::Finder;
use super::{envelope, last_seen, mentions};

impl Query for query::AccessReview {
    type Answer = ReviewPage;

    fn about(&self) -> &'static str {
        "who had which roles"
    }

    fn answer(self, reading: &Reading<'_>) -> Result<Self::Answer, ControlError> {
        let known = reading.one(&self.tenant)?;
        let at = match self.at {
            Some(at) => at,
            None => present(reading)?,
        };
        let picture = reading
            .context
            .pictures
            .of(reading.store, known, Some(at))?;
        let roles = self
            .roles
            .iter()
            .flat_map(|role| mentions::called(&picture, role));
        let roles: BTreeSet<RoleId> = roles.collect();
        let roles: Vec<RoleId> = roles.into_iter().collect();
        let asked = (!self.roles.is_empty()).then_some(&*roles);
        let mut envelope = envelope::begin(reading, known, &picture, Some(at), asked)?;
        let finder = Finder {
            picture: &picture,
            roles: asked,
            granting: BTreeSet::new(),
            which: Which::Own,
            at,
        };
        let limit = page::size(self.limit);
        let mut found = finder.read(reading, known, self.after, limit, &mut envelope)?;
        let span = last_seen::span(reading.store, known)?;
        last_seen::note_sessions(&mut envelope, reading, known, span);
        let now = reading.context.clock.now();
        let mut last_sessions = BTreeMap::new();
        for user in &found.users {
            let last = last_seen::last_session(reading.store, known, user, span, (at, now))?;
            last_sessions.insert(user.id.clone(), last);
        }
        let (users, rows) = (found.users, &mut found.rows);
        date(reading.store, known, &picture, users, rows)?;
        Ok(ReviewPage {
            population: population(reading, known, &picture, at)?,
            n_unseen: found.n_unseen,
            last_sessions,
            page: AccessPage {
                envelope,
                rows: found.rows,
                next: found.next,
            },
        })
    }
}

/// Returns the present time. If the clock was set back, the journal is ahead of it.
pub(in crate::control) fn present(reading: &Reading<'_>) -> Result<Timestamp, StoreError> {
    let last = reading.store.entry(reading.store.last_seq())?;
    let now = reading.context.clock.now();
    Ok(last.map_or(now, |entry| entry.at.max(now)))
}

fn population(
    reading: &Reading<'_>,
    known: &Known,
    picture: &Picture,
    at: Timestamp,
) -> Result<Population, ControlError> {
    let sweep = envelope::last_sweep(reading, known, Some(at))?;
    let shown = sweep.as_ref().and_then(|run| run.counts.get(&Kind::User));
    let findings = sweep.iter().flat_map(|run| &run.findings);
    let differs = findings.filter(|it| it.code == FindingCode::CountDiffers);
    let differs = differs.filter(|it| it.kind == Kind::User);
    Ok(Population {
        known: picture.n_users(reading.store, known)?,
        shown: shown.map(|counts| counts.seen),
        differs: differs.map(|it| it.detail.clone()).next(),
    })
}
