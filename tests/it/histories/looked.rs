//! Looks at a tenant and at what waits, and says what is known after that.

use std::collections::BTreeSet;

use qlik_roster::model::{Loss, UserId};

use crate::guard::removals;
use crate::support::{Running, World};

use super::operator::open_plan;
use super::{Guard, Known, Removals, raw};

/// What is known after a run.
pub struct Looked {
    pub known: Known,
    /// The removals that wait for an operator.
    pub waiting: Removals,
}

impl Looked {
    /// Looks at the tenant after a run, which may have removed what was approved.
    pub async fn after(
        before: &Known,
        world: &World,
        running: &Running,
        guard: Guard,
        approved: &Removals,
    ) -> Self {
        let seen = raw::look(world).await;
        let waiting = match open_plan(running).await {
            Some((id, _)) => Removals::of(&removals(running, id).await),
            None => Removals::default(),
        };
        let waiting = waiting.of_sorts(&held(running).await);
        let lost = before.lost(&seen);
        match guard {
            Guard::Open => assert!(waiting.is_empty(), "{waiting:?}"),
            Guard::Limits => {}
            Guard::Never => {
                let removed = lost.without(&waiting).without(approved);
                assert!(removed.is_empty(), "nobody approved {removed:?}");
            }
        }
        before.assert_waits(&seen, &waiting);
        Self {
            known: before.after(&seen, &waiting),
            waiting,
        }
    }
}

/// Looks at a tenant for the first time.
pub async fn first_look(world: &World) -> Known {
    let seen = raw::look(world).await;
    Known::default().after(&seen, &Removals::default())
}

/// Returns the users of whom it is not visible in which groups they are.
pub async fn without_groups(world: &World) -> BTreeSet<UserId> {
    let users = raw::look(world).await.users.into_iter();
    let users = users.filter(|(_, user)| user.groups.is_none());
    users.map(|(id, _)| id).collect()
}

/// Returns what the last sweep held. A plan stays open while a part of it cannot be seen, even if
/// the rest was removed within the limits: what the sweep did not hold does not wait.
async fn held(running: &Running) -> BTreeSet<Loss> {
    let runs = running.last_runs(50).await.into_iter();
    let mut sweeps = runs.filter(qlik_roster::model::Run::is_sweep);
    let held = sweeps.next().unwrap().held;
    let losses = held.map(|held| held.losses.into_keys());
    losses.into_iter().flatten().collect()
}
