//! Migrates a store of an older format to the newest, one format after the other, before anybody
//! uses it.
//!
//! Each step is a copy into new files (`copying.rs`) that replaces the database by renames
//! (`swap.rs`), as a compaction does. So it can be interrupted anywhere: before the renames the
//! next opening finds the old store and begins the step again, after them it finds the new one. The
//! new files are read back and checked as a whole; the old files are removed once the new ones were
//! opened in their place. A fault that was there before stays as it was and is reported; a new
//! fault ends the migration, and the old store is unchanged.
//!
//! ARCHITECTURE.md explains how to add the next format.

mod acceptances;
mod licence_history;
mod licence_runs;
mod rights;
mod runs_by_tenant;
mod sessions;
mod space_rights;
mod spaces;
mod versions;

use std::io;
use std::path::PathBuf;
use std::time::Instant;

use crate::store::error::{OpenError, StoreError};
use crate::store::layout;

use super::compaction::copying::{Aim, CopyError, Rewrite};
use super::compaction::remake;
use super::compaction::rule::Rule;
use super::files::Folder;
use super::opening::database::close_db;
use super::opening::refusal::Refusal;
use super::opening::sound::Sound;

/// Migrates the database to the newest format. One that already has that format stays as it is.
pub fn to_newest(folder: &Folder, mut sound: Sound) -> Result<Sound, Refusal> {
    while let Some((to, rewrite)) = step_from(sound.format) {
        sound = step(folder, sound, to, rewrite)?;
    }
    if sound.format == layout::NEWEST {
        return Ok(sound);
    }
    let from = sound.format;
    close_db(Some(sound.db));
    let missing = io::Error::other("this version has no step for it; report it");
    let source = StoreError::io("looking for the next format", missing);
    let path = folder.path().to_owned();
    Err(not_migrated(path, from, layout::NEWEST, source))
}

/// Returns the rewrite from a format to the next, and the number of the next.
fn step_from(format: u32) -> Option<(u32, Box<dyn Rewrite>)> {
    match format {
        1 => Some((2, Box::new(runs_by_tenant::RunsByTenant::default()))),
        2 => Some((3, Box::new(versions::Versions))),
        3 => Some((4, Box::new(acceptances::Acceptances))),
        4 => Some((5, Box::new(rights::Rights::default()))),
        5 => Some((6, Box::new(spaces::Spaces))),
        6 => Some((7, Box::new(sessions::Sessions))),
        7 => Some((8, Box::new(space_rights::SpaceRights::default()))),
        8 => Some((9, Box::new(licence_runs::LicenceRuns))),
        9 => Some((10, Box::new(licence_history::LicenceHistory))),
        _ => None,
    }
}

/// Returns the rewrites from a format to the newest, one after the other.
pub fn rewrites_from(mut format: u32) -> Vec<Box<dyn Rewrite>> {
    let mut rewrites = Vec::new();
    while let Some((to, rewrite)) = step_from(format) {
        rewrites.push(rewrite);
        format = to;
    }
    rewrites
}

fn step(
    folder: &Folder,
    sound: Sound,
    to: u32,
    rewrite: Box<dyn Rewrite>,
) -> Result<Sound, Refusal> {
    let from = sound.format;
    let began = Instant::now();
    tracing::info!(
        from,
        to,
        "The store has format {from}; it is migrated to format {to} before it is used"
    );
    let doing = format!("Migrating the store from format {from} to {to}");
    let path = folder.path().to_owned();
    if let Err(error) = remake::make(folder, &sound, aim(to, rewrite), &doing) {
        if !matches!(error, CopyError::Stuck) {
            remake::give_up(folder);
        }
        close_db(Some(sound.db));
        return Err(match error {
            CopyError::NoSpace { needed, free } => Refusal::Error(OpenError::NoSpace {
                path,
                from,
                to,
                needed,
                free,
            }),
            // The opening found no fault, so the version that wrote it can still use it: it is not
            // moved aside for a value that only the migration reads.
            CopyError::Source(StoreError::Damaged { what }) => {
                let source = StoreError::io("reading what it holds", io::Error::other(what));
                not_migrated(path, from, to, source)
            }
            CopyError::Source(source) | CopyError::Copy(source) => {
                not_migrated(path, from, to, source)
            }
            CopyError::Stuck | CopyError::UnderWay => not_migrated(path, from, to, remake::stuck()),
        });
    }
    let migrated = remake::replace(folder, sound);
    folder.remove_retired();
    let migrated = migrated?;
    if migrated.format != to {
        close_db(Some(migrated.db));
        let not_swapped = StoreError::io(
            "putting the migrated store in its place",
            io::Error::other(
                "it could not be put there, or was incomplete there; the log says why",
            ),
        );
        return Err(not_migrated(path, from, to, not_swapped));
    }
    tracing::info!(
        from,
        to,
        "Migrated the store from format {from} to {to} in {:?}",
        began.elapsed()
    );
    Ok(migrated)
}

/// Describes a copy in the next format. Everything is checked before and after.
fn aim(to: u32, rewrite: Box<dyn Rewrite>) -> Aim {
    Aim {
        format: to,
        rewrite,
        spare: Rule::USUAL.spare,
        portion: Rule::USUAL.portion,
    }
}

fn not_migrated(path: PathBuf, from: u32, to: u32, source: StoreError) -> Refusal {
    Refusal::Error(OpenError::NotMigrated {
        path,
        from,
        to,
        source,
    })
}
