//! Records: users, roles and groups.

use serde_json::{Value, json};

use super::{holders, put};
use crate::control::{GrantingGroup, Holders, Inherited, RecordRow};
use crate::model::unified;

/// Returns a record in its public form: the unified schema, with its tenant.
pub fn record(row: &RecordRow) -> Value {
    let mut json = unified::value(&row.record);
    put(&mut json, "tenant", json!(row.tenant));
    put(&mut json, "version", json!(row.version));
    json
}

/// Returns a role, with the users who hold it and the first groups that give it.
pub fn role_in_full(row: &RecordRow, holders: &Holders, groups: &[GrantingGroup]) -> Value {
    let mut json = record(row);
    put(&mut json, "holders", holders::role_holders(holders, groups));
    json
}

/// Returns a group, with the users who are in it.
pub fn group_in_full(row: &RecordRow, members: &Holders) -> Value {
    let mut json = record(row);
    put(&mut json, "members", holders::group_members(members));
    json
}

/// Returns a user, with the roles that the user has through groups.
pub fn user_in_full(row: &RecordRow, inherited: &Inherited) -> Value {
    let mut json = record(row);
    put(
        &mut json,
        "inherited_roles",
        holders::inherited_roles(inherited),
    );
    json
}
