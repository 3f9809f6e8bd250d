//! Checks ARCHITECTURE.md's glossary and its table of where a change goes against the code: each type
//! and file that they name exists, no two layers give one name to two things, and what the glossary names is defined
//! once.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::{Source, root};

/// Names that two layers give to things of their own, because each is the field's word for both.
/// None may be added: a new name says which of the two is meant.
const SHARED: &[&str] = &[
    "Fault",
    "Format",
    "InvalidFilter",
    "Limits",
    "Mode",
    "Origin",
    "Page",
    "Progress",
    "Schedule",
    "Worker",
];

/// Types that mean one thing in the whole tree, besides those of the glossary.
const ONE_MEANING: &[&str] = &["Answer", "Entry", "Judgement", "Place", "Trouble"];

/// Where a type of the glossary may be defined once more: what people write, what an operator asks
/// and what stands for Qlik are named with their module (`raw::Endpoint`, `query::Run`), and stored
/// layouts never change their names.
const NAMED_WITH_MODULE: &[&str] = &[
    "src/config/raw.rs",
    "src/control/query.rs",
    "src/demo/",
    "src/store/layout/v",
];

fn architecture() -> String {
    fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap()
}

/// The rows of a table under a heading, without its head.
fn rows(text: &str, heading: &str) -> Vec<Vec<String>> {
    let (_, rest) = text.split_once(&format!("\n## {heading}\n")).unwrap();
    let section = rest.split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| "));
    rows.skip(1)
        .map(|line| {
            let cells = line.trim_matches('|').split(" | ");
            cells.map(|cell| cell.trim().to_owned()).collect()
        })
        .collect()
}

/// Returns what is between backticks.
fn code(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// The types that the sources define for other files, under their own names.
fn types(sources: &[Source]) -> BTreeSet<&str> {
    let ours = sources.iter().filter(|source| {
        let mut others = NAMED_WITH_MODULE.iter();
        !others.any(|other| source.path.starts_with(other))
    });
    let all = ours.flat_map(|source| defined(source.body()));
    let public = all.filter(|(_, reach)| *reach == Reach::Others);
    public.map(|(name, _)| name).collect()
}

/// The word that a text begins with.
fn name(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
    end.map_or(text, |end| &text[..end])
}

/// Returns what the glossary says that is not true.
pub fn wrong_words(sources: &[Source]) -> Vec<String> {
    let text = architecture();
    let rows = rows(&text, "Glossary");
    let types = types(sources);
    let mut wrong = Vec::new();
    for row in &rows {
        let [word, meaning, named] = row.as_slice() else {
            wrong.push(format!("{row:?} is no row of three"));
            continue;
        };
        if meaning.is_empty() {
            wrong.push(format!("`{word}` is not explained"));
        }
        for named in code(named).into_iter().filter(|it| !types.contains(it)) {
            wrong.push(format!("`{word}`: there is no public type `{named}`"));
        }
    }
    let words: Vec<&String> = rows.iter().filter_map(|row| row.first()).collect();
    if !words.is_sorted() {
        wrong.push("the glossary is not in the order of the alphabet".to_owned());
    }
    if words.len() < 20 {
        wrong.push(format!("the glossary has {} words", words.len()));
    }
    wrong
}

/// Returns the types of the glossary, and of [`ONE_MEANING`], that two files define. Those that
/// only one file sees do not count, if they are of the glossary.
pub fn wrong_meanings(sources: &[Source]) -> Vec<String> {
    let text = architecture();
    let rows = rows(&text, "Glossary");
    let named = rows.iter().filter_map(|row| row.get(2));
    let words: BTreeSet<&str> = named.flat_map(|cell| code(cell)).collect();
    let mut places: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let ours = sources.iter().filter(|source| {
        let mut others = NAMED_WITH_MODULE.iter();
        !source.is_tests() && !others.any(|other| source.path.starts_with(other))
    });
    for source in ours {
        for (name, reach) in defined(source.body()) {
            let counts = match reach {
                Reach::Others => words.contains(name),
                Reach::File => false,
            };
            if counts || ONE_MEANING.contains(&name) {
                places.entry(name).or_default().insert(&source.path);
            }
        }
    }
    let twice = places.iter().filter(|(_, paths)| paths.len() > 1);
    twice
        .map(|(name, paths)| format!("`{name}` is defined in {paths:?}"))
        .collect()
}

/// Who sees a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    File,
    Others,
}

/// The types that a text defines. What an implementation says that a trait's type is, is none.
fn defined(text: &str) -> Vec<(&str, Reach)> {
    let lines = text.lines().filter_map(|line| {
        let (reach, rest) = match line.trim_start().strip_prefix("pub") {
            None => (Reach::File, line.trim_start()),
            Some(rest) => match rest.strip_prefix('(') {
                Some(rest) => (Reach::Others, rest.split_once(')')?.1),
                None => (Reach::Others, rest),
            },
        };
        let (what, rest) = rest.trim_start().split_once(' ')?;
        let is_type = matches!(what, "struct" | "enum" | "trait")
            || (what == "type" && !line.starts_with(' '));
        is_type.then(|| (name(rest), reach))
    });
    lines.collect()
}

/// Returns the files and folders that "Where a change goes" names and that do not exist.
pub fn wrong_places() -> Vec<String> {
    let text = architecture();
    let rows = rows(&text, "Where a change goes");
    let places = rows.iter().flat_map(|row| row.iter().skip(1));
    let places = places.flat_map(|cell| code(cell));
    let is_file = |it: &str| Path::new(it).extension().is_some_and(|end| end == "rs");
    let paths = places.filter(|it| it.contains('/') || is_file(it));
    let paths: Vec<&str> = paths.collect();
    let is_there = |path: &str| {
        let beside = ["src", ".", "src/connector/qlik"];
        beside
            .iter()
            .any(|folder| root().join(folder).join(path).exists())
    };
    let missing = paths.iter().filter(|path| !is_there(path));
    let mut wrong: Vec<String> = missing
        .map(|path| format!("there is no `{path}`"))
        .collect();
    if paths.len() < 15 {
        wrong.push(format!("{} places are named", paths.len()));
    }
    wrong
}

/// Returns the names that the front doors of two layers give to two things, and the names of
/// [`SHARED`] that no two do.
pub fn wrong_names(sources: &[Source]) -> Vec<String> {
    let mut given: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    let doors = sources
        .iter()
        .filter(|source| source.path.matches('/').count() == 2 && source.path.ends_with("/mod.rs"));
    for door in doors.filter(|door| door.layer() != "demo") {
        let uses = door.text.split("\npub use ").skip(1);
        for list in uses.filter_map(|it| it.split(';').next()) {
            if list.starts_with("crate") {
                continue;
            }
            let words = list.split(|c: char| !c.is_alphanumeric());
            let is_type = |word: &&str| {
                word.starts_with(char::is_uppercase) && word.contains(char::is_lowercase)
            };
            let types = words.filter(is_type);
            for name in types {
                given
                    .entry(name.to_owned())
                    .or_default()
                    .insert(door.layer());
            }
        }
    }
    let twice = given.iter().filter(|(_, layers)| layers.len() > 1);
    let twice: BTreeSet<&str> = twice.map(|(name, _)| name.as_str()).collect();
    let shared: BTreeSet<&str> = SHARED.iter().copied().collect();
    let new = twice.difference(&shared);
    let new = new.map(|name| format!("`{name}` is given by {:?}", given.get(*name)));
    let gone = shared.difference(&twice);
    let gone = gone.map(|name| format!("`{name}` is given once now: take it off the list"));
    new.chain(gone).collect()
}
