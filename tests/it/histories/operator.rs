//! What an operator decides about held removals, and what happens to the daemon in the middle.

use std::time::{Duration, Instant};

use qlik_roster::control::command;
use qlik_roster::demo::tenant::{Endpoint, Fault, When};
use qlik_roster::model::{Mode, Outcome, PlanId, PlanState, Trigger};

use crate::guard::plans;
use crate::support::{Running, World, within};

use super::{FEWEST_REQUESTS, acme};

/// What an operator does about a plan.
#[derive(Debug, Clone)]
pub enum Decision {
    /// Nothing: it waits.
    Leave,
    Approve(PlanId),
    Reject(PlanId),
}

/// What happens to the daemon in the middle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interruption {
    Nothing,
    /// It is stopped and started again.
    Restart,
    /// It is stopped while it reads, and started again.
    StopInRun,
    /// It is killed again and again while it reads, writes or delivers.
    Kills,
}

impl Decision {
    pub async fn make(running: &Running, dice: &mut fastrand::Rng) -> Self {
        match open_plan(running).await {
            Some((id, PlanState::Held)) => match dice.u32(..4) {
                0 | 1 => Self::Approve(id),
                2 => Self::Reject(id),
                _ => Self::Leave,
            },
            Some(_) | None => Self::Leave,
        }
    }

    pub async fn carry_out(&self, running: &Running, interruption: Interruption) {
        match self {
            Self::Leave => {}
            Self::Reject(id) => drop(running.order(command::Reject { id: *id }).await.unwrap()),
            Self::Approve(id) => match interruption {
                Interruption::Nothing | Interruption::Restart => {
                    drop(running.approve(*id).await.unwrap());
                }
                // The run that applies it is not waited for.
                Interruption::StopInRun | Interruption::Kills => {
                    drop(running.order(command::Approve { id: *id }).await.unwrap());
                }
            },
        }
    }
}

impl Interruption {
    pub async fn interrupt(
        self,
        world: &World,
        running: Running,
        dice: &mut fastrand::Rng,
    ) -> Running {
        match self {
            Self::Nothing => running,
            Self::Restart => {
                running.stop().await;
                start(world).await
            }
            Self::StopInRun => {
                stop_in_run(world, running, dice.u64(..8)).await;
                start(world).await
            }
            Self::Kills => {
                running.stop().await;
                for _ in 0..dice.usize(1..4) {
                    kill_one(world, dice).await;
                }
                world.start().await
            }
        }
    }
}

/// Starts the daemon and waits for the run that it does by itself. While the clock stands still, a
/// run that was interrupted is as late as that one.
async fn start(world: &World) -> Running {
    let began = world.clock.now();
    let running = world.start().await;
    within("its own run ends", || async {
        let runs = running.last_runs(5).await;
        let mut own = runs
            .iter()
            .filter(|run| run.trigger == Trigger::Start && run.started_at >= began);
        own.any(|run| run.outcome != Outcome::Running)
    })
    .await;
    running
}

/// Begins a run, and stops the daemon after some requests.
async fn stop_in_run(world: &World, running: Running, n_requests: u64) {
    let faults = world.tenant.faults();
    for endpoint in [Endpoint::Users, Endpoint::Assignments] {
        let slow = Fault::Slow(Duration::from_millis(3));
        faults.on(endpoint, slow, When::Always);
    }
    let target = world.tenant.requests().total() + n_requests;
    let sync = command::Sync {
        tenant: acme(),
        mode: Mode::Commit,
    };
    let begun = running.order(sync).await.unwrap();
    let reads = within("it reads", || async {
        world.tenant.requests().total() >= target
    });
    // A tenant that hides much is read with few requests.
    tokio::select! {
        () = reads => {}
        ended = running.control().outcome(begun) => drop(ended),
    }
    running.stop().await;
    faults.clear();
}

/// Starts the daemon as a process and kills it while it reads, or in the moments after that, in
/// which it writes and delivers.
async fn kill_one(world: &World, dice: &mut fastrand::Rng) {
    let requests = || world.tenant.requests().total();
    let target = requests() + dice.u64(1..=FEWEST_REQUESTS);
    let moments = Duration::from_millis(dice.u64(..40));
    let mut daemon = world.serve();
    within("it reads", || async { requests() >= target }).await;
    let begun = Instant::now();
    while begun.elapsed() < moments {
        tokio::task::yield_now().await;
    }
    daemon.kill().unwrap();
    daemon.wait().unwrap();
}

/// Returns the plan that is open, if there is one.
pub async fn open_plan(running: &Running) -> Option<(PlanId, PlanState)> {
    let mut open = plans(running).await.into_iter().filter_map(|row| {
        let state = row.plan.state;
        match state {
            PlanState::Held | PlanState::Approved { .. } | PlanState::Rejected { .. } => {
                Some((row.plan.id, state))
            }
            PlanState::Applied { .. }
            | PlanState::Superseded { .. }
            | PlanState::Recovered { .. } => None,
        }
    });
    let found = open.next();
    assert_eq!(open.next(), None, "two plans are open");
    found
}
