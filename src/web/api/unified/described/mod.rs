//! Describes the operations: what they take and what they answer.

mod access;
mod lists;
mod problems;
mod records;

use serde_json::Value;

#[cfg(test)]
pub(super) use access::parameters;
pub(super) use access::{of_holders, of_members, of_user};
#[cfg(test)]
pub(super) use lists::{deleted, list_parameters};
pub(super) use lists::{of_account, of_accounts, of_lists, of_records};
pub(in crate::web::api) use problems::problems;

/// Returns the schemas that operations refer to by name.
pub(super) fn schemas() -> Vec<(&'static str, Value)> {
    let mut all = records::schemas();
    all.extend(access::schemas());
    all.extend(problems::schemas());
    all.push(("Account", lists::account()));
    all
}
