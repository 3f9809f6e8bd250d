//! Pages of events, put together, are what an endpoint gets.

use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::subsequence;

use super::*;
use crate::deliver::queue::reader::tests::of_endpoint;
use crate::deliver::tests::{granted, open, options, plain_group, plain_role, plain_user, start};
use crate::deliver::{Endpoint, EventFilter, Flow, Options, Privacy, Selection};
use crate::model::{
    Change, EndpointName, Fingerprint, Kind, Record, RunId, Tenant, TenantId, TenantName,
    Timestamp, User,
};
use crate::store::{Closing, Commit, MaintenancePass, Retention, RightsMark, USERS_IN_PART, Write};

/// Something that a journal gets, in a tenant. Records are told apart by number.
#[derive(Debug, Clone)]
enum Step {
    Created(u8, u32),
    Renamed(u8, u32, u8),
    Deleted(u8, u32),
    Loaded,
    Failed,
    /// A right that a user, everybody or a list of this many users came to hold.
    Granted(Option<usize>),
    /// An endpoint was disabled, which concerns no tenant.
    Disabled,
}

fn steps() -> impl Strategy<Value = Vec<(u8, Step)>> {
    let step = prop_oneof![
        4 => (0..3_u8, 0..6_u32).prop_map(|(kind, n)| Step::Created(kind, n)),
        4 => (0..3_u8, 0..6_u32, 0..9_u8).prop_map(|(kind, n, name)| Step::Renamed(kind, n, name)),
        2 => (0..3_u8, 0..6_u32).prop_map(|(kind, n)| Step::Deleted(kind, n)),
        1 => Just(Step::Loaded),
        1 => Just(Step::Failed),
        1 => Just(Step::Disabled),
        3 => prop_oneof![
            4 => Just(None),
            4 => Just(Some(1)),
            4 => (11..20_usize).prop_map(Some),
            1 => Just(Some(USERS_IN_PART + 7)),
        ]
        .prop_map(Step::Granted),
    ];
    proptest::collection::vec((0..2_u8, step), 1..20)
}

/// What is wanted, as an endpoint's configuration says it.
#[derive(Debug, Clone)]
struct Wanted {
    events: Vec<&'static str>,
    tenants: Option<Vec<&'static str>>,
    kinds: Option<Vec<Kind>>,
    roles: Option<Vec<&'static str>>,
    omit: Vec<&'static str>,
    lists: Lists,
}

fn wanted() -> impl Strategy<Value = Wanted> {
    let events = vec![
        "user.*",
        "*.deleted",
        "access.*",
        "sync.failed",
        "role.*",
        "*",
    ];
    let kinds = vec![Kind::User, Kind::Group, Kind::Role];
    let omit = vec![
        "name",
        "user.primary_email_address",
        "user.roles",
        "user.groups",
    ];
    (
        subsequence(events, 1..=4),
        proptest::option::weighted(0.4, subsequence(vec!["t0", "Tenant 1", "tenant-0"], 1..=2)),
        proptest::option::weighted(0.3, subsequence(kinds, 1..=2)),
        proptest::option::weighted(0.2, Just(vec!["Steward", "Role 2"])),
        subsequence(omit, 0..=2),
        prop_oneof![Just(Lists::Whole), Just(Lists::Expanded)],
    )
        .prop_map(|(events, tenants, kinds, roles, omit, lists)| Wanted {
            events,
            tenants,
            kinds,
            roles,
            omit,
            lists,
        })
}

impl Wanted {
    fn selection(&self) -> Selection {
        let texts = |list: &Option<Vec<&str>>| {
            let list = list.as_ref()?;
            Some(list.iter().map(|&text| text.to_owned()).collect())
        };
        Selection {
            tenants: texts(&self.tenants),
            kinds: self.kinds.clone().map(|kinds| kinds.into_iter().collect()),
            roles: texts(&self.roles),
        }
    }

    fn endpoint(&self) -> Endpoint {
        let unused = "127.0.0.1:9".parse().unwrap();
        let endpoint = Endpoint::new(Options {
            events: EventFilter::parse(&self.events).unwrap(),
            selection: self.selection(),
            privacy: Privacy::parse(&self.omit, &[], None).unwrap(),
            flow: Flow {
                lists: self.lists,
                ..Flow::default()
            },
            ..options(unused)
        });
        endpoint.unwrap()
    }

