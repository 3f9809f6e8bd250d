//! An event of the audit log as it is meant, before anything goes wrong.

use serde_json::Value;

/// Which of Qlik's two generations of event types the tenant writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generations {
    /// `com.qlik.core.*` and `com.qlik.v1.*`, as since August 2026.
    Both,
    /// `com.qlik.core.*` alone, as after the removal of the old ones.
    Core,
    /// `com.qlik.v1.*` alone, as before: no event tells of an update of a user.
    Legacy,
}

/// An event as it is meant, before anything goes wrong.
#[derive(Debug, Clone)]
pub struct Draft {
    pub kind: String,
    pub source: &'static str,
    pub data: Value,
    pub top_level: Option<String>,
}

impl Draft {
    /// Creates an event about an app, which has nothing to do with people.
    pub(super) fn of_app() -> Self {
        Self {
            kind: "com.qlik.v1.app.opened".into(),
            source: "com.qlik/engine",
            data: serde_json::json!({"resourceType": "app"}),
            top_level: Some("00000000-0000-4000-8000-000000000000".into()),
        }
    }
}
