//! Changes of the rights of users, as the entries of the journal report them.

use std::collections::{BTreeMap, BTreeSet};

use crate::control::reading::Reading;
use crate::control::{ControlError, EventName, Query, page, query};
use crate::history::{HistoryError, each_space, first_since};
use crate::model::{
    Called, Entry, Fact, Holder, ListId, Right, RightChange, RightHolders, Seq, SpaceMention,
    TenantName, UserId,
};
use crate::store::{Item, Known};

use super::answers::{Giver, NotKnown};
use super::change_causes::Causes;
use super::change_rows::{
    AccessChangeChoice, AccessChangePosition, AccessChangeRow, AccessChanges, ChangesAnswer,
};
use super::dating;

/// How many entries are read at once, and for one question at most: only a few may match.
const AT_ONCE: usize = 500;
const MAX_READ: usize = 20_000;

/// How many users of lists are read for one question at most: a hundred parts of lists.
const MAX_USERS_READ: usize = 20_000;

impl Query for query::AccessChanges {
    type Answer = AccessChanges;

    fn about(&self) -> &'static str {
        "what became of the rights of users"
    }

    fn answer(self, reading: &Reading<'_>) -> Result<Self::Answer, ControlError> {
        let store = reading.store;
        let tenants = reading.chosen(self.tenant.as_ref())?;
        let first = store.entries(Seq::START, 1)?.first().map(|entry| entry.at);
        let answers = match &self.after {
            None => rests_on(reading, &tenants, &self.choice)?,
            Some(_) => Vec::new(),
        };
        let mut page = Page {
            reading,
            spaces: spaces(reading, &tenants, &self.choice)?,
            tenants,
            choice: &self.choice,
            causes: Causes::up_to(store, Seq::START)?,
            givers: BTreeMap::new(),
            limit: page::size(self.limit),
            member: None,
            n_users_read: 0,
            rows: Vec::new(),
        };
        let (begin, only) = page.begin()?;
        // If only a part of an entry was given, the entry is read again.
        let mut read = match self.after {
            None => begin,
            Some(AccessChangePosition { entry, next: None }) => entry,
            Some(AccessChangePosition { entry, .. }) => Seq(entry.0.saturating_sub(1)),
        };
        page.causes = Causes::up_to(store, read)?;
        let mut resume = self.after.and_then(|after| after.next);
        let mut n_read = 0;
        let next = loop {
            let entries = page.entries(only, read)?;
            let is_end = entries.len() < AT_ONCE;
            n_read += entries.len();
            let mut stopped = None;
            for entry in entries {
                read = entry.seq;
                let is_resumed = self.after.is_some_and(|it| it.entry == entry.seq);
                let from = resume.take().filter(|_| is_resumed);
                if let Some(next) = page.take(&entry, from)? {
                    stopped = Some(AccessChangePosition {
                        entry: entry.seq,
                        next: Some(next),
                    });
                    break;
                }
                page.causes.take(entry);
                if page.rows.len() >= page.limit {
                    break;
                }
            }
            let at_entry = AccessChangePosition {
                entry: read,
                next: None,
            };
            match stopped {
                Some(stopped) => break Some(stopped),
                None if only.is_some() => break None,
                None if page.rows.len() >= page.limit => {
                    break (read < store.last_seq()).then_some(at_entry);
                }
                None if is_end => break None,
                None if n_read >= MAX_READ => break Some(at_entry),
                None => {}
            }
        };
        Ok(AccessChanges {
            rows: page.rows,
            next,
            first,
            answers,
        })
    }
}

/// The rows that were found so far.
struct Page<'a> {
    reading: &'a Reading<'a>,
    tenants: Vec<&'a Known>,
    choice: &'a AccessChangeChoice,
    limit: usize,
    /// The only user of a list to return, by the number in the list; `None` for all.
    member: Option<u64>,
    /// How many users of lists were read.
    n_users_read: usize,
    /// The existing spaces that are asked about, by tenant.
    spaces: BTreeMap<TenantName, Vec<SpaceMention>>,
    causes: Causes,
    /// The users who gave or took rights, with their names, as far as they were looked up.
    givers: BTreeMap<UserId, Giver>,
    rows: Vec<AccessChangeRow>,
}

