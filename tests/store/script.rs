//! A fixed history of a store with one atomic write a step, and the player that carries it out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use qlik_roster::clock::Clock;
use qlik_roster::model::{
    Change, Fact, HeldLoss, HeldPlan, Loss, Mode, Outcome, PlanId, PlanState, Proof, Reason,
    Record, Removal, Run, RunId, Seq, Taken, Timestamp, Traffic, Trigger, Weight,
};
use qlik_roster::store::{
    Closing, Commit, Cursor, Decision, Item, Known, MAX_WRITES, MaintenancePass, NewRun, OpenError,
    Parked, PlanHead, RemovalSum, Retention, Store, StoreError, Ticket, Write,
};

use crate::support::{account, fingerprint, hook, raw, settle, tenant, tenant_name, user};

/// Users of the first load.
const LOADED: u32 = 60;

/// Rows of the plan that is staged, and of each commit that carries it out.
const PLANNED: u32 = 24;
const CARRIED: u32 = 8;

/// sled keeps a text of this length in a file of its own.
const LARGE: usize = 250_000;

/// A few commits of some records of this length fill one of sled's segments.
const LONG: usize = 8_000;

/// Keeps nothing merely because it is young.
const NOTHING: Retention = Retention {
    keep: Duration::ZERO,
    keep_runs: 500,
};

/// A step. Each is one atomic write, except the last two.
#[derive(Clone)]
pub enum Step {
    Adopt,
    Begin,
    SaveRun(Box<Run>),
    Commit(Vec<Write>, Closing),
    /// Queues a commit, and does not wait for it.
    Submit(Vec<Write>),
    Stage(Vec<Write>),
    Seal(PlanHead),
    /// Carries out the next rows of the plan.
    CarryOut,
    StageRemovals(PlanId, Vec<Removal>),
    /// The plan that was open before, its new state, and the facts that report it.
    Settle(Option<Box<HeldPlan>>, Box<HeldPlan>, Vec<Fact>),
    Approve(PlanId),
    Cursor(Box<Cursor>, Option<Parked>),
    DropPlan,
    /// Cuts the journal as far as the endpoint has settled it.
    Cut,
    /// Waits for what was queued.
    Wait,
    /// Closes the store and opens it again.
    Reopen,
}

/// Why a step was not done.
#[derive(Debug)]
pub enum Failure {
    Open(OpenError),
    Store(StoreError),
}

impl Failure {
    pub fn code(&self) -> &'static str {
        match self {
            Self::Open(error) => error.code(),
            Self::Store(error) => error.code(),
        }
    }
}

/// A store that goes through the script.
pub struct Player {
    path: PathBuf,
    pub store: Store,
    tickets: Vec<Ticket>,
}

impl Player {
    /// Opens the store, which must be sound.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        // The clock stands still, so that a step has the same result whenever it is done.
        let clock = Clock::stopped_at(Timestamp::from_millis(0));
        let opened = Store::open_by(path, &clock).map_err(Failure::Open)?;
        assert_eq!(opened.moved_aside, None);
        Ok(Self {
            path: path.to_owned(),
            store: opened.store,
            tickets: Vec::new(),
        })
    }

    /// Returns whether everything done so far was acknowledged.
    pub fn is_settled(&self) -> bool {
        self.tickets.is_empty()
    }

    pub fn play(&mut self, step: Step) -> Result<(), Failure> {
        match step {
            Step::Wait => self.wait().map_err(Failure::Store),
            Step::Reopen => {
                self.store.close().map_err(Failure::Store)?;
                *self = Self::open(&self.path)?;
                Ok(())
            }
            step => self.write(step).map_err(Failure::Store),
        }
    }

    pub fn wait(&mut self) -> Result<(), StoreError> {
        self.tickets
            .drain(..)
            .try_for_each(|ticket| ticket.wait().map(drop))
    }

    fn write(&mut self, step: Step) -> Result<(), StoreError> {
        let store = &self.store;
        let known = known(store)?;
        let no = known.no;
        match step {
            // `known` has adopted the tenant already.
            Step::Adopt => Ok(()),
            Step::Begin => store.begin_run(new_run()).map(drop),
            Step::SaveRun(run) => store.save_run(&run),
            Step::Commit(writes, closing) => {
                store.commit(commit(&known, writes, closing)).map(drop)
            }
            Step::Submit(writes) => {
                let ticket = store.submit(commit(&known, writes, Closing::Nothing))?;
                self.tickets.push(ticket);
                Ok(())
            }
            Step::Stage(writes) => store.stage(no, 0, &writes),
            Step::Seal(head) => store.seal_plan(no, &head),
            Step::CarryOut => {
                let rows = store.plan_rows_from(no, 0, CARRIED as usize)?;
                let closing = Closing::PlanRows(CARRIED);
                store.commit(commit(&known, rows, closing)).map(drop)
            }
            Step::StageRemovals(plan, removals) => {
                store.stage_removals(no, plan, &removals).map(drop)
            }
            Step::Settle(seen, plan, facts) => {
                let plans = vec![*plan];
                let told = commit(&known, vec![], Closing::Report { plans, facts });
                let settled = store.settle_plans(seen.as_deref(), told)?;
                assert!(settled, "nobody decides in between");
                Ok(())
            }
            Step::Approve(plan) => {
                let decided = store.decide(no, plan, Decision::Approve, at(3))?;
                assert!(decided.is_some());
                Ok(())
            }
            Step::Cursor(cursor, parked) => settle(store, *cursor, parked),
            Step::DropPlan => store.drop_plan(no),
            Step::Cut => MaintenancePass::new(store.clone(), NOTHING, vec![hook()], at(9))
                .finish()
                .map(drop),
            Step::Wait | Step::Reopen => unreachable!("they write nothing"),
        }
    }
}

