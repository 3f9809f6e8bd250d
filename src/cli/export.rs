//! `export`: writes reports for programs that load tables.
//!
//! Rows are written as their pages come, so that a tenant of any size takes little memory. The
//! files get their names when all of them are complete.

mod configured;

use std::io::{self, IsTerminal, Write};
use std::path::Path;

use serde_json::{Value, json};

use crate::clock::Clock;
use crate::control::{ReportAsked, ReportName, ReportSummary, ReportWalk, query};
use crate::daemon::Hooks;
use crate::doing::counting;
use crate::model::{ExportName, TenantName, Timestamp};
use crate::view::{self, ReportFormat, ReportWriter};

use super::access::time;
use super::args::{ExportArgs, ExportFormat};
use super::error::CliError;
use super::files::Folder;
use super::store_client::StoreClient;
use super::style::{count, say};
use super::{Exit, output};

pub(super) async fn run(config: Option<&Path>, args: ExportArgs) -> anyhow::Result<Exit> {
    if let Some(name) = &args.name {
        return configured::run(config, ExportName(name.clone())).await;
    }
    let wanted = Wanted::of(&args)?;
    let config = super::begin::load(config)?;
    let client = StoreClient::open(&config, Hooks::none()).await?;
    let exit = export(&client, args, wanted).await;
    client.close().await?;
    exit
}

/// What is written, of which time.
struct Wanted {
    reports: Vec<ReportName>,
    at: Option<Timestamp>,
    from: Option<Timestamp>,
    format: ReportFormat,
}

impl Wanted {
    fn of(args: &ExportArgs) -> Result<Self, CliError> {
        let at = time(args.time.as_of)?;
        let from = time(args.from)?;
        let mut reports = Vec::new();
        for word in &args.reports {
            let report = ReportName::of(word).ok_or_else(|| no_report(word))?;
            if !reports.contains(&report) {
                reports.push(report);
            }
        }
        let is_of_changes = reports.contains(&ReportName::Changes);
        if is_of_changes && from.is_none() {
            let why = "`changes` need a time with which they begin: `--from TIME`";
            return Err(CliError::usage(why));
        }
        if !is_of_changes && from.is_some() {
            return Err(CliError::usage(
                "`--from` is for the report `changes` alone",
            ));
        }
        let end = at.unwrap_or_else(|| Clock::system().now());
        if from.is_some_and(|from| from >= end) {
            return Err(CliError::usage("`--from` must be earlier than `--as-of`"));
        }
        if reports.is_empty() {
            let all = ReportName::ALL.into_iter();
            reports = all
                .filter(|report| *report != ReportName::Changes)
                .collect();
        }
        if args.out.is_none() && reports.len() > 1 {
            let why = "several reports are written to a folder: name it with `--out`";
            return Err(CliError::usage(why));
        }
        let format = match args.format {
            ExportFormat::Csv => ReportFormat::Csv,
            ExportFormat::Json => ReportFormat::Json,
            ExportFormat::Parquet => ReportFormat::Parquet,
        };
        if format == ReportFormat::Parquet && args.out.is_none() && io::stdout().is_terminal() {
            let why = "Parquet is not text: name a folder with `--out`, or redirect the output";
            return Err(CliError::usage(why));
        }
        Ok(Self {
            reports,
            at,
            from,
            format,
        })
    }
}

impl Wanted {
    /// Returns the names of the files of all reports as of a time, and then that of the manifest.
    fn file_names(&self, at: Timestamp) -> impl Iterator<Item = String> + use<'_> {
        let stamp = at.to_string().replace(':', "");
        let extension = self.format.extension();
        let reports = self.reports.iter();
        let reports = reports.map(move |report| format!("{}.{extension}", report.word()));
        let all = reports.chain(["manifest.json".to_owned()]);
        all.map(move |name| format!("{stamp}-{name}"))
    }
}

fn no_report(word: &str) -> CliError {
    let all: Vec<&str> = ReportName::ALL.into_iter().map(ReportName::word).collect();
    let word = crate::printable::line(word);
    CliError::usage(format!(
        "there is no report `{word}`; there are {}",
        all.join(", ")
    ))
}

/// The tenants of an export.
struct Tenants {
    read: Vec<TenantName>,
    not_read: Vec<TenantName>,
}

async fn export(client: &StoreClient, args: ExportArgs, wanted: Wanted) -> anyhow::Result<Exit> {
    let tenants = tenants(client, args.tenant).await?;
    for tenant in &tenants.not_read {
        say(format_args!(
            "`{tenant}` is left out: it was never read in full; `qlik-roster runs --tenant \
             {tenant}` says why."
        ));
    }
    let summaries = match args.out {
        Some(out) => to_folder(client, &Folder::open(&out)?, &tenants, &wanted).await?,
        None => vec![to_stdout(client, &tenants, &wanted).await?],
    };
    for summary in &summaries {
        for tenant in &summary.tenants {
            for lacking in &tenant.not_known {
                let lacking = super::access::not_known(lacking);
                say(format_args!("`{}`: {lacking}", tenant.tenant));
            }
        }
    }
    let has_all = summaries.iter().all(ReportSummary::has_all_that_is_read);
    Ok(match has_all && tenants.not_read.is_empty() {
        true => Exit::Success,
        false => Exit::Partial,
    })
}

