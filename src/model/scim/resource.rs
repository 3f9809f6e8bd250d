//! How users, groups, roles and roles in spaces look as SCIM resources.
//!
//! The names of attributes are those of the events in the format `scim-set`
//! (`deliver::content::format::scim`), so that a receiver of both sees the same resource.

use std::collections::{BTreeMap, BTreeSet};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::ResourceType;
use crate::model::{
    Group, GroupId, Role, RoleId, SpaceMention, TenantId, TenantName, Timestamp, User, UserId,
    UserStatus,
};

/// What stays as it is in a part of the path of an address (RFC 3986, 3.3).
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b':');

/// Returns a name as a part of the path of an address.
pub fn in_path(name: &str) -> impl std::fmt::Display {
    utf8_percent_encode(name, PLAIN)
}

/// A resource, as JSON.
pub type Resource = Map<String, Value>;

/// The tenant of a resource, and how resources are named.
pub struct Origin<'a> {
    /// The address under which all resources are, such as `https://iam.example.com/scim/v2`.
    pub base: &'a str,
    /// Our name for the tenant.
    pub tenant: &'a TenantName,
    /// The tenant's id in the source.
    pub tenant_id: &'a TenantId,
    /// The region that stores its data.
    pub region: Option<&'a str>,
    /// Returns the id of a resource of the tenant, from its id in the source.
    pub id_of: &'a dyn Fn(&str) -> String,
}

/// What is needed of a resource: the names of its attributes, and of its extension.
pub type Needed<'a> = &'a dyn Fn(&str) -> bool;

/// A member of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The user's id.
    pub id: UserId,
    /// The user's name.
    pub name: String,
}

/// A role that a user has by a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleByGroup {
    /// The role's id.
    pub role: RoleId,
    /// The role's name.
    pub role_name: String,
    /// The group that gives it.
    pub group: GroupId,
    /// The name of that group.
    pub group_name: String,
}

/// A role in a space that a user has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RoleInSpace {
    /// The space's id.
    pub space: String,
    /// The space's name.
    pub space_name: String,
    /// The role, as the source writes it.
    pub role: String,
    /// How the user comes to it.
    pub way: Way,
}

/// How a user comes to a role in a space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// The user is assigned.
    Direct,
    /// A group of the user is assigned.
    ByGroup,
}

/// Returns the id of the entitlement that a role in a space is.
pub fn entitlement_id(space: &str, role: &str) -> String {
    format!("{space}:{role}")
}

/// What a user has beside its own record, if it is needed and known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserExtra {
    /// The roles in spaces.
    pub in_spaces: Option<Vec<RoleInSpace>>,
    /// The roles by groups.
    pub by_groups: Option<Vec<RoleByGroup>>,
}

