//! The rights that users hold, and how these change.

use std::borrow::Cow;

use crate::model::{
    AccessChange, AccountChange, Barrier, Holder, ListId, Path, Right, RightChange, RightHolders,
    RoleMention, ShownPath, SpaceMention,
};
use crate::store::layout::v9::right as v9;
use crate::store::layout::{v5, v8};
use crate::store::values::rights::{Behind, ListHead, RightsMark};

use super::{owned, same_words, text};

same_words! {
    AccessChange = v5::AccessChange { Granted, Revoked, PathChanged }
    Barrier = v5::Barrier { Disabled, Invited, InvitationEnded, UnknownStatus }
    AccountChange = v5::AccountChange { Stayed, Created, Deleted }
}

impl<'a> From<&'a RightChange> for v8::RightChange<'a> {
    fn from(right: &'a RightChange) -> Self {
        let RightChange {
            right,
            change,
            holders,
            before,
            after,
        } = right;
        Self {
            right: right.into(),
            change: (*change).into(),
            holders: holders.into(),
            before: before.iter().map(Into::into).collect(),
            after: after.iter().map(Into::into).collect(),
        }
    }
}

impl From<v8::RightChange<'_>> for RightChange {
    fn from(right: v8::RightChange<'_>) -> Self {
        let v8::RightChange {
            right,
            change,
            holders,
            before,
            after,
        } = right;
        Self {
            right: right.into(),
            change: change.into(),
            holders: holders.into(),
            before: before.into_iter().map(Into::into).collect(),
            after: after.into_iter().map(Into::into).collect(),
        }
    }
}

/// Before format 8, all rights were roles in the tenant.
impl From<v5::RightChange<'_>> for RightChange {
    fn from(right: v5::RightChange<'_>) -> Self {
        let v5::RightChange {
            role,
            change,
            holders,
            before,
            after,
        } = right;
        Self {
            right: Right::Role(role.into()),
            change: change.into(),
            holders: holders.into(),
            before: before.into_iter().map(Into::into).collect(),
            after: after.into_iter().map(Into::into).collect(),
        }
    }
}

impl<'a> From<&'a Right> for v8::Right<'a> {
    fn from(right: &'a Right) -> Self {
        match right {
            Right::Role(role) => Self::Role(role.into()),
            Right::SpaceRole { space, role } => Self::SpaceRole {
                space: space.into(),
                role: Cow::Borrowed(role),
            },
            Right::App {
                space,
                resource,
                sort,
                role,
            } => Self::App {
                space: space.into(),
                resource: text(resource.as_ref()),
                sort: text(sort.as_ref()),
                role: Cow::Borrowed(role),
            },
        }
    }
}

impl From<v8::Right<'_>> for Right {
    fn from(right: v8::Right<'_>) -> Self {
        match right {
            v8::Right::Role(role) => Self::Role(role.into()),
            v8::Right::SpaceRole { space, role } => Self::SpaceRole {
                space: space.into(),
                role: role.into_owned(),
            },
            v8::Right::App {
                space,
                resource,
                sort,
                role,
            } => Self::App {
                space: space.into(),
                resource: owned(resource),
                sort: owned(sort),
                role: role.into_owned(),
            },
        }
    }
}

impl<'a> From<&'a SpaceMention> for v8::SpaceMention<'a> {
    fn from(space: &'a SpaceMention) -> Self {
        let SpaceMention { id, name, sort } = space;
        Self {
            id: id.clone(),
            name: Cow::Borrowed(name),
            sort: text(sort.as_ref()),
        }
    }
}

impl From<v8::SpaceMention<'_>> for SpaceMention {
    fn from(space: v8::SpaceMention<'_>) -> Self {
        let v8::SpaceMention { id, name, sort } = space;
        Self {
            id,
            name: name.into_owned(),
            sort: owned(sort),
        }
    }
}

impl<'a> From<&'a RoleMention> for v5::RoleMention<'a> {
    fn from(role: &'a RoleMention) -> Self {
        let RoleMention {
            id,
            name,
            level,
            is_unknown,
        } = role;
        Self {
            id: id.clone(),
            name: Cow::Borrowed(name),
            level: text(level.as_ref()),
            is_unknown: *is_unknown,
        }
    }
}

impl From<v5::RoleMention<'_>> for RoleMention {
    fn from(role: v5::RoleMention<'_>) -> Self {
        let v5::RoleMention {
            id,
            name,
            level,
            is_unknown,
        } = role;
        Self {
            id,
            name: name.into_owned(),
            level: owned(level),
            is_unknown,
        }
    }
}

