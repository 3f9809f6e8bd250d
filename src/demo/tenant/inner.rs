//! What the answers of an emulated tenant share.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use tokio::sync::watch;

use crate::clock::Clock;
use crate::lock::lock;
use crate::model::UserId;
use crate::secret::Secret;
use crate::signal::Shutdown;

use super::directory::Directory;
use super::edit::NewUser;
use super::faults::{Endpoint, Faults};
use super::limits::Limits;
use super::member::Member;
use super::options::ExpiryShown;
use super::record::Status;
use super::tokens::{Caller, Sight, Tokens};

/// What the answers share.
#[derive(Debug)]
pub struct Inner {
    pub tenant_id: String,
    pub name: String,
    pub region: String,
    /// Its own client first, then that of its region if it has one.
    pub members: Vec<Member>,
    pub api_key: Secret,
    /// The first person of the tenant: API keys act as them.
    pub owner: Option<UserId>,
    pub key_revoked: AtomicBool,
    pub access_hidden: AtomicBool,
    pub hostnames: Vec<String>,
    pub port: OnceLock<u16>,
    pub token_lifetime: Duration,
    pub expiry_shown: ExpiryShown,
    pub legacy_cursors: bool,
    pub audit_retention: Duration,
    pub directory: Directory,
    pub faults: Faults,
    pub limits: Limits,
    pub tokens: Tokens,
    pub counts: [AtomicU64; Endpoint::ALL.len()],
    /// Listings whose later pages are made but not sent yet.
    pub kept_back: watch::Sender<BTreeSet<Endpoint>>,
    pub busy: [Busy; Endpoint::ALL.len()],
    pub by_record: Mutex<BTreeMap<String, u64>>,
    pub clock: Clock,
    pub shutdown: Shutdown,
}

impl Inner {
    pub fn count(&self, endpoint: Endpoint) {
        if let Some(count) = self.counts.get(endpoint as usize) {
            count.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Waits while the later pages of a listing are delayed.
    pub async fn hold(&self, endpoint: Endpoint) {
        let mut kept_back = self.kept_back.subscribe();
        tokio::select! {
            _sent = kept_back.wait_for(|kept_back| !kept_back.contains(&endpoint)) => {}
            () = self.shutdown.triggered() => {}
        }
    }

    /// Counts a request for one record, and marks it as under way until it is answered.
    pub fn begin(&self, endpoint: Endpoint, id: &str) -> Option<UnderWay<'_>> {
        if !id.is_empty() {
            *lock(&self.by_record).entry(id.to_owned()).or_default() += 1;
        }
        let busy = self.busy.get(endpoint as usize)?;
        let now = busy.now.fetch_add(1, Ordering::SeqCst) + 1;
        busy.most.fetch_max(now, Ordering::SeqCst);
        Some(UnderWay(busy))
    }

    pub fn hides_access(&self) -> bool {
        self.access_hidden.load(Ordering::SeqCst)
    }

    /// Returns a client's user, which its first token creates.
    pub fn bot(&self, member: &Member) -> UserId {
        let mut bot = lock(&member.bot);
        if let Some(id) = bot.as_ref().filter(|id| self.directory.user(id).is_some()) {
            return id.clone();
        }
        let admin = self.directory.role_named("TenantAdmin");
        let new = NewUser {
            roles: admin.into_iter().collect(),
            ..member.bot_user()
        };
        let id = self.directory.create_user(new);
        let id = id.expect("a bot has no address, and its role was just found");
        bot.insert(id).clone()
    }

    /// Returns the user that an API key acts for. `None` if the key is not ours or is revoked, or
    /// if its owner is gone or not active.
    pub fn by_key(&self, key: &str) -> Option<Caller> {
        let live = key == self.api_key.expose() && !self.key_revoked.load(Ordering::SeqCst);
        let owner = self.owner.as_ref().filter(|_| live)?;
        let user = self.directory.user(owner)?;
        (user.status == Status::Active).then_some(Caller {
            user: user.id,
            sight: Sight::Full,
        })
    }
}

/// How many requests to an endpoint are under way now, and the most that ever were.
#[derive(Debug, Default)]
pub struct Busy {
    now: AtomicU64,
    pub most: AtomicU64,
}

/// A request that is under way.
pub struct UnderWay<'a>(&'a Busy);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::SeqCst);
    }
}
