//! Checks in which direction the folders of the store import each other: an engine is below the
//! line, what is kept above it, and `src/store/engine/mod.rs` says what crosses.

use std::collections::BTreeSet;

use super::{Source, imports};

/// Which folder or file of the store may import which: only what stands before it, so that there is
/// no circle. Its `mod.rs` passes on what they have.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("values", &[]),
    ("error", &[]),
    ("layout", &["values", "error"]),
    ("engine", &["layout", "values", "error"]),
    ("check", &["engine", "layout", "values", "error"]),
    ("handle", &["check", "engine", "values", "error"]),
    ("kept", &["handle", "engine", "layout", "values", "error"]),
];

/// Who may look behind the calls that the engine's `mod.rs` re-exports: a check reads its rows.
const INSIDE_THE_ENGINE: &[&str] = &["engine", "check"];

/// Files that may import one more folder, and why. None may be added.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    (
        "src/store/engine/compaction/copying.rs",
        "check",
        "a copy in another format replaces the database only after a check of both",
    ),
    (
        "src/store/engine/opening/current.rs",
        "check",
        "an opening checks a sample, and everything after a kill",
    ),
];

/// Returns the folder or file of the store that a source belongs to; `None` if it is not of the
/// store, or is its front door.
fn part_of(source: &Source) -> Option<&str> {
    let inner = source.path.strip_prefix("src/store/")?;
    let part = inner.split_once('/').map_or(inner, |(part, _)| part);
    let part = part.strip_suffix(".rs").unwrap_or(part);
    (part != "mod" && !source.is_tests()).then_some(part)
}

/// Returns how many `super::` in a row stay within a source's part of the store.
fn depth(source: &Source) -> usize {
    let inner = source.path.strip_prefix("src/store/").unwrap_or_default();
    let inner = inner.strip_suffix(".rs").unwrap_or(inner);
    inner
        .strip_suffix("/mod")
        .unwrap_or(inner)
        .matches('/')
        .count()
}

/// Returns the rights to import what stands later in a table.
fn backward_rights(table: &[(&str, &[&str])]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (place, (part, allowed)) in table.iter().enumerate() {
        let earlier: BTreeSet<&str> = table.iter().take(place).map(|(name, _)| *name).collect();
        let later = allowed.iter().filter(|other| !earlier.contains(**other));
        wrong
            .extend(later.map(|other| format!("`{part}` may import `{other}`, which is above it")));
    }
    wrong
}

/// Returns what is wrong with the imports within the store, and which rights nobody uses.
pub fn wrong_imports(sources: &[Source]) -> Vec<String> {
    let mut wrong = backward_rights(MAY_IMPORT);
    let mut unused: BTreeSet<(&str, &str)> = MAY_IMPORT
        .iter()
        .flat_map(|(part, allowed)| allowed.iter().map(move |other| (*part, *other)))
        .chain(EXCEPTIONS.iter().map(|(path, other, _)| (*path, *other)))
        .collect();
    for source in sources {
        let Some(part) = part_of(source) else {
            continue;
        };
        let mut complain = |what: String| wrong.push(format!("{}: {what}", source.path));
        let Some((_, allowed)) = MAY_IMPORT.iter().find(|(name, _)| *name == part) else {
            complain(format!("`{part}` is not in the table"));
            continue;
        };
        let code = source.code();
        if code.contains(&"super::".repeat(depth(source) + 1)) {
            complain(format!(
                "leaves `{part}` by `super::`; name it by `crate::`"
            ));
        }
        for path in imports(&code) {
            let Some(inner) = path.strip_prefix("store::") else {
                continue;
            };
            let (other, deeper) = inner.split_once("::").unwrap_or((inner, ""));
            if other == part {
                continue;
            }
            unused.retain(|right| *right != (part, other));
            unused.retain(|right| *right != (source.path.as_str(), other));
            let is_excepted = EXCEPTIONS
                .iter()
                .any(|(path, excepted, _)| *path == source.path && *excepted == other);
            if !allowed.contains(&other) && !is_excepted {
                complain(format!("`{part}` may not import `crate::{path}`"));
            }
            let is_inside = INSIDE_THE_ENGINE.contains(&part) || deeper == "self";
            let is_module = deeper.starts_with(|c: char| c.is_lowercase());
            if other == "engine" && is_module && !is_inside {
                complain(format!("`crate::{path}` goes behind the engine's calls"));
            }
        }
    }
    wrong.extend(
        unused
            .iter()
            .map(|(who, what)| format!("nobody uses the right of `{who}` to import `{what}`")),
    );
    wrong
}

/// Checks that wrong imports are found, and that others are not.
pub fn finds_wrong_imports() {
    let circle = backward_rights(&[("a", &["b"]), ("b", &["a"])]);
    assert_eq!(circle, ["`a` may import `b`, which is above it"]);
    for (path, code, complaint) in [
        (
            "src/store/values/a.rs",
            "use crate::store::layout::codec;",
            Some("`values` may not import"),
        ),
        (
            "src/store/layout/a.rs",
            "use crate::store::{error::StoreError, engine::scan};",
            Some("`layout` may not import `crate::store::engine::scan`"),
        ),
        (
            "src/store/engine/rows/a.rs",
            "use crate::store::kept::names::Names;",
            Some("`engine` may not import"),
        ),
        (
            "src/store/engine/rows/a.rs",
            "use crate::store::check;",
            Some("`engine` may not import"),
        ),
        (
            "src/store/kept/a.rs",
            "use crate::store::engine::rows::block;",
            Some("behind the engine's calls"),
        ),
        (
            "src/store/kept/a.rs",
            "use crate::store::engine::scan;",
            Some("behind the engine's calls"),
        ),
        (
            "src/store/kept/a.rs",
            "use super::super::engine::scan;",
            Some("by `super::`"),
        ),
        (
            "src/store/layout/a.rs",
            "use crate::store::Store;",
            Some("may not import `crate::store::Store`"),
        ),
        ("src/store/drawer/a.rs", "", Some("not in the table")),
        ("src/store/kept/a/b.rs", "use super::super::rows;", None),
        (
            "src/store/kept/a.rs",
            "use crate::store::engine::{self, Engine, Wanted};",
            None,
        ),
        (
            "src/store/check/a.rs",
            "use crate::store::engine::rows::block;",
            None,
        ),
        ("src/store/mod.rs", "pub use kept::names::Names;", None),
    ] {
        let found = wrong_imports(&[Source::new(path, &format!("//! X.\n{code}"))]);
        let found: Vec<&String> = found.iter().filter(|what| what.starts_with(path)).collect();
        match complaint {
            Some(complaint) => assert!(
                found.iter().any(|what| what.contains(complaint)),
                "{path}: {code}: {found:?}"
            ),
            None => assert!(found.is_empty(), "{path}: {code}: {found:?}"),
        }
    }
}
