//! The rows of the evidence: roles in the tenant and rights in spaces, merged user by user.

use std::collections::VecDeque;

use crate::cli::store_client::StoreClient;
use crate::control::{
    AccessPerson, AccessRow, Giver, ReviewPage, Since, SpaceRightRow, SpaceRightsPage, query,
};
use crate::model::{Id, LastSession, Right, ShownPath, Timestamp};

use super::super::asking::take_in;
use super::evidence::Evidence;

/// A right that a user holds.
pub(super) struct EvidenceRow {
    pub(super) user: AccessPerson,
    pub(super) right: Right,
    pub(super) paths: Vec<ShownPath>,
    pub(super) when: When,
    pub(super) given_by: Vec<Giver>,
    pub(super) seen: LastSession,
}

/// Since when a user holds a right.
pub(super) enum When {
    /// As the journal says of a role in the tenant; `None` if it does not.
    Journal(Option<Since>),
    /// As the source says of a right in a space; `None` if it does not.
    Source(Option<Timestamp>),
}

/// The rows of all pages, as they come.
pub(super) struct Rows<'a> {
    client: &'a StoreClient,
    roles: Side<query::AccessReview>,
    spaces: Side<query::SpaceRights>,
}

/// One of the two lists that are merged.
struct Side<Q> {
    asked: Q,
    rows: VecDeque<EvidenceRow>,
    /// Where the next page begins; `None` if the last one was read.
    next: Option<Id>,
}

impl<'a> Rows<'a> {
    /// Begins with the first pages. Both questions name the time that they settled.
    pub(super) fn begin(
        client: &'a StoreClient,
        (asked, roles): (query::AccessReview, Option<ReviewPage>),
        (asked_spaces, spaces): (query::SpaceRights, SpaceRightsPage),
        evidence: &mut Evidence,
    ) -> Self {
        let mut rows = Self {
            client,
            roles: Side {
                asked,
                rows: VecDeque::new(),
                next: None,
            },
            spaces: Side {
                asked: asked_spaces,
                rows: VecDeque::new(),
                next: None,
            },
        };
        if let Some(page) = roles {
            rows.roles.take(page, evidence);
        }
        rows.spaces.take(spaces, evidence);
        rows
    }

    /// Returns the next row; `None` after the last one. All rows of a user follow each other.
    pub(super) async fn next(
        &mut self,
        evidence: &mut Evidence,
    ) -> anyhow::Result<Option<EvidenceRow>> {
        while self.roles.rows.is_empty()
            && let Some(after) = self.roles.next.take()
        {
            let asked = query::AccessReview {
                after: Some(after),
                ..self.roles.asked.clone()
            };
            let page = self.client.ask(asked).await?;
            self.roles.take(page, evidence);
        }
        while self.spaces.rows.is_empty()
            && let Some(after) = self.spaces.next.take()
        {
            let asked = query::SpaceRights {
                after: Some(after),
                ..self.spaces.asked.clone()
            };
            let page = self.client.ask(asked).await?;
            self.spaces.take(page, evidence);
        }
        let is_space_next = match (self.roles.rows.front(), self.spaces.rows.front()) {
            (Some(role), Some(space)) => space.user.id < role.user.id,
            (None, _) => true,
            (Some(_), None) => false,
        };
        Ok(match is_space_next {
            true => self.spaces.rows.pop_front(),
            false => self.roles.rows.pop_front(),
        })
    }
}

impl Side<query::AccessReview> {
    fn take(&mut self, answer: ReviewPage, evidence: &mut Evidence) {
        let ReviewPage {
            page,
            n_unseen,
            last_sessions,
            population: _,
        } = answer;
        let as_of = page.envelope.as_of;
        evidence.n_unseen += n_unseen;
        take_in(&mut evidence.envelope, page.envelope.not_known);
        self.next = page.next;
        self.rows.extend(page.rows.into_iter().map(|row| {
            let seen = last_sessions.get(&row.user.id).copied();
            let AccessRow {
                user,
                role,
                standing: _,
                paths,
                since,
                given_by,
            } = row;
            EvidenceRow {
                user,
                right: Right::Role(role),
                paths,
                when: When::Journal(since),
                given_by,
                seen: seen.unwrap_or(LastSession::unknown(as_of)),
            }
        }));
    }
}

impl Side<query::SpaceRights> {
    fn take(&mut self, answer: SpaceRightsPage, evidence: &mut Evidence) {
        let SpaceRightsPage {
            page,
            last_sessions,
            is_on,
            ..
        } = answer;
        let as_of = page.envelope.as_of;
        take_in(&mut evidence.envelope, page.envelope.not_known);
        // Where spaces are not read, further users hold nothing in them either.
        self.next = page.next.filter(|_| is_on);
        self.rows.extend(page.rows.into_iter().map(|row| {
            let seen = last_sessions.get(&row.user.id).copied();
            let SpaceRightRow {
                user,
                right,
                paths,
                since,
                given_by,
            } = row;
            EvidenceRow {
                user,
                right,
                paths,
                when: When::Source(since),
                given_by: given_by.into_iter().collect(),
                seen: seen.unwrap_or(LastSession::unknown(as_of)),
            }
        }));
    }
}
