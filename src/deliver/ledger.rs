//! Keeps an endpoint's cursor, and decides when it goes to disk.
//!
//! Delivered events are noted in memory and written together, since a write to disk for
//! each would cost more than the delivery. What is not yet written when the process dies is
//! sent again, which receivers expect. Everything else (a failed attempt, an event given
//! up on, the end of an endpoint) is on disk before the worker goes on.

use std::time::Duration;

use tokio::time::Instant;

use crate::model::{EndpointName, Seq, Timestamp};
use crate::store::{Cursor, Parked, Store, StoreError};

/// Settled events that may wait for the disk. One more is under way while these are written,
/// so at the most fifty are sent again after a crash.
const MAX_UNSAVED: u32 = 49;

/// How long a settled event waits for the disk: several writes' time, so that writing does
/// not set the pace, and short enough to lose little.
const SAVE_AFTER: Duration = Duration::from_millis(20);

#[derive(Debug)]
pub(super) struct Ledger {
    store: Store,
    endpoint: EndpointName,
    cursor: Cursor,
    unsaved: u32,
    /// When the first settlement that is not on disk has to go there.
    save_at: Option<Instant>,
}

/// How an endpoint's cursor was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Met {
    /// There was one.
    Known,
    /// There was none: the endpoint starts behind what the journal holds by now.
    New,
    /// It stood behind the journal's end, as happens when a store was rebuilt from less than
    /// it had; it was set back to the end.
    Ahead,
}

impl Ledger {
    /// Reads an endpoint's cursor, or gives it one.
    pub async fn open(store: Store, endpoint: EndpointName) -> Result<(Self, Met), StoreError> {
        let name = endpoint.clone();
        let (cursor, met) = store
            .offload(move |store| match store.cursor(&name)? {
                Some(cursor) if cursor.settled <= store.last_seq() => Ok((cursor, Met::Known)),
                found => {
                    let met = found.map_or(Met::New, |_ahead| Met::Ahead);
                    let cursor = Cursor {
                        settled: store.last_seq(),
                        ..Cursor::default()
                    };
                    store.set_cursor(&name, &cursor, None)?;
                    Ok((cursor, met))
                }
            })
            .await?;
        let ledger = Self {
            store,
            endpoint,
            cursor,
            unsaved: 0,
            save_at: None,
        };
        Ok((ledger, met))
    }

    /// Returns the cursor, with what is not on disk yet.
    pub fn cursor(&self) -> &Cursor {
        &self.cursor
    }

    /// Notes that an event was delivered.
    pub fn settle(&mut self, seq: Seq) {
        self.unsaved += 1;
        self.pass(seq);
        if self.unsaved >= MAX_UNSAVED {
            self.save_at = Some(Instant::now());
        }
    }

    /// Notes that an entry is nothing for this endpoint.
    pub fn pass(&mut self, seq: Seq) {
        self.cursor.settled = seq;
        self.cursor.attempt = 0;
        self.cursor.due = None;
        self.save_at
            .get_or_insert_with(|| Instant::now() + SAVE_AFTER);
    }

    /// Returns when the cursor has to go to disk, none if it is there.
    pub fn save_at(&self) -> Option<Instant> {
        self.save_at
    }

    /// Writes the cursor to disk, if it is not there.
    pub async fn save(&mut self) -> Result<(), StoreError> {
        match self.save_at {
            None => Ok(()),
            Some(_) => self.write(None).await,
        }
    }

    /// Notes a failed attempt and when the next is due.
    pub async fn postpone(&mut self, attempt: u32, due: Timestamp) -> Result<(), StoreError> {
        self.cursor.attempt = attempt;
        self.cursor.due = Some(due);
        self.write(None).await
    }

    /// Gives an event up, and moves on.
    pub async fn park(&mut self, parked: Parked) -> Result<(), StoreError> {
        self.pass(parked.seq);
        self.write(Some(parked)).await
    }

    /// Notes that the endpoint gets nothing any more. The event that it refused stays next.
    pub async fn disable(&mut self, reason: String) -> Result<(), StoreError> {
        self.cursor.attempt = 0;
        self.cursor.due = None;
        self.cursor.disabled = Some(reason);
        self.write(None).await
    }

    /// Lets the endpoint have events again.
    pub async fn enable(&mut self) -> Result<(), StoreError> {
        self.cursor.disabled = None;
        self.write(None).await
    }

    /// Reads the cursor again: an operator may have changed it. Only for when all is saved.
    pub async fn reload(&mut self) -> Result<(), StoreError> {
        debug_assert!(self.save_at.is_none(), "a reload would forget settlements");
        let name = self.endpoint.clone();
        let found = self.store.offload(move |store| store.cursor(&name)).await?;
        self.cursor = found.unwrap_or_else(|| self.cursor.clone());
        Ok(())
    }

    async fn write(&mut self, parked: Option<Parked>) -> Result<(), StoreError> {
        let (name, cursor) = (self.endpoint.clone(), self.cursor.clone());
        self.store
            .offload(move |store| store.set_cursor(&name, &cursor, parked.as_ref()))
            .await?;
        self.unsaved = 0;
        self.save_at = None;
        Ok(())
    }
}

/// Brings an endpoint back that was disabled; its worker notices at its next look. Returns
/// whether it was disabled. Blocks, as the store does.
pub fn enable(store: &Store, endpoint: &EndpointName) -> Result<bool, StoreError> {
    match store.cursor(endpoint)? {
        Some(cursor) if cursor.disabled.is_some() => {
            let cursor = Cursor {
                disabled: None,
                ..cursor
            };
            store.set_cursor(endpoint, &cursor, None)?;
            Ok(true)
        }
        Some(_) | None => Ok(false),
    }
}
