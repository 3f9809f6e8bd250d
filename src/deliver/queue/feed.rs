//! The journal as all endpoints read it. Blocks, as the store does.
//!
//! Most endpoints are at about the same position, so an entry that one has read and decoded is
//! found here by the next. Everything in memory for deliveries has one bound in bytes, whatever the
//! number of endpoints and the size of records: if the bound leaves no space for a delivery's
//! entry, the delivery is kept without it, and the entry is read again when it is sent.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use super::weight;
use crate::lock::lock;
use crate::model::{Entry, Seq};
use crate::store::{Store, StoreError};

/// Bytes in memory for deliveries of all endpoints together: entries that were read ahead may use
/// half of it, messages under way the rest. It is enough for twenty thousand usual events.
const LIMIT: usize = 64 * 1024 * 1024;

/// Bytes in memory for programs that pull events: four pages at a time, which are dropped at once,
/// and some pages for others who read the same.
const LIMIT_APART: usize = 32 * 1024 * 1024;

/// The most entries that are kept for other endpoints: some pages.
const KEPT: usize = 2_048;

/// The most entries in a page, and the most bytes, not counting the last entry.
pub(super) const PAGE: (usize, usize) = (512, 4 * 1024 * 1024);

/// Bytes in a page if everything that was read ahead uses up its share already. Such pages are
/// dropped at once, and larger ones would only be read faster.
const SMALL_PAGE: usize = 64 * 1024;

/// Entries that are read before their size is known.
const FIRST: usize = 16;

/// Reads the journal for all endpoints of a store. Clones share what was read, and the bound.
#[derive(Clone)]
pub struct Feed(Arc<Inner>);

struct Inner {
    store: Store,
    budget: Arc<Budget>,
    /// The last entries that were read, without a gap.
    window: Mutex<VecDeque<Shared>>,
    /// Locked by whoever reads a page, so that no two readers fill the same space.
    reading: Mutex<()>,
}

#[derive(Debug)]
struct Budget {
    limit: usize,
    used: AtomicUsize,
}

/// An entry in memory, shared by all endpoints that deliver it.
#[derive(Debug, Clone)]
pub(in crate::deliver) struct Shared(Arc<Counted>);

#[derive(Debug)]
struct Counted {
    entry: Entry,
    load: Load,
}

/// A share of the bound, in bytes, until it is dropped.
#[derive(Debug)]
pub(super) struct Load {
    bytes: usize,
    budget: Arc<Budget>,
}

impl Feed {
    /// Begins to read a store's journal.
    pub fn new(store: Store) -> Self {
        Self::of(store, LIMIT)
    }

    /// Begins to read a store's journal, with another bound.
    pub(in crate::deliver) fn of(store: Store, limit: usize) -> Self {
        Self(Arc::new(Inner {
            store,
            budget: Arc::new(Budget {
                limit,
                used: AtomicUsize::new(0),
            }),
            window: Mutex::default(),
            reading: Mutex::default(),
        }))
    }

    /// Reads the same journal for programs that pull events. What they read has a bound of its own,
    /// and locks of its own, so that no delivery waits for a program.
    #[must_use]
    pub fn apart(&self) -> Self {
        Self::of(self.0.store.clone(), LIMIT_APART)
    }

    /// Returns the store.
    pub(in crate::deliver) fn store(&self) -> &Store {
        &self.0.store
    }

    /// Returns whether the bound has space for entries that are read ahead.
    pub(super) fn may_keep(&self) -> bool {
        self.used() <= self.0.budget.limit / 2
    }

    /// Returns whether the bound has space for another message under way.
    pub(super) fn may_send(&self) -> bool {
        self.used() <= self.0.budget.limit
    }

    /// Takes a share of the bound.
    pub(super) fn load(&self, bytes: usize) -> Load {
        self.0.budget.used.fetch_add(bytes, Ordering::Relaxed);
        Load {
            bytes,
            budget: Arc::clone(&self.0.budget),
        }
    }

    /// Returns how many bytes are in use.
    pub(super) fn used(&self) -> usize {
        self.0.budget.used.load(Ordering::Relaxed)
    }

