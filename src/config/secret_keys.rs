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

impl SecretKeys<'_> {
    /// Returns whether the secret is given.
    pub(super) fn is_given(&self) -> bool {
        self.file.is_some() || self.variable.is_some()
    }

    /// Returns the full path of the key that sets the secret, or that should.
    pub(super) fn path(&self) -> String {
        let end = match (self.file, self.variable) {
            (None, Some(_)) => "_env",
            (Some(_), _) | (None, None) => "_file",
        };
        self.path_to(end)
    }

    /// Returns whether a problem with it was already noted: it is written in the file itself, or
    /// has the wrong type.
    pub(super) fn is_noted(&self, problems: &Problems) -> bool {
        let mut ends = ["", "_file", "_env"].into_iter();
        ends.any(|end| problems.has(&self.path_to(end)))
    }

    /// Reads the secret, or notes why it cannot be read.
    pub(super) fn secret(&self, vault: &Vault<'_>, problems: &mut Problems) -> Option<Secret> {
        let key = self.key;
        let (end, found) = match (self.file, self.variable) {
            (Some(file), None) => ("_file", vault.file(key, file)),
            (None, Some(variable)) => ("_env", vault.variable(key, variable)),
            (Some(_), Some(_)) => (
                "_env",
                Err(Fault::Conflict {
                    detail: format!("the secret is given twice, by `{key}_file` as well"),
                    remedy: "remove one of the two",
                }),
            ),
            (None, None) if self.is_noted(problems) => return None,
            (None, None) => (
                "_file",
                Err(Fault::Missing {
                    remedy: "name the file that holds the secret, or use the key that ends in `_env` to name an environment variable",
                }),
            ),
        };
        found
            .map_err(|fault| problems.add(self.path_to(end), fault))
            .ok()
    }

    fn path_to(&self, end: &str) -> String {
        format!("{}.{}{end}", self.at, self.key)
    }
}
