//! Creates a new store in an empty database.

use std::io;

use crate::model::{Seq, StoreId, Timestamp, Version};
use crate::store::engine::files::Folder;
use crate::store::error::{OpenError, StoreError};
use crate::store::layout::{self, Format, codec, keys, v3};
use crate::store::values::head::Head;

use super::refusal::Refusal;
use super::sound::Sound;

/// Draws the id of a new store.
pub fn draw_id() -> Result<StoreId, StoreError> {
    let mut store = StoreId([0; 8]);
    getrandom::fill(&mut store.0).map_err(|error| {
        let error = io::Error::other(error.to_string());
        StoreError::io("drawing an id", error)
    })?;
    Ok(store)
}

/// Creates a new store in a database with nothing in it.
pub fn create(folder: &Folder, db: sled::Db) -> Result<Sound, Refusal> {
    let failed = |source| {
        Refusal::Error(OpenError::Failed {
            path: folder.path().to_owned(),
            source,
        })
    };
    let store = draw_id().map_err(failed)?;
    let head = Head {
        commits: 1,
        last: Seq::START,
        at: Timestamp::from_millis(0),
        version: Version::START,
    };
    let mut batch = sled::Batch::default();
    let rows = [
        codec::put(
            keys::format(),
            &Format {
                version: layout::NEWEST,
                store,
            },
        ),
        codec::put(keys::head(), &v3::Head::from(head)),
    ];
    for (key, value) in rows {
        batch.insert(key, value.unwrap_or_default());
    }
    // The start of the store syncs this before anyone learns of it.
    db.apply_batch(batch)
        .map_err(|error| failed(StoreError::sled("creating", error)))?;
    Ok(Sound {
        db,
        store,
        format: layout::NEWEST,
        head,
    })
}
