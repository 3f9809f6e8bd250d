//! Lists the tenants of an organization at its console, to the last page, or fails.
//!
//! The console is a separate host with a separate client, which cannot read tenants. Its links name
//! other hosts, and according to its documentation the cursor in them has one of two names.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use url::form_urlencoded::Serializer;

use super::client::{Ask, Client, Patience, Redirects};
use super::error::Refusal;
use super::listing::{WALKS, expired, is_expired};
use super::{BuildError, Credentials, Options, ReadError, Selection, TenantHost, unicode, wire};
use crate::clock::Clock;
use crate::connector::Wait;
use crate::retry::Retry;

const DOING: &str = "listing the organization's tenants";
/// The most tenants that the console gives per page.
const LIMIT: &str = "100";
/// This field never changes, so no tenant moves to a page that was already read.
const SORT: &str = "createdAt";
/// The names of the cursor in the console's links.
const CURSORS: [&str; 2] = ["next", "offset"];
/// The most tenants: more than any organization has.
const MAX_TENANTS: usize = 10_000;
/// The most pages: some may be short, but not all of them.
const MAX_PAGES: u64 = 1_000;

/// Where an organization's console is, our credentials there, and which tenants are selected.
#[derive(Debug, Clone)]
pub struct OrganizationOptions {
    /// The console's host and our credentials there.
    pub console: Options,
    /// Which of its tenants are selected.
    pub selection: Selection,
}

/// A tenant as the console lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its id at the console.
    pub id: String,
    /// Its display name.
    pub name: Option<String>,
    /// Its host names that can be reached, the original one first.
    pub hosts: Vec<TenantHost>,
    /// Its region's code.
    pub region: Option<String>,
    /// `active`, `disabled`, `deactivated` and so on.
    pub status: String,
}

/// A whole listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roster {
    /// The tenants in the selected regions and with the selected statuses, as listed. The rules for
    /// names are applied later.
    pub tenants: Vec<Listed>,
    /// How many tenants could not be read, or were counted by the console but not shown. While
    /// there are any, nobody can say which tenants are missing.
    pub unreadable: usize,
}

/// An organization. Clones share the token and the budget.
#[derive(Clone)]
pub struct Organization {
    client: Arc<Client>,
    selection: Selection,
}

#[derive(Deserialize)]
struct Row {
    id: Option<String>,
    #[serde(default)]
    name: wire::Loose,
    hostnames: Option<Vec<wire::Loose>>,
    #[serde(default, rename = "regionCode")]
    region: wire::Loose,
    status: Option<String>,
}

impl Organization {
    /// Prepares the connection to the console; nothing is sent before the first request.
    pub fn new(options: OrganizationOptions, clock: Clock) -> Result<Self, BuildError> {
        Self::patient(options, clock, Retry::requests)
    }

    /// Prepares the same with few retries, for somebody who waits for the answer.
    pub fn brief(options: OrganizationOptions, clock: Clock) -> Result<Self, BuildError> {
        Self::patient(options, clock, Retry::brief)
    }

    fn patient(
        options: OrganizationOptions,
        clock: Clock,
        patience: fn() -> Retry,
    ) -> Result<Self, BuildError> {
        Ok(Self {
            client: Arc::new(Client::new(options.console, clock, patience)?),
            selection: options.selection,
        })
    }

    /// Returns what a request waits for before it is sent, or `None` if none waits.
    pub fn wait(&self) -> Option<Wait> {
        self.client.transport.wait()
    }

    /// Takes other credentials of the same client. Returns whether it could; if not, the old ones
    /// stay.
    pub async fn renew(&self, credentials: &Credentials) -> bool {
        self.client.tokens.renew(credentials).await
    }

    /// Returns which of the organization's tenants are selected.
    pub fn selection(&self) -> &Selection {
        &self.selection
    }

