//! What becomes of plans over many runs that see more or less, with an operator in between.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::model::{
    Coded, Finding, FindingCode, Fingerprint, HeldLoss, Id, Kind, Loss, Mode, Outcome, Proof,
    Reason, Record, RecordRef, Removal, Role, RoleId, RoleType, Run, RunId, Seq, Taken, Tenant,
    TenantId, TenantName, Traffic, Trigger, User, UserId, Weight,
};
use crate::store::{Decision, TenantNo, Write};
use crate::sync::tests::{Stored, role, user};

const N_RECORDS: usize = 6;

/// What happens next.
#[derive(Debug, Clone)]
enum Step {
    /// A run of the whole tenant, which lacks these records and does not show these kinds.
    Sweep {
        missing: [bool; N_RECORDS],
        hides_users: bool,
        hides_roles: bool,
        limits: Limits,
    },
    /// A record is gone, and a poll finds it.
    Poll {
        missing: usize,
    },
    Decide(Said),
}

/// Whether removals are within the guard's limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Limits {
    Within,
    Above,
}

#[derive(Debug, Clone, Copy)]
enum Said {
    Yes,
    No,
}

/// A tenant whose records are half users and half roles.
struct Sim {
    store: Store,
    target: Target,
    _folder: TempDir,
}

fn record(place: usize) -> Record {
    let id = Id::parse(&format!("{place:024x}")).unwrap();
    match place % 2 {
        0 => Record::User(User::new(UserId(id), "s")),
        _ => Record::Role(Role::new(RoleId(id), "R", Coded::new(RoleType::Basic, "r"))),
    }
}

