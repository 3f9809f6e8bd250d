//! Bookmarks and seen events: stored, bounded, forgotten, and separate for each tenant.

use std::collections::BTreeSet;

use crate::model::{AuditEventId, Kind, RecordRef, Timestamp};
use crate::store::values::audit::{Bookmark, SeenEvent};

use super::support::{self, adopt};

fn seen(millis: i64, byte: u8) -> SeenEvent {
    SeenEvent {
        at: Timestamp::from_millis(millis),
        id: AuditEventId([byte; 16]),
    }
}

fn bookmark(until: i64) -> Bookmark {
    Bookmark {
        since: Timestamp::from_millis(1),
        until: Timestamp::from_millis(until),
        untold: vec![(
            Timestamp::from_millis(2),
            RecordRef {
                kind: Kind::User,
                id: support::id(Kind::User, 6),
            },
        )],
        sessions_since: None,
    }
}

#[test]
fn a_bookmark_and_its_events_outlive_the_process_and_are_the_tenants_own() {
    let dir = tempfile::tempdir().unwrap();
    let store = support::open(dir.path());
    let (one, two) = (adopt(&store, 1), adopt(&store, 2));
    assert_eq!(store.bookmark(one.no).unwrap(), None);
    let epoch = Timestamp::from_millis(0);
    let events = [seen(70, 1), seen(70, 2), seen(9, 3)];

    store
        .set_bookmark(one.no, &bookmark(100), &events, epoch)
        .unwrap();
    store
        .set_bookmark(two.no, &bookmark(200), &[seen(5, 4)], epoch)
        .unwrap();
    store.close().unwrap();

    let store = support::open(dir.path());
    assert_eq!(store.bookmark(one.no).unwrap(), Some(bookmark(100)));
    assert_eq!(store.seen_events(one.no).unwrap(), BTreeSet::from(events));
    assert_eq!(
        store.seen_events(two.no).unwrap(),
        BTreeSet::from([seen(5, 4)])
    );
}

#[test]
fn what_is_older_is_forgotten_and_what_is_as_old_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let store = support::open(dir.path());
    let known = adopt(&store, 1);
    let many: Vec<SeenEvent> = (0..700)
        .map(|n| SeenEvent {
            at: Timestamp::from_millis(n),
            id: AuditEventId(u128::try_from(n).unwrap().to_be_bytes()),
        })
        .collect();
    let epoch = Timestamp::from_millis(0);
    store
        .set_bookmark(known.no, &bookmark(700), &many, epoch)
        .unwrap();

    let time = Timestamp::from_millis(650);
    store
        .set_bookmark(known.no, &bookmark(800), &[seen(600, 9)], time)
        .unwrap();

    let kept = store.seen_events(known.no).unwrap();
    let mut expected: BTreeSet<SeenEvent> = many[650..].iter().copied().collect();
    // This event was added by the same call, so only the next call forgets it.
    expected.insert(seen(600, 9));
    assert_eq!(kept, expected);
    store
        .set_bookmark(known.no, &bookmark(900), &[], time)
        .unwrap();
    assert_eq!(store.seen_events(known.no).unwrap().len(), 50);
}
