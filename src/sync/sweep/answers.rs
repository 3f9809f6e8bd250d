//! Remembers for a while which records the source said are gone, so that nobody asks twice.
//!
//! Asking for a thousand records takes minutes of the rate that the source allows. A run that fails
//! half way, and a plan that waits for an operator, must not pay for that again and again.
//!
//! What must stay true: **a kept answer never outvotes a newer one.** It is dropped as soon as any
//! listing shows the record or the audit log names it. It removes nothing if another record of its
//! kind turns out to exist after all: a source that was wrong once may have been wrong before. How
//! old it may be depends on what rests on it:
//!
//! - A removal that is applied: [`MAX_AGE`]. One that an operator has approved also needs an answer
//!   that a run got while it applied that approval.
//! - A removal that is held anyway: [`KEPT`].
//!
//! Only "gone" and "forbidden" are kept. A record that exists is read again each time. Everything
//! is in memory: after a restart every record is asked for again.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use crate::clock::Clock;
use crate::connector::Readout;
use crate::lock::lock;
use crate::model::{Kind, PlanId, RecordRef, Timestamp};
use crate::store::TenantNo;

/// How old an answer may be for a removal to rest on it. A run that asks for ten thousand records
/// relies on answers of that age itself, and a run that failed is repeated several times within it.
pub(super) const MAX_AGE: Duration = Duration::from_secs(60 * 60);

/// How old an answer may be if it only keeps a held removal held. All records of a waiting plan are
/// asked for once a day.
pub(super) const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// The most answers that are kept for a tenant, some ten megabytes; the rest are asked for again.
const MAX_KEPT: usize = 100_000;

/// What the source answers about a record that the listing does not show, as far as it can be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sync) enum Absence {
    /// There is no such record.
    Gone,
    /// These credentials are not allowed to ask for it.
    Forbidden,
}

/// An answer that was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sync) struct Kept {
    pub(in crate::sync) word: Absence,
    /// The approved plan of the run that asked, if it had one.
    pub(in crate::sync) permit: Option<PlanId>,
    pub(in crate::sync) age: Duration,
}

/// The answers of one tenant.
#[derive(Debug)]
pub(in crate::sync) struct Answers {
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    tenant: Option<TenantNo>,
    answers: HashMap<RecordRef, Remembered>,
}

#[derive(Debug)]
struct Remembered {
    word: Absence,
    permit: Option<PlanId>,
    at: Timestamp,
    passed: Duration,
}

impl Answers {
    pub(in crate::sync) fn new(clock: Clock) -> Self {
        Self {
            clock,
            state: Mutex::default(),
        }
    }

    /// Keeps what a later sweep of a tenant can still use: answers about records that are missing,
    /// and about kinds that were not read to the end.
    pub(in crate::sync) fn retain(
        &self,
        tenant: TenantNo,
        missing: &BTreeSet<RecordRef>,
        complete: &BTreeSet<Kind>,
    ) {
        let mut state = self.state();
        if state.tenant != Some(tenant) {
            state.answers.clear();
            state.tenant = Some(tenant);
        }
        state.answers.retain(|record, answer| {
            let is_open = missing.contains(record) || !complete.contains(&record.kind);
            is_open && self.age(answer) <= KEPT
        });
    }

    /// Returns the last answer about a record.
    pub(in crate::sync) fn of(&self, record: &RecordRef) -> Option<Kept> {
        let state = self.state();
        let answer = state.answers.get(record)?;
        Some(Kept {
            word: answer.word,
            permit: answer.permit,
            age: self.age(answer),
        })
    }

    /// Keeps an answer that a run got while it applied the plan `permit`, if any.
    pub(in crate::sync) fn keep(&self, record: &RecordRef, word: Absence, permit: Option<PlanId>) {
        let mut state = self.state();
        if state.answers.len() >= MAX_KEPT && !state.answers.contains_key(record) {
            return;
        }
        let answer = Remembered {
            word,
            permit,
            at: self.clock.now(),
            passed: self.clock.passed(),
        };
        state.answers.insert(record.clone(), answer);
    }

    /// Drops the answer about a record, since something newer is known, or may be.
    pub(in crate::sync) fn drop_of(&self, record: &RecordRef) {
        self.state().answers.remove(record);
    }

