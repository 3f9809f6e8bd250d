//! The answers about who may do what.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::access::{Idleness, Unseen};
use crate::history::Since;
use crate::model::{
    AccessChange, AccountChange, Barrier, GroupId, Holder, Id, LastSession, LicenceAssignment,
    Right, RoleMention, RunId, SessionSpan, ShownPath, SpaceId, SpaceMention, SpacePart,
    TenantName, Timestamp, User, UserId,
};

use super::app_lack::AppLack;
use super::licence_lack::LicenceLack;
use super::user_spaces::UserSpaces;
use crate::control::UserAccessPosition;

/// A page of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessPage<R, P> {
    /// What the answer rests on.
    pub envelope: Envelope,
    /// The rows. There may be few or none, if few of the users that were read match.
    pub rows: Vec<R>,
    /// Where the next page begins; `None` if this is the last one.
    pub next: Option<P>,
}

/// A page of the evidence for a review.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewPage {
    /// What users hold by paths that not everybody has.
    pub page: AccessPage<AccessRow, Id>,
    /// How many users of this page have roles or groups that are not visible.
    pub n_unseen: u64,
    /// How many users there are; the same on each page.
    pub population: Population,
    /// When the users of this page were last seen.
    pub last_sessions: BTreeMap<UserId, LastSession>,
}

/// How many users a tenant had at a time, and how many its source showed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Population {
    /// How many were known.
    pub known: u64,
    /// How many the source showed in the last sweep before that; `None` if that sweep is not known.
    pub shown: Option<u64>,
    /// How the source's count differed from what it showed then; `None` if the two agreed.
    pub differs: Option<String>,
}

/// What an answer rests on: which time it describes, and what it does not know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// The operator's name for the tenant.
    pub tenant: TenantName,
    /// The time that the answer describes.
    pub as_of: Timestamp,
    /// The last sweep of the whole tenant that had ended by then; `None` if there was none, or it
    /// is no longer kept.
    pub sweep: Option<SweepMark>,
    /// What is not known. The answer is complete if this is empty.
    pub not_known: BTreeSet<NotKnown>,
    /// The roles that were asked about and that all users hold.
    pub everybody: Vec<Everybody>,
    /// The roles that the question names, if it names any.
    pub asked: Vec<RoleMention>,
}

impl Envelope {
    /// Returns whether nothing is missing in the answer, as far as we know.
    pub fn is_complete(&self) -> bool {
        self.not_known.is_empty()
    }

    /// Returns whether the answer has everything that is ever read.
    pub fn has_all_that_is_read(&self) -> bool {
        self.not_known.iter().all(NotKnown::is_never_read)
    }
}

/// A sweep, by its number and the time when it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepMark {
    /// The run.
    pub run: RunId,
    /// When it ended.
    pub ended_at: Timestamp,
}

/// What an answer about access does not know.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "what")]
pub enum NotKnown {
    /// The tenant was not read as a whole by then, so there may be records that nobody has seen.
    WholeTenant,
    /// Which roles there are: no role is visible.
    Roles,
    /// Which roles this group gives, which has members.
    RolesOfGroup {
        /// The group.
        id: GroupId,
        /// Its name, as last known.
        name: String,
    },
    /// Which roles this user holds or which groups the user is in.
    User {
        /// The user.
        id: UserId,
        /// The user's display name.
        name: String,
    },
    /// Which spaces there are: they were not read as a whole by then.
    Spaces,
    /// What this many spaces are: they are listed, but could not be read.
    UnreadSpaces {
        /// How many.
        spaces: u64,
    },
    /// A part of this space: what is known of it may be out of date.
    PartOfSpace {
        /// The space.
        id: SpaceId,
        /// Its name, as last known.
        name: String,
        /// Which part.
        part: SpacePart,
    },
    /// The rest of a list of this space that is too long: it is not read, and what is known of the
    /// list may be out of date.
    LongList {
        /// The space.
        id: SpaceId,
        /// Its name, as last known.
        name: String,
        /// Which list.
        part: SpacePart,
    },
    /// What is shared from this many spaces: one of them may share the app that is asked about.
    Shares {
        /// How many.
        spaces: u64,
    },
    /// Whether users began sessions: that is known within this span at most, or not at all.
    Sessions {
        /// The span; `None` if sessions are not read.
        known: Option<SessionSpan>,
    },
    /// To whom a licence is assigned, or whether a user has its subject.
    Licences {
        /// The tenant of which something is not known.
        tenant: TenantName,
        /// What.
        lack: LicenceLack,
    },
    /// What else a user may own: apps, data connections, API keys and the like are not read.
    OtherThings,
    /// Personal spaces, and the apps in them: they are not read.
    PersonalSpaces,
    /// Where the app is that is asked about.
    App {
        /// Why that is not known.
        lack: AppLack,
    },
    /// More users, groups or spaces than are listed here.
    More,
    /// Whatever comes after the requested rows: it was not read.
    Rest,
    /// A part of the history since then could not be read after the store was damaged.
    History,
}