/// The held plan: the one of the second run.
pub const HELD: PlanId = PlanId(2);

/// Composes the script. Records are known beforehand, so that it can be resumed anywhere.
pub fn steps() -> Vec<Step> {
    let mut author = Author::default();
    let mut steps = vec![Step::Adopt, Step::Begin];
    let load: Vec<Write> = (0..LOADED).map(|number| author.load(number)).collect();
    for chunk in load.chunks(MAX_WRITES) {
        steps.push(Step::Commit(chunk.to_vec(), Closing::Nothing));
    }
    steps.push(author.loaded());
    steps.push(author.settle(None));
    steps.push(author.commit(&[3, 70, 71, 4], &[5, 6]));
    steps.push(author.large(80));
    for _ in 0..5 {
        steps.push(author.long());
    }
    steps.push(Step::SaveRun(Box::new(ended_run(RunId(1)))));

    steps.push(Step::Begin);
    let rows = (10..10 + PLANNED).map(|number| match number % 4 {
        0 => author.delete(number),
        _ => author.change(number),
    });
    steps.push(Step::Stage(rows.collect()));
    steps.push(Step::Seal(PlanHead {
        run: RunId(2),
        at: at(2),
        account: account(),
        rows_total: PLANNED,
    }));
    steps.push(Step::CarryOut);
    steps.push(Step::CarryOut);
    steps.push(Step::Reopen);
    steps.push(Step::CarryOut);
    steps.push(author.large(80));
    for _ in 0..3 {
        steps.push(author.long());
    }

    let gone = [40, 41, 42, 43];
    let removals = gone.map(|number| Removal {
        record: author.users[&number].to_ref(),
        label: format!("user {number}"),
        what: Taken::Record {
            proof: Proof::Confirmed,
        },
    });
    let plan = held_plan(&removals);
    steps.push(Step::StageRemovals(HELD, removals.to_vec()));
    let told = Fact::Held {
        plan: HELD,
        supersedes: None,
        losses: plan.losses.clone(),
    };
    author.seq = author.seq.next();
    steps.push(Step::Settle(None, Box::new(plan.clone()), vec![told]));
    steps.push(Step::Approve(HELD));
    let approved = HeldPlan {
        state: PlanState::Approved { at: at(3) },
        ..plan.clone()
    };
    steps.push(author.commit(&[], &gone));
    let applied = HeldPlan {
        state: PlanState::Applied {
            at: at(4),
            run: RunId(3),
        },
        ..plan
    };
    steps.push(Step::Settle(
        Some(Box::new(approved)),
        Box::new(applied),
        vec![],
    ));
    steps.push(author.settle(Some(Parked {
        item: Item::Entry(Seq(2)),
        reason: "410".to_owned(),
        at: at(4),
        attempts: 3,
    })));
    // The entry of the parked delivery is kept.
    steps.push(Step::Cut);
    for number in 90..94 {
        steps.push(Step::Submit(vec![
            author.change(number),
            author.change(number - 80),
        ]));
    }
    steps.push(Step::Wait);
    let dropped = Author {
        users: author.users.clone(),
        seq: author.seq,
    }
    .change(7);
    steps.push(Step::Stage(vec![dropped]));
    steps.push(Step::DropPlan);
    steps.push(Step::Reopen);
    steps.push(author.commit(&[80, 70, 95], &[71]));
    steps.push(author.settle(None));
    steps
}

/// Knows the state of every record at each step of the script.
#[derive(Default)]
struct Author {
    users: BTreeMap<u32, Record>,
    seq: Seq,
}

