//! Objects around rows that are printed as they come.

use serde_json::{Map, Value};

/// An object with a list of rows.
pub struct Frame {
    /// The fields before the rows.
    pub fields: Map<String, Value>,
    /// The name of the list of rows.
    pub rows: &'static str,
}

/// A field after the rows: its name, and its value.
pub type FrameEnd = (&'static str, Value);
