//! Licences: stored page by page, once, until a later reading no longer shows them.

use proptest::prelude::*;

use crate::clock::Clock;
use crate::model::{
    Allotment, Fact, LicenceAssignment, LicenceChange, LicenceHead, RunId, Seq, SubjectChange,
    SubjectKey, Timestamp,
};
use crate::store::layout::v10::licence as v10;
use crate::store::layout::{codec, keys};
use crate::store::values::licence::{
    EarlierReading, KeptLicence, LicenceEnd, LicenceReading, LicenceReport, Named,
};
use crate::store::values::reading::ReadingMark;
use crate::store::values::tenant_no::TenantNo;

use super::salvage::salvaged;
use super::support::{self, adopt, in_hex};

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn assignment(subject: &str, sort: &str) -> LicenceAssignment {
    LicenceAssignment {
        subject: subject.into(),
        sort: Some(sort.into()),
        is_excess: Some(false),
        created_at: Some(at(1_000)),
    }
}

fn reading(number: u64) -> LicenceReading {
    LicenceReading {
        mark: ReadingMark {
            number,
            ..ReadingMark::default()
        },
        ..LicenceReading::default()
    }
}

fn kept(assignments: &[LicenceAssignment], reading: u64) -> KeptLicence {
    KeptLicence {
        subject: assignments[0].key(),
        assignments: Vec::new(),
        shown: Some(assignments.to_vec()),
        reading,
        changed_at: None,
    }
}

#[test]
fn the_bytes_of_licences() {
    let no = TenantNo(1);
    let eve = assignment("ACME\\eve", "analyzer");
    let key = keys::licence(no, &eve.key());
    let row = v10::LicenceRow {
        assignments: vec![eve.clone().into()],
        shown: Some(vec![assignment("eve", "x").into()]),
        reading: 7,
        changed_at: Some(at(5)),
    };
    insta::assert_snapshot!(in_hex(&key), @"950000000161636d655c657665");
    insta::assert_snapshot!(in_hex(&codec::row(&key, &row)), @"0a010841434d455c6576650108616e616c797a6572010001d00f07010103657665010178010001d00f010adff4c040e7cfb196");
    let allotment = Allotment {
        units: Some(20),
        used: Some(3),
        overage: Some(-1),
    };
    let reading = LicenceReading {
        mark: ReadingMark {
            number: 7,
            last: Some(at(1)),
            began: None,
            tried: Some(at(3)),
            is_refused: true,
        },
        head: LicenceHead {
            number: Some("9999".into()),
            allotments: [("analyzer".to_owned(), allotment)].into(),
        },
        licence: Some("8888".into()),
        first: Some(at(4)),
        cursor: Some("next".into()),
        unreadable: 2,
        unreadable_so_far: 5,
        listed_so_far: Some(11),
        failures: 12,
        complete: 13,
        unconfirmed: 14,
        kept: 1,
        earlier: Some(EarlierReading {
            number: 6,
            began: at(2),
        }),
        named: Named {
            times: 9,
            at_begin: 8,
            read: 4,
        },
    };
    let row = v10::LicenceReading::from(reading);
    insta::assert_snapshot!(in_hex(&codec::row(&keys::licence_reading(no), &row)), @"0a070104393939390108616e616c797a657201280106010101046e657874010200010601020501010604090804010b0c0d0e0108010438383838d5471b1f7d16646e");
    assert_eq!(keys::licence_of(&key), Some(SubjectKey::of("Acme\\EVE")));
    assert_eq!(keys::licence_of(&keys::licences_prefix(no)), None);
}

#[test]
fn a_page_and_how_far_the_reading_is_are_one_write() {
    let dir = tempfile::tempdir().unwrap();
    let store = support::open(dir.path());
    let (no, other) = (adopt(&store, 1).no, adopt(&store, 2).no);
    let (upper, lower) = (
        assignment("EVE", "analyzer"),
        assignment("eve", "professional"),
    );
    let bob = assignment("bob", "analyzer");
    let first = LicenceReading {
        cursor: Some("2".into()),
        ..reading(1)
    };
    store
        .keep_licences(no, vec![upper.clone(), bob.clone()], first.clone())
        .unwrap();
    assert_eq!(store.licence_reading(no).unwrap(), first);
    // The same page comes again after a stop, and the next one has the subject once more.
    store
        .keep_licences(no, vec![upper.clone(), bob.clone()], first)
        .unwrap();
    store
        .keep_licences(no, vec![lower.clone()], reading(1))
        .unwrap();

    let all = [kept(&[bob], 1), kept(&[upper, lower], 1)];
    assert_eq!(store.licences(no, None, 9).unwrap(), all);
    assert_eq!(
        store.licences(no, Some(&SubjectKey::of("BOB")), 9).unwrap(),
        all[1..]
    );
    assert_eq!(store.licences(other, None, 9).unwrap(), []);
    assert_eq!(store.check().unwrap().faults, []);
}

#[test]
fn a_damaged_store_keeps_licences_and_reads_them_all_again() {
    let dir = tempfile::tempdir().unwrap();
    let store = support::open(dir.path());
    let no = adopt(&store, 1).no;
    let eve = assignment("eve", "analyzer");
    store
        .keep_licences(no, vec![eve.clone()], reading(4))
        .unwrap();
    store.close().unwrap();

    let store = salvaged(dir.path(), &Clock::system());

    assert_eq!(store.licences(no, None, 9).unwrap(), [kept(&[eve], 4)]);
    // The next reading gets a new number, so that it does not seem to have shown eve.
    assert_eq!(store.licence_reading(no).unwrap(), reading(4));
    store.close().unwrap();
}

