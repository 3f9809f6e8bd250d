//! Checks the rules of the house that a machine can check: layers, words, files, error codes.
//!
//! `MAY_IMPORT` is the table of layers; CONTRIBUTING.md says what the rules are for. The scan is by
//! text, not by syntax: comments and the tests at the end of a file are cut off first.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot read the sources fails"
)]
#![expect(clippy::too_many_lines, reason = "a table of cases")]

#[path = "tidy/circles.rs"]
mod circles;
#[path = "tidy/flags.rs"]
mod flags;
#[path = "tidy/glossary.rs"]
mod glossary;
#[path = "tidy/store.rs"]
mod store;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use qlik_roster::telemetry::{Metric, Shape};

/// Which layer may import which. Root files count as one layer, `root`.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("root", &["root", "model"]),
    ("telemetry", &["model", "root"]),
    ("connector", &["model", "root", "telemetry"]),
    ("access", &["model"]),
    ("reconcile", &["model"]),
    ("store", &["model", "root", "telemetry"]),
    ("history", &["model", "access", "store", "root"]),
    (
        "sync",
        &[
            "model",
            "connector",
            "access",
            "reconcile",
            "store",
            "history",
            "root",
            "telemetry",
        ],
    ),
    ("deliver", &["model", "store", "root", "telemetry"]),
    (
        "control",
        &[
            "model",
            "store",
            "access",
            "history",
            "sync",
            "deliver",
            "root",
            "telemetry",
        ],
    ),
    ("view", &["model", "control", "store", "deliver", "root"]),
    (
        "web",
        &["model", "control", "history", "view", "root", "telemetry"],
    ),
    (
        "config",
        &[
            "model",
            "access",
            "connector",
            "store",
            "sync",
            "deliver",
            "telemetry",
            "root",
            "export",
        ],
    ),
    (
        "export",
        &["model", "control", "view", "sync", "root", "telemetry"],
    ),
    ("demo", &["model", "root"]),
    (
        "daemon",
        &[
            "model",
            "root",
            "telemetry",
            "connector",
            "store",
            "sync",
            "deliver",
            "control",
            "web",
            "config",
            "export",
        ],
    ),
    (
        "cli",
        &[
            "config",
            "daemon",
            "control",
            "view",
            "model",
            "demo",
            "connector",
            "store",
            "deliver",
            "sync",
            "root",
            "telemetry",
            "export",
        ],
    ),
];

/// Words that belong to one place, and those places.
const OWNED_WORDS: &[(&str, &[&str])] = &[
    ("axum::", &["src/web/", "src/demo/"]),
    // Routes of `server.listen` are added with what they answer, so that `/openapi.json` has all.
    (
        "Router::new()",
        &[
            "src/web/openapi/",
            "src/web/socket.rs",
            "src/web/health.rs",
            "src/demo/",
        ],
    ),
    ("sled::", &["src/store/engine/", "src/store/check/"]),
    // What would reach behind the engine's calls.
    (".lend_database(", &["src/store/engine/"]),
    ("engine.shared", &["src/store/engine/", "src/store/check/"]),
    ("engine.folder", &["src/store/engine/"]),
    ("clap::", &["src/cli/"]),
    ("\"assignedRoles\"", &["src/connector/qlik/", "src/demo/"]),
    ("\"assignedGroups\"", &["src/connector/qlik/", "src/demo/"]),
];

/// Files whose `pub mod` is part of a layer's front door: `crate::connector::qlik::Options`.
const OPEN_MODULES: &[&str] = &[
    "connector::qlik",
    "control::command",
    "control::query",
    "demo::tenant",
    "model::scim",
    "model::unified",
];

/// The most lines of a file, without its tests.
const MAX_LINES: usize = 500;

/// The most characters of a line of comment: `cargo fmt` wraps code alone.
const MAX_COMMENT: usize = 100;

/// What async code may do with a store: nothing that waits for the disk, or for the lock of
/// somebody who does.
const MAY_NOT_BLOCK: &[&str] = &[
    "offload",
    "begin",
    "clone",
    "last_seq",
    "grown_beyond",
    "id",
    "is_broken",
];

/// What async code may lend a store to: it keeps a clone of the store, or offloads what it does.
const MAY_BORROW: &[&str] = &["Parts::assemble(", "recall("];

