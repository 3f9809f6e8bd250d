//! Which roles users hold by any path, for programs.

use serde::{Deserialize, Serialize};

use crate::control::reading::Reading;
use crate::control::{ControlError, RecordRow};
use crate::model::{Record, RoleMention, ShownPath, Timestamp};

/// The roles that a user holds by any path.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EffectiveRoles {
    /// The roles, by id.
    pub roles: Vec<EffectiveRole>,
    /// Whether these are all: false if a part of the user's roles or groups, or of what these
    /// groups give, is not visible.
    pub is_complete: bool,
}

/// A role with every path by which a user holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EffectiveRole {
    /// The role.
    pub role: RoleMention,
    /// The paths.
    pub paths: Vec<ShownPath>,
}

impl Reading<'_> {
    /// Returns what each of some records holds. Roles and groups hold nothing.
    pub(super) fn effective(
        &self,
        rows: &[RecordRow],
        at: Option<Timestamp>,
    ) -> Result<Vec<EffectiveRoles>, ControlError> {
        rows.iter().map(|row| self.effective_of(row, at)).collect()
    }

    fn effective_of(
        &self,
        row: &RecordRow,
        at: Option<Timestamp>,
    ) -> Result<EffectiveRoles, ControlError> {
        let user = match &row.record {
            Record::User(user) => user,
            Record::Role(_) | Record::Group(_) => return Ok(EffectiveRoles::default()),
        };
        let known = self.one(&row.tenant)?;
        let picture = self.context.pictures.of(self.store, known, at)?;
        let grants = picture.grants();
        let roles = grants.roles_of(user).into_iter().map(|(role, paths)| {
            let name = user.roles.as_ref().and_then(|roles| roles.get(&role));
            EffectiveRole {
                role: picture.mention(&role, name.map(String::as_str)),
                paths: picture.shown(&paths),
            }
        });
        Ok(EffectiveRoles {
            roles: roles.collect(),
            is_complete: grants.unseen(user).is_empty(),
        })
    }
}