impl NotKnown {
    /// Returns whether it is never read, whatever the configuration and the credentials are.
    pub fn is_never_read(&self) -> bool {
        match self {
            Self::OtherThings | Self::PersonalSpaces => true,
            Self::WholeTenant
            | Self::Roles
            | Self::RolesOfGroup { .. }
            | Self::User { .. }
            | Self::Spaces
            | Self::UnreadSpaces { .. }
            | Self::PartOfSpace { .. }
            | Self::LongList { .. }
            | Self::Shares { .. }
            | Self::Sessions { .. }
            | Self::Licences { .. }
            | Self::App { .. }
            | Self::More
            | Self::Rest
            | Self::History => false,
        }
    }
}

/// A role that all users hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Everybody {
    /// The role.
    pub role: RoleMention,
    /// The paths that all users have.
    pub paths: Vec<ShownPath>,
    /// How many users there are.
    pub users: u64,
}

/// A user as answers mention one.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessPerson {
    /// The user.
    pub id: UserId,
    /// The display name, or the subject if there is none.
    pub label: String,
    /// The e-mail address.
    pub email: Option<String>,
    /// The identity provider's name for the user.
    pub subject: String,
    /// Whether it is a program's account.
    pub is_bot: bool,
    /// What keeps the user from using any right; `None` if nothing does.
    pub barrier: Option<Barrier>,
}

/// Shows nothing that names the person.
impl fmt::Debug for AccessPerson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessPerson")
            .field("id", &self.id)
            .field("is_bot", &self.is_bot)
            .field("barrier", &self.barrier)
            .finish_non_exhaustive()
    }
}

/// Shows users by their ids alone.
impl fmt::Debug for NotKnown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WholeTenant => f.write_str("WholeTenant"),
            Self::Roles => f.write_str("Roles"),
            Self::RolesOfGroup { id, .. } => f.debug_tuple("RolesOfGroup").field(id).finish(),
            Self::User { id, .. } => f.debug_tuple("User").field(id).finish(),
            Self::Spaces => f.write_str("Spaces"),
            Self::UnreadSpaces { spaces } => f.debug_tuple("UnreadSpaces").field(spaces).finish(),
            Self::PartOfSpace { id, part, .. } => {
                f.debug_tuple("PartOfSpace").field(id).field(part).finish()
            }
            Self::LongList { id, part, .. } => {
                f.debug_tuple("LongList").field(id).field(part).finish()
            }
            Self::Shares { spaces } => f.debug_tuple("Shares").field(spaces).finish(),
            Self::Sessions { known } => f.debug_tuple("Sessions").field(known).finish(),
            Self::Licences { tenant, lack } => {
                f.debug_tuple("Licences").field(tenant).field(lack).finish()
            }
            Self::OtherThings => f.write_str("OtherThings"),
            Self::PersonalSpaces => f.write_str("PersonalSpaces"),
            Self::App { lack } => f.debug_tuple("App").field(lack).finish(),
            Self::More => f.write_str("More"),
            Self::Rest => f.write_str("Rest"),
            Self::History => f.write_str("History"),
        }
    }
}

impl AccessPerson {
    /// Describes a user at a time.
    pub(super) fn of(user: &User, at: Timestamp) -> Self {
        Self {
            id: user.id.clone(),
            label: user.label().to_owned(),
            email: user.email.clone(),
            subject: user.subject.clone(),
            is_bot: user.is_bot,
            barrier: Barrier::of(user, at),
        }
    }
}

impl From<&Holder> for AccessPerson {
    fn from(holder: &Holder) -> Self {
        Self {
            id: holder.id.clone(),
            label: holder.label().to_owned(),
            email: holder.email.clone(),
            subject: holder.subject.clone(),
            is_bot: holder.is_bot,
            barrier: holder.barrier,
        }
    }
}

