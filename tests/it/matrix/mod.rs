//! Every fault of the tenant, during every stage of a run or a poll: what is read is right, or the
//! outcome says that it is not, and nothing is lost.

mod claims;
mod items;
mod licences;
mod poll;
mod spaces;
mod sweep;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Mutex;
use std::time::Duration;

use futures_util::{FutureExt, StreamExt, stream};
use qlik_roster::demo::tenant::{Endpoint, Fault};

/// Worlds side by side: most of the time goes into waiting between retries.
const SIDE_BY_SIDE: usize = 48;

/// The word for a cell in which an assertion failed.
const WRONG: &str = "WRONG";

/// A stage of a run or of a poll, with what the manual calls it.
type Stage = (Endpoint, &'static str);

/// Tries every fault at every stage, and compares the table of the manual with the outcomes.
async fn try_all<F: Future<Output = &'static str>>(
    name: &str,
    stages: &[Stage],
    try_out: impl Fn(Fault, Endpoint, String) -> F,
) {
    let cells = Mutex::new(BTreeMap::new());
    let faults = faults();
    let all = faults.iter().enumerate().flat_map(|(row, (fault, name))| {
        stages.iter().enumerate().map(move |(column, (at, stage))| {
            (
                row,
                column,
                fault.clone(),
                *at,
                format!("{name} at {stage}"),
            )
        })
    });
    stream::iter(all)
        .for_each_concurrent(SIDE_BY_SIDE, |(row, column, fault, at, what)| {
            let (cells, try_out) = (&cells, &try_out);
            async move {
                // A cell that fails has already printed why; the others are still worth seeing.
                let word = AssertUnwindSafe(try_out(fault, at, what)).catch_unwind();
                let word = word.await.unwrap_or(WRONG);
                cells.lock().unwrap().insert((row, column), word);
            }
        })
        .await;

    let table = table(stages, &cells.into_inner().unwrap());
    println!("{table}");
    assert!(!table.contains(WRONG), "not every cell is right");
    compare("docs/reliability.md", name, &table);
}

fn faults() -> Vec<(Fault, &'static str)> {
    let all = [
        Fault::TooManyRequests { retry_after: 0 },
        Fault::Internal,
        Fault::Unavailable,
        Fault::Unauthorized,
        Fault::Forbidden,
        Fault::NotFound,
        Fault::Slow(Duration::from_millis(20)),
        Fault::Cut,
        Fault::Html(200),
        Fault::Truncated,
        Fault::Redirect("https://elsewhere.example/".to_owned()),
        Fault::TooLarge(10),
        Fault::OneTooLarge,
        Fault::HalfCharacter,
        Fault::BadByte,
        Fault::BadReference,
        Fault::MissingRoles,
        Fault::MissingGroups,
        Fault::EmptyLeftOut,
        Fault::EmptyAccess,
        Fault::HalfShown,
        Fault::WrongType,
        Fault::WrongTypes,
        Fault::UnknownValues,
        Fault::EmptyPage,
        Fault::RepeatedCursor,
        Fault::ExpiredCursor(400),
        Fault::CapitalLinks,
        Fault::NoLinks,
        Fault::PageLeftOut,
        Fault::EmptyCollection,
        Fault::InflatedTotal(3),
        Fault::InflatedTotal(1),
        Fault::DeflatedTotal(1),
        Fault::DriftingTotal,
        Fault::NoTotal,
        Fault::ConsentNotTrusted,
        Fault::M2mNotAllowed,
        Fault::WrongSecret,
    ];
    all.into_iter()
        .map(|fault| {
            let name = name(&fault);
            (fault, name)
        })
        .collect()
}

/// Returns what the manual calls a fault. A new fault has to be named here, and so is tried. An
/// order that is refused has a test of its own, since only a reading of a licence goes on without.
fn name(fault: &Fault) -> &'static str {
    match fault {
        Fault::TooManyRequests { .. } => "429",
        Fault::Internal => "500",
        Fault::Unavailable => "503",
        Fault::Unauthorized => "401",
        Fault::Forbidden => "403",
        Fault::NotFound => "404",
        Fault::Slow(_) => "slow",
        Fault::Cut => "connection cut in the body",
        Fault::Html(_) => "a proxy's page",
        Fault::Truncated => "half of the JSON",
        Fault::Redirect(_) => "redirect to another host",
        Fault::TooLarge(_) => "pages of more than ten records too large",
        Fault::OneTooLarge => "one record too large",
        Fault::HalfCharacter => "half of a character in names",
        Fault::BadByte => "bytes in names that are not UTF-8",
        Fault::BadReference => "ids of assigned roles and groups with another type",
        Fault::MissingRoles => "no `assignedRoles`",
        Fault::MissingGroups => "no `assignedGroups`",
        Fault::EmptyLeftOut => "empty lists of roles and groups left out",
        Fault::EmptyAccess => "empty `assignedRoles` and `assignedGroups`",
        Fault::HalfShown => "every second record left out, total to match",
        Fault::WrongType => "a field with another type",
        Fault::WrongTypes => "a field with another type in all records",
        Fault::UnknownValues => "unknown statuses and types",
        Fault::EmptyPage => "empty page with a next link",
        Fault::RepeatedCursor => "repeated cursor",
        Fault::ExpiredCursor(_) => "expired cursors",
        Fault::RefusedSort => "an order refused",
        Fault::CapitalLinks => "links spelled `Next` and `Href`",
        Fault::NoLinks => "no links to next pages",
        Fault::PageLeftOut => "a page left out",
        Fault::EmptyCollection => "no records at all",
        Fault::InflatedTotal(1) => "a total that is one too high",
        Fault::InflatedTotal(_) => "too large a total",
        Fault::DeflatedTotal(_) => "a total that is one too low",
        Fault::DriftingTotal => "a total that differs on each page",
        Fault::NoTotal => "no total",
        Fault::ConsentNotTrusted => "consent not trusted",
        Fault::M2mNotAllowed => "M2M not allowed",
        Fault::WrongSecret => "wrong secret",
    }
}

fn table(stages: &[Stage], cells: &BTreeMap<(usize, usize), &'static str>) -> String {
    let mut text = String::from("| fault |");
    for (_, stage) in stages {
        write!(text, " {stage} |").unwrap();
    }
    text.push_str("\n|---|");
    text.push_str(&"---|".repeat(stages.len()));
    for (row, (_, name)) in faults().iter().enumerate() {
        write!(text, "\n| {name} |").unwrap();
        for column in 0..stages.len() {
            write!(text, " {} |", cells[&(row, column)]).unwrap();
        }
    }
    text
}

/// Compares a table of the manual with what was found; writes it there if `QLIK_ROSTER_BLESS` is
/// set.
fn compare(file: &str, name: &str, found: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let manual = std::fs::read_to_string(&path).unwrap();
    let (begin, end) = (
        format!("<!-- {name} -->\n"),
        format!("\n<!-- end of {name} -->"),
    );
    let (head, rest) = manual.split_once(&begin).unwrap();
    let (told, tail) = rest.split_once(&end).unwrap();
    if std::env::var_os("QLIK_ROSTER_BLESS").is_some() {
        std::fs::write(&path, format!("{head}{begin}{found}{end}{tail}")).unwrap();
        return;
    }
    assert_eq!(
        told, found,
        "{file} is not what is; QLIK_ROSTER_BLESS=1 writes it again"
    );
}
