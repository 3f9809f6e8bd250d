//! A secret that is set by one of two keys: the one ending in `_file` names a file, the one ending
//! in `_env` names an environment variable.

use super::Fault;
use super::problem::Problems;
use super::secrets::Vault;
use crate::secret::Secret;

/// The two keys of a secret, and their values.
pub(super) struct SecretKeys<'a> {
    /// The section that has them, such as `connections[0]`.
    pub(super) at: &'a str,
    /// The common beginning of both keys.
    pub(super) key: &'static str,
    pub(super) file: Option<&'a String>,
    pub(super) variable: Option<&'a String>,
}

/// Which of the two keys of a secret, by how it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    File,
    Variable,
}

impl Ending {
    /// Returns how the key ends.
    fn text(self) -> &'static str {
        match self {
            Self::File => "_file",
            Self::Variable => "_env",
        }
    }

    /// Reads the secret from the file or the variable that has this name.
    fn read(self, vault: &Vault<'_>, key: &str, name: &str) -> Result<Secret, Fault> {
        match self {
            Self::File => vault.file(key, name),
            Self::Variable => vault.variable(key, name),
        }
    }
}

impl SecretKeys<'_> {
    /// Returns whether the secret is given.
    pub(super) fn is_given(&self) -> bool {
        self.file.is_some() || self.variable.is_some()
    }

    /// Returns both keys, and whether each is set.
    pub(super) fn each(&self) -> [(String, bool); 2] {
        let name = |ending: Ending| format!("{}{}", self.key, ending.text());
        [
            (name(Ending::File), self.file.is_some()),
            (name(Ending::Variable), self.variable.is_some()),
        ]
    }

    /// Returns the key that sets the secret, or that should.
    pub(super) fn name(&self) -> String {
        let ending = match (self.file, self.variable) {
            (None, Some(_)) => Ending::Variable,
            (Some(_), _) | (None, None) => Ending::File,
        };
        format!("{}{}", self.key, ending.text())
    }

    /// Returns the full path of the key that sets the secret, or that should.
    pub(super) fn path(&self) -> String {
        format!("{}.{}", self.at, self.name())
    }

    /// Returns whether a problem with it was already noted.
    pub(super) fn is_noted(&self, problems: &Problems) -> bool {
        is_noted(self.at, self.key, problems)
    }

    /// Reads the secret, or notes why it cannot be read.
    pub(super) fn secret(&self, vault: &Vault<'_>, problems: &mut Problems) -> Option<Secret> {
        let key = self.key;
        let (ending, found) = match (self.file, self.variable) {
            (Some(file), None) => (Ending::File, Ending::File.read(vault, key, file)),
            (None, Some(variable)) => (
                Ending::Variable,
                Ending::Variable.read(vault, key, variable),
            ),
            (Some(_), Some(_)) => (
                Ending::Variable,
                Err(Fault::Conflict {
                    detail: format!("the secret is given twice, in `{key}_file` as well"),
                    remedy: "remove one of the two",
                }),
            ),
            (None, None) if self.is_noted(problems) => return None,
            (None, None) => (
                Ending::File,
                Err(Fault::Missing {
                    remedy: "name the file that holds the secret, or use the key that ends in `_env` to name an environment variable",
                }),
            ),
        };
        found
            .map_err(|fault| problems.add(path_to(self.at, key, ending), fault))
            .ok()
    }
}

/// Reads each secret of two keys that may name several. Returns each with the full path of its key,
/// those in files first.
pub(super) fn several(
    at: &str,
    key: &str,
    files: &[String],
    variables: &[String],
    vault: &Vault<'_>,
) -> Vec<(String, Result<Secret, Fault>)> {
    let read = |ending: Ending, names: &[String]| -> Vec<_> {
        let read = names.iter().map(|name| ending.read(vault, key, name));
        read.map(|found| (path_to(at, key, ending), found))
            .collect()
    };
    [read(Ending::File, files), read(Ending::Variable, variables)]
        .into_iter()
        .flatten()
        .collect()
}

/// Returns whether a problem with a secret was already noted: it is written in the file itself, or
/// has the wrong type.
pub(super) fn is_noted(at: &str, key: &str, problems: &Problems) -> bool {
    let is_noted = |ending| problems.has(&path_to(at, key, ending));
    problems.has(&format!("{at}.{key}")) || is_noted(Ending::File) || is_noted(Ending::Variable)
}

fn path_to(at: &str, key: &str, ending: Ending) -> String {
    format!("{at}.{key}{}", ending.text())
}
