//! Describes a value of the wrong type: what it is, what was expected, and how to write it.

use std::fmt;

use serde_json::Value;

/// A value of the wrong type. It contains no text from the file, which may be a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    found: Found,
    expected: Expected,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Found {
    Number(serde_json::Number),
    /// A text, and whether it is a number in quotes.
    Text {
        is_number: bool,
    },
    Truth(bool),
    List,
    Table,
    Nothing,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Expected {
    Text,
    Number,
    Truth,
    List,
    Table,
    /// Something else, described by the type that expected it.
    Other(String),
}

impl Mismatch {
    /// Reads serde's sentence about a value, such as `invalid type: integer 15, expected a string`.
    pub(super) fn new(value: Option<&Value>, sentence: &str) -> Self {
        let found = match value {
            Some(Value::Number(number)) => Found::Number(number.clone()),
            Some(Value::String(text)) => Found::Text {
                is_number: text.trim().parse::<f64>().is_ok(),
            },
            Some(Value::Bool(truth)) => Found::Truth(*truth),
            Some(Value::Array(_)) => Found::List,
            Some(Value::Object(_)) => Found::Table,
            Some(Value::Null) | None => Found::Nothing,
        };
        let expected = sentence.rsplit_once("expected ").map(|(_, words)| words);
        let expected = match expected {
            Some("a string" | "string") => Expected::Text,
            Some("u8" | "u16" | "u32" | "u64" | "usize" | "i64" | "f64") => Expected::Number,
            Some("a boolean") => Expected::Truth,
            Some("a sequence") => Expected::List,
            Some("a map") => Expected::Table,
            Some(words) if words.starts_with("struct ") => Expected::Table,
            Some(words) => Expected::Other(words.to_owned()),
            None => Expected::Other("another value".to_owned()),
        };
        Self { found, expected }
    }

    /// Returns how to write it instead.
    pub(super) fn remedy(&self) -> String {
        match (&self.expected, &self.found) {
            (Expected::Text, Found::Number(number)) => {
                format!("write it in quotes, and if it is a time, with its unit: `\"{number}m\"`")
            }
            (Expected::Text, _) => "write a text in quotes: `\"…\"`".to_owned(),
            (Expected::Number, Found::Text { is_number: true }) => {
                "write the number without quotes".to_owned()
            }
            (Expected::Number, _) => "write a number without quotes".to_owned(),
            (Expected::Truth, _) => "write `true` or `false`, without quotes".to_owned(),
            (Expected::List, Found::Text { .. }) => {
                "put it in brackets, since there may be several: `[\"…\"]`".to_owned()
            }
            (Expected::List, _) => {
                "write a list: `[\"…\", \"…\"]`; docs/configuration.md shows one".to_owned()
            }
            (Expected::Table, _) => {
                "write its keys below its name in brackets, as docs/configuration.md shows"
                    .to_owned()
            }
            (Expected::Other(words), _) => format!("write {words}"),
        }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.found {
            Found::Number(number) if self.expected == Expected::Number => {
                return write!(f, "`{number}` is not a whole number from 0 up");
            }
            Found::Number(number) => write!(f, "`{number}` is a number")?,
            Found::Text { is_number: true } => f.write_str("this is a number in quotes")?,
            Found::Text { is_number: false } => f.write_str("this is a text")?,
            Found::Truth(truth) => write!(f, "`{truth}` is a boolean")?,
            Found::List => f.write_str("this is a list")?,
            Found::Table => f.write_str("this is a table")?,
            Found::Nothing => f.write_str("this has no value")?,
        }
        let expected = match &self.expected {
            Expected::Text => "a text",
            Expected::Number => "a whole number",
            Expected::Truth => "a boolean",
            Expected::List => "a list",
            Expected::Table => "a table",
            Expected::Other(words) => words,
        };
        write!(f, ", and {expected} is expected")
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;
    use serde_json::json;

    #[test]
    fn each_says_what_is_there_and_how_to_write_it() {
        let mut said = String::new();
        for (value, expected) in [
            (json!(15), "a string"),
            (json!("5"), "u32"),
            (json!("five"), "u32"),
            (json!(-5), "u32"),
            (json!(true), "a sequence"),
            (json!("user.*"), "a sequence"),
            (json!("yes"), "a boolean"),
            (json!([]), "a string, or a list of strings"),
            (json!("x"), "struct Log"),
        ] {
            let sentence = format!("invalid type: something, expected {expected}");
            let mismatch = Mismatch::new(Some(&value), &sentence);
            writeln!(said, "{mismatch}; {}", mismatch.remedy()).unwrap();
        }
        insta::assert_snapshot!(said, @r#"
        `15` is a number, and a text is expected; write it in quotes, and if it is a time, with its unit: `"15m"`
        this is a number in quotes, and a whole number is expected; write the number without quotes
        this is a text, and a whole number is expected; write a number without quotes
        `-5` is not a whole number from 0 up; write a number without quotes
        `true` is a boolean, and a list is expected; write a list: `["…", "…"]`; docs/configuration.md shows one
        this is a text, and a list is expected; put it in brackets, since there may be several: `["…"]`
        this is a text, and a boolean is expected; write `true` or `false`, without quotes
        this is a list, and a string, or a list of strings is expected; write a string, or a list of strings
        this is a text, and a table is expected; write its keys below its name in brackets, as docs/configuration.md shows
        "#);
    }

    #[test]
    fn what_is_written_may_be_a_secret_and_is_not_shown() {
        let sentence = "invalid type: string \"hunter2\", expected u32";
        let mismatch = Mismatch::new(Some(&json!("hunter2")), sentence);

        let said = format!("{mismatch} {mismatch:?} {}", mismatch.remedy());
        assert!(!said.contains("hunter2"), "{said}");
    }
}
