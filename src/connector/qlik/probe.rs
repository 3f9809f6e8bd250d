//! Tests a connection to a tenant step by step, for an operator who waits for the answer.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use super::client::Client;
use super::stages::{self, Stages};
use super::{Options, Qlik, ReadError, licences};
use crate::clock::Clock;
use crate::connector::{Connector, LicencePage};
use crate::lock::lock;
use crate::model::{Kind, LicenceHead, Record, Tenant};
use crate::retry::Retry;

use super::BuildError;
use super::probe_spaces::{self, VisibleSpaces};

/// The most pages of roles that are read to learn all their names: each has about a hundred, and
/// few tenants have more than one page.
const MAX_ROLE_PAGES: usize = 10;

/// What the credentials can reach at a tenant. Each error has its own remedy.
#[derive(Debug, Default)]
pub struct Probe {
    /// The way to the tenant, as far as it is known.
    pub stages: Stages,
    /// Whether we got a token; `None` if the tenant was not reached. An API key needs none.
    pub token: Option<Result<(), ReadError>>,
    /// The tenant; `None` if it was not reached, or there was no token.
    pub tenant: Option<Result<Tenant, ReadError>>,
    /// What can be seen of each kind; empty if the tenant did not answer.
    pub collections: Vec<(Kind, Result<Visible, ReadError>)>,
    /// The names and ids of all roles; `None` if not all are known.
    pub roles: Option<BTreeSet<String>>,
    /// What can be seen of spaces; `None` if nobody asked for it, or the tenant did not answer.
    pub spaces: Option<Result<VisibleSpaces, ReadError>>,
    /// What the licence says about itself, and its first page; `None` in the same two cases.
    pub licences: Option<Result<(LicenceHead, LicencePage), ReadError>>,
}

/// What the first pages of a collection show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Visible {
    /// How many there are by the source's count; `None` if it does not count.
    pub total: Option<u64>,
    /// How many were on the pages that were read.
    pub sampled: usize,
    /// How many of these could not be read.
    pub unreadable: usize,
    /// How many of these did not show their assigned roles: the sign of a missing scope.
    pub without_roles: usize,
}

impl Probe {
    /// Returns whether every step succeeded.
    pub fn is_success(&self) -> bool {
        self.stages.iter().all(|(_, passed)| passed.is_ok())
            && self.token.as_ref().is_some_and(Result::is_ok)
            && self.tenant.as_ref().is_some_and(Result::is_ok)
            && self.collections.iter().all(|(_, seen)| seen.is_ok())
            && self.spaces.iter().all(Result::is_ok)
            && self.licences.iter().all(Result::is_ok)
    }
}

/// A tenant whose connection is being tested.
#[derive(Debug)]
pub struct Probing {
    qlik: Qlik,
    beside: BTreeSet<Beside>,
    step: Mutex<Step>,
}

/// What is asked for besides users, roles and groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Beside {
    Spaces,
    Licences,
}

/// What is being asked for.
#[derive(Debug, Clone, Copy)]
enum Step {
    Token,
    Tenant,
    Listing(Kind),
    Spaces,
    Licences,
}

impl Probing {
    /// Prepares a connection to a tenant, with few retries; nothing is sent.
    pub fn new(options: Options, clock: Clock) -> Result<Self, BuildError> {
        let options = Options {
            outlast: Duration::ZERO,
            ..options
        };
        Ok(Self {
            qlik: Qlik::patient(options, clock, Retry::brief)?,
            beside: BTreeSet::new(),
            step: Mutex::new(Step::Token),
        })
    }

    /// Makes the probe ask for spaces as well.
    #[must_use]
    pub fn with_spaces(mut self) -> Self {
        self.beside.insert(Beside::Spaces);
        self
    }

    /// Makes the probe ask for the licence as well.
    #[must_use]
    pub fn with_licences(mut self) -> Self {
        self.beside.insert(Beside::Licences);
        self
    }

