//! `access list` and `access redundant`: who holds which role.

use std::cell::Cell;
use std::collections::BTreeSet;

use crate::control::query::{Opened, Which};
use crate::control::{AccessPerson, AccessRow, Envelope, SpaceRightRow, SpaceRightsPage, query};
use crate::doing::counting;
use crate::model::{Kind, TenantName, Timestamp};
use crate::view;

use super::super::Exit;
use super::super::args::{AccessListArgs, AccessRedundantArgs, Format, ListArgs};
use super::super::output::Row;
use super::super::store_client::StoreClient;
use super::super::style::{count, say};
use super::super::table::Column;
use super::super::unknown::say_no_record;
use super::answers::{self, Rows};
use super::asking::{Known, all_tenants, is_not_covered, say_of, take_in, time};
use super::cells::{About, cells, cells_in_space, columns};
use super::tree::Tree;
use super::{space, user};

/// What is asked of each tenant.
struct Asked {
    role: Option<String>,
    which: Which,
    at: Option<Timestamp>,
}

impl Asked {
    /// Returns whether no tenant has the role that is asked about.
    fn is_unknown<'a>(&self, mut answers: impl Iterator<Item = &'a Envelope>) -> bool {
        self.role.is_some() && answers.all(|envelope| envelope.asked.is_empty())
    }

    fn columns(&self) -> &'static [Column] {
        columns(match &self.role {
            Some(_) => About::Role,
            None => About::All,
        })
    }
}

pub(super) async fn run(client: &StoreClient, args: AccessListArgs) -> anyhow::Result<Exit> {
    let at = time(args.time.as_of)?;
    if let Some(called) = args.user {
        return match args.tree {
            true => user::draw(client, &called, at, args.list).await,
            false => user::print(client, &called, at, args.list).await,
        };
    }
    let which = match args.potential {
        true => Which::Potential,
        false => Which::Own,
    };
    let opened = args.space.map(Opened::Space);
    if let Some(opened) = opened.or(args.app.map(Opened::App)) {
        let asked = space::Asked { opened, which, at };
        return match args.tree {
            true => space::draw(client, &asked, args.list).await,
            false => space::run(client, &asked, args.list).await,
        };
    }
    let asked = Asked {
        role: args.role,
        which,
        at,
    };
    match args.tree {
        true => draw(client, &asked, args.list).await,
        false => print(client, &asked, args.list).await,
    }
}

pub(super) async fn redundant(
    client: &StoreClient,
    args: AccessRedundantArgs,
) -> anyhow::Result<Exit> {
    let at = time(args.time.as_of)?;
    let which = Which::Redundant;
    if let Some(space) = args.space {
        let opened = Opened::Space(space);
        let asked = space::Asked { opened, which, at };
        return space::run(client, &asked, args.list).await;
    }
    let asked = Asked {
        role: args.role,
        which,
        at,
    };
    print(client, &asked, args.list).await
}

/// Prints rows as a table, JSON or CSV.
async fn print(client: &StoreClient, asked: &Asked, args: ListArgs) -> anyhow::Result<Exit> {
    let mut rows = Rows::new(&args.table, asked.columns());
    let mut left = args.limit().unwrap_or(usize::MAX);
    let mut answers = Vec::new();
    let mut not_covered = Vec::new();
    let mut users = BTreeSet::new();
    let mut is_role_of_spaces = false;
    let tenants = all_tenants(client, args.tenant.clone()).await?;
    let is_only_one = tenants.known.len() == 1;
    for tenant in tenants.known {
        let n_rows = Cell::new(0);
        let mut put = |user: &AccessPerson, row: Row| {
            n_rows.set(n_rows.get() + 1);
            users.insert((tenant.clone(), user.id.clone()));
            rows.row(row)
        };
        let mut take = |row: &AccessRow| put(&row.user, row_of(&tenant, row));
        let read = each(client, asked, &tenant, left, &mut take).await;
        match read {
            Ok(mut envelope) => {
                if asked.which == Which::Redundant {
                    let left = left - n_rows.get().min(left);
                    let mut take = |row: &SpaceRightRow| put(&row.user, row_in_space(&tenant, row));
                    let in_spaces = in_spaces(client, asked, &tenant, left, &mut take).await?;
                    take_in(&mut envelope, in_spaces.page.envelope.not_known);
                    let mut roles = in_spaces.roles.iter().map(|role| role.to_lowercase());
                    let role = asked.role.as_deref().unwrap_or_default().to_lowercase();
                    is_role_of_spaces |= roles.any(|known| known == role);
                }
                answers.push((envelope, n_rows.get()));
            }
            Err(failure) if is_not_covered(&failure) && !is_only_one => {
                say(format_args!("`{tenant}`: {failure}"));
                not_covered.push(tenant);
            }
            Err(failure) => return Err(failure),
        }
        left -= n_rows.get().min(left);
    }
    let is_unknown = asked.is_unknown(answers.iter().map(|(envelope, _)| envelope));
    if is_unknown && !is_role_of_spaces {
        unknown_role(client, asked).await?;
        for (envelope, _) in &answers {
            say_of(envelope);
        }
        return Ok(Exit::NotFound);
    }
    let told = answers
        .iter()
        .map(|(envelope, n_rows)| view::envelope(envelope, Some(*n_rows as u64)));
    let not_covered = not_covered.iter().map(view::access_not_covered);
    let unread = tenants.unread.iter().map(view::access_unread);
    let told = told.chain(not_covered).chain(unread).collect();
    let mut printer = rows.into_printer()?;
    printer.end_with(view::access_answers(told));
    let n_rows = printer.n_rows();
    let summary = format!("{}, {}.", count(n_rows, "row"), count(users.len(), "user"));
    let envelopes = answers.iter().map(|(envelope, _)| envelope);
    let known = Known::of(&tenants.unread, envelopes);
    printer.finish(nothing(asked, known), &summary)?;
    if args.table.output.output != Format::Json {
        for (envelope, _) in &answers {
            say_of(envelope);
        }
    }
    Ok(Exit::Success)
}