    fn request(&self, events: usize, bytes: usize, entries: usize) -> PullRequest {
        PullRequest {
            subscription: Subscription {
                events: EventFilter::parse(&self.events).unwrap(),
                selection: self.selection(),
                privacy: Privacy::parse(&self.omit, &[], None).unwrap(),
                ..Subscription::default()
            },
            lists: self.lists,
            events,
            bytes,
            entries,
        }
    }
}

fn record(kind: u8, n: u32, name: u8) -> Record {
    match kind {
        0 => Record::User(User {
            name: Some(format!("User {name}")),
            ..plain_user(n)
        }),
        1 => Record::Group(crate::model::Group {
            name: format!("Group {name}"),
            ..plain_group(n)
        }),
        _ => Record::Role(crate::model::Role {
            description: Some(format!("{name}")),
            ..plain_role(n)
        }),
    }
}

/// A minute after the beginning for each step that was written.
fn time(n: usize) -> Timestamp {
    start().plus(Duration::from_secs(60 * n as u64))
}

/// Writes a journal.
fn write(store: &Store, steps: &[(u8, Step)]) {
    for (n, (tenant, step)) in steps.iter().enumerate() {
        write_step(store, *tenant, step, time(n));
    }
}

fn write_step(store: &Store, tenant: u8, step: &Step, at: Timestamp) {
    let changed = |change: Change| {
        let write = Write::Change {
            fingerprint: Fingerprint([change.kind() as u8; 16]),
            change,
            raw: "{}".into(),
            reported: None,
        };
        (vec![write], Closing::Nothing)
    };
    let tenant = Tenant {
        id: TenantId(format!("tenant-{tenant}")),
        name: format!("Tenant {tenant}"),
        hosts: Vec::new(),
        region: None,
        status: None,
    };
    let called = TenantName(tenant.id.0.replace("enant-", ""));
    let known = store.adopt(&tenant, &called, at).unwrap();
    let (writes, closing) = match step {
        Step::Created(kind, n) => changed(Change::Created {
            after: record(*kind, *n, 0),
            replaces: None,
        }),
        Step::Renamed(kind, n, name) => changed(Change::Updated {
            before: record(*kind, *n, 0),
            after: record(*kind, *n, name + 1),
        }),
        Step::Deleted(kind, n) => changed(Change::Deleted {
            before: record(*kind, *n, 0),
        }),
        Step::Loaded => (Vec::new(), loaded()),
        Step::Failed => (
            Vec::new(),
            report(Fact::Failed {
                code: "qlik.down".into(),
                message: "the tenant does not answer".into(),
            }),
        ),
        Step::Disabled => (
            Vec::new(),
            report(Fact::EndpointDisabled {
                endpoint: EndpointName("other".into()),
                reason: "gone".into(),
                failing_since: None,
            }),
        ),
        Step::Granted(n_users) => {
            let closing = Closing::Rights {
                facts: vec![Fact::RightChanged(granted(store, known.no, *n_users))],
                mark: RightsMark::reported(Seq(0)),
            };
            (Vec::new(), closing)
        }
    };
    store
        .commit(Commit {
            tenant: known.no,
            run: RunId(1),
            at,
            account: known.tenant.account(),
            writes,
            closing,
        })
        .unwrap();
}

fn loaded() -> Closing {
    Closing::Loaded {
        roles: 0,
        groups: 0,
        users: 0,
    }
}

fn report(fact: Fact) -> Closing {
    Closing::Report {
        plans: Vec::new(),
        facts: vec![fact],
    }
}

/// Deletes the entries that are older than a time.
fn cut(store: &Store, before: Timestamp) {
    let retention = Retention {
        keep: Duration::ZERO,
        keep_runs: 1,
    };
    let pass = MaintenancePass::new(store.clone(), retention, Vec::new(), before);
    pass.finish().unwrap();
}

/// An event as a receiver gets it.
type Got = (String, Bytes);

