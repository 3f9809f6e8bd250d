//! The evidence as CSV: a row for each right that all users hold, then one for each user and right.

use std::io::{self, Write};

use crate::csv;
use crate::model::{Right, ShownPath, Thousands};
use crate::view;

use super::super::words;
use super::evidence::Evidence;
use super::rows::{EvidenceRow, When};

/// The columns. The last four are for whoever reviews.
const COLUMNS: [&str; 24] = [
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
    "space_id",
    "space",
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

/// Writes a row for each right that all users hold.
pub(super) fn everybody(out: &mut impl Write, evidence: &Evidence) -> io::Result<()> {
    for (right, paths, users) in evidence.everybodys() {
        let cells = Cells {
            name: format!("all {} users", Thousands(users)),
            account: "everybody",
            since: NOT_KNOWN.to_owned(),
            ..Cells::of(evidence, &right, paths)
        };
        cells.write(out)?;
    }
    Ok(())
}

/// Writes a row.
pub(super) fn row(out: &mut impl Write, evidence: &Evidence, row: &EvidenceRow) -> io::Result<()> {
    let EvidenceRow {
        user,
        right,
        paths,
        when,
        given_by,
        seen,
    } = row;
    let (since, basis, run) = match when {
        When::Journal(Some(since)) => {
            let run = since.run().map(|run| run.to_string());
            (Some(since.at()), since.basis(), run.unwrap_or_default())
        }
        When::Source(Some(at)) => (Some(*at), "api", String::new()),
        When::Journal(None) | When::Source(None) => (None, "", String::new()),
    };
    let cells = Cells {
        user_id: user.id.0.to_string(),
        name: user.label.clone(),
        email: user.email.clone().unwrap_or_default(),
        subject: user.subject.clone(),
        account: if user.is_bot { "bot" } else { "person" },
        since: since.map_or_else(|| NOT_KNOWN.to_owned(), |at| at.to_string()),
        basis,
        run,
        given_by: words::givers(given_by),
        usable: words::usable(user),
        seen: seen.in_words(),
        ..Cells::of(evidence, right, paths)
    };
    cells.write(out)
}

/// The cells of a row, except the empty ones that the reviewer fills in.
#[derive(Default)]
struct Cells {
    tenant: String,
    as_of: String,
    user_id: String,
    name: String,
    email: String,
    subject: String,
    account: &'static str,
    right: [String; 6],
    paths: String,
    since: String,
    basis: &'static str,
    run: String,
    given_by: String,
    usable: String,
    seen: String,
}

impl Cells {
    /// Fills the cells about a right, and leaves those about a user empty.
    fn of(evidence: &Evidence, right: &Right, paths: &[ShownPath]) -> Self {
        Self {
            tenant: evidence.envelope.tenant.to_string(),
            as_of: evidence.envelope.as_of.to_string(),
            right: right_cells(right),
            paths: view::paths_in_words(paths),
            ..Self::default()
        }
    }

    fn write(self, out: &mut impl Write) -> io::Result<()> {
        let Self {
            tenant,
            as_of,
            user_id,
            name,
            email,
            subject,
            account,
            right: [sort, id, name_of_right, level, space_id, space],
            paths,
            since,
            basis,
            run,
            given_by,
            usable,
            seen,
        } = self;
        let cells: [String; COLUMNS.len()] = [
            tenant,
            as_of,
            user_id,
            name,
            email,
            subject,
            account.to_owned(),
            sort,
            id,
            name_of_right,
            level,
            space_id,
            space,
            paths,
            since,
            basis.to_owned(),
            run,
            given_by,
            usable,
            seen,
            String::new(),
            String::new(),
            String::new(),
            String::new(),
        ];
        csv::write_to_file(out, cells.iter())
    }
}

/// Returns the type, id, name and level of a right, and the id and name of its space.
fn right_cells(right: &Right) -> [String; 6] {
    let (sort, id, name, level) = match right {
        Right::Role(role) => (
            "role",
            role.id.0.to_string(),
            view::role_name(role),
            role.level.clone().unwrap_or_else(|| NOT_KNOWN.to_owned()),
        ),
        Right::SpaceRole { role, .. } => ("space_role", String::new(), role.clone(), String::new()),
        Right::App { resource, role, .. } => (
            "app",
            resource.clone().unwrap_or_else(|| NOT_KNOWN.to_owned()),
            role.clone(),
            String::new(),
        ),
    };
    let space = right.space();
    [
        sort.to_owned(),
        id,
        name,
        level,
        space.map(|space| space.id.to_string()).unwrap_or_default(),
        space.map(|space| space.name.clone()).unwrap_or_default(),
    ]
}
