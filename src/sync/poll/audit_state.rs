//! What a job knows of its tenant's audit log from one poll to the next. A restart forgets
//! everything; the sweep that comes first makes up for that.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use tracing::{info, warn};

use crate::lock::lock;
use crate::model::{
    Finding, FindingCode, Kind, RecordRef, Reported, SessionSpan, TenantId, TenantName, Timestamp,
};
use crate::signal::Wake;
use crate::store::{MAX_SEEN_EVENTS, SeenEvent};

use super::not_shown::NotShown;
use super::past_readings::PastReadings;
use super::polling::{PollSetting, Polling};
use super::sessions::SessionGap;

/// The shortest time between two sweeps that gaps cause. If the log is broken for good, only the
/// schedule counts.
const GAP_REST: Duration = Duration::from_secs(3600);

/// How many refreshes in a row may fail before a sweep is asked for instead.
const MAX_FAILURES: u32 = 3;

/// The most records that are looked at although the log has not named them, which bounds memory.
/// The next sweep finds what is wrong with any others.
const MAX_AGAIN: usize = 10_000;

/// The state, shared by polls and sweeps of one tenant.
#[derive(Debug)]
pub(in crate::sync) struct AuditState {
    setting: PollSetting,
    state: Mutex<State>,
    /// Woken when a gap asks for a sweep.
    sweep: Wake,
    /// Woken when a poll should come early.
    poll: Wake,
}

#[derive(Debug, Default)]
struct State {
    /// The tenant's id; `None` until a run has reached it.
    tenant: Option<TenantId>,
    /// The time up to which polls have read; it may be later than the store's.
    until: Option<Timestamp>,
    access: Access,
    /// When polls stopped getting answers, and whether that was reported; `None` while they do get
    /// answers.
    silent: Option<Silence>,
    /// How many refreshes have failed since the last success.
    n_failures: u32,
    /// Why a sweep has to make up for the log, and whether polls wait for it.
    gap: Option<Gap>,
    /// Events that were read but not acted on, since a gap asked for a sweep instead. Once the
    /// sweep has ended they count as seen, since it has read what they are about.
    left_to_sweep: Vec<SeenEvent>,
    /// Whether a sweep is under way.
    now: Noted,
    /// When a gap last set off a sweep.
    swept_at: Option<Timestamp>,
    /// Whether polls have read everything that the log has.
    pace: Pace,
    /// Records that polls should look at although the log has not named them.
    again: BTreeSet<RecordRef>,
    /// What events reported about records that did not show it when they were read.
    not_shown: NotShown,
    /// Readings of earlier sessions.
    past_readings: PastReadings,
    /// When we last warned that the log does not tell who began each session, or when.
    session_gap: Option<Timestamp>,
}

/// Whether polls keep up with the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Pace {
    #[default]
    Abreast,
    /// They have not acted on everything yet. They know all sessions within the span; `None` if
    /// they do not know them without a gap.
    Behind(Option<SessionSpan>),
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Access {
    #[default]
    Open,
    /// Polls wait for the next sweep.
    Forbidden,
    /// A sweep has ended: the next poll tries again, and reports nothing if it is refused again.
    Retrying,
}

#[derive(Debug, Clone, Copy)]
struct Silence {
    since: Timestamp,
    is_said: Said,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    No,
    Yes,
}

#[derive(Debug, Clone)]
struct Gap {
    /// Whether a sweep was under way: it may have read before the lost events happened.
    noted: Noted,
    reason: String,
    then: Then,
}

/// When a gap was noted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Noted {
    #[default]
    BetweenSweeps,
    BesideOne,
}

/// What polls do after a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    /// They wait for the sweep, since they would only fail again on what they could not read.
    Wait,
    /// They go on.
    GoOn,
}

impl AuditState {
    pub(in crate::sync) fn new(setting: PollSetting) -> Self {
        Self {
            setting,
            state: Mutex::default(),
            sweep: Wake::default(),
            poll: Wake::default(),
        }
    }

    /// Returns how the log is polled; `None` if it is not.
    pub(super) fn polling(&self) -> Option<Polling> {
        match self.setting {
            PollSetting::Off => None,
            PollSetting::Polling(polling) => Some(polling),
        }
    }

