//! What `show` adds to a record: who holds a role, who is in a group, and which roles a user has
//! through groups.

use std::cell;
use std::collections::BTreeMap;

use serde_json::Value;

use crate::control::{GrantingGroup, Holders, HoldersPage, Inherited, RecordRow, query};
use crate::doing::counting;
use crate::model::{GroupId, Id, Kind, Record, RecordRef, Thousands};
use crate::printable;
use crate::view;

use super::pages::Whole;
use super::store_client::StoreClient;
use super::style::count;
use super::table::Cell;

/// How many names are shown; another command lists all of them.
const SHOWN: usize = 10;

/// How many groups that give a role are listed for programs.
const MAX_GROUPS: usize = 100;

/// What is shown about a record.
pub(super) struct Beyond {
    /// For people: labels and texts, besides those of the record itself.
    pub(super) lines: Vec<(&'static str, Cell)>,
    /// For programs: the record in full.
    pub(super) json: Value,
    /// The command that lists all.
    pub(super) hint: Option<String>,
}

/// Asks for everything that is shown about a record, with the groups that give a role as far as
/// their names contain `given_by`.
pub(super) async fn beyond(
    client: &StoreClient,
    row: &RecordRow,
    given_by: Option<&str>,
) -> anyhow::Result<Beyond> {
    let id = row.record.id();
    match &row.record {
        Record::User(_) => {
            let asked = |after, limit| query::Inherited {
                tenant: row.tenant.clone(),
                user: id.clone(),
                after,
                limit,
            };
            let (all, _) = client.whole(usize::MAX, asked, |_| Ok(())).await?;
            Ok(of_user(row, &all))
        }
        Record::Role(role) => {
            let asked = |after, limit| query::GrantingGroups {
                tenant: row.tenant.clone(),
                role: role.id.clone(),
                name: given_by.map(str::to_owned),
                after,
                limit,
            };
            let groups = client.all(MAX_GROUPS, asked).await?;
            let holders = all(client, row, id).await?;
            let n_groups = match given_by {
                Some(_) => groups.len() as u64,
                None => holders.n_groups,
            };
            Ok(of_role(row, &holders, (&groups, n_groups)))
        }
        Record::Group(_) => Ok(of_group(row, &all(client, row, id).await?)),
    }
}

/// Counts all who hold a role or are in a group, and names the first of them.
async fn all(client: &StoreClient, row: &RecordRow, id: &Id) -> anyhow::Result<Holders> {
    let (_doing, found) = counting("counting who holds it", "found");
    let named = cell::Cell::new(0);
    let ask = |after, _| query::Holders {
        tenant: row.tenant.clone(),
        record: RecordRef {
            kind: row.record.kind(),
            id: id.clone(),
        },
        after,
        limit: SHOWN.saturating_sub(named.get()),
    };
    let look = |page: &mut HoldersPage| {
        named.set(named.get() + page.holders.first.len());
        found.add(page.holders.users);
        Ok(())
    };
    let (all, _) = client.whole(usize::MAX, ask, look).await?;
    Ok(all.holders)
}

impl Whole for Inherited {
    fn add(&mut self, page: Self) {
        let Self {
            roles,
            hidden,
            is_hidden,
            next: _,
        } = page;
        self.roles.extend(roles);
        self.hidden.extend(hidden);
        self.is_hidden |= is_hidden;
    }
}

impl Whole for HoldersPage {
    fn add(&mut self, page: Self) {
        let Holders {
            users,
            direct,
            by_group,
            hidden,
            first,
            n_groups,
        } = page.holders;
        let all = &mut self.holders;
        all.users += users;
        all.direct += direct;
        all.by_group += by_group;
        all.hidden += hidden;
        all.first.extend(first);
        all.n_groups = n_groups;
    }
}

/// Adds the groups that give a role and were asked for, and says how many of them there are.
fn of_role(
    row: &RecordRow,
    holders: &Holders,
    (groups, n_groups): (&[GrantingGroup], u64),
) -> Beyond {
    let Holders {
        users,
        direct,
        by_group,
        ..
    } = *holders;
    let both = (direct + by_group).saturating_sub(users);
    let mut how = count_of(users);
    if users > 0 {
        let (direct, by_group) = (Thousands(direct), Thousands(by_group));
        how = format!("{how}: {direct} directly, {by_group} by a group");
    }
    if both > 0 {
        how = format!("{how}, {} of them both ways", Thousands(both));
    }
    let mut lines = vec![("USERS", unseen(how, holders).into())];
    if n_groups > 0 {
        let names = groups.iter().take(SHOWN).map(|group| group.name.as_str());
        lines.push(("GIVEN BY", some_of(names, n_groups).into()));
    }
    if users > 0 {
        let names = holders.first.iter().map(|user| user.label.as_str());
        lines.push(("HOLDERS", some_of(names, users).into()));
    }
    Beyond {
        lines,
        json: view::role_in_full(row, holders, groups),
        hint: hint(row, "--role", users),
    }
}

fn of_group(row: &RecordRow, members: &Holders) -> Beyond {
    let mut lines = vec![("USERS", unseen(count_of(members.users), members).into())];
    if members.users > 0 {
        let names = members.first.iter().map(|user| user.label.as_str());
        lines.push(("MEMBERS", some_of(names, members.users).into()));
    }
    Beyond {
        lines,
        json: view::group_in_full(row, members),
        hint: hint(row, "--group", members.users),
    }
}

fn of_user(row: &RecordRow, inherited: &Inherited) -> Beyond {
    let by = |groups: &BTreeMap<GroupId, String>| {
        let names: Vec<&str> = groups.values().map(String::as_str).collect();
        names.join(", ")
    };
    let mut parts: Vec<String> = (inherited.roles.values())
        .map(|role| format!("{} (by {})", role.name, by(&role.groups)))
        .collect();
    if !inherited.hidden.is_empty() {
        parts.push(format!("? (by {})", by(&inherited.hidden)));
    }
    let text = match inherited.is_hidden {
        true => "?".to_owned(),
        false => parts.join(", "),
    };
    Beyond {
        lines: vec![("INHERITED", text.into())],
        json: view::user_in_full(row, inherited),
        hint: None,
    }
}

fn count_of(users: u64) -> String {
    count(
        usize::try_from(users).unwrap_or(usize::MAX),
        Kind::User.singular(),
    )
}

/// Says for how many users this is not known.
fn unseen(text: String, holders: &Holders) -> String {
    match holders.hidden {
        0 => text,
        hidden => format!("{text}; for {} more it is not visible", Thousands(hidden)),
    }
}

/// Writes the first of many names, and how many more there are.
fn some_of<'a>(names: impl Iterator<Item = &'a str>, n_all: u64) -> String {
    let names: Vec<&str> = names.collect();
    match n_all.saturating_sub(names.len() as u64) {
        0 => names.join(", "),
        more => format!("{} and {} more", names.join(", "), Thousands(more)),
    }
}

/// Returns the command that shows all, if some are not shown.
fn hint(row: &RecordRow, option: &str, users: u64) -> Option<String> {
    let called = match printable::is_plain(row.record.label()) {
        true => row.record.label().to_owned(),
        false => row.record.id().to_string(),
    };
    (users > SHOWN as u64).then(|| {
        format!(
            "`qlik-roster users {option} {} --tenant {}` lists all {}.",
            word(&called),
            word(&row.tenant.0),
            Thousands(users)
        )
    })
}

/// Quotes a text so that a shell reads it as one word.
fn word(text: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '@');
    match !text.is_empty() && !text.starts_with('-') && text.chars().all(is_bare) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_written_as_one_word_of_a_shell() {
        for (text, expected) in [
            ("TenantAdmin", "TenantAdmin"),
            ("Audit team", "'Audit team'"),
            ("O'Hara & Co", r"'O'\''Hara & Co'"),
            ("", "''"),
            ("-x", "'-x'"),
        ] {
            assert_eq!(word(text), expected);
        }
    }
}
