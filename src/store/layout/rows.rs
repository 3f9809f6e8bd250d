//! Encodes and decodes rows of which more than one folder knows.

use crate::model::{HistoryLoss, Run};
use crate::store::error::StoreError;
use crate::store::values::delivery::{Attempt, Cursor, Parked};
use crate::store::values::row::Row;

use super::{Stored, codec, keys, v1, v2, v3, v5, v6, v9};

/// The most losses to keep. If there are more, nobody needs the first ones any more.
const MAX_LOSSES: usize = 50;

/// Decodes a cursor. A check also reads those of older formats.
pub fn read_cursor(key: &[u8], value: &[u8]) -> Result<Cursor, StoreError> {
    match value.first() {
        Some(&v1::Cursor::FORMAT) => codec::read_row::<v1::Cursor>(key, value).map(Into::into),
        Some(_) | None => codec::read_row::<v5::Cursor>(key, value).map(Into::into),
    }
}

/// Decodes a delivery that was given up. A check also reads those of older formats.
pub fn read_parked(key: &[u8], value: &[u8]) -> Result<Parked, StoreError> {
    match value.first() {
        Some(&v1::Parked::FORMAT) => codec::read_row::<v1::Parked>(key, value).map(Into::into),
        Some(_) | None => codec::read_row::<v5::Parked>(key, value).map(Into::into),
    }
}

/// Decodes a row of attempts. A check also reads those of older formats.
pub fn read_attempts(key: &[u8], value: &[u8]) -> Result<Vec<Attempt>, StoreError> {
    if value.first() == Some(&v1::Attempts::FORMAT) {
        let v1::Attempts(attempts) = codec::read_packed_row(key, value)?;
        return Ok(attempts.into_iter().map(Into::into).collect());
    }
    let v5::Attempts(attempts) = codec::read_packed_row(key, value)?;
    Ok(attempts.into_iter().map(Into::into).collect())
}

/// Decodes a run. A check also reads those of older formats.
pub fn read_run(key: &[u8], value: &[u8]) -> Result<Run, StoreError> {
    let run: v9::run::Run = match value.first() {
        Some(&v2::Run::FORMAT) => {
            v6::run::Run::from(codec::read_row::<v2::Run>(key, value)?).into()
        }
        Some(&v6::run::Run::FORMAT) => codec::read_row::<v6::run::Run>(key, value)?.into(),
        Some(_) | None => codec::read_row(key, value)?,
    };
    Ok(run.into())
}

/// Decodes what was lost with damaged stores.
pub fn read_history_losses(key: &[u8], value: &[u8]) -> Result<Vec<HistoryLoss>, StoreError> {
    let v3::HistoryLosses(losses) = codec::read_row(key, value)?;
    Ok(losses.into_iter().map(Into::into).collect())
}

/// Encodes what was lost with damaged stores.
pub fn history_losses(losses: Vec<HistoryLoss>) -> Row {
    let n_over = losses.len().saturating_sub(MAX_LOSSES);
    let losses = losses.into_iter().skip(n_over).map(Into::into).collect();
    codec::put(keys::history_losses(), &v3::HistoryLosses(losses))
}
