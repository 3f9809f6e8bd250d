//! Writes an export once. Blocks.

use std::collections::BTreeSet;
use std::io::Write;

use serde_json::{Value, json};

use super::error::ExportError;
use super::folder::{Folder, Locked, Partial};
use super::options::Export;
use super::stamp;
use crate::control::{
    Control, Exported, MAX_PAGE, ReportAsked, ReportName, ReportSummary, ReportWalk, UnifiedTenant,
    query,
};
use crate::model::{TenantName, Timestamp};
use crate::signal::Shutdown;
use crate::view::{self, ReportWriter};

/// Writes an export, and then deletes old ones. Blocks.
///
/// If the old ones cannot be deleted, the export was written all the same, and the result is an
/// error that says so.
pub fn write(
    control: &Control,
    export: &Export,
    shutdown: &Shutdown,
) -> Result<Exported, ExportError> {
    let folder = Folder::open(&export.folder, &export.name)?.lock()?;
    folder.clear()?;
    let (tenants, left_out) = tenants(control, export)?;
    let exported = Writing {
        control,
        export,
        shutdown,
        tenants,
        left_out,
    }
    .write(&folder)?;
    let as_of = exported.as_of;
    let dropped = folder.drop_old(export.keep, as_of);
    dropped.map_err(|(path, source)| ExportError::NotDropped {
        path,
        as_of,
        source,
    })?;
    Ok(exported)
}

/// Returns the time of the newest export in the folder; `None` if there is none. Blocks.
pub(super) fn newest(export: &Export) -> Result<Option<Timestamp>, ExportError> {
    let folder = Folder::open(&export.folder, &export.name)?;
    Ok(folder.times()?.pop())
}

/// Finds out whether an export can be written to its folder, without writing one. Blocks.
pub fn probe(export: &Export) -> Result<(), ExportError> {
    let folder = Folder::open(&export.folder, &export.name)?;
    let file = tempfile::Builder::new()
        .prefix(".qlik-roster-check-")
        .tempfile_in(&export.folder);
    file.map_err(|error| ExportError::writing(&export.folder, error))?;
    folder.times().map(drop)
}

/// An export that is being written.
struct Writing<'a> {
    control: &'a Control,
    export: &'a Export,
    shutdown: &'a Shutdown,
    tenants: Vec<TenantName>,
    /// Tenants that were never read in full, and are not read now.
    left_out: Vec<TenantName>,
}

impl Writing<'_> {
    fn write(&self, folder: &Locked<'_>) -> Result<Exported, ExportError> {
        let begun = self.control.now();
        let partial = folder.begin(begun, self.export.readers)?;
        // All reports describe one time: that of the first.
        let (mut at, mut manifests, mut summaries) = (None, Vec::new(), Vec::new());
        for report in &self.export.reports {
            let (summary, manifest) = self.report(*report, at, &partial)?;
            at = at.or(summary.as_of);
            manifests.push(manifest);
            summaries.push(summary);
        }
        let as_of = at.unwrap_or(begun);
        let is_complete =
            self.left_out.is_empty() && summaries.iter().all(ReportSummary::is_complete);
        let manifest = json!({
            "export": self.export.name,
            "as_of": as_of,
            "written_at": self.control.now(),
            "complete": is_complete,
            "reports": manifests,
        });
        let mut draft = partial.file(stamp::MANIFEST)?;
        let failed = |error| partial.failed(stamp::MANIFEST, error);
        writeln!(draft, "{manifest:#}").map_err(failed)?;
        draft.end().map_err(failed)?;
        let path = partial.keep(as_of)?;
        Ok(Exported {
            path: path.display().to_string(),
            as_of,
            rows: summaries.iter().map(ReportSummary::rows).sum(),
            is_complete: summaries.iter().all(ReportSummary::has_all_that_is_read),
        })
    }

    /// Writes a report. Returns what it contains, and its manifest.
    fn report(
        &self,
        report: ReportName,
        at: Option<Timestamp>,
        partial: &Partial<'_>,
    ) -> Result<(ReportSummary, Value), ExportError> {
        let name = stamp::report(report, self.export.format);
        let failed = |error| partial.failed(&name, error);
        let mut walk = ReportWalk::begin(ReportAsked {
            report,
            tenants: self.tenants.clone(),
            at,
            from: None,
        });
        let mut draft = partial.file(&name)?;
        let (mut writer, head) = ReportWriter::begin(self.export.format, report);
        draft.write_all(&head).map_err(failed)?;
        while let Some(question) = walk.question() {
            if self.shutdown.is_triggered() {
                return Err(ExportError::Ending);
            }
            let page = self.control.ask_blocking(question);
            let rows = walk.take(page.map_err(|source| ExportError::Reading { source })?);
            draft.write_all(&writer.rows(&rows)).map_err(failed)?;
        }
        let summary = walk.summary().clone();
        let mut manifest = view::report_manifest(walk.asked(), &summary, &self.left_out);
        draft.write_all(&writer.end(&manifest)).map_err(failed)?;
        let sha256 = draft.end().map_err(failed)?;
        if let Some(fields) = manifest.as_object_mut() {
            fields.insert("file".to_owned(), name.as_str().into());
            fields.insert("sha256".to_owned(), sha256.into());
        }
        Ok((summary, manifest))
    }
}

/// Returns the tenants of an export, and those that are left out of it: an export of all tenants
/// does not wait for one that was never read and is paused. Fails unless all others were read in
/// full.
fn tenants(
    control: &Control,
    export: &Export,
) -> Result<(Vec<TenantName>, Vec<TenantName>), ExportError> {
    let mut found = Vec::new();
    match &export.tenants {
        None => found = called(control, None)?,
        Some(names) => {
            for name in names {
                found.extend(called(control, Some(name))?);
            }
        }
    }
    let mut left_out = Vec::new();
    if export.tenants.is_none() {
        let paused = control.paused();
        let is_left_out = |it: &UnifiedTenant| !it.is_read && paused.contains(&it.name);
        let out = found.extract_if(.., |it| is_left_out(it));
        left_out.extend(out.map(|it| it.name));
    }
    let not_read: Vec<_> = found.iter().filter(|tenant| !tenant.is_read).collect();
    if !not_read.is_empty() {
        let tenants = not_read.into_iter().map(|tenant| tenant.name.clone());
        return Err(ExportError::NotRead {
            tenants: tenants.collect(),
        });
    }
    // Two names may be those of one tenant.
    let names: BTreeSet<TenantName> = found.into_iter().map(|tenant| tenant.name).collect();
    match names.is_empty() {
        true => Err(ExportError::NoTenant),
        false => Ok((names.into_iter().collect(), left_out)),
    }
}

fn called(control: &Control, name: Option<&TenantName>) -> Result<Vec<UnifiedTenant>, ExportError> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let asked = query::UnifiedTenants {
            tenants: query::AskedTenants {
                called: name.map(|name| name.0.clone()),
                covered: None,
            },
            after,
            limit: MAX_PAGE,
        };
        let page = control.ask_blocking(asked);
        let page = page.map_err(|source| ExportError::Reading { source })?;
        all.extend(page.rows);
        after = page.next;
        if after.is_none() {
            return Ok(all);
        }
    }
}
