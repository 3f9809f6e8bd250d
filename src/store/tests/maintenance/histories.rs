//! Random histories of events, endpoints, orders, maintenance, compactions and closings: whatever
//! somebody may still need can be read.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use crate::model::{Entry, Seq, Timestamp};
use crate::store::handle::Store;
use crate::store::kept::delivery::DeliveryChange;
use crate::store::kept::maintenance::pass::MaintenancePass;
use crate::store::tests::support::{adopt, open};
use crate::store::values::delivery::{Cursor, Disabled, DisabledBy, Item, Order};

use super::{RETENTION, commit, day, defer, dismiss, hook, park, put};

/// The last of the three endpoints is not in the configuration.
const NAMES: [&str; 3] = ["a", "bb", "gone"];

#[derive(Debug, Clone)]
enum Step {
    /// Entries are found, some days later.
    Found(u32, i64),
    /// An endpoint settles this many more entries: it gives up those whose position is divisible by
    /// the last number, and will retry those one position later.
    Settle(usize, u64, u64),
    /// Its receiver refuses everything from now on.
    Gone(usize),
    /// An operator gives an order.
    Ordered(usize, Wanted),
    /// The endpoint carries out its orders.
    ApplyOrders(usize),
    /// A parked event is dismissed.
    Dismiss(usize, usize),
    /// An operator requests that an event is sent again.
    Replay(usize, usize),
    /// A deferred or replayed event is delivered.
    Deliver(usize, usize),
    /// Some steps of a pass are done.
    Maintenance(usize),
    /// The store is closed and opened again, after this many steps of a pass.
    Reopen(usize),
    Compact,
}

#[derive(Debug, Clone, Copy)]
enum Wanted {
    Enable,
    Disable,
    /// Back by this many entries.
    Rewind(u64),
    Backfill,
}

fn step() -> impl Strategy<Value = Step> {
    let wanted = prop_oneof![
        2 => Just(Wanted::Enable),
        1 => Just(Wanted::Disable),
        3 => (0..60_u64).prop_map(Wanted::Rewind),
        1 => Just(Wanted::Backfill),
    ];
    prop_oneof![
        6 => (1..60_u32, 0..70_i64).prop_map(|(n, days)| Step::Found(n, days)),
        6 => (0..3_usize, 0..80_u64, 2..20_u64).prop_map(|(e, n, by)| Step::Settle(e, n, by)),
        1 => (0..3_usize).prop_map(Step::Gone),
        4 => (0..3_usize, wanted).prop_map(|(e, wanted)| Step::Ordered(e, wanted)),
        2 => (0..3_usize).prop_map(Step::ApplyOrders),
        2 => (0..3_usize, 0..30_usize).prop_map(|(e, n)| Step::Dismiss(e, n)),
        4 => (0..3_usize, 0..60_usize).prop_map(|(e, n)| Step::Replay(e, n)),
        2 => (0..3_usize, 0..30_usize).prop_map(|(e, n)| Step::Deliver(e, n)),
        5 => (1..8_usize).prop_map(Step::Maintenance),
        1 => (0..3_usize).prop_map(Step::Reopen),
        1 => Just(Step::Compact),
    ]
}

/// Why an endpoint names an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Why {
    Parked,
    Deferred,
    Replay,
}

/// What must be true of the store.
#[derive(Default)]
struct Model {
    now: i64,
    cut: u64,
    entries: Vec<Entry>,
    endpoints: BTreeMap<usize, Known>,
    /// When the endpoint that is not configured was first noticed.
    orphaned_since: Option<i64>,
}

#[derive(Default)]
struct Known {
    /// `None` if nothing was delivered to it yet.
    cursor: Option<Cursor>,
    orders: Vec<Order>,
    rows: BTreeSet<(Why, Seq)>,
}

impl Known {
    /// Returns its cursor once orders are carried out; `None` if it begins after the last entry.
    fn foreseen(&self, last: Seq) -> Option<Cursor> {
        let mut cursor = self.cursor.clone();
        for order in &self.orders {
            let cursor = cursor.get_or_insert_with(|| Cursor {
                settled: last,
                ..Cursor::default()
            });
            cursor.apply(order);
        }
        cursor
    }

    fn of(&self, whys: &[Why], nth: usize) -> Option<(Why, Seq)> {
        let mut of = self.rows.iter().filter(|(why, _)| whys.contains(why));
        of.nth(nth).copied()
    }
}