    /// Returns what wakes the poll.
    pub(in crate::sync) fn poll_wake(&self) -> Wake {
        self.poll.clone()
    }

    /// Waits until the poll is woken.
    pub(super) async fn woken(&self) {
        self.poll.woken().await;
    }

    /// Waits until a gap asks for a sweep.
    pub(in crate::sync) async fn gap_opened(&self) {
        self.sweep.woken().await;
    }

    /// Notes the tenant's id.
    pub(in crate::sync) fn met(&self, tenant: &TenantId) {
        self.state().tenant = Some(tenant.clone());
    }

    /// Returns whether the tenant's id is still unknown.
    pub(super) fn is_tenant_unknown(&self) -> bool {
        self.state().tenant.is_none()
    }

    /// Returns the tenant to poll; `None` if polls have nothing to do.
    pub(super) fn pollable(&self) -> Option<TenantId> {
        let state = self.state();
        let waits = state.access == Access::Forbidden
            || state.gap.as_ref().is_some_and(|gap| gap.then == Then::Wait);
        state.tenant.clone().filter(|_| !waits)
    }

    /// Returns the time up to which polls have read, given the time in the store.
    pub(in crate::sync) fn until(&self, kept: Timestamp) -> Timestamp {
        self.state().until.map_or(kept, |until| until.max(kept))
    }

    /// Notes that a poll has read up to a time.
    pub(in crate::sync) fn read(&self, name: &TenantName, until: Timestamp) {
        let mut state = self.state();
        state.until = Some(until);
        state.access = Access::Open;
        let silence = state.silent.take();
        if silence.is_some_and(|silence| silence.is_said == Said::Yes) {
            info!(tenant.name = %name, "The audit log of `{name}` answers again");
        }
    }

    /// Notes whether polls have read everything that the log has.
    pub(super) fn keeps(&self, pace: Pace) {
        self.state().pace = pace;
    }

    /// Returns whether polls have read everything that the log has.
    pub(super) fn pace(&self) -> Pace {
        self.state().pace
    }

    /// Makes polls look at records that the log has not named.
    pub(in crate::sync) fn look_again(&self, records: impl IntoIterator<Item = RecordRef>) {
        let mut state = self.state();
        state.again.extend(records);
        while state.again.len() > MAX_AGAIN {
            state.again.pop_last();
        }
    }

    /// Returns the records that polls should look at although the log has not named them.
    pub(super) fn to_look_at(&self) -> BTreeSet<RecordRef> {
        self.state().again.clone()
    }

    /// Notes records that were looked at.
    pub(super) fn looked_at(&self, records: &BTreeSet<RecordRef>) {
        let mut state = self.state();
        state.again.retain(|record| !records.contains(record));
    }

    /// Notes which of the records that were read did not show what events reported about them.
    pub(super) fn not_shown_by(
        &self,
        read: &BTreeSet<RecordRef>,
        not_shown: BTreeMap<RecordRef, Reported>,
    ) {
        self.state().not_shown.note(read, not_shown);
    }

    /// Returns what events reported about records that did not show it, and forgets what happened
    /// before a time.
    pub(super) fn not_shown(&self, forget_before: Timestamp) -> BTreeMap<RecordRef, Reported> {
        let mut state = self.state();
        state.not_shown.forget(forget_before);
        state.not_shown.get().clone()
    }

    /// Returns what is known of readings of earlier sessions.
    pub(super) fn past_readings(&self) -> PastReadings {
        self.state().past_readings
    }

    /// Notes what is known of readings of earlier sessions.
    pub(super) fn set_past_readings(&self, readings: PastReadings) {
        self.state().past_readings = readings;
    }

    /// Notes that the credentials are not allowed to read the log.
    pub(super) fn forbidden(&self, name: &TenantName) {
        let mut state = self.state();
        if state.access == Access::Open {
            warn!(
                tenant.name = %name,
                "These credentials are not allowed to read the audit log of `{name}`; changes are \
                 found by full runs only [finding.audit-forbidden]"
            );
        }
        state.access = Access::Forbidden;
    }

