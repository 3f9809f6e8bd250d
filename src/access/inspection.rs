//! Finds accounts that somebody should review.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::model::{FindingId, Id, Kind, Record, TenantId, Timestamp, User, UserId, UserStatus};

use super::Administration;

/// The kinds of concern about an account, each explained in `docs/errors.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConcernCode {
    /// A user who may not log in still holds an administrator role.
    DisabledAdmin,
    /// A bot user acts for a client that is not ours, or for none.
    UnknownBot,
    /// Several bot users act for one client, or have the same name.
    SpareBot,
    /// An invitation expired without being accepted.
    ExpiredInvitation,
}

/// How serious a concern is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It is a nuisance.
    Low,
    /// Somebody should clear it up.
    Medium,
    /// It may give administrator rights to somebody who must not have them.
    High,
}

impl Severity {
    /// Returns the word for it: `high`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

impl ConcernCode {
    /// All codes.
    pub const ALL: [Self; 4] = [
        Self::DisabledAdmin,
        Self::UnknownBot,
        Self::SpareBot,
        Self::ExpiredInvitation,
    ];

    /// Returns the code as `docs/errors.md` lists it.
    pub fn code(self) -> &'static str {
        match self {
            Self::DisabledAdmin => "access.disabled-admin",
            Self::UnknownBot => "access.unknown-bot",
            Self::SpareBot => "access.spare-bot",
            Self::ExpiredInvitation => "access.expired-invitation",
        }
    }

    /// Returns how serious it is.
    pub fn severity(self) -> Severity {
        match self {
            Self::DisabledAdmin | Self::UnknownBot => Severity::High,
            Self::SpareBot => Severity::Medium,
            Self::ExpiredInvitation => Severity::Low,
        }
    }

    /// Returns why it matters, and what to do, in a sentence.
    pub fn why(self) -> &'static str {
        match self {
            Self::DisabledAdmin => {
                "whoever enables the account again makes an administrator: take the roles away"
            }
            Self::UnknownBot => {
                "a bot user stays, with an administrator's rights, when its OAuth client is \
                 deleted: delete it, unless another program uses that client"
            }
            Self::SpareBot => {
                "one client needs one bot user; another is left over from a client that was \
                 replaced: delete the older ones"
            }
            Self::ExpiredInvitation => {
                "nobody can take it up any more, and it keeps the address taken: invite again or \
                 delete it"
            }
        }
    }
}

/// A concern about one account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Concern {
    /// What kind of concern it is.
    pub code: ConcernCode,
    /// Whose account it is.
    pub user: Id,
    /// What a person calls it.
    pub label: String,
    /// What was found, in particular.
    pub detail: String,
    /// What it consists of, by ids that never change: an acceptance covers only this.
    pub extent: BTreeSet<String>,
}

impl Concern {
    /// Returns the id of the finding. It is derived from the tenant, the code and the account, so
    /// it is the same after every run.
    pub fn id(&self, tenant: &TenantId) -> FindingId {
        let text = format!("{tenant}\n{}\n{}", self.code.code(), self.user);
        let [id @ .., _, _, _] = xxh3_64(text.as_bytes()).to_be_bytes();
        FindingId(id)
    }
}

/// Looks at a tenant's records: roles first, then groups, then users.
#[derive(Debug, Default)]
pub struct Inspection {
    now: Option<Timestamp>,
    /// The clients of our own connections.
    clients: BTreeSet<String>,
    administration: Administration,
    /// Bot users: few, so all are kept to the end.
    bots: Vec<Bot>,
    concerns: Vec<Concern>,
}

#[derive(Debug)]
struct Bot {
    id: UserId,
    label: String,
    client: Option<String>,
}

impl Inspection {
    /// Begins an inspection at a time. `clients` are the OAuth clients that the configuration
    /// uses for the tenant.
    pub fn begin(now: Timestamp, clients: BTreeSet<String>) -> Self {
        Self {
            now: Some(now),
            clients,
            ..Self::default()
        }
    }

    /// The order in which kinds must be looked at.
    pub const ORDER: [Kind; 3] = [Kind::Role, Kind::Group, Kind::User];

    /// Looks at a record.
    pub fn look(&mut self, record: &Record) {
        match record {
            Record::Role(_) | Record::Group(_) => self.administration.look(record),
            Record::User(user) => self.user(user),
        }
    }

    /// Returns all concerns, the most serious first.
    pub fn end(mut self) -> Vec<Concern> {
        self.bots();
        self.concerns
            .sort_by(|a, b| (a.code, &a.user).cmp(&(b.code, &b.user)));
        self.concerns
    }

    fn user(&mut self, user: &User) {
        if user.is_bot {
            self.bots.push(Bot {
                id: user.id.clone(),
                label: label(user),
                client: user.client_id.clone(),
            });
        }
        if user.status.value == UserStatus::Disabled {
            let paths = self.administration.ways(user);
            if !paths.is_empty() {
                let extent = self.administration.extent(user);
                let detail = paths.join(", ");
                self.note(ConcernCode::DisabledAdmin, user, detail, extent);
            }
        }
        if let (UserStatus::Pending, Some(ended), Some(now)) =
            (user.status.value, user.invite_expires_at, self.now)
            && ended < now
        {
            self.note(
                ConcernCode::ExpiredInvitation,
                user,
                format!("ended at {ended}"),
                [ended.to_string()].into(),
            );
        }
    }

    fn bots(&mut self) {
        let mut by_client: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        let mut by_label: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for bot in &self.bots {
            let id = bot.id.to_string();
            if let Some(client) = &bot.client {
                by_client.entry(client).or_default().insert(id.clone());
            }
            by_label.entry(&bot.label).or_default().insert(id);
        }
        let mut found = Vec::new();
        for bot in &self.bots {
            let client = bot.client.as_deref();
            let is_ours = client.is_some_and(|client| self.clients.contains(client));
            let mut add = |code, detail, extent| {
                found.push(Concern {
                    code,
                    user: bot.id.0.clone(),
                    label: bot.label.clone(),
                    detail,
                    extent,
                });
            };
            if !is_ours {
                add(
                    ConcernCode::UnknownBot,
                    match client {
                        Some(client) => format!("acts for the client {client}"),
                        None => "acts for no client".to_owned(),
                    },
                    client.map(str::to_owned).into_iter().collect(),
                );
            }
            let same_client = client.and_then(|client| by_client.get(client));
            let same_label = by_label.get(bot.label.as_str());
            let several = |bots: Option<&BTreeSet<String>>| bots.filter(|it| it.len() > 1).cloned();
            match (several(same_client), several(same_label)) {
                (Some(bots), _) => {
                    let detail = format!("one of {} bot users of its client", bots.len());
                    add(ConcernCode::SpareBot, detail, bots);
                }
                (None, Some(bots)) => {
                    let detail = format!("one of {} bot users of this name", bots.len());
                    add(ConcernCode::SpareBot, detail, bots);
                }
                (None, None) => {}
            }
        }
        self.concerns.append(&mut found);
    }

    fn note(&mut self, code: ConcernCode, user: &User, detail: String, extent: BTreeSet<String>) {
        self.concerns.push(Concern {
            code,
            user: user.id.0.clone(),
            label: label(user),
            detail,
            extent,
        });
    }
}

fn label(user: &User) -> String {
    user.name.clone().unwrap_or_else(|| user.subject.clone())
}