impl Model {
    /// Plays a step, in the store and here.
    fn play(&mut self, store: &Store, step: &Step) {
        let last = Seq(self.entries.len() as u64);
        match *step {
            Step::Found(count, days) => {
                self.now += days;
                let known = store.tenants().unwrap().remove(0);
                commit(store, &known, day(self.now), 0..count);
                let found = store.entries(last, usize::MAX).unwrap();
                self.entries.extend(found);
            }
            Step::Settle(which, by, every) => {
                let known = self.known(which);
                let cursor = known.cursor.get_or_insert_default();
                if cursor.disabled.is_some() {
                    put(store, &hook(NAMES[which]), cursor.clone(), None);
                    return;
                }
                // A cursor before the cut continues with what is there.
                let from = cursor.settled.max(before(store.first_seq().unwrap()));
                let to = last.0.min(from.0 + by);
                let mut rows = Vec::new();
                for seq in (from.0 + 1..=to).map(Seq) {
                    let (why, row) = match seq.0 % every {
                        0 => (Why::Parked, park(seq)),
                        1 => (Why::Deferred, defer(seq)),
                        _ => continue,
                    };
                    known.rows.insert((why, seq));
                    rows.push(row);
                }
                cursor.settled = cursor.settled.max(Seq(to));
                put(store, &hook(NAMES[which]), cursor.clone(), rows);
            }
            Step::Gone(which) => {
                let cursor = self.known(which).cursor.get_or_insert_default();
                cursor.disabled = Some(Disabled {
                    at: day(0),
                    reason: "410".to_owned(),
                    by: DisabledBy::Failures,
                });
                put(store, &hook(NAMES[which]), cursor.clone(), None);
            }
            Step::Ordered(which, wanted) => {
                let at = day(self.now);
                let known = self.known(which);
                let order = match wanted {
                    Wanted::Enable => Order::Enable,
                    Wanted::Disable => Order::Disable { at },
                    Wanted::Rewind(by) => {
                        let settled = known.foreseen(last).map_or(last, |cursor| cursor.settled);
                        let to = Seq(settled.0.saturating_sub(by));
                        Order::Rewind { to }
                    }
                    Wanted::Backfill => Order::Backfill { at, mark: last },
                };
                store.order(&hook(NAMES[which]), &order).unwrap();
                known.orders.push(order);
            }
            Step::ApplyOrders(which) => self.apply_orders(store, which),
            Step::Dismiss(which, nth) => {
                let known = self.known(which);
                if let Some(row) = known.of(&[Why::Parked], nth) {
                    known.rows.remove(&row);
                    dismiss(store, &hook(NAMES[which]), row.1);
                }
            }
            Step::Replay(which, nth) => {
                let Some(entry) = self.entries.iter().rev().nth(nth) else {
                    return;
                };
                // What is deleted cannot be sent again, and nobody asks for it.
                let seq = entry.seq;
                if store.entry(seq).unwrap().is_some() {
                    let known = self.known(which);
                    known.rows.remove(&(Why::Parked, seq));
                    known.rows.insert((Why::Replay, seq));
                    let name = hook(NAMES[which]);
                    store.replay(&name, &[Item::Entry(seq)]).unwrap();
                }
            }
            Step::Deliver(which, nth) => self.deliver(store, which, nth),
            Step::Maintenance(steps) => maintenance(store, day(self.now), steps),
            Step::Reopen(_) | Step::Compact => {}
        }
    }

    /// Carries out the orders.
    fn apply_orders(&mut self, store: &Store, which: usize) {
        let last = Seq(self.entries.len() as u64);
        let known = self.known(which);
        let Some(cursor) = known.foreseen(last) else {
            return;
        };
        known.cursor = Some(cursor.clone());
        known.orders.clear();
        let name = hook(NAMES[which]);
        let orders = store.orders(&name).unwrap().into_iter();
        let applied = orders.map(|(number, _)| DeliveryChange::OrderApplied(number));
        put(store, &name, cursor, applied);
    }

    fn deliver(&mut self, store: &Store, which: usize, nth: usize) {
        let known = self.known(which);
        let Some((why, seq)) = known.of(&[Why::Deferred, Why::Replay], nth) else {
            return;
        };
        known.rows.remove(&(why, seq));
        let item = Item::Entry(seq);
        let done = match why {
            Why::Deferred => DeliveryChange::Resume(item),
            Why::Replay => DeliveryChange::Replayed(item),
            Why::Parked => DeliveryChange::Unpark(item),
        };
        let cursor = known.cursor.get_or_insert_default().clone();
        put(store, &hook(NAMES[which]), cursor, Some(done));
    }

