//! Under which name each tenant of a source is read, and how many are read at one time.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};

use tokio::sync::{OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};

use crate::lock::lock;
use crate::model::{ConnectionName, Tenant, TenantId, TenantName};

/// The tenants that are read in this process, by id. Clones share it.
///
/// One tenant may have several host names. Two jobs that read the same tenant would each compare
/// with a state that the other is about to change.
#[derive(Debug, Clone)]
pub struct Claims(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    holders: Mutex<HashMap<TenantId, Claimed>>,
    /// All jobs that may claim a tenant.
    claimants: Mutex<Vec<Claimant>>,
    /// Fair: the longest wait goes first, so that no tenant starves.
    places: Arc<Semaphore>,
    /// Places of runs that read only some records: they must not wait for hours.
    brief: Arc<Semaphore>,
    /// The pen of each tenant's spaces, which all jobs that reach the tenant share.
    space_pens: Mutex<HashMap<TenantId, Arc<Mutex<()>>>>,
}

#[derive(Debug)]
struct Claimed {
    by: Claimant,
    /// Locked while the tenant is read, whoever claims it in the meantime.
    turn: Arc<tokio::sync::Mutex<()>>,
}

/// How we came to read a tenant. If two entries of one connection are the same tenant, the higher
/// rank reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// A console listed it.
    Discovered,
    /// It is one of the hosts of a region.
    Implied,
    /// The operator gave it a name.
    Named,
}

/// A job that claims a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimant {
    /// The tenant, as the operator calls it.
    pub name: TenantName,
    /// The connection that it is read through.
    pub connection: ConnectionName,
    /// How we came to read it.
    pub rank: Rank,
    /// Its host, with the port if there is one.
    pub host: String,
}

/// One job's part in the claims.
#[derive(Debug)]
pub struct Claim {
    claims: Claims,
    me: Claimant,
    tenant: OnceLock<TenantId>,
}

/// Why a tenant cannot be claimed.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::sync) enum Contested {
    /// Another name of the same connection ranks higher and has it: this job is not needed.
    Aside(Claimant),
    /// Another connection has it, or another name that the operator gave.
    Twice(Claimant),
}

impl Claims {
    /// Allows this many tenants to be read at one time, at least one.
    pub fn new(concurrency: usize) -> Self {
        Self(Arc::new(Shared {
            holders: Mutex::default(),
            claimants: Mutex::default(),
            places: Arc::new(Semaphore::new(concurrency.max(1))),
            brief: Arc::new(Semaphore::new(concurrency.max(1))),
            space_pens: Mutex::default(),
        }))
    }

    /// Makes one job's part.
    pub fn of(&self, me: Claimant) -> Claim {
        lock(&self.0.claimants).push(me.clone());
        Claim {
            claims: self.clone(),
            me,
            tenant: OnceLock::new(),
        }
    }

    fn take(&self, tenant: &TenantId, me: &Claimant) -> Result<Turn, Contested> {
        let mut holders = lock(&self.0.holders);
        let claimed = holders.entry(tenant.clone()).or_insert_with(|| Claimed {
            by: me.clone(),
            turn: Arc::default(),
        });
        match contest(me, &claimed.by) {
            None => {
                claimed.by = me.clone();
                Ok(Turn(Arc::clone(&claimed.turn)))
            }
            Some(contested) => Err(contested),
        }
    }
}

/// The turn to read a tenant, which has to be waited for.
pub(in crate::sync) struct Turn(Arc<tokio::sync::Mutex<()>>);

impl Turn {
    /// Waits until nobody else reads the tenant.
    pub(in crate::sync) async fn come(self) -> OwnedMutexGuard<()> {
        self.0.lock_owned().await
    }
}

impl Claim {
    /// Returns the job that claims.
    pub(in crate::sync) fn me(&self) -> &Claimant {
        &self.me
    }

    /// Waits for one of the places for sweeps.
    pub(in crate::sync) async fn place(&self) -> Option<OwnedSemaphorePermit> {
        // Nobody closes the semaphore; if somebody did, every run could go ahead.
        let places = Arc::clone(&self.claims.0.places);
        places.acquire_owned().await.ok()
    }