/// A source file: its path from the root of the repository, and its text.
struct Source {
    path: String,
    text: String,
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        let (path, text) = (path.to_owned(), text.to_owned());
        Self { path, text }
    }

    fn is_tests(&self) -> bool {
        self.path.ends_with("/tests.rs") || self.path.contains("/tests/")
    }

    /// Everything before the tests, which end a file. Whatever else only tests see stays, such as a
    /// function or a file: what follows it is no test.
    fn body(&self) -> &str {
        let mut marks = self.text.match_indices("#[cfg(test)]\nmod ");
        let tests = marks.find(|(at, mark)| {
            let line = self.text[at + mark.len()..].lines().next();
            line.is_some_and(|line| line.ends_with('{'))
        });
        &self.text[..tests.map_or(self.text.len(), |(at, _)| at)]
    }

    /// The body without lines of comment.
    fn code(&self) -> String {
        let lines = self.body().lines();
        let lines = lines.filter(|line| !line.trim_start().starts_with("//"));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// `store` for `src/store/journal.rs`, `root` for `src/clock.rs`.
    fn layer(&self) -> &str {
        let inner = self.path.strip_prefix("src/").unwrap_or(&self.path);
        inner.split_once('/').map_or("root", |(layer, _)| layer)
    }
}

/// Returns the paths that follow each `crate::`, with groups taken apart:
/// `crate::{store::{Store, Seq}, model}` is `store::Store`, `store::Seq` and `model`.
fn imports(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let own = code[..at].chars().next_back();
        // `$crate::` and `mycrate::` are something else.
        if own.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        expand("", &code[at + "crate::".len()..], &mut found);
    }
    found
}

/// Reads one path or group at the start of `rest`; returns how many bytes it took.
fn expand(prefix: &str, rest: &str, found: &mut Vec<String>) -> usize {
    let word = |text: &str| {
        let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_'));
        end.unwrap_or(text.len())
    };
    if let Some(inner) = rest.strip_prefix('{') {
        let mut at = 1;
        let mut left = inner;
        loop {
            let skipped = left.len() - left.trim_start_matches([' ', '\n', '\t', ',', '\r']).len();
            left = &left[skipped..];
            at += skipped;
            if left.is_empty() || left.starts_with('}') {
                return at + 1;
            }
            let mut taken = expand(prefix, left, found);
            // `as Other`, or whatever else stands before the next comma.
            taken += left[taken..].find([',', '}']).unwrap_or(left.len() - taken);
            left = &left[taken..];
            at += taken;
        }
    }
    let end = word(rest);
    let path = match prefix {
        "" => rest[..end].to_owned(),
        _ => format!("{prefix}::{}", &rest[..end]),
    };
    match rest[end..].strip_prefix("::") {
        Some(more) if !more.starts_with('<') => end + 2 + expand(&path, more, found),
        _ => {
            found.push(path);
            end
        }
    }
}

/// Returns what is wrong with a source file.
fn check(source: &Source, layers: &BTreeSet<String>) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut complain = |what: String| wrong.push(format!("{}: {what}", source.path));
    if !source.text.starts_with("//! ") {
        complain("the first line does not say what the file is for (`//! …`)".into());
    }
    for (n, line) in source.text.lines().enumerate() {
        let n_chars = line.chars().count();
        if line.trim_start().starts_with("//") && n_chars > MAX_COMMENT {
            complain(format!(
                "line {}: a comment of {n_chars} characters, {MAX_COMMENT} are the most",
                n + 1
            ));
        }
    }
    if source.is_tests() {
        return wrong;
    }
    let n_lines = source.body().lines().count();
    if n_lines > MAX_LINES {
        complain(format!(
            "{n_lines} lines without tests, {MAX_LINES} are the most"
        ));
    }
    let code = source.code();
    for (word, homes) in OWNED_WORDS {
        if code.contains(word) && !homes.iter().any(|home| source.path.starts_with(home)) {
            complain(format!("`{word}` belongs in {}", homes.join(" or ")));
        }
    }
    let layer = source.layer();
    let is_entry = matches!(source.path.as_str(), "src/lib.rs" | "src/main.rs");
    let Some((_, allowed)) = MAY_IMPORT.iter().find(|(name, _)| *name == layer) else {
        complain(format!("the layer `{layer}` is not in the table"));
        return wrong;
    };
    for path in imports(&code) {
        let first = path.split("::").next().unwrap_or_default();
        // A name that is not a folder belongs to a root file, or to the front door of the crate
        // itself.
        let target = if layers.contains(first) {
            first
        } else {
            "root"
        };
        if target == layer || is_entry {
            continue;
        }
        if !allowed.contains(&target) {
            complain(format!("`{layer}` may not import `crate::{path}`"));
        }
        if target != "root" && is_past_the_front_door(&path) {
            complain(format!(
                "`crate::{path}` goes past the front door of `{target}`"
            ));
        }
    }
    wrong
}

