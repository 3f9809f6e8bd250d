//! The store's folder: who may read it, and which files are synced or cleaned up in it.
//!
//! ```text
//! <path>/lock                 locked by the process that has the store open
//! <path>/open                 present while a process has it open, see `open_mark.rs`
//! <path>/clock                the time by which ages are measured, see `belief.rs`
//! <path>/current/             the database: db, conf, snap.*, blobs/
//! <path>/current/high-water   the last acknowledged position, see `mark.rs`
//! <path>/current/pending      the commit that is being written, see `pending.rs`
//! <path>/current/damaged      present if a read found damage; says what
//! <path>/damaged-1/ …         stores that were moved aside
//! <path>/compacting/          a copy in progress, see `beside.rs`
//! <path>/replaced/            the database before it, until the copy was opened
//! <path>/discarded/           files that are being removed
//! <path>/checking/            a copy of the files to check, or rows being salvaged
//! <path>/untouched/           the files as they were before an opening that may lose some
//! <path>/salvaged/            what was read out of a damaged store, until it replaces that
//! ```
//! Everything is inside `<path>`, since a service often may not write anywhere else. A command that
//! root runs leaves the files to the folder's owner: the daemon must be able to open them
//! afterwards.

pub mod mark;
pub mod open_mark;
pub mod pending;
mod clock;
pub mod disk_usage;
pub mod swap;

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// The prefix of the names of damaged stores.
pub const ASIDE: &str = "damaged-";

/// The most damaged stores to keep side by side; somebody should have looked long before.
const MAX_ASIDE: u32 = 1000;

/// Bytes that must be free when a store is opened: two of sled's segments.
const MUST_BE_FREE: usize = 1024 * 1024;

/// The store's folder, and the paths in it.
#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    pub fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn lock(&self) -> PathBuf {
        self.path.join("lock")
    }

    pub fn open_mark(&self) -> PathBuf {
        self.path.join("open")
    }

    pub fn clock(&self) -> PathBuf {
        self.path.join("clock")
    }

    pub fn current(&self) -> PathBuf {
        self.path.join("current")
    }

    pub fn compacting(&self) -> PathBuf {
        self.path.join("compacting")
    }

    pub fn replaced(&self) -> PathBuf {
        self.path.join("replaced")
    }

    pub fn salvaged(&self) -> PathBuf {
        self.path.join("salvaged")
    }

    pub fn discarded(&self) -> PathBuf {
        self.path.join("discarded")
    }

    pub fn checking(&self) -> PathBuf {
        self.path.join("checking")
    }

    pub fn untouched(&self) -> PathBuf {
        self.path.join("untouched")
    }

    pub fn db(&self) -> PathBuf {
        self.current().join("db")
    }

    pub fn blobs(&self) -> PathBuf {
        self.current().join("blobs")
    }

    pub fn high_water(&self) -> PathBuf {
        self.current().join("high-water")
    }

    pub fn pending(&self) -> PathBuf {
        self.current().join("pending")
    }

    pub fn damage_note(&self) -> PathBuf {
        self.current().join("damaged")
    }

    /// Leaves a note for the next start that the database is damaged.
    pub fn note_damage(&self, what: &str) -> io::Result<()> {
        fs::write(self.damage_note(), what)?;
        File::open(self.damage_note())?.sync_all()?;
        sync_folder(&self.current())
    }

    /// Returns the name that the next damaged database gets.
    pub fn next_aside(&self) -> io::Result<String> {
        (1..=MAX_ASIDE)
            .map(|number| format!("{ASIDE}{number}"))
            .find(|name| !self.path.join(name).exists())
            .ok_or_else(|| io::Error::other("every name is taken"))
    }

    /// Moves the database aside and returns where it is now.
    pub fn move_aside(&self) -> io::Result<PathBuf> {
        let aside = self.path.join(self.next_aside()?);
        fs::rename(self.current(), &aside)?;
        sync_folder(&self.path)?;
        Ok(aside)
    }

    /// Removes files that a killed process left half-written, and that sled would mistake for
    /// complete and then refuse to open: a snapshot, whose data is in the log too, and the settings
    /// of a database that was never created. Returns how many files there were.
    pub fn remove_leftovers(&self) -> io::Result<usize> {
        let files = files_in(&self.current())?;
        // sled writes its settings first, and then creates its log. If other files exist without a
        // log, the log was lost.
        let was_never_made = files.iter().all(|file| file == "conf" || file == "blobs");
        let leftovers = files
            .iter()
            .filter(|file| is_half_written(file) || (was_never_made && *file == "conf"));
        let mut removed = 0;
        for file in leftovers {
            fs::remove_file(self.current().join(file))?;
            removed += 1;
        }
        Ok(removed)
    }

    /// Makes sure that something can be written: on a full disk sled may panic as it does on
    /// damaged files, and the store would be moved aside for nothing.
    pub fn check_space(&self) -> io::Result<()> {
        let path = self.current().join("room");
        let outcome = fs::write(&path, vec![0; MUST_BE_FREE]);
        match fs::remove_file(&path) {
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => outcome,
            removed => outcome.and(removed),
        }
    }

    /// Syncs what sled writes at an open and never syncs itself, and makes it readable by the owner
    /// only.
    pub fn settle(&self) -> io::Result<()> {
        settle(&self.current())?;
        sync_folder(&self.path)?;
        match self.path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => sync_folder(parent),
            Some(_) | None => Ok(()),
        }
    }
}