impl<'a> From<&'a ShownPath> for v8::Path<'a> {
    fn from(ShownPath { path, group: name }: &'a ShownPath) -> Self {
        match path {
            Path::Direct => Self::Direct,
            Path::Group(group) => Self::Group(group.clone(), text(name.as_ref())),
            Path::Everyone(group) => Self::Everyone(group.clone(), text(name.as_ref())),
            Path::UserDefault => Self::UserDefault,
            Path::Owner => Self::Owner,
        }
    }
}

impl From<v5::Path<'_>> for ShownPath {
    fn from(path: v5::Path<'_>) -> Self {
        let (path, group) = match path {
            v5::Path::Direct => (Path::Direct, None),
            v5::Path::Group(group, name) => (Path::Group(group), owned(name)),
            v5::Path::Everyone(group, name) => (Path::Everyone(group), owned(name)),
            v5::Path::UserDefault => (Path::UserDefault, None),
        };
        Self { path, group }
    }
}

impl From<v8::Path<'_>> for ShownPath {
    fn from(path: v8::Path<'_>) -> Self {
        let (path, group) = match path {
            v8::Path::Direct => (Path::Direct, None),
            v8::Path::Group(group, name) => (Path::Group(group), owned(name)),
            v8::Path::Everyone(group, name) => (Path::Everyone(group), owned(name)),
            v8::Path::UserDefault => (Path::UserDefault, None),
            v8::Path::Owner => (Path::Owner, None),
        };
        Self { path, group }
    }
}

impl<'a> From<&'a RightHolders> for v5::RightHolders<'a> {
    fn from(holders: &'a RightHolders) -> Self {
        match holders {
            RightHolders::One(holder) => Self::One(holder.into()),
            RightHolders::Listed {
                list: ListId(list),
                count,
            } => Self::Listed {
                list: *list,
                count: *count,
            },
            RightHolders::Everybody { count } => Self::Everybody { count: *count },
        }
    }
}

impl From<v5::RightHolders<'_>> for RightHolders {
    fn from(holders: v5::RightHolders<'_>) -> Self {
        match holders {
            v5::RightHolders::One(holder) => Self::One(holder.into()),
            v5::RightHolders::Listed { list, count } => Self::Listed {
                list: ListId(list),
                count,
            },
            v5::RightHolders::Everybody { count } => Self::Everybody { count },
        }
    }
}

impl<'a> From<&'a Holder> for v5::Holder<'a> {
    fn from(holder: &'a Holder) -> Self {
        let Holder {
            id,
            subject,
            name,
            email,
            is_bot,
            barrier,
            account,
        } = holder;
        Self {
            id: id.clone(),
            subject: Cow::Borrowed(subject),
            name: text(name.as_ref()),
            email: text(email.as_ref()),
            is_bot: *is_bot,
            barrier: barrier.map(Into::into),
            account: (*account).into(),
        }
    }
}

impl From<v5::Holder<'_>> for Holder {
    fn from(holder: v5::Holder<'_>) -> Self {
        let v5::Holder {
            id,
            subject,
            name,
            email,
            is_bot,
            barrier,
            account,
        } = holder;
        Self {
            id,
            subject: subject.into_owned(),
            name: owned(name),
            email: owned(email),
            is_bot,
            barrier: barrier.map(Into::into),
            account: account.into(),
        }
    }
}

impl From<ListHead> for v5::ListHead {
    fn from(ListHead { entry, count }: ListHead) -> Self {
        Self { entry, count }
    }
}

impl From<v5::ListHead> for ListHead {
    fn from(v5::ListHead { entry, count }: v5::ListHead) -> Self {
        Self { entry, count }
    }
}

impl From<RightsMark> for v9::RightsMark {
    fn from(mark: RightsMark) -> Self {
        let RightsMark {
            reported,
            under_way,
            in_spaces,
        } = mark;
        Self {
            reported,
            under_way,
            in_spaces: in_spaces
                .map(|Behind { reported, reading }| v9::Behind { reported, reading }),
        }
    }
}

impl From<v9::RightsMark> for RightsMark {
    fn from(mark: v9::RightsMark) -> Self {
        let v9::RightsMark {
            reported,
            under_way,
            in_spaces,
        } = mark;
        Self {
            reported,
            under_way,
            in_spaces: in_spaces
                .map(|v9::Behind { reported, reading }| Behind { reported, reading }),
        }
    }
}

impl From<v5::RightsMark> for v9::RightsMark {
    fn from(v5::RightsMark { told, under_way }: v5::RightsMark) -> Self {
        Self {
            reported: told,
            under_way,
            in_spaces: None,
        }
    }
}