#[test]
fn the_audit_log_may_name_a_licence_while_it_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let store = support::open(dir.path());
    let no = adopt(&store, 1).no;
    let begun = store.licence_reading(no).unwrap();
    store.note_licence(no).unwrap();
    store.note_licence(no).unwrap();

    store.keep_licences(no, Vec::new(), begun.clone()).unwrap();
    store.set_licence_reading(no, begun).unwrap();

    assert_eq!(store.licence_reading(no).unwrap().named.times, 2);
}

fn end(number: u64, report: Option<LicenceReport>) -> LicenceEnd {
    LicenceEnd {
        number,
        remove_before: number,
        report,
    }
}

#[test]
fn the_end_of_a_listing_reports_each_change_once_with_its_row() {
    let dir = tempfile::tempdir().unwrap();
    let store = support::open(dir.path());
    let known = adopt(&store, 1);
    let no = known.no;
    let of = |subjects: &[(&str, &str)]| -> Vec<LicenceAssignment> {
        let subjects = subjects.iter();
        subjects
            .map(|(name, sort)| assignment(name, sort))
            .collect()
    };
    store
        .keep_licences(
            no,
            of(&[("ann", "x"), ("BOB", "x"), ("eve", "x")]),
            reading(1),
        )
        .unwrap();
    store.end_licence_listing(no, &end(1, None)).unwrap();
    let report = LicenceReport {
        run: RunId(7),
        at: at(2_000),
        account: known.tenant.account(),
        not_before: Some(at(1_000)),
    };
    let second = end(2, Some(report));
    // On the first page a type of eve is missing, which the second one has.
    for page in [
        &[("bob", "x"), ("eve", "y")][..],
        &[("eve", "x"), ("zoe", "y")],
    ] {
        store.keep_licences(no, of(page), reading(2)).unwrap();
    }
    assert_eq!(store.last_seq(), Seq(0));

    let n_removed = store.end_licence_listing(no, &second).unwrap();
    store.end_licence_listing(no, &second).unwrap();

    assert_eq!(n_removed, 1);
    let entries = store.entries(Seq::START, 9).unwrap();
    let change = |before: &[(&str, &str)], after: &[(&str, &str)]| SubjectChange {
        before: of(before),
        since: None,
        after: of(after),
    };
    let subjects = [
        (SubjectKey::of("ann"), change(&[("ann", "x")], &[])),
        (
            SubjectKey::of("eve"),
            change(&[("eve", "x")], &[("eve", "y"), ("eve", "x")]),
        ),
        (SubjectKey::of("zoe"), change(&[], &[("zoe", "y")])),
    ];
    let expected = Fact::LicenceChanged(LicenceChange {
        not_before: Some(at(1_000)),
        licence: None,
        subjects: subjects.into(),
    });
    let facts: Vec<Fact> = entries.into_iter().map(|entry| entry.fact).collect();
    assert_eq!(facts, [expected]);
    let kept = store.licences(no, None, 9).unwrap();
    let changed: Vec<_> = kept.iter().map(|kept| kept.changed_at).collect();
    assert_eq!(changed, [None, Some(at(2_000)), Some(at(2_000))]);
    assert_eq!(
        kept[0].assignments,
        of(&[("bob", "x")]),
        "as it is shown now"
    );
    assert_eq!(store.check().unwrap().faults, []);
}

#[test]
fn a_page_may_have_more_subjects_than_one_write() {
    let dir = tempfile::tempdir().unwrap();
    let store = support::open(dir.path());
    let no = adopt(&store, 1).no;
    let shown = (0..1_000).map(|n| assignment(&format!("auth0|{n}"), "analyzer"));

    store
        .keep_licences(no, shown.collect(), reading(1))
        .unwrap();

    assert_eq!(store.licences(no, None, 2_000).unwrap().len(), 1_000);
    assert_eq!(store.licence_reading(no).unwrap(), reading(1));
}

proptest! {
    /// After complete readings, the store has exactly what the last one showed, whatever its pages.
    #[test]
    fn what_the_last_reading_showed_is_kept(
        readings in prop::collection::vec(
            prop::collection::vec(("[a-cA-C]{1,2}", "x|y"), 0..12), 1..4),
        page in 1_usize..5,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let store = support::open(dir.path());
        let no = adopt(&store, 1).no;
        for (number, shown) in readings.iter().enumerate() {
            let number = number as u64 + 1;
            let shown: Vec<_> = shown.iter().map(|(name, sort)| assignment(name, sort)).collect();
            store.keep_licences(no, Vec::new(), reading(number)).unwrap();
            for page in shown.chunks(page) {
                store.keep_licences(no, page.to_vec(), reading(number)).unwrap();
            }
            let kept = store.licences(no, None, 99).unwrap();
            let (others, all) = store.count_licences(no, number).unwrap();
            prop_assert_eq!(all, kept.len() as u64);
            prop_assert_eq!(others, kept.iter().filter(|it| it.reading != number).count() as u64);
            store.end_licence_listing(no, &end(number, None)).unwrap();
        }
        let expected: std::collections::BTreeSet<_> =
            readings.last().unwrap().iter().cloned().collect();
        let kept = store.licences(no, None, 99).unwrap().into_iter();
        let kept: Vec<_> = kept.flat_map(|it| it.assignments).collect();
        prop_assert_eq!(kept.len(), expected.len());
        let found = kept.into_iter().map(|it| (it.subject, it.sort.unwrap()));
        prop_assert_eq!(found.collect::<std::collections::BTreeSet<_>>(), expected);
    }
}
