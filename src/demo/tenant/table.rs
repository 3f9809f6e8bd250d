//! Records in the order of their ids, and of whatever else was asked for.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::{Excluded, Unbounded};

use crate::model::Id;

use super::record::{Field, Row, Value};

/// An id in the order of its text, whatever its form: the order of Qlik's `sort=+id`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key(pub Id);

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.0.object_bytes(), other.0.object_bytes()) {
            (Some(one), Some(two)) => one.cmp(&two),
            _ => self.0.to_string().cmp(&other.0.to_string()),
        }
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Where a page starts: after this record, or after where it would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    pub value: Value,
    pub key: Key,
}

/// The order of a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    pub field: Field,
    pub descending: bool,
}

/// Records by id; an index by another field is built when somebody first asks for it, and
/// kept from then on.
#[derive(Debug)]
pub struct Table<R> {
    rows: BTreeMap<Key, R>,
    indexes: BTreeMap<Field, BTreeSet<(Value, Key)>>,
}

impl<R> Default for Table<R> {
    fn default() -> Self {
        Self {
            rows: BTreeMap::new(),
            indexes: BTreeMap::new(),
        }
    }
}

impl<R: Row> Table<R> {
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn get(&self, id: &Id) -> Option<&R> {
        self.rows.get(&Key(id.clone()))
    }

    pub fn iter(&self) -> impl Iterator<Item = &R> {
        self.rows.values()
    }

    /// Returns the records whose id is `from` or later, then the records before them.
    pub fn iter_from(&self, from: &Id) -> impl Iterator<Item = &R> {
        let from = Key(from.clone());
        let before = self.rows.range(..from.clone());
        self.rows.range(from..).chain(before).map(|(_, row)| row)
    }

    pub fn first_last(&self) -> Option<(&R, &R)> {
        Some((
            self.rows.first_key_value()?.1,
            self.rows.last_key_value()?.1,
        ))
    }

    pub fn insert(&mut self, row: R) {
        let key = Key(row.id().clone());
        for (field, index) in &mut self.indexes {
            index.insert((row.value(*field), key.clone()));
        }
        self.rows.insert(key, row);
    }

    pub fn remove(&mut self, id: &Id) -> Option<R> {
        let row = self.rows.remove(&Key(id.clone()))?;
        for (field, index) in &mut self.indexes {
            index.remove(&(row.value(*field), Key(id.clone())));
        }
        Some(row)
    }

    /// Fills an empty table; the rows come in the order of their ids.
    pub fn fill(&mut self, rows: impl Iterator<Item = R>) {
        self.rows = rows.map(|row| (Key(row.id().clone()), row)).collect();
    }

    pub fn is_indexed(&self, field: Field) -> bool {
        is_id(field) || self.indexes.contains_key(&field)
    }

    pub fn index(&mut self, field: Field) {
        if !self.is_indexed(field) {
            let entries = self
                .rows
                .iter()
                .map(|(key, row)| (row.value(field), key.clone()));
            self.indexes.insert(field, entries.collect());
        }
    }

    /// Walks the records after a position. The field must be indexed.
    pub fn walk<'a>(
        &'a self,
        order: Order,
        after: Option<&Position>,
    ) -> Box<dyn Iterator<Item = &'a R> + 'a> {
        let Some(index) = self.indexes.get(&order.field) else {
            let from = after.map(|position| position.key.clone());
            return match (order.descending, from) {
                (false, None) => Box::new(self.rows.values()),
                (true, None) => Box::new(self.rows.values().rev()),
                (false, Some(key)) => {
                    let range = self.rows.range((Excluded(key), Unbounded));
                    Box::new(range.map(|(_, row)| row))
                }
                (true, Some(key)) => Box::new(self.rows.range(..key).rev().map(|(_, row)| row)),
            };
        };
        let from = after.map(|position| (position.value.clone(), position.key.clone()));
        let row = |(_, key): &'a (Value, Key)| self.rows.get(key);
        match (order.descending, from) {
            (false, None) => Box::new(index.iter().filter_map(row)),
            (true, None) => Box::new(index.iter().rev().filter_map(row)),
            (false, Some(from)) => {
                Box::new(index.range((Excluded(from), Unbounded)).filter_map(row))
            }
            (true, Some(from)) => Box::new(index.range(..from).rev().filter_map(row)),
        }
    }
}

/// Returns whether the order by a field is that of the ids: all records of a tenant have the same
/// tenant id.
pub fn is_id(field: Field) -> bool {
    matches!(field, Field::Id | Field::TenantId)
}
