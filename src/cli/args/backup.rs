//! The arguments of `backup` and `restore`.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
pub(in crate::cli) struct BackupArgs {
    /// The file to write, which only its owner can read; `-` writes to standard output.
    #[arg(value_name = "FILE")]
    pub(in crate::cli) file: PathBuf,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct RestoreArgs {
    /// The backup.
    #[arg(value_name = "FILE")]
    pub(in crate::cli) file: PathBuf,
}