impl Author {
    fn load(&mut self, number: u32) -> Write {
        let record = user(number, Seq::START);
        self.users.insert(number, record.clone());
        Write::Quiet {
            fingerprint: fingerprint(&record),
            raw: raw(&record),
            record,
        }
    }

    fn loaded(&mut self) -> Step {
        self.seq = self.seq.next();
        let closing = Closing::Loaded {
            roles: 0,
            groups: 0,
            users: u64::from(LOADED),
        };
        Step::Commit(vec![], closing)
    }

    fn change(&mut self, number: u32) -> Write {
        self.seq = self.seq.next();
        let after = user(number, self.seq);
        let change = match self.users.insert(number, after.clone()) {
            Some(before) => Change::Updated { before, after },
            None => Change::Created {
                after,
                replaces: None,
            },
        };
        Write::Change {
            fingerprint: fingerprint(change.latest()),
            raw: raw(change.latest()),
            change,
            reported: None,
        }
    }

    fn delete(&mut self, number: u32) -> Write {
        self.seq = self.seq.next();
        let before = self.users.remove(&number).unwrap();
        Write::Change {
            fingerprint: fingerprint(&before),
            raw: raw(&before),
            change: Change::Deleted { before },
            reported: None,
        }
    }

    fn commit(&mut self, changed: &[u32], deleted: &[u32]) -> Step {
        let mut writes: Vec<Write> = changed.iter().map(|number| self.change(*number)).collect();
        writes.extend(deleted.iter().map(|number| self.delete(*number)));
        Step::Commit(writes, Closing::Nothing)
    }

    /// A change of a record with a text that is too large for a page.
    fn large(&mut self, number: u32) -> Step {
        Step::Commit(vec![self.rewrite(number, LARGE)], Closing::Nothing)
    }

    /// Changes of records with long texts.
    fn long(&mut self) -> Step {
        let writes = (44..56).map(|number| self.rewrite(number, LONG));
        Step::Commit(writes.collect(), Closing::Nothing)
    }

    /// A change of a record with a text of this length.
    fn rewrite(&mut self, number: u32, len: usize) -> Write {
        let mut write = self.change(number);
        if let Write::Change { raw, .. } = &mut write {
            let mut noise = vec![0; len / 4 * 3];
            fastrand::Rng::with_seed(self.seq.0).fill(&mut noise);
            *raw = BASE64_STANDARD.encode(noise).into();
        }
        write
    }

    fn settle(&self, parked: Option<Parked>) -> Step {
        let cursor = Cursor {
            settled: self.seq,
            ..Cursor::default()
        };
        Step::Cursor(Box::new(cursor), parked)
    }
}

fn held_plan(removals: &[Removal]) -> HeldPlan {
    let RemovalSum { count, checksum } = RemovalSum::of(removals.iter().cloned());
    let weight = Weight {
        lost: count,
        known: u64::from(LOADED),
        shown: u64::from(LOADED) - count,
    };
    let loss = HeldLoss {
        weight,
        reason: Reason::OverCount { max_count: 3 },
    };
    HeldPlan {
        id: HELD,
        account: account(),
        at: at(3),
        losses: [(Loss::Users, loss)].into(),
        entries: count,
        checksum,
        state: PlanState::Held,
    }
}

/// Returns the tenant, and adopts it if it is not known yet.
fn known(store: &Store) -> Result<Known, StoreError> {
    match store.tenants()?.pop() {
        Some(known) => Ok(known),
        None => store.adopt(&tenant(), &tenant_name(), at(1)),
    }
}

fn commit(known: &Known, writes: Vec<Write>, closing: Closing) -> Commit {
    Commit {
        tenant: known.no,
        run: RunId(1),
        at: at(2),
        account: account(),
        writes,
        closing,
    }
}

fn new_run() -> NewRun {
    NewRun {
        tenant_name: tenant_name(),
        tenant: None,
        trigger: Trigger::Command,
        mode: Mode::Commit,
        started_at: at(1),
    }
}

/// A run that has ended.
fn ended_run(id: RunId) -> Run {
    let NewRun {
        tenant_name,
        tenant,
        trigger,
        mode,
        started_at,
    } = new_run();
    Run {
        id,
        tenant_name,
        tenant,
        trigger,
        mode,
        started_at,
        ended_at: Some(at(2)),
        outcome: Outcome::Succeeded,
        counts: BTreeMap::new(),
        population: BTreeMap::new(),
        lost: BTreeMap::new(),
        held: None,
        audit_missed: None,
        spaces: None,
        licence: None,
        traffic: Traffic::default(),
        findings: Vec::new(),
    }
}

fn at(minute: i64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + minute * 60_000)
}
