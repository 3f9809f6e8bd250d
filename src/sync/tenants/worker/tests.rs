//! When the loop of a tenant runs, in a time that stands still between two steps.

use std::ops::RangeInclusive;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono_tz::Tz;

use super::*;
use crate::clock::Clock;
use crate::connector::{
    Assignments, FetchCause, FetchError, LicencePage, Page, Shares, SpaceListing, SpaceSeen, Sweep,
};
use crate::lock::lock;
use crate::model::{
    AppPlace, AuditPage, Change, Coded, ConnectionName, Finding, Fingerprint, HeldPlan, Id, Kind,
    LicenceHead, Observed, PastSessions, PlanId, Record, RecordRef, Role, RoleId, RoleType, RunId,
    Seq, SpaceId, Tenant, TenantId, TenantName, Timestamp, Traffic,
};
use crate::signal;
use crate::store::{Closing, Commit, Decision, Known, PlanHead, Store, Write};
use crate::sync::{Claimant, Claims, Observer, Rank, Readings, RemovalPolicy, Runner};
use crate::telemetry::Metrics;

/// A tenant with nothing in it that notes when it is asked, and answers while it is up.
struct Empty {
    clock: Clock,
    asked_at: Arc<Mutex<Vec<Duration>>>,
    is_up: Arc<AtomicBool>,
    pages: Arc<Pages>,
}

/// The pages of its licence, each of which takes a second, and when each was asked for, with the
/// cursor.
struct Pages {
    show: fn(Option<&str>) -> Option<LicencePage>,
    asked: Mutex<Vec<(Duration, Option<String>)>>,
}

impl Pages {
    fn n_asked(&self) -> usize {
        lock(&self.asked).len()
    }
}

/// Shows an empty page that leads to this one.
fn leads_to(next: &str) -> LicencePage {
    LicencePage {
        next: Some(next.to_owned()),
        ..LicencePage::default()
    }
}

/// A listing of nothing.
struct Nothing;

fn down() -> FetchError {
    let error = std::io::Error::other("reading nothing");
    FetchError::new("source.down", FetchCause::Other, error)
}

impl Sweep for Nothing {
    async fn next(&mut self) -> Result<Option<Page>, FetchError> {
        Ok(None)
    }

    async fn recount(&mut self) -> Result<Option<u64>, FetchError> {
        Ok(None)
    }
}

impl Connector for Empty {
    type Sweep = Nothing;

    fn name(&self) -> &'static str {
        "Nothing"
    }

    async fn identify(&self) -> Result<Tenant, FetchError> {
        lock(&self.asked_at).push(self.clock.passed());
        if !self.is_up.load(Ordering::Relaxed) {
            return Err(down());
        }
        Ok(Tenant {
            id: TenantId("t".into()),
            name: "T".into(),
            hosts: Vec::new(),
            region: None,
            status: None,
        })
    }

    fn sweep(&self, _: Kind) -> Nothing {
        Nothing
    }

    fn sweep_for(&self, _: &RecordRef) -> Option<Nothing> {
        None
    }

    async fn fetch(&self, _: &RecordRef) -> Result<Option<Result<Observed, Finding>>, FetchError> {
        Err(down())
    }

    /// Takes a day.
    async fn spaces(&self) -> Result<SpaceListing, FetchError> {
        tokio::time::sleep(DAY).await;
        Err(down())
    }

    async fn space(&self, _: &SpaceId) -> Result<SpaceSeen, FetchError> {
        Err(down())
    }

    async fn assignments(&self, _: &SpaceId) -> Result<Assignments, FetchError> {
        Err(down())
    }

    async fn shares(&self, _: &SpaceId) -> Result<Shares, FetchError> {
        Err(down())
    }

    async fn licence(&self) -> Result<LicenceHead, FetchError> {
        Ok(LicenceHead::default())
    }

    async fn licence_page(&self, cursor: Option<&str>) -> Result<Option<LicencePage>, FetchError> {
        let asked = (self.clock.passed(), cursor.map(str::to_owned));
        lock(&self.pages.asked).push(asked);
        tokio::time::sleep(Duration::from_secs(1)).await;
        Ok((self.pages.show)(cursor))
    }

    async fn audit_events(&self, _: RangeInclusive<Timestamp>) -> Result<AuditPage, FetchError> {
        Err(down())
    }

    async fn past_sessions(
        &self,
        _: RangeInclusive<Timestamp>,
    ) -> Result<PastSessions, FetchError> {
        Err(down())
    }

    async fn app(&self, _: &TenantId, _: &str) -> Result<AppPlace, FetchError> {
        Err(down())
    }

    fn take_traffic(&self) -> Traffic {
        Traffic::default()
    }
}

