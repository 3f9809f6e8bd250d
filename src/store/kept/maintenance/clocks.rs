//! Reads the clocks, and has the engine note the believed time outside the database.

use std::time::Duration;

use crate::lock::lock;
use crate::model::Timestamp;
use crate::store::error::StoreError;
use crate::store::handle::Store;

use crate::store::values::belief::{Belief, Running};

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
            self.engine.note_clock(&now.belief.write())?;
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

    /// Reads the time that an earlier process noted, or starts without one.
    fn belief(&self, wall: Timestamp) -> Result<Belief, StoreError> {
        if let Some(belief) = self.engine.noted_clock()?.as_deref().and_then(Belief::read) {
            return Ok(belief);
        }
        let last_event = self
            .engine
            .read("reading the time of the last event", |reader| {
                Ok(reader.head()?.map(|head| head.at))
            })?;
        let last_event = last_event.filter(|at| *at > Timestamp::from_millis(0));
        Ok(Belief::begin(last_event, wall))
    }
}