    /// Returns a page of entries after a position; it is empty if there are no more.
    pub(in crate::deliver) fn entries(&self, after: Seq) -> Result<Vec<Shared>, StoreError> {
        {
            let mut window = self.window();
            let (first, last) = (window.front(), window.back());
            let ends = first.zip(last).map(|(first, last)| (first.seq, last.seq));
            match ends {
                // The endpoint is far behind the others, which have no use for what it reads.
                Some((first, _)) if after.next() < first => {}
                Some((first, last)) if after < last => {
                    let n_passed = after.next().0 - first.0;
                    let n_passed = usize::try_from(n_passed).unwrap_or(usize::MAX);
                    return Ok(window.iter().skip(n_passed).take(PAGE.0).cloned().collect());
                }
                // Others who want the same page wait for it here rather than read it again.
                Some(_) | None => {
                    let page = self.read(after)?;
                    self.keep(&mut window, after, &page);
                    return Ok(page);
                }
            }
        }
        self.read(after)
    }

    /// Reads a page, in steps that fit the size of what is there. Without space for it, the page is
    /// short, so that many endpoints that read at the same time keep to the bound.
    fn read(&self, after: Seq) -> Result<Vec<Shared>, StoreError> {
        let _reading = lock(&self.0.reading);
        let left = (self.0.budget.limit / 2).saturating_sub(self.used());
        let most_bytes = left.clamp(SMALL_PAGE, PAGE.1);
        let mut page: Vec<Shared> = Vec::new();
        let mut bytes = 0;
        while let Some(step) = next_step((page.len(), bytes), most_bytes) {
            let after = page.last().map_or(after, |last| last.seq);
            let entries = self.0.store.entries(after, step)?;
            let is_end = entries.len() < step;
            // The journal may have been cut since the step before: what follows the gap is read on
            // its own, so that whoever asks for it sees the gap.
            let next = entries.first().map(|entry| entry.seq);
            if !page.is_empty() && next.is_some_and(|next| next != after.next()) {
                break;
            }
            for entry in entries {
                let shared = self.share(entry);
                bytes += shared.weight();
                page.push(shared);
            }
            if is_end {
                break;
            }
        }
        Ok(page)
    }

    /// Counts the bytes of an entry.
    pub(super) fn share(&self, entry: Entry) -> Shared {
        let load = self.load(weight::of_entry(&entry));
        Shared(Arc::new(Counted { entry, load }))
    }

    /// Keeps a page for other endpoints, as far as the bound has space.
    fn keep(&self, window: &mut VecDeque<Shared>, after: Seq, page: &[Shared]) {
        if window.back().is_some_and(|last| last.seq != after) {
            window.clear();
        }
        // The journal may have been truncated in between.
        let is_dense = page.first().is_none_or(|first| first.seq == after.next());
        if !is_dense {
            window.clear();
        }
        window.extend(page.iter().cloned());
        let mut bytes: usize = window.iter().map(Shared::weight).sum();
        while window.len() > KEPT || bytes > self.0.budget.limit / 4 {
            let Some(oldest) = window.pop_front() else {
                break;
            };
            bytes -= oldest.weight();
        }
    }

    fn window(&self) -> MutexGuard<'_, VecDeque<Shared>> {
        lock(&self.0.window)
    }
}

/// Returns how many entries to read next into a page of this many entries and bytes, or `None` if
/// it is full.
pub(super) fn next_step((n_read, bytes): (usize, usize), most_bytes: usize) -> Option<usize> {
    let (most, _) = PAGE;
    if n_read >= most || bytes >= most_bytes {
        return None;
    }
    let Some(each) = bytes.checked_div(n_read) else {
        return Some(FIRST);
    };
    let fitting = (most_bytes - bytes) / each.max(1);
    Some(fitting.clamp(1, most - n_read))
}

impl Shared {
    /// Returns the bytes that it uses.
    pub(super) fn weight(&self) -> usize {
        self.0.load.bytes
    }
}

impl Deref for Shared {
    type Target = Entry;