/// Draws users with their roles and paths.
async fn draw(client: &StoreClient, asked: &Asked, args: ListArgs) -> anyhow::Result<Exit> {
    let mut left = args.limit().unwrap_or(usize::MAX);
    let mut tree = Tree::begin();
    let mut answers = Vec::new();
    let tenants = all_tenants(client, args.tenant).await?;
    for tenant in tenants.known {
        let mut n_rows = 0;
        let mut take = |row: &AccessRow| {
            n_rows += 1;
            tree.row(&tenant, row)
        };
        let envelope = each(client, asked, &tenant, left, &mut take).await?;
        left -= n_rows.min(left);
        answers.push(envelope);
    }
    let is_unknown = asked.is_unknown(answers.iter());
    if is_unknown {
        unknown_role(client, asked).await?;
    } else {
        let known = Known::of(&tenants.unread, answers.iter());
        tree.end(nothing(asked, known))?;
    }
    answers.iter().for_each(say_of);
    if is_unknown {
        return Ok(Exit::NotFound);
    }
    Ok(Exit::Success)
}

/// Asks for the rows of one tenant. Returns what the answer rests on.
async fn each(
    client: &StoreClient,
    asked: &Asked,
    tenant: &TenantName,
    limit: usize,
    take: &mut dyn FnMut(&AccessRow) -> anyhow::Result<()>,
) -> anyhow::Result<Envelope> {
    let (_doing, found) = counting("looking at users", "found");
    let ask = |after, limit| query::Access {
        tenant: tenant.clone(),
        role: asked.role.clone(),
        which: asked.which,
        at: asked.at,
        after,
        limit,
    };
    let answer = answers::read(client, limit, &found, ask, take).await?;
    Ok(answer.envelope)
}

/// Asks for the rights of one tenant in spaces that users hold by several paths.
async fn in_spaces(
    client: &StoreClient,
    asked: &Asked,
    tenant: &TenantName,
    limit: usize,
    take: &mut dyn FnMut(&SpaceRightRow) -> anyhow::Result<()>,
) -> anyhow::Result<SpaceRightsPage> {
    let (_doing, found) = counting("looking at users", "found");
    let ask = |after, limit| query::SpaceRights {
        tenant: tenant.clone(),
        space: None,
        roles: asked.role.iter().cloned().collect(),
        which: asked.which,
        at: asked.at,
        after,
        limit,
    };
    answers::read(client, limit, &found, ask, take).await
}

/// Says that no role has this name.
async fn unknown_role(client: &StoreClient, asked: &Asked) -> anyhow::Result<()> {
    let called = asked.role.as_deref().unwrap_or_default();
    say_no_record(client, Kind::Role, None, called).await
}

/// Returns whether any of these tenants has a role with this name. If none has, says so.
pub(super) async fn role_is_known(
    client: &StoreClient,
    role: &str,
    at: Option<Timestamp>,
    tenants: BTreeSet<TenantName>,
) -> anyhow::Result<bool> {
    let asked = Asked {
        role: Some(role.to_owned()),
        which: Which::Own,
        at,
    };
    for tenant in tenants {
        let envelope = each(client, &asked, &tenant, 1, &mut |_| Ok(())).await?;
        if !envelope.asked.is_empty() {
            return Ok(true);
        }
    }
    unknown_role(client, &asked).await?;
    Ok(false)
}

/// Returns what is printed if there is no row.
fn nothing(asked: &Asked, known: Known) -> &'static str {
    match (asked.which, &asked.role, known) {
        (Which::Own, Some(_), Known::All) => "Nobody holds it by a path of their own.",
        (Which::Own, None, Known::All) => "Nobody holds a role by a path of their own.",
        (Which::Redundant, _, Known::All) => "Nobody holds anything by several paths.",
        (Which::Potential, _, Known::All) => "Nobody else could assign it to their own account.",
        (Which::Own, Some(_), Known::Part) => {
            "Nobody was found who holds it by a path of their own."
        }
        (Which::Own, None, Known::Part) => {
            "Nobody was found who holds a role by a path of their own."
        }
        (Which::Redundant, _, Known::Part) => {
            "Nobody was found who holds anything by several paths."
        }
        (Which::Potential, _, Known::Part) => {
            "Nobody else was found who could assign it to their own account."
        }
    }
}

fn row_of(tenant: &TenantName, row: &AccessRow) -> Row {
    Row {
        cells: cells(tenant, row),
        json: view::access(tenant, row),
    }
}

fn row_in_space(tenant: &TenantName, row: &SpaceRightRow) -> Row {
    Row {
        cells: cells_in_space(tenant, row),
        json: view::space_right(tenant, row),
    }
}
