//! `access --space` and `access --app`: who can open a space or an app.

use crate::control::query::{Opened, Which};
use crate::control::{MAX_PAGE, NotKnown, SpaceAccess, SpacePosition, SpaceRow, SpaceShown, query};
use crate::doing::counting;
use crate::model::{SpaceMention, TenantName, Thousands, Timestamp, UserId};
use crate::view::{self, PathNames};

use super::super::Exit;
use super::super::args::{Format, ListArgs};
use super::super::error::CliError;
use super::super::output::Row;
use super::super::pages::{Paged, Whole};
use super::super::store_client::StoreClient;
use super::super::style::{Tone, count, say};
use super::super::table::{Cell, Column};
use super::answers::Rows;
use super::asking::{is_not_covered, say_of, take_in, tenants};
use super::tree::Tree;
use super::{space_words, words};

pub(super) const COLUMNS: &[Column] = &[
    Column::new("TENANT", 5),
    Column::new("USER", 0).shrinkable(16),
    Column::new("EMAIL", 3).shrinkable(24),
    Column::new("ID", 6),
    Column::new("ROLES", 0).shrinkable(16),
    Column::new("PATHS", 0).shrinkable(24),
    Column::new("APPS", 4).shrinkable(16),
    Column::new("SINCE", 2),
    Column::new("USABLE", 1),
];

/// If several spaces have one name, an error lists the ids of at most this many.
const MAX_IDS: usize = 20;

/// What is asked of each tenant.
pub(super) struct Asked {
    pub(super) opened: Opened,
    pub(super) which: Which,
    pub(super) at: Option<Timestamp>,
}

pub(super) async fn run(
    client: &StoreClient,
    asked: &Asked,
    args: ListArgs,
) -> anyhow::Result<Exit> {
    let mut rows = Rows::new(&args.table, COLUMNS);
    let mut left = args.limit().unwrap_or(usize::MAX);
    let mut answers: Vec<(SpaceAccess, usize)> = Vec::new();
    let tenants = tenants(client, args.tenant.clone()).await?;
    let is_only_one = tenants.len() == 1;
    for tenant in tenants {
        let mut n_rows = 0;
        let mut take = |space: &SpaceMention, names: &PathNames, row: &SpaceRow| {
            n_rows += 1;
            rows.row(Row {
                cells: cells(&tenant, names, row),
                json: view::space_row(&tenant, space, names, row),
            })
        };
        match each(client, asked, &tenant, left, &mut take).await {
            Ok(answer) => answers.push((answer, n_rows)),
            Err(failure) if is_not_covered(&failure) && !is_only_one => {
                say(format_args!("`{tenant}`: {failure}"));
            }
            Err(failure) => return Err(failure),
        }
        left -= n_rows.min(left);
    }
    let is_unknown = answers.iter().all(|(answer, _)| answer.found.is_empty());
    let is_json = args.table.output.output == Format::Json;
    let told = answers
        .iter()
        .map(|(answer, n_rows)| view::space_answer(answer, *n_rows as u64));
    let told = told.collect();
    if is_unknown {
        say(format_args!("{}", not_found(&asked.opened)));
        for (answer, _) in &answers {
            say_of(&answer.envelope);
        }
        if is_json {
            let mut printer = rows.into_printer()?;
            printer.end_with(view::access_answers(told));
            printer.finish("", "")?;
        }
        return Ok(Exit::NotFound);
    }
    let mut printer = rows.into_printer()?;
    printer.end_with(view::access_answers(told));
    let summary = format!("{}.", count(printer.n_rows(), "user"));
    printer.finish(nothing(asked.which), &summary)?;
    if !is_json {
        for (answer, _) in &answers {
            if let Some(space) = &answer.space {
                say_of_space(answer, space);
            }
            say_of(&answer.envelope);
        }
    }
    Ok(Exit::Success)
}

