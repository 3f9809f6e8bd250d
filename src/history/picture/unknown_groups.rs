//! The groups in which users were at an earlier time although nothing was known of them.

use std::collections::BTreeMap;

use crate::history::HistoryError;
use crate::lock::lock;
use crate::model::{GroupId, Id, UserId};
use crate::store::{Known, Store};

use super::Picture;

impl Picture {
    /// Finds the groups that users have left since the time of the picture, and of which nothing
    /// was known then, with the names that members gave for them. There are none if the picture is
    /// of now.
    pub fn unknown_groups_left(
        &self,
        store: &Store,
        known: &Known,
    ) -> Result<BTreeMap<GroupId, String>, HistoryError> {
        let mut unknown = BTreeMap::new();
        for (group, users) in self.unknown_candidates() {
            for user in users {
                let user = self.user(store, known, &UserId(user))?;
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
    fn unknown_candidates(&self) -> Vec<(GroupId, Vec<Id>)> {
        let Some(past) = &self.past else {
            return Vec::new();
        };
        let past = lock(past);
        let unknown = past
            .left_groups()
            .filter(|(group, _)| !self.grants.is_group(group));
        unknown
            .map(|(group, users)| (group.clone(), users.to_vec()))
            .collect()
    }
}