    /// Notes that the log did not answer.
    pub(super) fn silent(&self, name: &TenantName, now: Timestamp, error: &str) {
        let overlap = self.polling().map_or(Duration::ZERO, |it| it.overlap);
        let mut state = self.state();
        let silence = state.silent.get_or_insert(Silence {
            since: now,
            is_said: Said::No,
        });
        // The clock was set back: nobody knows how long the log was silent before.
        silence.since = silence.since.min(now);
        if silence.is_said == Said::No && now.since(silence.since) >= overlap {
            silence.is_said = Said::Yes;
            warn!(
                tenant.name = %name, error,
                "The audit log of `{name}` has not answered since {}; until it does, changes are found by full runs only: {error}",
                silence.since
            );
        }
    }

    /// Notes how a refresh went. Returns whether too many have failed.
    pub(in crate::sync) fn refreshed(&self, success: Success) -> Bearable {
        let mut state = self.state();
        match success {
            Success::Yes => state.n_failures = 0,
            Success::No => state.n_failures += 1,
        }
        if state.n_failures < MAX_FAILURES {
            return Bearable::Yes;
        }
        state.n_failures = 0;
        Bearable::No
    }

    /// Notes a gap, and asks for a sweep unless one was asked for recently.
    pub(super) fn gap(&self, name: &TenantName, now: Timestamp, reason: String, then: Then) {
        let mut state = self.state();
        let rests = state
            .swept_at
            .is_some_and(|at| now.since(at) < GAP_REST && at <= now);
        let next = if rests {
            "the next full run"
        } else {
            "a full run"
        };
        warn!(
            tenant.name = %name,
            "The audit log of `{name}` has a gap: {reason}; {next} makes up for it"
        );
        state.gap = Some(Gap {
            noted: state.now,
            reason,
            then,
        });
        if !rests {
            state.swept_at = Some(now);
            self.sweep.wake();
        }
    }

    /// Warns that sessions are known only from `since` on, and why. Warns at most once an hour,
    /// since a source may have such gaps all the time.
    pub(super) fn session_gap(
        &self,
        name: &TenantName,
        now: Timestamp,
        since: Timestamp,
        why: &SessionGap,
    ) {
        let mut state = self.state();
        let said = state.session_gap;
        if said.is_some_and(|at| now.since(at) < GAP_REST && at <= now) {
            return;
        }
        state.session_gap = Some(now);
        match why {
            SessionGap::Session => warn!(
                tenant.name = %name,
                "The audit log of `{name}` does not say of every session who began it, or when: \
                 who was last seen when is known only from {since} on"
            ),
            SessionGap::Event(what) => warn!(
                tenant.name = %name,
                "The audit log of `{name}` has {what}, which may be about a session: who was last \
                 seen when is known only from {since} on"
            ),
        }
    }

    /// Leaves events that were read to the sweep that a gap asks for.
    pub(super) fn leave_to_sweep(&self, seen: Vec<SeenEvent>) {
        let mut state = self.state();
        state.left_to_sweep.extend(seen);
        let excess = state.left_to_sweep.len().saturating_sub(MAX_SEEN_EVENTS);
        state.left_to_sweep.drain(..excess);
    }

    /// Takes the events that a complete sweep has covered.
    pub(super) fn take_covered(&self) -> Vec<SeenEvent> {
        std::mem::take(&mut self.state().left_to_sweep)
    }

    /// Asks for a sweep again if polls wait for one and the last one that a gap caused was long
    /// ago: the scheduled one may be days away.
    pub(super) fn remind(&self, now: Timestamp) {
        let mut state = self.state();
        let waits = state.gap.as_ref().is_some_and(|gap| gap.then == Then::Wait);
        let rests = state
            .swept_at
            .is_some_and(|at| now.since(at) < GAP_REST && at <= now);
        if waits && !rests {
            state.swept_at = Some(now);
            self.sweep.wake();
        }
    }

