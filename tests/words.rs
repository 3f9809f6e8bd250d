//! Checks that messages, documents, comments and names are plain English: no word that only the
//! source explains.
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

/// Phrases that no comment may use, besides those of [`INSTEAD`], and what to say instead.
const NOT_IN_COMMENTS: &[(&str, &str)] = &[
    ("what came of", "the result of"),
    ("what comes of", "the result of"),
    ("whatever comes of", "whatever the result of"),
    ("of nobody", "of no user, or an orphan"),
    ("goes by that", "is as recent as that, or follows from it"),
    ("paths go by", "paths contain"),
    ("go by these", "follow these"),
    ("goes on from", "continues from"),
    ("go on from", "continue from"),
    ("read apart", "read on a schedule of its own"),
    ("from when on", "the time since which"),
    ("since when which", "the time since which"),
    ("is to become", "must become, or is found"),
    ("none ever is", "it never is"),
    ("none: it is", "`None` if"),
    ("none: nothing", "`None` if nothing"),
    ("no longer: it", "a sentence with a verb"),
    ("nothing is none", "a sentence that says what is unknown"),
    ("is that no longer", "is no longer one"),
    ("what there is to", "everything that must"),
    ("what is wanted of", "what somebody asks of"),
    ("word of what", "a sentence with a verb"),
    ("what is so of", "what is true of"),
    ("told to themselves", "told apart"),
    ("passed over", "skipped or ignored"),
    ("hear of", "learn of"),
    ("hears of", "learns of"),
    ("heard of", "learned of"),
    ("so many users", "this many users"),
    ("so many events", "this many events"),
    ("so many requests", "this many requests"),
    ("at most so", "at most this"),
    ("whatever the dice say", "at random"),
    ("in whatever letter case", "whatever its letter case"),
    ("as it is kept", "as it is stored"),
    ("was taken in", "was added"),
    ("not there long enough", "not in existence long enough"),
];

/// Words of [`INSTEAD`] that messages must not use, and comments may.
const ONLY_IN_MESSAGES: &[&str] = &["neither", "settled up to", "rescued"];

/// Words that no name in the code may contain, and what to call it instead. A name of several words
/// contains each of them: `carry_on`, `CarryOn`.
const NOT_IN_NAMES: &[(&str, &str)] = &[
    ("anew", "again"),
    ("believe", "accept"),
    ("believes", "accepts"),
    ("bulletin", "a page of the audit log"),
    ("carry", "execute, apply or dispatch"),
    ("caught", "what was caught"),
    ("crew", "the loops of a tenant"),
    ("desk", "a comparison"),
    ("ears", "the settings of polls"),
    ("fresh", "new, or recent"),
    ("glimpse", "the parts that were read"),
    ("hear", "wait for, or read"),
    ("heard", "seen"),
    ("hearing", "the state of the audit log"),
    ("lens", "a lookup, or lengths"),
    ("lineup", "a registry"),
    ("news", "an event, or what it says"),
    ("obey", "apply"),
    ("obeyed", "applied"),
    ("parcel", "a pending delivery"),
    ("room", "space, capacity or memory"),
    ("stranger", "what is unknown about it"),
    ("strangers", "what is unknown about them"),
    ("stray", "orphan"),
    ("teller", "a writer or a reporter"),
    ("upkeep", "maintenance"),
    ("witness", "a check, or a verifier"),
];

/// Names that contain such a word and mean it: a command is carried out.
const FINE_NAMES: &[&str] = &["carry_out", "CarryOut"];

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

/// Returns the comments of a source file, each in one line, with the number of its first line. An
/// empty line, a bullet and a line of code end a comment.
fn comments(source: &str) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut is_open = false;
    for (at, line) in source.lines().enumerate() {
        let text = line.trim_start().strip_prefix("//").map(|text| {
            let text = text.strip_prefix(['/', '!']).unwrap_or(text);
            text.trim()
        });
        let Some(text) = text.filter(|text| !text.is_empty()) else {
            is_open = false;
            continue;
        };
        match found.last_mut() {
            Some((_, open)) if is_open && !text.starts_with("- ") => {
                open.push(' ');
                open.push_str(text);
            }
            Some(_) | None => found.push((at + 1, text.to_owned())),
        }
        is_open = true;
    }
    found
}

/// Returns the names in a source file, each with its line: what is neither comment nor text.
fn names(source: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let (mut at, mut line) = (0, 1);
    while at < source.len() {
        let rest = &source[at..];
        let length = match (raw_length(rest), rest.chars().next()) {
            (Some(raw), _) => raw,
            (None, Some('/')) if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            (None, Some('"')) => 1 + text_length(&rest[1..]),
            // A character in quotes; a lifetime has no second quote.
            (None, Some('\'')) if rest.starts_with("'\\") => {
                rest[3..].find('\'').map_or(1, |end| end + 4)
            }
            (None, Some('\'')) => match rest.char_indices().nth(2) {
                Some((second, '\'')) => second + 1,
                Some(_) | None => 1,
            },
            (None, Some(c)) if c.is_alphabetic() || c == '_' => {
                let is_part = |c: char| c.is_alphanumeric() || c == '_';
                let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
                found.push((line, &rest[..end]));
                end
            }
            (None, Some(c)) => c.len_utf8(),
            (None, None) => break,
        };
        line += rest[..length].matches('\n').count();
        at += length;
    }
    found
}

