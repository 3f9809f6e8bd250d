//! Describes the operations: what they take and what they answer.

use serde_json::Value;

use crate::control::{ReportName, Sort};
use crate::model::Scope;
use crate::view::ReportFormat;
use crate::web::api::unified::problems;
use crate::web::openapi::{
    Access, Answer, Content, Header, Operation, Parameter, Tag, Verb, bytes, constant, count, flag,
    list, object, or_null, reference, said, text, time, words,
};

/// Describes the list of reports.
pub(super) fn of_list() -> Operation {
    let column = object(vec![
        ("name", text()),
        ("type", words(&["text", "number", "boolean", "time"])),
    ]);
    let report = object(vec![("name", text()), ("columns", list(column))]);
    let answer = object(vec![("data", list(report))]);
    Operation::new(Verb::Get, "/reports", "listReports", Tag::Reports)
        .says("List reports", "The reports and their columns.")
        .access(Access::Token(Scope::Read))
        .answers([Answer::json(200, "All reports.", answer)])
        .answers(problems(&[401, 403, 429, 500, 503]))
}

/// Describes each report.
pub(super) fn of_reports() -> Vec<Operation> {
    ReportName::ALL.into_iter().map(of_report).collect()
}

fn of_report(report: ReportName) -> Operation {
    let word = report.word();
    let about = "All rows describe one time, whatever changes meanwhile. A table is sent as it is \
                 read, at most an hour long; if the store fails, it breaks off. Four are sent at \
                 one time. Parameters that are not known are refused.";
    let table = object(vec![
        ("report", constant(word)),
        ("rows", list(row(report))),
        ("manifest", reference("ReportManifest")),
    ]);
    let attachment = Header::new("Content-Disposition", text(), "A name for a file.");
    let as_of = Header::new("X-Report-As-Of", time(), "The time that it describes.");
    let sequence = Header::new(
        "X-Report-Sequence",
        count(),
        "The last entry of the journal that it could contain.",
    );
    let name: String = word
        .split(['-', '_'])
        .map(|part| part[..1].to_uppercase() + &part[1..])
        .collect();
    Operation::new(
        Verb::Get,
        format!("/reports/{word}"),
        format!("report{name}"),
        Tag::Reports,
    )
    .says(format!("Read the report `{word}`"), about)
    .access(Access::Token(Scope::Read))
    .takes(parameters(report))
    .answers([ReportFormat::ALL
        .into_iter()
        .fold(Answer::empty(200, "The table."), |answer, format| {
            answer.with(written(format, &table))
        })
        .header(attachment)
        .header(Header::new(
            "Cache-Control",
            words(&["no-store"]),
            "Never stored.",
        ))
        .header(as_of.optional())
        .header(sequence.optional())])
    .answers(problems(&[400, 401, 403, 404, 409, 412, 429, 500, 503]))
}

/// Describes a table in a format.
fn written(format: ReportFormat, table: &Value) -> Content {
    let media_type = format.media_type();
    let bare = media_type.split(';').next().unwrap_or(media_type);
    match format {
        ReportFormat::Json => Content::new(bare, table.clone()),
        ReportFormat::Csv => Content::new(bare, text()),
        ReportFormat::Parquet => Content::new(bare, bytes()),
    }
}

/// Returns what the query string of a report may have.
pub(super) fn parameters(report: ReportName) -> Vec<Parameter> {
    let formats = ReportFormat::ALL.map(ReportFormat::extension);
    let tenant = "The tenant, by its name, id or host name; all that the token may read if it is \
                  missing.";
    let mut all = vec![
        Parameter::query(
            "format",
            words(&formats),
            "How it is written; `json` by default.",
        )
        .example("csv"),
        Parameter::query("tenant", text(), tenant).example("acme"),
        Parameter::query(
            "as_of",
            time(),
            "The time that it describes, not in the future; now if \
                                           it is missing.",
        )
        .example("2026-03-02T09:15:04Z"),
    ];
    if report == ReportName::Changes {
        let from = "The time with which it begins, earlier than `as_of`.";
        let from = Parameter::query("from", time(), from);
        all.push(from.required().example("2026-02-02T09:15:04Z"));
    }
    all.into_iter().map(Parameter::never_empty).collect()
}

fn row(report: ReportName) -> Value {
    let columns = report.columns().iter().map(|column| {
        let cell = match column.sort {
            Sort::Text => text(),
            Sort::Number => count(),
            Sort::Truth => flag(),
            Sort::Time => time(),
        };
        (column.name, or_null(cell))
    });
    object(columns.collect())
}

/// Returns the schemas that operations refer to by name.
pub(super) fn schemas() -> Vec<(&'static str, Value)> {
    let tenant = object(vec![
        ("tenant", text()),
        ("rows", count()),
        ("complete", flag()),
        ("not_known", list(reference("NotKnown"))),
    ]);
    let manifest = object(vec![
        ("report", text()),
        ("as_of", or_null(time())),
        ("from", or_null(time())),
        ("sequence", or_null(count())),
        ("rows", count()),
        (
            "complete",
            said(flag(), "Whether everything is known that it needs."),
        ),
        ("tenants", list(tenant)),
        (
            "not_read",
            said(
                list(text()),
                "Tenants that are missing, since they were not read in full yet.",
            ),
        ),
        ("version", text()),
    ]);
    vec![("ReportManifest", manifest)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_report_is_described_with_its_columns() {
        let all = of_reports();

        assert_eq!(all.len(), ReportName::ALL.len());
        for report in ReportName::ALL {
            let row = row(report);
            for column in report.columns() {
                assert!(
                    row["properties"][column.name].is_object(),
                    "{}",
                    column.name
                );
            }
        }
    }
}
