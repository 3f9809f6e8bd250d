//! One run at a time for each tenant: read it, compare, commit, wake delivery.
//!
//! The steps of a run, in `run/steps.rs`:
//!
//! 1. Ask the tenant who it is; its id, not its host, names the state.
//! 2. Finish what an interrupted run had already decided.
//! 3. Sweep roles, groups, users. A blocking thread works on the pages that are there, while
//!    the next ones are on their way; what differs from the known goes into the plan.
//! 4. Ask for each record that a complete sweep did not show, some at a time. Only a clear no
//!    deletes; one of a moment ago counts as well ([`answers`](sweep::answers)).
//! 5. Weigh what would be taken away. What is above a limit is set aside for an operator,
//!    everything else of the same changes is not.
//! 6. Commit the plan, chunk by chunk, each chunk with its journal entries in one write.
//! 7. Settle what becomes of held plans, and record the run.
//!
//! Between sweeps a [`poll`] reads the tenant's audit log: an overlapping window each time,
//! since Qlik promises neither when an event appears nor in which order. Events that were
//! acted on are remembered. The records that the others name are read one by one in a run of
//! their own ([`refresh`](poll::refresh)), which goes through the same judgement, plan and commit as a sweep.
//! Nothing is believed of an event but whom to look at, and nothing is taken away on a record's
//! own word alone: the listing is asked as well ([`cross_check`](poll::cross_check)).
//!
//! Six folders, by what they are about:
//!
//! - `tenants`: which tenants are read, when, and by whom; the loop of a tenant.
//! - `run`: one run from its beginning to its record.
//! - `sweep`: reading a tenant as a whole, and asking for what it did not show.
//! - `poll`: the audit log between sweeps, and the records that it names.
//! - `plan`: what a run has decided to write.
//! - `removals`: how much a run would take away, what of it is held, and what becomes of that.
//!
//! What must stay true:
//!
//! - Only a clear no to a question by id deletes, whatever status codes and counts said. A count
//!   that a listing does not reach is a hint and a finding: it is asked for again, and nothing
//!   waits for it.
//! - A plan that outgrows one commit is in the store before the first part of it is
//!   applied, so that a crash goes on where it was and the order holds: users who are gone,
//!   then what came and changed, then groups and roles that are gone.
//! - The first load of a tenant writes state without journal entries and ends in one mark;
//!   until the mark is there, the next run goes on with the load.
//! - Sweeps stay the truth. Whatever the audit log does not tell, or cannot, costs time and
//!   nothing else: a gap asks for a sweep, and each sweep counts what was missed ([`missed`](poll::missed)).
//! - A bookmark moves after the records that it stands for were committed.
//! - Polls wait for no sweep: while one reads, they write, one at a time ([`beside`](run::beside)). What a poll has
//!   asked for counts more than what the sweep was shown.
//! - An empty collection where something was known fails the run if one of its records answers
//!   when asked for; if none does, their removal is held, however few they are.
//! - An approved plan is a permit: the next complete run finds the same removals, applies
//!   them, and asks for each missing record again. So it is applied to the end whatever happens
//!   in between, and nothing goes that has come back.
//! - What hangs together waits together: a role goes after its assignments ([`held_removals`](removals::held_removals)).
//! - One tenant is read once, under one name and by one run at a time, whatever its host names.
//!   Tenants that were found yield to those that were given a name; two connections to one
//!   tenant are an error.
//! - So many tenants are swept at one time, and so many polled, in the order in which they came.
//! - A loop takes no input: [`worker`](tenants::worker) looks at the clock and the store, a wake is a hint.

mod error;
mod plan;
mod poll;
mod removals;
mod run;
mod sweep;
mod tenants;

pub use crate::reconcile::{Guard, Limits};
pub use error::RunError;
pub use poll::listening::{Listening, OVERLAP, POLL, Polling};
pub use removals::removal_policy::RemovalPolicy;
pub use run::job::Job;
pub use run::measure::recall;
pub use run::progress::{Moment, Observer, Progress, Underway};
pub use run::running::Report;
pub use tenants::claims::{Claim, Claimant, Claims, Rank};
pub use tenants::freshness::Freshness;
pub use tenants::runner::Runner;
pub use tenants::schedule::{InvalidSchedule, Schedule, parse_duration};
pub use tenants::tenant_registry::{Linked, NoRun, TenantRegistry};
pub use tenants::worker::Worker;

#[cfg(test)]
mod tests;
