//! What can go wrong with the store, in terms that its callers use.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// The cause of an error. Shared, since a fatal error answers every later call too.
pub type Cause = Arc<dyn std::error::Error + Send + Sync>;

/// Why a store could not be opened. Damage alone is no reason: a damaged store is moved aside.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has the store open.
    #[error("opening the store in `{}`: another process has it open, such as a daemon that \
             runs already; `qlik-roster status` asks it", path.display())]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// The store was written by a newer version of this program.
    #[error(
        "opening the store in `{}`: it has format {found}, this version reads up to {known}; \
         run the newer version, or give this one another folder",
        path.display()
    )]
    Newer {
        /// The folder.
        path: PathBuf,
        /// The store's format.
        found: u32,
        /// The newest format that this version reads.
        known: u32,
    },
    /// The store has an older format, and there is not enough disk space to migrate it.
    #[error(
        "migrating the store in `{}` from format {from} to {to}: that may take {needed} bytes \
         beside it, and {free} are free; free some disk space, then try again; the store is \
         unchanged",
        path.display()
    )]
    NoSpace {
        /// The folder.
        path: PathBuf,
        /// The store's format.
        from: u32,
        /// The format that it should have.
        to: u32,
        /// Bytes that the migration may take.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// The store is damaged, and there is not enough disk space to copy what can still be read from
    /// it.
    #[error(
        "salvaging what can be read of the damaged store in `{}`: that may take {needed} bytes \
         beside it, and {free} are free; free some disk space, then try again; the store is \
         unchanged",
        path.display()
    )]
    NoSpaceToSalvage {
        /// The folder.
        path: PathBuf,
        /// Bytes that the copy may take.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// The store has an older format, and could not be migrated.
    #[error(
        "migrating the store in `{}` from format {from} to {to}; it is unchanged, and the version \
         that wrote it can continue to use it; `qlik-roster store check` names what is wrong in it",
        path.display()
    )]
    NotMigrated {
        /// The folder.
        path: PathBuf,
        /// The store's format.
        from: u32,
        /// The format that it should have.
        to: u32,
        /// What went wrong.
        #[source]
        source: StoreError,
    },
    /// The files were copied while a process had them open, and do not fit together.
    #[error(
        "opening the store in `{}`: its files were copied while a process had them open, and do \
         not fit together: {what}; stop the daemon before you copy them, or copy a snapshot of the \
         file system; to continue with what can be read of this copy, remove the file `open` in it",
        path.display()
    )]
    TornCopy {
        /// The folder.
        path: PathBuf,
        /// What was found first.
        what: String,
    },
    /// The path leads to something that is not a folder.
    #[error("opening the store in `{}`: this is not a folder", path.display())]
    NotAFolder {
        /// The path.
        path: PathBuf,
    },
    /// The file system returned an error.
    #[error("opening the store: {doing} `{}`", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The error that it returned.
        #[source]
        source: io::Error,
    },
    /// The files are there, but the database engine could not open them.
    #[error("opening the store in `{}`", path.display())]
    Failed {
        /// The folder.
        path: PathBuf,
        /// What went wrong.
        #[source]
        source: StoreError,
    },
}

impl OpenError {
    /// Returns the code under which `docs/errors.md` lists this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Locked { .. } => "store.locked",
            Self::Newer { .. } => "store.newer",
            Self::NoSpace { .. } | Self::NoSpaceToSalvage { .. } => "store.no-room",
            Self::TornCopy { .. } => "store.torn-copy",
            Self::NotAFolder { .. } => "store.not-a-folder",
            Self::Io { .. } => "store.io",
            Self::Failed { source, .. } | Self::NotMigrated { source, .. } => source.code(),
        }
    }
}

/// Why a call to an open store failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// What was read differs from what was written. The folder is marked, and moved aside at the
    /// next start.
    #[error("the store is damaged: {what}; it will be moved aside at the next start")]
    Damaged {
        /// The kind of value, and what is wrong with it. Never a part of the value.
        what: String,
    },
    /// The database or the disk returned an error. What was not acknowledged may or may not be
    /// written.
    #[error("{doing}")]
    Failed {
        /// What was tried.
        doing: &'static str,
        /// The error that it returned.
        #[source]
        source: Cause,
    },
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// The caller asked for more than one atomic write may contain.
    #[error("a commit of cost {cost} is over the limit of {limit}")]
    TooLarge {
        /// What the writes cost, see [`Write::cost`](crate::store::Write::cost).
        cost: usize,
        /// What they may cost together.
        limit: usize,
    },
    /// The caller seals or continues a plan that is not there as described.
    #[error("the plan is not as expected: {what}")]
    NoSuchPlan {
        /// What is wrong with it.
        what: &'static str,
    },
}

impl StoreError {
    /// Returns the code under which `docs/errors.md` lists this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Damaged { .. } => "store.damaged",
            Self::Failed { .. } => "store.failed",
            Self::Closed => "store.closed",
            Self::TooLarge { .. } => "store.too-large",
            Self::NoSuchPlan { .. } => "store.no-such-plan",
        }
    }

    /// Returns whether the process has to end: after such an error every call returns it.
    pub fn is_fatal(&self) -> bool {
        match self {
            Self::Damaged { .. } | Self::Failed { .. } => true,
            Self::Closed | Self::TooLarge { .. } | Self::NoSuchPlan { .. } => false,
        }
    }

    pub(super) fn damaged(what: impl Into<String>) -> Self {
        Self::Damaged { what: what.into() }
    }

    pub(super) fn io(doing: &'static str, source: io::Error) -> Self {
        Self::Failed {
            doing,
            source: Arc::new(source),
        }
    }

    pub(super) fn panicked(doing: &'static str, message: String) -> Self {
        Self::Failed {
            doing,
            source: Arc::new(Panicked(message)),
        }
    }
}

/// A panic of the database, caught.
#[derive(Debug, thiserror::Error)]
#[error("the database panicked: {0}")]
struct Panicked(String);
