//! Decides what the store need not keep any longer: which entries, attempts and runs.
//!
//! Entries younger than the keep time stay, whatever happened to them: that is what a replay
//! may count on. Older ones stay as long as an endpoint that is configured, and not disabled,
//! has not settled them. A disabled one holds nothing, or a receiver that is gone would fill
//! the disk; what it gave up on and what waits for an attempt is named by rows, and kept.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::{EndpointName, Hold, Mode, Outcome, Run, Seq, TenantName, Timestamp, Trigger};

use super::delivery::{Cursor, Order};
use super::error::StoreError;
use super::keys::{self, Key, Space};
use super::{Store, codec, journal, scan};

/// How long attempts are kept.
pub const KEEP_ATTEMPTS: Duration = Duration::from_secs(7 * 24 * 3600);

/// Runs that are found at once: bounds memory. The next round finds more.
const MAX_RUNS: usize = 10_000;

/// How long things are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// How long entries and runs are kept at the least.
    pub keep: Duration,
    /// Runs of each tenant that are kept at the most.
    pub keep_runs: usize,
}

/// How far the journal may be cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// The last entry that may go.
    pub upto: Seq,
    /// Why no more may go that is past its keep time.
    pub hold: Option<Hold>,
}

impl Retention {
    /// Returns the first moment of what is kept.
    pub(super) fn since(&self, now: Timestamp) -> Timestamp {
        now.minus(self.keep)
    }
}

/// Returns the first moment of attempts that are kept.
pub fn attempts_since(now: Timestamp) -> Timestamp {
    now.minus(KEEP_ATTEMPTS)
}

impl Store {
    /// Returns how far the journal may be cut, for the sake of these endpoints.
    pub(super) fn limit(
        &self,
        retention: &Retention,
        endpoints: &[EndpointName],
        now: Timestamp,
    ) -> Result<Limit, StoreError> {
        let last = self.last_seq();
        self.inner
            .read("finding how far the journal may be cut", |db| {
                let past = past(db, last, retention.since(now))?;
                let mut hold: Option<(Seq, &EndpointName)> = None;
                for name in endpoints {
                    let key = keys::cursor(name);
                    let mut cursor: Cursor = match scan::get(db, &key)? {
                        Some(value) => codec::read_row(&key, &value)?,
                        // It begins behind the journal's end.
                        None => Cursor {
                            settled: last,
                            ..Cursor::default()
                        },
                    };
                    // What was ordered and is not done yet counts as done.
                    for row in scan::prefix(db, &keys::of_endpoint(Space::Order, name)) {
                        let (key, value) = row?;
                        cursor.obey(&codec::read_row::<Order>(&key, &value)?);
                    }
                    let furthest = hold.as_ref().map_or(past, |(settled, _)| *settled);
                    if cursor.disabled.is_none() && cursor.settled < furthest {
                        hold = Some((cursor.settled, name));
                    }
                }
                let Some((settled, name)) = hold else {
                    return Ok(Limit {
                        upto: past,
                        hold: None,
                    });
                };
                let hold = journal::first_after(db, settled)?.map(|next| Hold {
                    endpoint: name.clone(),
                    settled,
                    since: next.at,
                });
                Ok(Limit {
                    upto: settled,
                    hold,
                })
            })
    }

    /// Returns the runs that may go, a good many at the most.
    pub(super) fn runs_to_go(
        &self,
        retention: &Retention,
        now: Timestamp,
    ) -> Result<Vec<Key>, StoreError> {
        let since = retention.since(now);
        self.inner.read("reading runs", |db| {
            let mut seen: BTreeMap<TenantName, Seen> = BTreeMap::new();
            let mut to_go = Vec::new();
            for row in scan::prefix(db, &[Space::Run as u8]).rev() {
                let (key, value) = row?;
                let run: Run = codec::read_row(&key, &value)?;
                let seen = seen.entry(run.tenant_name.clone()).or_default();
                if !seen.keeps(&run, retention, since) && to_go.len() < MAX_RUNS {
                    to_go.push(key.to_vec());
                }
            }
            Ok(to_go)
        })
    }
}

/// Returns the last entry that was found before a time. Entries are in the order of theirs.
fn past(db: &sled::Db, last: Seq, since: Timestamp) -> Result<Seq, StoreError> {
    let (mut past, mut young) = (journal::cut_at(db)?, last.next());
    while past.next() < young {
        let middle = Seq(past.0 + (young.0 - past.0) / 2);
        // The journal may be cut meanwhile: then another has found that entry to be old.
        match journal::first_after(db, Seq(middle.0 - 1))? {
            Some(entry) if entry.seq == middle && entry.at >= since => young = middle,
            Some(_) | None => past = middle,
        }
    }
    Ok(past)
}

/// What was met of a tenant's runs, from the newest on.
#[derive(Default)]
struct Seen {
    runs: usize,
    /// Whether its last run over everything that succeeded was among them.
    swept: bool,
}

impl Seen {
    /// Returns whether a run stays. The last one over everything that succeeded always does,
    /// and as far as their number allows those since: removals are weighed against them all,
    /// and whether a failure is news is read from them.
    fn keeps(&mut self, run: &Run, retention: &Retention, since: Timestamp) -> bool {
        self.runs += 1;
        let is_sweep =
            run.mode == Mode::Commit && run.trigger != Trigger::Audit && run.outcome.is_success();
        let is_last_sweep = is_sweep && !self.swept;
        let is_wanted = !self.swept || run.started_at >= since;
        self.swept |= is_sweep;
        is_last_sweep
            || run.outcome == Outcome::Running
            || (is_wanted && self.runs <= retention.keep_runs)
    }
}
