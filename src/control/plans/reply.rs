//! The answers about held plans.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::{Coded, HeldPlan, Id, Kind, Loss, RecordRef, Removal, TenantName, UserStatus};

/// A held plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanRow {
    /// Its tenant, as the operator calls it.
    pub tenant: TenantName,
    /// The plan.
    pub plan: HeldPlan,
}

/// A removal that a held plan lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemovalRow {
    /// The removal.
    pub removal: Removal,
    /// The user whom it is about, or `None` if it is not about a user or the user is no longer
    /// known.
    pub person: Option<Person>,
}

/// What helps to tell users apart when deciding about a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The domain of the e-mail address, in lower case.
    pub domain: Option<String>,
    /// Whether the user can work in the tenant.
    pub status: Coded<UserStatus>,
    /// The roles that make the user an administrator, with the group that grants them.
    pub administers: Vec<String>,
}

/// A page of the summary of a plan's removals. All but the moved records is the same on each page.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanSummary {
    /// How many removals there are of each kind.
    pub counts: BTreeMap<Loss, u64>,
    /// Records that Qlik was not asked about, because enough others were missing already.
    pub not_yet_asked: u64,
    /// How many administrators are affected.
    pub administrators: Administrators,
    /// Users by the domain of their e-mail address.
    pub by_domain: Top,
    /// Users by their status.
    pub by_status: Top,
    /// Users by the groups that they leave, or are in until they are deleted.
    pub by_group: Top,
    /// Users and groups by the roles that they lose, or hold until they are deleted.
    pub by_role: Top,
    /// The roles and groups on this page that exist again under another id and match the filter.
    pub moved: Vec<Moved>,
    /// How many more of them later pages list.
    pub moved_left_out: u64,
    /// Where the next page begins; `None` if this is the last one.
    pub next: Option<RecordRef>,
}

/// How many administrators are affected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Administrators {
    /// Users who are deleted and are administrators.
    pub gone: u64,
    /// Users who stay, but lose an administrator role or a group that grants one.
    pub demoted: u64,
    /// Groups that stay, but lose an administrator role.
    pub groups: u64,
}

/// The names with the highest counts, the highest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Top {
    /// These names.
    pub rows: Vec<TopRow>,
    /// How many more names there are.
    pub others: u64,
    /// The sum of the counts of the other names.
    pub others_count: u64,
}

/// The count for a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopRow {
    /// The id of the record with this name, if there is one.
    pub id: Option<Id>,
    /// The name, or `None` if there is none.
    pub name: Option<String>,
    /// The count.
    pub count: u64,
}

/// A role or a group that is missing, while another one of the same name exists that, as far as we
/// know, is newer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// Role or group.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// The id that is missing.
    pub from: Id,
    /// The new id.
    pub to: Id,
    /// How many lose the old one and have the new one.
    pub came_along: u64,
    /// How many lose the old one and do not have the new one.
    pub left_behind: u64,
}
