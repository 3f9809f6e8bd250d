//! Keeps fields of records from an endpoint.

/// What an endpoint does not get to see; the default is nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Privacy {}
