//! Checks that messages and documents are plain English: no word that only the source explains.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must say where, and panics do"
)]

use std::fs;
use std::path::{Path, PathBuf};

/// Words that no message and no document may use, and what to say instead.
const INSTEAD: &[(&str, &str)] = &[
    ("let go", "deleted, released or approved"),
    ("lets go", "deletes, releases or applies"),
    ("lets it go", "deletes, releases or applies it"),
    ("lets them go", "deletes, releases or applies them"),
    ("letting go", "deleting, releasing or applying"),
    ("upkeep", "maintenance"),
    ("news", "what is new in the audit log"),
    ("much room", "much disk space"),
    ("give back room", "give back disk space"),
    ("room back", "disk space back"),
    ("held against", "compared with; only removals are held"),
    ("neither", "is not one or the other"),
    ("anew", "again"),
    ("sweeps only", "full runs"),
    ("entries to go", "events to go"),
    ("settled up to", "all delivered, up to"),
    ("rescued", "not listed, but there when asked for"),
    ("(os error", "words of ours for what the system refuses"),
    ("yet to come", "still to come"),
    ("is none", "is not valid, or does not exist"),
    ("that there is not", "unknown, or which does not exist"),
    ("those there are", "them, or those that exist"),
    ("on its account", "because of it"),
    ("as things are", "with the current configuration"),
    ("in its turn", "later, in order"),
    (
        "nothing that could stand",
        "not one of the words that are known",
    ),
    ("of no use", "not needed"),
    ("wholly", "fully"),
    ("leads nowhere", "cannot be resolved"),
    ("is there already", "already exists"),
    ("written over", "overwritten"),
    ("opens the way", "makes the connection"),
    ("take it up", "accept it"),
    ("may not read", "is not allowed to read"),
    (
        "may not be read",
        "cannot be read, or nobody is allowed to read it",
    ),
    ("may not ask", "is not allowed to ask"),
    ("something of the", "some of the"),
    ("goes on where", "continues where"),
    ("going on in", "continuing in"),
    ("is no address", "is not an address"),
    ("is no duration", "is not a duration"),
    ("is no event", "is not an event"),
    ("is no format", "is not a format"),
    ("is no host", "is not a host"),
    ("is no id", "is not an id"),
    ("is no mode", "is not a mode"),
    ("is no name", "is not a name"),
    ("is no network", "is not a network"),
    ("is no number", "is not a number"),
    ("is no part", "is not part"),
    ("is no pattern", "is not a pattern"),
    ("is no plan", "is not a plan"),
    ("is no run", "is not a run"),
    ("is no share", "is not a share"),
    ("is no text", "is not a text"),
];

/// Files whose texts are not checked: texts that are stored must stay as they were written, and one
/// file names what it cuts out of messages.
const UNTOLD: &[&str] = &[
    "src/system_words.rs",
    "src/store/layout/",
    "src/store/check/",
];

/// Documents outside of `docs`.
const DOCUMENTS: &[&str] = &[
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "README.md",
    "config/example.toml",
];

fn collect(folder: &Path, ending: &str, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, ending, files);
        } else if path.extension().is_some_and(|found| found == ending) {
            files.push(path);
        }
    }
}

/// Returns the texts of a source file that stand in quotes, without its tests and comments. A text
/// that continues in the next line counts as one.
fn texts(source: &str) -> Vec<String> {
    let body = source.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = body.lines();
    let code: Vec<&str> = lines
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect();
    let code = code.join("\n");
    let mut texts = Vec::new();
    let mut open: Option<String> = None;
    let mut chars = code.chars().peekable();
    while let Some(c) = chars.next() {
        match (&mut open, c) {
            // Of a character in quotes: `'"'`.
            (None, '\'') if chars.peek() == Some(&'"') => drop(chars.next()),
            (None, '"') => open = Some(String::new()),
            (None, _) => {}
            (Some(_), '"') => texts.extend(open.take()),
            (Some(text), '\\') => match chars.next() {
                Some('\n') => while chars.next_if(|c| c.is_whitespace()).is_some() {},
                Some(escaped) => text.push(escaped),
                None => {}
            },
            (Some(text), c) => text.push(c),
        }
    }
    texts
}

