//! Questions about the tokens of programs.

use serde::{Deserialize, Serialize};

use crate::model::TokenId;

/// The tokens of programs, in the order of their ids.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tokens {
    /// Only tokens whose name contains this, ignoring case; `None` for all.
    pub name: Option<String>,
    /// The last token of the previous page.
    pub after: Option<TokenId>,
    /// How many rows are wanted, at most [`MAX_PAGE`](crate::control::MAX_PAGE).
    pub limit: usize,
}
