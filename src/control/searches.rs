//! Collects the subjects of the users of tenants, once for all answers until a user changes.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use crate::access::{SubjectDigest, Subjects};
use crate::lock::lock;
use crate::model::{Kind, Record};
use crate::store::{Census, Known, Store, StoreError, TenantNo};

/// The most users whose subjects one answer searches, and the most subjects that are kept for the
/// next answer, which take 16 MB.
const MAX_SUBJECTS: usize = 2_000_000;

/// The results of the last searches, one for each tenant, so that questions about different tenants
/// do not make each other search again. The result used last is at the end.
#[derive(Debug, Clone, Default)]
pub(super) struct Searches(Arc<Mutex<Vec<Search>>>);

/// A search of one tenant.
#[derive(Debug, Clone)]
struct Search {
    no: TenantNo,
    /// The state of its users. Once a user changes, the result is out of date.
    census: Census,
    /// The most users that were searched.
    most: usize,
    subjects: Arc<Subjects>,
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
            let subjects = self.recall(known.no, census, most, MAX_SUBJECTS, search)?;
            let extent = match count > most {
                true => Extent::Part,
                false => Extent::Whole,
            };
            all.push(Searched { subjects, extent });
        }
        Ok(all)
    }

    /// Returns the result of the last search if nothing has changed since, or else searches again.
    /// Keeps at most `keep` subjects.
    fn recall(
        &self,
        no: TenantNo,
        census: Census,
        most: usize,
        keep: usize,
        search: impl FnOnce() -> Result<Subjects, StoreError>,
    ) -> Result<Arc<Subjects>, StoreError> {
        let is_same = |it: &Search| it.no == no && it.census == census && it.most == most;
        let kept = lock(&self.0).iter().find(|it| is_same(it)).cloned();
        let subjects = match kept {
            Some(kept) => kept.subjects,
            None => Arc::new(search()?),
        };
        let mut kept = lock(&self.0);
        kept.retain(|it| it.no != no);
        kept.push(Search {
            no,
            census,
            most,
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
            Ok(Subjects::of(digests.collect()))
        };
        searches
            .recall(no(tenant), census, 9, keep, search)
            .unwrap();
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
