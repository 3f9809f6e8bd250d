//! Follows a Qlik listing to its last page, or fails.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::value::RawValue;
use url::form_urlencoded::Serializer;
use xxhash_rust::xxh3::xxh3_64;

use super::client::{Ask, Client, Patience, Redirects};
use super::{ReadError, Refusal, map, wire};
use crate::connector::Page;
use crate::model::{Id, Kind};

/// Records per page: the most that Qlik allows.
const LIMIT: u64 = 100;
/// The factor by which the page size is reduced if a page is too large to be accepted.
const SHRINK: u64 = 4;
/// How many pages of a smaller size must succeed before a larger size is tried again: a page that
/// fails still costs its whole transfer.
const TRIAL: u32 = 8;
/// The order of the sweep, by a field that never changes. By Qlik's own default, the name, a
/// user who is renamed in the middle of it could be skipped.
const SORT: &str = "+id";
/// Every status but `deleted`. Without a filter older tenants may show active users only.
const STATUSES: &str = r#"status eq "active" or status eq "invited" or status eq "disabled" or status eq "provisioned""#;

/// The most times that a listing is started if its cursors are refused.
pub(super) const WALKS: u32 = 3;

/// An open listing of one kind.
#[derive(Debug)]
pub struct Listing {
    client: Arc<Client>,
    kind: Kind,
    /// The id of the only record to list; `None` if all are listed.
    only: Option<Id>,
    /// The part being read; `None` if the end was reached.
    part: Option<Part>,
    cursor: Option<String>,
    /// Hashes of the cursors seen so far, to notice a loop.
    cursors: HashSet<u64>,
    /// The current page size. The next field counts the pages read since it last changed.
    limit: u64,
    n_taken: u32,
    pages: u64,
    records: u64,
    /// How often the part was started.
    walks: u32,
    /// Ids of the system groups, and how many of them the regular listing repeated.
    system: HashSet<Id>,
    repeated: u64,
}

/// Groups come in two listings, which must be asked for separately.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// System groups, which are few. Their ids sort before the others.
    System,
    /// Everything but the system groups.
    Regular,
}

/// How much of its records a page shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sight {
    /// Everything.
    Whole,
    /// Only their ids.
    Ids,
}

impl Listing {
    pub(super) fn open(client: Arc<Client>, kind: Kind) -> Self {
        let part = match kind {
            Kind::Group => Part::System,
            Kind::Role | Kind::User => Part::Regular,
        };
        Self {
            client,
            kind,
            only: None,
            part: Some(part),
            cursor: None,
            cursors: HashSet::new(),
            limit: LIMIT,
            n_taken: 0,
            pages: 0,
            records: 0,
            walks: 1,
            system: HashSet::new(),
            repeated: 0,
        }
    }

    /// Opens the listing of users, narrowed to one.
    pub(super) fn of_user(client: Arc<Client>, id: &Id) -> Self {
        Self {
            only: Some(id.clone()),
            ..Self::open(client, Kind::User)
        }
    }

    async fn page(&mut self, part: Part) -> Result<Page, ReadError> {
        let doing = doing(self.kind);
        let limits = self.client.transport.limits;
        if self.pages >= limits.pages {
            let limit = limits.pages;
            return Err(ReadError::TooManyPages { doing, limit });
        }
        let (answer, sight) = self.answer(part).await?;
        let unexpected = |what: &str| ReadError::Unexpected {
            doing,
            what: what.to_owned(),
        };
        let next = answer.next().map_err(unexpected)?;
        let total = answer.total_results.0;
        let records = match (answer.data, total) {
            (Some(records), _) => records,
            (None, Some(0)) => Vec::new(),
            (None, _) => return Err(unexpected("field `data`: expected a list")),
        };
        let mark = next.as_ref().map(|cursor| xxh3_64(cursor.as_bytes()));
        if mark.is_some_and(|mark| self.cursors.contains(&mark)) {
            let pages = self.pages + 1;
            return Err(ReadError::RepeatedCursor { doing, pages });
        }
        let n_records = self.records + records.len() as u64;
        if n_records > limits.records {
            let limit = limits.records;
            return Err(ReadError::TooManyRecords { doing, limit });
        }

        // The page is valid. Nothing above changed any state, so a failed page can be asked for
        // again.
        self.cursors.extend(mark);
        self.pages += 1;
        self.records = n_records;
        self.part = match (part, &next) {
            (part, Some(_)) => Some(part),
            (Part::System, None) => Some(Part::Regular),
            (Part::Regular, None) => None,
        };
        if self.part != Some(part) {
            self.cursors.clear();
        }
        self.cursor = next;
        self.grow();
        Ok(match (part, sight) {
            (Part::System, _) => self.system_page(records),
            (Part::Regular, Sight::Whole) => self.regular_page(records, total),
            (Part::Regular, Sight::Ids) => self.page_of_ids(&records, total),
        })
    }

