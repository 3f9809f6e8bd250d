//! The unified IAM schema in the style of StackOne: how records look from outside.
//!
//! The shapes are those of StackOne's IAM v1, so that software written for it reads ours: `{value,
//! source_value}` for open enums, `remote_id` next to a derived `id`, null for what the source does
//! not have. Fields that StackOne does not have go into `unified_custom_fields`. `docs/mapping.md`
//! says where each field comes from.
//!
//! Pure. The same record always gives the same bytes, because events are signed over them. Nothing
//! is copied on the way to those bytes.

mod group;
mod id;
mod policy;
mod right;
mod role;
mod user;

use serde::{Serialize, Serializer};
use serde_json::{Value, json};

pub use group::{GroupFields, IamGroup};
pub use id::{UnifiedId, derived_from};
pub use policy::{IamPermission, IamPolicy};
pub use right::{paths, right, role_right};
pub use role::{IamRole, RoleFields};
pub use user::{File, IamUser, UserFields};

use super::Record;

/// A record, written in the unified schema.
#[derive(Debug, Clone, Copy)]
pub struct Unified<'a>(pub &'a Record);

impl Serialize for Unified<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Record::Role(role) => IamRole::of(role).serialize(serializer),
            Record::Group(group) => IamGroup::of(group).serialize(serializer),
            Record::User(user) => IamUser::of(user).serialize(serializer),
        }
    }
}

/// Returns a record in the unified schema, as JSON.
pub fn value(record: &Record) -> Value {
    json!(Unified(record))
}

#[cfg(test)]
mod tests;
