//! Prints rows as a table, JSON, JSON lines or CSV.
//!
//! Rows come one by one and, except in tables, are printed one by one: a list of a million users
//! needs no memory. Nothing from outside is printed as it came: whatever a terminal or a
//! spreadsheet would act on is escaped ([`crate::printable`]).

use std::io::{self, BufWriter, ErrorKind, Write};
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;

use crate::status_line::Stdout;
use crate::suggest::{closest, did_you_mean};
use crate::view::{Frame, FrameEnd};

use super::args::{Format, TableArgs};
use super::screen::{Screen, Times};
use super::style::say;
use super::table::{Cell, Column, Layout, Shortened};
use crate::csv;

/// How many rows determine a table's layout; later rows use the same widths.
const TABLE_ROWS: usize = 500;

/// How many rows this process has printed, for the progress display.
static PRINTED: AtomicU64 = AtomicU64::new(0);

/// A row in both of its forms.
pub(super) struct Row {
    /// For tables and CSV, in the order of the columns.
    pub(super) cells: Vec<Cell>,
    /// For JSON.
    pub(super) json: Value,
}

/// `--columns` names a column that does not exist, or is given where it has no effect.
#[derive(Debug, thiserror::Error)]
pub(super) enum ColumnsError {
    #[error("there is no column `{name}`{}; the columns are {known}", closest.as_deref().map(|it| format!(", {}", did_you_mean(it))).unwrap_or_default())]
    Unknown {
        name: String,
        closest: Option<String>,
        known: String,
    },
    #[error("`--columns` chooses the columns of tables and of CSV; JSON has every field")]
    NotOfJson,
}

impl ColumnsError {
    /// Returns the code that `docs/errors.md` explains.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "cli.unknown-column",
            Self::NotOfJson => "cli.columns-of-json",
        }
    }
}

/// Prints rows to standard output.
pub(super) struct Printer {
    out: Box<dyn Write>,
    format: Format,
    screen: Screen,
    columns: Vec<Column>,
    /// Which cells of a row are shown, and in what order.
    chosen: Vec<usize>,
    table: Vec<Vec<Cell>>,
    layout: Option<Layout>,
    /// A row that takes part in the layout of a table but is not printed.
    sample: Option<Vec<Cell>>,
    shortened: Shortened,
    n_rows: usize,
    /// The end of the JSON around the rows.
    closing: String,
}

impl Printer {
    /// Prints rows as JSON, within an object.
    pub(super) fn within(frame: &Frame) -> anyhow::Result<Self> {
        let Frame { fields, rows } = frame;
        let mut printer = Self::on(stdout(), Screen::of_stdout(), &Format::Json.into(), &[])?;
        "]\n}\n".clone_into(&mut printer.closing);
        printer.out.write_all(b"{")?;
        for (name, value) in fields {
            let value = serde_json::to_string_pretty(value)?;
            let field = format!("\n{}: {value},", Value::from(name.as_str()));
            printer.json(&field)?;
        }
        write!(printer.out, "\n{}: [", Value::from(*rows))?;
        Ok(printer)
    }

    pub(super) fn new(args: &TableArgs, columns: &[Column]) -> anyhow::Result<Self> {
        let mut printer = Self::on(stdout(), Screen::of_stdout(), args, columns)?;
        match printer.format {
            Format::Csv => {
                let header = printer.columns.iter().map(Column::key);
                csv::write(&mut printer.out, header)?;
            }
            Format::Json => printer.out.write_all(b"[")?,
            Format::Table | Format::Jsonl => {}
        }
        Ok(printer)
    }

    /// Prints rows as they come for as long as somebody watches: one JSON object a line, and
    /// absolute times, since what happened just now is old in an hour. The columns of a table are
    /// wide enough for the sample.
    pub(super) fn following(
        args: &TableArgs,
        columns: &[Column],
        sample: &[Cell],
    ) -> anyhow::Result<Self> {
        let mut args = args.clone();
        if args.output.output == Format::Json {
            args.output.output = Format::Jsonl;
        }
        let mut printer = Self::new(&args, columns)?;
        printer.screen.times = Times::Exact;
        printer.sample = Some(printer.choice(sample));
        Ok(printer)
    }

