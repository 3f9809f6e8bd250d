//! Collects the subjects of the users of tenants, once for all answers until a user changes.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use crate::access::{SubjectDigest, Subjects};
use crate::history::{HistoryError, Picture};
use crate::lock::lock;
use crate::model::{Id, Kind, Record, Timestamp};
use crate::store::{Census, Known, Store, StoreError, TenantNo};

/// The most users whose subjects one answer searches, and the most subjects that are kept for the
/// next answer, which take 16 MB.
const MAX_SUBJECTS: usize = 2_000_000;

/// How many users of an earlier time are read at once.
const AT_ONCE: usize = 500;

/// The results of the last searches, one for each tenant, so that questions about different tenants
/// do not make each other search again. The result used last is at the end.
#[derive(Debug, Clone, Default)]
pub(super) struct Searches(Arc<Mutex<Vec<Search>>>);

/// A search of one tenant, and what it found.
#[derive(Debug, Clone)]
struct Search {
    asked: Asked,
    subjects: Arc<Subjects>,
}

/// What is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Asked {
    no: TenantNo,
    /// The time of its users; `None` means now.
    at: Option<Timestamp>,
    /// The state of its users. Once a user changes, the result is out of date.
    census: Census,
    /// The most users that are searched.
    most: usize,
}

/// The subjects of the users of a tenant.
#[derive(Debug, Clone)]
pub(super) struct Searched {
    pub(super) subjects: Arc<Subjects>,
    /// Whether all users were searched.
    pub(super) extent: Extent,
}

/// How much of a tenant was searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// All users.
    Whole,
    /// There are more users than one answer searches.
    Part,
}

impl Searches {
    /// Returns the subjects of the users of these tenants, in the order of the tenants.
    pub(super) fn of(
        &self,
        store: &Store,
        tenants: &[&Known],
    ) -> Result<Vec<Searched>, StoreError> {
        let mut left = MAX_SUBJECTS;
        let mut all = Vec::new();
        for known in tenants {
            // The census is taken before users are read: if one changes in between, the next
            // question sees another census and searches again.
            let census = store.census(known.no, Kind::User)?;
            let count = usize::try_from(census.count).unwrap_or(usize::MAX);
            let most = count.min(left);
            left -= most;
            let search = || search(store, known.no, most);
            let asked = Asked {
                no: known.no,
                at: None,
                census,
                most,
            };
            let subjects = self.recall(asked, MAX_SUBJECTS, search)?;
            let extent = match count > most {
                true => Extent::Part,
                false => Extent::Whole,
            };
            all.push(Searched { subjects, extent });
        }
        Ok(all)
    }

    /// Returns the subjects of the users that a tenant had at the time of a picture. `n_before` are
    /// already part of the answer.
    pub(super) fn at(
        &self,
        store: &Store,
        known: &Known,
        picture: &Picture,
        (at, n_before): (Timestamp, usize),
    ) -> Result<Searched, HistoryError> {
        let asked = Asked {
            no: known.no,
            at: Some(at),
            census: store.census(known.no, Kind::User)?,
            most: MAX_SUBJECTS.saturating_sub(n_before),
        };
        let mut extent = Extent::Whole;
        let search = || {
            let found = search_at(store, known, picture, asked.most);
            found.map(|(subjects, found)| {
                extent = found;
                subjects
            })
        };
        let subjects = self.recall(asked, MAX_SUBJECTS, search)?;
        // A kept result that is full may be a part.
        if subjects.count() >= asked.most {
            extent = Extent::Part;
        }
        Ok(Searched { subjects, extent })
    }