    /// Waits for one of the places for runs that read some records.
    pub(in crate::sync) async fn brief_place(&self) -> Option<OwnedSemaphorePermit> {
        let brief = Arc::clone(&self.claims.0.brief);
        brief.acquire_owned().await.ok()
    }

    /// Claims a tenant that was reached.
    pub(in crate::sync) fn take(&self, tenant: &TenantId) -> Result<Turn, Contested> {
        self.claims.take(tenant, &self.me)
    }

    /// Returns whether this job may write a tenant: no other job has claimed it.
    pub(in crate::sync) fn may_write(&self, tenant: &TenantId) -> bool {
        let holders = lock(&self.claims.0.holders);
        holders
            .get(tenant)
            .is_none_or(|claimed| claimed.by.name == self.me.name)
    }

    /// Returns the pen of a tenant's spaces. It is locked while a space is written, and while
    /// rights in spaces are compared: a comparison would miss a space that is deleted meanwhile.
    pub(in crate::sync) fn space_pen(&self, tenant: &TenantId) -> Arc<Mutex<()>> {
        let mut pens = lock(&self.claims.0.space_pens);
        Arc::clone(pens.entry(tenant.clone()).or_default())
    }

    /// Returns the tenant that this job has reached; `None` if it has not reached any yet.
    pub(in crate::sync) fn known(&self) -> Option<&TenantId> {
        self.tenant.get()
    }

    /// Returns who reads this tenant in our place: one of its host names is theirs, or they have
    /// claimed it.
    pub(in crate::sync) fn better(&self, tenant: &Tenant) -> Option<TenantName> {
        let id = self.tenant.get_or_init(|| tenant.id.clone());
        let claimants = lock(&self.claims.0.claimants);
        let by_name = claimants.iter().find(|other| {
            let is_named = tenant
                .hosts
                .iter()
                .any(|host| host.eq_ignore_ascii_case(&other.host));
            is_named && matches!(contest(&self.me, other), Some(Contested::Aside(_)))
        });
        if let Some(other) = by_name {
            return Some(other.name.clone());
        }
        drop(claimants);
        self.aside(id)
    }

    /// Returns the name under which somebody else has claimed a tenant.
    pub(in crate::sync) fn aside(&self, tenant: &TenantId) -> Option<TenantName> {
        match self.take(tenant) {
            Err(Contested::Aside(other)) => Some(other.name),
            Ok(_) | Err(Contested::Twice(_)) => None,
        }
    }
}