    /// Prints the rows that have come so far.
    pub(super) fn push(&mut self) -> anyhow::Result<()> {
        if !self.table.is_empty() {
            self.lay_out()?;
        }
        Ok(self.out.flush()?)
    }

    /// Creates a printer that writes to any writer, without a header or an opening bracket.
    pub(super) fn on(
        out: Box<dyn Write>,
        screen: Screen,
        args: &TableArgs,
        columns: &[Column],
    ) -> anyhow::Result<Self> {
        let format = args.output.output;
        let chosen = match (&*args.columns, format) {
            ([], _) => (0..columns.len()).collect(),
            (_, Format::Json | Format::Jsonl) => return Err(ColumnsError::NotOfJson.into()),
            (names, Format::Table | Format::Csv) => choose(names, columns)?,
        };
        let width = screen.width.filter(|_| !args.wide);
        Ok(Self {
            out,
            format,
            screen: Screen { width, ..screen },
            columns: chosen
                .iter()
                .filter_map(|at| columns.get(*at).copied())
                .collect(),
            chosen,
            table: Vec::new(),
            layout: None,
            sample: None,
            shortened: Shortened::Nothing,
            n_rows: 0,
            closing: "]\n".to_owned(),
        })
    }

    /// Prints a row, or keeps it until the table can be laid out.
    pub(super) fn row(&mut self, row: Row) -> anyhow::Result<()> {
        self.n_rows += 1;
        PRINTED.fetch_add(1, Ordering::Relaxed);
        let Row { cells, json } = row;
        match self.format {
            Format::Table => {
                let cells = self.choice(&cells);
                if self.layout.is_some() {
                    return Ok(self.line(&cells)?);
                }
                self.table.push(cells);
                if self.table.len() == TABLE_ROWS {
                    self.lay_out()?;
                }
            }
            Format::Csv => {
                let cells = self.choice(&cells);
                csv::write(&mut self.out, cells.iter().map(Cell::text))?;
            }
            Format::Jsonl => {
                let row = serde_json::to_string(&json)?;
                self.json(&row)?;
                self.out.write_all(b"\n")?;
            }
            Format::Json => {
                let comma = if self.n_rows == 1 { "" } else { "," };
                let row = serde_json::to_string(&json)?;
                self.json(&format!("{comma}\n  {row}"))?;
            }
        }
        Ok(())
    }

    /// Adds a field after the rows, to the object that [`Printer::within`] began. Other formats
    /// have rows alone.
    pub(super) fn end_with(&mut self, (name, value): FrameEnd) {
        if self.format == Format::Json {
            let field = format!("],\n{}: {value}\n}}\n", Value::from(name));
            self.closing = crate::printable::json(&field).into_owned();
        }
    }

    /// Returns how many rows were printed.
    pub(super) fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Returns whether cells may be cut.
    pub(super) fn is_narrow(&self) -> bool {
        self.screen.width.is_some()
    }

    /// Prints the rest. `nothing` is printed in place of an empty table; otherwise, standard error
    /// gets the summary, and how to see the columns that did not fit.
    pub(super) fn finish(mut self, nothing: &str, summary: &str) -> anyhow::Result<()> {
        match self.format {
            Format::Table if self.n_rows == 0 => writeln!(self.out, "{nothing}")?,
            Format::Table => self.lay_out()?,
            Format::Json => {
                let line: &[u8] = if self.n_rows == 0 { b"" } else { b"\n" };
                self.out.write_all(line)?;
                self.out.write_all(self.closing.as_bytes())?;
            }
            Format::Jsonl | Format::Csv => {}
        }
        self.out.flush()?;
        if self.format == Format::Table && self.n_rows > 0 {
            let said = [summary.to_owned(), self.no_width()];
            let said: Vec<String> = said.into_iter().filter(|text| !text.is_empty()).collect();
            if !said.is_empty() {
                say(said.join(" "));
            }
        }
        Ok(())
    }

