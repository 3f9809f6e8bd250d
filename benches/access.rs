//! Measures how long questions about who holds a role take, with posting lists and by reading all
//! users, now and as of a year ago, and how much memory they take.
//!
//! `cargo bench --bench access -- [--users 100000] [--groups 5000] [--each 50] [--giving 200]
//! [--holders 1000] [--entries 100000] [--rounds 5]`
//!
//! It fills a store with users, each in `--each` of the groups. `--giving` of the groups give a
//! role, and one role has `--holders` holders, half of them by a group. `--entries` is the number
//! of changes of users that follow a year later: one user in ten changes groups, and all change
//! their names. Then it asks each question without lists, builds the lists, and asks again, in the
//! process that has the store open, as a daemon does. It prints the best and the worst time of the
//! rounds in milliseconds, and the ratio of the best times. The first question about each time
//! reads roles, groups and the journal, so it has a line of its own. The memory is that of the
//! process.
#![allow(
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::indexing_slicing,
    reason = "a benchmark prints its results"
)]

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use qlik_roster::control::Control;
use qlik_roster::control::query::{self, Which};
use qlik_roster::model::{Kind, RecordRef, Timestamp, UserId};
use qlik_roster::store::Store;

#[path = "support/holders.rs"]
mod holders;

use holders::{FEW, NOBODY, Size, at, control, id, name, user_id};

#[tokio::main]
async fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let size = Size::read(&args)?;
    println!("{size}");
    let dir = tempfile::tempdir()?;
    let store = holders::store(dir.path(), &size)?;
    let empty = mib()?;
    let scanned = ask_all(&store, &size, 1).await?;
    let before = mib()?;
    let began = Instant::now();
    let mut n_steps = 0;
    while store.build_postings()? {
        n_steps += 1;
    }
    let built = began.elapsed();
    let with_lists = mib()?;
    let listed = ask_all(&store, &size, size.rounds).await?;
    println!(
        "{:>34} {:>20} {:>20} {:>8}",
        "", "all users, ms", "with lists, ms", "ratio"
    );
    for ((name, all), (_, lists)) in scanned.iter().zip(&listed) {
        println!(
            "{name:>34} {:>20} {:>20} {:>8.1}",
            span(all),
            span(lists),
            all.0 / lists.0
        );
    }
    println!(
        "lists built in {:.1} s, {n_steps} steps",
        built.as_secs_f64()
    );
    println!(
        "memory: {empty} MiB filled, {before} MiB after questions without lists, {with_lists} MiB \
         with lists, {} MiB after questions with them",
        mib()?
    );
    store.close()?;
    Ok(())
}

/// The shortest and the longest time of the rounds, in milliseconds.
type Span = (f64, f64);

fn span((best, worst): &Span) -> String {
    format!("{best:.2} to {worst:.2}")
}

/// A question about a role: its name, the role, which rows it asks for, how many of them a page
/// has, and whether it asks for all pages.
type Question = (&'static str, u32, Which, usize, Pages);

#[derive(Clone, Copy, PartialEq)]
enum Pages {
    First,
    All,
}

const QUESTIONS: [Question; 5] = [
    ("a role, 100 rows", FEW, Which::Own, 100, Pages::First),
    ("a role, 500 rows", FEW, Which::Own, 500, Pages::First),
    ("a role, all pages of 500", FEW, Which::Own, 500, Pages::All),
    ("held twice", FEW, Which::Redundant, 100, Pages::First),
    ("a role of nobody", NOBODY, Which::Own, 100, Pages::First),
];

/// Asks each question several times, about now and about the time before the changes.
async fn ask_all(store: &Store, size: &Size, rounds: u32) -> Result<Vec<(String, Span)>> {
    let mut spans = Vec::new();
    for (when, at) in [("now", None), ("a year ago", Some(at(0)))] {
        let control = control(store);
        let began = Instant::now();
        ask(&control, QUESTIONS[0], at).await?;
        let first = began.elapsed().as_secs_f64() * 1_000.0;
        spans.push((format!("first question, {when}"), (first, first)));
        for question in QUESTIONS {
            let mut taken = Vec::new();
            for _ in 0..=rounds {
                let began = Instant::now();
                ask(&control, question, at).await?;
                taken.push(began.elapsed());
            }
            spans.push((format!("{}, {when}", question.0), best_and_worst(&taken)));
        }
        let mut taken = Vec::new();
        for round in 0..=rounds {
            let began = Instant::now();
            let asked = query::UserAccess {
                tenant: name(),
                user: UserId(user_id(round * 7 % size.users)),
                role: None,
                at,
                after: None,
                limit: 500,
            };
            drop(control.ask(asked).await?);
            taken.push(began.elapsed());
        }
        spans.push((format!("a user, {when}"), best_and_worst(&taken)));
    }
    let counted = count(&control(store), rounds).await?;
    spans.push(("holders counted, now".to_owned(), counted));
    Ok(spans)
}

/// Asks a question until a page of rows is full, or until all pages are read.
async fn ask(
    control: &Control,
    (_, role, which, limit, pages): Question,
    at: Option<Timestamp>,
) -> Result<()> {
    let (mut after, mut n_rows) = (None, 0);
    loop {
        let asked = query::Access {
            tenant: name(),
            role: Some(id(role).to_string()),
            which,
            at,
            after,
            limit,
        };
        let page = control.ask(asked).await?;
        n_rows += page.rows.len();
        after = page.next;
        if after.is_none() || pages == Pages::First && n_rows >= limit {
            return Ok(());
        }
    }
}

/// Counts the holders of the role [`FEW`] several times.
async fn count(control: &Control, rounds: u32) -> Result<Span> {
    let mut taken = Vec::new();
    for _ in 0..=rounds {
        let began = Instant::now();
        let mut after = None;
        loop {
            let asked = query::Holders {
                tenant: name(),
                record: RecordRef {
                    kind: Kind::Role,
                    id: id(FEW),
                },
                after,
                limit: 0,
            };
            after = control.ask(asked).await?.next;
            if after.is_none() {
                break;
            }
        }
        taken.push(began.elapsed());
    }
    Ok(best_and_worst(&taken))
}

fn best_and_worst(taken: &[Duration]) -> Span {
    let mut taken: Vec<Duration> = taken[1..].to_vec();
    taken.sort_unstable();
    let ms = |at: usize| taken.get(at).copied().unwrap_or_default().as_secs_f64() * 1_000.0;
    (ms(0), ms(taken.len().saturating_sub(1)))
}

/// Returns the memory of this process in MiB.
fn mib() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    Ok(number.context("its memory")?.parse::<u64>()? / 1024)
}
