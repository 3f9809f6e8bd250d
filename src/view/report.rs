//! Reports as they are written: CSV or JSON, and the manifest that says what they contain.

use serde_json::{Map, Value, json};

use super::access::not_known;
use crate::control::{Cell, Column, ReportAsked, ReportName, ReportSummary, Sort};
use crate::csv;
use crate::model::TenantName;

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportFormat {
    /// Comma-separated values, with a header.
    Csv,
    /// One JSON object with `rows`.
    Json,
}

impl ReportFormat {
    /// All formats.
    pub const ALL: [Self; 2] = [Self::Csv, Self::Json];

    /// Returns the end of a file's name.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
        }
    }

    /// Returns the media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Json => "application/json",
        }
    }
}

/// Writes a report bit by bit.
#[derive(Debug, Clone)]
pub struct ReportText {
    format: ReportFormat,
    columns: &'static [Column],
    n_rows: u64,
}

impl ReportText {
    /// Begins a report. Returns what comes before its rows.
    pub fn begin(format: ReportFormat, report: ReportName) -> (Self, Vec<u8>) {
        let columns = report.columns();
        let head = match format {
            ReportFormat::Csv => line(columns.iter().map(|column| column.name)),
            ReportFormat::Json => {
                let name = report.word();
                format!("{{\"report\":\"{name}\",\"rows\":[").into_bytes()
            }
        };
        let text = Self {
            format,
            columns,
            n_rows: 0,
        };
        (text, head)
    }

    /// Returns the text of some rows.
    pub fn rows(&mut self, rows: &[Vec<Cell>]) -> Vec<u8> {
        let mut out = Vec::new();
        for row in rows {
            match self.format {
                ReportFormat::Csv => out.extend(line(row.iter().map(text))),
                ReportFormat::Json => {
                    out.extend_from_slice(if self.n_rows == 0 { b"\n" } else { b",\n" });
                    let cells = self.columns.iter().zip(row);
                    let object: Map<String, Value> = cells
                        .map(|(column, cell)| (column.name.to_owned(), value(cell)))
                        .collect();
                    out.extend(Value::from(object).to_string().into_bytes());
                }
            }
            self.n_rows += 1;
        }
        out
    }

    /// Returns what comes after the rows.
    pub fn end(&self, manifest: &Value) -> Vec<u8> {
        match self.format {
            ReportFormat::Csv => Vec::new(),
            ReportFormat::Json => format!("\n],\"manifest\":{manifest}}}\n").into_bytes(),
        }
    }
}

/// Returns what a report contains: of which time it is, how many rows it has, and what is not
/// known. `not_read` are the tenants that are missing from it because they were not read in full
/// yet.
pub fn report_manifest(
    asked: &ReportAsked,
    summary: &ReportSummary,
    not_read: &[TenantName],
) -> Value {
    let tenants = summary.tenants.iter().map(|tenant| {
        json!({
            "tenant": tenant.tenant,
            "rows": tenant.rows,
            "complete": tenant.not_known.is_empty(),
            "not_known": tenant.not_known.iter().map(not_known).collect::<Vec<_>>(),
        })
    });
    json!({
        "report": asked.report.word(),
        "as_of": summary.as_of,
        "from": asked.from,
        "sequence": summary.seq,
        "rows": summary.rows(),
        "complete": summary.is_complete() && not_read.is_empty(),
        "tenants": tenants.collect::<Vec<_>>(),
        "not_read": not_read,
        "version": env!("CARGO_PKG_VERSION"),
    })
}

/// Returns a report that can be asked for: its name and its columns.
pub fn report(report: ReportName) -> Value {
    let columns = report.columns().iter().map(|column| {
        let sort = match column.sort {
            Sort::Text => "text",
            Sort::Number => "number",
            Sort::Truth => "boolean",
            Sort::Time => "time",
        };
        json!({ "name": column.name, "type": sort })
    });
    json!({ "name": report.word(), "columns": columns.collect::<Vec<_>>() })
}

fn line(cells: impl Iterator<Item = impl AsRef<str>>) -> Vec<u8> {
    let mut out = Vec::new();
    csv::write_to_file(&mut out, cells).expect("memory takes every write");
    out
}

fn text(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) => text.clone(),
        Cell::Number(number) => number.to_string(),
        Cell::Truth(truth) => truth.to_string(),
        Cell::Time(time) => time.to_string(),
        Cell::Nothing => String::new(),
    }
}

fn value(cell: &Cell) -> Value {
    match cell {
        Cell::Text(text) => text.as_str().into(),
        Cell::Number(number) => (*number).into(),
        Cell::Truth(truth) => (*truth).into(),
        Cell::Time(time) => json!(time),
        Cell::Nothing => Value::Null,
    }
}
