//! The result of a message: what it means for its deliveries and for the endpoint.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tracing::{debug, error, info, warn};

use super::expanding::Expanding;
use super::{Ended, Filling, State};
use crate::deliver::queue::health::{Failed, Whose};
use crate::deliver::queue::pending_delivery::{KeptBy, PendingDelivery};
use crate::deliver::transport::failure::Failure;
use crate::deliver::transport::verdict::Verdict;
use crate::model::{Fact, Timestamp};
use crate::store::{Attempt, DeliveryChange, Disabled, DisabledBy, Item, MAX_DEFERRED, Parked};
use crate::telemetry::chain;

/// How many deliveries may wait for another attempt. Beyond that, a delivery that is refused is
/// parked at once. The rest of what may be in memory is for those that were not tried yet.
const MAX_WAITING: usize = MAX_DEFERRED / 4 * 3;

impl State {
    /// Notes the result of a message.
    pub fn ended(&mut self, ended: Ended, now: Timestamp, moment: Instant) {
        self.is_dirty = true;
        self.log(&ended);
        let Ended {
            mut deliveries,
            began,
            verdict,
            ..
        } = ended;
        for delivery in &mut deliveries {
            delivery.follow(self.set_back);
        }
        match verdict {
            Verdict::Delivered { .. } => {
                self.delivered_at = Some(now);
                if self.health.succeeded(began, moment) {
                    info!(endpoint.id = %self.endpoint.name(),
                        "Endpoint `{}` accepts events again", self.endpoint.name());
                }
                for delivery in deliveries {
                    debug!(endpoint.id = %self.endpoint.name(), item = ?delivery.item, "Delivered");
                    self.totals.delivered += 1;
                    self.settle(&delivery, now);
                }
            }
            Verdict::Disable { failure } => {
                for delivery in deliveries.into_iter().rev() {
                    self.defer(delivery, now);
                }
                let url_mark = self.endpoint.url_mark();
                let by = DisabledBy::Receiver { url_mark };
                self.disable(Reason::of(&failure), by, now);
            }
            Verdict::Retry { failure, after } => {
                let failed = Failed {
                    failure: &failure,
                    began,
                    before: deliveries
                        .iter()
                        .filter_map(|delivery| delivery.failed_at)
                        .min(),
                    asked: after,
                    chance: fastrand::f64(),
                };
                let whose = self.health.failed(&failed, now, moment);
                self.warn(&failure, whose, deliveries.len());
                let is_taken_apart = whose == Whose::Event && deliveries.len() > 1;
                for delivery in &mut deliveries {
                    delivery.failed_at = Some(moment);
                }
                // The last one comes first, since each is put at the front of its lane.
                for mut delivery in deliveries.into_iter().rev() {
                    delivery.is_endpoints = whose != Whose::Event;
                    if is_taken_apart {
                        delivery.is_alone = true;
                        self.defer(delivery, now);
                    } else {
                        self.failed(delivery, &failure, after, now);
                    }
                }
                self.give_up_on_endpoint(&failure, now);
            }
        }
        self.end_backfill_and_list();
    }

    /// Notes that deliveries need not be sent any more, since nothing is left to send.
    pub fn gone(&mut self, deliveries: Vec<PendingDelivery>, now: Timestamp) {
        self.is_dirty = true;
        for delivery in deliveries {
            self.settle(&delivery, now);
        }
        self.end_backfill_and_list();
    }

    fn settle(&mut self, delivery: &PendingDelivery, now: Timestamp) {
        let item = delivery.item.clone();
        match delivery.kept_by {
            KeptBy::Cursor => self.step_over(&item),
            KeptBy::Row => self.changes.push(DeliveryChange::Resume(item)),
            KeptBy::Replay => self.replayed(item),
        }
        self.lanes.done(delivery, now);
    }

    pub(super) fn replayed(&mut self, item: Item) {
        self.replaying.remove(&item);
        self.replayed.insert(item.clone());
        self.changes.push(DeliveryChange::Replayed(item));
    }