impl Page<'_> {
    /// Returns the entry after which to begin, and the entry that the question is limited to, if
    /// any.
    fn begin(&mut self) -> Result<(Seq, Option<Seq>), ControlError> {
        let store = self.reading.store;
        let before = |seq: Seq| Seq(seq.0.saturating_sub(1));
        if let Some(event) = &self.choice.event {
            let seq = match event.of_store(store)? {
                Item::Entry(seq) => seq,
                Item::Member { entry, number } => {
                    self.member = Some(number);
                    entry
                }
                Item::Snapshot { .. } => return Ok((store.last_seq(), None)),
            };
            // That an event is gone does not mean that nobody gained or lost anything by it.
            if store.entry(seq)?.is_none() {
                return Err(unknown(event));
            }
            return Ok((before(seq), Some(seq)));
        }
        let Some(since) = self.choice.since else {
            return Ok((Seq::START, None));
        };
        let first = first_since(store, since)?;
        let begin = first.map_or(store.last_seq(), |first| before(first.seq));
        Ok((begin, None))
    }

    /// Reads some entries after one, or the one that the question is limited to. That one may have
    /// been cut from the journal and kept because a row still names it.
    fn entries(&self, only: Option<Seq>, after: Seq) -> Result<Vec<Entry>, ControlError> {
        let store = self.reading.store;
        Ok(match only {
            Some(seq) => store.entry(seq)?.into_iter().collect(),
            None => store.entries(after, AT_ONCE)?,
        })
    }

    /// Takes the changes that an entry reports; from its list, those from a user on. Returns the
    /// user to continue with, or `None` if the whole entry was taken.
    fn take(&mut self, entry: &Entry, from: Option<u64>) -> Result<Option<u64>, ControlError> {
        let Fact::RightChanged(right) = &entry.fact else {
            return Ok(None);
        };
        let store = self.reading.store;
        let account = entry.account();
        let is_of =
            |known: &&&Known| account.is_some_and(|account| account.tenant == known.tenant.id);
        let Some(known) = self.tenants.iter().find(is_of).copied() else {
            return Ok(None);
        };
        if !self.is_right(known, &right.right) {
            return Ok(None);
        }
        match &right.holders {
            RightHolders::One(holder) if !self.is_user(holder) => Ok(None),
            RightHolders::One(_) | RightHolders::Everybody { .. } => {
                self.add(entry, known, right.clone())?;
                Ok(None)
            }
            RightHolders::Listed { list, count } => {
                if let (Some(event), Some(number)) = (&self.choice.event, self.member)
                    && number >= *count
                {
                    return Err(unknown(event));
                }
                let next = self.take_list(entry, known, (right, *list), from)?;
                // The list may have been deleted with its entry while it was read.
                match store.entry(entry.seq)? {
                    Some(_) => Ok(next),
                    None => Err(HistoryError::WasCut.into()),
                }
            }
        }
    }

    /// Takes the users of a list, from one on. Returns the user to continue with, or `None` at the
    /// end of the list.
    fn take_list(
        &mut self,
        entry: &Entry,
        known: &Known,
        (right, list): (&RightChange, ListId),
        from: Option<u64>,
    ) -> Result<Option<u64>, ControlError> {
        let store = self.reading.store;
        let mut number = from.or(self.member).unwrap_or(0);
        loop {
            let users = store.listed(known.no, (entry.seq, list), number)?;
            if users.is_empty() {
                // The list of an entry may have been lost with a damaged store.
                let asks_for_all = self.choice.user.is_none() && self.member.is_none();
                if number == 0 && asks_for_all {
                    self.add(entry, known, right.clone())?;
                }
                return Ok(None);
            }
            for holder in users {
                if self.rows.len() >= self.limit {
                    return Ok(Some(number));
                }
                number += 1;
                self.n_users_read += 1;
                if self.is_user(&holder) {
                    let right = RightChange {
                        holders: RightHolders::One(holder),
                        ..right.clone()
                    };
                    self.add(entry, known, right)?;
                }
                if self.member.is_some() {
                    return Ok(None);
                }
            }
            if self.n_users_read >= MAX_USERS_READ {
                return Ok(Some(number));
            }
        }
    }

    fn add(
        &mut self,
        entry: &Entry,
        known: &Known,
        right: RightChange,
    ) -> Result<(), ControlError> {
        let cause = self.causes.of(entry, &right);
        let mut by = Vec::new();
        for id in &cause.by {
            if !self.givers.contains_key(id) {
                let giver = dating::giver(self.reading.store, known, id)?;
                self.givers.insert(id.clone(), giver);
            }
            by.extend(self.givers.get(id).cloned());
        }
        self.rows.push(AccessChangeRow {
            at: entry.at,
            seq: entry.seq,
            run: entry.run(),
            tenant: known.name.clone(),
            right,
            cause,
            by,
        });
        Ok(())
    }

    fn is_right(&self, known: &Known, right: &Right) -> bool {
        let AccessChangeChoice { role, space, .. } = self.choice;
        role.as_ref().is_none_or(|role| right.is_called(role))
            && space.as_ref().is_none_or(|called| {
                let present = self.spaces.get(&known.name).filter(|them| !them.is_empty());
                right.space().is_some_and(|space| match present {
                    // The id is compared, so that changes under earlier names are found, too.
                    Some(present) => present.iter().any(|it| it.id == space.id),
                    // A space that no longer exists is found by the names that it last had.
                    None => space.is_called(called),
                })
            })
    }

    fn is_user(&self, holder: &Holder) -> bool {
        let wanted = self.choice.user.as_ref();
        wanted.is_none_or(|wanted| holder.is_called(wanted))
    }
}