/// `store::Store` and `store::Store::open` are at the front door, `store::journal::Row` is
/// not: modules are written in small letters, and so are functions, which come last.
fn is_past_the_front_door(path: &str) -> bool {
    let open = OPEN_MODULES.iter().find_map(|open| {
        let rest = path.strip_prefix(open)?;
        rest.is_empty()
            .then_some("")
            .or_else(|| rest.strip_prefix("::"))
    });
    let inner = match open {
        Some(inner) => inner,
        None => path.split_once("::").map_or("", |(_, inner)| inner),
    };
    let is_module = |word: &str| word.starts_with(|c: char| c.is_lowercase());
    let mut words = inner.split("::");
    words.next().is_some_and(is_module) && words.next().is_some()
}

/// Returns the codes in the bodies of functions called `code`.
fn codes(source: &Source) -> BTreeSet<String> {
    let text = source.body();
    let mut found = BTreeSet::new();
    for (at, _) in text.match_indices("fn code(") {
        let rest = &text[at..];
        let Some(open) = rest.find('{') else { continue };
        let mut depth = 0;
        let close = rest[open..].find(|c| {
            depth += i32::from(c == '{') - i32::from(c == '}');
            depth == 0
        });
        let body = &rest[open..open + close.unwrap_or(rest.len() - open)];
        let literals = body.split('"').skip(1).step_by(2);
        found.extend(literals.filter(|text| is_code(text)).map(str::to_owned));
    }
    found
}

fn is_code(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-._".contains(c);
    text.contains('.') && text.chars().all(plain)
}

/// Returns the codes in the first column of the tables of `docs/errors.md`.
fn documented(text: &str) -> BTreeSet<String> {
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `"));
    let codes = rows.filter_map(|rest| rest.split('`').next());
    codes
        .filter(|code| is_code(code))
        .map(str::to_owned)
        .collect()
}

/// Returns what async code does with a store that may block a thread of the runtime, which all
/// deliveries, probes and answers share.
fn blocking_calls(code: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let elsewhere = spans(code, &[".offload(", ".begin(", "spawn_blocking(", "|store"]);
    for (from, to) in spans(code, &["async fn ", "async {", "async move {"]) {
        let body = &code[from..to];
        for (at, word) in body.match_indices("store") {
            let (before, after) = (&body[..at], &body[at + word.len()..]);
            let is_part = |c: char| c.is_alphanumeric() || c == '_';
            let is_word = !before.ends_with(is_part) && !after.starts_with(is_part);
            let is_elsewhere = elsewhere
                .iter()
                .any(|(start, end)| (*start..*end).contains(&(from + at)));
            // `config.store` is the folder's path.
            let is_path = before.ends_with("config.");
            if !is_word || is_elsewhere || is_path {
                continue;
            }
            let line = body[..at].rfind('\n').map_or(0, |end| end + 1);
            let line = body[line..].lines().next().unwrap_or_default().trim();
            let method = after.trim_start().strip_prefix('.').map(|rest| {
                let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
                &rest[..end]
            });
            let place = before.trim_end_matches(|c: char| is_part(c) || c == '.');
            let may_borrow = MAY_BORROW.iter().any(|who| line.contains(who));
            let is_lent = method.is_none() && place.ends_with('&') && !may_borrow;
            let blocks = method.is_some_and(|method| !MAY_NOT_BLOCK.contains(&method));
            if is_lent || blocks {
                found.push(line);
            }
        }
    }
    found
}

