//! What differs between two times: who gained a role, who lost one, and who holds one by other
//! paths.

use crate::access::{Difference, differences, everybodys_differences};
use crate::control::reading::Reading;
use crate::control::records::MAX_READ;
use crate::control::{ControlError, MAX_PAGE, Query, page, query};
use crate::history::{Pair, Picture, latest_mention, pairs};
use crate::model::{Called, RoleId, RoleMention, Timestamp, User};
use crate::store::Known;

use super::answers::{AccessPage, AccessPerson, DiffPage, DiffRow, EverybodyDiff};
use super::{Envelope, envelope};

impl Query for query::AccessDiff {
    type Answer = DiffPage;

    fn about(&self) -> &'static str {
        "what changed in who may do what"
    }

    fn answer(self, reading: &Reading<'_>) -> Result<Self::Answer, ControlError> {
        let known = reading.one(&self.tenant)?;
        let store = reading.store;
        let pictures = &reading.context.pictures;
        let before = pictures.of(store, known, Some(self.from))?;
        let after = pictures.of(store, known, self.to)?;
        let mut envelope = envelope::begin(reading, known, &after, self.to, None)?;
        let earlier = envelope::begin(reading, known, &before, Some(self.from), None)?;
        envelope.not_known.extend(earlier.not_known);
        let times = Times {
            before: &before,
            after: &after,
            at: envelope.as_of,
            role: self.role.as_deref(),
        };
        let everybody = times.everybody(reading, known)?;
        let answer = |envelope, rows, next| DiffPage {
            page: AccessPage {
                envelope,
                rows,
                next,
            },
            everybody,
        };
        let limit = page::size(self.limit);
        let (mut rows, mut next) = (Vec::new(), self.after);
        for _ in 0..MAX_READ / MAX_PAGE {
            let page = pairs((&before, &after), store, known, next.as_ref(), MAX_PAGE)?;
            for (id, pair) in page.pairs {
                next = Some(id);
                times.note_unseen(&mut envelope, &pair);
                rows.extend(times.rows(&pair));
                if rows.len() >= limit {
                    return Ok(answer(envelope, rows, next));
                }
            }
            next = page.next;
            if next.is_none() {
                break;
            }
        }
        Ok(answer(envelope, rows, next))
    }
}

/// Two pictures that are compared.
struct Times<'a> {
    before: &'a Picture,
    after: &'a Picture,
    at: Timestamp,
    /// Of the roles, only those with this id or name.
    role: Option<&'a str>,
}

impl Times<'_> {
    /// Notes what is not visible of a user's roles at one of the times.
    fn note_unseen(&self, envelope: &mut Envelope, pair: &Pair) {
        for (picture, user) in [(self.before, &pair.then), (self.after, &pair.now)] {
            if let Some(user) = user {
                let unseen = picture.grants().unseen(user);
                envelope::note_user(envelope, picture, user, &unseen);
            }
        }
    }

    /// Compares the roles that all users had with those that all users have.
    fn everybody(
        &self,
        reading: &Reading<'_>,
        known: &Known,
    ) -> Result<Vec<EverybodyDiff>, ControlError> {
        let mut rows = Vec::new();
        for difference in everybodys_differences(self.before.grants(), self.after.grants()) {
            let Difference {
                right: role,
                change,
                before,
                after,
            } = difference;
            rows.push(EverybodyDiff {
                role: self.mention(&role, None),
                change,
                users: self.after.n_users(reading.store, known)?,
                before: self.before.shown(&before),
                after: self.after.shown(&after),
            });
        }
        rows.retain(|row| self.is_wanted(&row.role));
        Ok(rows)
    }

    /// Compares what a user had with what the user has.
    fn rows(&self, pair: &Pair) -> Vec<DiffRow> {
        let (then, now) = (pair.then.as_ref(), pair.now.as_ref());
        let Some((user, account)) = pair.account() else {
            return Vec::new();
        };
        let differences = differences(self.before.grants(), self.after.grants(), then, now);
        let rows = differences.into_iter().map(|difference| DiffRow {
            user: AccessPerson::of(user, self.at),
            account,
            role: self.mention(&difference.right, Some(user)),
            change: difference.change,
            before: self.before.shown(&difference.before),
            after: self.after.shown(&difference.after),
        });
        rows.filter(|row| self.is_wanted(&row.role)).collect()
    }

    fn is_wanted(&self, role: &RoleMention) -> bool {
        self.role.is_none_or(|called| role.is_called(called))
    }

    fn mention(&self, role: &RoleId, holder: Option<&User>) -> RoleMention {
        latest_mention((self.before, self.after), role, holder)
    }
}
