//! What was written is read back with a reader of Parquet.

use parquet::basic::ConvertedType;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::model::Timestamp;

/// A column of each type.
const COLUMNS: &[Column] = &[
    Column {
        name: "text",
        sort: Sort::Text,
    },
    Column {
        name: "number",
        sort: Sort::Number,
    },
    Column {
        name: "truth",
        sort: Sort::Truth,
    },
    Column {
        name: "time",
        sort: Sort::Time,
    },
];

fn row() -> impl Strategy<Value = Vec<Cell>> {
    let text = prop_oneof![
        Just(Cell::Nothing),
        Just(Cell::Text(String::new())),
        any::<String>().prop_map(Cell::Text),
    ];
    let number = prop_oneof![
        Just(Cell::Nothing),
        (0..=i64::MAX as u64).prop_map(Cell::Number)
    ];
    let truth = prop_oneof![Just(Cell::Nothing), any::<bool>().prop_map(Cell::Truth)];
    let times = -62_135_596_800_000_i64..253_402_300_800_000;
    let time = prop_oneof![
        Just(Cell::Nothing),
        times.prop_map(|at| Cell::Time(Timestamp::from_millis(at))),
    ];
    (text, number, truth, time).prop_map(|(a, b, c, d)| vec![a, b, c, d])
}

fn cell(field: &Field) -> Cell {
    match field {
        Field::Null => Cell::Nothing,
        Field::Str(text) => Cell::Text(text.clone()),
        Field::Long(number) => Cell::Number(u64::try_from(*number).unwrap()),
        Field::Bool(truth) => Cell::Truth(*truth),
        Field::TimestampMillis(at) => Cell::Time(Timestamp::from_millis(*at)),
        other => panic!("{other:?}"),
    }
}

fn reader(file: Vec<u8>) -> SerializedFileReader<Bytes> {
    SerializedFileReader::new(Bytes::from(file)).unwrap()
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        rows in vec(row(), 0..60),
        limits in (1_usize..20, 1_usize..200),
    ) {
        let limits = Limits { rows: limits.0, text: limits.1 };
        let mut parquet = Parquet::within(limits, COLUMNS);
        let mut file = parquet.written();
        for row in &rows {
            parquet.row(row);
            file.extend(parquet.written());
            // Nothing waits beyond the limits.
            prop_assert!(parquet.group.n_rows < limits.rows);
            prop_assert!(parquet.group.n_text < limits.text);
        }
        parquet.end("{}".to_owned());
        file.extend(parquet.written());

        let reader = reader(file);
        let groups = reader.metadata().row_groups();
        prop_assert!(groups.iter().all(|group| usize::try_from(group.num_rows()).unwrap() <= limits.rows));
        let found: Vec<Vec<Cell>> = reader
            .get_row_iter(None)
            .unwrap()
            .map(|row| row.unwrap().get_column_iter().map(|(_, field)| cell(field)).collect())
            .collect();
        prop_assert_eq!(found, rows);
    }
}

/// Rows with long texts, and many rows, are written long before the end.
#[test]
fn a_row_group_ends_with_many_rows_and_with_long_texts() {
    for (n_rows, text) in [(50_000, "x".to_owned()), (8, "x".repeat(1024 * 1024))] {
        let mut parquet = Parquet::begin(COLUMNS);
        let row = [
            Cell::Text(text),
            Cell::Nothing,
            Cell::Nothing,
            Cell::Nothing,
        ];
        let head = parquet.written();
        assert_eq!(head, b"PAR1");
        for _ in 1..n_rows {
            parquet.row(&row);
        }
        assert_eq!(parquet.written(), b"", "{n_rows}");
        parquet.row(&row);
        assert_ne!(parquet.written(), b"", "{n_rows}");
    }
}

#[test]
fn the_file_says_what_it_contains() {
    let mut parquet = Parquet::begin(COLUMNS);
    parquet.end("{\"rows\":0}".to_owned());
    let reader = reader(parquet.written());
    let file = reader.metadata().file_metadata();

    let columns = file.schema_descr().columns();
    let columns: Vec<_> = columns
        .iter()
        .map(|column| {
            (
                column.name(),
                column.physical_type(),
                column.logical_type_ref().cloned(),
                column.converted_type(),
                column.max_def_level(),
            )
        })
        .collect();
    let time = LogicalType::timestamp(true, TimeUnit::MILLIS);
    assert_eq!(
        columns,
        [
            (
                "text",
                Physical::BYTE_ARRAY,
                Some(LogicalType::String),
                ConvertedType::UTF8,
                1
            ),
            ("number", Physical::INT64, None, ConvertedType::NONE, 1),
            ("truth", Physical::BOOLEAN, None, ConvertedType::NONE, 1),
            (
                "time",
                Physical::INT64,
                Some(time),
                ConvertedType::TIMESTAMP_MILLIS,
                1
            ),
        ]
    );
    assert_eq!(file.created_by(), Some(CREATED_BY));
    let notes = file.key_value_metadata().unwrap();
    let note = notes.iter().find(|note| note.key == MANIFEST).unwrap();
    assert_eq!(note.value.as_deref(), Some("{\"rows\":0}"));
}
