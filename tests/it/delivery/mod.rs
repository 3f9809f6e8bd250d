//! Deliveries under random events, endpoints, answers, delays, orders of operators and crashes.

mod check;
mod receiver;
mod side;
mod world;

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config as Cases, TestRunner};
use qlik_roster::model::Seq;

use side::Side;
use world::World;

/// Histories in an ordinary run; `QLIK_ROSTER_LONG` makes twenty times as many.
const HISTORIES: u32 = 24;

/// The waits of the schedule: three attempts.
const WAITS: [u64; 2] = [1, 2];

/// How long it may take to settle everything once it is calm.
const DEADLINE: Duration = Duration::from_secs(60);

#[derive(Debug, Clone)]
struct Plan {
    endpoints: Vec<Shape>,
    steps: Vec<Step>,
    seed: u64,
}

/// The settings of an endpoint.
#[derive(Debug, Clone)]
struct Shape {
    events: &'static str,
    max_in_flight: usize,
    /// Events in a message, or `None` if each is sent alone, in the standard format.
    batch: Option<usize>,
    /// Whether it gets all known records first.
    is_told_first: bool,
}

#[derive(Debug, Clone)]
enum Step {
    /// This many changes happen in the tenant.
    Happen(usize),
    /// The test waits for this many requests, or for a while.
    Deliver(usize),
    /// Every worker is killed, and a new one begins.
    Crash,
    /// Every worker is told to end, and a new one begins.
    Restart,
    /// Time passes, in seconds.
    Pass(u64),
    /// An operator orders something for every endpoint.
    Want(Wish),
}

#[derive(Debug, Clone, Copy)]
enum Wish {
    ReplayParked,
    /// Replays one event before the cursor, chosen by its share of the way there.
    ReplayOne(f64),
    /// Rewinds to a position that is chosen in the same way.
    Rewind(f64),
    Backfill,
    Disable,
    Enable,
}

fn plans() -> impl Strategy<Value = Plan> {
    let events = prop::sample::select(vec!["*", "user.updated", "*.deleted", "user.*"]);
    let batch = prop::option::of(1_usize..12);
    let shape = (events, 1_usize..20, batch, any::<bool>());
    let shape = shape.prop_map(|(events, max_in_flight, batch, is_told_first)| Shape {
        events,
        max_in_flight,
        batch,
        is_told_first,
    });
    let wish = prop_oneof![
        2 => Just(Wish::ReplayParked),
        2 => (0.0..1.0).prop_map(Wish::ReplayOne),
        1 => (0.0..1.0).prop_map(Wish::Rewind),
        2 => Just(Wish::Backfill),
        1 => Just(Wish::Disable),
        2 => Just(Wish::Enable),
    ];
    let step = prop_oneof![
        4 => (1_usize..30).prop_map(Step::Happen),
        4 => (1_usize..20).prop_map(Step::Deliver),
        1 => Just(Step::Crash),
        1 => Just(Step::Restart),
        3 => (1_u64..600).prop_map(Step::Pass),
        3 => wish.prop_map(Step::Want),
    ];
    let endpoints = prop::collection::vec(shape, 1..4);
    (endpoints, prop::collection::vec(step, 4..30), any::<u64>()).prop_map(
        |(endpoints, steps, seed)| Plan {
            endpoints,
            steps,
            seed,
        },
    )
}

#[test]
fn every_event_arrives_in_order_and_the_same_whatever_happens() {
    let long = std::env::var_os("QLIK_ROSTER_LONG").is_some();
    let cases = if long { 20 * HISTORIES } else { HISTORIES };
    let mut runner = TestRunner::new(Cases {
        cases,
        max_shrink_iters: 40,
        failure_persistence: None,
        ..Cases::default()
    });
    let run = |plan: Plan| {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(play(plan));
        Ok(())
    };
    runner.run(&plans(), run).unwrap();
}

async fn play(plan: Plan) {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::new(folder.path(), plan.seed);
    let mut sides = Vec::new();
    for (i, shape) in plan.endpoints.iter().enumerate() {
        sides.push(Side::start(i, shape, plan.seed, &world).await);
    }
    for step in &plan.steps {
        match step {
            Step::Happen(n) => world.happen(*n),
            Step::Deliver(n) => {
                let came = || sides.iter().map(|side| side.receiver.len()).sum::<usize>();
                let before = came();
                wait(Duration::from_millis(30), || came() >= before + n).await;
            }
            Step::Pass(seconds) => world.pass(*seconds),
            Step::Crash => {
                for side in &mut sides {
                    side.crash(&world).await;
                }
            }
            Step::Restart => {
                for side in &mut sides {
                    side.restart(&world).await;
                }
            }
            Step::Want(wish) => {
                for side in &mut sides {
                    side.want(*wish, &world);
                }
            }
        }
        for side in &sides {
            side.wake.wake();
        }
    }
    for side in &mut sides {
        side.receiver.calm();
        side.want(Wish::Enable, &world);
    }
    let entries = world.store.entries(Seq::START, usize::MAX).unwrap();
    for side in &mut sides {
        let settled = wait(DEADLINE, || {
            world.pass(60);
            side.wake.wake();
            side.is_settled(&world.store)
        });
        assert!(settled.await, "{} is not settled", side.endpoint.name());
        side.check(&world, &entries);
    }
    for side in &mut sides {
        side.end().await;
    }
}

/// Waits until something is true, at most this long. Returns whether it is.
async fn wait(limit: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let poll = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(limit, poll).await.is_ok()
}
