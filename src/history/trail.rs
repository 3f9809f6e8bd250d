//! Which entries of the journal changed who holds which role, read once for many questions.
//!
//! To find since when a role is held, the journal is read backwards. Each question would read the
//! same entries again, so this keeps the positions of those that matter: the ones that changed
//! which roles a user or group has, or which groups a user is in. It reads back no further than a
//! question needs, and later questions continue from there. Entries that are written meanwhile are
//! added.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::access::Grants;
use crate::model::{
    Entry, Fact, Origin, Record, RoleId, RunId, Seq, Timestamp, User, UserId, Verb,
};
use crate::store::{Known, Skimmed, Store, UserEntry};

use super::basis::Since;
use super::error::HistoryError;
use super::since_when::Undoing;

/// The most entries that are read backwards, from the time that is asked about.
const MAX_READ: u64 = if cfg!(test) { 200 } else { 200_000 };

/// How many entries are read at once.
const AT_ONCE: usize = 500;
const PORTION: u64 = AT_ONCE as u64;

/// How many entries the first reading goes back. Each further one reads twice as many as the one
/// before.
const FIRST: u64 = if cfg!(test) { 3 } else { 1_000 };

/// Since when each user has had each role.
pub type Dates = BTreeMap<(UserId, RoleId), Since>;

/// The entries of a tenant, in a span of the journal, that changed who holds which role.
///
/// Memory is bounded by the number of entries in the span, at some 40 bytes each: at most 200,000
/// when it is read, and 400,000 with those that were written since.
#[derive(Debug, Default)]
pub struct Trail {
    /// The span begins after this entry.
    low: Seq,
    /// The last entry of the span.
    high: Seq,
    /// Hashes of users, each with an entry about the user, sorted by hash and then by entry.
    users: Vec<(u64, Seq)>,
    /// The entries that changed what a role or a group gives, in order.
    givers: VecDeque<Seq>,
    /// The runs that changed records, in the order of their entries.
    runs: VecDeque<Segment>,
    /// The time of the first load, if it precedes the span.
    loaded: Option<Timestamp>,
    /// Whether an entry in the span was lost or cannot be read.
    has_gap: bool,
}

/// Successive changes of records by one run, with no change by another run in between.
#[derive(Debug)]
struct Segment {
    run: RunId,
    /// The entry of the last of these changes, and its time.
    last: Seq,
    at: Timestamp,
}

impl Trail {
    /// Finds since when users have had roles, reading backwards from the entry `up_to`. `grants`
    /// and the users in `wanted` must be as they were after that entry.
    pub fn since_when(
        &mut self,
        store: (&Store, &Known),
        grants: Arc<Grants>,
        up_to: Seq,
        wanted: Vec<(User, Vec<RoleId>)>,
    ) -> Result<Dates, HistoryError> {
        let dates = self.follow(store, grants, up_to, wanted);
        if dates.is_err() {
            // What was read may be incomplete.
            *self = Self::default();
        }
        dates
    }

    fn follow(
        &mut self,
        (store, known): (&Store, &Known),
        grants: Arc<Grants>,
        up_to: Seq,
        wanted: Vec<(User, Vec<RoleId>)>,
    ) -> Result<Dates, HistoryError> {
        self.extend(store, known, up_to)?;
        let first = store.first_seq()?;
        // Entries up to the floor are not read.
        let floor = Seq(up_to
            .0
            .saturating_sub(MAX_READ)
            .max(first.0.saturating_sub(1)));
        let mut undoing = Undoing::begin(grants, wanted);
        let (mut end, mut n_more) = (up_to, FIRST);
        let loaded = loop {
            let begin = self.low.max(floor);
            self.undo(store, &mut undoing, begin, end)?;
            end = begin.min(end);
            let loaded = self.loaded.filter(|_| self.low >= floor);
            let is_whole = |run| self.first_run(begin) != Some(run);
            // What users had before a run is known only once all its changes were undone.
            if loaded.is_some() || undoing.run().is_some_and(is_whole) {
                undoing.end_run();
            }
            if undoing.is_done() || begin == floor || loaded.is_some() {
                break loaded;
            }
            let to = Seq(begin.0.saturating_sub(n_more)).max(floor);
            self.extend_back(store, known, to)?;
            n_more *= 2;
        };
        let of_others = match loaded {
            Some(at) if !self.has_gap => Since::BeforeFirstLoad { at },
            Some(at) => Since::Before { at },
            None => {
                let entry = store.entries(floor, 1)?.into_iter().next();
                let entry = entry.filter(|entry| entry.seq <= up_to);
                let at = entry.map_or(known.adopted_at, |entry| entry.at);
                Since::Before { at }
            }
        };
        Ok(undoing.answers(&of_others))
    }