impl Sim {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap().store;
        let tenant = Tenant {
            id: TenantId("t".into()),
            name: "T".into(),
            hosts: Vec::new(),
            region: None,
            status: None,
        };
        let name = TenantName("t".into());
        let known = store.adopt(&tenant, &name, Timestamp::from_millis(0));
        let target = Target {
            tenant: known.unwrap().no,
            run: RunId(0),
            account: tenant.account(),
        };
        let sim = Self {
            store,
            target,
            _folder: folder,
        };
        sim.write((0..N_RECORDS).map(quiet).collect());
        sim
    }

    fn no(&self) -> TenantNo {
        self.target.tenant
    }

    fn write(&self, writes: Vec<Write>) {
        let at = Timestamp::from_millis(1);
        let commit = commit(&self.target, at, writes, Closing::Nothing);
        self.store.commit(commit).unwrap();
    }

    fn knows(&self, place: usize) -> bool {
        let found = self.store.get(self.no(), &record(place).to_ref());
        found.unwrap().is_some()
    }

    fn lists(&self, plan: PlanId, record: &RecordRef) -> bool {
        let found = self.store.removal(self.no(), plan, record);
        found.unwrap().is_some()
    }

    fn open(&self) -> Option<HeldPlan> {
        self.store.open_plan(self.no()).unwrap()
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Sweep {
                missing,
                hides_users,
                hides_roles,
                limits,
            } => {
                let hides = |kind| match kind {
                    Kind::User => *hides_users,
                    Kind::Role | Kind::Group => *hides_roles,
                };
                self.sweep(*missing, hides, *limits);
            }
            Step::Poll { missing } => {
                let gone = Vec::from_iter(self.knows(*missing).then_some(*missing));
                self.end(&gone, Unseen::everything(), None);
            }
            Step::Decide(said) => {
                let decision = match said {
                    Said::Yes => Decision::Approve,
                    Said::No => Decision::Reject,
                };
                if let Some(open) = self.open() {
                    let now = Timestamp::from_millis(2);
                    let decided = self.store.decide(self.no(), open.id, decision, now);
                    decided.unwrap();
                }
            }
        }
    }

    fn sweep(&mut self, missing: [bool; N_RECORDS], hides: impl Fn(Kind) -> bool, limits: Limits) {
        let permit = self.open().and_then(|open| match open.state {
            PlanState::Approved { .. } => Some(open.id),
            _ => None,
        });
        let (mut writes, mut held) = (Vec::new(), Vec::new());
        for place in (0..N_RECORDS).filter(|place| !hides(record(*place).kind())) {
            let of = record(place).to_ref();
            match (missing[place], self.knows(place)) {
                (true, true) => {
                    let goes = limits == Limits::Within
                        || permit.is_some_and(|plan| self.lists(plan, &of));
                    match goes {
                        true => writes.push(Write::Forget { record: of }),
                        false => held.push(place),
                    }
                }
                (false, false) => writes.push(quiet(place)),
                (true, false) | (false, true) => {}
            }
        }
        self.write(writes);
        let hidden = Kind::ALL.into_iter().filter(|kind| hides(*kind));
        let findings = hidden.map(|kind| Finding {
            code: FindingCode::ForbiddenCollection,
            kind,
            id: None,
            detail: String::new(),
        });
        let unseen = Unseen::of(&run_with(findings.collect()), &[]);
        self.end(&held, unseen, permit);
    }

    /// Settles what a run holds, and checks the result against the laws.
    fn end(&mut self, held: &[usize], unseen: Unseen, permit: Option<PlanId>) {
        self.target.run = RunId(self.target.run.0 + 1);
        let new = PlanId::from(self.target.run);
        let before = self.open();
        let waited: Vec<usize> = (0..N_RECORDS)
            .filter(|place| self.knows(*place))
            .filter(|place| {
                let of = record(*place).to_ref();
                before.as_ref().is_some_and(|plan| self.lists(plan.id, &of))
            })
            .collect();
        let is_seen = |place: &usize| unseen.part_of_record(&record(*place)).is_none();
        let not_seen: Vec<usize> = waited.iter().copied().filter(|it| !is_seen(it)).collect();
        let seq = self.store.last_seq();

        let run_held = self.settle(held, unseen, permit);

        let now = self.open();
        let facts = self.store.entries(seq, 99).unwrap().into_iter();
        let facts: Vec<Fact> = facts.map(|entry| entry.fact).collect();
        if let Some(permit) = permit {
            let plans = self.store.held_plans(self.no()).unwrap();
            let gone_by = plans.iter().find(|plan| plan.id == permit).unwrap();
            assert_eq!(gone_by.state.word(), "applied", "whatever was not seen");
        }
        let waits_for_its_run = permit.is_none()
            && matches!(now.as_ref(), Some(plan) if plan.state.word() == "approved");
        for place in held {
            let of = record(*place).to_ref();
            let is_listed = now.as_ref().is_some_and(|plan| self.lists(plan.id, &of));
            assert!(
                is_listed || waits_for_its_run,
                "{place} waits without a name"
            );
        }
        if permit.is_none() {
            for place in not_seen {
                let of = record(place).to_ref();
                let is_listed = now.as_ref().is_some_and(|plan| self.lists(plan.id, &of));
                assert!(is_listed, "{place} was not seen, and is out of the plan");
            }
        }
        let is_new = now.as_ref().is_some_and(|plan| plan.id == new);
        let is_told = facts
            .iter()
            .any(|fact| matches!(fact, Fact::Held { plan, .. } if *plan == new));
        assert_eq!(is_new, is_told, "a plan is told once, when it is made");
        if let Some(Fact::Recovered(Recovery::Plan(id))) = facts.first() {
            assert_eq!(Some(*id), before.as_ref().map(|plan| plan.id));
            let n_listed = before.map_or(0, |plan| plan.entries);
            assert_eq!(waited.len() as u64, n_listed, "all of it is back");
        }
        if let Some(plan) = &now {
            let removals = self.store.removals(self.no(), plan.id, None, 99).unwrap();
            assert_eq!(plan.entries, removals.len() as u64);
        }
        let listed = run_held.and_then(|kept| kept.held.plan);
        assert!(listed.is_none() || listed == now.map(|plan| plan.id));
        let open = self.store.held_plans(self.no()).unwrap();
        let n_open = open.iter().filter(|plan| plan.state.is_open()).count();
        assert!(n_open <= 1, "one plan is open at the most");
    }

    fn settle(&self, held: &[usize], unseen: Unseen, permit: Option<PlanId>) -> Option<Kept> {
        let removals: Vec<Removal> = held
            .iter()
            .map(|place| {
                let what = Taken::Record {
                    proof: Proof::Confirmed,
                };
                crate::reconcile::removal(&record(*place), what)
            })
            .collect();
        let mut losses = BTreeMap::new();
        for removal in &removals {
            let held = losses.entry(Loss::of(removal.record.kind));
            let held: &mut HeldLoss = held.or_insert(HeldLoss {
                weight: Weight::default(),
                reason: Reason::Never,
            });
            held.weight.lost += 1;
        }
        // Without removals, nothing is written.
        let new = PlanId::from(self.target.run);
        let staged = self.store.stage_removals(self.no(), new, &removals);
        let sum = staged.unwrap();
        let ended = Ended {
            target: &self.target,
            at: Timestamp::from_millis(3),
            draft: (!removals.is_empty()).then_some(Draft {
                losses,
                removals: sum,
            }),
            unseen,
            permit,
        };
        settle(&self.store, ended).unwrap()
    }
}

