//! An export, as the configuration describes it.

use std::path::PathBuf;

use crate::control::ReportName;
use crate::model::{ExportName, TenantName};
use crate::sync::Schedule;
use crate::view::ReportFormat;

/// An export that is written on a schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    /// Its name, with which the names of its folders begin.
    pub name: ExportName,
    /// The folder that it is written to, which has to exist.
    pub folder: PathBuf,
    /// The reports, in the order of the manifest.
    pub reports: Vec<ReportName>,
    /// The tenants; `None` for all.
    pub tenants: Option<Vec<TenantName>>,
    /// How reports are written.
    pub format: ReportFormat,
    /// When it is written.
    pub schedule: Schedule,
    /// How many exports are kept in the folder.
    pub keep: usize,
    /// Who may read the files.
    pub readers: Readers,
}

/// Who may read the files of an export.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Readers {
    /// The user that runs qlik-roster.
    #[default]
    Owner,
    /// The group of the files as well.
    Group,
}

impl Readers {
    /// Returns the mode of files.
    pub(super) fn file_mode(self) -> u32 {
        match self {
            Self::Owner => 0o600,
            Self::Group => 0o640,
        }
    }

    /// Returns the mode of folders.
    pub(super) fn folder_mode(self) -> u32 {
        match self {
            Self::Owner => 0o700,
            Self::Group => 0o750,
        }
    }
}
