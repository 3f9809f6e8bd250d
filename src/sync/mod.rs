//! Keeps the store in step with each tenant, one run at a time: read, compare, commit, wake
//! delivery.
//!
//! The steps of a run, in `run/steps.rs`:
//!
//! 1. Ask the tenant who it is; the state is stored under its id, not its host.
//! 2. Finish what an interrupted run had already decided.
//! 3. Sweep roles, groups, users. A blocking thread works on the pages that have arrived while the
//!    next ones are on their way; whatever differs from the known state goes into the plan.
//! 4. Ask for each record that a complete sweep did not show, a few at a time. Only a clear no
//!    deletes; a recent answer counts as well ([`answers`](sweep::answers)).
//! 5. Weigh the removals. Those above a limit are held for an operator; all other changes of the
//!    same run go through.
//! 6. Commit the plan, chunk by chunk, each chunk with its journal entries in one write.
//! 7. Decide what becomes of held plans, and record the run.
//! 8. Compare what users had before the run with what they have after it, and commit the
//!    difference as entries of its own (`rights`).
//!
//! Between sweeps a [`poll`] reads the tenant's audit log: an overlapping window each time, since
//! sources do not promise when an event appears, nor in which order. Events that were acted on are
//! remembered. The records that the other events name are read one by one in a run of their own
//! ([`refresh`](poll::refresh)), which goes through the same judgement, plan and commit as a sweep.
//! An event only tells us which record to look at, and nothing is removed on the record's own
//! answer alone: the listing is asked as well ([`cross_check`](poll::cross_check)).
//!
//! Ten folders, by subject:
//!
//! - `tenants`: which tenants are read, when, and by whom; the loop of a tenant.
//! - `run`: one run, from its beginning to its record.
//! - `sweep`: reading a whole tenant, and asking for records that the listings did not show.
//! - `poll`: the audit log between sweeps, and the records that it names.
//! - `apart`: what is read on a schedule of its own, whatever it is.
//! - `spaces`: reads spaces.
//! - `licences`: reads to whom the licence is assigned.
//! - `plan`: what a run has decided to write.
//! - `removals`: how much a run would remove, how much of that is held, and what becomes of it.
//! - `rights`: how a run changed who holds what, reported in entries of its own.
//!
//! What must stay true:
//!
//! - A record is deleted only if a request by its id is answered with a clear no, whatever status
//!   codes and counts say. A count that a listing does not reach is a hint and a finding: the
//!   listing is read again, and nothing waits for it.
//! - A plan that outgrows one commit is stored in full before its first part is applied. After a
//!   crash the next run continues it, and the order holds: users who are gone, then new and changed
//!   records, then groups and roles that are gone.
//! - The first load of a tenant writes state without journal entries and ends with one mark; until
//!   the mark is there, the next run continues the load.
//! - Sweeps remain the source of truth. Whatever the audit log does not or cannot tell us costs
//!   time and nothing else: a gap asks for a sweep, and each sweep counts what was missed
//!   ([`missed`](poll::missed)).
//! - A bookmark moves only after the records that it covers were committed.
//! - Polls do not wait for a sweep: while it reads, they write, one at a time
//!   ([`beside`](run::beside)). An answer that a poll got overrides what the sweep was shown.
//! - An empty collection where records were known fails the run if one of these records answers
//!   when asked for; if none does, their removal is held, however few they are.
//! - An approved plan is a permit: the next complete run finds the same removals, applies them, and
//!   asks for each missing record again. So it is applied to the end whatever happens in between,
//!   and a record that has come back is not removed.
//! - Removals that depend on each other wait together: a role goes after its assignments
//!   ([`held_removals`](removals::held_removals)).
//! - Each tenant is read once, under one name and by one run at a time, however many host names it
//!   has. Discovered tenants yield to those that were given a name; two connections to one tenant
//!   are an error.
//! - The number of tenants swept at one time is limited, and so is the number polled; they take
//!   turns in the order in which they came.
//! - A loop takes no input: [`worker`](tenants::worker) looks at the clock and the store, and a
//!   wake is only a hint.

mod apart;
mod error;
mod licences;
mod plan;
mod poll;
mod removals;
mod rights;
mod run;
mod spaces;
mod sweep;
mod tenants;

pub use crate::reconcile::{Guard, Limits};
pub use apart::due::is_ahead;
pub use apart::readings::{APART, Readings};
pub use error::RunError;
pub use poll::polling::{OVERLAP, POLL, PollSetting, Polling};
pub use poll::sessions::SessionReadings;
pub use removals::removal_policy::RemovalPolicy;
pub use run::job::Job;
pub use run::measure::recall;
pub use run::progress::{Moment, Observer, Progress, Underway};
pub use run::running::Report;
pub use tenants::claims::{Claim, Claimant, Claims, Rank};
pub use tenants::freshness::Freshness;
pub use tenants::runner::Runner;
pub use tenants::schedule::{InvalidSchedule, Last, Schedule, parse_duration};
pub use tenants::tenant_registry::{AppAnswer, Linked, NoRun, TenantRegistry};
pub use tenants::worker::Worker;

#[cfg(test)]
mod tests;