/// Returns the length of a raw text, if one begins here: `r"…"`, `r#"…"#`, `br"…"`.
fn raw_length(rest: &str) -> Option<usize> {
    let raw = rest.strip_prefix('b').unwrap_or(rest).strip_prefix('r')?;
    let n_hashes = raw.len() - raw.trim_start_matches('#').len();
    let text = raw[n_hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(n_hashes));
    let length = text.find(&end)? + end.len();
    Some(rest.len() - text.len() + length)
}

/// Returns the length of a text in quotes from behind its first quote, with its last one.
fn text_length(rest: &str) -> usize {
    let mut is_escaped = false;
    for (at, c) in rest.char_indices() {
        match c {
            '"' if !is_escaped => return at + 1,
            '\\' => is_escaped = !is_escaped,
            _ => is_escaped = false,
        }
    }
    rest.len()
}

/// Splits a name into its words, in lower case: `NextSession` and `next_session` have the same two.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for c in name.chars() {
        if c == '_' || (c.is_uppercase() && was_lower) {
            words.push(String::new());
        }
        was_lower = c.is_lowercase() || c.is_ascii_digit();
        if c != '_' {
            words.last_mut().unwrap().extend(c.to_lowercase());
        }
    }
    words
}

/// The sources whose comments and names are checked: all but the tests that list the words.
fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["src", "tests", "benches"] {
        collect(&root.join(folder), "rs", &mut files);
    }
    let sources = files.into_iter().map(|path| {
        let name = path.strip_prefix(root).unwrap().display().to_string();
        (name, fs::read_to_string(&path).unwrap())
    });
    let is_checked =
        |name: &str| !name.starts_with("tests/words") && !name.starts_with("tests/tidy");
    sources.filter(|(name, _)| is_checked(name)).collect()
}

#[test]
fn comments_are_in_plain_words() {
    let of_messages = INSTEAD
        .iter()
        .filter(|(word, _)| !ONLY_IN_MESSAGES.contains(word));
    let banned: Vec<_> = of_messages.chain(NOT_IN_COMMENTS).collect();
    let (mut n_comments, mut wrong) = (0, Vec::new());
    for (name, source) in sources() {
        for (line, comment) in comments(&source) {
            n_comments += 1;
            let said = banned.iter().filter(|(word, _)| has(&comment, word));
            wrong.extend(said.map(|(word, instead)| {
                format!("{name}:{line}: say {instead} for `{word}`: {comment}")
            }));
        }
    }

    assert!(n_comments > 5_000, "only {n_comments} comments were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn names_are_plain_words() {
    let (mut n_names, mut wrong) = (0, Vec::new());
    for (file, source) in sources() {
        for (line, name) in names(&source) {
            n_names += 1;
            if FINE_NAMES.contains(&name) {
                continue;
            }
            let words = words(name);
            let used = NOT_IN_NAMES
                .iter()
                .filter(|(word, _)| words.iter().any(|own| own == word));
            wrong.extend(used.map(|(word, instead)| {
                format!("{file}:{line}: `{name}`: say {instead} for `{word}`")
            }));
        }
    }

    assert!(n_names > 200_000, "only {n_names} names were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn comments_and_names_are_read_from_code() {
    let source = r#"
        //! A file
        //! of two lines.
        let witness = 'a'; // not a comment of its own
        /// One:
        /// - the news
        /// - another
        fn upkeep<'a>(door: &'a str) { say("no \" stray", '"', '\'') }
    "#;

    let comments = comments(source);
    assert_eq!(
        comments,
        [
            (2, "A file of two lines.".to_owned()),
            (5, "One:".to_owned()),
            (6, "- the news".to_owned()),
            (7, "- another".to_owned()),
        ]
    );
    assert!(has(&comments[2].1, "news"));
    let found: Vec<_> = names(source).into_iter().collect();
    assert_eq!(
        found,
        [
            (4, "let"),
            (4, "witness"),
            (8, "fn"),
            (8, "upkeep"),
            (8, "a"),
            (8, "door"),
            (8, "a"),
            (8, "str"),
            (8, "say"),
        ]
    );
    assert_eq!(names("r#\"a \" desk\"# crew"), [(1, "crew")]);
    for (name, expected) in [
        ("NextSession", vec!["next", "session"]),
        ("MAX_ROOM", vec!["max", "room"]),
        ("has_room", vec!["has", "room"]),
    ] {
        assert_eq!(words(name), expected, "{name}");
    }
}