    /// Asks for a page; for smaller ones while the page is too large to be accepted; and for the id
    /// alone if a single record is too large.
    async fn answer(&mut self, part: Part) -> Result<(wire::Listing, Sight), ReadError> {
        loop {
            let ask = self.ask(part, self.limit, self.cursor.as_deref());
            match self.client.get(&ask).await {
                Err(error) if error.is_too_large() && part == Part::Regular => {
                    if self.limit == 1 {
                        return self.answer_of_ids(error).await;
                    }
                    self.limit = (self.limit / SHRINK).max(1);
                    self.n_taken = 0;
                }
                answer => return answer.map(|answer| (answer, Sight::Whole)),
            }
        }
    }

    /// Asks for only the id of the next record. Qlik documents that for users, and only users can
    /// be that large: each of their groups comes with its roles.
    async fn answer_of_ids(&self, why: ReadError) -> Result<(wire::Listing, Sight), ReadError> {
        let mut ask = self.ask(Part::Regular, 1, self.cursor.as_deref());
        ask.query.push_str("&fields=id");
        match self.client.get(&ask).await {
            Ok(answer) => Ok((answer, Sight::Ids)),
            Err(error) if error.is_too_large() || is_expired(&error) => Err(why),
            Err(error) => Err(error),
        }
    }

    /// Raises the page size again after enough smaller pages succeeded.
    fn grow(&mut self) {
        self.n_taken += 1;
        if self.n_taken >= TRIAL {
            self.limit = (self.limit * SHRINK).min(LIMIT);
            self.n_taken = 0;
        }
    }

    /// Makes a page of records that are too large to be accepted.
    fn page_of_ids(&self, records: &[Box<RawValue>], total: Option<u64>) -> Page {
        let untaken = records.iter().map(|text| {
            let limit = self.client.transport.limits.page_bytes;
            map::too_large(self.kind, map::id_of(text), limit)
        });
        Page {
            kind: self.kind,
            total: self.with_system(total),
            records: Vec::new(),
            untaken: untaken.collect(),
            read: map::read,
        }
    }

    /// Starts the part again, since the source does not continue from the cursor. Cursors expire if
    /// a listing takes long or the source restarts. Records that were shown come again, and the
    /// caller ignores the duplicates.
    fn begin_again(&mut self, error: ReadError) -> Result<(), ReadError> {
        if self.walks >= WALKS {
            return Err(expired(error, self.walks));
        }
        tracing::info!(
            error.code = error.code(),
            "A cursor was refused after {} pages while {}; the listing starts again",
            self.pages,
            doing(self.kind)
        );
        self.walks += 1;
        self.cursor = None;
        self.cursors.clear();
        self.pages = 0;
        self.records = 0;
        self.repeated = 0;
        Ok(())
    }

    fn ask(&self, part: Part, limit: u64, cursor: Option<&str>) -> Ask {
        Ask {
            doing: doing(self.kind),
            path: format!("api/v1/{}", self.kind.plural()),
            query: query(self.kind, self.only.as_ref(), part, limit, cursor),
            redirects: Redirects::Refuse,
            patience: Patience::Outage,
        }
    }

    fn system_page(&mut self, records: Vec<Box<RawValue>>) -> Page {
        let ids = records.iter().filter_map(|text| map::id_of(text));
        self.system.extend(ids);
        Page {
            kind: self.kind,
            total: None,
            records,
            untaken: Vec::new(),
            read: map::read_system,
        }
    }

    /// Removes system groups that the regular listing repeats: they would look like regular ones.
    fn regular_page(&mut self, mut records: Vec<Box<RawValue>>, total: Option<u64>) -> Page {
        if !self.system.is_empty() {
            let n_before = records.len();
            let is_system =
                |text: &RawValue| map::id_of(text).is_some_and(|id| self.system.contains(&id));
            records.retain(|text| !is_system(text));
            self.repeated += (n_before - records.len()) as u64;
        }
        Page {
            kind: self.kind,
            total: self.with_system(total),
            records,
            untaken: Vec::new(),
            read: map::read,
        }
    }

