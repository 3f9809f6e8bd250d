//! One poll: what is new in the audit log, and the records that it names.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::connector::{Connector, FetchError};
use crate::model::{
    About, Bulletin, Change, Extent, Fact, Mode, News, RecordRef, Run, RunId, Seq, Timestamp,
    Trigger,
};
use crate::store::{Bookmark, Heard, MAX_HEARD, Store, StoreError, TenantNo};
use crate::telemetry::{Metric, chain};

use super::hearing::{Bearable, Success, Then, Waited};
use super::missed::{Reckoning, before};
use super::run::{Job, Running, Scope};
use super::{Polling, measure};

/// How far ahead of our clock a poll reads: the source's may be ahead.
const AHEAD: Duration = Duration::from_secs(3600);
/// The oldest bookmark that is gone on from. Qlik keeps ninety days; whatever a tenant has set,
/// a sweep is cheaper than reading months.
const OLDEST: Duration = Duration::from_secs(7 * 24 * 3600);
/// Records of one poll that are asked for one by one. A sweep shows a hundred with each
/// request, and is the cheaper way from some point on.
const MAX_RECORDS: usize = 500;
/// How far the source's clock may be behind ours: an event that it dates so long before a sweep
/// may have happened after it.
const SKEW: Duration = Duration::from_secs(120);
/// How long a bookmark may stay behind when there was nothing new: moving it is a write.
const KEEP_AFTER: Duration = Duration::from_secs(10 * 60);
/// Entries of the journal that are looked at in one step.
const PAGE: usize = 500;

/// How a poll ended.
#[derive(Debug)]
pub(super) enum Polled {
    /// There was nobody to poll yet, or polls wait for a sweep.
    Asleep,
    /// Nothing new.
    Quiet,
    /// Something new, and it was looked at.
    Found,
    /// Something new, but what it names could not be looked at; the next poll tries again.
    Failed,
    /// The log did not answer.
    Silent,
    /// The log may not be read.
    Forbidden,
    /// Something was lost to us; a sweep was asked for.
    Gap,
}

/// What a poll goes by.
struct Place {
    no: TenantNo,
    polling: Polling,
    bookmark: Bookmark,
    /// Up to when earlier polls have read.
    until: Timestamp,
    now: Timestamp,
    /// Up to when this one has read.
    to: Timestamp,
}

/// The news of a poll that nobody acted on yet.
#[derive(Debug, Default)]
struct Fresh {
    heard: Vec<Heard>,
    records: BTreeSet<RecordRef>,
    unreadable: Vec<String>,
}

