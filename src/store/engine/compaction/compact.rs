//! Compacts a store in one go, whether it is in use or not.
//!
//! `beside.rs` describes the method. It is the same while the daemon serves and when nobody else
//! has the store open.

use std::path::Path;
use std::sync::Arc;

use crate::clock::Clock;
use crate::doing::{self, doing};
use crate::store::engine::calls::Engine;
use crate::store::engine::files::Folder;
use crate::store::engine::opening::refusal::Refusal;
use crate::store::engine::opening::sound::Sound;
use crate::store::engine::opening::{current, lock, starting};

use super::beside::Beside;
use super::compacted::{CompactError, Compacted};
use super::progress::Progress;
use super::rule::Rule;

/// Frees disk space that the store in a folder does not need. Nobody may have it open.
pub fn at(path: &Path) -> Result<Compacted, CompactError> {
    let folder = Folder::new(path);
    if !folder.current().exists() && !folder.replaced().exists() {
        return Err(CompactError::NoStore {
            path: path.to_owned(),
        });
    }
    let refused = |source| CompactError::Open { source };
    let lock = lock::take_lock(&folder).map_err(refused)?;
    current::clear_up(&folder).map_err(refused)?;
    // The store may have any format. If it is damaged, it is not moved aside here.
    let sound = open(&folder)?;
    let started = starting::start(folder, &Clock::system(), lock, sound, None).map_err(refused)?;
    let compacted = started.engine.compact(Rule::USUAL);
    let closed = started.engine.close();
    let compacted = compacted?;
    closed.map_err(|source| CompactError::Failed { source })?;
    Ok(compacted)
}

impl Engine {
    /// Copies all live data, then replaces the database by the copy.
    pub fn compact(self: &Arc<Self>, rule: Rule) -> Result<Compacted, CompactError> {
        let counting = doing("counting what lives in the store");
        let live = loop {
            let counted = self.count_on();
            if let Some(live) = counted.map_err(|source| CompactError::Failed { source })? {
                break live;
            }
        };
        drop(counting);
        let mut beside = Beside::begin(self, live, rule)?;
        let progress = Arc::new(Progress::default());
        let shown = Arc::clone(&progress);
        beside.tell(&progress, live);
        let _doing = doing::telling(move || format!("compacting the store: {}", shown.now()));
        loop {
            if let Some(compacted) = beside.step()? {
                return Ok(compacted);
            }
            beside.tell(&progress, live);
        }
    }
}

fn open(folder: &Folder) -> Result<Sound, CompactError> {
    current::open_left(folder).map_err(|refusal| refusal.into_compact(folder))
}

impl Refusal {
    fn into_compact(self, folder: &Folder) -> CompactError {
        CompactError::Open {
            source: self.into_error(folder),
        }
    }
}
