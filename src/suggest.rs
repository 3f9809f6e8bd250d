//! Finds the name that somebody who mistyped one probably meant, and asks whether it is that.

/// How similar two names must be: the same threshold as in the library that parses our arguments.
const ALIKE: f64 = 0.7;

/// Returns the name that is most similar to a word, if one is similar enough.
pub fn closest<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let rated = names.map(|name| (strsim::jaro_winkler(word, name), name));
    let best = rated.max_by(|(a, _), (b, _)| a.total_cmp(b));
    best.filter(|(alike, _)| *alike > ALIKE)
        .map(|(_, name)| name)
}

/// Asks whether a name was meant, as the end of a sentence.
pub fn did_you_mean(name: &str) -> String {
    format!("did you mean `{name}`?")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognized_and_something_else_is_not() {
        let columns = ["tenant", "name", "email", "last_success"];
        let keys = ["name", "host", "connection", "schedule"];
        for (names, word, meant) in [
            (columns, "tennant", Some("tenant")),
            (columns, "e-mail", Some("email")),
            (columns, "xyz", None),
            (keys, "hots", Some("host")),
            (keys, "shedule", Some("schedule")),
            (keys, "conection", Some("connection")),
            (keys, "colour", None),
        ] {
            assert_eq!(closest(word, names.into_iter()), meant, "{word}");
        }
    }
}
