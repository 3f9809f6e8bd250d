//! Spaces.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{
    Assignee, Found, ListChange, Space, SpaceAssignment, SpaceChange, SpaceHead, SpacePart,
    SpaceShare,
};
use crate::store::layout::v6::space as v6;
use crate::store::layout::v8::space as v8;
use crate::store::layout::v9::space as v9;
use crate::store::layout::v9::space_doubts as v9_doubts;
use crate::store::values::reading::ReadingMark;
use crate::store::values::space::{KeptSpace, SpaceDoubt, SpaceDoubts, SpaceReading};

use super::{pairs, same_words};

same_words! {
    SpacePart = v6::SpacePart { Itself, Assignments, Shares }
}

impl From<KeptSpace> for v9::SpaceRow {
    fn from(kept: KeptSpace) -> Self {
        let KeptSpace {
            space,
            reading,
            changed_at,
        } = kept;
        Self {
            space: space.into(),
            reading,
            changed_at,
        }
    }
}

impl From<v9::SpaceRow> for KeptSpace {
    fn from(row: v9::SpaceRow) -> Self {
        let v9::SpaceRow {
            space,
            reading,
            changed_at,
        } = row;
        Self {
            space: space.into(),
            reading,
            changed_at,
        }
    }
}

impl From<Space> for v9::Space {
    fn from(space: Space) -> Self {
        let Space {
            id,
            head,
            assignments,
            shares,
            partial,
        } = space;
        Self {
            id,
            head: head.into(),
            assignments: assignments.map(pairs),
            shares: shares.map(pairs),
            partial: partial.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<v9::Space> for Space {
    fn from(space: v9::Space) -> Self {
        let v9::Space {
            id,
            head,
            assignments,
            shares,
            partial,
        } = space;
        Self {
            id,
            head: head.into(),
            assignments: assignments.map(pairs),
            shares: shares.map(pairs),
            partial: partial.into_iter().map(Into::into).collect(),
        }
    }
}

/// Format 8 did not say whether a list was ever seen whole. A list that was not whole when we last
/// looked counts as never seen whole: otherwise members that we see next would be reported as new.
impl From<v6::SpaceRow> for v9::SpaceRow {
    fn from(row: v6::SpaceRow) -> Self {
        let v6::SpaceRow {
            space,
            reading,
            changed_at,
        } = row;
        let v6::Space {
            id,
            head,
            assignments,
            shares,
        } = space;
        let mut partial = Vec::new();
        for part in &head.unseen {
            let is_list_of_some = match part {
                v6::SpacePart::Itself => false,
                v6::SpacePart::Assignments => assignments.as_ref().is_some_and(|it| !it.is_empty()),
                v6::SpacePart::Shares => shares.as_ref().is_some_and(|it| !it.is_empty()),
            };
            if is_list_of_some {
                partial.push(*part);
            }
        }
        Self {
            space: v9::Space {
                id,
                head,
                assignments,
                shares,
                partial,
            },
            reading,
            changed_at,
        }
    }
}

impl From<SpaceHead> for v6::SpaceHead {
    fn from(head: SpaceHead) -> Self {
        let SpaceHead {
            name,
            sort,
            owner,
            created_at,
            unseen,
        } = head;
        Self {
            name,
            sort,
            owner,
            created_at,
            unseen: unseen.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<v6::SpaceHead> for SpaceHead {
    fn from(head: v6::SpaceHead) -> Self {
        let v6::SpaceHead {
            name,
            sort,
            owner,
            created_at,
            unseen,
        } = head;
        Self {
            name,
            sort,
            owner,
            created_at,
            unseen: unseen.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<Assignee> for v6::Assignee {
    fn from(assignee: Assignee) -> Self {
        let Assignee { sort, id } = assignee;
        Self { sort, id }
    }
}

impl From<v6::Assignee> for Assignee {
    fn from(assignee: v6::Assignee) -> Self {
        let v6::Assignee { sort, id } = assignee;
        Self { sort, id }
    }
}

impl From<SpaceAssignment> for v6::SpaceAssignment {
    fn from(assignment: SpaceAssignment) -> Self {
        let SpaceAssignment {
            roles,
            created_at,
            created_by,
            updated_at,
        } = assignment;
        Self {
            roles: roles.into_iter().collect(),
            created_at,
            created_by,
            updated_at,
        }
    }
}

impl From<v6::SpaceAssignment> for SpaceAssignment {
    fn from(assignment: v6::SpaceAssignment) -> Self {
        let v6::SpaceAssignment {
            roles,
            created_at,
            created_by,
            updated_at,
        } = assignment;
        Self {
            roles: roles.into_iter().collect(),
            created_at,
            created_by,
            updated_at,
        }
    }
}

impl From<SpaceShare> for v6::SpaceShare {
    fn from(share: SpaceShare) -> Self {
        let SpaceShare {
            sort,
            with,
            roles,
            resource,
            resource_sort,
            is_disabled,
            created_at,
            created_by,
        } = share;
        Self {
            sort,
            with,
            roles: roles.into_iter().collect(),
            resource,
            resource_sort,
            is_disabled,
            created_at,
            created_by,
        }
    }
}

impl From<v6::SpaceShare> for SpaceShare {
    fn from(share: v6::SpaceShare) -> Self {
        let v6::SpaceShare {
            sort,
            with,
            roles,
            resource,
            resource_sort,
            is_disabled,
            created_at,
            created_by,
        } = share;
        Self {
            sort,
            with,
            roles: roles.into_iter().collect::<BTreeSet<_>>(),
            resource,
            resource_sort,
            is_disabled,
            created_at,
            created_by,
        }
    }
}

impl From<SpaceChange> for v6::SpaceChange {
    fn from(change: SpaceChange) -> Self {
        let SpaceChange {
            id,
            before,
            after,
            found,
            mut assignments,
            shares,
        } = change;
        // If a space was not known, neither were its lists. So `was_known` is free to say that the
        // space was found late; format 8 never set it then.
        if before.is_none() {
            assignments.was_known = match found {
                Found::New => false,
                Found::Late => true,
            };
        }
        Self {
            id,
            before: before.map(Into::into),
            after: after.map(Into::into),
            assignments: assignments.into(),
            shares: shares.into(),
        }
    }
}

impl From<v6::SpaceChange> for SpaceChange {
    fn from(change: v6::SpaceChange) -> Self {
        let v6::SpaceChange {
            id,
            before,
            after,
            mut assignments,
            shares,
        } = change;
        let mut found = Found::New;
        if before.is_none() && std::mem::take(&mut assignments.was_known) {
            found = Found::Late;
        }
        Self {
            id,
            before: before.map(Into::into),
            after: after.map(Into::into),
            found,
            assignments: assignments.into(),
            shares: shares.into(),
        }
    }
}

impl<K: Ord + Into<L>, V: Into<W>, L, W> From<ListChange<K, V>> for v6::ListChange<L, W> {
    fn from(change: ListChange<K, V>) -> Self {
        let ListChange {
            was_known,
            is_known,
            members,
        } = change;
        let members = members.into_iter().map(|(key, (before, after))| {
            (key.into(), (before.map(Into::into), after.map(Into::into)))
        });
        Self {
            was_known,
            is_known,
            members: members.collect(),
        }
    }
}

impl<K, V, L: Ord + From<K>, W: From<V>> From<v6::ListChange<K, V>> for ListChange<L, W> {
    fn from(change: v6::ListChange<K, V>) -> Self {
        let v6::ListChange {
            was_known,
            is_known,
            members,
        } = change;
        let members = members.into_iter().map(|(key, (before, after))| {
            (key.into(), (before.map(Into::into), after.map(Into::into)))
        });
        Self {
            was_known,
            is_known,
            members: members.collect::<BTreeMap<_, _>>(),
        }
    }
}

impl From<v8::SpaceReading> for v9::SpaceReading {
    fn from(reading: v8::SpaceReading) -> Self {
        let v8::SpaceReading {
            number,
            first,
            last,
            began,
            tried,
            refused,
            since,
            unread,
        } = reading;
        Self {
            number,
            first,
            last,
            began,
            tried,
            refused,
            since,
            unread,
            removed: Vec::new(),
        }
    }
}

impl From<SpaceReading> for v9::SpaceReading {
    fn from(reading: SpaceReading) -> Self {
        let SpaceReading {
            mark,
            first,
            since,
            n_unread,
            removed,
        } = reading;
        let ReadingMark {
            number,
            last,
            began,
            tried,
            is_refused,
        } = mark;
        Self {
            number,
            first,
            last,
            began,
            tried,
            refused: is_refused,
            since,
            unread: n_unread,
            removed,
        }
    }
}

impl From<v9::SpaceReading> for SpaceReading {
    fn from(reading: v9::SpaceReading) -> Self {
        let v9::SpaceReading {
            number,
            first,
            last,
            began,
            tried,
            refused,
            since,
            unread,
            removed,
        } = reading;
        let mark = ReadingMark {
            number,
            last,
            began,
            tried,
            is_refused: refused,
        };
        Self {
            mark,
            first,
            since,
            n_unread: unread,
            removed,
        }
    }
}

impl From<&SpaceDoubts> for v9_doubts::SpaceDoubts {
    fn from(doubts: &SpaceDoubts) -> Self {
        let doubts = doubts.iter();
        let doubts = doubts.map(|(part, SpaceDoubt { reading, lost })| {
            let doubt = v9_doubts::SpaceDoubt {
                reading: *reading,
                lost: *lost,
            };
            ((*part).into(), doubt)
        });
        Self(doubts.collect())
    }
}

impl From<v9_doubts::SpaceDoubts> for SpaceDoubts {
    fn from(v9_doubts::SpaceDoubts(doubts): v9_doubts::SpaceDoubts) -> Self {
        let doubts = doubts.into_iter();
        let doubts = doubts.map(|(part, v9_doubts::SpaceDoubt { reading, lost })| {
            (part.into(), SpaceDoubt { reading, lost })
        });
        doubts.collect()
    }
}
