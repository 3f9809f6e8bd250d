//! `spaces` and `access owned`: lists spaces, and those that one user owns.

use serde_json::Value;

use crate::control::{ListedSpace, Query, SpaceChoice, SpacesPage, query};
use crate::doing::counting;
use crate::model::{Id, SpacePart, TenantName, Timestamp, UserId};
use crate::view;

use super::super::Exit;
use super::super::args::{AccessOwnedArgs, Format, ListArgs, SpacesArgs};
use super::super::error::CliError;
use super::super::output::Row;
use super::super::store_client::StoreClient;
use super::super::style::{count, say};
use super::super::table::{Cell, Column};
use super::answers::{self, Rows, TenantAnswer};
use super::asking::{is_not_covered, say_of, tenants, time, users};

const COLUMNS: &[Column] = &[
    Column::new("TENANT", 4),
    Column::new("NAME", 0).shrinkable(20),
    Column::new("TYPE", 1),
    Column::new("OWNER", 0).shrinkable(16),
    Column::new("EMAIL", 5).shrinkable(24),
    Column::new("ID", 3),
    Column::new("ASSIGNED", 2),
    Column::new("SHARES", 6),
    Column::new("LINKS", 8).shrinkable(16),
    Column::new("CREATED", 7),
];

pub(super) async fn list(client: &StoreClient, args: SpacesArgs) -> anyhow::Result<Exit> {
    let at = time(args.time.as_of)?;
    let tenant = args.list.tenant.clone();
    let asked: Vec<(TenantName, Option<UserId>)> = match &args.owner {
        None => {
            let tenants = tenants(client, tenant).await?.into_iter();
            tenants.map(|name| (name, None)).collect()
        }
        Some(called) => {
            let owners = owners(client, called, tenant).await?.into_iter();
            owners.map(|(name, user)| (name, Some(user))).collect()
        }
    };
    let choice = SpaceChoice {
        owner: None,
        sort: args.sort,
        name: args.name,
        only_by_link: args.shared_by_link,
    };
    let nothing = match choice.is_all() && args.owner.is_none() {
        true => "No spaces are known.",
        false => "No space matches.",
    };
    let mut printing = Printing::begin(&args.list, asked.len());
    for (tenant, owner) in asked {
        let choice = SpaceChoice {
            owner,
            ..choice.clone()
        };
        let ask = |after, limit| query::Spaces {
            tenant: tenant.clone(),
            choice: choice.clone(),
            at,
            after,
            limit,
        };
        if let Some((answer, n_rows)) = printing.read(client, &tenant, ask).await? {
            let json = view::spaces_answer(&answer, n_rows);
            printing.answers.push((json, answer));
        }
    }
    printing.end(nothing)
}

pub(super) async fn owned(client: &StoreClient, args: AccessOwnedArgs) -> anyhow::Result<Exit> {
    let at = time(args.time.as_of)?;
    let found = owners(client, &args.user, args.list.tenant.clone()).await?;
    let mut printing = Printing::begin(&args.list, found.len());
    for (tenant, user) in found {
        let ask = |after, limit| query::Owned {
            tenant: tenant.clone(),
            user: user.clone(),
            at,
            after,
            limit,
        };
        let read = printing.read(client, &tenant, ask).await?;
        // The id of a user who is gone may belong to another tenant.
        let read = read.filter(|(owned, n_rows)| owned.user.is_some() || *n_rows > 0);
        if let Some((owned, n_rows)) = read {
            let json = view::owned_answer(&owned, n_rows);
            printing.answers.push((json, owned.spaces));
        }
    }
    if printing.answers.is_empty() && !printing.not_covered.is_empty() {
        return printing.end("Nothing is known of that time.");
    }
    if printing.answers.is_empty() {
        return Err(unknown(&args.user, at).into());
    }
    printing.end("The user owns no space that is known.")
}

async fn owners(
    client: &StoreClient,
    called: &str,
    tenant: Option<String>,
) -> anyhow::Result<Vec<(TenantName, UserId)>> {
    let found = users(client, called, tenant).await?;
    match found.is_empty() {
        true => Err(unknown(called, None).into()),
        false => Ok(found),
    }
}