impl<C: Connector> Job<C> {
    /// Starts a poll, after the run under way if there is one.
    #[expect(
        clippy::disallowed_methods,
        reason = "as with a run: it ends by itself, or its poller aborts it"
    )]
    pub(super) fn start_poll(self: &Arc<Self>) -> Running<Polled> {
        let job = Arc::clone(self);
        Running(tokio::spawn(async move { job.poll().await }))
    }

    async fn poll(&self) -> Result<Polled, StoreError> {
        let _turn = self.turn.lock().await;
        // Where the first sweep since the start has failed, nobody has met the tenant yet.
        if self.hearing.is_stranger()
            && let Ok(tenant) = self.connector.identify().await
        {
            self.hearing.met(&tenant.id);
        }
        let polled = if let Some(place) = self.place().await? {
            self.poll_from(place).await?
        } else {
            self.hearing.remind(self.clock.now());
            Polled::Asleep
        };
        // What a run has not taken already.
        let traffic = self.connector.take_traffic();
        measure::traffic(&self.metrics, &self.name, &traffic);
        let labels = [self.name.0.as_str(), polled.word()];
        self.metrics.count(Metric::Polls, &labels);
        Ok(polled)
    }

    /// Returns where to read on; none where there is nothing to go by.
    async fn place(&self) -> Result<Option<Place>, StoreError> {
        let (Some(polling), Some(id)) = (self.hearing.polling(), self.hearing.pollable()) else {
            return Ok(None);
        };
        let found = self.store.offload(move |store| {
            let known = store.tenants()?.into_iter();
            let known = known.filter(|known| known.loaded.is_some());
            let Some(known) = known.into_iter().find(|known| known.tenant.id == id) else {
                return Ok(None);
            };
            Ok(store.bookmark(known.no)?.map(|kept| (known.no, kept)))
        });
        let Some((no, bookmark)) = found.await? else {
            return Ok(None);
        };
        let now = self.clock.now();
        Ok(Some(Place {
            no,
            polling,
            until: self.hearing.until(bookmark.until),
            bookmark,
            now,
            to: now,
        }))
    }

    async fn poll_from(&self, mut place: Place) -> Result<Polled, StoreError> {
        if place.now.since(place.until) > OLDEST {
            let reason = format!("it was last read at {}", place.until);
            return Ok(self.gap(&place, reason));
        }
        if place.until > place.now.plus(place.polling.overlap) {
            let reason = "our clock went back".to_owned();
            return Ok(self.gap(&place, reason));
        }
        let from = place.from();
        let bulletin = match self.connector.news(from..=place.now.plus(AHEAD)).await {
            Ok(bulletin) => bulletin,
            Err(error) => return Ok(self.unanswered(&place, &error)),
        };
        let is_stuck = match bulletin.extent {
            Extent::Whole => false,
            // A slice: what happened up to its end is acted on, and the next poll goes on there.
            // A long sweep leaves more behind than can be read at once.
            Extent::CutOff { read_to } => {
                place.to = read_to.min(place.now);
                read_to <= place.until
            }
        };
        let no = place.no;
        let heard = self.store.offload(move |store| store.heard(no)).await?;
        let fresh = Fresh::of(bulletin, &heard);
        let n_records = fresh.records.len();
        let reason = match () {
            () if is_stuck => "more happened than can be read at once".to_owned(),
            () if heard.len() + fresh.heard.len() > MAX_HEARD => {
                "more happened than can be remembered".to_owned()
            }
            () if n_records > MAX_RECORDS => format!("it names {n_records} records at once"),
            () => return self.act(place, fresh).await,
        };
        // Else the next poll would read the same again, and find the same gap.
        self.hearing.leave_to_sweep(fresh.heard);
        Ok(self.gap(&place, reason))
    }

    /// Looks at what is new, then moves on.
    async fn act(&self, place: Place, fresh: Fresh) -> Result<Polled, StoreError> {
        let mut polled = Polled::Quiet;
        if !fresh.records.is_empty() {
            let scope = Scope::Records(fresh.records.clone());
            let report = self.run_in_turn(Trigger::Audit, Mode::Commit, scope);
            let success = match report.await?.run.outcome.is_success() {
                true => Success::Yes,
                false => Success::No,
            };
            match (success, self.hearing.refreshed(success)) {
                (Success::Yes, _) => polled = Polled::Found,
                (Success::No, Bearable::Yes) => return Ok(Polled::Failed),
                (Success::No, Bearable::No) => {
                    let reason = "what it names could not be read".to_owned();
                    return Ok(self.gap(&place, reason));
                }
            }
        }
        let unreadable = fresh.unreadable.first().map(|first| {
            let others = match fresh.unreadable.len() {
                1 => String::new(),
                n => format!(", and {} more", n - 1),
            };
            format!("an event cannot be read ({first}){others}")
        });
        self.move_on(&place, fresh).await?;
        if let Some(reason) = unreadable {
            self.hearing.gap(&self.name, place.now, reason, Then::GoOn);
            polled = Polled::Gap;
        }
        Ok(polled)
    }

    /// Notes that everything up to the end of what was read was acted on.
    async fn move_on(&self, place: &Place, fresh: Fresh) -> Result<(), StoreError> {
        self.hearing.read(&self.name, place.to);
        let behind = place.to.since(place.bookmark.until);
        if fresh.heard.is_empty() && behind < KEEP_AFTER {
            return Ok(());
        }
        let mut bookmark = place.bookmark.clone();
        bookmark.until = place.to.max(place.until);
        bookmark
            .untold
            .retain(|(_, record)| !fresh.records.contains(record));
        let forget = before(bookmark.until, place.polling.overlap);
        let no = place.no;
        self.store
            .offload(move |store| store.set_bookmark(no, &bookmark, &fresh.heard, forget))
            .await
    }

    fn unanswered(&self, place: &Place, error: &FetchError) -> Polled {
        if error.is_forbidden() {
            self.hearing.forbidden(&self.name);
            return Polled::Forbidden;
        }
        tracing::debug!(error.code = error.code(), "The audit log did not answer");
        let what = format!("{} [{}]", chain(error), error.code());
        self.hearing.silent(&self.name, place.now, &what);
        Polled::Silent
    }

    /// Asks for a sweep, and lets polls wait for it.
    fn gap(&self, place: &Place, reason: String) -> Polled {
        self.hearing.gap(&self.name, place.now, reason, Then::Wait);
        Polled::Gap
    }

    /// Ends a sweep as far as the audit log is concerned: says what is wrong there, reckons
    /// what it had missed, and lets polls begin where the sweep did. The sweep's entries are
    /// those behind `seq`.
    pub(super) async fn conclude(&self, run: &mut Run, seq: Seq) -> Result<(), StoreError> {
        let Some(polling) = self.hearing.polling() else {
            return Ok(());
        };
        run.findings.extend(self.hearing.findings());
        let complete = match run.outcome.is_success() {
            true => Success::Yes,
            false => Success::No,
        };
        let waited = self.hearing.swept(complete);
        let (Success::Yes, Some(id)) = (complete, run.tenant.clone()) else {
            return Ok(());
        };
        let covered = match waited {
            Waited::Yes => self.hearing.take_covered(),
            Waited::No => Vec::new(),
        };
        let until = self.hearing.until(Timestamp::from_millis(i64::MIN));
        let (own, began) = (run.id, run.started_at);
        let now = self.clock.now();
        let missed = self.store.offload(move |store| {
            let tenants = store.tenants()?;
            let Some(known) = tenants.into_iter().find(|known| known.tenant.id == id) else {
                return Ok(None);
            };
            let kept = store.bookmark(known.no)?;
            let (missed, untold) = match &kept {
                None => (None, Vec::new()),
                Some(kept) => {
                    // A clock that went back must not promise what is still to come.
                    let until = until.max(kept.until).min(began);
                    let mut reckoning = Reckoning::of(kept, until, polling.overlap);
                    each_change(store, seq, |run, change| {
                        if run == own {
                            reckoning.weigh(change, now);
                        }
                    })?;
                    let (missed, untold) = reckoning.result();
                    (Some(missed), untold)
                }
            };
            let next = match kept.clone() {
                Some(kept) if waited == Waited::No => Bookmark { untold, ..kept },
                Some(_) | None => Bookmark {
                    since: began,
                    until: began,
                    untold: Vec::new(),
                },
            };
            if kept.as_ref() != Some(&next) {
                let forget = before(next.until, polling.overlap);
                let recent = covered.into_iter().filter(|heard| heard.at >= forget);
                store.set_bookmark(known.no, &next, &recent.collect::<Vec<_>>(), forget)?;
            }
            Ok(missed)
        });
        run.audit_missed = missed.await?;
        if waited == Waited::Yes {
            self.hearing.read(&self.name, began);
        }
        Ok(())
    }
}