    /// Counts a failed attempt of a delivery, and schedules another one or parks it.
    fn failed(
        &mut self,
        mut delivery: PendingDelivery,
        failure: &Failure,
        after: Option<Duration>,
        now: Timestamp,
    ) {
        // A probe before the event's own time does not count as one of its attempts.
        if delivery.is_due(now) {
            delivery.attempts = delivery.attempts.saturating_add(1);
            // No more events may wait: they would keep all others from being read for days.
            if !delivery.is_endpoints && self.n_rows() >= MAX_WAITING {
                return self.park(&delivery, failure, now);
            }
            let schedule = self.endpoint.schedule();
            match schedule.wait(delivery.attempts, fastrand::f64()) {
                Some(wait) => delivery.due = Some(now.plus(wait.max(after.unwrap_or_default()))),
                None => return self.park(&delivery, failure, now),
            }
        }
        self.defer(delivery, now);
    }

    fn n_rows(&self) -> usize {
        self.lanes.len() - self.lanes.without_row()
    }

    fn park(&mut self, delivery: &PendingDelivery, failure: &Failure, now: Timestamp) {
        let name = self.endpoint.name();
        error!(
            endpoint.id = %name, item = ?delivery.item, attempt = delivery.attempts,
            error.code = failure.code(), error = chain(failure), remedy = failure.remedy(),
            "A delivery to `{name}` failed {} times and is parked; \
             `qlik-roster deliveries --endpoint {name} --parked` shows it", delivery.attempts,
        );
        self.totals.parked += 1;
        self.changes.push(DeliveryChange::Park(Parked {
            item: delivery.item.clone(),
            reason: failure.in_words(),
            at: now,
            attempts: delivery.attempts,
        }));
        self.settle(delivery, now);
    }

    /// Gives a delivery a row and puts it back into its lane.
    fn defer(&mut self, mut delivery: PendingDelivery, now: Timestamp) {
        if delivery.kept_by == KeptBy::Replay {
            self.replayed(delivery.item.clone());
        }
        if !delivery.has_row() {
            self.lanes.count_row();
            delivery.kept_by = KeptBy::Row;
        }
        delivery.entry = None;
        let row = (delivery.item.clone(), delivery.row());
        self.keep([row]);
        let behind = self.lanes.put_back(delivery, now);
        self.keep(behind);
    }

    /// Moves the cursor past an item that it need not keep any more.
    pub(super) fn step_over(&mut self, item: &Item) {
        match item {
            Item::Entry(seq) => self.journal.settle(*seq),
            Item::Snapshot {
                mark,
                at,
                tenant,
                record,
            } => {
                // An item of an earlier backfill does not change the present one.
                let is_of = |filling: &&mut Filling| (filling.mark, filling.at) == (*mark, *at);
                if let Some(filling) = self.filling.as_mut().filter(is_of) {
                    let place = (*tenant, record.kind, record.id.clone());
                    filling.position.settle(place);
                }
            }
            Item::Member { entry, number } => {
                // A user of another list does not change the present one.
                let is_of = |expanding: &&mut Expanding| expanding.entry == *entry;
                if let Some(expanding) = self.expanding.as_mut().filter(is_of) {
                    expanding.position.settle(*number);
                }
            }
        }
    }

    /// Disables an endpoint that has accepted nothing for too long.
    fn give_up_on_endpoint(&mut self, failure: &Failure, now: Timestamp) {
        let Some(failing) = self.health.failing() else {
            return;
        };
        let limit = self.endpoint.flow().disable_after;
        if limit.is_zero() || now.since(failing.since) < limit || self.disabled.is_some() {
            return;
        }
        let reason = Reason::of(failure).after(&format!(
            "nothing but failures since {}, {} attempts, the last one ",
            failing.since, failing.attempts,
        ));
        self.disable(reason, DisabledBy::Failures, now);
    }

    fn disable(&mut self, reason: Reason, by: DisabledBy, now: Timestamp) {
        let name = self.endpoint.name();
        error!(
            endpoint.id = %name, error = reason.whole.as_str(),
            "Endpoint `{name}` is disabled and gets no events; `qlik-roster endpoints enable \
             {name}` lets it continue where it stopped",
        );
        let failing_since = self.health.failing().map(|failing| failing.since);
        self.fact = Some((
            now,
            Fact::EndpointDisabled {
                endpoint: name.clone(),
                reason: reason.for_others,
                failing_since: failing_since.filter(|_| by == DisabledBy::Failures),
            },
        ));
        self.disabled = Some(Disabled {
            at: now,
            by,
            reason: reason.whole,
        });
    }

