//! What a sweep makes of records that it is shown twice.

use super::*;
use crate::model::{
    Account, Assigned, Coded, Entry, Fact, Mode, Role, RoleType, RunId, Tenant, TenantId,
    TenantName, Timestamp, Trigger,
};
use crate::reconcile::Guard;
use crate::store::{Known as KnownTenant, NewRun};
use crate::sync::plan::commit::Target;
use crate::sync::removals::held_plans::Unseen;
use crate::sync::run::outcome;

const ID: &str = "60d5ca1b2f8a4c0000000001";

struct Bench {
    _dir: tempfile::TempDir,
    store: Store,
    tenant: KnownTenant,
    account: Account,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("store")).unwrap().store;
        let tenant = Tenant {
            id: TenantId("t".to_owned()),
            name: "T".to_owned(),
            hosts: Vec::new(),
            region: None,
            status: None,
        };
        let account = tenant.account();
        let known = store.adopt(&tenant, &name(), at(0)).unwrap();
        Self {
            _dir: dir,
            store,
            tenant: known,
            account,
        }
    }

    fn target(&self) -> Target {
        let run = self.store.begin_run(NewRun {
            tenant_name: name(),
            tenant: None,
            trigger: Trigger::Command,
            mode: Mode::Commit,
            started_at: at(0),
        });
        Target {
            tenant: self.tenant.no,
            run: run.map_or(RunId(1), |run| run.id),
            account: self.account.clone(),
        }
    }

    fn comparison(&self, plan: Plan) -> Comparison {
        Comparison::open(&self.store, Some(self.tenant.no), Kind::Role, plan).unwrap()
    }

    fn load(&self, known: Option<Observed>) {
        let mut comparison = self.comparison(Plan::load(self.target(), at(0)));
        comparison
            .compare(&self.store, page(known.into_iter().collect()))
            .unwrap();
        let (counts, _, plan) = comparison.close();
        let mark = outcome::mark(&[(Kind::Role, counts)].into());
        let scales = Scales::default();
        plan.finish(
            &self.store,
            at(1),
            Some(mark),
            &scales,
            &Guard::default(),
            &Unseen::default(),
        )
        .unwrap();
    }

    /// Returns the changes in the journal.
    fn told(&self) -> Vec<Change> {
        let entries = self.store.entries(crate::model::Seq::START, 100).unwrap();
        let facts = entries.into_iter().map(|Entry { fact, .. }| fact);
        facts
            .filter_map(|fact| match fact {
                Fact::Changed(change) => Some(change),
                _ => None,
            })
            .collect()
    }
}

fn name() -> TenantName {
    TenantName("acme".to_owned())
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + seconds * 1000)
}

fn role(name: &str, updated: Option<i64>) -> Observed {
    let id = Id::parse(ID).unwrap();
    let role = Role {
        updated_at: updated.map(at),
        ..Role::new(
            id.into(),
            name.to_owned(),
            Coded::new(RoleType::Admin, "admin"),
        )
    };
    Observed {
        record: Record::Role(role),
        raw: "{}".into(),
        torn: BTreeSet::<Assigned>::new(),
        findings: Vec::new(),
    }
}

fn page(observed: Vec<Observed>) -> Readout {
    Readout {
        observed,
        unreadable: Vec::new(),
        gone: 0,
    }
}

/// Makes a role from its name, a letter, and its time, a number: `b7`. The time may be absent.
fn sight(text: &str) -> Observed {
    let (name, time) = text.split_at(1);
    role(name, time.parse().ok())
}

