//! Makes pages: keyset on `(sort field, id)`, not a snapshot. A record whose sort value
//! changes between two pages can appear twice or not at all, as with Qlik.

use url::form_urlencoded;

use super::cursor;
use super::faults::Fault;
use super::query::Query;
use super::record::{Row, Value};
use super::render::{INTERNAL_HOST, Look};
use super::table::{Key, Order, Position, Table};
use crate::model::Id;

/// What faults do to a page.
#[derive(Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent faults that may strike together"
)]
pub struct Shape {
    pub no_roles: bool,
    pub no_groups: bool,
    pub empty_access: bool,
    pub half_shown: bool,
    pub wrong_type: bool,
    pub wrong_types: bool,
    pub unknown_values: bool,
    pub empty_page: bool,
    pub repeated_cursor: bool,
    pub page_left_out: bool,
    pub empty_collection: bool,
    pub inflated_by: usize,
    pub deflated_by: usize,
    pub drifting_total: bool,
    pub no_total: bool,
}

impl Shape {
    /// Picks the faults that change what a listing contains.
    pub fn of(faults: &[Fault]) -> Self {
        let has = |fault: &Fault| faults.contains(fault);
        let inflated = faults.iter().map(|fault| match fault {
            Fault::InflatedTotal(by) => *by,
            _ => 0,
        });
        let deflated = faults.iter().map(|fault| match fault {
            Fault::DeflatedTotal(by) => *by,
            _ => 0,
        });
        Self {
            no_roles: has(&Fault::MissingRoles),
            no_groups: has(&Fault::MissingGroups),
            empty_access: has(&Fault::EmptyAccess),
            half_shown: has(&Fault::HalfShown),
            wrong_type: has(&Fault::WrongType),
            wrong_types: has(&Fault::WrongTypes),
            unknown_values: has(&Fault::UnknownValues),
            empty_page: has(&Fault::EmptyPage),
            repeated_cursor: has(&Fault::RepeatedCursor),
            page_left_out: has(&Fault::PageLeftOut),
            empty_collection: has(&Fault::EmptyCollection),
            inflated_by: inflated.sum(),
            deflated_by: deflated.sum(),
            drifting_total: has(&Fault::DriftingTotal),
            no_total: has(&Fault::NoTotal),
        }
    }

    /// Returns the count that the answer gives.
    pub fn told(&self, count: usize) -> usize {
        (count + self.inflated_by).saturating_sub(self.deflated_by)
    }
}

/// How a page ends a listing, which differs between services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastLink {
    /// No `next` at all.
    Absent,
    /// `next` with a null in it.
    Null,
}

/// The name of a collection, and how its pages link to each other.
#[derive(Debug, Clone, Copy)]
pub struct Collection {
    /// `users` and so on, the last part of its path.
    pub name: &'static str,
    /// How its last page ends.
    pub last: LastLink,
    /// The cursor's parameter in next links.
    pub cursor: &'static str,
}

/// Makes the page that was asked for.
pub fn page<R: Row>(
    collection: Collection,
    query: &Query,
    shape: &Shape,
    table: &Table<R>,
    keep: impl Fn(&R) -> bool,
    total: impl FnOnce() -> usize,
    write: impl Fn(&mut Vec<u8>, &R, Look),
) -> Vec<u8> {
    let (rows, more) = select(query, shape, table, &keep);
    let position = |row: &&R| Position {
        value: row.value(query.order.field),
        key: Key(row.id().clone()),
    };
    let next = match () {
        () if shape.empty_collection => None,
        () if shape.empty_page || shape.repeated_cursor => Some(
            query
                .from
                .clone()
                .unwrap_or_else(|| before_all(query.order)),
        ),
        () => rows.last().filter(|_| more || query.backward).map(position),
    };
    let has_prev = if query.backward {
        more
    } else {
        query.from.is_some()
    };
    let prev = rows.first().filter(|_| has_prev).map(position);

    let mut out = Vec::with_capacity(256 + rows.len() * 1_024);
    out.extend_from_slice(b"{\"data\":[");
    for (at, row) in rows.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write(&mut out, row, look(query, shape, at));
    }
    out.extend_from_slice(b"],\"links\":{\"self\":");
    link(&mut out, collection, query, None);
    if let Some(next) = &next {
        out.extend_from_slice(b",\"next\":");
        link(&mut out, collection, query, Some((collection.cursor, next)));
    } else if collection.last == LastLink::Null {
        out.extend_from_slice(b",\"next\":{\"href\":null}");
    }
    if let Some(prev) = &prev {
        out.extend_from_slice(b",\"prev\":");
        link(&mut out, collection, query, Some(("prev", prev)));
    }
    out.push(b'}');
    if (query.total || shape.drifting_total) && !shape.no_total {
        let last = rows.last().filter(|_| shape.drifting_total);
        let drift = last.map_or(0, |last| 1 + digit(last.id()));
        let total = match () {
            () if shape.empty_collection => 0,
            () if shape.half_shown => table
                .walk(query.order, None)
                .filter(|row| keep(row) && !is_left_out(row.id()))
                .count(),
            () => total(),
        };
        let told = shape.told(total + drift);
        out.extend_from_slice(format!(",\"totalResults\":{told}").as_bytes());
    }
    out.push(b'}');
    out
}