/// A loop that runs once a week, with its clock and its source.
struct Setting {
    _dir: tempfile::TempDir,
    clock: Clock,
    asked_at: Arc<Mutex<Vec<Duration>>>,
    is_up: Arc<AtomicBool>,
    pages: Arc<Pages>,
    worker: Worker<Empty>,
}

/// What is read on a schedule of its own.
#[derive(Debug, Clone, Copy)]
enum Reads {
    Nothing,
    Spaces,
    /// The licence, whose pages these are.
    Licence(fn(Option<&str>) -> Option<LicencePage>),
}

/// Whether a source answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Up,
    Down,
}

impl Setting {
    fn new(source: Source) -> Self {
        Self::on("7d", source)
    }

    fn on(schedule: &str, source: Source) -> Self {
        Self::reading(schedule, source, Reads::Nothing)
    }

    fn reading(schedule: &str, source: Source, reads: Reads) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("store")).unwrap().store;
        let clock = Clock::stopped_at(Timestamp::parse("2026-03-01T10:00:00Z").unwrap());
        let asked_at = Arc::new(Mutex::new(Vec::new()));
        let is_up = Arc::new(AtomicBool::new(source == Source::Up));
        let every = Readings::Every(DAY);
        let (spaces, licences, show) = match reads {
            Reads::Nothing => (Readings::Off, Readings::Off, no_page as _),
            Reads::Spaces => (every, Readings::Off, no_page as _),
            Reads::Licence(show) => (Readings::Off, every, show),
        };
        let pages = Arc::new(Pages {
            show,
            asked: Mutex::default(),
        });
        let connector = Arc::new(Empty {
            clock: clock.clone(),
            asked_at: Arc::clone(&asked_at),
            is_up: Arc::clone(&is_up),
            pages: Arc::clone(&pages),
        });
        let claimant = Claimant {
            name: TenantName("acme".to_owned()),
            connection: ConnectionName("test".to_owned()),
            rank: Rank::Named,
            host: "acme.eu.qlikcloud.com".to_owned(),
        };
        let claim = Claims::new(1).of(claimant.clone());
        let crashes = Crashes::new(clock.clone(), Metrics::default());
        let job = Job::new(
            claimant.name.clone(),
            connector,
            store,
            clock.clone(),
            Observer::new(|_| {}),
            RemovalPolicy::default(),
            claim,
        );
        let job = Arc::new(job.with_spaces(spaces).with_licences(licences));
        let linked = Linked::new(claimant, None, Runner::of(Arc::clone(&job)));
        let worker = Worker {
            linked: Arc::new(linked.dated(job.freshness())),
            job,
            schedule: Schedule::parse(schedule, Tz::UTC).unwrap(),
            jitter: Duration::ZERO,
            crashes: crashes.clone(),
            pulses: Pulses::default(),
        };
        Self {
            _dir: dir,
            clock,
            asked_at,
            is_up,
            pages,
            worker,
        }
    }
}

fn no_page(_: Option<&str>) -> Option<LicencePage> {
    None
}

/// Lets this many minutes pass.
async fn pass(clock: &Clock, minutes: u32) {
    for _ in 0..minutes * 2 {
        tokio::time::sleep(Duration::from_secs(30)).await;
        clock.set(clock.now().plus(Duration::from_secs(30)));
    }
}