    /// Ends the backfill and the list once they are sent in full, so that delivery of the
    /// journal continues.
    pub(super) fn end_backfill_and_list(&mut self) {
        let over = self.expanding.take_if(|expanding| expanding.is_over());
        if over.is_some() {
            self.is_dirty = true;
        }
        let is_over = |filling: &Filling| filling.is_read && filling.position.is_settled();
        if let Some(filling) = self.filling.take_if(|filling| is_over(filling)) {
            self.is_dirty = true;
            info!(
                endpoint.id = %self.endpoint.name(), event.seq = filling.mark.0,
                "Endpoint `{}` has received everything that was known; events after {} follow",
                self.endpoint.name(), filling.mark,
            );
        }
    }

    /// Logs what a failure means, once for the endpoint and not for each probe.
    fn warn(&self, failure: &Failure, whose: Whose, n_events: usize) {
        let name = self.endpoint.name();
        let why = chain(failure);
        match whose {
            Whose::Began => warn!(
                endpoint.id = %name, error.code = failure.code(), error = why,
                remedy = failure.remedy(),
                "Endpoint `{name}` accepts nothing at the moment: {why}; it is probed until it \
                 does",
            ),
            Whose::Endpoint => debug!(
                endpoint.id = %name, error.code = failure.code(), error = why,
                "A probe of `{name}` failed",
            ),
            Whose::Event => warn!(
                endpoint.id = %name, error.code = failure.code(), error = why, events = n_events,
                remedy = failure.remedy(),
                "A delivery to `{name}` failed: {why}; other deliveries continue",
            ),
        }
    }

    /// Keeps the result of an attempt, for each event in it.
    fn log(&mut self, ended: &Ended) {
        let (status, error) = match &ended.verdict {
            Verdict::Delivered { status } => (Some(*status), None),
            Verdict::Retry { failure, .. } | Verdict::Disable { failure } => {
                (failure.status(), Some(Arc::from(failure.in_words())))
            }
        };
        let answer: Arc<str> = Arc::from(ended.answer.as_str());
        for (delivery, event_type) in ended.deliveries.iter().zip(&ended.event_types) {
            self.attempts.push(Attempt {
                item: delivery.item.clone(),
                event_type: Cow::Borrowed(event_type),
                number: delivery.attempts + 1,
                at: ended.at,
                took_ms: u32::try_from(ended.took.as_millis()).unwrap_or(u32::MAX),
                status,
                answer: Arc::clone(&answer),
                error: error.clone(),
            });
        }
    }
}

/// Why an endpoint is disabled.
struct Reason {
    /// What any receiver may be told: the code and the message that goes with it. The causes may
    /// contain the address of the endpoint's receiver, so they are only for the operator.
    for_others: String,
    /// The reason with all causes, for the operator.
    whole: String,
}

impl Reason {
    fn of(failure: &Failure) -> Self {
        Self {
            for_others: format!("{}: {failure}", failure.code()),
            whole: failure.in_words(),
        }
    }