impl Origin<'_> {
    fn id(&self, id: &impl ToString) -> String {
        (self.id_of)(&id.to_string())
    }

    /// Returns the address of a resource.
    pub fn location(&self, sort: ResourceType, id: &str) -> String {
        let id = in_path(id);
        format!("{}/{}/{id}", self.base, sort.endpoint())
    }

    fn tenant(&self) -> Value {
        let Self {
            base: _,
            tenant,
            tenant_id,
            region,
            id_of: _,
        } = self;
        let mut shown = json!({ "name": tenant, "id": tenant_id });
        if let (Some(region), Some(fields)) = (region, shown.as_object_mut()) {
            fields.insert("region".to_owned(), json!(region));
        }
        shown
    }

    /// Begins a resource: what every one has.
    fn begin(
        &self,
        sort: ResourceType,
        id: &str,
        needed: Needed<'_>,
        times: (Option<Timestamp>, Option<Timestamp>),
    ) -> Fields {
        let mut fields = Fields::default();
        let schemas = [sort.schema().id, sort.extension().id];
        fields.put("schemas", json!(schemas));
        if needed("meta") {
            let mut meta = Fields::default();
            meta.put("resourceType", json!(sort.name()));
            meta.put("created", json!(times.0));
            meta.put("lastModified", json!(times.1));
            meta.put("location", json!(self.location(sort, id)));
            fields.put("meta", meta.value());
        }
        fields.put("id", json!(id));
        fields
    }

    /// Renders a user.
    pub fn user(&self, user: &User, extra: &UserExtra, needed: Needed<'_>) -> Resource {
        let User {
            id,
            subject,
            name,
            email,
            status,
            is_bot,
            client_id: _,
            roles,
            groups,
            scopes,
            created_at,
            updated_at,
            invite_expires_at: _,
            picture,
            locale,
            zone_info,
            preferred_locale,
            preferred_zone_info: _,
        } = user;
        let sort = ResourceType::User;
        let own = self.id(id);
        let mut fields = self.begin(sort, &own, needed, (*created_at, *updated_at));
        let mut add = |name: &str, value: &dyn Fn() -> Value| {
            if needed(name) {
                fields.put(name, value());
            }
        };
        add("externalId", &|| json!(subject));
        add("userName", &|| json!(subject));
        add("name", &|| {
            optional(name.as_ref(), |it| json!({ "formatted": it }))
        });
        add("displayName", &|| json!(name));
        add("userType", &|| match is_bot {
            true => json!("Bot"),
            false => json!("Person"),
        });
        add("preferredLanguage", &|| json!(preferred_locale));
        add("locale", &|| json!(locale));
        add("timezone", &|| json!(zone_info));
        add("active", &|| json!(is_active(status.value)));
        add("emails", &|| {
            optional(
                email.as_ref(),
                |it| json!([{ "value": it, "type": "work", "primary": true }]),
            )
        });
        add("photos", &|| {
            optional(
                picture.as_ref(),
                |it| json!([{ "value": it, "type": "photo" }]),
            )
        });
        add("groups", &|| self.groups(groups.as_ref()));
        add("roles", &|| self.roles(roles.as_ref()));
        add("entitlements", &|| {
            self.entitlements(scopes.as_ref(), extra.in_spaces.as_deref())
        });
        if needed(sort.extension().id) {
            fields.put(sort.extension().id, self.user_extension(user, extra));
        }
        fields.0
    }

    fn user_extension(&self, user: &User, extra: &UserExtra) -> Value {
        let mut own = Fields::default();
        own.put("tenant", self.tenant());
        own.put("subject", json!(user.subject));
        own.put("status", json!(user.status.source_value));
        own.put("clientId", json!(user.client_id));
        own.put("inviteExpiresAt", json!(user.invite_expires_at));
        own.put("preferredTimezone", json!(user.preferred_zone_info));
        own.put("inheritedRoles", self.inherited(extra.by_groups.as_deref()));
        own.value()
    }

    fn groups(&self, groups: Option<&BTreeMap<GroupId, String>>) -> Value {
        optional(groups, |groups| {
            let groups = groups.iter().map(|(id, name)| {
                let sort = ResourceType::Group;
                let id = self.id(id);
                let location = self.location(sort, &id);
                json!({ "value": id, "$ref": location, "display": name, "type": "direct" })
            });
            groups.collect()
        })
    }

    fn roles(&self, roles: Option<&BTreeMap<RoleId, String>>) -> Value {
        optional(roles, |roles| {
            let roles = roles
                .iter()
                .map(|(id, name)| json!({ "value": self.id(id), "display": name }));
            roles.collect()
        })
    }

    fn entitlements(
        &self,
        scopes: Option<&BTreeSet<String>>,
        in_spaces: Option<&[RoleInSpace]>,
    ) -> Value {
        if scopes.is_none() && in_spaces.is_none() {
            return Value::Null;
        }
        let scopes = scopes.into_iter().flatten();
        let scopes = scopes
            .map(|scope| json!({ "value": self.id(scope), "display": scope, "type": "Scope" }));
        let in_spaces = in_spaces.into_iter().flatten().map(|held| {
            let id = entitlement_id(&held.space, &held.role);
            let word = match held.way {
                Way::Direct => "SpaceRole",
                Way::ByGroup => "SpaceRoleByGroup",
            };
            json!({
                "value": self.id(&id),
                "display": entitlement_name(&held.role, &held.space_name),
                "type": word,
            })
        });
        scopes.chain(in_spaces).collect()
    }

    fn inherited(&self, roles: Option<&[RoleByGroup]>) -> Value {
        optional(roles, |roles| {
            let roles = roles.iter().map(|it| {
                json!({
                    "value": self.id(&it.role),
                    "display": it.role_name,
                    "group": self.id(&it.group),
                    "groupDisplay": it.group_name,
                })
            });
            roles.collect()
        })
    }

    /// Renders a group, with its members if they are given.
    pub fn group(&self, group: &Group, members: Option<&[Member]>, needed: Needed<'_>) -> Resource {
        let Group {
            id,
            name,
            description,
            group_type,
            status,
            idp_id,
            roles,
            created_at,
            updated_at,
        } = group;
        let sort = ResourceType::Group;
        let own = self.id(id);
        let mut fields = self.begin(sort, &own, needed, (*created_at, *updated_at));
        if needed("displayName") {
            fields.put("displayName", json!(name));
        }
        if needed("members") {
            let members = optional(members, |members| {
                let members = members.iter().map(|member| self.member(member));
                members.collect()
            });
            fields.put("members", members);
        }
        if needed(sort.extension().id) {
            let mut own = Fields::default();
            own.put("tenant", self.tenant());
            own.put("roles", self.roles(roles.as_ref()));
            own.put("description", json!(description));
            own.put("type", json!(group_type.source_value));
            own.put("status", json!(status));
            own.put("idpId", json!(idp_id));
            fields.put(sort.extension().id, own.value());
        }
        fields.0
    }

    /// Renders a member of a group.
    fn member(&self, member: &Member) -> Value {
        let id = self.id(&member.id);
        let location = self.location(ResourceType::User, &id);
        json!({ "value": id, "$ref": location, "display": member.name, "type": "User" })
    }

    /// Renders nothing of a group but one member, to test it with conditions about members.
    pub fn only_member(&self, member: &Member) -> Resource {
        let mut fields = Fields::default();
        fields.put("members", json!([self.member(member)]));
        fields.0
    }

    /// Renders a role.
    pub fn role(&self, role: &Role, needed: Needed<'_>) -> Resource {
        let Role {
            id,
            name,
            description,
            role_type: _,
            origin,
            level,
            permissions,
            scopes,
            created_at,
            updated_at,
        } = role;
        let sort = ResourceType::Role;
        let own = self.id(id);
        let mut fields = self.begin(sort, &own, needed, (*created_at, *updated_at));
        if needed("displayName") {
            fields.put("displayName", json!(name));
        }
        if needed(sort.extension().id) {
            let mut own = Fields::default();
            own.put("tenant", self.tenant());
            own.put("description", json!(description));
            own.put("origin", json!(origin));
            own.put("level", json!(level));
            own.put("permissions", json!(permissions));
            own.put("scopes", json!(scopes));
            fields.put(sort.extension().id, own.value());
        }
        fields.0
    }

    /// Renders a role in a space.
    pub fn entitlement(&self, space: &SpaceMention, role: &str, needed: Needed<'_>) -> Resource {
        let sort = ResourceType::Entitlement;
        let SpaceMention {
            id,
            name,
            sort: space_type,
        } = space;
        let own = self.id(&entitlement_id(&id.to_string(), role));
        let mut fields = self.begin(sort, &own, needed, (None, None));
        if needed("displayName") {
            fields.put("displayName", json!(entitlement_name(role, name)));
        }
        if needed("type") {
            fields.put("type", json!("SpaceRole"));
        }
        if needed(sort.extension().id) {
            let mut shown = Fields::default();
            shown.put("value", json!(id));
            shown.put("display", json!(name));
            shown.put("type", json!(space_type));
            let mut own = Fields::default();
            own.put("tenant", self.tenant());
            own.put("role", json!(role));
            own.put("space", shown.value());
            fields.put(sort.extension().id, own.value());
        }
        fields.0
    }
}