/// Visits the changes behind a place in the journal, with the run that found each.
fn each_change(
    store: &Store,
    mut seq: Seq,
    mut visit: impl FnMut(RunId, &Change),
) -> Result<(), StoreError> {
    loop {
        let entries = store.entries(seq, PAGE)?;
        let Some(last) = entries.last() else {
            return Ok(());
        };
        seq = last.seq;
        for entry in &entries {
            match &entry.fact {
                Fact::Changed(change) => {
                    if let Some(run) = entry.run() {
                        visit(run, change);
                    }
                }
                Fact::Loaded { .. }
                | Fact::Held { .. }
                | Fact::Failed { .. }
                | Fact::Recovered(_)
                | Fact::EndpointDisabled { .. } => {}
            }
        }
    }
}

impl Place {
    /// Returns from when on to read: some time before the end of the last poll, but not from
    /// before the sweep with which listening began, since that has seen what was then. An overlap
    /// of a day would else read, after a gap, all that made the gap, for a day.
    fn from(&self) -> Timestamp {
        let overlapping = before(self.until, self.polling.overlap);
        let covered = before(self.bookmark.since, SKEW);
        overlapping.max(covered)
    }
}

impl Fresh {
    fn of(bulletin: Bulletin, known: &BTreeSet<Heard>) -> Self {
        // The same event under two times is one event: its id decides.
        let known: BTreeSet<_> = known.iter().map(|heard| heard.id).collect();
        let mut news: BTreeMap<_, News> = BTreeMap::new();
        for one in bulletin.news {
            if !known.contains(&one.id) {
                news.entry(one.id).or_insert(one);
            }
        }
        let mut fresh = Self::default();
        for (id, News { at, about, .. }) in news {
            fresh.heard.push(Heard { at, id });
            match about {
                About::Records(records) => fresh.records.extend(records),
                About::Unreadable(what) => fresh.unreadable.push(what),
            }
        }
        fresh
    }
}

impl Polled {
    /// Returns the word for it.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Asleep => "asleep",
            Self::Quiet => "quiet",
            Self::Found => "found",
            Self::Failed => "failed",
            Self::Silent => "silent",
            Self::Forbidden => "forbidden",
            Self::Gap => "gap",
        }
    }
}
