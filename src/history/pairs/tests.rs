//! The users at two times, page by page, however many have come, changed or gone in between.

use super::*;
use crate::history::past::Past;
use crate::history::picture::tests::{change_holder, id, loaded};
use crate::model::{GroupId, Seq};

type Users = BTreeMap<Id, User>;

/// A tenant whose users change until the earlier time, until the later one, and after it.
struct World {
    _folder: tempfile::TempDir,
    store: Store,
    known: Known,
    then: Users,
    now: Users,
    places: [Seq; 2],
}

fn world(seed: u64) -> World {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap().store;
    let known = loaded(&store);
    let mut random = fastrand::Rng::with_seed(seed);
    let mut users = Users::new();
    let mut change = |n_changes: usize| {
        for _ in 0..n_changes {
            change_holder(&store, &known, &mut users, &mut random);
        }
        (store.last_seq(), users.clone())
    };
    let (first, then) = change(60);
    while store.build_postings().unwrap() {}
    let (last, now) = change(50);
    change(50);
    World {
        _folder: folder,
        store,
        known,
        then,
        now,
        places: [first, last],
    }
}

impl World {
    /// Returns pictures of both times that keep at most this many changed users at once.
    fn pictures(&self, max_users: [usize; 2]) -> [Picture; 2] {
        let mut pictures = self.places.iter().zip(max_users).map(|(place, max_users)| {
            let past = Past::with_window(&self.store, &self.known, *place, max_users).unwrap();
            Picture::past(&self.store, &self.known, past).unwrap()
        });
        [pictures.next().unwrap(), pictures.next().unwrap()]
    }

    /// Returns these users at both times, without those who were there at neither.
    fn expected<'a>(&self, ids: impl IntoIterator<Item = &'a Id>) -> Vec<Both> {
        let ids: BTreeSet<&Id> = ids.into_iter().collect();
        let both = ids.into_iter().map(|id| {
            let then = self.then.get(id).cloned();
            (id.clone(), then, self.now.get(id).cloned())
        });
        both.filter(|(_, then, now)| then.is_some() || now.is_some())
            .collect()
    }
}

type Both = (Id, Option<User>, Option<User>);

/// Reads all pages. Leaves out users who were there at neither time.
fn all(mut read: impl FnMut(Option<&Id>) -> PairPage) -> Vec<Both> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = read(after.as_ref());
        let both = page.pairs.into_iter();
        let both = both.map(|(id, Pair { then, now })| (id, then, now));
        found.extend(both.filter(|(_, then, now)| then.is_some() || now.is_some()));
        match page.next {
            Some(next) => {
                assert!(after.as_ref() < Some(&next), "it goes on");
                after = Some(next);
            }
            None => return found,
        }
    }
}

const WINDOWS: [[usize; 2]; 6] = [
    [1, 1],
    [1, 1_000],
    [1_000, 1],
    [3, 7],
    [7, 3],
    [1_000, 1_000],
];

#[test]
fn pages_show_each_user_of_either_time_once_as_the_user_was() {
    for seed in 0..3 {
        let world = world(seed);
        let expected = world.expected(world.then.keys().chain(world.now.keys()));
        for windows in WINDOWS {
            let [before, after] = &world.pictures(windows);
            for limit in [1, 4, 100] {
                let found = all(|begin| {
                    let of = (before, after);
                    pairs(of, &world.store, &world.known, begin, limit).unwrap()
                });

                assert!(
                    found == expected,
                    "seed {seed}, {windows:?}, {limit} at once"
                );
            }
        }
    }
}

#[test]
fn pages_of_lists_show_all_who_were_listed_at_the_later_time_and_all_others_that_are_wanted() {
    for seed in 0..3 {
        let world = world(seed);
        let lists: BTreeSet<PostingList> = [
            PostingList::Role(RoleId(id(1_003))),
            PostingList::Group(GroupId(id(1_002))),
        ]
        .into();
        let others: BTreeMap<Id, usize> = (0..60).step_by(3).map(|n| (id(n), n)).collect();
        let is_listed = |user: &&User| !PostingList::of(user).is_disjoint(&lists);
        let listed = world.now.values().filter(is_listed);
        let wanted: BTreeSet<Id> = listed
            .map(|user| user.id.0.clone())
            .chain(others.keys().cloned())
            .collect();
        let expected = world.expected(&wanted);
        assert!((20..40).contains(&expected.len()), "{}", expected.len());
        for windows in WINDOWS {
            let [before, after] = &world.pictures(windows);
            for limit in [1, 4, 100] {
                let of = (&world.store, &world.known);
                let mut found = all(|begin| {
                    let page = pairs_in((before, after), of, (&lists, &others), begin, limit);
                    page.unwrap().unwrap()
                });

                let n_found = found.len();
                let ids: BTreeSet<&Id> = found.iter().map(|(id, _, _)| id).collect();
                assert_eq!(ids.len(), n_found, "each once");
                // A few who are in none of the lists may be among them.
                assert_eq!(found, world.expected(ids));
                found.retain(|(id, _, _)| wanted.contains(id));
                assert!(
                    found == expected,
                    "seed {seed}, {windows:?}, {limit} at once"
                );
            }
        }
    }
}
