//! Finds the name that somebody who mistyped one probably meant.

/// How similar two names must be: the same threshold as in the library that parses our arguments.
const ALIKE: f64 = 0.7;

/// Returns the name that is most similar to a word, if one is similar enough.
pub fn closest<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> Option<String> {
    let rated = names.map(|name| (strsim::jaro_winkler(word, name), name));
    let best = rated.max_by(|(a, _), (b, _)| a.total_cmp(b));
    best.filter(|(alike, _)| *alike > ALIKE)
        .map(|(_, name)| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognized_and_something_else_is_not() {
        let names = || ["tenant", "name", "email", "last_success"].into_iter();

        assert_eq!(closest("tennant", names()).as_deref(), Some("tenant"));
        assert_eq!(closest("e-mail", names()).as_deref(), Some("email"));
        assert_eq!(closest("xyz", names()), None);
    }
}
