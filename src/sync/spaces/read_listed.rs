//! Reads spaces, a few at a time, and stores them in their order.

use futures_util::StreamExt;
use futures_util::stream::{FuturesOrdered, FuturesUnordered};

use crate::connector::{Assignments, Connector, FetchError, Shares, SpaceSeen};
use crate::model::{Space, SpaceHead, SpaceId, SpaceList};
use crate::store::{SpaceTodo, TenantNo};
use crate::sync::RunError;
use crate::sync::run::job::Job;

use super::lost_members::{Member, Members, Seen, lost};
use super::spaces_run::SpacesRun;

/// How many spaces are read side by side, with two requests each. Their answers are in memory until
/// they are stored, and the other requests to the tenant wait behind those of these spaces.
const SIDE_BY_SIDE: usize = 4;

/// A space that is to be read.
#[derive(Debug, Clone)]
pub(super) struct Listed {
    pub(super) id: SpaceId,
    pub(super) head: SpaceHead,
    pub(super) done: Option<SpaceTodo>,
}

/// What was found of a space.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) listed: Listed,
    pub(super) assignments: Assignments,
    pub(super) shares: Shares,
    /// Why a list counts as not visible although nobody refused it; `None` if that is not so.
    pub(super) failure: Option<FetchError>,
}

impl<C: Connector> Job<C> {
    /// Reads spaces and stores each. A space that cannot be read does not stop the others: it is
    /// asked for again after them, and if it fails again, its lists count as not visible.
    pub(super) async fn read_listed(
        &self,
        run: &mut SpacesRun,
        listed: Vec<Listed>,
    ) -> Result<(), RunError> {
        let no = run.known.no;
        let mut failed = Vec::new();
        let mut rest = listed.into_iter();
        let mut under_way = FuturesOrdered::new();
        loop {
            while under_way.len() < SIDE_BY_SIDE
                && let Some(next) = rest.next()
            {
                under_way.push_back(self.ask_of(no, next));
            }
            let Some(found) = under_way.next().await else {
                break;
            };
            let mut found = found?;
            match found.failure.take() {
                Some(error) => {
                    self.fail_space(run, error).await?;
                    failed.push(found.listed);
                }
                None => self.keep_read(run, found).await?,
            }
        }
        for listed in failed {
            let mut found = self.ask_of(no, listed).await?;
            match found.failure.take() {
                Some(error) => {
                    self.fail_space(run, error).await?;
                    self.keep_found(run, found).await?;
                }
                None => self.keep_read(run, found).await?,
            }
        }
        Ok(())
    }

    /// Notes that a space could not be read. Fails if the source as a whole fails: if the
    /// credentials, the connection or the rate limit are at fault, or if several spaces in a row
    /// fail and those that were readable do so too.
    pub(super) async fn fail_space(
        &self,
        run: &mut SpacesRun,
        error: FetchError,
    ) -> Result<(), RunError> {
        if !error.is_of_one_request() {
            return Err(RunError::fetch("spaces")(error));
        }
        let Some(readable) = run.failures.note_failed() else {
            return Ok(());
        };
        let mut asked = FuturesUnordered::new();
        for id in &readable {
            asked.push(self.is_readable(id));
        }
        while let Some(is_readable) = asked.next().await {
            if is_readable {
                run.failures.note_answered();
                return Ok(());
            }
        }
        Err(RunError::fetch("spaces")(error))
    }

    async fn is_readable(&self, id: &SpaceId) -> bool {
        let (assignments, shares) =
            tokio::join!(self.connector.assignments(id), self.connector.shares(id));
        assignments.is_ok() && shares.is_ok()
    }

    /// Asks for a space. One that cannot be read counts as unreadable, unless the source as a whole
    /// fails.
    pub(super) async fn see_space(
        &self,
        run: &mut SpacesRun,
        id: &SpaceId,
    ) -> Result<SpaceSeen, RunError> {
        match self.connector.space(id).await {
            Ok(seen) => Ok(seen),
            Err(error) => {
                self.fail_space(run, error).await?;
                Ok(SpaceSeen::Unreadable)
            }
        }
    }

    /// Stores a space that was read.
    pub(super) async fn keep_read(
        &self,
        run: &mut SpacesRun,
        found: Found,
    ) -> Result<(), RunError> {
        run.failures.note_read(&found.listed.id);
        run.counts.read += 1;
        self.keep_found(run, found).await
    }

    /// Asks who is assigned to a space and what is shared from it. Fails only if the failure does
    /// not concern this space alone.
    pub(super) async fn ask_of(&self, no: TenantNo, listed: Listed) -> Result<Found, RunError> {
        let id = listed.id.clone();
        let known = self.store.offload(move |store| store.space(no, &id)).await;
        let known = known.map_err(RunError::store)?.map(|known| known.space);
        let known = known.as_ref();
        let id = &listed.id;
        let who = look(
            || self.connector.assignments(id),
            known.and_then(|it: &Space| it.assignments.as_ref()),
        );
        let what = look(
            || self.connector.shares(id),
            known.and_then(|it: &Space| it.shares.as_ref()),
        );
        let (who, what) = tokio::join!(who, what);
        let mut failure = None;
        let assignments = hidden_if_failed(who, &mut failure)?;
        let shares = hidden_if_failed(what, &mut failure)?;
        Ok(Found {
            listed,
            assignments,
            shares,
            failure,
        })
    }
}

fn hidden_if_failed<K: Ord, V>(
    answer: Result<SpaceList<K, V>, FetchError>,
    failure: &mut Option<FetchError>,
) -> Result<SpaceList<K, V>, RunError> {
    match answer {
        Ok(list) => Ok(list),
        Err(error) if error.is_of_one_request() => {
            failure.get_or_insert(error);
            Ok(SpaceList::Hidden)
        }
        Err(error) => Err(RunError::fetch("spaces")(error)),
    }
}

/// Asks for a list, and once more if known members of it would lose what they have: an answer that
/// leaves something out by mistake would revoke it. If the two answers disagree, the list counts as
/// seen in part.
async fn look<V: Member, F>(
    ask: impl Fn() -> F,
    known: Option<&Members<V>>,
) -> Result<Seen<V>, FetchError>
where
    F: Future<Output = Result<Seen<V>, FetchError>>,
{
    let first = ask().await?;
    let SpaceList::Whole(seen) = &first else {
        return Ok(first);
    };
    let gone = lost(known, seen);
    if gone.is_empty() {
        return Ok(first);
    }
    let second = ask().await?;
    let SpaceList::Whole(again) = second else {
        return Ok(second);
    };
    let gone_again = lost(known, &again);
    Ok(match gone_again.is_empty() || gone_again == gone {
        true => SpaceList::Whole(again),
        false => SpaceList::Part(again),
    })
}