fn unknown(event: &EventName) -> ControlError {
    ControlError::UnknownEvent {
        event: event.to_string(),
    }
}

/// Finds the existing spaces that have the requested id or name.
fn spaces(
    reading: &Reading<'_>,
    tenants: &[&Known],
    choice: &AccessChangeChoice,
) -> Result<BTreeMap<TenantName, Vec<SpaceMention>>, ControlError> {
    let mut found = BTreeMap::new();
    let Some(called) = &choice.space else {
        return Ok(found);
    };
    for known in tenants {
        let picture = reading.context.pictures.of(reading.store, known, None)?;
        let mut spaces = Vec::new();
        each_space(reading.store, known, &picture, None, |space| {
            spaces.extend(Some(space.mention()).filter(|space| space.is_called(called)));
        })?;
        found.insert(known.name.clone(), spaces);
    }
    Ok(found)
}

/// Returns, for each tenant, what the answer is based on and what is not known.
fn rests_on(
    reading: &Reading<'_>,
    tenants: &[&Known],
    choice: &AccessChangeChoice,
) -> Result<Vec<ChangesAnswer>, ControlError> {
    let store = reading.store;
    let mut found = spaces(reading, tenants, choice)?;
    let mut answers = Vec::new();
    for known in tenants {
        let spaces = store.space_reading(known.no)?;
        let mut not_known = BTreeSet::new();
        if known.loaded.is_none() {
            not_known.insert(NotKnown::WholeTenant);
        }
        let is_asked = choice.space.is_some() || spaces.mark.tried.is_some();
        if is_asked && spaces.since.is_none() {
            not_known.insert(NotKnown::Spaces);
        }
        let first = match spaces.since {
            Some(since) => store.entries(since, 1)?.into_iter().next(),
            None => None,
        };
        let spaces_since = spaces.since.map(|_| match first {
            Some(first) => first.at,
            None => reading.context.clock.now(),
        });
        answers.push(ChangesAnswer {
            tenant: known.name.clone(),
            as_of: reading.context.clock.now(),
            not_known,
            spaces: found.remove(&known.name).unwrap_or_default(),
            spaces_since,
        });
    }
    Ok(answers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::reading::Context;
    use crate::model::{
        AccessChange, AccountChange, Id, RoleId, RoleMention, RunId, Tenant, TenantId, TenantName,
        Timestamp, UserId,
    };
    use crate::store::{Closing, Commit, Remains, RightsMark, Store, USERS_IN_PART};

    /// How many users the list has: more than one question reads.
    const N_USERS: usize = 2 * MAX_USERS_READ + 1;

    fn holder(number: usize) -> Holder {
        Holder {
            id: UserId(Id::parse(&format!("{number:024x}")).unwrap()),
            subject: format!("idp|{number}"),
            name: None,
            email: None,
            is_bot: false,
            barrier: None,
            account: AccountChange::Stayed,
        }
    }

    /// Stores an entry with a list.
    fn listed(store: &Store) {
        let tenant = Tenant {
            id: TenantId("t".into()),
            name: "T".into(),
            hosts: Vec::new(),
            region: None,
            status: None,
        };
        let at = Timestamp::from_millis(0);
        store.adopt(&tenant, &TenantName("t".into()), at).unwrap();
        let known = store.tenants().unwrap().remove(0);
        let list = store.next_list(known.no, Remains::BehindLast).unwrap();
        let users: Vec<Holder> = (0..N_USERS).map(holder).collect();
        for (part, users) in (0..).zip(users.chunks(USERS_IN_PART)) {
            store.add_list_part(known.no, list, part, users).unwrap();
        }
        let right = RightChange {
            right: Right::Role(RoleMention {
                id: RoleId(Id::parse(&format!("{:024x}", 7)).unwrap()),
                name: "Steward".into(),
                level: None,
                is_unknown: false,
            }),
            change: AccessChange::Granted,
            holders: RightHolders::Listed {
                list,
                count: N_USERS as u64,
            },
            before: Vec::new(),
            after: Vec::new(),
        };
        let closing = Closing::Rights {
            facts: vec![Fact::RightChanged(right)],
            mark: RightsMark::reported(Seq(0)),
        };
        let commit = Commit {
            tenant: known.no,
            run: RunId(1),
            at,
            account: known.tenant.account(),
            writes: Vec::new(),
            closing,
        };
        store.commit(commit).unwrap();
    }

    #[test]
    fn a_question_about_one_user_reads_a_part_of_a_long_list_and_says_where_to_go_on() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap().store;
        listed(&store);
        let context = Context::of_nothing(&store);
        let reading = Reading::of(&store, &context).unwrap();
        let ask = |user: Option<usize>, event: Option<&str>, after| {
            let choice = AccessChangeChoice {
                user: user.map(|number| format!("idp|{number}")),
                event: event.map(|event| event.parse().unwrap()),
                ..AccessChangeChoice::default()
            };
            let question = query::AccessChanges {
                tenant: None,
                choice,
                after,
                limit: 100,
            };
            question.answer(&reading)
        };
        let rows_of = |asked: Result<AccessChanges, ControlError>| asked.unwrap().rows;

        let (mut after, mut n_answers, mut found) = (None, 0, Vec::new());
        loop {
            let answer = ask(Some(N_USERS - 1), None, after).unwrap();
            n_answers += 1;
            found.extend(answer.rows);
            after = answer.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!((n_answers, found.len()), (3, 1));

        // An event of one user of the list is this user's.
        let answer = ask(None, Some("1/40000"), None).unwrap();
        assert_eq!((answer.rows, answer.next), (found, None));
        assert_eq!(rows_of(ask(Some(3), Some("1/40000"), None)), []);
        // What is not there is not answered as if nobody had gained anything.
        for unknown in ["1/40001", "2", "2/0"] {
            let code = ask(None, Some(unknown), None).map_err(|error| error.code());
            assert_eq!(code, Err("control.unknown-event"), "{unknown}");
        }
    }
}
