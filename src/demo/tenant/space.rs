//! A space as the tenant keeps it: who is assigned to it, and what is shared from it.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{GroupId, Id, SpaceId, Timestamp, UserId};

/// A space. Personal ones are in no listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Space {
    /// Its id.
    pub id: SpaceId,
    /// Its name. Names need not be unique.
    pub name: String,
    /// What sort of space it is.
    pub sort: SpaceSort,
    /// The owner has every role that can be assigned, and no assignment. `None` if the owner was
    /// deleted.
    pub owner: Option<UserId>,
    /// By the id of the assignment.
    pub assignments: BTreeMap<Id, Assignment>,
    /// By the id of the share.
    pub shares: BTreeMap<Id, Share>,
    /// When it was created.
    pub created_at: Timestamp,
    /// Who created it; `None` if it was the owner of the tenant.
    pub created_by: Option<UserId>,
    /// When it last changed, apart from its assignments and shares.
    pub updated_at: Timestamp,
    /// What the credentials are not allowed to see of it, with the status of the answer.
    pub hidden: BTreeMap<SpacePart, u16>,
    /// The ids of assignments and shares that are shown without their roles.
    pub garbled: BTreeSet<Id>,
}

/// The sorts of spaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpaceSort {
    /// People develop together.
    Shared,
    /// Apps are published to it.
    Managed,
    /// It holds data.
    Data,
}

impl SpaceSort {
    /// All sorts.
    pub const ALL: [Self; 3] = [Self::Shared, Self::Managed, Self::Data];

    /// Returns Qlik's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Shared => "shared",
            Self::Managed => "managed",
            Self::Data => "data",
        }
    }

    /// Returns the roles that can be assigned in it (qlik.dev, "Space roles").
    pub fn assignable(self) -> &'static [&'static str] {
        match self {
            Self::Shared => &[
                "facilitator",
                "producer",
                "codeveloper",
                "consumer",
                "dataconsumer",
            ],
            Self::Managed => &[
                "facilitator",
                "consumer",
                "contributor",
                "basicconsumer",
                "dataconsumer",
                "publisher",
                "operator",
            ],
            Self::Data => &[
                "facilitator",
                "producer",
                "consumer",
                "dataconsumer",
                "publisher",
                "operator",
                "datapreview",
            ],
        }
    }
}

/// The roles that a share can give (qlik.dev, "Space roles": fine-grained share).
pub const SHARE_ROLES: [&str; 3] = ["basicconsumer", "consumer", "contributor"];

/// What may be hidden of a space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SpacePart {
    /// All of it: it is in no listing either.
    Itself,
    /// Its assignments.
    Assignments,
    /// Its shares.
    Shares,
}

/// The roles of one assignee in a space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The assignment's own id.
    pub id: Id,
    /// Who has the roles.
    pub assignee: Assignee,
    /// The roles, in Qlik's words.
    pub roles: BTreeSet<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// Who created it; `None` if it was the owner of the tenant.
    pub created_by: Option<UserId>,
    /// When its roles last changed.
    pub updated_at: Timestamp,
    /// Who changed them; `None` if it was the owner of the tenant.
    pub updated_by: Option<UserId>,
}

/// Whom something is assigned to, or shared with.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Assignee {
    /// A person.
    User(UserId),
    /// The members of a group; Everyone is one.
    Group(GroupId),
    /// A program's account.
    Bot(UserId),
    /// Whoever has the link, signed in or not. Only a share can have this.
    Link,
}

impl Assignee {
    /// Returns Qlik's word for its type.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::User(_) => "user",
            Self::Group(_) => "group",
            Self::Bot(_) => "bot",
            Self::Link => "link",
        }
    }

    /// Returns the id of the assignee; `None` for a link.
    pub fn id(&self) -> Option<&Id> {
        match self {
            Self::User(id) | Self::Bot(id) => Some(&id.0),
            Self::Group(id) => Some(&id.0),
            Self::Link => None,
        }
    }
}

/// One app that is shared without the rest of its space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// The share's own id.
    pub id: Id,
    /// Whom it is shared with.
    pub with: Assignee,
    /// What they may do, in Qlik's words.
    pub roles: BTreeSet<String>,
    /// The app.
    pub app: String,
    /// Whether it is switched off. That only ends access by a link.
    pub is_disabled: bool,
    /// When it was created.
    pub created_at: Timestamp,
    /// Who created it; `None` if it was the owner of the tenant.
    pub created_by: Option<UserId>,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Who changed it; `None` if it was the owner of the tenant.
    pub updated_by: Option<UserId>,
}

/// Whether an assignment was deleted with its space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpaceDelete {
    /// The whole space was deleted.
    Yes,
    /// Only the assignment was.
    No,
}

/// A space to be created.
#[derive(Debug, Clone)]
pub struct NewSpace {
    /// Its name.
    pub name: String,
    /// What sort of space it is.
    pub sort: SpaceSort,
    /// Its owner.
    pub owner: UserId,
}

/// A change of a space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpaceEdit {
    /// Gives a new name.
    Name(String),
    /// Gives it to another owner, whose assignment ends.
    Owner(UserId),
    /// Hides a part of it from the credentials, which get this status. There is no event.
    Hide(SpacePart, u16),
    /// Shows a part again. There is no event.
    Show(SpacePart),
    /// Shows an assignment or a share without its roles. There is no event.
    Garble(Id),
    /// Shows all assignments and shares with their roles again. There is no event.
    Mend,
}