/// Draws a tree of users, with the paths of each.
pub(super) async fn draw(
    client: &StoreClient,
    asked: &Asked,
    args: ListArgs,
) -> anyhow::Result<Exit> {
    let mut left = args.limit().unwrap_or(usize::MAX);
    let mut tree = Tree::begin();
    let mut answers: Vec<SpaceAccess> = Vec::new();
    for tenant in tenants(client, args.tenant.clone()).await? {
        let mut n_rows = 0;
        let mut take = |_: &SpaceMention, names: &PathNames, row: &SpaceRow| {
            n_rows += 1;
            tree.space_row(&tenant, names, row)
        };
        answers.push(each(client, asked, &tenant, left, &mut take).await?);
        left -= n_rows.min(left);
    }
    let is_unknown = answers.iter().all(|answer| answer.found.is_empty());
    if is_unknown {
        say(format_args!("{}", not_found(&asked.opened)));
    } else {
        tree.end(nothing(asked.which))?;
    }
    for answer in &answers {
        if let Some(space) = &answer.space {
            say_of_space(answer, space);
        }
        say_of(&answer.envelope);
    }
    Ok(match is_unknown {
        true => Exit::NotFound,
        false => Exit::Success,
    })
}

type Take<'a> = dyn FnMut(&SpaceMention, &PathNames, &SpaceRow) -> anyhow::Result<()> + 'a;

/// Asks for the rows of one tenant, page by page. Returns the first page without its rows, with
/// what all pages do not know. The limit applies to users: the other entries of the space are all
/// shown, in pages as large as they may be.
async fn each(
    client: &StoreClient,
    asked: &Asked,
    tenant: &TenantName,
    limit: usize,
    take: &mut Take<'_>,
) -> anyhow::Result<SpaceAccess> {
    let (_doing, found) = counting("looking at users", "found");
    let (mut after, mut left) = (None, limit);
    let mut whole: Option<SpaceAccess> = None;
    loop {
        let limit = match &after {
            Some(SpacePosition::User(_)) => left,
            Some(
                SpacePosition::Found(_) | SpacePosition::Assigned(_) | SpacePosition::Shared(_),
            )
            | None => MAX_PAGE,
        };
        let mut page = client
            .ask(query::SpaceAccess {
                tenant: tenant.clone(),
                opened: asked.opened.clone(),
                user: None,
                which: asked.which,
                at: asked.at,
                after,
                limit,
            })
            .await?;
        let rows = std::mem::take(&mut page.rows);
        if let Some(shown) = &page.space {
            for row in rows.iter().take(left) {
                take(&shown.space, &shown.names, row)?;
            }
        }
        let is_cut = rows.len() > left;
        left -= rows.len().min(left);
        found.add(rows.len() as u64);
        after = page.next.take();
        let whole = match &mut whole {
            Some(whole) => {
                whole.add(page);
                whole
            }
            none => none.insert(page),
        };
        let has_more = matches!(after, Some(SpacePosition::User(_))) && left == 0;
        if is_cut || has_more {
            whole.envelope.not_known.insert(NotKnown::Rest);
            after = None;
        }
        if after.is_none() {
            break;
        }
    }
    let whole = whole.expect("a page was read");
    only_one(&whole, &asked.opened)?;
    Ok(whole)
}

impl Paged for SpaceAccess {
    type Position = SpacePosition;

    /// Counts users: the other entries of the space are all shown, whatever the limit.
    fn n_rows(&self) -> usize {
        self.rows.len()
    }

    fn take_next(&mut self) -> Option<SpacePosition> {
        self.next.take()
    }
}

impl Whole for SpaceAccess {
    fn add(&mut self, page: Self) {
        take_in(&mut self.envelope, page.envelope.not_known);
        // Each page of the answer about one space names it again.
        for found in page.found {
            if self.found.last().is_none_or(|last| last.id < found.id) {
                self.found.push(found);
            }
        }
        if let (Some(all), Some(shown)) = (&mut self.space, page.space) {
            all.entries.extend(shown.entries);
            all.names.extend(shown.names);
        }
    }
}

