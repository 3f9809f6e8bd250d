//! Reads the listings of spaces, of what belongs to them, of licences and of items: by page or to
//! the end.

use std::collections::HashSet;

use serde_json::value::RawValue;
use url::form_urlencoded::Serializer;
use xxhash_rust::xxh3::xxh3_64;

use super::ReadError;
use super::client::{Ask, Client, Patience, Redirects};
use super::listing::{WALKS, expired, is_expired};
use super::wire;

/// Records per page: the most that Qlik allows. Its defaults are ten and twenty.
const LIMIT: u64 = 100;
/// The factor by which the page size is reduced if a page is too large to be accepted.
const SHRINK: u64 = 4;

/// A listing, and how to ask for it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Walk<'a> {
    pub(super) doing: &'static str,
    /// The path below `api/v1/`.
    pub(super) path: &'a str,
    /// Parameters that narrow the listing, and their values.
    pub(super) filter: &'a [(&'a str, &'a str)],
    pub(super) sort: Option<&'a str>,
    /// What the cursor is called, in links and in requests.
    pub(super) cursor: &'static str,
    /// How long to retry a request.
    pub(super) patience: Patience,
    /// The most pages that this listing may have. The limit for all listings applies, too.
    pub(super) most_pages: u64,
}

/// A page whose records are still text.
pub(super) struct RawPage {
    pub(super) texts: Vec<Box<RawValue>>,
    pub(super) total: Option<u64>,
    /// Where the next page begins; `None` if this is the last one.
    pub(super) next: Option<String>,
}

/// What was read of a listing.
pub(super) struct Walked {
    pub(super) texts: Vec<Box<RawValue>>,
    pub(super) total: Option<u64>,
    /// Whether there are more records than were wanted.
    pub(super) is_cut: bool,
}

impl Walk<'_> {
    /// Reads a page, from a cursor or from the beginning. `None` if Qlik does not accept the
    /// cursor.
    pub(super) async fn page(
        self,
        client: &Client,
        cursor: Option<&str>,
    ) -> Result<Option<RawPage>, ReadError> {
        match self.linked(client, LIMIT, cursor).await {
            Ok((page, _limit)) => Ok(Some(page)),
            Err(error) if cursor.is_some() && is_expired(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads page by page, to the end or until there are more than `most` records.
    pub(super) async fn read(self, client: &Client, most: usize) -> Result<Walked, ReadError> {
        let doing = self.doing;
        let most_pages = self.most_pages.min(client.transport.limits.pages);
        let mut walked = Walked {
            texts: Vec::new(),
            total: None,
            is_cut: false,
        };
        let mut cursor: Option<String> = None;
        let mut cursors = HashSet::new();
        let (mut walks, mut limit, mut pages) = (1, LIMIT, 0);
        loop {
            let page = match self.linked(client, limit, cursor.as_deref()).await {
                Err(error) if cursor.is_some() && is_expired(&error) => {
                    if walks >= WALKS {
                        return Err(expired(error, walks));
                    }
                    (cursor, walks, pages) = (None, walks + 1, 0);
                    cursors.clear();
                    walked.texts.clear();
                    continue;
                }
                answer => {
                    let (page, accepted) = answer?;
                    limit = accepted;
                    page
                }
            };
            pages += 1;
            walked.total = page.total.or(walked.total);
            walked.texts.extend(page.texts);
            if walked.texts.len() > most {
                walked.texts.truncate(most);
                walked.is_cut = true;
                return Ok(walked);
            }
            cursor = page.next;
            let Some(cursor) = &cursor else {
                return Ok(walked);
            };
            if pages >= most_pages {
                let limit = most_pages;
                return Err(ReadError::TooManyPages { doing, limit });
            }
            if !cursors.insert(xxh3_64(cursor.as_bytes())) {
                return Err(ReadError::RepeatedCursor { doing, pages });
            }
        }
    }

    /// Asks for a page, and for smaller ones while it is too large to be accepted. Returns it with
    /// the size that was accepted.
    async fn ask(
        self,
        client: &Client,
        mut limit: u64,
        cursor: Option<&str>,
    ) -> Result<(RawPage, u64), ReadError> {
        let Self { doing, path, .. } = self;
        let answer: wire::Listing = loop {
            let ask = Ask {
                doing,
                path: format!("api/v1/{path}"),
                query: self.query(limit, cursor),
                redirects: Redirects::Refuse,
                patience: self.patience,
            };
            match client.get(&ask).await {
                Err(error) if error.is_too_large() && limit > 1 => {
                    limit = (limit / SHRINK).max(1);
                }
                answer => break answer?,
            }
        };
        let unexpected = |what: &str| ReadError::Unexpected {
            doing,
            what: what.to_owned(),
        };
        let next = answer.next_of(&[self.cursor]).map_err(unexpected)?;
        let total = answer.count();
        let data = answer.data;
        let page = RawPage {
            texts: data.ok_or_else(|| unexpected("field `data`: expected a list"))?,
            total,
            next: next.map(|(_, cursor)| cursor),
        };
        Ok((page, limit))
    }

    /// Asks for a page. If it is full and has no link, asks again for one record less: a full page
    /// must then link to the record left out. If it does not, Qlik leaves out links: this fails.
    async fn linked(
        self,
        client: &Client,
        limit: u64,
        cursor: Option<&str>,
    ) -> Result<(RawPage, u64), ReadError> {
        let (page, limit) = self.ask(client, limit, cursor).await?;
        if page.next.is_some() || page.texts.len() as u64 != limit || limit == 1 {
            return Ok((page, limit));
        }
        let (shorter, less) = self.ask(client, limit - 1, cursor).await?;
        if shorter.next.is_none() && shorter.texts.len() as u64 == less {
            return Err(ReadError::Unexpected {
                doing: self.doing,
                what: "a full page has no link to the next one".to_owned(),
            });
        }
        Ok((shorter, limit))
    }

    fn query(self, limit: u64, cursor: Option<&str>) -> String {
        let mut query = Serializer::new(String::new());
        query.append_pair("limit", &limit.to_string());
        query.extend_pairs(self.filter);
        if let Some(sort) = self.sort {
            query.append_pair("sort", sort);
        }
        if let Some(cursor) = cursor {
            query.append_pair(self.cursor, cursor);
        }
        query.finish()
    }
}
