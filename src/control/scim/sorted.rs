//! Lists resources in the order of an attribute.
//!
//! The store has records in the order of their ids. So all that match are read for each page, but
//! only their sort keys are kept, and only so many of them.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::answers::{
    ScimCounting, ScimOrder, ScimPage, ScimPosition, ScimRefusal, ScimRow, SortedPosition,
};
use super::found::Found;
use super::unanswered::{Unanswered, answered};
use super::{Asked, matcher, search};
use crate::control::reading::Reading;
use crate::control::{ControlError, MAX_PAGE, Query, query};
use crate::model::scim::{SortAttribute, is_without_value};

/// The most resources that can be sorted: their keys and ids take some 30 MB.
const MAX_SORTED: usize = 100_000;

impl Query for query::ScimSorted {
    type Answer = Result<ScimPage, ScimRefusal>;

    fn about(&self) -> &'static str {
        "resources"
    }

    fn answer(self, reading: &Reading<'_>) -> Result<Self::Answer, ControlError> {
        answered(sorted(reading, &self))
    }
}

fn sorted(reading: &Reading<'_>, asked: &query::ScimSorted) -> Result<ScimPage, Unanswered> {
    let query::ScimSorted {
        scope,
        by,
        order,
        after,
        skip,
        limit,
    } = asked;
    let tenants = Asked::of(reading, &scope.tenants)?;
    let matcher = matcher(scope)?;
    let mut all = Vec::new();
    let mut is_sortable = false;
    for &sort in &scope.types {
        let attribute = SortAttribute::of(sort, by);
        is_sortable |= attribute.is_some() || is_without_value(by);
        let selection = scope.wanted.of(sort);
        for known in &tenants.read {
            let mut search = search(reading, &tenants, (known, sort), scope, &selection);
            search.matcher = matcher.as_ref();
            let flow = search.keys(attribute.as_ref(), &mut |position| {
                all.push(position);
                match all.len() > MAX_SORTED {
                    true => ControlFlow::Break(()),
                    false => ControlFlow::Continue(()),
                }
            })?;
            if flow.is_break() {
                let most = MAX_SORTED as u64;
                return Err(Unanswered::Refused(ScimRefusal::TooManyToSort { most }));
            }
        }
    }
    if !is_sortable {
        return Err(Unanswered::Refused(ScimRefusal::NotSortable));
    }
    all.sort_by(|a, b| compare(a, b, *order));
    let n_matched = all.len() as u64;
    let begin = match after {
        Some(after) => all.partition_point(|it| compare(it, after, *order).is_le()),
        None => usize::try_from(*skip).unwrap_or(usize::MAX),
    };
    let limit = (*limit).min(MAX_PAGE);
    let rest = all.get(begin..).unwrap_or_default();
    let page = rest.get(..limit).unwrap_or(rest);
    let has_more = rest.len() > page.len();
    let next_sorted = page.last().filter(|_| has_more).cloned();
    let page: Vec<ScimPosition> = page.iter().map(|it| it.position.clone()).collect();
    let mut found = Found::begin(0, limit, ScimCounting::Nothing);
    found.rows = rows(reading, &tenants, scope, &page)?;
    found.n_matched = n_matched;
    found.n_read = n_matched;
    let page = tenants.page(found);
    Ok(ScimPage {
        next_sorted,
        ..page
    })
}

/// Returns the resources at these positions that exist, in the same order. Those of one tenant are
/// read together, since members of groups are.
fn rows(
    reading: &Reading<'_>,
    tenants: &Asked<'_>,
    scope: &query::ScimScope,
    page: &[ScimPosition],
) -> Result<Vec<ScimRow>, Unanswered> {
    let mut found = BTreeMap::new();
    for &sort in &scope.types {
        let selection = scope.wanted.of(sort);
        for known in &tenants.read {
            let its = page
                .iter()
                .filter(|it| it.sort == sort && it.tenant == known.name);
            let its: Vec<&ScimPosition> = its.collect();
            if its.is_empty() {
                continue;
            }
            let search = search(reading, tenants, (known, sort), scope, &selection);
            let rows = search.rows(&its)?;
            found.extend(rows.into_iter().map(|row| (row.position.clone(), row)));
        }
    }
    Ok(page.iter().filter_map(|it| found.remove(it)).collect())
}

/// Compares two positions. What has no value comes last, or first in descending order (RFC 7644,
/// 3.4.2.3). Equal values are in the order of types, tenants and ids.
fn compare(a: &SortedPosition, b: &SortedPosition, order: ScimOrder) -> std::cmp::Ordering {
    let by_key = match (&a.key, &b.key) {
        (Some(a), Some(b)) => a.cmp(b),
        (Some(_), None) => std::cmp::Ordering::Less,
        (None, Some(_)) => std::cmp::Ordering::Greater,
        (None, None) => std::cmp::Ordering::Equal,
    };
    let by_key = match order {
        ScimOrder::Ascending => by_key,
        ScimOrder::Descending => by_key.reverse(),
    };
    by_key.then_with(|| a.position.cmp(&b.position))
}
