//! Checks a store as a whole: every key, every value, and whether the rows agree with each other.
//!
//! It changes nothing, and no fault stops it: each fault is reported, and the rest is checked
//! anyway. An opening, which has no time for that, checks a sample (`sample.rs`).
//!
//! A store in use changes while it is checked. What must be compared at one moment is read while
//! commits wait, a few rows at a time; the journal is compared up to where it was when the records
//! were read.

mod deliveries;
mod faults;
mod journal;
mod layouts;
mod lists;
mod offline;
mod online;
mod plans;
mod postings;
mod records;
mod runs;
mod rows;
mod sample;
mod tenants;

pub use faults::Faults;
pub use offline::{CheckError, offline};
pub use online::online;
pub use sample::sample;

use std::collections::BTreeMap;
use std::sync::{RwLock, RwLockReadGuard};

use crate::lock;
use crate::model::{StoreCheck, TenantId};
use crate::store::engine::catch_panic::catch_panic;
use crate::store::engine::garbage;
use crate::store::error::StoreError;
use crate::store::layout::{self, codec};
use crate::store::values::count::Count;
use crate::store::values::tenant_no::TenantNo;

/// The most rows between two progress reports.
const TOLD_EVERY: u64 = 500;

/// What to check.
pub struct View<'db> {
    db: &'db sled::Db,
    /// Blocks commits while it is locked; `None` if nobody commits.
    gate: Option<&'db RwLock<()>>,
    /// Returns true once nobody waits for the result any more.
    is_over: &'db dyn Fn() -> bool,
    format: u32,
}

impl<'db> View<'db> {
    /// A database that nobody uses.
    pub fn alone(db: &'db sled::Db, format: u32) -> Self {
        Self {
            db,
            gate: None,
            is_over: &|| false,
            format,
        }
    }

    /// Blocks commits until the guard is dropped.
    fn still(&self) -> Option<RwLockReadGuard<'db, ()>> {
        self.gate.map(lock::read)
    }
}

/// What a check found.
#[derive(Debug, Default)]
pub struct Checked {
    /// Rows, and the bytes of their keys and values.
    pub count: Count,
    /// Records.
    pub records: u64,
    /// Entries of the journal.
    pub entries: u64,
    /// The faults.
    pub faults: Faults,
}

/// A check in progress.
struct Check<'run> {
    view: &'run View<'run>,
    tick: &'run dyn Fn(u64),
    /// Rows since the last progress report.
    untold: u64,
    checked: Checked,
    /// The known tenants.
    tenants: BTreeMap<TenantNo, (TenantId, String)>,
}

/// Checks everything. Calls `tick` with the number of rows as they are read.
pub fn whole(view: &View<'_>, tick: &dyn Fn(u64)) -> Checked {
    let mut check = Check {
        view,
        tick,
        untold: 0,
        checked: Checked::default(),
        tenants: BTreeMap::new(),
    };
    check.part("the tenants", Check::know_tenants);
    check.part("the rows", Check::rows);
    let head = check.part("the head", Check::head).flatten();
    check.part("the tenants", Check::tenants);
    let versions = check.part("the records", Check::records);
    check.part("the posting lists", Check::postings);
    if let Some(head) = head {
        let last = check.part("the end of the journal", Check::last).flatten();
        let versions = versions.unwrap_or_default();
        check.part("the journal", |check| {
            check.journal(versions, head, last.unwrap_or(head));
        });
        check.part("the deliveries", Check::deliveries);
        check.part("the lists", Check::lists);
    }
    check.part("the plans", Check::plans);
    check.part("the runs", Check::runs);
    check.checked
}

impl Check<'_> {
    /// Runs a part of the check; whatever the result, the check continues with the next.
    fn part<T>(&mut self, name: &str, work: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if (self.view.is_over)() {
            return None;
        }
        match catch_panic(|| work(self)) {
            Ok(done) => Some(done),
            Err(message) => {
                self.fault(name, format!("the database panicked: {message}"));
                None
            }
        }
    }

    /// Reports progress. Each page that was read evicts another from the cache, and these must not
    /// pile up.
    fn tick(&self, rows: u64) {
        (self.tick)(rows);
        garbage::collect_garbage();
    }

    fn fault(&mut self, place: impl Into<String>, what: impl Into<String>) {
        self.checked.faults.add(place.into(), what.into());
    }

    /// Returns what was read, or notes why it could not be read.
    fn take<T>(&mut self, place: impl Into<String>, read: Result<T, StoreError>) -> Option<T> {
        self.untold += 1;
        if self.untold == TOLD_EVERY {
            self.untold = 0;
            self.tick(1);
        }
        match read {
            Ok(read) => Some(read),
            Err(error) => {
                let what = faults::in_words(&error);
                // All values were verified before, and this fault was reported then.
                if what != codec::OTHER_SUM {
                    self.fault(place, what);
                }
                None
            }
        }
    }

    /// Returns the words for a tenant in a report.
    fn named(&self, no: TenantNo) -> String {
        match self.tenants.get(&no) {
            Some((_, name)) => format!("tenant {name}"),
            None => format!("tenant number {no}"),
        }
    }

    fn knows(&mut self, place: &str, no: TenantNo) {
        if !self.tenants.contains_key(&no) {
            // It may have been added meanwhile.
            self.know_tenants();
        }
        if !self.tenants.contains_key(&no) {
            let what = format!("of a tenant, number {no}, that the store does not know");
            self.fault(place, what);
        }
    }
}

fn report(checked: Checked, format: u32) -> StoreCheck {
    let Checked {
        count,
        records,
        entries,
        faults,
    } = checked;
    let (faults, more_faults) = faults.into_parts();
    StoreCheck {
        format,
        newest_format: layout::NEWEST,
        rows: count.rows,
        records,
        entries,
        faults,
        more_faults,
    }
}