/// Syncs the files of a database, except those of large values, and their names.
pub fn settle(database: &Path) -> io::Result<()> {
    hand_over(database)?;
    for name in files_in(database)? {
        let path = database.join(name);
        if path.is_file() {
            owner_only(&path, 0o600)?;
            File::open(path)?.sync_all()?;
        }
    }
    let blobs = database.join("blobs");
    owner_only(&blobs, 0o700)?;
    sync_folder(&blobs)?;
    sync_folder(database)
}

/// Copies the files of a database, except those that a killed process left half-written.
pub fn copy_database(from: &Path, to: &Path) -> io::Result<()> {
    // If root makes the copy and leaves some of it behind, the owner must be able to remove that.
    for folder in [to, &to.join("blobs")] {
        make_folder(folder)?;
        give_as(folder, from)?;
    }
    for folder in ["", "blobs"] {
        let (from, to) = (from.join(folder), to.join(folder));
        if !from.is_dir() {
            continue;
        }
        for name in files_in(&from)? {
            let path = from.join(&name);
            if path.is_file() && !is_half_written(&name) {
                fs::copy(path, to.join(name))?;
            }
        }
    }
    Ok(())
}

/// Returns whether this is a snapshot that sled did not finish. sled would mistake it for complete,
/// and then refuse to open.
fn is_half_written(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    name.starts_with("snap.") && name.ends_with(".generating")
}

/// Syncs the files that sled makes for values over 128 KiB, because sled never syncs them.
#[derive(Debug)]
pub struct Blobs {
    folder: PathBuf,
    synced: BTreeSet<OsString>,
}

impl Blobs {
    /// Assumes that no file is synced, since a killed process may have written some without a sync.
    pub fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            synced: BTreeSet::new(),
        }
    }

    /// Syncs every file that is new since the last call.
    pub fn sync(&mut self) -> io::Result<()> {
        let there: BTreeSet<OsString> = files_in(&self.folder)?.into_iter().collect();
        let mut any = false;
        for name in there.difference(&self.synced) {
            match File::open(self.folder.join(name)) {
                Ok(file) => file.sync_all()?,
                // sled has removed it again.
                Err(gone) if gone.kind() == io::ErrorKind::NotFound => {}
                Err(refused) => return Err(refused),
            }
            any = true;
        }
        if any {
            sync_folder(&self.folder)?;
        }
        self.synced = there;
        Ok(())
    }
}

/// Creates a folder, and those above it, that only the owner may enter.
pub fn make_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Gives the files of a database that root has created to the owner of its folder.
pub fn hand_over(database: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        let owner = fs::metadata(database)?;
        let blobs = database.join("blobs");
        for folder in [database, &blobs] {
            for name in files_in(folder)? {
                give(&folder.join(name), &owner)?;
            }
        }
    }
    #[cfg(not(unix))]
    let _ = database;
    Ok(())
}

/// Gives a file or folder that root has created to the owner of another.
pub fn give_as(path: &Path, other: &Path) -> io::Result<()> {
    #[cfg(unix)]
    return give(path, &fs::metadata(other)?);
    #[cfg(not(unix))]
    {
        let _ = (path, other);
        Ok(())
    }
}

/// Gives a file to an owner if it belongs to root. If it belongs to a third user, that is
/// deliberate.
#[cfg(unix)]
fn give(path: &Path, owner: &fs::Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, lchown};
    if owner.uid() == 0 {
        return Ok(());
    }
    let given = fs::symlink_metadata(path).and_then(|found| match found.uid() {
        0 => lchown(path, Some(owner.uid()), Some(owner.gid())),
        _ => Ok(()),
    });
    match given {
        // sled has removed it again.
        Err(gone) if gone.kind() == io::ErrorKind::NotFound => Ok(()),
        // Only root may do this. If the file is not usable, opening it fails.
        Err(refused) if refused.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        given => given,
    }
}

/// Opens a file for reading and writing, creating it if needed, that only the owner may read.
pub fn open_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Makes the names in a folder durable.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(path)?.sync_all()?;
    // On other systems a folder cannot be opened; names are made durable along with the files.
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

fn files_in(folder: &Path) -> io::Result<Vec<OsString>> {
    fs::read_dir(folder)?
        .map(|entry| Ok(entry?.file_name()))
        .collect()
}

fn owner_only(path: &Path, mode: u32) -> io::Result<()> {
    #[cfg(unix)]
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode))?;
    #[cfg(not(unix))]
    let _ = (path, mode);
    Ok(())
}