fn unknown(called: &str, at: Option<Timestamp>) -> CliError {
    let then = at.map(|at| format!(" at {at}")).unwrap_or_default();
    CliError::NotThere(format!(
        "no user is called `{called}`{then}; a deleted user is found only by id, with `--as-of` and \
         a time before the deletion"
    ))
}

/// Prints the rows of one tenant after the other, and then what they rest on.
struct Printing<'a> {
    args: &'a ListArgs,
    n_asked: usize,
    rows: Rows<'a>,
    left: usize,
    answers: Vec<(Value, SpacesPage)>,
    not_covered: Vec<TenantName>,
}

impl<'a> Printing<'a> {
    fn begin(args: &'a ListArgs, n_asked: usize) -> Self {
        Self {
            args,
            n_asked,
            rows: Rows::new(&args.table, COLUMNS),
            left: args.limit().unwrap_or(usize::MAX),
            answers: Vec::new(),
            not_covered: Vec::new(),
        }
    }

    /// Prints the rows of a tenant. Returns the rest of the answer, and how many rows there were.
    /// `None` if nothing is known about this tenant at that time, and we ask about others, too.
    async fn read<Q, F, A>(
        &mut self,
        client: &StoreClient,
        tenant: &TenantName,
        ask: F,
    ) -> anyhow::Result<Option<(A, u64)>>
    where
        Q: Query<Answer = A>,
        F: Fn(Option<Id>, usize) -> Q,
        A: TenantAnswer<Row = ListedSpace, Position = Id>,
    {
        let (_doing, found) = counting("looking at spaces", "found");
        let (mut n_rows, rows) = (0, &mut self.rows);
        let take = |row: &ListedSpace| {
            n_rows += 1;
            rows.row(Row {
                cells: cells(tenant, row),
                json: view::listed_space(tenant, row),
            })
        };
        match answers::read(client, self.left, &found, ask, take).await {
            Ok(answer) => {
                self.left -= n_rows;
                Ok(Some((answer, n_rows as u64)))
            }
            Err(failure) if is_not_covered(&failure) && self.n_asked > 1 => {
                say(format_args!("`{tenant}`: {failure}"));
                self.not_covered.push(tenant.clone());
                Ok(None)
            }
            Err(failure) => Err(failure),
        }
    }

    fn end(self, nothing: &str) -> anyhow::Result<Exit> {
        let told = self.answers.iter().map(|(json, _)| json.clone());
        let not_covered = self.not_covered.iter().map(view::access_not_covered);
        let told = told.chain(not_covered).collect();
        let mut printer = self.rows.into_printer()?;
        printer.end_with(view::access_answers(told));
        let summary = format!("{}.", count(printer.n_rows(), "space"));
        printer.finish(nothing, &summary)?;
        if self.args.table.output.output != Format::Json {
            for (_, answer) in &self.answers {
                let envelope = &answer.page.envelope;
                if let Some(read_at) = answer.read_at {
                    say(format_args!(
                        "The spaces of `{}` were last read in full at {read_at}.",
                        envelope.tenant
                    ));
                }
                say_of(envelope);
            }
        }
        Ok(Exit::Success)
    }
}

fn cells(tenant: &TenantName, row: &ListedSpace) -> Vec<Cell> {
    let ListedSpace {
        space,
        owner,
        created_at,
        assignments,
        shares,
        links,
        unseen,
    } = row;
    let linked = links
        .iter()
        .map(|link| link.resource.as_deref().unwrap_or("?"));
    let linked = linked.collect::<Vec<_>>().join(", ");
    let user = owner.as_ref().and_then(|owner| owner.user.as_ref());
    let name = match (owner, user) {
        (Some(_), Some(user)) => user.label.clone(),
        (Some(owner), None) => format!("{}, not known", owner.id.0),
        // A question mark means that we cannot see it, which is not the same as none.
        (None, _) if unseen.contains(&SpacePart::Itself) => "?".to_owned(),
        (None, _) => String::new(),
    };
    let n = |n: &Option<u64>| n.map_or("?".to_owned(), |n| n.to_string());
    vec![
        tenant.to_string().into(),
        space.name.clone().into(),
        space.sort.clone().into(),
        name.into(),
        user.and_then(|user| user.email.clone()).into(),
        space.id.to_string().into(),
        n(assignments).into(),
        n(shares).into(),
        linked.into(),
        (*created_at).into(),
    ]
}