/// Returns from where to where the blocks or arguments reach that begin with these words.
fn spans(code: &str, words: &[&str]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for word in words {
        for (at, _) in code.match_indices(word) {
            let begin = if word.ends_with(['(', '{']) {
                at + word.len() - 1
            } else if word.starts_with('|') {
                // A closure reaches to the end of its statement, or of the call it is given to.
                at
            } else {
                code[at..].find('{').map_or(code.len(), |open| at + open)
            };
            let mut depth = 0;
            let is_closure = word.starts_with('|');
            let end = code[begin..].find(|c| {
                depth += i32::from("([{".contains(c)) - i32::from(")]}".contains(c));
                match is_closure {
                    true => depth < 0 || (depth == 0 && c == ';'),
                    false => depth == 0,
                }
            });
            found.push((begin, end.map_or(code.len(), |end| begin + end)));
        }
    }
    found
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn collect(folder: &Path, sources: &mut Vec<Source>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, sources);
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let path = path.strip_prefix(root()).unwrap().to_str().unwrap();
            sources.push(Source::new(path, &text));
        }
    }
}

fn sources() -> Vec<Source> {
    let mut sources = Vec::new();
    collect(&root().join("src"), &mut sources);
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    sources
}

fn layers_of(sources: &[Source]) -> BTreeSet<String> {
    let layers = sources
        .iter()
        .map(Source::layer)
        .filter(|layer| *layer != "root");
    layers.map(str::to_owned).collect()
}

#[test]
fn the_source_is_tidy() {
    let sources = sources();
    let layers = layers_of(&sources);

    let wrong: Vec<String> = sources
        .iter()
        .flat_map(|source| check(source, &layers))
        .collect();

    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let circles = circles::circles(&sources());
    assert!(circles.is_empty(), "{circles:#?}");
}

