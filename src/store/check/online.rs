//! Checks a store while it is in use.

use crate::doing::counting;
use crate::lock;
use crate::model::StoreCheck;
use crate::store::engine::Engine;
use crate::store::error::StoreError;
use crate::store::layout;

use super::{View, report, whole};

/// Checks a store while it is in use.
pub fn online(engine: &Engine) -> Result<StoreCheck, StoreError> {
    let shared = &engine.shared;
    shared.check()?;
    let db = lock::read(&shared.db);
    let db = db.as_ref().ok_or(StoreError::Closed)?;
    // Closing waits for readers.
    let is_over = || engine.is_closing();
    let view = View {
        db,
        gate: Some(&shared.gate),
        is_over: &is_over,
        format: layout::NEWEST,
    };
    let (_doing, looked) = counting("checking the store", "rows");
    let checked = whole(&view, &|rows| looked.add(rows));
    match is_over() {
        true => Err(StoreError::Closed),
        false => Ok(report(checked, layout::NEWEST)),
    }
}