    /// Asks for a token, for the tenant, and for the first pages of each kind. The first request
    /// shows whether the tenant can be reached.
    pub async fn run(&self) -> Probe {
        let qlik = &self.qlik;
        let stages = qlik.0.transport.route.stages();
        let mut probe = Probe::default();
        if qlik.0.tokens.is_key() {
            *self.step() = Step::Tenant;
            (probe.stages, probe.tenant) = stages::of(stages, qlik.identify().await);
            probe.token = probe.tenant.is_some().then_some(Ok(()));
        } else {
            (probe.stages, probe.token) = stages::of(stages, qlik.authenticate().await);
            if matches!(probe.token, Some(Ok(()))) {
                *self.step() = Step::Tenant;
                probe.tenant = Some(qlik.identify().await);
            }
        }
        if matches!(probe.tenant, Some(Ok(_))) {
            for kind in Kind::ALL {
                *self.step() = Step::Listing(kind);
                let seen = look(qlik, kind).await.map(|(seen, roles)| {
                    probe.roles = roles.or(probe.roles.take());
                    seen
                });
                probe.collections.push((kind, seen));
            }
            if self.beside.contains(&Beside::Licences) {
                *self.step() = Step::Licences;
                probe.licences = Some(probe_licences(&qlik.0).await);
            }
            if self.beside.contains(&Beside::Spaces) {
                *self.step() = Step::Spaces;
                probe.spaces = Some(probe_spaces::look(&qlik.0).await);
            }
        }
        probe
    }

    /// Returns what the probe is doing, and what it waits for.
    pub fn now(&self) -> String {
        let step = *self.step();
        let what = match step {
            Step::Token => format!("connecting to `{}` for a token", self.qlik.0.transport.host),
            Step::Tenant => "asking who the tenant is".to_owned(),
            Step::Listing(kind) => format!("asking for {}", kind.plural()),
            Step::Spaces => "asking for spaces".to_owned(),
            Step::Licences => "asking for the licence".to_owned(),
        };
        match self.qlik.wait() {
            Some(wait) => format!("{what}, {wait}"),
            None => what,
        }
    }

    fn step(&self) -> MutexGuard<'_, Step> {
        lock(&self.step)
    }
}

/// Asks for the licence, and for the first of those to whom it is assigned.
async fn probe_licences(client: &Client) -> Result<(LicenceHead, LicencePage), ReadError> {
    let head = licences::head(client).await?;
    let page = licences::page(client, None).await?;
    Ok((head, page.unwrap_or_default()))
}

/// Names and ids of roles.
type Roles = BTreeSet<String>;

/// Reads the first pages of a collection. If those are all the roles, it also returns their names
/// and ids.
async fn look(qlik: &Qlik, kind: Kind) -> Result<(Visible, Option<Roles>), ReadError> {
    let mut seen = Visible {
        total: None,
        sampled: 0,
        unreadable: 0,
        without_roles: 0,
    };
    let mut roles = Roles::new();
    let mut has_ended = false;
    let mut sweep = qlik.sweep(kind);
    let n_pages = match kind {
        Kind::User => 1,
        // System groups come first and are not counted; one more page shows the others.
        Kind::Group => 2,
        Kind::Role => MAX_ROLE_PAGES,
    };
    for _ in 0..n_pages {
        let Some(page) = sweep.next().await? else {
            has_ended = true;
            break;
        };
        seen.total = page.total().or(seen.total);
        seen.sampled += page.len();
        let readout = page.read();
        seen.unreadable += readout.unreadable.len();
        let hidden = |record: &Record| match record {
            Record::User(user) => user.roles.is_none(),
            Record::Group(group) => group.roles.is_none(),
            Record::Role(_) => false,
        };
        let records = readout.observed.iter().map(|observed| &observed.record);
        seen.without_roles += records.clone().filter(|record| hidden(record)).count();
        for record in records {
            if let Record::Role(role) = record {
                roles.extend([role.name.clone(), role.id.to_string()]);
            }
        }
    }
    let is_all = kind == Kind::Role && has_ended && seen.unreadable == 0;
    Ok((seen, is_all.then_some(roles)))
}
