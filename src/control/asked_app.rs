//! The app that a question is about.

use crate::model::TenantName;

/// An app that a question is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedApp {
    /// Its tenant.
    pub tenant: TenantName,
    /// Its id.
    pub id: String,
    /// Which page of the answer is asked for.
    pub part: AnswerPart,
}

/// A part of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerPart {
    /// The first page.
    First,
    /// A later page, which must rest on the same as the pages before it.
    Later,
}