async fn tenants(client: &StoreClient, tenant: Option<String>) -> anyhow::Result<Tenants> {
    let ask = |after, limit| query::UnifiedTenants {
        tenants: query::AskedTenants {
            called: tenant.clone(),
            covered: None,
        },
        after,
        limit,
    };
    let rows = client.all(usize::MAX, ask).await?.into_iter();
    let (read, not_read): (Vec<_>, Vec<_>) = rows.partition(|row| row.is_read);
    if let (Some(_), Some(row)) = (&tenant, not_read.first()) {
        let name = &row.name;
        return Err(CliError::Impossible(format!(
            "`{name}` was never read in full; `qlik-roster runs --tenant {name}` says why"
        ))
        .into());
    }
    Ok(Tenants {
        read: read.into_iter().map(|row| row.name).collect(),
        not_read: not_read.into_iter().map(|row| row.name).collect(),
    })
}

/// Writes each report into a file, and a manifest of all beside them.
async fn to_folder(
    client: &StoreClient,
    folder: &Folder,
    tenants: &Tenants,
    wanted: &Wanted,
) -> anyhow::Result<Vec<ReportSummary>> {
    let mut at = wanted.at;
    if let Some(at) = at {
        // Nothing is read in vain.
        let names: Vec<String> = wanted.file_names(at).collect();
        folder.is_free(names.iter().map(String::as_str))?;
    }
    let mut written = Vec::new();
    for report in &wanted.reports {
        let mut draft = folder.draft()?;
        let walk = walk(*report, tenants, wanted, at);
        let (summary, manifest) = write(client, walk, tenants, wanted, &mut draft).await?;
        // All reports describe one time.
        at = at.or(summary.as_of);
        written.push((draft.end()?, summary, manifest));
    }
    // Without tenants, nothing was read of any time.
    let at = at.unwrap_or_else(|| Clock::system().now());
    let mut names = wanted.file_names(at);
    let (mut files, mut manifests, mut summaries) = (Vec::new(), Vec::new(), Vec::new());
    for ((whole, summary, mut manifest), name) in written.into_iter().zip(&mut names) {
        if let Some(fields) = manifest.as_object_mut() {
            fields.insert("file".to_owned(), name.as_str().into());
            fields.insert("sha256".to_owned(), whole.sha256().into());
        }
        manifests.push(manifest);
        summaries.push(summary);
        files.push((name, whole));
    }
    let mut draft = folder.draft()?;
    writeln!(draft, "{:#}", json!({ "reports": manifests }))?;
    let draft = draft.end()?;
    files.extend(names.zip([draft]));
    let mut out = output::stdout();
    for path in folder.keep(files)? {
        writeln!(out, "{}", path.display())?;
    }
    out.flush()?;
    Ok(summaries)
}

async fn to_stdout(
    client: &StoreClient,
    tenants: &Tenants,
    wanted: &Wanted,
) -> anyhow::Result<ReportSummary> {
    let report = wanted.reports.first().copied().unwrap_or(ReportName::Users);
    let walk = walk(report, tenants, wanted, wanted.at);
    let mut out = output::stdout();
    let (summary, _) = write(client, walk, tenants, wanted, &mut out).await?;
    out.flush()?;
    let n_rows = usize::try_from(summary.rows()).unwrap_or(usize::MAX);
    if let Some(as_of) = summary.as_of {
        say(format_args!("{}, as of {as_of}.", count(n_rows, "row")));
    }
    Ok(summary)
}

fn walk(
    report: ReportName,
    tenants: &Tenants,
    wanted: &Wanted,
    at: Option<Timestamp>,
) -> ReportWalk {
    ReportWalk::begin(ReportAsked {
        report,
        tenants: tenants.read.clone(),
        at,
        from: wanted.from.filter(|_| report == ReportName::Changes),
    })
}

/// Writes a report. Returns what it contains, and its manifest.
async fn write(
    client: &StoreClient,
    mut walk: ReportWalk,
    tenants: &Tenants,
    wanted: &Wanted,
    out: &mut impl Write,
) -> anyhow::Result<(ReportSummary, Value)> {
    let (_doing, found) = counting("writing a report", "rows");
    let (mut writer, head) = ReportWriter::begin(wanted.format, walk.asked().report);
    out.write_all(&head)?;
    while let Some(question) = walk.question() {
        let rows = walk.take(client.ask(question).await?);
        found.add(rows.len() as u64);
        out.write_all(&writer.rows(&rows))?;
    }
    let summary = walk.summary().clone();
    let manifest = view::report_manifest(walk.asked(), &summary, &tenants.not_read);
    out.write_all(&writer.end(&manifest))?;
    Ok((summary, manifest))
}
