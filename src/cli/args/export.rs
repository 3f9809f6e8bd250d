//! The arguments of `export`.

use std::path::PathBuf;

use clap::ValueEnum;

use super::access::AsOfArgs;
use super::deliveries::{Since, since};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ExportArgs {
    /// What to write: `users`, `roles`, `groups`, `memberships`, `access`, `space-access`,
    /// `findings` or `changes`. Without it, everything but changes.
    #[arg(value_name = "REPORT")]
    pub(in crate::cli) reports: Vec<String>,
    /// The folder to write files to; it is made if it does not exist, and no file in it is
    /// overwritten. Without it, one report is printed.
    #[arg(long, value_name = "FOLDER")]
    pub(in crate::cli) out: Option<PathBuf>,
    /// How reports are written.
    #[arg(long, value_enum, default_value_t = ExportFormat::Csv)]
    pub(in crate::cli) format: ExportFormat,
    /// Write this export of the configuration now, with its reports, tenants and format, whatever
    /// its schedule says.
    #[arg(
        long,
        value_name = "NAME",
        conflicts_with_all = ["reports", "out", "format", "tenant", "as_of", "from"]
    )]
    pub(in crate::cli) name: Option<String>,
    /// Only this tenant; without it, all that were read in full.
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) tenant: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) time: AsOfArgs,
    /// The time with which `changes` begin, written as for `--as-of`.
    #[arg(long, value_name = "TIME", value_parser = since)]
    pub(in crate::cli) from: Option<Since>,
}

/// How reports are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum ExportFormat {
    /// Comma-separated values, with a header.
    Csv,
    /// One JSON object with `rows` and `manifest`.
    Json,
    /// Apache Parquet, with typed columns.
    Parquet,
}