    /// Undoes the entries after `begin` and up to `end` that may concern the users.
    fn undo(
        &self,
        store: &Store,
        undoing: &mut Undoing,
        begin: Seq,
        end: Seq,
    ) -> Result<(), HistoryError> {
        let is_within = |seq: &Seq| begin < *seq && *seq <= end;
        let givers = self.givers.iter().copied().filter(is_within);
        let mut entries: Vec<(Seq, Option<UserId>)> = givers.map(|seq| (seq, None)).collect();
        for user in undoing.users() {
            let hash = hash(user);
            let first = self.users.partition_point(|place| *place <= (hash, begin));
            let of_user = self.users.iter().skip(first);
            let of_user = of_user.take_while(|place| **place <= (hash, end));
            entries.extend(of_user.map(|(_, seq)| (*seq, Some(user.clone()))));
        }
        entries.sort_unstable();
        for (seq, user) in entries.into_iter().rev() {
            if undoing.is_done() {
                break;
            }
            if user.is_some_and(|user| !undoing.is_open(&user)) {
                continue;
            }
            let mut entry = store.entry(seq)?.ok_or(HistoryError::WasCut)?;
            store.add_late_report(&mut entry)?;
            let at = self.segment(seq).map_or(entry.at, |segment| segment.at);
            undoing.undo(Entry { at, ..entry });
        }
        Ok(())
    }

    /// Returns the segment that an entry belongs to.
    fn segment(&self, seq: Seq) -> Option<&Segment> {
        let place = self.runs.partition_point(|segment| segment.last < seq);
        self.runs.get(place)
    }

    /// Returns the run of the first change after an entry.
    fn first_run(&self, after: Seq) -> Option<RunId> {
        self.segment(after.next()).map(|segment| segment.run)
    }

    /// Adds the entries that were written since the last call, up to `up_to`.
    fn extend(&mut self, store: &Store, known: &Known, up_to: Seq) -> Result<(), HistoryError> {
        if up_to <= self.high && self.low < self.high {
            return Ok(());
        }
        if self.low == self.high || up_to.0 - self.high.0 > MAX_READ {
            *self = Self::begin(up_to);
        }
        while self.high < up_to {
            let n_left = usize::try_from(up_to.0 - self.high.0).unwrap_or(AT_ONCE);
            let entries = store.skim(self.high, n_left.min(AT_ONCE))?;
            if entries.is_empty() {
                // All of it was cut.
                *self = Self::begin(up_to);
            }
            for entry in entries {
                if entry.seq() != self.high.next() {
                    // What precedes it was cut.
                    *self = Self::begin(Seq(entry.seq().0.saturating_sub(1)));
                }
                self.high = entry.seq();
                self.add(known, &entry);
            }
        }
        if self.high.0 - self.low.0 > 2 * MAX_READ {
            self.forget(Seq(self.high.0 - MAX_READ));
        }
        self.users.sort();
        Ok(())
    }

    /// Makes a trail without entries whose span begins after an entry.
    fn begin(after: Seq) -> Self {
        Self {
            low: after,
            high: after,
            ..Self::default()
        }
    }

    /// Adds the entry right after the span.
    fn add(&mut self, known: &Known, entry: &Skimmed) {
        let (last, at) = (entry.seq(), entry.at());
        match look(known, entry) {
            Looked::Nothing => {}
            Looked::Gap => self.has_gap = true,
            Looked::FirstLoad => {
                *self = Self {
                    loaded: Some(at),
                    ..Self::begin(last)
                };
            }
            Looked::Change(run, concerned) => {
                match self.runs.back_mut() {
                    Some(segment) if segment.run == run => (segment.last, segment.at) = (last, at),
                    Some(_) | None => self.runs.push_back(Segment { run, last, at }),
                }
                match concerned {
                    Concerned::User(hash) => self.users.push((hash, last)),
                    Concerned::All => self.givers.push_back(last),
                    Concerned::Nobody => {}
                }
            }
        }
    }

