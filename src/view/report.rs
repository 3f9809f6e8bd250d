//! Reports as they are written: CSV, JSON or Parquet, and the manifest that says what they contain.

mod parquet;

use serde_json::{Map, Value, json};

use self::parquet::Parquet;
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
    /// Apache Parquet.
    Parquet,
}

impl ReportFormat {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Csv, Self::Json, Self::Parquet];

    /// Returns the format of this name; `None` if there is none.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|format| format.extension() == word)
    }

    /// Returns the end of a file's name.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Parquet => "parquet",
        }
    }

    /// Returns the media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Json => "application/json",
            Self::Parquet => "application/vnd.apache.parquet",
        }
    }
}

/// Writes a report bit by bit.
#[derive(Debug)]
pub struct ReportWriter(Form);

#[derive(Debug)]
enum Form {
    Csv,
    Json {
        columns: &'static [Column],
        n_rows: u64,
    },
    Parquet(Box<Parquet>),
}

impl ReportWriter {
    /// Begins a report. Returns what comes before its rows.
    pub fn begin(format: ReportFormat, report: ReportName) -> (Self, Vec<u8>) {
        let columns = report.columns();
        let (form, head) = match format {
            ReportFormat::Csv => (Form::Csv, line(columns.iter().map(|column| column.name))),
            ReportFormat::Json => {
                let head = format!("{{\"report\":\"{}\",\"rows\":[", report.word());
                (Form::Json { columns, n_rows: 0 }, head.into_bytes())
            }
            ReportFormat::Parquet => {
                let mut parquet = Box::new(Parquet::begin(columns));
                let head = parquet.written();
                (Form::Parquet(parquet), head)
            }
        };
        (Self(form), head)
    }

    /// Adds some rows. Returns what can be written of the report by now, which may be nothing.
    pub fn rows(&mut self, rows: &[Vec<Cell>]) -> Vec<u8> {
        let mut out = Vec::new();
        match &mut self.0 {
            Form::Csv => {
                for row in rows {
                    out.extend(line(row.iter().map(text)));
                }
            }
            Form::Json { columns, n_rows } => {
                for row in rows {
                    out.extend_from_slice(if *n_rows == 0 { b"\n" } else { b",\n" });
                    let cells = columns.iter().zip(row);
                    let object: Map<String, Value> = cells
                        .map(|(column, cell)| (column.name.to_owned(), value(cell)))
                        .collect();
                    out.extend(Value::from(object).to_string().into_bytes());
                    *n_rows += 1;
                }
            }
            Form::Parquet(parquet) => {
                for row in rows {
                    parquet.row(row);
                }
                out = parquet.written();
            }
        }
        out
    }

    /// Returns the rest of the report. Nothing can be added afterwards.
    pub fn end(&mut self, manifest: &Value) -> Vec<u8> {
        match &mut self.0 {
            Form::Csv => Vec::new(),
            Form::Json { .. } => format!("\n],\"manifest\":{manifest}}}\n").into_bytes(),
            Form::Parquet(parquet) => {
                parquet.end(manifest.to_string());
                parquet.written()
            }
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