    /// Returns the result of the last search if nothing has changed since, or else searches again.
    /// Keeps at most `keep` subjects.
    fn recall<E>(
        &self,
        asked: Asked,
        keep: usize,
        search: impl FnOnce() -> Result<Subjects, E>,
    ) -> Result<Arc<Subjects>, E> {
        let is_same = |it: &Search| it.asked == asked;
        let kept = lock(&self.0).iter().find(|it| is_same(it)).cloned();
        let subjects = match kept {
            Some(kept) => kept.subjects,
            None => Arc::new(search()?),
        };
        let mut kept = lock(&self.0);
        kept.retain(|it| (it.asked.no, it.asked.at) != (asked.no, asked.at));
        kept.push(Search {
            asked,
            subjects: Arc::clone(&subjects),
        });
        let mut n = 0;
        let fits = |it: &&Search| {
            n += it.subjects.count();
            n <= keep
        };
        let n_kept = kept.iter().rev().take_while(fits).count();
        let n_gone = kept.len() - n_kept;
        kept.drain(..n_gone);
        Ok(subjects)
    }
}

fn search(store: &Store, no: TenantNo, most: usize) -> Result<Subjects, StoreError> {
    let mut digests: Vec<SubjectDigest> = Vec::new();
    store.walk(no, Kind::User, &mut |record| {
        let Record::User(user) = record else {
            return ControlFlow::Continue(());
        };
        if digests.len() >= most {
            return ControlFlow::Break(());
        }
        digests.push(SubjectDigest::of(&user.subject));
        ControlFlow::Continue(())
    })?;
    Ok(Subjects::of(digests))
}

/// Collects the subjects of users as they were at the time of a picture.
fn search_at(
    store: &Store,
    known: &Known,
    picture: &Picture,
    most: usize,
) -> Result<(Subjects, Extent), HistoryError> {
    let mut digests: Vec<SubjectDigest> = Vec::new();
    let mut after: Option<Id> = None;
    loop {
        let page = picture.users(store, known, after.as_ref(), AT_ONCE)?;
        let subjects = page.users.iter().map(|user| &user.subject);
        digests.extend(subjects.map(|subject| SubjectDigest::of(subject)));
        after = page.next;
        if after.is_none() {
            return Ok((Subjects::of(digests), Extent::Whole));
        }
        if digests.len() >= most {
            digests.truncate(most);
            return Ok((Subjects::of(digests), Extent::Part));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn no(n: u32) -> TenantNo {
        serde_json::from_value(n.into()).unwrap()
    }

    /// Asks for the subjects of a tenant, whose search finds five. Returns how many searches were
    /// made.
    fn n_searches(searches: &Searches, tenant: u32, count: u64, keep: usize) -> usize {
        let mut n_searches = 0;
        let census = Census { count, checksum: 7 };
        let search = || {
            n_searches += 1;
            let digests = (0..5).map(|n| SubjectDigest::of(&format!("{tenant} {n}")));
            Ok::<_, StoreError>(Subjects::of(digests.collect()))
        };
        let asked = Asked {
            no: no(tenant),
            at: None,
            census,
            most: 9,
        };
        searches.recall(asked, keep, search).unwrap();
        n_searches
    }

    #[test]
    fn users_are_searched_once_for_all_answers_and_again_when_one_has_changed() {
        let searches = Searches::default();
        let ask = |tenant, count| n_searches(&searches, tenant, count, 100);

        assert_eq!(ask(1, 5), 1);
        assert_eq!(ask(2, 8), 1, "another tenant");
        assert_eq!(ask(1, 5), 0, "the next page");
        assert_eq!(ask(2, 8), 0);
        assert_eq!(ask(1, 6), 1, "a user came");
        assert_eq!(ask(1, 6), 0);
        assert_eq!(ask(2, 8), 0, "nobody came here");
    }

    #[test]
    fn what_was_not_used_for_longest_is_deleted_if_there_is_too_much() {
        let searches = Searches::default();
        let ask = |tenant| n_searches(&searches, tenant, 5, 12);
        assert_eq!((ask(1), ask(2), ask(1)), (1, 1, 0));

        assert_eq!(ask(3), 1);

        assert_eq!((ask(3), ask(1)), (0, 0));
        assert_eq!(ask(2), 1);
    }
}
