//! A secret that cannot be printed by accident.

use std::fmt;

/// A client secret, key or token. `Debug` shows only that there is one. There is no `Display` and
/// no serialisation.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Box<str>);

impl Secret {
    /// Wraps a text. It trims the white space that files and editors leave around it.
    pub fn new(text: &str) -> Self {
        Self(text.trim().into())
    }

    /// Wraps a text as it is, spaces around it included.
    pub fn exactly(text: &str) -> Self {
        Self(text.into())
    }

    /// Returns the text. The caller sends or signs with it, and never shows it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Returns whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_show_in_debug() {
        let secret = Secret::new("hunter2\n");

        assert_eq!(format!("{secret:?}"), "[secret]");
        assert_eq!(secret.expose(), "hunter2");
    }
}