    /// Drops the answers about all records that a page shows, readable or not.
    pub(in crate::sync) fn drop_shown(&self, kind: Kind, page: &Readout) {
        let mut state = self.state();
        if state.answers.is_empty() {
            return;
        }
        let readable = page.observed.iter().map(|observed| observed.record.id());
        let unreadable = page
            .unreadable
            .iter()
            .filter_map(|finding| finding.id.as_ref());
        for id in readable.chain(unreadable).cloned() {
            state.answers.remove(&RecordRef { kind, id });
        }
    }

    /// Drops everything, since nothing that depends on it waits any more.
    pub(in crate::sync) fn clear(&self) {
        self.state().answers.clear();
    }

    /// Returns an answer's age. A machine that sleeps may stop the monotonic clock, and somebody
    /// may set the wall clock back: the higher age counts.
    fn age(&self, answer: &Remembered) -> Duration {
        let by_the_wall = self.clock.now().since(answer.at);
        let passed = self.clock.passed().saturating_sub(answer.passed);
        by_the_wall.max(passed)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Id;

    fn record(kind: Kind, n: u32) -> RecordRef {
        let id = Id::parse(&format!("{n:024x}")).unwrap();
        RecordRef { kind, id }
    }

    fn user(n: u32) -> RecordRef {
        record(Kind::User, n)
    }

    fn tenant(no: u32) -> TenantNo {
        // Only the store gives numbers; these are never looked up.
        serde_json::from_value(no.into()).unwrap()
    }

    fn answers() -> (Answers, Clock) {
        let clock = Clock::stopped_at(Timestamp::from_millis(1_000_000));
        (Answers::new(clock.clone()), clock)
    }

    fn retain(answers: &Answers, no: u32, missing: &[RecordRef], complete: &[Kind]) {
        let missing = missing.iter().cloned().collect();
        let complete = complete.iter().copied().collect();
        answers.retain(tenant(no), &missing, &complete);
    }

    #[test]
    fn an_answer_is_kept_as_long_as_its_record_is_missing() {
        let (answers, _) = answers();
        retain(&answers, 1, &[user(1), user(2)], &Kind::ALL);
        let role = record(Kind::Role, 1);
        for record in [&user(1), &user(2), &role] {
            answers.keep(record, Absence::Gone, Some(PlanId(7)));
        }

        retain(&answers, 1, &[user(2)], &[Kind::User, Kind::Group]);

        let kept = Kept {
            word: Absence::Gone,
            permit: Some(PlanId(7)),
            age: Duration::ZERO,
        };
        assert_eq!(answers.of(&user(1)), None, "shown, or not known any more");
        assert_eq!(answers.of(&user(2)), Some(kept));
        assert_eq!(answers.of(&role), Some(kept), "roles were not read");
        retain(&answers, 2, &[user(2)], &Kind::ALL);
        assert_eq!(answers.of(&user(2)), None, "another tenant");
    }

    #[test]
    fn the_older_of_two_ages_counts() {
        let (answers, clock) = answers();
        retain(&answers, 1, &[user(1)], &Kind::ALL);
        answers.keep(&user(1), Absence::Forbidden, None);
        let age = || answers.of(&user(1)).map(|kept| kept.age);

        clock.set(clock.now().plus(MAX_AGE));
        assert_eq!(age(), Some(MAX_AGE));
        clock.jump_to(Timestamp::from_millis(0));
        assert_eq!(age(), Some(MAX_AGE), "somebody has set the clock back");
        clock.jump_to(Timestamp::from_millis(1_000_000).plus(MAX_AGE * 2));
        assert_eq!(age(), Some(MAX_AGE * 2), "the machine has slept");
        clock.jump_to(Timestamp::from_millis(1_000_001).plus(KEPT));
        retain(&answers, 1, &[user(1)], &Kind::ALL);
        assert_eq!(age(), None);
    }

    #[test]
    fn answers_have_a_bound() {
        let (answers, _) = answers();
        retain(&answers, 1, &[], &[]);
        for n in 0..=u32::try_from(MAX_KEPT).unwrap() {
            answers.keep(&user(n), Absence::Gone, None);
        }

        answers.keep(&user(0), Absence::Forbidden, None);

        let kept = |n| answers.of(&user(n)).map(|kept| kept.word);
        assert_eq!(kept(0), Some(Absence::Forbidden), "the newer one");
        assert_eq!(kept(u32::try_from(MAX_KEPT).unwrap()), None);
        answers.clear();
        assert_eq!(kept(0), None);
    }
}