    /// Lists the tenants. It reads to the last page or fails: part of a listing is never returned.
    pub async fn list(&self) -> Result<Roster, ReadError> {
        let mut roster = Roster {
            tenants: Vec::new(),
            unreadable: 0,
        };
        let (mut ids, mut cursors) = (BTreeSet::new(), BTreeSet::new());
        let (mut cursor, mut total, mut walks) = (None, None, 1);
        for pages in 1.. {
            let is_first = cursor.is_none();
            let page: wire::Listing = match self.client.get(&self.ask(cursor)).await {
                // The cursor expired: start again, and everything is shown again.
                Err(error) if !is_first && is_expired(&error) => {
                    if walks >= WALKS {
                        return Err(expired(error, walks));
                    }
                    (cursor, total, walks) = (None, None, walks + 1);
                    cursors.clear();
                    roster.unreadable = 0;
                    continue;
                }
                page => page.map_err(refused)?,
            };
            let rows = page.data.as_deref().ok_or_else(|| ReadError::Unexpected {
                doing: DOING,
                what: "field `data`: expected a list".to_owned(),
            })?;
            total = total.or(page.total_results.0);
            for row in rows {
                self.take(row.get(), &mut roster, &mut ids);
            }
            if ids.len() > MAX_TENANTS {
                let limit = MAX_TENANTS as u64;
                return Err(ReadError::TooManyRecords {
                    doing: DOING,
                    limit,
                });
            }
            let next = page.next_of(&CURSORS).map_err(|what| {
                let what = what.to_owned();
                ReadError::Unexpected { doing: DOING, what }
            })?;
            let Some(next) = next else { break };
            if !cursors.insert(next.clone()) {
                return Err(ReadError::RepeatedCursor {
                    doing: DOING,
                    pages,
                });
            }
            if pages >= MAX_PAGES {
                let limit = MAX_PAGES;
                return Err(ReadError::TooManyPages {
                    doing: DOING,
                    limit,
                });
            }
            cursor = Some(next);
        }
        // A count may stay wrong for ever, and the tenants that were shown must not wait for it.
        let seen = ids.len() + roster.unreadable;
        let total = total.and_then(|total| usize::try_from(total).ok());
        roster.unreadable += total.unwrap_or(0).saturating_sub(seen);
        Ok(roster)
    }

    fn ask(&self, cursor: Option<(&'static str, String)>) -> Ask {
        let mut query = Serializer::new(String::new());
        query
            .append_pair("limit", LIMIT)
            .append_pair("sort", SORT)
            .append_pair("filter", &self.selection.filter())
            .append_pair("totalResults", "true");
        if let Some((name, value)) = cursor {
            query.append_pair(name, &value);
        }
        Ask {
            doing: DOING,
            path: "api/core/tenants".to_owned(),
            query: query.finish().replace('+', "%20"),
            redirects: Redirects::Refuse,
            patience: Patience::Usual,
        }
    }

    fn take(&self, row: &str, roster: &mut Roster, ids: &mut BTreeSet<String>) {
        let read: Option<Row> = serde_json::from_str(row).ok();
        let read = read.or_else(|| serde_json::from_str(&unicode::mend(row)?).ok());
        let Some((row, id)) = read.and_then(|row| {
            let id = row.id.clone().filter(|id| !id.is_empty())?;
            Some((row, id))
        }) else {
            roster.unreadable += 1;
            return;
        };
        // Duplicates are normal; the first one counts.
        if !ids.insert(id.clone()) {
            return;
        }
        let status = row.status.unwrap_or_else(|| "active".to_owned());
        if !self.selection.holds(row.region.0.as_deref(), &status) {
            return;
        }
        let hosts = row.hostnames.unwrap_or_default().into_iter();
        let hosts = hosts.filter_map(|host| host.0);
        roster.tenants.push(Listed {
            id,
            name: row.name.0,
            hosts: usable(hosts, &self.client.transport.host),
            region: row.region.0,
            status,
        });
    }
}

/// Returns the hosts that can be a tenant's. A console on another machine must not be able to send
/// our credentials to ports of this one.
pub(super) fn usable(hosts: impl Iterator<Item = String>, console: &TenantHost) -> Vec<TenantHost> {
    hosts
        .filter_map(|host| TenantHost::parse(&host).ok())
        .filter(|host| console.is_loopback() || !host.is_loopback())
        .collect()
}

impl fmt::Debug for Organization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Organization({})", self.client.transport.host)
    }
}

/// Says what a refusal of the console means. Where a tenant's API would mean a missing scope, the
/// console may mean another organization's subscription. A request that it rejects most likely
/// names no subscription at all.
fn refused(error: ReadError) -> ReadError {
    match error {
        ReadError::Refused {
            doing,
            refusal: Refusal::Forbidden | Refusal::Rejected,
            problem,
        } => ReadError::Refused {
            doing,
            refusal: Refusal::NotTheOrganizations,
            problem,
        },
        other => other,
    }
}
