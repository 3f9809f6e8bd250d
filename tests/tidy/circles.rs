//! Finds files that import each other in a circle: neither can be understood, or changed, without
//! the other.
//!
//! A file imports another if it names something that is defined there. What a `mod.rs` only passes
//! on by `pub use` is looked up where it is defined, so that a front door is not part of a circle.

use std::collections::{BTreeMap, BTreeSet};

use super::{Source, expand};

/// The path of a module: `store::engine::block`; empty for the crate's root.
type Module = Vec<String>;

/// What a file imports and re-exports.
#[derive(Default)]
struct Imports {
    /// What it names, as written.
    names: Vec<Vec<String>>,
    /// What it re-exports, by name.
    passed_on: BTreeMap<String, Vec<String>>,
}

/// Returns the circles, each with the paths of its files.
pub fn circles(sources: &[Source]) -> BTreeSet<Vec<String>> {
    let files: BTreeMap<Module, &Source> = sources
        .iter()
        .filter(|source| !source.is_tests() && source.path != "src/main.rs")
        .map(|source| (module_of(&source.path), source))
        .collect();
    let imports: BTreeMap<&Module, Imports> = files
        .iter()
        .map(|(module, source)| (module, imports_of(module, &source.code(), &files)))
        .collect();
    let edges: BTreeMap<&Module, BTreeSet<Module>> = imports
        .iter()
        .map(|(module, it)| {
            let found = it.names.iter();
            let found = found.filter_map(|name| resolved(module, name, &imports, 0));
            (*module, found.filter(|other| other != *module).collect())
        })
        .collect();
    let reached: BTreeMap<&Module, BTreeSet<Module>> = edges
        .keys()
        .map(|module| (*module, reachable(module, &edges)))
        .collect();
    let mut circles = BTreeSet::new();
    for (module, others) in &reached {
        let mut circle: Vec<String> = others
            .iter()
            .filter(|other| reached.get(other).is_some_and(|it| it.contains(*module)))
            .filter_map(|other| files.get(other).map(|source| source.path.clone()))
            .collect();
        if others.contains(*module) {
            circle.sort();
            circles.insert(circle);
        }
    }
    circles
}

fn module_of(path: &str) -> Module {
    let inner = path.strip_prefix("src/").unwrap_or(path);
    let inner = inner.strip_suffix(".rs").unwrap_or(inner);
    let inner = inner.strip_suffix("/mod").unwrap_or(inner);
    match inner {
        "lib" => Vec::new(),
        inner => inner.split('/').map(str::to_owned).collect(),
    }
}

fn imports_of(module: &Module, code: &str, files: &BTreeMap<Module, &Source>) -> Imports {
    let mut imports = Imports::default();
    let mut rest = String::new();
    for statement in code.split_inclusive(';') {
        let Some((before, visibility, paths)) = use_in(statement) else {
            rest.push_str(statement);
            continue;
        };
        rest.push_str(before);
        let mut found = Vec::new();
        expand("", &paths, &mut found);
        for path in found {
            let mut path: Vec<String> = path.split("::").map(str::to_owned).collect();
            if path.last().is_some_and(|last| last == "self") {
                path.pop();
            }
            match (visibility, path.last().cloned()) {
                (true, Some(last)) => drop(imports.passed_on.insert(last, path)),
                (_, _) => imports.names.push(path),
            }
        }
        // `pub use inner::Name as Other`.
        for (path, other) in renamed(&paths) {
            imports.passed_on.insert(other, path);
        }
    }
    imports.names.extend(inline(&rest, module, files));
    imports
}

/// Splits a statement at its `use`: what is before it, whether it is re-exported, and what it
/// names.
fn use_in(statement: &str) -> Option<(&str, bool, String)> {
    let trimmed = statement.trim_end_matches(';');
    let line = trimmed.lines().rev().find(|line| {
        let start = line.trim_start();
        start.starts_with("use ")
            || (start.starts_with("pub") && start.contains(" use ") && !start.contains('('))
            || (start.starts_with("pub(") && start.contains(") use "))
    })?;
    let at = trimmed.rfind(line)?;
    let (before, it) = trimmed.split_at(at);
    let is_passed_on = it.trim_start().starts_with("pub");
    let (_, paths) = it.split_once("use ")?;
    let paths = paths.split_whitespace().collect::<Vec<_>>().join(" ");
    Some((before, is_passed_on, paths))
}

