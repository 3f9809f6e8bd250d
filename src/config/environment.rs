//! The process's environment, read once.

use std::collections::{BTreeMap, BTreeSet};
use std::{env, fmt};

/// Environment variables by name. `Debug` shows the names only: values may be secret.
#[derive(Clone, Default)]
pub struct Environment {
    texts: BTreeMap<String, String>,
    /// Variables whose value is not UTF-8.
    unreadable: BTreeSet<String>,
}

impl Environment {
    /// Reads the environment of this process. A value that is not UTF-8 cannot be a setting or a
    /// secret of ours, so it is left out.
    pub fn of_process() -> Self {
        let mut environment = Self::default();
        for (name, value) in env::vars_os() {
            let Ok(name) = name.into_string() else {
                continue;
            };
            match value.into_string() {
                Ok(value) => drop(environment.texts.insert(name, value)),
                Err(_not_utf_8) => drop(environment.unreadable.insert(name)),
            }
        }
        environment
    }

    /// Returns whether a variable has a value, readable or not.
    pub(super) fn is_set(&self, name: &str) -> bool {
        self.get(name).is_some() || self.unreadable.contains(name)
    }

    /// Returns a variable's value; `None` if it is not set or empty, which mean the same.
    pub fn get(&self, name: &str) -> Option<&str> {
        let value = self.texts.get(name).map(String::as_str);
        value.filter(|value| !value.is_empty())
    }

    /// Returns all variables that are not empty.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self
            .texts
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        all.filter(|(_, value)| !value.is_empty())
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(variables: I) -> Self {
        let variables = variables.into_iter();
        Self {
            texts: variables
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
            unreadable: BTreeSet::new(),
        }
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.texts.keys()).finish()
    }
}