/// Returns the rows of a page in its order, and whether there are more behind them.
fn select<'t, R: Row>(
    query: &Query,
    shape: &Shape,
    table: &'t Table<R>,
    keep: impl Fn(&R) -> bool,
) -> (Vec<&'t R>, bool) {
    let order = Order {
        descending: query.order.descending != query.backward,
        ..query.order
    };
    let skip = if shape.page_left_out { query.limit } else { 0 };
    let mut rows: Vec<&R> = if shape.empty_collection || shape.empty_page {
        Vec::new()
    } else {
        table
            .walk(order, query.from.as_ref())
            .filter(|row| keep(row) && !(shape.half_shown && is_left_out(row.id())))
            .skip(skip)
            .take(query.limit + 1)
            .collect()
    };
    let more = rows.len() > query.limit;
    rows.truncate(query.limit);
    if query.backward {
        rows.reverse();
    }
    (rows, more)
}

/// Returns how the row at a position of a page is shown.
fn look(query: &Query, shape: &Shape, at: usize) -> Look {
    Look {
        roles: query.look.roles && !shape.no_roles,
        groups: query.look.groups && !shape.no_groups,
        empty_access: shape.empty_access,
        wrong_type: shape.wrong_types || (shape.wrong_type && at == 0),
        unknown_values: shape.unknown_values && at == 0,
        ..query.look
    }
}

/// Chooses every second record, the same ones each time.
fn is_left_out(id: &Id) -> bool {
    digit(id) % 2 == 1
}

fn digit(id: &Id) -> usize {
    id.to_key().last().map_or(0, |byte| usize::from(byte % 10))
}

/// Returns a position whose cursor leads to the first page again.
fn before_all(order: Order) -> Position {
    if order.descending {
        let last = Id::parse("~").expect("a tilde is an id, and comes after letters and digits");
        return Position {
            value: Value::Text("\u{10ffff}".into()),
            key: Key(last),
        };
    }
    // This is before every number and text. Nulls are lost, but their cursors lead nowhere anyway.
    Position {
        value: Value::Number(i64::MIN),
        key: Key(Id::from_object_bytes([0; 12])),
    }
}

/// Writes a link. Its host is one inside Qlik's network and its scheme is http, as in their
/// documentation: a client that follows it verbatim gets nowhere.
fn link(
    out: &mut Vec<u8>,
    collection: Collection,
    query: &Query,
    cursor: Option<(&str, &Position)>,
) {
    let mut parameters = form_urlencoded::Serializer::new(String::new());
    parameters.extend_pairs(query.rest.iter());
    if let Some((name, position)) = cursor {
        parameters.append_pair(name, &cursor::encode(query.order.field, position));
    }
    let parameters = parameters.finish();
    let mark = if parameters.is_empty() { "" } else { "?" };
    let name = collection.name;
    let href = format!("{{\"href\":\"{INTERNAL_HOST}/v1/{name}{mark}{parameters}\"}}");
    out.extend_from_slice(href.as_bytes());
}
