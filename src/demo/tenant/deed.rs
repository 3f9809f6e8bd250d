//! What an edit of the directory leaves in the audit log: Qlik's event types and payloads.

use serde_json::{Value, json};

use crate::model::{RoleId, SpaceId, UserId};

use super::draft::{Draft, Generations};
use super::edit::{Edit, LogIn};
use super::record::{Group, Role, User};
use super::space::{Assignment, Share, Space, SpaceDelete};

/// The most users that one event of a group names; Qlik does not say, so it is small.
const AFFECTED: usize = 50;

/// The source of events about users, groups and roles.
const IDENTITIES: &str = "com.qlik/identities";

/// Something that was done.
#[derive(Debug)]
pub enum Deed<'a> {
    UserCreated(&'a User),
    /// The second field is the path of the member that changed.
    UserUpdated(&'a UserId, &'static str),
    UserDeleted(&'a User),
    GroupCreated(&'a Group),
    /// The second field is the group's members.
    GroupUpdated(&'a Group, &'a [UserId]),
    GroupDeleted(&'a Group, &'a [UserId]),
    /// The system group Everyone: its roles and state are settings of the tenant.
    EveryoneUpdated,
    RoleCreated(&'a Role),
    RoleUpdated(&'a Role),
    RoleDeleted(&'a RoleId),
    /// Qlik changed its own roles, all of which are named.
    RolesSynced(&'a [&'a Role]),
    SpaceCreated(&'a Space),
    SpaceUpdated(&'a Space),
    SpaceDeleted(&'a Space),
    AssignmentCreated(&'a SpaceId, &'a Assignment),
    AssignmentUpdated(&'a SpaceId, &'a Assignment),
    AssignmentDeleted(&'a SpaceId, &'a Assignment, SpaceDelete),
    ShareCreated(&'a SpaceId, &'a Share),
    ShareUpdated(&'a SpaceId, &'a Share),
    ShareDeleted(&'a SpaceId, &'a Share),
    /// A user logged in this way.
    SessionBegun(&'a UserId, LogIn),
    /// The licence was assigned to a subject, with this type.
    Licensed(&'a str, &'a str),
    /// It was taken away from a subject, which had this type.
    Unlicensed(&'a str, &'a str),
}

impl Deed<'_> {
    /// Returns the events, in the order in which they are written.
    pub fn drafts(&self, generations: Generations) -> Vec<Draft> {
        let (core, legacy) = match generations {
            Generations::Both => (true, true),
            Generations::Core => (true, false),
            Generations::Legacy => (false, true),
        };
        let mut drafts: Vec<Draft> = self.of_licence().into_iter().collect();
        if core {
            drafts.extend(self.in_generation("core"));
        }
        if legacy {
            drafts.extend(self.in_generation("v1"));
        }
        drafts
    }

    fn in_generation(&self, generation: &str) -> Vec<Draft> {
        let is_core = generation == "core";
        let draft = |name: &str, source, data, top_level: Option<String>| Draft {
            kind: format!("com.qlik.{generation}.{name}"),
            source,
            data,
            top_level,
        };
        let one = |name: &str, source, data| vec![draft(name, source, data, None)];
        let users = if is_core {
            IDENTITIES
        } else {
            "com.qlik/users"
        };
        match self {
            Self::UserCreated(user) => one("user.created", users, of_user(user)),
            Self::UserDeleted(user) => one("user.deleted", users, of_user(user)),
            // The old generation has no such event.
            Self::UserUpdated(..) if !is_core => Vec::new(),
            // Qlik's example has the changes and nothing else; the envelope names the user.
            Self::UserUpdated(id, path) => vec![draft(
                "user.updated",
                users,
                json!({"_updates": [{"path": path, "newValue": "new", "oldValue": "old"}]}),
                Some(id.to_string()),
            )],
            Self::GroupCreated(group) => one("group.created", IDENTITIES, of_group(group)),
            Self::GroupUpdated(group, members) => {
                let mut drafts = one("group.updated", IDENTITIES, of_group(group));
                drafts.extend(
                    modified(group, members, Fate::Kept)
                        .map(|data| draft("group.users.modified", IDENTITIES, data, None)),
                );
                drafts
            }
            Self::GroupDeleted(group, members) => {
                let source = if is_core {
                    IDENTITIES
                } else {
                    "com.qlik/groups"
                };
                let mut drafts = one("group.deleted", source, of_group(group));
                drafts.extend(
                    modified(group, members, Fate::Deleted)
                        .map(|data| draft("group.users.modified", IDENTITIES, data, None)),
                );
                drafts
            }
            // Documented only in the old generation.
            Self::EveryoneUpdated if is_core => Vec::new(),
            Self::EveryoneUpdated => one(
                "group-setting.updated",
                IDENTITIES,
                json!({"autoCreateGroups": true, "updates": [{"path": "/systemGroups"}]}),
            ),
            Self::RoleCreated(role) => one("role.created", IDENTITIES, of_role(role)),
            Self::RoleUpdated(role) => one("role.updated", IDENTITIES, of_role(role)),
            Self::RoleDeleted(id) => one("role.deleted", IDENTITIES, of_id(id)),
            Self::RolesSynced(roles) => one("role.synced", IDENTITIES, of_roles(roles)),
            Self::SpaceCreated(_)
            | Self::SpaceUpdated(_)
            | Self::SpaceDeleted(_)
            | Self::AssignmentCreated(..)
            | Self::AssignmentUpdated(..)
            | Self::AssignmentDeleted(..)
            | Self::ShareCreated(..)
            | Self::ShareUpdated(..)
            | Self::ShareDeleted(..) => self.of_spaces(generation).into_iter().collect(),
            Self::SessionBegun(user, how) => vec![of_session(user, *how, generation)],
            // They have no generation.
            Self::Licensed(..) | Self::Unlicensed(..) => Vec::new(),
        }
    }

    /// Returns an event about the licence.
    fn of_licence(&self) -> Option<Draft> {
        let (name, subject, sort) = match self {
            Self::Licensed(subject, sort) => ("updated", subject, sort),
            Self::Unlicensed(subject, sort) => ("deleted", subject, sort),
            Self::UserCreated(_)
            | Self::UserUpdated(..)
            | Self::UserDeleted(_)
            | Self::GroupCreated(_)
            | Self::GroupUpdated(..)
            | Self::GroupDeleted(..)
            | Self::EveryoneUpdated
            | Self::RoleCreated(_)
            | Self::RoleUpdated(_)
            | Self::RoleDeleted(_)
            | Self::SpaceCreated(_)
            | Self::SpaceUpdated(_)
            | Self::SpaceDeleted(_)
            | Self::AssignmentCreated(..)
            | Self::AssignmentUpdated(..)
            | Self::AssignmentDeleted(..)
            | Self::ShareCreated(..)
            | Self::ShareUpdated(..)
            | Self::ShareDeleted(..)
            | Self::RolesSynced(_)
            | Self::SessionBegun(..) => return None,
        };
        Some(Draft {
            kind: format!("com.qlik.license.assignment.{name}"),
            source: "com.qlik/licenses",
            data: json!({"subject": subject, "type": sort}),
            top_level: None,
        })
    }

    /// Returns an event about spaces. The old generation has no `v1` in the names of the types.
    fn of_spaces(&self, generation: &str) -> Option<Draft> {
        let (name, data) = match self {
            Self::SpaceCreated(space) => ("created", of_space(space)),
            Self::SpaceUpdated(space) => ("updated", of_space(space)),
            Self::SpaceDeleted(space) => ("deleted", of_space(space)),
            Self::AssignmentCreated(space, assignment) => {
                ("assignment.created", of_assignment(space, assignment))
            }
            Self::AssignmentUpdated(space, assignment) => {
                ("assignment.updated", of_assignment(space, assignment))
            }
            Self::AssignmentDeleted(space, assignment, with_space) => (
                "assignment.deleted",
                without_roles(space, assignment, *with_space),
            ),
            Self::ShareCreated(space, share) => ("share.created", of_share(space, share)),
            Self::ShareUpdated(space, share) => ("share.updated", of_share(space, share)),
            Self::ShareDeleted(space, share) => ("share.deleted", of_share(space, share)),
            Self::UserCreated(_)
            | Self::UserUpdated(..)
            | Self::UserDeleted(_)
            | Self::GroupCreated(_)
            | Self::GroupUpdated(..)
            | Self::GroupDeleted(..)
            | Self::EveryoneUpdated
            | Self::RoleCreated(_)
            | Self::RoleUpdated(_)
            | Self::RoleDeleted(_)
            | Self::RolesSynced(_)
            | Self::SessionBegun(..)
            | Self::Licensed(..)
            | Self::Unlicensed(..) => return None,
        };
        let noun = match generation {
            "core" => "core.space",
            _ => "space",
        };
        Some(Draft {
            kind: format!("com.qlik.{noun}.{name}"),
            source: "com.qlik/spaces",
            data,
            top_level: None,
        })
    }
}

/// Returns an event about a session. The old generation has no `v1` here either, and another verb.
fn of_session(user: &UserId, how: LogIn, generation: &str) -> Draft {
    let name = match generation {
        "core" => "core.user-session.begun",
        _ => "user-session.begin",
    };
    Draft {
        kind: format!("com.qlik.{name}"),
        source: "com.qlik/edge-auth",
        data: json!({
            "userid": user.to_string(),
            "source": how.as_str(),
            "idpId": "000000000000000000000002",
            "originip": "192.0.2.7",
        }),
        top_level: None,
    }
}

fn of_id(id: &RoleId) -> Value {
    json!({ "id": id.to_string() })
}

fn of_space(space: &Space) -> Value {
    json!({
        "id": space.id.to_string(),
        "name": space.name,
        "type": space.sort.as_str(),
        "ownerId": space.owner.as_ref().map(UserId::to_string),
        "createdAt": space.created_at,
        "updatedAt": space.updated_at,
    })
}

fn of_assignment(space: &SpaceId, assignment: &Assignment) -> Value {
    let mut shown = json!({
        "id": assignment.id.to_string(),
        "type": assignment.assignee.type_name(),
        "roles": assignment.roles,
        "spaceId": space.to_string(),
        "assigneeId": assignment.assignee.id().map(ToString::to_string),
    });
    if let Some(by) = &assignment.created_by {
        put(&mut shown, "createdBy", json!(by.to_string()));
    }
    shown
}

/// Returns the data of the event of a deleted assignment, which has no roles.
fn without_roles(space: &SpaceId, assignment: &Assignment, with_space: SpaceDelete) -> Value {
    json!({
        "id": assignment.id.to_string(),
        "type": assignment.assignee.type_name(),
        "spaceId": space.to_string(),
        "assigneeId": assignment.assignee.id().map(ToString::to_string),
        "spaceDelete": with_space == SpaceDelete::Yes,
    })
}

fn of_share(space: &SpaceId, share: &Share) -> Value {
    json!({
        "id": share.id.to_string(),
        "type": share.with.type_name(),
        "roles": share.roles,
        "spaceId": space.to_string(),
        "resourceId": share.app,
        "resourceType": "app",
        "disabled": share.is_disabled,
    })
}

fn of_user(user: &User) -> Value {
    json!({
        "id": user.id.to_string(),
        "name": user.name,
        "subject": user.subject,
        "status": user.status.as_str(),
        "createdAt": user.created_at,
        "lastUpdatedAt": user.updated_at,
    })
}

fn of_group(group: &Group) -> Value {
    json!({
        "id": group.id.to_string(),
        "name": group.name,
        "status": group.status,
        "providerType": group.provider,
        "createdAt": group.created_at,
        "lastUpdatedAt": group.updated_at,
    })
}

/// Returns the data of an event about a role, which has its scopes but never its permissions.
fn of_role(role: &Role) -> Value {
    let mut shown = json!({
        "id": role.id.to_string(),
        "name": role.name,
        "type": role.origin,
        "level": role.level,
        "lastUpdatedAt": role.updated_at,
    });
    if let Some(scopes) = &role.scopes {
        put(&mut shown, "assignedScopes", json!(scopes));
    }
    shown
}

fn of_roles(roles: &[&Role]) -> Value {
    let roles: Vec<Value> = roles.iter().map(|role| of_role(role)).collect();
    json!({ "roles": roles })
}

/// Whether a group whose members are named still exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Kept,
    Deleted,
}

/// Adds a member to an object.
pub fn put(object: &mut Value, name: &str, value: Value) {
    if let Some(members) = object.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
}

/// Returns the events of a group. A large group has several, and the last one says that it is the
/// last.
fn modified(group: &Group, members: &[UserId], fate: Fate) -> impl Iterator<Item = Value> {
    let n_parts = members.len().div_ceil(AFFECTED);
    let parts = members.chunks(AFFECTED).enumerate();
    let data: Vec<Value> = parts
        .map(|(part, users)| {
            let mut data = of_group(group);
            let affected: Vec<String> = users.iter().map(UserId::to_string).collect();
            put(&mut data, "affectedUsers", json!(affected));
            put(&mut data, "deleted", json!(fate == Fate::Deleted));
            put(&mut data, "fullyProcessed", json!(part + 1 == n_parts));
            data
        })
        .collect();
    data.into_iter()
}

/// Returns the path that an event gives for an edit.
pub fn path_of(edit: &Edit) -> &'static str {
    match edit {
        Edit::Name(_) => "/name",
        Edit::Email(_) => "/email",
        Edit::Subject(_) => "/subject",
        Edit::Status(_) => "/status",
        Edit::AssignRole(_) | Edit::UnassignRole(_) => "/assignedRoles",
        Edit::JoinGroup(_) | Edit::LeaveGroup(_) => "/assignedGroups",
        Edit::Scopes(_) => "/assignedScopes",
        Edit::Locale(_) => "/locale",
        Edit::Touch => "/lastUpdatedAt",
    }
}
