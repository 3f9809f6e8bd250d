//! The two times of a comparison, and what is asked about them.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::control::ControlError;
use crate::control::reading::Reading;
use crate::history::Picture;
use crate::model::{Called, GroupId, Path, Right, ShownPath, SpaceMention, Timestamp};
use crate::store::Known;

/// The two pictures of a comparison, and what is asked about them.
pub(super) struct Times<'a> {
    pub(super) reading: &'a Reading<'a>,
    pub(super) known: &'a Known,
    pub(super) before: &'a Arc<Picture>,
    pub(super) after: &'a Arc<Picture>,
    pub(super) from: Timestamp,
    pub(super) at: Timestamp,
    /// Only roles with this id or name.
    pub(super) role: Option<&'a str>,
    /// Only rights in spaces with this id or name.
    pub(super) space: Option<&'a str>,
    /// The names of groups that were looked up; `None` if a group has none that is known.
    pub(super) names: RefCell<BTreeMap<GroupId, Option<String>>>,
}

impl Times<'_> {
    pub(super) fn n_users(&self) -> Result<u64, ControlError> {
        Ok(self.after.n_users(self.reading.store, self.known)?)
    }

    /// Returns whether the question includes a right.
    pub(super) fn is_wanted(&self, right: &Right) -> bool {
        self.role.is_none_or(|called| right.is_called(called))
    }

    /// Returns whether the question includes a space, by its id or this name of it.
    pub(super) fn is_space_wanted(&self, space: &SpaceMention) -> bool {
        self.space.is_none_or(|called| space.is_called(called))
    }

    /// Returns paths in a space with the names of their groups.
    pub(super) fn shown(&self, paths: BTreeSet<Path>) -> Result<Vec<ShownPath>, ControlError> {
        let shown = paths.into_iter().map(|path| {
            let group = match path.group() {
                Some(group) => self.name_of(group)?,
                None => None,
            };
            Ok(ShownPath { path, group })
        });
        shown.collect()
    }

    /// Returns the name of a group at the later time, or at the earlier one if it is gone.
    fn name_of(&self, group: &GroupId) -> Result<Option<String>, ControlError> {
        if let Some(name) = self.names.borrow().get(group) {
            return Ok(name.clone());
        }
        let (store, known) = (self.reading.store, self.known);
        let name = match self.after.name_of(store, known, group)? {
            Some(name) => Some(name),
            None => self.before.name_of(store, known, group)?,
        };
        self.names.borrow_mut().insert(group.clone(), name.clone());
        Ok(name)
    }
}