    /// Adds to the count of the regular listing the system groups that it does not repeat.
    fn with_system(&self, total: Option<u64>) -> Option<u64> {
        let n_extra = (self.system.len() as u64).saturating_sub(self.repeated);
        total.map(|total| total.saturating_add(n_extra))
    }
}

impl Listing {
    /// Asks for the next page. `None` if Qlik said that there are no more.
    pub(super) async fn next(&mut self) -> Result<Option<Page>, ReadError> {
        while let Some(part) = self.part {
            match self.page(part).await {
                Err(error) if self.cursor.is_some() && is_expired(&error) => {
                    self.begin_again(error)?;
                }
                page => return page.map(Some),
            }
        }
        Ok(None)
    }

    /// Asks Qlik again how many records the listing has in all.
    pub(super) async fn recount(&mut self) -> Result<Option<u64>, ReadError> {
        let ask = self.ask(Part::Regular, 1, None);
        let answer: wire::Listing = self.client.get(&ask).await?;
        Ok(self.with_system(answer.total_results.0))
    }
}

/// Returns whether the answer to a cursor means that the source cannot continue from there.
pub(super) fn is_expired(error: &ReadError) -> bool {
    matches!(
        error,
        ReadError::Refused { refusal: Refusal::Rejected, problem, .. }
            if matches!(problem.status, 400 | 404 | 410)
    )
}

/// Makes the error of a listing that was started this often and never reached its end.
pub(super) fn expired(error: ReadError, times: u32) -> ReadError {
    match error {
        ReadError::Refused { doing, problem, .. } => ReadError::CursorExpired {
            doing,
            times,
            problem,
        },
        other => other,
    }
}

fn doing(kind: Kind) -> &'static str {
    match kind {
        Kind::Role => "listing roles",
        Kind::Group => "listing groups",
        Kind::User => "listing users",
    }
}

fn query(kind: Kind, only: Option<&Id>, part: Part, limit: u64, cursor: Option<&str>) -> String {
    let mut query = Serializer::new(String::new());
    match part {
        // Documented as not combinable with other parameters.
        Part::System => {
            query.append_pair("systemGroups", "true");
        }
        Part::Regular => {
            query
                .append_pair("limit", &limit.to_string())
                .append_pair("sort", SORT);
            let filter = match (kind, only) {
                // The statuses must be in parentheses, so that they apply to the whole query.
                (Kind::User, Some(id)) => Some(format!("id eq \"{id}\" and ({STATUSES})")),
                (Kind::User, None) => Some(STATUSES.to_owned()),
                (Kind::Role | Kind::Group, _) => None,
            };
            if let Some(filter) = filter {
                query.append_pair("filter", &filter);
            }
            // Counting costs Qlik a scan: once is enough.
            if cursor.is_none() {
                query.append_pair("totalResults", "true");
            }
        }
    }
    if let Some(cursor) = cursor {
        query.append_pair("next", cursor);
    }
    // Every server reads `%20` as a space, but not every one reads `+` so. Our own plus signs are
    // `%2B` by now.
    query.finish().replace('+', "%20")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_as_documented() {
        let user = Id::parse("60d5ca1b2f8a4c0000000001").unwrap();
        for (kind, only, part, cursor, expected) in [
            (Kind::Group, None, Part::System, None, "systemGroups=true"),
            (
                Kind::Role,
                None,
                Part::Regular,
                None,
                "limit=100&sort=%2Bid&totalResults=true",
            ),
            (
                Kind::Group,
                None,
                Part::Regular,
                Some("a+b/c=&d"),
                "limit=100&sort=%2Bid&next=a%2Bb%2Fc%3D%26d",
            ),
            (
                Kind::User,
                Some(&user),
                Part::Regular,
                None,
                "limit=100&sort=%2Bid&filter=id%20eq%20%2260d5ca1b2f8a4c0000000001%22%20and%20%28\
                 status%20eq%20%22active%22%20or%20status%20eq%20%22invited%22%20or%20status%20eq\
                 %20%22disabled%22%20or%20status%20eq%20%22provisioned%22%29&totalResults=true",
            ),
            (
                Kind::User,
                None,
                Part::Regular,
                Some("x"),
                "limit=100&sort=%2Bid&filter=status%20eq%20%22active%22%20or%20status%20eq%20\
                 %22invited%22%20or%20status%20eq%20%22disabled%22%20or%20status%20eq%20\
                 %22provisioned%22&next=x",
            ),
        ] {
            assert_eq!(query(kind, only, part, LIMIT, cursor), expected);
        }
    }
}
