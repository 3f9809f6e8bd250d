//! Finds functions that take a `bool`: whoever reads a call does not see what `true` means. An enum
//! says it.

use super::Source;

/// Functions of serde's traits, whose parameters are not ours to choose.
const NOT_OURS: &[&str] = &["visit_bool", "serialize_bool"];

/// Returns the functions of the sources that take a `bool`, but those of tests.
pub fn flags(sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources.iter().filter(|source| !source.is_tests()) {
        let code = source.code();
        let names = takers(&code).into_iter();
        found.extend(names.map(|name| format!("{}: `{name}` takes a bool", source.path)));
    }
    found
}

/// Returns the names of the functions in a text that take a `bool`.
fn takers(code: &str) -> Vec<&str> {
    let functions = code.match_indices("fn ").filter(|(at, _)| {
        let before = code[..*at].chars().next_back();
        before.is_none_or(|c| !is_part(c))
    });
    let names = functions.filter_map(|(at, word)| {
        let rest = &code[at + word.len()..];
        let name = &rest[..rest.find(|c| !is_part(c))?];
        let taken = parameters(&rest[name.len()..])?;
        let is_flag = |parameter: &&str| takes_bool(parameter);
        (!NOT_OURS.contains(&name) && split(taken).iter().any(is_flag)).then_some(name)
    });
    names.collect()
}

fn is_part(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Returns whether a parameter is a `bool` or has one in it. What a function that is passed returns
/// does not count.
fn takes_bool(parameter: &str) -> bool {
    let given = parameter.split("->").next().unwrap_or_default();
    given.split(|c| !is_part(c)).any(|word| word == "bool")
}

/// Returns what is between the parentheses that follow a function's name and its generics.
fn parameters(rest: &str) -> Option<&str> {
    let open = depths(rest)
        .find(|(_, c, depth)| *c == '(' && *depth == 1)?
        .0;
    let inner = &rest[open + 1..];
    let close = depths(inner).find(|(_, _, depth)| *depth < 0)?.0;
    Some(&inner[..close])
}

/// Returns the parameters in a list.
fn split(list: &str) -> Vec<&str> {
    let commas = depths(list).filter(|(_, c, depth)| *c == ',' && *depth == 0);
    let mut from = 0;
    let mut parts = Vec::new();
    for (at, ..) in commas {
        parts.push(&list[from..at]);
        from = at + 1;
    }
    parts.push(&list[from..]);
    parts
}

/// Returns each character, and in how many brackets it is; one that opens or closes counts itself.
fn depths(text: &str) -> impl Iterator<Item = (usize, char, i32)> {
    let mut depth = 0;
    let mut before = ' ';
    text.char_indices().map(move |(at, c)| {
        let is_arrow = c == '>' && matches!(before, '-' | '=');
        before = c;
        match c {
            '(' | '[' | '{' | '<' => depth += 1,
            ')' | ']' | '}' | '>' if !is_arrow => depth -= 1,
            _ => {}
        }
        (at, c, depth)
    })
}

/// Checks that a `bool` is found wherever it may stand, and nothing else is.
pub fn finds_flags() {
    for (code, expected) in [
        ("fn a(is_x: bool) {}", &["a"][..]),
        (
            "pub async fn a(\n    x: &str,\n    is_x: bool,\n) {}",
            &["a"],
        ),
        ("fn a((x, y): (bool, bool)) {}", &["a"]),
        ("fn a(x: Option<bool>) {}", &["a"]),
        ("fn a<F: Fn(u8) -> u8>(f: F, x: &mut bool) {}", &["a"]),
        ("fn a(x: [bool; 3]) -> u8 {} fn b(y: u8) {}", &["a"]),
        ("fn a(f: impl Fn(bool) -> u8) {}", &["a"]),
        ("fn a(x: u8) -> bool { let y: bool = x > 3; y }", &[]),
        ("fn a(f: impl Fn(u8) -> bool, x: u8) {}", &[]),
        ("fn a(f: &dyn Fn(u8) -> Result<bool, E>) {}", &[]),
        ("fn a<P: Fn(&u8) -> bool>(p: P) -> (bool, u8) {}", &[]),
        ("fn visit_bool<E>(self, _: bool) -> Result<u8, E> {}", &[]),
        ("fn is_bool(x: u8) {}", &[]),
        ("struct A { f: fn(u8) -> bool, b: bool }", &[]),
    ] {
        assert_eq!(takers(code), expected, "{code}");
    }
}