/// Returns the lines of documentation of a source file, which clap makes the help of. As one text,
/// since a sentence goes on in the next line.
fn help(source: &str) -> String {
    let lines = source.lines().map(str::trim_start);
    let lines = lines.filter_map(|line| line.strip_prefix("/// "));
    lines.collect::<Vec<_>>().join(" ")
}

#[test]
fn messages_are_in_plain_words() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    collect(&root.join("src"), "rs", &mut files);
    let mut n_messages = 0;
    let mut wrong = Vec::new();
    for path in files {
        let name = path.strip_prefix(root).unwrap().display().to_string();
        let is_test = name.contains("/tests") || name.ends_with("tests.rs");
        if is_test || UNTOLD.iter().any(|untold| name.starts_with(untold)) {
            continue;
        }
        let source = fs::read_to_string(&path).unwrap();
        // A sentence has words between blanks; a key or a code has none.
        let mut messages = texts(&source);
        if name.starts_with("src/cli/args") {
            messages.push(help(&source));
        }
        let messages = messages.into_iter();
        for message in messages.filter(|text| text.matches(' ').count() > 1) {
            n_messages += 1;
            wrong.extend(complaints(&name, &message));
        }
    }

    assert!(n_messages > 900, "only {n_messages} messages were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn documents_are_in_plain_words() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<PathBuf> = DOCUMENTS.iter().map(|name| root.join(name)).collect();
    collect(&root.join("docs"), "md", &mut files);
    let (mut n_sentences, mut wrong) = (0, Vec::new());
    for path in files {
        let name = path.strip_prefix(root).unwrap().display().to_string();
        for sentence in sentences(&fs::read_to_string(&path).unwrap()) {
            n_sentences += 1;
            wrong.extend(complaints(&name, &sentence));
        }
    }

    assert!(n_sentences > 500, "only {n_sentences} paragraphs and rows");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Returns the paragraphs, rows of tables and blocks of a document, each in one line, since a
/// sentence goes on in the next line.
fn sentences(document: &str) -> Vec<String> {
    let mut found = vec![String::new()];
    for line in document.lines() {
        let line = line.trim().trim_start_matches("# ");
        if line.is_empty() || line.starts_with('|') || line.starts_with('#') {
            found.push(String::new());
        }
        let last = found.last_mut().unwrap();
        if !last.is_empty() {
            last.push(' ');
        }
        last.push_str(line);
    }
    found.retain(|sentence| !sentence.is_empty());
    found
}

/// Returns a complaint about each word of a text that has a plainer one.
fn complaints(name: &str, text: &str) -> Vec<String> {
    let said = INSTEAD.iter().filter(|(word, _)| has(text, word));
    said.map(|(word, instead)| format!("{name}: say {instead} for `{word}`: {text}"))
        .collect()
}

/// Returns whether a text has a word that is not part of a longer one, or of a name in code such as
/// `finding.rescued`.
fn has(text: &str, word: &str) -> bool {
    let text = text.to_lowercase();
    let is_edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphabetic() && c != '_');
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        // But `there is no event 7` is plain English.
        let is_of_things = text[..at].ends_with("there ");
        let is_word = is_edge(before) && before != Some('.');
        is_word && is_edge(text[at + word.len()..].chars().next()) && !is_of_things
    })
}

#[test]
fn texts_are_read_from_code() {
    let source = r#"
        // "not this"
        say("one \
             line with a \"quote\"");
        if c == '"' { say("another") }
        #[cfg(test)]
        mod tests { say("nor this") }
    "#;

    assert_eq!(texts(source), ["one line with a \"quote\"", "another"]);
    let args = "    /// Show what\n    /// holds it.\n    pub(super) a: bool, // not this\n";
    assert_eq!(help(args), "Show what holds it.");
    assert!(has("It lets go of it", "lets go"));
    assert!(!has("it is nowhere", "is no"));
    assert!(has("`x` is no event", "is no event"));
    assert!(!has("there is no event 7", "is no event"));
    assert!(!has("`finding.rescued` or `a_row_rescued`", "rescued"));
    let document = "# A title\nIt lets\nthem go.\n\n| a row |\n| another |\n";
    assert_eq!(
        sentences(document),
        ["A title It lets them go.", "| a row |", "| another |"]
    );
}