impl Origin<'_> {
    /// Renders a scope.
    pub fn scope(&self, scope: &str, needed: Needed<'_>) -> Resource {
        let sort = ResourceType::Entitlement;
        let own = self.id(&scope);
        let mut fields = self.begin(sort, &own, needed, (None, None));
        if needed("displayName") {
            fields.put("displayName", json!(scope));
        }
        if needed("type") {
            fields.put("type", json!("Scope"));
        }
        if needed(sort.extension().id) {
            let mut own = Fields::default();
            own.put("tenant", self.tenant());
            fields.put(sort.extension().id, own.value());
        }
        fields.0
    }
}

fn entitlement_name(role: &str, space: &str) -> String {
    format!("{role} in {space}")
}

/// Returns whether a user with a status is active; `None` if the status does not say.
fn is_active(status: UserStatus) -> Option<bool> {
    match status {
        UserStatus::Enabled => Some(true),
        UserStatus::Disabled | UserStatus::Pending => Some(false),
        UserStatus::UnmappedValue => None,
    }
}

fn optional<T>(value: Option<T>, shown: impl FnOnce(T) -> Value) -> Value {
    value.map_or(Value::Null, shown)
}

/// The fields of an object, without those that have no value.
#[derive(Default)]
struct Fields(Map<String, Value>);

impl Fields {
    fn put(&mut self, name: &str, value: Value) {
        if !value.is_null() {
            self.0.insert(name.to_owned(), value);
        }
    }

    fn value(self) -> Value {
        Value::Object(self.0)
    }
}
