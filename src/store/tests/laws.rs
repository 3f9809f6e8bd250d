//! Random histories against a model: state, fingerprints, census and journal always agree, even
//! after reopening, and the journal leads both forwards and backwards. They begin with an empty
//! store, or with one of an older format.

use proptest::prelude::*;

use crate::model::{Change, Kind, Seq};
use crate::store::handle::Store;
use crate::store::values::commit::{MAX_QUIET, MAX_WRITES, Write};

use super::support::{self, State};

#[derive(Debug, Clone)]
enum Step {
    /// Toggles or updates records, with journal entries.
    Change(Vec<(Kind, u32, u8)>),
    /// Writes records without journal entries.
    Quiet(Vec<(Kind, u32, u8)>),
    /// Forgets records.
    Forget(Vec<(Kind, u32)>),
    /// Quiet writes in order, as in a first load.
    Load {
        kind: Kind,
        from: u32,
    },
    Reopen,
}

fn kind() -> impl Strategy<Value = Kind> {
    prop::sample::select(Kind::ALL.to_vec())
}

fn step() -> impl Strategy<Value = Step> {
    let number = 0..600_u32;
    prop_oneof![
        4 => prop::collection::vec((kind(), number.clone(), any::<u8>()), 1..=MAX_WRITES)
            .prop_map(Step::Change),
        2 => prop::collection::vec((kind(), number.clone(), any::<u8>()), 1..=MAX_QUIET)
            .prop_map(Step::Quiet),
        1 => prop::collection::vec((kind(), number.clone()), 1..=MAX_QUIET).prop_map(Step::Forget),
        2 => (kind(), number).prop_map(|(kind, from)| Step::Load { kind, from }),
        1 => Just(Step::Reopen),
    ]
}

/// Makes the writes of a step, and updates the model.
fn writes(step: &Step, model: &mut State) -> Vec<Write> {
    match step {
        Step::Change(changes) => changes
            .iter()
            .map(|(kind, number, name)| {
                let after = support::record(*kind, *number, &format!("name {name}"));
                let before = model.get(&after.to_ref()).cloned();
                let change = match before {
                    None => Change::Created {
                        after,
                        replaces: None,
                    },
                    Some(before) if name % 3 == 0 => Change::Deleted { before },
                    Some(before) => Change::Updated { before, after },
                };
                match change.after() {
                    Some(after) => drop(model.insert(after.to_ref(), after.clone())),
                    None => drop(model.remove(&change.latest().to_ref())),
                }
                support::change(change)
            })
            .collect(),
        Step::Quiet(records) => records
            .iter()
            .map(|(kind, number, name)| load(model, *kind, *number, &format!("quiet {name}")))
            .collect(),
        Step::Forget(records) => records
            .iter()
            .map(|(kind, number)| {
                let record = support::record(*kind, *number, "");
                model.remove(&record.to_ref());
                support::forget(&record)
            })
            .collect(),
        Step::Load { kind, from } => (*from..)
            .take(MAX_QUIET)
            .map(|number| load(model, *kind, number, "loaded"))
            .collect(),
        Step::Reopen => Vec::new(),
    }
}

fn load(model: &mut State, kind: Kind, number: u32, name: &str) -> Write {
    let record = support::record(kind, number, name);
    model.insert(record.to_ref(), record.clone());
    support::quiet(record)
}

/// What a history begins with.
#[derive(Debug, Clone, Copy)]
enum Beginning {
    Empty,
    /// The fixture store of an older format.
    Format(u32),
}

fn beginning() -> impl Strategy<Value = Beginning> {
    prop_oneof![Just(Beginning::Empty), Just(Beginning::Format(1))]
}

impl Beginning {
    fn open(self) -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        if let Self::Format(format) = self {
            support::fixture(format, folder.path());
        }
        let store = support::open(folder.path());
        (folder, store)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn state_is_what_the_commits_made_it(
        beginning in beginning(),
        steps in prop::collection::vec(step(), 1..14),
    ) {
        let (folder, mut store) = beginning.open();
        let tenant = support::adopt(&store, 1);
        let other = support::adopt(&store, 2);
        support::commit(&store, &other, vec![support::quiet(
            support::record(Kind::User, 1, "of another tenant"),
        )]).unwrap();
        let untouched = support::state(&store, &other);
        let mut model = State::new();

        for step in &steps {
            let writes = writes(step, &mut model);
            match step {
                Step::Reopen => {
                    store.close().unwrap();
                    store = support::open(folder.path());
                }
                Step::Change(_) | Step::Quiet(_) | Step::Forget(_) | Step::Load { .. } => {
                    support::commit(&store, &tenant, writes).unwrap();
                }
            }
        }

        prop_assert_eq!(&support::state(&store, &tenant), &model);
        prop_assert_eq!(&support::state(&store, &other), &untouched);
        store.close().unwrap();
        let store = support::open(folder.path());
        prop_assert_eq!(&support::state(&store, &tenant), &model);
    }

    #[test]
    fn the_journal_leads_to_the_present_and_back(
        beginning in beginning(),
        steps in prop::collection::vec(
            prop::collection::vec((kind(), 0..40_u32, any::<u8>()), 1..=MAX_WRITES), 1..12
        )
    ) {
        let (_folder, store) = beginning.open();
        let begun = store.last_seq();
        let tenant = support::adopt(&store, 1);
        let loaded: Vec<_> = (0..20).map(|n| support::record(Kind::User, n, "first")).collect();
        support::commit(&store, &tenant, loaded.into_iter().map(support::quiet).collect()).unwrap();
        let mut model = support::state(&store, &tenant);
        let mut states = vec![(begun, model.clone())];
        for step in steps {
            let writes = writes(&Step::Change(step), &mut model);
            let last = support::commit(&store, &tenant, writes).unwrap();
            states.push((Seq(last), model.clone()));
        }

        let entries = read_all(&store, begun);

        let mut forwards = states[0].1.clone();
        for entry in &entries {
            support::redo(&mut forwards, entry);
        }
        prop_assert_eq!(&forwards, &support::state(&store, &tenant));
        let mut backwards = forwards;
        for entry in entries.iter().rev() {
            if let Some((_, then)) = states.iter().find(|(seq, _)| *seq == entry.seq) {
                prop_assert_eq!(&backwards, then, "as of {}", entry.seq);
            }
            support::undo(&mut backwards, entry);
        }
        prop_assert_eq!(&backwards, &states[0].1);
        prop_assert_eq!(store.check().unwrap().faults, []);
    }
}

fn read_all(store: &Store, begun: Seq) -> Vec<crate::model::Entry> {
    let mut entries = Vec::new();
    loop {
        let after = Seq(begun.0 + entries.len() as u64);
        let page = store.entries(after, 13).unwrap();
        if page.is_empty() {
            return entries;
        }
        entries.extend(page);
    }
}