/// Returns the minutes from a moment to the first request, and then between requests.
fn waits(began: Duration, asked_at: &[Duration]) -> Vec<u64> {
    std::iter::once(&began)
        .chain(asked_at)
        .zip(asked_at)
        .map(|(before, after)| after.saturating_sub(*before).as_secs() / 60)
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_tenant_that_fails_is_tried_again_within_minutes_and_then_every_hour() {
    let Setting {
        _dir,
        clock,
        asked_at,
        worker,
        ..
    } = Setting::new(Source::Down);
    let began = clock.passed();
    let (end, ended) = signal::shutdown();

    let time = async {
        pass(&clock, 5 * 60).await;
        end.trigger();
    };
    let (result, ()) = tokio::join!(worker.run(ended), time);

    result.unwrap();
    let waits = waits(began, &lock(&asked_at));
    assert_eq!(waits[..7], [0, 1, 2, 4, 8, 16, 32]);
    assert!(waits[7..].iter().all(|wait| *wait == 60), "{waits:?}");
    assert!(waits.len() > 9, "{waits:?}");
}

#[tokio::test(start_paused = true)]
async fn what_was_approved_is_tried_again_within_minutes_after_its_run_has_failed() {
    let Setting {
        _dir,
        clock,
        asked_at,
        is_up,
        worker,
        ..
    } = Setting::new(Source::Up);
    let (end, ended) = signal::shutdown();
    let job = Arc::clone(&worker.job);
    let store = job.store.clone();

    let time = async {
        pass(&clock, 60).await;
        assert_eq!(lock(&asked_at).len(), 1, "the next is due in a week");
        let known = store.tenants().unwrap().remove(0);
        approve(&store, &known, clock.now());
        let approved = clock.passed();
        is_up.store(false, Ordering::Relaxed);
        // As the command that approves a plan does.
        let mut run = job.start(Trigger::Command, Mode::Commit);
        run.ended().await.unwrap();
        pass(&clock, 12).await;
        is_up.store(true, Ordering::Relaxed);
        pass(&clock, 60 * 24).await;
        end.trigger();
        (known, approved)
    };
    let (result, (known, approved)) = tokio::join!(worker.run(ended), time);

    result.unwrap();
    let waits = waits(approved, &lock(&asked_at)[1..]);
    assert_eq!(waits[..3], [0, 1, 1], "{waits:?}");
    let sum: u64 = waits.iter().sum();
    assert!(
        (12..30).contains(&sum),
        "no more after it is applied: {waits:?}"
    );
    let plans = store.held_plans(known.no).unwrap();
    assert_eq!(plans[0].state.word(), "applied");
}

/// How a clock jumps while the loop runs, each jump with how many minutes pass after it.
type Jumps = [(fn(Timestamp) -> Timestamp, u32)];

const BACK: &Jumps = &[(|now| now.minus(HOUR * 2), 90)];
const AHEAD_AND_BACK: &Jumps = &[
    (|now| now.plus(DAY * 400), 60),
    (|now| now.minus(DAY * 400), 90),
];
const FROM_1970: &Jumps = &[
    (|_| Timestamp::from_millis(0), 60),
    (|_| Timestamp::from_millis(1_772_359_200_000), 90),
];

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_puts_no_run_off() {
    // By the new clock an expression may be due later than by the one before, but no run is left
    // out.
    for (schedule, longest) in [
        ("15m", 15),
        ("*/15 * * * *", 15),
        ("7,22,37,52 * * * *", 22),
    ] {
        for jumps in [BACK, AHEAD_AND_BACK, FROM_1970] {
            let Setting {
                _dir,
                clock,
                asked_at,
                worker,
                ..
            } = Setting::on(schedule, Source::Up);
            let linked = Arc::clone(&worker.linked);
            let (end, ended) = signal::shutdown();

            let time = async {
                pass(&clock, 20).await;
                for (jump, minutes) in jumps {
                    clock.jump_to(jump(clock.now()));
                    pass(&clock, *minutes).await;
                }
                let next = linked.next().unwrap();
                assert!(next.since(clock.now()) <= HOUR / 4, "{schedule}: {next}");
                end.trigger();
            };
            let (result, ()) = tokio::join!(worker.run(ended), time);

            result.unwrap();
            let waits = waits(Duration::ZERO, &lock(&asked_at));
            let most = waits.iter().max().unwrap();
            assert!(*most <= longest, "{schedule}: {waits:?}");
            let minutes: u32 = 20 + jumps.iter().map(|(_, minutes)| minutes).sum::<u32>();
            let expected = minutes as usize / 15;
            assert!(
                (expected..=expected + 3).contains(&waits.len()),
                "{schedule}: {waits:?}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_approved_by_a_clock_that_was_ahead_is_tried_again_within_minutes() {
    let Setting {
        _dir,
        clock,
        asked_at,
        is_up,
        worker,
        ..
    } = Setting::new(Source::Up);
    let (end, ended) = signal::shutdown();
    let store = worker.job.store.clone();

    let time = async {
        pass(&clock, 10).await;
        let known = store.tenants().unwrap().remove(0);
        is_up.store(false, Ordering::Relaxed);
        approve(&store, &known, clock.now().plus(DAY * 400));
        let approved = clock.passed();
        pass(&clock, 30).await;
        is_up.store(true, Ordering::Relaxed);
        pass(&clock, 60).await;
        end.trigger();
        (known, approved)
    };
    let (result, (known, approved)) = tokio::join!(worker.run(ended), time);

    result.unwrap();
    let waits = waits(approved, &lock(&asked_at)[1..]);
    assert_eq!(waits, [0, 1, 2, 4, 8, 16], "after each failure later");
    let plans = store.held_plans(known.no).unwrap();
    assert_eq!(plans[0].state.word(), "applied");
}

#[tokio::test(start_paused = true)]
async fn a_tenant_without_a_success_for_three_runs_is_overdue_until_it_is_read() {
    let Setting {
        _dir,
        clock,
        is_up,
        worker,
        ..
    } = Setting::on("30m", Source::Up);
    let linked = Arc::clone(&worker.linked);
    let (end, ended) = signal::shutdown();

    let time = async {
        pass(&clock, 10).await;
        is_up.store(false, Ordering::Relaxed);
        pass(&clock, 30).await;
        clock.jump_to(clock.now().minus(DAY));
        pass(&clock, 45).await;
        assert_eq!(linked.overdue(), None);
        pass(&clock, 10).await;
        assert!(linked.overdue() > Some(HOUR * 3 / 2));
        is_up.store(true, Ordering::Relaxed);
        pass(&clock, 60).await;
        assert_eq!(linked.overdue(), None);
        assert!(linked.age() <= Some(HOUR / 2));
        end.trigger();
    };
    let (result, ()) = tokio::join!(worker.run(ended), time);

    result.unwrap();
}

/// Approves a plan without entries.
fn approve(store: &Store, known: &Known, now: Timestamp) {
    let plan = HeldPlan {
        id: PlanId(1),
        account: known.tenant.account(),
        at: now,
        losses: [].into(),
        entries: 0,
        checksum: 0,
        state: PlanState::Held,
    };
    let made = Commit {
        tenant: known.no,
        run: RunId(1),
        at: now,
        account: known.tenant.account(),
        writes: Vec::new(),
        closing: Closing::Report {
            plans: vec![plan],
            facts: Vec::new(),
        },
    };
    assert!(store.settle_plans(None, made).unwrap());
    let decided = store.decide(known.no, PlanId(1), Decision::Approve, now);
    assert_eq!(decided.unwrap().unwrap().state.word(), "approved");
}

#[tokio::test]
async fn a_dry_run_leaves_what_an_earlier_run_has_sealed_to_the_next_one() {
    let Setting {
        _dir,
        clock,
        worker,
        ..
    } = Setting::new(Source::Up);
    let (job, store) = (Arc::clone(&worker.job), worker.job.store.clone());
    let tenant = job.connector.identify().await.unwrap();
    let known = store.adopt(&tenant, &job.name, clock.now()).unwrap();
    let role = Role::new(
        RoleId(Id::parse(&format!("{:024x}", 1)).unwrap()),
        "Auditor",
        Coded::new(RoleType::Basic, "basic"),
    );
    let write = Write::Change {
        change: Change::Created {
            after: Record::Role(role),
            replaces: None,
        },
        fingerprint: Fingerprint([7; 16]),
        raw: "{}".into(),
        reported: None,
    };
    store.stage(known.no, 0, &[write]).unwrap();
    let head = PlanHead {
        run: RunId(1),
        at: clock.now(),
        account: known.tenant.account(),
        rows_total: 1,
    };
    store.seal_plan(known.no, &head).unwrap();
    let after = async |mode| {
        let report = job.start(Trigger::Schedule, mode).ended().await.unwrap();
        assert_eq!(report.run.mode, mode);
        (store.last_seq(), store.count_plan_rows(known.no).unwrap())
    };

    assert_eq!(after(Mode::DryRun).await, (Seq::START, 1));
    assert_eq!(after(Mode::Commit).await.1, 0);
    assert!(store.last_seq() > Seq::START);
}

#[tokio::test(start_paused = true)]
async fn a_listing_without_an_end_is_read_from_its_beginning_at_ever_longer_times() {
    let refuses = |cursor: Option<&str>| match cursor {
        None => Some(leads_to("refused")),
        Some(_) => None,
    };
    let leads_back = |_: Option<&str>| Some(leads_to("again"));
    for (show, n_pages) in [(refuses as fn(Option<&str>) -> _, 6), (leads_back, 2)] {
        let setting = Setting::reading("7d", Source::Up, Reads::Licence(show));
        let (end, ended) = signal::shutdown();

        let time = async {
            pass(&setting.clock, 3 * 60).await;
            end.trigger();
        };
        let (result, ()) = tokio::join!(setting.worker.run(ended), time);

        result.unwrap();
        let asked = std::mem::take(&mut *lock(&setting.pages.asked));
        let readings: Vec<_> = asked.chunks(n_pages).collect();
        for reading in &readings {
            assert_eq!(reading[0].1, None, "{readings:?}");
        }
        let began_at: Vec<Duration> = readings.iter().map(|reading| reading[0].0).collect();
        let waits = waits(Duration::ZERO, &began_at);
        assert_eq!(waits[..8], [0, 1, 2, 4, 8, 16, 32, 60]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_tenant_that_is_paused_is_not_asked_for_the_rest_of_its_licence() {
    let goes_on = |cursor: Option<&str>| {
        let page: u32 = cursor.map_or(0, |cursor| cursor.parse().unwrap());
        Some(leads_to(&(page + 1).to_string()))
    };
    let setting = Setting::reading("7d", Source::Up, Reads::Licence(goes_on));
    let (clock, pages) = (setting.clock.clone(), Arc::clone(&setting.pages));
    let linked = Arc::clone(&setting.worker.linked);
    let (end, ended) = signal::shutdown();

    let time = async {
        pass(&clock, 1).await;
        linked.set_pause(Some(Pause::LeftOut));
        pass(&clock, 1).await;
        let n_asked = pages.n_asked();
        pass(&clock, 5).await;
        assert_eq!(pages.n_asked(), n_asked);
        assert!(n_asked > 10, "{n_asked}");
        linked.set_pause(None);
        pass(&clock, 2).await;
        end.trigger();
        n_asked
    };
    let (result, n_asked) = tokio::join!(setting.worker.run(ended), time);

    result.unwrap();
    let asked = lock(&pages.asked);
    let page = |n: usize| asked[n].1.as_ref().unwrap().parse::<u32>().unwrap();
    // The page that was asked for last was stored, or is asked for again.
    let n_pages = page(n_asked) - page(n_asked - 1);
    assert!(n_pages <= 1, "{n_pages} pages were left out");
}

#[tokio::test(start_paused = true)]
async fn a_reading_of_spaces_is_interrupted_when_the_tenant_is_paused() {
    let setting = Setting::reading("7d", Source::Up, Reads::Spaces);
    let clock = setting.clock.clone();
    let linked = Arc::clone(&setting.worker.linked);
    let store = setting.worker.job.store.clone();
    let name = setting.worker.job.name.clone();
    let (end, ended) = signal::shutdown();
    let last = || {
        let run = store.newest_run(&name, |run| run.trigger == Trigger::Spaces);
        run.unwrap().map(|run| run.outcome)
    };

    let time = async {
        pass(&clock, 2).await;
        assert_eq!(last(), Some(Outcome::Running));
        linked.set_pause(Some(Pause::LeftOut));
        pass(&clock, 1).await;
        end.trigger();
    };
    let (result, ()) = tokio::join!(setting.worker.run(ended), time);

    result.unwrap();
    assert_eq!(last(), Some(Outcome::Interrupted));
}

#[tokio::test(start_paused = true)]
async fn a_part_that_crashes_is_started_again_while_the_others_go_on() {
    let setting = Setting::reading("1h", Source::Up, Reads::Licence(|_| panic!("a mistake")));
    let clock = setting.clock.clone();
    let (asked_at, pages) = (Arc::clone(&setting.asked_at), Arc::clone(&setting.pages));
    let crashes = setting.worker.crashes.clone();
    let store = setting.worker.job.store.clone();
    let name = setting.worker.job.name.clone();
    let freshness = setting.worker.job.freshness();
    let began = clock.passed();
    let (end, ended) = signal::shutdown();

    let time = async {
        pass(&clock, 3 * 60 + 30).await;
        end.trigger();
        freshness.age()
    };
    let (result, age) = tokio::join!(setting.worker.run(ended), time);

    result.unwrap();
    assert_eq!(
        waits(began, &lock(&asked_at)),
        [0, 60, 60, 60],
        "sweeps go on"
    );
    assert!(age < Some(Duration::from_secs(3_600)), "{age:?}");
    let n_crashes = crashes.last().unwrap().total;
    // Each start waits half a minute before it looks, and each wait is longer, up to five minutes.
    assert!((30..60).contains(&n_crashes), "{n_crashes}");
    assert_eq!(pages.n_asked() as u64, n_crashes);
    assert_eq!(crashes.last().unwrap().part, "licences of acme");
    let last = store.newest_run(&name, |run| run.trigger == Trigger::Licence);
    assert_eq!(last.unwrap().unwrap().outcome, Outcome::Interrupted);
}
