//! What differs between two times: who gained a right, who lost one, and who holds one by other
//! paths.

use std::cell::RefCell;
use std::collections::BTreeSet;

use crate::access::{Difference, differences, everybodys_differences};
use crate::control::reading::Reading;
use crate::control::{ControlError, MAX_PAGE, Query, page, query};
use crate::history::{Pair, PairPage, latest_mention, pairs};
use crate::model::{Id, Right, RoleId, RoleMention, User};

use super::answers::{AccessPage, AccessPerson, DiffPage, DiffRow, EverybodyDiff, NotKnown};
use super::diff_spaces::{Told, compare_spaces, table};
use super::diff_times::Times;
use super::page_rows::PageRows;
use super::portions::Portions;
use super::space::note_user;
use super::{Envelope, envelope};

impl Query for query::AccessDiff {
    type Answer = DiffPage;

    fn about(&self) -> &'static str {
        "what changed in who may do what"
    }

    fn answer(self, reading: &Reading<'_>) -> Result<Self::Answer, ControlError> {
        let known = reading.one(&self.tenant)?;
        let pictures = &reading.context.pictures;
        let before = pictures.of(reading.store, known, Some(self.from))?;
        let after = pictures.of(reading.store, known, self.to)?;
        let asked: Option<&[RoleId]> = self.space.as_ref().map(|_| &[][..]);
        let mut envelope = envelope::begin(reading, known, &after, self.to, asked)?;
        let earlier = envelope::begin(reading, known, &before, Some(self.from), asked)?;
        envelope.not_known.extend(earlier.not_known);
        if self.space.is_some() {
            envelope.not_known.remove(&NotKnown::Roles);
        }
        let times = Times {
            reading,
            known,
            before: &before,
            after: &after,
            from: self.from,
            at: envelope.as_of,
            role: self.role.as_deref(),
            space: self.space.as_deref(),
            names: RefCell::default(),
        };
        let mut told = Told {
            everybody: times.everybody()?,
            envelope,
            is_first: self.after.is_none(),
            spaces: BTreeSet::new(),
        };
        let mut rows = PageRows::begin(page::size(self.limit));
        let mut next = self.after;
        let table = table(&times)?;
        let mut portions = Portions::begin();
        loop {
            let page = times.users(portions.take(table.as_ref()), next.clone())?;
            for (id, pair) in &page.pairs {
                times.note_unseen(&mut told.envelope, pair);
                for row in times.rows(pair) {
                    rows.add(id, row);
                }
            }
            compare_spaces(&times, table.as_deref(), &page.pairs, &mut rows, &mut told)?;
            told.is_first = false;
            next = rows.next(page.pairs.iter().map(|(id, _)| id), next, page.next);
            if rows.is_full() || next.is_none() || portions.is_end() {
                break;
            }
        }
        Ok(DiffPage {
            page: AccessPage {
                envelope: told.envelope,
                rows: rows.into_rows(),
                next,
            },
            everybody: told.everybody,
            spaces: told.spaces.into_iter().collect(),
        })
    }
}

impl Times<'_> {
    /// Reads some pages of users.
    fn users(&self, n_pages: usize, after: Option<Id>) -> Result<PairPage, ControlError> {
        let (store, known) = (self.reading.store, self.known);
        let mut all = PairPage {
            pairs: Vec::new(),
            next: after,
        };
        for _ in 0..n_pages {
            let two = (&**self.before, &**self.after);
            let page = pairs(two, store, known, all.next.as_ref(), MAX_PAGE)?;
            all.pairs.extend(page.pairs);
            all.next = page.next;
            if all.next.is_none() {
                break;
            }
        }
        Ok(all)
    }

    /// Notes which of a user's roles and groups are not visible at one of the times.
    fn note_unseen(&self, envelope: &mut Envelope, pair: &Pair) {
        for (picture, user) in [(self.before, &pair.then), (self.after, &pair.now)] {
            let Some(user) = user else { continue };
            match self.space {
                None => {
                    let unseen = picture.grants().unseen(user);
                    envelope::note_user(envelope, picture, user, &unseen);
                }
                Some(_) => note_user(user, envelope),
            }
        }
    }

    /// Compares the roles that all users had with those that all users have.
    fn everybody(&self) -> Result<Vec<EverybodyDiff>, ControlError> {
        let mut rows = Vec::new();
        if self.space.is_some() {
            return Ok(rows);
        }
        for difference in everybodys_differences(self.before.grants(), self.after.grants()) {
            let Difference {
                right: role,
                change,
                before,
                after,
            } = difference;
            rows.push(EverybodyDiff {
                right: Right::Role(self.mention(&role, None)),
                change,
                users: self.n_users()?,
                before: self.before.shown(&before),
                after: self.after.shown(&after),
            });
        }
        rows.retain(|row| self.is_wanted(&row.right));
        Ok(rows)
    }

    /// Compares the roles that a user held at the first time with those held at the second.
    fn rows(&self, pair: &Pair) -> Vec<DiffRow> {
        let (then, now) = (pair.then.as_ref(), pair.now.as_ref());
        let Some((user, account)) = pair.account().filter(|_| self.space.is_none()) else {
            return Vec::new();
        };
        let differences = differences(self.before.grants(), self.after.grants(), then, now);
        let rows = differences.into_iter().map(|difference| DiffRow {
            user: AccessPerson::of(user, self.at),
            account,
            right: Right::Role(self.mention(&difference.right, Some(user))),
            change: difference.change,
            before: self.before.shown(&difference.before),
            after: self.after.shown(&difference.after),
        });
        rows.filter(|row| self.is_wanted(&row.right)).collect()
    }

    fn mention(&self, role: &RoleId, holder: Option<&User>) -> RoleMention {
        latest_mention((&**self.before, &**self.after), role, holder)
    }
}
