//! The settings as written, to say which of them differ from those in force.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;

/// The settings as written, with a digest of each secret and file that they name.
#[derive(Clone, Default)]
pub struct Written {
    tree: Value,
    digests: BTreeMap<String, Digest>,
}

/// A digest of what a file or an environment variable contains.
pub(super) type Digest = [u8; 32];

/// A setting that differs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DifferentKey {
    /// The section, such as `endpoints`.
    pub section: String,
    /// The name of the element, in a section that is a list; `None` in others.
    pub name: Option<String>,
    /// The key in it; `None` if only one of the two has the element.
    pub key: Option<String>,
}

impl fmt::Display for DifferentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.section)?;
        let parts = [&self.name, &self.key].into_iter().flatten();
        parts.into_iter().try_for_each(|part| write!(f, ".{part}"))
    }
}

impl DifferentKey {
    /// Returns whether it is a setting of the element with this name.
    pub fn is_of(&self, name: &str) -> bool {
        self.name.as_deref() == Some(name)
    }

    /// Returns whether its key is one of these.
    pub fn is_one_of(&self, keys: &[&str]) -> bool {
        self.key.as_deref().is_some_and(|key| keys.contains(&key))
    }
}

impl Written {
    pub(super) fn new(tree: Value, digests: BTreeMap<String, Digest>) -> Self {
        Self { tree, digests }
    }

    /// Returns the settings that differ from others, in order. A setting that names a file or a
    /// variable also differs if its content does.
    pub fn different(&self, others: &Self) -> BTreeSet<DifferentKey> {
        let compared = Comparison {
            ours: self,
            others,
            found: BTreeSet::new(),
        };
        compared.of_all()
    }
}

/// Shows nothing: an address may be secret.
impl fmt::Debug for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Written")
    }
}

struct Comparison<'a> {
    ours: &'a Written,
    others: &'a Written,
    found: BTreeSet<DifferentKey>,
}

impl Comparison<'_> {
    fn of_all(mut self) -> BTreeSet<DifferentKey> {
        let (ours, others) = (&self.ours.tree, &self.others.tree);
        for section in keys([ours, others]) {
            let [mine, theirs] = [ours, others].map(|tree| tree.get(&section));
            match (list(mine), list(theirs)) {
                (None, None) => self.of_tables(&section, None, [mine, theirs]),
                (mine, theirs) => {
                    let [mine, theirs] = [mine, theirs].map(Option::unwrap_or_default);
                    let names: BTreeSet<_> = mine.keys().chain(theirs.keys()).collect();
                    for name in names {
                        let pair = [mine.get(name).copied(), theirs.get(name).copied()];
                        self.of_tables(&section, Some(name), pair);
                    }
                }
            }
        }
        self.found
    }

    fn of_tables(&mut self, section: &str, name: Option<&String>, pair: [Option<&Value>; 2]) {
        let note = |key| DifferentKey {
            section: section.to_owned(),
            name: name.cloned(),
            key,
        };
        // A section that is not written is the same as an empty one; an element is not.
        if name.is_some() && pair.iter().any(Option::is_none) {
            self.found.insert(note(None));
            return;
        }
        let empty = Value::Null;
        let [mine, theirs] = pair.map(|table| table.unwrap_or(&empty));
        for key in keys([mine, theirs]) {
            let [mine, theirs] = [mine, theirs].map(|table| table.get(&key));
            let is_same = mine == theirs && mine.is_none_or(|value| self.has_same_files(value));
            if !is_same {
                self.found.insert(note(Some(key)));
            }
        }
    }

    /// Returns whether everything that a value names has the same content.
    fn has_same_files(&self, value: &Value) -> bool {
        match value {
            Value::String(name) => self.ours.digests.get(name) == self.others.digests.get(name),
            Value::Array(values) => values.iter().all(|value| self.has_same_files(value)),
            Value::Object(table) => table.values().all(|value| self.has_same_files(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => true,
        }
    }
}

/// Returns the keys of two tables.
fn keys(tables: [&Value; 2]) -> BTreeSet<String> {
    let tables = tables.into_iter().filter_map(Value::as_object);
    tables.flat_map(|table| table.keys().cloned()).collect()
}

/// Returns the elements of a list by name; `None` if it is not a list.
fn list(section: Option<&Value>) -> Option<BTreeMap<String, &Value>> {
    let elements = section?.as_array()?.iter();
    let named = elements.enumerate().map(|(i, element)| {
        let name = element.get("name").and_then(Value::as_str);
        let name = name.map_or_else(|| i.to_string(), str::to_owned);
        (name, element)
    });
    Some(named.collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn written(tree: Value, secret: &str) -> Written {
        let mut digest = [0; 32];
        digest[..secret.len()].copy_from_slice(secret.as_bytes());
        let digests = [("hr-secret".to_owned(), digest)].into();
        Written::new(tree, digests)
    }

    #[test]
    fn what_differs_is_named_as_it_is_written() {
        let before = json!({
            "sync": { "schedule": "15m", "guard": { "users": { "max_count": 10 } } },
            "log": { "level": "info" },
            "endpoints": [
                { "name": "hr", "url": "https://hr", "secret_file": ["hr-secret", "old"] },
                { "name": "siem", "url": "https://siem" },
            ],
        });
        let after = json!({
            "sync": { "schedule": "15m", "guard": { "users": { "max_count": 11 } } },
            "log": { "level": "info" },
            "server": {},
            "endpoints": [
                { "name": "wiki", "url": "https://wiki" },
                { "name": "hr", "url": "https://hr2", "secret_file": ["hr-secret", "old"] },
            ],
        });
        let before = written(before, "a");
        for (secret, expected) in [
            (
                "a",
                vec![
                    "endpoints.hr.url",
                    "endpoints.siem",
                    "endpoints.wiki",
                    "sync.guard",
                ],
            ),
            (
                "b",
                vec![
                    "endpoints.hr.secret_file",
                    "endpoints.hr.url",
                    "endpoints.siem",
                    "endpoints.wiki",
                    "sync.guard",
                ],
            ),
        ] {
            let different = written(after.clone(), secret).different(&before);

            let shown: Vec<String> = different.iter().map(ToString::to_string).collect();
            assert_eq!(shown, expected);
        }
        assert_eq!(before.different(&before), BTreeSet::new());
    }
}