    fn deref(&self) -> &Entry {
        &self.0.entry
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feed")
            .field("budget", &self.0.budget)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;
    use std::thread;
    use std::time::Duration;

    use crate::deliver::tests::{create_users, open, start};
    use crate::store::{MaintenancePass, Retention};

    fn seqs(page: &[Shared]) -> Vec<u64> {
        page.iter().map(|entry| entry.seq.0).collect()
    }

    #[test]
    fn what_one_has_read_the_next_one_finds() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        create_users(&store, 1..=600);
        let feed = Feed::new(store.clone());

        let first = feed.entries(Seq(0)).unwrap();
        let again = feed.entries(Seq(0)).unwrap();
        let later = feed.entries(Seq(100)).unwrap();
        assert_eq!(seqs(&first), (1..=512).collect::<Vec<_>>());
        assert!(Arc::ptr_eq(&first[7].0, &again[7].0));
        assert!(Arc::ptr_eq(&first[100].0, &later[0].0));
        let rest = feed.entries(Seq(512)).unwrap();
        assert_eq!(seqs(&rest), (513..=600).collect::<Vec<_>>());
        assert_eq!(seqs(&feed.entries(Seq(600)).unwrap()), Vec::<u64>::new());

        // New entries are found after the last one, and an endpoint that is far behind reads alone.
        create_users(&store, 601..=602);
        assert_eq!(seqs(&feed.entries(Seq(600)).unwrap()), [601, 602]);
        assert_eq!(seqs(&feed.entries(Seq(598)).unwrap()), [599, 600, 601, 602]);
        let other = Feed::new(store);
        other.entries(Seq(590)).unwrap();
        assert_eq!(seqs(&other.entries(Seq(3)).unwrap())[..2], [4, 5]);
        drop((first, again, later, rest));
        assert!(feed.used() > 0);
        feed.window().clear();
        assert_eq!(feed.used(), 0);
    }

    #[test]
    fn no_delivery_waits_for_a_program_that_pulls() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        create_users(&store, 1..=600);
        let feed = Feed::new(store);
        let apart = feed.apart();

        // A program is in the middle of a page for as long as this takes.
        let pulling = (lock(&apart.0.window), lock(&apart.0.reading));
        assert_eq!(feed.entries(Seq(0)).unwrap().len(), 512);
        drop(pulling);

        let used = feed.used();
        let page = apart.entries(Seq(512)).unwrap();
        assert_eq!(seqs(&page), (513..=600).collect::<Vec<_>>());
        assert_eq!(feed.used(), used, "nor does it take space from deliveries");
    }

    #[test]
    fn a_page_has_as_many_as_fit() {
        for (n_read, bytes, expected) in [
            (0, 0, Some(FIRST)),
            (16, 16_000, Some(496)),
            (16, 16 * 200_000, Some(4)),
            (16, 4 * 1024 * 1024, None),
            (16, 4 * 1024 * 1024 - 1, Some(1)),
            (512, 512_000, None),
        ] {
            let step = next_step((n_read, bytes), PAGE.1);
            assert_eq!(step, expected, "{n_read} {bytes}");
        }
    }

    #[test]
    fn pages_that_are_read_side_by_side_keep_to_the_bound() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        create_users(&store, 1..=4_000);
        let limit = 512 * 1024;
        let feed = Feed::of(store, limit);
        let each = weight::of_entry(&feed.0.store.entries(Seq(0), 1).unwrap()[0]);
        let beyond = 8 * (SMALL_PAGE + 2 * each);
        assert!(8 * 450 * each > 2 * (limit / 2 + beyond), "{each}");

        // All but the first are far behind others, and read by themselves.
        feed.entries(Seq(3_990)).unwrap();
        let barrier = Barrier::new(8);
        let pages: Vec<_> = thread::scope(|scope| {
            let readers = (0..8).map(|n| {
                let (feed, barrier) = (&feed, &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    feed.entries(Seq(n * 450)).unwrap()
                })
            });
            let readers: Vec<_> = readers.collect();
            let pages = readers.into_iter().map(|reader| reader.join().unwrap());
            pages.collect()
        });

        let all: usize = pages.iter().flatten().map(Shared::weight).sum();
        assert!(all <= limit / 2 + beyond, "{all}");
        assert!(pages.iter().all(|page| page.len() >= FIRST));
        drop(pages);
        let again = feed.entries(Seq(0)).unwrap();
        assert!(again.len() * each > SMALL_PAGE, "{}", again.len());
    }

    #[test]
    fn what_was_cut_meanwhile_leaves_no_gap_in_what_is_shared() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        let feed = Feed::new(store.clone());
        create_users(&store, 1..=10);
        assert_eq!(feed.entries(Seq(0)).unwrap().len(), 10);
        create_users(&store, 11..=20);
        let retention = Retention {
            keep: Duration::ZERO,
            keep_runs: 1,
        };
        let later = start().plus(Duration::from_secs(24 * 3600));
        let maintenance = MaintenancePass::new(store.clone(), retention, Vec::new(), later);
        assert_eq!(maintenance.finish().unwrap().entries, 20);
        create_users(&store, 21..=22);

        assert_eq!(seqs(&feed.entries(Seq(10)).unwrap()), [21, 22]);

        assert_eq!(seqs(&feed.entries(Seq(20)).unwrap()), [21, 22]);
        assert_eq!(seqs(&feed.entries(Seq(21)).unwrap()), [22]);
    }
}
