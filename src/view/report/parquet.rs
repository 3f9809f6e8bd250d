//! Writes a report as Parquet, in row groups of a limited size, so that a report of any length
//! takes little memory.
//!
//! The table is flat: a column for each column of the report, each of which may have no value.
//! Cells with several values are the texts that they are in the other formats, since many programs
//! that load tables cannot load nested ones.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{Type, TypePtr};

use crate::control::{Cell, Column, Sort};

/// When a row group ends. That many rows are compressed well, and take a few megabytes of memory;
/// rows may be long, so their texts have a limit, too.
const LIMITS: Limits = Limits {
    rows: 50_000,
    text: 8 * 1024 * 1024,
};

/// The key of the manifest among the metadata of the file.
const MANIFEST: &str = "qlik_roster.manifest";

/// Who has written the file, in the form that readers of Parquet parse.
const CREATED_BY: &str = concat!("qlik-roster version ", env!("CARGO_PKG_VERSION"));

/// Why writing does not fail.
const FITS: &str = "cells are of the types of their columns, and memory takes every write";

/// A report that is being written as Parquet.
#[derive(Debug)]
pub(super) struct Parquet {
    writer: SerializedFileWriter<Vec<u8>>,
    /// The next row group.
    group: Group,
}

/// When a row group ends: with the row that reaches one of the limits.
#[derive(Debug, Clone, Copy)]
struct Limits {
    rows: usize,
    /// The bytes of all texts.
    text: usize,
}

/// Rows that are not written yet, column by column.
struct Group {
    columns: Vec<Values>,
    limits: Limits,
    n_rows: usize,
    /// The bytes of all texts.
    n_text: usize,
}

/// The values of a column. The level of a row is 1 if it has a value, and 0 if it has none.
enum Values {
    /// Texts, one after the other, and where each of them ends.
    Texts {
        levels: Vec<i16>,
        text: Vec<u8>,
        ends: Vec<usize>,
    },
    /// Numbers, or times in milliseconds.
    Numbers { levels: Vec<i16>, values: Vec<i64> },
    /// Yes or no.
    Truths { levels: Vec<i16>, values: Vec<bool> },
}

impl Parquet {
    /// Begins a file.
    pub(super) fn begin(columns: &[Column]) -> Self {
        Self::within(LIMITS, columns)
    }

    fn within(limits: Limits, columns: &[Column]) -> Self {
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            // An index of pages would grow with the report, in memory until its end.
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_offset_index_disabled(true)
            .set_created_by(CREATED_BY.to_owned())
            .build();
        let schema = schema(columns).expect("the names of the columns differ");
        let writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties));
        Self {
            writer: writer.expect(FITS),
            group: Group {
                columns: columns.iter().map(|it| Values::of(it.sort)).collect(),
                limits,
                n_rows: 0,
                n_text: 0,
            },
        }
    }

    /// Adds a row.
    pub(super) fn row(&mut self, row: &[Cell]) {
        self.group.push(row);
        if self.group.is_full() {
            self.end_group().expect(FITS);
        }
    }

    /// Returns the bytes that were written since the last call.
    pub(super) fn written(&mut self) -> Vec<u8> {
        self.writer.flush().expect(FITS);
        std::mem::take(self.writer.inner_mut())
    }

    /// Ends the file.
    pub(super) fn end(&mut self, manifest: String) {
        if self.group.n_rows > 0 {
            self.end_group().expect(FITS);
        }
        let manifest = KeyValue::new(MANIFEST.to_owned(), manifest);
        self.writer.append_key_value_metadata(manifest);
        self.writer.finish().expect(FITS);
    }

    fn end_group(&mut self) -> Result<(), ParquetError> {
        let mut group = self.writer.next_row_group()?;
        for values in &mut self.group.columns {
            let column = group.next_column()?;
            let mut column = column.expect("the schema has all columns");
            values.write(column.untyped())?;
            column.close()?;
        }
        group.close()?;
        (self.group.n_rows, self.group.n_text) = (0, 0);
        Ok(())
    }
}

impl Group {
    fn push(&mut self, row: &[Cell]) {
        for (place, values) in self.columns.iter_mut().enumerate() {
            let cell = row.get(place).unwrap_or(&Cell::Nothing);
            self.n_text += values.push(cell);
        }
        self.n_rows += 1;
    }

    fn is_full(&self) -> bool {
        self.n_rows >= self.limits.rows || self.n_text >= self.limits.text
    }
}

