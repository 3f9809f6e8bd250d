//! Reports how much data the store contains, and how much of the disk it takes.
//!
//! The amount of data is a running sum (`live_size.rs`).

use std::time::Duration;

use crate::model::{EndpointName, Seq, StoreUsage, Timestamp};
use crate::store::engine::DiskUsage;
use crate::store::error::StoreError;
use crate::store::handle::Store;

use super::retention::Retention;

/// How far the journal's time may be ahead of the clock: clocks that are correctly set differ by
/// less.
const AHEAD: Duration = Duration::from_secs(24 * 3600);

impl Store {
    /// Returns how much of the disk the store takes, and what prevents it from freeing some.
    pub fn usage(
        &self,
        retention: &Retention,
        endpoints: &[EndpointName],
        now: Timestamp,
    ) -> Result<StoreUsage, StoreError> {
        let last = self.last_seq();
        let kept_for = self.limit(retention, endpoints, now)?.kept_for;
        let (first, oldest, newest) = self.engine.read("measuring the store", |reader| {
            let first = reader.cut()?.next();
            let oldest = reader.first_entry_after(Seq::START)?.map(|entry| entry.at);
            Ok((first, oldest, reader.head()?.map(|head| head.at)))
        })?;
        let lacks = self.engine.lacks()?;
        let DiskUsage { disk, aside } = self.engine.disk_usage()?;
        Ok(StoreUsage {
            disk,
            aside,
            live: self.engine.live().map(|live| live.bytes),
            lacks,
            first,
            last,
            oldest,
            kept_for,
            ahead: newest.filter(|newest| *newest > now.plus(AHEAD)),
        })
    }
}