    /// Adds the entries between `to` and the span, but none before the first load.
    fn extend_back(&mut self, store: &Store, known: &Known, to: Seq) -> Result<(), HistoryError> {
        while self.low > to && self.loaded.is_none() {
            let after = Seq(self.low.0.saturating_sub(PORTION)).max(to);
            let n_entries = usize::try_from(self.low.0 - after.0).unwrap_or(AT_ONCE);
            let entries = store.skim(after, n_entries)?;
            if entries.first().map(Skimmed::seq) != Some(after.next()) {
                return Err(HistoryError::WasCut);
            }
            for entry in entries.iter().rev() {
                self.add_before(known, entry);
                if self.loaded.is_some() {
                    break;
                }
            }
        }
        self.users.sort();
        Ok(())
    }

    /// Adds the entry right before the span.
    fn add_before(&mut self, known: &Known, entry: &Skimmed) {
        let (last, at) = (entry.seq(), entry.at());
        self.low = Seq(last.0.saturating_sub(1));
        match look(known, entry) {
            Looked::Nothing => {}
            Looked::Gap => self.has_gap = true,
            Looked::FirstLoad => (self.low, self.loaded) = (last, Some(at)),
            Looked::Change(run, concerned) => {
                if self.runs.front().is_none_or(|segment| segment.run != run) {
                    self.runs.push_front(Segment { run, last, at });
                }
                match concerned {
                    Concerned::User(hash) => self.users.push((hash, last)),
                    Concerned::All => self.givers.push_front(last),
                    Concerned::Nobody => {}
                }
            }
        }
    }

    /// Removes the entries up to a position from the span.
    fn forget(&mut self, up_to: Seq) {
        self.users.retain(|(_, seq)| *seq > up_to);
        self.givers.retain(|seq| *seq > up_to);
        self.runs.retain(|segment| segment.last > up_to);
        (self.low, self.loaded) = (up_to, None);
    }
}

/// What an entry means for who holds which role.
enum Looked {
    Nothing,
    /// Something was lost or cannot be read here.
    Gap,
    FirstLoad,
    Change(RunId, Concerned),
}

/// Whose roles a change of a record may concern.
enum Concerned {
    Nobody,
    /// The user with this hash.
    User(u64),
    All,
}

fn look(known: &Known, entry: &Skimmed) -> Looked {
    if let Skimmed::Other(entry) = entry
        && let Fact::HistoryLost(_) | Fact::Unreadable = entry.fact
    {
        return Looked::Gap;
    }
    let ours = entry
        .origin()
        .filter(|origin| origin.account.tenant == known.tenant.id);
    let Some(Origin { run, .. }) = ours else {
        return Looked::Nothing;
    };
    let concerned = match entry {
        Skimmed::User(entry) => match concerns(entry) {
            true => Concerned::User(hash(&entry.user)),
            false => Concerned::Nobody,
        },
        Skimmed::Other(entry) => match &entry.fact {
            Fact::Loaded { .. } => return Looked::FirstLoad,
            Fact::Changed(change) if given(change.before()) == given(change.after()) => {
                Concerned::Nobody
            }
            Fact::Changed(_) => Concerned::All,
            Fact::SpaceChanged(_)
            | Fact::LicenceChanged(_)
            | Fact::Held { .. }
            | Fact::Failed { .. }
            | Fact::Recovered(_)
            | Fact::EndpointDisabled { .. }
            | Fact::Unreadable
            | Fact::HistoryLost(_)
            | Fact::RightChanged(_)
            | Fact::RoleContentChanged { .. } => return Looked::Nothing,
        },
    };
    Looked::Change(*run, concerned)
}

/// Returns whether an entry about a user may have changed which roles the user has.
fn concerns(entry: &UserEntry) -> bool {
    match entry.verb {
        Verb::Created | Verb::Deleted => true,
        Verb::Updated => !entry.left.is_empty() || !entry.joined.is_empty(),
    }
}

/// Returns a hash by which the entries about a user are found. Two users may have the same hash:
/// then entries about the other one are read in vain.
fn hash(user: &UserId) -> u64 {
    xxhash_rust::xxh3::xxh3_64(&user.0.to_key())
}

/// Returns what a role or group gives.
fn given(record: Option<&Record>) -> Grants {
    let mut grants = Grants::default();
    if let Some(record) = record {
        grants.look(record);
    }
    grants
}

#[cfg(test)]
mod tests;
