//! The fields that can be hidden from an endpoint: all except ids, which every endpoint sees.

use std::collections::BTreeSet;

use crate::model::Field;

/// Returns whether a field can be hashed: a single text that people join records by, or that names
/// somebody.
pub(super) fn can_be_hashed(field: Field) -> bool {
    match field {
        Field::UserSubject
        | Field::UserName
        | Field::UserEmail
        | Field::UserClient
        | Field::GroupName
        | Field::GroupDescription
        | Field::GroupIdp
        | Field::RoleName
        | Field::RoleDescription => true,
        Field::UserStatus
        | Field::UserIsBot
        | Field::UserRoles
        | Field::UserGroups
        | Field::UserScopes
        | Field::UserCreated
        | Field::UserUpdated
        | Field::UserInviteExpires
        | Field::UserPicture
        | Field::UserLocale
        | Field::UserZone
        | Field::UserPreferredLocale
        | Field::UserPreferredZone
        | Field::GroupType
        | Field::GroupStatus
        | Field::GroupRoles
        | Field::GroupCreated
        | Field::GroupUpdated
        | Field::RoleType
        | Field::RoleOrigin
        | Field::RoleLevel
        | Field::RolePermissions
        | Field::RoleScopes
        | Field::RoleCreated
        | Field::RoleUpdated => false,
    }
}

/// Returns the fields that an operator means: `name` means the field of all kinds, `user.name` only
/// that of users.
pub(super) fn named(text: &str) -> Vec<Field> {
    let fits = |field: &Field| match text.split_once('.') {
        Some((kind, name)) => field.kind().singular() == kind && field.name() == name,
        None => field.name() == text,
    };
    Field::ALL.iter().copied().filter(fits).collect()
}

/// Returns the names of all fields, for a message.
pub(super) fn names() -> String {
    listed(|_| true)
}

/// Returns the names of the fields that can be hashed, for a message.
pub(super) fn texts() -> String {
    listed(|field| can_be_hashed(*field))
}

fn listed(which: impl Fn(&Field) -> bool) -> String {
    let fields = Field::ALL.iter().copied().filter(which);
    let names: BTreeSet<_> = fields.map(Field::name).collect();
    names.into_iter().collect::<Vec<_>>().join(", ")
}
