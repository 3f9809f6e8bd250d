//! Checks that the journal is dense, in the order of time, and leads to the present records.

use std::collections::BTreeMap;
use std::ops::Bound;

use crate::model::{Change, Entry, Fact, Kind, Seq, TenantId, Verb, Version};
use crate::store::engine::rows::{journal, losses};
use crate::store::engine::scan;
use crate::store::layout::entry;
use crate::store::layout::keys::{self, Keyspace};
use crate::store::values::tenant_no::TenantNo;

use super::Check;
use super::records::Versions;
use super::tenants::mark_of;

/// Entries between two progress reports.
const AT_ONCE: u64 = 500;

/// What the journal says about records, as far as it was read.
struct Lead {
    versions: Versions,
    numbers: BTreeMap<TenantId, TenantNo>,
    /// The journal had reached this entry before the records were read, so they include its
    /// changes.
    settled: Seq,
    /// Records that an entry created or updated but that were not found when records were read,
    /// with the entry: a later entry must delete them.
    absent: BTreeMap<u64, (Seq, Kind)>,
    /// How many records have the version of an entry that was read.
    n_led: u64,
    /// The entry that reports the last loss. The results of earlier entries may be lost.
    lost_at: Seq,
    /// The versions of the first entry after it and of the last that was read.
    read: Option<(Version, Version)>,
    /// The version of the previous entry.
    before: Option<Version>,
}

