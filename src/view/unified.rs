//! Records in the unified schema as programs read them: each with its tenant and, where that is
//! asked for, with the full roles and groups that it mentions.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use serde::{Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use crate::control::{EffectiveRoles, RecordRow, UnifiedPage, UnifiedTenant};
use crate::model::unified::{IamGroup, IamPolicy, IamRole, IamUser, paths, role_right};
use crate::model::{GroupId, Id, Kind, Record, RoleId, TenantId, TenantName, Timestamp};

/// A record as it is sent.
#[derive(Debug, Serialize)]
pub struct UnifiedShown<'a> {
    #[serde(flatten)]
    record: Shown<'a>,
    tenant: Option<TenantShown<'a>>,
    /// The roles that a user holds by any path; `None` if they are not wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    effective_roles: Option<Vec<Value>>,
    /// Whether these are all.
    #[serde(skip_serializing_if = "Option::is_none")]
    effective_roles_complete: Option<bool>,
    /// When the record was found deleted; `None` if it exists.
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted_at: Option<Timestamp>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
#[expect(
    clippy::large_enum_variant,
    reason = "users are nearly all that is read, and none is copied"
)]
enum Shown<'a> {
    User(IamUser<'a, Written, Written>),
    Role(IamRole<'a>),
    Group(IamGroup<'a, Written>),
    Policy(IamPolicy<'a>),
}

/// A role or group that other records of the page mention, as JSON.
#[derive(Debug, Clone)]
struct Written(Rc<RawValue>);

impl Written {
    fn of(value: &impl Serialize) -> Self {
        let text = to_raw_value(value).expect("a record is plain data");
        Self(text.into())
    }
}

impl Serialize for Written {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// The tenant of a record.
#[derive(Debug, Clone, Copy, Serialize)]
struct TenantShown<'a> {
    name: &'a TenantName,
    id: Option<&'a TenantId>,
    region: Option<&'a str>,
}

/// A role or group by its tenant, kind and id, and the name by which a record mentions it.
type Mention<'a> = (&'a TenantName, Kind, &'a Id, &'a str);

/// A page, ready to be shown.
#[derive(Debug)]
pub struct UnifiedView<'a> {
    tenants: &'a BTreeMap<TenantName, UnifiedTenant>,
    mentioned: HashMap<(&'a TenantName, Kind, &'a Id), &'a Record>,
    effective: HashMap<(&'a TenantName, &'a Id), &'a EffectiveRoles>,
    /// The roles and groups that were mentioned so far. Most users of a page mention the same few,
    /// which are written once.
    written: RefCell<HashMap<Mention<'a>, Written>>,
}

impl<'a> UnifiedView<'a> {
    /// Prepares a page to be shown.
    pub fn of(page: &'a UnifiedPage) -> Self {
        let mentioned = page.mentioned.iter();
        let mentioned = mentioned.map(|row| {
            let record = &row.record;
            ((&row.tenant, record.kind(), record.id()), record)
        });
        let rows = page.page.rows.iter();
        let rows = rows.map(|row| (&row.tenant, row.record.id()));
        Self {
            tenants: &page.tenants,
            mentioned: mentioned.collect(),
            effective: rows.zip(&page.effective).collect(),
            written: RefCell::default(),
        }
    }

    /// Returns a record of the page.
    pub fn record(&self, row: &'a RecordRow) -> UnifiedShown<'a> {
        let tenant = &row.tenant;
        let role = |id: &'a RoleId, name: &'a str| self.role(tenant, id, name);
        let group = |id: &'a GroupId, name: &'a str| self.group(tenant, id, name);
        let record = match &row.record {
            Record::User(user) => Shown::User(IamUser::with(user, role, group)),
            Record::Group(group) => Shown::Group(IamGroup::with(group, role)),
            Record::Role(role) => Shown::Role(IamRole::of(role)),
        };
        let effective = match row.record.kind() {
            Kind::User => self.effective.get(&(&row.tenant, row.record.id())).copied(),
            Kind::Role | Kind::Group => None,
        };
        UnifiedShown {
            effective_roles: effective.map(effective_roles),
            effective_roles_complete: effective.map(|effective| effective.is_complete),
            ..self.bare(&row.tenant, record)
        }
    }

    /// Returns a record of the page that was found deleted at a time.
    pub fn deleted(&self, row: &'a RecordRow, at: Timestamp) -> UnifiedShown<'a> {
        UnifiedShown {
            deleted_at: Some(at),
            ..self.record(row)
        }
    }

    fn bare(&self, tenant: &TenantName, record: Shown<'a>) -> UnifiedShown<'a> {
        UnifiedShown {
            record,
            tenant: self.tenant(tenant),
            effective_roles: None,
            effective_roles_complete: None,
            deleted_at: None,
        }
    }

    /// Returns the policies of a role of the page; other records have none.
    pub fn policies(&self, row: &'a RecordRow) -> Vec<UnifiedShown<'a>> {
        let policies = match &row.record {
            Record::Role(role) => IamRole::of(role).policies.unwrap_or_default(),
            Record::User(_) | Record::Group(_) => Vec::new(),
        };
        let shown = policies
            .into_iter()
            .map(|policy| self.bare(&row.tenant, Shown::Policy(policy)));
        shown.collect()
    }

    fn tenant(&self, name: &TenantName) -> Option<TenantShown<'a>> {
        let tenant = self.tenants.get(name)?;
        Some(TenantShown {
            name: &tenant.name,
            id: tenant.id.as_ref(),
            region: tenant.region.as_deref(),
        })
    }

    /// Returns a role that a record mentions by this name: in full if that is wanted and known.
    fn role(&self, tenant: &'a TenantName, id: &'a RoleId, name: &'a str) -> Written {
        self.written((tenant, Kind::Role, &id.0, name), |full| match full {
            Some(Record::Role(role)) => Written::of(&IamRole::of(role)),
            Some(_) | None => Written::of(&IamRole::reference(id, name)),
        })
    }

    /// Returns a group that a record mentions by this name, likewise.
    fn group(&self, tenant: &'a TenantName, id: &'a GroupId, name: &'a str) -> Written {
        self.written((tenant, Kind::Group, &id.0, name), |full| match full {
            Some(Record::Group(group)) => Written::of(&IamGroup::of(group)),
            Some(_) | None => Written::of(&IamGroup::reference(id, name)),
        })
    }

    fn written(
        &self,
        (tenant, kind, id, name): Mention<'a>,
        write: impl FnOnce(Option<&'a Record>) -> Written,
    ) -> Written {
        let mut all = self.written.borrow_mut();
        let written = all
            .entry((tenant, kind, id, name))
            .or_insert_with(|| write(self.mentioned.get(&(tenant, kind, id)).copied()));
        written.clone()
    }
}

impl UnifiedShown<'_> {
    /// Returns the source's id of a policy; `None` if it is something else.
    pub fn policy_id(&self) -> Option<&str> {
        match &self.record {
            Shown::Policy(policy) => policy.remote_id.as_deref(),
            Shown::User(_) | Shown::Role(_) | Shown::Group(_) => None,
        }
    }

    /// Returns whether it is the policy with this id of the source.
    pub fn is_policy(&self, remote_id: &str) -> bool {
        self.policy_id() == Some(remote_id)
    }
}

/// Returns roles that a user holds, each with its paths.
fn effective_roles(effective: &EffectiveRoles) -> Vec<Value> {
    let roles = effective.roles.iter().map(|one| {
        let mut role = role_right(&one.role);
        super::put(&mut role, "paths", paths(&one.paths));
        role
    });
    roles.collect()
}

/// Returns a tenant in the form of an account of StackOne. StackOne requires the time when it was
/// created: for a tenant that was never reached, that is the time of the answer.
pub fn unified_account(tenant: &UnifiedTenant, now: Timestamp) -> Value {
    let UnifiedTenant {
        name,
        id,
        display_name,
        hosts,
        region,
        found_at,
        is_read,
    } = tenant;
    let id = id.as_ref().map_or(name.0.as_str(), |id| id.0.as_str());
    let (status, reasons) = if *is_read {
        ("active", Vec::new())
    } else {
        let reason = json!({
            "code": "not_read",
            "description": "it was not read in full yet",
            "timestamp": null,
        });
        ("inactive", vec![reason])
    };
    json!({
        "id": id,
        "provider": "qlik",
        "provider_name": "Qlik Cloud",
        "status": status,
        "status_reasons": reasons,
        "origin_owner_id": name,
        "origin_owner_name": display_name.as_deref().unwrap_or(&name.0),
        "origin_username": null,
        "credentials": null,
        "setup_information": { "hosts": hosts, "region": region },
        "label": name,
        "created_at": found_at.unwrap_or(now),
        "updated_at": found_at.unwrap_or(now),
        "type": "production",
    })
}
