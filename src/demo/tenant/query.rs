//! Reads and checks the parameters of a listing.

use url::form_urlencoded;

use super::cursor;
use super::filter::Attribute;
use super::record::Field;
use super::render::Look;
use super::table::{Order, Position};

/// Qlik's default and maximum.
const LIMIT: usize = 20;
const MAX_LIMIT: usize = 100;

/// Old parameters that can no longer be used together with `filter`.
const DEPRECATED: [&str; 9] = [
    "email",
    "endingBefore",
    "startingAfter",
    "role",
    "sortBy",
    "sortOrder",
    "status",
    "subject",
    "tenantId",
];

/// The sort fields and filter attributes that a collection accepts.
#[derive(Debug)]
pub struct Vocabulary {
    pub sorts: &'static [(&'static str, Field)],
    pub attributes: &'static [Attribute],
}

/// What the users listing accepts, as documented: no filter on dates.
pub const USERS: Vocabulary = Vocabulary {
    sorts: &[
        ("name", Field::Name),
        ("_id", Field::Id),
        ("id", Field::Id),
        ("tenantId", Field::TenantId),
        ("clientId", Field::ClientId),
        ("status", Field::Status),
        ("subject", Field::Subject),
        ("email", Field::Email),
        ("inviteExpiry", Field::InviteExpiry),
        ("createdAt", Field::CreatedAt),
    ],
    attributes: &[
        ("id", Field::Id, false),
        ("subject", Field::Subject, true),
        ("name", Field::Name, true),
        ("email", Field::Email, true),
        ("status", Field::Status, false),
        ("clientId", Field::ClientId, false),
        ("assignedRoles.id", Field::RoleId, false),
        ("assignedRoles.name", Field::RoleName, false),
        ("assignedGroups.id", Field::GroupId, false),
        (
            "assignedGroupsAssignedRoles.name",
            Field::GroupRoleName,
            false,
        ),
        ("assignedScopes", Field::Scope, false),
    ],
};

/// What the roles listing accepts. Qlik documents no sorts and no attributes.
pub const ROLES: Vocabulary = Vocabulary {
    sorts: &[
        ("name", Field::Name),
        ("_id", Field::Id),
        ("id", Field::Id),
        ("type", Field::Type),
        ("level", Field::Level),
        ("createdAt", Field::CreatedAt),
        ("lastUpdatedAt", Field::UpdatedAt),
    ],
    attributes: &[
        ("id", Field::Id, false),
        ("name", Field::Name, true),
        ("type", Field::Type, false),
        ("level", Field::Level, false),
    ],
};

/// What the groups listing accepts. Qlik documents no sorts and no attributes.
pub const GROUPS: Vocabulary = Vocabulary {
    sorts: &[
        ("name", Field::Name),
        ("_id", Field::Id),
        ("id", Field::Id),
        ("status", Field::Status),
        ("providerType", Field::Provider),
        ("createdAt", Field::CreatedAt),
        ("lastUpdatedAt", Field::UpdatedAt),
    ],
    attributes: &[
        ("id", Field::Id, false),
        ("name", Field::Name, true),
        ("status", Field::Status, false),
        ("providerType", Field::Provider, false),
        ("assignedRoles.id", Field::RoleId, false),
        ("assignedRoles.name", Field::RoleName, false),
    ],
};

/// A listing's parameters, checked.
#[derive(Debug)]
pub struct Query {
    pub filter: Option<String>,
    pub order: Order,
    pub limit: usize,
    pub from: Option<Position>,
    /// Whether the page is the one before the cursor, not the one after.
    pub backward: bool,
    pub total: bool,
    pub look: Look,
    /// All parameters but the cursor, for links.
    pub rest: Vec<(String, String)>,
}

/// Reads the parameters' names and values. A bare `+` is a space, as in every form.
pub fn pairs(query: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect()
}

impl Query {
    /// Checks the parameters; `cursors` are the names of those that lead to the next page. The
    /// error names the parameter that is wrong, and says why.
    pub fn read(
        pairs: Vec<(String, String)>,
        vocabulary: &Vocabulary,
        cursors: &[&str],
    ) -> Result<Self, (&'static str, String)> {
        let get = |name: &str| {
            let found = pairs.iter().rev().find(|(key, _)| key == name);
            found.map(|(_, value)| value.as_str())
        };
        let filter = get("filter").map(String::from);
        if filter.is_some()
            && let Some(name) = DEPRECATED
                .iter()
                .find(|name| get(name).is_some() && !cursors.contains(name))
        {
            let detail = format!("filter cannot be combined with the deprecated {name}");
            return Err(("filter", detail));
        }
        let order = order(get("sort").unwrap_or("+name"), vocabulary)?;
        let limit = match get("limit") {
            None => LIMIT,
            Some(text) => text
                .parse()
                .ok()
                .filter(|limit| (1..=MAX_LIMIT).contains(limit))
                .ok_or_else(|| ("limit", "limit must be from 1 to 100".to_owned()))?,
        };
        let next = cursors.iter().find_map(|name| get(name));
        let (cursor, backward) = match (next, get("prev")) {
            (Some(_), Some(_)) => {
                return Err(("next", "next and prev are mutually exclusive".into()));
            }
            (None, Some(prev)) => (Some(prev), true),
            (next, None) => (next, false),
        };
        let from = cursor.map(|cursor| {
            let name = if backward { "prev" } else { "next" };
            cursor::decode(order.field, cursor).ok_or((name, "the cursor is invalid".to_owned()))
        });
        let from = from.transpose()?;
        let total = match get("totalResults") {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => return Err(("totalResults", "true or false is expected".into())),
        };
        let look = get("fields").map(Look::of_fields).unwrap_or_default();
        let cursors = ["next", "prev", "startingAfter"];
        let rest = pairs
            .into_iter()
            .filter(|(key, _)| !cursors.contains(&key.as_str()))
            .collect();
        Ok(Self {
            filter,
            order,
            limit,
            from,
            backward,
            total,
            look,
            rest,
        })
    }
}

fn order(text: &str, vocabulary: &Vocabulary) -> Result<Order, (&'static str, String)> {
    let (descending, name) = match (text.strip_prefix('+'), text.strip_prefix('-')) {
        (_, Some(name)) => (true, name),
        (Some(name), None) => (false, name),
        (None, None) => (false, text),
    };
    let known = vocabulary.sorts.iter().find(|(known, _)| *known == name);
    match known {
        Some((_, field)) => Ok(Order {
            field: *field,
            descending,
        }),
        // The usual cause is a plus that was not sent as %2B.
        None => Err(("sort", format!("cannot sort by `{name}`"))),
    }
}