    /// Returns what is known of an endpoint, which counts as known from now on.
    fn known(&mut self, which: usize) -> &mut Known {
        if which == 2 {
            self.orphaned_since.get_or_insert(self.now);
        }
        self.endpoints.entry(which).or_default()
    }

    /// Compares a store with the model: whatever a cursor or a row may need can be read, and so can
    /// young entries; the rest is there or not, but never anything different.
    fn verify(&mut self, store: &Store) {
        self.verify_endpoints(store);
        let cut = before(store.first_seq().unwrap()).0;
        let configured = self.endpoints.iter().filter(|(which, _)| **which < 2);
        let last = Seq(self.entries.len() as u64);
        for (which, known) in configured {
            let Some(cursor) = known.foreseen(last) else {
                continue;
            };
            let may_be_cut = cursor.disabled.is_some() || cursor.settled.0 >= cut;
            assert!(cut == self.cut || may_be_cut, "{}", NAMES[*which]);
        }
        self.cut = cut;
        let begins = usize::try_from(cut).unwrap();
        assert_eq!(
            store.entries(Seq::START, usize::MAX).unwrap(),
            self.entries[begins..]
        );
        let is_past = self.is_past();
        let known = self.endpoints.iter();
        let known = known.filter(|(which, _)| **which < 2 || !is_past);
        let rows = known.flat_map(|(_, known)| &known.rows);
        let named: BTreeSet<Seq> = rows.map(|(_, seq)| *seq).collect();
        for entry in &self.entries {
            let found = store.entry(entry.seq).unwrap();
            let is_young = entry.at >= day(self.now - 90);
            let is_needed = is_young || named.contains(&entry.seq);
            assert!(found.is_some() || !is_needed, "{}", entry.seq);
            assert!(found.is_none_or(|found| found == *entry));
        }
    }

    /// Returns whether the endpoint that is not configured may be forgotten.
    fn is_past(&self) -> bool {
        self.orphaned_since
            .is_some_and(|since| since < self.now - 90)
    }

    /// Checks that only an endpoint that is not configured is forgotten, and not too early.
    fn verify_endpoints(&mut self, store: &Store) {
        let has_rows = |name: &str| {
            let name = hook(name);
            !store.parked(&name, None, 1).unwrap().is_empty()
                || !store.deferred(&name).unwrap().is_empty()
                || !store.replays(&name, None, 1).unwrap().is_empty()
                || !store.orders(&name).unwrap().is_empty()
        };
        let mut forgotten = None;
        for (which, known) in &self.endpoints {
            let name = hook(NAMES[*which]);
            let read = store.cursor(&name).unwrap();
            let is_past = self.is_past();
            let is_forgotten = read.is_none() && !has_rows(NAMES[*which]);
            if *which == 2 && is_past && is_forgotten {
                forgotten = Some(*which);
            } else {
                assert_eq!(read, known.cursor);
            }
        }
        if let Some(forgotten) = forgotten {
            self.endpoints.remove(&forgotten);
            self.orphaned_since = None;
        }
    }
}

fn before(seq: Seq) -> Seq {
    Seq(seq.0 - 1)
}

fn maintenance(store: &Store, now: Timestamp, steps: usize) {
    let endpoints = vec![hook(NAMES[0]), hook(NAMES[1])];
    let mut pass = MaintenancePass::new(store.clone(), RETENTION, endpoints, now);
    for _ in 0..steps {
        let Some(step) = pass.step() else { return };
        step.unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn what_may_still_be_needed_reads(steps in prop::collection::vec(step(), 1..80)) {
        let folder = tempfile::tempdir().unwrap();
        let mut store = open(folder.path());
        adopt(&store, 1);
        let mut model = Model::default();

        for step in steps {
            model.play(&store, &step);
            if let Step::Reopen(steps) = step {
                maintenance(&store, day(model.now), steps);
            }
            if matches!(step, Step::Reopen(_) | Step::Compact) {
                store.close().unwrap();
                if let Step::Compact = step {
                    Store::compact(folder.path()).unwrap();
                }
                store = open(folder.path());
            }
            model.verify(&store);
        }

        maintenance(&store, day(model.now), usize::MAX);
        model.verify(&store);
    }
}
