//! Handles records that a sweep was shown twice with different contents, where the newer version
//! counts, and records that came without one of their lists, which are asked for by id.
//!
//! A listing is not a snapshot. A record may move from a page that was read to one that was not,
//! and a listing that is started again shows everything again. The version that came last is not
//! always the newer one, since a replica of the source may lag behind.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Assigned, Change, Fingerprint, Id, Observed, Record, RecordRef, Verb};
use crate::reconcile::{self, Judgement, KnownRecord};
use crate::store::{Store, Write};

use super::Comparison;
use crate::sync::RunError;
use crate::sync::plan::results::Replaced;
use crate::sync::sweep::sights::Second;

/// How many records are asked for by id because nobody can tell which of their versions is the
/// newer one, or what they have. The next sweep sees the changes of any others.
const MAX_UNSURE: usize = 1_000;

impl Comparison {
    /// Judges a second version of a record; `last` is the fingerprint of the first.
    pub(super) fn observe_again(
        &mut self,
        store: &Store,
        observed: Observed,
        last: Fingerprint,
    ) -> Result<(), RunError> {
        if reconcile::fingerprint(&observed.record) == last {
            return Ok(());
        }
        match self.sights.judge(&observed.record) {
            Second::Newer => self.revise(store, observed),
            Second::Older => Ok(()),
            Second::Unsure => {
                self.doubt(observed.record.id(), &BTreeSet::new());
                Ok(())
            }
        }
    }

    /// Notes that a record has to be asked for by id, and which lists it came without.
    pub(super) fn doubt(&mut self, id: &Id, left_out: &BTreeSet<Assigned>) {
        if self.unsure.len() < MAX_UNSURE {
            let lists = self.unsure.entry(id.clone()).or_default();
            lists.extend(left_out);
        }
    }

    /// Returns the records that have to be asked for, with the lists that they came without.
    pub(in crate::sync) fn take_unsure(&mut self) -> BTreeMap<RecordRef, BTreeSet<Assigned>> {
        let kind = self.kind;
        let unsure = std::mem::take(&mut self.unsure).into_iter();
        unsure
            .map(|(id, lists)| (RecordRef { kind, id }, lists))
            .collect()
    }

    /// Replaces the first version of a record by a newer one.
    pub(in crate::sync) fn revise(
        &mut self,
        store: &Store,
        observed: Observed,
    ) -> Result<(), RunError> {
        let Observed {
            record,
            raw,
            torn,
            findings,
        } = observed;
        let print = reconcile::fingerprint(&record);
        let known = self.known_of(store, record.id(), print)?;
        for finding in findings {
            self.find(finding);
        }
        let before = known.as_ref().map(|known| known.record.clone());
        let newer = record.clone();
        let (judgement, _shown) = reconcile::judge(known.clone(), record, &torn, print);
        // There is always something to write for a record that was not known: its creation.
        let Some(write) = write_of(judgement, known, raw) else {
            return Ok(());
        };
        if let Write::Change {
            change: Change::Updated { before, after },
            ..
        } = &write
        {
            self.learn(before, after);
        }
        let now = verb(&write);
        let first = match self.plan.replace(store, write)? {
            Replaced::Write(first) => {
                self.count(verb(&first), now);
                Some(first)
            }
            Replaced::Nothing(write) => {
                if now.is_some() {
                    self.plan.push(store, write)?;
                }
                self.count(None, now);
                None
            }
            Replaced::Quiet => None,
        };
        let was = first.as_ref().and_then(latest).or(before.as_ref());
        self.recount(was, &newer, before.as_ref());
        Ok(())
    }

    /// Notes a newer version, and returns what is known of the record.
    fn known_of(
        &mut self,
        store: &Store,
        id: &Id,
        print: Fingerprint,
    ) -> Result<Option<KnownRecord>, RunError> {
        if !self.known.renew(id, print) {
            self.unknown.renew(id, print);
            return Ok(None);
        }
        let (kind, id) = (self.kind, id.clone());
        let known = self.read_known(store, RecordRef { kind, id }, print)?;
        Ok(known.map(|known| KnownRecord {
            fingerprint: reconcile::fingerprint(&known.record),
            ..known
        }))
    }

    fn count(&mut self, first: Option<Verb>, now: Option<Verb>) {
        let counts = &mut self.counts;
        match first {
            Some(Verb::Created) => counts.created = counts.created.saturating_sub(1),
            Some(Verb::Updated) => counts.updated = counts.updated.saturating_sub(1),
            Some(Verb::Deleted) | None => {}
        }
        match now {
            Some(Verb::Created) => counts.created += 1,
            Some(Verb::Updated) => counts.updated += 1,
            Some(Verb::Deleted) | None => {}
        }
    }
}

/// Returns what to write for a newer version, or `None` if it says nothing new about a record that
/// was not known.
fn write_of(judgement: Judgement, known: Option<KnownRecord>, raw: Box<str>) -> Option<Write> {
    match (judgement, known) {
        (
            Judgement::Changed {
                change,
                fingerprint,
            },
            _,
        ) => Some(Write::Change {
            change,
            fingerprint,
            raw,
            reported: None,
        }),
        (
            Judgement::Refreshed {
                record,
                fingerprint,
            },
            _,
        )
        | (
            Judgement::Same,
            Some(KnownRecord {
                record,
                fingerprint,
            }),
        ) => Some(Write::Quiet {
            record,
            fingerprint,
            raw,
        }),
        (Judgement::Same, None) => None,
    }
}

/// Returns what a write reports of a record, or `None` if it reports nothing.
fn verb(write: &Write) -> Option<Verb> {
    match write {
        Write::Change { change, .. } => Some(change.verb()),
        Write::Quiet { .. } | Write::Forget { .. } => None,
    }
}

fn latest(write: &Write) -> Option<&Record> {
    match write {
        Write::Change { change, .. } => Some(change.latest()),
        Write::Quiet { record, .. } => Some(record),
        Write::Forget { .. } => None,
    }
}
