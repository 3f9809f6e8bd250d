//! The evidence as CSV: a row for each user and right.

use std::io::{self, Write};

use crate::cli::csv;
use crate::control::AccessRow;
use crate::model::{LastSession, TenantName, Timestamp};
use crate::view;

use super::super::words;

/// The columns. The last four are for whoever reviews.
const COLUMNS: [&str; 22] = [
    "tenant",
    "as_of",
    "user_id",
    "user_name",
    "email",
    "subject",
    "account",
    "right_type",
    "right_id",
    "right",
    "level",
    "paths",
    "since",
    "since_basis",
    "since_run",
    "given_by",
    "usable",
    "last_session",
    "decision",
    "reviewer",
    "date",
    "remark",
];

/// The text of a cell whose value exists but is not known.
pub(super) const NOT_KNOWN: &str = "not known";

/// Writes the names of the columns.
pub(super) fn header(out: &mut impl Write) -> io::Result<()> {
    csv::write_to_file(out, COLUMNS.iter())
}

/// Writes a row.
pub(super) fn row(
    out: &mut impl Write,
    (tenant, as_of): (&TenantName, Timestamp),
    row: &AccessRow,
    seen: LastSession,
) -> io::Result<()> {
    let AccessRow {
        user, role, paths, ..
    } = row;
    let (since, basis, run) = match &row.since {
        Some(since) => {
            let run = since.run().map(|run| run.to_string());
            (
                since.at().to_string(),
                since.basis(),
                run.unwrap_or_default(),
            )
        }
        None => (NOT_KNOWN.to_owned(), "", String::new()),
    };
    let cells: [String; COLUMNS.len()] = [
        tenant.to_string(),
        as_of.to_string(),
        user.id.0.to_string(),
        user.label.clone(),
        user.email.clone().unwrap_or_default(),
        user.subject.clone(),
        if user.is_bot { "bot" } else { "person" }.to_owned(),
        "role".to_owned(),
        role.id.0.to_string(),
        view::role_name(role),
        role.level.clone().unwrap_or_else(|| NOT_KNOWN.to_owned()),
        view::paths_in_words(paths),
        since,
        basis.to_owned(),
        run,
        words::givers(&row.given_by),
        words::usable(user),
        seen.in_words(),
        String::new(),
        String::new(),
        String::new(),
        String::new(),
    ];
    csv::write_to_file(out, cells.iter())
}
