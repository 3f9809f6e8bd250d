//! Journal entries, apart from what they record.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::model::{Account, Change, HistoryLoss, Missing, Recovery, Reported, RunId};
use crate::store::layout::{v1, v3, v8};

use super::{owned, text};

impl<'a> From<(RunId, &'a Account)> for v1::Origin<'a> {
    fn from((run, account): (RunId, &'a Account)) -> Self {
        let account = account.into();
        Self { run, account }
    }
}

impl<'a> From<&'a Account> for v1::Account<'a> {
    fn from(account: &'a Account) -> Self {
        let Account {
            tenant,
            name,
            region,
        } = account;
        Self {
            tenant: Cow::Borrowed(tenant),
            name: Cow::Borrowed(name),
            region: text(region.as_ref()),
        }
    }
}

impl From<v1::Account<'_>> for Account {
    fn from(account: v1::Account<'_>) -> Self {
        let v1::Account {
            tenant,
            name,
            region,
        } = account;
        Self {
            tenant: tenant.into_owned(),
            name: name.into_owned(),
            region: owned(region),
        }
    }
}

impl<'a> From<&'a Change> for v1::Change<'a> {
    fn from(change: &'a Change) -> Self {
        match change {
            Change::Created { after, replaces } => Self::Created {
                after: after.into(),
                replaces: replaces.clone(),
            },
            Change::Updated { before, after } => Self::Updated {
                before: before.into(),
                after: after.into(),
            },
            Change::Deleted { before } => Self::Deleted {
                before: before.into(),
            },
        }
    }
}

impl From<v1::Change<'_>> for Change {
    fn from(change: v1::Change<'_>) -> Self {
        match change {
            v1::Change::Created { after, replaces } => Self::Created {
                after: after.into(),
                replaces,
            },
            v1::Change::Updated { before, after } => Self::Updated {
                before: before.into(),
                after: after.into(),
            },
            v1::Change::Deleted { before } => Self::Deleted {
                before: before.into(),
            },
        }
    }
}

impl From<&Reported> for v8::Reported {
    fn from(reported: &Reported) -> Self {
        let Reported { first, last, by } = reported;
        Self {
            first: *first,
            last: *last,
            by: by.as_ref().map(|users| users.iter().cloned().collect()),
        }
    }
}

impl From<v8::Reported> for Reported {
    fn from(reported: v8::Reported) -> Self {
        let v8::Reported { first, last, by } = reported;
        Self {
            first,
            last,
            by: by.map(BTreeSet::from_iter),
        }
    }
}

impl From<Missing> for v3::Missing {
    fn from(missing: Missing) -> Self {
        let Missing {
            entries,
            places,
            records,
        } = missing;
        Self {
            entries,
            places,
            records,
        }
    }
}

impl From<v3::Missing> for Missing {
    fn from(missing: v3::Missing) -> Self {
        let v3::Missing {
            entries,
            places,
            records,
        } = missing;
        Self {
            entries,
            places,
            records,
        }
    }
}

impl From<HistoryLoss> for v3::HistoryLoss {
    fn from(loss: HistoryLoss) -> Self {
        let HistoryLoss {
            at,
            entry,
            moved_to,
            damage,
            missing,
            accepted_at,
        } = loss;
        Self {
            at,
            entry,
            moved_to,
            damage,
            missing: missing.into(),
            accepted_at,
        }
    }
}

impl From<v3::HistoryLoss> for HistoryLoss {
    fn from(loss: v3::HistoryLoss) -> Self {
        let v3::HistoryLoss {
            at,
            entry,
            moved_to,
            damage,
            missing,
            accepted_at,
        } = loss;
        Self {
            at,
            entry,
            moved_to,
            damage,
            missing: missing.into(),
            accepted_at,
        }
    }
}

impl From<Recovery> for v1::Recovery {
    fn from(recovery: Recovery) -> Self {
        match recovery {
            Recovery::Plan(plan) => Self::Plan(plan),
            Recovery::Sync => Self::Sync,
        }
    }
}

impl From<v1::Recovery> for Recovery {
    fn from(recovery: v1::Recovery) -> Self {
        match recovery {
            v1::Recovery::Plan(plan) => Self::Plan(plan),
            v1::Recovery::Sync => Self::Sync,
        }
    }
}
