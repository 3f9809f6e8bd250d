//! Who gives a command, and what the command acts on.

use std::fmt;
use std::ops::Deref;

use serde::{Deserialize, Serialize};

use super::reading::Reading;

/// Who gives a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// Their name, such as a user account of the system.
    pub name: String,
    /// Where they gave it.
    pub face: Face,
}

/// Where a command was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Face {
    /// On the command line.
    CommandLine,
    /// In the demo, which plays an operator.
    Demo,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let face = match self.face {
            Face::CommandLine => "on the command line",
            Face::Demo => "in the demo",
        };
        write!(f, "{} {face}", self.name)
    }
}

/// The store that a command works on, and who gave the command.
pub struct Acting<'a> {
    pub(super) reading: Reading<'a>,
    pub(super) by: &'a Actor,
}

impl<'a> Deref for Acting<'a> {
    type Target = Reading<'a>;

    fn deref(&self) -> &Reading<'a> {
        &self.reading
    }
}
