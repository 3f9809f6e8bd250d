//! The concerns: what somebody should review, why, and how serious it is.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::model::{FindingId, GroupId, SubjectKey, TenantId, UserId};

/// The kinds of concern, each explained in `docs/errors.md`. The most serious come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConcernCode {
    /// A disabled user still holds an administrator role.
    DisabledAdmin,
    /// A bot user acts for a client that is not ours, or for no client.
    UnknownBot,
    /// The group of all users gives an administrator role.
    EveryoneAdmin,
    /// Somebody holds roles that a rule keeps apart.
    Separation,
    /// A user with an administrator role has begun no session for a long time.
    IdleAdmin,
    /// Several bot users act for one client, or have the same name.
    SpareBot,
    /// A user of an identity provider has begun no session for a long time, and may have left it.
    LeftIdp,
    /// An invitation expired without being accepted.
    ExpiredInvitation,
    /// A licence is assigned to a subject that no user of its tenants has.
    OrphanLicence,
    /// A group gives an administrator role to its members.
    AdminByGroup,
    /// A user holds an administrator role by several paths.
    RedundantAdmin,
}

/// How serious a concern is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It may be intended, but somebody should know about it.
    Notice,
    /// It is a nuisance.
    Low,
    /// Somebody should clear it up.
    Medium,
    /// It may give rights to somebody who must not have them.
    High,
}

impl Severity {
    /// All of them, the least serious first.
    pub const ALL: [Self; 4] = [Self::Notice, Self::Low, Self::Medium, Self::High];

    /// Returns the word for it: `high`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Notice => "notice",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

impl ConcernCode {
    /// All codes.
    pub const ALL: [Self; 11] = [
        Self::DisabledAdmin,
        Self::UnknownBot,
        Self::EveryoneAdmin,
        Self::Separation,
        Self::IdleAdmin,
        Self::SpareBot,
        Self::LeftIdp,
        Self::ExpiredInvitation,
        Self::OrphanLicence,
        Self::AdminByGroup,
        Self::RedundantAdmin,
    ];

    /// Returns the code as `docs/errors.md` lists it.
    pub fn code(self) -> &'static str {
        match self {
            Self::DisabledAdmin => "access.disabled-admin",
            Self::UnknownBot => "access.unknown-bot",
            Self::EveryoneAdmin => "access.everyone-admin",
            Self::Separation => "access.sod",
            Self::IdleAdmin => "access.idle-admin",
            Self::SpareBot => "access.spare-bot",
            Self::LeftIdp => "access.left-idp",
            Self::ExpiredInvitation => "access.expired-invitation",
            Self::OrphanLicence => "access.orphan-licence",
            Self::AdminByGroup => "access.admin-by-group",
            Self::RedundantAdmin => "access.redundant-admin",
        }
    }

    /// Returns how serious it is.
    pub fn severity(self) -> Severity {
        match self {
            Self::DisabledAdmin | Self::UnknownBot | Self::EveryoneAdmin | Self::Separation => {
                Severity::High
            }
            Self::IdleAdmin | Self::SpareBot => Severity::Medium,
            Self::LeftIdp | Self::ExpiredInvitation | Self::OrphanLicence => Severity::Low,
            Self::AdminByGroup | Self::RedundantAdmin => Severity::Notice,
        }
    }

    /// Returns the id of a finding with this code.
    pub(super) fn finding(
        self,
        tenant: &TenantId,
        subject: &ConcernSubject,
        part: Option<&str>,
    ) -> FindingId {
        let mut text = format!("{tenant}\n{}\n{subject}", self.code());
        if let Some(part) = part {
            text.push('\n');
            text.push_str(part);
        }
        let [id @ .., _, _, _] = xxh3_64(text.as_bytes()).to_be_bytes();
        FindingId(id)
    }

    /// Returns why it matters, and what to do, in a sentence.
    pub fn why(self) -> &'static str {
        match self {
            Self::DisabledAdmin => {
                "once somebody enables the account again, it is an administrator: remove its roles"
            }
            Self::UnknownBot => {
                "a bot user and its administrator rights remain when its OAuth client is deleted: \
                 delete it, unless another program uses that client"
            }
            Self::EveryoneAdmin => {
                "everybody who has an account is an administrator: remove the role from the group \
                 of all users"
            }
            Self::Separation => {
                "a rule in the configuration says that nobody may hold these roles together: \
                 remove all paths to the roles of one side"
            }
            Self::IdleAdmin => {
                "nobody watches an administrator's account that is not used: remove its roles, or \
                 disable the account; a user who works only with API keys begins no session"
            }
            Self::LeftIdp => {
                "somebody who was removed at the identity provider remains active here, with \
                 groups and licence, unless the provider tells Qlik: ask there, and disable the \
                 account"
            }
            Self::SpareBot => {
                "a client needs only one bot user; the others are left over from clients that were \
                 replaced: delete the older ones"
            }
            Self::ExpiredInvitation => {
                "it can no longer be accepted, and its address stays in use: invite again or \
                 delete it"
            }
            Self::OrphanLicence => {
                "it costs a licence, and whoever gets an account with that subject has it at once: \
                 take it away in Qlik's Administration, unless the subject is of a tenant that is \
                 not read here"
            }
            Self::AdminByGroup => {
                "anybody who can change the members of the group, here or at the identity \
                 provider, can make administrators: accept this if it is intended"
            }
            Self::RedundantAdmin => {
                "the user is still an administrator after one of the paths is removed: remove all \
                 of them, or keep only one"
            }
        }
    }
}

/// What a concern is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "id")]
pub enum ConcernSubject {
    /// All users.
    AllUsers,
    /// A group.
    Group(GroupId),
    /// One account.
    User(UserId),
    /// A licence, by the subject that it is assigned to, in lower case.
    Licence(SubjectKey),
}

/// Writes the id, or `*` for all users. Ids of findings depend on it.
impl fmt::Display for ConcernSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AllUsers => f.write_str("*"),
            Self::Group(group) => fmt::Display::fmt(&group.0, f),
            Self::User(user) => fmt::Display::fmt(&user.0, f),
            Self::Licence(subject) => fmt::Display::fmt(subject, f),
        }
    }
}

/// A concern about an account, a group or a licence.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Concern {
    /// What kind of concern it is.
    pub code: ConcernCode,
    /// Whom or what it is about.
    pub subject: ConcernSubject,
    /// The rule that is broken, or the role that a group gives; `None` if there is one concern of
    /// this kind for a subject.
    pub part: Option<String>,
    /// What a person calls the subject.
    pub label: String,
    /// The details of what was found.
    pub detail: String,
    /// What it consists of, by ids that never change: an acceptance covers only this.
    pub extent: BTreeSet<String>,
}

/// Shows nothing that names a person.
impl fmt::Debug for Concern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Concern")
            .field("code", &self.code)
            .field("subject", &self.subject)
            .field("part", &self.part)
            .field("extent", &self.extent)
            .finish_non_exhaustive()
    }
}

impl Concern {
    /// Returns the id of the finding. It is derived from the tenant, the code, the subject and the
    /// part, so it is the same after every run.
    pub fn id(&self, tenant: &TenantId) -> FindingId {
        self.code
            .finding(tenant, &self.subject, self.part.as_deref())
    }
}