#[test]
fn the_glossary_is_of_this_code() {
    let sources = sources();
    let mut wrong = glossary::wrong_words(&sources);
    wrong.extend(glossary::wrong_places());
    wrong.extend(glossary::wrong_names(&sources));
    wrong.extend(glossary::wrong_meanings(&sources));
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn every_right_to_import_is_used() {
    let sources = sources();
    let layers = layers_of(&sources);
    let mut unused: BTreeSet<(&str, &str)> = MAY_IMPORT
        .iter()
        .flat_map(|(layer, allowed)| allowed.iter().map(move |target| (*layer, *target)))
        .collect();
    // A right that only tests need is none: they may import what they like.
    for source in sources.iter().filter(|source| !source.is_tests()) {
        for path in imports(&source.code()) {
            let first = path.split("::").next().unwrap_or_default();
            let target = if layers.contains(first) {
                first
            } else {
                "root"
            };
            unused.retain(|right| *right != (source.layer(), target));
        }
    }
    assert_eq!(unused, BTreeSet::new(), "rights that nobody uses");
}

#[test]
fn the_folders_of_the_store_import_in_one_direction() {
    let wrong = store::wrong_imports(&sources());
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn a_wrong_import_within_the_store_is_found() {
    store::finds_wrong_imports();
}

#[test]
fn no_function_takes_a_flag() {
    let wrong = flags::flags(&sources());
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn a_flag_is_found() {
    flags::finds_flags();
}

#[test]
fn no_store_call_is_on_a_thread_of_the_runtime() {
    let mut wrong = Vec::new();
    for source in sources() {
        if source.is_tests() || source.path.starts_with("src/demo/") {
            continue;
        }
        let code = source.code();
        let calls = blocking_calls(&code).into_iter();
        wrong.extend(calls.map(|line| format!("{}: {line}", source.path)));
    }

    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn a_store_call_on_a_thread_of_the_runtime_is_found() {
    for (code, expected) in [
        ("async fn a(store: Store) { store.cursor(x) }", 1),
        ("async fn a(&self) { self.dispatcher.store.entry(x)?; }", 1),
        ("async fn a(&self) { read(&self.store, &x) }", 1),
        ("fn a() { b(async move { store.entries(x) }) }", 1),
        (
            "async fn a(store: &Store) { store.offload(|store| store.cursor(x)).await }",
            0,
        ),
        (
            "async fn a(&self) { let read = move |store: &Store| read(store, &x); b(read) }",
            0,
        ),
        (
            "async fn a(&self) { self.store.last_seq() > x && self.store.is_broken() }",
            0,
        ),
        ("fn a(store: &Store) { store.cursor(x) }", 0),
        ("async fn a() { b(store.clone()); C { store, d } }", 0),
    ] {
        assert_eq!(blocking_calls(code).len(), expected, "{code}");
    }
}

#[test]
fn tests_and_benches_say_what_they_are_for() {
    let mut sources = Vec::new();
    for folder in ["tests", "benches"] {
        collect(&root().join(folder), &mut sources);
    }

    for source in &sources {
        assert!(source.text.starts_with("//! "), "{}", source.path);
    }
}

#[test]
fn error_codes_and_their_manual_agree() {
    let manual = fs::read_to_string(root().join("docs/errors.md")).unwrap();
    let (told, known) = (
        documented(&manual),
        sources().iter().flat_map(codes).collect(),
    );

    let missing: Vec<_> = BTreeSet::difference(&known, &told).collect();
    let stale: Vec<_> = told.difference(&known).collect();

    assert!(
        missing.is_empty(),
        "docs/errors.md does not explain {missing:?}"
    );
    assert!(
        stale.is_empty(),
        "docs/errors.md explains what no code returns: {stale:?}"
    );
}

#[test]
fn the_tests_that_the_manuals_name_are_there() {
    let mut sources = sources();
    collect(&root().join("tests"), &mut sources);
    for page in ["docs/reliability.md", "docs/delivery.md"] {
        let manual = fs::read_to_string(root().join(page)).unwrap();

        let named = named_tests(&manual);
        let missing: Vec<_> = named
            .iter()
            .filter(|name| {
                let line = format!("fn {name}(");
                !sources.iter().any(|source| source.text.contains(&line))
            })
            .collect();

        assert!(named.len() > 10, "{page} names {} tests", named.len());
        assert!(missing.is_empty(), "{page} names {missing:?}");
    }
}

/// Returns the words between backticks that can only be names of tests: not a command, not a
/// file, and longer than a key.
fn named_tests(manual: &str) -> Vec<&str> {
    let words = manual.split('`').skip(1).step_by(2);
    words
        .filter(|word| word.matches('_').count() > 2)
        .filter(|word| !word.contains([' ', '.', '/', '-']))
        .collect()
}

#[test]
fn metrics_and_their_manual_agree() {
    let manual = fs::read_to_string(root().join("docs/metrics.md")).unwrap();
    let told: Vec<String> = manual
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            cells[1..4].join(" ")
        })
        .collect();

    let known: Vec<String> = Metric::ALL
        .iter()
        .copied()
        .map(|metric| {
            let shape = match metric.shape() {
                Shape::Counter => "counter",
                Shape::Gauge => "gauge",
            };
            let labels: Vec<_> = metric.labels().iter().map(|it| format!("`{it}`")).collect();
            format!("`{}` {shape} {}", metric.name(), labels.join(", "))
        })
        .collect();

    assert_eq!(told, known);
}

/// A budget, not a limit: it is printed, so that somebody notices when it grows.
#[test]
fn sizes_are_reported() {
    let sources = sources();
    let mut sizes: Vec<(usize, &str)> = sources
        .iter()
        .filter(|source| !source.is_tests())
        .map(|source| (source.body().lines().count(), source.path.as_str()))
        .collect();
    sizes.sort_unstable();

    let at = |share: usize| sizes[(sizes.len() - 1) * share / 100].0;
    println!(
        "{} files, median {} lines (150 wanted), nine in ten under {} (300 wanted)",
        sizes.len(),
        at(50),
        at(90)
    );
    for (n_lines, path) in sizes.iter().rev().take_while(|(n_lines, _)| *n_lines > 300) {
        println!("look twice: {path}, {n_lines} lines");
    }
}

#[test]
fn a_broken_rule_is_found() {
    let layers: BTreeSet<String> = MAY_IMPORT
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .filter(|name| name != "root")
        .collect();
    let long = format!("//! X.\n{}", "fn a() {}\n".repeat(500));
    let wide = format!("//! X.\n    // {}\n", "a".repeat(94));
    for (path, text, complaint) in [
        ("src/store/a.rs", "use std::fs;", "first line"),
        ("src/store/a.rs", long.as_str(), "501 lines"),
        ("src/store/a.rs", wide.as_str(), "101 characters"),
        (
            "src/model/a.rs",
            "//! X.\nuse crate::store::Store;",
            "`model` may not import",
        ),
        (
            "src/store/a.rs",
            "//! X.\nuse crate::config::Config;",
            "`store` may not import",
        ),
        (
            "src/web/a.rs",
            "//! X.\nfn f(s: crate::store::Store) {}",
            "`web` may not import",
        ),
        (
            "src/web/a.rs",
            "//! X.\nuse crate::{\n    model::Id,\n    store::{Seq, Store as S},\n};",
            "`crate::store::Seq`",
        ),
        (
            "src/model/a.rs",
            "//! X.\nuse crate::clock::Clock;",
            "`model` may not import",
        ),
        (
            "src/model/a.rs",
            "//! X.\n#[cfg(test)]\nfn a() {}\nuse crate::store::Store;",
            "`model` may not import",
        ),
        (
            "src/clock.rs",
            "//! X.\nuse crate::sync::Schedule;",
            "`root` may not import",
        ),
        (
            "src/sync/a.rs",
            "//! X.\nuse crate::store::journal::Row;",
            "past the front door",
        ),
        (
            "src/sync/a.rs",
            "//! X.\nuse crate::store::{journal::{Row}, Store};",
            "past the front door",
        ),
        (
            "src/sync/a.rs",
            "//! X.\nuse crate::connector::qlik::wire::User;",
            "past the front door",
        ),
        (
            "src/sync/a.rs",
            "//! X.\nfn f() { sled::open() }",
            "`sled::` belongs",
        ),
        (
            "src/control/a.rs",
            "//! X.\nuse axum::Router;",
            "`axum::` belongs",
        ),
        (
            "src/daemon/a.rs",
            "//! X.\nuse clap::Parser;",
            "`clap::` belongs",
        ),
        (
            "src/model/a.rs",
            "//! X.\nconst A: &str = \"assignedRoles\";",
            "belongs in src/connector",
        ),
        ("src/drawer/a.rs", "//! X.", "not in the table"),
    ] {
        let found = check(&Source::new(path, text), &layers);

        assert!(
            found.iter().any(|what| what.contains(complaint)),
            "{text}: {found:?}"
        );
    }
}

#[test]
fn what_keeps_the_rules_is_left_alone() {
    let layers: BTreeSet<String> = MAY_IMPORT
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .filter(|name| name != "root")
        .collect();
    let long_tests = format!(
        "//! X.\n#[cfg(test)]\nmod tests {{\n{}}}\n",
        "fn a() {}\n".repeat(900)
    );
    for (path, text) in [
        ("src/store/a.rs", "//! X.\nuse crate::store::journal::Row;"),
        (
            "src/sync/a.rs",
            "//! X.\nuse crate::store::{Seq, Store};\nuse crate::clock::Clock;",
        ),
        (
            "src/sync/a.rs",
            "//! X.\nuse crate::store;\nfn f() { crate::store::Store::open(); }",
        ),
        (
            "src/sync/a.rs",
            "//! X.\nuse crate::connector::qlik::{self, Options};",
        ),
        (
            "src/sync/a.rs",
            "//! X.\nfn f() { crate::connector::qlik::probe(); crate::reconcile::plan(); }",
        ),
        (
            "src/model/a.rs",
            "//! X.\n// Unlike crate::store::Store, sled:: is no matter here.\nuse super::Id;",
        ),
        (
            "src/model/a.rs",
            "//! X.\n#[cfg(test)]\nmod tests {\n    use crate::store::Store;\n}",
        ),
        ("src/store/a.rs", long_tests.as_str()),
        ("src/store/tests.rs", "//! X.\nuse crate::demo::Tenant;"),
        ("src/lib.rs", "//! X.\npub use crate::store::journal::Row;"),
    ] {
        let found = check(&Source::new(path, text), &layers);

        assert!(found.is_empty(), "{found:?}");
    }
}

#[test]
fn codes_are_read_from_code_and_manual() {
    let source = Source::new(
        "src/a.rs",
        "pub fn code(&self) -> &'static str { match self { A { .. } => \"store.locked\", B => \"x.y\" } }\nfn other() { \"not.this\" }",
    );
    let codes = codes(&source);

    assert_eq!(
        codes.into_iter().collect::<Vec<_>>(),
        ["store.locked", "x.y"]
    );
    let manual = "| code | what |\n|---|---|\n| `store.locked` | text `no.code` |\n`prose.code`";
    assert_eq!(
        documented(manual).into_iter().collect::<Vec<_>>(),
        ["store.locked"]
    );
}
