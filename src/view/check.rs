//! A line of `check`: one step of reaching a tenant or an endpoint, and its result.

use serde_json::{Value, json};

/// One step of reaching something.
pub struct CheckLine {
    /// What is checked: a tenant, an endpoint, a setting.
    pub what: String,
    /// What is tried.
    pub step: String,
    /// Its result.
    pub result: Result<String, Complaint>,
}

impl CheckLine {
    /// Returns the result in one word.
    pub fn word(&self) -> &'static str {
        match &self.result {
            Ok(_) => "ok",
            Err(complaint) => complaint.grade.word(),
        }
    }
}

/// What failed or looks wrong, and what to do about it.
pub struct Complaint {
    /// How serious it is.
    pub grade: Grade,
    /// The code that `docs/errors.md` explains.
    pub code: &'static str,
    /// What is wrong.
    pub text: String,
    /// What to do about it.
    pub remedy: String,
}

/// How serious a complaint is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grade {
    /// Something does not work.
    Failed,
    /// It works, but may not be intended.
    Warning,
}

impl Grade {
    fn word(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Warning => "warning",
        }
    }
}

/// Returns a line of `check`.
pub fn check_line(line: &CheckLine) -> Value {
    let CheckLine { what, step, result } = line;
    let mut json = match result {
        Ok(detail) => json!({ "detail": detail }),
        Err(Complaint {
            grade: _,
            code,
            text,
            remedy,
        }) => json!({ "detail": text, "error_code": code, "remedy": remedy }),
    };
    super::put(&mut json, "what", what.as_str());
    super::put(&mut json, "step", step.as_str());
    super::put(&mut json, "result", line.word());
    json
}
