//! Reads the clocks, and stores the believed time in a file beside the database.

use std::fs;
use std::io::{self, Write};
use std::time::Duration;

use crate::lock::lock;
use crate::model::Timestamp;
use crate::store::engine::files::{self, Folder};
use crate::store::engine::scan;
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::layout::keys;
use crate::store::values::head::Head;

use super::belief::{Belief, Running};

impl Store {
    /// Returns the time by which ages are measured, and writes down what is believed. Call it
    /// often: a clock that is set between two calls goes unnoticed until the next.
    ///
    /// `passed` is how much time has really passed since some fixed moment of the process.
    pub fn look_at_clocks(
        &self,
        wall: Timestamp,
        passed: Duration,
    ) -> Result<Timestamp, StoreError> {
        let mut running = lock(&self.guards.belief);
        let mut now = match *running {
            Some(running) => running,
            None => Running::of(self.belief(wall)?, wall, passed),
        };
        let ages = now.look(wall, passed);
        if !now.is_saved() {
            let saved = save(&self.engine.folder, now.belief);
            saved.map_err(|error| StoreError::io("writing down what time it is", error))?;
            now.saved = Some(now.belief);
        }
        *running = Some(now);
        Ok(ages)
    }

    /// Returns the time by which ages are measured, as far as is known without reading the clocks.
    pub fn ages_by(&self, wall: Timestamp) -> Result<Timestamp, StoreError> {
        let running = *lock(&self.guards.belief);
        let believed = match running {
            Some(running) => running.belief.believed,
            None => self.belief(wall)?.resume(wall).believed,
        };
        Ok(believed.min(wall))
    }

    /// Returns what an earlier process believed.
    fn belief(&self, wall: Timestamp) -> Result<Belief, StoreError> {
        let reading = |error| StoreError::io("reading what time it was", error);
        let path = self.engine.folder.clock();
        match fs::read(&path) {
            Ok(bytes) => {
                let text = str::from_utf8(&bytes).unwrap_or_default();
                if let Some(belief) = Belief::read(text) {
                    return Ok(belief);
                }
            }
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => {}
            Err(refused) => return Err(reading(refused)),
        }
        let last_event = self
            .engine
            .read("reading when the last event was found", |db| {
                let key = keys::head();
                let head = scan::get(db, &key)?;
                head.map(|value| Head::read(&key, &value)).transpose()
            })?;
        let last_event = last_event.map(|head| head.at);
        let last_event = last_event.filter(|at| *at > Timestamp::from_millis(0));
        Ok(Belief::begin(last_event, wall))
    }
}

/// Writes the belief to its file, without a sync: if it is lost, we only know less.
fn save(folder: &Folder, belief: Belief) -> io::Result<()> {
    let (path, written) = (folder.clock(), folder.path().join("clock.new"));
    let mut file = files::open_file(&written)?;
    file.set_len(0)?;
    file.write_all(belief.write().as_bytes())?;
    files::give_as(&written, folder.path())?;
    fs::rename(&written, &path)
}
