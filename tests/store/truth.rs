//! What a store must contain after each step of the script.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use qlik_roster::model::{
    Entry, Fact, Fingerprint, HeldPlan, Id, Kind, Record, Removal, Run, Seq, Version,
};
use qlik_roster::store::{Census, Cursor, Item, Kept, Known, Parked, Plan, Store, Write};

use crate::script::{HELD, Player, Step, steps};
use crate::support::{fingerprint, hook};

/// The script, and the pictures of a store after its steps when nothing went wrong.
pub struct Truth {
    pub steps: Vec<Step>,
    /// The first is of the empty store.
    pictures: Vec<Picture>,
}

impl Truth {
    /// Plays the script without any fault.
    pub fn find() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let steps = steps();
        let mut player = Player::open(folder.path()).unwrap();
        let mut pictures = vec![Picture::of(&player.store)];
        for step in steps.iter().cloned() {
            let writes = !matches!(step, Step::Wait | Step::Reopen);
            player.play(step).unwrap();
            player.wait().unwrap();
            let picture = Picture::of(&player.store);
            picture.verify();
            let before = pictures.last().unwrap();
            assert_eq!(
                picture != *before,
                writes,
                "a write shows, nothing else does"
            );
            pictures.push(picture);
        }
        player.store.close().unwrap();
        Self { steps, pictures }
    }

    /// Returns how many steps a store contains, given how many were acknowledged: these, and none,
    /// some or all of the steps that the next acknowledgement would have covered.
    pub fn place_of(&self, store: &Store, acknowledged: usize) -> Result<usize, String> {
        let range = self.under_way(acknowledged);
        let picture = Picture::of(store);
        range
            .clone()
            .rev()
            .find(|place| self.pictures[*place] == picture)
            .ok_or_else(|| {
                let elsewhere = self.pictures.iter().rposition(|known| *known == picture);
                format!(
                    "{acknowledged} steps were acknowledged, so the store should be as after \
                     {range:?}; it is as after {elsewhere:?} (none: it holds a part of a step)"
                )
            })
    }

    fn under_way(&self, acknowledged: usize) -> RangeInclusive<usize> {
        let queued = self.steps[acknowledged..]
            .iter()
            .take_while(|step| matches!(step, Step::Submit(_)))
            .count();
        acknowledged..=self.steps.len().min(acknowledged + queued + 1)
    }
}

/// Everything that a store shows.
#[derive(Debug, Default, PartialEq)]
struct Picture {
    known: Vec<Known>,
    last: Seq,
    first: Seq,
    entries: Vec<Entry>,
    /// The entries to which parked events refer.
    named: Vec<Option<Entry>>,
    users: Vec<Kept>,
    prints: BTreeMap<Id, Fingerprint>,
    census: Census,
    plan: Option<Plan>,
    rows: Vec<Write>,
    held: Vec<HeldPlan>,
    removals: Vec<Removal>,
    cursor: Option<Cursor>,
    parked: Vec<Parked>,
    runs: Vec<Run>,
}

impl Picture {
    fn of(store: &Store) -> Self {
        const ALL: usize = usize::MAX;
        let picture = Self {
            known: store.tenants().unwrap(),
            last: store.last_seq(),
            first: store.first_seq().unwrap(),
            entries: store.entries(Seq::START, ALL).unwrap(),
            cursor: store.cursor(&hook()).unwrap(),
            named: store
                .parked(&hook(), None, ALL)
                .unwrap()
                .iter()
                .map(|parked| match parked.item {
                    Item::Entry(seq) => store.entry(seq).unwrap(),
                    Item::Snapshot { .. } | Item::Member { .. } => None,
                })
                .collect(),
            parked: store.parked(&hook(), None, ALL).unwrap(),
            runs: store.runs(None, ALL).unwrap(),
            ..Self::default()
        };
        let Some(known) = picture.known.first() else {
            return picture;
        };
        let no = known.no;
        let mut prints = BTreeMap::new();
        let census = store
            .fingerprints(no, Kind::User, &mut |id, print| {
                prints.insert(id, print);
            })
            .unwrap();
        Self {
            users: store.list(no, Kind::User, None, ALL).unwrap(),
            prints,
            census,
            plan: store.plan(no).unwrap(),
            rows: store.plan_rows_from(no, 0, ALL).unwrap(),
            held: store.held_plans(no).unwrap(),
            removals: store.removals(no, HELD, None, ALL).unwrap(),
            ..picture
        }
    }

    /// Compares the parts with each other: a picture to compare with must be right itself.
    fn verify(&self) {
        assert_eq!(self.entries.len() as u64, self.last.0 + 1 - self.first.0);
        assert!(self.named.iter().all(Option::is_some));
        assert_eq!(self.census.count, self.users.len() as u64);
        let kept = self.users.iter().map(|kept| &kept.record);
        let prints: BTreeMap<Id, Fingerprint> = kept
            .map(|record| (record.id().clone(), fingerprint(record)))
            .collect();
        assert_eq!(self.prints, prints);
        // A journal that was cut starts from a state that is no longer known.
        if self.first > Seq(1) {
            return;
        }
        let mut led: BTreeMap<Id, &Record> = BTreeMap::new();
        for entry in &self.entries {
            let Fact::Changed(change) = &entry.fact else {
                continue;
            };
            match change.after() {
                Some(after) => drop(led.insert(after.id().clone(), after)),
                None => drop(led.remove(change.id())),
            }
        }
        // Records of the first load have no entry.
        let journalled: BTreeMap<Id, &Record> = self
            .users
            .iter()
            .filter(|kept| kept.version != Version::START)
            .map(|kept| (kept.record.id().clone(), &kept.record))
            .collect();
        assert_eq!(led, journalled);
    }
}