/// A role that a user holds, or could assign to the same account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessRow {
    /// The user.
    pub user: AccessPerson,
    /// The role.
    pub role: RoleMention,
    /// Whether the user holds it, or could only assign it.
    pub standing: AccessStanding,
    /// Every path to the role, including the paths that all users have. For a role that the
    /// user does not hold, the paths to the role by which the user could grant it.
    pub paths: Vec<ShownPath>,
    /// Since when the user holds it; `None` for roles that the user does not hold, and if all
    /// roles are asked about.
    pub since: Option<Since>,
    /// Who gave it, as the audit log reports: one of these. Empty if that is not known.
    pub given_by: Vec<Giver>,
}

/// A user who may have given somebody a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Giver {
    /// The user.
    pub id: UserId,
    /// The user's present name, or `None` if the user was deleted.
    pub name: Option<String>,
}

/// Whether a user holds a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccessStanding {
    /// The user holds it.
    Actual,
    /// The user does not hold it, but holds a role whose holders may assign it to anybody.
    Potential,
}

/// A page of everything that one user holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserAccess {
    /// What the answer rests on.
    pub envelope: Envelope,
    /// The user; `None` if there was no such user then.
    pub user: Option<AccessPerson>,
    /// The roles that the user holds, each with every path.
    pub roles: Vec<AccessRow>,
    /// The permissions and scopes that those roles carry, each with the roles, and those that are
    /// assigned to the user alone.
    pub permissions: Vec<Permission>,
    /// The parts of this answer that are not visible.
    pub unseen: Vec<Unseen>,
    /// The role by which the user may assign any role to anybody; `None` if there is none.
    pub can_grant: Option<RoleMention>,
    /// The spaces that the user can open; `None` if spaces are not read.
    pub spaces: Option<UserSpaces>,
    /// When the user was last seen.
    pub last_session: LastSession,
    /// The groups of an identity provider by which the user holds something, with their names: Qlik
    /// last learned at the user's log-in whether the user is in them.
    pub of_idp: BTreeMap<GroupId, String>,
    /// Where the next page begins; `None` if this is the last one.
    pub next: Option<UserAccessPosition>,
}

/// A user who has begun no session for some time, or for whom this is not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StaleRow {
    /// The user.
    pub user: AccessPerson,
    /// The administrator roles that the user holds.
    pub admin_roles: Vec<RoleMention>,
    /// When the user was last seen.
    pub last: LastSession,
    /// Whether the user is certainly idle. If the question is about licences, idle means idle in
    /// the other tenants of the licence, too.
    pub idleness: Idleness,
    /// The groups of an identity provider that the user is in, with their names; `None` if the
    /// user's groups are not visible.
    pub idp_groups: Option<BTreeMap<GroupId, String>>,
    /// What is assigned to the user's subject; `None` if that is not known.
    pub licences: Option<Vec<LicenceAssignment>>,
    /// The other tenants of the licence that have a user with this subject, if the question is
    /// about licences.
    pub also_in: BTreeSet<TenantName>,
}

/// Something that a user is allowed to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permission {
    /// The permission or scope, as the source writes it.
    pub name: String,
    /// The roles that carry it, among those that the user holds; empty if it is assigned to the
    /// user.
    pub roles: Vec<RoleMention>,
}

/// How the access of one user to one right differs between two times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiffRow {
    /// The user as of the later time, or the earlier one if the user is gone.
    pub user: AccessPerson,
    /// Whether the user was created or deleted in between.
    pub account: AccountChange,
    /// The right.
    pub right: Right,
    /// How it changed.
    pub change: AccessChange,
    /// Every path at the earlier time.
    pub before: Vec<ShownPath>,
    /// Every path at the later time.
    pub after: Vec<ShownPath>,
}

/// A page of what differs between two times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiffPage {
    /// The users whose own paths differ. The envelope describes the later time.
    pub page: AccessPage<DiffRow, Id>,
    /// What all users gained or lost. Only the first page says what they gained or lost in spaces.
    pub everybody: Vec<EverybodyDiff>,
    /// The spaces that had the requested id or name at one of the times; empty if the question
    /// names no space.
    pub spaces: Vec<SpaceMention>,
}

/// How the access of all users to one right differs between two times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EverybodyDiff {
    /// The right.
    pub right: Right,
    /// How it changed.
    pub change: AccessChange,
    /// How many users there are at the later time.
    pub users: u64,
    /// The paths that all users had.
    pub before: Vec<ShownPath>,
    /// The paths that all users have.
    pub after: Vec<ShownPath>,
}
