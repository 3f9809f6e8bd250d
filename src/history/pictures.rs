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

/// The pictures that were made last.
#[derive(Debug, Clone, Default)]
pub struct Pictures(Arc<Mutex<VecDeque<Made>>>);

type Made = (Asked, Arc<Picture>);

/// Which picture is asked for. A change to a role or group changes a census, so an older picture is
/// not used again.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Asked {
    tenant: TenantNo,
    at: Option<Timestamp>,
    roles: Census,
    groups: Census,
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
        if let Some((_, picture)) = lock(&self.0).iter().find(|(it, _)| *it == asked) {
            return Ok(Arc::clone(picture));
        }
        let mut picture = Picture::of(store, known, at)?;
        let mut kept = lock(&self.0);
        let mut same_time = kept.iter();
        let older = same_time.find(|(it, _)| it.tenant == asked.tenant && it.at == asked.at);
        if let Some((_, older)) = older {
            picture.follow(older);
        }
        let picture = Arc::new(picture);
        kept.retain(|(it, _)| it.tenant != asked.tenant || it.at != asked.at);
        kept.push_back((asked, Arc::clone(&picture)));
        if kept.len() > KEPT {
            kept.pop_front();
        }
        Ok(picture)
    }
}