    /// Says which columns did not fit, and which option shows them.
    fn no_width(&self) -> String {
        let left_out = self.layout.as_ref().map_or(&[][..], Layout::left_out);
        let names = left_out.iter().filter_map(|at| self.columns.get(*at));
        let names: Vec<_> = names.map(|column| column.name).collect();
        match (names.as_slice(), self.shortened) {
            ([], Shortened::Nothing) => String::new(),
            ([], Shortened::Something) => "`--wide` shows what was cut.".to_owned(),
            (names, Shortened::Nothing | Shortened::Something) => {
                format!("Not shown: {}; `--wide` shows all.", names.join(", "))
            }
        }
    }

    fn choice(&self, cells: &[Cell]) -> Vec<Cell> {
        let chosen = self.chosen.iter().filter_map(|at| cells.get(*at));
        chosen.cloned().collect()
    }

    fn lay_out(&mut self) -> io::Result<()> {
        let rows = std::mem::take(&mut self.table);
        if self.layout.is_none() {
            let sample = self.sample.take();
            let measured: Vec<_> = rows.iter().chain(&sample).map(Vec::as_slice).collect();
            let layout = Layout::of(&self.columns, &measured, &self.screen);
            let header = layout.header(&self.columns, self.screen.colour);
            writeln!(self.out, "{header}")?;
            self.layout = Some(layout);
        }
        rows.iter().try_for_each(|row| self.line(row))
    }

    fn line(&mut self, row: &[Cell]) -> io::Result<()> {
        let Some(layout) = &self.layout else {
            return Ok(());
        };
        let (line, shortened) = layout.row(&self.columns, row, &self.screen);
        if shortened == Shortened::Something {
            self.shortened = shortened;
        }
        writeln!(self.out, "{line}")
    }

    fn json(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(crate::printable::json(text).as_bytes())
    }
}

/// Returns how many rows this process has printed.
pub(super) fn n_printed() -> u64 {
    PRINTED.load(Ordering::Relaxed)
}

/// Returns the terminal or file that results are printed to.
pub(super) fn stdout() -> Box<dyn Write> {
    Box::new(BufWriter::new(Stdout))
}

/// Finds the named columns, in the order in which they were named.
fn choose(names: &[String], columns: &[Column]) -> Result<Vec<usize>, ColumnsError> {
    let keys: Vec<String> = columns.iter().map(Column::key).collect();
    let find = |name: &String| {
        let wanted = name.trim().to_lowercase().replace([' ', '-'], "_");
        let found = keys.iter().position(|key| *key == wanted);
        found.ok_or_else(|| ColumnsError::Unknown {
            name: name.clone(),
            closest: closest(&wanted, keys.iter().map(String::as_str)).map(str::to_owned),
            known: keys.join(", "),
        })
    };
    names.iter().map(find).collect()
}

/// Prints one thing in full: as JSON, or as lines of `name  value`.
pub(super) fn print_one(
    format: Format,
    lines: &[(&str, Cell)],
    json: &Value,
) -> anyhow::Result<()> {
    let screen = Screen::of_stdout();
    let mut out = stdout();
    match format {
        Format::Table => {
            let names = lines.iter().map(|(name, _)| name.chars().count());
            let width = names.max().unwrap_or(0);
            for (name, value) in lines {
                let line = format!("{name:width$}  {}", value.in_full(&screen));
                writeln!(out, "{}", line.trim_end())?;
            }
        }
        Format::Jsonl => {
            let json = serde_json::to_string(json)?;
            writeln!(out, "{}", crate::printable::json(&json))?;
        }
        Format::Json => {
            let json = serde_json::to_string_pretty(json)?;
            writeln!(out, "{}", crate::printable::json(&json))?;
        }
        Format::Csv => {
            csv::write(&mut out, ["field", "value"].into_iter())?;
            for (name, value) in lines {
                csv::write(&mut out, [(*name).to_owned(), value.text()].into_iter())?;
            }
        }
    }
    Ok(out.flush()?)
}

/// Returns whether the reader of our output has gone, as with `head`. That is not a failure.
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