/// Says that nothing is known about the space or app that was asked about.
pub(super) fn not_found(opened: &Opened) -> String {
    match opened {
        Opened::Space(name) => format!("No space is called `{name}`."),
        Opened::App(id) => format!(
            "It is not known who can open the app `{id}`: whoever has access to its space can \
             (`--space SPACE`)."
        ),
    }
}

/// Fails if several spaces have this name, or share this app.
fn only_one(answer: &SpaceAccess, opened: &Opened) -> Result<(), CliError> {
    if answer.found.len() < 2 {
        return Ok(());
    }
    let (n, tenant) = (answer.found.len(), &answer.envelope.tenant);
    let first = answer.found.iter().take(MAX_IDS);
    let first: Vec<String> = first.map(|space| space.id.to_string()).collect();
    let ids = match n.saturating_sub(MAX_IDS) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    };
    Err(CliError::Usage(match opened {
        Opened::Space(name) => {
            format!(
                "{n} spaces of `{tenant}` are called `{name}`; give the id of one of them: {ids}"
            )
        }
        Opened::App(app) => format!(
            "{n} spaces of `{tenant}` had the app `{app}` and still list shares of it; ask about \
             one of them with `--space`: {ids}"
        ),
    }))
}

/// Asks about the access of one user to a space. The answer has no space if no space of the tenant
/// has this name.
pub(super) async fn of_user(
    client: &StoreClient,
    tenant: TenantName,
    user: UserId,
    opened: &Opened,
    at: Option<Timestamp>,
) -> anyhow::Result<SpaceAccess> {
    let ask = |after, limit| query::SpaceAccess {
        tenant: tenant.clone(),
        opened: opened.clone(),
        user: Some(user.clone()),
        which: Which::Own,
        at,
        after,
        limit,
    };
    let (answer, _) = client.whole(usize::MAX, ask, |_| Ok(())).await?;
    only_one(&answer, opened)?;
    Ok(answer)
}

/// Returns the cells of a user, in the order of the columns.
pub(super) fn cells(tenant: &TenantName, names: &PathNames, row: &SpaceRow) -> Vec<Cell> {
    let SpaceRow {
        user,
        grants,
        shares,
        could_by,
    } = row;
    let paths = match (grants.is_empty() && shares.is_empty(), could_by) {
        (true, Some(role)) => format!("none, could take a role by {}", view::role_name(role)),
        (true, None) | (false, _) => space_words::paths(names, grants),
    };
    let usable = Cell::from(words::usable(user));
    vec![
        tenant.to_string().into(),
        user.label.clone().into(),
        user.email.clone().into(),
        user.id.0.to_string().into(),
        space_words::roles(grants).into(),
        paths.into(),
        space_words::apps(shares).into(),
        grants.iter().filter_map(|grant| grant.since).min().into(),
        usable.toned(user.barrier.map(|_| Tone::Dim)),
    ]
}

/// Adds what the rows do not say: who has access without a row, and when spaces were read.
fn say_of_space(answer: &SpaceAccess, shown: &SpaceShown) {
    let name = &shown.space.name;
    if let Some(all) = &shown.everybody {
        let n_users = Thousands(all.users);
        if !all.grants.is_empty() {
            say(format_args!(
                "All {n_users} users of `{}` have access to {name} as {}, {}.",
                answer.envelope.tenant,
                space_words::roles(&all.grants),
                space_words::paths(&shown.names, &all.grants)
            ));
        }
        for share in &all.shares {
            say(format_args!(
                "All {n_users} users of `{}` have access only to the app {}.",
                answer.envelope.tenant,
                share.resource.as_deref().unwrap_or("?")
            ));
        }
    }
    for entry in &shown.entries {
        say(format_args!("{}", space_words::entry(entry)));
    }
    if let Some(read_at) = answer.read_at {
        say(format_args!(
            "The spaces of `{}` were last read in full at {read_at}.",
            answer.envelope.tenant
        ));
    }
}

fn nothing(which: Which) -> &'static str {
    match which {
        Which::Own => "Nobody has access by a path of their own.",
        Which::Redundant => "Nobody has access by several paths.",
        Which::Potential => "Nobody else could take a role there.",
    }
}