    /// Returns the findings of a sweep about the log.
    pub(in crate::sync) fn findings(&self) -> Vec<Finding> {
        let state = self.state();
        let finding = |code, detail| Finding {
            code,
            // The log is about all kinds; most of it is about users.
            kind: Kind::User,
            id: None,
            detail,
        };
        let forbidden = (state.access == Access::Forbidden).then(|| {
            let detail = "the credentials are not allowed to read the audit log: changes are found \
                          by full runs only";
            finding(FindingCode::AuditForbidden, detail.to_owned())
        });
        let silence = state.silent.filter(|it| it.is_said == Said::Yes);
        let silence = silence.map(|silence| {
            let since = silence.since;
            let detail = format!("the audit log has not answered since {since}");
            finding(FindingCode::AuditGap, detail)
        });
        let gap = state.gap.as_ref().map(|gap| {
            let detail = format!("the audit log has a gap: {}", gap.reason);
            finding(FindingCode::AuditGap, detail)
        });
        forbidden.into_iter().chain(silence).chain(gap).collect()
    }

    /// Notes that a sweep begins.
    pub(in crate::sync) fn sweep_begins(&self) {
        self.state().now = Noted::BesideOne;
    }

    /// Notes that a sweep has ended; a complete one closes a gap that was there when it began.
    /// Returns whether polls were waiting for that gap to be closed.
    pub(super) fn swept(&self, complete: Success) -> Waited {
        let mut state = self.state();
        state.now = Noted::BetweenSweeps;
        if state.access == Access::Forbidden {
            state.access = Access::Retrying;
        }
        let closed = match complete {
            Success::Yes => state.gap.take_if(|gap| gap.noted == Noted::BetweenSweeps),
            Success::No => None,
        };
        if let Some(gap) = &mut state.gap {
            gap.noted = Noted::BetweenSweeps;
        }
        match closed {
            Some(gap) if gap.then == Then::Wait => Waited::Yes,
            Some(_) | None => Waited::No,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

/// Whether something succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sync) enum Success {
    Yes,
    No,
}

/// Whether failures are still few enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sync) enum Bearable {
    Yes,
    No,
}

/// Whether polls waited for a sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sync) enum Waited {
    Yes,
    No,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn audit() -> (AuditState, TenantName) {
        let audit = AuditState::new(PollSetting::Polling(Polling {
            every: Duration::from_secs(60),
            overlap: Duration::from_secs(300),
        }));
        audit.met(&TenantId("t".into()));
        (audit, TenantName("acme".into()))
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000 + seconds * 1000)
    }

    fn codes(audit: &AuditState) -> Vec<&'static str> {
        let findings = audit.findings();
        findings.iter().map(|finding| finding.code.code()).collect()
    }

    async fn is_sweep_asked_for(audit: &AuditState) -> bool {
        let asked = audit.gap_opened();
        tokio::time::timeout(Duration::from_millis(1), asked)
            .await
            .is_ok()
    }

    #[test]
    fn a_refusal_stops_polls_until_a_sweep_and_is_said_by_each() {
        let (audit, name) = audit();
        audit.forbidden(&name);
        assert_eq!(audit.pollable(), None);
        assert_eq!(codes(&audit), ["finding.audit-forbidden"]);

        audit.swept(Success::No);
        assert!(audit.pollable().is_some());
        audit.forbidden(&name);
        assert_eq!(codes(&audit), ["finding.audit-forbidden"]);
        audit.swept(Success::Yes);
        audit.read(&name, at(0));
        assert_eq!(codes(&audit), Vec::<&str>::new());
    }

    #[test]
    fn silence_is_said_once_it_is_longer_than_the_overlap() {
        let (audit, name) = audit();
        for (seconds, expected) in [(0, 0), (299, 0), (300, 1), (900, 1)] {
            audit.silent(&name, at(seconds), "no answer in time");
            assert_eq!(codes(&audit).len(), expected, "{seconds}");
            assert!(audit.pollable().is_some());
        }
        audit.read(&name, at(901));
        assert_eq!(codes(&audit).len(), 0);
        // The clock is set back during a silence.
        for (seconds, expected) in [(900_000, 0), (1_000, 0), (1_299, 0), (1_300, 1)] {
            audit.silent(&name, at(seconds), "no answer in time");
            assert_eq!(codes(&audit).len(), expected, "{seconds}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn gaps_ask_for_a_sweep_but_not_again_and_again() {
        let (audit, name) = audit();
        for (seconds, asked) in [(0, true), (60, false), (3599, false), (3600, true)] {
            audit.gap(&name, at(seconds), "too much".into(), Then::Wait);
            assert_eq!(audit.pollable(), None);
            assert_eq!(is_sweep_asked_for(&audit).await, asked, "{seconds}");
            assert_eq!(audit.swept(Success::No), Waited::No);
            assert_eq!(codes(&audit), ["finding.audit-gap"]);
            assert_eq!(audit.swept(Success::Yes), Waited::Yes);
            assert!(audit.pollable().is_some());
        }
        audit.gap(&name, at(3700), "odd".into(), Then::GoOn);
        assert!(audit.pollable().is_some());
        assert_eq!(audit.swept(Success::Yes), Waited::No);
    }

    #[tokio::test(start_paused = true)]
    async fn a_gap_that_came_too_soon_for_a_sweep_gets_one_when_it_is_time() {
        let (audit, name) = audit();
        audit.gap(&name, at(0), "too much".into(), Then::Wait);
        assert!(is_sweep_asked_for(&audit).await);
        audit.swept(Success::Yes);
        audit.gap(&name, at(60), "too much".into(), Then::Wait);
        for (seconds, asked) in [(61, false), (3599, false), (3600, true), (3700, false)] {
            audit.remind(at(seconds));
            assert_eq!(is_sweep_asked_for(&audit).await, asked, "{seconds}");
        }
        audit.swept(Success::Yes);
        audit.remind(at(9000));
        assert!(!is_sweep_asked_for(&audit).await, "nothing waits");
    }

    #[tokio::test(start_paused = true)]
    async fn after_the_clock_went_back_no_gap_rests_for_a_sweep_of_the_future() {
        let (audit, name) = audit();
        audit.gap(&name, at(900_000), "too much".into(), Then::Wait);
        assert!(is_sweep_asked_for(&audit).await);

        audit.gap(&name, at(5_000), "too much".into(), Then::Wait);
        assert!(is_sweep_asked_for(&audit).await, "for a new gap");
        audit.remind(at(5_060));
        assert!(!is_sweep_asked_for(&audit).await, "it has just been");
        audit.remind(at(1_000));
        assert!(is_sweep_asked_for(&audit).await, "for one that waits");
    }

    #[tokio::test(start_paused = true)]
    async fn a_sweep_closes_no_gap_that_was_noted_while_it_was_under_way() {
        let (audit, name) = audit();
        for complete in [Success::Yes, Success::No] {
            audit.sweep_begins();
            audit.gap(&name, at(0), "too much".into(), Then::Wait);
            assert_eq!(audit.swept(complete), Waited::No);
            assert_eq!(audit.pollable(), None);

            audit.sweep_begins();
            assert_eq!(audit.swept(Success::Yes), Waited::Yes);
            assert!(audit.pollable().is_some());
        }
    }

    #[test]
    fn three_failures_in_a_row_are_too_many() {
        let (audit, _) = audit();
        let outcomes = [
            (Success::No, Bearable::Yes),
            (Success::Yes, Bearable::Yes),
            (Success::No, Bearable::Yes),
            (Success::No, Bearable::Yes),
            (Success::No, Bearable::No),
            (Success::No, Bearable::Yes),
        ];
        for (success, bearable) in outcomes {
            assert_eq!(audit.refreshed(success), bearable);
        }
    }

    #[test]
    fn no_more_events_wait_for_a_sweep_than_can_be_remembered_and_the_newest_do() {
        let (audit, _) = audit();
        let seen = |n: usize| SeenEvent {
            at: at(i64::try_from(n).unwrap()),
            id: crate::model::AuditEventId((n as u128).to_be_bytes()),
        };
        let all: Vec<SeenEvent> = (0..MAX_SEEN_EVENTS + 7).map(seen).collect();

        audit.leave_to_sweep(all[..MAX_SEEN_EVENTS].to_vec());
        audit.leave_to_sweep(all[MAX_SEEN_EVENTS..].to_vec());

        assert_eq!(audit.take_covered(), all[7..]);
        assert_eq!(audit.take_covered(), []);
    }
}