impl Check<'_> {
    /// Checks the journal. The records were read while its end was somewhere between `settled` and
    /// `last`.
    pub(super) fn journal(&mut self, versions: Versions, settled: Seq, last: Seq) {
        let Some(cut) = self.cut() else {
            return;
        };
        if cut > last {
            let what = format!("is cut up to entry {cut} and ends at {last}");
            return self.fault("the journal", what);
        }
        let mut lead = self.first_lead(versions, settled);
        let (mut expected, mut before) = (cut.next(), None);
        let from = Bound::Excluded(keys::journal(cut));
        let mut n_rows = 0;
        for row in scan::after(self.view.db, &[Keyspace::Journal as u8], from) {
            let Some((key, value)) = self.take("the journal", row) else {
                break;
            };
            n_rows += 1;
            if n_rows % AT_ONCE == 0 && (self.view.is_over)() {
                return;
            }
            if n_rows % AT_ONCE == 0 {
                self.tick(AT_ONCE);
            }
            let Some(entry) = self.take(keys::describe(&key), entry::read(&key, &value)) else {
                expected = keys::trailing_number(&key).map_or(expected, |seq| Seq(seq + 1));
                continue;
            };
            if entry.seq > last {
                break;
            }
            if entry.seq != expected {
                self.gap(expected, entry.seq);
            }
            expected = entry.seq.next();
            if before.is_some_and(|before| before > entry.at) {
                self.fault(keys::describe(&key), "is older than the one before it");
            }
            before = Some(entry.at);
            let version = entry.version();
            if lead
                .before
                .replace(version)
                .is_some_and(|before| before >= version)
            {
                self.fault(
                    keys::describe(&key),
                    "has no higher version than the one before it",
                );
            }
            self.checked.entries += 1;
            if entry.seq <= lead.lost_at {
                continue;
            }
            lead.read = Some((lead.read.map_or(version, |(first, _)| first), version));
            self.lead(&mut lead, &entry);
        }
        if expected <= last {
            self.gap(expected, last.next());
        }
        self.early(cut);
        self.led(&lead, cut);
        self.kept(cut);
    }

    /// Returns the state of the comparison before any entry was read.
    fn first_lead(&mut self, versions: Versions, settled: Seq) -> Lead {
        // Tenants may have been added since they were first read, each before its first entry.
        self.know_tenants();
        let read = losses::read(self.view.db);
        let losses = self.take("what was lost", read).unwrap_or_default();
        let lost_at = losses.last().map_or(Seq::START, |loss| loss.entry);
        let numbers = self.tenants.iter().map(|(no, (id, _))| (id.clone(), *no));
        Lead {
            versions,
            numbers: numbers.collect(),
            settled,
            absent: BTreeMap::new(),
            n_led: 0,
            lost_at,
            before: None,
            read: None,
        }
    }

    fn cut(&mut self) -> Option<Seq> {
        self.take("where the journal begins", journal::cut_at(self.view.db))
    }

    /// Reports that entries are missing, unless they were cut meanwhile.
    fn gap(&mut self, from: Seq, to: Seq) {
        if self.cut().is_some_and(|cut| cut.next() < to) {
            let last = Seq(to.0.saturating_sub(1));
            let what = match from == last {
                true => format!("entry {from} is missing"),
                false => format!("entries {from} to {last} are missing"),
            };
            self.fault("the journal", what);
        }
    }

    /// Checks that nothing exists before the position where the journal begins.
    fn early(&mut self, cut: Seq) {
        let first = scan::prefix(self.view.db, &[Keyspace::Journal as u8]).next();
        if let Some(Some((key, _))) = self.take("the journal", first.transpose())
            && keys::trailing_number(&key).is_none_or(|seq| seq <= cut.0)
        {
            let what = format!("is there, though the journal was cut up to entry {cut}");
            self.fault(keys::describe(&key), what);
        }
    }

    /// Compares an entry with the record that it is about.
    fn lead(&mut self, lead: &mut Lead, entry: &Entry) {
        let place = || format!("journal entry {}", entry.seq);
        let no = match entry
            .account()
            .map(|account| lead.numbers.get(&account.tenant))
        {
            Some(Some(no)) => *no,
            Some(None) => return self.fault(place(), "of a tenant that the store does not know"),
            None => return,
        };
        let change = match &entry.fact {
            Fact::Changed(change) => change,
            Fact::Loaded { .. }
            | Fact::SpaceChanged(_)
            | Fact::LicenceChanged(_)
            | Fact::Held { .. }
            | Fact::Failed { .. }
            | Fact::Recovered(_)
            | Fact::EndpointDisabled { .. }
            | Fact::Unreadable
            | Fact::HistoryLost(_)
            | Fact::RightChanged(_)
            | Fact::RoleContentChanged { .. } => return,
        };
        if let Change::Updated { before, after } = change
            && before.to_ref() != after.to_ref()
        {
            self.fault(place(), "tells of two records as of one");
        }
        let (kind, id) = (change.kind(), change.id());
        let mark = mark_of(no, kind, id);
        let version = lead.versions.of(no, kind, id);
        lead.n_led += u64::from(version == Some(entry.version()));
        match (change.verb(), version) {
            (Verb::Deleted, Some(version)) if version == entry.version() => {
                self.fault(
                    place(),
                    format!("deletes the {kind} {id}, which is said to be as it left it"),
                );
            }
            (Verb::Deleted, None) => drop(lead.absent.remove(&mark)),
            (Verb::Created | Verb::Updated, None) if entry.seq <= lead.settled => {
                lead.absent.insert(mark, (entry.seq, kind));
            }
            (_, Some(version)) if version < entry.version() && entry.seq <= lead.settled => {
                let what =
                    format!("tells of the {kind} {id}, whose version is {version}, an earlier one");
                self.fault(place(), what);
            }
            (Verb::Created | Verb::Updated | Verb::Deleted, _) => {}
        }
    }

    /// Compares the records with what was read of the journal.
    fn led(&mut self, lead: &Lead, cut: Seq) {
        for (seq, kind) in lead.absent.values() {
            let what = format!("leaves a {kind} that is not there, and no later entry deletes it");
            self.fault(format!("journal entry {seq}"), what);
        }
        // Entries that were cut meanwhile may have been counted or not.
        let is_still = self.cut() == Some(cut);
        let told = lead
            .read
            .map_or(0, |(first, last)| lead.versions.count(first, last));
        if is_still && told != lead.n_led {
            let what = format!(
                "{told} of them are said to be as an entry left them, {} are",
                lead.n_led
            );
            self.fault("the records", what);
        }
    }

    /// Checks entries that were cut and are kept for a row that names them.
    fn kept(&mut self, cut: Seq) {
        for row in scan::prefix(self.view.db, &[Keyspace::Kept as u8]) {
            let Some((key, value)) = self.take("entries that are kept", row) else {
                break;
            };
            let place = self.place_of(&key);
            let Some(entry) = self.take(&*place, entry::read(&key, &value)) else {
                continue;
            };
            if entry.seq > cut && self.cut().is_some_and(|cut| entry.seq > cut) {
                let what = format!("entry {} is in the journal, and was not cut", entry.seq);
                self.fault(place, what);
            }
        }
    }
}
