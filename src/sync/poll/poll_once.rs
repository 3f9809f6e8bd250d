//! One poll: reads what is new in the audit log, and the records that it names.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::connector::{Connector, FetchError};
use crate::model::{About, AuditPage, Extent, Mode, RecordRef, Run, Seq, Timestamp, Trigger};
use crate::store::{Bookmark, MAX_SEEN_EVENTS, StoreError};
use crate::telemetry::{PollOutcome, Sample, chain};

use super::audit_state::{Bearable, Pace, Success, Then, Waited};
use super::missed::before;
use super::poll_start::PollStart;
use super::sessions::KnownSince;
use super::swept::Swept;
use super::todo::{Portion, Todo};
use crate::sync::run::beside::{Beside, MAX_BESIDE, Pen, Scope};
use crate::sync::run::job::Job;
use crate::sync::run::measure;
use crate::sync::run::running::Running;

/// How far ahead of our clock a poll reads, since the source's clock may be ahead.
const AHEAD: Duration = Duration::from_secs(3600);
/// The oldest bookmark that polls continue from. Sources keep their logs for months; whatever a
/// tenant has set, a sweep is cheaper than reading that much.
const OLDEST: Duration = Duration::from_secs(7 * 24 * 3600);
/// Records that are asked for in one run. A slice may name more: those follow in later runs, so
/// that the first are delivered early and a sweep may begin in between.
const MAX_RECORDS: usize = 500;
/// Slices of the log that one poll reads. The next poll continues where it ended.
const MAX_SLICES: usize = 20;
/// How long the bookmark may lag behind when there is nothing new, since moving it is a write.
const KEEP_AFTER: Duration = Duration::from_secs(10 * 60);

