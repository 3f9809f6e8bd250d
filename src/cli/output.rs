//! Prints rows as a table, JSON, JSON lines or CSV.
//!
//! Rows come one by one and, but for tables, go out one by one: a list of a million users
//! takes no memory.

use std::io::{self, BufWriter, ErrorKind, IsTerminal, StdoutLock, Write};

use comfy_table::{ColumnConstraint, ContentArrangement, Table, presets};
use serde_json::{Map, Value};

use super::args::Format;

/// Rows that are gathered before a table is laid out and printed; a longer list becomes
/// several tables with the widths of the first.
const TABLE_ROWS: usize = 500;

/// A row in both of its shapes.
pub(super) struct Row {
    /// For tables and CSV, in the order of the columns.
    pub(super) cells: Vec<String>,
    /// For JSON.
    pub(super) json: Value,
}

/// Prints rows to standard output.
pub(super) struct Printer {
    out: BufWriter<StdoutLock<'static>>,
    format: Format,
    columns: &'static [&'static str],
    table: Vec<Vec<String>>,
    n_rows: usize,
    /// What closes the JSON around the rows.
    closing: &'static [u8],
}

impl Printer {
    /// Prints rows as JSON: as the list of that name in an object, behind other fields.
    pub(super) fn within(fields: &Map<String, Value>, rows: &str) -> io::Result<Self> {
        let mut out = BufWriter::new(io::stdout().lock());
        out.write_all(b"{")?;
        for (name, value) in fields {
            write!(out, "\n{}: ", Value::from(name.as_str()))?;
            serde_json::to_writer_pretty(&mut out, value)?;
            out.write_all(b",")?;
        }
        write!(out, "\n{}: [", Value::from(rows))?;
        Ok(Self {
            out,
            format: Format::Json,
            columns: &[],
            table: Vec::new(),
            n_rows: 0,
            closing: b"]\n}\n",
        })
    }

    pub(super) fn new(format: Format, columns: &'static [&'static str]) -> io::Result<Self> {
        let mut printer = Self {
            out: BufWriter::new(io::stdout().lock()),
            format,
            columns,
            table: Vec::new(),
            n_rows: 0,
            closing: b"]\n",
        };
        match format {
            Format::Csv => {
                let header = columns
                    .iter()
                    .map(|name| name.to_lowercase().replace(' ', "_"));
                printer.csv(header)?;
            }
            Format::Json => printer.out.write_all(b"[")?,
            Format::Table | Format::Jsonl => {}
        }
        Ok(printer)
    }

    /// Prints a row, or keeps it until the table is full.
    pub(super) fn row(&mut self, row: Row) -> io::Result<()> {
        self.n_rows += 1;
        match self.format {
            Format::Table => {
                self.table.push(row.cells);
                if self.table.len() == TABLE_ROWS {
                    self.flush_table()
                } else {
                    Ok(())
                }
            }
            Format::Csv => self.csv(row.cells.into_iter()),
            Format::Jsonl => {
                serde_json::to_writer(&mut self.out, &row.json)?;
                self.out.write_all(b"\n")
            }
            Format::Json => {
                self.out
                    .write_all(if self.n_rows == 1 { b"\n  " } else { b",\n  " })?;
                serde_json::to_writer(&mut self.out, &row.json)?;
                Ok(())
            }
        }
    }

    /// Prints what is left. `nothing` is said in place of an empty table.
    pub(super) fn finish(mut self, nothing: &str) -> io::Result<()> {
        match self.format {
            Format::Table if self.n_rows == 0 => writeln!(self.out, "{nothing}")?,
            Format::Table => self.flush_table()?,
            Format::Json => {
                let line: &[u8] = if self.n_rows == 0 { b"" } else { b"\n" };
                self.out.write_all(line)?;
                self.out.write_all(self.closing)?;
            }
            Format::Jsonl | Format::Csv => {}
        }
        self.out.flush()
    }

    fn flush_table(&mut self) -> io::Result<()> {
        let mut table = Table::new();
        table.load_preset(presets::NOTHING).set_header(self.columns);
        if io::stdout().is_terminal() {
            table.set_content_arrangement(ContentArrangement::Dynamic);
        }
        table.add_rows(std::mem::take(&mut self.table));
        // Names and ids are what people copy: they stay in one piece.
        for column in table.column_iter_mut().take(2) {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
        for line in table.lines() {
            writeln!(self.out, "{}", line.trim_end())?;
        }
        Ok(())
    }

    /// RFC 4180: quotes where needed, doubled within; CRLF is left to those who want it.
    fn csv(&mut self, cells: impl Iterator<Item = String>) -> io::Result<()> {
        for (place, cell) in cells.enumerate() {
            if place > 0 {
                self.out.write_all(b",")?;
            }
            // A spreadsheet would run a cell that begins like this as a formula.
            let risky = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
            let cell = if risky { format!("'{cell}") } else { cell };
            if cell.contains(['"', ',', '\n', '\r']) {
                write!(self.out, "\"{}\"", cell.replace('"', "\"\""))?;
            } else {
                self.out.write_all(cell.as_bytes())?;
            }
        }
        self.out.write_all(b"\n")
    }
}

/// Prints one thing in full: as JSON, or as lines of `name  value`.
pub(super) fn print_one(format: Format, lines: &[(&str, String)], json: &Value) -> io::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    match format {
        Format::Table => {
            let width = lines
                .iter()
                .map(|(name, _)| name.chars().count())
                .max()
                .unwrap_or(0);
            for (name, value) in lines {
                let line = format!("{name:width$}  {value}");
                writeln!(out, "{}", line.trim_end())?;
            }
        }
        Format::Jsonl => {
            serde_json::to_writer(&mut out, json)?;
            writeln!(out)?;
        }
        Format::Json => {
            serde_json::to_writer_pretty(&mut out, json)?;
            writeln!(out)?;
        }
        Format::Csv => {
            writeln!(out, "field,value")?;
            for (name, value) in lines {
                writeln!(out, "{name},\"{}\"", value.replace('"', "\"\""))?;
            }
        }
    }
    out.flush()
}

/// Returns whether the reader of our output has gone, as `head` does. That is no failure.
pub(super) fn is_broken_pipe(failure: &anyhow::Error) -> bool {
    failure.chain().any(|cause| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
            || cause
                .downcast_ref::<serde_json::Error>()
                .is_some_and(|error| error.io_error_kind() == Some(ErrorKind::BrokenPipe))
    })
}