    /// Puts words before the reason.
    fn after(self, words: &str) -> Self {
        Self {
            for_others: format!("{words}{}", self.for_others),
            whole: format!("{words}{}", self.whole),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ClockJump;
    use crate::deliver::queue::read_position::{Met, Page, ReadPosition};
    use crate::deliver::transport::address::{Range, RefusedAddress};
    use crate::deliver::{Endpoint, Feed};
    use std::collections::BTreeSet;

    use crate::deliver::tests::{create_users, open, options, start, user};
    use crate::model::Seq;
    use crate::store::{Backfill, Cursor, Deferred};

    #[test]
    fn other_receivers_are_not_told_where_an_endpoint_stands() {
        let failure = Failure::RefusedAddress(RefusedAddress {
            address: [10, 0, 0, 5].into(),
            range: Range::Private,
        });

        let Reason { for_others, whole } = Reason::of(&failure).after("9 attempts, the last one ");

        assert_eq!(
            for_others,
            "9 attempts, the last one deliver.refused-address: refusing to connect to the receiver"
        );
        assert!(
            whole.starts_with(&for_others) && whole.contains("10.0.0.5"),
            "{whole}"
        );
    }

    /// Returns what happens to an event that is refused while this many others wait: whether it is
    /// parked, and whether reading continues.
    fn refused_beside(n_waiting: usize) -> (bool, bool) {
        let endpoint = Endpoint::new(options(([127, 0, 0, 1], 9).into())).unwrap();
        let n_waiting = n_waiting as u64;
        let rows = (1..=n_waiting).map(|seq| {
            let row = Deferred {
                entity: seq,
                after: None,
                attempts: 3,
                due: Some(start().plus(Duration::from_secs(7_200))),
                is_endpoints: false,
                is_alone: false,
            };
            (Item::Entry(Seq(seq)), row)
        });
        let cursor = Cursor {
            settled: Seq(n_waiting),
            ..Cursor::default()
        };
        let mut state = State::of(endpoint, cursor, rows.collect(), start());
        let seq = Seq(n_waiting + 1);
        let new = PendingDelivery::new(Item::Entry(seq), seq.0, None);
        state.take(
            Page {
                met: vec![Met::Entry(seq, Some(new))],
                is_end: true,
            },
            start(),
        );
        let deliveries = state.next(1, start());
        state.came_back(1);
        let moment = Instant::now();
        let ended = Ended {
            deliveries,
            event_types: vec!["user.created"],
            at: start(),
            began: moment,
            took: Duration::ZERO,
            answer: String::new(),
            verdict: Verdict::Retry {
                failure: Failure::Rejected { status: 422 },
                after: None,
            },
        };
        state.ended(ended, start(), moment);
        let mut changes = state.changes.iter();
        let is_parked = changes.any(|change| matches!(change, DeliveryChange::Park(_)));
        (
            is_parked,
            state.reads_from() == Some(ReadPosition::Journal(seq)),
        )
    }

    #[test]
    fn where_too_many_wait_what_is_refused_is_parked_and_reading_goes_on() {
        assert_eq!(refused_beside(MAX_WAITING - 1), (false, true));
        assert_eq!(refused_beside(MAX_WAITING), (true, true));
    }

    fn refused(deliveries: Vec<PendingDelivery>, moment: Instant) -> Ended {
        Ended {
            deliveries,
            event_types: vec!["user.created"],
            at: start(),
            began: moment,
            took: Duration::ZERO,
            answer: String::new(),
            verdict: Verdict::Retry {
                failure: Failure::Rejected { status: 422 },
                after: None,
            },
        }
    }

    #[test]
    fn a_message_takes_no_more_once_it_is_large() {
        let endpoint = Endpoint::new(options(([127, 0, 0, 1], 9).into())).unwrap();
        let mut state = State::of(endpoint, Cursor::default(), Vec::new(), start());
        // The deliveries are about two records.
        let deliveries = (1..=6).map(|seq| PendingDelivery {
            weight: 3 * 1024 * 1024,
            ..PendingDelivery::new(Item::Entry(Seq(seq)), seq % 2, None)
        });
        let met = deliveries.map(|delivery| match delivery.item {
            Item::Entry(seq) => Met::Entry(seq, Some(delivery)),
            Item::Snapshot { .. } | Item::Member { .. } => unreachable!("all are entries"),
        });
        state.take(
            Page {
                met: met.collect(),
                is_end: true,
            },
            start(),
        );

        assert_eq!(state.next(100, start()).len(), 2);
        assert_eq!(state.next(100, start()).len(), 2);
    }

    #[test]
    fn what_was_refused_gives_its_memory_back_while_it_waits() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        create_users(&store, 1..=1);
        let feed = Feed::new(store.clone());
        let entry = store.entry(Seq(1)).unwrap().map(|entry| feed.share(entry));
        let endpoint = Endpoint::new(options(([127, 0, 0, 1], 9).into())).unwrap();
        let mut state = State::of(endpoint, Cursor::default(), Vec::new(), start());
        let new = PendingDelivery::new(Item::Entry(Seq(1)), 1, entry);
        state.take(
            Page {
                met: vec![Met::Entry(Seq(1), Some(new))],
                is_end: true,
            },
            start(),
        );
        let deliveries = state.next(1, start());
        state.came_back(1);
        assert!(feed.used() > 0);

        state.ended(refused(deliveries, Instant::now()), start(), Instant::now());

        assert!(state.lanes.has(&Item::Entry(Seq(1))));
        assert_eq!(feed.used(), 0);
    }

    #[test]
    fn a_clock_that_is_set_back_during_an_attempt_puts_the_next_one_no_further_off() {
        let endpoint = Endpoint::new(options(([127, 0, 0, 1], 9).into())).unwrap();
        let row = Deferred {
            entity: 1,
            after: None,
            attempts: 1,
            due: Some(start()),
            is_endpoints: false,
            is_alone: false,
        };
        let rows = vec![(Item::Entry(Seq(1)), row)];
        let mut state = State::of(endpoint, Cursor::default(), rows, start());
        let deliveries = state.next(1, start());
        let day = Duration::from_secs(86_400);
        let back = start().minus(day);
        state.follow(ClockJump::Back(day), back);
        state.came_back(1);

        state.ended(refused(deliveries, Instant::now()), back, Instant::now());

        let Some(DeliveryChange::Defer(_, row)) = state.changes.last() else {
            panic!("it waits: {:?}", state.changes);
        };
        assert_eq!(row.attempts, 2);
        let wait = row.due.unwrap().since(back);
        assert!(wait <= Duration::from_secs(360), "{wait:?}");
    }

    #[test]
    fn an_event_waits_as_long_as_the_receiver_asks_where_the_schedule_would_not() {
        for (asked, at_least) in [(None, 0), (Some(1), 0), (Some(3_000), 3_000)] {
            let endpoint = Endpoint::new(options(([127, 0, 0, 1], 9).into())).unwrap();
            let mut state = State::of(endpoint, Cursor::default(), Vec::new(), start());
            let new = PendingDelivery::new(Item::Entry(Seq(1)), 1, None);
            state.take(
                Page {
                    met: vec![Met::Entry(Seq(1), Some(new))],
                    is_end: true,
                },
                start(),
            );
            let deliveries = state.next(1, start());
            state.came_back(1);
            let moment = Instant::now();
            let ended = Ended {
                deliveries,
                event_types: vec!["user.created"],
                at: start(),
                began: moment,
                took: Duration::ZERO,
                answer: String::new(),
                verdict: Verdict::Retry {
                    failure: Failure::Rejected { status: 422 },
                    after: asked.map(Duration::from_secs),
                },
            };

            state.ended(ended, start(), moment);

            let due = state.lanes.next_due().unwrap();
            let wait = due.since(start());
            assert!(wait >= Duration::from_secs(at_least), "{asked:?}: {wait:?}");
            let by_schedule = Duration::from_secs(600);
            assert!(at_least > 0 || wait < by_schedule, "{asked:?}: {wait:?}");
        }
    }

    #[test]
    fn a_snapshot_of_an_earlier_backfill_says_nothing_of_this_one() {
        let endpoint = Endpoint::new(options(([127, 0, 0, 1], 9).into())).unwrap();
        let cursor = Cursor {
            backfill: Some(Backfill {
                mark: Seq(9),
                at: start(),
                tenant: None,
                after: None,
                beyond: BTreeSet::new(),
            }),
            ..Cursor::default()
        };
        let mut state = State::of(endpoint, cursor.clone(), Vec::new(), start());
        let snapshot = |mark, at| Item::Snapshot {
            mark: Seq(mark),
            at,
            tenant: serde_json::from_value(1.into()).unwrap(),
            record: user(1).to_ref(),
        };

        state.step_over(&snapshot(3, start()));
        state.step_over(&snapshot(9, start().plus(Duration::from_secs(1))));
        assert_eq!(state.cursor().backfill, cursor.backfill);

        state.step_over(&snapshot(9, start()));
        assert_ne!(state.cursor().backfill, cursor.backfill);
    }

    #[test]
    fn a_tenant_that_was_told_of_is_not_told_of_again() {
        for (ahead, is_told) in [(vec![], true), (vec![Seq(4)], false)] {
            let endpoint = Endpoint::new(options(([127, 0, 0, 1], 9).into())).unwrap();
            let cursor = Cursor {
                ahead: ahead.into_iter().collect(),
                ..Cursor::default()
            };
            let mut state = State::of(endpoint, cursor, Vec::new(), start());
            let loaded = Met::Loaded {
                seq: Seq(4),
                at: start(),
                tenant: serde_json::from_value(1.into()).unwrap(),
            };

            state.take(
                Page {
                    met: vec![loaded],
                    is_end: false,
                },
                start(),
            );

            assert_eq!(state.cursor().backfill.is_some(), is_told);
        }
    }
}