/// How a poll ended.
#[derive(Debug)]
pub(super) enum Polled {
    /// There was no tenant to poll yet, or polls wait for a sweep.
    Asleep,
    /// There was nothing new.
    Quiet,
    /// There was something new, and it was looked at.
    Found,
    /// There was something new, but the records that it names could not be read; the next poll
    /// tries again.
    Failed,
    /// The log did not answer.
    Silent,
    /// The credentials are not allowed to read the log.
    Forbidden,
    /// Some events were lost; a sweep was asked for.
    Gap,
    /// There was something new, but a sweep under way or ended since is to look at it.
    PutOff,
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
        // If the first sweep since the start has failed, the tenant's id is not known yet.
        if self.audit.is_tenant_unknown()
            && let Ok(tenant) = self.connector.identify().await
        {
            self.audit.met(&tenant.id);
        }
        let polled = if let Some(mut start) = self.poll_start().await? {
            let polled = self.poll_from(&mut start).await?;
            if let Polled::Quiet | Polled::Found = polled {
                self.read_past_sessions(&start).await?;
            }
            polled
        } else {
            self.audit.remind(self.clock.now());
            Polled::Asleep
        };
        // Count only requests that no run has counted or will count.
        if !self.turns.is_swept() {
            let traffic = self.connector.take_traffic();
            measure::traffic(&self.metrics, &self.name, &traffic);
        }
        self.metrics.count(Sample::Polls {
            tenant: &self.name,
            outcome: &polled.outcome(),
        });
        Ok(polled)
    }

    /// Reads a slice of the log, drops events that we do not need, and stores its sessions.
    async fn slice(
        &self,
        start: &mut PollStart,
        from: Timestamp,
    ) -> Result<Result<AuditPage, FetchError>, StoreError> {
        let span = from..=start.now.plus(AHEAD);
        let mut audit_page = match self.connector.audit_events(span).await {
            Ok(audit_page) => audit_page,
            Err(error) => return Ok(Err(error)),
        };
        audit_page.events.retain(|event| match event.about {
            About::Space { .. } => self.spaces.is_read(),
            About::Licence => self.licences.is_read(),
            About::Records(_) | About::Unreadable(_) | About::Unknown(_) => true,
        });
        if let Some(sessions) = &mut start.sessions {
            let (begun, gap) = sessions.take(&mut audit_page, start.now);
            if let Some(why) = gap {
                self.metrics
                    .count(Sample::SessionGaps { tenant: &self.name });
                self.audit
                    .session_gap(&self.name, start.now, sessions.since(), &why);
            }
            if !begun.is_empty() {
                let no = start.no;
                self.store
                    .offload(move |store| store.note_sessions(no, &begun))
                    .await?;
            }
        }
        let is_apart = |about: &About| matches!(about, About::Space { .. } | About::Licence);
        // Earlier events are read only for their sessions: the sweep has seen the records.
        let covered = start.covered();
        if from < covered {
            let events = &mut audit_page.events;
            events.retain(|event| event.at >= covered || is_apart(&event.about));
        }
        Ok(Ok(audit_page))
    }

    async fn poll_from(&self, start: &mut PollStart) -> Result<Polled, StoreError> {
        if start.now.since(start.until) > OLDEST {
            self.audit.keeps(Pace::Behind(None));
            let reason = format!("it was last read at {}", start.until);
            return Ok(self.gap(start, reason));
        }
        if start.until > start.now.plus(start.polling.overlap) {
            self.audit.keeps(Pace::Behind(None));
            let reason = "our clock went back".to_owned();
            return Ok(self.gap(start, reason));
        }
        let mut polled = Polled::Quiet;
        let mut from = start.from();
        for _ in 0..MAX_SLICES {
            let audit_page = match self.slice(start, from).await? {
                Ok(audit_page) => audit_page,
                Err(error) => return Ok(self.unanswered(start, &error)),
            };
            // A slice: everything up to its end is acted on, and the next one begins there.
            let (to, is_last) = match audit_page.extent {
                Extent::Whole => (start.now, true),
                Extent::CutOff { read_to } => (read_to.min(start.now), false),
            };
            let no = start.no;
            let seen = self
                .store
                .offload(move |store| store.seen_events(no))
                .await?;
            let mut todo = Todo::of(audit_page, &seen, self.audit.to_look_at());
            let reason = match () {
                () if !is_last && to <= from => {
                    self.audit.keeps(Pace::Behind(None));
                    "more happened than can be read at once"
                }
                () if seen.len() + todo.n_events() > MAX_SEEN_EVENTS => {
                    self.audit.keeps(Pace::Behind(start.sessions_to(to)));
                    "more happened than can be remembered"
                }
                () => {
                    // Reading the records that the slice names may take longer than a sweep.
                    self.audit.keeps(Pace::Behind(start.sessions_to(to)));
                    let acted = self.act(start, to, todo).await?;
                    match acted {
                        Polled::Quiet => {}
                        Polled::Found => polled = Polled::Found,
                        other => return Ok(other),
                    }
                    if is_last {
                        self.audit.keeps(Pace::Abreast);
                        return Ok(polled);
                    }
                    from = to;
                    continue;
                }
            };
            // Otherwise the next poll would read the same events again, and find the same gap.
            self.audit.leave_to_sweep(todo.take_events());
            return Ok(self.gap(start, reason.to_owned()));
        }
        Ok(polled)
    }

    /// Looks at what is new, one portion after the other, and moves the bookmark after each.
    async fn act(
        &self,
        start: &PollStart,
        to: Timestamp,
        mut todo: Todo,
    ) -> Result<Polled, StoreError> {
        let mut polled = Polled::Quiet;
        let unreadable = todo.unreadable.first().map(|first| {
            let others = match todo.unreadable.len() {
                1 => String::new(),
                n => format!(", and {} more", n - 1),
            };
            format!("an event cannot be read ({first}){others}")
        });
        let may_wait = !start.has_new_span() && to.since(start.bookmark.until) < KEEP_AFTER;
        if todo.is_empty() && may_wait {
            self.audit.read(&self.name, to.max(start.until));
            return Ok(Polled::Quiet);
        }
        self.note_apart(start.no, &mut todo).await?;
        self.note_givers(start, &mut todo).await?;
        loop {
            let mut pen = self.turns.pen().await;
            let Some(kept) = self.still_at(start).await? else {
                return Ok(Polled::PutOff);
            };
            let beside = self.turns.beside();
            let is_full = beside.as_ref().is_some_and(|it| it.asked.is_full());
            if is_full && !todo.is_empty() {
                return Ok(Polled::PutOff);
            }
            let portion = todo.next(match beside {
                Some(_) => MAX_BESIDE,
                None => MAX_RECORDS,
            });
            let mut again = BTreeSet::new();
            if !portion.records.is_empty() {
                let looked;
                (looked, again) = self.look_at(start, &portion, beside, &mut pen).await?;
                match looked {
                    Polled::Found => polled = Polled::Found,
                    other => return Ok(other),
                }
            }
            let is_last = todo.is_empty();
            let until = if is_last { Some(to) } else { portion.until };
            self.move_on(start, kept, until, portion).await?;
            self.audit.look_again(again);
            if is_last {
                break;
            }
        }
        if let Some(reason) = unreadable {
            self.audit.gap(&self.name, start.now, reason, Then::GoOn);
            polled = Polled::Gap;
        }
        Ok(polled)
    }

    /// Returns the stored bookmark, for the holder of the pen; `None` if a sweep has covered the
    /// one that the poll began with.
    pub(super) async fn still_at(&self, start: &PollStart) -> Result<Option<Bookmark>, StoreError> {
        let no = start.no;
        let kept = self.store.offload(move |store| store.bookmark(no)).await?;
        Ok(kept.filter(|kept| kept.since == start.bookmark.since))
    }

    /// Reads the records of a portion in a run of their own. Returns it with the records to look at
    /// again, because they have held removals that no plan lists yet.
    async fn look_at(
        &self,
        start: &PollStart,
        portion: &Portion,
        beside: Option<Beside>,
        pen: &mut Pen<'_>,
    ) -> Result<(Polled, BTreeSet<RecordRef>), StoreError> {
        let asked = beside.as_ref().map(|beside| beside.asked.clone());
        let wanted = portion.wanted();
        let scope = Scope::Records { wanted, beside };
        let report = self.run_in_turn(Trigger::Audit, Mode::Commit, scope, pen);
        let run = report.await?.run;
        if let Some(asked) = asked
            && run.held.is_some()
        {
            asked.note_held();
        }
        let is_unlisted = run.held.is_some_and(|held| held.plan.is_none());
        let again = match is_unlisted {
            true => portion.records.clone(),
            false => BTreeSet::new(),
        };
        let success = match run.outcome.is_success() {
            true => Success::Yes,
            false => Success::No,
        };
        let polled = match (success, self.audit.refreshed(success)) {
            (Success::Yes, _) => Polled::Found,
            (Success::No, Bearable::Yes) => Polled::Failed,
            (Success::No, Bearable::No) => {
                let reason = "what it names could not be read".to_owned();
                self.gap(start, reason)
            }
        };
        Ok((polled, again))
    }

    /// Notes that everything up to a time was acted on.
    async fn move_on(
        &self,
        start: &PollStart,
        kept: Bookmark,
        until: Option<Timestamp>,
        portion: Portion,
    ) -> Result<(), StoreError> {
        self.audit.looked_at(&portion.records);
        let before_it = self.audit.until(kept.until);
        let until = until.map_or(before_it, |until| until.max(before_it));
        self.audit.read(&self.name, until);
        let may_wait = !start.has_new_span() && until.since(kept.until) < KEEP_AFTER;
        if portion.seen.is_empty() && may_wait {
            return Ok(());
        }
        let mut bookmark = kept;
        bookmark.until = until;
        // A session without a user may lie behind this portion: until that one, nothing is known.
        let since = start.sessions.map(KnownSince::since);
        bookmark.sessions_since = since.filter(|since| *since <= until);
        bookmark
            .untold
            .retain(|(_, record)| !portion.records.contains(record));
        let forget = before(bookmark.until, start.polling.overlap);
        let no = start.no;
        self.store
            .offload(move |store| store.set_bookmark(no, &bookmark, &portion.seen, forget))
            .await
    }

    fn unanswered(&self, start: &PollStart, error: &FetchError) -> Polled {
        if error.is_forbidden() {
            self.audit.forbidden(&self.name);
            return Polled::Forbidden;
        }
        tracing::debug!(error.code = error.code(), "The audit log did not answer");
        let what = format!("{} [{}]", chain(error), error.code());
        self.audit.silent(&self.name, start.now, &what);
        Polled::Silent
    }

    /// Asks for a sweep, and makes polls wait for it.
    fn gap(&self, start: &PollStart, reason: String) -> Polled {
        self.audit.gap(&self.name, start.now, reason, Then::Wait);
        Polled::Gap
    }

    /// Ends a sweep as far as the audit log is concerned: reports what is wrong with the log,
    /// counts what it had missed, and lets polls begin where the sweep did. The sweep's entries are
    /// those after `seq`.
    pub(in crate::sync) async fn conclude(
        &self,
        run: &mut Run,
        seq: Seq,
    ) -> Result<(), StoreError> {
        let Some(polling) = self.audit.polling() else {
            return Ok(());
        };
        run.findings.extend(self.audit.findings());
        let complete = match run.outcome.is_success() {
            true => Success::Yes,
            false => Success::No,
        };
        let began = run.started_at;
        let waited = self.audit.swept(complete);
        let (Success::Yes, Some(id)) = (complete, run.tenant.clone()) else {
            return Ok(());
        };
        let covered = match waited {
            Waited::Yes => self.audit.take_covered(),
            Waited::No => Vec::new(),
        };
        let swept = Swept {
            tenant: id,
            own: run.id,
            behind: seq,
            began,
            now: self.clock.now(),
            read_to: self.audit.until(Timestamp::from_millis(i64::MIN)),
            pace: self.audit.pace(),
            overlap: polling.overlap,
            waited,
            covered,
        };
        let concluded = self.store.offload(move |store| swept.conclude(store));
        if let Some(concluded) = concluded.await? {
            run.audit_missed = concluded.missed;
            if let Some(until) = concluded.reset_to {
                self.audit.read(&self.name, until);
            }
        }
        Ok(())
    }
}

impl Polled {
    /// Returns the outcome's name in the metrics.
    fn outcome(&self) -> PollOutcome {
        match self {
            Self::Asleep => PollOutcome::Asleep,
            Self::Quiet => PollOutcome::Quiet,
            Self::Found | Self::PutOff => PollOutcome::Found,
            Self::Failed => PollOutcome::Failed,
            Self::Silent => PollOutcome::Silent,
            Self::Forbidden => PollOutcome::Forbidden,
            Self::Gap => PollOutcome::Gap,
        }
    }
}
