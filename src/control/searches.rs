//! Searches the subjects of the users of some tenants, once for all pages of an answer.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use crate::access::{SubjectDigest, Subjects};
use crate::lock::lock;
use crate::model::{Kind, Record};
use crate::store::{Census, Known, Store, StoreError, TenantNo};

/// The most users whose subjects are kept in memory: 16 MB of them.
const MAX_SUBJECTS: usize = 2_000_000;

/// The result of the last search, kept for the next page of an answer. It is out of date once a
/// user changes, which the census of the users shows.
#[derive(Debug, Clone, Default)]
pub(super) struct Searches(Arc<Mutex<Option<Search>>>);

type Search = (Asked, Arc<Searched>);

/// Tenants with the state of their users.
type Asked = Vec<(TenantNo, Census)>;

/// The subjects of all users of some tenants.
#[derive(Debug, Default)]
pub(super) struct Searched {
    pub(super) subjects: Subjects,
    /// The tenants that have more users than were searched.
    pub(super) cut: BTreeSet<TenantNo>,
}

impl Searches {
    /// Returns the subjects of all users of some tenants.
    pub(super) fn of(
        &self,
        store: &Store,
        tenants: &[&Known],
    ) -> Result<Arc<Searched>, StoreError> {
        let mut asked = Vec::new();
        for known in tenants {
            // The census is taken before users are read: if one changes in between, the next
            // question sees another census and searches again.
            asked.push((known.no, store.census(known.no, Kind::User)?));
        }
        let numbers: Vec<TenantNo> = asked.iter().map(|(no, _)| *no).collect();
        self.recall(asked, || search(store, &numbers, MAX_SUBJECTS))
    }

    fn recall(
        &self,
        asked: Asked,
        search: impl FnOnce() -> Result<Searched, StoreError>,
    ) -> Result<Arc<Searched>, StoreError> {
        let kept = lock(&self.0).clone();
        if let Some((_, searched)) = kept.filter(|(it, _)| *it == asked) {
            return Ok(searched);
        }
        let searched = Arc::new(search()?);
        *lock(&self.0) = Some((asked, Arc::clone(&searched)));
        Ok(searched)
    }
}

fn search(store: &Store, tenants: &[TenantNo], most: usize) -> Result<Searched, StoreError> {
    let mut digests: Vec<SubjectDigest> = Vec::new();
    let mut cut = BTreeSet::new();
    for no in tenants {
        store.walk(*no, Kind::User, &mut |record| {
            let Record::User(user) = record else {
                return ControlFlow::Continue(());
            };
            if digests.len() >= most {
                cut.insert(*no);
                return ControlFlow::Break(());
            }
            digests.push(SubjectDigest::of(&user.subject));
            ControlFlow::Continue(())
        })?;
    }
    Ok(Searched {
        subjects: Subjects::of(digests),
        cut,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_searched_once_for_all_pages_and_again_when_one_has_changed() {
        let searches = Searches::default();
        let no: TenantNo = serde_json::from_value(1.into()).unwrap();
        let mut n_searches = 0;
        let mut ask = |count| {
            let search = || {
                n_searches += 1;
                Ok(Searched::default())
            };
            let asked = vec![(no, Census { count, checksum: 7 })];
            searches.recall(asked, search).unwrap();
            n_searches
        };

        assert_eq!(ask(5), 1);
        assert_eq!(ask(5), 1, "the next page");
        assert_eq!(ask(6), 2, "a user came");
        assert_eq!(ask(6), 2);
    }
}
