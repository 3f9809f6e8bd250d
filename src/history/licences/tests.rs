//! The licence at an earlier time is what the readings up to then had found.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::model::{
    LicenceAssignment, LicenceHead, RunId, Tenant, TenantId, TenantName, Timestamp,
};
use crate::store::{Closing, Commit, LicenceEnd, LicenceReport, ReadingMark};

/// Readings end this far apart.
const STEP: i64 = 1_000;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn assignment(subject: &str, sort: &str) -> LicenceAssignment {
    LicenceAssignment {
        subject: subject.into(),
        sort: Some(sort.into()),
        is_excess: None,
        created_at: None,
    }
}

fn adopt(store: &Store) -> Known {
    let tenant = Tenant {
        id: TenantId("t".into()),
        name: "T".into(),
        hosts: Vec::new(),
        region: None,
        status: None,
    };
    store
        .adopt(&tenant, &TenantName("t".into()), at(0))
        .unwrap();
    let known = store.tenants().unwrap().remove(0);
    let commit = Commit {
        tenant: known.no,
        run: RunId(1),
        at: at(0),
        account: known.tenant.account(),
        writes: Vec::new(),
        closing: Closing::Loaded {
            roles: 0,
            groups: 0,
            users: 0,
        },
    };
    store.commit(commit).unwrap();
    store.tenants().unwrap().remove(0)
}

/// What one reading shows, page by page, and whether it is interrupted before its end.
#[derive(Debug, Clone)]
struct Shown {
    pages: Vec<Vec<(String, String)>>,
    number: String,
    is_interrupted: bool,
}

fn shown() -> impl Strategy<Value = Shown> {
    let row = ("[a-cA-C]{1,2}", "x|y");
    let page = prop::collection::vec(row, 0..5);
    let pages = prop::collection::vec(page, 0..3);
    (pages, "1|2", prop::bool::weighted(0.2)).prop_map(|(pages, number, is_interrupted)| Shown {
        pages,
        number,
        is_interrupted,
    })
}

/// Subjects in lower case, each with its types.
type Words = BTreeSet<(String, String)>;

/// Plays a reading that ends at a time. Like the daemon, but a subject is removed as soon as one
/// reading does not show it.
fn read(store: &Store, known: &Known, shown: &Shown, ended: Timestamp) {
    let no = known.no;
    let mut reading = store.licence_reading(no).unwrap();
    reading.mark.number += 1;
    reading.head = LicenceHead {
        number: Some(shown.number.clone()),
        ..LicenceHead::default()
    };
    for page in &shown.pages {
        let page = page.iter().map(|(name, sort)| assignment(name, sort));
        store
            .keep_licences(no, page.collect(), reading.clone())
            .unwrap();
    }
    if shown.is_interrupted {
        return store.set_licence_reading(no, reading).unwrap();
    }
    let report = reading.first.map(|_| LicenceReport {
        run: RunId(1),
        at: ended,
        account: known.tenant.account(),
        not_before: reading.mark.last,
    });
    let end = LicenceEnd {
        number: reading.mark.number,
        remove_before: reading.mark.number,
        report: report.clone(),
    };
    store.end_licence_listing(no, &end).unwrap();
    reading.licence = reading.head.number.clone();
    reading.first = reading.first.or(Some(ended));
    reading.mark = ReadingMark {
        last: Some(ended),
        ..reading.mark
    };
    store
        .end_licence_reading(no, reading, report.as_ref())
        .unwrap();
}

fn words_at(store: &Store, known: &Known, time: Timestamp, limit: usize) -> (Words, LicenceLook) {
    let picture = Picture::of(store, known, Some(time)).unwrap();
    let mut then = LicenceThen::of(store, known, Some(&picture)).unwrap();
    let (mut words, mut after) = (Words::new(), None);
    loop {
        let page = then.page(after.as_ref(), limit).unwrap();
        for assigned in page.subjects {
            let again = then.subject(&assigned.subject).unwrap();
            assert_eq!(again.as_ref(), Some(&assigned));
            assert!(assigned.changed_at.is_none_or(|changed| changed <= time));
            for assignment in assigned.assignments {
                let subject = assignment.key().as_str().to_owned();
                words.insert((subject, assignment.sort.unwrap()));
            }
        }
        after = page.next;
        if after.is_none() {
            return (words, then.look.clone());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_licence_is_then_what_the_readings_up_to_then_had_found(
        readings in prop::collection::vec(shown(), 1..8),
        limit in 1_usize..6,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap().store;
        let known = adopt(&store);
        let mut found: Vec<(Timestamp, Words, String)> = Vec::new();
        for (step, shown) in (1..).zip(&readings) {
            let ended = at(step * STEP);
            read(&store, &known, shown, ended);
            if !shown.is_interrupted {
                let rows = shown.pages.iter().flatten();
                let words = rows.map(|(name, sort)| (name.to_lowercase(), sort.clone()));
                found.push((ended, words.collect(), shown.number.clone()));
            }
        }
        let last = i64::try_from(readings.len()).unwrap() + 1;
        for time in (0..=last).flat_map(|step| [step * STEP, step * STEP + 7]) {
            let (words, look) = words_at(&store, &known, at(time), limit);
            let before = found.iter().rev().find(|(ended, ..)| *ended <= at(time));
            match before {
                None => {
                    prop_assert!(words.is_empty());
                    prop_assert!(!look.is_known);
                }
                Some((_, expected, number)) => {
                    prop_assert_eq!(&words, expected, "at {}", time);
                    prop_assert!(look.is_known);
                    prop_assert_eq!(look.number.as_ref(), Some(number));
                }
            }
        }
    }
}
