//! Keeps the pictures that were made last, for the next pages of an answer.
//!
//! Reading a hundred thousand groups again for each page of users would cost more than the users
//! do.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use crate::lock::lock;
use crate::model::{Kind, Timestamp};
use crate::store::{Census, Known, Store, TenantNo};

use super::error::HistoryError;
use super::past::covered;
use super::picture::Picture;

/// How many pictures are kept: a few operators may ask at the same time, each for two times.
const KEPT: usize = 4;

/// How many changed users all kept pictures together may know, which take some 72 bytes each. The
/// picture that was made last is always kept.
const KEPT_USERS: usize = super::past::MAX_USERS;

/// The pictures that were made last.
#[derive(Debug, Clone, Default)]
pub struct Pictures(Arc<Mutex<VecDeque<Made>>>);

#[derive(Debug)]
struct Made {
    asked: Asked,
    picture: Arc<Picture>,
    /// How many users it knew to have changed when it was made. To count them again would wait for
    /// a question that reads the journal.
    n_changed: usize,
}

/// Which picture is asked for. A change to a role or group changes a census, so an older picture is
/// not used again.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Asked {
    tenant: TenantNo,
    at: Option<Timestamp>,
    roles: Census,
    groups: Census,
}

impl Asked {
    /// Returns whether another one is of the same tenant at the same time.
    fn is_about_same(&self, other: &Self) -> bool {
        self.tenant == other.tenant && self.at == other.at
    }
}

impl Made {
    fn of(asked: Asked, picture: Arc<Picture>) -> Self {
        let past = picture.since_then();
        let n_changed = past.map_or(0, |past| lock(past).n_changed_users());
        Self {
            asked,
            picture,
            n_changed,
        }
    }
}

impl Pictures {
    /// Returns the picture of a tenant at a time; `None` means now.
    pub fn of(
        &self,
        store: &Store,
        known: &Known,
        at: Option<Timestamp>,
    ) -> Result<Arc<Picture>, HistoryError> {
        // The census is read first: a change in between makes this a different question.
        let asked = Asked {
            tenant: known.no,
            at,
            roles: store.census(known.no, Kind::Role)?,
            groups: store.census(known.no, Kind::Group)?,
        };
        if let Some(at) = at {
            // The journal may have been cut since a picture was made.
            covered(store, known, at)?;
        }
        if let Some(Made { picture, .. }) = lock(&self.0).iter().find(|it| it.asked == asked) {
            return Ok(Arc::clone(picture));
        }
        let mut picture = Picture::of(store, known, at)?;
        let mut kept = lock(&self.0);
        let mut same_time = kept.iter();
        let older = same_time.find(|it| it.asked.is_about_same(&asked));
        if let Some(older) = older {
            picture.follow(&older.picture);
        }
        let picture = Arc::new(picture);
        kept.retain(|it| !it.asked.is_about_same(&asked));
        kept.push_back(Made::of(asked, Arc::clone(&picture)));
        drop_oldest(&mut kept, KEPT_USERS);
        Ok(picture)
    }
}

/// Drops the pictures that were made first until the others are few enough and know at most
/// `n_users` changed users. The last one stays.
fn drop_oldest(kept: &mut VecDeque<Made>, n_users: usize) {
    let count = |kept: &VecDeque<Made>| -> usize { kept.iter().map(|it| it.n_changed).sum() };
    while kept.len() > KEPT || (kept.len() > 1 && count(kept) > n_users) {
        kept.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::picture::tests::store_with_changes;

    #[test]
    fn the_pictures_made_last_are_kept_while_few_users_have_changed() {
        let folder = tempfile::tempdir().unwrap();
        let (store, known, begin) = store_with_changes(folder.path());
        let asked = |at| Asked {
            tenant: known.no,
            at: Some(Timestamp::from_millis(at)),
            roles: Census::default(),
            groups: Census::default(),
        };
        let make = |at| {
            let picture = Picture::after(&store, &known, begin).unwrap();
            Made::of(asked(at), Arc::new(picture))
        };
        let kept_of = |n_made: i64, n_users| {
            let mut kept: VecDeque<Made> = (0..n_made).map(make).collect();
            drop_oldest(&mut kept, n_users);
            let at = kept.iter().filter_map(|it| it.asked.at);
            at.map(Timestamp::millis).collect::<Vec<_>>()
        };
        let n_changed = make(0).n_changed;

        assert!(n_changed > 1);
        assert_eq!(kept_of(6, usize::MAX), [2, 3, 4, 5]);
        assert_eq!(kept_of(3, 3 * n_changed), [0, 1, 2]);
        assert_eq!(kept_of(3, 3 * n_changed - 1), [1, 2]);
        assert_eq!(kept_of(3, 1), [2]);
    }
}
