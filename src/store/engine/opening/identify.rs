//! Identifies a database: which store it is, in which format, and whether it has everything that
//! was acknowledged.

use crate::store::engine::files::Folder;
use crate::store::engine::files::mark::Mark;
use crate::store::engine::files::pending::{self, Pending};
use crate::store::engine::scan;
use crate::store::error::{OpenError, StoreError};
use crate::store::layout::{self, Format, codec, keys};
use crate::store::values::head::Head;

/// What a database turns out to be.
pub enum Look {
    Empty,
    Newer(u32),
    Sound(Format, Head),
}

/// Checks whether the mark belongs to this database, and finishes an interrupted commit.
pub fn identify(
    db: &sled::Db,
    mark: Option<Mark>,
    pending: Option<Pending>,
) -> Result<Look, StoreError> {
    let key = keys::format();
    let Some(value) = scan::get(db, &key)? else {
        let rows = scan::prefix(db, &[]).next().transpose()?;
        return if mark.is_none() && rows.is_none() {
            Ok(Look::Empty)
        } else {
            Err(StoreError::damaged(
                "everything that was acknowledged is missing",
            ))
        };
    };
    let format: Format = codec::read_row(&key, &value)?;
    if format.version > layout::NEWEST {
        return Ok(Look::Newer(format.version));
    }
    let mut head = read_head(db)?;
    // Half of the noted commit may be there, with or without the row that counts it. An older
    // commit is complete. One that is ahead by more than one was lost, as was the one before it.
    let pending = pending.filter(|pending| {
        let is_last = pending.commits == head.commits || pending.commits == head.commits + 1;
        pending.store == format.store && is_last
    });
    if let Some(pending) = pending
        && pending::finish(db, &pending)?
    {
        tracing::info!("Finished a commit of which an earlier process had written a part");
        head = read_head(db)?;
    }
    match mark {
        Some(mark) if mark.store != format.store => {
            return Err(StoreError::damaged("its files are of two stores"));
        }
        Some(mark) if mark.commits > head.commits || mark.last > head.last => {
            return Err(StoreError::damaged(format!(
                "{} of {} acknowledged writes are missing",
                mark.commits.saturating_sub(head.commits),
                mark.commits
            )));
        }
        Some(_) | None => {}
    }
    Ok(Look::Sound(format, head))
}

/// Returns the error for a store whose format is newer than this version reads.
pub fn newer(folder: &Folder, found: u32) -> OpenError {
    OpenError::Newer {
        path: folder.path().to_owned(),
        found,
        known: layout::NEWEST,
    }
}

/// Returns the format of a store; `None` if it cannot be read.
pub fn format_of(db: &sled::Db) -> Option<u32> {
    let key = keys::format();
    let value = scan::get(db, &key).ok()??;
    codec::read_row::<Format>(&key, &value)
        .ok()
        .map(|format| format.version)
}

fn read_head(db: &sled::Db) -> Result<Head, StoreError> {
    let key = keys::head();
    match scan::get(db, &key)? {
        Some(value) => Head::read(&key, &value),
        None => Err(codec::flawed(&key, "missing")),
    }
}
