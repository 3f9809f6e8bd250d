//! What is answered about held plans.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::{Coded, HeldPlan, Id, Kind, Loss, Removal, TenantName, UserStatus};

/// A held plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanRow {
    /// Its tenant, as the operator calls it.
    pub tenant: TenantName,
    /// The plan.
    pub plan: HeldPlan,
}

/// An entry of a held plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemovalRow {
    /// The entry.
    pub removal: Removal,
    /// The user whom it is about, or `None` if it is about none, or one who is not known any
    /// more.
    pub person: Option<Person>,
}

/// What tells people apart who decide about a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The domain of the e-mail address, in small letters.
    pub domain: Option<String>,
    /// Whether the user can work in the tenant.
    pub status: Coded<UserStatus>,
    /// The roles that let the user administer, with the group that gives them.
    pub administers: Vec<String>,
}

/// What the entries of a plan come to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanSummary {
    /// How much of each sort they take away.
    pub counts: BTreeMap<Loss, u64>,
    /// Records that Qlik was not asked for yet: enough others were gone.
    pub not_yet_asked: u64,
    /// How many administrators are concerned.
    pub administrators: Administrators,
    /// Users by the domain of their e-mail address.
    pub by_domain: Top,
    /// Users by their status.
    pub by_status: Top,
    /// Users by the groups that they leave, or were in until they go.
    pub by_group: Top,
    /// Users and groups by the roles that they lose, or held until they go.
    pub by_role: Top,
    /// Roles and groups that are back under another id.
    pub moved: Vec<Moved>,
    /// How many more of those there are.
    pub moved_left_out: u64,
}

/// How many administrators are concerned.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Administrators {
    /// Users who go, and who administer.
    pub gone: u64,
    /// Users who stay, and lose a role that administers or a group that gives one.
    pub demoted: u64,
    /// Groups that stay, and lose a role that administers.
    pub groups: u64,
}

/// The names under which most are counted, the most first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Top {
    /// Those.
    pub rows: Vec<TopRow>,
    /// How many more names there are.
    pub others: u64,
    /// What is counted under the others.
    pub others_count: u64,
}

/// How much is counted under a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopRow {
    /// The id of what has the name, if it has one.
    pub id: Option<Id>,
    /// The name, or `None` where there is none.
    pub name: Option<String>,
    /// How much.
    pub count: u64,
}

/// A role or a group that is gone, and there is another of its name that is newer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// Role or group.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// The id that is gone.
    pub from: Id,
    /// The id under which it is back.
    pub to: Id,
    /// Who loses the old one and has the new one.
    pub came_along: u64,
    /// Who loses the old one and does not have the new one.
    pub left_behind: u64,
}
