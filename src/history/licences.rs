//! To whom the licence of a tenant is assigned, now or at an earlier time: the present assignments,
//! with every change since undone.

use std::collections::BTreeMap;

use crate::model::{SubjectKey, Timestamp};
use crate::store::{KeptLicence, Known, LicenceReading, Store};

use super::error::HistoryError;
use super::licence_past::{LicencePast, SubjectLicences};
use super::past::covered;
use super::picture::Picture;

/// What is known about a licence at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LicenceLook {
    /// How far the licence is read at present.
    pub reading: LicenceReading,
    /// The number of the licence that the tenant had; `None` if it is not known.
    pub number: Option<String>,
    /// The number of another licence that the tenant may have had already; `None` if there is none.
    pub may_be: Option<String>,
    /// Whether the licence was read in full by then. If not, nothing is known of it.
    pub is_known: bool,
    /// When the last complete reading had begun, as far as that is certain: later changes may have
    /// happened by then. `None` if there was none.
    pub read_at: Option<Timestamp>,
    /// Whether a part of what happened since that time could not be read.
    pub has_gap: bool,
}

/// Some subjects of a licence.
#[derive(Debug)]
pub struct AssignedPage {
    /// The subjects, in order. There may be none although others follow.
    pub subjects: Vec<SubjectLicences>,
    /// The subject after whom the next page begins; `None` if this is the last one.
    pub next: Option<SubjectKey>,
}

/// The licence of a tenant at the time of a picture.
pub struct LicenceThen<'a> {
    store: &'a Store,
    known: &'a Known,
    picture: Option<&'a Picture>,
    past: Option<LicencePast>,
    /// What is known about it.
    pub look: LicenceLook,
}

impl<'a> LicenceThen<'a> {
    /// Looks at the licence of a tenant at the time of a picture; `None` means now.
    pub fn of(
        store: &'a Store,
        known: &'a Known,
        picture: Option<&'a Picture>,
    ) -> Result<Self, HistoryError> {
        let reading = store.licence_reading(known.no)?;
        let asked = picture.and_then(|picture| Some((picture, picture.at()?)));
        let Some((picture, at)) = asked else {
            let look = LicenceLook {
                number: reading.head.number.clone(),
                may_be: None,
                is_known: reading.mark.last.is_some(),
                read_at: reading.mark.last,
                has_gap: false,
                reading,
            };
            return Ok(Self {
                store,
                known,
                picture: None,
                past: None,
                look,
            });
        };
        covered(store, known, at)?;
        let past = picture.take_licence_past(store, known, at)?;
        let look = look(&past, reading, at);
        Ok(Self {
            store,
            known,
            picture: Some(picture),
            past: Some(past),
            look,
        })
    }

    /// Reads a page of subjects, after a given one. It covers at most `limit` present subjects.
    pub fn page(
        &mut self,
        after: Option<&SubjectKey>,
        limit: usize,
    ) -> Result<AssignedPage, HistoryError> {
        if !self.look.is_known && self.past.is_some() {
            return Ok(AssignedPage {
                subjects: Vec::new(),
                next: None,
            });
        }
        let page = self.store.licences(self.known.no, after, limit)?;
        let next = page.last().map(|kept| kept.subject.clone());
        let next = next.filter(|_| page.len() == limit);
        let mut found: BTreeMap<SubjectKey, Option<KeptLicence>> = BTreeMap::new();
        if let Some(past) = &mut self.past {
            past.catch_up(self.store, self.known, &page)?;
            // A subject that is gone by now is not in the page.
            let changed = past.changed(after, next.as_ref());
            found.extend(changed.map(|subject| (subject.clone(), None)));
        }
        found.extend(
            page.into_iter()
                .map(|kept| (kept.subject.clone(), Some(kept))),
        );
        let subjects = found.into_iter();
        let subjects = subjects.filter_map(|(subject, now)| self.then(&subject, now));
        Ok(AssignedPage {
            subjects: subjects.collect(),
            next,
        })
    }

    /// Returns what is, or was, assigned to a subject; `None` if nothing is, or if that is not
    /// known.
    pub fn subject(
        &mut self,
        subject: &SubjectKey,
    ) -> Result<Option<SubjectLicences>, HistoryError> {
        if !self.look.is_known && self.past.is_some() {
            return Ok(None);
        }
        let now = self.store.licence_of(self.known.no, subject)?;
        if let (Some(past), Some(now)) = (&mut self.past, &now) {
            past.catch_up(self.store, self.known, std::slice::from_ref(now))?;
        }
        Ok(self.then(subject, now))
    }

    fn then(&self, subject: &SubjectKey, now: Option<KeptLicence>) -> Option<SubjectLicences> {
        match &self.past {
            Some(past) => past.then(subject, now),
            // The rows are still those of the licence before.
            None if self.look.reading.is_of_another() => None,
            None => now.and_then(SubjectLicences::of),
        }
    }
}

/// Keeps what was read of the journal for the next page of an answer.
impl Drop for LicenceThen<'_> {
    fn drop(&mut self) {
        if let (Some(picture), Some(past)) = (self.picture, self.past.take()) {
            picture.keep_licence_past(past);
        }
    }
}

fn look(past: &LicencePast, reading: LicenceReading, at: Timestamp) -> LicenceLook {
    // The journal has no changes of licences from before the first reading ended.
    let is_known = reading.first.is_some_and(|first| first <= at);
    let last = reading.mark.last.map(|last| last.min(at));
    // A change that was found later may have happened before the time, if the reading before the
    // one that found it had begun earlier.
    let read_at = match past.not_before() {
        Some(begun) => {
            let begun = begun.max(reading.first.unwrap_or(begun));
            Some(last.map_or(begun, |last| last.min(begun)))
        }
        None => last,
    };
    LicenceLook {
        number: match past.other() {
            Some(other) => other.before.clone(),
            None => reading.licence.clone(),
        },
        may_be: past.other().and_then(|other| other.may_be.clone()),
        is_known,
        read_at: read_at.filter(|_| is_known),
        has_gap: past.has_gap(),
        reading,
    }
}

#[cfg(test)]
mod tests;