/// Returns the conflict if another job has the tenant; `None` if it may be taken.
fn contest(me: &Claimant, other: &Claimant) -> Option<Contested> {
    if me.name == other.name {
        return None;
    }
    // A tenant that a console listed may be read over any connection: the operator did not choose
    // this one.
    let together = me.connection == other.connection
        || me.rank == Rank::Discovered
        || other.rank == Rank::Discovered;
    let are_both_named = me.rank == Rank::Named && other.rank == Rank::Named;
    if !together || are_both_named {
        return Some(Contested::Twice(other.clone()));
    }
    // If nobody named either, the first by name wins, so that both reach the same decision.
    match me.rank.cmp(&other.rank).then(other.name.cmp(&me.name)) {
        Ordering::Greater => None,
        Ordering::Less | Ordering::Equal => Some(Contested::Aside(other.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claimant(name: &str, connection: &str, rank: Rank) -> Claimant {
        Claimant {
            name: TenantName(name.into()),
            connection: ConnectionName(connection.into()),
            rank,
            host: format!("{name}.eu.qlikcloud.com"),
        }
    }

    #[test]
    fn two_jobs_that_reach_a_tenant_share_a_pen_and_one_of_them_reports() {
        let claims = Claims::new(1);
        let implied = claims.of(claimant("x1y2", "eu", Rank::Implied));
        let named = claims.of(claimant("acme", "eu", Rank::Named));
        let id = TenantId("t".into());
        assert!(implied.take(&id).is_ok() && implied.may_write(&id));

        assert!(named.take(&id).is_ok(), "it takes the tenant over");

        assert!(Arc::ptr_eq(&implied.space_pen(&id), &named.space_pen(&id)));
        assert_eq!(
            (implied.may_write(&id), named.may_write(&id)),
            (false, true)
        );
        let other = TenantId("u".into());
        assert!(!Arc::ptr_eq(
            &named.space_pen(&id),
            &named.space_pen(&other)
        ));
    }

    #[test]
    fn the_operators_word_wins_within_a_connection_and_nobody_across_two() {
        use Rank::{Discovered, Implied, Named};
        let (aside, twice, taken) = ("aside", "twice", "taken");
        for (first, second, expected) in [
            (("eu", Implied), ("eu", Named), taken),
            (("eu", Named), ("eu", Implied), aside),
            (("eu", Implied), ("eu", Implied), aside),
            (("eu", Named), ("eu", Named), twice),
            (("eu", Named), ("us", Named), twice),
            (("eu", Implied), ("us", Named), twice),
            (("eu", Named), ("us", Implied), twice),
            (("eu", Named), ("all", Discovered), aside),
            (("all", Discovered), ("eu", Named), taken),
            (("all", Discovered), ("eu", Implied), taken),
            (("all", Discovered), ("other", Discovered), aside),
            (("us", Implied), ("eu", Implied), twice),
        ] {
            let claims = Claims::new(1);
            let (id, of) = (TenantId("t".into()), |name, (connection, rank)| {
                claims.of(claimant(name, connection, rank))
            });
            let (one, two) = (of("one", first), of("two", second));
            assert!(one.take(&id).is_ok());
            assert!(one.take(&id).is_ok(), "what is ours stays ours");

            let told = match two.take(&id) {
                Ok(_) => taken,
                Err(Contested::Aside(_)) => aside,
                Err(Contested::Twice(other)) => {
                    assert_eq!(other, claimant("one", first.0, first.1));
                    twice
                }
            };

            assert_eq!(told, expected, "{first:?} {second:?}");
        }
    }

    #[test]
    fn of_two_that_nobody_named_one_is_read() {
        let claims = Claims::new(1);
        let [b, a] = ["b", "a"].map(|name| claims.of(claimant(name, "eu", Rank::Implied)));
        let id = TenantId("t".into());

        assert!(b.take(&id).is_ok());
        assert!(a.take(&id).is_ok());
        assert_eq!(b.aside(&id), Some(TenantName("a".into())));
        assert_eq!(a.aside(&id), None);
    }

    #[test]
    fn an_alias_stands_aside_before_the_other_has_come() {
        let claims = Claims::new(1);
        let _named = claims.of(claimant("acme", "eu", Rank::Named));
        let implied = claims.of(claimant("x1y2", "eu", Rank::Implied));
        let tenant = |hosts: &[&str]| Tenant {
            id: TenantId("t".into()),
            name: "Acme".into(),
            hosts: hosts.iter().map(ToString::to_string).collect(),
            region: None,
            status: None,
        };

        let hosts = ["x1y2.eu.qlikcloud.com", "ACME.eu.qlikcloud.com"];
        assert_eq!(
            implied.better(&tenant(&hosts)),
            Some(TenantName("acme".into()))
        );
        assert_eq!(implied.better(&tenant(&hosts[..1])), None);
    }

    #[tokio::test]
    async fn whoever_reads_some_records_waits_for_nobody_who_reads_a_tenant() {
        let claims = Claims::new(1);
        let claim = claims.of(claimant("acme", "eu", Rank::Named));
        let come = std::time::Duration::ZERO;
        let _sweep = claim.place().await;

        assert!(tokio::time::timeout(come, claim.place()).await.is_err());
        let poll = tokio::time::timeout(come, claim.brief_place()).await;
        assert!(poll.is_ok());
        let next = tokio::time::timeout(come, claim.brief_place()).await;
        assert!(next.is_err(), "these have a bound, too");
    }

    #[tokio::test]
    async fn who_takes_a_claim_over_waits_for_the_run_under_way() {
        let claims = Claims::new(2);
        let id = TenantId("t".into());
        let implied = claims.of(claimant("x1y2", "eu", Rank::Implied));
        let named = claims.of(claimant("acme", "eu", Rank::Named));
        let running = implied.take(&id).ok().unwrap().come().await;

        let turn = named.take(&id).ok().unwrap();
        let waiting = tokio::time::timeout(std::time::Duration::ZERO, turn.come());
        assert!(waiting.await.is_err());

        drop(running);
        named.take(&id).ok().unwrap().come().await;
        assert_eq!(implied.aside(&id), Some(TenantName("acme".into())));
    }
}
