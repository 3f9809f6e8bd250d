//! Writes a report as Parquet, in row groups of a fixed size, so that a report of any length takes
//! little memory.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::{ByteArray, ByteArrayType, DataType};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{Type, TypePtr};

use crate::control::{Cell, Column, Sort};
use crate::lock::lock;

/// How many rows a row group has: some megabytes in memory, and enough for columns to be compressed
/// well.
const ROWS: usize = 10_000;

/// The key of the manifest among the metadata of the file.
const MANIFEST: &str = "qlik_roster.manifest";

/// Why writing to memory does not fail.
const FITS: &str = "the cells are of the types of their columns, and memory takes every write";

/// A report that is being written as Parquet.
#[derive(Debug)]
pub(super) struct Parquet {
    columns: &'static [Column],
    sink: Sink,
    writer: Option<SerializedFileWriter<Sink>>,
    /// The rows of the next row group.
    rows: Vec<Vec<Cell>>,
}

/// Takes what the writer writes until it is fetched.
#[derive(Debug, Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        lock(&self.0).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut lock(&self.0))
    }
}

impl Parquet {
    /// Begins a report. Returns the first bytes of the file as well.
    pub(super) fn begin(columns: &'static [Column]) -> (Self, Vec<u8>) {
        let sink = Sink::default();
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by(format!("qlik-roster {}", env!("CARGO_PKG_VERSION")))
            .build();
        let schema = schema(columns).expect(FITS);
        let writer = SerializedFileWriter::new(sink.clone(), schema, Arc::new(properties));
        let head = sink.take();
        let parquet = Self {
            columns,
            writer: Some(writer.expect(FITS)),
            sink,
            rows: Vec::new(),
        };
        (parquet, head)
    }

    /// Adds rows. Returns the bytes of the row groups that are full.
    pub(super) fn rows(&mut self, rows: &[Vec<Cell>]) -> Vec<u8> {
        for row in rows {
            self.rows.push(row.clone());
            if self.rows.len() == ROWS {
                self.end_group().expect(FITS);
            }
        }
        self.sink.take()
    }

    /// Ends the file. Returns the rest of its bytes.
    pub(super) fn end(&mut self, manifest: String) -> Vec<u8> {
        if !self.rows.is_empty() {
            self.end_group().expect(FITS);
        }
        if let Some(mut writer) = self.writer.take() {
            writer.append_key_value_metadata(KeyValue::new(MANIFEST.to_owned(), manifest));
            writer.close().expect(FITS);
        }
        self.sink.take()
    }

    fn end_group(&mut self) -> Result<(), ParquetError> {
        let rows = std::mem::take(&mut self.rows);
        let Some(writer) = &mut self.writer else {
            return Ok(());
        };
        let mut group = writer.next_row_group()?;
        for number in 0..self.columns.len() {
            let cells: Vec<&Cell> = rows.iter().filter_map(|row| row.get(number)).collect();
            let Some(mut column) = group.next_column()? else {
                break;
            };
            write(column.untyped(), &cells)?;
            column.close()?;
        }
        group.close()?;
        Ok(())
    }
}

/// Writes the cells of a column. A missing value has the definition level 0.
fn write(column: &mut ColumnWriter<'_>, cells: &[&Cell]) -> Result<(), ParquetError> {
    let levels: Vec<i16> = cells
        .iter()
        .map(|cell| i16::from(**cell != Cell::Nothing))
        .collect();
    let levels = Some(levels.as_slice());
    let cells = cells.iter().copied();
    match column {
        ColumnWriter::ByteArrayColumnWriter(column) => {
            let texts: Vec<ByteArray> = cells.filter_map(text).collect();
            column.write_batch(&texts, levels, None)?;
        }
        ColumnWriter::Int64ColumnWriter(column) => {
            let numbers: Vec<i64> = cells.filter_map(number).collect();
            column.write_batch(&numbers, levels, None)?;
        }
        ColumnWriter::BoolColumnWriter(column) => {
            let truths: Vec<bool> = cells.filter_map(truth).collect();
            column.write_batch(&truths, levels, None)?;
        }
        ColumnWriter::Int32ColumnWriter(_)
        | ColumnWriter::Int96ColumnWriter(_)
        | ColumnWriter::FloatColumnWriter(_)
        | ColumnWriter::DoubleColumnWriter(_)
        | ColumnWriter::FixedLenByteArrayColumnWriter(_) => {
            let what = format!("no column is a {}", ByteArrayType::get_physical_type());
            return Err(ParquetError::General(what));
        }
    }
    Ok(())
}

fn text(cell: &Cell) -> Option<ByteArray> {
    match cell {
        Cell::Text(text) => Some(text.as_str().into()),
        Cell::Number(_) | Cell::Truth(_) | Cell::Time(_) | Cell::Nothing => None,
    }
}

fn number(cell: &Cell) -> Option<i64> {
    match cell {
        Cell::Number(number) => Some(i64::try_from(*number).unwrap_or(i64::MAX)),
        Cell::Time(time) => Some(time.millis()),
        Cell::Text(_) | Cell::Truth(_) | Cell::Nothing => None,
    }
}

fn truth(cell: &Cell) -> Option<bool> {
    match cell {
        Cell::Truth(truth) => Some(*truth),
        Cell::Text(_) | Cell::Number(_) | Cell::Time(_) | Cell::Nothing => None,
    }
}

/// Returns the schema: every column may lack a value.
fn schema(columns: &[Column]) -> Result<TypePtr, ParquetError> {
    let fields = columns.iter().map(|column| {
        let (physical, logical) = match column.sort {
            Sort::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            Sort::Number => (Physical::INT64, None),
            Sort::Truth => (Physical::BOOLEAN, None),
            Sort::Time => {
                let time = LogicalType::Timestamp {
                    is_adjusted_to_u_t_c: true,
                    unit: TimeUnit::MILLIS,
                };
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
