//! The rows of a page that ends with all rows of a user, though they are found in another order.

use std::collections::BTreeMap;

use crate::model::Id;

/// The rows that were found, by user. If there are too many, users at the end are left to the next
/// page.
#[derive(Debug)]
pub(super) struct PageRows<R> {
    limit: usize,
    rows: BTreeMap<Id, Vec<R>>,
    n_rows: usize,
    /// The first user who does not belong on the page; `None` if all do.
    end: Option<Id>,
}

impl<R> PageRows<R> {
    /// Begins a page of about this many rows.
    pub(super) fn begin(limit: usize) -> Self {
        Self {
            limit,
            rows: BTreeMap::new(),
            n_rows: 0,
            end: None,
        }
    }

    /// Returns whether the rows of a user may belong on the page.
    pub(super) fn takes(&self, user: &Id) -> bool {
        self.end.as_ref().is_none_or(|end| user < end)
    }

    /// Adds a row of a user, unless it belongs on a later page.
    pub(super) fn add(&mut self, user: &Id, row: R) {
        if !self.takes(user) {
            return;
        }
        self.rows.entry(user.clone()).or_default().push(row);
        self.n_rows += 1;
        while self.n_rows > self.limit
            && self.rows.len() > 1
            && let Some((user, rows)) = self.rows.pop_last()
        {
            self.n_rows -= rows.len();
            self.end = Some(user);
        }
    }

    /// Returns whether the page has rows of a user.
    pub(super) fn has(&self, user: &Id) -> bool {
        self.rows.contains_key(user)
    }

    /// Returns whether the page has all its rows.
    pub(super) fn is_full(&self) -> bool {
        self.end.is_some() || self.n_rows >= self.limit
    }

    /// Returns where the next page begins, after users were looked at: `last` of these users, or
    /// the last one who belongs on the page. `before` is where they began.
    pub(super) fn next<'a>(
        &self,
        users: impl Iterator<Item = &'a Id>,
        before: Option<Id>,
        last: Option<Id>,
    ) -> Option<Id> {
        match &self.end {
            None => last,
            Some(_) => users.filter(|id| self.takes(id)).last().cloned().or(before),
        }
    }

    /// Returns the rows, in the order of the users' ids.
    pub(super) fn into_rows(self) -> Vec<R> {
        self.rows.into_values().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: usize) -> Id {
        Id::parse(&format!("{n:024x}")).unwrap()
    }

    /// Finds the rows of some users page by page, in an order in which each user's come one by one.
    fn all(n_rows_of: &[usize], limit: usize) -> (Vec<(usize, usize)>, Vec<usize>) {
        let users: Vec<Id> = (0..n_rows_of.len()).map(id).collect();
        let (mut all, mut sizes, mut after) = (Vec::new(), Vec::new(), None::<Id>);
        loop {
            let mut page = PageRows::begin(limit);
            let here = |user: &usize| after.as_ref().is_none_or(|after| *after < users[*user]);
            let here: Vec<usize> = (0..users.len()).filter(here).collect();
            for row in 0..n_rows_of.iter().copied().max().unwrap_or_default() {
                for user in here.iter().copied().filter(|user| row < n_rows_of[*user]) {
                    page.add(&users[user], (user, row));
                }
            }
            after = page.next(here.iter().map(|user| &users[*user]), after.clone(), None);
            let rows = page.into_rows();
            sizes.push(rows.len());
            all.extend(rows);
            if after.is_none() {
                return (all, sizes);
            }
        }
    }

    #[test]
    fn each_user_is_whole_on_one_page() {
        let n_rows_of = [2, 0, 7, 1, 1, 0, 3, 0];
        let expected: Vec<(usize, usize)> = n_rows_of
            .iter()
            .enumerate()
            .flat_map(|(user, n)| (0..*n).map(move |row| (user, row)))
            .collect();
        for (limit, expected_sizes) in [
            (1, vec![2, 7, 1, 1, 3]),
            (3, vec![2, 7, 2, 3]),
            (9, vec![9, 5]),
            (100, vec![14]),
        ] {
            let (found, sizes) = all(&n_rows_of, limit);

            assert_eq!(found, expected, "{limit}");
            assert_eq!(sizes, expected_sizes, "{limit}");
        }
    }
}
