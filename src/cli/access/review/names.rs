//! What the files of the evidence are called.

use std::io::Write;
use std::path::PathBuf;

use crate::cli::files::{Folder, Whole};
use crate::model::{TenantName, Timestamp};

/// What the files are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) csv: String,
    page: String,
    sums: String,
}

impl Names {
    /// Names them after the tenant and the time that the evidence describes.
    pub(super) fn of(tenant: &TenantName, as_of: Timestamp) -> Self {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let plain = |c: char| if is_plain(c) { c } else { '-' };
        let tenant: String = tenant.0.chars().map(plain).collect();
        let as_of = as_of.to_string().replace(':', "");
        let base = format!("access-review-{tenant}-{as_of}");
        Self {
            csv: format!("{base}.csv"),
            page: format!("{base}.html"),
            sums: format!("{base}.sha256"),
        }
    }

    /// Returns all names.
    pub(super) fn all(&self) -> [&str; 3] {
        [&self.csv, &self.page, &self.sums]
    }

    /// Gives the files their names, and writes the digests of both beside them. Returns their
    /// paths.
    pub(super) fn keep(
        self,
        folder: &Folder,
        csv: Whole,
        page: Whole,
    ) -> anyhow::Result<Vec<PathBuf>> {
        let mut sums = folder.draft()?;
        for (whole, name) in [(&csv, &self.csv), (&page, &self.page)] {
            writeln!(sums, "{}  {name}", whole.sha256())?;
        }
        let sums = sums.end()?;
        folder.keep(vec![(self.csv, csv), (self.page, page), (self.sums, sums)])
    }
}