/// Returns what is given another name, and that name.
fn renamed(paths: &str) -> Vec<(Vec<String>, String)> {
    let (head, inner) = match paths.split_once('{') {
        Some((head, inner)) => (head, inner),
        None => ("", paths),
    };
    let renamed = inner.split([',', '}']).filter_map(|one| {
        let (path, other) = one.split_once(" as ")?;
        let path = format!("{head}{}", path.trim());
        let path = path.split("::").map(str::to_owned).collect();
        Some((path, other.trim().to_owned()))
    });
    renamed.collect()
}

/// Returns the paths that stand in the code itself: `super::codec::seal(`, and `codec::seal(` where
/// `codec` is a child.
fn inline(code: &str, module: &Module, files: &BTreeMap<Module, &Source>) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == ':' || c == '$';
    let mut start = 0;
    while let Some(at) = code[start..].find("::").map(|at| start + at) {
        let from = code[..at].rfind(|c| !is_part(c)).map_or(0, |it| it + 1);
        let end = code[at..].find(|c| !is_part(c));
        let to = end.map_or(code.len(), |end| at + end);
        start = to.max(at + 2);
        // `pub(in …)` is not an import.
        if code[..from].ends_with("in ") {
            continue;
        }
        let path: Vec<String> = code[from..to]
            .trim_end_matches(':')
            .split("::")
            .map(str::to_owned)
            .collect();
        let first = path.first().map_or("", String::as_str);
        let child: Module = module.iter().cloned().chain([first.to_owned()]).collect();
        if matches!(first, "crate" | "super" | "self") || files.contains_key(&child) {
            found.push(path);
        }
    }
    found
}

/// Returns the file that defines what a path names, seen from a module.
fn resolved(
    module: &Module,
    path: &[String],
    imports: &BTreeMap<&Module, Imports>,
    depth: usize,
) -> Option<Module> {
    if depth > 12 {
        return None;
    }
    let mut current = module.clone();
    let mut rest = path;
    let mut is_own = false;
    while let [first, more @ ..] = rest {
        match first.as_str() {
            "crate" => current = Vec::new(),
            "super" => drop(current.pop()),
            "self" => {}
            _ => break,
        }
        is_own = true;
        rest = more;
    }
    while let [first, more @ ..] = rest {
        let child: Module = current.iter().cloned().chain([first.clone()]).collect();
        if imports.contains_key(&child) {
            (current, rest, is_own) = (child, more, true);
            continue;
        }
        if let Some(target) = imports.get(&current).and_then(|it| it.passed_on.get(first)) {
            let path: Vec<String> = target.iter().chain(more).cloned().collect();
            return resolved(&current, &path, imports, depth + 1).or(Some(current));
        }
        break;
    }
    is_own.then_some(current)
}

fn reachable(from: &Module, edges: &BTreeMap<&Module, BTreeSet<Module>>) -> BTreeSet<Module> {
    let mut seen = BTreeSet::new();
    let mut open: Vec<&Module> = edges.get(from).into_iter().flatten().collect();
    while let Some(next) = open.pop() {
        if seen.insert(next.clone()) {
            open.extend(edges.get(next).into_iter().flatten());
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_circle_is_found_through_a_front_door_and_a_line_is_none() {
        let circle = [
            Source::new(
                "src/store/mod.rs",
                "mod a;\nmod b;\nmod c;\npub use a::A;\n",
            ),
            Source::new(
                "src/store/a.rs",
                "use super::b::B;\npub struct A(pub(in super::super) B);\n",
            ),
            Source::new(
                "src/store/b.rs",
                "use std::fmt;\nfn f() { let _ = crate::store::A; }\npub struct B;\n",
            ),
            Source::new(
                "src/store/c.rs",
                "use super::{\n    A,\n    b::B as Other,\n};\n",
            ),
        ];
        let found = circles(&circle);
        let expected = vec!["src/store/a.rs".to_owned(), "src/store/b.rs".to_owned()];
        assert_eq!(found, BTreeSet::from([expected]));
    }
}