/// Rows are about people.
impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group")
            .field("n_rows", &self.n_rows)
            .field("n_text", &self.n_text)
            .finish_non_exhaustive()
    }
}

impl Values {
    fn of(sort: Sort) -> Self {
        let levels = Vec::new();
        match sort {
            Sort::Text => Self::Texts {
                levels,
                text: Vec::new(),
                ends: Vec::new(),
            },
            Sort::Number | Sort::Time => Self::Numbers {
                levels,
                values: Vec::new(),
            },
            Sort::Truth => Self::Truths {
                levels,
                values: Vec::new(),
            },
        }
    }

    /// Adds the cell of a row. Returns how many bytes of text it has.
    fn push(&mut self, cell: &Cell) -> usize {
        match self {
            Self::Texts { levels, text, ends } => {
                let cell = as_text(cell);
                levels.push(i16::from(cell.is_some()));
                let Some(cell) = cell else {
                    return 0;
                };
                text.extend_from_slice(cell.as_bytes());
                ends.push(text.len());
                cell.len()
            }
            Self::Numbers { levels, values } => {
                let cell = as_number(cell);
                levels.push(i16::from(cell.is_some()));
                values.extend(cell);
                0
            }
            Self::Truths { levels, values } => {
                let cell = as_truth(cell);
                levels.push(i16::from(cell.is_some()));
                values.extend(cell);
                0
            }
        }
    }

    /// Writes the values, and forgets them.
    fn write(&mut self, column: &mut ColumnWriter<'_>) -> Result<(), ParquetError> {
        match (self, column) {
            (Self::Texts { levels, text, ends }, ColumnWriter::ByteArrayColumnWriter(column)) => {
                let text = Bytes::from(std::mem::take(text));
                let mut begin = 0;
                let texts = ends.drain(..).map(|end| {
                    let one = text.slice(begin..end);
                    begin = end;
                    ByteArray::from(one)
                });
                let texts: Vec<ByteArray> = texts.collect();
                column.write_batch(&texts, Some(levels), None)?;
                levels.clear();
            }
            (Self::Numbers { levels, values }, ColumnWriter::Int64ColumnWriter(column)) => {
                column.write_batch(values, Some(levels), None)?;
                levels.clear();
                values.clear();
            }
            (Self::Truths { levels, values }, ColumnWriter::BoolColumnWriter(column)) => {
                column.write_batch(values, Some(levels), None)?;
                levels.clear();
                values.clear();
            }
            (Self::Texts { .. } | Self::Numbers { .. } | Self::Truths { .. }, _other) => {
                let what = "a column of the schema is not of the type of its cells";
                return Err(ParquetError::General(what.to_owned()));
            }
        }
        Ok(())
    }
}

fn as_text(cell: &Cell) -> Option<&str> {
    match cell {
        Cell::Text(text) => Some(text),
        Cell::Number(_) | Cell::Truth(_) | Cell::Time(_) | Cell::Nothing => None,
    }
}

fn as_number(cell: &Cell) -> Option<i64> {
    match cell {
        Cell::Number(number) => Some(i64::try_from(*number).unwrap_or(i64::MAX)),
        Cell::Time(time) => Some(time.millis()),
        Cell::Text(_) | Cell::Truth(_) | Cell::Nothing => None,
    }
}

fn as_truth(cell: &Cell) -> Option<bool> {
    match cell {
        Cell::Truth(truth) => Some(*truth),
        Cell::Text(_) | Cell::Number(_) | Cell::Time(_) | Cell::Nothing => None,
    }
}

fn schema(columns: &[Column]) -> Result<TypePtr, ParquetError> {
    let fields = columns.iter().map(|column| {
        let (physical, logical) = match column.sort {
            Sort::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            Sort::Number => (Physical::INT64, None),
            Sort::Truth => (Physical::BOOLEAN, None),
            Sort::Time => {
                let time = LogicalType::timestamp(true, TimeUnit::MILLIS);
                (Physical::INT64, Some(time))
            }
        };
        let field = Type::primitive_type_builder(column.name, physical)
            .with_repetition(Repetition::OPTIONAL)
            .with_logical_type(logical);
        Ok(Arc::new(field.build()?))
    });
    let fields: Vec<TypePtr> = fields.collect::<Result<_, ParquetError>>()?;
    let schema = Type::group_type_builder("report").with_fields(fields);
    Ok(Arc::new(schema.build()?))
}

#[cfg(test)]
mod tests;
