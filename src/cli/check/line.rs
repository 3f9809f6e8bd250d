//! A line of the result.

/// One line of the table.
pub(in crate::cli) struct Line {
    pub(in crate::cli) what: String,
    pub(in crate::cli) step: String,
    pub(in crate::cli) result: Result<String, Complaint>,
}

/// What failed or looks wrong, and what to do about it.
pub(in crate::cli) struct Complaint {
    pub(in crate::cli) grade: Grade,
    pub(in crate::cli) code: &'static str,
    pub(in crate::cli) text: String,
    pub(in crate::cli) remedy: String,
}

/// How serious it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Grade {
    /// Something does not work.
    Failed,
    /// It works, but may not be intended.
    Warning,
}
