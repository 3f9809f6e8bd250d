//! The groups in which users were at an earlier time although nothing was known of them.

use std::collections::BTreeMap;

use crate::history::HistoryError;
use crate::history::changed::Leavers;
use crate::lock::lock;
use crate::model::{GroupId, UserId};
use crate::store::{Known, Store};

use super::Picture;

impl Picture {
    /// Finds the groups that users have left since the time of the picture, and of which nothing
    /// was known then, with the names that members gave for them. There are none if the picture is
    /// of now. If so many have left a group that not all of them are looked at, it counts as one of
    /// these, without a name.
    pub fn unknown_groups_left(
        &self,
        store: &Store,
        known: &Known,
    ) -> Result<BTreeMap<GroupId, String>, HistoryError> {
        let mut unknown = BTreeMap::new();
        for (group, leavers) in self.unknown_candidates() {
            if leavers.has_more() {
                unknown.insert(group.clone(), String::new());
            }
            for user in leavers.users() {
                let user = self.user(store, known, &UserId(user.clone()))?;
                let groups = user.and_then(|user| user.groups);
                if let Some(name) = groups.and_then(|mut groups| groups.remove(&group)) {
                    unknown.insert(group, name);
                    break;
                }
            }
        }
        Ok(unknown)
    }

    /// Returns those groups with the users who may have been in them.
    fn unknown_candidates(&self) -> Vec<(GroupId, Leavers)> {
        let Some(past) = &self.past else {
            return Vec::new();
        };
        let past = lock(past);
        let unknown = past
            .left_groups()
            .filter(|(group, _)| !self.grants.is_group(group));
        unknown
            .map(|(group, leavers)| (group.clone(), leavers.clone()))
            .collect()
    }
}
