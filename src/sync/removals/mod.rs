//! How much a run would remove, how much of that is held, and what becomes of held plans.

pub(super) mod fate;
pub(super) mod held_plans;
pub(super) mod held_removals;
pub(super) mod removal_policy;
pub(super) mod tally;
