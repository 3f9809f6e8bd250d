//! Why an export was not written.

use std::io;
use std::path::{Path, PathBuf};

use crate::control::{ControlError, ExportFailure};
use crate::model::{TenantName, Timestamp};
use crate::telemetry::chain;

/// How many tenants a message names.
const MOST_NAMES: usize = 10;

/// Why an export was not written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// There is no such folder.
    #[error("the folder {} does not exist", folder.display())]
    NoFolder {
        /// The folder.
        folder: PathBuf,
    },
    /// Something else has the folder's name.
    #[error("{} is not a folder", folder.display())]
    NotAFolder {
        /// What was named as the folder.
        folder: PathBuf,
    },
    /// The file system does not allow it.
    #[error("writing {} is not permitted", path.display())]
    NotPermitted {
        /// What was to be written.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The disk or the quota is full.
    #[error("writing {}: there is no space on the disk", path.display())]
    NoSpace {
        /// What was to be written.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The file system failed in another way.
    #[error("writing {}", path.display())]
    Io {
        /// What was to be written.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Another process writes this export.
    #[error("another process is writing this export to {}", folder.display())]
    Busy {
        /// The folder.
        folder: PathBuf,
    },
    /// There is already something of that name.
    #[error("{} already exists", path.display())]
    Taken {
        /// The name.
        path: PathBuf,
    },
    /// Tenants were never read in full, so the export would lack them.
    #[error("{} not read in full yet: {}", match tenants.len() { 1 => "a tenant was", _ => "tenants were" }, named(tenants))]
    NotRead {
        /// The tenants.
        tenants: Vec<TenantName>,
    },
    /// There is no tenant to write anything about.
    #[error("no tenant is known yet")]
    NoTenant,
    /// A report could not be read.
    #[error("reading a report")]
    Reading {
        /// Why not.
        #[source]
        source: ControlError,
    },
    /// The daemon was told to end.
    #[error("the daemon is ending")]
    Ending,
    /// The export was written, and an old one could not be deleted; if the old ones could not be
    /// listed, `path` is the folder.
    #[error("the export was written, but old ones could not be deleted: {}", path.display())]
    NotDropped {
        /// The old export.
        path: PathBuf,
        /// The time that the new one describes.
        as_of: Timestamp,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

impl ExportError {
    /// Says what could not be written.
    pub(super) fn writing(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Self::NotPermitted { path, source }
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::NoSpace { path, source }
            }
            _ => Self::Io { path, source },
        }
    }

    /// Returns the time that the export describes, if it was written all the same.
    pub(super) fn written(&self) -> Option<Timestamp> {
        match self {
            Self::NotDropped { as_of, .. } => Some(*as_of),
            Self::NoFolder { .. }
            | Self::NotAFolder { .. }
            | Self::NotPermitted { .. }
            | Self::NoSpace { .. }
            | Self::Io { .. }
            | Self::Busy { .. }
            | Self::Taken { .. }
            | Self::NotRead { .. }
            | Self::NoTenant
            | Self::Reading { .. }
            | Self::Ending => None,
        }
    }

    /// Returns the code that `docs/errors.md` explains.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoFolder { .. } | Self::NotAFolder { .. } => "export.no-folder",
            Self::NotPermitted { .. } => "export.not-permitted",
            Self::NoSpace { .. } => "export.no-room",
            Self::Io { .. } => "export.io",
            Self::Busy { .. } => "export.busy",
            Self::Taken { .. } => "export.taken",
            Self::NotRead { .. } | Self::NoTenant => "export.not-read",
            Self::Reading { source } => source.code(),
            Self::Ending => "export.ending",
            Self::NotDropped { .. } => "export.not-dropped",
        }
    }

    /// Returns what to do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::NoFolder { .. } | Self::NotAFolder { .. } => {
                "make the folder, or mount what it is on; it is not made by qlik-roster"
            }
            Self::NotPermitted { .. } => {
                "let the user that runs qlik-roster write there; under systemd, name the folder in \
                 `ReadWritePaths=` as well"
            }
            Self::NoSpace { .. } => "free disk space, or set a lower `keep`",
            Self::Io { .. } => "check the disk, or the file system that is mounted there",
            Self::Busy { .. } => {
                "wait until it has ended, and let no two daemons write an export of one name to \
                 one folder"
            }
            Self::Taken { .. } => "move it away, or wait for the next attempt",
            Self::NotRead { .. } | Self::NoTenant => {
                "look at `qlik-roster status`; name other tenants in `tenants` to do without them"
            }
            Self::Reading { .. } => "look the code up in docs/errors.md",
            Self::Ending => "nothing: it is written after the next start",
            Self::NotDropped { .. } => {
                "let the user that runs qlik-roster list, rename and delete old exports there"
            }
        }
    }

    /// Describes it for those who ask for the state of the export.
    pub fn failure(&self, at: Timestamp) -> ExportFailure {
        ExportFailure {
            code: self.code().to_owned(),
            message: chain(self),
            remedy: self.remedy().to_owned(),
            at,
        }
    }
}

fn named(tenants: &[TenantName]) -> String {
    let names = tenants
        .iter()
        .take(MOST_NAMES)
        .map(|name| format!("`{name}`"));
    let mut names: Vec<String> = names.collect();
    let n_more = tenants.len().saturating_sub(MOST_NAMES);
    if n_more > 0 {
        names.push(format!("{n_more} more"));
    }
    names.join(", ")
}