/// Reads all pages after a position. Before a page is read, `before_page` may do something.
fn pages(
    feed: &Feed,
    request: &PullRequest,
    mut from: PullFrom,
    mut before_page: impl FnMut(usize),
) -> Result<Vec<Got>, (Vec<Got>, PullError)> {
    let mut got = Vec::new();
    for n in 0.. {
        before_page(n);
        let page = match request.read(feed, from) {
            Ok(page) => page,
            Err(error) => return Err((got, error)),
        };
        assert!(page.events.len() <= request.events);
        let n_bytes: usize = page.events.iter().map(|event| event.body.len()).sum();
        let last = page.events.last().map_or(0, |event| event.body.len());
        assert!(
            n_bytes - last < request.bytes,
            "only the last may exceed it"
        );
        let of_page = page.events.into_iter();
        got.extend(of_page.map(|event| (event.id.to_string(), event.body)));
        from = PullFrom::After(page.next);
        if page.is_end {
            break;
        }
        assert!(n < 100_000, "pages end");
    }
    Ok(got)
}

fn same(got: &[Got], expected: &[Got]) -> Result<(), TestCaseError> {
    let ids = |of: &[Got]| of.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>();
    prop_assert_eq!(ids(got), ids(expected));
    prop_assert!(got == expected, "the bodies differ");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn pages_together_are_what_an_endpoint_gets(
        steps in steps(),
        wanted in wanted(),
        sizes in (3..40_usize, prop_oneof![Just(2_000_usize), Just(1 << 20)], 1..20_usize),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        write(&store, &steps);
        let feed = Feed::new(store.clone());
        let expected = of_endpoint(&feed, &wanted.endpoint(), Seq(0));
        let (events, bytes, entries) = sizes;
        let request = wanted.request(events, bytes, entries);

        let got = pages(&feed, &request, PullFrom::Oldest, |_| {});

        same(&got.unwrap(), &expected)?;
        // Each event is also a position to continue from.
        for n in [0, expected.len() / 2, expected.len().saturating_sub(1)] {
            let Some((id, _)) = expected.get(n) else { continue };
            let rest = pages(&feed, &request, PullFrom::After(id.parse().unwrap()), |_| {}).unwrap();
            same(&rest, &expected[n + 1..])?;
        }
    }

    #[test]
    fn whatever_is_written_between_pages_comes_once_and_in_order(
        steps in steps(),
        wanted in wanted(),
        events in 1..8_usize,
        n_before in 0..20_usize,
        at_once in 1..4_usize,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        let n_before = n_before.min(steps.len());
        write(&store, &steps[..n_before]);
        let feed = Feed::new(store.clone());
        let request = wanted.request(events, 1 << 20, 3);
        let mut n_written = n_before;
        let mut write_more = || {
            for (tenant, step) in steps.iter().skip(n_written).take(at_once) {
                write_step(&store, *tenant, step, time(n_written));
                n_written += 1;
            }
        };

        let begin = PullFrom::AfterEntry(Seq(0));
        let mut got = pages(&feed, &request, begin, |_| write_more()).unwrap();
        // The end of the pages is a position as well: what comes later follows.
        let mut position = position(&store, store.last_seq()).unwrap();
        for _ in 0..steps.len() {
            write_more();
            let more = pages(&feed, &request, PullFrom::After(position), |_| {}).unwrap();
            got.extend(more);
            position = super::position(&store, store.last_seq()).unwrap();
        }

        let expected = of_endpoint(&feed, &wanted.endpoint(), Seq(0));
        same(&got, &expected)?;
    }

    #[test]
    fn nothing_is_skipped_when_history_is_cut_between_pages(
        steps in steps(),
        wanted in wanted(),
        events in 1..8_usize,
        cut_before_page in 0..6_usize,
        upto in 0..20_usize,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        write(&store, &steps);
        let feed = Feed::new(store.clone());
        let expected = of_endpoint(&feed, &wanted.endpoint(), Seq(0));
        let request = wanted.request(events, 1 << 20, 3);

        let begin = PullFrom::AfterEntry(Seq(0));
        let read = pages(&feed, &request, begin, |n| {
            if n == cut_before_page {
                cut(&store, time(upto));
            }
        });

        match read {
            Ok(got) => same(&got, &expected)?,
            Err((got, PullError::Gone { why, oldest })) => {
                prop_assert_eq!(why, Gone::Cut);
                same(&got, &expected[..got.len()])?;
                let rest = pages(&feed, &request, PullFrom::After(oldest), |_| {}).unwrap();
                same(&rest, &expected[expected.len() - rest.len()..])?;
                let first = store.first_seq().unwrap();
                let n_missed = expected.len() - rest.len() - got.len();
                let missed = expected[got.len()..].iter().take(n_missed);
                for (id, _) in missed {
                    prop_assert!(id.parse::<EventId>().unwrap().seq < first, "{} is there", id);
                }
            }
            Err((_, error)) => panic!("{error}"),
        }
    }
}