fn quiet(place: usize) -> Write {
    Write::Quiet {
        record: record(place),
        fingerprint: Fingerprint([1; 16]),
        raw: "{}".into(),
    }
}

fn run_with(findings: Vec<Finding>) -> Run {
    Run {
        id: RunId(1),
        tenant_name: TenantName("t".into()),
        tenant: None,
        trigger: Trigger::Schedule,
        mode: Mode::Commit,
        started_at: Timestamp::from_millis(0),
        ended_at: None,
        outcome: Outcome::Running,
        counts: BTreeMap::new(),
        population: BTreeMap::new(),
        lost: BTreeMap::new(),
        held: None,
        traffic: Traffic::default(),
        findings,
        audit_missed: None,
        spaces: None,
        licence: None,
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let limits = prop_oneof![1 => Just(Limits::Within), 3 => Just(Limits::Above)];
    let sweep = (
        any::<[bool; N_RECORDS]>(),
        any::<bool>(),
        any::<bool>(),
        limits,
    );
    let step = prop_oneof![
        5 => sweep.prop_map(|(missing, hides_users, hides_roles, limits)| Step::Sweep {
            missing,
            hides_users,
            hides_roles,
            limits,
        }),
        2 => (0..N_RECORDS).prop_map(|missing| Step::Poll { missing }),
        2 => Just(Step::Decide(Said::Yes)),
        1 => Just(Step::Decide(Said::No)),
    ];
    proptest::collection::vec(step, 1..16)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn no_removal_waits_without_a_name_and_every_plan_ends(steps in steps()) {
        let mut sim = Sim::new();
        for step in &steps {
            sim.take(step);
        }
        // Whatever happened before, an operator's decision and a run close the open plan.
        sim.take(&Step::Decide(Said::Yes));
        let missing = [false; N_RECORDS];
        sim.sweep(missing, |_| true, Limits::Above);
        sim.sweep(missing, |_| false, Limits::Above);
        prop_assert_eq!(sim.open(), None);
        let known: BTreeSet<usize> = (0..N_RECORDS).filter(|it| sim.knows(*it)).collect();
        prop_assert_eq!(known.len(), N_RECORDS);
    }
}

fn sweep(missing: [bool; N_RECORDS]) -> Step {
    Step::Sweep {
        missing,
        hides_users: false,
        hides_roles: false,
        limits: Limits::Above,
    }
}

fn sweep_without_roles(missing: [bool; N_RECORDS]) -> Step {
    Step::Sweep {
        missing,
        hides_users: false,
        hides_roles: true,
        limits: Limits::Above,
    }
}

#[test]
fn what_is_not_seen_stays_in_the_plan_that_takes_the_place_of_another() {
    let mut sim = Sim::new();
    // A role and a user; then the roles are hidden, and another user goes.
    sim.take(&sweep([true, true, false, false, false, false]));
    let first = sim.open().unwrap();
    sim.take(&sweep_without_roles([
        true, true, true, false, false, false,
    ]));
    let second = sim.open().unwrap();
    sim.take(&sweep([true, true, true, false, false, false]));
    let third = sim.open().unwrap();

    assert_eq!(first.entries, 2);
    assert_ne!(second.id, first.id);
    assert_eq!(second.entries, 3);
    let lost: Vec<_> = second.losses.values().map(|it| it.weight.lost).collect();
    assert_eq!(lost, [2, 1], "users and roles");
    assert_eq!(third, second, "all that is seen is what it lists");
}

#[test]
fn what_went_within_the_limits_did_not_recover() {
    let mut sim = Sim::new();
    sim.take(&sweep([true, false, true, false, false, false]));
    let plan = sim.open().unwrap();
    sim.take(&Step::Sweep {
        missing: [true, false, false, false, false, false],
        hides_users: false,
        hides_roles: false,
        limits: Limits::Within,
    });

    assert_eq!(sim.open(), None);
    let plans = sim.store.held_plans(sim.no()).unwrap();
    assert_eq!((plans[0].id, plans[0].state.word()), (plan.id, "applied"));
    let entries = sim.store.entries(Seq::START, 99).unwrap().into_iter();
    let is_recovery = |fact: &Fact| matches!(fact, Fact::Recovered(_));
    assert!(
        !entries
            .map(|entry| entry.fact)
            .any(|fact| is_recovery(&fact))
    );
}

#[test]
fn what_could_not_be_read_of_one_record_keeps_its_plan_open() {
    let unseen = |code, id: Option<usize>| {
        let id = id.map(|place| record(place).id().clone());
        let kind = Kind::User;
        let detail = String::new();
        let finding = Finding {
            code,
            kind,
            id,
            detail,
        };
        Unseen::of(&run_with(vec![finding]), &[])
    };
    for (code, id, state) in [
        (FindingCode::UnreadableRecord, Some(0), "held"),
        (FindingCode::UnreadableReference, Some(0), "held"),
        (FindingCode::Unconfirmed, Some(0), "held"),
        (FindingCode::UnreadableRecord, None, "held"),
        (FindingCode::UnreadableRecord, Some(2), "recovered"),
        (FindingCode::HiddenRoles, None, "recovered"),
        (FindingCode::Rescued, Some(0), "recovered"),
    ] {
        let mut sim = Sim::new();
        sim.end(&[0], Unseen::default(), None);
        sim.end(&[], unseen(code, id), None);

        let plans = sim.store.held_plans(sim.no()).unwrap();
        assert_eq!(plans[0].state.word(), state, "{code:?} {id:?}");
    }
}

#[test]
fn what_was_approved_keeps_no_role_waiting_though_it_was_not_seen() {
    let leaver = user(1, &[1], &[]);
    let stored = Stored::of(&[role(1), leaver.clone()]);
    let (store, no) = (&stored.store, stored.target.tenant);
    let what = Taken::Record {
        proof: Proof::Confirmed,
    };
    let removal = crate::reconcile::removal(&leaver, what);
    let sum = store.stage_removals(no, PlanId(1), &[removal]).unwrap();
    let at = Timestamp::from_millis(2);
    let plan = HeldPlan {
        id: PlanId(1),
        account: stored.target.account.clone(),
        at,
        losses: BTreeMap::new(),
        entries: sum.count,
        checksum: sum.checksum,
        state: PlanState::Held,
    };
    let told = Closing::Report {
        plans: vec![plan],
        facts: Vec::new(),
    };
    let made = commit(&stored.target, at, Vec::new(), told);
    assert!(store.settle_plans(None, made).unwrap());
    let waits = |permit, unseen: &Unseen| {
        let waiting = still_waiting(store, no, permit, unseen).unwrap();
        waiting.contains(&role(1).to_ref())
    };

    assert!(waits(None, &Unseen::everything()));
    assert!(!waits(Some(PlanId(1)), &Unseen::everything()));
    assert!(!waits(None, &Unseen::default()));
}
