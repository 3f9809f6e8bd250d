//! Counts who holds a role, or is in a group, from the posting lists of the store.

use crate::access::PathKinds;
use crate::model::{GroupId, Id, Kind, Record, RecordRef, RoleId, User};
use crate::store::{Known, PostingList, StoreError};

use super::holders::row;
use super::reading::Reading;
use super::records::MAX_READ;
use super::{Holders, HoldersPage};

/// The bits of users who hold the role or are in the group: directly, or by a group.
const DIRECT: u8 = 1;
const BY_GROUP: u8 = 2;

/// The bit of users whose roles or groups are not visible.
const HIDDEN: u8 = 4;

impl Reading<'_> {
    /// Counts the users after an id who hold a role or are in a group, and names the first ones.
    /// Returns `None` if the lists cannot answer this: then all users must be read.
    pub(super) fn posted_holders(
        &self,
        known: &Known,
        record: &RecordRef,
        after: Option<&Id>,
        limit: usize,
    ) -> Result<Option<HoldersPage>, StoreError> {
        let hidden = |list: PostingList| (list, HIDDEN);
        let mut lists = vec![hidden(PostingList::HiddenGroups)];
        let (group, meant) = (
            GroupId(record.id.clone()),
            match record.kind {
                Kind::Role => {
                    let role = RoleId(record.id.clone());
                    lists.push(hidden(PostingList::HiddenRoles));
                    lists.push((PostingList::Role(role.clone()), DIRECT));
                    Some(self.meant(known, role)?)
                }
                Kind::Group => {
                    let group = GroupId(record.id.clone());
                    lists.push((PostingList::Group(group), DIRECT));
                    None
                }
                Kind::User => return Ok(None),
            },
        );
        let giving = meant.iter().flat_map(|meant| meant.roles.giving());
        lists.extend(giving.map(|id| (PostingList::Group(id.clone()), BY_GROUP)));
        let Some(posted) = self.store.posted(known.no, &lists, after, MAX_READ)? else {
            return Ok(None);
        };
        let mut holders = Holders {
            n_groups: lists.iter().filter(|(_, bits)| *bits == BY_GROUP).count() as u64,
            ..Holders::default()
        };
        let mut first = Vec::new();
        for (user, bits) in posted.users {
            if bits == HIDDEN {
                holders.hidden += 1;
                continue;
            }
            holders.users += 1;
            holders.direct += u64::from(bits & DIRECT != 0);
            holders.by_group += u64::from(bits & BY_GROUP != 0);
            if first.len() < limit {
                first.push(user.0);
            }
        }
        let path_kinds = |user: &User| match &meant {
            Some(meant) => meant.roles.path_kinds(user),
            None => PathKinds {
                is_direct: user
                    .groups
                    .as_ref()
                    .is_some_and(|it| it.contains_key(&group)),
                is_by_group: false,
            },
        };
        let gives = |id: &GroupId| {
            let meant = meant.as_ref();
            meant.is_some_and(|meant| meant.roles.giving().contains(id))
        };
        let mut names = self.names(known)?;
        for mut kept in self.store.get_all(known.no, Kind::User, &first)? {
            names.join(self.store, &mut kept.record)?;
            if let Record::User(user) = kept.record {
                let kinds = path_kinds(&user);
                holders.first.push(row(user, kinds, gives));
            }
        }
        Ok(Some(HoldersPage {
            holders,
            next: posted.next,
        }))
    }
}