#[test]
fn a_position_that_does_not_fit_the_journal_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let users: Vec<_> = (0..9).map(|n| (0, Step::Created(0, n))).collect();
    write(&store, &users);
    write_step(&store, 0, &Step::Granted(Some(20)), time(9));
    write_step(&store, 0, &Step::Failed, time(10));
    let feed = Feed::new(store.clone());
    let request = |lists| PullRequest {
        subscription: Subscription::default(),
        lists,
        events: 100,
        bytes: 1 << 20,
        entries: 100,
    };
    let why = |after: EventId| match request(Lists::Expanded).read(&feed, PullFrom::After(after)) {
        Ok(_) => None,
        Err(PullError::Gone { why, oldest }) => {
            assert_eq!(oldest, begin(&store, PullFrom::Oldest).unwrap());
            Some(why)
        }
        Err(error) => panic!("{error}"),
    };
    let at = |seq| position(&store, Seq(seq)).unwrap();
    let (second, listed, last) = (at(2), at(10), at(11));
    let plain = |seq| EventId {
        store: store.id(),
        seq: Seq(seq),
        digest: None,
        member: None,
    };

    assert_eq!((why(plain(0)), why(second), why(last)), (None, None, None));
    let mut other = second;
    other.store.0[3] ^= 1;
    assert_eq!(why(other), Some(Gone::OtherStore));
    assert_eq!(why(plain(12)), Some(Gone::Ahead));
    let replaced = EventId {
        seq: Seq(3),
        ..second
    };
    assert_eq!(why(replaced), Some(Gone::Replaced));

    // A user of a list, asked for whole: the entry comes as a whole.
    let within = listed.of_member(4);
    let whole = request(Lists::Whole)
        .read(&feed, PullFrom::After(within))
        .unwrap();
    let ids: Vec<EventId> = whole.events.iter().map(|event| event.id).collect();
    assert_eq!(ids, [listed, last]);
    let rest = request(Lists::Expanded)
        .read(&feed, PullFrom::After(within))
        .unwrap();
    assert_eq!(rest.events.len(), 15 + 1);

    cut(&store, time(9));
    assert_eq!(why(at(8)), Some(Gone::Cut));
    assert_eq!((why(at(9)), why(second)), (None, Some(Gone::Cut)));
    assert_eq!(why(within), None);
    cut(&store, time(10));
    assert_eq!((why(listed), why(within)), (None, Some(Gone::Cut)));
    assert_eq!(begin(&store, PullFrom::Oldest).unwrap().seq, Seq(10));
}

#[test]
fn a_token_of_some_tenants_gets_nothing_of_others() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    for (n, step) in [Step::Created(0, 1), Step::Failed, Step::Granted(None)]
        .iter()
        .enumerate()
    {
        write_step(&store, 0, step, time(n));
        write_step(&store, 1, step, time(n));
    }
    let feed = Feed::new(store.clone());
    let request = PullRequest {
        subscription: Subscription {
            covered: Some([TenantId("tenant-1".into())].into()),
            ..Subscription::default()
        },
        lists: Lists::Whole,
        events: 100,
        bytes: 1 << 20,
        entries: 100,
    };

    let page = request.read(&feed, PullFrom::Oldest).unwrap();

    let seqs: Vec<u64> = page.events.iter().map(|event| event.id.seq.0).collect();
    assert_eq!(seqs, [2, 4, 6]);
    assert!(page.is_end);
}