/// Returns what a sweep reports of a role shown twice: `b>c` is a change, `+c` a creation.
fn told(known: Option<&str>, first: &str, second: &str, asked: Option<&str>) -> String {
    let bench = Bench::new();
    bench.load(known.map(sight));
    let mut comparison = bench.comparison(Plan::gather(bench.target(), None));

    comparison
        .compare(&bench.store, page(vec![sight(first)]))
        .unwrap();
    comparison
        .compare(&bench.store, page(vec![sight(second)]))
        .unwrap();
    let unsure = comparison.take_unsure();
    assert_eq!(
        unsure.len(),
        usize::from(asked.is_some()),
        "{first} {second}"
    );
    if let Some(asked) = asked {
        comparison.revise(&bench.store, sight(asked)).unwrap();
    }

    assert_eq!(comparison.n_shown(), 1);
    assert_eq!(comparison.scales().shown[&Loss::Roles], 1);
    let (counts, _, plan) = comparison.close();
    let scales = Scales::default();
    plan.finish(
        &bench.store,
        at(9),
        None,
        &scales,
        &Guard::default(),
        &Unseen::default(),
    )
    .unwrap();
    let told = bench.told();
    assert_eq!(counts.created + counts.updated, told.len() as u64);
    let reference = sight(first).record.to_ref();
    let kept = bench
        .store
        .get(bench.tenant.no, &reference)
        .unwrap()
        .unwrap();
    let told = told.iter().map(|change| match change {
        Change::Created { after, .. } => format!("+{}", after.label()),
        Change::Updated { before, after } => format!("{}>{}", before.label(), after.label()),
        Change::Deleted { .. } => "-".to_owned(),
    });
    format!("{} {}", kept.record.label(), told.collect::<String>())
}

#[test]
fn of_two_sights_the_newer_counts_and_where_none_is_the_record_is_asked_for() {
    for (known, first, second, asked, expected) in [
        (Some("a1"), "b2", "b2", None, "b a>b"),
        (Some("a1"), "b2", "c3", None, "c a>c"),
        (Some("a1"), "b3", "c2", None, "b a>b"),
        // One version is older than what is known, and the other is what is known.
        (Some("b2"), "a1", "b2", None, "b "),
        (Some("b2"), "b2", "a1", None, "b "),
        (Some("a1"), "a1", "b2", None, "b a>b"),
        (Some("a1"), "b2", "c2", Some("c2"), "c a>c"),
        (Some("a1"), "b2", "c2", Some("b2"), "b a>b"),
        (Some("a1"), "b2", "a", Some("a3"), "a "),
        (Some("a1"), "b", "c3", Some("d4"), "d a>d"),
        (None, "a1", "b2", None, "b +b"),
        (None, "a2", "b1", None, "a +a"),
        (None, "a1", "b1", Some("b1"), "b +b"),
    ] {
        let told = told(known, first, second, asked);
        assert_eq!(told, expected, "{known:?}: {first}, {second}");
    }
}

#[test]
fn a_first_load_keeps_the_newer_sight_as_well() {
    let bench = Bench::new();
    let mut comparison = bench.comparison(Plan::load(bench.target(), at(0)));

    for text in ["a1", "b2", "a1"] {
        comparison
            .compare(&bench.store, page(vec![sight(text)]))
            .unwrap();
    }

    let (counts, _, plan) = comparison.close();
    assert_eq!((counts.seen, counts.created), (1, 1));
    let mark = outcome::mark(&[(Kind::Role, counts)].into());
    let scales = Scales::default();
    plan.finish(
        &bench.store,
        at(1),
        Some(mark),
        &scales,
        &Guard::default(),
        &Unseen::default(),
    )
    .unwrap();
    let reference = sight("b2").record.to_ref();
    let kept = bench
        .store
        .get(bench.tenant.no, &reference)
        .unwrap()
        .unwrap();
    assert_eq!(kept.record.label(), "b");
    let census = bench.store.census(bench.tenant.no, Kind::Role).unwrap();
    assert_eq!(census.count, 1);
}

#[test]
fn a_record_that_could_be_read_the_second_time_is_asked_for() {
    let bench = Bench::new();
    bench.load(Some(sight("a1")));
    let mut comparison = bench.comparison(Plan::gather(bench.target(), None));
    let unreadable = Finding {
        code: FindingCode::UnreadableRecord,
        kind: Kind::Role,
        id: Some(Id::parse(ID).unwrap()),
        detail: String::new(),
    };

    let readout = Readout {
        unreadable: vec![unreadable],
        ..Readout::default()
    };
    comparison.compare(&bench.store, readout).unwrap();
    comparison
        .compare(&bench.store, page(vec![sight("b2")]))
        .unwrap();

    assert_eq!(comparison.take_unsure().len(), 1);
    assert_eq!(comparison.n_shown(), 1);
}
